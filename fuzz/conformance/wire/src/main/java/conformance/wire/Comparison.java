package conformance.wire;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.common.message.ApiMessageType.ListenerType;
import org.apache.kafka.common.message.ApiVersionsResponseData;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.requests.ApiVersionsResponse;

/** Compares each message of a capture with that of the trace of the same run. */
final class Comparison {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Set<String> MODEL_ONLY = Set.of("AppendRecords", "ReadRecords");
    private static final int SHOWN = 20;

    long messages;
    long enveloped;
    long values;
    long batches;
    long differences;
    final Map<String, Long> byApi = new TreeMap<>();
    /** Fields of the trace for which a version has no place. */
    final Map<String, Long> withoutPlace = new TreeMap<>();

    /** All messages of a run. */
    void run(String name, Path capture, Path trace) throws IOException {
        Iterator<Capture.Sent> sent = Capture.read(capture).iterator();
        Map<String, Map<Integer, Parsed>> asked = new HashMap<>();
        Map<String, Integer> ids = new HashMap<>();
        try (BufferedReader lines = Files.newBufferedReader(trace)) {
            for (String text = lines.readLine(); text != null; text = lines.readLine()) {
                if (!text.contains("\"message_sent\"")) {
                    continue;
                }
                JsonNode line = JSON.readTree(text);
                String api = line.get("api").asText();
                if (MODEL_ONLY.contains(api)) {
                    continue;
                }
                if (!sent.hasNext()) {
                    throw new BadInput(name + ": the capture ends before the trace");
                }
                message(name + " line " + line.get("line"), line, api, sent.next(), asked, ids);
            }
        }
        if (sent.hasNext()) {
            throw new BadInput(name + ": the trace ends before the capture");
        }
    }

    private void message(String where, JsonNode line, String api, Capture.Sent sent,
                         Map<String, Map<Integer, Parsed>> asked, Map<String, Integer> ids) {
        messages++;
        boolean isRequest = line.get("request").asBoolean();
        String what = api + (isRequest ? " request" : " response");
        where += " " + what;
        Map<Integer, Parsed> requests = asked.computeIfAbsent(sent.connection(), ignored -> new HashMap<>());
        try {
            Parsed parsed;
            Parsed request = null;
            if (isRequest) {
                parsed = Parsed.request(sent.bytes());
                requests.put(parsed.correlationId(), parsed);
                Integer before = ids.put(sent.connection(), parsed.correlationId());
                differ(where, "correlation id after " + before, true,
                    parsed.correlationId() >= 0 && (before == null || before < parsed.correlationId()));
            } else {
                request = requests.get(sent.bytes().getInt(0));
                parsed = Parsed.response(sent.bytes(), request.request());
            }
            byApi.merge(what + " v" + parsed.request().apiVersion(), 1L, Long::sum);
            differ(where, "API", api, parsed.request().apiKey().name);
            differ(where, "direction", isRequest, sent.isRequest());
            differ(where, "bytes", hex(sent.bytes()), HexFormat.of().formatHex(parsed.encoded()));
            fields(where, what, line.get("fields"), parsed);
            if (parsed.body() instanceof ApiVersionsResponseData versions) {
                versions(where, line.get("fields"), versions, sent.port(), parsed.request().apiVersion());
            }
            Parsed inside = parsed.inside(request == null ? null : request.inside(null));
            if (inside != null) {
                enveloped++;
                ObjectNode own = line.get("fields").get(isRequest ? "requestData" : "responseData").deepCopy();
                String of = own.get("type").asText() + (isRequest ? " request" : " response");
                differ(where, "API inside", own.get("type").asText(), inside.request().apiKey().name);
                fields(where, of, own, inside);
            }
        } catch (RuntimeException e) {
            differ(where, "reading", "a message", e.toString());
        }
    }

    private void fields(String where, String what, JsonNode ofTrace, Parsed parsed) {
        Map<String, List<String>> kafkas = Values.ofKafka(parsed.json()).byName;
        Map<String, List<String>> ofModel = Values.ofTrace(what, ofTrace).byName;
        if (what.equals("Metadata response") && parsed.request().apiVersion() >= 13) {
            // The error of the whole response; the model has none.
            ofModel.get("errorCode").add("0");
        }
        ofModel.forEach((name, expected) -> {
            List<String> read = kafkas.get(name);
            if (read == null && !expected.isEmpty()) {
                withoutPlace.merge(what + " v" + parsed.request().apiVersion() + " " + name, 1L, Long::sum);
            } else if (read != null) {
                values += expected.size();
                differ(where, name, expected, read);
            }
        });
        List<String> expected = new ArrayList<>();
        ofTrace.findValues("records").forEach(records -> records.forEach(batch -> {
            if (batch.has("baseOffset")) {
                expected.add(batch.get("baseOffset") + ".." + batch.get("lastOffset") + " epoch "
                    + batch.get("partitionLeaderEpoch") + " bytes " + batch.get("sizeInBytes") + " producer "
                    + (batch.has("producerId") ? batch.get("producerId") + "/" + batch.get("baseSequence") : "-1/-1"));
            }
        }));
        List<String> read = new ArrayList<>();
        for (RecordBatch batch : parsed.batches()) {
            read.add(batch.baseOffset() + ".." + batch.lastOffset() + " epoch " + batch.partitionLeaderEpoch() + " bytes "
                + batch.sizeInBytes() + " producer " + batch.producerId() + "/" + batch.baseSequence());
        }
        batches += read.size();
        differ(where, "batches", expected, read);
    }

    /** The APIs are those that Kafka lists on such a listener. */
    private void versions(String where, JsonNode line, ApiVersionsResponseData read, int port, short version) {
        ListenerType listener = port == 9092 ? ListenerType.BROKER : ListenerType.CONTROLLER;
        differ(where, "apiKeys", ApiVersionsResponse.filterApis(listener, false, false), read.apiKeys());
        if (line.has("supported") && version >= 4) {
            JsonNode supported = line.get("supported");
            differ(where, "kraft.version", supported.get("minSupportedVersion") + ".." + supported.get("maxSupportedVersion"),
                read.supportedFeatures().find("kraft.version").minVersion() + ".."
                    + read.supportedFeatures().find("kraft.version").maxVersion());
        }
    }

    private void differ(String where, String what, Object expected, Object read) {
        if (!expected.equals(read)) {
            differences++;
            if (differences <= SHOWN) {
                System.out.printf("%s: %s: expected %s, Kafka reads %s%n", where, what, expected, read);
            }
        }
    }

    private static String hex(ByteBuffer bytes) {
        byte[] copy = new byte[bytes.remaining()];
        bytes.duplicate().get(copy);
        return HexFormat.of().formatHex(copy);
    }
}
