//! The controller state that operations on topics read (controller-broker.md §4).

use std::rc::Rc;

use super::placement::UsableBroker;
use crate::bugs::Bug;
use crate::controller::cluster::BrokerHeartbeatManager;
use crate::controller::settings::{ControllerSettings, level};
use crate::controller::state::ControllerState;
use crate::ids::{LeaderEpoch, NodeId, PartitionEpoch, Uuid};
use crate::metadata::image::{BrokerRegistration, directory_id};
use crate::metadata::records::Partition;

/// The latest state, uncommitted records included, with soft state and properties.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub state: &'a ControllerState,
    pub heartbeats: &'a BrokerHeartbeatManager,
    pub settings: &'a ControllerSettings,
}

impl View<'_> {
    /// Brokers that may get replicas (§3.6).
    pub(super) fn usable_brokers(&self) -> Vec<UsableBroker> {
        let known = self.heartbeats.usable_brokers();
        let registered = known.filter_map(|(id, fenced)| Some((id, fenced, self.state.cluster.broker(id)?)));
        let open = registered.filter(|(_, _, broker)| !broker.is_fully_cordoned());
        open.map(|(id, fenced, broker)| UsableBroker { id, rack: broker.rack.clone(), fenced }).collect()
    }

    /// The initial state of a partition, or `None` if none of its replicas is active (§4.1).
    pub(super) fn new_partition(&self, topic_id: Uuid, partition_id: i32, replicas: Rc<[NodeId]>) -> Option<Partition> {
        let fenced_too = self.settings.bugs.has(Bug::Kafka13083FencedInNewIsr);
        let member = |id: &NodeId| fenced_too || self.state.is_active(*id);
        let isr: Rc<[NodeId]> = replicas.iter().copied().filter(member).collect();
        let leader = *isr.first()?;
        // Older records have no field for directories (`PartitionRegistration.toRecord`).
        let directories: Rc<[Uuid]> = if self.state.features.metadata_version() >= level::DIRECTORIES {
            let directory = |id: &NodeId| default_directory(self.state.cluster.broker(*id).map(Rc::as_ref));
            replicas.iter().map(directory).collect()
        } else {
            Rc::from([])
        };
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

/// The directory of a broker that has only one; otherwise the broker chooses (§4.1).
fn default_directory(broker: Option<&BrokerRegistration>) -> Uuid {
    match broker.map(|broker| &*broker.log_dirs) {
        Some([only]) => *only,
        Some([]) => directory_id::MIGRATING,
        _ => directory_id::UNASSIGNED,
    }
}
