package org.apache.kafka.controller;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import conformance.Entry;
import kafka.server.ControllerConfigurationValidator;
import kafka.server.KafkaConfig;
import kafka.server.KafkaRaftServer;
import org.apache.kafka.common.metadata.FeatureLevelRecord;
import org.apache.kafka.common.metadata.MetadataJsonConverters;
import org.apache.kafka.common.metadata.MetadataRecordType;
import org.apache.kafka.common.metadata.PartitionChangeRecord;
import org.apache.kafka.common.metadata.PartitionRecord;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.utils.internals.BufferSupplier;
import org.apache.kafka.common.utils.internals.LogContext;
import org.apache.kafka.metadata.MetadataRecordSerde;
import org.apache.kafka.metadata.bootstrap.BootstrapMetadata;
import org.apache.kafka.metadata.placement.StripedReplicaPlacer;
import org.apache.kafka.queue.KafkaEventQueue;
import org.apache.kafka.raft.LeaderAndEpoch;
import org.apache.kafka.raft.internals.RecordsBatchReader;
import org.apache.kafka.server.common.ApiMessageAndVersion;
import org.apache.kafka.server.common.KRaftVersion;
import org.apache.kafka.server.common.OffsetAndEpoch;
import org.apache.kafka.server.config.DefaultSupportedConfigChecker;
import org.apache.kafka.server.fault.FaultHandler;
import org.apache.kafka.server.fault.FaultHandlerException;
import org.apache.kafka.snapshot.RecordsSnapshotReader;
import org.apache.kafka.snapshot.Snapshots;

import java.io.ByteArrayOutputStream;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;

/** A released {@link QuorumController} whose surroundings are those of a dialogue's node, for one life. */
public final class ReleasedController implements AutoCloseable {
    static final String THREAD = "dialogue-controller-";
    private static final int LARGEST_BATCH = 16 * 1024 * 1024;
    /** Of tasks that the model does not have. */
    private static final long NEVER_MS = TimeUnit.DAYS.toMillis(10_000);

    static {
        Draws.install();
    }

    private final Clock clock = new Clock();
    private final Draws draws = new Draws();
    private final List<Entry> outputs = new ArrayList<>();
    private final ScriptedRaft raft;
    private final QuorumController controller;
    private final Gate gate;
    private final Apis apis;
    private final OffsetControlManager offsets;
    private final StringBuilder faults = new StringBuilder();
    private String halted = "";

    public ReleasedController(ControllerSetup setup, long monoNs, long wallMs) throws Exception {
        clock.set(monoNs, wallMs);
        raft = new ScriptedRaft(setup.nodeId(), KRaftVersion.fromFeatureLevel((short) setup.kraftVersion()), this::output);
        gate = new Gate(clock);
        KafkaConfig config = config(setup);
        OptionalLong idleNs = nanoseconds(setup.number("metadata.max.idle.interval.ms"), TimeUnit.MILLISECONDS);
        OptionalLong imbalanceNs = setup.flag("auto.leader.rebalance.enable")
            ? nanoseconds(setup.number("leader.imbalance.check.interval.seconds"), TimeUnit.SECONDS) : OptionalLong.empty();
        controller = new QuorumController.Builder(setup.nodeId(), setup.clusterId())
            .setTime(clock)
            .setThreadNamePrefix(THREAD)
            .setConfigSchema(KafkaRaftServer.configSchema())
            .setRaftClient(raft)
            .setQuorumFeatures(new QuorumFeatures(setup.nodeId(), QuorumFeatures.defaultSupportedFeatureMap(false),
                setup.voters()))
            .setDefaultReplicationFactor((short) setup.number("default.replication.factor"))
            .setDefaultNumPartitions((int) setup.number("num.partitions"))
            .setReplicaPlacer(new StripedReplicaPlacer(draws))
            .setSessionTimeoutNs(TimeUnit.MILLISECONDS.toNanos(setup.number("broker.session.timeout.ms")))
            .setLeaderImbalanceCheckIntervalNs(imbalanceNs)
            .setMaxIdleIntervalNs(idleNs)
            .setMetrics(gate)
            .setConfigurationValidator(new ControllerConfigurationValidator(config))
            .setSupportedConfigChecker(new DefaultSupportedConfigChecker())
            .setStaticConfig(config.originals())
            .setBootstrapMetadata(bootstrap(setup))
            .setFatalFaultHandler(fatal())
            .setNonFatalFaultHandler(nonFatal())
            .setDelegationTokenExpiryCheckIntervalMs(NEVER_MS)
            .setControllerPerformanceSamplePeriodMs(NEVER_MS)
            .setUncleanLeaderElectionCheckIntervalMs(setup.number("unclean.leader.election.interval.ms"))
            .build();
        offsets = (OffsetControlManager) field("offsetControl");
        apis = new Apis(controller, clock, setup, offsets::lastStableOffset, this::output);
        gate.attach((KafkaEventQueue) field("queue"));
    }

    private static KafkaConfig config(ControllerSetup setup) {
        Map<String, String> properties = new HashMap<>(setup.properties());
        properties.put("process.roles", "controller");
        properties.put("node.id", "" + setup.nodeId());
        properties.put("controller.listener.names", "CONTROLLER");
        properties.put("listeners", "CONTROLLER://controller-" + setup.nodeId() + ":9093");
        List<String> voters = setup.voters().stream().map(id -> id + "@controller-" + id + ":9093").toList();
        if (voters.isEmpty()) {
            properties.put("controller.quorum.bootstrap.servers", "controller-" + setup.nodeId() + ":9093");
        } else {
            properties.put("controller.quorum.voters", String.join(",", voters));
        }
        return new KafkaConfig(properties, false);
    }

    private static BootstrapMetadata bootstrap(ControllerSetup setup) {
        List<ApiMessageAndVersion> records = new ArrayList<>();
        setup.bootstrap().forEach(feature -> records.add(new ApiMessageAndVersion(
            new FeatureLevelRecord().setName(feature.getKey()).setFeatureLevel(feature.getValue()), (short) 0)));
        return BootstrapMetadata.fromRecords(records, "the dialogue");
    }

    private static OptionalLong nanoseconds(long period, TimeUnit unit) {
        return period == 0 ? OptionalLong.empty() : OptionalLong.of(unit.toNanos(period));
    }

    private Object field(String name) throws ReflectiveOperationException {
        Field field = QuorumController.class.getDeclaredField(name);
        field.setAccessible(true);
        return field.get(controller);
    }

    private FaultHandler fatal() {
        return (message, exception) -> {
            halted = message;
            output(new Entry("halt", JsonNodeFactory.instance.objectNode().put("reason", message + ": " + exception)));
            return new FaultHandlerException(message, exception);
        };
    }

    private FaultHandler nonFatal() {
        return (message, exception) -> {
            synchronized (faults) {
                faults.append(message).append(": ").append(exception).append('\n');
            }
            return new FaultHandlerException(message, exception);
        };
    }

    private void output(Entry entry) {
        synchronized (outputs) {
            outputs.add(entry);
        }
    }

    /** Begins a step. @param appends of the dialogue, which say what raft returns, as do {@code schedules} */
    public void begin(
        long monoNs, long wallMs, List<int[]> drawn, List<JsonNode> appends, List<JsonNode> schedules
    ) {
        clock.set(monoNs, wallMs);
        raft.begin(appends, schedules);
        draws.begin(drawn, () -> output(new Entry("draw", JsonNodeFactory.instance.objectNode())));
    }

    /** How many of the step's draws were not asked for. */
    public int drawsLeft() {
        return draws.left();
    }

    public void receive(JsonNode request) {
        apis.receive(request);
    }

    public void handleCommit(JsonNode commit) {
        ByteArrayOutputStream batches = new ByteArrayOutputStream();
        commit.path("batches").forEach(batch -> batches.writeBytes(Base64.getDecoder().decode(batch.asText())));
        MemoryRecords records = MemoryRecords.readableRecords(ByteBuffer.wrap(batches.toByteArray()));
        raft.listener().handleCommit(RecordsBatchReader.of(commit.path("base").asLong(), records, new MetadataRecordSerde(),
            BufferSupplier.NO_CACHING, LARGEST_BATCH, reader -> { }, true, new LogContext()));
    }

    /** The checkpoint that an empty disk is formatted with is a listener call of its own. */
    public void handleLoadSnapshot(JsonNode snapshot) {
        OffsetAndEpoch id = new OffsetAndEpoch(snapshot.path("end").asLong(), snapshot.path("epoch").asInt());
        SnapshotBytes bytes = new SnapshotBytes(id, Base64.getDecoder().decode(snapshot.path("bytes").asText()));
        var reader = RecordsSnapshotReader.of(bytes, new MetadataRecordSerde(), BufferSupplier.NO_CACHING, LARGEST_BATCH, true,
            new LogContext());
        if (id.equals(Snapshots.BOOTSTRAP_SNAPSHOT_ID)) {
            raft.listener().handleLoadBootstrap(reader);
        } else {
            raft.listener().handleLoadSnapshot(reader);
        }
    }

    public void handleLeaderChange(JsonNode change) {
        raft.listener().handleLeaderChange(leaderAndEpoch(change));
    }

    private static LeaderAndEpoch leaderAndEpoch(JsonNode change) {
        JsonNode leader = change.path("leader");
        OptionalInt id = leader.isNull() ? OptionalInt.empty() : OptionalInt.of(leader.asInt());
        return new LeaderAndEpoch(id, change.path("epoch").asInt());
    }

    /** The event of this leader change is the next to run. */
    public void sees(JsonNode change) {
        raft.lead(leaderAndEpoch(change), change.path("log_end").asLong());
    }

    /** Runs the next event of the queue; false if there is none. */
    public boolean runOne(boolean throwing) {
        return gate.runOne(throwing);
    }

    public List<Entry> takeOutputs() {
        synchronized (outputs) {
            List<Entry> taken = List.copyOf(outputs);
            outputs.clear();
            return taken;
        }
    }

    public String takeFaults() {
        synchronized (faults) {
            String taken = faults.toString();
            faults.setLength(0);
            return taken;
        }
    }

    public boolean isActive() {
        return controller.isActive();
    }

    public int claimedEpoch() {
        return controller.curClaimEpoch();
    }

    public long lastStableOffset() {
        return offsets.lastStableOffset();
    }

    public boolean isHalted() {
        return !halted.isEmpty();
    }

    @Override
    public void close() throws InterruptedException {
        gate.open();
        controller.beginShutdown();
        controller.close();
    }

    /** The partition that a record changes, or null if it is none of these. */
    public static String changedPartition(String base64) {
        return ScriptedRaft.read(base64).message() instanceof PartitionChangeRecord change
            ? change.topicId() + String.format("%010d", change.partitionId()) : null;
    }

    /** Whether a record moves replicas to other directories. */
    public static boolean assignsDirectories(String base64) {
        return ScriptedRaft.read(base64).message() instanceof PartitionChangeRecord change && change.directories() != null;
    }

    /** A falsified PartitionRecord. */
    public static String withOtherLeader(String base64) {
        ApiMessageAndVersion record = ScriptedRaft.read(base64);
        ((PartitionRecord) record.message()).setLeader(77);
        return Base64.getEncoder().encodeToString(ScriptedRaft.bytes(record));
    }

    /** A record's value, for people. */
    public static JsonNode toJson(String base64) {
        ApiMessageAndVersion record = ScriptedRaft.read(base64);
        JsonNode data = MetadataJsonConverters.writeJson(record.message(), record.version());
        return JsonNodeFactory.instance.objectNode()
            .put("type", MetadataRecordType.fromId(record.message().apiKey()).name())
            .put("version", record.version()).set("data", data);
    }
}
