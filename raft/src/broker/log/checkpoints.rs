//! `replication-offset-checkpoint`, `recovery-point-offset-checkpoint` and `log-start-offset-checkpoint`: files with an
//! offset per partition of the log directory (controller-broker.md §6.1).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::rc::Rc;

use crate::bugs::Bugs;
use smallvec::SmallVec;

use crate::ids::Offset;
use crate::io::{DurableFiles, Effect, FileHandle, Out};
use crate::log::{Force, LogError, read_file, replace_file, temporary_of_scheduler, write_temporary};

/// Format version of all three files.
const VERSION: &str = "0";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetCheckpoint {
    /// High watermarks.
    HighWatermark,
    /// Everything below these offsets was flushed.
    RecoveryPoint,
    /// Log start offsets.
    LogStart,
}

/// Offsets by topic name and partition.
pub(super) type Offsets = BTreeMap<(Rc<str>, i32), Offset>;

impl OffsetCheckpoint {
    pub fn path(self) -> &'static str {
        match self {
            OffsetCheckpoint::HighWatermark => "replication-offset-checkpoint",
            OffsetCheckpoint::RecoveryPoint => "recovery-point-offset-checkpoint",
            OffsetCheckpoint::LogStart => "log-start-offset-checkpoint",
        }
    }

    /// Between the handles of the raft log's small files (1 to 4) and of its segments (from 16).
    fn handle(self) -> FileHandle {
        FileHandle(match self {
            OffsetCheckpoint::HighWatermark => 8,
            OffsetCheckpoint::RecoveryPoint => 9,
            OffsetCheckpoint::LogStart => 10,
        })
    }

    /// Behind that of the clean-shutdown marker.
    fn handle_of_scheduler(self) -> FileHandle {
        FileHandle(self.handle().0 + 4)
    }

    /// An absent file is read as empty. A malformed one takes its log directory offline, and with it the broker, which
    /// has only one (`CheckpointFileWithFailureHandler.read`). But a malformed number in the recovery-point file makes
    /// all recovery points 0: it throws `NumberFormatException`, which is no `IOException` (`LogManager.loadLogs`).
    pub(super) fn read(self, files: &dyn DurableFiles) -> Result<Offsets, LogError> {
        match self.parsed(files)? {
            Ok(offsets) => Ok(offsets),
            Err(Malformed::Number(_)) if self == OffsetCheckpoint::RecoveryPoint => Ok(Offsets::new()),
            Err(Malformed::Number(what) | Malformed::File(what)) => Err(LogError::in_file(self.path(), what)),
        }
    }

    /// The same for a tool, which is told of each error.
    pub(crate) fn read_strictly(self, files: &dyn DurableFiles) -> Result<Offsets, LogError> {
        let parsed = self.parsed(files)?;
        parsed.map_err(|(Malformed::Number(what) | Malformed::File(what))| LogError::in_file(self.path(), what))
    }

    fn parsed(self, files: &dyn DurableFiles) -> Result<Result<Offsets, Malformed>, LogError> {
        let Some(bytes) = read_file(self.path(), files)? else { return Ok(Ok(Offsets::new())) };
        let text = std::str::from_utf8(&bytes).map_err(|error| LogError::in_file(self.path(), error))?;
        Ok(parse(text))
    }

    /// Replaces the file: write a temporary file, fsync, rename, fsync the directory.
    pub(super) fn write(self, offsets: &Offsets, bugs: Bugs, out: &mut Out) {
        replace_file(self.path(), self.handle(), to_text(offsets).as_bytes(), Force::durable(bugs), out);
    }

    /// The scheduler's thread: writes its temporary file, and fsyncs it.
    pub(super) fn begin(self, offsets: &Offsets, bugs: Bugs, out: &mut Out) {
        let parts = std::iter::once(to_text(offsets).as_bytes().into());
        write_temporary(
            &temporary_of_scheduler(self.path()),
            self.handle_of_scheduler(),
            parts,
            Force::durable(bugs),
            out,
        );
    }

    /// The second half of [`OffsetCheckpoint::begin`], before an fsync of the directory.
    pub(super) fn put_in_place(self, out: &mut Out) {
        out.push(Effect::Rename { from: temporary_of_scheduler(self.path()), to: self.path().into() });
    }
}

fn to_text(offsets: &Offsets) -> String {
    let mut text = String::with_capacity(32 * (offsets.len() + 1));
    writeln!(text, "{VERSION}\n{}", offsets.len()).expect("writing to a String cannot fail");
    for ((topic, partition), offset) in offsets {
        text.push_str(topic);
        writeln!(text, " {partition} {offset}").expect("writing to a String cannot fail");
    }
    text
}

/// Why a checkpoint is malformed.
#[derive(Debug, PartialEq, Eq)]
enum Malformed {
    /// The number of an entry: `NumberFormatException`.
    Number(String),
    /// Any other error: `IOException`.
    File(String),
}

fn parse(text: &str) -> Result<Offsets, Malformed> {
    let mut lines = text.lines();
    match lines.next() {
        None => return Ok(Offsets::new()),
        Some(VERSION) => {}
        Some(version) => return Err(Malformed::File(format!("the version must be {VERSION}, not {version:?}"))),
    }
    let Some(count) = lines.next() else { return Ok(Offsets::new()) };
    let expected: usize =
        count.parse().map_err(|_| Malformed::File(format!("malformed number of entries {count:?}")))?;
    let mut offsets = Offsets::new();
    let mut found = 0;
    for line in lines {
        let (key, offset) = parse_entry(line)?;
        offsets.insert(key, offset);
        found += 1;
    }
    let is_whole = found == expected;
    is_whole.then_some(offsets).ok_or_else(|| Malformed::File(format!("{expected} entries expected, {found} found")))
}

fn parse_entry(line: &str) -> Result<((Rc<str>, i32), Offset), Malformed> {
    let words: SmallVec<[&str; 3]> = line.split_ascii_whitespace().collect();
    let [topic, partition, offset] = words[..] else {
        return Err(Malformed::File(format!("malformed entry {line:?}")));
    };
    let malformed = |_| Malformed::Number(format!("malformed number in {line:?}"));
    let partition: i32 = partition.parse().map_err(malformed)?;
    let offset: i64 = offset.parse().map_err(malformed)?;
    Ok(((topic.into(), partition), Offset(offset)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_kafkas_text() {
        let offsets: Offsets = [(("a".into(), 0), Offset(3)), (("a".into(), 1), Offset(0))].into();
        assert_eq!(to_text(&offsets), "0\n2\na 0 3\na 1 0\n");
        assert_eq!(parse(&to_text(&offsets)), Ok(offsets));
        assert_eq!(parse(""), Ok(Offsets::new()));
        for bad in ["1\n0\n", "0\n1\n", "0\n1\na 0\n", "0\n1\na 0 1 2\n", "0\nx\n"] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
