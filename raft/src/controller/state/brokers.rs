//! Registrations of brokers and controllers (controller-broker.md §3, §1.2).

use std::collections::BTreeMap;
use std::rc::Rc;

use super::partition::directory;
use crate::ids::{BrokerEpoch, NodeId, Offset, Uuid};
use crate::metadata::records::{
    BrokerEndpoint, BrokerFeature, BrokerRegistrationChange, RegisterBroker, RegisterController, UnregisterBroker,
    UnregisterController,
};

/// A broker as registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerRegistration {
    /// Of its process.
    pub incarnation_id: Uuid,
    /// Given at registration.
    pub epoch: BrokerEpoch,
    /// Its listeners.
    pub end_points: Rc<[BrokerEndpoint]>,
    /// Its features.
    pub features: Rc<[BrokerFeature]>,
    /// `broker.rack`
    pub rack: Option<Rc<str>>,
    /// It may neither lead nor be in an ISR.
    pub fenced: bool,
    /// It is leaving.
    pub in_controlled_shutdown: bool,
    /// Its directories that are online; empty below [`DIRECTORIES`](crate::controller::settings::level::DIRECTORIES).
    pub log_dirs: Rc<[Uuid]>,
    /// Directories that take no new replicas; `None` if not known.
    pub cordoned_log_dirs: Option<Rc<[Uuid]>>,
    /// Offset of its newest RegisterBroker record.
    pub registration_offset: Offset,
}

impl BrokerRegistration {
    /// Unfenced, and not in controlled shutdown.
    pub fn is_active(&self) -> bool {
        !self.fenced && !self.in_controlled_shutdown
    }

    /// May a replica in this directory lead? (§4.0)
    pub fn has_online_dir(&self, dir: Uuid) -> bool {
        match dir {
            directory::UNASSIGNED | directory::MIGRATING => true,
            directory::LOST => false,
            _ => self.log_dirs.is_empty() || self.log_dirs.contains(&dir),
        }
    }

    /// Every directory refuses new replicas.
    pub fn is_fully_cordoned(&self) -> bool {
        let cordoned = self.cordoned_log_dirs.as_deref().unwrap_or_default();
        !self.log_dirs.is_empty() && self.log_dirs.iter().all(|dir| cordoned.contains(dir))
    }
}

/// A controller as registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControllerRegistration {
    /// Of its process.
    pub incarnation_id: Uuid,
    /// Its listeners.
    pub end_points: Rc<[BrokerEndpoint]>,
    /// Its features.
    pub features: Rc<[BrokerFeature]>,
}

/// All registrations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterState {
    brokers: BTreeMap<NodeId, BrokerRegistration>,
    controllers: BTreeMap<NodeId, ControllerRegistration>,
}

impl ClusterState {
    /// All brokers, by id.
    pub fn brokers(&self) -> impl Iterator<Item = (NodeId, &BrokerRegistration)> {
        self.brokers.iter().map(|(id, broker)| (*id, broker))
    }

    /// A broker.
    pub fn broker(&self, id: NodeId) -> Option<&BrokerRegistration> {
        self.brokers.get(&id)
    }

    /// A controller.
    pub fn controller(&self, id: NodeId) -> Option<&ControllerRegistration> {
        self.controllers.get(&id)
    }

    pub(super) fn replay_register_broker(&mut self, record: &RegisterBroker, offset: Offset) {
        let registration = BrokerRegistration {
            incarnation_id: record.incarnation_id,
            epoch: record.broker_epoch,
            end_points: Rc::clone(&record.end_points),
            features: Rc::clone(&record.features),
            rack: record.rack.clone(),
            fenced: record.fenced,
            in_controlled_shutdown: record.in_controlled_shutdown,
            log_dirs: Rc::clone(&record.log_dirs),
            cordoned_log_dirs: record.cordoned_log_dirs.clone(),
            registration_offset: offset,
        };
        self.brokers.insert(record.broker_id, registration);
    }

    pub(super) fn replay_unregister_broker(&mut self, record: &UnregisterBroker) -> Result<(), String> {
        self.of_epoch(record.broker_id, record.broker_epoch)?;
        self.brokers.remove(&record.broker_id);
        Ok(())
    }

    pub(super) fn replay_registration_change(&mut self, record: &BrokerRegistrationChange) -> Result<(), String> {
        let broker = self.of_epoch(record.broker_id, record.broker_epoch)?;
        broker.fenced = match record.fenced {
            -1 => false,
            0 => broker.fenced,
            1 => true,
            other => return Err(format!("fenced is {other}")),
        };
        broker.in_controlled_shutdown = match record.in_controlled_shutdown {
            0 => broker.in_controlled_shutdown,
            1 => true,
            other => return Err(format!("inControlledShutdown is {other}")),
        };
        if !record.log_dirs.is_empty() {
            broker.log_dirs = Rc::clone(&record.log_dirs);
        }
        if let Some(cordoned) = &record.cordoned_log_dirs {
            broker.cordoned_log_dirs = Some(Rc::clone(cordoned));
        }
        Ok(())
    }

    pub(super) fn replay_register_controller(&mut self, record: &RegisterController) {
        let registration = ControllerRegistration {
            incarnation_id: record.incarnation_id,
            end_points: Rc::clone(&record.end_points),
            features: Rc::clone(&record.features),
        };
        self.controllers.insert(record.controller_id, registration);
    }

    pub(super) fn replay_unregister_controller(&mut self, record: &UnregisterController) -> Result<(), String> {
        let removed = self.controllers.remove(&record.controller_id);
        removed.map(drop).ok_or_else(|| format!("controller {} is not registered", record.controller_id))
    }

    fn of_epoch(&mut self, id: NodeId, epoch: BrokerEpoch) -> Result<&mut BrokerRegistration, String> {
        match self.brokers.get_mut(&id) {
            Some(broker) if broker.epoch == epoch => Ok(broker),
            Some(broker) => Err(format!("broker {id} has epoch {}, the record {epoch}", broker.epoch)),
            None => Err(format!("broker {id} is not registered")),
        }
    }
}
