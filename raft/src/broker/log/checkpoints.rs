//! `replication-offset-checkpoint`, `recovery-point-offset-checkpoint` and
//! `log-start-offset-checkpoint`: an offset for each partition of the directory (controller-broker.md §6.1).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::rc::Rc;

use crate::bugs::Bugs;
use crate::ids::Offset;
use crate::io::{DurableFiles, FileHandle, Out};
use crate::log::{Force, LogError, replace_file};

/// Format version of all three.
const VERSION: &str = "0";

/// Which of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetCheckpoint {
    /// High watermarks; every `replica.high.watermark.checkpoint.interval.ms`.
    HighWatermark,
    /// Everything below is forced; every 60 s.
    RecoveryPoint,
    /// First offsets; every 60 s.
    LogStart,
}

/// Offsets by topic name and partition.
pub(super) type Offsets = BTreeMap<(Rc<str>, i32), Offset>;

impl OffsetCheckpoint {
    fn path(self) -> &'static str {
        match self {
            OffsetCheckpoint::HighWatermark => "replication-offset-checkpoint",
            OffsetCheckpoint::RecoveryPoint => "recovery-point-offset-checkpoint",
            OffsetCheckpoint::LogStart => "log-start-offset-checkpoint",
        }
    }

    /// Between the raft log's small files (1 to 4) and its segments (from 16).
    fn handle(self) -> FileHandle {
        FileHandle(match self {
            OffsetCheckpoint::HighWatermark => 8,
            OffsetCheckpoint::RecoveryPoint => 9,
            OffsetCheckpoint::LogStart => 10,
        })
    }

    /// An absent file holds nothing; a malformed one is an error, as in Kafka.
    pub(super) fn read(self, files: &dyn DurableFiles) -> Result<Offsets, LogError> {
        let Some(bytes) = files.read(self.path()) else { return Ok(Offsets::new()) };
        let text = String::from_utf8_lossy(&bytes);
        parse(&text).map_err(|what| LogError::in_file(self.path(), what))
    }

    /// Replaces the file: write aside, force, rename, force the directory.
    pub(super) fn write(self, offsets: &Offsets, bugs: Bugs, out: &mut Out) {
        replace_file(self.path(), self.handle(), to_text(offsets).as_bytes(), Force::durable(bugs), out);
    }
}

fn to_text(offsets: &Offsets) -> String {
    let mut text = format!("{VERSION}\n{}\n", offsets.len());
    for ((topic, partition), offset) in offsets {
        writeln!(text, "{topic} {partition} {offset}").expect("writing to a String cannot fail");
    }
    text
}

fn parse(text: &str) -> Result<Offsets, String> {
    let mut lines = text.lines();
    match lines.next() {
        None => return Ok(Offsets::new()),
        Some(VERSION) => {}
        Some(version) => return Err(format!("the version must be {VERSION}, not {version:?}")),
    }
    let Some(count) = lines.next() else { return Ok(Offsets::new()) };
    let expected: usize = count.parse().map_err(|_| format!("malformed number of entries {count:?}"))?;
    let mut offsets = Offsets::new();
    for line in lines {
        let (key, offset) = parse_entry(line).ok_or_else(|| format!("malformed entry {line:?}"))?;
        offsets.insert(key, offset);
    }
    let found = offsets.len();
    if found == expected { Ok(offsets) } else { Err(format!("{expected} entries expected, {found} found")) }
}

fn parse_entry(line: &str) -> Option<((Rc<str>, i32), Offset)> {
    let mut words = line.split_ascii_whitespace();
    let topic: Rc<str> = words.next()?.into();
    let partition: i32 = words.next()?.parse().ok()?;
    let offset: i64 = words.next()?.parse().ok()?;
    words.next().is_none().then_some(((topic, partition), Offset(offset)))
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
