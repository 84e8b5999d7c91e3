//! The controller's interface to raft, after Kafka's `RaftClient` and its listener: appends in two steps, commits, and
//! leader changes (controller-broker.md §2.2, §2.4).

use crate::ids::{LeaderEpoch, NodeId, Offset, OffsetAndEpoch};
use crate::io::{DialogueEntry, Effect, Post, ThreadName};
use crate::message::ErrorCode;
use crate::metadata::{MetadataRecord, MetadataVersion};
use crate::quorum::RaftClient;
use crate::quorum::accumulator::AppendError;
use crate::quorum::client::ListenerItem;
use crate::snapshot::{BOOTSTRAP_SNAPSHOT_ID, Snapshot, snapshot_path};
use crate::step::{Fatal, Step};

/// A committed batch, with decoded records; a batch of control records has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedBatch {
    pub base_offset: Offset,
    pub last_offset: Offset,
    /// Consists of control records; it advances offsets only.
    pub control: bool,
    /// One per offset.
    pub records: Vec<MetadataRecord>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RaftEvent {
    /// `handleCommit`; `ordinal` identifies it when it is closed.
    Commit {
        /// In order.
        batches: Vec<CommittedBatch>,
        /// For [`MetadataLog::close_commit`].
        ordinal: u64,
    },
    /// `handleLoadSnapshot`: all state is replaced.
    LoadSnapshot {
        /// End and epoch of the log that it contains.
        id: OffsetAndEpoch,
        /// Of its image.
        records: Vec<MetadataRecord>,
    },
    /// `handleLeaderChange`
    LeaderChange {
        /// `None` if unknown to this node.
        leader: Option<NodeId>,
        /// Of the quorum.
        epoch: LeaderEpoch,
    },
}

/// The metadata log, as used by the controller.
pub trait MetadataLog {
    /// Assigns offsets to the records, all in one batch, without releasing it; returns the last offset.
    /// `metadata_version` selects the record versions.
    fn prepare_append(
        &mut self,
        epoch: LeaderEpoch,
        records: &[MetadataRecord],
        metadata_version: i16,
        step: &mut Step<'_>,
    ) -> Result<Offset, AppendError>;
    /// Releases what is prepared; false if this is no leader any more.
    fn schedule_prepared_append(&mut self, step: &mut Step<'_>) -> bool;
    /// Offset of the next record.
    fn end_offset(&mut self) -> Offset;
    /// Resigns as leader of this epoch.
    fn resign(&mut self, epoch: LeaderEpoch, step: &mut Step<'_>);
    /// Begins the upgrade of `kraft.version` to a level, or only checks whether it may
    /// (`KRaftVersionAccessor.upgradeKRaftVersion`).
    fn upgrade_kraft_version(
        &mut self,
        epoch: LeaderEpoch,
        level: i16,
        validate_only: bool,
        step: &mut Step<'_>,
    ) -> Result<(), ErrorCode>;
    /// The event that the next post announced. A record that cannot be read is fatal.
    fn take_event(&mut self, step: &mut Step<'_>) -> Result<Option<RaftEvent>, Fatal>;
    /// A commit was read completely.
    fn close_commit(&mut self, ordinal: u64, end: Offset, step: &mut Step<'_>);
}

/// The production implementation: the raft client of this node.
pub struct ReplicaLog<'a> {
    raft: &'a mut RaftClient,
}

impl<'a> ReplicaLog<'a> {
    pub fn new(raft: &'a mut RaftClient) -> ReplicaLog<'a> {
        ReplicaLog { raft }
    }

    fn needs_drain(&mut self, step: &Step<'_>) -> bool {
        self.raft.accumulator_mut().is_some_and(|accumulator| accumulator.needs_drain(step.now_ms()))
    }

    fn read(&self, item: ListenerItem) -> Result<Option<RaftEvent>, Fatal> {
        let (records, ordinal) = match item {
            ListenerItem::Commit { records, ordinal } => (records, ordinal),
            ListenerItem::LeaderChange { leader, epoch } => return Ok(Some(RaftEvent::LeaderChange { leader, epoch })),
            // `handleLoadBootstrap`: the first active controller writes these records. Here they are in its settings.
            ListenerItem::Snapshot { id: BOOTSTRAP_SNAPSHOT_ID, .. } => return Ok(None),
            ListenerItem::Snapshot { id, bytes } => {
                let snapshot = Snapshot::read(id, &bytes, self.raft.bugs())
                    .map_err(|error| Fatal::from(format!("{} cannot be read: {error}", snapshot_path(id))))?;
                let records = snapshot.metadata_records().map(|(_, record)| record.clone()).collect();
                return Ok(Some(RaftEvent::LoadSnapshot { id, records }));
            }
            // Sent by one of the bugs only, not by Kafka.
            ListenerItem::Appended { .. } => return Ok(None),
        };
        let mut batches = Vec::with_capacity(records.0.len());
        for batch in &records.0 {
            let records = batch.metadata_records().map_err(|error| {
                Fatal::from(format!("the batch at offset {} cannot be read: {error}", batch.base_offset))
            })?;
            let records = records.map(|(_, record)| record.clone()).collect();
            let (base_offset, last_offset, control) = (batch.base_offset, batch.last_offset, batch.control);
            batches.push(CommittedBatch { base_offset, last_offset, control, records });
        }
        Ok(Some(RaftEvent::Commit { batches, ordinal }))
    }
}

impl MetadataLog for ReplicaLog<'_> {
    fn prepare_append(
        &mut self,
        epoch: LeaderEpoch,
        records: &[MetadataRecord],
        metadata_version: i16,
        step: &mut Step<'_>,
    ) -> Result<Offset, AppendError> {
        let now_ms = step.now_ms();
        let version = MetadataVersion(metadata_version);
        let frames =
            records.iter().map(|record| record.frame(record.version_for(version)).map(|frame| frame.to_vec().into()));
        // A field that the finalized version does not contain: the controller never sets one.
        let frames: Vec<Box<[u8]>> = frames.collect::<Result<_, _>>().map_err(|_| AppendError::TooLarge)?;
        // The raft thread has no deadline yet for the prepared batch.
        let mut was_empty = false;
        let prepared = match self.raft.accumulator_mut() {
            Some(accumulator) => {
                was_empty = accumulator.time_until_drain_ms(now_ms) == i64::MAX;
                accumulator.prepare_append_records(now_ms, epoch, &frames)
            }
            None => Err(AppendError::NotLeader),
        };
        step.out.record(|| {
            let result = prepared.map_err(|error| format!("{error:?}"));
            DialogueEntry::Prepared { epoch, records: frames.clone(), result }
        });
        if prepared.is_ok() && (was_empty || self.needs_drain(step)) {
            wake_raft(step);
        }
        if prepared == Err(AppendError::NotLeader) {
            self.raft.refused_write(frames);
        }
        prepared
    }

    fn schedule_prepared_append(&mut self, step: &mut Step<'_>) -> bool {
        let accumulator = self.raft.accumulator_mut();
        step.out.record(|| DialogueEntry::Scheduled { is_leader: accumulator.is_some() });
        let Some(accumulator) = accumulator else { return false };
        accumulator.schedule_prepared_append();
        if self.needs_drain(step) {
            wake_raft(step);
        }
        true
    }

    fn end_offset(&mut self) -> Offset {
        let prepared = self.raft.accumulator_mut().map(|accumulator| accumulator.next_offset());
        prepared.unwrap_or_else(|| self.raft.log().end_offset())
    }

    fn resign(&mut self, epoch: LeaderEpoch, step: &mut Step<'_>) {
        self.raft.resign(epoch, step);
    }

    fn take_event(&mut self, step: &mut Step<'_>) -> Result<Option<RaftEvent>, Fatal> {
        let Some(item) = self.raft.take_delivery(ThreadName::ControllerEventQueue) else { return Ok(None) };
        match &item {
            ListenerItem::Commit { records, .. } => {
                step.out.record(|| DialogueEntry::HandlesCommit { records: records.clone() });
            }
            ListenerItem::LeaderChange { leader, epoch } => {
                let log_end = self.end_offset();
                step.out.record(|| DialogueEntry::HandlesLeaderChange { leader: *leader, epoch: *epoch, log_end });
            }
            ListenerItem::Snapshot { id, bytes } => {
                step.out.record(|| DialogueEntry::HandlesLoadSnapshot { id: *id, bytes: bytes.clone() });
            }
            ListenerItem::Appended { .. } => {}
        }
        self.read(item)
    }

    fn upgrade_kraft_version(
        &mut self,
        epoch: LeaderEpoch,
        level: i16,
        validate_only: bool,
        step: &mut Step<'_>,
    ) -> Result<(), ErrorCode> {
        let result = self.raft.upgrade_kraft_version(epoch, level, validate_only, step).map(|_| ());
        step.out.record(|| DialogueEntry::KRaftVersionUpgraded { epoch, level, validate_only, result });
        result
    }

    fn close_commit(&mut self, ordinal: u64, end: Offset, step: &mut Step<'_>) {
        self.raft.close_delivery(ThreadName::ControllerEventQueue, ordinal, end, step);
    }
}

fn wake_raft(step: &mut Step<'_>) {
    step.out.push(Effect::Post { thread: ThreadName::RaftIo, post: Post::WakeUp });
}
