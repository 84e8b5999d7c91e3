//! The logs that a simulated node would find in a directory at its next boot, by the code that it boots with. Logs with
//! batches that no simulated producer writes, compressed or transactional ones, are left out: the model's log ends there.

use std::rc::Rc;

use super::batches::{Compression, FoundBatch};
use super::log_directory::{LogDirectory, PartitionDirectory};
use crate::broker::log::{LogManager, PartitionLogConfig};
use crate::bugs::Bugs;
use crate::fixes::Fixes;
use crate::ids::{Offset, OffsetAndEpoch, Uuid};
use crate::io::{DurableFiles, Now, Out};
use crate::log::{LogConfig, LogError, RaftLog};

/// See the module's documentation. An error ends the boot.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// `None` if there is no metadata partition.
    pub metadata: Option<Result<RecoveredLog, LogError>>,
    /// Ascending by topic and partition.
    pub data: Result<Vec<RecoveredPartition>, LogError>,
    /// The directories that are left out.
    pub not_simulated: Vec<Rc<str>>,
}

/// A log after recovery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveredLog {
    pub start: Offset,
    pub end: Offset,
    pub epochs: Vec<OffsetAndEpoch>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveredPartition {
    pub topic: Rc<str>,
    pub partition: i32,
    pub topic_id: Uuid,
    pub log: RecoveredLog,
    pub recovery_point: Offset,
    pub high_watermark: Offset,
}

impl Recovery {
    /// What a boot would find. It writes nothing.
    pub fn of(files: &dyn DurableFiles, directory: &LogDirectory) -> Recovery {
        let is_foreign = |batch: &FoundBatch| batch.is_transactional || batch.compression != Compression::None;
        let has_foreign = |partition: &&PartitionDirectory| {
            partition.segments.iter().flat_map(|segment| &segment.batches).any(is_foreign)
        };
        let foreign = directory.partitions.iter().filter(has_foreign);
        let not_simulated: Vec<Rc<str>> = foreign.map(|partition| Rc::clone(&partition.directory)).collect();
        let simulated = |log: &RecoveredPartition| {
            let directory = format!("{}-{}", log.topic, log.partition);
            !not_simulated.iter().any(|other| **other == *directory)
        };
        let data = data(files).map(|logs| logs.into_iter().filter(simulated).collect());
        Recovery { metadata: directory.metadata().map(|_| metadata(files)), data, not_simulated }
    }
}

fn metadata(files: &dyn DurableFiles) -> Result<RecoveredLog, LogError> {
    // The sizes matter only to later appends.
    let config = LogConfig { segment_bytes: 1 << 30, segment_ms: i64::MAX, bugs: Bugs::NONE, fixes: Fixes::NONE };
    let log = RaftLog::open(files, config, Now::default(), &mut Out::default())?;
    Ok(RecoveredLog { start: log.start_offset(), end: log.end_offset(), epochs: log.epoch_starts().to_vec() })
}

fn data(files: &dyn DurableFiles) -> Result<Vec<RecoveredPartition>, LogError> {
    let (segment_bytes, segment_ms, max_message_bytes) = (1 << 30, i64::MAX, usize::MAX);
    let config =
        PartitionLogConfig { segment_bytes, segment_ms, max_message_bytes, bugs: Bugs::NONE, fixes: Fixes::NONE };
    let manager = LogManager::load(files, config)?;
    let recovered = |(topic, partition, log): (&Rc<str>, i32, &crate::broker::log::PartitionLog)| RecoveredPartition {
        topic: Rc::clone(topic),
        partition,
        topic_id: log.topic_id(),
        log: RecoveredLog { start: log.start_offset(), end: log.end_offset(), epochs: log.epoch_starts().to_vec() },
        recovery_point: log.recovery_point(),
        high_watermark: log.high_watermark(),
    };
    Ok(manager.loaded().map(recovered).collect())
}
