//! Recovery of the log at a restart: segments are read from their files (consensus.md §4.1).

use std::rc::Rc;

use super::batch::Batch;
use super::batch_error::BatchError;
use super::files::{FIRST_SEGMENT_HANDLE, LogError, parse_segment_path, segment_path};
use super::log_config::LogConfig;
use super::segment::{Entry, Segment};
use crate::bugs::{Bug, Bugs};
use crate::fixes::{Fix, Fixes};
use crate::ids::Offset;
use crate::io::{DurableFiles, Effect, FileHandle, Out, Probe};

/// Reads every segment, truncates the log at the first invalid byte, and opens the rest; a log without segments gets an
/// empty one.
pub(super) fn recover_segments(
    files: &dyn DurableFiles,
    config: LogConfig,
    out: &mut Out,
) -> Result<Vec<Segment>, LogError> {
    let bases = segment_bases(files)?;
    if bases.is_empty() {
        let segment = Segment::new(Offset(0), FIRST_SEGMENT_HANDLE);
        out.push(Effect::Open { file: segment.handle, path: segment_path(segment.base_offset), truncate: true });
        return Ok(vec![segment]);
    }

    let parse = if config.bugs.has(Bug::NoChecksumOnRecovery) { Batch::parse_unchecked } else { Batch::parse };
    let mut next_handle = FIRST_SEGMENT_HANDLE;
    let (mut segments, mut cut) = read_segments(&bases, (config.bugs, config.fixes), |base| {
        let path = segment_path(base);
        let bytes = match files.read(&path) {
            None if config.bugs.has(Bug::UnreadableSegmentEmpty) => NO_BATCH.to_vec(),
            bytes => bytes.ok_or_else(|| LogError::in_file(&path, "cannot be read"))?,
        };
        let segment = Segment::new(base, next_handle);
        next_handle = FileHandle(next_handle.0 + 1);
        Ok((segment, bytes, parse))
    })?;

    if config.bugs.has(Bug::RecoveryDropsLastBatch)
        && let Some(last) = segments.last_mut()
        && let Some(entry) = last.entries.pop()
    {
        last.size_bytes -= entry.batch.len_bytes() as u64;
        cut.push(Effect::Truncate { file: last.handle, len: last.size_bytes });
    }
    let dropped = &bases[segments.len()..];
    let removed = dropped.iter().map(|base| segment_path(*base));
    for segment in &segments {
        out.push(Effect::Open { file: segment.handle, path: segment_path(segment.base_offset), truncate: false });
    }
    let is_torn = !cut.is_empty() || !dropped.is_empty();
    if !config.bugs.has(Bug::TornTailNotCut) {
        // Not forced: after a power loss the invalid bytes may reappear, and are truncated again.
        out.effects.extend(cut);
    }
    remove_segments(removed, out);
    if is_torn {
        out.probe(Probe::RecoveredTornTail);
    }
    Ok(segments)
}

/// Removes files of segments, ascending, without forcing that (`LocalLog.removeAndDeleteSegments` renames them to
/// `.deleted`): after a power loss they may be back, unless a checkpoint that follows has forced the directory.
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

/// Bytes with which no batch begins.
pub(crate) const NO_BATCH: &[u8] = &[0];

/// Decodes the batch at the start of bytes.
pub(crate) type Parse = fn(&[u8]) -> Result<(Batch, usize), BatchError>;

/// Segments ascending, each given empty with its bytes, up to and including the first that has to be cut
/// (`LogLoader.recoverLog`); the truncations of their files.
///
/// A segment behind one that ends too early stays, unless [`Fix::DropSegmentsBehindGap`] is in force.
pub(crate) fn read_segments(
    bases: &[Offset],
    (bugs, fixes): (Bugs, Fixes),
    mut open: impl FnMut(Offset) -> Result<(Segment, Vec<u8>, Parse), LogError>,
) -> Result<(Vec<Segment>, Vec<Effect>), LogError> {
    let drops_behind_gap = fixes.has(Fix::DropSegmentsBehindGap);
    let keeps_all = bugs.has(Bug::SegmentsBehindCutKept);
    let (mut segments, mut cut): (Vec<Segment>, Vec<Effect>) = (Vec::with_capacity(bases.len()), Vec::new());
    for &base in bases {
        let is_behind_gap = || segments.last().is_some_and(|before| before.end_offset() != base);
        if !keeps_all && (!cut.is_empty() || drops_behind_gap && is_behind_gap()) {
            break;
        }
        let (mut segment, bytes, parse) = open(base)?;
        read_batches(&bytes, parse, drops_behind_gap && !keeps_all, &mut segment);
        if segment.size_bytes < bytes.len() as u64 {
            cut.push(Effect::Truncate { file: segment.handle, len: segment.size_bytes });
        }
        segments.push(segment);
    }
    Ok((segments, cut))
}

/// The batches at the start of a file that can be decoded, with ascending offsets.
fn read_batches(bytes: &[u8], parse: Parse, ends_at_gap: bool, segment: &mut Segment) {
    let mut rest = bytes;
    while let Ok((batch, size)) = parse(rest) {
        let end = segment.end_offset();
        if batch.base_offset < end || ends_at_gap && batch.base_offset > end {
            break;
        }
        segment.size_bytes += size as u64;
        segment.entries.push(Entry { base_offset: batch.base_offset, batch: Rc::new(batch) });
        rest = &rest[size..];
    }
}
