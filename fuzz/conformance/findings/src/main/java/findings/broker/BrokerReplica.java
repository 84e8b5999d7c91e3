package findings.broker;

import findings.Clock;
import findings.Logs;
import findings.Steps;
import kafka.cluster.Partition;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.controller.ActiveController;
import org.apache.kafka.metadata.MetadataCache;
import org.apache.kafka.metadata.PartitionRegistration;
import org.apache.kafka.server.common.RequestLocal;
import org.apache.kafka.storage.internals.checkpoint.OffsetCheckpoints;
import org.apache.kafka.storage.internals.log.AppendOrigin;
import org.apache.kafka.storage.internals.log.LogConfig;
import org.apache.kafka.storage.internals.log.LogOffsetMetadata;
import org.apache.kafka.storage.internals.log.UnifiedLog;
import org.apache.kafka.storage.internals.log.VerificationGuard;
import org.mockito.ArgumentMatchers;
import org.mockito.Mockito;

import java.io.IOException;
import java.util.Map;
import java.util.Optional;

/**
 * A broker's replica of partition t-0: the released {@link Partition} on a {@link UnifiedLog} in a directory. What it
 * proposes goes to the controller, and what metadata says reaches it, when the finding says so.
 */
final class BrokerReplica implements AutoCloseable {
    static final long REPLICA_LAG_TIME_MAX_MS = 30_000;
    private static final TopicPartition TOPIC_PARTITION = new TopicPartition("t", 0);
    private static final OffsetCheckpoints NO_CHECKPOINTS = (directory, partition) -> Optional.empty();

    private final int id;
    private final Clock clock;
    private final ActiveController controller;
    private final Uuid topicId;
    private final UnifiedLog log;
    private final Partition partition;
    private final Proposals proposals;

    BrokerReplica(Steps steps, Clock clock, ActiveController controller, int id, Uuid topicId, int minInsyncReplicas)
        throws IOException {
        this.id = id;
        this.clock = clock;
        this.controller = controller;
        this.topicId = topicId;
        proposals = new Proposals(controller, id);
        MetadataCache metadata = Mockito.mock(MetadataCache.class);
        Mockito.when(metadata.getAliveBrokerEpoch(ArgumentMatchers.anyInt()))
            .thenAnswer(call -> Optional.of(controller.brokerEpoch(call.getArgument(0))));
        partition = PartitionRelease.partition(TOPIC_PARTITION, topicId, id, () -> controller.brokerEpoch(id),
            REPLICA_LAG_TIME_MAX_MS, clock, metadata, proposals::add);
        log = Logs.open(
            steps.directory(TOPIC_PARTITION.toString()), clock, topicId, config(minInsyncReplicas), 0, true);
        partition.log_$eq(scala.Option.apply(log));
        steps.closing(this);
    }

    private static Map<String, ?> config(int minInsyncReplicas) {
        return Map.of(TopicConfig.MIN_IN_SYNC_REPLICAS_CONFIG, minInsyncReplicas);
    }

    UnifiedLog log() {
        return log;
    }

    // Metadata

    /** The broker's metadata says this of the partition. */
    void metadata(PartitionRegistration registration) {
        if (registration.leader == id) {
            partition.makeLeader(registration, false, NO_CHECKPOINTS, scala.Option.apply(topicId), scala.Option.empty());
        } else {
            partition.makeFollower(registration, false, NO_CHECKPOINTS, scala.Option.apply(topicId), scala.Option.empty());
        }
    }

    /** The broker's metadata has this value of the topic's configuration. */
    void minInsyncReplicas(int value) {
        log.updateConfig(new LogConfig(config(value)));
    }

    // Proposals

    /** The ISR that the leader's next AlterPartition request asks for. */
    String proposedIsr() {
        return proposals.next();
    }

    /** The controller handles the oldest proposal; the answer is given to the leader by the returned action. */
    Runnable propose() {
        return proposals.propose(topicId);
    }

    void maybeShrinkIsr() {
        partition.maybeShrinkIsr();
    }

    // Records

    /** Appends records as the leader, for a producer with acks=all. */
    void append(int count) {
        for (int i = 0; i < count; i++) {
            partition.appendRecordsToLeader(
                MemoryRecords.withRecords(Compression.NONE, new SimpleRecord(clock.milliseconds(), "x".getBytes())),
                AppendOrigin.CLIENT, -1, RequestLocal.noCaching(), VerificationGuard.SENTINEL, (short) 0);
        }
    }

    /** Is a producer answered that waits with acks=all for the records below this offset? */
    boolean isAcknowledged(long offset) {
        var reached = partition.checkEnoughReplicasReachOffset(offset);
        return (Boolean) reached._1() && reached._2() == Errors.NONE;
    }

    /** Fetches from the leader and appends. What the leader learns of this fetch is this replica's end before it. */
    void fetch(BrokerReplica leader) throws IOException {
        long offset = log.logEndOffset();
        leader.partition.updateFollowerFetchState(leader.partition.getReplica(id).get(), new LogOffsetMetadata(offset), 0,
            clock.milliseconds(), leader.log.logEndOffset(), controller.brokerEpoch(id));
        if (offset < leader.log.logEndOffset()) {
            partition.appendRecordsToFollowerOrFutureReplica(Logs.read(leader.log, offset), false, leader.epoch());
        }
    }

    /** Fetches until the leader knows that this replica has all records. */
    void fetchAll(BrokerReplica leader) throws IOException {
        fetch(leader);
        fetch(leader);
    }

    /** Truncates the log to where it agrees with the leader's. */
    void truncateTo(BrokerReplica leader) {
        int epoch = log.latestEpoch().orElseThrow();
        log.truncateTo(leader.log.endOffsetForEpoch(epoch).orElseThrow().offset());
    }

    private int epoch() {
        return partition.getLeaderEpoch();
    }

    String state() {
        return String.format("%s, log end %d, high watermark %d", partition.partitionState(), log.logEndOffset(),
            log.highWatermark());
    }

    @Override
    public void close() {
        log.close();
    }
}
