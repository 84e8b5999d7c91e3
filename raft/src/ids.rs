//! Identifiers as newtypes: nodes, epochs, offsets, replicas.

use std::fmt;

/// Kafka's `node.id` / `broker.id` / replica id. Unitless; -1 means "none" on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub i32);

impl NodeId {
    /// The wire's "unknown leader" / "no vote" / "anonymous replica".
    pub const NONE: NodeId = NodeId(-1);

    /// `None` when this is the wire's -1.
    pub fn known(self) -> Option<NodeId> {
        (self.0 >= 0).then_some(self)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A Raft term; Kafka says leader epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaderEpoch(pub i32);

impl fmt::Display for LeaderEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Kafka's broker epoch: the end of the metadata log when the registration was handled. Grows with
/// every incarnation of any broker; -1 means "unknown" on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BrokerEpoch(pub i64);

impl BrokerEpoch {
    /// The wire's "unknown".
    pub const UNKNOWN: BrokerEpoch = BrokerEpoch(-1);
}

impl fmt::Display for BrokerEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Version of one partition's metadata: grows by one with each change record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionEpoch(pub i32);

impl fmt::Display for PartitionEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// An idempotent producer; -1 means "none" on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProducerId(pub i64);

impl ProducerId {
    /// The wire's "none".
    pub const NONE: ProducerId = ProducerId(-1);
}

impl fmt::Display for ProducerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A partition, by the id of its topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicIdPartition {
    pub topic_id: Uuid,
    pub partition: i32,
}

impl fmt::Display for TopicIdPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic_id, self.partition)
    }
}

/// A log offset, in records from 0. End offsets and high watermarks are exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub i64);

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Kafka's `OffsetAndEpoch`; ordered by epoch first, then offset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OffsetAndEpoch {
    /// Compared first.
    pub epoch: LeaderEpoch,
    /// Compared second.
    pub offset: Offset,
}

/// 128-bit id, printed as Kafka prints it: URL-safe base64, 22 characters, no padding.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub [u8; 16]);

const BASE64_URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl Uuid {
    /// All zeroes; "absent" on the wire and in `quorum-state`.
    pub const ZERO: Uuid = Uuid([0; 16]);
    /// Topic id of `__cluster_metadata`: `AAAAAAAAAAAAAAAAAAAAAQ`.
    pub const METADATA_TOPIC_ID: Uuid = Uuid([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

    /// Reads 22 characters of URL-safe base64; `None` if they are anything else.
    pub fn parse(text: &str) -> Option<Uuid> {
        let text = text.as_bytes();
        if text.len() != 22 {
            return None;
        }
        let mut bits: u128 = 0;
        for (index, byte) in text.iter().enumerate() {
            let value = BASE64_URL.iter().position(|c| c == byte)? as u128;
            if index < 21 {
                bits = bits << 6 | value;
            } else if value & 0xf != 0 {
                return None;
            } else {
                bits = bits << 2 | value >> 4;
            }
        }
        Some(Uuid(bits.to_be_bytes()))
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = u128::from_be_bytes(self.0);
        for index in 0..22 {
            let value = if index < 21 { bits >> (122 - 6 * index) & 63 } else { bits << 4 & 63 };
            write!(f, "{}", BASE64_URL[value as usize] as char)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Kafka's `ReplicaKey`: a node id and, where known, the id of its log directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplicaKey {
    /// Node id; never negative.
    pub id: NodeId,
    /// `None` where the wire has the zero UUID.
    pub directory_id: Option<Uuid>,
}

/// What a process accepts connections for: a combined one has both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    /// `controller.listener.names`: open from the start of the process on.
    Controllers,
    /// Of clients and of other brokers.
    Brokers,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_print_and_parse_as_kafkas() {
        assert_eq!(Uuid::ZERO.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(Uuid::METADATA_TOPIC_ID.to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
        let text = "J8aAPcfLQt2bqs1JT_rMgQ";
        assert_eq!(Uuid::parse(text).map(|u| u.to_string()).as_deref(), Some(text));
        assert_eq!(Uuid::parse("short"), None);
    }
}
