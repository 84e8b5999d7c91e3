//! What a client shows of its state, for a comparison with Kafka's.

use super::TopicPartition;
use crate::ids::{LeaderEpoch, NodeId, Offset, ProducerId};
use crate::io::{ConnectToken, Connection};

/// The state of a client after a step.
#[derive(Clone, Debug, Default)]
pub struct ClientShown {
    pub connections: Vec<ConnectionShown>,
    /// A refresh of the metadata was requested.
    pub update_requested: bool,
    /// Brokers, or -1, -2, … for bootstrap servers.
    pub nodes: Vec<NodeId>,
    /// Of all partitions of which it knows a leader epoch.
    pub leaders: Vec<LeaderShown>,
    /// Of a consumer: the assigned partitions.
    pub positions: Vec<PositionShown>,
    /// Of a producer with `enable.idempotence`: id and epoch, if it has one.
    pub session: Option<(ProducerId, i16)>,
    /// Of a producer with `enable.idempotence`.
    pub sequences: Vec<SequencesShown>,
}

/// A connection; with neither token nor connection: the last one was lost.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionShown {
    pub node: NodeId,
    /// Connecting, asking for the node's versions, or ready.
    pub token: Option<ConnectToken>,
    /// Ready.
    pub connection: Option<Connection>,
    /// Lost: no connect before this ms.
    pub retry_at_ms: Option<i64>,
}

/// The last known leader of a partition.
#[derive(Clone, Copy, Debug)]
pub struct LeaderShown {
    pub partition: TopicPartition,
    pub leader: Option<NodeId>,
    pub epoch: Option<LeaderEpoch>,
}

/// The fetch state of a partition.
#[derive(Clone, Copy, Debug)]
pub struct PositionShown {
    pub partition: TopicPartition,
    /// The name of Kafka's `FetchStates`.
    pub state: &'static str,
    /// `poll` threw; nothing is read until the application seeks.
    pub failed: bool,
    /// Offset, epoch of the record before it, and the leader against which it was last checked.
    pub position: Option<(Offset, Option<LeaderEpoch>, LeaderShown)>,
}

/// The sequences of a partition.
#[derive(Clone, Copy, Debug)]
pub struct SequencesShown {
    pub partition: TopicPartition,
    pub next: i32,
    /// -1: none.
    pub last_acked: i32,
    /// The number of batches that were sent and have not ended.
    pub in_flight: usize,
    /// A batch expired that a broker may have.
    pub is_unresolved: bool,
}
