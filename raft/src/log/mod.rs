//! The replicated log: batches, epochs, segments and `quorum-state`, as bytes on disk in
//! Kafka's formats (consensus.md §4 and §8).

use std::rc::Rc;

use smallvec::SmallVec;

use crate::bugs::Bugs;
use crate::fixes::Fixes;
use crate::ids::{LeaderEpoch, NodeId, Offset, OffsetAndEpoch, ReplicaKey};
use crate::io::{DurableFiles, Out};

/// One record batch, format v2; bytes shared by everyone who holds it.
#[derive(Debug)]
pub struct Batch {
    /// The whole batch, header and CRC included.
    pub bytes: Rc<[u8]>,
    /// First offset.
    pub base_offset: Offset,
    /// Last offset (inclusive).
    pub last_offset: Offset,
    /// `partitionLeaderEpoch`.
    pub epoch: LeaderEpoch,
    /// Attribute bit 5.
    pub control: bool,
    /// xxh3-64 of `bytes`.
    pub hash: u64,
}

/// Whole batches in offset order; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Records(pub SmallVec<[Rc<Batch>; 1]>);

impl PartialEq for Records {
    fn eq(&self, other: &Records) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| a.hash == b.hash)
    }
}
impl Eq for Records {}

/// Answer of [`RaftLog::validate_offset_and_epoch`] (consensus.md §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validation {
    /// Serve from there.
    Valid,
    /// The logs part at or before this.
    Diverging(OffsetAndEpoch),
}

/// Content of `quorum-state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElectionState {
    /// Current epoch.
    pub epoch: LeaderEpoch,
    /// Leader of that epoch, if known.
    pub leader_id: Option<NodeId>,
    /// Vote in that epoch, if given.
    pub voted: Option<ReplicaKey>,
}

/// Why a log or a state file cannot be opened, or an operation is refused; fatal to the process.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LogError(pub String);

/// Sizes that matter to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// `metadata.log.segment.bytes` or its internal, lower override.
    pub segment_bytes: u64,
    /// `metadata.log.segment.ms`.
    pub segment_ms: i64,
    /// Switches.
    pub bugs: Bugs,
    /// Switches.
    pub fixes: Fixes,
}

/// Kafka's `KafkaRaftLog` over `UnifiedLog`: what the raft client asks of its log.
#[derive(Clone, Debug)]
pub struct RaftLog {
    _todo: (),
}

#[expect(unused_variables, reason = "contract skeleton; the log helper fills it")]
impl RaftLog {
    /// Recovers from bytes: CRC of every batch, cut at the first bad byte, later segments dropped.
    pub fn open(files: &dyn DurableFiles, config: LogConfig, out: &mut Out) -> Result<RaftLog, LogError> {
        todo!()
    }
    pub fn start_offset(&self) -> Offset {
        todo!()
    }
    pub fn end_offset(&self) -> Offset {
        todo!()
    }
    /// `lastFetchedEpoch`
    pub fn last_fetched_epoch(&self) -> LeaderEpoch {
        todo!()
    }
    /// The log's own high watermark; its start until told better.
    pub fn high_watermark(&self) -> Offset {
        todo!()
    }
    pub fn update_high_watermark(&mut self, offset: Offset) {
        todo!()
    }
    /// Leader append: epoch-cache entry (D6), partition.metadata (D7), roll, write. Not flushed.
    pub fn append_as_leader(&mut self, batch: &Rc<Batch>, now_ms: i64, out: &mut Out) -> Result<(), LogError> {
        todo!()
    }
    /// Follower append of a fetched batch list; batches above `current_epoch` and all after them
    /// are skipped (KAFKA-18723); a corrupt list is dropped whole (`Ok(false)`), out-of-order
    /// offsets are fatal. Not flushed. `Ok(true)` if something was written.
    pub fn append_as_follower(
        &mut self,
        records: &Records,
        current_epoch: LeaderEpoch,
        now_ms: i64,
        out: &mut Out,
    ) -> Result<bool, LogError> {
        todo!()
    }
    /// Epoch cache `assign(epoch, offset)`: durable before it returns to the caller's next effect.
    pub fn assign_epoch_start(&mut self, epoch: LeaderEpoch, offset: Offset, out: &mut Out) {
        todo!()
    }
    /// Fsync of everything written since the last flush (segments, directory for new ones).
    pub fn flush(&mut self, out: &mut Out) {
        todo!()
    }
    /// Is anything written and not flushed?
    pub fn is_dirty(&self) -> bool {
        todo!()
    }
    /// consensus.md §4.2 `endOffsetForEpoch` (raft wrapper).
    pub fn end_offset_for_epoch(&self, epoch: LeaderEpoch) -> OffsetAndEpoch {
        todo!()
    }
    /// consensus.md §4.3.
    pub fn validate_offset_and_epoch(&self, offset: Offset, epoch: LeaderEpoch) -> Validation {
        todo!()
    }
    /// consensus.md §4.4: cuts to where the logs part; returns the new end. Cutting below the high
    /// watermark is an error (fatal), unless the bug says otherwise.
    pub fn truncate_to_end_offset(&mut self, diverging: OffsetAndEpoch, out: &mut Out) -> Result<Offset, LogError> {
        todo!()
    }
    /// Whole batches from the batch containing `from`, up to `max_bytes` but at least one, none at
    /// or above `end` (exclusive; pass `end_offset()` for an uncommitted read). Empty at the end.
    pub fn read(&self, from: Offset, end: Offset, max_bytes: u32) -> Records {
        todo!()
    }
    /// All batches, oldest first.
    pub fn batches(&self) -> Records {
        todo!()
    }
}

/// Reads `quorum-state`; `Ok(None)` if absent.
#[expect(unused_variables, reason = "contract skeleton")]
pub fn read_election_state(files: &dyn DurableFiles) -> Result<Option<ElectionState>, LogError> {
    todo!()
}

/// Writes `quorum-state` version 0 (kraft.version 0): temp file, fsync, rename, directory fsync.
#[expect(unused_variables, reason = "contract skeleton")]
pub fn write_election_state(state: &ElectionState, voters: &[NodeId], out: &mut Out) {
    todo!()
}
