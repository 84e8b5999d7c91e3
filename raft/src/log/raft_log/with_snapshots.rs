//! Snapshots and the log: creation, the log's start, retention, and replacement of the log by a snapshot (consensus.md §5).

use std::rc::Rc;

use super::{RaftLog, Validation, wake_scheduler};
use crate::bugs::Bug;
use crate::ids::{LeaderEpoch, Offset, OffsetAndEpoch};
use crate::io::{DialogueEntry, Effect, FileHandle, Now, Out};
use crate::log::LogError;
use crate::log::files::{Force, segment_path};
use crate::log::recovery::remove_segments;
use crate::log::segment::Segment;
use crate::snapshot::file_name::snapshot_path;
use crate::snapshot::raw_writer::RawSnapshotWriter;
use crate::snapshot::reader::Snapshot;

impl RaftLog {
    pub fn latest_snapshot_id(&self) -> Option<OffsetAndEpoch> {
        self.snapshots.latest()
    }

    pub fn earliest_snapshot_id(&self) -> Option<OffsetAndEpoch> {
        self.snapshots.earliest()
    }

    /// The bytes of a complete snapshot.
    pub fn snapshot(&self, id: OffsetAndEpoch) -> Option<&Rc<[u8]>> {
        self.snapshots.get(id)
    }

    /// Begins a snapshot of the log up to `id` (`createNewSnapshot`); `None` if it would be below the log's start, or if there
    /// is one already. One that is not committed, that the log does not know, or that ends within a batch is an error
    /// (fatal).
    pub fn create_new_snapshot(
        &mut self,
        id: OffsetAndEpoch,
        out: &mut Out,
    ) -> Result<Option<RawSnapshotWriter>, LogError> {
        if id.offset < self.start_offset() {
            return Ok(None);
        }
        let refused = |what: &str| {
            Err(LogError::Refused(format!("a snapshot up to offset {} and epoch {}: {what}", id.offset, id.epoch)))
        };
        if id.offset > self.high_watermark() {
            return refused("it ends above the high watermark");
        }
        if self.validate_offset_and_epoch(id.offset, id.epoch) != Validation::Valid {
            return refused("the log has no such offset and epoch");
        }
        let batch = self.read(id.offset, self.high_watermark(), 1);
        let is_within = batch.0.first().is_some_and(|batch| batch.base_offset != id.offset);
        if is_within && !self.config.bugs.has(Bug::Kafka17713SnapshotWithinBatch) {
            return refused("a batch of the log contains its end");
        }
        Ok(self.create_new_snapshot_unchecked(id, out))
    }

    /// Begins a snapshot that a follower downloads (`createNewSnapshotUnchecked`); `None` if there is one already.
    pub fn create_new_snapshot_unchecked(&mut self, id: OffsetAndEpoch, out: &mut Out) -> Option<RawSnapshotWriter> {
        if self.snapshots.get(id).is_some() {
            return None;
        }
        let file = self.next_handle;
        self.next_handle = FileHandle(self.next_handle.0 + 1);
        Some(RawSnapshotWriter::create(id, file, self.config.bugs, out))
    }

    /// A snapshot is complete: it gets its name, and counts from now on (`FileRawSnapshotWriter.freeze`,
    /// `onSnapshotFrozen`).
    pub fn freeze_snapshot(&mut self, writer: RawSnapshotWriter, out: &mut Out) {
        let (id, bytes) = writer.freeze(out);
        self.on_snapshot_frozen(id, bytes);
    }

    /// A snapshot has its name (`onSnapshotFrozen`).
    pub fn on_snapshot_frozen(&mut self, id: OffsetAndEpoch, bytes: Rc<[u8]>) {
        self.snapshots.add(id, bytes);
    }

    /// Replaces the log by the latest snapshot if that is ahead of it (`truncateToLatestSnapshot`): all segments are removed,
    /// and the log is empty from there on. Older snapshots expire. Returns whether it was.
    pub fn truncate_to_latest_snapshot(&mut self, now: Now, out: &mut Out) -> bool {
        let end = OffsetAndEpoch { epoch: self.epochs.latest_epoch().unwrap_or(LeaderEpoch(0)), offset: self.end };
        let Some(latest) = self.snapshots.latest().filter(|latest| *latest > end) else { return false };
        if self.config.bugs.has(Bug::Kafka10761LogKeptBesideSnapshot) {
            return true;
        }
        // `LocalLog.truncateFullyAndStartAt`: the last one is removed when the new one is there.
        let last = self.segments.pop();
        remove_segments(self.segments.iter().map(|segment| segment_path(segment.base_offset)), out);
        let segment = Segment::new(latest.offset, self.next_handle);
        self.next_handle = FileHandle(self.next_handle.0 + 1);
        out.push(Effect::Open { file: segment.handle, path: segment_path(segment.base_offset), truncate: true });
        let last = last.filter(|last| last.base_offset != segment.base_offset);
        remove_segments(last.iter().map(|last| segment_path(last.base_offset)), out);
        self.segments = vec![segment];
        self.epochs.clear();
        self.epochs.write(Force::durable(self.config.bugs), out);
        self.epoch_checkpoint_stale = false;
        (self.start, self.end) = (latest.offset, latest.offset);
        self.high_watermark = latest.offset;
        self.recovery_point = latest.offset;
        (self.flush_due, self.flushing) = (None, None);
        self.directory_dirty = true;
        out.record(|| DialogueEntry::LogReplaced { id: latest });
        if self.snapshots.expire_before(latest, now.mono_ns, out) {
            wake_scheduler(out);
        }
        true
    }

    /// Moves the log's start to the end of a snapshot, and forgets the segments and snapshots before it
    /// (`deleteBeforeSnapshot`). Returns whether anything was forgotten. A snapshot that ends above the high watermark is an
    /// error.
    pub fn delete_before_snapshot(&mut self, id: OffsetAndEpoch, now: Now, out: &mut Out) -> Result<bool, LogError> {
        let latest = self.snapshots.latest().filter(|latest| id.offset <= latest.offset);
        if latest.is_none() || self.snapshots.get(id).is_none() || id.offset <= self.start {
            return Ok(false);
        }
        if id.offset > self.high_watermark {
            return Err(LogError::Refused(format!(
                "the log cannot start at offset {}, above the high watermark {}",
                id.offset, self.high_watermark
            )));
        }
        self.start = id.offset;
        if self.config.bugs.has(Bug::LogStartBesideSnapshot) {
            self.start = Offset(id.offset.0 - 1);
        }
        self.epochs.truncate_from_start(self.start);
        let removed = self.segments.iter().skip(1).take_while(|next| next.base_offset <= self.start).count();
        remove_segments(self.segments.drain(..removed).map(|segment| segment_path(segment.base_offset)), out);
        let expired = self.snapshots.expire_before(id, now.mono_ns, out);
        wake_scheduler(out);
        Ok(removed > 0 || expired)
    }

    /// Deletes from the oldest snapshot on, never the last one (`maybeClean`): while the log and its snapshots have more than
    /// `max_bytes`, then while the oldest is older than `max_ms`. A negative limit is none. Returns whether it did.
    pub fn maybe_clean(&mut self, (max_bytes, max_ms): (i64, i64), now: Now, out: &mut Out) -> Result<bool, LogError> {
        if self.config.bugs.has(Bug::Kafka14238RetentionWithoutSnapshot) {
            return Ok(self.delete_old_segments(max_bytes, out));
        }
        let sizes: Vec<(OffsetAndEpoch, u64)> =
            self.snapshots.all().map(|(id, bytes)| (id, bytes.len() as u64)).collect();
        let mut of_snapshots: u64 = sizes.iter().map(|(_, bytes)| bytes).sum();
        let mut cleaned = false;
        for pair in sizes.windows(2) {
            let ((_, bytes), (next, _)) = (pair[0], pair[1]);
            let total = self.size_bytes() + of_snapshots;
            if max_bytes < 0 || total <= max_bytes.unsigned_abs() {
                break;
            }
            of_snapshots -= bytes;
            if !self.delete_before_snapshot(next, now, out)? {
                break;
            }
            cleaned = true;
        }
        let left: Vec<OffsetAndEpoch> = self.snapshots.all().map(|(id, _)| id).collect();
        for pair in left.windows(2) {
            let (id, next) = (pair[0], pair[1]);
            let timestamp_ms = self.snapshots.get(id).map(|bytes| Snapshot::timestamp_ms(bytes)).transpose();
            let timestamp_ms = timestamp_ms.map_err(|error| LogError::in_file(&snapshot_path(id), error))?;
            let is_old = timestamp_ms.is_some_and(|timestamp_ms| now.wall_ms - timestamp_ms > max_ms);
            if max_ms < 0 || !is_old || !self.delete_before_snapshot(next, now, out)? {
                break;
            }
            cleaned = true;
        }
        Ok(cleaned)
    }

    /// M01, KAFKA-14238: the retention of partitions (`UnifiedLog.deleteRetentionSizeBreachedSegments`).
    fn delete_old_segments(&mut self, max_bytes: i64, out: &mut Out) -> bool {
        let before = self.segments.len();
        while self.segments.len() > 1 && max_bytes >= 0 && self.size_bytes() > max_bytes.unsigned_abs() {
            let removed = self.segments.remove(0);
            remove_segments([segment_path(removed.base_offset)].into_iter(), out);
            self.start = self.segments[0].base_offset;
        }
        self.segments.len() < before
    }

    /// Size of all segments.
    fn size_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.size_bytes).sum()
    }

    /// When the scheduler's thread has to delete an expired snapshot, monotonic, ns.
    pub fn deletion_due_ns(&self) -> Option<u64> {
        self.snapshots.deletion_due_ns()
    }

    /// The scheduler's thread deletes expired snapshots.
    pub fn delete_expired_snapshots(&mut self, now: Now, out: &mut Out) {
        self.snapshots.delete_expired(now.mono_ns, out);
    }
}
