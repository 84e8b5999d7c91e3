package conformance.measure;

import conformance.measure.recorder.Kind;

import java.util.ArrayList;
import java.util.List;

/**
 * One woven method: what is called at its entry, and at its exits.
 *
 * @param method a name, or the beginning of one followed by *
 * @param entry method of Recorder called at the entry, or empty
 * @param loads its arguments before the kind: this, the number of an argument, "class" or ".FIELD" of this
 * @param exit method of Recorder called at the exits: end, or one that takes and returns the result
 */
record Probe(String type, String method, String descriptor, int kind, String entry, String loads, String exit) {
    private static final String RAFT = "org/apache/kafka/raft/KafkaRaftClient";
    private static final String CONTROLLER = "org/apache/kafka/controller/QuorumController";
    private static final String LOADER = "org/apache/kafka/image/loader/MetadataLoader";
    private static final String REPLICAS = "kafka/server/ReplicaManager";
    private static final String PARTITION = "kafka/cluster/Partition";
    private static final String CLIENT = "org/apache/kafka/clients/NetworkClient";
    private static final String STATES = "org/apache/kafka/clients/ClusterConnectionStates";
    private static final String LIFECYCLE = "org/apache/kafka/server/BrokerLifecycleManager";
    private static final String CHANNEL = "org/apache/kafka/server/NodeToControllerRequestThread";
    private static final String OBJECT = "Ljava/lang/Object;";

    /** Classes whose calls of FileChannel.force, FileDescriptor.sync and MappedByteBuffer.force are spans. */
    static final List<String> FORCING = List.of(
        "org/apache/kafka/common/record/internal/FileRecords", "org/apache/kafka/common/utils/Utils",
        "org/apache/kafka/raft/FileQuorumStateStore", "org/apache/kafka/snapshot/FileRawSnapshotWriter",
        "org/apache/kafka/server/common/CheckpointFile",
        "org/apache/kafka/storage/internals/log/TransactionIndex", "org/apache/kafka/storage/internals/log/AbstractIndex",
        "org/apache/kafka/storage/internals/log/ProducerStateManager",
        "org/apache/kafka/storage/internals/checkpoint/CleanShutdownFileHandler",
        "org/apache/kafka/storage/internals/checkpoint/PartitionMetadataFile");

    static List<Probe> all() {
        List<Probe> all = new ArrayList<>();
        all.add(new Probe("kafka/Kafka", "main", "([Ljava/lang/String;)V", Kind.MAIN, "main", "", ""));
        all.add(new Probe(RAFT, "poll", "()V", Kind.RAFT_POLL, "root", "", "end"));
        all.add(span(RAFT, "pollCurrentState", Kind.RAFT_STATE));
        all.add(span("org/apache/kafka/raft/internals/BlockingMessageQueue", "poll", Kind.RAFT_WAIT));
        all.add(new Probe(RAFT, "handleInboundMessage", "", Kind.RAFT_HANDLE, "begin",
            "1 Lorg/apache/kafka/raft/RaftMessage;", "end"));
        all.add(span(RAFT, "appendAsFollower", Kind.FOLLOWER_APPEND));
        all.add(span(RAFT, "pollListeners", Kind.RAFT_LISTENERS));
        all.add(span(RAFT, "transitionToProspective", Kind.BECOME_PROSPECTIVE));
        all.add(span(RAFT, "transitionToCandidate", Kind.BECOME_CANDIDATE));
        all.add(span(RAFT, "onBecomeLeader", Kind.BECOME_LEADER));
        all.add(span(RAFT, "transitionToFollower", Kind.BECOME_FOLLOWER));
        all.add(span(RAFT, "transitionToUnattached", Kind.BECOME_UNATTACHED));
        all.add(span(RAFT, "transitionToResigned", Kind.BECOME_RESIGNED));
        all.add(new Probe(RAFT, "shutdown", "", Kind.STOP_RAFT, "moment", "", ""));
        all.add(new Probe("org/apache/kafka/raft/KafkaNetworkChannel", "sendOnCompleted", "", Kind.RAFT_COMPLETED, "begin",
            "2 Lorg/apache/kafka/clients/ClientResponse;", "end"));
        all.add(new Probe("org/apache/kafka/raft/KafkaNetworkChannel$SendThread", "sendRequest", "", Kind.HANDOVER_REQUEST,
            "handover", "1 Lorg/apache/kafka/server/util/RequestAndCompletionHandler;", ""));
        all.add(new Probe("org/apache/kafka/raft/internals/BlockingMessageQueue", "add", "", Kind.QUEUED_RAFT, "queued",
            "1 Lorg/apache/kafka/raft/RaftMessage;", ""));

        all.add(request("kafka/server/ControllerApis", "handle", Kind.CONTROLLER_APIS));
        all.add(request("kafka/server/KafkaApis", "handle", Kind.KAFKA_APIS));
        all.add(new Probe("kafka/network/RequestChannel", "sendRequest", "", Kind.RECEIVED, "received",
            "1 Lorg/apache/kafka/network/Request;", ""));
        all.add(new Probe("kafka/network/Processor", "enqueueResponse", "", Kind.HANDOVER_RESPONSE, "handover",
            "1 Lorg/apache/kafka/network/Response;", ""));
        all.add(new Probe("kafka/network/Processor", "sendResponse", "", Kind.WRITTEN, "sending",
            "1 Lorg/apache/kafka/network/Response;", ""));
        all.add(new Probe(CLIENT, "doSend", "(Lorg/apache/kafka/clients/ClientRequest;ZJ)V", Kind.WRITTEN, "sending",
            "1 Lorg/apache/kafka/clients/ClientRequest;", ""));
        all.add(new Probe("org/apache/kafka/common/network/Selector", "send", "", Kind.WRITTEN, "toSelector",
            "1 Lorg/apache/kafka/common/network/NetworkSend;", ""));
        all.add(new Probe("org/apache/kafka/common/network/KafkaChannel", "maybeCompleteSend", "", Kind.WRITTEN, "", "",
            "written"));
        all.add(new Probe(CLIENT, "initiateConnect", "", Kind.CONNECTING, "connecting", "1 Lorg/apache/kafka/common/Node;", ""));
        all.add(new Probe(STATES, "checkingApiVersions", "", Kind.CONNECTED, "connection", "1 Ljava/lang/String;", ""));
        all.add(new Probe(STATES, "ready", "", Kind.READY, "connection", "1 Ljava/lang/String;", ""));
        all.add(new Probe(CLIENT, "handleApiVersionsResponse", "", Kind.API_VERSIONS_RESPONSE, "begin",
            "2 Lorg/apache/kafka/common/requests/RequestHeader; " + CLIENT + "$InFlightRequest.header", "end"));

        for (String event : List.of("ControllerEvent", "ControllerWriteEvent", "ControllerReadEvent")) {
            all.add(new Probe(CONTROLLER + "$" + event, "run", "()V", Kind.CONTROLLER_EVENT, "begin",
                "0 " + OBJECT + " 0 Ljava/lang/String; " + CONTROLLER + "$" + event + ".name", "end"));
        }
        all.add(span(CONTROLLER, "claim", Kind.CLAIM));
        all.add(span(CONTROLLER, "renounce", Kind.RENOUNCE));
        all.add(new Probe("org/apache/kafka/queue/KafkaEventQueue", "enqueue", "", Kind.QUEUED_EVENT, "queued", "4 " + OBJECT,
            ""));
        all.add(span(LOADER, "lambda$handleCommit$*", Kind.LOADER_COMMIT));
        all.add(span(LOADER, "lambda$handleLeaderChange$*", Kind.LOADER_EVENT));
        all.add(span(LOADER, "lambda$handleLoadSnapshot$*", Kind.LOADER_EVENT));
        all.add(span(LOADER, "maybePublishMetadata", Kind.PUBLISH));
        all.add(span(LOADER, "initializeNewPublishers", Kind.FIRST_PUBLISH));
        all.add(span(REPLICAS, "stopPartitions", Kind.STOP_PARTITIONS));
        all.add(span(REPLICAS, "applyLocalLeadersDelta", Kind.LEAD_PARTITIONS));
        all.add(span(REPLICAS, "applyLocalFollowersDelta", Kind.FOLLOW_PARTITIONS));
        all.add(span(PARTITION, "makeLeader", Kind.LEAD_PARTITION));
        all.add(span(PARTITION, "makeFollower", Kind.FOLLOW_PARTITION));
        all.add(span(PARTITION, "createLog", Kind.CREATE_LOG));
        // makeLeader calls it if the leader epoch is new; otherwise appends do.
        all.add(new Probe("org/apache/kafka/storage/internals/log/UnifiedLog", "assignEpochStartOffset", "(IJ)V",
            Kind.LEAD_PARTITION, "mark", "", ""));

        for (String event : List.of("StartupEvent", "SetReadyToUnfenceEvent", "BeginControlledShutdownEvent",
            "CommunicationEvent", "BrokerRegistrationResponseEvent", "BrokerHeartbeatResponseEvent", "ShutdownEvent",
            "ResendBrokerRegistrationEvent", "CordonedDirEvent")) {
            all.add(new Probe(LIFECYCLE + "$" + event, "run", "()V", Kind.LIFECYCLE, "beginEvent", "0 " + OBJECT, "end"));
        }
        all.add(new Probe(LIFECYCLE, "beginControlledShutdown", "", Kind.STOP_BROKER, "moment", "", ""));
        all.add(new Probe(CHANNEL, "handleResponse", "", Kind.CHANNEL_RESPONSE, "begin",
            "2 Lorg/apache/kafka/clients/ClientResponse;", "end"));
        all.add(new Probe(CHANNEL, "enqueue", "", Kind.HANDOVER_REQUEST, "handover",
            "1 Lorg/apache/kafka/server/NodeToControllerQueueItem;", ""));
        all.add(span("kafka/server/AbstractFetcherThread", "processFetchRequest", Kind.FETCHER));
        all.add(span("kafka/server/AbstractFetcherThread", "truncateToEpochEndOffsets", Kind.FETCHER_TRUNCATE));
        all.add(new Probe("kafka/server/BrokerBlockingSender", "sendRequest", "", Kind.FETCHER_WAIT, "begin",
            "1 Lorg/apache/kafka/common/requests/AbstractRequest$Builder;", "end"));
        return all;
    }

    private static Probe span(String type, String method, int kind) {
        return new Probe(type, method, "", kind, "begin", "", "end");
    }

    private static Probe request(String type, String method, int kind) {
        return new Probe(type, method, "", kind, "begin", "1 Lorg/apache/kafka/network/Request;", "end");
    }

    boolean matches(String name, String itsDescriptor) {
        boolean isNamed = method.endsWith("*") ? name.startsWith(method.substring(0, method.length() - 1)) : name.equals(method);
        return isNamed && (descriptor.isEmpty() || descriptor.equals(itsDescriptor));
    }
}
