//! Files of a broker's data logs: which directory and which segment belongs to which partition.

use std::collections::BTreeMap;
use std::rc::Rc;

use raft::ids::{Offset, TopicIdPartition, Uuid};
use raft::io::DurableFiles;

use super::partitions::PartitionIndex;

pub(super) const TOPIC_ID_FILE: &str = "/partition.metadata";
pub(super) const EPOCHS_FILE: &str = "/leader-epoch-checkpoint";
pub(super) const HIGH_WATERMARKS: &str = "replication-offset-checkpoint";

#[derive(Clone, Debug, Default)]
pub(super) struct Directory {
    pub(super) partition: Option<PartitionIndex>,
    /// Segments that were opened before that.
    pub(super) opened: Vec<Offset>,
}

#[derive(Clone, Debug, Default)]
pub struct DataDisk {
    pub(super) directories: Vec<Directory>,
    pub(super) by_name: BTreeMap<Rc<str>, usize>,
    /// Of segments: the place of the directory, and the base offset.
    pub(super) handles: BTreeMap<u32, (usize, Offset)>,
    /// A fault destroyed durable bytes, and no power loss has shown it since.
    pub damaged: bool,
    /// Of directories in whose `partition.metadata` a fault has left other bytes: it may name another topic at the next start.
    pub(super) altered_ids: Vec<Rc<str>>,
}

/// Directory and base offset of a data log's segment.
pub(super) fn segment(path: &str) -> Option<(&str, Offset)> {
    let (directory, name) = path.split_once('/')?;
    let digits =
        name.strip_suffix(".log").filter(|base| base.len() == 20 && base.bytes().all(|b| b.is_ascii_digit()))?;
    number(directory)?;
    Some((directory, Offset(digits.parse().ok()?)))
}

fn number(directory: &str) -> Option<i32> {
    if directory == "__cluster_metadata-0" || directory.ends_with("-stray") {
        return None;
    }
    directory.rsplit_once('-').and_then(|(_, number)| number.parse().ok())
}

/// The partition that a directory with this `partition.metadata` holds: the second word of its second line
/// (`PartitionMetadataReadBuffer`, which does not look at the first).
pub(super) fn partition_of(directory: &str, metadata: &[u8]) -> Option<TopicIdPartition> {
    let text = std::str::from_utf8(metadata).ok()?;
    let topic_id = text.lines().nth(1)?.split_ascii_whitespace().nth(1)?;
    Some(TopicIdPartition { topic_id: Uuid::parse(topic_id)?, partition: number(directory)? })
}

impl DataDisk {
    /// The place of a directory, which is new if it is not known.
    pub(super) fn directory(&mut self, name: &str) -> usize {
        if let Some(place) = self.by_name.get(name) {
            return *place;
        }
        self.directories.push(Directory::default());
        self.by_name.insert(name.into(), self.directories.len() - 1);
        self.directories.len() - 1
    }

    pub(super) fn known(&mut self, name: &str) -> Option<&mut Directory> {
        self.by_name.get(name).map(|place| &mut self.directories[*place])
    }

    /// The replica that a handle's segment belongs to, once that is known.
    pub(super) fn of_handle(&self, handle: u32) -> Option<(Option<PartitionIndex>, Offset)> {
        let (directory, base) = self.handles.get(&handle)?;
        Some((self.directories[*directory].partition, *base))
    }
}

/// Of the checkpoint, by directory.
pub(super) fn high_watermarks(files: &dyn DurableFiles) -> Vec<(String, Offset)> {
    let bytes = files.read(HIGH_WATERMARKS).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let entry = |line: &str| {
        let (directory, offset) = line.rsplit_once(' ')?;
        Some((directory.replacen(' ', "-", 1), Offset(offset.parse().ok()?)))
    };
    text.lines().skip(2).filter_map(entry).collect()
}
