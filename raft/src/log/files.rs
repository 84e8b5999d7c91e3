//! The names of a node's files, their handles, and the replacement of a small file: write to a temp file, force,
//! rename, force the directory (consensus.md §8.1).

use std::rc::Rc;

use crate::bugs::{Bug, Bugs};
use crate::ids::Offset;
use crate::io::{DiskError, DurableFiles, Effect, FileHandle, Out};

/// At the root of the node's disk (`log.dir`).
pub const META_PROPERTIES: &str = "meta.properties";
/// Election state of the metadata partition.
pub const QUORUM_STATE: &str = "__cluster_metadata-0/quorum-state";
/// Mirror of the leader-epoch cache.
pub const LEADER_EPOCH_CHECKPOINT: &str = "__cluster_metadata-0/leader-epoch-checkpoint";
/// Topic id of the metadata partition.
pub const PARTITION_METADATA: &str = "__cluster_metadata-0/partition.metadata";

/// Handle of `meta.properties.tmp`.
pub const META_PROPERTIES_HANDLE: FileHandle = FileHandle(1);
/// Handle of `quorum-state.tmp`.
pub const QUORUM_STATE_HANDLE: FileHandle = FileHandle(2);
/// Handle of `leader-epoch-checkpoint.tmp`.
pub const LEADER_EPOCH_CHECKPOINT_HANDLE: FileHandle = FileHandle(3);
/// Handle of `partition.metadata.tmp`.
pub const PARTITION_METADATA_HANDLE: FileHandle = FileHandle(4);
/// Handle of `leader-epoch-checkpoint.scheduler.tmp`.
pub const LEADER_EPOCH_CHECKPOINT_SCHEDULER_HANDLE: FileHandle = FileHandle(5);
/// Handle of `partition.metadata.scheduler.tmp`.
pub const PARTITION_METADATA_SCHEDULER_HANDLE: FileHandle = FileHandle(6);
/// The first handle for segments; each new segment gets the next one.
pub const FIRST_SEGMENT_HANDLE: FileHandle = FileHandle(16);

const SEGMENT_PREFIX: &str = "__cluster_metadata-0/";
const SEGMENT_SUFFIX: &str = ".log";

/// Why a log or a state file cannot be opened, or an operation was rejected; fatal to the process.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// All other errors.
    #[error("{0}")]
    Refused(String),
    /// A log may not be truncated below its high watermark.
    #[error("{0}")]
    BelowHighWatermark(String),
    /// A leader may not append a batch that is larger than a segment (`RecordBatchTooLargeException`).
    #[error("{0}")]
    LargerThanSegment(String),
}

impl LogError {
    /// An error in a file, with its name.
    pub(crate) fn in_file(path: &str, what: impl std::fmt::Display) -> LogError {
        LogError::Refused(format!("{path}: {what}"))
    }
}

/// Reads a small file; `Ok(None)` if it is absent.
pub(crate) fn read_file(path: &str, files: &dyn DurableFiles) -> Result<Option<Vec<u8>>, LogError> {
    if files.is_unreadable(path) {
        return Err(LogError::in_file(path, DiskError::Io));
    }
    Ok(files.read(path))
}

/// How far a small file is forced when it is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Force {
    /// The content before the rename, the directory after it: the caller's next effect may rely on it.
    Durable,
    /// The content only: after a power loss the old file may reappear.
    Content,
    /// Nothing; only a bug does this.
    Nothing,
}

impl Force {
    /// `Durable`, unless a bug is on.
    pub(crate) fn durable(bugs: Bugs) -> Force {
        if bugs.has(Bug::RenameNotForced) { Force::Content } else { Force::Durable }
    }
}

/// Replaces the content of a small file.
pub(crate) fn replace_file(path: &str, handle: FileHandle, content: &[u8], force: Force, out: &mut Out) {
    replace_file_by_parts(path, handle, std::iter::once(content.into()), force, out);
}

/// As [`replace_file`]; each part is a write.
pub(super) fn replace_file_by_parts(
    path: &str,
    handle: FileHandle,
    parts: impl Iterator<Item = Rc<[u8]>>,
    force: Force,
    out: &mut Out,
) {
    let temporary: Rc<str> = format!("{path}.tmp").into();
    write_temporary(&temporary, handle, parts, force, out);
    out.push(Effect::Rename { from: temporary, to: path.into() });
    if force == Force::Durable {
        out.push(Effect::FsyncDirectory);
    }
}

/// The first half of [`replace_file_by_parts`].
pub(crate) fn write_temporary(
    temporary: &Rc<str>,
    handle: FileHandle,
    parts: impl Iterator<Item = Rc<[u8]>>,
    force: Force,
    out: &mut Out,
) {
    out.push(Effect::Open { file: handle, path: Rc::clone(temporary), truncate: true });
    parts.for_each(|bytes| out.push(Effect::Append { file: handle, bytes }));
    if force != Force::Nothing {
        out.push(Effect::Fsync { file: handle });
    }
}

/// The temporary file of a scheduler's thread. Kafka's threads use the same one, one after the other: a `CheckpointFile`
/// has a lock.
pub(crate) fn temporary_of_scheduler(path: &str) -> Rc<str> {
    format!("{path}.scheduler.tmp").into()
}

/// Path of the segment that starts at `base`.
pub fn segment_path(base: Offset) -> Rc<str> {
    format!("{SEGMENT_PREFIX}{:020}{SEGMENT_SUFFIX}", base.0).into()
}

/// Base offset of a segment path; `Ok(None)` if the path is not that of a segment.
pub fn parse_segment_path(path: &str) -> Result<Option<Offset>, LogError> {
    let Some(name) = path.strip_prefix(SEGMENT_PREFIX).and_then(|name| name.strip_suffix(SEGMENT_SUFFIX)) else {
        return Ok(None);
    };
    let digits = name.len() == 20 && name.bytes().all(|b| b.is_ascii_digit());
    match name.parse() {
        Ok(base) if digits => Ok(Some(Offset(base))),
        _ => Err(LogError::in_file(path, "the name of a segment must be its base offset in 20 digits")),
    }
}
