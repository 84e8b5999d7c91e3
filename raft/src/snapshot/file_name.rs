//! The names of a snapshot's files (`Snapshots`): `{end offset, 20 digits}-{epoch, 10 digits}.checkpoint`, with `.part`
//! behind it while it is written and `.deleted` before it is deleted.

use std::rc::Rc;

use crate::ids::{LeaderEpoch, Offset, OffsetAndEpoch};

const FOLDER: &str = "__cluster_metadata-0/";
const SUFFIX: &str = ".checkpoint";
const PARTIAL_SUFFIX: &str = ".checkpoint.part";
const DELETED_SUFFIX: &str = ".checkpoint.deleted";
const OFFSET_DIGITS: usize = 20;
const EPOCH_DIGITS: usize = 10;

/// What the name of a file says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotFile {
    /// A whole snapshot.
    Complete(OffsetAndEpoch),
    /// One that is being written, or that a process left behind; a number is before the suffix.
    Partial(OffsetAndEpoch),
    /// One that is to be deleted.
    Deleted(OffsetAndEpoch),
}

impl SnapshotFile {
    /// From a path on a node's disk; `None` if it is not that of a snapshot. Kafka throws if the numbers cannot be read,
    /// which only a file of somebody else can cause.
    pub fn parse(path: &str) -> Option<SnapshotFile> {
        let name = path.strip_prefix(FOLDER)?;
        let number = |digits: Option<&str>| {
            let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
            digits.parse::<i64>().ok()
        };
        let offset = number(name.get(..OFFSET_DIGITS))?;
        let epoch = name.get(OFFSET_DIGITS..)?.strip_prefix('-')?;
        let (epoch, rest) = (number(epoch.get(..EPOCH_DIGITS))?, epoch.get(EPOCH_DIGITS..)?);
        let id = OffsetAndEpoch { offset: Offset(offset), epoch: LeaderEpoch(i32::try_from(epoch).ok()?) };
        match rest {
            SUFFIX => Some(SnapshotFile::Complete(id)),
            DELETED_SUFFIX => Some(SnapshotFile::Deleted(id)),
            rest => rest.ends_with(PARTIAL_SUFFIX).then_some(SnapshotFile::Partial(id)),
        }
    }
}

/// The path of a whole snapshot.
pub fn snapshot_path(id: OffsetAndEpoch) -> Rc<str> {
    path(id, SUFFIX)
}

/// Its path while it is written, with a number that no other file of the process has.
pub fn partial_path(id: OffsetAndEpoch, number: u32) -> Rc<str> {
    path(id, &format!("-{number}{PARTIAL_SUFFIX}"))
}

/// Its path before it is deleted.
pub fn deleted_path(id: OffsetAndEpoch) -> Rc<str> {
    path(id, DELETED_SUFFIX)
}

fn path(id: OffsetAndEpoch, suffix: &str) -> Rc<str> {
    let OffsetAndEpoch { offset, epoch } = id;
    format!("{FOLDER}{:0OFFSET_DIGITS$}-{:0EPOCH_DIGITS$}{suffix}", offset.0, epoch.0).into()
}
