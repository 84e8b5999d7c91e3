//! The log of one replica: Kafka's `KafkaRaftLog` over `UnifiedLog` (consensus.md §4).

use std::rc::Rc;
use std::slice;

use super::batch::{Batch, MAX_BATCH_BYTES, Records};
use super::cut_batch::CutBatch;
use super::epoch_cache::EpochCache;
use super::files::{
    Force, LEADER_EPOCH_CHECKPOINT, LEADER_EPOCH_CHECKPOINT_SCHEDULER_HANDLE, LogError, PARTITION_METADATA,
    PARTITION_METADATA_HANDLE, PARTITION_METADATA_SCHEDULER_HANDLE, segment_path,
};
use super::log_config::LogConfig;
use super::partition_metadata::{self, TopicIdFile};
use super::recovery::{recover_segments, remove_segments};
use super::segment::{Segment, read_segment};
use super::snapshots::Snapshots;
use crate::bugs::Bug;
use crate::fixes::Fix;
use crate::ids::{LeaderEpoch, Offset, OffsetAndEpoch, Uuid};
use crate::io::{DurableFiles, Effect, FileHandle, Now, Out, Post, Probe, ThreadName};

mod with_snapshots;

/// Result of [`RaftLog::validate_offset_and_epoch`] (consensus.md §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validation {
    /// The leader can serve from this offset.
    Valid,
    /// The logs diverge at or before this offset.
    Diverging(OffsetAndEpoch),
    /// What is asked for is replaced by a snapshot; this is the latest one.
    Snapshot(OffsetAndEpoch),
}

/// Kafka's `AppendOrigin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AppendOrigin {
    RaftLeader,
    Replication,
}

/// Kafka's `LogOffsetMetadata`: an offset, and the segment in which it was looked up. That of the log end is the active
/// one; after a roll, the same offset is in the next segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogOffsetMetadata {
    pub offset: Offset,
    pub segment_base_offset: Offset,
}

#[derive(Clone, Debug)]
pub struct RaftLog {
    config: LogConfig,
    snapshots: Snapshots,
    /// Not stored: after a restart it is the base offset of the first segment, which may be lower (KAFKA-14240).
    start: Offset,
    /// Ascending, never empty; the last one is active.
    segments: Vec<Segment>,
    next_handle: FileHandle,
    epochs: EpochCache,
    /// The checkpoint is older than `epochs`; only with [`Bug::EpochCacheAfterBatch`].
    epoch_checkpoint_stale: bool,
    topic_id_file: TopicIdFile,
    end: Offset,
    high_watermark: Offset,
    /// All records below this offset were forced by this process. Kafka's starts at 0 in every process, so the first
    /// flush after a restart covers every segment (consensus.md §4.9).
    recovery_point: Offset,
    appended_since_flush: bool,
    /// Segments below this offset were rolled: the scheduler's thread forces them (`UnifiedLog.roll`).
    flush_due: Option<Offset>,
    /// It does so up to this offset; `None` if the log was truncated since it began.
    flushing: Option<Offset>,
    /// Names may have changed since the last fsync of the directory.
    directory_dirty: bool,
}

impl RaftLog {
    /// Recovers the log: checks the CRC of every batch, truncates at the first invalid byte, drops later segments.
    /// The snapshots are read, too; one that is ahead of the log replaces it.
    pub fn open(files: &dyn DurableFiles, config: LogConfig, now: Now, out: &mut Out) -> Result<RaftLog, LogError> {
        let topic_id_file = TopicIdFile::new(partition_metadata::check(files)?);
        let checkpoint = EpochCache::read(files, config.bugs)?;
        EpochCache::create_checkpoint(files, out);
        let segments = recover_segments(files, config, out)?;
        let (first, last) = (&segments[0], &segments[segments.len() - 1]);
        let (start, end) = (first.base_offset, last.end_offset());
        let epochs = repair_epoch_cache(checkpoint, &segments, end, config, out);
        if epochs.is_rewrite_due() || topic_id_file.is_due() {
            wake_scheduler(out);
        }
        let mut log = RaftLog {
            config,
            snapshots: Snapshots::recover(files, start, out)?,
            start,
            next_handle: FileHandle(last.handle.0 + 1),
            segments,
            epochs,
            epoch_checkpoint_stale: false,
            topic_id_file,
            end,
            high_watermark: start,
            recovery_point: start,
            appended_since_flush: false,
            flush_due: None,
            flushing: None,
            directory_dirty: true,
        };
        // A follower may have died after it had downloaded a snapshot, before it truncated its log.
        log.truncate_to_latest_snapshot(now, out);
        if config.fixes.has(Fix::FlushRecoveredLog) {
            if config.fixes.has(Fix::RewriteRecoveredLog) {
                log.rewrite(out);
            }
            log.flush(out);
        }
        Ok(log)
    }

    pub fn start_offset(&self) -> Offset {
        self.start
    }

    /// One past the last offset: Kafka's LEO.
    pub fn end_offset(&self) -> Offset {
        self.end
    }

    /// `lastFetchedEpoch`: the epoch of the last record, or of a leader that has not appended yet.
    pub fn last_fetched_epoch(&self) -> LeaderEpoch {
        let below_start = || self.snapshots.latest().map_or(LeaderEpoch(0), |snapshot| snapshot.epoch);
        self.epochs.latest_epoch().unwrap_or_else(below_start)
    }

    /// `lastFetchedEpoch` throws if a log has a snapshot that is not its whole beginning, and no epoch. Only a truncation leads to
    /// that: where a snapshot is ahead of what survives, or ends with it, and a restart has moved the start of the log back
    /// to that of a segment (see [`Fix::EpochOfSnapshotAtLogEnd`]).
    pub fn check_last_fetched_epoch(&self) -> Result<(), LogError> {
        let starts_with = |snapshot: OffsetAndEpoch| {
            snapshot.offset == self.start || self.config.fixes.has(Fix::EpochOfSnapshotAtLogEnd)
        };
        match (self.epochs.latest_epoch(), self.snapshots.latest()) {
            (None, Some(snapshot)) if !starts_with(snapshot) || snapshot.offset != self.end => {
                Err(LogError::Refused(format!(
                    "the log, from {} to {}, has no last fetched epoch, and there is a snapshot at {}",
                    self.start, self.end, snapshot.offset
                )))
            }
            _ => Ok(()),
        }
    }

    /// The first offset of each epoch, ascending.
    pub fn epoch_starts(&self) -> &[OffsetAndEpoch] {
        self.epochs.entries()
    }

    /// The high watermark of the log; its start until it is updated.
    pub fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    /// Limited to the range from start to end, as in `UnifiedLog`.
    pub fn update_high_watermark(&mut self, offset: Offset) {
        self.high_watermark = offset.clamp(self.start_offset(), self.end);
    }

    /// Leader append: epoch-cache entry (D6), partition.metadata (D7), roll, write. Not flushed.
    /// Kafka requires a first offset at or above the end; that of the accumulator is always equal to the end
    /// (consensus.md §4.8), so other offsets are rejected here.
    pub fn append_as_leader(&mut self, batch: &Rc<Batch>, now_ms: i64, out: &mut Out) -> Result<(), LogError> {
        let offset_matters = !self.config.bugs.has(Bug::Kafka12331LeaderChangeAtZero);
        if offset_matters && batch.base_offset != self.end {
            return Err(self.refused(batch, "its first offset is not the end of the log"));
        }
        if batch.epoch < self.last_fetched_epoch() {
            return Err(self.refused(batch, "its epoch is older than the last one of the log"));
        }
        if batch.len_bytes() > MAX_BATCH_BYTES {
            return Err(self.refused(batch, "it is larger than 8 MiB"));
        }
        self.append(slice::from_ref(batch), AppendOrigin::RaftLeader, now_ms, out)
    }

    /// Follower append of fetched batches; batches above `current_epoch` and all after them are skipped (KAFKA-18723);
    /// a list with a corrupt batch is dropped completely (`Ok(false)`), out-of-order offsets are fatal. Not flushed.
    /// `Ok(true)` if something was written.
    pub fn append_as_follower(
        &mut self,
        records: &Records,
        current_epoch: LeaderEpoch,
        now_ms: i64,
        out: &mut Out,
    ) -> Result<bool, LogError> {
        let any_epoch = self.config.bugs.has(Bug::Kafka18723StaleFetchAppended);
        let in_epoch = |batch: &Rc<Batch>| any_epoch || batch.epoch <= current_epoch;
        let count = records.0.iter().take_while(|batch| in_epoch(batch)).count();
        let batches = &records.0[..count];
        let intact = batches.iter().all(|batch| batch.is_intact());
        if count < records.0.len() || !intact {
            out.probe(Probe::BatchDropped);
        }
        if batches.is_empty() || !intact {
            return Ok(false);
        }
        let mut end = self.end;
        for batch in batches {
            // Offsets may have gaps, as the log of a leader with one.
            if batch.base_offset < end {
                return Err(self.refused(batch, "its first offset is below the end of the log"));
            }
            end = batch.next_offset();
        }
        self.append(batches, AppendOrigin::Replication, now_ms, out)?;
        Ok(true)
    }

    fn refused(&self, batch: &Batch, why: &str) -> LogError {
        let active = self.active().base_offset;
        let Batch { base_offset, last_offset, epoch, .. } = batch;
        let what = format!(
            "cannot append the batch of offsets {base_offset} to {last_offset} and epoch {epoch} to a log that ends at \
             offset {} and epoch {}: {why}",
            self.end,
            self.last_fetched_epoch()
        );
        LogError::in_file(&segment_path(active), what)
    }

    /// Appends batches to the same segment, as one append does in Kafka. That a leader's exceed its size is fatal
    /// (`RecordBatchTooLargeException`); a follower takes what its leader has accepted (`UnifiedLog.append`,
    /// KAFKA-17375).
    fn append(
        &mut self,
        batches: &[Rc<Batch>],
        origin: AppendOrigin,
        now_ms: i64,
        out: &mut Out,
    ) -> Result<(), LogError> {
        self.write_topic_id(out);
        for batch in batches {
            self.assign_epoch_start(batch.epoch, self.offset_of(batch), out);
        }
        if self.config.fixes.has(Fix::WriteEpochsBeforeAppend) && self.epochs.is_stale() {
            self.epochs.write(Force::durable(self.config.bugs), out);
        }
        let bytes: u64 = batches.iter().map(|batch| batch.len_bytes() as u64).sum();
        if let (AppendOrigin::RaftLeader, true, Some(first)) =
            (origin, bytes > self.config.segment_bytes, batches.first())
        {
            let refused = self.refused(first, "it is larger than a segment");
            return Err(LogError::LargerThanSegment(refused.to_string()));
        }
        self.maybe_roll(batches, now_ms, out);
        for batch in batches {
            let base_offset = self.offset_of(batch);
            self.end = Offset(base_offset.0 + batch.offset_count());
            self.active_mut().append(base_offset, Rc::clone(batch), out);
        }
        self.appended_since_flush = true;
        if self.epoch_checkpoint_stale {
            self.epochs.write(Force::durable(self.config.bugs), out);
            self.epoch_checkpoint_stale = false;
        }
        Ok(())
    }

    /// Where a batch is appended: at its own first offset.
    fn offset_of(&self, batch: &Batch) -> Offset {
        if self.config.bugs.has(Bug::Kafka12331LeaderChangeAtZero) { self.end } else { batch.base_offset }
    }

    /// D7: the topic id is durable before the first record is appended.
    fn write_topic_id(&mut self, out: &mut Out) {
        let (handle, force) = (PARTITION_METADATA_HANDLE, self.force_of_topic_id());
        self.topic_id_file.write(PARTITION_METADATA, handle, Uuid::METADATA_TOPIC_ID, force, out);
    }

    fn force_of_topic_id(&self) -> Force {
        let lax = self.config.bugs.has(Bug::TopicIdNotDurable);
        if lax { Force::Nothing } else { Force::durable(self.config.bugs) }
    }

    /// Starts a new segment if these batches would exceed the size of the active one, or if it is too old.
    fn maybe_roll(&mut self, batches: &[Rc<Batch>], now_ms: i64, out: &mut Out) {
        let LogConfig { segment_bytes, segment_ms, .. } = self.config;
        if self.active_mut().should_roll(batches, now_ms, segment_bytes, segment_ms) {
            let base_offset = batches.first().map_or(self.end, |batch| self.offset_of(batch));
            self.roll(base_offset, now_ms, out);
        }
    }

    fn roll(&mut self, base_offset: Offset, now_ms: i64, out: &mut Out) {
        let mut segment = Segment::new(base_offset, self.next_handle);
        segment.created_ms = Some(now_ms);
        self.next_handle = FileHandle(self.next_handle.0 + 1);
        out.push(Effect::Open { file: segment.handle, path: segment_path(segment.base_offset), truncate: true });
        out.probe(Probe::SegmentRolled);
        self.segments.push(segment);
        self.directory_dirty = true;
        self.flush_due = Some(base_offset);
        wake_scheduler(out);
    }

    /// Epoch cache `assign(epoch, offset)`: durable before the caller's next effect.
    pub fn assign_epoch_start(&mut self, epoch: LeaderEpoch, offset: Offset, out: &mut Out) {
        if !self.epochs.assign(epoch, offset) {
            return;
        }
        if self.config.bugs.has(Bug::EpochCacheAfterBatch) {
            self.epoch_checkpoint_stale = true;
        } else {
            self.epochs.write(Force::durable(self.config.bugs), out);
        }
    }

    /// Fsync of all writes since the last flush (segments, directory for new ones).
    pub fn flush(&mut self, out: &mut Out) {
        if self.recovery_point < self.end {
            self.flush_segments(|segment| !segment.entries.is_empty(), out);
        }
        self.after_flush(out);
    }

    /// Replaces every segment by a forced copy of what was read of it. The pages of the old files may be clean and differ
    /// from the disk: a process before may have ended by a failed fsync. The directory is left to be forced.
    fn rewrite(&mut self, out: &mut Out) {
        // With the bug a file has more than its batches, and stays as it is.
        if self.config.bugs.has(Bug::TornTailNotCut) {
            return;
        }
        for segment in self.segments.iter().filter(|segment| !segment.entries.is_empty()) {
            segment.rewrite(out);
        }
        self.recovery_point = self.end;
    }

    /// Kafka's `flush(true)`, with which the log is closed: the active segment is forced in any case.
    pub fn flush_at_close(&mut self, out: &mut Out) {
        self.flush_segments(|_| true, out);
        self.after_flush(out);
    }

    fn flush_segments(&mut self, includes: impl Fn(&Segment) -> bool, out: &mut Out) {
        let first = self.segment_of(self.recovery_point);
        for segment in self.segments[first..].iter().filter(|segment| includes(segment)) {
            out.push(Effect::Fsync { file: segment.handle });
        }
        self.recovery_point = self.end;
    }

    fn after_flush(&mut self, out: &mut Out) {
        self.flush_directory(out);
        self.appended_since_flush = false;
    }

    fn flush_directory(&mut self, out: &mut Out) {
        if self.directory_dirty && !self.config.bugs.has(Bug::Kafka3968SegmentNameNotForced) {
            out.push(Effect::FsyncDirectory);
            self.directory_dirty = false;
        }
    }

    /// The scheduler's thread: writes `partition.metadata`, rewrites the epoch checkpoint, and forces the segments below a new one, with its name, if
    /// the thread that appends has not done so. When everything in `out` is complete it calls
    /// [`RaftLog::finish_background_work`]. Returns whether there was anything to do.
    pub fn begin_background_work(&mut self, out: &mut Out) -> bool {
        let (handle, force) = (LEADER_EPOCH_CHECKPOINT_SCHEDULER_HANDLE, Force::durable(self.config.bugs));
        let rewrites = self.epochs.begin_rewrite(LEADER_EPOCH_CHECKPOINT, handle, force, out);
        let (handle, force) = (PARTITION_METADATA_SCHEDULER_HANDLE, self.force_of_topic_id());
        let writes_topic_id = self.topic_id_file.begin(PARTITION_METADATA, handle, Uuid::METADATA_TOPIC_ID, force, out);
        let up_to = self.flush_due.take().filter(|up_to| self.recovery_point < *up_to);
        if let Some(up_to) = up_to {
            self.flush_below(up_to, out);
        }
        rewrites || writes_topic_id || up_to.is_some()
    }

    fn flush_below(&mut self, up_to: Offset, out: &mut Out) {
        let first = self.segment_of(self.recovery_point);
        for segment in self.segments[first..].iter().take_while(|segment| segment.base_offset < up_to) {
            out.push(Effect::Fsync { file: segment.handle });
        }
        self.flush_directory(out);
        self.flushing = Some(up_to);
    }

    pub fn finish_background_work(&mut self, out: &mut Out) {
        let epochs = self.epochs.finish_rewrite(LEADER_EPOCH_CHECKPOINT, out);
        let topic_id = self.topic_id_file.finish(PARTITION_METADATA, out);
        let force = [epochs.then(|| Force::durable(self.config.bugs)), topic_id.then(|| self.force_of_topic_id())];
        if force.contains(&Some(Force::Durable)) {
            out.push(Effect::FsyncDirectory);
        }
        if let Some(up_to) = self.flushing.take() {
            self.recovery_point = self.recovery_point.max(up_to.min(self.end));
        }
    }

    /// Whether this process has appended records that are not flushed. Recovered records do not count, although they
    /// may be in the page cache only: Kafka does not know (consensus.md §4.9).
    pub fn is_dirty(&self) -> bool {
        self.appended_since_flush && self.recovery_point < self.end
    }

    /// consensus.md §4.2 `endOffsetForEpoch` (raft wrapper).
    pub fn end_offset_for_epoch(&self, epoch: LeaderEpoch) -> OffsetAndEpoch {
        let unknown = OffsetAndEpoch { epoch: self.last_fetched_epoch(), offset: self.end };
        let end = self.epochs.end_offset_for(epoch, self.end).unwrap_or(unknown);
        match self.snapshots.earliest() {
            // Below the start only the epoch of the snapshot exists.
            Some(snapshot) if end == (OffsetAndEpoch { epoch, offset: snapshot.offset }) => snapshot,
            _ => end,
        }
    }

    /// consensus.md §4.3 (`RaftLog.validateOffsetAndEpoch`).
    pub fn validate_offset_and_epoch(&self, offset: Offset, epoch: LeaderEpoch) -> Validation {
        if self.start_offset() == Offset(0) && offset == Offset(0) {
            return Validation::Valid;
        }
        let start = self.start_offset();
        if let (Some(earliest), Some(latest)) = (self.snapshots.earliest(), self.snapshots.latest())
            && (offset < start || offset == start && epoch != earliest.epoch || epoch < earliest.epoch)
        {
            return Validation::Snapshot(latest);
        }
        let end = self.end_offset_for_epoch(epoch);
        if end.epoch != epoch || end.offset < offset { Validation::Diverging(end) } else { Validation::Valid }
    }

    /// consensus.md §4.4: truncates to the offset at which the logs diverge; returns the new end. A truncation below
    /// the high watermark is an error (fatal), unless the bug is on.
    pub fn truncate_to_end_offset(&mut self, diverging: OffsetAndEpoch, out: &mut Out) -> Result<Offset, LogError> {
        let target = self.parting_offset(diverging);
        if target < self.high_watermark && !self.config.bugs.has(Bug::TruncateBelowHighWatermark) {
            return Err(LogError::BelowHighWatermark(format!(
                "{}: cannot be truncated to offset {target}, below the high watermark {}",
                segment_path(self.active().base_offset),
                self.high_watermark
            )));
        }
        self.truncate_to(target.max(self.start_offset()), out);
        Ok(self.end)
    }

    fn parting_offset(&self, diverging: OffsetAndEpoch) -> Offset {
        if diverging.epoch == LeaderEpoch(0) {
            return diverging.offset.min(self.end);
        }
        let local = self.end_offset_for_epoch(diverging.epoch);
        if local.epoch == diverging.epoch { local.offset.min(diverging.offset) } else { local.offset }
    }

    /// Removes every batch that extends beyond `target`, and epochs that start at the new end. The truncation is not
    /// forced: after a power loss the records may reappear, still uncommitted.
    fn truncate_to(&mut self, target: Offset, out: &mut Out) {
        let keep = self.segment_of(target) + 1;
        if keep < self.segments.len() {
            let removed = self.segments[keep..].iter().map(|segment| segment_path(segment.base_offset));
            remove_segments(removed, out);
            self.segments.truncate(keep);
        }
        let before = self.end;
        self.end = self.active_mut().truncate(target, out).min(before);
        self.recovery_point = self.recovery_point.min(self.end);
        self.high_watermark = self.high_watermark.min(self.end);
        // A segment that begins there counts as a new one (`LocalLog.flush`).
        self.directory_dirty |= self.active().base_offset >= self.recovery_point;
        self.flushing = None;
        self.epochs.truncate_from_end(self.end);
        if self.epochs.is_rewrite_due() {
            wake_scheduler(out);
        }
    }

    /// Whole batches from the batch containing `from`, up to `max_bytes` but at least one, none at or above `end`
    /// (exclusive; pass `end_offset()` for an uncommitted read), all of one segment (`LocalLog.read`). Empty at the
    /// end.
    pub fn read(&self, from: Offset, end: Offset, max_bytes: u32) -> Records {
        self.read_slice(from, end, max_bytes).0
    }

    /// All batches from the one on that contains `from`.
    pub fn batches_from(&self, from: Offset) -> impl Iterator<Item = &Rc<Batch>> {
        let of = move |segment: &Segment| segment.entries.partition_point(|entry| entry.batch.last_offset < from);
        let segments = self.segments[self.segment_of(from)..].iter();
        segments.flat_map(move |segment| &segment.entries[of(segment)..]).map(|entry| &entry.batch)
    }

    /// As [`RaftLog::read`], and the beginning of the batch that did not fit.
    pub fn read_slice(&self, from: Offset, end: Offset, max_bytes: u32) -> (Records, Option<CutBatch>) {
        let first = self.segment_of(from);
        let (batches, cut) = read_segment(&self.segments, first, (from, end), max_bytes as usize);
        (Records(batches), cut)
    }

    /// Where `offset` is now.
    pub fn offset_metadata(&self, offset: Offset) -> LogOffsetMetadata {
        let segment = if offset == self.end { self.active() } else { &self.segments[self.segment_of(offset)] };
        LogOffsetMetadata { offset, segment_base_offset: segment.base_offset }
    }

    /// All batches, oldest first.
    pub fn batches(&self) -> Records {
        let entries = self.segments.iter().flat_map(|segment| &segment.entries);
        Records(entries.map(|entry| Rc::clone(&entry.batch)).collect())
    }

    /// Index of the segment that contains `offset`: the last that does not start above it.
    fn segment_of(&self, offset: Offset) -> usize {
        self.segments.partition_point(|segment| segment.base_offset <= offset).saturating_sub(1)
    }

    fn active(&self) -> &Segment {
        &self.segments[self.segments.len() - 1]
    }

    fn active_mut(&mut self) -> &mut Segment {
        let last = self.segments.len() - 1;
        &mut self.segments[last]
    }
}

fn wake_scheduler(out: &mut Out) {
    out.push(Effect::Post { thread: ThreadName::RaftScheduler, post: Post::WakeUp });
}

/// consensus.md §4.2 `load`: epochs that the checkpoint lacks are added from the batches, and entries beyond the end
/// are removed. Entries below the log's start stay, as in Kafka, which does not know the start at that point.
fn repair_epoch_cache(
    mut epochs: EpochCache,
    segments: &[Segment],
    end: Offset,
    config: LogConfig,
    out: &mut Out,
) -> EpochCache {
    if epochs.assign_missing(segments) {
        epochs.write(Force::durable(config.bugs), out);
    }
    epochs.truncate_from_end(end);
    epochs
}
