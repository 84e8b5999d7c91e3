//! What brokers promise and show: `acks=all` answers (`ReplicationQuorumSuperset`,
//! `AckedValueNotLost`), high watermarks, and answers to consumers (`ConsistentRead`).

use crate::checks::invariant::high_watermark::HighWatermarkWithinLog;
use crate::checks::invariant::high_watermark::MonotonicHighWatermark;
use crate::checks::prelude::*;
use crate::checks::replication::elections::{AckedValueNotLost, LeaderCandidateCompleteness};
use crate::checks::replication::partition::ConsistentRead;
use raft::ids::{LeaderEpoch, NodeId, Offset, PartitionEpoch};
use raft::log::Batch;
use raft::message::data::FetchablePartition;
use smallvec::SmallVec;

use super::partition::PartitionModel;
use crate::checks::server_model::ledger::BatchId;

claim! {
    /// At an acks=all acknowledgement, and when a leader moves its high watermark, every member of the maximal ISR
    /// has all of the batch, the maximal ISR is large enough and includes the committed ISR.
    ReplicationQuorumSuperset, Safety of Partition, "KIP-966 TLA+ (Vanlightly): ReplicationQuorumSupersetProperty; KIP-497";
}

const QUORUM: &Claim = &ReplicationQuorumSuperset::CLAIM;
/// The part of a v2 batch that a leader does not change when it appends: behind the CRC.
const ATTRIBUTES_AT: usize = 21;

/// What a leader has said, whose members are still to be judged: at the end of the step, when the leader has said
/// what its ISR was.
#[derive(Clone, Debug)]
pub struct Ack {
    /// What it says of the batch, and which claim breaks if a member lacks that.
    says: &'static str,
    of_members: &'static Claim,
    /// The last batch of which it says that.
    batch: BatchId,
    /// Servers that held it then, as bits.
    holders: u64,
    /// What metadata had committed then.
    committed: PartitionEpoch,
    /// How far the leader had published, at least: of a request, when it was received.
    since: Option<Offset>,
}

/// A Produce request with `acks=all` is answered with success: the requested batch is in the
/// leader's log, in C, and from now on in A. When the request was received, the log had `before` batches, and the
/// broker had published metadata up to `since`.
pub fn acknowledges(
    partition: &mut PartitionModel,
    server: usize,
    (requested, before, since): (&Batch, usize, Option<Offset>),
    base_offset: Offset,
    verdict: &mut Verdict,
) -> Option<Ack> {
    if let Some(excuse) = partition.losses().promises_nothing_more() {
        verdict.excuse(excuse, 1);
        return None;
    }
    let end = Offset(base_offset.0 + requested.offset_count());
    let replica = &partition.replicas[server];
    let count = replica.count_to(end, &partition.ledger).filter(|count| {
        let known = replica.log.get(count - 1).map(|batch| partition.ledger.get(batch));
        known.is_some_and(|known| {
            known.base == base_offset && known.bytes()[ATTRIBUTES_AT..] == requested.bytes[ATTRIBUTES_AT..]
        })
    });
    let Some(count) = count else {
        let excuse = partition.losses().promises_nothing(server);
        lost(partition, server, end, excuse, "its log has a different batch there", verdict);
        return None;
    };
    if count <= before {
        verdict.met(Situation::DuplicateProduceAnswered);
    }
    let batch = replica.log.prefix(count);
    if let Some(excuse) = partition.losses().may_serve_lost(batch) {
        verdict.excuse(excuse, 1);
        return None;
    }
    let agreed = replica.log.agreed;
    let is_committed =
        agreed >= count || (agreed == partition.committed.len() && partition.extend(server, end, verdict));
    if !is_committed {
        let excuse = partition.losses().may_serve(batch);
        lost(partition, server, end, excuse, "a different batch is committed there", verdict);
        return None;
    }
    if count > partition.acked {
        verdict.acked_records += u64::try_from(end.0 - partition.end_of(partition.acked).0).unwrap_or(0);
        partition.acked = count;
    }
    Some(Ack::of(partition, ("acknowledges", QUORUM), count, since))
}

impl Ack {
    /// A leader says that of the first `count` committed batches.
    fn of(
        partition: &PartitionModel,
        (says, of_members): (&'static str, &'static Claim),
        count: usize,
        since: Option<Offset>,
    ) -> Ack {
        let holders = partition.replicas.iter().rev().fold(0, |bits, it| bits << 1 | u64::from(it.log.agreed >= count));
        let committed = partition.now().map_or(PartitionEpoch(-1), |now| now.partition_epoch);
        Ack { says, of_members, batch: partition.committed[count - 1], holders, committed, since }
    }
}

#[cold]
#[track_caller]
fn lost(
    partition: &PartitionModel,
    server: usize,
    end: Offset,
    excuse: Option<Excuse>,
    what: &str,
    verdict: &mut Verdict,
) {
    let (of, id) = (partition.id, partition.node(server));
    verdict.fail_unless(excuse, &AckedValueNotLost::CLAIM, || {
        format!("partition {of}: broker {id} acknowledges a batch that ends at {end}; {what}")
    });
}

/// The step is over: who had to hold the batch, by the leader's own word and by committed metadata?
pub fn judge(ack: &Ack, partition: &PartitionModel, server: usize, verdict: &mut Verdict) {
    let Some(leads) = &partition.replicas[server].leads else { return };
    let (of, id, says) = (partition.id, partition.node(server), ack.says);
    let (end, required) = (partition.ledger.end(ack.batch), partition.required_since(ack.since));
    let losses = partition.losses();
    let has = |server: usize| ack.holders >> server & 1 == 1;
    let holds = |server: usize| has(server) || losses.may_lack(server, ack.batch).is_some();
    let lacks = |member: &NodeId| !partition.server(*member).is_some_and(holds);
    let base = partition.at(leads.partition_epoch);
    let pending = leads.in_flight && base.is_some_and(|base| usize::from(leads.maximal) > base.isr.len());
    // Not sent yet: who joins is not known, but how many must hold it.
    let proposed = leads.proposed.as_ref().filter(|(base, _)| pending && *base == leads.partition_epoch);
    let proposed = proposed.map_or(&[][..], |(_, isr)| isr);
    let maximal = base.iter().flat_map(|base| base.isr.iter()).chain(proposed);
    let (now, committed) = (partition.now(), partition.at(ack.committed));
    let is_newest = now.is_some_and(|now| now.leader_epoch == leads.epoch);
    let committed_isr = committed.filter(|_| is_newest).into_iter().flat_map(|state| state.isr.iter());
    let members: SmallVec<[NodeId; 8]> = maximal.chain(committed_isr).copied().collect();
    let counted = leads.maximal;
    let holders = || (0..partition.replicas.len()).filter(|server| holds(*server)).count();
    let (claim, wrong) = if let Some(member) = members.iter().find(|member| lacks(member)) {
        (ack.of_members, format!(", which broker {member} of the ISR lacks"))
    } else if pending && proposed.is_empty() && holders() < counted.into() {
        (QUORUM, format!(", which fewer replicas have than the {counted} that it counts"))
    } else if usize::from(counted) < required && end > partition.replicas[server].enough_to {
        (QUORUM, format!(" with an ISR of size {counted}; {required} replicas are required"))
    } else {
        // Who counts as a holder though a fault took the batch.
        let excused = members.iter().filter_map(|member| partition.server(*member)).filter(|server| !has(*server));
        return excused.filter_map(|server| losses.may_lack(server, ack.batch)).for_each(|it| verdict.excuse(it, 1));
    };
    verdict.fail(claim, || format!("partition {of}: leader {id} {says} offsets below {end}{wrong}"));
}

/// A leader has moved its high watermark: if its epoch is the newest, what is below is committed.
pub fn leader_high_watermark(
    partition: &mut PartitionModel,
    server: usize,
    (epoch, offset, since): (LeaderEpoch, Offset, Option<Offset>),
    verdict: &mut Verdict,
) -> Option<Ack> {
    let (of, id) = (partition.id, partition.node(server));
    let log_end = partition.replicas[server].log.end(&partition.ledger);
    if offset > log_end {
        verdict.fail_unless(partition.losses().promises_nothing(server), &HighWatermarkWithinLog::CLAIM, || {
            format!("partition {of}: leader {id} has high watermark {offset}, its log ends at {log_end}")
        });
        return None;
    }
    let leads = partition.replicas[server].leads.as_mut().filter(|leads| leads.epoch == epoch)?;
    let before = leads.high_watermark.replace(offset);
    if let Some(before) = before.filter(|before| *before > offset) {
        verdict.fail(&MonotonicHighWatermark::CLAIM, || {
            format!("partition {of}: leader {id} of epoch {epoch} has high watermark {offset}, after {before}")
        });
        return None;
    }
    let before = partition.committed.len();
    shows(partition, server, offset, verdict);
    let count = partition.committed.len();
    let says = ("has committed", &LeaderCandidateCompleteness::CLAIM);
    (count > before).then(|| Ack::of(partition, says, count, since))
}

/// The leader of the newest epoch shows a high watermark.
fn shows(partition: &mut PartitionModel, server: usize, offset: Offset, verdict: &mut Verdict) {
    if offset <= partition.committed_end() || !partition.leads_newest(server) {
        return;
    }
    if let Some(excuse) = partition.losses().promises_nothing(server) {
        return verdict.excuse(excuse, 1);
    }
    // One that lacks some of C was judged when it began. The checkpoint of a high watermark may be older
    // than the last cut, and then points into the middle of what was appended since: such a leader
    // begins with it, and C is extended to the batch below.
    if partition.replicas[server].log.agreed == partition.committed.len() && !partition.extend(server, offset, verdict)
    {
        let (of, id) = (partition.id, partition.node(server));
        verdict.fail_unless(partition.losses().may_end_at(offset), &HighWatermarkWithinLog::CLAIM, || {
            format!("partition {of}: high watermark {offset} of leader {id} is within a batch")
        });
    }
}

/// A follower has adopted its leader's high watermark: below it, its log equals C, or what C is extended to.
pub fn follower_high_watermark(partition: &mut PartitionModel, server: usize, offset: Offset, verdict: &mut Verdict) {
    let (log, losses) = (&partition.replicas[server].log, partition.losses());
    let agreed = partition.end_of(log.agreed);
    if offset <= agreed {
        return;
    }
    if log.agreed == partition.committed.len() {
        return shows_uncommitted(partition, server, offset, verdict);
    }
    let served = || log.get(log.agreed).and_then(|batch| losses.may_serve_lost(batch));
    let excuse = losses.promises_nothing(server).or_else(served);
    let (of, id) = (partition.id, partition.node(server));
    verdict.fail_unless(excuse, &ConsistentRead::CLAIM, || {
        format!(
            "partition {of}: follower {id} has high watermark {offset}; its log is the committed one up to {agreed}"
        )
    });
}

/// A replica's high watermark is beyond C, which its log continues: a leader may learn late that it is deposed, and
/// moves its high watermark meanwhile. What is below stays.
fn shows_uncommitted(partition: &mut PartitionModel, server: usize, end: Offset, verdict: &mut Verdict) {
    let replica = &partition.replicas[server];
    let held = replica.count_to(end, &partition.ledger).map(|count| replica.log.prefix(count));
    let Some(held) = held else { return };
    if let Some(excuse) = partition.losses().may_serve(held) {
        verdict.excuse(excuse, 1);
    } else if !partition.shown.contains(&held) {
        partition.shown.push(held);
    }
}

pub fn answers_consumer(
    partition: &mut PartitionModel,
    server: usize,
    answer: &FetchablePartition,
    verdict: &mut Verdict,
) {
    if let Some(excuse) = partition.losses().promises_nothing_more() {
        return verdict.excuse(excuse, 1);
    }
    shows(partition, server, answer.high_watermark, verdict);
    let (of, id) = (partition.id, partition.node(server));
    for batch in answer.records.0.iter().filter(|batch| batch.is_intact()) {
        if batch.next_offset() > answer.high_watermark {
            let (end, high_watermark) = (batch.next_offset(), answer.high_watermark);
            return verdict.fail(&ConsistentRead::CLAIM, || {
                format!("partition {of}: broker {id} returns offsets below {end} to a consumer at high watermark {high_watermark}")
            });
        }
        let ledger = &partition.ledger;
        let place = partition.committed.partition_point(|known| ledger.get(*known).base < batch.base_offset);
        let committed = partition.committed.get(place);
        let same = committed.map(|known| {
            let known = ledger.get(*known).bytes();
            std::ptr::eq(known, &*batch.bytes) || *known == *batch.bytes
        });
        if same == Some(true) {
            continue;
        }
        if same == Some(false) {
            let replica = &partition.replicas[server];
            let held = replica.count_to(batch.next_offset(), ledger).map(|count| replica.log.prefix(count));
            let excuse = held.and_then(|held| partition.losses().may_serve(held));
            let base = batch.base_offset;
            verdict.fail_unless(excuse, &ConsistentRead::CLAIM, || {
                format!("partition {of}: broker {id} returns a batch at offset {base} to a consumer that differs from the committed one")
            });
        } else {
            shows_uncommitted(partition, server, batch.next_offset(), verdict);
        }
    }
}
