//! A log directory as a tool reads it: what Kafka's `DumpLogSegments` and metadata shell read, of a simulated node or of
//! a real one. Nothing is recovered or changed, and damage ends no reading: it is reported beside what can be read.
//!
//! * `log_directory`: [`LogDirectory`], the state files and partitions of a directory; start here
//! * `batches`: one file of batches; `found_record`: one record; `schema`: records without a type in this crate
//! * `damage`: what is wrong with a file
//! * `contents`: the metadata image that the directory holds
//! * `recovery`: the logs that a simulated node would find at its next boot

mod batches;
mod contents;
mod damage;
mod found_record;
mod log_directory;
mod recovery;
mod schema;
#[cfg(test)]
mod tests;

pub use batches::{BatchFile, Compression, FoundBatch};
pub use contents::Contents;
pub use damage::Damage;
pub use found_record::{FoundRecord, Meaning};
pub use log_directory::{LogDirectory, METADATA_DIRECTORY, PartitionDirectory};
pub use recovery::{RecoveredLog, RecoveredPartition, Recovery};
