package findings.broker;

import kafka.cluster.DelayedOperations;
import kafka.cluster.Partition;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.metadata.LeaderAndIsr;
import org.apache.kafka.metadata.MetadataCache;
import org.apache.kafka.server.common.TopicIdPartition;
import org.apache.kafka.server.partition.AlterPartitionListener;
import org.apache.kafka.server.partition.AlterPartitionManager;
import org.apache.kafka.storage.internals.log.LogManager;
import org.mockito.Mockito;

import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.function.LongSupplier;

/** How Kafka 4.4 makes a partition: AlterPartitionManager and LogManager are Java classes. */
final class PartitionRelease {
    private PartitionRelease() {
    }

    static Partition partition(
        TopicPartition partition, Uuid topicId, int broker, LongSupplier brokerEpoch, long replicaLagTimeMaxMs, Time time,
        MetadataCache metadata, Function<LeaderAndIsr, CompletableFuture<LeaderAndIsr>> proposals
    ) {
        return new Partition(partition, replicaLagTimeMaxMs, broker, () -> brokerEpoch.getAsLong(), time,
            Mockito.mock(AlterPartitionListener.class), Mockito.mock(DelayedOperations.class), metadata,
            Mockito.mock(LogManager.class), alterPartitionManager(proposals), scala.Option.apply(topicId));
    }

    /** Gives away what partitions propose. */
    static AlterPartitionManager alterPartitionManager(Function<LeaderAndIsr, CompletableFuture<LeaderAndIsr>> proposals) {
        return new AlterPartitionManager() {
            @Override
            public void start() {
            }

            @Override
            public void shutdown() {
            }

            @Override
            public CompletableFuture<LeaderAndIsr> submit(TopicIdPartition ignored, LeaderAndIsr proposal) {
                return proposals.apply(proposal);
            }
        };
    }
}
