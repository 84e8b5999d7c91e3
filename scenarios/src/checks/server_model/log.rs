//! The log of one server as its border shows it: which batches are written, which are durable. Batches are counted from
//! offset 0: those that the log no longer has stand in a snapshot.

mod with_snapshots;

use std::rc::Rc;

use raft::ids::{LeaderEpoch, Offset};
use raft::log::{Batch, BatchHeader};
use sim::watch::Down;

use super::covering::{Covering, SnapshotShown, behind};
use super::ledger::{BatchId, Ledger, Recorded};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Segment {
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
    /// How many batches are durable of the file that has replaced this one, until its name is.
    replaced: Option<usize>,
    /// How many batches of the chain stand before it.
    first: usize,
}

/// All segments. The *chain* is what a reader gets from the start up to the first gap: the batches that a snapshot covers,
/// if the first segment does not begin at 0 or the log ends before the latest snapshot does, and those of segments.
#[derive(Clone, Debug, Default)]
pub struct LogModel {
    /// Ascending by base.
    segments: Vec<Segment>,
    /// Snapshots of batches that somebody wrote, ascending.
    snapshots: Vec<Covering>,
    /// There is one more, of no batch that is known.
    has_unknown_snapshot: bool,
    /// The batches of the chain before the first segment.
    covered: Vec<BatchId>,
    /// How many segments are in the chain.
    chained: usize,
    /// Batches in the chain.
    len: usize,
    /// Leading batches of the chain that were forced to disk, as reported to their writer.
    forced: usize,
    /// Leading batches that a destroying fault left: an fsync does not rewrite clean pages, so no more than these are
    /// durable until they are cut and written again.
    spoilt_from: Option<usize>,
    /// Leading batches that are durable after a failed fsync, which later ones do not make up for: the pages are clean.
    unwritten_from: Option<usize>,
    /// Leading batches of the chain that equal the committed log.
    pub agreed: usize,
}

impl LogModel {
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// The log was cut or read back: agreement with the committed log is found anew.
    pub fn recount_agreement(&mut self, committed: &[BatchId]) {
        self.agreed = self.shared_prefix(committed.len(), |at| committed.get(at).copied());
    }

    /// The log or the committed log grew by its next batch.
    #[inline]
    pub fn advance_agreement(&mut self, committed: &[BatchId]) {
        while self.agreed < committed.len() && self.get(self.agreed) == Some(committed[self.agreed]) {
            self.agreed += 1;
        }
    }

    /// How many of the first `count` batches are `left`; `None` if all are.
    pub fn left_of(&self, count: usize, left: &LogModel) -> Option<usize> {
        let held = self.shared_prefix(count, |at| left.get(at));
        (held < count).then_some(held)
    }

    /// How many leading batches it has in common with others: equal ids mean equal prefixes.
    fn shared_prefix(&self, count: usize, other: impl Fn(usize) -> Option<BatchId>) -> usize {
        leading(self.len.min(count), |at| self.get(at) == other(at))
    }

    /// How many leading batches end at `end` or before.
    pub fn count_below(&self, end: Offset, ledger: &Ledger) -> usize {
        leading(self.len, |at| ledger.end(self.prefix(at + 1)) <= end)
    }

    pub fn count(&self) -> usize {
        self.len
    }

    /// Leading batches that are durable.
    pub fn durable(&self) -> usize {
        self.forced().min(self.spoilt_from.unwrap_or(usize::MAX))
    }

    /// Leading batches that were forced: durable, unless a fault destroyed them since. What a failed fsync left unwritten
    /// is not, whatever later ones report.
    pub fn forced(&self) -> usize {
        self.forced.min(self.unwritten_from.unwrap_or(usize::MAX))
    }

    #[inline]
    pub fn get(&self, index: usize) -> Option<BatchId> {
        if index >= self.len {
            return None;
        }
        if let Some(covered) = self.covered.get(index) {
            return Some(*covered);
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

    pub fn whole(&self) -> BatchId {
        self.prefix(self.len)
    }

    /// One past the last offset written.
    pub fn end(&self, ledger: &Ledger) -> Offset {
        ledger.end(self.whole())
    }

    pub fn last_epoch(&self, ledger: &Ledger) -> Option<LeaderEpoch> {
        (self.len > 0).then(|| ledger.get(self.whole()).epoch)
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

    fn segment_mut(&mut self, base: Offset) -> Option<&mut Segment> {
        self.segments.iter_mut().rfind(|segment| segment.base == base)
    }

    /// One whole batch was appended to a segment. Also says what is wrong with that.
    pub fn append(
        &mut self,
        base: Offset,
        header: &BatchHeader,
        file_bytes: &Rc<[u8]>,
        position: usize,
        ledger: &mut Ledger,
    ) -> (Recorded, Option<String>) {
        let (log_end, last_epoch) = (self.end(ledger), self.last_epoch(ledger));
        let at_tail = self.chained == self.segments.len() && self.segments.last().is_some_and(|last| last.base == base);
        let recorded = ledger.record(header, self.whole(), file_bytes, position);
        let segment = self.segment_mut(base).expect("appends follow an open");
        let junk = segment.junk;
        segment.batches.push(recorded.id);
        segment.bytes += header.size_bytes as u64;
        if !at_tail || junk > 0 {
            return (recorded, Some(format!("appends behind {junk} bytes that are no batch, or behind a gap")));
        }
        self.len += 1;
        let (start, epoch) = (header.base_offset, header.epoch);
        let fault = if start != log_end {
            Some(format!("appends a batch at offset {start}; its log ends at {log_end}"))
        } else {
            let newer = last_epoch.filter(|last| epoch < *last);
            newer.map(|last| format!("appends a batch of epoch {epoch} behind one of epoch {last}"))
        };
        (recorded, fault)
    }

    pub fn append_junk(&mut self, base: Offset, bytes: usize) {
        if let Some(segment) = self.segment_mut(base) {
            segment.junk += bytes as u64;
        }
    }

    /// A segment was cut to so many bytes. The cut counts at once: of what it took, nothing is
    /// durable any more, though a power loss may bring it back.
    pub fn truncate(&mut self, base: Offset, len_bytes: u64, ledger: &Ledger) {
        let Some(segment) = self.segment_mut(base) else { return };
        if segment.bytes <= len_bytes {
            segment.junk = segment.junk.min(len_bytes - segment.bytes);
        } else {
            while segment.bytes > len_bytes
                && let Some(last) = segment.batches.pop()
            {
                segment.bytes -= ledger.get(last).size();
            }
            segment.junk = len_bytes - segment.bytes;
            let count = segment.batches.len();
            segment.durable = segment.durable.min(count);
            segment.replaced = segment.replaced.map(|durable| durable.min(count));
        }
        self.recount(ledger);
    }

    pub fn unlink(&mut self, base: Offset, ledger: &Ledger) {
        self.segments.retain(|segment| segment.base != base);
        self.recount(ledger);
    }

    pub fn synced(&mut self, base: Offset) {
        let Some(place) = self.segments.iter().rposition(|segment| segment.base == base) else { return };
        let segment = &mut self.segments[place];
        if let Some(durable) = &mut segment.replaced {
            *durable = segment.batches.len();
            return;
        }
        segment.durable = segment.batches.len();
        if place + 1 == self.chained && self.forced >= segment.first && segment.named {
            self.forced = segment.first + segment.durable;
        } else {
            self.recount_durable();
        }
    }

    /// Has a segment these bytes, as far as they are known? Of what is no batch, or lies behind a gap, the length is.
    pub fn is_segment(&self, base: Offset, bytes: &[u8], ledger: &Ledger) -> bool {
        let Some(place) = self.segments.iter().rposition(|segment| segment.base == base) else { return false };
        let segment = &self.segments[place];
        if place >= self.chained {
            return bytes.len() as u64 == segment.bytes + segment.junk;
        }
        let mut rest = bytes;
        let has = |id: &BatchId| {
            let batch = ledger.get(*id).bytes();
            let held = rest.strip_prefix(batch);
            rest = held.unwrap_or_default();
            held.is_some()
        };
        segment.batches.iter().all(has) && rest.len() as u64 == segment.junk
    }

    /// Another file, of which all or no batches are durable, has the name and the content of a segment.
    pub fn replaced(&mut self, base: Offset, is_durable: bool) {
        if let Some(segment) = self.segment_mut(base) {
            segment.replaced = Some(if is_durable { segment.batches.len() } else { 0 });
        }
    }

    /// All names are durable.
    pub fn names_synced(&mut self) {
        let mut is_written_again = true;
        for segment in &mut self.segments {
            segment.named = true;
            is_written_again &= segment.replaced.is_some() || segment.batches.is_empty();
            segment.durable = segment.replaced.take().unwrap_or(segment.durable);
        }
        if is_written_again {
            (self.spoilt_from, self.unwritten_from) = (None, None);
        }
        self.recount_durable();
    }

    /// A fault left only the first `count` batches durable.
    pub fn spoil(&mut self, count: usize) {
        self.spoilt_from = Some(self.spoilt_from.unwrap_or(usize::MAX).min(count));
    }

    /// An fsync has failed, now or `before`; `left` is durable. What is not, and was to be, is not written by the next
    /// fsync either, until its pages are changed.
    pub fn fsync_failed(&mut self, before: bool, left: &LogModel) {
        let held = self.shared_prefix(self.len, |at| left.get(at));
        let was_to_be = if before { self.forced } else { self.len };
        let is_unwritten = held < was_to_be || self.unwritten_from.is_some_and(|from| held <= from);
        // What lies behind destroyed bytes is destroyed with them.
        let is_spoilt = self.spoilt_from.is_some_and(|from| held >= from);
        self.unwritten_from = (is_unwritten && !is_spoilt).then_some(held);
    }

    /// Did a fault destroy some of what was durable, unseen so far?
    pub fn is_spoilt(&self) -> bool {
        self.spoilt_from.is_some()
    }

    /// A process finds this instead, which it goes on with; `how` is how the one before went down, if there was one,
    /// `damaged` whether a fault has destroyed durable bytes since. Gives why that cannot be what was left behind.
    pub fn booted(&mut self, found: ReadLog, how: Option<Down>, damaged: bool) -> Option<String> {
        let mismatch = how.filter(|_| !damaged).and_then(|how| self.mismatch(&found, how));
        let keeps_page_cache = how.is_some_and(|how| how != Down::PowerLost);
        if keeps_page_cache && !damaged {
            return mismatch;
        }
        let before = std::mem::replace(self, found.log);
        for segment in &mut self.segments {
            // What is there at first, or after a power loss, is durable.
            (segment.durable, segment.named) = (segment.batches.len(), true);
            if keeps_page_cache {
                let old = before.segments.iter().find(|old| old.base == segment.base);
                segment.durable = old.map_or(0, |old| old.durable.min(segment.durable));
                segment.named = old.is_some_and(|old| old.named);
                segment.replaced = old.and_then(|old| old.replaced).map(|durable| durable.min(segment.batches.len()));
            }
        }
        self.spoilt_from = before.spoilt_from.filter(|_| keeps_page_cache);
        self.unwritten_from = before.unwritten_from.filter(|_| keeps_page_cache);
        self.recount_durable();
        mismatch
    }

    /// After a power loss: durable ⊆ found ⊆ written, up to a torn tail. An unsynced cut may come undone, so batches
    /// beyond the durable ones need only have been written by somebody.
    fn mismatch(&self, found: &ReadLog, how: Down) -> Option<String> {
        let ReadLog { log, unknown_batches, .. } = found;
        let (written, durable, count) = (self.len, self.durable(), log.len);
        if *unknown_batches > 0 {
            return Some(format!("{unknown_batches} batches are found that were never written"));
        }
        if how == Down::PowerLost {
            let is_whole = self.left_of(durable, log).is_none();
            return (!is_whole).then(|| format!("of {durable} durable batches, {count} are found after a power loss"));
        }
        let same = self.same_bytes(log);
        (!same).then(|| format!("of {written} batches written, {count} are found after the process died"))
    }

    /// Compares what was written with what a process sees.
    pub fn differs_from(&self, found: &ReadLog) -> Option<String> {
        let differs = found.unknown_batches > 0 || !self.same_bytes(&found.log);
        differs.then(|| format!("{} batches were written, {} are on disk", self.len, found.log.len))
    }

    fn same_bytes(&self, other: &LogModel) -> bool {
        let is_chained = |at: usize| at < self.chained || at < other.chained;
        let same = |(at, (a, b)): (usize, (&Segment, &Segment))| {
            // What lies behind a gap, as while segments are deleted, was not read as batches.
            let content = a.batches == b.batches && a.junk == b.junk;
            a.base == b.base && (content || !is_chained(at) && a.bytes + a.junk == b.bytes + b.junk)
        };
        self.segments.len() == other.segments.len() && self.segments.iter().zip(&other.segments).enumerate().all(same)
    }

    /// Compares what was written with what a node shows of its log: its end, how many batches it has, and the last one.
    pub fn differs_from_shown(
        &self,
        end: Offset,
        batches: usize,
        last: Option<&Batch>,
        ledger: &Ledger,
    ) -> Option<String> {
        let (written, count) = (self.end(ledger), self.len);
        if end != written {
            return Some(format!("its log ends at {end}, {written} is written"));
        }
        let newest = count.checked_sub(1).and_then(|newest| self.get(newest));
        let same = newest.map(|newest| ledger.get(newest).bytes()) == last.map(|last| &*last.bytes);
        let in_segments = count - self.covered.len();
        (!same && in_segments > 0 || batches != in_segments)
            .then(|| format!("it holds {batches} batches, {in_segments} are written, or the last ones differ"))
    }

    /// Is this the end of a log with a hole, behind which something lies?
    pub fn has_hole_below(&self, end: Offset, ledger: &Ledger) -> bool {
        end > self.end(ledger) && self.has_junk()
    }

    /// Bytes behind the last whole batch of the chain, or segments beyond a gap?
    pub fn has_junk(&self) -> bool {
        self.chained < self.segments.len() || self.segments.iter().any(|segment| segment.junk > 0)
    }

    /// Reads a log, by its segments' base offsets and bytes, as a recovery would: every batch up to the first bad byte or
    /// gap. A log that does not begin at 0 is behind one of the snapshots.
    pub fn read(mut segments: Vec<(Offset, Rc<[u8]>)>, shown: Vec<SnapshotShown>, ledger: &mut Ledger) -> ReadLog {
        let mut found = ReadLog { log: LogModel::default(), unknown_batches: 0, conflict: None };
        segments.sort_by_key(|(base, _)| *base);
        let first_base = segments.first().map_or(Offset(0), |(base, _)| *base);
        let snapshots: Vec<Covering> = shown.into_iter().filter_map(|shown| Covering::of(shown, ledger)).collect();
        let start = behind(first_base, &snapshots, ledger);
        let mut before = start.unwrap_or(BatchId::START);
        let mut readable = start.is_some();
        found.log.snapshots = snapshots;
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
                found.unknown_batches += usize::from(recorded.is_new);
                found.conflict = found.conflict.or(recorded.conflict.map(|other| (other, recorded.id)));
                segment.batches.push(recorded.id);
                position += header.size_bytes;
                before = recorded.id;
            }
            segment.bytes = position as u64;
            segment.junk = (bytes.len() - position) as u64;
            found.log.segments.push(segment);
        }
        found.log.recount(ledger);
        found
    }

    fn recount(&mut self, ledger: &Ledger) {
        let first = self.segments.first();
        let start = match first.map(|segment| (segment.base, segment.batches.first())) {
            Some((base, Some(batch))) if base > Offset(0) && self.snapshots.iter().any(|it| it.end >= base) => {
                Some(ledger.before(*batch))
            }
            first => behind(first.map_or(Offset(0), |(base, _)| base), &self.snapshots, ledger),
        };
        self.covered = start.map_or(Vec::new(), |start| ledger.batches_of(start));
        (self.chained, self.len) = (0, self.covered.len());
        let mut end = start.map_or(Offset(-1), |start| ledger.end(start));
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
        // A snapshot that is ahead replaces the log (`KafkaRaftLog.truncateToLatestSnapshot`).
        let last = (self.last_epoch(ledger).unwrap_or_default(), end);
        if let Some(ahead) = self.snapshots.last().filter(|latest| (latest.epoch, latest.end) > last) {
            self.covered = ledger.batches_of(ahead.prefix);
            (self.chained, self.len) = (0, self.covered.len());
        }
        let covered = self.covered.len();
        self.spoilt_from = self.spoilt_from.filter(|left| *left >= covered);
        self.unwritten_from = self.unwritten_from.filter(|left| *left >= covered);
        self.agreed = self.agreed.min(self.len);
        self.spoilt_from = self.spoilt_from.filter(|left| self.len > *left);
        self.unwritten_from = self.unwritten_from.filter(|left| self.len > *left);
        self.recount_durable();
    }

    fn recount_durable(&mut self) {
        let is_held = |it: &&Covering| it.is_durable && self.prefix(it.count) == it.prefix;
        let in_snapshot = self.snapshots.iter().rfind(is_held).map_or(0, |durable| durable.count);
        self.forced = self.covered.len().min(in_snapshot);
        if self.forced < self.covered.len() {
            return;
        }
        for segment in self.segments[..self.chained].iter().take_while(|segment| segment.named) {
            self.forced = segment.first + segment.durable;
            if segment.durable < segment.batches.len() {
                break;
            }
        }
        self.forced = self.forced.max(in_snapshot).min(self.len);
    }
}

/// How many of `count` come first for which that holds, found by halves.
fn leading(count: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = (low + high) / 2;
        if holds(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// A log as [`LogModel::read`] found it.
#[derive(Clone, Debug)]
pub struct ReadLog {
    pub log: LogModel,
    /// Whole, intact batches that nobody had written.
    pub unknown_batches: usize,
    /// Another batch at the same epoch and end offset, and the one found.
    pub conflict: Option<(BatchId, BatchId)>,
}
