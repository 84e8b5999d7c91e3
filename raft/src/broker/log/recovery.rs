//! Recovery of a data log after a restart (controller-broker.md §6.9).
//!
//! After a clean shutdown the files are trusted. Otherwise every segment from the one that holds the recovery point on
//! is scanned: the log ends at the first batch that is incomplete or corrupt, and later segments are removed. A segment
//! that does not continue the previous one stays, behind a gap, unless
//! [`DropSegmentsBehindGap`](crate::fixes::Fix::DropSegmentsBehindGap) is in force.

use std::rc::Rc;

use super::partition_log_config::PartitionLogConfig;
use super::paths::{self, Handles};
use crate::bugs::{Bug, Bugs};
use crate::ids::{Offset, Uuid};
use crate::io::{DurableFiles, Effect, Out, Probe};
use crate::log::{
    Batch, BatchError, EpochCache, Force, LogError, NO_BATCH, Segment, read_file, read_segments, read_topic_id,
    remove_segments,
};

/// A log read from its files.
pub(super) struct Recovered {
    pub config: PartitionLogConfig,
    pub directory: Rc<str>,
    pub topic_id: Uuid,
    pub handles: Handles,
    pub segments: Vec<Segment>,
    pub epochs: EpochCache,
    pub epochs_written: bool,
    pub end: Offset,
    pub recovery_point: Offset,
    pub directory_dirty: bool,
}

/// How the last run ended, and which offsets it had flushed.
#[derive(Clone, Copy, Debug)]
pub(super) struct LastEnd {
    pub clean: bool,
    pub recovery_point: Offset,
}

/// Reads a directory; returns `Ok(None)` if it holds no topic id: a log that never had a record.
pub(super) fn recover(
    directory: &Rc<str>,
    files: &dyn DurableFiles,
    last_end: LastEnd,
    ordinal: u32,
    config: PartitionLogConfig,
    out: &mut Out,
) -> Result<Option<Recovered>, LogError> {
    let (mut epochs, topic_id) = read_state(directory, files, config.bugs)?;
    let Some(topic_id) = topic_id else { return Ok(None) };
    let epochs_path = paths::leader_epoch_checkpoint(directory);
    let mut handles = Handles::new(ordinal);
    let RecoveredSegments { segments, first_scanned, changed } =
        recover_segments(directory, files, (last_end, config), &mut handles, out)?;
    let end = segments[segments.len() - 1].end_offset();
    // Trusted segments are not read: what the checkpoint lacks of them is lost (`LogSegment.recover`).
    let are_missing = epochs.assign_missing(segments.get(first_scanned..).unwrap_or_default());
    if are_missing {
        epochs.write_to(&epochs_path, handles.leader_epoch_checkpoint(), Force::durable(config.bugs), out);
    }
    epochs.truncate_from_end(end);
    let epochs_written = are_missing || files.read(&epochs_path).is_some();
    let recovery_point = if last_end.clean { end } else { last_end.recovery_point };
    let directory = Rc::clone(directory);
    let directory_dirty = changed || !last_end.clean;
    Ok(Some(Recovered {
        config,
        directory,
        topic_id,
        handles,
        segments,
        epochs,
        epochs_written,
        end,
        recovery_point,
        directory_dirty,
    }))
}

/// The files that `LogManager.loadLog` reads in every directory, whatever else it holds, stray or not.
pub(super) fn read_state(
    directory: &str,
    files: &dyn DurableFiles,
    bugs: Bugs,
) -> Result<(EpochCache, Option<Uuid>), LogError> {
    let checkpoint = EpochCache::read_from(&paths::leader_epoch_checkpoint(directory), files, bugs)?;
    Ok((checkpoint, read_topic_id(&paths::partition_metadata(directory), files)?))
}

struct RecoveredSegments {
    /// In order.
    segments: Vec<Segment>,
    /// Index of the first one that was scanned; their number, or above, if none was.
    first_scanned: usize,
    /// File names have changed.
    changed: bool,
}

fn recover_segments(
    directory: &str,
    files: &dyn DurableFiles,
    (last_end, config): (LastEnd, PartitionLogConfig),
    handles: &mut Handles,
    out: &mut Out,
) -> Result<RecoveredSegments, LogError> {
    let paths = files.paths();
    let mut bases: Vec<Offset> = paths.iter().filter_map(|path| paths::parse_segment(directory, path)).collect();
    bases.sort_unstable();
    if bases.is_empty() {
        let segment = Segment::new(Offset(0), handles.next_segment());
        out.push(Effect::Open { file: segment.handle, path: paths::segment(directory, Offset(0)), truncate: true });
        return Ok(RecoveredSegments { segments: vec![segment], first_scanned: 0, changed: true });
    }

    // Scanning starts with the segment that holds the recovery point.
    let first_scanned = if last_end.clean {
        bases.len()
    } else {
        bases.partition_point(|base| *base <= last_end.recovery_point).saturating_sub(1)
    };
    let (segments, cut) = read_segments(&bases, (config.bugs, config.fixes), |base| {
        let is_trusted = bases[..first_scanned].contains(&base);
        let parse = if is_trusted { parse_trusted } else { Batch::parse };
        // The directory goes offline, and it is the only one (`LogManager.loadLogs`, `ReplicaManager.handleLogDirFailure`).
        let bytes = match read_file(&paths::segment(directory, base), files) {
            Err(_) if config.bugs.has(Bug::UnreadableSegmentEmpty) => NO_BATCH.to_vec(),
            bytes => bytes?.unwrap_or_default(),
        };
        Ok((Segment::new(base, handles.next_segment()), bytes, parse))
    })?;

    let dropped = &bases[segments.len()..];
    let removed = dropped.iter().map(|base| paths::segment(directory, *base));
    for segment in &segments {
        let path = paths::segment(directory, segment.base_offset);
        out.push(Effect::Open { file: segment.handle, path, truncate: false });
    }
    let is_torn = !cut.is_empty() || !dropped.is_empty();
    out.effects.extend(cut);
    remove_segments(removed, out);
    if is_torn {
        out.probe(Probe::RecoveredTornTail);
    }
    Ok(RecoveredSegments { segments, first_scanned, changed: !dropped.is_empty() })
}

/// In a trusted file only headers are checked, so a corrupt batch stays until a follower or consumer checks its CRC; only
/// bytes that are no header, or a batch that is cut off by the end of the file, end it.
fn parse_trusted(bytes: &[u8]) -> Result<(Batch, usize), BatchError> {
    let (batch, size) = Batch::parse_unchecked(bytes)?;
    let needed = Batch::peek_header(bytes)?.size_bytes;
    if needed != size {
        return Err(BatchError::Incomplete { needed, found: size });
    }
    Ok((batch, size))
}
