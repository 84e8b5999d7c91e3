//! Kafka properties: names, defaults, and what Kafka refuses.

use std::rc::Rc;

use crate::ids::NodeId;
use crate::message::Endpoint;

/// What a controller needs to know, from its `.properties` (consensus.md §2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControllerConfig {
    /// `node.id`
    pub node_id: NodeId,
    /// `controller.quorum.voters`, ascending by id.
    pub voters: Rc<[Voter]>,
    /// `controller.quorum.election.timeout.ms`
    pub election_timeout_ms: i32,
    /// `controller.quorum.fetch.timeout.ms`
    pub fetch_timeout_ms: i32,
    /// `controller.quorum.election.backoff.max.ms`
    pub election_backoff_max_ms: i32,
    /// `controller.quorum.append.linger.ms`
    pub append_linger_ms: i32,
    /// `controller.quorum.request.timeout.ms`
    pub request_timeout_ms: i32,
    /// `controller.quorum.retry.backoff.ms`
    pub retry_backoff_ms: i32,
    /// `controller.quorum.fetch.max.bytes`
    pub fetch_max_bytes: i32,
    /// `metadata.log.segment.bytes`, or `internal.metadata.log.segment.bytes` if set
    pub segment_bytes: i32,
    /// `metadata.log.segment.ms`
    pub segment_ms: i64,
    /// `metadata.max.idle.interval.ms`
    pub max_idle_interval_ms: i32,
    /// `socket.connection.setup.timeout.ms`
    pub connection_setup_timeout_ms: i64,
    /// `socket.connection.setup.timeout.max.ms`
    pub connection_setup_timeout_max_ms: i64,
}

/// One entry of `controller.quorum.voters`: `id@host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voter {
    /// Its node id.
    pub id: NodeId,
    /// Its controller listener.
    pub endpoint: Endpoint,
}
