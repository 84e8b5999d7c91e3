package org.apache.kafka.raft;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import conformance.Entry;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.memory.MemoryPool;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.network.ListenerName;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.raft.errors.NotLeaderException;
import org.apache.kafka.raft.internals.BatchMemoryPool;
import org.apache.kafka.raft.internals.KRaftControlRecordStateMachine;
import org.apache.kafka.raft.internals.KafkaRaftLog;
import org.apache.kafka.server.common.KRaftVersion;
import org.apache.kafka.server.common.OffsetAndEpoch;
import org.apache.kafka.snapshot.SnapshotWriter;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * One life of a node: the released {@link KafkaRaftClient} on a {@link KafkaRaftLog} in a directory of its own, with the
 * dialogue's time, network, listeners and random numbers around it.
 */
public final class RaftNode implements AutoCloseable, World {
    private static final TopicPartition PARTITION = new TopicPartition("__cluster_metadata", 0);
    /** Shared: a buffer has 8 MiB. */
    private final MemoryPool memory = new BatchMemoryPool(5, KafkaRaftClient.MAX_BATCH_SIZE_BYTES);

    /** Who runs the node. */
    public interface Driver {
        /** The client has nothing to do for so long; return when it should look into its queue. */
        void await(long timeoutMs);

        /** The client asked for a random number that the node did not draw. */
        void drawMissing();

        /** The batches that the model appends in this step, for {@link SetOrder}. */
        List<byte[]> appendedByModel();
    }

    private record InFlight(ApiKeys api, Consumer<ApiMessage> respond) {
    }

    private final Setup setup;
    private final Path directory;
    private final Driver driver;
    private final Consumer<Entry> outputs;
    private final Clock clock = new Clock();
    private final Draws draws = new Draws();
    private final ParkedFetches parked = new ParkedFetches();
    private final Metrics metrics = new Metrics();
    private final LogScheduler scheduler = new LogScheduler(clock);
    private final Snapshots snapshots;
    private final Map<Integer, InFlight> inFlight = new HashMap<>();
    private final Map<String, RecordedListener> listeners = new HashMap<>();
    private KafkaRaftLog log;
    private RecordedElections elections;
    private ReleasedClient released;
    private int wakeUps = 0;

    public RaftNode(Setup setup, Path directory, Driver driver, Consumer<Entry> outputs) {
        this.setup = setup;
        this.directory = directory;
        this.snapshots = new Snapshots(directory.resolve(PARTITION.toString()));
        this.driver = driver;
        this.outputs = outputs;
    }

    /** Starts the client as KafkaRaftManager does, perhaps with another listener than that of the setup. */
    public void boot(Uuid directoryId, Optional<InetSocketAddress> endpoint) throws IOException {
        MetadataLogConfig logConfig =
            new MetadataLogConfig(new AbstractConfig(MetadataLogConfig.CONFIG_DEF, logProperties(), false));
        Path partition = directory.resolve(PARTITION.toString());
        Files.createDirectories(partition);
        log = KafkaRaftLog.createLog(PARTITION, Uuid.METADATA_TOPIC_ID, partition.toFile(), clock, scheduler, logConfig,
            setup.nodeId());
        // What createLog renames; what a former process has renamed, it deletes.
        snapshots.expired().forEach(id -> outputs.accept(new Entry("snapshot_expired", Snapshots.body(id))));
        elections = new RecordedElections(partition.resolve("quorum-state").toFile(), outputs);
        ListenerName listener = new ListenerName(setup.listener());
        InetSocketAddress own = endpoint.orElse(setup.endpoint());
        released = new ReleasedClient(setup.nodeId(), directoryId, setup.clusterId(), listener, this,
            RecordedLog.of(log, driver, outputs, () -> client().quorum().epoch(), snapshots), memory, clock, parked, bootstrapServers(),
            own == null ? Endpoints.empty() : Endpoints.fromInetSocketAddresses(Map.of(listener, own)), draws,
            new QuorumConfig(new AbstractConfig(QuorumConfig.CONFIG_DEF, setup.properties(), false)));
        client().initialize(setup.voters(), elections, metrics, ignored -> { });
        for (String name : setup.raftListeners()) {
            RecordedListener raftListener = new RecordedListener(name, outputs);
            listeners.put(name, raftListener);
            client().register(raftListener);
        }
    }

    /** The checkpoint that kafka-storage writes with {@code --initial-controllers}. */
    public static byte[] bootstrapCheckpoint(
        Map<Integer, Uuid> directories, Map<Integer, InetSocketAddress> addresses, String listener
    ) throws IOException {
        return Snapshots.bootstrap(Voters.of(directories, addresses, new ListenerName(listener)));
    }

    /** Segments smaller than 8 MiB are only allowed by a property for tests. */
    private Map<String, String> logProperties() {
        Map<String, String> properties = new HashMap<>(setup.properties());
        String bytes = properties.remove(MetadataLogConfig.METADATA_LOG_SEGMENT_BYTES_CONFIG);
        if (bytes != null) {
            boolean small = Long.parseLong(bytes) < 8 * 1024 * 1024;
            properties.put(small ? MetadataLogConfig.INTERNAL_METADATA_LOG_SEGMENT_BYTES_CONFIG
                : MetadataLogConfig.METADATA_LOG_SEGMENT_BYTES_CONFIG, bytes);
        }
        return properties;
    }

    public void setTime(long wallMs, long monoNs) {
        clock.set(wallMs, monoNs);
    }

    public void setDraws(List<int[]> boundsAndValues) {
        List<Draws.Draw> list = new ArrayList<>(boundsAndValues.size());
        for (int[] draw : boundsAndValues) {
            list.add(new Draws.Draw(draw[0], draw[1]));
        }
        draws.begin(list, driver::drawMissing);
    }

    /** For recordings, instead of {@link #setDraws}. */
    public void drawFrom(Random source) {
        draws.drawFrom(source);
    }

    /** What was drawn since the last call, as pairs of bound and value. */
    public List<int[]> takeDrawn() {
        return draws.takeDrawn();
    }

    /** The files that a kill leaves, by paths relative to the directory. */
    public Map<String, byte[]> disk() throws IOException {
        Map<String, byte[]> files = new TreeMap<>();
        String partition = PARTITION + "/";
        try (Stream<Path> list = Files.list(directory.resolve(PARTITION.toString()))) {
            for (Path file : list.toList()) {
                String name = file.getFileName().toString();
                if (name.endsWith(".log") || !name.contains(".") || name.equals("partition.metadata")
                    || name.contains(".checkpoint")) {
                    files.put(partition + name, Files.readAllBytes(file));
                }
            }
        }
        elections.content().ifPresent(
            content -> files.put(partition + "quorum-state", content.getBytes(StandardCharsets.UTF_8)));
        return files;
    }

    public boolean isRunning() {
        return released != null && client().isRunning();
    }

    public void poll() {
        client().poll();
    }

    /** What KafkaRaftClientDriver does when its thread has ended. */
    public void finish() {
        client().close();
    }

    // Inputs

    public void request(String connection, int correlationId, ApiKeys api, short version, ApiMessage body) {
        String request = connection + ":" + correlationId;
        parked.handling(request);
        released.request(correlationId, version, body, clock.milliseconds(),
            answer -> answered(connection, correlationId, api, version, answer));
    }

    /** Gives the response to one of the client's own requests; false if it has none of that id. */
    public boolean respond(int correlationId, ApiMessage body) {
        InFlight request = inFlight.remove(correlationId);
        if (request == null) {
            return false;
        }
        request.respond.accept(body);
        return true;
    }

    /** KafkaNetworkChannel.sendOnCompleted: disconnects and timeouts alike are responses with this error. */
    public boolean fail(int correlationId) {
        InFlight request = inFlight.get(correlationId);
        return request != null && respond(correlationId, RaftUtil.errorResponse(request.api, Errors.BROKER_NOT_AVAILABLE));
    }

    public boolean expire(String connection, int correlationId) {
        return parked.expire(connection + ":" + correlationId);
    }

    public long append(int epoch, List<byte[]> records) {
        return client().prepareAppend(epoch, records);
    }

    public void schedule() {
        client().schedulePreparedAppend();
    }

    public void resign(int epoch) {
        client().resign(epoch);
    }

    /** The error that the controller answers (EventHandlerExceptionInfo). */
    public Errors upgradeKRaftVersion(int epoch, short level, boolean validateOnly) {
        try {
            client().upgradeKRaftVersion(epoch, KRaftVersion.fromFeatureLevel(level), validateOnly);
            return Errors.NONE;
        } catch (NotLeaderException e) {
            return Errors.NOT_CONTROLLER;
        } catch (RuntimeException e) {
            return Errors.forException(e);
        }
    }

    public void shutdown(int timeoutMs) {
        client().shutdown(timeoutMs);
    }

    public OptionalLong read(String listener, long ordinal) {
        RecordedListener raftListener = listeners.get(listener);
        return raftListener == null ? OptionalLong.empty() : raftListener.read(ordinal);
    }

    public Optional<LastRead> lastRead(String listener) {
        return listeners.get(listener).lastRead();
    }

    /** The values of the records of a snapshot. */
    public static List<byte[]> records(byte[] snapshot) {
        return Snapshots.records(snapshot);
    }

    /** Writes a snapshot of records, without its name; what the log says to it: created, none (it needs none) or refused. */
    public String createSnapshot(OffsetAndEpoch id, long logTimestampMs, List<byte[]> records) {
        try {
            Optional<SnapshotWriter<byte[]>> writer = client().createSnapshot(id, logTimestampMs);
            writer.ifPresent(snapshot -> Snapshots.write(snapshot, records));
            return writer.isPresent() ? "created" : "none";
        } catch (IllegalArgumentException e) {
            return "refused";
        }
    }

    /**
     * Gives a snapshot its name, and the bytes of its file back, in the model's {@link SetOrder}; nothing if there is none that
     * has no name yet.
     */
    public Optional<byte[]> freezeSnapshot(OffsetAndEpoch id, byte[] model) throws IOException {
        return snapshots.freeze(id, model);
    }

    /** Gives a snapshot up; false if there is none that has no name yet. */
    public boolean closeSnapshot(OffsetAndEpoch id) {
        return snapshots.close(id);
    }

    /** Lets the log delete the snapshots of which it is time; gives those that are gone now. */
    public Set<OffsetAndEpoch> deleteSnapshots() throws IOException {
        Set<OffsetAndEpoch> deleted = snapshots.expired();
        scheduler.deleteSnapshots();
        deleted.removeAll(snapshots.expired());
        return deleted;
    }

    /** How often something asked the client's thread to stop waiting since that was last forgotten. */
    public int wakeUps() {
        return wakeUps;
    }

    public void forgetWakeUps() {
        wakeUps = 0;
    }

    // What the client asks of its world

    @Override
    public void await(long timeoutMs) {
        parked.handling(null);
        driver.await(timeoutMs);
    }

    @Override
    public void wokenUp() {
        wakeUps += 1;
    }

    @Override
    public void sent(int correlationId, Node destination, ApiMessage request, Consumer<ApiMessage> respond) {
        ApiKeys api = ApiKeys.forId(request.apiKey());
        // Newer versions of ApiVersions are not in all releases, and say nothing more here.
        short version = api == ApiKeys.API_VERSIONS ? 4 : api.latestVersion();
        ObjectNode body = JsonNodeFactory.instance.objectNode()
            .put("to", destination.id()).put("port", destination.port()).put("correlation_id", correlationId).put("api", api.name()).put("version", version);
        body.set("body", Bodies.writeRequest(api, version, request));
        outputs.accept(new Entry("send", body));
        inFlight.put(correlationId, new InFlight(api, respond));
    }

    private void answered(String connection, int correlationId, ApiKeys api, short version, ApiMessage answer) {
        ObjectNode body = JsonNodeFactory.instance.objectNode()
            .put("connection", connection).put("correlation_id", correlationId).put("api", api.name())
            .put("version", version);
        body.set("body", Bodies.writeResponse(api, version, answer));
        outputs.accept(new Entry("answer", body));
    }

    // State

    public JsonNode state() {
        QuorumState quorum = client().quorum();
        ObjectNode state = JsonNodeFactory.instance.objectNode().put("role", role(quorum)).put("epoch", quorum.epoch());
        put(state, "leader", quorum.leaderId());
        put(state, "voted", quorum.votedKey().map(key -> OptionalInt.of(key.id())).orElse(OptionalInt.empty()));
        quorum.highWatermark().ifPresentOrElse(
            offset -> state.put("high_watermark", offset.offset()), () -> state.putNull("high_watermark"));
        state.set("earliest_snapshot", log.earliestSnapshotId().map(Snapshots::body).orElse(null));
        state.set("latest_snapshot", log.latestSnapshotId().map(Snapshots::body).orElse(null));
        KRaftControlRecordStateMachine partition = Voters.partitionState(client());
        state.put("kraft_version", partition.lastKraftVersion().featureLevel());
        state.set("voters", Voters.toJson(partition.lastVoterSet()));
        return state.put("log_end", log.endOffset().offset()).put("log_start", log.startOffset())
            .put("last_epoch", log.lastFetchedEpoch());
    }

    /** Whether the timer of the state is over, which makes an observer's thread poll without waiting. */
    public boolean isExpiredObserver() {
        QuorumState quorum = client().quorum();
        long nowMs = clock.milliseconds();
        return quorum.isObserver()
            && (quorum.isFollower() && quorum.followerStateOrThrow().hasFetchTimeoutExpired(nowMs)
                || quorum.isUnattached() && quorum.unattachedStateOrThrow().hasElectionTimeoutExpired(nowMs));
    }

    private static void put(ObjectNode state, String field, OptionalInt value) {
        if (value.isPresent()) {
            state.put(field, value.getAsInt());
        } else {
            state.putNull(field);
        }
    }

    private static String role(QuorumState quorum) {
        if (quorum.isLeader()) {
            return "leader";
        } else if (quorum.isFollower()) {
            return "follower";
        } else if (quorum.isCandidate()) {
            return "candidate";
        } else if (quorum.isProspective()) {
            return "prospective";
        } else if (quorum.isResigned()) {
            return "resigned";
        } else {
            return "unattached";
        }
    }

    /** Only gives back files and memory: the client is not shut down, for the process of the dialogue died. */
    @Override
    public void close() {
        metrics.close();
        if (log != null) {
            log.close();
        }
    }

    private KafkaRaftClient<byte[]> client() {
        return released.client;
    }

    private List<InetSocketAddress> bootstrapServers() {
        String servers = setup.properties().getOrDefault(QuorumConfig.QUORUM_BOOTSTRAP_SERVERS_CONFIG, "");
        if (servers.isBlank()) {
            return List.of();
        }
        List<InetSocketAddress> addresses = new ArrayList<>();
        for (String server : servers.split(",")) {
            int colon = server.lastIndexOf(':');
            addresses.add(InetSocketAddress.createUnresolved(
                server.substring(0, colon).trim(), Integer.parseInt(server.substring(colon + 1).trim())));
        }
        return addresses;
    }
}
