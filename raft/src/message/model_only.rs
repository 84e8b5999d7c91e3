//! Model only: Kafka has no such RPCs. They replace the operations of `QuorumController`: a client sends records to the
//! leader and is answered once they are committed, and reads committed records from any replica.

use smallvec::SmallVec;

use super::ErrorCode;
use crate::ids::{LeaderEpoch, NodeId, Offset};

/// Append these values as one atomic batch (one `prepareAppend`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendRecordsRequest {
    /// Unique over a run; each becomes one record.
    pub values: SmallVec<[u64; 4]>,
}

/// Sent when the high watermark has passed the batch, or when another leader's records are at its offsets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendRecordsResponse {
    /// `None`: committed. `NotController`: the outcome is unknown if the records were accepted.
    pub error: ErrorCode,
    /// Whether the records entered the accumulator before the error: an error with `false` is a definite failure.
    pub accepted: bool,
    /// Offset of the first record, if committed; else -1.
    pub base_offset: Offset,
    /// The leader, as known to the responder's state machine.
    pub leader_id: Option<NodeId>,
    pub leader_epoch: LeaderEpoch,
}

/// Read committed records from `from`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadRecordsRequest {
    pub from: Offset,
    pub max_records: u16,
}

/// Committed records of the replica's state machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadRecordsResponse {
    /// Always `None`.
    pub error: ErrorCode,
    /// (offset, value) of data records, ascending; control records leave gaps.
    pub records: SmallVec<[(Offset, u64); 2]>,
    /// One past the last offset the state machine has applied.
    pub applied_end: Offset,
}
