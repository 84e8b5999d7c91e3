//! The registrations of brokers and controllers (controller-broker.md §1.2, §4.0).

use std::collections::BTreeMap;
use std::rc::Rc;

use super::ReplayError;
use super::digest::{EntityKind, entity_hash};
use super::partition::directory_id;
use crate::ids::{BrokerEpoch, NodeId, Uuid};
use crate::message::{Canonical, CanonicalHasher};
use crate::metadata::records::{
    BrokerEndpoint, BrokerFeature, BrokerRegistrationChange, RegisterBroker, RegisterController, UnregisterBroker,
    UnregisterController,
};

/// Kafka's `BrokerRegistration`. (The log offset of its record, which heartbeats are compared with, is kept by the
/// controller: a snapshot does not contain it.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerRegistration {
    /// `node.id`
    pub id: NodeId,
    /// Assigned at this registration.
    pub epoch: BrokerEpoch,
    /// Identifies the broker's process.
    pub incarnation_id: Uuid,
    pub end_points: Rc<[BrokerEndpoint]>,
    /// The supported features.
    pub features: Rc<[BrokerFeature]>,
    /// `broker.rack`
    pub rack: Option<Rc<str>>,
    /// The broker may not lead, nor be in an ISR.
    pub fenced: bool,
    pub in_controlled_shutdown: bool,
    /// Always false since 4.0.
    pub is_migrating_zk_broker: bool,
    /// Log directories that are online; empty if it registered before they were reported.
    pub log_dirs: Rc<[Uuid]>,
    /// Directories that get no new replicas; `None`: not reported yet.
    pub cordoned_log_dirs: Option<Rc<[Uuid]>>,
}

impl BrokerRegistration {
    fn from_record(record: &RegisterBroker) -> BrokerRegistration {
        BrokerRegistration {
            id: record.broker_id,
            epoch: record.broker_epoch,
            incarnation_id: record.incarnation_id,
            end_points: Rc::clone(&record.end_points),
            features: Rc::clone(&record.features),
            rack: record.rack.clone(),
            fenced: record.fenced,
            in_controlled_shutdown: record.in_controlled_shutdown,
            is_migrating_zk_broker: record.is_migrating_zk_broker,
            log_dirs: Rc::clone(&record.log_dirs),
            cordoned_log_dirs: record.cordoned_log_dirs.clone(),
        }
    }

    /// Neither fenced nor in controlled shutdown: it may be in an ISR and lead.
    pub fn is_active(&self) -> bool {
        !self.fenced && !self.in_controlled_shutdown
    }

    /// The endpoint of a listener.
    pub fn listener(&self, name: &str) -> Option<&BrokerEndpoint> {
        self.end_points.iter().find(|end_point| &*end_point.name == name)
    }

    /// Whether a replica in this directory may be online. A broker that reported no directories is older than 3.7: all
    /// of its directories count as online (KAFKA-16162).
    pub fn has_online_dir(&self, directory: Uuid) -> bool {
        match directory {
            directory_id::LOST => false,
            directory_id::UNASSIGNED | directory_id::MIGRATING => true,
            directory => self.log_dirs.is_empty() || self.log_dirs.contains(&directory),
        }
    }

    /// Whether all directories are cordoned.
    pub fn is_fully_cordoned(&self) -> bool {
        let cordoned = self.cordoned_log_dirs.as_deref().unwrap_or_default();
        !self.log_dirs.is_empty() && self.log_dirs.iter().all(|dir| cordoned.contains(dir))
    }

    fn changed(&self, change: &BrokerRegistrationChange) -> Result<BrokerRegistration, ReplayError> {
        let refused = |field, value| ReplayError::RegistrationChange { broker: self.id, field, value };
        let mut changed = self.clone();
        match change.fenced {
            -1 => changed.fenced = false,
            0 => {}
            1 => changed.fenced = true,
            other => return Err(refused("fenced", other)),
        }
        match change.in_controlled_shutdown {
            0 => {}
            1 => changed.in_controlled_shutdown = true,
            other => return Err(refused("in_controlled_shutdown", other)),
        }
        if !change.log_dirs.is_empty() {
            changed.log_dirs = Rc::clone(&change.log_dirs);
        }
        if let Some(cordoned) = &change.cordoned_log_dirs {
            changed.cordoned_log_dirs = Some(Rc::clone(cordoned));
        }
        Ok(changed)
    }
}

impl Canonical for BrokerRegistration {
    fn walk(&self, hasher: &mut CanonicalHasher) {
        self.epoch.walk(hasher);
        self.incarnation_id.walk(hasher);
        self.end_points.walk(hasher);
        self.features.walk(hasher);
        self.rack.walk(hasher);
        for flag in [self.fenced, self.in_controlled_shutdown, self.is_migrating_zk_broker] {
            flag.walk(hasher);
        }
        self.log_dirs.walk(hasher);
        self.cordoned_log_dirs.walk(hasher);
    }
}

/// Kafka's `ControllerRegistration`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControllerRegistration {
    /// `node.id`
    pub id: NodeId,
    /// Identifies the controller's process.
    pub incarnation_id: Uuid,
    /// Always false since 4.0.
    pub zk_migration_ready: bool,
    pub end_points: Rc<[BrokerEndpoint]>,
    /// The supported features.
    pub features: Rc<[BrokerFeature]>,
}

impl Canonical for ControllerRegistration {
    fn walk(&self, hasher: &mut CanonicalHasher) {
        self.incarnation_id.walk(hasher);
        self.zk_migration_ready.walk(hasher);
        self.end_points.walk(hasher);
        self.features.walk(hasher);
    }
}

/// Kafka's `ClusterImage`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterImage {
    brokers: BTreeMap<NodeId, Rc<BrokerRegistration>>,
    controllers: BTreeMap<NodeId, Rc<ControllerRegistration>>,
    digest: u64,
}

impl ClusterImage {
    /// All brokers, fenced ones included, by id.
    pub fn brokers(&self) -> &BTreeMap<NodeId, Rc<BrokerRegistration>> {
        &self.brokers
    }

    /// A broker, fenced or not.
    pub fn broker(&self, id: NodeId) -> Option<&Rc<BrokerRegistration>> {
        self.brokers.get(&id)
    }

    pub fn controller(&self, id: NodeId) -> Option<&Rc<ControllerRegistration>> {
        self.controllers.get(&id)
    }

    pub fn controllers(&self) -> &BTreeMap<NodeId, Rc<ControllerRegistration>> {
        &self.controllers
    }

    pub(super) fn digest(&self) -> u64 {
        self.digest
    }

    /// Inserts or replaces a registration.
    pub(crate) fn register_broker(&mut self, record: &RegisterBroker) {
        self.put_broker(BrokerRegistration::from_record(record));
    }

    pub(crate) fn unregister_broker(&mut self, record: &UnregisterBroker) -> Result<(), ReplayError> {
        self.broker_at(record.broker_id, record.broker_epoch)?;
        if let Some(old) = self.brokers.remove(&record.broker_id) {
            self.digest = self.digest.wrapping_sub(broker_hash(&old));
        }
        Ok(())
    }

    pub(crate) fn change_broker(&mut self, change: &BrokerRegistrationChange) -> Result<(), ReplayError> {
        let changed = self.broker_at(change.broker_id, change.broker_epoch)?.changed(change)?;
        self.put_broker(changed);
        Ok(())
    }

    pub(crate) fn register_controller(&mut self, record: &RegisterController) {
        let registration = ControllerRegistration {
            id: record.controller_id,
            incarnation_id: record.incarnation_id,
            zk_migration_ready: record.zk_migration_ready,
            end_points: Rc::clone(&record.end_points),
            features: Rc::clone(&record.features),
        };
        self.digest = self.digest.wrapping_add(controller_hash(&registration));
        if let Some(old) = self.controllers.insert(registration.id, Rc::new(registration)) {
            self.digest = self.digest.wrapping_sub(controller_hash(&old));
        }
    }

    pub(crate) fn unregister_controller(&mut self, record: &UnregisterController) -> Result<(), ReplayError> {
        let id = record.controller_id;
        let old = self.controllers.remove(&id).ok_or(ReplayError::UnknownController(id))?;
        self.digest = self.digest.wrapping_sub(controller_hash(&old));
        Ok(())
    }

    fn broker_at(&self, broker: NodeId, epoch: BrokerEpoch) -> Result<&BrokerRegistration, ReplayError> {
        let registration = self.brokers.get(&broker).ok_or(ReplayError::UnknownBroker(broker))?;
        if registration.epoch == epoch {
            Ok(registration)
        } else {
            Err(ReplayError::BrokerEpoch { broker, registered: registration.epoch, found: epoch })
        }
    }

    fn put_broker(&mut self, registration: BrokerRegistration) {
        self.digest = self.digest.wrapping_add(broker_hash(&registration));
        if let Some(old) = self.brokers.insert(registration.id, Rc::new(registration)) {
            self.digest = self.digest.wrapping_sub(broker_hash(&old));
        }
    }
}

fn broker_hash(registration: &BrokerRegistration) -> u64 {
    entity_hash(EntityKind::Broker, &registration.id, registration)
}

fn controller_hash(registration: &ControllerRegistration) -> u64 {
    entity_hash(EntityKind::Controller, &registration.id, registration)
}
