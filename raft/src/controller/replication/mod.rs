//! Kafka's `ReplicationControlManager` (controller-broker.md §4).
//!
//! * `create_topics`, `placement`: topics, and where their replicas go
//! * `topic_changes`: deletion, more partitions
//! * `alter_partition`: what leaders propose
//! * `broker_events`: what becomes of partitions when brokers come and go
//! * `elections`: asked for, preferred, unclean

mod alter_partition;
mod broker_events;
mod create_topics;
mod elections;
mod placement;
mod topic_changes;

pub use alter_partition::alter_partition;
pub use broker_events::{
    broker_fenced, broker_unfenced, controlled_shutdown, directories_offline, directory_assigned, leaves,
    lost_uncleanly, unregistered,
};
pub use create_topics::create_topics;
pub use elections::{elect_leaders, elect_preferred, elect_unclean};
pub use placement::{StripedReplicaPlacer, UsableBroker};
pub use topic_changes::{create_partitions, delete_topics, resolve_topics};

use std::rc::Rc;

use super::cluster::BrokerHeartbeatManager;
use super::settings::ControllerSettings;
use super::state::ControllerState;
use crate::bugs::Bug;
use crate::ids::{LeaderEpoch, NodeId, PartitionEpoch, Uuid};
use crate::io::Entropy;
use crate::metadata::image::{BrokerRegistration, directory_id};
use crate::metadata::records::Partition;

/// What an operation reads: the latest state, uncommitted records included.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Latest state.
    pub state: &'a ControllerState,
    /// Soft state of brokers.
    pub heartbeats: &'a BrokerHeartbeatManager,
    /// Properties.
    pub settings: &'a ControllerSettings,
}

impl View<'_> {
    /// Brokers that may get replicas (§3.6).
    fn usable_brokers(&self) -> Vec<UsableBroker> {
        let known = self.heartbeats.usable_brokers();
        let registered = known.filter_map(|(id, fenced)| Some((id, fenced, self.state.cluster.broker(id)?)));
        let open = registered.filter(|(_, _, broker)| !broker.is_fully_cordoned());
        open.map(|(id, fenced, broker)| UsableBroker { id, rack: broker.rack.clone(), fenced }).collect()
    }

    /// A partition as it begins, or `None` if none of its replicas is active (§4.1).
    fn new_partition(&self, topic_id: Uuid, partition_id: i32, replicas: Rc<[NodeId]>) -> Option<Partition> {
        let fenced_too = self.settings.bugs.has(Bug::Kafka13083FencedInNewIsr);
        let member = |id: &NodeId| fenced_too || self.state.is_active(*id);
        let isr: Rc<[NodeId]> = replicas.iter().copied().filter(member).collect();
        let leader = *isr.first()?;
        let directory = |id: &NodeId| default_directory(self.state.cluster.broker(*id).map(Rc::as_ref));
        let directories = replicas.iter().map(directory).collect();
        Some(Partition {
            partition_id,
            topic_id,
            replicas,
            isr,
            removing_replicas: Rc::from([]),
            adding_replicas: Rc::from([]),
            leader,
            leader_recovery_state: 0,
            leader_epoch: LeaderEpoch(0),
            partition_epoch: PartitionEpoch(0),
            directories,
            eligible_leader_replicas: None,
            last_known_elr: None,
        })
    }
}

/// The only directory of a broker, or its own choice (§4.1).
fn default_directory(broker: Option<&BrokerRegistration>) -> Uuid {
    match broker.map(|broker| &*broker.log_dirs) {
        Some([only]) => *only,
        Some([]) => directory_id::MIGRATING,
        _ => directory_id::UNASSIGNED,
    }
}

/// A random id for a topic: version 4, RFC 9562, never one of Kafka's reserved ids; Kafka also
/// draws again while it begins with a dash.
fn random_uuid(entropy: &mut dyn Entropy) -> Uuid {
    loop {
        let mut bytes = [0; 16];
        for byte in &mut bytes {
            *byte = entropy.below(256).to_le_bytes()[0];
        }
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let uuid = Uuid(bytes);
        if bytes[0] >> 2 != DASH {
            return uuid;
        }
    }
}

/// Of base64's URL-safe alphabet.
const DASH: u8 = 62;
