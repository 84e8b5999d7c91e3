//! Model only: Kafka has no such RPCs. They stand where `QuorumController`'s operations will:
//! a client hands records to the leader and is answered once they are committed, and reads
//! committed records back from any replica.

use smallvec::SmallVec;

use super::ErrorCode;
use crate::ids::{LeaderEpoch, NodeId, Offset};

/// Append these values as one atomic batch (one `prepareAppend`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendRecordsRequest {
    /// Unique over a run; each becomes one record.
    pub values: SmallVec<[u64; 4]>,
}

/// Answered when the high watermark passed the batch, or when it is known not to be ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendRecordsResponse {
    /// `None`: committed. `NotController`: unknown outcome once the records were accepted.
    pub error: ErrorCode,
    /// Whether the records entered the accumulator before the error: an error with `false`
    /// is a definite failure.
    pub accepted: bool,
    /// Offset of the first record, if committed; else -1.
    pub base_offset: Offset,
    /// Who leads, as far as the responder's state machine knows.
    pub leader_id: Option<NodeId>,
    /// Its epoch.
    pub leader_epoch: LeaderEpoch,
}

/// Read committed records from `from`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadRecordsRequest {
    /// First offset wanted.
    pub from: Offset,
    /// At most so many records.
    pub max_records: u16,
}

/// Committed records as the replica's state machine holds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadRecordsResponse {
    /// Always `None` so far.
    pub error: ErrorCode,
    /// (offset, value) of data records, ascending; control records leave gaps.
    pub records: SmallVec<[(Offset, u64); 2]>,
    /// One past the last offset the state machine has applied.
    pub applied_end: Offset,
}
