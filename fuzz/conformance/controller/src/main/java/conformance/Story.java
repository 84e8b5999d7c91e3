package conformance;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.controller.ControllerSetup;
import org.apache.kafka.controller.ReleasedController;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** A released controller that leads, to which things happen by hand: all that it appends is committed at once. */
final class Story implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String CLUSTER = "kraftsimkraftsimkraftg";
    private static final long SECOND = 1_000_000_000L;
    private static final int DRAWS = 512;
    private static final int MANY = 20;
    private static final int LONGEST = 400;

    private final Random random = new Random(1);
    private final PrintStream out;
    private final ReleasedController controller;
    private final Map<Integer, Long> brokerEpochs = new HashMap<>();
    private long nowNs = 1_000 * SECOND;
    private long next = 0;
    private int epoch = 0;
    private int correlationId = 0;
    private int incarnations = 0;
    private boolean appendedNothing = false;

    Story(PrintStream out) throws IOException {
        this.out = out;
        Map<String, String> properties = Map.ofEntries(Map.entry("broker.session.timeout.ms", "9000"),
            Map.entry("broker.heartbeat.interval.ms", "2000"), Map.entry("metadata.max.idle.interval.ms", "0"),
            Map.entry("num.partitions", "1"), Map.entry("default.replication.factor", "1"),
            Map.entry("min.insync.replicas", "2"), Map.entry("unclean.leader.election.enable", "false"),
            Map.entry("delete.topic.enable", "true"), Map.entry("auto.leader.rebalance.enable", "true"),
            Map.entry("leader.imbalance.check.interval.seconds", "300"),
            Map.entry("unclean.leader.election.interval.ms", "300000"));
        List<Map.Entry<String, Short>> features = List.of(
            Map.entry("metadata.version", (short) 33), Map.entry("eligible.leader.replicas.version", (short) 1));
        try {
            controller = new ReleasedController(
                new ControllerSetup(1, CLUSTER, List.of(1), 0, features, properties), nowNs, nowNs / 1_000_000);
        } catch (Exception e) {
            throw new IOException("cannot build a controller: " + e, e);
        }
        lead();
    }

    /** Raft elects the controller in a new epoch. */
    void lead() {
        epoch += 1;
        JsonNode change = JSON.createObjectNode().put("leader", 1).put("epoch", epoch).put("log_end", next);
        begin();
        controller.handleLeaderChange(change);
        controller.sees(change);
        step();
        step();
    }

    /** Whether raft was asked to append no records. */
    boolean hasAppendedNothing() {
        return appendedNothing;
    }

    boolean isActive() {
        return controller.isActive();
    }

    /** @param previousEpoch that of its clean shutdown, -1 after another one */
    JsonNode register(int broker, long previousEpoch, String... directories) {
        incarnations += 1;
        long brokerEpoch = next;
        String dirs = "'" + String.join("','", directories) + "'";
        JsonNode answer = ask("BROKER_REGISTRATION", 4, """
            {'brokerId': %d, 'clusterId': '%s', 'incarnationId': '%s', 'listeners': [], 'rack': null,
             'isMigratingZkBroker': false, 'logDirs': [%s], 'previousBrokerEpoch': %d, 'features': [
              {'name': 'metadata.version', 'minSupportedVersion': 7, 'maxSupportedVersion': 33},
              {'name': 'kraft.version', 'minSupportedVersion': 0, 'maxSupportedVersion': 1},
              {'name': 'eligible.leader.replicas.version', 'minSupportedVersion': 0, 'maxSupportedVersion': 1}]}
            """.formatted(broker, CLUSTER, id(1_000 + incarnations), dirs, previousEpoch));
        if (answer.path("errorCode").asInt() == 0) {
            brokerEpochs.put(broker, answer.path("brokerEpoch").asLong(brokerEpoch));
        }
        return answer;
    }

    long epochOf(int broker) {
        return brokerEpochs.get(broker);
    }

    JsonNode heartbeat(int broker, boolean wantFence, String... offline) {
        String dirs = offline.length == 0 ? "" : "'" + String.join("','", offline) + "'";
        return ask("BROKER_HEARTBEAT", 1, """
            {'brokerId': %d, 'brokerEpoch': %d, 'currentMetadataOffset': %d, 'wantFence': %b, 'wantShutDown': false,
             'offlineLogDirs': [%s]}
            """.formatted(broker, epochOf(broker), next - 1, wantFence, dirs));
    }

    void create(String topic, int partitions, List<Integer> replicas) {
        String assignments = IntStream.range(0, partitions)
            .mapToObj(partition -> "{'partitionIndex': %d, 'brokerIds': %s}".formatted(partition, replicas))
            .collect(Collectors.joining(","));
        ask("CREATE_TOPICS", 7, """
            {'topics': [{'name': '%s', 'numPartitions': -1, 'replicationFactor': -1, 'configs': [],
             'assignments': [%s]}], 'timeoutMs': 30000, 'validateOnly': false}
            """.formatted(topic, assignments));
    }

    void delete(String topic) {
        ask("DELETE_TOPICS", 6, """
            {'topics': [{'name': '%s', 'topicId': 'AAAAAAAAAAAAAAAAAAAAAA'}], 'timeoutMs': 30000}
            """.formatted(topic));
    }

    void alterMinIsr(String topic, int value) {
        ask("INCREMENTAL_ALTER_CONFIGS", 1, """
            {'resources': [{'resourceType': 2, 'resourceName': '%s', 'configs': [
             {'name': 'min.insync.replicas', 'configOperation': 0, 'value': '%d'}]}], 'validateOnly': false}
            """.formatted(topic, value));
    }

    /** So long that all sessions are over. */
    void pass() {
        nowNs += 20 * SECOND;
        for (int i = 0; i < 8; i++) {
            begin();
            step();
        }
    }

    /** The id of this number, without a dash. */
    static String id(int number) {
        ByteBuffer bytes = ByteBuffer.allocate(16).putLong(0).putLong(0x10000L + number);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes.array()).replace('-', '_');
    }

    private JsonNode ask(String api, int version, String body) {
        correlationId += 1;
        ObjectNode request = JSON.createObjectNode().put("connection", 1).put("correlation_id", correlationId)
            .put("api", api).put("version", version).put("forwarded", false);
        try {
            request.set("body", JSON.readTree(body.replace('\'', '"')));
        } catch (JsonProcessingException e) {
            throw new AssertionError(e);
        }
        String told = request.path("body").toString().replaceAll(",\"features\".*?]", "");
        out.println(api + " " + told.substring(0, Math.min(told.length(), LONGEST)));
        begin();
        controller.receive(request);
        JsonNode answer = null;
        // A request may be several events.
        for (int i = 0; i < 3 && answer == null; i++) {
            begin();
            answer = step();
        }
        return answer == null ? JSON.nullNode() : answer;
    }

    private void begin() {
        // Of several ids some may contain a dash, which are drawn again.
        List<int[]> bytes = Stream.generate(() -> new int[] {256, random.nextInt(256)}).limit(DRAWS).toList();
        controller.begin(nowNs, nowNs / 1_000_000, bytes, List.of(), List.of());
    }

    private JsonNode step() {
        controller.runOne(false);
        JsonNode answer = null;
        List<JsonNode> appends = new ArrayList<>();
        for (Entry entry : controller.takeOutputs()) {
            switch (entry.kind()) {
                case "append" -> {
                    appended(entry.body().path("records"));
                    appends.add(entry.body());
                }
                case "answer" -> {
                    answer = entry.body().path("body");
                    out.println("    answer " + answer.toString().replaceAll(",\"configs\":\\[.*?]", ""));
                }
                case "schedule" -> { }
                default -> out.println("    " + entry.kind() + " " + entry.body());
            }
        }
        String faults = controller.takeFaults();
        if (!faults.isEmpty()) {
            out.println("    fault " + faults.strip());
        }
        for (JsonNode append : appends) {
            JsonNode committed = commit(append);
            answer = answer == null ? committed : answer;
        }
        return answer;
    }

    private void appended(JsonNode records) {
        appendedNothing |= records.isEmpty();
        if (records.size() > MANY || records.isEmpty()) {
            out.println("    append of " + records.size() + " records");
        } else {
            records.forEach(record -> out.println("    record " + ReleasedController.toJson(record.asText())));
        }
    }

    private JsonNode commit(JsonNode append) {
        if (append.path("records").isEmpty()) {
            return null;
        }
        List<SimpleRecord> records = new ArrayList<>();
        append.path("records").forEach(record ->
            records.add(new SimpleRecord(nowNs / 1_000_000, null, Base64.getDecoder().decode(record.asText()))));
        MemoryRecords batch = MemoryRecords.withRecords(RecordBatch.MAGIC_VALUE_V2, next, Compression.NONE,
            TimestampType.CREATE_TIME, RecordBatch.NO_PRODUCER_ID, RecordBatch.NO_PRODUCER_EPOCH, RecordBatch.NO_SEQUENCE,
            epoch, false, records.toArray(new SimpleRecord[0]));
        byte[] bytes = new byte[batch.sizeInBytes()];
        batch.buffer().duplicate().get(bytes);
        ObjectNode commit = JSON.createObjectNode().put("base", next);
        commit.putArray("batches").add(Base64.getEncoder().encodeToString(bytes));
        next += records.size();
        begin();
        controller.handleCommit(commit);
        return step();
    }

    @Override
    public void close() throws InterruptedException {
        controller.close();
    }
}
