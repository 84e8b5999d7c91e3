//! Recovery of the log at a restart: segments are read from their files (consensus.md §4.1).

use std::rc::Rc;

use super::batch::Batch;
use super::batch_error::BatchError;
use super::files::{FIRST_SEGMENT_HANDLE, LogError, parse_segment_path, segment_path};
use super::log_config::LogConfig;
use super::segment::{Entry, Segment};
use crate::bugs::Bug;
use crate::fixes::Fix;
use crate::ids::{Offset, OffsetAndEpoch};
use crate::io::{DurableFiles, Effect, FileHandle, Out, Probe};

/// Reads every segment, truncates the log at the first invalid byte, and opens the rest; a log without segments gets an
/// empty one.
///
/// A segment behind one that ends too early stays, unless [`Fix::DropSegmentsBehindGap`] is in force.
pub(super) fn recover_segments(
    files: &dyn DurableFiles,
    config: LogConfig,
    start_snapshot: Option<OffsetAndEpoch>,
    out: &mut Out,
) -> Result<Vec<Segment>, LogError> {
    let bases = segment_bases(files)?;
    let Some(&start) = bases.first() else {
        let segment = Segment::new(Offset(0), FIRST_SEGMENT_HANDLE);
        out.push(Effect::Open { file: segment.handle, path: segment_path(segment.base_offset), truncate: true });
        return Ok(vec![segment]);
    };
    if start > Offset(0) && start_snapshot.is_none_or(|snapshot| snapshot.offset < start) {
        let what = format!("the log starts at offset {start} and no snapshot covers the offsets below");
        return Err(LogError::in_file(&segment_path(start), what));
    }

    let drops_behind_gap = config.fixes.has(Fix::DropSegmentsBehindGap);
    let mut segments: Vec<Segment> = Vec::with_capacity(bases.len());
    let mut found_bytes = 0;
    for &base in &bases {
        let follows_on = segments.last().is_none_or(|before| {
            before.size_bytes == found_bytes && (before.end_offset() == base || !drops_behind_gap)
        });
        if !follows_on {
            break;
        }
        let path = segment_path(base);
        let bytes = files.read(&path).ok_or_else(|| LogError::in_file(&path, "cannot be read"))?;
        found_bytes = bytes.len() as u64;
        let handle = FileHandle(FIRST_SEGMENT_HANDLE.0 + segments.len() as u32);
        segments.push(read_segment(&bytes, base, handle, config));
    }

    if config.bugs.has(Bug::RecoveryDropsLastBatch)
        && let Some(last) = segments.last_mut()
        && let Some(entry) = last.entries.pop()
    {
        last.size_bytes -= entry.batch.len_bytes() as u64;
    }
    let dropped = &bases[segments.len()..];
    let removed = dropped.iter().map(|base| segment_path(*base));
    for segment in &segments {
        out.push(Effect::Open { file: segment.handle, path: segment_path(segment.base_offset), truncate: false });
    }
    let last = segments.last().expect("the first segment follows on nothing, so it was read");
    if last.size_bytes < found_bytes && !config.bugs.has(Bug::TornTailNotCut) {
        // Not forced: after a power loss the invalid bytes may reappear, and are truncated again.
        out.push(Effect::Truncate { file: last.handle, len: last.size_bytes });
    }
    remove_segments(removed, out);
    if last.size_bytes < found_bytes || !dropped.is_empty() {
        out.probe(Probe::RecoveredTornTail);
    }
    Ok(segments)
}

/// Removes files of segments, ascending, without forcing that (`LocalLog.removeAndDeleteSegments` renames them to
/// `.deleted`): after a power loss they may be back. The checkpoints that follow a truncation force the directory.
pub(crate) fn remove_segments(paths: impl Iterator<Item = Rc<str>>, out: &mut Out) {
    out.effects.extend(paths.map(|path| Effect::Unlink { path }));
}

fn segment_bases(files: &dyn DurableFiles) -> Result<Vec<Offset>, LogError> {
    let paths = files.paths();
    let mut bases: Vec<Offset> =
        paths.iter().filter_map(|path| parse_segment_path(path).transpose()).collect::<Result<_, _>>()?;
    bases.sort_unstable();
    Ok(bases)
}

/// The valid batches at the start of a file: complete, intact, and with ascending offsets from `base`.
fn read_segment(bytes: &[u8], base: Offset, handle: FileHandle, config: LogConfig) -> Segment {
    let mut segment = Segment::new(base, handle);
    let mut rest = bytes;
    while let Ok((batch, size)) = parse_batch(rest, config) {
        let gap = batch.base_offset > segment.end_offset() && config.fixes.has(Fix::DropSegmentsBehindGap);
        if gap || batch.base_offset < segment.end_offset() {
            break;
        }
        segment.size_bytes += size as u64;
        segment.entries.push(Entry { base_offset: batch.base_offset, batch: Rc::new(batch) });
        rest = &rest[size..];
    }
    segment
}

fn parse_batch(bytes: &[u8], config: LogConfig) -> Result<(Batch, usize), BatchError> {
    if config.bugs.has(Bug::NoChecksumOnRecovery) { Batch::parse_unchecked(bytes) } else { Batch::parse(bytes) }
}
