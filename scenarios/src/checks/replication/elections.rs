//! What committed metadata does to a partition's guards, and who acts as its leader:
//! `AckedValueNotLost` by (b), `LeaderCandidateCompleteness`, `LeaderCompleteness`,
//! `LeaderByCommittedMetadata` and `NeverTwoPartitionLeadersInSameEpoch`.
//!
//! A guard is a member of the ISR or ELR, by committed metadata, whose log holds all of A. A change
//! that leaves none, or names a leader that is none while there are guards, breaks the promise
//! unless it has one of the causes of [`Excuse`]. A leader that lost its records by a fault and was
//! named before the controllers could know is none yet: before it can act it must register anew,
//! which takes the leadership away. So what is lost is settled when a leader acts: then C and A are
//! cut to its log.

use crate::checks::invariant::durability::LeaderCompleteness;
use crate::checks::metadata::partition::ReferencePartition;
use crate::checks::prelude::*;
use std::rc::Rc;

use raft::ids::{BrokerEpoch, LeaderEpoch, NodeId};
use smallvec::SmallVec;

use super::partition::PartitionModel;
use crate::checks::loss::elections::{Candidate, CommittedChange, counted, if_lost};
use crate::checks::loss::facts::{Began, Fact};
use crate::checks::metadata::image::ReferenceImage;
use crate::checks::metadata::model::Update;

claim! {
    /// An acknowledged value is kept: in the metadata log on a majority of disks, in a partition on at least
    /// one replica that may lead.
    AckedValueNotLost, Safety of Partition, "KIP-966's promise; Jepsen Kafka: lost write";
    /// A partition's leader epoch has one leader, in one process.
    NeverTwoPartitionLeadersInSameEpoch, Safety of Partition, "KIP-101: at most one leader per leader epoch";
    /// A broker leads a partition only in an epoch that committed metadata gave it.
    LeaderByCommittedMetadata, Safety of Partition, "KIP-966 TLA+ (Vanlightly): ValidReplicaState; KIP-631";
    /// Every replica that metadata allows to lead, as a member of the ISR or ELR, has all committed records.
    LeaderCandidateCompleteness, Safety of Partition, "KIP-966 TLA+ (Vanlightly): LeaderCandidateCompletenessProperty; KIP-101, KIP-279, KIP-903";
}

/// What else a committed change must be judged by.
#[derive(Clone, Copy)]
pub struct Cause<'a> {
    /// The batch, and the image that it leaves.
    pub update: &'a Update,
    pub image: &'a ReferenceImage,
    /// An unclean election is allowed, or was requested.
    pub unclean_allowed: bool,
}

/// The replicas that may be elected: ISR and ELR.
pub fn candidates(state: &ReferencePartition) -> impl Iterator<Item = NodeId> + '_ {
    state.isr.iter().chain(state.elr.iter()).copied()
}

/// Metadata has committed the next state of a partition.
pub fn changed(
    partition: &mut PartitionModel,
    after: &Rc<ReferencePartition>,
    cause: Cause<'_>,
    verdict: &mut Verdict,
) {
    let before = partition.history.last().cloned();
    if before.as_ref().is_some_and(|before| before.partition_epoch >= after.partition_epoch) {
        return;
    }
    partition.history.push(Rc::clone(after));
    let Some(before) = before else { return };
    count_situations(&before, after, verdict);
    let elected = (after.leader_epoch != before.leader_epoch).then_some(after.leader).and_then(NodeId::known);
    let unclean = elected.filter(|leader| !candidates(&before).any(|member| member == *leader));
    if unclean.is_some() && cause.unclean_allowed {
        partition.facts.push(Fact::UncleanElection { epoch: after.leader_epoch });
    }
    if partition.committed.is_empty() {
        return;
    }
    let candidate = |id: NodeId| Candidate {
        has_all: partition.server(id).is_some_and(|server| partition.is_guard(server)),
        hurt: partition.server(id).is_some_and(|server| partition.losses().is_hurt(server, registered(id, cause))),
        restarted: cause.update.unclean.contains(&id),
    };
    let of = |state: &ReferencePartition| candidates(state).map(candidate).collect::<SmallVec<[Candidate; 4]>>();
    let change = CommittedChange {
        before: &of(&before),
        after: &of(after),
        elected: elected.map(candidate),
        unclean: unclean.is_some(),
        unclean_allowed: cause.unclean_allowed,
        elr: cause.image.is_elr_enabled(),
    };
    match change.may_leave() {
        Ok(fact) => partition.facts.extend(fact),
        Err(what) => {
            let (id, acked) = (partition.id, partition.end_of(partition.acked));
            let (epoch, leader) = (after.partition_epoch, after.leader);
            verdict.fail(&AckedValueNotLost::CLAIM, || {
                format!(
                    "partition {id}: offsets below {acked} were acknowledged; the change to partition epoch {epoch}, with leader {leader}, {what}"
                )
            });
        }
    }
    if unclean.is_none() {
        let joined = after.isr.iter().filter(|id| !candidates(&before).any(|member| member == **id));
        for member in joined {
            joins(partition, *member, cause, verdict);
        }
    }
}

fn count_situations(before: &ReferencePartition, after: &ReferencePartition, verdict: &mut Verdict) {
    let left = before.isr.iter().any(|id| !after.isr.contains(id));
    let joined = after.isr.iter().any(|id| !before.isr.contains(id));
    if left {
        verdict.met(Situation::IsrShrunk);
    }
    if joined && after.isr.len() > 1 {
        verdict.met(Situation::IsrExpanded);
    }
    if after.elr.iter().any(|id| !before.elr.contains(id)) {
        verdict.met(Situation::ElrFilled);
    }
    if after.leader_epoch == before.leader_epoch {
        return;
    }
    match after.leader.known() {
        None => verdict.met(Situation::PartitionWithoutLeader),
        Some(leader) if before.isr.contains(&leader) => {}
        Some(leader) if before.elr.contains(&leader) => verdict.met(Situation::ElrUsed),
        Some(_) => verdict.met(Situation::UncleanElection),
    }
}

/// The epoch by which a broker was registered before.
fn registered(id: NodeId, cause: Cause<'_>) -> BrokerEpoch {
    cause.image.brokers.before(&id).map_or(BrokerEpoch::UNKNOWN, |it| it.broker_epoch)
}

/// A broker joins the ISR: it holds C, in the incarnation that is registered.
fn joins(partition: &PartitionModel, member: NodeId, cause: Cause<'_>, verdict: &mut Verdict) {
    let Some(server) = partition.server(member) else { return };
    let agreed = partition.replicas[server].log.agreed;
    if agreed >= partition.committed.len() {
        return;
    }
    let (id, has, end) = (partition.id, partition.end_of(agreed), partition.committed_end());
    let excuse = partition.losses().may_join(server, registered(member, cause));
    verdict.fail_unless(excuse, &LeaderCandidateCompleteness::CLAIM, || {
        let lacking = partition.lacking(server);
        format!("partition {id}: broker {member} joins the ISR with the committed log up to {has}; the committed log ends at {end}; {lacking}")
    });
}

/// A replica's log was cut by its own process: a member of ISR or ELR cuts nothing that is committed
/// ((a) of `AckedValueNotLost`).
pub fn truncated(partition: &PartitionModel, server: usize, agreed_before: usize, verdict: &mut Verdict) {
    let id = partition.node(server);
    let agreed = partition.replicas[server].log.agreed;
    let is_candidate = partition.now().is_some_and(|now| candidates(now).any(|member| member == id));
    if agreed >= agreed_before || !is_candidate {
        return;
    }
    let cuts = |through: usize| agreed_before >= through && agreed < through;
    let invariant = if cuts(partition.acked) {
        &AckedValueNotLost::CLAIM
    } else if cuts(partition.committed.len()) {
        &LeaderCandidateCompleteness::CLAIM
    } else {
        return;
    };
    let (of, has, end) = (partition.id, partition.end_of(agreed), partition.committed_end());
    let follows = partition.replicas[server].follows;
    let excuse = partition.losses().may_cut(server, follows, has);
    if let (None, Some(excuse)) = (excuse, partition.losses().may_cut_anything(follows)) {
        return verdict.end_excused(excuse);
    }
    let acked = partition.end_of(partition.acked);
    verdict.fail_unless(excuse, invariant, || {
        format!(
            "partition {of}: broker {id}, in its ISR or ELR, truncates its log and keeps committed records only below {has}; the committed log ends at {end} and is acknowledged up to {acked}"
        )
    });
}

pub fn acts(
    partition: &mut PartitionModel,
    (server, incarnation): (usize, u32),
    epoch: LeaderEpoch,
    elr: bool,
    verdict: &mut Verdict,
) {
    let (of, id) = (partition.id, partition.node(server));
    if partition.leader_of(epoch) != Some(id) {
        verdict.fail(&LeaderByCommittedMetadata::CLAIM, || {
            let leader = partition.leader_of(epoch).map_or("no broker".to_owned(), |leader| format!("broker {leader}"));
            format!("partition {of}: broker {id} leads epoch {epoch}; committed metadata has {leader} as its leader")
        });
        return;
    }
    if partition.replicas[server].leads.as_ref().is_some_and(|leads| leads.dormant) {
        return;
    }
    let mine = (server, incarnation);
    if *partition.acted.entry(epoch).or_insert(mine) != mine {
        verdict.fail(&NeverTwoPartitionLeadersInSameEpoch::CLAIM, || {
            format!("partition {of}: broker {id} leads epoch {epoch}, which it led in an earlier incarnation")
        });
    }
    begins(partition, server, epoch, elr, verdict);
}

/// The leader of the newest epoch begins: it holds C, or a cause is found and C is cut to its log. One that was
/// deposed before is noted.
fn begins(partition: &mut PartitionModel, server: usize, epoch: LeaderEpoch, elr: bool, verdict: &mut Verdict) {
    let id = partition.node(server);
    let Some(now) = partition.now().cloned() else { return };
    let (log, agreed) = (partition.replicas[server].log.whole(), partition.replicas[server].log.agreed);
    let others = candidates(&now).filter(|member| *member != id).filter_map(|member| partition.server(member));
    let others = others.map(|other| partition.replicas[other].log.whole()).collect();
    // A leader may be deposed before it acts. If it alone may lead again, and may begin without what it lacks, its log is
    // what continues nevertheless, with all that it appends until it knows of that.
    let lacked = partition.committed.get(agreed).copied();
    let is_sole_heir = candidates(&now).eq([id]) && partition.losses().may_begin_late(epoch, server, lacked);
    let deposed = !partition.leads_newest(server) && !is_sole_heir;
    let (at, if_lost) = (verdict.event, if_lost(partition.required_since(None), elr, *now.isr == [id]));
    let began = Began { at, epoch, server, log, agreed_end: partition.end_of(agreed), others, deposed, if_lost };
    if deposed {
        verdict.met(Situation::LeaderAlreadyDeposed);
        return partition.facts.push(Fact::Began(began));
    }
    if let Some(excuse) = lacked.and_then(|_| partition.losses().may_lead_unjudged(server)) {
        return verdict.end_excused(excuse);
    }
    let place = partition.facts.len();
    partition.facts.push(Fact::Began(began));
    let cause = lacked.and_then(|next| partition.losses().may_begin_without(place, next));
    if lacked.is_some() && cause.is_none() {
        // C does not continue with its log.
        partition.facts.pop();
        let invariant = if agreed < partition.acked { &AckedValueNotLost::CLAIM } else { &LeaderCompleteness::CLAIM };
        let (of, has, end) = (partition.id, partition.end_of(agreed), partition.committed_end());
        let acked = partition.end_of(partition.acked);
        return verdict.fail(invariant, || {
            let lacking = partition.lacking(server);
            format!(
                "partition {of}: broker {id} leads epoch {epoch} with the committed log up to {has} of {end}, of which {acked} were acknowledged; {lacking}"
            )
        });
    }
    if let Some(cause) = cause {
        let records = partition.end_of(partition.acked).0 - partition.end_of(agreed.min(partition.acked)).0;
        let records = u64::try_from(records).unwrap_or(0);
        verdict.excused_records += records;
        let (excuse, records) = counted(cause, records);
        verdict.excuse(excuse, records);
    }
    if cause.is_some() || partition.losses().is_cut(place) {
        partition.cut(agreed, verdict);
    }
}
