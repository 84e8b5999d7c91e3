//! Snapshots of the metadata log: their names, and their bytes in Kafka's format (consensus.md §5, §8.6).
//!
//! * `file_name`: the names of a snapshot's files; [`writer`]: builds one from records; [`reader`]: reads one
//! * [`raw_writer`]: its file while it is written; [`generator`]: when a node creates one

pub(crate) mod file_name;
pub mod generator;
pub mod raw_writer;
pub mod reader;
pub mod writer;

#[cfg(test)]
mod tests;

pub use file_name::{SnapshotFile, deleted_path, partial_path, snapshot_path};
pub use generator::SnapshotGenerator;
pub use raw_writer::RawSnapshotWriter;
pub use reader::{Snapshot, SnapshotError};
pub use writer::SnapshotWriter;

use crate::ids::{LeaderEpoch, Offset, OffsetAndEpoch};

/// The id of the snapshot that the format tool writes (`Snapshots.BOOTSTRAP_SNAPSHOT_ID`).
pub const BOOTSTRAP_SNAPSHOT_ID: OffsetAndEpoch = OffsetAndEpoch { offset: Offset(0), epoch: LeaderEpoch(0) };
