//! The log of one server as its border shows it: which batches are written, which are durable.

use std::rc::Rc;

use raft::ids::{LeaderEpoch, Offset};
use raft::io::DurableFiles;
use raft::log::{Batch, BatchHeader, parse_segment_path};

use super::ledger::{BatchId, Ledger, Recorded};

/// Base offset of a segment's path.
pub(super) fn segment_base(path: &str) -> Option<Offset> {
    parse_segment_path(path).ok().flatten()
}

/// A segment file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Segment {
    /// From its name.
    base: Offset,
    batches: Vec<BatchId>,
    /// Bytes of the batches.
    bytes: u64,
    /// Bytes behind the last whole batch: torn, rotten, or beyond a gap.
    junk: u64,
    /// How many batches are durable.
    durable: usize,
    /// Its name is durable.
    named: bool,
    /// How many batches of the chain stand before it.
    first: usize,
}

/// What is wrong with an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendFault {
    /// It does not start where the log ends.
    Gap { log_end: Offset, base: Offset },
    /// Its epoch is below the last one's.
    EpochDecreased { last: LeaderEpoch, epoch: LeaderEpoch },
    /// The segment holds bytes that are no batch, or is not the last one.
    BehindJunk { junk_bytes: u64 },
}

impl std::fmt::Display for AppendFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AppendFault::Gap { log_end, base } => {
                write!(f, "appends a batch at offset {base}; its log ends at {log_end}")
            }
            AppendFault::EpochDecreased { last, epoch } => {
                write!(f, "appends a batch of epoch {epoch} behind one of epoch {last}")
            }
            AppendFault::BehindJunk { junk_bytes } => {
                write!(f, "appends behind {junk_bytes} bytes that are no batch, or behind a gap")
            }
        }
    }
}

/// All segments. The *chain* is what a reader gets from the start up to the first gap.
#[derive(Clone, Debug, Default)]
pub struct LogModel {
    /// Ascending by base.
    segments: Vec<Segment>,
    /// How many segments are in the chain.
    chained: usize,
    /// Batches in the chain.
    len: usize,
    /// Leading batches of the chain that were forced to disk, as reported to their writer.
    forced: usize,
    /// Leading batches that a destroying fault left: an fsync does not rewrite clean pages, so no
    /// more than these are durable until they are cut and written again.
    spoilt_from: Option<usize>,
}

impl LogModel {
    /// No file at all?
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// How many leading batches it has in common with others, found by halves: equal ids mean equal
    /// prefixes.
    pub fn shared_prefix(&self, count: usize, other: impl Fn(usize) -> Option<BatchId>) -> usize {
        let (mut low, mut high) = (0, self.count().min(count));
        while low < high {
            let middle = (low + high).div_ceil(2);
            if self.get(middle - 1) == other(middle - 1) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        low
    }

    /// Batches held.
    pub fn count(&self) -> usize {
        self.len
    }

    /// Leading batches that are durable.
    pub fn durable(&self) -> usize {
        self.forced.min(self.spoilt_from.unwrap_or(usize::MAX))
    }

    /// Leading batches that were forced: durable, unless a fault destroyed them since.
    pub fn forced(&self) -> usize {
        self.forced
    }

    /// The `index`-th batch.
    #[inline]
    pub fn get(&self, index: usize) -> Option<BatchId> {
        if index >= self.len {
            return None;
        }
        let chain = &self.segments[..self.chained];
        let last = chain.last()?;
        let segment = if index >= last.first {
            last
        } else {
            &chain[chain.partition_point(|segment| segment.first <= index) - 1]
        };
        segment.batches.get(index - segment.first).copied()
    }

    /// The first `count` batches, as one id.
    pub fn prefix(&self, count: usize) -> BatchId {
        count.checked_sub(1).and_then(|index| self.get(index)).unwrap_or(BatchId::START)
    }

    /// One past the last offset written.
    pub fn end(&self, ledger: &Ledger) -> Offset {
        ledger.end(self.prefix(self.len))
    }

    /// One past the last offset that is durable.
    pub fn durable_end(&self, ledger: &Ledger) -> Offset {
        ledger.end(self.prefix(self.durable()))
    }

    /// One past the last offset that was forced.
    pub fn forced_end(&self, ledger: &Ledger) -> Offset {
        ledger.end(self.prefix(self.forced))
    }

    /// Epoch of the last batch.
    pub fn last_epoch(&self, ledger: &Ledger) -> Option<LeaderEpoch> {
        (self.len > 0).then(|| ledger.get(self.prefix(self.len)).epoch)
    }

    /// A segment was opened, perhaps created.
    pub fn open(&mut self, base: Offset, truncate: bool, ledger: &Ledger) {
        let place = self.segments.partition_point(|segment| segment.base < base);
        if self.segments.get(place).is_none_or(|segment| segment.base != base) {
            self.segments.insert(place, Segment { base, ..Segment::default() });
            self.recount(ledger);
        } else if truncate {
            self.truncate(base, 0, ledger);
        }
    }

    /// One whole batch was appended to a segment.
    pub fn append(
        &mut self,
        base: Offset,
        header: &BatchHeader,
        file_bytes: &Rc<[u8]>,
        position: usize,
        ledger: &mut Ledger,
    ) -> (Recorded, Option<AppendFault>) {
        let log_end = self.end(ledger);
        let last_epoch = self.last_epoch(ledger);
        let at_tail = self.chained == self.segments.len() && self.segments.last().is_some_and(|last| last.base == base);
        let recorded = ledger.record(header, self.prefix(self.len), file_bytes, position);
        let segment = self.segments.iter_mut().rfind(|segment| segment.base == base).expect("appends follow an open");
        let junk_bytes = segment.junk;
        segment.batches.push(recorded.id);
        segment.bytes += header.size_bytes as u64;
        if at_tail && junk_bytes == 0 {
            self.len += 1;
        }
        let fault = if !at_tail || junk_bytes > 0 {
            Some(AppendFault::BehindJunk { junk_bytes })
        } else if header.base_offset != log_end {
            Some(AppendFault::Gap { log_end, base: header.base_offset })
        } else {
            let last = last_epoch.filter(|last| header.epoch < *last);
            last.map(|last| AppendFault::EpochDecreased { last, epoch: header.epoch })
        };
        (recorded, fault)
    }

    /// Bytes that are no batch were appended to a segment.
    pub fn append_junk(&mut self, base: Offset, bytes: u64) {
        if let Some(segment) = self.segments.iter_mut().rfind(|segment| segment.base == base) {
            segment.junk += bytes;
        }
    }

    /// A segment was cut to so many bytes. The cut counts at once: of what it took, nothing is
    /// durable any more, though a power loss may bring it back.
    pub fn truncate(&mut self, base: Offset, len_bytes: u64, ledger: &Ledger) {
        let Some(segment) = self.segments.iter_mut().rfind(|segment| segment.base == base) else {
            return;
        };
        if segment.bytes <= len_bytes {
            segment.junk = segment.junk.min(len_bytes - segment.bytes);
        } else {
            while segment.bytes > len_bytes
                && let Some(last) = segment.batches.pop()
            {
                segment.bytes -= ledger.get(last).size();
            }
            segment.junk = len_bytes - segment.bytes;
            segment.durable = segment.durable.min(segment.batches.len());
        }
        self.recount(ledger);
    }

    /// A segment's name is gone.
    pub fn unlink(&mut self, base: Offset, ledger: &Ledger) {
        self.segments.retain(|segment| segment.base != base);
        self.recount(ledger);
    }

    /// A segment's bytes are durable.
    pub fn synced(&mut self, base: Offset) {
        let Some(place) = self.segments.iter().rposition(|segment| segment.base == base) else {
            return;
        };
        let segment = &mut self.segments[place];
        segment.durable = segment.batches.len();
        if place + 1 == self.chained && self.forced >= segment.first && segment.named {
            self.forced = segment.first + segment.durable;
        } else {
            self.recount_durable();
        }
    }

    /// All names are durable.
    pub fn names_synced(&mut self) {
        for segment in &mut self.segments {
            segment.named = true;
        }
        self.recount_durable();
    }

    /// Power was lost and the log was read back: what is there is durable.
    pub fn all_durable(&mut self) {
        for segment in &mut self.segments {
            segment.durable = segment.batches.len();
            segment.named = true;
        }
        self.spoilt_from = None;
        self.recount_durable();
    }

    /// A fault left only the first `count` batches durable.
    pub fn spoil(&mut self, count: usize) {
        self.spoilt_from = Some(self.spoilt_from.unwrap_or(usize::MAX).min(count));
    }

    /// Did a fault destroy some of what was durable, unseen so far?
    pub fn is_spoilt(&self) -> bool {
        self.spoilt_from.is_some()
    }

    /// Durability as it was before a process died and its log was read back from the page cache.
    pub fn keep_durability_of(&mut self, before: &LogModel) {
        for segment in &mut self.segments {
            if let Some(old) = before.segments.iter().find(|old| old.base == segment.base) {
                segment.durable = old.durable.min(segment.batches.len());
                segment.named = old.named;
            }
        }
        self.spoilt_from = before.spoilt_from;
        self.recount_durable();
    }

    /// Are segments, batches and leftovers the same?
    pub fn same_bytes(&self, other: &LogModel) -> bool {
        let is_chained = |at: usize| at < self.chained || at < other.chained;
        let same = |(at, (a, b)): (usize, (&Segment, &Segment))| {
            // What lies behind a gap, as while segments are deleted, was not read as batches.
            let content = a.batches == b.batches && a.junk == b.junk;
            a.base == b.base && (content || !is_chained(at) && a.bytes + a.junk == b.bytes + b.junk)
        };
        self.segments.len() == other.segments.len() && self.segments.iter().zip(&other.segments).enumerate().all(same)
    }

    /// Bytes behind the last whole batch of the chain, or segments beyond a gap?
    pub fn has_junk(&self) -> bool {
        self.chained < self.segments.len() || self.segments.iter().any(|segment| segment.junk > 0)
    }

    /// Reads a log from files, as a recovery would: every batch up to the first bad byte or gap.
    /// Also says whether a batch was found that nobody is known to have written.
    pub fn read(files: &dyn DurableFiles, ledger: &mut Ledger) -> (LogModel, ReadNotes) {
        let segments =
            files.paths().iter().filter_map(|path| Some((segment_base(path)?, Rc::from(files.read(path)?)))).collect();
        LogModel::read_segments(segments, ledger)
    }

    /// The same of any log, by its segments' base offsets and bytes.
    pub fn read_segments(mut segments: Vec<(Offset, Rc<[u8]>)>, ledger: &mut Ledger) -> (LogModel, ReadNotes) {
        let mut log = LogModel::default();
        let mut notes = ReadNotes::default();
        let mut before = BatchId::START;
        let mut readable = true;
        segments.sort_by_key(|(base, _)| *base);
        for (base, bytes) in &segments {
            let mut segment = Segment { base: *base, ..Segment::default() };
            let mut position = 0;
            while readable && position < bytes.len() {
                let next = Batch::check(&bytes[position..]).ok();
                let Some(header) = next.filter(|header| header.base_offset == ledger.end(before)) else {
                    readable = false;
                    break;
                };
                let recorded = ledger.record(&header, before, bytes, position);
                notes.unknown_batches += usize::from(recorded.is_new);
                notes.conflict = notes.conflict.or(recorded.conflict.map(|other| (other, recorded.id)));
                segment.batches.push(recorded.id);
                position += header.size_bytes;
                before = recorded.id;
            }
            segment.bytes = position as u64;
            segment.junk = (bytes.len() - position) as u64;
            log.segments.push(segment);
        }
        log.recount(ledger);
        (log, notes)
    }

    fn recount(&mut self, ledger: &Ledger) {
        let mut end = Offset(0);
        (self.chained, self.len) = (0, 0);
        for segment in &mut self.segments {
            if segment.base != end {
                break;
            }
            segment.first = self.len;
            self.len += segment.batches.len();
            self.chained += 1;
            end = segment.batches.last().map_or(end, |last| ledger.end(*last));
            if segment.junk > 0 {
                break;
            }
        }
        if self.spoilt_from.is_some_and(|left| self.len <= left) {
            self.spoilt_from = None;
        }
        self.recount_durable();
    }

    fn recount_durable(&mut self) {
        self.forced = 0;
        for segment in self.segments[..self.chained].iter().take_while(|segment| segment.named) {
            self.forced = segment.first + segment.durable;
            if segment.durable < segment.batches.len() {
                break;
            }
        }
        self.forced = self.forced.min(self.len);
    }
}

/// What [`LogModel::read`] came across.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadNotes {
    /// Whole, intact batches that nobody had written.
    pub unknown_batches: usize,
    /// Another batch at the same epoch and end offset, and the one found.
    pub conflict: Option<(BatchId, BatchId)>,
}
