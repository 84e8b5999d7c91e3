package org.apache.kafka.controller;

import findings.Clock;
import findings.Release;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.message.AlterPartitionRequestData;
import org.apache.kafka.common.message.AlterPartitionResponseData;
import org.apache.kafka.common.message.BrokerHeartbeatRequestData;
import org.apache.kafka.common.message.BrokerRegistrationRequestData;
import org.apache.kafka.common.message.CreateTopicsRequestData;
import org.apache.kafka.common.message.CreateTopicsRequestData.CreatableReplicaAssignment;
import org.apache.kafka.common.message.ElectLeadersRequestData;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.metadata.BrokerRegistrationChangeRecord;
import org.apache.kafka.common.metadata.ClearElrRecord;
import org.apache.kafka.common.metadata.ConfigRecord;
import org.apache.kafka.common.metadata.FeatureLevelRecord;
import org.apache.kafka.common.metadata.FenceBrokerRecord;
import org.apache.kafka.common.metadata.PartitionChangeRecord;
import org.apache.kafka.common.metadata.PartitionRecord;
import org.apache.kafka.common.metadata.RegisterBrokerRecord;
import org.apache.kafka.common.metadata.RemoveTopicRecord;
import org.apache.kafka.common.metadata.TopicRecord;
import org.apache.kafka.common.metadata.UnfenceBrokerRecord;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.security.auth.KafkaPrincipal;
import org.apache.kafka.metadata.BrokerHeartbeatReply;
import org.apache.kafka.metadata.FinalizedControllerFeatures;
import org.apache.kafka.metadata.PartitionRegistration;
import org.apache.kafka.metadata.placement.StripedReplicaPlacer;
import org.apache.kafka.server.common.ApiMessageAndVersion;
import org.apache.kafka.server.common.EligibleLeaderReplicasVersion;
import org.apache.kafka.server.common.MetadataVersion;
import org.apache.kafka.timeline.SnapshotRegistry;

import java.util.AbstractMap;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * The state of an active controller: the released managers that {@link QuorumController} consists of. Each request is
 * handled and its records are replayed at once, as if they were committed in no time.
 */
public final class ActiveController {
    public static final long SESSION_TIMEOUT_MS = 9_000;

    /** The only version that a manager asks for. */
    private static final short LATEST_ALTER_PARTITION = ApiKeys.ALTER_PARTITION.latestVersion();

    private final Clock clock;
    private final ClusterControlManager cluster;
    private final ConfigurationControlManager configuration;
    private final ReplicationControlManager replication;
    private final FinalizedControllerFeatures features;
    private final FeatureControlManager featureControl;
    private final SnapshotRegistry registry = new SnapshotRegistry(Release.logContext());
    private final List<ApiMessageAndVersion> log = new ArrayList<>();
    private long nextOffset = 100;

    public ActiveController(Clock clock) {
        this.clock = clock;
        Map<String, Short> finalized = Map.of(
            MetadataVersion.FEATURE_NAME, MetadataVersion.latestProduction().featureLevel(),
            EligibleLeaderReplicasVersion.FEATURE_NAME, EligibleLeaderReplicasVersion.ELRV_1.featureLevel());
        features = new FinalizedControllerFeatures(finalized, 0);
        featureControl = new FeatureControlManager.Builder()
            .setSnapshotRegistry(registry)
            .setQuorumFeatures(new QuorumFeatures(0, QuorumFeatures.defaultSupportedFeatureMap(false), List.of(0)))
            .build();
        replayFeatures();
        cluster = new ClusterControlManager.Builder()
            .setTime(clock)
            .setSnapshotRegistry(registry)
            .setClusterId("cluster")
            .setSessionTimeoutNs(TimeUnit.MILLISECONDS.toNanos(SESSION_TIMEOUT_MS))
            .setReplicaPlacer(new StripedReplicaPlacer(new Random(0)))
            .setFeatureControlManager(featureControl)
            .setBrokerShutdownHandler(this::brokerShutDown)
            .build();
        configuration = new ConfigurationControlManager.Builder()
            .setSnapshotRegistry(registry)
            .setFeatureControl(featureControl)
            .setStaticConfig(Map.of())
            .setKafkaConfigSchema(kafka.server.KafkaRaftServer.configSchema())
            .build();
        replication = new ReplicationControlManager.Builder()
            .setSnapshotRegistry(registry)
            .setConfigurationControl(configuration)
            .setClusterControl(cluster)
            .setFeatureControl(featureControl)
            .build();
        cluster.activate();
    }

    /** Another controller, which has replayed the same records. */
    public ActiveController successor() {
        ActiveController successor = new ActiveController(clock);
        log.forEach(successor::append);
        return successor;
    }

    /** The manager of the offsets of this state: it reverts the state to what is stable. */
    OffsetControlManager offsets() {
        return new OffsetControlManager.Builder().setSnapshotRegistry(registry).build();
    }

    /** Replays what this controller has not replayed yet of the log of another one, as a standby does. */
    void replayLogOf(ActiveController other) {
        if (log.isEmpty()) {
            replayFeatures();
        }
        other.log.subList(log.size(), other.log.size()).forEach(this::append);
    }

    /** Replays the last record of another one. */
    void replayLastOf(ActiveController other) {
        append(other.log.get(other.log.size() - 1));
    }

    private void replayFeatures() {
        featureRecords().forEach(featureControl::replay);
    }

    private List<FeatureLevelRecord> featureRecords() {
        return features.featureMap().entrySet().stream()
            .map(feature -> new FeatureLevelRecord().setName(feature.getKey()).setFeatureLevel(feature.getValue()))
            .toList();
    }

    private void brokerShutDown(int broker, boolean clean, List<ApiMessageAndVersion> records) {
        replication.handleBrokerShutdown(broker, clean, records);
    }

    // Requests

    /** Registers a process of a broker, and gives its broker epoch. */
    public long register(int broker, Uuid incarnation) {
        return replayed(cluster.registerBroker(registration(broker, incarnation), nextOffset, features, true)).epoch();
    }

    static BrokerRegistrationRequestData registration(int broker, Uuid incarnation) {
        BrokerRegistrationRequestData.FeatureCollection supported = new BrokerRegistrationRequestData.FeatureCollection();
        QuorumFeatures.defaultSupportedFeatureMap(false).forEach((name, range) ->
            supported.add(new BrokerRegistrationRequestData.Feature()
                .setName(name).setMinSupportedVersion(range.min()).setMaxSupportedVersion(range.max())));
        BrokerRegistrationRequestData.ListenerCollection listeners = new BrokerRegistrationRequestData.ListenerCollection();
        listeners.add(new BrokerRegistrationRequestData.Listener()
            .setName("PLAINTEXT").setHost("broker" + broker).setPort(9092));
        return new BrokerRegistrationRequestData()
            .setBrokerId(broker)
            .setClusterId("cluster")
            .setIncarnationId(incarnation)
            .setFeatures(supported)
            .setListeners(listeners)
            .setLogDirs(List.of(new Uuid(88, broker)));
    }

    /** Registers brokers and unfences them. */
    public void start(int... brokers) {
        for (int broker : brokers) {
            register(broker, new Uuid(1, broker));
            heartbeat(broker, brokerEpoch(broker));
        }
    }

    /** Lets the session of this broker end, while the other unfenced ones send heartbeats. */
    public void fence(int broker) {
        for (int half = 0; half < 2; half++) {
            clock.advance(SESSION_TIMEOUT_MS / 2 + 1);
            cluster.brokerRegistrations().values().stream()
                .filter(each -> each.id() != broker && !each.fenced()).toList()
                .forEach(each -> heartbeat(each.id(), each.epoch()));
        }
        fenceStaleBrokers();
    }

    /** A heartbeat that asks for nothing but to be unfenced. */
    public BrokerHeartbeatReply heartbeat(int broker, long epoch) {
        return heartbeat(broker, epoch, false);
    }

    public BrokerHeartbeatReply heartbeat(int broker, long epoch, boolean wantShutDown) {
        BrokerHeartbeatRequestData request = new BrokerHeartbeatRequestData()
            .setBrokerId(broker)
            .setBrokerEpoch(epoch)
            .setCurrentMetadataOffset(nextOffset - 1)
            .setWantFence(false)
            .setWantShutDown(wantShutDown);
        // QuorumController.processBrokerHeartbeat does this before the request is queued.
        cluster.trackBrokerHeartbeat(broker, epoch);
        return replayed(replication.processBrokerHeartbeat(
            request, cluster.registerBrokerRecordOffset(broker).orElseThrow()));
    }

    /** The periodic task that fences brokers whose session has ended. */
    public void fenceStaleBrokers() {
        while (replayed(replication.maybeFenceOneStaleBroker())) {
            // The next one.
        }
    }

    public Uuid createTopic(String name, Map<String, String> configs, Integer... replicas) {
        CreateTopicsRequestData.CreatableTopic topic = new CreateTopicsRequestData.CreatableTopic()
            .setName(name).setNumPartitions(-1).setReplicationFactor((short) -1);
        topic.assignments().add(new CreatableReplicaAssignment().setPartitionIndex(0).setBrokerIds(Arrays.asList(replicas)));
        configs.forEach((key, value) ->
            topic.configs().add(new CreateTopicsRequestData.CreatableTopicConfig().setName(key).setValue(value)));
        CreateTopicsRequestData request = new CreateTopicsRequestData();
        request.topics().add(topic);
        replayed(replication.createTopics(context(), request, Set.of(name), false));
        return replication.getTopicId(name);
    }

    public void deleteTopic(Uuid topic) {
        replayed(replication.deleteTopics(context(), List.of(topic)));
    }

    public void alterMinInsyncReplicas(String topic, int value) {
        Map<String, Map.Entry<AlterConfigOp.OpType, String>> changes = new HashMap<>();
        changes.put(TopicConfig.MIN_IN_SYNC_REPLICAS_CONFIG,
            new AbstractMap.SimpleEntry<>(AlterConfigOp.OpType.SET, Integer.toString(value)));
        replayed(configuration.incrementalAlterConfigs(
            Map.of(new ConfigResource(ConfigResource.Type.TOPIC, topic), changes), false, false));
    }

    public void electPreferredLeader(String topic) {
        ElectLeadersRequestData request = new ElectLeadersRequestData().setElectionType(ElectionType.PREFERRED.value);
        request.setTopicPartitions(new ElectLeadersRequestData.TopicPartitionsCollection());
        request.topicPartitions().add(
            new ElectLeadersRequestData.TopicPartitions().setTopic(topic).setPartitions(List.of(0)));
        replayed(replication.electLeaders(request));
    }

    public AlterPartitionResponseData.PartitionData alterPartition(
        int leader, Uuid topic, AlterPartitionRequestData.PartitionData partition
    ) {
        AlterPartitionRequestData request = new AlterPartitionRequestData()
            .setBrokerId(leader)
            .setBrokerEpoch(brokerEpoch(leader))
            .setTopics(List.of(new AlterPartitionRequestData.TopicData()
                .setTopicId(topic).setPartitions(List.of(partition))));
        return replayed(replication.alterPartition(context(), request))
            .topics().get(0).partitions().get(0);
    }

    // State

    long nextOffset() {
        return nextOffset;
    }

    boolean hasTopic(String name) {
        return replication.getTopicId(name) != null;
    }

    public PartitionRegistration partition(Uuid topic) {
        return replication.getPartition(topic, 0);
    }

    /** The partition in words. */
    public String describe(Uuid topic) {
        PartitionRegistration partition = partition(topic);
        return String.format("leader %d, epoch %d, partition epoch %d, ISR %s, ELR %s", partition.leader, partition.leaderEpoch,
            partition.partitionEpoch, Arrays.toString(partition.isr), Arrays.toString(partition.elr));
    }

    public boolean isFenced(int broker) {
        return cluster.registration(broker).fenced();
    }

    public long brokerEpoch(int broker) {
        return cluster.registration(broker).epoch();
    }

    public Uuid incarnation(int broker) {
        return cluster.registration(broker).incarnationId();
    }

    static ControllerRequestContext context() {
        return new ControllerRequestContext(
            new RequestHeaderData().setRequestApiVersion(LATEST_ALTER_PARTITION), KafkaPrincipal.ANONYMOUS, OptionalLong.empty());
    }

    // Records

    /** All records, as brokers get them. */
    public List<ApiMessage> records() {
        List<ApiMessage> records = new ArrayList<>(featureRecords());
        log.forEach(record -> records.add(record.message()));
        return records;
    }

    private <T> T replayed(ControllerResult<T> result) {
        result.records().forEach(this::append);
        return result.response();
    }

    private void append(ApiMessageAndVersion record) {
        replay(record.message());
        log.add(record);
        nextOffset += 1;
    }

    private void replay(ApiMessage message) {
        if (message instanceof RegisterBrokerRecord record) {
            cluster.replay(record, nextOffset);
        } else if (message instanceof BrokerRegistrationChangeRecord record) {
            cluster.replay(record);
        } else if (message instanceof FenceBrokerRecord record) {
            cluster.replay(record);
        } else if (message instanceof UnfenceBrokerRecord record) {
            cluster.replay(record);
        } else if (message instanceof ConfigRecord record) {
            configuration.replay(record);
        } else if (message instanceof TopicRecord record) {
            replication.replay(record);
        } else if (message instanceof RemoveTopicRecord record) {
            replication.replay(record);
        } else if (message instanceof PartitionRecord record) {
            replication.replay(record);
        } else if (message instanceof PartitionChangeRecord record) {
            replication.replay(record);
        } else if (message instanceof ClearElrRecord record) {
            replication.replay(record);
        } else {
            throw new IllegalStateException("no finding expects the record " + message);
        }
    }
}
