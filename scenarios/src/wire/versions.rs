//! The versions in which APIs are written.

use kafka_protocol::messages::ApiKey;

use super::supported;

/// A choice of versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// Those that servers of Kafka 4.4 use among themselves and with its clients, as far as `kafka-protocol` knows them.
    Kafka,
    /// Where the Kafka dissector of Wireshark 4.0 knows only older versions of an API, the newest of these.
    Wireshark,
}

/// The newest versions of Wireshark 4.0 where Kafka's are newer, measured with tshark 4.0.17 by sending each. It knows no
/// API above 47.
const WIRESHARK: [(ApiKey, i16); 12] = [
    (ApiKey::Produce, 8),
    (ApiKey::Fetch, 11),
    (ApiKey::ListOffsets, 5),
    (ApiKey::Metadata, 9),
    (ApiKey::ApiVersions, 3),
    (ApiKey::CreateTopics, 5),
    (ApiKey::DeleteTopics, 4),
    (ApiKey::InitProducerId, 3),
    (ApiKey::OffsetForLeaderEpoch, 3),
    (ApiKey::DescribeConfigs, 2),
    (ApiKey::CreatePartitions, 2),
    (ApiKey::ElectLeaders, 1),
];

impl Versions {
    /// The version of an API.
    pub fn of(self, api: ApiKey) -> i16 {
        let encoded = api.valid_versions().max;
        let kafkas = supported::newest(api as i16).map_or(encoded, |newest| newest.min(encoded));
        match self {
            Versions::Kafka => kafkas,
            Versions::Wireshark => WIRESHARK.iter().find(|(known, _)| *known == api).map_or(kafkas, |(_, own)| *own),
        }
    }
}
