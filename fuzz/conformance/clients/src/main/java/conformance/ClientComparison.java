package conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.clients.Metadata;
import org.apache.kafka.clients.ReleasedClient;
import org.apache.kafka.clients.ScriptedClient.Sent;
import org.apache.kafka.clients.consumer.internals.ReleasedConsumer;
import org.apache.kafka.clients.producer.internals.ReleasedProducer;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.requests.ProduceRequest;
import org.apache.kafka.raft.Bodies;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/** What a step of the model and of the released client have in common, and what not. */
final class ClientComparison {
    /** How a partition of the zero id is written. */
    private static final String UNKNOWN_TOPIC = "null-";
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int VALUE_BYTES = Long.BYTES;
    private static final short FIRST_FETCH_BY_ID = 13;

    private ClientComparison() {
    }

    /** Requests per node and API. Partitions are compared as sets: Kafka's own order follows hash codes. */
    static List<Difference> requests(Line line, List<Sent> kafka, Map<Long, Integer> nodes) {
        Map<String, List<String>> left = new TreeMap<>();
        for (Entry entry : line.entries()) {
            if (entry.kind().equals("request") && !entry.text("api").equals("METADATA")) {
                String key = entry.text("api") + " to " + nodes.get(entry.body().path("connection").asLong());
                left.computeIfAbsent(key, it -> new ArrayList<>()).add(text(entry.text("api"), entry.body().path("body")));
            }
        }
        Map<String, List<String>> right = new TreeMap<>();
        for (Sent sent : kafka) {
            right.computeIfAbsent(sent.api() + " to " + sent.node(), it -> new ArrayList<>())
                .add(text(sent.api().name(), body(sent)));
        }
        List<Difference> differences = new ArrayList<>();
        TreeSet<String> keys = new TreeSet<>(left.keySet());
        keys.addAll(right.keySet());
        for (String key : keys) {
            List<String> model = left.getOrDefault(key, List.of());
            List<String> real = right.getOrDefault(key, List.of());
            String name = "request." + key.substring(0, key.indexOf(' '));
            if (model.size() != real.size()) {
                name += model.size() < real.size() ? ".missing" : ".extra";
                differences.add(Difference.of(name, key + " " + model, key + " " + real));
            } else if (!model.equals(real)) {
                // Without the topic ids: a FETCH by names; the others, which name topics always, have the zero id in the model.
                boolean byName = key.startsWith("FETCH") ? kafka.stream().anyMatch(
                    sent -> sent.api() == ApiKeys.FETCH && sent.version() < FIRST_FETCH_BY_ID)
                    : model.stream().anyMatch(request -> request.contains(UNKNOWN_TOPIC));
                name += byName ? ".by_name" : "";
                differences.add(Difference.of(name, key + " " + model, key + " " + real));
            }
        }
        return differences;
    }

    private static JsonNode body(Sent sent) {
        JsonNode body = Bodies.writeRequest(sent.api(), sent.version(), sent.request().data());
        if (sent.api() == ApiKeys.PRODUCE) {
            ProduceRequestData data = ((ProduceRequest) sent.request()).data();
            int t = 0;
            for (var topic : data.topicData()) {
                for (int p = 0; p < topic.partitionData().size(); p++) {
                    ByteBuffer bytes = ((MemoryRecords) topic.partitionData().get(p).records()).buffer();
                    byte[] copy = new byte[bytes.remaining()];
                    bytes.get(copy);
                    ((ObjectNode) body.get("topicData").get(t).get("partitionData").get(p))
                        .put("records", Base64.getEncoder().encodeToString(copy));
                }
                t += 1;
            }
        }
        return body;
    }

    /** A line for each partition, and one for what applies to all. */
    private static String text(String api, JsonNode body) {
        TreeSet<String> parts = new TreeSet<>();
        switch (api) {
            case "FETCH" -> {
                parts.add("wait " + body.path("maxWaitMs") + " bytes " + body.path("minBytes") + ".." + body.path("maxBytes"));
                each(body, "topics", "topicId", "partitions", (topic, it) -> parts.add(topic + "-" + it.path("partition") + " from "
                    + it.path("fetchOffset") + " epoch " + it.path("currentLeaderEpoch") + "/" + it.path("lastFetchedEpoch").asInt(-1)
                    + " bytes " + it.path("partitionMaxBytes")));
            }
            case "LIST_OFFSETS" -> each(body, "topics", "name", "partitions", (topic, it) ->
                parts.add(topic + "-" + it.path("partitionIndex") + " " + it.path("timestamp") + " epoch "
                    + it.path("currentLeaderEpoch")));
            case "OFFSET_FOR_LEADER_EPOCH" -> each(body, "topics", "topic", "partitions", (topic, it) ->
                parts.add(topic + "-" + it.path("partition") + " of " + it.path("leaderEpoch") + " epoch "
                    + it.path("currentLeaderEpoch")));
            case "PRODUCE" -> {
                parts.add("acks " + body.path("acks") + " timeout " + body.path("timeoutMs"));
                each(body, "topicData", "topicId", "partitionData", (topic, it) ->
                    parts.add(topic + "-" + it.path("index") + " " + batches(it.path("records").asText())));
            }
            case "INIT_PRODUCER_ID" -> parts.add("id " + body.path("producerId") + " epoch " + body.path("producerEpoch"));
            default -> parts.add(body.toString());
        }
        return String.join("; ", parts);
    }

    private interface EachPartition {
        void take(String topic, JsonNode partition);
    }

    private static void each(JsonNode body, String topics, String key, String partitions, EachPartition what) {
        body.path(topics).forEach(topic ->
            topic.path(partitions).forEach(partition -> what.take(topic.path(key).asText(), partition)));
    }

    /** All of a batch but the timestamps, which are the application's. */
    private static String batches(String base64) {
        StringBuilder text = new StringBuilder();
        for (RecordBatch batch : MemoryRecords.readableRecords(ByteBuffer.wrap(Base64.getDecoder().decode(base64))).batches()) {
            text.append("producer ").append(batch.producerId()).append(' ').append(batch.producerEpoch()).append(" sequence ")
                .append(batch.baseSequence()).append(" bytes ").append(batch.sizeInBytes()).append(" values");
            for (Record record : batch) {
                text.append(' ').append(Long.toUnsignedString(record.value().getLong(record.valueSize() - VALUE_BYTES)));
            }
        }
        return text.toString();
    }

    static List<Difference> outputs(Line line, List<ReleasedClient.Output> kafka, List<String> topics) {
        Map<String, List<String>> left = new TreeMap<>();
        JsonNode batch = JSON.createObjectNode();
        for (Entry entry : line.entries()) {
            switch (entry.kind()) {
                case "batch" -> batch = entry.body();
                case "record" -> {
                    JsonNode partition = batch.path("partition");
                    add(left, "record", topics.get(partition.path(0).asInt()) + "-" + partition.path(1) + " "
                        + entry.body().path("offset") + ": " + entry.text("value") + " of epoch " + batch.path("leader_epoch"));
                }
                case "refused" -> add(left, "refused", entry.text("value"));
                case "throws" -> add(left, "throws", "");
                default -> { }
            }
        }
        Map<String, List<String>> right = new TreeMap<>();
        for (ReleasedClient.Output output : kafka) {
            if (!output.kind().equals("acked") && !output.kind().equals("failed")) {
                add(right, output.kind(), output.kind().equals("throws") ? "" : output.text());
            }
        }
        List<Difference> differences = new ArrayList<>(ended(line, kafka));
        for (String kind : List.of("record", "refused", "throws")) {
            List<String> model = left.getOrDefault(kind, List.of()).stream().sorted().toList();
            List<String> real = right.getOrDefault(kind, List.of()).stream().sorted().toList();
            if (!model.equals(real)) {
                differences.add(Difference.of("output." + kind, model, kafka.stream()
                    .filter(output -> output.kind().equals(kind)).map(ReleasedClient.Output::text).sorted().toList()));
            }
        }
        return differences;
    }

    /** Batches of the model, records of Kafka: each batch's first offset, and the errors. */
    private static List<Difference> ended(Line line, List<ReleasedClient.Output> kafka) {
        TreeSet<Long> left = new TreeSet<>();
        TreeSet<String> errors = new TreeSet<>();
        for (Entry entry : line.entries()) {
            if (entry.kind().equals("acked")) {
                left.add(entry.body().path("base_offset").asLong());
            } else if (entry.kind().equals("failed")) {
                errors.add(Errors.forCode((short) entry.body().path("error").asInt()).name());
            }
        }
        TreeSet<Long> right = new TreeSet<>();
        TreeSet<String> realErrors = new TreeSet<>();
        for (ReleasedClient.Output output : kafka) {
            String result = output.text().substring(output.text().indexOf(' ') + 1);
            if (output.kind().equals("acked")) {
                right.add(Long.parseLong(result));
            } else if (output.kind().equals("failed")) {
                realErrors.add(result);
            }
        }
        List<Difference> differences = new ArrayList<>();
        if (!right.containsAll(left) || left.isEmpty() != right.isEmpty()) {
            differences.add(Difference.of("output.acked", left, right));
        }
        same(differences, "output.failed", errors, realErrors);
        return differences;
    }

    private static void add(Map<String, List<String>> map, String key, String text) {
        map.computeIfAbsent(key, it -> new ArrayList<>()).add(text);
    }

    static List<Difference> state(JsonNode model, ReleasedClient client) {
        List<Difference> differences = new ArrayList<>();
        Metadata metadata = client.metadata();
        same(differences, "state.update_requested", model.path("update_requested").asBoolean(), metadata.updateRequested());
        TreeSet<Integer> nodes = new TreeSet<>();
        model.path("nodes").forEach(node -> nodes.add(node.asInt()));
        TreeSet<Integer> known = new TreeSet<>();
        metadata.fetch().nodes().forEach(node -> known.add(node.id()));
        same(differences, "state.nodes", nodes, known);
        for (JsonNode leader : model.path("leaders")) {
            var kafka = metadata.currentLeader(client.partition(leader.path("partition")));
            same(differences, "state.leader", leader.path("leader").asInt(-1) + " of " + leader.path("epoch").asInt(-1),
                kafka.leader.map(Node::id).orElse(-1) + " of " + kafka.epoch.orElse(-1));
        }
        if (client instanceof ReleasedConsumer) {
            for (JsonNode position : model.path("positions")) {
                same(differences, "state.position", ReleasedConsumer.position(position), client.state("position", position));
            }
        } else {
            same(differences, "state.session", ReleasedProducer.session(model.path("session")), client.state("session", model));
            for (JsonNode sequences : model.path("sequences")) {
                same(differences, "state.sequences", ReleasedProducer.sequences(sequences), client.state("sequences", sequences));
            }
        }
        return differences;
    }

    private static void same(List<Difference> differences, String name, Object model, Object kafka) {
        if (!model.equals(kafka)) {
            differences.add(Difference.of(name, model, kafka));
        }
    }

    /** For the context of a difference. */
    static List<Entry> shown(List<Sent> sent, List<ReleasedClient.Output> outputs) {
        List<Entry> shown = new ArrayList<>();
        sent.forEach(it -> shown.add(new Entry("request", JSON.createObjectNode().put("to", it.node())
            .put("api", it.api().name()).put("text", text(it.api().name(), body(it))))));
        outputs.forEach(it -> shown.add(new Entry(it.kind(), JSON.createObjectNode().put("text", it.text()))));
        return shown;
    }
}
