//! What an operation on the controller's state gives: records to write, and an answer for when
//! they are committed (controller-broker.md §2.2).

use crate::ids::NodeId;
use crate::message::ErrorCode;
use crate::metadata::MetadataRecord;

/// Kafka's `maxRecordsPerBatch`, and the limit of one user operation.
pub const MAX_RECORDS_PER_BATCH: usize = 10_000;

/// What an operation runs when the offset of its last record is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndOffsetHook {
    /// Nothing.
    None,
    /// The broker waits until all others have published this offset (§3.3).
    ControlledShutdown(NodeId),
    /// Activation is complete (§2.8).
    StartPeriodicTasks,
}

/// Kafka's `ControllerResult`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControllerResult<T> {
    /// To be written; may be none.
    pub records: Vec<MetadataRecord>,
    /// Told once they are committed.
    pub response: T,
    /// All in one batch.
    pub atomic: bool,
    /// See there.
    pub hook: EndOffsetHook,
}

impl<T> ControllerResult<T> {
    /// Each batch of records stands for itself.
    pub fn of(records: Vec<MetadataRecord>, response: T) -> ControllerResult<T> {
        ControllerResult { records, response, atomic: false, hook: EndOffsetHook::None }
    }

    /// All or nothing.
    pub fn atomic(records: Vec<MetadataRecord>, response: T) -> ControllerResult<T> {
        ControllerResult { atomic: true, ..ControllerResult::of(records, response) }
    }

    /// With another answer.
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> ControllerResult<U> {
        let ControllerResult { records, response, atomic, hook } = self;
        ControllerResult { records, response: map(response), atomic, hook }
    }
}

/// The bounded list of a user's operation: too long is an answer, not a fault (§2.2).
pub fn bounded<T>(result: ControllerResult<T>) -> Result<ControllerResult<T>, ErrorCode> {
    if result.records.len() > MAX_RECORDS_PER_BATCH { Err(ErrorCode::PolicyViolation) } else { Ok(result) }
}
