//! The log of one data replica: the part of Kafka's UnifiedLog that replication needs (controller-broker.md §6.1, §6.6,
//! §6.9). Appends are not flushed; only the leader-epoch checkpoint and `partition.metadata` are, before the records
//! that they describe.

mod truncation;

use std::rc::Rc;
use std::slice;

use super::partition_log_config::PartitionLogConfig;
use super::paths::{self, Handles};
use super::producer_state::{BatchMetadata, ProducerStates};
use super::recovery::Recovered;
use crate::bugs::Bug;
use crate::fixes::Fix;
use crate::ids::{LeaderEpoch, Offset, OffsetAndEpoch, Uuid};
use crate::io::{Effect, FileHandle, Out, Probe};
use crate::log::{Batch, BatchBuilder, EpochCache, Force, Records, Segment, TopicIdFile, read_segment};
use crate::message::ErrorCode;

/// The result of a leader's append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaderAppend {
    /// Written at these offsets (both inclusive).
    Appended { first: Offset, last: Offset },
    /// The log already holds the producer's batch, at these offsets; nothing was written.
    Duplicate { first: Offset, last: Offset },
}

/// Why fetched batches were not appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendRefusal {
    /// A CRC does not match (`CorruptRecordException`): fetch again.
    Corrupt,
    /// An offset lies below the end of the log (`UnexpectedAppendOffsetException`).
    UnexpectedOffset,
}

#[derive(Clone, Debug)]
pub struct PartitionLog {
    config: PartitionLogConfig,
    directory: Rc<str>,
    topic_id: Uuid,
    handles: Handles,
    /// Ascending, never empty; the last one is active.
    segments: Vec<Segment>,
    epochs: EpochCache,
    producers: ProducerStates,
    topic_id_file: TopicIdFile,
    /// The leader-epoch checkpoint exists.
    epochs_written: bool,
    end: Offset,
    high_watermark: Offset,
    recovery_point: Offset,
    /// Segments below this offset were rolled and not flushed since: work for the background thread.
    flush_due: Option<Offset>,
    /// File names may have changed since the directory was last flushed.
    directory_dirty: bool,
    /// Counts truncations, so that a flush in progress does not cover records written after one.
    truncations: u32,
}

impl PartitionLog {
    /// A new, empty log; `ordinal` is the number of logs that this process opened before.
    pub fn create(
        directory: Rc<str>,
        topic_id: Uuid,
        ordinal: u32,
        config: PartitionLogConfig,
        out: &mut Out,
    ) -> PartitionLog {
        let mut handles = Handles::new(ordinal);
        let segment = Segment::new(Offset(0), handles.next_segment());
        out.push(Effect::Open { file: segment.handle, path: paths::segment(&directory, Offset(0)), truncate: true });
        PartitionLog {
            producers: ProducerStates::new(config.bugs),
            config,
            directory,
            topic_id,
            handles,
            segments: vec![segment],
            epochs: EpochCache::default(),
            topic_id_file: TopicIdFile::new(false),
            epochs_written: false,
            end: Offset(0),
            high_watermark: Offset(0),
            recovery_point: Offset(0),
            flush_due: None,
            directory_dirty: true,
            truncations: 0,
        }
    }

    /// A log as recovered; the high watermark is the checkpoint's, clipped (§6.1).
    pub(super) fn recovered(found: Recovered, high_watermark: Offset) -> PartitionLog {
        let Recovered {
            config,
            directory,
            topic_id,
            handles,
            segments,
            epochs,
            epochs_written,
            end,
            recovery_point,
            directory_dirty,
        } = found;
        let start = segments[0].base_offset;
        let batches = segments.iter().flat_map(|segment| &segment.entries).map(|entry| &*entry.batch);
        PartitionLog {
            producers: if config.bugs.has(Bug::ProducerStateNotRestored) {
                ProducerStates::new(config.bugs)
            } else {
                ProducerStates::rebuild(config.bugs, batches)
            },
            config,
            directory,
            topic_id,
            handles,
            epochs,
            topic_id_file: TopicIdFile::new(true),
            epochs_written,
            high_watermark: if config.bugs.has(Bug::FlushedCountsAsCommitted) {
                high_watermark.max(recovery_point).clamp(start, end)
            } else {
                high_watermark.clamp(start, end)
            },
            recovery_point: recovery_point.clamp(start, end),
            segments,
            end,
            flush_due: None,
            directory_dirty,
            truncations: 0,
        }
    }

    pub fn topic_id(&self) -> Uuid {
        self.topic_id
    }

    /// First offset of the log.
    pub fn start_offset(&self) -> Offset {
        self.segments[0].base_offset
    }

    /// One past the last offset: LEO.
    pub fn end_offset(&self) -> Offset {
        self.end
    }

    /// Exclusive end of the committed records, as far as this replica knows.
    pub fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    /// Everything below this offset was flushed.
    pub fn recovery_point(&self) -> Offset {
        self.recovery_point
    }

    /// The first offset of each epoch, ascending.
    pub fn epoch_starts(&self) -> &[OffsetAndEpoch] {
        self.epochs.entries()
    }

    /// Epoch of the newest entry of the epoch cache.
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.epochs.latest_epoch()
    }

    /// Epoch of the first record, if the epoch cache has it.
    pub fn earliest_epoch(&self) -> Option<LeaderEpoch> {
        self.epochs.earliest().filter(|entry| entry.offset <= self.start_offset()).map(|entry| entry.epoch)
    }

    /// Where `epoch` ends (§6.1 `endOffsetFor`); `None` is Kafka's (-1, -1).
    pub fn end_offset_for(&self, epoch: LeaderEpoch) -> Option<OffsetAndEpoch> {
        if epoch.0 < 0 { None } else { self.epochs.end_offset_for(epoch, self.end) }
    }

    /// Sets a follower's high watermark: clipped, and *not* kept from decreasing (§6.3).
    pub fn update_high_watermark(&mut self, offset: Offset) {
        self.high_watermark = offset.clamp(self.start_offset(), self.end);
    }

    /// Records that `epoch` starts at `offset`; the checkpoint is durable before the next effect.
    pub fn assign_epoch_start(&mut self, epoch: LeaderEpoch, offset: Offset, out: &mut Out) {
        if self.epochs.assign(epoch, offset) {
            self.write_epochs(out);
        }
    }

    /// Appends a client's records as the leader of `epoch`: validates them, assigns offsets, writes to the page cache.
    /// On an error no record was written; the log may have rolled, since Kafka compares with what the producer appended
    /// before only after that (`UnifiedLog.append`).
    pub fn append_as_leader(
        &mut self,
        records: &Records,
        epoch: LeaderEpoch,
        now_ms: i64,
        out: &mut Out,
    ) -> Result<LeaderAppend, ErrorCode> {
        // `ProduceRequest.validateRecords`: exactly one batch.
        let [batch] = &records.0[..] else { return Err(ErrorCode::InvalidRecord) };
        if batch.base_offset != Offset(0) || batch.control {
            return Err(ErrorCode::InvalidRecord);
        }
        if batch.len_bytes() > self.config.max_message_bytes {
            return Err(ErrorCode::MessageTooLarge);
        }
        if !batch.is_intact() {
            return Err(ErrorCode::CorruptMessage);
        }
        if batch.len_bytes() as u64 > self.config.segment_bytes {
            return Err(ErrorCode::RecordListTooLarge);
        }
        let assigned = Rc::new(batch.assigned(self.end, epoch));
        self.prepare_append(slice::from_ref(&assigned), now_ms, out);
        let original = match self.producers.check(batch) {
            Err(ErrorCode::OutOfOrderSequenceNumber) if self.config.bugs.has(Bug::SequenceNotChecked) => None,
            Ok(Some(_)) if self.config.bugs.has(Bug::RetryRefusedAsOutOfOrder) => {
                return Err(ErrorCode::OutOfOrderSequenceNumber);
            }
            checked => checked?,
        };
        if let Some(BatchMetadata { mut first_offset, last_offset, .. }) = original {
            if self.config.bugs.has(Bug::RetryAnsweredWithWrongOffset) {
                first_offset = self.end;
            }
            return Ok(LeaderAppend::Duplicate { first: first_offset, last: last_offset });
        }
        let batch = if self.config.bugs.has(Bug::ProducerNotAppended) {
            let mut nobodys = BatchBuilder::new(self.end, epoch, batch.max_timestamp_ms());
            for (_, value) in batch.values() {
                nobodys.value(value);
            }
            nobodys.build()
        } else {
            assigned
        };
        self.write(slice::from_ref(&batch), out);
        self.producers.update(&batch);
        Ok(LeaderAppend::Appended { first: batch.base_offset, last: batch.last_offset })
    }

    /// [`Bug::Kafka6683StateBeforeAppend`]: adds records that will not be appended to the producer state.
    pub(in crate::broker) fn note_producers(&mut self, records: &Records, epoch: LeaderEpoch) {
        for batch in &records.0 {
            if self.producers.check(batch) == Ok(None) {
                self.producers.update(&batch.assigned(self.end, epoch));
            }
        }
    }

    /// Appends batches as received from the leader. Offsets may have gaps but never decrease (Kafka's `append` with
    /// `ignoreRecordSize` and given offsets).
    pub fn append_as_follower(
        &mut self,
        batches: &[Rc<Batch>],
        now_ms: i64,
        out: &mut Out,
    ) -> Result<(), AppendRefusal> {
        if !batches.iter().all(|batch| batch.is_intact()) {
            out.probe(Probe::BatchDropped);
            return Err(AppendRefusal::Corrupt);
        }
        let mut end = self.end;
        for batch in batches {
            if batch.base_offset < end {
                return Err(AppendRefusal::UnexpectedOffset);
            }
            end = batch.next_offset();
        }
        if !batches.is_empty() {
            self.prepare_append(batches, now_ms, out);
            self.write(batches, out);
        }
        if !self.config.bugs.has(Bug::ProducerStateOfLeaderOnly) {
            batches.iter().for_each(|batch| self.producers.update(batch));
        }
        Ok(())
    }

    /// What Kafka does before it compares with the state of producers: `partition.metadata`, epoch cache, roll.
    fn prepare_append(&mut self, batches: &[Rc<Batch>], now_ms: i64, out: &mut Out) {
        self.write_topic_id(out);
        batches.iter().for_each(|batch| self.assign_epoch_start(batch.epoch, batch.base_offset, out));
        if self.config.fixes.has(Fix::WriteEpochsBeforeAppend) && self.epochs.is_stale() {
            self.write_epochs(out);
        }
        self.maybe_roll(batches, now_ms, out);
    }

    fn write(&mut self, batches: &[Rc<Batch>], out: &mut Out) {
        for batch in batches {
            self.end = batch.next_offset();
            self.active_mut().append(batch.base_offset, Rc::clone(batch), out);
        }
    }

    /// One append is written to one segment, as in Kafka.
    fn maybe_roll(&mut self, batches: &[Rc<Batch>], now_ms: i64, out: &mut Out) {
        let PartitionLogConfig { segment_bytes, segment_ms, .. } = self.config;
        if self.active_mut().should_roll(batches, now_ms, segment_bytes, segment_ms) {
            self.roll(batches[0].base_offset, now_ms, out);
        }
    }

    /// Segments below a new one are flushed in the background (§6.9). A new one has the name of its first record
    /// (`UnifiedLog.maybeRoll`), behind a gap if there is one.
    fn roll(&mut self, base_offset: Offset, now_ms: i64, out: &mut Out) {
        out.probe(Probe::SegmentRolled);
        self.new_segment(base_offset, out);
        self.active_mut().created_ms = Some(now_ms);
        self.flush_due = Some(base_offset);
    }

    fn new_segment(&mut self, base: Offset, out: &mut Out) {
        let segment = Segment::new(base, self.handles.next_segment());
        out.push(Effect::Open { file: segment.handle, path: paths::segment(&self.directory, base), truncate: true });
        self.segments.push(segment);
        self.directory_dirty = true;
    }

    /// Whether the scheduler's thread has to flush rolled segments, to rewrite the epoch checkpoint or to write
    /// `partition.metadata`.
    pub fn has_background_work(&self) -> bool {
        self.flush_due.is_some() || self.epochs.is_rewrite_due() || self.topic_id_file.is_due()
    }

    /// The offset up to which a background flush is due, if one is.
    pub(super) fn take_flush_due(&mut self) -> Option<Offset> {
        self.flush_due.take()
    }

    /// Flushes all segments that hold offsets from the recovery point to `up_to` (exclusive), and new file names. The
    /// caller must call [`PartitionLog::flushed`] when that is complete.
    pub(super) fn flush(&mut self, up_to: Offset, out: &mut Out) -> u32 {
        if self.recovery_point < up_to {
            for file in self.handles_between(self.recovery_point, up_to) {
                out.push(Effect::Fsync { file });
            }
        }
        if self.directory_dirty && !self.config.bugs.has(Bug::Kafka3968SegmentNameNotForced) {
            out.push(Effect::FsyncDirectory);
            self.directory_dirty = false;
        }
        self.truncations
    }

    fn handles_between(&self, from: Offset, up_to: Offset) -> Vec<FileHandle> {
        let first = self.segment_of(from);
        let segments = self.segments[first..].iter().take_while(|segment| segment.base_offset < up_to);
        segments.filter(|segment| !segment.entries.is_empty()).map(|segment| segment.handle).collect()
    }

    /// A flush up to `up_to`, started at that truncation count, is complete.
    pub(super) fn flushed(&mut self, up_to: Offset, truncations: u32) {
        if truncations == self.truncations {
            self.recovery_point = self.recovery_point.max(up_to.min(self.end));
        }
    }

    fn write_epochs(&mut self, out: &mut Out) {
        self.epochs_written = true;
        let (handle, force) = (self.handles.leader_epoch_checkpoint(), self.force_of_epochs());
        self.epochs.write_to(&paths::leader_epoch_checkpoint(&self.directory), handle, force, out);
    }

    fn force_of_epochs(&self) -> Force {
        let lax = self.config.bugs.has(Bug::Kafka16541EpochCheckpointNotForced);
        if lax { Force::Nothing } else { Force::durable(self.config.bugs) }
    }

    /// `partition.metadata`, unless it is written.
    pub(super) fn write_topic_id(&mut self, out: &mut Out) {
        if self.topic_id_file.is_written() {
            return;
        }
        let (handle, force) = (self.handles.partition_metadata(), Force::durable(self.config.bugs));
        self.topic_id_file.write(&paths::partition_metadata(&self.directory), handle, self.topic_id, force, out);
    }

    /// The scheduler's thread: see [`EpochCache::begin_rewrite`] and [`TopicIdFile::begin`]. Returns whether there was
    /// anything to do.
    pub(super) fn begin_small_files(&mut self, out: &mut Out) -> bool {
        let (rewrites, writes) = (self.epochs.is_rewrite_due(), self.topic_id_file.is_due());
        if rewrites {
            let (handle, force) = (self.handles.leader_epoch_checkpoint_of_scheduler(), self.force_of_epochs());
            self.epochs.begin_rewrite(&paths::leader_epoch_checkpoint(&self.directory), handle, force, out);
        }
        if writes {
            let (handle, force) = (self.handles.partition_metadata_of_scheduler(), Force::durable(self.config.bugs));
            let path = paths::partition_metadata(&self.directory);
            self.topic_id_file.begin(&path, handle, self.topic_id, force, out);
        }
        rewrites || writes
    }

    /// Returns whether the directory has to be forced.
    pub(super) fn finish_small_files(&mut self, out: &mut Out) -> bool {
        let (rewritten, written) = (self.epochs.is_being_rewritten(), self.topic_id_file.is_in_background());
        if rewritten {
            self.epochs.finish_rewrite(&paths::leader_epoch_checkpoint(&self.directory), out);
        }
        if written {
            self.topic_id_file.finish(&paths::partition_metadata(&self.directory), out);
        }
        (rewritten && self.force_of_epochs() == Force::Durable)
            || (written && Force::durable(self.config.bugs) == Force::Durable)
    }

    /// Whole batches from the one that holds `from`, without any that reach beyond `end` (exclusive), up to `max_bytes`
    /// but at least one. Empty at or above the end.
    pub fn read(&self, from: Offset, end: Offset, max_bytes: usize) -> Records {
        Records(read_segment(&self.segments, self.segment_of(from), (from, end), max_bytes).0)
    }

    /// Whole batches from the one that holds `from`, without any that reach beyond `end`.
    pub fn batches_between(&self, from: Offset, end: Offset) -> impl Iterator<Item = &Rc<Batch>> {
        let first = self.segment_of(from);
        let skip = self.segments[first].position_of(from);
        let entries = self.segments[first..].iter().flat_map(|segment| &segment.entries).skip(skip);
        entries.take_while(move |entry| entry.next_offset() <= end).map(|entry| &entry.batch)
    }

    /// The base offset of the segment that holds `offset`: the last one that does not start above it.
    pub fn segment_base(&self, offset: Offset) -> Offset {
        self.segments[self.segment_of(offset)].base_offset
    }

    /// All batches, oldest first; for audits.
    pub fn batches(&self) -> Records {
        let entries = self.segments.iter().flat_map(|segment| &segment.entries);
        Records(entries.map(|entry| Rc::clone(&entry.batch)).collect())
    }

    /// The number of batches and the last of them; for audits.
    pub fn tail(&self) -> (usize, Option<Rc<Batch>>) {
        let count = self.segments.iter().map(|segment| segment.entries.len()).sum();
        let last = self.segments.iter().rev().find_map(|segment| segment.entries.last());
        (count, last.map(|entry| Rc::clone(&entry.batch)))
    }

    /// The producer state of the log.
    pub fn producers(&self) -> &ProducerStates {
        &self.producers
    }

    /// See [`ProducerStates::remove_expired`].
    pub fn remove_expired_producers(&mut self, now_ms: i64, expiration_ms: i64) {
        self.producers.remove_expired(now_ms, expiration_ms);
    }

    /// Removes every file; the directory is flushed, as for Kafka's rename of a deleted log.
    pub fn delete(self, out: &mut Out) {
        for path in self.file_names() {
            out.push(Effect::Unlink { path: format!("{}/{path}", self.directory).into() });
        }
        out.push(Effect::FsyncDirectory);
    }

    /// Moves the log to a stray directory (§5.2).
    pub(super) fn set_aside(self, out: &mut Out) {
        let aside = paths::stray_directory(&self.directory, &self.topic_id.to_string());
        for path in self.file_names() {
            let to = format!("{aside}/{path}").into();
            out.push(Effect::Rename { from: format!("{}/{path}", self.directory).into(), to });
        }
        out.push(Effect::FsyncDirectory);
    }

    fn file_names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.segments.iter().map(|segment| format!("{:020}.log", segment.base_offset.0)).collect();
        if self.topic_id_file.is_written() {
            names.push("partition.metadata".to_owned());
        }
        if self.topic_id_file.is_in_background() {
            names.push("partition.metadata.scheduler.tmp".to_owned());
        }
        if self.epochs_written {
            names.push("leader-epoch-checkpoint".to_owned());
        }
        if self.epochs.is_being_rewritten() {
            names.push("leader-epoch-checkpoint.scheduler.tmp".to_owned());
        }
        names
    }

    /// Index of the segment of [`PartitionLog::segment_base`].
    fn segment_of(&self, offset: Offset) -> usize {
        self.segments.partition_point(|segment| segment.base_offset <= offset).saturating_sub(1)
    }

    fn active_mut(&mut self) -> &mut Segment {
        let last = self.segments.len() - 1;
        &mut self.segments[last]
    }
}
