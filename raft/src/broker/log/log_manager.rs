//! All logs of a broker: loading, background work, checkpoints, clean shutdown (controller-broker.md §5.2, §5.3,
//! §6.1, §6.9). There is one log directory.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::checkpoint_writer::CheckpointWriter;
use super::checkpoints::{OffsetCheckpoint, Offsets};
use super::clean_shutdown;
use super::partition_log::PartitionLog;
use super::partition_log_config::PartitionLogConfig;
use super::paths;
use super::recovery::{LastEnd, read_state, recover};
use crate::bugs::{Bug, Bugs};
use crate::ids::{BrokerEpoch, Offset, TopicIdPartition, Uuid};
use crate::io::{DurableFiles, Out};
use crate::log::LogError;

/// Work of the scheduler's thread for a log: a flush of rolled segments, or a file to be put in its place, or both.
/// Everything before it in the list is complete when it is finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackgroundTask {
    partition: TopicIdPartition,
    flush: Option<Flush>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Flush {
    up_to: Offset,
    truncations: u32,
}

/// The loaded logs that no partition has opened yet, and the state needed to open new ones.
#[derive(Clone, Debug)]
pub struct LogManager {
    config: PartitionLogConfig,
    loaded: BTreeMap<(Rc<str>, i32), PartitionLog>,
    checkpoints: CheckpointWriter,
    /// Effects of loading, executed when the first publish starts the log manager.
    at_start: Out,
    previous_broker_epoch: BrokerEpoch,
    started: bool,
    opened: u32,
}

impl LogManager {
    /// Reads everything that the disk holds. Nothing is changed before [`LogManager::start`].
    pub fn load(files: &dyn DurableFiles, config: PartitionLogConfig) -> Result<LogManager, LogError> {
        let marker = clean_shutdown::read_clean_shutdown(files);
        let mut at_start = Out::default();
        if marker.is_some() {
            clean_shutdown::delete(config.fixes, &mut at_start);
        }
        let recovery_points = OffsetCheckpoint::RecoveryPoint.read(files)?;
        let high_watermarks = OffsetCheckpoint::HighWatermark.read(files)?;
        let mut loaded = BTreeMap::new();
        let mut opened = 0;
        for directory in directories(files) {
            if paths::is_stray(&directory) {
                read_state(&directory, files, config.bugs)?;
            }
            let Some((topic, partition)) = paths::parse_directory(&directory) else { continue };
            let key: (Rc<str>, i32) = (topic.into(), partition);
            let of = |offsets: &Offsets| offsets.get(&key).copied().unwrap_or_default();
            let last_end = LastEnd { clean: marker.is_some(), recovery_point: of(&recovery_points) };
            let found = recover(&directory, files, last_end, opened, config, &mut at_start)?;
            opened += 1;
            // A log without topic id never had a record; its files are reused when it is opened.
            if let Some(found) = found {
                let log = PartitionLog::recovered(found, of(&high_watermarks));
                loaded.insert(key, log);
            }
        }
        let previous_broker_epoch = marker.unwrap_or(BrokerEpoch::UNKNOWN);
        Ok(LogManager {
            config,
            loaded,
            checkpoints: CheckpointWriter::new(config, high_watermarks),
            at_start,
            previous_broker_epoch,
            started: false,
            opened,
        })
    }

    /// The logs that no partition has opened yet, ascending by topic and partition.
    pub fn loaded(&self) -> impl Iterator<Item = (&Rc<str>, i32, &PartitionLog)> {
        self.loaded.iter().map(|((topic, partition), log)| (topic, *partition, log))
    }

    /// The epoch in the clean-shutdown marker found at boot; unknown after any other shutdown. It is sent in the
    /// registration (`PreviousBrokerEpoch`).
    pub fn previous_broker_epoch(&self) -> BrokerEpoch {
        self.previous_broker_epoch
    }

    /// Part of the first publish: executes the effects of recovery and renames stray logs, whose topic id is not in the
    /// image or which are not assigned to this broker.
    pub fn start(&mut self, is_assigned: impl Fn(TopicIdPartition) -> bool, out: &mut Out) {
        self.started = true;
        out.effects.append(&mut self.at_start.effects);
        let inverted = self.config.bugs.has(Bug::Kafka13127StrayDetectionInverted);
        let strays: Vec<_> = self
            .loaded
            .iter()
            .filter(|((_, partition), log)| {
                is_assigned(TopicIdPartition { topic_id: log.topic_id(), partition: *partition }) == inverted
            })
            .map(|(key, _)| key.clone())
            .collect();
        for stray in strays {
            if let Some(log) = self.loaded.remove(&stray) {
                log.set_aside(out);
            }
        }
    }

    /// Whether a start has found a log of the partition that is not yet opened, and not a stray.
    pub fn has_loaded(&self, topic: &str, id: TopicIdPartition) -> bool {
        self.loaded.get(&(topic.into(), id.partition)).is_some_and(|log| log.topic_id() == id.topic_id)
    }

    /// The log of a partition, loaded or new. A log of an older topic with the same name is removed (KAFKA-14190: ids
    /// decide, not names).
    pub fn open(&mut self, topic: &str, topic_id: Uuid, partition: i32, out: &mut Out) -> PartitionLog {
        let key: (Rc<str>, i32) = (topic.into(), partition);
        match self.loaded.remove(&key) {
            Some(log) if log.topic_id() == topic_id => return log,
            Some(older) => older.delete(out),
            None => {}
        }
        self.checkpoints.forget_high_watermark(&key, out);
        self.opened += 1;
        PartitionLog::create(paths::directory(topic, partition), topic_id, self.opened, self.config, out)
    }

    /// Work for the scheduler's thread, if the log has any.
    pub fn begin_background_work(
        partition: TopicIdPartition,
        log: &mut PartitionLog,
        out: &mut Out,
    ) -> Option<BackgroundTask> {
        if !log.has_background_work() {
            return None;
        }
        let rewrites = log.begin_small_files(out);
        let flush = log.take_flush_due().map(|up_to| Flush { up_to, truncations: log.flush(up_to, out) });
        (rewrites || flush.is_some()).then_some(BackgroundTask { partition, flush })
    }

    /// Writes a checkpoint; the caller passes all logs.
    pub fn write_checkpoint<'a>(
        &mut self,
        which: OffsetCheckpoint,
        logs: impl Iterator<Item = (&'a Rc<str>, i32, &'a PartitionLog)>,
        out: &mut Out,
    ) {
        self.checkpoints.write(which, offsets(which, logs, self.config.bugs), out);
    }

    /// The same for the scheduler's thread, which writes it by [`LogManager::checkpoints`].
    pub fn collect_checkpoint<'a>(
        &mut self,
        which: OffsetCheckpoint,
        logs: impl Iterator<Item = (&'a Rc<str>, i32, &'a PartitionLog)>,
    ) {
        self.checkpoints.collect(which, offsets(which, logs, self.config.bugs));
    }

    pub fn checkpoints(&mut self) -> &mut CheckpointWriter {
        &mut self.checkpoints
    }

    pub fn has_collected_checkpoints(&self) -> bool {
        self.checkpoints.has_collected()
    }

    /// A clean shutdown: every log is flushed and closed, then recovery points and start offsets are written, and the marker
    /// last. Of a directory that was not loaded in this run there are no logs: its checkpoints become empty, and a marker of the
    /// run before stays.
    pub fn shut_down<'a>(
        &mut self,
        logs: impl Iterator<Item = (&'a Rc<str>, i32, &'a mut PartitionLog)>,
        broker_epoch: BrokerEpoch,
        out: &mut Out,
    ) {
        let mut closed: Vec<(&Rc<str>, i32, &PartitionLog)> = Vec::new();
        for (topic, partition, log) in logs {
            let truncations = log.flush(log.end_offset(), out);
            log.flushed(log.end_offset(), truncations);
            log.write_topic_id(out);
            closed.push((topic, partition, log));
        }
        for which in [OffsetCheckpoint::RecoveryPoint, OffsetCheckpoint::LogStart] {
            self.write_checkpoint(which, closed.iter().copied(), out);
        }
        if self.started {
            clean_shutdown::write(broker_epoch, self.config.bugs, out);
        }
    }
}

impl BackgroundTask {
    pub fn partition(&self) -> TopicIdPartition {
        self.partition
    }

    /// The recovery point advances, and small files are put in their place. Returns whether the directory has to be forced.
    pub fn finish(self, log: &mut PartitionLog, out: &mut Out) -> bool {
        if let Some(Flush { up_to, truncations }) = self.flush {
            log.flushed(up_to, truncations);
        }
        log.finish_small_files(out)
    }
}

fn offsets<'a>(
    which: OffsetCheckpoint,
    logs: impl Iterator<Item = (&'a Rc<str>, i32, &'a PartitionLog)>,
    bugs: Bugs,
) -> Offsets {
    let offset_of = |log: &PartitionLog| match which {
        OffsetCheckpoint::HighWatermark if bugs.has(Bug::LogEndCheckpointed) => Some(log.end_offset()),
        OffsetCheckpoint::HighWatermark => Some(log.high_watermark()),
        OffsetCheckpoint::RecoveryPoint => Some(log.recovery_point()),
        // Kafka leaves out logs whose start offset was never advanced by deleting records.
        OffsetCheckpoint::LogStart => Some(log.start_offset()).filter(|start| *start > Offset(0)),
    };
    logs.filter_map(|(topic, partition, log)| Some(((Rc::clone(topic), partition), offset_of(log)?))).collect()
}

fn directories(files: &dyn DurableFiles) -> Vec<Rc<str>> {
    let paths = files.paths();
    let directories: BTreeSet<&str> =
        paths.iter().filter_map(|path| path.split_once('/')).map(|(directory, _)| directory).collect();
    directories.into_iter().map(Rc::from).collect()
}
