package org.apache.kafka.raft;

import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.message.ApiVersionsResponseData;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.FetchSnapshotResponseData;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.record.internal.FileRecords;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.UnalignedMemoryRecords;
import org.apache.kafka.raft.internals.BatchMemoryPool;
import org.apache.kafka.raft.internals.KafkaRaftLog;
import org.apache.kafka.raft.internals.StringSerde;
import org.apache.kafka.server.common.Feature;
import org.apache.kafka.server.common.KRaftVersion;
import org.apache.kafka.server.common.OffsetAndEpoch;
import org.apache.kafka.server.common.serialization.RecordSerde;
import org.apache.kafka.server.util.KafkaScheduler;
import org.apache.kafka.snapshot.RecordsSnapshotWriter;
import org.apache.kafka.snapshot.Snapshots;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** One life of a node: the released raft client on a {@link KafkaRaftLog} in the node's directory. */
public final class RaftProcess<T> implements AutoCloseable {
    private static final TopicPartition PARTITION = new TopicPartition("__cluster_metadata", 0);
    /** A wake-up may take a poll of its own. */
    private static final int FEWEST_POLLS = 20;
    private final Quorum quorum;
    private final int id;
    private final Metrics metrics = new Metrics();
    private final RaftMessageQueue queue = RaftRelease.queue();
    private final KafkaRaftLog log;
    private final KafkaRaftClient<T> client;
    private final Expirations expirations;
    private int nextCorrelationId = 0;
    private boolean up = true;

    /** How a node is configured. */
    public record Setup<T>(
        int id, Set<Integer> staticVoters, List<InetSocketAddress> bootstrapServers, boolean isController, RecordSerde<T> serde
    ) {
        public static Setup<String> voter(int id, Integer... voters) {
            return new Setup<>(id, Set.of(voters), List.of(), true, new StringSerde());
        }

        /** A node that was formatted with its voters. */
        static Setup<String> formatted(int id) {
            return joining(id, id);
        }

        /** A controller that learns its voters from the log, and the leader from these servers. */
        static Setup<String> joining(int id, Integer... servers) {
            return new Setup<>(id, Set.of(), Stream.of(servers).map(Quorum::address).toList(), true, new StringSerde());
        }
    }

    /** A request that was sent and not delivered. */
    record Sent(
        RaftProcess<?> from, ApiKeys api, int to, int port, ApiMessage body, Consumer<ApiMessage> answer
    ) {
        /** Lets the other node handle the request; its answer, at once or later, goes into the sender's queue. */
        void deliver(RaftProcess<?> receiver) {
            deliver(receiver, answer);
        }

        /** The same, but the answer is lost. It is given to this consumer. */
        void deliver(RaftProcess<?> receiver, Consumer<ApiMessage> lost) {
            receiver.handle(api, body, lost);
        }
    }

    public RaftProcess(Quorum quorum, Setup<T> setup) throws IOException {
        this.quorum = quorum;
        this.id = setup.id();
        Path directory = Files.createDirectories(quorum.directory(id)).resolve(PARTITION.toString());
        log = createLog(quorum, id);
        expirations = new Expirations(quorum.clock);
        client = RaftRelease.client(id, quorum.key(id).directoryId().orElseThrow(), setup.serde(), Quorum.LISTENER, this::sent,
            queue, log, new BatchMemoryPool(5, KafkaRaftClient.MAX_BATCH_SIZE_BYTES), quorum.clock, expirations,
            setup.bootstrapServers(), quorum.endpoints(id), setup.isController(),
            new QuorumConfig(new AbstractConfig(QuorumConfig.CONFIG_DEF, Map.of(), false)));
        client.initialize(Quorum.addresses(setup.staticVoters()),
            new FileQuorumStateStore(directory.resolve(FileQuorumStateStore.DEFAULT_FILE_NAME).toFile()), metrics, ignored -> { });
        quorum.started(this);
    }

    /** The log of a node that has no process. Its scheduler is not started: background work is no part of a finding. */
    static KafkaRaftLog createLog(Quorum quorum, int id) throws IOException {
        return createLog(quorum, id, new KafkaScheduler(1));
    }

    static KafkaRaftLog createLog(Quorum quorum, int id, KafkaScheduler scheduler) throws IOException {
        Path directory = Files.createDirectories(quorum.directory(id)).resolve(PARTITION.toString());
        return KafkaRaftLog.createLog(PARTITION, Uuid.METADATA_TOPIC_ID, directory.toFile(), quorum.clock, scheduler,
            new MetadataLogConfig(new AbstractConfig(MetadataLogConfig.CONFIG_DEF, Map.of(), false)), id);
    }

    /** Formats the directory of a node as kafka-storage does with --initial-controllers: kraft.version 1, and its voters. */
    static void format(Quorum quorum, int id, Integer... voters) throws IOException {
        Map<Integer, VoterSet.VoterNode> nodes = new HashMap<>();
        for (int voter : voters) {
            nodes.put(voter, VoterSet.VoterNode.of(quorum.key(voter), quorum.endpoints(voter),
                Feature.KRAFT_VERSION.supportedVersionRange()));
        }
        try (KafkaRaftLog log = createLog(quorum, id);
             RecordsSnapshotWriter<String> writer = new RecordsSnapshotWriter.Builder()
                 .setTime(quorum.clock)
                 .setRawSnapshotWriter(log.createNewSnapshotUnchecked(Snapshots.BOOTSTRAP_SNAPSHOT_ID).orElseThrow())
                 .setKraftVersion(KRaftVersion.KRAFT_VERSION_1)
                 .setVoterSet(Optional.of(VoterSet.fromMap(nodes)))
                 .build(new StringSerde())) {
            writer.freeze();
        }
    }

    static Path directory(Quorum quorum, int id) {
        return quorum.directory(id).resolve(PARTITION.toString());
    }

    static Path segment(Quorum quorum, int id) {
        return directory(quorum, id).resolve("00000000000000000000.log");
    }

    String quorumStateFile() throws IOException {
        return Files.readString(directory(quorum, id).resolve(FileQuorumStateStore.DEFAULT_FILE_NAME)).trim();
    }

    int id() {
        return id;
    }

    String name() {
        return "node " + id;
    }

    boolean isUp() {
        return up;
    }

    KafkaRaftLog log() {
        return log;
    }

    public KafkaRaftClient<T> client() {
        return client;
    }

    QuorumState quorum() {
        return client.quorum();
    }

    /** Role, epoch, and ends of the log. */
    public String state() {
        QuorumState state = client.quorum();
        String role = state.isLeader() ? "Leader" : state.isFollower() ? "Follower" : state.isCandidate() ? "Candidate"
            : state.isProspective() ? "Prospective" : state.isResigned() ? "Resigned" : "Unattached";
        return String.format("%s of epoch %d, log end %d, high watermark %s", role, state.epoch(), log.endOffset().offset(),
            state.highWatermark().map(offset -> Long.toString(offset.offset())).orElse("unknown"));
    }

    /** Lets the client's thread do what it has to do now. */
    public void run() {
        for (int i = 0; i < FEWEST_POLLS || !queue.isEmpty(); i++) {
            // One poll takes one message: wake-ups in front of messages would only add up.
            if (queue.isEmpty()) {
                queue.wakeup();
            }
            client.poll();
        }
    }

    /** Answers the requests that have waited for as long as they may. */
    void expire() {
        expirations.run();
    }

    void handle(ApiKeys api, ApiMessage body, Consumer<ApiMessage> answer) {
        if (api == ApiKeys.API_VERSIONS) {
            // The socket server answers it.
            answer.accept(apiVersions());
            return;
        }
        RaftRelease.handle(client, Quorum.LISTENER, nextCorrelationId++, api.latestVersion(), body, quorum.clock.milliseconds(),
            response -> answer.accept(overTheWire(response)));
        run();
    }

    private void sent(RaftRequest.Outbound request, Consumer<ApiMessage> answer) {
        quorum.sent(new Sent(this, ApiKeys.forId(request.data().apiKey()), Quorum.id(request.destination()),
            request.destination().port(), request.data(), answer));
    }

    private static ApiVersionsResponseData apiVersions() {
        ApiVersionsResponseData.SupportedFeatureKeyCollection features =
            new ApiVersionsResponseData.SupportedFeatureKeyCollection();
        features.add(new ApiVersionsResponseData.SupportedFeatureKey()
            .setName(KRaftVersion.FEATURE_NAME)
            .setMinVersion(Feature.KRAFT_VERSION.supportedVersionRange().min())
            .setMaxVersion(Feature.KRAFT_VERSION.supportedVersionRange().max()));
        return new ApiVersionsResponseData().setSupportedFeatures(features);
    }

    /** A receiver gets bytes, not the leader's files. */
    private ApiMessage overTheWire(ApiMessage response) {
        try {
            if (response instanceof FetchResponseData fetch) {
                for (var topic : fetch.responses()) {
                    for (var partition : topic.partitions()) {
                        if (partition.records() instanceof FileRecords records) {
                            ByteBuffer bytes = ByteBuffer.allocate(records.sizeInBytes());
                            records.readInto(bytes, 0);
                            partition.setRecords(MemoryRecords.readableRecords(bytes));
                        }
                    }
                }
            } else if (response instanceof FetchSnapshotResponseData fetch) {
                for (var topic : fetch.topics()) {
                    for (var partition : topic.partitions()) {
                        partition.setUnalignedRecords(snapshotBytes(partition));
                    }
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return response;
    }

    private UnalignedMemoryRecords snapshotBytes(FetchSnapshotResponseData.PartitionSnapshot partition) throws IOException {
        OffsetAndEpoch id = new OffsetAndEpoch(partition.snapshotId().endOffset(), partition.snapshotId().epoch());
        byte[] file = Files.readAllBytes(Snapshots.snapshotPath(directory(quorum, this.id), id));
        int length = partition.unalignedRecords().sizeInBytes();
        return new UnalignedMemoryRecords(ByteBuffer.wrap(file, (int) partition.position(), length).slice());
    }

    /** The process is gone; its files stay as they are. */
    void kill() {
        close();
    }

    @Override
    public void close() {
        if (up) {
            up = false;
            metrics.close();
            log.close();
        }
    }
}
