//! One segment of the log: a file of batches, and the batches themselves.

use std::rc::Rc;

use smallvec::SmallVec;

use super::batch::Batch;
use super::cut_batch::CutBatch;
use super::files::{Force, replace_file_by_parts, segment_path};
use crate::ids::Offset;
use crate::io::{Effect, FileHandle, Out};

/// A batch and its offset in the log.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The batch's base offset; they differ only for a batch with a wrong one (KAFKA-12331).
    pub base_offset: Offset,
    pub batch: Rc<Batch>,
}

impl Entry {
    /// One past its last offset.
    pub fn next_offset(&self) -> Offset {
        Offset(self.base_offset.0 + self.batch.offset_count())
    }
}

/// A file `{base:020}.log`. Kafka's `.index` and `.timeindex` files are not written: they are derived from the log, and
/// Kafka rebuilds missing ones.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// Offset of the first record; part of the file name.
    pub base_offset: Offset,
    pub handle: FileHandle,
    pub size_bytes: u64,
    /// Wall clock at its creation; for a recovered segment that of its next append.
    pub created_ms: Option<i64>,
    /// Its batches, ascending.
    pub entries: Vec<Entry>,
}

impl Segment {
    /// A segment without batches.
    pub fn new(base_offset: Offset, handle: FileHandle) -> Segment {
        Segment { base_offset, handle, size_bytes: 0, created_ms: None, entries: Vec::new() }
    }

    /// Appends a batch at `base_offset`, which is the segment's end.
    pub fn append(&mut self, base_offset: Offset, batch: Rc<Batch>, out: &mut Out) {
        out.push(Effect::Append { file: self.handle, bytes: Rc::clone(&batch.bytes) });
        self.size_bytes += batch.len_bytes() as u64;
        self.entries.push(Entry { base_offset, batch });
    }

    /// Writes its batches to another file, forces it, and gives it the name of this one.
    pub fn rewrite(&self, out: &mut Out) {
        let path = segment_path(self.base_offset);
        let batches = self.entries.iter().map(|entry| Rc::clone(&entry.batch.bytes));
        replace_file_by_parts(&path, self.handle, batches, Force::Content, out);
        out.push(Effect::Open { file: self.handle, path, truncate: false });
    }

    /// Removes every batch that extends beyond `end`. Returns the new end of the log: `end`, which may lie in a gap, or
    /// the first offset of the batch that contained it.
    pub fn truncate(&mut self, end: Offset, out: &mut Out) -> Offset {
        let (mut cut, mut new_end) = (false, end);
        while let Some(last) = self.entries.pop_if(|last| last.next_offset() > end) {
            self.size_bytes -= last.batch.len_bytes() as u64;
            cut = true;
            new_end = end.min(last.base_offset);
        }
        if cut {
            out.push(Effect::Truncate { file: self.handle, len: self.size_bytes });
        }
        new_end
    }

    pub fn end_offset(&self) -> Offset {
        self.entries.last().map_or(self.base_offset, Entry::next_offset)
    }

    /// Index of the entry that contains `offset`, or of the first above it.
    pub fn position_of(&self, offset: Offset) -> usize {
        // Most queries are for the end, or for the last entries.
        let mut after = self.entries.len();
        if self.entries.last().is_some_and(|last| last.base_offset > offset) {
            after = self.entries.partition_point(|entry| entry.base_offset <= offset);
        }
        match after.checked_sub(1) {
            Some(index) if self.entries[index].next_offset() > offset => index,
            _ => after,
        }
    }

    /// Kafka's `shouldRoll`: whether these batches would exceed its size, or it is too old. The age of a recovered
    /// segment counts from the first call.
    pub fn should_roll(&mut self, batches: &[Rc<Batch>], now_ms: i64, limit_bytes: u64, limit_ms: i64) -> bool {
        let bytes: u64 = batches.iter().map(|batch| batch.len_bytes() as u64).sum();
        let timestamp_ms = batches.iter().map(|batch| batch.max_timestamp_ms()).max().unwrap_or(now_ms);
        self.created_ms.get_or_insert(now_ms);
        let full = self.size_bytes + bytes > limit_bytes;
        let old = self.waited_for_roll_ms(timestamp_ms, now_ms) > limit_ms;
        !self.entries.is_empty() && (full || old)
    }

    /// The age of its first batch. Kafka computes it from the timestamps in the batches, of whichever clock, and uses
    /// its own clock where there are none.
    fn waited_for_roll_ms(&self, timestamp_ms: i64, now_ms: i64) -> i64 {
        let first = self.entries.first().map(|entry| entry.batch.max_timestamp_ms());
        match first.filter(|first_ms| *first_ms >= 0) {
            Some(first_ms) => timestamp_ms.saturating_sub(first_ms),
            None => now_ms.saturating_sub(self.created_ms.unwrap_or(now_ms)),
        }
    }
}

/// `LocalLog.read`: whole batches from the one that contains the first offset of the range, up to `max_bytes` but at
/// least one, none that reaches beyond the second; and the one that did not fit. They are all of the first segment, or
/// of the next one if the first ends before the offset.
pub(crate) fn read_segment(
    segments: &[Segment],
    first: usize,
    (from, end): (Offset, Offset),
    max_bytes: usize,
) -> (SmallVec<[Rc<Batch>; 1]>, Option<CutBatch>) {
    let entries = match (&segments[first].entries[segments[first].position_of(from)..], segments.get(first + 1)) {
        ([], Some(next)) => &next.entries[..],
        (entries, _) => entries,
    };
    let mut records = SmallVec::new();
    let mut bytes = 0;
    for entry in entries.iter().take_while(|entry| entry.next_offset() <= end) {
        let free_bytes = max_bytes.saturating_sub(bytes);
        bytes += entry.batch.len_bytes();
        if !records.is_empty() && bytes > max_bytes {
            let cut = CutBatch { batch: Rc::clone(&entry.batch), len_bytes: free_bytes };
            return (records, Some(cut).filter(|cut| cut.len_bytes > 0));
        }
        records.push(Rc::clone(&entry.batch));
    }
    (records, None)
}
