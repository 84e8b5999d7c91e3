//! What Kafka answers to ApiVersions: the APIs of a listener, with their versions.

use raft::ids::Listener;

const BROKERS: &[Listener] = &[Listener::Brokers];
const CONTROLLERS: &[Listener] = &[Listener::Controllers];
const BOTH: &[Listener] = &[Listener::Brokers, Listener::Controllers];

/// API key, oldest and newest version, listeners: what `ApiVersionsResponse.filterApis` of Kafka 4.4.0 returns, without
/// unstable versions and without client telemetry. A broker's Produce begins at 0 there (KAFKA-18659).
#[rustfmt::skip]
const APIS: &[(i16, i16, i16, &[Listener])] = &[
    (0, 0, 13, BROKERS), // Produce
    (1, 4, 18, BOTH), // Fetch
    (2, 1, 11, BROKERS), // ListOffsets
    (3, 0, 13, BROKERS), // Metadata
    (8, 2, 10, BROKERS), // OffsetCommit
    (9, 1, 10, BROKERS), // OffsetFetch
    (10, 0, 6, BROKERS), // FindCoordinator
    (11, 0, 9, BROKERS), // JoinGroup
    (12, 0, 4, BROKERS), // Heartbeat
    (13, 0, 5, BROKERS), // LeaveGroup
    (14, 0, 5, BROKERS), // SyncGroup
    (15, 0, 6, BROKERS), // DescribeGroups
    (16, 0, 5, BROKERS), // ListGroups
    (17, 0, 1, BOTH), // SaslHandshake
    (18, 0, 5, BOTH), // ApiVersions
    (19, 2, 7, BOTH), // CreateTopics
    (20, 1, 6, BOTH), // DeleteTopics
    (21, 0, 2, BROKERS), // DeleteRecords
    (22, 0, 5, BROKERS), // InitProducerId
    (23, 2, 4, BROKERS), // OffsetForLeaderEpoch
    (24, 0, 5, BROKERS), // AddPartitionsToTxn
    (25, 0, 4, BROKERS), // AddOffsetsToTxn
    (26, 0, 5, BROKERS), // EndTxn
    (27, 1, 2, BROKERS), // WriteTxnMarkers
    (28, 0, 6, BROKERS), // TxnOffsetCommit
    (29, 1, 3, BOTH), // DescribeAcls
    (30, 1, 3, BOTH), // CreateAcls
    (31, 1, 3, BOTH), // DeleteAcls
    (32, 1, 4, BOTH), // DescribeConfigs
    (33, 0, 2, BOTH), // AlterConfigs
    (34, 1, 2, BROKERS), // AlterReplicaLogDirs
    (35, 1, 5, BROKERS), // DescribeLogDirs
    (36, 0, 2, BOTH), // SaslAuthenticate
    (37, 0, 3, BOTH), // CreatePartitions
    (38, 1, 3, BOTH), // CreateDelegationToken
    (39, 1, 2, BOTH), // RenewDelegationToken
    (40, 1, 2, BOTH), // ExpireDelegationToken
    (41, 1, 3, BOTH), // DescribeDelegationToken
    (42, 0, 3, BROKERS), // DeleteGroups
    (43, 0, 2, BOTH), // ElectLeaders
    (44, 0, 1, BOTH), // IncrementalAlterConfigs
    (45, 0, 1, BOTH), // AlterPartitionReassignments
    (46, 0, 0, BOTH), // ListPartitionReassignments
    (47, 0, 0, BROKERS), // OffsetDelete
    (48, 0, 1, BROKERS), // DescribeClientQuotas
    (49, 0, 1, BOTH), // AlterClientQuotas
    (50, 0, 0, BOTH), // DescribeUserScramCredentials
    (51, 0, 0, BOTH), // AlterUserScramCredentials
    (52, 0, 2, CONTROLLERS), // Vote
    (53, 0, 1, CONTROLLERS), // BeginQuorumEpoch
    (54, 0, 1, CONTROLLERS), // EndQuorumEpoch
    (55, 0, 2, BOTH), // DescribeQuorum
    (56, 2, 3, CONTROLLERS), // AlterPartition
    (57, 0, 2, BOTH), // UpdateFeatures
    (58, 0, 0, CONTROLLERS), // Envelope
    (59, 0, 1, CONTROLLERS), // FetchSnapshot
    (60, 0, 2, BOTH), // DescribeCluster
    (61, 0, 0, BROKERS), // DescribeProducers
    (62, 0, 4, CONTROLLERS), // BrokerRegistration
    (63, 0, 2, CONTROLLERS), // BrokerHeartbeat
    (64, 0, 0, BOTH), // UnregisterBroker
    (65, 0, 0, BROKERS), // DescribeTransactions
    (66, 0, 2, BROKERS), // ListTransactions
    (67, 0, 0, CONTROLLERS), // AllocateProducerIds
    (68, 0, 1, BROKERS), // ConsumerGroupHeartbeat
    (69, 0, 1, BROKERS), // ConsumerGroupDescribe
    (70, 0, 0, CONTROLLERS), // ControllerRegistration
    (73, 0, 0, CONTROLLERS), // AssignReplicasToDirs
    (74, 0, 1, BROKERS), // ListConfigResources
    (75, 0, 0, BROKERS), // DescribeTopicPartitions
    (76, 1, 1, BROKERS), // ShareGroupHeartbeat
    (77, 1, 1, BROKERS), // ShareGroupDescribe
    (78, 1, 2, BROKERS), // ShareFetch
    (79, 1, 2, BROKERS), // ShareAcknowledge
    (80, 0, 1, BOTH), // AddRaftVoter
    (81, 0, 0, BOTH), // RemoveRaftVoter
    (82, 0, 0, CONTROLLERS), // UpdateRaftVoter
    (83, 0, 0, BROKERS), // InitializeShareGroupState
    (84, 0, 0, BROKERS), // ReadShareGroupState
    (85, 0, 1, BROKERS), // WriteShareGroupState
    (86, 0, 0, BROKERS), // DeleteShareGroupState
    (87, 0, 1, BROKERS), // ReadShareGroupStateSummary
    (88, 0, 1, BROKERS), // StreamsGroupHeartbeat
    (89, 0, 1, BROKERS), // StreamsGroupDescribe
    (90, 0, 1, BROKERS), // DescribeShareGroupOffsets
    (91, 0, 0, BROKERS), // AlterShareGroupOffsets
    (92, 0, 0, BROKERS), // DeleteShareGroupOffsets
    (93, 0, 0, BROKERS), // StreamsGroupTopologyDescriptionUpdate
    (94, 0, 0, BOTH), // UnregisterController
];

/// API key, oldest and newest version of each API of a listener, in the order of the keys.
pub fn apis(listener: Listener) -> impl Iterator<Item = (i16, i16, i16)> {
    let is_there = move |(.., listeners): &&(i16, i16, i16, &[Listener])| listeners.contains(&listener);
    APIS.iter().filter(is_there).map(|&(key, oldest, newest, _)| (key, oldest, newest))
}

/// The newest version of an API.
pub fn newest(key: i16) -> Option<i16> {
    APIS.iter().find(|(known, ..)| *known == key).map(|(_, _, newest, _)| *newest)
}
