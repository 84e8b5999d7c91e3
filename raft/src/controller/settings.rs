//! The controller's properties, and the parameters of `kafka-storage format`.

use std::rc::Rc;

use crate::bugs::{Bug, Bugs};
use crate::fixes::Fixes;
use crate::ids::NodeId;
use crate::io::Now;
use crate::metadata::MetadataRecord;
use crate::metadata::records::FeatureLevel;

/// The feature that selects the version of every record.
pub const METADATA_VERSION: &str = "metadata.version";
/// The feature of raft; never finalized by a record.
pub const KRAFT_VERSION: &str = "kraft.version";
/// The feature of KIP-966.
pub const ELR_VERSION: &str = "eligible.leader.replicas.version";

/// Levels of `metadata.version` that change what the controller does (controller-broker.md §1.3).
pub mod level {
    /// 3.3-IV3: the lowest that is supported.
    pub const MINIMUM: i16 = 7;
    /// 3.6-IV0: a shrunk ISR no longer bumps the leader epoch (KAFKA-15021).
    pub const NO_BUMP_ON_SHRINK: i16 = 12;
    /// 3.6-IV1: metadata transactions (KIP-868).
    pub const TRANSACTIONS: i16 = 13;
    /// 3.7-IV0: controllers register.
    pub const CONTROLLER_REGISTRATION: i16 = 15;
    /// 3.7-IV2: directories of replicas (KIP-858).
    pub const DIRECTORIES: i16 = 17;
    /// 4.0-IV1: ELR fields (KIP-966).
    pub const ELR: i16 = 23;
    /// 4.4-IV2: the latest for production.
    pub const LATEST: i16 = 33;
}

/// A feature and its level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feature {
    /// `metadata.version`, …
    pub name: Rc<str>,
    /// Level; 0 is "off" for all but `metadata.version`.
    pub level: i16,
}

impl Feature {
    /// The record that finalizes it.
    pub fn record(&self) -> MetadataRecord {
        MetadataRecord::FeatureLevel(FeatureLevel { name: Rc::clone(&self.name), feature_level: self.level })
    }
}

/// Properties of the node that hosts the controller, with Kafka's defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControllerSettings {
    /// `node.id`
    pub node_id: NodeId,
    /// `cluster.id`
    pub cluster_id: Rc<str>,
    pub voters: Rc<[NodeId]>,
    /// `kraft.version` at format. Every broker supports both levels, so no registration depends on an upgrade.
    pub kraft_version: i16,
    /// `broker.session.timeout.ms`
    pub broker_session_timeout_ms: u32,
    /// `broker.heartbeat.interval.ms`: half of it is the deadline of a heartbeat in the queue.
    pub broker_heartbeat_interval_ms: u32,
    /// `metadata.max.idle.interval.ms`; 0: no NoOp records.
    pub max_idle_interval_ms: u32,
    /// `num.partitions`
    pub num_partitions: i32,
    /// `default.replication.factor`
    pub default_replication_factor: i16,
    /// `min.insync.replicas`
    pub min_insync_replicas: i32,
    /// `unclean.leader.election.enable`
    pub unclean_leader_election_enable: bool,
    /// `delete.topic.enable`
    pub delete_topic_enable: bool,
    /// `auto.leader.rebalance.enable`
    pub auto_leader_rebalance_enable: bool,
    /// `leader.imbalance.check.interval.seconds`
    pub leader_imbalance_check_interval_seconds: u32,
    /// `unclean.leader.election.interval.ms`, which is internal.
    pub unclean_leader_election_interval_ms: u32,
    /// The bootstrap records: `metadata.version` and other features, as formatted (§2.6, §7.3).
    pub bootstrap: Rc<[Feature]>,
    pub bugs: Bugs,
    pub fixes: Fixes,
}

impl ControllerSettings {
    /// Kafka's defaults, of a static quorum formatted with the latest `metadata.version`.
    pub fn new(node_id: NodeId, cluster_id: Rc<str>, voters: Rc<[NodeId]>) -> ControllerSettings {
        ControllerSettings {
            node_id,
            cluster_id,
            voters,
            kraft_version: 0,
            broker_session_timeout_ms: 9_000,
            broker_heartbeat_interval_ms: 2_000,
            max_idle_interval_ms: 500,
            num_partitions: 1,
            default_replication_factor: 1,
            min_insync_replicas: 1,
            unclean_leader_election_enable: false,
            delete_topic_enable: true,
            auto_leader_rebalance_enable: true,
            leader_imbalance_check_interval_seconds: 300,
            unclean_leader_election_interval_ms: 300_000,
            bootstrap: Rc::from([
                Feature { name: METADATA_VERSION.into(), level: level::LATEST },
                Feature { name: ELR_VERSION.into(), level: 1 },
            ]),
            bugs: Bugs::NONE,
            fixes: Fixes::NONE,
        }
    }

    /// The clock of broker sessions: the monotonic one (§11.1), unless [`Bug::SessionOnWallClock`] is on.
    pub fn session_now_ns(&self, now: Now) -> u64 {
        if self.bugs.has(Bug::SessionOnWallClock) {
            return u64::try_from(now.wall_ms).unwrap_or(0).saturating_mul(1_000_000);
        }
        now.mono_ns
    }

    /// Level of a bootstrap feature; 0 if absent.
    pub fn bootstrap_level(&self, name: &str) -> i16 {
        self.bootstrap.iter().find(|feature| &*feature.name == name).map_or(0, |feature| feature.level)
    }
}
