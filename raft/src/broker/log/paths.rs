//! File names of a data partition, and the handles under which files are opened.

use std::rc::Rc;

use crate::ids::Offset;
use crate::io::FileHandle;

/// Kafka's directory of the metadata partition; no data partition uses it.
const METADATA_DIRECTORY: &str = "__cluster_metadata-0";
/// Suffix that Kafka appends to the directory of a stray log.
const STRAY_SUFFIX: &str = "-stray";

/// The metadata log's handles are below.
const FIRST_DATA_HANDLE: u32 = 1 << 31;
/// Low bits of a handle that distinguish the files of a log.
const LOG_BITS: u32 = 13;
/// The small files of a log use the first handles of its range.
const SMALL_FILES: u32 = 4;

/// Directory of a partition: `TOPIC-N`.
pub(super) fn directory(topic: &str, partition: i32) -> Rc<str> {
    format!("{topic}-{partition}").into()
}

/// Topic and partition of a directory; `None` if it is not a data partition's or is a stray.
pub(super) fn parse_directory(directory: &str) -> Option<(&str, i32)> {
    if directory == METADATA_DIRECTORY || directory.ends_with(STRAY_SUFFIX) {
        return None;
    }
    let (topic, partition) = directory.rsplit_once('-')?;
    let partition: i32 = partition.parse().ok()?;
    (!topic.is_empty() && partition >= 0).then_some((topic, partition))
}

/// `{directory}/{base:020}.log`
pub(super) fn segment(directory: &str, base: Offset) -> Rc<str> {
    format!("{directory}/{:020}.log", base.0).into()
}

/// Base offset of a segment of this directory; `None` for any other file.
pub(super) fn parse_segment(directory: &str, path: &str) -> Option<Offset> {
    let name = path.strip_prefix(directory)?.strip_prefix('/')?.strip_suffix(".log")?;
    let digits = name.len() == 20 && name.bytes().all(|byte| byte.is_ascii_digit());
    if digits { name.parse().ok().map(Offset) } else { None }
}

/// `{directory}/leader-epoch-checkpoint`
pub(super) fn leader_epoch_checkpoint(directory: &str) -> Rc<str> {
    format!("{directory}/leader-epoch-checkpoint").into()
}

/// `{directory}/partition.metadata`
pub(super) fn partition_metadata(directory: &str) -> Rc<str> {
    format!("{directory}/partition.metadata").into()
}

/// Whether this is the directory of a stray log.
pub(super) fn is_stray(directory: &str) -> bool {
    directory.ends_with(STRAY_SUFFIX)
}

/// Directory to which a stray log is moved. Kafka makes the name unique by a random id.
pub(super) fn stray_directory(directory: &str, unique: &str) -> String {
    format!("{directory}.{unique}{STRAY_SUFFIX}")
}

/// Handles of one log's files: a separate range, so that no two logs share a handle.
#[derive(Clone, Debug)]
pub(super) struct Handles {
    first: u32,
    segments: u32,
}

impl Handles {
    /// The range of the `ordinal`-th log that this process has opened.
    pub fn new(ordinal: u32) -> Handles {
        assert!(ordinal < FIRST_DATA_HANDLE >> LOG_BITS, "no handles are left for log number {ordinal}");
        Handles { first: FIRST_DATA_HANDLE | ordinal << LOG_BITS, segments: 0 }
    }

    pub fn leader_epoch_checkpoint(&self) -> FileHandle {
        FileHandle(self.first)
    }

    pub fn partition_metadata(&self) -> FileHandle {
        FileHandle(self.first + 1)
    }

    /// The temporary file of the scheduler's thread.
    pub fn leader_epoch_checkpoint_of_scheduler(&self) -> FileHandle {
        FileHandle(self.first + 2)
    }

    /// The temporary file of the scheduler's thread.
    pub fn partition_metadata_of_scheduler(&self) -> FileHandle {
        FileHandle(self.first + 3)
    }

    /// A handle for a new segment. Handles are reused after about eight thousand segments, when the old one is no
    /// longer written to.
    pub fn next_segment(&mut self) -> FileHandle {
        let slot = self.segments % ((1 << LOG_BITS) - SMALL_FILES);
        self.segments += 1;
        FileHandle(self.first + SMALL_FILES + slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_and_segments_are_named_as_kafkas() {
        assert_eq!(parse_directory(&directory("my-topic", 12)), Some(("my-topic", 12)));
        for other in ["__cluster_metadata-0", "t-0.abc-stray", "meta.properties", "-1", "t-x", "t-"] {
            assert_eq!(parse_directory(other), None, "{other}");
        }
        assert_eq!(&*segment("t-0", Offset(17)), "t-0/00000000000000000017.log");
        assert_eq!(parse_segment("t-0", "t-0/00000000000000000017.log"), Some(Offset(17)));
        assert_eq!(parse_segment("t-0", "t-01/00000000000000000017.log"), None);
        assert_eq!(parse_segment("t-0", "t-0/leader-epoch-checkpoint"), None);
    }
}
