//! Truncation of a data log (controller-broker.md §6.5).

use super::PartitionLog;
use crate::broker::log::paths;
use crate::broker::log::producer_state::ProducerStates;
use crate::bugs::Bug;
use crate::ids::Offset;
use crate::io::Out;
use crate::log::{EpochCache, remove_segments};

impl PartitionLog {
    /// Removes every batch that reaches to `target` or beyond, with epochs and producer state. Truncation below the
    /// high watermark is allowed and clips it (§6.5). The truncated file is not flushed. If it returns that something was truncated, the recovery points must be
    /// checkpointed before the next append: an older one would cover records appended later (`LogManager.truncateTo`).
    #[must_use]
    pub fn truncate_to(&mut self, target: Offset, out: &mut Out) -> bool {
        if target >= self.end && self.config.bugs.has(Bug::Kafka10706EpochsLeftAtTruncation) {
            return false;
        }
        if target >= self.end {
            // An epoch for which this replica, as leader, wrote no record must be removed as well: the next fetch would
            // name it and diverge from the leader's log forever.
            self.epochs.truncate_from_end(self.end);
            return false;
        }
        let keep = self.segment_of(target.max(self.start_offset())) + 1;
        if keep < self.segments.len() {
            if !self.config.bugs.has(Bug::TruncatedSegmentsLeftOnDisk) {
                self.unlink_segments(keep, out);
            }
            self.segments.truncate(keep);
        }
        let before = self.end;
        self.end = self.active_mut().truncate(target, out).min(before);
        self.after_truncation();
        true
    }

    /// Removes the files of the segments from index `keep` on.
    fn unlink_segments(&mut self, keep: usize, out: &mut Out) {
        let directory = &self.directory;
        let removed = self.segments[keep..].iter().map(|segment| paths::segment(directory, segment.base_offset));
        remove_segments(removed, out);
    }

    /// `truncateFullyAndStartAt`: removes all records; the next record gets `offset`. The recovery points must be
    /// checkpointed, as above.
    pub fn truncate_fully_and_start_at(&mut self, offset: Offset, out: &mut Out) {
        let directory = &self.directory;
        let removed = self.segments.drain(..).map(|segment| paths::segment(directory, segment.base_offset));
        remove_segments(removed, out);
        self.new_segment(offset, out);
        self.end = offset;
        self.recovery_point = offset;
        self.epochs = EpochCache::default();
        self.write_epochs(out);
        self.after_truncation();
    }

    fn after_truncation(&mut self) {
        self.truncations += 1;
        self.recovery_point = self.recovery_point.min(self.end);
        self.high_watermark = self.high_watermark.clamp(self.start_offset(), self.end);
        self.epochs.truncate_from_end(self.end);
        if self.config.bugs.has(Bug::ProducersNotRolledBack) && self.end > self.start_offset() {
            return;
        }
        let entries = self.segments.iter().flat_map(|segment| &segment.entries);
        self.producers = ProducerStates::rebuild(self.config.bugs, entries.map(|entry| &*entry.batch));
    }
}
