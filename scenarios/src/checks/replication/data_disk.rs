//! Files of a broker's data logs: which directory and which segment belongs to which partition.

use std::collections::BTreeMap;
use std::rc::Rc;

use raft::ids::{Offset, Uuid};
use raft::io::DurableFiles;

use crate::checks::server_model::how_down::HowDown;
use crate::checks::server_model::log::{LogModel, ReadNotes};

pub(super) const TOPIC_ID_FILE: &str = "/partition.metadata";
const HIGH_WATERMARKS: &str = "replication-offset-checkpoint";

/// A directory of the disk.
#[derive(Clone, Debug, Default)]
pub(super) struct Directory {
    /// Index of the partition, once its topic id is written.
    pub(super) partition: Option<usize>,
    /// Segments that were opened before that.
    pub(super) opened: Vec<Offset>,
}

/// See the module's documentation.
#[derive(Clone, Debug, Default)]
pub struct DataDisk {
    pub(super) directories: Vec<Directory>,
    pub(super) by_name: BTreeMap<Rc<str>, usize>,
    pub(super) handles: BTreeMap<u32, (usize, Offset)>,
    pub(super) down: Option<HowDown>,
    /// A fault destroyed durable bytes, and no power loss has shown it since.
    pub(super) damaged: bool,
}

/// Segments by the partition they belong to.
pub(super) type Found = BTreeMap<usize, Vec<(Offset, Rc<[u8]>)>>;

/// Directory and base offset of a data log's segment.
pub(super) fn segment(path: &str) -> Option<(&str, Offset)> {
    let (directory, name) = path.split_once('/')?;
    let digits =
        name.strip_suffix(".log").filter(|base| base.len() == 20 && base.bytes().all(|b| b.is_ascii_digit()))?;
    number(directory)?;
    Some((directory, Offset(digits.parse().ok()?)))
}

/// Partition number of a directory that holds a data log.
pub(super) fn number(directory: &str) -> Option<i32> {
    if directory == "__cluster_metadata-0" || directory.ends_with("-stray") {
        return None;
    }
    directory.rsplit_once('-').and_then(|(_, number)| number.parse().ok())
}

pub(super) fn topic_id(content: &[u8]) -> Option<Uuid> {
    let text = std::str::from_utf8(content).ok()?;
    Uuid::parse(text.lines().find_map(|line| line.strip_prefix("topic_id:"))?.trim())
}

impl DataDisk {
    pub(super) fn directory(&mut self, name: &str) -> usize {
        if let Some(place) = self.by_name.get(name) {
            return *place;
        }
        self.directories.push(Directory::default());
        self.by_name.insert(name.into(), self.directories.len() - 1);
        self.directories.len() - 1
    }

    /// The replica that a path's segment belongs to.
    pub(super) fn of_segment(&self, path: &str) -> Option<(usize, Offset)> {
        let (name, base) = segment(path)?;
        let directory = &self.directories[*self.by_name.get(name)?];
        directory.partition.map(|partition| (partition, base))
    }

    pub(super) fn of_handle(&self, handle: u32) -> Option<(Option<usize>, Offset)> {
        let (directory, base) = self.handles.get(&handle)?;
        Some((self.directories[*directory].partition, *base))
    }

    /// Durable bytes were destroyed.
    pub fn was_damaged(&mut self) {
        self.damaged = true;
    }

    /// Has a fault taken something from it that its next boot will miss?
    pub fn has_lost(&self) -> bool {
        self.damaged || self.down == Some(HowDown::PowerLost)
    }

    /// The process is gone.
    pub fn down(&mut self, how: HowDown) {
        self.down = Some(how);
        self.handles.clear();
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

/// Why the log found cannot be the one left behind.
pub(super) fn mismatch(
    written: &LogModel,
    found: &LogModel,
    notes: ReadNotes,
    how: Option<HowDown>,
    damaged: bool,
) -> Option<String> {
    if damaged || how.is_none() {
        return None;
    }
    if notes.unknown_batches > 0 {
        return Some(format!("{} batches are found that were never written", notes.unknown_batches));
    }
    if how == Some(HowDown::PageCacheKept) {
        let same = written.same_bytes(found);
        return (!same).then(|| {
            format!("of {} batches written, {} are found after the process died", written.count(), found.count())
        });
    }
    let durable = written.durable();
    (found.count() < durable || found.prefix(durable) != written.prefix(durable))
        .then(|| format!("of {durable} durable batches, {} are found after a power loss", found.count()))
}
