//! Reads the bytes of a snapshot (`RecordsSnapshotReader`, `RecordsIterator`).

use std::rc::Rc;

use crate::bugs::{Bug, Bugs};
use crate::ids::{Offset, OffsetAndEpoch};
use crate::log::{Batch, BatchError, ControlRecord};
use crate::metadata::MetadataRecord;

/// A snapshot, read and checked.
#[derive(Clone, Debug)]
pub struct Snapshot {
    id: OffsetAndEpoch,
    last_contained_log_timestamp_ms: i64,
    batches: Vec<Rc<Batch>>,
}

/// Why bytes are not a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// A batch cannot be read; where in the file, in bytes.
    #[error("at byte {at}: {error}")]
    Batch { at: usize, error: BatchError },
    /// A control batch comes first, and its first record is the header.
    #[error("it does not begin with a snapshot header")]
    NoHeader,
}

impl Snapshot {
    /// As [`Snapshot::of_control_only`], and decodes the metadata records.
    pub fn read(id: OffsetAndEpoch, bytes: &[u8], bugs: Bugs) -> Result<Snapshot, SnapshotError> {
        let snapshot = Snapshot::of_control_only(id, bytes, bugs)?;
        let mut at = 0;
        for batch in &snapshot.batches {
            batch.metadata_records().map(drop).map_err(|error| SnapshotError::Batch { at, error })?;
            at += batch.bytes.len();
        }
        Ok(snapshot)
    }

    /// Checks every batch and its CRC, the control records, and the header (`RecordsSnapshotReader.ofControlOnly`). As in Kafka,
    /// that there is a footer is not checked: a snapshot gets its name when it is complete.
    pub fn of_control_only(id: OffsetAndEpoch, bytes: &[u8], bugs: Bugs) -> Result<Snapshot, SnapshotError> {
        // M06, KAFKA-14104
        let parse = match bugs.has(Bug::Kafka14104SnapshotChecksumIgnored) {
            true => Batch::parse_unchecked,
            false => Batch::parse,
        };
        let mut batches = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let (batch, size) = parse(&bytes[at..]).map_err(|error| SnapshotError::Batch { at, error })?;
            batch.control_records().map_err(|error| SnapshotError::Batch { at, error })?;
            batches.push(Rc::new(batch));
            at += size;
        }
        let header = batches.first().and_then(|batch| batch.control_records().ok()?.into_iter().next());
        match header {
            Some(ControlRecord::SnapshotHeader { last_contained_log_timestamp_ms }) => {
                Ok(Snapshot { id, last_contained_log_timestamp_ms, batches })
            }
            _ => Err(SnapshotError::NoHeader),
        }
    }

    /// The timestamp in the header of a snapshot, of which only that is read (`Snapshots.lastContainedLogTimestamp`).
    pub fn timestamp_ms(bytes: &[u8]) -> Result<i64, SnapshotError> {
        let (first, _) = Batch::parse(bytes).map_err(|error| SnapshotError::Batch { at: 0, error })?;
        let records = first.control_records().map_err(|error| SnapshotError::Batch { at: 0, error })?;
        match records.first() {
            Some(ControlRecord::SnapshotHeader { last_contained_log_timestamp_ms }) => {
                Ok(*last_contained_log_timestamp_ms)
            }
            _ => Err(SnapshotError::NoHeader),
        }
    }

    /// The end offset (exclusive) and the epoch of the log that it replaces.
    pub fn id(&self) -> OffsetAndEpoch {
        self.id
    }

    /// Timestamp of the last batch that it contains, in ms.
    pub fn last_contained_log_timestamp_ms(&self) -> i64 {
        self.last_contained_log_timestamp_ms
    }

    /// The control records, in order: among them the level of `kraft.version` and the voters, if it is above 0.
    pub fn control_records(&self) -> impl Iterator<Item = ControlRecord> {
        self.batches.iter().flat_map(|batch| batch.control_records().unwrap_or_default())
    }

    /// The metadata records, in order, with their offsets in the snapshot.
    pub fn metadata_records(&self) -> impl Iterator<Item = (Offset, &MetadataRecord)> {
        self.batches.iter().flat_map(|batch| batch.metadata_records().into_iter().flatten())
    }
}
