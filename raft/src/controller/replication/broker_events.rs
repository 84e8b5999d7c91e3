//! Partition changes when brokers are fenced or unfenced, unregister, restart with a new incarnation, or lose
//! directories (controller-broker.md §4.5).
//!
//! All changes of one event are computed from the state before it.

use std::rc::Rc;

use super::view::View;
use crate::bugs::Bug;
use crate::controller::partition_change_builder::{Election, PartitionChangeBuilder};
use crate::controller::state::ControllerState;
use crate::ids::{BrokerEpoch, NodeId, TopicIdPartition, Uuid};
use crate::message::ErrorCode;
use crate::metadata::MetadataRecord;
use crate::metadata::MetadataVersion;
use crate::metadata::image::{BrokerRegistration, PartitionRegistration};
use crate::metadata::records::{BrokerRegistrationChange, PartitionChange};

/// The brokers that are not acceptable as leader, acceptable although still fenced, and back after an unclean shutdown.
#[derive(Clone, Copy, Default)]
struct Event {
    removed: Option<NodeId>,
    added: Option<NodeId>,
    unclean_shutdown: Option<NodeId>,
}

/// Fences a broker: by its session, at its request, or because it may stop now.
pub fn broker_fenced(view: View<'_>, broker: NodeId, epoch: BrokerEpoch, records: &mut Vec<MetadataRecord>) {
    let event = Event { removed: Some(broker), ..Event::default() };
    leader_and_isr_updates(view, event, view.state.topics.with_in_isr(broker), records);
    records.push(MetadataRecord::BrokerRegistrationChange(BrokerRegistrationChange {
        fenced: 1,
        ..registration_change(broker, epoch)
    }));
}

/// Unfences a broker: an election is held in every leaderless partition of the cluster, not only in its own.
pub fn broker_unfenced(view: View<'_>, broker: NodeId, epoch: BrokerEpoch, records: &mut Vec<MetadataRecord>) {
    records.push(MetadataRecord::BrokerRegistrationChange(BrokerRegistrationChange {
        fenced: -1,
        ..registration_change(broker, epoch)
    }));
    let added = Some(broker).filter(|_| !view.settings.bugs.has(Bug::UnfencedBrokerNotYetAlive));
    let event = Event { added, ..Event::default() };
    leader_and_isr_updates(view, event, view.state.topics.leaderless(), records);
}

/// The broker requests to shut down and still leads: its leaderships move to other replicas. A record of the
/// registration change is written once.
pub fn controlled_shutdown(view: View<'_>, broker: NodeId, epoch: BrokerEpoch, records: &mut Vec<MetadataRecord>) {
    let noted = view.state.cluster.broker(broker).is_some_and(|broker| broker.in_controlled_shutdown);
    if !noted {
        records.push(MetadataRecord::BrokerRegistrationChange(BrokerRegistrationChange {
            in_controlled_shutdown: 1,
            ..registration_change(broker, epoch)
        }));
    }
    leaves(view, broker, records);
}

/// A new incarnation after a clean shutdown, or without the ELR feature.
pub fn leaves(view: View<'_>, broker: NodeId, records: &mut Vec<MetadataRecord>) {
    let event = Event { removed: Some(broker), ..Event::default() };
    leader_and_isr_updates(view, event, view.state.topics.with_in_isr(broker), records);
}

/// A new incarnation after an unclean shutdown: its logs may lack records.
pub fn lost_uncleanly(view: View<'_>, broker: NodeId, records: &mut Vec<MetadataRecord>) -> Result<(), ErrorCode> {
    if view.settings.bugs.has(Bug::Kafka18106UncleanWithoutElection) {
        struck_out(view, broker, records);
        return Ok(());
    }
    let in_elr = with_in_elr(view, broker)?;
    let event = Event { unclean_shutdown: Some(broker), ..Event::default() };
    leader_and_isr_updates(view, event, view.state.topics.with_in_isr(broker), records);
    leader_and_isr_updates(view, event, in_elr, records);
    Ok(())
}

/// Partitions with the broker in their ELR. The index may list one whose topic is deleted: Kafka throws a
/// `RuntimeException` (`ReplicationControlManager.generateLeaderAndIsrUpdates`).
fn with_in_elr(view: View<'_>, broker: NodeId) -> Result<impl Iterator<Item = TopicIdPartition>, ErrorCode> {
    let partitions = view.state.topics.with_in_elr(broker);
    if view.state.topics.with_in_elr(broker).any(|partition| view.state.partition(partition).is_none()) {
        return Err(ErrorCode::UnknownServerError);
    }
    Ok(partitions)
}

/// [`Bug::Kafka18106UncleanWithoutElection`]
fn struck_out(view: View<'_>, broker: NodeId, records: &mut Vec<MetadataRecord>) {
    let without = |ids: &[NodeId]| -> Rc<[NodeId]> { ids.iter().copied().filter(|id| *id != broker).collect() };
    for (id, partition) in view.state.topics.partitions() {
        let (in_isr, in_elr) = (partition.isr.contains(&broker), partition.elr.contains(&broker));
        if in_isr || in_elr {
            records.push(MetadataRecord::PartitionChange(PartitionChange {
                isr: in_isr.then(|| without(&partition.isr)),
                eligible_leader_replicas: in_elr.then(|| without(&partition.elr)),
                ..PartitionChange::nothing(id)
            }));
        }
    }
}

/// Unregisters a broker: it leaves ISRs, and where it is in an ELR an election is held without it. It remains in the
/// ELR until a later registration, which has no previous epoch and is therefore unclean, removes it.
pub fn unregistered(view: View<'_>, broker: NodeId, records: &mut Vec<MetadataRecord>) -> Result<(), ErrorCode> {
    let in_elr = with_in_elr(view, broker)?;
    leaves(view, broker, records);
    let event = Event { removed: Some(broker), ..Event::default() };
    leader_and_isr_updates(view, event, in_elr, records);
    Ok(())
}

/// Directories of a broker are newly offline: its replicas there leave the ISR, and its registration keeps the other
/// directories.
pub fn directories_offline(
    view: View<'_>,
    broker: NodeId,
    registration: &BrokerRegistration,
    offline: &[Uuid],
    records: &mut Vec<MetadataRecord>,
) {
    let newly = |dir: &Uuid| offline.contains(dir);
    if !registration.log_dirs.iter().any(newly) {
        return;
    }
    let event = Event { removed: Some(broker), ..Event::default() };
    for dir in registration.log_dirs.iter().filter(|dir| newly(dir)) {
        leader_and_isr_updates(view, event, view.state.topics.in_directory(broker, *dir), records);
    }
    let log_dirs: Rc<[Uuid]> = registration.log_dirs.iter().copied().filter(|dir| !newly(dir)).collect();
    records.push(MetadataRecord::BrokerRegistrationChange(BrokerRegistrationChange {
        log_dirs,
        ..registration_change(broker, registration.epoch)
    }));
}

/// A broker names its cordoned directories, when it has caught up, and when they have changed since
/// (`handleDirectoriesCordoned`).
pub fn directories_cordoned(
    view: View<'_>,
    broker: NodeId,
    registration: &BrokerRegistration,
    cordoned: Option<&Rc<[Uuid]>>,
    records: &mut Vec<MetadataRecord>,
) {
    let version = MetadataVersion(view.state.features.metadata_version());
    let is_supported = version.is_cordoned_log_dirs_supported();
    let Some(cordoned) = cordoned.filter(|_| is_supported) else { return };
    if registration.cordoned_log_dirs.as_deref().is_none_or(|known| !same_set(known, cordoned)) {
        records.push(MetadataRecord::BrokerRegistrationChange(BrokerRegistrationChange {
            cordoned_log_dirs: Some(Rc::clone(cordoned)),
            ..registration_change(broker, registration.epoch)
        }));
    }
}

fn same_set(one: &[Uuid], other: &[Uuid]) -> bool {
    one.iter().all(|id| other.contains(id)) && other.iter().all(|id| one.contains(id))
}

/// Moves all replicas of a broker to its only directory: its disk was replaced. Replaces AssignReplicasToDirs (73),
/// which a broker sends when it has created a replica's log in another directory than metadata says: here the
/// registration has this effect, with one directory per broker (KIP-858).
pub fn directory_assigned(state: &ControllerState, broker: NodeId, dir: Uuid, records: &mut Vec<MetadataRecord>) {
    for (id, partition) in state.topics.partitions() {
        if partition.directory(broker).is_none_or(|before| before == dir) {
            continue;
        }
        let placed = partition.replicas.iter().zip(partition.directories.iter());
        let directories = placed.map(|(replica, before)| if *replica == broker { dir } else { *before }).collect();
        let change = PartitionChange { directories: Some(directories), ..PartitionChange::nothing(id) };
        records.push(MetadataRecord::PartitionChange(change));
    }
}

fn leader_and_isr_updates(
    view: View<'_>,
    event: Event,
    partitions: impl Iterator<Item = TopicIdPartition>,
    records: &mut Vec<MetadataRecord>,
) {
    let gone = |id: NodeId| event.removed == Some(id) || event.unclean_shutdown == Some(id);
    for id in partitions {
        let Some((topic, partition)) = view.state.partition(id) else { continue };
        let acceptable = |replica: NodeId| {
            let alive = event.added == Some(replica) || view.state.is_active(replica);
            !gone(replica) && alive && view.has_online_replica(partition, replica)
        };
        let target_isr = partition.isr.iter().copied().filter(|id| !gone(*id)).collect();
        let builder = PartitionChangeBuilder::new(id, topic, partition, view.state, view.settings, &acceptable);
        let builder = builder
            .election(view.election_of(&topic.name))
            .target_isr(target_isr)
            .unclean_shutdown(event.unclean_shutdown);
        records.extend(builder.build().map(MetadataRecord::PartitionChange));
    }
}

impl View<'_> {
    /// Whether the replica's directory is online (§4.0).
    pub(super) fn has_online_replica(self, partition: &PartitionRegistration, replica: NodeId) -> bool {
        let broker = self.state.cluster.broker(replica);
        let dir = partition.directory(replica);
        broker.zip(dir).is_some_and(|(broker, dir)| broker.has_online_dir(dir))
    }

    /// Kafka's acceptable leader (§4.0).
    pub(super) fn is_acceptable_leader(self, partition: &PartitionRegistration, replica: NodeId) -> bool {
        self.state.is_active(replica) && self.has_online_replica(partition, replica)
    }

    /// The election mode of this topic without an ElectLeaders request.
    pub(super) fn election_of(self, topic: &str) -> Election {
        if self.state.unclean_election_enabled(topic, self.settings) { Election::Unclean } else { Election::Online }
    }
}

/// A registration change without any change.
pub(in crate::controller) fn registration_change(
    broker_id: NodeId,
    broker_epoch: BrokerEpoch,
) -> BrokerRegistrationChange {
    BrokerRegistrationChange {
        broker_id,
        broker_epoch,
        fenced: 0,
        in_controlled_shutdown: 0,
        log_dirs: Rc::from([]),
        cordoned_log_dirs: None,
    }
}
