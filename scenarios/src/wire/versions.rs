//! The versions in which APIs are written.

/// A choice of versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// Those that servers of Kafka 4.4 use among themselves and with its clients, as far as `kafka-protocol` knows them.
    Kafka,
    /// Where the Kafka dissector of Wireshark 4.0 knows only older versions of an API, the newest of these.
    Wireshark,
}

/// (API key, version of Kafka, version of Wireshark). Wireshark 4.0 knows no API above 47, so these have one version.
/// Its versions were measured with tshark 4.0.17 by sending each.
const VERSIONS: [(i16, i16, i16); 24] = [
    (0, 13, 8),  // Produce
    (1, 18, 11), // Fetch
    (2, 10, 5),  // ListOffsets
    (3, 13, 9),  // Metadata
    (18, 4, 3),  // ApiVersions
    (19, 7, 5),  // CreateTopics
    (20, 6, 4),  // DeleteTopics
    (22, 5, 3),  // InitProducerId
    (23, 4, 3),  // OffsetForLeaderEpoch
    (32, 4, 2),  // DescribeConfigs
    (37, 3, 2),  // CreatePartitions
    (43, 2, 1),  // ElectLeaders
    (44, 1, 1),  // IncrementalAlterConfigs
    (52, 2, 2),  // Vote
    (53, 1, 1),  // BeginQuorumEpoch
    (54, 1, 1),  // EndQuorumEpoch
    (56, 3, 3),  // AlterPartition
    (58, 0, 0),  // Envelope
    (62, 4, 4),  // BrokerRegistration
    (63, 1, 1),  // BrokerHeartbeat
    (64, 0, 0),  // UnregisterBroker
    (67, 0, 0),  // AllocateProducerIds
    (70, 0, 0),  // ControllerRegistration
    (82, 0, 0),  // UpdateRaftVoter
];

impl Versions {
    /// The version of an API.
    pub fn of(self, api_key: i16) -> i16 {
        self.all().find(|(key, _)| *key == api_key).map_or(0, |(_, version)| version)
    }

    /// All API keys with their versions.
    pub fn all(self) -> impl Iterator<Item = (i16, i16)> {
        VERSIONS.into_iter().map(move |(key, kafka, wireshark)| match self {
            Versions::Kafka => (key, kafka),
            Versions::Wireshark => (key, wireshark),
        })
    }
}
