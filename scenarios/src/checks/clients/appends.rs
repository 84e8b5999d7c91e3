//! Producers: what was sent, attempt by attempt, and whether what is committed and what was
//! acknowledged fits it.
//!
//! * an acknowledged batch stands in C at the offset of the answer; what was known of the log when a batch
//!   was first sent lies below it (so acknowledgements in real time are in offset order)
//! * a batch in C was sent, as it stands there, by an attempt that did not definitely fail
//! * an idempotent producer's batch stands there once; an epoch bump may renumber one that was
//!   appended and not acknowledged, and only that excuses a second copy (controller-broker.md §6.8)
//! * a producer without idempotence may have copies and change the order of its batches by its
//!   retries, and `acks=1` may lose what was acknowledged: nothing is promised, and all is counted
//! * with each bump of a producer's epoch the sequences of every partition begin anew, unless something was
//!   refused or given up in it, or has had no answer: batches that were given the first numbers may have ended
//!   without being sent again (controller-broker.md §6.8)

use crate::checks::linearizability::DuplicateRecord;
use crate::checks::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

use raft::client::{AttemptEvent, Outcome, TopicPartition};
use raft::ids::{Offset, ProducerId};
use raft::log::BatchProducer;
use smallvec::SmallVec;

use super::context::{Context, Stands};
use super::counts::Remark;
use crate::checks::loss::resent::{Resent, may_be_lost_with_leader};
use crate::checks::replication::committed_log::{LogBatch, ReportedBy, Session};
use crate::checks::replication::partitions::PartitionIndex;

claim! {
    /// One offset of a partition shows one value, to producers and consumers alike.
    InconsistentOffsets, Safety of History, "Jepsen Kafka: inconsistent-offsets";
    /// A batch whose attempts have all definitely failed is never committed, nor read.
    AbortedRead, Safety of History, "Jepsen Kafka: G1a; a closed list of definite failures";
    /// A committed batch is one that a producer sent, with its values and its sequence.
    InventedRecord, Safety of History, "every committed record was sent by a client";
    /// An idempotent producer's records are in the log in the order in which they were sent.
    NonmonotonicSend, Safety of History, "Jepsen Kafka: nonmonotonic-send, int-nonmonotonic-send; controller-broker.md §6.11";
    /// In a new epoch of a producer the sequences of each partition begin at 0.
    NewEpochBeginsAtZero, Safety of History, "KIP-360; KAFKA-12152";
}

/// A batch by its client and that client's number.
pub type BatchKey = (usize, u32);

/// One way in which a batch was sent: a retry is the same, unless the producer's epoch was bumped.
#[derive(Clone, Copy, Debug)]
struct Sending {
    producer: Option<BatchProducer>,
    attempts: u32,
    failed: u32,
    /// How often it stands in C.
    copies: u32,
    /// The client knew that the batch was appended, and sent it so all the same.
    after_ack: bool,
}

#[derive(Clone, Debug)]
struct SentBatch {
    partition: TopicPartition,
    acks: i8,
    count: u32,
    runs: SmallVec<[(u64, u32); 1]>,
    first_sent: u64,
    sendings: SmallVec<[Sending; 1]>,
    /// What it was split from.
    parent: Option<u32>,
    answered_at: Option<i64>,
}

impl SentBatch {
    fn new(partition: TopicPartition, acks: i8, event: u64, parent: Option<u32>) -> SentBatch {
        let (runs, sendings) = (SmallVec::new(), SmallVec::new());
        SentBatch { partition, acks, count: 0, runs, first_sent: event, sendings, parent, answered_at: None }
    }

    fn values(&self) -> impl Iterator<Item = u64> + '_ {
        self.runs.iter().flat_map(|(first, count)| (0..u64::from(*count)).map(move |n| first + n))
    }

    fn sending(&mut self, producer: Option<BatchProducer>) -> Option<&mut Sending> {
        self.sendings.iter_mut().find(|sending| sending.producer == producer)
    }
}

#[derive(Clone, Copy, Debug)]
struct Attempt {
    batch: BatchKey,
    sent: u64,
    producer: Option<BatchProducer>,
    /// Whether the batch's sending has been noted: that waits for `ProduceSequence`.
    noted: bool,
}

#[derive(Clone, Copy, Debug)]
struct Value {
    batch: BatchKey,
    /// Where it stands in C; the newest copy.
    place: Option<(PartitionIndex, i64)>,
}

#[derive(Clone, Debug, Default)]
pub struct Appends {
    batches: BTreeMap<BatchKey, SentBatch>,
    open: BTreeMap<(usize, u32), Attempt>,
    values: BTreeMap<u64, Value>,
    /// The latest value of a client without idempotence in a log.
    latest: BTreeMap<(PartitionIndex, usize), u64>,
    /// Producer ids, by the client that was given them.
    given: BTreeSet<(usize, ProducerId)>,
    /// The session in which each client last sent to each partition, and whether something went wrong in it.
    sessions: BTreeMap<(usize, TopicPartition), (Session, bool)>,
    scratch: Vec<u64>,
}

impl Appends {
    pub fn on(&mut self, client: usize, event: AttemptEvent, context: &mut Context<'_>) {
        let now = context.verdict.event;
        match event {
            AttemptEvent::ProduceInvoked { attempt, batch, partition, acks, count, .. } => {
                context.counts.began("produce");
                let batch = (client, batch);
                let sent = self.batches.entry(batch).or_insert_with(|| SentBatch::new(partition, acks, now, None));
                (sent.partition, sent.acks) = (partition, acks);
                if sent.sendings.is_empty() {
                    (sent.first_sent, sent.count) = (now, count);
                }
                self.open.insert((client, attempt), Attempt { batch, sent: now, producer: None, noted: false });
            }
            AttemptEvent::ProduceSequence { attempt, producer_id: id, producer_epoch: epoch, base_sequence } => {
                let producer = BatchProducer { id, epoch, base_sequence };
                let of = self.open.get_mut(&(client, attempt)).expect("a sequence follows its invocation");
                of.producer = Some(producer);
                let to = (client, self.batches[&of.batch].partition);
                self.sends(to, producer, context.verdict);
            }
            AttemptEvent::ProduceValues { attempt, first_value, count } => {
                let of = self.open.get_mut(&(client, attempt)).expect("values follow their invocation");
                let (Attempt { batch, producer, .. }, noted) = (*of, std::mem::replace(&mut of.noted, true));
                let sent = self.batches.get_mut(&batch).expect("an attempt is one of a batch");
                match sent.sending(producer) {
                    _ if noted => {}
                    Some(sending) => sending.attempts += 1,
                    None => {
                        let after_ack = sent.answered_at.is_some();
                        sent.sendings.push(Sending { producer, attempts: 1, failed: 0, copies: 0, after_ack });
                    }
                }
                let known: u32 = sent.runs.iter().map(|(_, count)| count).sum();
                if known < sent.count {
                    self.name_values(batch, first_value, count);
                }
            }
            AttemptEvent::ProduceOk { attempt, base_offset } => self.acked((client, attempt), base_offset.0, context),
            AttemptEvent::ProduceFailed { attempt, .. } => {
                if let Some(Attempt { batch, producer, .. }) = self.failed((client, attempt), Outcome::Failed, context)
                    && let Some(sending) = self.batches.get_mut(&batch).and_then(|sent| sent.sending(producer))
                {
                    sending.failed += 1;
                    check_sending(sending, batch, context.verdict);
                }
            }
            AttemptEvent::ProduceUnknown { attempt, .. } => {
                self.failed((client, attempt), Outcome::Unknown, context);
            }
            AttemptEvent::BatchAcked { batch, base_offset: Offset(base) } => {
                let answered = self.batches.get(&(client, batch)).and_then(|sent| sent.answered_at);
                if base >= 0 && answered != Some(base) {
                    context.verdict.fail(&InconsistentOffsets::CLAIM, || {
                        let answered = or_none(answered);
                        format!(
                            "batch {batch} of client {client} is acknowledged at offset {base}, the broker answered {answered}"
                        )
                    });
                }
            }
            AttemptEvent::BatchFailed { batch, .. } => self.trouble((client, batch)),
            AttemptEvent::BatchValues { batch, first_value, count } => {
                self.name_values((client, batch), first_value, count);
            }
            AttemptEvent::BatchSplit { batch, into } => {
                if let Some(SentBatch { partition, acks, .. }) = self.batches.get(&(client, batch)) {
                    let part = SentBatch::new(*partition, *acks, now, Some(batch));
                    self.batches.insert((client, into), part);
                }
            }
            AttemptEvent::InitProducerIdInvoked { .. } => context.counts.began("init_producer_id"),
            AttemptEvent::InitProducerIdOk { producer_id, .. } => {
                context.counts.ended("init_producer_id", Outcome::Done);
                self.given.insert((client, producer_id));
            }
            AttemptEvent::InitProducerIdFailed { .. } => context.counts.ended("init_producer_id", Outcome::Failed),
            AttemptEvent::InitProducerIdUnknown { .. } => context.counts.ended("init_producer_id", Outcome::Unknown),
            _ => {}
        }
    }

    fn sends(&mut self, to: (usize, TopicPartition), producer: BatchProducer, verdict: &mut Verdict) {
        let BatchProducer { id, epoch, base_sequence } = producer;
        let before = self.sessions.get(&to).copied();
        if before.is_some_and(|(session, _)| session == (id, epoch)) {
            return;
        }
        self.sessions.insert(to, ((id, epoch), false));
        if base_sequence != 0 && before.is_some_and(|(_, troubled)| !troubled) {
            verdict.fail(&NewEpochBeginsAtZero::CLAIM, || {
                let (client, partition) = to;
                format!(
                    "client {client} begins epoch {epoch} of producer {id} in {partition} with sequence {base_sequence}"
                )
            });
        }
    }

    fn failed(&mut self, key: (usize, u32), outcome: Outcome, context: &mut Context<'_>) -> Option<Attempt> {
        context.counts.ended("produce", outcome);
        let attempt = self.open.remove(&key)?;
        self.trouble(attempt.batch);
        Some(attempt)
    }

    fn trouble(&mut self, batch: BatchKey) {
        if let Some(sent) = self.batches.get(&batch) {
            let session = self.sessions.get_mut(&(batch.0, sent.partition));
            session.into_iter().for_each(|(_, troubled)| *troubled = true);
        }
    }

    /// A run of values of a batch. They may be those of another one that it is a part of.
    fn name_values(&mut self, batch: BatchKey, first_value: u64, count: u32) {
        if let Some(sent) = self.batches.get_mut(&batch) {
            sent.runs.push((first_value, count));
        }
        for value in (0..u64::from(count)).map(|n| first_value + n) {
            self.values.entry(value).or_insert(Value { batch, place: None }).batch = batch;
        }
    }

    fn acked(&mut self, key: (usize, u32), base: i64, context: &mut Context<'_>) {
        context.counts.ended("produce", Outcome::Done);
        let Some(attempt) = self.open.remove(&key) else { return };
        let sent = self.batches.get_mut(&attempt.batch).expect("an attempt is one of a batch");
        sent.answered_at = Some(base);
        if sent.acks != -1 {
            return; // acks=1 promises no more than that one broker had it
        }
        let Some(first) = sent.values().next() else { return };
        // One that is not idempotent is appended by this very attempt.
        let sent_at = if attempt.producer.is_some() { sent.first_sent } else { attempt.sent };
        let (logs, stands) = context.stands(sent.partition, base, first, ReportedBy::Acked);
        match stands {
            Stands::In(log) => context.real_time(log, base, sent_at),
            Stands::Lost(excuse) => context.verdict.excuse(excuse, 1),
            Stands::Ahead(log) => {
                context.real_time(log, base, sent_at);
                for (offset, value) in (base..).zip(sent.values()) {
                    if let Some(other) = context.claim(log, offset, value, ReportedBy::Acked) {
                        let name = context.name(log);
                        context.verdict.fail(&InconsistentOffsets::CLAIM, || {
                            format!(
                                "{name} holds value {other} at offset {offset}, and value {value} is acknowledged there"
                            )
                        });
                    }
                }
            }
            Stands::Nowhere => {
                let held = logs.first().and_then(|log| context.partitions[*log].log.value_at(base));
                let partition = sent.partition;
                context.verdict.fail(&InconsistentOffsets::CLAIM, || {
                    format!(
                        "value {first} is acknowledged at offset {base} of {partition}, where the committed value is {}", or_none(held)
                    )
                });
            }
        }
    }

    pub fn committed(&mut self, log: PartitionIndex, place: usize, context: &mut Context<'_>) {
        let of = &context.partitions[log];
        let batch @ LogBatch { base, producer, before, .. } = of.log.batches[place];
        let end = of.log.batches.get(place + 1).map_or(of.log.end(), |next| next.base);
        let mut values = std::mem::take(&mut self.scratch);
        values.clear();
        values.extend(of.log.records[base as usize..end as usize].iter().map(|record| record.value));
        if let Some(key) = self.sender_of(&values, producer) {
            let (first, earlier) = (values[0], self.place_of(values[0]));
            let in_an_earlier_life =
                earlier.is_some_and(|(other, _)| other != log && context.partitions[other].is_deleted());
            let sent = self.batches.get_mut(&key).expect("a sender is a batch");
            context.real_time(log, base, sent.first_sent);
            if let Some(sending) = sent.sending(producer) {
                sending.copies = if in_an_earlier_life { 1 } else { sending.copies + 1 };
                check_sending(sending, key, context.verdict);
            }
            match (producer, before) {
                (None, _) => {
                    let latest = self.latest.entry((log, key.0)).or_insert(first);
                    let resent = Resent { idempotent: false, renumbered: false };
                    if let Some(excuse) = resent.may_stand_behind().filter(|_| first < *latest && earlier.is_none()) {
                        context.verdict.excuse(excuse, 1);
                    }
                    *latest = first.max(*latest);
                }
                (Some(producer), None) if producer.base_sequence != 0 => {
                    context.counts.remark(Remark::ProducerBeganLate);
                }
                // One that was appended before is reported as a copy.
                (Some(producer), Some(before))
                    if before.is_followed_by(producer) && first <= before.last_value && earlier.is_none() =>
                {
                    let renumbered = producer.epoch > before.epoch && sent.sendings.len() > 1;
                    let excuse = Resent { idempotent: true, renumbered }.may_stand_behind();
                    let (name, last) = (context.name(log), before.last_value);
                    context.verdict.fail_unless(excuse, &NonmonotonicSend::CLAIM, || {
                        format!(
                            "value {first} is committed in {name} at offset {base} behind {last}, which was sent later"
                        )
                    });
                }
                _ => {}
            }
        } else {
            let name = context.name(log);
            context.verdict.fail(&InventedRecord::CLAIM, || {
                let (records, producer) = (values.len(), or_none(producer));
                let first = or_none(values.first());
                format!(
                    "no client sent {records} records of {producer}, first value {first}, committed in {name} at {base}"
                )
            });
        }
        self.place(log, &batch, &values, context);
        self.scratch = values;
    }

    /// Who sent this very batch: the one that has its values now, or what that was split from.
    fn sender_of(&self, values: &[u64], producer: Option<BatchProducer>) -> Option<BatchKey> {
        let mut key = self.values.get(values.first()?)?.batch;
        loop {
            let sent = self.batches.get(&key)?;
            let has_all = sent.count as usize == values.len() && sent.values().eq(values.iter().copied());
            if has_all && sent.sendings.iter().any(|sending| sending.producer == producer) {
                return Some(key);
            }
            key.1 = sent.parent?;
        }
    }

    /// Notes where values stand; a second place needs a reason.
    fn place(&mut self, log: PartitionIndex, batch: &LogBatch, values: &[u64], context: &mut Context<'_>) {
        let mut again = None;
        for (offset, value) in (batch.base..).zip(values) {
            let Some(known) = self.values.get_mut(value) else { continue };
            let Some((other_log, other)) = known.place.replace((log, offset)) else { continue };
            let (of, first) = (&context.partitions[log], &context.partitions[other_log]);
            if other_log != log && first.is_deleted() && first.id.partition == of.id.partition {
                continue; // the topic has another life, and the batch was retried there
            }
            let sent = known.batch;
            let resent = match (first.log.batch_of(other).and_then(|batch| batch.producer), batch.producer) {
                (Some(first), Some(second)) => {
                    Resent { idempotent: true, renumbered: self.is_renumbered(sent, first, second) }
                }
                // Counted per attempt by `check_sending`.
                (one, other) => Resent { idempotent: one.or(other).is_some(), renumbered: false },
            };
            let excuse = resent.may_stand_twice().filter(|_| other_log == log);
            if excuse.is_none() {
                let (name, other_name) = (context.name(log), context.name(other_log));
                context.verdict.fail(&DuplicateRecord::CLAIM, || {
                    format!("value {value} is committed in {other_name} at offset {other} and in {name} at {offset}")
                });
            }
            again = again.or(excuse);
        }
        again.into_iter().for_each(|excuse| context.verdict.excuse(excuse, 1));
    }

    /// Was a batch sent under both sessions as Kafka's client does it: under the later one because it
    /// had bumped its epoch, or at the last epoch been given another id, and it had no answer that the
    /// batch was appended?
    fn is_renumbered(&self, batch: BatchKey, one: BatchProducer, other: BatchProducer) -> bool {
        let mut sendings: SmallVec<[Sending; 4]> = SmallVec::new();
        let mut key = Some(batch);
        while let Some(sent) = key.and_then(|key| self.batches.get(&key)) {
            // What it was split from was sent before.
            sendings.insert_many(0, sent.sendings.iter().copied());
            key = sent.parent.map(|parent| (batch.0, parent));
        }
        let session = |of: BatchProducer| (of.id, of.epoch);
        let is_of = |sending: &Sending, of| sending.producer.is_some_and(|it| session(it) == session(of));
        let place = |of| sendings.iter().position(|sending| is_of(sending, of));
        let (Some(first), Some(second)) = (place(one), place(other)) else { return false };
        let (before, after) = if first < second { (one, other) } else { (other, one) };
        let is_given = || self.given.contains(&(batch.0, after.id));
        let is_bumped = if before.id == after.id { after.epoch > before.epoch } else { is_given() };
        is_bumped && !sendings[first.max(second)].after_ack
    }

    /// A batch is cut from a log. True if it was acknowledged there, to acks=all.
    pub fn destroyed(&mut self, log: PartitionIndex, batch: &LogBatch, values: &[u64]) -> bool {
        let mut is_acked = false;
        if let Some(key) = self.sender_of(values, batch.producer) {
            // What comes now comes behind what is left.
            self.latest.remove(&(log, key.0));
            let sent = self.batches.get_mut(&key).expect("a sender is a batch");
            if let Some(sending) = sent.sending(batch.producer) {
                sending.copies -= 1;
            }
            is_acked = sent.acks == -1 && sent.answered_at == Some(batch.base);
        }
        for (offset, value) in (batch.base..).zip(values) {
            if let Some(known) = self.values.get_mut(value) {
                known.place = known.place.filter(|place| *place != (log, offset));
            }
        }
        is_acked
    }

    fn batch_of(&self, value: u64) -> Option<&SentBatch> {
        self.batches.get(&self.values.get(&value)?.batch)
    }

    /// Did every attempt to append this value definitely fail?
    pub fn was_refused(&self, value: u64) -> bool {
        let is_refused = |sending: &Sending| sending.failed == sending.attempts;
        self.batch_of(value).is_some_and(|sent| sent.sendings.iter().all(is_refused))
    }

    pub fn place_of(&self, value: u64) -> Option<(PartitionIndex, i64)> {
        self.values.get(&value)?.place
    }

    /// Was a batch with this value acknowledged (to acks=all) so that the value stands at this offset?
    pub fn is_acked_at(&self, value: u64, offset: i64) -> bool {
        self.batch_of(value).is_some_and(|sent| {
            let within = |base: i64| (base..base + i64::from(sent.count)).contains(&offset);
            sent.acks == -1 && sent.answered_at.is_some_and(within)
        })
    }

    /// The run is over. `complete`: the committed logs hold all that they ever will, so that what `acks=1`
    /// acknowledged and they lack is lost.
    pub fn finish(&self, complete: bool, context: &mut Context<'_>) {
        for sent in self.batches.values() {
            if sent.answered_at.is_none() {
                if sent.sendings.iter().any(|sending| sending.copies > 0) {
                    context.counts.remark(Remark::UnknownAppendCommitted);
                }
            } else if complete && sent.acks == 1 {
                let logs = context.logs_of(sent.partition);
                let lives = logs.iter().any(|log| !context.partitions[*log].is_deleted());
                let lost = sent.values().filter(|value| self.place_of(*value).is_none()).count() as u64;
                if let Some(excuse) = may_be_lost_with_leader(sent.acks).filter(|_| lives && lost > 0) {
                    context.verdict.excuse(excuse, lost);
                }
            }
        }
    }
}

/// No more copies than attempts that may have made them; of an idempotent producer's batch, one.
#[track_caller]
fn check_sending(sending: &Sending, batch: BatchKey, verdict: &mut Verdict) {
    let Sending { producer, attempts, failed, copies, .. } = *sending;
    let name = || format!("batch {} of client {} ({})", batch.1, batch.0, or_none(producer));
    if copies > 0 && attempts == failed {
        verdict.fail(&AbortedRead::CLAIM, || {
            format!("{} is committed, and all its {attempts} attempts definitely failed", name())
        });
    } else if copies > if producer.is_some() { 1 } else { attempts - failed } {
        verdict.fail(&DuplicateRecord::CLAIM, || {
            format!("{} is committed {copies} times; {failed} of {attempts} attempts definitely failed", name())
        });
    }
}
