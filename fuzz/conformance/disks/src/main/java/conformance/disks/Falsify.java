package conformance.disks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import java.util.function.Consumer;

/** Changes one thing on one side of each comparison, which must fail then, and only then. */
final class Falsify {
    private static final String METADATA = "__cluster_metadata-0";

    private final Kraftsim kraftsim;
    private final Path work;
    private Path controller;
    private Path broker;
    private Properties properties;
    private int missed = 0;

    Falsify(Kraftsim kraftsim, Path work) {
        this.kraftsim = kraftsim;
        this.work = work;
    }

    boolean run() throws IOException {
        Path out = work.resolve("run");
        kraftsim.replay("calm", 1, 10_000_000_000L, out);
        controller = out.resolve("controller-1");
        broker = out.resolve("broker-101");
        properties = Recovery.properties(out.resolve("broker-101.properties")).orElseThrow();
        expect("nothing is changed", 0, read(controller, json -> { }));
        expect("nothing is changed in a broker's", 0, read(broker, json -> { }));
        expect("nothing is changed before recovery", 0, recover(json -> { }));
        models();
        disks();
        return missed == 0;
    }

    /** The simulator's view is changed. */
    private void models() throws IOException {
        Map<String, Consumer<ObjectNode>> changes = new LinkedHashMap<>();
        changes.put("a batch is missing", json -> ((ArrayNode) batches(json)).remove(3));
        changes.put("a CRC", json -> at(batches(json), 2).put("crc", 1));
        changes.put("an epoch of a batch", json -> at(batches(json), 2).put("leader_epoch", 9));
        changes.put("a producer", json -> at(batches(json), 2).put("producer_id", 9));
        changes.put("a record is missing", json -> ((ArrayNode) batches(json).get(1).get("records")).remove(0));
        changes.put("a record's value", json -> at(batches(json).get(1).get("records"), 1).put("value", "AAAA"));
        changes.put("a field of a record", json ->
            ((ObjectNode) batches(json).get(1).get("records").get(1).get("data")).put("featureLevel", 1));
        changes.put("a control record", json ->
            ((ObjectNode) batches(json).get(0).get("records").get(0).get("data")).put("leaderId", 9));
        changes.put("a leader in the image", json ->
            at(json.get("image").get("topics").get(0).get("partitions"), 0).put("leader", 9));
        changes.put("a broker in the image", json -> at(json.get("image").get("brokers"), 0).put("epoch", 9));
        changes.put("a config in the image", json -> ((ArrayNode) json.get("image").get("configs")).remove(0));
        changes.put("the digest", json -> ((ObjectNode) json.get("image")).put("digest", "0"));
        changes.put("the vote", json -> ((ObjectNode) json.get("quorum_state")).put("votedId", 9));
        changes.put("the cluster", json -> ((ObjectNode) json.get("meta_properties")).put("cluster.id", "x"));
        changes.put("the epochs", json -> ((ArrayNode) json.get("partitions").get(0).get("leader_epochs")).remove(0));
        for (Map.Entry<String, Consumer<ObjectNode>> change : changes.entrySet()) {
            expect(change.getKey(), 1, read(controller, change.getValue()));
        }
        Map<String, Consumer<ObjectNode>> boots = new LinkedHashMap<>();
        for (String field : new String[] {"start_offset", "end_offset", "recovery_point"}) {
            boots.put("the next boot's " + field, json -> at(json.get("next_boot").get("data"), 0).put(field, 77));
        }
        boots.put("the next boot's epochs", json ->
            ((ArrayNode) json.get("next_boot").get("data").get(0).get("leader_epochs")).removeAll());
        boots.put("a log of the next boot", json -> ((ArrayNode) json.get("next_boot").get("data")).remove(0));
        boots.put("the end of the next boot's metadata log", json ->
            ((ObjectNode) json.get("next_boot").get("metadata")).put("end_offset", 7));
        for (Map.Entry<String, Consumer<ObjectNode>> change : boots.entrySet()) {
            expect(change.getKey(), 1, recover(change.getValue()));
        }
    }

    /** The directory is changed between the two readers. */
    private void disks() throws IOException {
        Path log = segment(controller, METADATA);
        byte[] bytes = Files.readAllBytes(log);
        JsonNode json = kraftsim.inspect(controller);
        int position = batches(json).get(4).get("position").asInt();
        int size = batches(json).get(4).get("size_bytes").asInt();
        byte[] flipped = bytes.clone();
        flipped[position + size - 1] ^= 1;
        Files.write(log, flipped);
        expect("a byte of a batch, read by Kafka alone", 1, compare(controller, json));
        expect("a byte of a batch, read by both", 0, read(controller, unused -> { }));
        byte[] dropped = new byte[bytes.length - size];
        System.arraycopy(bytes, 0, dropped, 0, position);
        System.arraycopy(bytes, position + size, dropped, position, bytes.length - position - size);
        Files.write(log, dropped);
        expect("a dropped batch, read by Kafka alone", 1, compare(controller, json));
        Files.write(log, bytes);
        expect("everything is as before", 0, read(controller, unused -> { }));
    }

    private JsonNode batches(JsonNode json) {
        for (JsonNode partition : json.get("partitions")) {
            if (partition.get("directory").asText().equals(METADATA)) {
                return partition.get("segments").get(0).get("batches");
            }
        }
        throw new BadInput("no metadata partition");
    }

    private static ObjectNode at(JsonNode list, int index) {
        return (ObjectNode) list.get(index);
    }

    private static Path segment(Path directory, String partition) {
        return directory.resolve(partition).resolve("00000000000000000000.log");
    }

    private Report read(Path directory, Consumer<ObjectNode> change) throws IOException {
        ObjectNode json = (ObjectNode) kraftsim.inspect(directory);
        change.accept(json);
        return compare(directory, json);
    }

    private static Report compare(Path directory, JsonNode json) throws IOException {
        Report report = new Report(Known.nothing());
        new DirectoryComparison(report, directory, json).compare();
        return report;
    }

    private Report recover(Consumer<ObjectNode> change) throws IOException {
        Path copy = Recovery.copy(broker, work.resolve("copy"));
        ObjectNode json = (ObjectNode) kraftsim.inspect(copy);
        change.accept(json);
        Report report = new Report(Known.nothing());
        new Recovery(report, copy, json).compare((Properties) properties.clone());
        Recovery.delete(copy);
        return report;
    }

    private void expect(String what, int atLeast, Report report) {
        long found = report.differing();
        boolean isAsExpected = atLeast == 0 ? found == 0 : found >= atLeast;
        missed += isAsExpected ? 0 : 1;
        System.out.printf("  %-46s %,d of %,d differ%s%n", what, found, report.compared(),
            isAsExpected ? "" : "  NOT AS EXPECTED");
        if (!isAsExpected) {
            report.print(System.out);
        }
    }
}
