//! The state files and partitions of a log directory.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::batches::{BatchFile, FoundBatch};
use super::damage::Damage;
use super::found_record::Kind;
use crate::broker::log::{CLEAN_SHUTDOWN_FILE, OffsetCheckpoint, read_clean_shutdown};
use crate::bugs::Bugs;
use crate::ids::{BrokerEpoch, Offset, OffsetAndEpoch, Uuid};
use crate::io::DurableFiles;
use crate::log::{
    ElectionState, EpochCache, LogError, META_PROPERTIES, MetaProperties, QUORUM_STATE, read_election_state,
    read_meta_properties, read_topic_id,
};

/// The directory of the metadata partition.
pub const METADATA_DIRECTORY: &str = "__cluster_metadata-0";
/// The records that `kafka-storage format` leaves for the first active controller.
const BOOTSTRAP_CHECKPOINT: &str = "bootstrap.checkpoint";

const TOPIC_ID: &str = "partition.metadata";
const EPOCHS: &str = "leader-epoch-checkpoint";

/// By topic and partition.
pub type OffsetsOfPartitions = BTreeMap<(Rc<str>, i32), Offset>;

/// All that a log directory holds.
#[derive(Clone, Debug, Default)]
pub struct LogDirectory {
    pub meta_properties: Option<MetaProperties>,
    pub quorum_state: Option<ElectionState>,
    /// `.kafka_cleanshutdown`
    pub clean_shutdown: Option<BrokerEpoch>,
    /// Those that exist: their file name, and an offset for each topic and partition.
    pub offset_checkpoints: Vec<(&'static str, OffsetsOfPartitions)>,
    /// Snapshots of the metadata, and `bootstrap.checkpoint`.
    pub snapshots: Vec<BatchFile>,
    /// Ascending by directory; the metadata partition among them.
    pub partitions: Vec<PartitionDirectory>,
    /// Files that are named only, such as indexes.
    pub not_read: Vec<Rc<str>>,
    pub damage: Vec<Damage>,
}

/// The directory of a partition.
#[derive(Clone, Debug)]
pub struct PartitionDirectory {
    /// Its name.
    pub directory: Rc<str>,
    /// `partition.metadata`
    pub topic_id: Option<Uuid>,
    /// `leader-epoch-checkpoint`
    pub epochs: Vec<OffsetAndEpoch>,
    /// Ascending by base offset.
    pub segments: Vec<BatchFile>,
}

impl LogDirectory {
    /// Reads everything. `None`: nothing in it is a file of Kafka's.
    pub fn read(files: &dyn DurableFiles) -> Option<LogDirectory> {
        let mut found = LogDirectory::default();
        let mut rest: BTreeSet<Rc<str>> = files.paths().into_iter().collect();
        found.state_files(files, &mut rest);
        let directories: BTreeSet<Rc<str>> = rest
            .iter()
            .filter_map(|path| path.split_once('/'))
            .filter(|(directory, file)| is_partition(directory) && is_of_a_log(file))
            .map(|(directory, _)| directory.into())
            .collect();
        for directory in directories {
            found.partition(&directory, files, &mut rest);
        }
        let is_any = found.meta_properties.is_some() || !found.partitions.is_empty() || !found.damage.is_empty();
        found.not_read = rest.into_iter().collect();
        is_any.then_some(found)
    }

    /// The metadata partition, if it is here.
    pub fn metadata(&self) -> Option<&PartitionDirectory> {
        self.partitions.iter().find(|partition| partition.is_metadata())
    }

    fn state_files(&mut self, files: &dyn DurableFiles, rest: &mut BTreeSet<Rc<str>>) {
        if rest.remove(META_PROPERTIES) {
            self.meta_properties = self.or_damage(META_PROPERTIES, read_meta_properties(files)).flatten();
        }
        if rest.remove(QUORUM_STATE) {
            self.quorum_state = self.or_damage(QUORUM_STATE, read_election_state(files)).flatten();
        }
        if rest.remove(CLEAN_SHUTDOWN_FILE) {
            self.clean_shutdown = read_clean_shutdown(files);
        }
        for checkpoint in [OffsetCheckpoint::HighWatermark, OffsetCheckpoint::RecoveryPoint, OffsetCheckpoint::LogStart]
        {
            if rest.remove(checkpoint.path()) {
                let offsets = self.or_damage(checkpoint.path(), checkpoint.read_strictly(files));
                self.offset_checkpoints.extend(offsets.map(|offsets| (checkpoint.path(), offsets)));
            }
        }
        if rest.remove(BOOTSTRAP_CHECKPOINT) {
            let file = BatchFile::read(&BOOTSTRAP_CHECKPOINT.into(), files, Kind::Metadata, &mut self.damage);
            self.snapshots.push(file);
        }
    }

    fn partition(&mut self, directory: &Rc<str>, files: &dyn DurableFiles, rest: &mut BTreeSet<Rc<str>>) {
        let mut partition = PartitionDirectory {
            directory: Rc::clone(directory),
            topic_id: None,
            epochs: Vec::new(),
            segments: Vec::new(),
        };
        let kind = if partition.is_metadata() { Kind::Metadata } else { Kind::Data };
        let own: Vec<Rc<str>> = rest.iter().filter(|path| file_in(path, directory).is_some()).cloned().collect();
        for path in own {
            let name = file_in(&path, directory).unwrap_or_default();
            if name == TOPIC_ID {
                partition.topic_id = self.or_damage(&path, read_topic_id(&path, files)).flatten();
            } else if name == EPOCHS {
                let cache = self.or_damage(&path, EpochCache::read_from(&path, files, Bugs::NONE));
                partition.epochs = cache.map_or(Vec::new(), |cache| cache.entries().to_vec());
            } else if numbered(name, ".log", 20).is_some() {
                partition.segments.push(BatchFile::read(&path, files, kind, &mut self.damage));
            } else if kind == Kind::Metadata && snapshot_id(name).is_some() {
                self.snapshots.push(BatchFile::read(&path, files, kind, &mut self.damage));
            } else {
                continue;
            }
            rest.remove(&path);
        }
        if kind == Kind::Metadata {
            // Data logs may be compacted; this log has one record for each offset.
            self.damage.extend(gaps(&partition.segments));
        }
        self.partitions.push(partition);
    }

    /// The value, or an entry in the list of damage.
    fn or_damage<T>(&mut self, file: &str, read: Result<T, LogError>) -> Option<T> {
        read.map_err(|error| {
            let problem = error.to_string();
            let problem = problem.strip_prefix(file).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(&problem);
            self.damage.push(Damage { file: file.into(), position: None, problem: problem.to_owned() });
        })
        .ok()
    }
}

impl PartitionDirectory {
    pub fn is_metadata(&self) -> bool {
        *self.directory == *METADATA_DIRECTORY
    }
}

/// Batches that do not begin where the one before them ends, and segments whose names are not their first offset.
fn gaps(segments: &[BatchFile]) -> Vec<Damage> {
    let mut found = Vec::new();
    let mut end = None;
    for segment in segments {
        let name = segment.path.rsplit('/').next().unwrap_or_default();
        let named = numbered(name, ".log", 20).map(|base| (0, Offset(base)));
        let batches = segment.batches.iter().map(|batch| (batch.position, batch.base_offset));
        let ends = named.map(|(_, base)| base).into_iter().chain(segment.batches.iter().map(FoundBatch::end_offset));
        for ((position, begins), next) in named.into_iter().chain(batches).zip(ends) {
            let expected = end.replace(next).unwrap_or(begins);
            if begins != expected {
                let problem = format!("offset {begins} follows, where the log had ended at {expected}");
                found.push(Damage { file: Rc::clone(&segment.path), position: Some(position), problem });
            }
        }
    }
    found
}

/// `TOPIC-N`, also of a log that was set aside or moves to another directory (`-stray`, `-delete`, `-future`).
fn is_partition(directory: &str) -> bool {
    let name = ["-stray", "-delete", "-future"].iter().find_map(|end| directory.strip_suffix(end));
    let name = name.map_or(directory, |name| name.rsplit_once('.').map_or(name, |(name, _)| name));
    name.rsplit_once('-').is_some_and(|(topic, number)| !topic.is_empty() && number.parse::<u32>().is_ok())
}

/// A file that every log has, some of them only later.
fn is_of_a_log(file: &str) -> bool {
    file == TOPIC_ID || file == EPOCHS || numbered(file, ".log", 20).is_some()
}

fn file_in<'a>(path: &'a str, directory: &str) -> Option<&'a str> {
    path.strip_prefix(directory)?.strip_prefix('/')
}

/// The number in a name of this many digits and this end.
fn numbered(name: &str, end: &str, digits: usize) -> Option<i64> {
    let number = name.strip_suffix(end)?;
    let is_number = number.len() == digits && number.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { number.parse().ok() } else { None }
}

/// End offset and epoch of a complete snapshot: `{offset:020}-{epoch:010}.checkpoint`.
pub(crate) fn snapshot_id(name: &str) -> Option<OffsetAndEpoch> {
    let (offset, epoch) = name.split_once('-')?;
    let epoch = i32::try_from(numbered(epoch, ".checkpoint", 10)?).ok()?;
    Some(OffsetAndEpoch { epoch: crate::ids::LeaderEpoch(epoch), offset: Offset(numbered(offset, "", 20)?) })
}
