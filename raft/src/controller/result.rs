//! The result of an operation on the controller's state: records to write, and a response for when they are committed
//! (controller-broker.md §2.2).

use crate::ids::NodeId;
use crate::message::ErrorCode;
use crate::metadata::MetadataRecord;

/// Kafka's `maxRecordsPerBatch`, and the limit of one client operation.
pub const MAX_RECORDS_PER_BATCH: usize = 10_000;

/// An action that runs when the offset of the operation's last record is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndOffsetHook {
    None,
    /// The broker's controlled shutdown waits until all others have published this offset (§3.3).
    ControlledShutdown(NodeId),
    /// Activation is complete (§2.8).
    StartPeriodicTasks,
}

/// Kafka's `ControllerResult`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControllerResult<T> {
    pub records: Vec<MetadataRecord>,
    /// Sent once the records are committed.
    pub response: T,
    /// All records in one batch.
    pub atomic: bool,
    pub hook: EndOffsetHook,
}

impl<T> ControllerResult<T> {
    /// A result whose records may be split into several batches.
    pub fn of(records: Vec<MetadataRecord>, response: T) -> ControllerResult<T> {
        ControllerResult { records, response, atomic: false, hook: EndOffsetHook::None }
    }

    /// A result whose records form one batch.
    pub fn atomic(records: Vec<MetadataRecord>, response: T) -> ControllerResult<T> {
        ControllerResult { atomic: true, ..ControllerResult::of(records, response) }
    }

    /// Replaces the response.
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> ControllerResult<U> {
        let ControllerResult { records, response, atomic, hook } = self;
        ControllerResult { records, response: map(response), atomic, hook }
    }
}

/// Limits the records of a client operation: too many are an error response, not a fault (§2.2).
pub fn bounded<T>(result: ControllerResult<T>) -> Result<ControllerResult<T>, ErrorCode> {
    if result.records.len() > MAX_RECORDS_PER_BATCH { Err(ErrorCode::PolicyViolation) } else { Ok(result) }
}
