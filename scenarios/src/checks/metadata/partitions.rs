//! `ValidControllerIsrAndElr`: what the controllers may say of a partition's replicas, after each
//! committed batch (controller-broker.md §4.4, §4.5, §4.9).

use crate::checks::prelude::*;
use raft::ids::{NodeId, Offset, TopicIdPartition};
use raft::metadata::MetadataRecord;
use raft::metadata::records::Partition;

use super::elr;
use super::image::ReferenceImage;
use super::model::{PartitionState, Update};
use super::partition::ReferencePartition;

claim! {
    /// ISR and ELR are disjoint sets of replicas; the leader and all members of the ISR are active; the ELR
    /// is kept while the ISR is too small, and loses no member without a cause; epochs never go back.
    ValidControllerIsrAndElr by IsrAndElr, Safety of Metadata, "KIP-966 TLA+ (Vanlightly): ValidControllerIsrAndElr, ValidControllerState";
}

#[derive(Clone, Debug, Default)]
pub struct IsrAndElr {
    /// ELRs that an altered `min.insync.replicas` of the batch outdates, and where its record stands.
    outdated: Vec<(TopicIdPartition, Offset)>,
}

impl Check for IsrAndElr {
    const EVENTS: Kinds = Kinds::RECORD_COMMITTED.and(Kinds::BATCH_COMMITTED);

    fn new(_: &CheckConfig) -> IsrAndElr {
        IsrAndElr::default()
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let Some(cluster) = &models.cluster else { return };
        match crossing.event {
            Event::RecordCommitted { offset, record: MetadataRecord::Partition(record), .. } => {
                is_new(cluster.metadata().latest(), record, offset, verdict);
            }
            Event::RecordCommitted { offset, record: MetadataRecord::Config(record), .. } => {
                let outdated = elr::outdated(cluster.metadata().latest(), record);
                self.outdated.extend(outdated.into_iter().map(|id| (id, offset)));
            }
            Event::BatchCommitted { update } => {
                let image = cluster.metadata().image();
                judge(update, image, verdict);
                for wrong in elr::keeps_outdated(self.outdated.drain(..), update, image) {
                    verdict.fail(&ValidControllerIsrAndElr::CLAIM, || wrong);
                }
            }
            _ => {}
        }
    }
}

/// Judges what a batch has made: partitions that it touched, and all that hold a broker which it
/// has made inactive.
fn judge(update: &Update, image: &ReferenceImage, verdict: &mut Verdict) {
    for (at, state) in update.partitions.iter().enumerate() {
        let PartitionState { id, registration: after, min_isr, .. } = state;
        let Some(topic) = image.topics.get(&id.topic_id) else { continue };
        let cleared = ["", &**topic].iter().any(|name| update.elr_cleared.contains(*name));
        // One batch may hold the records of several events: each is judged by the one before.
        let before = update.partitions[..at].iter().rev().find(|other| other.id == *id);
        let before = before.map(|before| &before.registration).or_else(|| image.partitions.before(id));
        let wrong = wrong(after, *min_isr, image)
            .or_else(|| if cleared { None } else { left_without_cause((before?, after), *min_isr, update, image) })
            .or_else(|| is_last(update, at).then(|| inactive_member(*id, after, image))?);
        if let Some(wrong) = wrong {
            fail(*id, after, wrong, verdict);
        }
    }
    let has_left = |id: &NodeId| image.was_active(*id) && !image.is_active(*id);
    if !image.brokers.touched().any(has_left) {
        return;
    }
    for (id, partition) in image.partitions.iter() {
        if let Some(wrong) = inactive_member(*id, partition, image) {
            fail(*id, partition, wrong, verdict);
        }
    }
}

/// A PartitionRecord makes a partition; it never sets an old one back.
fn is_new(image: &ReferenceImage, record: &Partition, offset: Offset, verdict: &mut Verdict) {
    let id = TopicIdPartition { topic_id: record.topic_id, partition: record.partition_id };
    let Some(old) = image.partitions.get(&id) else { return };
    if record.leader_epoch < old.leader_epoch || record.partition_epoch < old.partition_epoch {
        verdict.fail(&ValidControllerIsrAndElr::CLAIM, || {
            format!(
                "the record at offset {offset} sets {id} back from leader epoch {} and partition epoch {} to {} and {}",
                old.leader_epoch, old.partition_epoch, record.leader_epoch, record.partition_epoch
            )
        });
    }
}

/// Is this what the batch leaves of the partition? Fences and changes of one event stand in any
/// order.
fn is_last(update: &Update, at: usize) -> bool {
    let id = update.partitions[at].id;
    update.partitions[at + 1..].iter().all(|other| other.id != id)
}

fn wrong(after: &ReferencePartition, min_isr: usize, image: &ReferenceImage) -> Option<String> {
    for (name, members) in [("ISR", &after.isr), ("ELR", &after.elr)] {
        for (index, member) in members.iter().enumerate() {
            if !after.has_replica(*member) {
                return Some(format!("broker {member} of its {name} is not a replica"));
            }
            if members[..index].contains(member) {
                return Some(format!("broker {member} is in its {name} twice"));
            }
        }
    }
    if let Some(both) = after.elr.iter().find(|member| after.isr.contains(member)) {
        return Some(format!("broker {both} is in its ISR and in its ELR"));
    }
    if after.has_leader() && !after.isr.contains(&after.leader) {
        return Some("its leader is not in its ISR".to_owned());
    }
    let elr_enabled = image.is_elr_enabled();
    if !after.elr.is_empty() && !elr_enabled {
        return Some("it has an ELR although eligible leader replicas are disabled".to_owned());
    }
    if !after.elr.is_empty() && after.isr.len() >= min_isr {
        return Some(format!(
            "it has an ELR although its ISR has {} members and min.insync.replicas is {min_isr}",
            after.isr.len()
        ));
    }
    None
}

/// Whoever is fenced, leaving or unknown leaves every ISR; only where there is no ELR does the last
/// one stay, and then nobody leads.
fn inactive_member(id: TopicIdPartition, partition: &ReferencePartition, image: &ReferenceImage) -> Option<String> {
    let member = partition.isr.iter().find(|member| !image.is_active(**member))?;
    let last_one = partition.isr.len() == 1 && !partition.has_leader();
    // From before ELR was switched on.
    let stood_so = || {
        let before = image.partitions.before(&id);
        !image.was_active(*member) && before.is_some_and(|before| before.isr == partition.isr)
    };
    let may_stay = last_one && (!image.is_elr_enabled() || stood_so());
    (!may_stay).then(|| format!("broker {member} of its ISR is fenced, in controlled shutdown or not registered"))
}

/// Who leaves the ISR while that is too small stays eligible, until an unclean restart, an unclean
/// election (or a new `min.insync.replicas`, §4.9).
fn left_without_cause(
    (before, after): (&ReferencePartition, &ReferencePartition),
    min_isr: usize,
    update: &Update,
    image: &ReferenceImage,
) -> Option<String> {
    if after.isr.len() >= min_isr || after.recovering || !image.was_elr_enabled() {
        return None;
    }
    let is_gone = |member: &&NodeId| !after.isr.contains(member) && !after.elr.contains(member);
    let gone = before.isr.iter().chain(before.elr.iter()).filter(is_gone);
    let mut without_cause = gone.filter(|member| !update.unclean.contains(member));
    without_cause.next().map(|member| {
        format!("broker {member} is removed from its ISR or ELR without a cause; the ISR has {} members and min.insync.replicas is {min_isr}", after.isr.len())
    })
}

#[cold]
#[track_caller]
fn fail(id: TopicIdPartition, partition: &ReferencePartition, wrong: String, verdict: &mut Verdict) {
    verdict.fail(&ValidControllerIsrAndElr::CLAIM, || {
        let list = |ids: &[NodeId]| ids.iter().map(NodeId::to_string).collect::<Vec<_>>().join(" ");
        format!(
            "partition {id} with leader {}, ISR ({}) and ELR ({}), at leader epoch {} and partition epoch {}: {wrong}",
            partition.leader,
            list(&partition.isr),
            list(&partition.elr),
            partition.leader_epoch,
            partition.partition_epoch
        )
    });
}
