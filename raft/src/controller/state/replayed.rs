//! A state and the metadata transaction that may be open in it (KIP-868, controller-broker.md §2.7).
//!
//! A rollback also resets the start of the transaction, unlike Kafka (§2.7, trap).

use super::{ControllerState, ReplayError};
use crate::bugs::Bugs;
use crate::fixes::Fixes;
use crate::ids::Offset;
use crate::metadata::MetadataRecord;

#[derive(Clone, Debug, PartialEq, Eq)]
struct OpenTransaction {
    /// Offset of its BeginTransaction record.
    start: Offset,
    before: Box<ControllerState>,
}

/// The replayed records up to some offset, those of an open transaction included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayedState {
    state: ControllerState,
    transaction: Option<OpenTransaction>,
    bugs: Bugs,
    fixes: Fixes,
}

impl ReplayedState {
    /// The state of an empty log.
    pub fn new(bugs: Bugs, fixes: Fixes) -> ReplayedState {
        ReplayedState { state: ControllerState::default(), transaction: None, bugs, fixes }
    }

    /// The state with all records, those of an open transaction included.
    pub fn newest(&self) -> &ControllerState {
        &self.state
    }

    /// The state without the records of an open transaction.
    pub fn stable(&self) -> &ControllerState {
        self.transaction.as_ref().map_or(&self.state, |transaction| &transaction.before)
    }

    /// Offset of the BeginTransaction record of the open transaction.
    pub fn transaction_start(&self) -> Option<Offset> {
        self.transaction.as_ref().map(|transaction| transaction.start)
    }

    /// Replays the record at `offset`.
    pub fn replay(&mut self, record: &MetadataRecord, offset: Offset) -> Result<(), ReplayError> {
        let error = |why: &str| Err(ReplayError { record: record.name(), offset, why: why.to_owned() });
        match record {
            MetadataRecord::BeginTransaction(_) => {
                if self.transaction.is_some() {
                    return error("a transaction is open already");
                }
                self.transaction = Some(OpenTransaction { start: offset, before: Box::new(self.state.clone()) });
                Ok(())
            }
            MetadataRecord::EndTransaction(_) => match self.transaction.take() {
                Some(_) => Ok(()),
                None => error("no transaction is open"),
            },
            MetadataRecord::AbortTransaction(_) => match self.transaction.take() {
                Some(transaction) => {
                    self.state = *transaction.before;
                    Ok(())
                }
                None => error("no transaction is open"),
            },
            _ => self.state.replay(record, offset, (self.bugs, self.fixes)),
        }
    }
}
