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

use std::rc::Rc;

use raft::ids::{LeaderEpoch, NodeId};
use raft::metadata::image::PartitionRegistration;

use super::partition::{Acted, PartitionGhost};
use super::{Around, ServerIndex};
use crate::checks::coverage::Situation;
use crate::checks::invariant::Invariant;
use crate::checks::verdict::Excuse;

/// What else a committed change must be judged by.
#[derive(Clone, Copy)]
pub struct Cause<'a> {
    /// The broker epoch of a server before the batch.
    pub registered_before: &'a dyn Fn(NodeId) -> raft::ids::BrokerEpoch,
    /// Did this broker register in the batch, as a process that does not know that the one before had
    /// shut down cleanly? One that does keeps its place: it has lost nothing.
    pub restarts_uncleanly: &'a dyn Fn(NodeId) -> bool,
    /// ELR is on.
    pub elr: bool,
    /// An unclean election is allowed, or was asked for.
    pub unclean_allowed: bool,
}

/// Who may lead when nobody leads: ISR and ELR.
pub fn candidates(state: &PartitionRegistration) -> impl Iterator<Item = NodeId> + '_ {
    state.isr.iter().chain(state.elr.iter()).copied()
}

/// Metadata has committed the next state of a partition.
pub fn changed(
    partition: &mut PartitionGhost,
    after: &Rc<PartitionRegistration>,
    cause: Cause<'_>,
    servers: &ServerIndex,
    around: &mut Around<'_>,
) {
    let before = partition.history.last().cloned();
    if before.as_ref().is_some_and(|before| before.partition_epoch >= after.partition_epoch) {
        return;
    }
    partition.history.push(Rc::clone(after));
    let Some(before) = before else { return };
    count_situations(&before, after, around);
    let elected = (after.leader_epoch != before.leader_epoch).then_some(after.leader).and_then(NodeId::known);
    let unclean = elected.filter(|leader| !candidates(&before).any(|member| member == *leader));
    if unclean.is_some() && cause.unclean_allowed {
        let oldest = partition.unclean.map_or(after.leader_epoch, |(oldest, _)| oldest);
        partition.unclean = Some((oldest, after.leader_epoch));
    }
    if partition.committed.is_empty() {
        return;
    }
    judge_guards(partition, (&before, after), (elected, unclean), cause, servers, around);
    if unclean.is_none() {
        let joined = after.isr.iter().filter(|id| !candidates(&before).any(|member| member == **id));
        for member in joined {
            joins(partition, *member, cause, servers, around);
        }
    }
}

fn count_situations(before: &PartitionRegistration, after: &PartitionRegistration, around: &mut Around<'_>) {
    let left = before.isr.iter().any(|id| !after.isr.contains(id));
    let joined = after.isr.iter().any(|id| !before.isr.contains(id));
    if left {
        around.coverage.met(Situation::IsrShrunk);
    }
    if joined && after.isr.len() > 1 {
        around.coverage.met(Situation::IsrExpanded);
    }
    if after.elr.iter().any(|id| !before.elr.contains(id)) {
        around.coverage.met(Situation::ElrFilled);
    }
    if after.leader_epoch == before.leader_epoch {
        return;
    }
    match after.leader.known() {
        None => around.coverage.met(Situation::PartitionWithoutLeader),
        Some(leader) if before.isr.contains(&leader) => {}
        Some(leader) if before.elr.contains(&leader) => around.coverage.met(Situation::ElrUsed),
        Some(_) => around.coverage.met(Situation::UncleanElection),
    }
}

fn judge_guards(
    partition: &mut PartitionGhost,
    (before, after): (&PartitionRegistration, &PartitionRegistration),
    (elected, unclean): (Option<NodeId>, Option<NodeId>),
    cause: Cause<'_>,
    servers: &ServerIndex,
    around: &mut Around<'_>,
) {
    let is_guard = |id: NodeId| servers.of(id).is_some_and(|server| partition.is_guard(server));
    let is_excused = |id: NodeId| servers.of(id).is_some_and(|server| is_hurt(partition, server, id, cause));
    let was_guarded = candidates(before).any(is_guard);
    let is_guarded = candidates(after).any(is_guard);
    if is_guarded {
        let fails = elected.filter(|leader| !is_guard(*leader) && !is_excused(*leader));
        // One that has all that was acknowledged may still lack what else is committed, and what a leader
        // that has not heard of it will yet acknowledge.
        let loses = unclean.filter(|leader| cause.unclean_allowed || !is_guard(*leader));
        // As long as nobody has acted since an unclean election, the ISR that it left is all there is.
        let before = partition.no_guard.filter(|excuse| *excuse == Excuse::AckedLostByUncleanElection);
        partition.no_guard = loses.map(|_| Excuse::AckedLostByUncleanElection).or(before);
        if let Some(leader) = fails
            && (unclean.is_none() || !cause.unclean_allowed)
        {
            let what = format!("elects broker {leader}, which lacks acknowledged records that other replicas have");
            broken(partition, after, &what, around);
        }
        return;
    }
    if !was_guarded {
        // A fault took it from the last guard: a guard that cuts its log itself is found out when it
        // does. What is left of it goes with whoever is elected uncleanly.
        if unclean.is_some() {
            partition.no_guard = Some(partition.no_guard.unwrap_or(Excuse::AckedLostByUncleanElection));
            if !cause.unclean_allowed {
                broken(partition, after, "is an unclean election that is not allowed", around);
            }
        }
        return;
    }
    let restarted = |id: NodeId| (cause.restarts_uncleanly)(id) || is_excused(id);
    if unclean.is_some() {
        partition.no_guard = Some(partition.no_guard.unwrap_or(Excuse::AckedLostByUncleanElection));
        if !cause.unclean_allowed {
            broken(partition, after, "is an unclean election that is not allowed", around);
        }
    } else if cause.elr && candidates(before).filter(|id| is_guard(*id)).all(restarted) {
        partition.no_guard = Some(Excuse::AckedLostByUncleanRestart);
    } else if candidates(after).next().is_some() && candidates(after).all(is_excused) {
        // All that is left has lost it, and the controllers cannot know that yet: settled when one
        // of them acts.
    } else {
        broken(partition, after, "leaves no member of ISR and ELR that has all acknowledged records", around);
    }
}

/// Has a fault taken records from a replica within the registration that the controllers know? Or
/// is it rotten, which nobody knows?
fn is_hurt(partition: &PartitionGhost, server: usize, id: NodeId, cause: Cause<'_>) -> bool {
    let replica = &partition.replicas[server];
    replica.rotten || replica.lost_in == Some((cause.registered_before)(id))
}

#[cold]
fn broken(partition: &PartitionGhost, after: &PartitionRegistration, what: &str, around: &mut Around<'_>) {
    let acked = partition.end_of(partition.acked);
    let (id, epoch) = (partition.id, after.partition_epoch);
    around.verdict.fail(Invariant::AckedValueNotLost, || {
        format!("partition {id}: offsets below {acked} were acknowledged; the change to partition epoch {epoch} {what}")
    });
}

/// A broker joins the ISR: it holds C, in the incarnation that is registered.
fn joins(partition: &PartitionGhost, member: NodeId, cause: Cause<'_>, servers: &ServerIndex, around: &mut Around<'_>) {
    let Some(server) = servers.of(member) else { return };
    let replica = &partition.replicas[server];
    if replica.agreed >= partition.committed.len() {
        return;
    }
    if replica.rotten {
        around.verdict.excuse(Excuse::RottenReplicaInSync, 1);
    } else if !is_hurt(partition, server, member, cause) {
        let (id, has, end) = (partition.id, partition.end_of(replica.agreed), partition.committed_end());
        around.verdict.fail(Invariant::LeaderCandidateCompleteness, || {
            format!("partition {id}: broker {member} joins the ISR with the committed log up to {has}; the committed log ends at {end}")
        });
    }
}

/// A replica's log was cut by its own process: a member of ISR or ELR cuts nothing that is committed
/// ((a) of `AckedValueNotLost`).
pub fn truncated(partition: &PartitionGhost, server: usize, id: NodeId, agreed_before: usize, around: &mut Around<'_>) {
    let replica = &partition.replicas[server];
    let agreed = replica.agreed;
    let is_candidate = partition.now().is_some_and(|now| candidates(now).any(|member| member == id));
    // A rotten log ends for the checks where it is rotten, and for its process later.
    if agreed >= agreed_before || !is_candidate || partition.deleted || replica.rotten {
        return;
    }
    let cuts = |through: usize| agreed_before >= through && agreed < through;
    let invariant = if cuts(partition.acked) {
        Invariant::AckedValueNotLost
    } else if cuts(partition.committed.len()) {
        Invariant::LeaderCandidateCompleteness
    } else {
        return;
    };
    let (of, has, end) = (partition.id, partition.end_of(agreed), partition.committed_end());
    let acked = partition.end_of(partition.acked);
    around.verdict.fail(invariant, || {
        format!(
            "partition {of}: broker {id}, in its ISR or ELR, truncates its log and keeps committed records only below {has}; the committed log ends at {end} and is acknowledged up to {acked}"
        )
    });
}

/// A broker acts as leader of an epoch.
pub fn acts(
    partition: &mut PartitionGhost,
    (server, id, incarnation): (usize, NodeId, u32),
    epoch: LeaderEpoch,
    (elr, min_isr): (bool, usize),
    servers: &ServerIndex,
    around: &mut Around<'_>,
) {
    let of = partition.id;
    if partition.leader_of(epoch) != Some(id) {
        around.verdict.fail(Invariant::LeaderByCommittedMetadata, || {
            let leader = partition.leader_of(epoch).map_or("no broker".to_owned(), |leader| format!("broker {leader}"));
            format!("partition {of}: broker {id} leads epoch {epoch}; committed metadata has {leader} as its leader")
        });
        return;
    }
    if partition.replicas[server].leads.as_ref().is_some_and(|leads| leads.dormant) {
        return;
    }
    let mine = Acted { epoch, server, incarnation };
    let place = partition.acted.partition_point(|acted| acted.epoch < epoch);
    match partition.acted.get(place) {
        Some(other) if other.epoch == epoch => {
            if *other != mine {
                around.verdict.fail(Invariant::NeverTwoPartitionLeadersInSameEpoch, || {
                    format!("partition {of}: broker {id} leads epoch {epoch}, which it led in an earlier incarnation")
                });
            }
        }
        _ => partition.acted.insert(place, mine),
    }
    if partition.leads_newest(server, id) || is_sole_heir(partition, id, epoch) {
        begins(partition, (server, id), epoch, (elr, min_isr), servers, around);
    } else {
        around.coverage.met(Situation::LeaderAlreadyDeposed);
        if partition.may_lack(epoch) {
            let agreed = partition.end_of(partition.replicas[server].agreed);
            around.histories.partition_sends_back(partition.id.into(), agreed, epoch);
        }
    }
}

/// A leader that was elected uncleanly may be deposed before it acts. If it alone may lead again, its log
/// is what goes on nevertheless, with all that it takes until it hears of that.
fn is_sole_heir(partition: &PartitionGhost, id: NodeId, epoch: LeaderEpoch) -> bool {
    let alone = |now: &Rc<PartitionRegistration>| candidates(now).eq([id]);
    partition.unclean.is_some_and(|(_, newest)| newest <= epoch) && partition.now().is_some_and(alone)
}

/// The leader of the newest epoch begins: it holds C, or a cause is found and C is cut to its log.
fn begins(
    partition: &mut PartitionGhost,
    (server, id): (usize, NodeId),
    epoch: LeaderEpoch,
    (elr, min_isr): (bool, usize),
    servers: &ServerIndex,
    around: &mut Around<'_>,
) {
    let agreed = partition.replicas[server].agreed;
    let Some(now) = partition.now().cloned() else { return };
    let others = |member: &NodeId| servers.of(*member).is_some_and(|other| partition.is_guard(other));
    let alone = !candidates(&now).filter(|member| *member != id).any(|member| others(&member));
    if agreed >= partition.committed.len() {
        partition.no_guard = None;
        if partition.unclean.is_some() {
            // Nothing that is known to be committed goes, but whatever the last leader may yet append.
            partition.cut(server, agreed, epoch);
            around.histories.partition_cut(partition.id.into(), partition.committed_end(), around.verdict);
        } else if alone {
            for batch in partition.lose_beyond_committed(server) {
                let known = partition.ledger.get(batch);
                around.histories.partition_lost(partition.id.into(), known.end, known.parse().ok().as_ref());
            }
        }
        return;
    }
    let replica = &partition.replicas[server];
    if replica.rotten {
        return around.verdict.end_excused(Excuse::RottenReplicaLeads);
    }
    let lost_it = replica.has_lost(partition.committed[agreed]);
    let own_loss = (lost_it && alone).then_some(if min_isr <= 1 {
        Excuse::AckedLostWithMinIsrOne
    } else if !elr && *now.isr == [id] {
        Excuse::AckedLostBySoleReplica
    } else {
        Excuse::AckedLostWithLastGuard
    });
    // The last known leader, elected when nobody else is left (KIP-966), lost it itself.
    let cause = match partition.no_guard {
        Some(Excuse::AckedLostByUncleanElection) => own_loss.or(partition.no_guard),
        no_guard => no_guard.or(own_loss),
    };
    let Some(cause) = cause else {
        let lacks_acked = agreed < partition.acked;
        let invariant = if lacks_acked { Invariant::AckedValueNotLost } else { Invariant::LeaderCompleteness };
        let (of, has, end) = (partition.id, partition.end_of(agreed), partition.committed_end());
        let acked = partition.end_of(partition.acked);
        return around.verdict.fail(invariant, || {
            format!(
                "partition {of}: broker {id} leads epoch {epoch} with the committed log up to {has} of {end}, of which {acked} were acknowledged"
            )
        });
    };
    let acked_records = partition.cut(server, agreed, epoch);
    around.histories.partition_cut(partition.id.into(), partition.committed_end(), around.verdict);
    match acked_records {
        0 => around.verdict.excuse(Excuse::CommittedUnackedLost, 1),
        records => {
            around.verdict.excuse(cause, records);
            *around.excused_records += records;
        }
    }
}
