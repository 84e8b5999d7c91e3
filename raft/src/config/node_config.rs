//! What the `.properties` of one node say.

use std::fmt;
use std::rc::Rc;

use crate::broker::config::BrokerConfig;
use crate::controller::settings::ControllerSettings;
use crate::ids::{NodeId, Uuid};
use crate::voter_set::{Endpoint, KRaftVersionFeature, VoterNode, VoterSet};

/// The `cluster.id` that simulated directories are formatted with, 16 bytes in base64 as
/// `kafka-storage format` requests it.
pub const CLUSTER_ID: &str = "kraftsimkraftsimkraftg";

/// `process.roles`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// It is a voter of the quorum and may be the active controller.
    pub controller: bool,
    /// It holds partitions; without the other role it observes the quorum.
    pub broker: bool,
}

impl Roles {
    /// `process.roles=controller`
    pub const CONTROLLER: Roles = Roles { controller: true, broker: false };
    /// `process.roles=broker`
    pub const BROKER: Roles = Roles { controller: false, broker: true };
    /// `process.roles=broker,controller`
    pub const COMBINED: Roles = Roles { controller: true, broker: true };
    /// Not Kafka's: an observer of the quorum that is nothing else, in scenarios of the quorum alone.
    pub const OBSERVER: Roles = Roles { controller: false, broker: false };
}

/// One node: what its `.properties` say to each of its parts, and what `kafka-storage format`
/// wrote (`cluster.id` and features, in [`ControllerSettings`]).
///
/// Every part is filled in whatever the roles are, as Kafka's one `KafkaConfig` is: a controller
/// that will never be a broker may well have `replica.lag.time.max.ms` in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeConfig {
    /// `process.roles`
    pub roles: Roles,
    /// What raft reads.
    pub quorum: ControllerConfig,
    /// What the controller role reads.
    pub controller: ControllerSettings,
    /// What the broker role reads.
    pub broker: BrokerConfig,
    /// Properties of the file that change nothing here, by line.
    pub kept: Rc<[Kept]>,
}

/// What raft needs to know of a node's `.properties` (consensus.md §2.1). A node whose id is not
/// among the voters is an observer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControllerConfig {
    /// `node.id`
    pub node_id: NodeId,
    /// `controller.quorum.voters`, in the order as written, which decides that of the bootstrap servers. Of a dynamic quorum
    /// the voters that its directories are formatted with, which the node itself does not know.
    pub voters: Rc<[Voter]>,
    /// The voters are in the metadata log (KIP-853).
    pub is_dynamic: bool,
    /// Those of `controller.quorum.bootstrap.servers`, in the order as written. If there are none the voters take
    /// their place.
    pub bootstrap_servers: Rc<[BootstrapServer]>,
    /// `process.roles` contains `controller` (`canBecomeVoter`).
    pub can_become_voter: bool,
    /// `controller.quorum.auto.join.enable`
    pub auto_join: bool,
    /// The advertised listener for raft of a controller of a dynamic quorum.
    pub listener: Option<Endpoint>,
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
    /// `controller.quorum.fetch.snapshot.max.bytes`
    pub fetch_snapshot_max_bytes: i32,
    /// `metadata.log.segment.bytes`, or `internal.metadata.log.segment.bytes` if set
    pub segment_bytes: i32,
    /// `metadata.log.segment.ms`
    pub segment_ms: i64,
    /// `metadata.log.max.record.bytes.between.snapshots`
    pub max_bytes_between_snapshots: i64,
    /// `metadata.log.max.snapshot.interval.ms`; 0: time does not matter
    pub max_snapshot_interval_ms: i64,
    /// `metadata.max.retention.bytes`; negative: no limit
    pub retention_max_bytes: i64,
    /// `metadata.max.retention.ms`; negative: no limit
    pub retention_ms: i64,
    /// `metadata.max.idle.interval.ms`
    pub max_idle_interval_ms: i32,
    /// `socket.connection.setup.timeout.ms`
    pub connection_setup_timeout_ms: i64,
    /// `socket.connection.setup.timeout.max.ms`
    pub connection_setup_timeout_max_ms: i64,
}

/// One address of `controller.quorum.bootstrap.servers`, and the controller behind it. Of a name with several addresses
/// there is one for each of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootstrapServer {
    /// Host as written.
    pub host: Rc<str>,
    /// Port as written.
    pub port: u16,
    /// Who listens there.
    pub node: NodeId,
}

impl fmt::Display for BootstrapServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{open}{}{close}:{}", self.host, self.port)
    }
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
        ControllerConfig {
            node_id,
            can_become_voter: voters.iter().any(|voter| voter.id == node_id),
            voters,
            is_dynamic: false,
            bootstrap_servers: Rc::from([]),
            auto_join: false,
            listener: None,
            election_timeout_ms: 1_000,
            fetch_timeout_ms: 2_000,
            election_backoff_max_ms: 1_000,
            append_linger_ms: 25,
            request_timeout_ms: 2_000,
            retry_backoff_ms: 20,
            fetch_max_bytes: 1 << 20,
            fetch_snapshot_max_bytes: 1 << 20,
            segment_bytes: 1 << 30,
            segment_ms: 604_800_000,
            max_bytes_between_snapshots: 20 << 20,
            max_snapshot_interval_ms: 3_600_000,
            retention_max_bytes: 100 << 20,
            retention_ms: 604_800_000,
            max_idle_interval_ms: 500,
            connection_setup_timeout_ms: 10_000,
            connection_setup_timeout_max_ms: 30_000,
        }
    }

    /// The voters that the properties name: none if the quorum is dynamic (`VoterSet.fromInetSocketAddresses`).
    pub fn static_voters(&self) -> VoterSet {
        let node = |voter: &Voter| VoterNode {
            id: voter.id,
            directory_id: None,
            endpoints: [voter.endpoint.clone()].into(),
            supported: KRaftVersionFeature::OF_STATIC_VOTER,
        };
        match self.is_dynamic {
            true => VoterSet::of(Vec::new()),
            false => VoterSet::of(self.voters.iter().map(node).collect()),
        }
    }

    /// The listener for raft of a controller.
    pub fn endpoint(&self) -> Option<&Endpoint> {
        let of_voter = self.voters.iter().find(|voter| voter.id == self.node_id).map(|voter| &voter.endpoint);
        match self.is_dynamic {
            // The disk may have been formatted with another one.
            true => self.listener.as_ref().or(of_voter),
            false => of_voter.or(self.listener.as_ref()),
        }
    }

    /// This replica as a voter: its key, its listeners and what it supports.
    pub fn local_voter_node(&self, directory_id: Uuid) -> VoterNode {
        let endpoints = self.endpoint().cloned().into_iter().collect();
        let supported = KRaftVersionFeature::SUPPORTED;
        VoterNode { id: self.node_id, directory_id: Some(directory_id), endpoints, supported }
    }
}

impl NodeConfig {
    /// A node with Kafka's defaults, formatted with the latest `metadata.version` and ELR.
    pub fn new(node_id: NodeId, roles: Roles, voters: Rc<[Voter]>) -> NodeConfig {
        let ids = voters.iter().map(|voter| voter.id).collect();
        let quorum = ControllerConfig { can_become_voter: roles.controller, ..ControllerConfig::new(node_id, voters) };
        NodeConfig {
            roles,
            quorum,
            controller: ControllerSettings::new(node_id, CLUSTER_ID.into(), ids),
            broker: BrokerConfig::new(node_id),
            kept: Rc::from([]),
        }
    }

    /// The voters of this configuration are those that the disks of a dynamic quorum are formatted with, and the
    /// properties of a node do not name them.
    pub fn make_dynamic(&mut self, bootstrap_servers: Rc<[BootstrapServer]>) {
        self.quorum.is_dynamic = true;
        self.quorum.bootstrap_servers = bootstrap_servers;
        self.controller.voters = Rc::from([]);
        self.controller.kraft_version = 1;
    }

    /// The same settings for another node of the cluster.
    pub fn for_node(&self, node_id: NodeId, roles: Roles) -> NodeConfig {
        let mut other = NodeConfig { roles, ..self.clone() };
        other.quorum.node_id = node_id;
        other.quorum.can_become_voter = roles.controller;
        other.controller.node_id = node_id;
        other.broker.node_id = node_id;
        other
    }

    /// `node.id`
    pub fn node_id(&self) -> NodeId {
        self.quorum.node_id
    }

    /// The properties nobody knows, by line: a command warns of these.
    pub fn unrecognised(&self) -> Vec<Unrecognised> {
        let unknown = self.kept.iter().filter(|k| k.why == KeptWhy::Unrecognised);
        unknown.map(|k| Unrecognised { key: k.key.clone(), line: k.line }).collect()
    }
}
