package findings.broker;

import findings.Clock;
import findings.Logs;
import findings.Steps;
import kafka.cluster.Partition;
import kafka.server.KafkaConfig;
import kafka.server.ReplicaManager;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.internal.FileRecords;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.requests.FetchRequest;
import org.apache.kafka.controller.ActiveController;
import org.apache.kafka.image.MetadataDelta;
import org.apache.kafka.image.MetadataImage;
import org.apache.kafka.image.MetadataProvenance;
import org.apache.kafka.metadata.KRaftMetadataCache;
import org.apache.kafka.server.common.KRaftVersion;
import org.apache.kafka.server.common.RequestLocal;
import org.apache.kafka.server.storage.log.FetchIsolation;
import org.apache.kafka.server.storage.log.FetchParams;
import org.apache.kafka.server.storage.log.FetchPartitionData;
import org.apache.kafka.storage.internals.log.AppendOrigin;
import org.apache.kafka.storage.internals.log.UnifiedLog;
import org.apache.kafka.storage.internals.log.VerificationGuard;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A process of a broker with partition t-0: the released {@link ReplicaManager} and the released log manager on a directory.
 * What the controller says reaches it, and it fetches, when the finding says so.
 */
final class BrokerProcess implements AutoCloseable {
    private static final TopicPartition PARTITION = new TopicPartition("t", 0);
    private static final int EVERYTHING = Integer.MAX_VALUE;

    private final int id;
    private final Clock clock;
    private final ActiveController controller;
    private final Path directory;
    private final KafkaConfig config;
    private final ReleasedLogManager logs;
    private final KRaftMetadataCache metadata;
    private final ReplicaManager replicas;
    private final Proposals proposals;
    private MetadataImage image = MetadataImage.EMPTY;
    private int published = 0;

    BrokerProcess(Steps steps, Clock clock, ActiveController controller, int id, Path directory) throws Exception {
        this.id = id;
        this.clock = clock;
        this.controller = controller;
        this.directory = directory;
        config = Broker.config(id, directory);
        logs = steps.closing(new ReleasedLogManager(config, clock));
        logs.startup();
        metadata = new KRaftMetadataCache(id, () -> KRaftVersion.KRAFT_VERSION_0);
        proposals = new Proposals(controller, id);
        replicas = ReplicaManagerRelease.replicaManager(
            config, clock, logs, metadata, () -> controller.brokerEpoch(id), proposals::add);
        steps.closing(this);
    }

    /** The process ends without a word; the next one has a copy of its directory, and is not registered yet. */
    BrokerProcess killed(Steps steps) throws Exception {
        Path copy = steps.directory("data");
        Broker.copy(directory, copy);
        return new BrokerProcess(steps, clock, controller, id, copy);
    }

    // Metadata

    /** Applies what the controller has done since the last time. */
    void publish() {
        List<ApiMessage> records = controller.records();
        MetadataDelta delta = new MetadataDelta.Builder().setImage(image).build();
        records.subList(published, records.size()).forEach(delta::replay);
        published = records.size();
        image = delta.apply(MetadataProvenance.EMPTY);
        metadata.setImage(image);
        if (delta.topicsDelta() != null) {
            replicas.applyDelta(delta.topicsDelta(), image);
        }
    }

    Proposals proposals() {
        return proposals;
    }

    /** The periodic task, each half of replica.lag.time.max.ms. */
    void maybeShrinkIsr() {
        partition().maybeShrinkIsr();
    }

    // Checkpoints

    /** The periodic task, each replica.high.watermark.checkpoint.interval.ms. */
    void checkpointHighWatermarks() {
        replicas.checkpointHighWatermarks();
    }

    /** The lines of a checkpoint. */
    List<String> checkpoint(String file) throws IOException {
        List<String> lines = Files.readAllLines(directory.resolve(file));
        return lines.subList(2, lines.size());
    }

    // Records

    /** Appends records as the leader. */
    void append(int count) {
        for (int i = 0; i < count; i++) {
            partition().appendRecordsToLeader(
                MemoryRecords.withRecords(Compression.NONE, new SimpleRecord(clock.milliseconds(), "x".getBytes())),
                AppendOrigin.CLIENT, 1, RequestLocal.noCaching(), VerificationGuard.SENTINEL, (short) 0);
        }
    }

    /** Sends a Fetch to the leader, and does with the answer what a fetcher does. False if the leader lets it wait. */
    boolean fetch(BrokerProcess leader) throws IOException {
        FetchParams params = new FetchParams(id, controller.brokerEpoch(id), config.replicaFetchWaitMaxMs(), 1, EVERYTHING,
            FetchIsolation.LOG_END, Optional.empty());
        Optional<FetchPartitionData> answer = leader.answer(params, log().logEndOffset(), log().latestEpoch());
        if (answer.isPresent()) {
            if (answer.get().records instanceof FileRecords records) {
                partition().appendRecordsToFollowerOrFutureReplica(
                    Logs.inMemory(records), false, partition().getLeaderEpoch());
            }
            log().maybeUpdateHighWatermark(answer.get().highWatermark);
        }
        return answer.isPresent();
    }

    /** The offsets that a consumer gets which fetches from the log's start. */
    List<Long> consume() {
        FetchParams params = new FetchParams(
            FetchRequest.CONSUMER_REPLICA_ID, -1, 0, 1, EVERYTHING, FetchIsolation.HIGH_WATERMARK, Optional.empty());
        List<Long> offsets = new ArrayList<>();
        for (Record record : answer(params, 0, Optional.empty()).orElseThrow().records.records()) {
            offsets.add(record.offset());
        }
        return offsets;
    }

    private Optional<FetchPartitionData> answer(FetchParams params, long offset, Optional<Integer> lastEpoch) {
        AtomicReference<FetchPartitionData> answer = new AtomicReference<>();
        TopicIdPartition partition = new TopicIdPartition(log().topicId().orElseThrow(), PARTITION);
        FetchRequest.PartitionData position = new FetchRequest.PartitionData(
            partition.topicId(), offset, 0, EVERYTHING, Optional.of(partition().getLeaderEpoch()), lastEpoch);
        ReplicaManagerRelease.fetch(replicas, params, partition, position, answer::set);
        Optional<FetchPartitionData> given = Optional.ofNullable(answer.get());
        given.filter(data -> data.error != Errors.NONE).ifPresent(data -> {
            throw data.error.exception();
        });
        return given;
    }

    UnifiedLog log() {
        return partition().localLogOrException();
    }

    private Partition partition() {
        return replicas.getPartitionOrException(PARTITION);
    }

    String state() {
        return String.format("log end %d, high watermark %d", log().logEndOffset(), log().highWatermark());
    }

    @Override
    public void close() {
        replicas.shutdown(false);
    }
}
