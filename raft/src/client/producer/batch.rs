//! Records for one partition: Kafka's `ProducerBatch`.

use std::rc::Rc;

use smallvec::SmallVec;

use crate::client::TopicPartition;
use crate::ids::{LeaderEpoch, Offset, ProducerId};
use crate::log::{Batch, BatchBuilder, BatchProducer};

/// `partitionLeaderEpoch` of a batch whose epoch no leader has set yet.
const NO_PARTITION_LEADER_EPOCH: LeaderEpoch = LeaderEpoch(-1);

/// As in Kafka, an upper bound of a record's size decides whether it fits.
const RECORD_BYTES_AT_MOST: u32 = 25;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProducerIdAndEpoch {
    /// Assigned by InitProducerId.
    pub id: ProducerId,
    /// Bumped locally.
    pub epoch: i16,
}

/// The session and base sequence of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProducerState {
    pub session: ProducerIdAndEpoch,
    /// Sequence of the first record.
    pub base_sequence: i32,
}

#[derive(Clone, Debug)]
pub(super) struct ProducerBatch {
    pub partition: TopicPartition,
    /// The values of its records, in order.
    pub values: SmallVec<[u64; 4]>,
    builder: BatchBuilder,
    timestamp_ms: i64,
    /// The batch as last sent.
    built: Option<Rc<Batch>>,
    /// When the first record was appended; the delivery timeout starts here.
    pub created_ms: i64,
    /// When the last attempt ended, or `created_ms`.
    pub last_attempt_ms: i64,
    /// Failed attempts.
    pub attempts: u32,
    /// The wait after the last attempt.
    pub backoff_ms: i64,
    /// Assigned at the first drain; kept in retries, so that the broker detects duplicates.
    pub state: Option<ProducerState>,
    /// The sequence was reassigned after an epoch bump.
    pub sequence_reset: bool,
    /// Part of a batch that was too large.
    pub split: bool,
    pub closed: bool,
    /// [`Bug::RetriedBatchTakesMore`](crate::bugs::Bug::RetriedBatchTakesMore)
    pub reopens_in_retry: bool,
    /// The application was notified of the result.
    pub done: bool,
    /// In a request in flight.
    pub on_wire: bool,
    /// The values are in the history.
    pub reported: bool,
    /// The newest of its partition that was known when it was last drained.
    pub leader_epoch: Option<LeaderEpoch>,
    attempts_when_leader_last_changed: Option<u32>,
}

impl ProducerBatch {
    pub fn new(partition: TopicPartition, now_ms: i64, timestamp_ms: i64) -> ProducerBatch {
        ProducerBatch {
            partition,
            values: SmallVec::new(),
            builder: BatchBuilder::new(Offset(0), NO_PARTITION_LEADER_EPOCH, timestamp_ms),
            timestamp_ms,
            built: None,
            created_ms: now_ms,
            last_attempt_ms: now_ms,
            attempts: 0,
            backoff_ms: 0,
            state: None,
            sequence_reset: false,
            split: false,
            closed: false,
            reopens_in_retry: false,
            done: false,
            on_wire: false,
            reported: false,
            leader_epoch: None,
            attempts_when_leader_last_changed: None,
        }
    }

    /// Adds a record, unless it is not the first and would make the batch larger than `limit`.
    pub fn try_append(&mut self, value: u64, limit: u32) -> bool {
        if self.closed && !(self.reopens_in_retry && self.in_retry()) {
            return false;
        }
        if !self.values.is_empty() && self.size().saturating_add(RECORD_BYTES_AT_MOST) > limit {
            return false;
        }
        self.builder.value(value);
        self.values.push(value);
        true
    }

    /// Size in bytes.
    pub fn size(&self) -> u32 {
        self.builder.size()
    }

    /// The number of records.
    pub fn count(&self) -> i32 {
        i32::try_from(self.values.len()).expect("batches are at most 8 MiB")
    }

    /// Sequence of the last record.
    pub fn last_sequence(&self) -> Option<i32> {
        self.state.map(|state| increment_sequence(state.base_sequence, self.count() - 1))
    }

    /// Its values as runs of consecutive ones: first and count.
    pub fn runs(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        let runs = self.values.chunk_by(|a, b| a.checked_add(1) == Some(*b));
        runs.map(|run| (run[0], u32::try_from(run.len()).expect("batches are at most 8 MiB")))
    }

    /// Assigns the sequence.
    pub fn set_state(&mut self, state: ProducerState) {
        let ProducerState { session, base_sequence } = state;
        self.state = Some(state);
        self.builder.producer(BatchProducer { id: session.id, epoch: session.epoch, base_sequence });
        self.built = None;
    }

    /// The batch as sent; the same bytes in each retry.
    pub fn records(&mut self) -> Rc<Batch> {
        self.closed = true;
        self.built.get_or_insert_with(|| self.builder.build()).clone()
    }

    /// Whether it has failed at least once, so that a broker may have it.
    pub fn in_retry(&self) -> bool {
        self.attempts > 0
    }

    /// Whether the delivery timeout is over.
    pub fn is_expired(&self, delivery_timeout_ms: i64, now_ms: i64) -> bool {
        delivery_timeout_ms <= now_ms - self.created_ms
    }

    /// Records the leader epoch now known.
    pub fn maybe_update_leader_epoch(&mut self, latest: Option<LeaderEpoch>) {
        if latest > self.leader_epoch {
            self.attempts_when_leader_last_changed = Some(self.attempts);
            self.leader_epoch = latest;
        }
    }

    /// When the backoff of a retry ends; a new leader (KIP-951) is tried at once.
    pub fn backs_off_until_ms(&self) -> Option<i64> {
        let leader_changed = self.attempts_when_leader_last_changed == Some(self.attempts);
        (self.attempts > 0 && !leader_changed).then(|| self.last_attempt_ms.saturating_add(self.backoff_ms))
    }

    /// The same records in batches of at most `limit` bytes (at least one record each), with the same sequences. The
    /// parts count as never tried.
    pub fn split(&self, limit: u32) -> Vec<ProducerBatch> {
        let empty =
            || ProducerBatch { split: true, ..ProducerBatch::new(self.partition, self.created_ms, self.timestamp_ms) };
        let mut parts = vec![empty()];
        for value in &self.values {
            if !parts.last_mut().is_some_and(|part| part.try_append(*value, limit)) {
                let mut part = empty();
                part.try_append(*value, limit);
                parts.push(part);
            }
        }
        let mut next = self.state;
        for part in &mut parts {
            part.closed = true;
            if let Some(state) = next {
                part.set_state(state);
                next = Some(ProducerState {
                    base_sequence: increment_sequence(state.base_sequence, part.count()),
                    ..state
                });
            }
        }
        parts
    }
}

/// Sequences wrap to 0 after 2³¹ − 1.
pub(super) fn increment_sequence(sequence: i32, increment: i32) -> i32 {
    let next = i64::from(sequence) + i64::from(increment);
    i32::try_from(next % (1 << 31)).expect("a remainder of 2^31 is an i32")
}
