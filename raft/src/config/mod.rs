//! Kafka properties: names, defaults, and what Kafka refuses.
//!
//! * [`properties`]: the syntax of a `.properties` file
//! * [`definitions`]: the table of names, types, defaults and ranges
//! * `controller`: one node's properties → [`ControllerConfig`], and back
//! * `cluster`: the files of a cluster, which must agree with each other
//! * `listeners`: addresses, and whether they agree
//! * `error`: the one message a bad file gets

mod cluster;
mod controller;
pub mod definitions;
mod error;
mod listeners;
pub mod properties;
#[cfg(test)]
mod tests;

use std::fmt;
use std::rc::Rc;

pub use cluster::load_cluster;
pub use error::ConfigError;

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
    /// Properties of the file that change nothing here, by line.
    pub kept: Rc<[Kept]>,
}

/// One entry of `controller.quorum.voters`: `id@host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voter {
    /// Its node id.
    pub id: NodeId,
    /// Its controller listener.
    pub endpoint: Endpoint,
}

impl fmt::Display for Voter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = &*self.endpoint.host;
        let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{}@{open}{host}{close}:{}", self.id, self.endpoint.port)
    }
}

/// A property that stands in the file, is printed again, and changes nothing here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Name.
    pub key: String,
    /// Value as written.
    pub value: String,
    /// Line in its file.
    pub line: u32,
    /// Why it changes nothing.
    pub why: KeptWhy,
}

/// Why a property changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptWhy {
    /// Not in the table: a typing mistake, a plug-in's own, or a newer Kafka's.
    Unrecognised,
    /// Kafka knows it; what it governs is not simulated, or not used by a static quorum.
    NotSimulated,
    /// It names or addresses a listener: checked against the others, otherwise without effect.
    Checked,
}

/// A property of a file that nobody knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unrecognised {
    /// Name.
    pub key: String,
    /// Line in its file.
    pub line: u32,
}

impl ControllerConfig {
    /// A node with Kafka's defaults.
    pub fn new(node_id: NodeId, voters: Rc<[Voter]>) -> ControllerConfig {
        let mut config = ControllerConfig {
            node_id,
            voters,
            election_timeout_ms: 0,
            fetch_timeout_ms: 0,
            election_backoff_max_ms: 0,
            append_linger_ms: 0,
            request_timeout_ms: 0,
            retry_backoff_ms: 0,
            fetch_max_bytes: 0,
            segment_bytes: 0,
            segment_ms: 0,
            max_idle_interval_ms: 0,
            connection_setup_timeout_ms: 0,
            connection_setup_timeout_max_ms: 0,
            kept: Rc::from([]),
        };
        for definition in definitions::DEFINITIONS {
            if let (Some(field), Some(default)) = (definition.field, definition.default) {
                (field.set)(&mut config, default);
            }
        }
        config
    }

    /// The properties nobody knows, by line: a command warns of these.
    pub fn unrecognised(&self) -> Vec<Unrecognised> {
        let unknown = self.kept.iter().filter(|k| k.why == KeptWhy::Unrecognised);
        unknown.map(|k| Unrecognised { key: k.key.clone(), line: k.line }).collect()
    }
}
