package findings.broker;

import kafka.coordinator.transaction.TransactionCoordinator;
import kafka.log.LogManager;
import kafka.server.KafkaConfig;
import kafka.server.ReplicaManager;
import kafka.server.metadata.BrokerMetadataPublisher;
import kafka.server.metadata.DynamicConfigPublisher;
import kafka.server.share.SharePartitionManager;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.coordinator.group.GroupCoordinator;
import org.apache.kafka.coordinator.share.ShareCoordinator;
import org.apache.kafka.image.publisher.MetadataPublisher;
import org.apache.kafka.metadata.ConfigRepository;
import org.apache.kafka.metadata.KRaftMetadataCache;
import org.apache.kafka.metadata.publisher.AclPublisher;
import org.apache.kafka.metadata.publisher.DelegationTokenPublisher;
import org.apache.kafka.metadata.publisher.DynamicClientQuotaPublisher;
import org.apache.kafka.metadata.publisher.DynamicTopicClusterQuotaPublisher;
import org.apache.kafka.metadata.publisher.ScramPublisher;
import org.apache.kafka.server.common.KRaftVersion;
import org.apache.kafka.server.fault.FaultHandler;
import org.apache.kafka.server.util.KafkaScheduler;
import org.apache.kafka.storage.internals.log.LogDirFailureChannel;
import org.apache.kafka.storage.internals.log.UnifiedLog;
import org.apache.kafka.storage.log.metrics.BrokerTopicStats;
import org.mockito.Mockito;
import scala.Option;
import scala.jdk.javaapi.CollectionConverters;
import scala.jdk.javaapi.OptionConverters;

import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;

/** LogManager in Kafka 4.3: a Scala class. Its background work does not run: the scheduler is not started. */
final class ReleasedLogManager implements AutoCloseable {
    private final KafkaConfig config;
    private final LogManager manager;
    private boolean up = true;

    ReleasedLogManager(KafkaConfig config, Time time) {
        this.config = config;
        ConfigRepository noConfigs = resource -> new Properties();
        manager = LogManager.apply(config, CollectionConverters.asScala(List.<String>of()).toSeq(), noConfigs,
            new KafkaScheduler(1), time, new BrokerTopicStats(), new LogDirFailureChannel(1));
    }

    /** Loads all logs, as a broker does in its first publication of metadata. */
    void startup() {
        manager.startup(CollectionConverters.asScala(Set.<String>of()), log -> false);
    }

    UnifiedLog create(TopicPartition partition, Uuid topicId) {
        return manager.getOrCreateLog(partition, false, false, Optional.of(topicId), Option.empty());
    }

    Optional<UnifiedLog> log(TopicPartition partition) {
        return OptionConverters.toJava(manager.getLog(partition, false));
    }

    LogManager released() {
        return manager;
    }

    /** The broker's publisher of metadata, which starts this manager; what else it starts does nothing. */
    MetadataPublisher publisher(FaultHandler faults) {
        return new BrokerMetadataPublisher(config,
            new KRaftMetadataCache(config.nodeId(), () -> KRaftVersion.KRAFT_VERSION_0), manager,
            Mockito.mock(ReplicaManager.class), Mockito.mock(GroupCoordinator.class),
            Mockito.mock(TransactionCoordinator.class), Mockito.mock(ShareCoordinator.class),
            Mockito.mock(SharePartitionManager.class), Mockito.mock(DynamicConfigPublisher.class),
            Mockito.mock(DynamicClientQuotaPublisher.class), Mockito.mock(DynamicTopicClusterQuotaPublisher.class),
            Mockito.mock(ScramPublisher.class), Mockito.mock(DelegationTokenPublisher.class), Mockito.mock(AclPublisher.class),
            faults, faults);
    }

    /** An orderly shutdown: forces all logs and leaves the marker. */
    @Override
    public void close() {
        if (up) {
            up = false;
            manager.shutdown(-1);
        }
    }
}
