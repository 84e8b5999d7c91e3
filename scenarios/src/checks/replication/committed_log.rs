//! One partition's committed log C as clients may see it: records, producers, and what clients claim of offsets
//! that C has not reached yet.

use std::collections::BTreeMap;

use raft::ids::{LeaderEpoch, ProducerId};
use raft::log::{Batch, BatchProducer};

pub type Session = (ProducerId, i16);

/// One record; its offset is its index.
#[derive(Clone, Copy, Debug)]
pub struct LogRecord {
    pub value: u64,
    /// Any consumer was shown it.
    pub seen: bool,
    /// One was shown it in a poll sent after all faults.
    pub seen_fresh: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct LogBatch {
    pub base: i64,
    /// Of the leader that appended it.
    pub epoch: LeaderEpoch,
    /// Who wrote it, if an idempotent producer did.
    pub producer: Option<BatchProducer>,
    /// What was known of that producer before it.
    pub before: Option<ProducerState>,
}

#[derive(Clone, Debug)]
pub enum Change {
    /// It has grown by the next batch, at this index; clients received other values there (offset, value).
    Grown {
        place: usize,
        /// Without an excuse.
        contradicted: Option<(i64, u64)>,
    },
    /// It was cut: its last batches, last first, and the values of each.
    Cut(Vec<(LogBatch, Vec<u64>)>),
}

/// What the log knows of a producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerState {
    /// Of its last batch.
    pub epoch: i16,
    /// The sequence that follows that batch.
    pub next_sequence: i32,
    /// Last value of that batch.
    pub last_value: u64,
}

impl ProducerState {
    /// Does a batch of the same producer follow it? A new epoch begins at 0.
    pub fn is_followed_by(&self, next: BatchProducer) -> bool {
        let expected = if next.epoch == self.epoch { self.next_sequence } else { 0 };
        next.epoch >= self.epoch && next.base_sequence == expected
    }
}

/// Who says that an offset holds a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportedBy {
    Acked,
    Shown,
}

/// What clients received of an offset that C has not reached.
#[derive(Clone, Copy, Debug)]
pub struct ReportedValue {
    pub value: u64,
    pub acked: bool,
    shown: bool,
}

impl ReportedValue {
    /// Who says so, if both do the one that was promised more.
    pub fn by(&self) -> ReportedBy {
        if self.acked { ReportedBy::Acked } else { ReportedBy::Shown }
    }
}

#[derive(Clone, Debug, Default)]
pub struct CommittedLog {
    pub records: Vec<LogRecord>,
    pub batches: Vec<LogBatch>,
    producers: BTreeMap<ProducerId, ProducerState>,
    /// Offsets that C has not reached, with the value that a client received.
    pub claims: BTreeMap<i64, ReportedValue>,
    /// How far the log was known to reach, unless it was cut since: number of the event, end; both ascending.
    known_ends: Vec<(u64, i64)>,
    /// The largest end that a client received.
    pub reported_end: i64,
    first_unread: usize,
    /// Where it ended when all faults were over, unless it was cut below that since.
    settled_end: Option<usize>,
}

impl CommittedLog {
    pub fn end(&self) -> i64 {
        self.records.len() as i64
    }

    pub fn value_at(&self, offset: i64) -> Option<u64> {
        let index = usize::try_from(offset).ok()?;
        self.records.get(index).map(|record| record.value)
    }

    pub fn record_mut(&mut self, offset: i64) -> Option<&mut LogRecord> {
        self.records.get_mut(usize::try_from(offset).ok()?)
    }

    pub fn batch_of(&self, offset: i64) -> Option<&LogBatch> {
        let next = self.batches.partition_point(|batch| batch.base <= offset);
        self.batches[..next].last().filter(|_| offset < self.end())
    }

    /// The next batch is committed. Gives claims of its offsets for other values: offset, value.
    pub fn extend(&mut self, event: u64, batch: &Batch) -> Vec<(i64, u64)> {
        let base = batch.base_offset.0;
        assert_eq!(base, self.end(), "committed batches come in order");
        let mut contradicted = Vec::new();
        for (offset, value) in batch.values() {
            let claimed = self.claims.remove(&offset.0);
            let seen = claimed.is_some_and(|claimed| claimed.shown && claimed.value == value);
            contradicted.extend(claimed.filter(|claimed| claimed.value != value).map(|other| (offset.0, other.value)));
            self.records.push(LogRecord { value, seen, seen_fresh: false });
        }
        let producer = batch.producer();
        let mut before = None;
        if let (Some(producer), Some(last)) = (producer, self.records.last()) {
            let state = ProducerState {
                epoch: producer.epoch,
                next_sequence: following(producer.base_sequence, batch.offset_count()),
                last_value: last.value,
            };
            before = self.producers.insert(producer.id, state);
        }
        self.batches.push(LogBatch { base, epoch: batch.epoch, producer, before });
        self.reaches(event, self.end());
        contradicted
    }

    /// Removes what is at `new_end` and above; a batch begins there. Gives the removed batches, last
    /// first, and with each its values.
    pub fn cut(&mut self, new_end: i64) -> Vec<(LogBatch, Vec<u64>)> {
        let mut gone = Vec::new();
        while self.end() > new_end {
            let Some(batch) = self.batches.pop() else { break };
            assert!(batch.base >= new_end, "a log is cut at {new_end}, within the batch at {}", batch.base);
            let values: Vec<u64> = self.records.drain(batch.base as usize..).map(|record| record.value).collect();
            if let Some(producer) = batch.producer {
                match batch.before {
                    Some(before) => self.producers.insert(producer.id, before),
                    None => self.producers.remove(&producer.id),
                };
            }
            gone.push((batch, values));
        }
        self.first_unread = self.first_unread.min(self.records.len());
        self.settled_end = self.settled_end.map(|end| end.min(self.records.len()));
        self.known_ends.iter_mut().for_each(|(_, known)| *known = new_end.min(*known));
        gone
    }

    /// A client received that an offset holds a value, and C has not reached it; gives the value that another client
    /// received, if that differs.
    pub fn claim(&mut self, event: u64, offset: i64, value: u64, by: ReportedBy) -> Option<u64> {
        let none = ReportedValue { value, acked: false, shown: false };
        let claimed = self.claims.entry(offset).or_insert(none);
        if claimed.value != value {
            return Some(claimed.value);
        }
        claimed.acked |= by == ReportedBy::Acked;
        claimed.shown |= by == ReportedBy::Shown;
        self.reaches(event, offset + 1);
        None
    }

    fn reaches(&mut self, event: u64, end: i64) {
        match self.known_ends.last_mut() {
            Some((_, known)) if *known >= end => {}
            Some((at, known)) if *at == event => *known = end,
            _ => self.known_ends.push((event, end)),
        }
    }

    /// How far the log was known to reach when an event took place; what is appended later stands above, but for
    /// what cuts gave back since.
    pub fn known_end_at(&self, event: u64) -> i64 {
        let before = self.known_ends.partition_point(|(at, _)| *at <= event);
        before.checked_sub(1).map_or(0, |last| self.known_ends[last].1)
    }

    pub fn settle(&mut self) {
        self.settled_end = Some(self.records.len());
    }

    /// What a consumer must have read when everything has recovered: what was committed when all faults
    /// were over.
    pub fn to_be_read(&self) -> &[LogRecord] {
        &self.records[..self.settled_end.unwrap_or(self.records.len())]
    }

    /// The first record that no poll sent after all faults has shown, of those that were committed by
    /// then: later records are always a round trip ahead of their readers.
    pub fn first_unread(&mut self) -> Option<i64> {
        while self.records.get(self.first_unread).is_some_and(|record| record.seen_fresh) {
            self.first_unread += 1;
        }
        let end = self.to_be_read().len();
        (self.first_unread < end).then_some(self.first_unread as i64)
    }
}

/// The sequence `count` after one; they wrap to 0 after 2³¹ − 1.
pub fn following(sequence: i32, count: i64) -> i32 {
    let sum = (i64::from(sequence) + count).rem_euclid(1 << 31);
    i32::try_from(sum).expect("below 2^31")
}
