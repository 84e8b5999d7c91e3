package conformance.disks;

import com.fasterxml.jackson.databind.JsonNode;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.record.internal.FileLogInputStream.FileChannelRecordBatch;
import org.apache.kafka.common.record.internal.FileRecords;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.tools.DumpLogSegments;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One file of batches: as DumpLogSegments prints it, and as Kafka's FileRecords reads it. */
final class BatchComparison {
    /** What DumpLogSegments prints of a batch, and our names. */
    private static final Map<String, String> BATCH_FIELDS = Map.ofEntries(
        Map.entry("baseOffset", "base_offset"), Map.entry("lastOffset", "last_offset"), Map.entry("count", "count"),
        Map.entry("baseSequence", "base_sequence"), Map.entry("producerId", "producer_id"),
        Map.entry("producerEpoch", "producer_epoch"), Map.entry("partitionLeaderEpoch", "leader_epoch"),
        Map.entry("isTransactional", "transactional"), Map.entry("isControl", "control"),
        Map.entry("position", "position"), Map.entry("CreateTime", "max_timestamp"), Map.entry("size", "size_bytes"),
        Map.entry("compresscodec", "compression"), Map.entry("crc", "crc"), Map.entry("isvalid", "valid"));
    private static final Pattern FIELD = Pattern.compile("(\\w+): (\\S+)");
    private static final Pattern CONTROL =
        Pattern.compile(" (LeaderChange:|SnapshotHeader|SnapshotFooter|KRaftVersion|KRaftVoters) (\\{.*)$");
    private static final Pattern MARKER = Pattern.compile(" endTxnMarker: (\\w+) coordinatorEpoch: (\\d+)");
    private static final Pattern OFFSET = Pattern.compile("\\| offset: (\\d+)");
    private static final String PAYLOAD = " payload: ";

    private final Report report;
    private final Path directory;
    private final JsonNode json;

    BatchComparison(Report report, Path directory, JsonNode json) {
        this.report = report;
        this.directory = directory;
        this.json = json;
    }

    /** Compares a file; {@code file} is the simulator's view of it. */
    void compare(JsonNode file, boolean isMetadata) throws IOException {
        String name = file.get("file").asText();
        Long damagedAt = damagedAt(name);
        dump(file, name, isMetadata, damagedAt);
        read(file, name, damagedAt);
    }

    /** The position of the first damage that ends the file, or null. */
    private Long damagedAt(String name) {
        for (JsonNode damage : json.get("damage")) {
            if (damage.get("file").asText().equals(name) && damage.hasNonNull("position")) {
                return damage.get("position").asLong();
            }
        }
        return null;
    }

    private void dump(JsonNode file, String name, boolean isMetadata, Long damagedAt) throws IOException {
        List<String> words = new ArrayList<>(List.of("--files", directory.resolve(name).toString()));
        words.addAll(isMetadata ? List.of("--cluster-metadata-decoder") : List.of("--deep-iteration", "--print-data-log"));
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        PrintStream before = System.out;
        PrintStream errors = System.err;
        RuntimeException thrown = null;
        // It expects each file to begin at offset 0, and complains of others on standard error.
        System.setErr(new PrintStream(PrintStream.nullOutputStream()));
        System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
        try {
            DumpLogSegments.main(words.toArray(String[]::new));
        } catch (RuntimeException e) {
            thrown = e;
        } finally {
            System.setOut(before);
            System.setErr(errors);
        }
        if (thrown != null) {
            RuntimeException cause = thrown;
            report.judge("damage (DumpLogSegments)", "damage.dump", damagedAt != null, name, cause::toString);
            return;
        }
        Iterator<JsonNode> batches = file.get("batches").elements();
        Iterator<JsonNode> records = List.<JsonNode>of().iterator();
        long end = 0;
        boolean isTold = false;
        boolean isCompressed = false;
        boolean isValid = true;
        for (String line : printed.toString(StandardCharsets.UTF_8).split("\n")) {
            if (line.startsWith("baseOffset: ")) {
                JsonNode batch = batches.hasNext() ? batches.next() : null;
                batch(name, line, batch);
                if (batch != null) {
                    end = batch.get("position").asLong() + batch.get("size_bytes").asLong();
                    records = batch.get("records").elements();
                    isCompressed = !batch.get("compression").asText().equals("none");
                    isValid = batch.get("valid").asBoolean();
                }
            } else if (line.startsWith("| offset: ") && !isValid) {
                // DumpLogSegments decodes what it can of a batch with a wrong CRC; the simulator reads no record of one.
                report.note("records that DumpLogSegments prints of invalid batches, not compared", 1);
            } else if (line.startsWith("| offset: ") && !isCompressed) {
                record(name, line, records.hasNext() ? records.next() : null, isMetadata);
            } else if (line.startsWith("Found ")) {
                isTold = true;
                long trailing = file.get("size_bytes").asLong() - end;
                report.same("damage (DumpLogSegments)", name, line.split(" ")[1], "" + trailing);
            }
        }
        report.same("batches of a file (DumpLogSegments)", name, false, batches.hasNext());
        if (damagedAt != null && damagedAt == end) {
            report.same("damage (DumpLogSegments)", name, isTold, true);
        }
    }

    private void batch(String name, String line, JsonNode batch) {
        boolean agrees = batch != null;
        String wrong = "no such batch";
        if (batch != null) {
            Matcher fields = FIELD.matcher(line);
            while (fields.find() && agrees) {
                String field = BATCH_FIELDS.get(fields.group(1));
                if ("base_sequence".equals(field) && isTornWithoutProducer(batch)) {
                    report.note("sequences of invalid batches without a producer, not compared", 1);
                } else if (field != null && !fields.group(2).equals(batch.get(field).asText())) {
                    wrong = field + " " + batch.get(field);
                    agrees = false;
                }
            }
        }
        String difference = wrong;
        report.judge("batches (DumpLogSegments)", "dump.batch", agrees, name, () -> line + ", model " + difference);
    }

    /** The simulator reads a sequence only of a producer; a torn header may have one without. */
    private static boolean isTornWithoutProducer(JsonNode batch) {
        return !batch.get("valid").asBoolean() && batch.get("producer_id").asLong() == -1;
    }

    private void record(String name, String line, JsonNode record, boolean isMetadata) throws IOException {
        String kind = isMetadata ? "metadata records (DumpLogSegments)" : "data records (DumpLogSegments)";
        Matcher offset = OFFSET.matcher(line);
        boolean agrees = record != null && offset.find() && offset.group(1).equals(record.get("offset").asText());
        if (agrees) {
            Matcher control = CONTROL.matcher(line);
            int payload = line.indexOf(PAYLOAD);
            Matcher marker = MARKER.matcher(line);
            if (marker.find()) {
                agrees = marker.group(1).equals(record.get("type").asText())
                    && marker.group(2).equals(record.get("data").get("coordinatorEpoch").asText());
            } else if (control.find()) {
                agrees = sameJson(control.group(2), record.get("data"));
            } else if (isMetadata && payload >= 0) {
                JsonNode kafka = Kraftsim.JSON.readTree(line.substring(payload + PAYLOAD.length()));
                agrees = kafka.get("type").asText().equals(record.get("type").asText())
                    && kafka.get("version").asInt() == record.get("version").asInt()
                    && same(kafka.get("data"), record.get("data"));
            }
        }
        report.judge(kind, isMetadata ? "dump.metadata-record" : "dump.data-record", agrees, name,
            () -> line + ", model " + record);
    }

    private static boolean sameJson(String kafka, JsonNode model) throws IOException {
        return same(Kraftsim.JSON.readTree(kafka), model);
    }

    /** The simulator writes floating-point numbers as text, and hides secrets. */
    private static boolean same(JsonNode kafka, JsonNode model) {
        if (kafka.isFloatingPointNumber() && model.isTextual()) {
            return kafka.asDouble() == Double.parseDouble(model.asText());
        }
        if (model.isTextual() && (model.asText().equals("(redacted)") || model.asText().equals("[hidden]"))) {
            return true;
        }
        if (kafka.isContainerNode() && kafka.getNodeType() == model.getNodeType() && kafka.size() == model.size()) {
            boolean agrees = true;
            for (int i = 0; kafka.isArray() && i < kafka.size(); i++) {
                agrees &= same(kafka.get(i), model.get(i));
            }
            for (Iterator<String> names = kafka.fieldNames(); names.hasNext() && agrees;) {
                String name = names.next();
                agrees = model.has(name) && same(kafka.get(name), model.get(name));
            }
            return agrees;
        }
        return kafka.equals(model);
    }

    private void read(JsonNode file, String name, Long damagedAt) throws IOException {
        File log = directory.resolve(name).toFile();
        try (FileRecords records = FileRecords.open(log, false)) {
            Iterator<JsonNode> batches = file.get("batches").elements();
            long position = 0;
            for (FileChannelRecordBatch batch : records.batches()) {
                JsonNode model = batches.hasNext() ? batches.next() : null;
                if (model == null || !batch.isValid()) {
                    // The simulator's reading ends at a header that contradicts itself.
                    boolean isEnd = model == null && damagedAt != null && damagedAt == position;
                    boolean isInvalid = model != null && !model.get("valid").asBoolean();
                    report.judge("damage (FileRecords)", "read.batch", !batch.isValid() && (isEnd || isInvalid), name,
                        () -> batch + ", model " + model);
                    if (isEnd) {
                        break;
                    }
                    position += batch.sizeInBytes();
                    continue;
                }
                position += batch.sizeInBytes();
                if (!model.get("compression").asText().equals("none")) {
                    report.note("compressed batches, not decoded", 1);
                    continue;
                }
                Iterator<JsonNode> ours = model.get("records").elements();
                for (Record record : batch) {
                    JsonNode one = ours.hasNext() ? ours.next() : null;
                    report.judge("bytes of records (FileRecords)", "read.record", same(record, one), name,
                        () -> record + ", model " + one);
                }
                report.same("records of a batch (FileRecords)", name, false, ours.hasNext());
            }
            report.same("batches of a file (FileRecords)", name, false, batches.hasNext());
        } catch (RuntimeException e) {
            report.judge("damage (FileRecords)", "damage.read", damagedAt != null, name, e::toString);
        }
    }

    private static boolean same(Record record, JsonNode model) {
        return model != null && record.offset() == model.get("offset").asLong()
            && record.timestamp() == model.get("timestamp").asLong()
            && base64(record.key()).equals(model.get("key").asText()) && base64(record.value()).equals(model.get("value").asText())
            && sameHeaders(record.headers(), model.path("headers"));
    }

    private static boolean sameHeaders(Header[] headers, JsonNode model) {
        boolean agrees = headers.length == model.size();
        for (int i = 0; agrees && i < headers.length; i++) {
            byte[] value = headers[i].value();
            agrees = headers[i].key().equals(model.get(i).get("key").asText())
                && base64(value == null ? null : ByteBuffer.wrap(value)).equals(model.get(i).get("value").asText());
        }
        return agrees;
    }

    private static String base64(ByteBuffer buffer) {
        if (buffer == null) {
            return "null";
        }
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return Base64.getEncoder().encodeToString(bytes);
    }
}
