package findings.broker;

import kafka.server.KafkaConfig;
import kafka.server.QuotaFactory;
import kafka.server.ReplicaAlterLogDirsManager;
import kafka.server.ReplicaFetcherManager;
import kafka.server.ReplicaManager;
import kafka.server.ReplicationQuotaManager;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.requests.FetchRequest;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.metadata.LeaderAndIsr;
import org.apache.kafka.metadata.MetadataCache;
import org.apache.kafka.server.ActionQueue;
import org.apache.kafka.server.common.DirectoryEventHandler;
import org.apache.kafka.server.purgatory.DelayedOperation;
import org.apache.kafka.server.purgatory.DelayedOperationPurgatory;
import org.apache.kafka.server.storage.log.FetchParams;
import org.apache.kafka.server.storage.log.FetchPartitionData;
import org.apache.kafka.server.util.KafkaScheduler;
import org.apache.kafka.server.util.timer.Timer;
import org.apache.kafka.storage.internals.log.LogDirFailureChannel;
import org.apache.kafka.storage.log.metrics.BrokerTopicStats;
import org.mockito.Mockito;
import scala.Option;
import scala.Tuple2;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.BoxedUnit;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongSupplier;

/** How Kafka 4.3 makes a replica manager: quotas, AlterPartitionManager and LogManager are Scala classes. */
final class ReplicaManagerRelease {
    private ReplicaManagerRelease() {
    }

    /** It fetches nothing by itself, and has no thread. */
    static ReplicaManager replicaManager(
        KafkaConfig config, Time time, ReleasedLogManager logs, MetadataCache metadata, LongSupplier brokerEpoch,
        Function<LeaderAndIsr, CompletableFuture<LeaderAndIsr>> proposals
    ) {
        ReplicationQuotaManager quota = Mockito.mock(ReplicationQuotaManager.class);
        return new ReplicaManager(config, new Metrics(), time, new KafkaScheduler(1), logs.released(), Option.empty(),
            new QuotaFactory.QuotaManagers(null, null, null, null, quota, quota, quota, Optional.empty()), metadata,
            new LogDirFailureChannel(1), PartitionRelease.alterPartitionManager(proposals), new BrokerTopicStats(),
            purgatory("Produce"), purgatory("Fetch"), purgatory("DeleteRecords"), purgatory("RemoteFetch"),
            purgatory("RemoteListOffsets"), purgatory("ShareFetch"), () -> brokerEpoch.getAsLong(), Option.empty(),
            DirectoryEventHandler.NOOP, Mockito.mock(ActionQueue.class)) {
            @Override
            public ReplicaFetcherManager createReplicaFetcherManager(
                Metrics metrics, Time time, ReplicationQuotaManager quota
            ) {
                return Mockito.mock(ReplicaFetcherManager.class);
            }

            @Override
            public ReplicaAlterLogDirsManager createReplicaAlterLogDirsManager(
                ReplicationQuotaManager quota, BrokerTopicStats stats
            ) {
                return Mockito.mock(ReplicaAlterLogDirsManager.class);
            }
        };
    }

    private static <T extends DelayedOperation> Option<DelayedOperationPurgatory<T>> purgatory(String name) {
        return Option.apply(new DelayedOperationPurgatory<>(name, Mockito.mock(Timer.class), 0, 1000, false, false));
    }

    /** Gives the answer to a Fetch of one partition when there is one. */
    static void fetch(
        ReplicaManager manager, FetchParams params, TopicIdPartition partition, FetchRequest.PartitionData position,
        Consumer<FetchPartitionData> answer
    ) {
        manager.fetchMessages(params, CollectionConverters.asScala(List.of(new Tuple2<>(partition, position))).toSeq(),
            QuotaFactory.UNBOUNDED_QUOTA, answers -> {
                answer.accept(answers.head()._2());
                return BoxedUnit.UNIT;
            });
    }
}
