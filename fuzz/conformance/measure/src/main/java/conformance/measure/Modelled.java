package conformance.measure;

import java.util.Set;

/** What the simulator has a service time for; it refuses a profile with any other name. */
final class Modelled {
    private static final Set<String> RPCS = Set.of("Vote", "BeginQuorumEpoch", "EndQuorumEpoch", "Fetch", "UpdateRaftVoter",
        "ApiVersions", "Envelope", "AlterPartition", "BrokerRegistration", "BrokerHeartbeat", "AllocateProducerIds",
        "ControllerRegistration", "CreateTopics", "DeleteTopics", "DescribeConfigs", "CreatePartitions", "ElectLeaders",
        "IncrementalAlterConfigs", "UnregisterBroker", "Produce", "ListOffsets", "Metadata", "InitProducerId",
        "OffsetForLeaderEpoch");
    private static final Set<String> WORKS = Set.of("timer", "post", "become prospective", "become candidate", "become leader",
        "become follower", "become unattached", "become resigned", "claim", "renounce", "publish", "append",
        "append as follower", "stop partitions", "lead partitions", "follow partitions", "lead partition",
        "update leader", "follow partition", "create log");

    /** What forces files that the simulator has, too: it has no indexes. */
    private static final Set<String> FILES = Set.of("FileRecords", "FileQuorumStateStore", "CheckpointFile", "FileRawSnapshotWriter",
        "PartitionMetadataFile", "ProducerStateManager", "CleanShutdownFileHandler");

    private Modelled() {
    }

    /** Of a file that this method forces. */
    static boolean hasFile(String method) {
        return FILES.contains(method.substring(0, method.indexOf('.')));
    }

    static boolean hasWork(String name) {
        return WORKS.contains(name) || hasMessage(name);
    }

    static boolean hasMessage(String name) {
        int space = name.lastIndexOf(' ');
        return space > 0 && RPCS.contains(name.substring(0, space))
            && Set.of("request", "response").contains(name.substring(space + 1));
    }
}
