//! The leader-epoch cache: the start offset of each epoch, mirrored to `leader-epoch-checkpoint` (consensus.md §4.2).

use std::fmt::Write as _;

use smallvec::SmallVec;

use super::files::{
    Force, LEADER_EPOCH_CHECKPOINT, LEADER_EPOCH_CHECKPOINT_HANDLE, LogError, read_file, replace_file,
    temporary_of_scheduler, write_temporary,
};
use super::segment::Segment;
use crate::bugs::{Bug, Bugs};
use crate::ids::{LeaderEpoch, Offset, OffsetAndEpoch};
use crate::io::{DurableFiles, Effect, FileHandle, Out};

/// Format version of the checkpoint.
const VERSION: &str = "0";

/// Epochs and their start offsets, both strictly ascending.
///
/// Kafka writes the checkpoint at once when an epoch is added, but after a truncation a scheduler's thread does, a moment
/// later (`truncateFromEndAsyncFlush`). A process that dies before that leaves the epochs that were removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EpochCache {
    entries: SmallVec<[OffsetAndEpoch; 8]>,
    checkpoint: Checkpoint,
}

/// The checkpoint, compared with the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Checkpoint {
    #[default]
    Current,
    /// It has entries that were removed.
    Stale,
    /// As `Stale`; the scheduler's thread has written the entries to a temporary file.
    Rewriting,
}

impl EpochCache {
    /// Reads the checkpoint; an absent or an empty file is an empty cache, as in Kafka.
    pub fn read(files: &dyn DurableFiles, bugs: Bugs) -> Result<EpochCache, LogError> {
        EpochCache::read_from(LEADER_EPOCH_CHECKPOINT, files, bugs)
    }

    /// As [`EpochCache::read`], for any partition.
    pub fn read_from(path: &str, files: &dyn DurableFiles, bugs: Bugs) -> Result<EpochCache, LogError> {
        let Some(bytes) = read_file(path, files)? else {
            return Ok(EpochCache::default());
        };
        match std::str::from_utf8(&bytes) {
            Ok(text) => parse(text, bugs).map_err(|what| LogError::in_file(path, what)),
            Err(error) => Err(LogError::in_file(path, error)),
        }
    }

    /// Kafka's `CheckpointFile` creates the file, empty, if there is none.
    pub fn create_checkpoint(files: &dyn DurableFiles, out: &mut Out) {
        if files.read(LEADER_EPOCH_CHECKPOINT).is_none() && !files.is_unreadable(LEADER_EPOCH_CHECKPOINT) {
            let (file, path) = (LEADER_EPOCH_CHECKPOINT_HANDLE, LEADER_EPOCH_CHECKPOINT.into());
            out.push(Effect::Open { file, path, truncate: false });
        }
    }

    /// Replaces the checkpoint by the content of the cache.
    pub fn write(&mut self, force: Force, out: &mut Out) {
        self.write_to(LEADER_EPOCH_CHECKPOINT, LEADER_EPOCH_CHECKPOINT_HANDLE, force, out);
    }

    /// As [`EpochCache::write`], for any partition.
    pub fn write_to(&mut self, path: &str, handle: FileHandle, force: Force, out: &mut Out) {
        replace_file(path, handle, self.to_text().as_bytes(), force, out);
        self.checkpoint = Checkpoint::Current;
    }

    /// Whether the checkpoint has entries that were removed.
    pub fn is_stale(&self) -> bool {
        self.checkpoint != Checkpoint::Current
    }

    /// Whether the scheduler's thread has to rewrite the checkpoint, and has not begun to.
    pub fn is_rewrite_due(&self) -> bool {
        self.checkpoint == Checkpoint::Stale
    }

    /// Whether the scheduler's thread may have left a temporary file.
    pub fn is_being_rewritten(&self) -> bool {
        self.checkpoint == Checkpoint::Rewriting
    }

    /// The scheduler's thread rewrites the checkpoint, if that is due. When everything in `out` is complete it calls
    /// [`EpochCache::finish_rewrite`]. Returns whether it was due.
    pub fn begin_rewrite(&mut self, path: &str, handle: FileHandle, force: Force, out: &mut Out) -> bool {
        let is_due = self.is_rewrite_due();
        if is_due {
            let parts = std::iter::once(self.to_text().as_bytes().into());
            write_temporary(&temporary_of_scheduler(path), handle, parts, force, out);
            self.checkpoint = Checkpoint::Rewriting;
        }
        is_due
    }

    /// Puts the rewritten checkpoint in its place, unless another thread has written a newer one, or has removed more
    /// entries. Returns whether it did; the caller forces the directory.
    pub fn finish_rewrite(&mut self, path: &str, out: &mut Out) -> bool {
        let is_written = self.is_being_rewritten();
        if is_written {
            out.push(Effect::Rename { from: temporary_of_scheduler(path), to: path.into() });
            self.checkpoint = Checkpoint::Current;
        }
        is_written
    }

    fn to_text(&self) -> String {
        let mut text = format!("{VERSION}\n{}\n", self.entries.len());
        for entry in &self.entries {
            writeln!(text, "{} {}", entry.epoch, entry.offset).expect("writing to a String cannot fail");
        }
        text
    }

    /// Ascending.
    pub fn entries(&self) -> &[OffsetAndEpoch] {
        &self.entries
    }

    pub fn earliest(&self) -> Option<OffsetAndEpoch> {
        self.entries.first().copied()
    }

    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.entries.last().map(|entry| entry.epoch)
    }

    /// Records the start of an epoch; true if the entry is new. Later entries that contradict it are removed.
    pub fn assign(&mut self, epoch: LeaderEpoch, start: Offset) -> bool {
        if self.entries.last().is_some_and(|latest| epoch == latest.epoch && start >= latest.offset) {
            return false;
        }
        while self.entries.last().is_some_and(|latest| latest.epoch >= epoch || latest.offset >= start) {
            self.entries.pop();
        }
        self.entries.push(OffsetAndEpoch { epoch, offset: start });
        true
    }

    /// Adds the epochs of batches that the checkpoint lacks (`LogSegment.recover`); true if there were any. A batch without
    /// an epoch starts none.
    pub fn assign_missing(&mut self, segments: &[Segment]) -> bool {
        let mut added = false;
        for entry in segments.iter().flat_map(|segment| &segment.entries) {
            let epoch = entry.batch.epoch;
            if epoch >= LeaderEpoch(0) && self.latest_epoch().is_none_or(|latest| epoch > latest) {
                added |= self.assign(epoch, entry.base_offset);
            }
        }
        added
    }

    /// Removes epochs that start at `end` or later. If there were any, the checkpoint has to be rewritten.
    pub fn truncate_from_end(&mut self, end: Offset) {
        while self.entries.last().is_some_and(|latest| latest.offset >= end) {
            self.entries.pop();
            self.checkpoint = Checkpoint::Stale;
        }
    }

    /// Forgets epochs that end at or below `start`; the one that contains it begins there
    /// (`truncateFromStartAsyncFlush`). If anything changes, the checkpoint has to be rewritten.
    pub fn truncate_from_start(&mut self, start: Offset) {
        let below = self.entries.partition_point(|entry| entry.offset <= start);
        if let Some(last) = below.checked_sub(1) {
            self.entries.drain(..last);
            self.entries[0].offset = start;
            self.checkpoint = Checkpoint::Stale;
        }
    }

    /// Forgets all epochs; the caller writes the checkpoint.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// The end offset of `epoch` according to the entries; `None` if no higher epoch is known either. `log_end` is the
    /// end of the latest epoch.
    pub fn end_offset_for(&self, epoch: LeaderEpoch, log_end: Offset) -> Option<OffsetAndEpoch> {
        if self.latest_epoch() == Some(epoch) {
            return Some(OffsetAndEpoch { epoch, offset: log_end });
        }
        let higher = self.entries.partition_point(|entry| entry.epoch <= epoch);
        let end = self.entries.get(higher)?.offset;
        let floor = if higher == 0 { epoch } else { self.entries[higher - 1].epoch };
        Some(OffsetAndEpoch { epoch: floor, offset: end })
    }
}

/// Parses the checkpoint's text; rejects what Kafka's reader rejects.
fn parse(text: &str, bugs: Bugs) -> Result<EpochCache, String> {
    let mut lines = text.lines();
    let Some(version) = lines.next() else {
        return Ok(EpochCache::default());
    };
    if version != VERSION {
        return Err(format!("the version must be {VERSION}, not {version:?}"));
    }
    let Some(count) = lines.next() else {
        return Ok(EpochCache::default());
    };
    let expected: usize = count.parse().map_err(|_| format!("malformed number of entries {count:?}"))?;
    let mut cache = EpochCache::default();
    let mut found = 0;
    for line in lines {
        found += 1;
        match parse_entry(line) {
            Some(entry) => _ = cache.assign(entry.epoch, entry.offset),
            None if bugs.has(Bug::MalformedEpochSkipped) => {}
            None => return Err(format!("malformed entry {line:?}")),
        }
    }
    if found == expected { Ok(cache) } else { Err(format!("{expected} entries expected, {found} found")) }
}

fn parse_entry(line: &str) -> Option<OffsetAndEpoch> {
    let mut words = line.split_ascii_whitespace();
    let epoch: i32 = words.next()?.parse().ok()?;
    let offset: i64 = words.next()?.parse().ok()?;
    let valid = words.next().is_none() && epoch >= 0 && offset >= 0;
    valid.then_some(OffsetAndEpoch { epoch: LeaderEpoch(epoch), offset: Offset(offset) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_checkpoint_has_kafkas_text() {
        let mut cache = EpochCache::default();
        assert!(cache.assign(LeaderEpoch(1), Offset(0)) && cache.assign(LeaderEpoch(4), Offset(17)));
        assert_eq!(cache.to_text(), "0\n2\n1 0\n4 17\n");
        assert_eq!(parse(&cache.to_text(), Bugs::NONE), Ok(cache));
        for (empty, why) in [("", "an empty file"), ("0\n", "no count"), ("0\n0\n", "no entry")] {
            assert_eq!(parse(empty, Bugs::NONE), Ok(EpochCache::default()), "{why}");
        }
        for bad in ["1\n0\n", "0\nx\n", "0\n2\n1 0\n", "0\n1\n1\n", "0\n1\n1 0 0\n", "0\n1\n-1 0\n"] {
            assert!(parse(bad, Bugs::NONE).is_err(), "{bad:?}");
        }
    }

    /// The rules of consensus.md §4.2 over a plain list.
    #[derive(Default)]
    struct Naive(Vec<(i32, i64)>);

    impl Naive {
        fn assign(&mut self, epoch: i32, start: i64) {
            if self.0.last().is_some_and(|&(e, s)| e == epoch && start >= s) {
                return;
            }
            let keep = self.0.iter().rposition(|&(e, s)| e < epoch && s < start).map_or(0, |index| index + 1);
            self.0.truncate(keep);
            self.0.push((epoch, start));
        }

        fn end_offset_for(&self, epoch: i32, log_end: i64) -> Option<(i32, i64)> {
            let latest = self.0.last()?.0;
            if latest == epoch {
                return Some((epoch, log_end));
            }
            let higher = self.0.iter().find(|&&(e, _)| e > epoch)?;
            let floor = self.0.iter().rfind(|&&(e, _)| e <= epoch).map_or(epoch, |&(e, _)| e);
            Some((floor, higher.1))
        }
    }

    proptest! {
        #[test]
        fn the_cache_does_what_a_plain_list_does(
            steps in prop::collection::vec((any::<bool>(), 0..8_i32, 0..20_i64), 0..40),
            requested in 0..9_i32,
        ) {
            let (mut cache, mut naive) = (EpochCache::default(), Naive::default());
            for (assign, epoch, offset) in steps {
                if assign {
                    cache.assign(LeaderEpoch(epoch), Offset(offset));
                    naive.assign(epoch, offset);
                } else {
                    cache.truncate_from_end(Offset(offset));
                    naive.0.retain(|&(_, start)| start < offset);
                }
                let entries: Vec<_> = cache.entries.iter().map(|e| (e.epoch.0, e.offset.0)).collect();
                prop_assert_eq!(&entries, &naive.0);
                let end = cache.end_offset_for(LeaderEpoch(requested), Offset(20)).map(|e| (e.epoch.0, e.offset.0));
                prop_assert_eq!(end, naive.end_offset_for(requested, 20));
                let read = parse(&cache.to_text(), Bugs::NONE).map(|read| read.entries);
                prop_assert_eq!(read, Ok(cache.entries.clone()));
            }
        }
    }
}
