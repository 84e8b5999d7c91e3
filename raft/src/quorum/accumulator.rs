//! Kafka's `BatchAccumulator`: collects a leader's records into batches before they are appended to the log
//! (consensus.md §4.8).
//!
//! Records are *prepared* (they get offsets and are added to a batch) and then *scheduled*. Batches from the first
//! prepared and not yet scheduled offset on are not drained: the state machine replays its records in between, and must
//! not receive their commit earlier.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::bugs::{Bug, Bugs};
use crate::ids::{LeaderEpoch, Offset};
use crate::log::{Batch, BatchBuilder, ControlRecord};
use crate::message::{Fields, Value};
use crate::quorum::memory_pool::{BatchMemoryPool, BufferId};

/// An append is refused while this many closed batches wait to be drained.
const MAX_COMPLETED_BATCHES: usize = 10;

/// Upper limit for the record of a number; the size of a batch is computed exactly only this close to its limit.
const MAX_VALUE_RECORD_BYTES: u64 = 64;
/// Upper limit for the overhead of a record beside its metadata frame.
const MAX_RECORD_OVERHEAD: u64 = 32;

/// The reason why records were not accepted; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The caller's epoch has ended, or the accumulator is closed: Kafka's `NotLeaderException`.
    #[error("this node no longer leads the epoch of the append")]
    NotLeader,
    /// The caller's epoch is higher than the leader's: `IllegalArgumentException`.
    #[error("the append is of an epoch that this leader does not know")]
    FutureEpoch,
    #[error("an append needs at least one record")]
    Empty,
    /// The records exceed the size of a batch: `RecordBatchTooLargeException`.
    #[error("the records do not fit into one batch")]
    TooLarge,
    /// Too many batches wait to be drained: `IllegalStateException`.
    #[error("{MAX_COMPLETED_BATCHES} batches wait to be written already")]
    TooManyBatches,
}

/// A batch that is complete, and the buffer that it was built in.
#[derive(Clone, Debug)]
pub struct CompletedBatch {
    pub batch: Rc<Batch>,
    pub buffer: BufferId,
}

/// The records of one leader epoch that are not appended to the log yet.
#[derive(Clone, Debug)]
pub struct BatchAccumulator {
    epoch: LeaderEpoch,
    linger_ms: i64,
    max_batch_bytes: u32,
    bugs: Bugs,
    closed: bool,
    next_offset: Offset,
    /// The batch being filled; never empty.
    current: Option<BatchBuilder>,
    /// Closed batches, oldest first.
    completed: VecDeque<CompletedBatch>,
    /// The buffer of `current`.
    buffer: Option<BufferId>,
    /// Owned by the accumulator while the replica leads.
    pub memory: BatchMemoryPool,
    /// A control batch has completed the current one, which the next drain then does not (`DrainStatus.FINISHED`).
    drain_is_finished: bool,
    /// The end of the linger of the oldest record in `current`; `None` if there is none.
    linger_deadline_ms: Option<i64>,
    /// First prepared and not yet scheduled offset.
    drain_fence: Option<Offset>,
}

impl BatchAccumulator {
    /// An empty accumulator; the first record gets `base_offset`, the log end at the election. A batch has at most
    /// `max_batch_bytes`, its header included.
    pub fn new(
        epoch: LeaderEpoch,
        base_offset: Offset,
        linger_ms: i64,
        max_batch_bytes: u32,
        bugs: Bugs,
    ) -> BatchAccumulator {
        BatchAccumulator {
            epoch,
            linger_ms,
            max_batch_bytes,
            bugs,
            closed: false,
            next_offset: base_offset,
            current: None,
            completed: VecDeque::new(),
            buffer: None,
            memory: BatchMemoryPool::default(),
            drain_is_finished: false,
            linger_deadline_ms: None,
            drain_fence: None,
        }
    }

    /// The state, for instruments.
    pub fn described(&self) -> Value {
        Value::of([
            ("nextOffset", self.next_offset.value()),
            ("hasOpenBatch", self.current.is_some().value()),
            ("completedBatches", Value::count(self.completed.len())),
        ])
    }

    /// Kafka's `prepareAppend`: one record per value, all in one batch. Returns the offset of the last. They are not
    /// drained before [`schedule_prepared_append`](Self::schedule_prepared_append).
    pub fn prepare_append(&mut self, now_ms: i64, epoch: LeaderEpoch, values: &[u64]) -> Result<Offset, AppendError> {
        let max_bytes = values.len() as u64 * MAX_VALUE_RECORD_BYTES;
        self.prepare(now_ms, epoch, values.len(), max_bytes, |batch| {
            for value in values {
                batch.value(*value);
            }
        })
    }

    /// As [`prepare_append`](Self::prepare_append), of metadata records: one record per frame
    /// (controller-broker.md §1.1).
    pub fn prepare_append_records(
        &mut self,
        now_ms: i64,
        epoch: LeaderEpoch,
        frames: &[Box<[u8]>],
    ) -> Result<Offset, AppendError> {
        let max_bytes = frames.iter().map(|frame| frame.len() as u64 + MAX_RECORD_OVERHEAD).sum();
        self.prepare(now_ms, epoch, frames.len(), max_bytes, |batch| {
            for frame in frames {
                batch.record(frame);
            }
        })
    }

    /// As [`prepare_append`](Self::prepare_append), of one `NoOpRecord`
    /// (`metadata.max.idle.interval.ms`).
    pub fn prepare_append_no_op(&mut self, now_ms: i64, epoch: LeaderEpoch) -> Result<Offset, AppendError> {
        self.prepare(now_ms, epoch, 1, MAX_VALUE_RECORD_BYTES, |batch| {
            batch.no_op();
        })
    }

    /// Kafka's `schedulePreparedAppend`: all prepared records may be drained.
    pub fn schedule_prepared_append(&mut self) {
        self.drain_fence = None;
    }

    /// Adds control records as a separate batch, which is closed at once. Returns the offset of the last. (With
    /// KAFKA-12331 on, the batch has base offset 0.)
    pub fn append_control(&mut self, now_ms: i64, records: impl IntoIterator<Item = ControlRecord>) -> Offset {
        let buffer = self.memory.allocate();
        self.complete_current();
        self.linger_deadline_ms = None;
        self.drain_is_finished = true;
        let at_zero = self.bugs.has(Bug::Kafka12331LeaderChangeAtZero);
        let base_offset = if at_zero { Offset(0) } else { self.next_offset };
        let mut batch = BatchBuilder::new(base_offset, self.epoch, now_ms);
        let mut count = 0;
        for record in records {
            batch.control(record);
            count += 1;
        }
        assert!(count > 0, "a control batch at offset {} without records", self.next_offset);
        self.complete(batch.build(), buffer);
        self.advance(count)
    }

    /// Whether [`drain_into`](Self::drain_into) is due.
    pub fn needs_drain(&self, now_ms: i64) -> bool {
        self.time_until_drain_ms(now_ms) == 0
    }

    /// Time until the next drain: 0 if the oldest closed batch may be drained, otherwise the rest of the linger;
    /// `i64::MAX` if there is nothing to drain.
    pub fn time_until_drain_ms(&self, now_ms: i64) -> i64 {
        if self.completed.front().is_some_and(|completed| self.is_drainable(&completed.batch)) {
            return 0;
        }
        self.linger_deadline_ms.map_or(i64::MAX, |deadline_ms| deadline_ms.saturating_sub(now_ms).max(0))
    }

    /// Closes the current batch even if it may not be drained yet, ends the linger, and moves every batch before
    /// `drain_fence` to the end of `drained`.
    pub fn drain_into(&mut self, drained: &mut Vec<CompletedBatch>) {
        if !std::mem::take(&mut self.drain_is_finished) {
            self.complete_current();
            self.linger_deadline_ms = None;
        }
        while let Some(completed) = self.completed.front() {
            if !self.is_drainable(&completed.batch) {
                break;
            }
            drained.extend(self.completed.pop_front());
        }
    }

    /// The leader epoch of every batch.
    pub fn epoch(&self) -> LeaderEpoch {
        self.epoch
    }

    /// Offset of the next record.
    pub fn next_offset(&self) -> Offset {
        self.next_offset
    }

    /// Leadership has ended: records that were not drained are dropped, and no more are accepted. Returns the buffers,
    /// without that of a current batch which the last drain of Kafka does not complete.
    pub fn close(&mut self) -> BatchMemoryPool {
        self.closed = true;
        if std::mem::take(&mut self.drain_is_finished) {
            self.current = None;
        }
        self.complete_current();
        for completed in self.completed.drain(..) {
            self.memory.release(completed.buffer);
        }
        self.linger_deadline_ms = None;
        std::mem::take(&mut self.memory)
    }

    /// Adds `count` records, which `fill` writes in at most `max_added` bytes, to the current batch or a new one.
    fn prepare(
        &mut self,
        now_ms: i64,
        epoch: LeaderEpoch,
        count: usize,
        max_added: u64,
        fill: impl Fn(&mut BatchBuilder),
    ) -> Result<Offset, AppendError> {
        if self.closed || epoch < self.epoch {
            return Err(AppendError::NotLeader);
        }
        if epoch > self.epoch {
            return Err(AppendError::FutureEpoch);
        }
        if self.completed.len() >= MAX_COMPLETED_BATCHES {
            return Err(AppendError::TooManyBatches);
        }
        if count == 0 {
            return Err(AppendError::Empty);
        }
        let max_bytes = self.max_batch_bytes;
        let buffer = *self.buffer.get_or_insert_with(|| self.memory.allocate());
        let shared = self.current.as_mut().is_some_and(|batch| fill_within(batch, max_added, max_bytes, &fill));
        if !shared {
            let mut batch = BatchBuilder::new(self.next_offset, self.epoch, now_ms);
            if !fill_within(&mut batch, max_added, max_bytes, &fill) {
                return Err(AppendError::TooLarge);
            }
            self.complete_current();
            self.buffer = Some(if self.buffer.is_none() { self.memory.allocate() } else { buffer });
            self.current = Some(batch);
        }
        self.drain_fence.get_or_insert(self.next_offset);
        self.linger_deadline_ms.get_or_insert(now_ms.saturating_add(self.linger_ms));
        Ok(self.advance(count))
    }

    fn complete_current(&mut self) {
        if let (Some(batch), Some(buffer)) = (self.current.take(), self.buffer) {
            self.buffer = None;
            self.complete(batch.build(), buffer);
        }
    }

    fn complete(&mut self, batch: Rc<Batch>, buffer: BufferId) {
        self.memory.built(buffer, batch.len_bytes());
        self.completed.push_back(CompletedBatch { batch, buffer });
    }

    /// Moves the next offset past `count` records and returns the offset of the last.
    fn advance(&mut self, count: usize) -> Offset {
        self.next_offset.0 += count as i64;
        Offset(self.next_offset.0 - 1)
    }

    fn is_drainable(&self, batch: &Batch) -> bool {
        self.drain_fence.is_none_or(|fence| batch.last_offset < fence)
    }
}

/// Fills a batch, or leaves it unchanged if it would become too large.
fn fill_within(batch: &mut BatchBuilder, max_added: u64, max_bytes: u32, fill: impl Fn(&mut BatchBuilder)) -> bool {
    if u64::from(batch.size()) + max_added <= u64::from(max_bytes) {
        fill(batch);
        return true;
    }
    let mut filled = batch.clone();
    fill(&mut filled);
    let fits = filled.size() <= max_bytes;
    if fits {
        *batch = filled;
    }
    fits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use smallvec::smallvec;

    use super::*;
    use crate::ids::NodeId;
    use crate::log::LeaderChange;

    const EPOCH: LeaderEpoch = LeaderEpoch(4);
    const BASE: Offset = Offset(100);
    const LINGER_MS: i64 = 25;
    /// Space for the header and about six values.
    const MAX_BYTES: u32 = 200;

    fn accumulator(max_batch_bytes: u32, bugs: Bugs) -> BatchAccumulator {
        BatchAccumulator::new(EPOCH, BASE, LINGER_MS, max_batch_bytes, bugs)
    }

    fn leader_change() -> ControlRecord {
        let leader_id = NodeId(1);
        ControlRecord::LeaderChange(LeaderChange {
            leader_id,
            voters: smallvec![leader_id],
            granting_voters: smallvec![leader_id],
        })
    }

    fn drain(accumulator: &mut BatchAccumulator) -> Vec<(i64, i64)> {
        let mut drained = Vec::new();
        accumulator.drain_into(&mut drained);
        drained.iter().map(|completed| (completed.batch.base_offset.0, completed.batch.last_offset.0)).collect()
    }

    #[derive(Clone, Debug)]
    enum Op {
        Prepare(usize),
        Idle,
        Schedule,
        Control,
        Drain,
        Wait(i64),
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            6 => (0..9usize).prop_map(Op::Prepare),
            1 => Just(Op::Idle),
            4 => Just(Op::Schedule),
            1 => Just(Op::Control),
            3 => Just(Op::Drain),
            3 => (-5..2 * LINGER_MS).prop_map(Op::Wait),
        ]
    }

    proptest! {
        #[test]
        fn offsets_are_contiguous_appends_atomic_and_the_fence_holds(ops in prop::collection::vec(op(), 1..80)) {
            let mut accumulator = accumulator(MAX_BYTES, Bugs::NONE);
            let (mut now_ms, mut fence) = (1_000, None);
            // First and last offset of each accepted append, and the batches drained.
            let (mut appends, mut drained) = (Vec::new(), Vec::new());
            for op in ops {
                let next = accumulator.next_offset();
                let received = match op {
                    Op::Prepare(count) => {
                        let values: Vec<u64> = (0..count as u64).map(|i| next.0 as u64 + i).collect();
                        let received = accumulator.prepare_append(now_ms, EPOCH, &values);
                        prop_assert!(received.is_ok() || count == 0 || count > 5 || received == Err(AppendError::TooManyBatches));
                        received.ok()
                    }
                    Op::Idle => accumulator.prepare_append_no_op(now_ms, EPOCH).ok(),
                    Op::Control => {
                        appends.push((next, accumulator.append_control(now_ms, [leader_change()])));
                        None
                    }
                    Op::Schedule => {
                        accumulator.schedule_prepared_append();
                        fence = None;
                        None
                    }
                    Op::Drain => {
                        let due = accumulator.needs_drain(now_ms);
                        let before = drained.len();
                        if due {
                            accumulator.drain_into(&mut drained);
                        }
                        for CompletedBatch { batch, .. } in &drained[before..] {
                            prop_assert!(fence.is_none_or(|fence| batch.last_offset < fence), "{:?} {:?}", batch, fence);
                        }
                        None
                    }
                    Op::Wait(ms) => {
                        now_ms += ms;
                        None
                    }
                };
                if let Some(last) = received {
                    fence.get_or_insert(next);
                    appends.push((next, last));
                    prop_assert_eq!(accumulator.next_offset().0, last.0 + 1);
                }
            }
            accumulator.schedule_prepared_append();
            accumulator.drain_into(&mut drained);
            // Behind a control batch the current one waits for its linger.
            accumulator.drain_into(&mut drained);
            let mut next = BASE;
            for CompletedBatch { batch, .. } in &drained {
                prop_assert_eq!((batch.base_offset, batch.epoch), (next, EPOCH));
                prop_assert!(batch.control || batch.len_bytes() <= MAX_BYTES as usize);
                prop_assert!(batch.values().all(|(offset, value)| offset.0 as u64 == value));
                next = batch.next_offset();
            }
            prop_assert_eq!(next, accumulator.next_offset(), "everything taken was drained");
            let mut expected = BASE;
            for (first, last) in appends {
                prop_assert_eq!(first, expected);
                let within = |it: &&CompletedBatch| it.batch.base_offset <= first && last <= it.batch.last_offset;
                prop_assert_eq!(drained.iter().filter(within).count(), 1, "torn: {} to {}", first, last);
                expected = Offset(last.0 + 1);
            }
            prop_assert_eq!(accumulator.time_until_drain_ms(now_ms), i64::MAX);
        }
    }

    #[test]
    fn the_linger_runs_from_the_first_append_and_closes_a_fenced_batch() {
        let mut accumulator = accumulator(MAX_BYTES, Bugs::NONE);
        assert_eq!(accumulator.prepare_append(1_000, EPOCH, &[1]), Ok(BASE));
        accumulator.schedule_prepared_append();
        assert_eq!(accumulator.prepare_append(1_010, EPOCH, &[2]), Ok(Offset(101)));
        assert_eq!(accumulator.time_until_drain_ms(1_024), 1);
        assert!(accumulator.needs_drain(1_025));
        assert_eq!(drain(&mut accumulator), [], "the second append shares the batch and holds it back");
        assert_eq!(accumulator.time_until_drain_ms(1_025), i64::MAX);
        assert_eq!(accumulator.prepare_append(1_030, EPOCH, &[3]), Ok(Offset(102)));
        assert_eq!(accumulator.time_until_drain_ms(1_030), LINGER_MS);
        accumulator.schedule_prepared_append();
        assert!(accumulator.needs_drain(1_030), "a closed batch needs no linger");
        assert_eq!(drain(&mut accumulator), [(100, 101), (102, 102)]);
    }

    #[test]
    fn control_batches_stand_alone_and_go_at_once() {
        let mut accumulator = accumulator(MAX_BYTES, Bugs::NONE);
        assert_eq!(accumulator.append_control(1_000, [leader_change()]), BASE);
        assert!(accumulator.needs_drain(1_000));
        assert_eq!(drain(&mut accumulator), [(100, 100)]);
        assert_eq!(accumulator.prepare_append(1_000, EPOCH, &[1, 2]), Ok(Offset(102)));
        assert_eq!(accumulator.append_control(1_001, [leader_change()]), Offset(103));
        assert_eq!(drain(&mut accumulator), [], "fenced as well");
        accumulator.schedule_prepared_append();
        assert_eq!(drain(&mut accumulator), [(101, 102), (103, 103)]);
    }

    #[test]
    fn a_batch_behind_a_control_batch_keeps_its_buffer_when_leadership_ends() {
        let close = |with_control: bool| {
            let mut accumulator = accumulator(MAX_BYTES, Bugs::NONE);
            if with_control {
                accumulator.append_control(1_000, [leader_change()]);
            }
            accumulator.prepare_append(1_000, EPOCH, &[1]).expect("in time");
            let current = accumulator.buffer.expect("it has a batch");
            let mut memory = accumulator.close();
            assert_eq!(drain(&mut accumulator), []);
            (0..2).any(|_| memory.allocate() == current)
        };
        assert!(close(false));
        assert!(!close(true), "`DrainStatus.FINISHED`: BatchAccumulator.close drains what is complete");
    }

    #[test]
    fn kafka_12331_starts_at_zero() {
        let mut accumulator = accumulator(MAX_BYTES, Bugs::NONE.with(Bug::Kafka12331LeaderChangeAtZero));
        accumulator.append_control(1_000, [leader_change()]);
        assert_eq!(drain(&mut accumulator), [(0, 0)]);
        assert_eq!(accumulator.next_offset(), Offset(101));
    }

    #[test]
    fn refusals_change_nothing() {
        let mut accumulator = accumulator(MAX_BYTES, Bugs::NONE);
        let refused = |accumulator: &mut BatchAccumulator, epoch, values: &[u64]| {
            let before = (accumulator.next_offset(), accumulator.time_until_drain_ms(0));
            let error = accumulator.prepare_append(1_000, LeaderEpoch(epoch), values).expect_err("refused");
            assert_eq!(before, (accumulator.next_offset(), accumulator.time_until_drain_ms(0)));
            error
        };
        assert_eq!(refused(&mut accumulator, 3, &[1]), AppendError::NotLeader);
        assert_eq!(refused(&mut accumulator, 5, &[1]), AppendError::FutureEpoch);
        assert_eq!(refused(&mut accumulator, 4, &[]), AppendError::Empty);
        assert_eq!(refused(&mut accumulator, 4, &[1; 100]), AppendError::TooLarge);
        for _ in 0..MAX_COMPLETED_BATCHES {
            accumulator.append_control(1_000, [leader_change()]);
        }
        assert_eq!(refused(&mut accumulator, 4, &[1]), AppendError::TooManyBatches);
        accumulator.close();
        assert_eq!(refused(&mut accumulator, 4, &[1]), AppendError::NotLeader);
        assert_eq!(drain(&mut accumulator), [], "what was not drained is dropped");
    }

    /// The limit includes the header and is exact to the byte.
    #[test]
    fn a_batch_may_be_exactly_as_large_as_allowed() {
        let mut exact = BatchBuilder::new(BASE, EPOCH, 0);
        [1, 2, 3].into_iter().for_each(|value| {
            exact.value(value);
        });
        let mut fitting = accumulator(exact.size(), Bugs::NONE);
        assert_eq!(fitting.prepare_append(0, EPOCH, &[1, 2, 3]), Ok(Offset(102)));
        assert_eq!(fitting.prepare_append(0, EPOCH, &[4]), Ok(Offset(103)));
        fitting.schedule_prepared_append();
        assert_eq!(drain(&mut fitting), [(100, 102), (103, 103)]);
        let mut tight = accumulator(exact.size() - 1, Bugs::NONE);
        assert_eq!(tight.prepare_append(0, EPOCH, &[1, 2, 3]), Err(AppendError::TooLarge));
    }
}
