package conformance;

import com.fasterxml.jackson.databind.JsonNode;
import kafka.cluster.DelayedOperations;
import kafka.cluster.Partition;
import kafka.server.KafkaConfig;
import org.apache.kafka.common.DirectoryId;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.image.AclsImage;
import org.apache.kafka.image.ClientQuotasImage;
import org.apache.kafka.image.ClusterImage;
import org.apache.kafka.image.ConfigurationsImage;
import org.apache.kafka.image.DelegationTokenImage;
import org.apache.kafka.image.FeaturesImage;
import org.apache.kafka.image.MetadataImage;
import org.apache.kafka.image.MetadataProvenance;
import org.apache.kafka.image.ProducerIdsImage;
import org.apache.kafka.image.ScramImage;
import org.apache.kafka.image.TopicsImage;
import org.apache.kafka.metadata.BrokerRegistration;
import org.apache.kafka.metadata.KRaftMetadataCache;
import org.apache.kafka.metadata.LeaderRecoveryState;
import org.apache.kafka.metadata.PartitionRegistration;
import org.apache.kafka.server.common.KRaftVersion;
import org.apache.kafka.server.partition.AlterPartitionListener;
import org.apache.kafka.server.util.KafkaScheduler;
import org.apache.kafka.storage.internals.checkpoint.LazyOffsetCheckpoints;
import org.apache.kafka.storage.internals.checkpoint.OffsetCheckpointFile;
import org.apache.kafka.storage.internals.checkpoint.OffsetCheckpoints;
import org.apache.kafka.storage.internals.log.LogConfig;
import org.apache.kafka.storage.internals.log.LogDirFailureChannel;
import org.apache.kafka.storage.internals.log.LogManager;
import org.apache.kafka.storage.internals.log.UnifiedLog;
import org.apache.kafka.storage.log.metrics.BrokerTopicStats;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;

/**
 * One life of a replica: the released {@link Partition} on a released {@link LogManager}, which loads the files that the
 * simulated process found. Background work does not run: the scheduler is not started.
 */
final class Replica implements AutoCloseable {
    private static final String HIGH_WATERMARKS = "replication-offset-checkpoint";

    private final int broker;
    private final TopicPartition name;
    private final Map<String, String> properties;
    private final StandingClock time;
    private final Path directory;
    private final KRaftMetadataCache metadata;
    private final Properties topicConfig = new Properties();
    private final Submissions submissions = new Submissions();
    private final LogDirFailureChannel failures = new LogDirFailureChannel(1);
    private LogManager logs;
    private OffsetCheckpoints checkpoints;
    private Partition partition;
    private Uuid topicId;
    private long brokerEpoch = -1;

    Replica(PartitionDialogue dialogue, StandingClock time, JsonNode disk) throws IOException {
        this.broker = dialogue.broker();
        this.name = dialogue.partition();
        this.properties = dialogue.properties();
        // log.segment.bytes must be a MiB at least, as segment.bytes; of tests Kafka has this one, too.
        topicConfig.put(LogConfig.INTERNAL_SEGMENT_BYTES_CONFIG, properties.get("log.segment.bytes"));
        this.time = time;
        this.directory = Files.createTempDirectory("broker");
        this.metadata = new KRaftMetadataCache(broker, () -> KRaftVersion.KRAFT_VERSION_0);
        for (var file : disk.properties()) {
            Path path = directory.resolve(file.getKey());
            Files.createDirectories(path.getParent());
            Files.write(path, Base64.getDecoder().decode(file.getValue().asText()));
        }
    }

    // What is around it

    void brokerEpoch(long epoch) {
        brokerEpoch = epoch;
    }

    void brokers(JsonNode brokers) {
        Map<Integer, BrokerRegistration> registrations = new HashMap<>();
        for (JsonNode broker : brokers) {
            int id = broker.path("id").asInt();
            registrations.put(id, new BrokerRegistration.Builder().setId(id).setEpoch(broker.path("epoch").asLong())
                .setIncarnationId(Uuid.ZERO_UUID).setListeners(List.of()).setSupportedFeatures(Map.of())
                .setDirectories(List.of()).setFenced(broker.path("fenced").asBoolean())
                .setInControlledShutdown(broker.path("in_controlled_shutdown").asBoolean()).build());
        }
        metadata.setImage(new MetadataImage(MetadataProvenance.EMPTY, FeaturesImage.EMPTY,
            new ClusterImage(registrations, Map.of()), TopicsImage.EMPTY, ConfigurationsImage.EMPTY, ClientQuotasImage.EMPTY,
            ProducerIdsImage.EMPTY, AclsImage.EMPTY, ScramImage.EMPTY, DelegationTokenImage.EMPTY));
    }

    /** As TopicConfigHandler does it. */
    void minInsyncReplicas(int value) {
        configure(value);
        if (logs != null) {
            logs.updateTopicConfig(name.topic(), topicConfig, false, false);
        }
    }

    private void configure(int minInsyncReplicas) {
        topicConfig.put("min.insync.replicas", Integer.toString(minInsyncReplicas));
    }

    Submissions submissions() {
        return submissions;
    }

    // Its role

    boolean makeLeader(JsonNode view) throws Exception {
        open(view);
        return partition.makeLeader(registration(view), !view.path("hosted").asText().equals("before"), checkpoints,
            scala.Option.apply(topicId), scala.Option.empty());
    }

    boolean makeFollower(JsonNode view) throws Exception {
        open(view);
        return partition.makeFollower(registration(view), !view.path("hosted").asText().equals("before"), checkpoints,
            scala.Option.apply(topicId), scala.Option.empty());
    }

    /** As ReplicaManager.applyDelta does it for a partition that is deleted. */
    void delete() {
        partition.delete();
        logs.asyncDelete(Set.of(name), false, (which, e) -> {
            throw new AssertionError("deletion of " + which, e);
        });
        partition = null;
    }

    Partition partition() {
        return partition;
    }

    UnifiedLog log() {
        return partition.localLogOrException();
    }

    private void open(JsonNode view) throws Exception {
        Uuid id = Uuid.fromString(view.path("topic_id").asText());
        if (partition != null && id.equals(topicId)) {
            return;
        }
        topicId = id;
        configure(view.path("min_insync_replicas").asInt());
        if (logs == null) {
            load(!view.path("hosted").asText().equals("from-disk"));
        }
        partition = new Partition(name, Long.parseLong(properties.get("replica.lag.time.max.ms")), broker, () -> brokerEpoch,
            time, new NoMetrics(), new NothingDelayed(name), metadata, logs, submissions, scala.Option.apply(id));
    }

    /**
     * As in the first publication of metadata, when a log of an older topic of this name is a stray, and so is this one if that
     * publication did not have the topic: then the simulated broker has no log of it afterwards.
     */
    private void load(boolean isSetAside) throws Exception {
        Properties broker = new Properties();
        broker.put("process.roles", "broker");
        broker.put("node.id", Integer.toString(this.broker));
        broker.put("controller.listener.names", "CONTROLLER");
        broker.put("controller.quorum.voters", "1000000@localhost:9093");
        broker.put("listeners", "PLAINTEXT://localhost:9092");
        broker.put("log.dirs", directory.toString());
        broker.put("log.cleaner.enable", "false");
        for (String property : List.of("log.roll.ms", "message.max.bytes", "min.insync.replicas",
            "producer.id.expiration.ms")) {
            broker.put(property, properties.get(property));
        }
        logs = kafka.log.LogManager.apply(KafkaConfig.fromProps(broker), Set.of(), resource -> topicConfig,
            new KafkaScheduler(1), time, new BrokerTopicStats(), failures);
        logs.startup(Set.of(name.topic()), log -> isSetAside || !log.topicId().equals(java.util.Optional.of(topicId)));
        checkpoints = new LazyOffsetCheckpoints(Map.of(directory.toString(),
            new OffsetCheckpointFile(directory.resolve(HIGH_WATERMARKS).toFile(), failures)));
    }

    private static PartitionRegistration registration(JsonNode view) {
        int[] replicas = ids(view.path("replicas"));
        return new PartitionRegistration.Builder().setReplicas(replicas).setIsr(ids(view.path("isr")))
            .setDirectories(DirectoryId.unassignedArray(replicas.length)).setLeader(view.path("leader").asInt())
            .setLeaderEpoch(view.path("leader_epoch").asInt()).setPartitionEpoch(view.path("partition_epoch").asInt())
            .setLeaderRecoveryState(LeaderRecoveryState.RECOVERED).build();
    }

    private static int[] ids(JsonNode ids) {
        int[] array = new int[ids.size()];
        for (int i = 0; i < array.length; i++) {
            array[i] = ids.path(i).asInt();
        }
        return array;
    }

    /** The process is gone: nothing is flushed. */
    @Override
    public void close() throws IOException {
        if (logs != null) {
            logs.allLogs().forEach(UnifiedLog::closeQuietly);
            for (var lock : logs.dirLocks()) {
                lock.destroy();
            }
        }
        LogFiles.delete(directory);
    }

    private record NoMetrics() implements AlterPartitionListener {
        @Override
        public void markIsrExpand() {
        }

        @Override
        public void markIsrShrink() {
        }

        @Override
        public void markFailed() {
        }
    }

    /** No request waits here: when one completes is the dialogue's affair. */
    private static final class NothingDelayed extends DelayedOperations {
        NothingDelayed(TopicPartition partition) {
            super(scala.Option.empty(), partition, null, null, null, null);
        }

        @Override
        public void checkAndCompleteAll() {
        }

        @Override
        public int numDelayedDelete() {
            return 0;
        }
    }
}
