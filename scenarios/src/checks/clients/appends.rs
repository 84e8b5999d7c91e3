//! Producers: what was sent, attempt by attempt, and whether what is committed and what was
//! acknowledged fits it.
//!
//! * an acknowledged batch stands in C at the offset told; what was known of the log when a batch
//!   was first sent lies below it (so acknowledgements in real time are in offset order)
//! * a batch in C was sent, as it stands there, by an attempt that did not definitely fail
//! * an idempotent producer's batch stands there once; an epoch bump may renumber one that was
//!   appended and not acknowledged, and only that excuses a second copy (controller-broker.md §6.8)
//! * a producer without idempotence may have copies and change the order of its batches by its
//!   retries, and `acks=1` may lose what was acknowledged: nothing is promised, and all is counted

use crate::checks::linearizability::DuplicateRecord;
use crate::checks::linearizability::LinearizableAppends;
use crate::checks::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

use raft::client::{Outcome, TopicPartition};
use raft::ids::Offset;
use raft::ids::ProducerId;
use raft::log::BatchProducer;
use smallvec::SmallVec;

use super::counts::{Counts, Remark};
use super::order::{OneBatch, follows};
use super::topics::Topics;
use crate::checks::replication::committed_log::{LogBatch, ReportedBy, Session};
use crate::checks::replication::partition::PartitionModel;
use crate::checks::replication::partitions::{PartitionIndex, Partitions};

claim! {
    /// One offset of a partition shows one value, to producers and consumers alike.
    InconsistentOffsets, Safety of History, "Jepsen Kafka: inconsistent-offsets";
    /// A batch whose attempts have all definitely failed is never committed, nor read.
    AbortedRead, Safety of History, "Jepsen Kafka: G1a; a closed list of definite failures";
    /// A committed batch is one that a producer sent, with its values and its sequence.
    InventedRecord, Safety of History, "every committed record was sent by a client";
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

impl Sending {
    fn is_of(&self, session: Session) -> bool {
        self.producer.is_some_and(|producer| (producer.id, producer.epoch) == session)
    }
}

/// A batch as a producer knows it.
#[derive(Clone, Debug)]
struct SentBatch {
    partition: TopicPartition,
    acks: i8,
    count: u32,
    /// First value and count.
    runs: SmallVec<[(u64, u32); 1]>,
    first_sent: u64,
    sendings: SmallVec<[Sending; 1]>,
    /// What it was split from.
    parent: Option<u32>,
    answered_at: Option<i64>,
}

impl SentBatch {
    fn values(&self) -> impl Iterator<Item = u64> + '_ {
        self.runs.iter().flat_map(|(first, count)| (0..u64::from(*count)).map(move |n| first + n))
    }

    fn holds(&self, values: &[u64]) -> bool {
        self.count as usize == values.len() && self.values().eq(values.iter().copied())
    }

    fn first_value(&self) -> Option<u64> {
        self.runs.first().map(|(value, _)| *value)
    }
}

/// An attempt without an answer.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    batch: u32,
    sent: u64,
    producer: Option<BatchProducer>,
    /// Whether the batch's sending has been noted: that waits for `ProduceSequence`.
    noted: bool,
    reported_values: u32,
}

#[derive(Clone, Copy, Debug)]
struct Value {
    batch: BatchKey,
    /// Where it stands in C; the newest copy.
    place: Option<(PartitionIndex, i64)>,
}

/// All producers.
#[derive(Clone, Debug, Default)]
pub struct Appends {
    batches: BTreeMap<BatchKey, SentBatch>,
    open: BTreeMap<(usize, u32), Attempt>,
    values: BTreeMap<u64, Value>,
    /// The latest value of a client without idempotence in a log.
    latest: BTreeMap<(PartitionIndex, usize), u64>,
    /// Producer ids, by the client that was given them.
    given: BTreeSet<(usize, ProducerId)>,
    scratch: Vec<u64>,
}

impl Appends {
    /// A batch goes out.
    pub fn invoked(
        &mut self,
        event: u64,
        client: usize,
        attempt: u32,
        batch: u32,
        partition: TopicPartition,
        (acks, count): (i8, u32),
    ) {
        let sent = self.batches.entry((client, batch)).or_insert_with(|| SentBatch::new(partition, event));
        (sent.partition, sent.acks) = (partition, acks);
        if sent.sendings.is_empty() {
            (sent.first_sent, sent.count) = (event, count);
        }
        let of = Attempt { batch, sent: event, producer: None, noted: false, reported_values: 0 };
        self.open.insert((client, attempt), of);
    }

    /// Its producer state.
    pub fn sequence(&mut self, client: usize, attempt: u32, producer: BatchProducer) -> TopicPartition {
        let of = self.open.get_mut(&(client, attempt)).expect("a sequence follows its invocation");
        of.producer = Some(producer);
        self.batches[&(client, of.batch)].partition
    }

    /// Where an attempt without an answer goes.
    pub fn partition_of(&self, client: usize, attempt: u32) -> Option<TopicPartition> {
        let of = self.open.get(&(client, attempt))?;
        self.partition_of_batch((client, of.batch))
    }

    /// Where a batch goes.
    pub fn partition_of_batch(&self, batch: BatchKey) -> Option<TopicPartition> {
        self.batches.get(&batch).map(|sent| sent.partition)
    }

    /// A run of its values.
    pub fn values(&mut self, client: usize, attempt: u32, first_value: u64, count: u32) {
        let of = self.open.get_mut(&(client, attempt)).expect("values follow their invocation");
        let batch = (client, of.batch);
        of.reported_values += count;
        let producer = of.producer;
        let is_first = !std::mem::replace(&mut of.noted, true);
        let sent = self.batches.get_mut(&batch).expect("an attempt is one of a batch");
        if is_first {
            match sent.sendings.iter_mut().find(|sending| sending.producer == producer) {
                Some(sending) => sending.attempts += 1,
                None => {
                    let after_ack = sent.answered_at.is_some();
                    sent.sendings.push(Sending { producer, attempts: 1, failed: 0, copies: 0, after_ack });
                }
            }
        }
        let known: u32 = sent.runs.iter().map(|(_, count)| count).sum();
        if known < sent.count {
            self.name_values(batch, first_value, count);
        }
    }

    /// Values of a batch that was not sent under its number so far.
    pub fn name_values(&mut self, batch: BatchKey, first_value: u64, count: u32) {
        if let Some(sent) = self.batches.get_mut(&batch) {
            sent.runs.push((first_value, count));
        }
        for value in (0..u64::from(count)).map(|n| first_value + n) {
            self.values.entry(value).or_insert(Value { batch, place: None }).batch = batch;
        }
    }

    /// A batch was split; its part is a batch of its own.
    pub fn split(&mut self, event: u64, client: usize, batch: u32, into: u32) {
        let Some(whole) = self.batches.get(&(client, batch)) else { return };
        let mut part = SentBatch::new(whole.partition, event);
        (part.acks, part.parent) = (whole.acks, Some(batch));
        self.batches.insert((client, into), part);
    }

    /// Acknowledged.
    pub fn acked(
        &mut self,
        (client, number): (usize, u32),
        base: i64,
        (topics, partitions): (&mut Topics, &mut Partitions),
        counts: &mut Counts,
        verdict: &mut Verdict,
    ) {
        counts.ended("produce", Outcome::Done);
        let Some(attempt) = self.open.remove(&(client, number)) else { return };
        let sent = self.batches.get_mut(&(client, attempt.batch)).expect("an attempt is one of a batch");
        sent.answered_at = Some(base);
        if sent.acks != -1 {
            return; // acks=1 promises no more than that one broker had it
        }
        let Some(first) = sent.first_value() else { return };
        let logs = topics.logs_of(sent.partition, partitions);
        // One that is not idempotent is appended by this very attempt.
        let sent_at = if attempt.producer.is_some() { sent.first_sent } else { attempt.sent };
        if let Some(log) = logs.iter().copied().find(|log| partitions[*log].log.value_at(base) == Some(first)) {
            return real_time(topics, &partitions[log], base, sent_at, verdict);
        }
        let is_lost =
            |log: &PartitionIndex| partitions[*log].losses().may_be_shown(Offset(base), first, None).is_some();
        if logs.iter().any(is_lost) {
            return verdict.excuse(Excuse::AckedAppendDestroyed, 1);
        }
        match logs.iter().copied().find(|log| partitions[*log].log.end() <= base) {
            Some(log) => {
                real_time(topics, &partitions[log], base, sent_at, verdict);
                for (offset, value) in (base..).zip(sent.values()) {
                    if let Some(other) = partitions[log].claim(verdict.event, offset, value, ReportedBy::Acked) {
                        let name = topics.name_of(partitions[log].id);
                        verdict.fail(&InconsistentOffsets::CLAIM, || {
                            format!(
                                "{name} holds value {other} at offset {offset}, and value {value} is acknowledged there"
                            )
                        });
                    }
                }
            }
            None => {
                let held = logs.first().and_then(|log| partitions[*log].log.value_at(base));
                let partition = sent.partition;
                verdict.fail(&InconsistentOffsets::CLAIM, || {
                    format!(
                        "value {first} is acknowledged at offset {base} of {partition}, where the committed value is {}", or_none(held)
                    )
                });
            }
        }
    }

    /// Definitely not appended by this attempt.
    pub fn failed(&mut self, client: usize, attempt: u32, counts: &mut Counts, verdict: &mut Verdict) {
        counts.ended("produce", Outcome::Failed);
        let Some(attempt) = self.open.remove(&(client, attempt)) else { return };
        let sent = self.batches.get_mut(&(client, attempt.batch)).expect("an attempt is one of a batch");
        if let Some(sending) = sent.sendings.iter_mut().find(|sending| sending.producer == attempt.producer) {
            sending.failed += 1;
            check_sending(sending, (client, attempt.batch), verdict);
        }
    }

    /// Nobody knows.
    pub fn unknown(&mut self, client: usize, attempt: u32, counts: &mut Counts) {
        counts.ended("produce", Outcome::Unknown);
        self.open.remove(&(client, attempt));
    }

    /// The application is told of success.
    pub fn batch_acked(&mut self, batch: BatchKey, base: i64, verdict: &mut Verdict) {
        let answered = self.batches.get(&batch).and_then(|sent| sent.answered_at);
        if base >= 0 && answered != Some(base) {
            verdict.fail(&InconsistentOffsets::CLAIM, || {
                let ((client, number), answered) = (batch, or_none(answered));
                format!(
                    "batch {number} of client {client} is acknowledged at offset {base}, the broker answered {answered}"
                )
            });
        }
    }

    /// The batch at this place of a log is committed.
    pub fn committed(
        &mut self,
        (log, place): (PartitionIndex, usize),
        (topics, partitions): (&Topics, &Partitions),
        counts: &mut Counts,
        verdict: &mut Verdict,
    ) {
        let of = &partitions[log];
        let LogBatch { base, producer, before, .. } = of.log.batches[place];
        let end = of.log.batches.get(place + 1).map_or(of.log.end(), |next| next.base);
        let mut values = std::mem::take(&mut self.scratch);
        values.clear();
        values.extend(of.log.records[base as usize..end as usize].iter().map(|record| record.value));
        match self.sender_of(&values, producer) {
            Some(key) => {
                let earlier = self.place_of(values[0]);
                let in_an_earlier_life =
                    earlier.is_some_and(|(other, _)| other != log && partitions[other].is_deleted());
                let sent = self.batches.get_mut(&key).expect("a sender is a batch");
                real_time(topics, of, base, sent.first_sent, verdict);
                if let Some(sending) = sent.sendings.iter_mut().find(|sending| sending.producer == producer) {
                    sending.copies = if in_an_earlier_life { 1 } else { sending.copies + 1 };
                    check_sending(sending, key, verdict);
                }
                let (renumbered, copy) = (sent.sendings.len() > 1, earlier.is_some());
                if let Some(producer) = producer {
                    let state = OneBatch { base, first: values[0], producer, renumbered, copy };
                    follows(state, before, || topics.name_of(of.id), counts, verdict);
                } else {
                    let latest = self.latest.entry((log, key.0)).or_insert(values[0]);
                    if values[0] < *latest && !copy {
                        verdict.excuse(Excuse::ReorderedWithoutIdempotence, 1);
                    }
                    *latest = values[0].max(*latest);
                }
            }
            None => verdict.fail(&InventedRecord::CLAIM, || {
                let name = topics.name_of(of.id);
                let (records, producer) = (values.len(), or_none(producer));
                let first = or_none(values.first());
                format!(
                    "no client sent {records} records of {producer}, first value {first}, committed in {name} at {base}"
                )
            }),
        }
        self.place((log, base), &values, producer, (topics, partitions), verdict);
        self.scratch = values;
    }

    /// Who sent this very batch: the one that has its values now, or what that was split from.
    fn sender_of(&self, values: &[u64], producer: Option<BatchProducer>) -> Option<BatchKey> {
        let mut key = self.values.get(values.first()?)?.batch;
        loop {
            let sent = self.batches.get(&key)?;
            if sent.holds(values) && sent.sendings.iter().any(|sending| sending.producer == producer) {
                return Some(key);
            }
            key.1 = sent.parent?;
        }
    }

    /// Notes where values stand; a second place needs a reason.
    fn place(
        &mut self,
        (log, base): (PartitionIndex, i64),
        values: &[u64],
        producer: Option<BatchProducer>,
        (topics, partitions): (&Topics, &Partitions),
        verdict: &mut Verdict,
    ) {
        let mut again = false;
        for (offset, value) in (base..).zip(values) {
            let Some(known) = self.values.get_mut(value) else { continue };
            let Some((other_log, other)) = known.place.replace((log, offset)) else { continue };
            let (of, first) = (&partitions[log], &partitions[other_log]);
            if other_log != log && first.is_deleted() && first.id.partition == of.id.partition {
                continue; // the topic has another life, and the batch was retried there
            }
            let first_producer = first.log.batch_of(other).and_then(|batch| batch.producer);
            let batch = known.batch;
            let legal = match (first_producer, producer) {
                (Some(first), Some(second)) => {
                    self.is_renumbered(batch, (first.id, first.epoch), (second.id, second.epoch))
                }
                (None, None) => true, // counted per attempt by `check_sending`
                _ => false,
            };
            if other_log != log || !legal {
                let (value, name, other_name) = (*value, topics.name_of(of.id), topics.name_of(first.id));
                verdict.fail(&DuplicateRecord::CLAIM, || {
                    format!("value {value} is committed in {other_name} at offset {other} and in {name} at {offset}")
                });
            }
            again = true;
        }
        if again {
            match producer {
                Some(_) => verdict.excuse(Excuse::DuplicateByEpochBump, 1),
                None => verdict.excuse(Excuse::DuplicateWithoutIdempotence, 1),
            }
        }
    }

    /// Was a batch sent under both sessions as Kafka's client does it: under the later one because it
    /// had bumped its epoch, or at the last epoch been given another id, and nobody had told it that the
    /// batch was appended?
    fn is_renumbered(&self, batch: BatchKey, one: Session, other: Session) -> bool {
        let mut sendings: SmallVec<[Sending; 4]> = SmallVec::new();
        let mut key = Some(batch);
        while let Some(sent) = key.and_then(|key| self.batches.get(&key)) {
            // What it was split from was sent before.
            sendings.insert_many(0, sent.sendings.iter().copied());
            key = sent.parent.map(|parent| (batch.0, parent));
        }
        let place = |session: Session| sendings.iter().position(|sending| sending.is_of(session));
        let (Some(first), Some(second)) = (place(one), place(other)) else { return false };
        let (before, after) = if first < second { (one, other) } else { (other, one) };
        let is_bumped = if before.0 == after.0 { after.1 > before.1 } else { self.given.contains(&(batch.0, after.0)) };
        is_bumped && !sendings[first.max(second)].after_ack
    }

    /// A client is given a producer id.
    pub fn given(&mut self, client: usize, id: ProducerId) {
        self.given.insert((client, id));
    }

    /// A committed batch was destroyed with the disks that held it.
    pub fn destroyed(&mut self, log: PartitionIndex, batch: &LogBatch, values: &[u64], verdict: &mut Verdict) {
        if let Some(key) = self.sender_of(values, batch.producer) {
            // What comes now comes behind what is left.
            self.latest.remove(&(log, key.0));
            let sent = self.batches.get_mut(&key).expect("a sender is a batch");
            if let Some(sending) = sent.sendings.iter_mut().find(|sending| sending.producer == batch.producer) {
                sending.copies -= 1;
            }
            if sent.acks == -1 && sent.answered_at == Some(batch.base) {
                verdict.excuse(Excuse::AckedAppendDestroyed, 1);
            }
        }
        for (offset, value) in (batch.base..).zip(values) {
            if let Some(known) = self.values.get_mut(value)
                && known.place == Some((log, offset))
            {
                known.place = None;
            }
        }
    }

    /// Did every attempt to append this value definitely fail?
    pub fn was_refused(&self, value: u64) -> bool {
        let sent = self.values.get(&value).and_then(|known| self.batches.get(&known.batch));
        sent.is_some_and(|sent| sent.sendings.iter().all(|sending| sending.failed == sending.attempts))
    }

    /// Where a value stands.
    pub fn place_of(&self, value: u64) -> Option<(PartitionIndex, i64)> {
        self.values.get(&value)?.place
    }

    /// Was a batch with this value acknowledged (to acks=all) so that the value stands at this offset?
    pub fn is_acked_at(&self, value: u64, offset: i64) -> bool {
        let sent = self.values.get(&value).and_then(|known| self.batches.get(&known.batch));
        sent.is_some_and(|sent| {
            let within = |base: i64| (base..base + i64::from(sent.count)).contains(&offset);
            sent.acks == -1 && sent.answered_at.is_some_and(within)
        })
    }

    /// What never ended is unknown. `complete`: the committed logs hold all that they ever will, so
    /// that what `acks=1` acknowledged and they lack is lost.
    pub fn finish(
        &mut self,
        complete: bool,
        (topics, partitions): (&mut Topics, &mut Partitions),
        counts: &mut Counts,
        verdict: &mut Verdict,
    ) {
        for _ in std::mem::take(&mut self.open) {
            counts.ended("produce", Outcome::Unknown);
        }
        let unanswered = |sent: &&SentBatch| sent.answered_at.is_none();
        let unanswered = self.batches.values().filter(unanswered);
        for _ in unanswered.filter(|sent| sent.sendings.iter().any(|sending| sending.copies > 0)) {
            counts.remark(Remark::UnknownAppendCommitted);
        }
        let by_leader = |sent: &&SentBatch| sent.acks == 1 && sent.answered_at.is_some();
        for sent in self.batches.values().filter(|sent| complete && by_leader(sent)) {
            let logs = topics.logs_of(sent.partition, partitions);
            let lives = logs.iter().any(|log| !partitions[*log].is_deleted());
            let is_lost = |value: &u64| self.place_of(*value).is_none();
            let lost = sent.values().filter(is_lost).count() as u64;
            if lives && lost > 0 {
                verdict.excuse(Excuse::AckedByLeaderOnlyLost, lost);
            }
        }
    }
}

impl SentBatch {
    fn new(partition: TopicPartition, event: u64) -> SentBatch {
        SentBatch {
            partition,
            acks: -1,
            count: 0,
            runs: SmallVec::new(),
            first_sent: event,
            sendings: SmallVec::new(),
            parent: None,
            answered_at: None,
        }
    }
}

/// What was known of a log when a batch was sent lies below it.
fn real_time(topics: &Topics, of: &PartitionModel, base: i64, sent_at: u64, verdict: &mut Verdict) {
    let known = of.log.known_end_at(sent_at);
    if base < known {
        let name = topics.name_of(of.id);
        verdict.fail(&LinearizableAppends::CLAIM, || {
            format!("a batch is in {name} at offset {base}, but the log ended at {known} before it was sent")
        });
    }
}

/// No more copies than attempts that may have made them; of an idempotent producer's batch, one.
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
