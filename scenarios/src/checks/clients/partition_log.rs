//! One partition's committed log C as clients may see it: records, producers, what was destroyed,
//! and what clients claim of offsets that C has not reached yet.

use std::collections::{BTreeMap, BTreeSet};

use raft::ids::{LeaderEpoch, ProducerId};
use raft::log::{Batch, BatchProducer};

/// A producer id with its epoch.
pub type Session = (ProducerId, i16);

/// One record; its offset is its index.
#[derive(Clone, Copy, Debug)]
pub struct LogRecord {
    /// What it carries.
    pub value: u64,
    /// Index of its batch.
    pub batch: u32,
    /// Any consumer was shown it.
    pub seen: bool,
    /// One was shown it in a poll sent after all faults.
    pub seen_fresh: bool,
}

/// One batch.
#[derive(Clone, Copy, Debug)]
pub struct LogBatch {
    /// First offset.
    pub base: i64,
    /// Of the leader that appended it.
    pub epoch: LeaderEpoch,
    /// Who wrote it, if an idempotent producer did.
    pub producer: Option<BatchProducer>,
    /// What was known of that producer before it.
    before: Option<ProducerState>,
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

/// Who says that an offset holds a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// An acknowledged append.
    Acked,
    /// A consumer was shown it.
    Shown,
}

/// What clients were told of an offset that C has not reached.
#[derive(Clone, Copy, Debug)]
pub struct Claimed {
    /// It holds this.
    pub value: u64,
    /// By an acknowledgement.
    pub acked: bool,
    shown: bool,
}

/// How a batch stands to what the log knew of its producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extended {
    /// State of the producer before, if any.
    pub before: Option<ProducerState>,
    /// Claims of the batch's offsets for other values: offset, value.
    pub contradicted: Option<(i64, u64)>,
}

/// A leader that was elected uncleanly, or after such an election before anybody acted, and that was itself deposed
/// before it acted. As long as it has not heard of that, it sends consumers back to what it has.
#[derive(Clone, Copy, Debug)]
pub struct SendsBack {
    /// It has all of the log up to there.
    pub to: i64,
    /// Its epoch.
    pub epoch: LeaderEpoch,
    /// Since when it leads no more, as an ordinal. Whom it has sent to where others cannot follow (without the fix
    /// `CompareEpochOfPosition`) may be sent back again by its successor: that is not excused.
    pub until: Option<u64>,
}

/// A consumer's position that is not in the log of the leader that it asked.
#[derive(Clone, Copy, Debug)]
pub struct Gone {
    /// Where it was.
    pub offset: i64,
    /// The value shown right before it.
    pub shown: Option<u64>,
    /// Where it is set to instead, if its leader said so.
    pub back_to: Option<i64>,
    /// The newest epoch of which it was shown a record.
    pub epoch: Option<LeaderEpoch>,
    /// When it asked, as an ordinal.
    pub asked: u64,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct PartitionLog {
    /// By offset.
    pub records: Vec<LogRecord>,
    /// By base offset.
    pub batches: Vec<LogBatch>,
    producers: BTreeMap<ProducerId, ProducerState>,
    /// Offsets that C has not reached, with the value that a client was told.
    pub claims: BTreeMap<i64, Claimed>,
    /// Committed once and destroyed, or served though they never could be committed.
    destroyed: BTreeSet<(i64, u64)>,
    /// Cuts: ordinal and new end.
    cuts: Vec<(u64, i64)>,
    /// The smallest end that cuts left, or that was left of what clients only were told of.
    lowest_cut: Option<i64>,
    /// Leaders that were elected uncleanly and deposed before they acted.
    pub sent_back: Vec<SendsBack>,
    /// How far the log was known to reach: ordinal, end; both ascending since the last cut.
    known_ends: Vec<(u64, i64)>,
    /// The largest end that a client was told.
    pub told_end: i64,
    /// The largest end of what is destroyed: a leader that has not heard of it may tell of it still.
    pub destroyed_end: i64,
    first_unread: usize,
    /// Where it ended when all faults were over, unless it was cut below that since.
    settled_end: Option<usize>,
}

impl PartitionLog {
    /// One past the last committed offset.
    pub fn end(&self) -> i64 {
        self.records.len() as i64
    }

    /// The value at an offset, if that is committed.
    pub fn value_at(&self, offset: i64) -> Option<u64> {
        let index = usize::try_from(offset).ok()?;
        self.records.get(index).map(|record| record.value)
    }

    /// A record that is committed.
    pub fn record_mut(&mut self, offset: i64) -> Option<&mut LogRecord> {
        self.records.get_mut(usize::try_from(offset).ok()?)
    }

    /// The batch of a committed record.
    pub fn batch_of(&self, offset: i64) -> Option<&LogBatch> {
        let record = self.records.get(usize::try_from(offset).ok()?)?;
        self.batches.get(record.batch as usize)
    }

    /// Was this very record committed and then destroyed?
    pub fn was_destroyed(&self, offset: i64, value: u64) -> bool {
        self.destroyed.contains(&(offset, value))
    }

    /// Clients are told of records that can never be committed.
    pub fn serves_destroyed(&mut self, base: i64, values: impl Iterator<Item = u64>) {
        self.destroyed.extend((base..).zip(values));
    }

    /// Records that C never reached are gone for good; clients may have been told of them.
    pub fn loses_claims(&mut self, ordinal: u64, base: i64, values: impl Iterator<Item = u64>) {
        self.was_cut(ordinal, self.end());
        for (offset, value) in (base..).zip(values) {
            if self.claims.get(&offset).is_some_and(|claimed| claimed.value == value) {
                self.claims.remove(&offset);
            }
            self.destroyed.insert((offset, value));
        }
    }

    /// Did a cut ever end below this offset?
    pub fn was_cut_below(&self, offset: i64) -> bool {
        self.lowest_cut.is_some_and(|lowest| lowest < offset)
    }

    /// May one of [`PartitionLog::sent_back`] have said so? None sends back further than to where it has all, and
    /// whoever has been shown a record of a newer epoch asks it no more.
    pub fn is_sent_back(&self, gone: &Gone) -> bool {
        self.sent_back.iter().any(|by| {
            by.to < gone.offset
                && gone.back_to.is_none_or(|back_to| by.to <= back_to)
                && gone.epoch.is_none_or(|shown| shown <= by.epoch)
                && by.until.is_none_or(|until| gone.asked <= until)
        })
    }

    /// The next batch is committed.
    pub fn extend(&mut self, ordinal: u64, batch: &Batch) -> Extended {
        let base = batch.base_offset.0;
        assert_eq!(base, self.end(), "committed batches come in order");
        let index = u32::try_from(self.batches.len()).expect("fewer batches than 2^32");
        let mut contradicted = None;
        for (offset, value) in batch.values() {
            let claimed = self.claims.remove(&offset.0);
            let seen = claimed.is_some_and(|claimed| claimed.shown && claimed.value == value);
            if let Some(other) = claimed.filter(|claimed| claimed.value != value) {
                contradicted.get_or_insert((offset.0, other.value));
            }
            self.records.push(LogRecord { value, batch: index, seen, seen_fresh: false });
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
        self.reaches(ordinal, self.end());
        Extended { before, contradicted }
    }

    /// What is at `new_end` and above is destroyed; that is where a batch begins. Gives the batches
    /// that went, last first, and with each its values.
    pub fn cut(&mut self, ordinal: u64, new_end: i64) -> Vec<(LogBatch, Vec<u64>)> {
        let mut gone = Vec::new();
        self.destroyed_end = self.destroyed_end.max(self.end()).max(self.told_end);
        while self.end() > new_end {
            let Some(batch) = self.batches.pop() else { break };
            assert!(batch.base >= new_end, "a log is cut at {new_end}, within the batch at {}", batch.base);
            let values: Vec<u64> = self.records.drain(batch.base as usize..).map(|record| record.value).collect();
            self.destroyed.extend((batch.base..).zip(values.iter().copied()));
            if let Some(producer) = batch.producer {
                match batch.before {
                    Some(before) => self.producers.insert(producer.id, before),
                    None => self.producers.remove(&producer.id),
                };
            }
            gone.push((batch, values));
        }
        let claims = self.claims.split_off(&new_end);
        self.destroyed.extend(claims.into_iter().map(|(offset, claimed)| (offset, claimed.value)));
        self.told_end = self.told_end.min(new_end);
        self.first_unread = self.first_unread.min(self.records.len());
        self.settled_end = self.settled_end.map(|end| end.min(self.records.len()));
        self.was_cut(ordinal, new_end);
        gone
    }

    fn was_cut(&mut self, ordinal: u64, new_end: i64) {
        self.cuts.push((ordinal, new_end));
        self.lowest_cut = Some(self.lowest_cut.map_or(new_end, |lowest| lowest.min(new_end)));
        self.known_ends.push((ordinal, new_end));
    }

    /// A client was told that an offset holds a value, and C is not there yet; the value that
    /// somebody else was told, if that is another one.
    pub fn claim(&mut self, ordinal: u64, offset: i64, value: u64, by: Claim) -> Option<u64> {
        let none = Claimed { value, acked: false, shown: false };
        let claimed = self.claims.entry(offset).or_insert(none);
        if claimed.value != value {
            return Some(claimed.value);
        }
        claimed.acked |= by == Claim::Acked;
        claimed.shown |= by == Claim::Shown;
        self.reaches(ordinal, offset + 1);
        None
    }

    fn reaches(&mut self, ordinal: u64, end: i64) {
        match self.known_ends.last_mut() {
            Some((_, known)) if *known >= end => {}
            Some((at, known)) if *at == ordinal => *known = end,
            _ => self.known_ends.push((ordinal, end)),
        }
    }

    /// How far the log was known to reach when the event `ordinal` took place; what is appended
    /// later stands above, but for what cuts gave back since.
    pub fn known_end_at(&self, ordinal: u64) -> i64 {
        let before = self.known_ends.partition_point(|(at, _)| *at <= ordinal);
        let known = before.checked_sub(1).map_or(0, |last| self.known_ends[last].1);
        let since = self.cuts.partition_point(|(at, _)| *at <= ordinal);
        self.cuts[since..].iter().fold(known, |known, (_, new_end)| known.min(*new_end))
    }

    /// All faults are over.
    pub fn settle(&mut self) {
        self.settled_end = Some(self.records.len());
    }

    /// What somebody must have read when everything has recovered: what was committed when all faults
    /// were over.
    pub fn to_be_read(&self) -> &[LogRecord] {
        &self.records[..self.settled_end.unwrap_or(self.records.len())]
    }

    /// The first record that no poll sent after all faults has shown, of those that were committed by
    /// then: what comes in later is always a round trip ahead of whoever reads it.
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
