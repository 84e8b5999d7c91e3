//! `partition.metadata`: the topic id of the partition, durable before its first record
//! (consensus.md §8.1, D7).

use std::iter;

use super::files::{
    Force, LogError, PARTITION_METADATA, read_file, replace_file, temporary_of_scheduler, write_temporary,
};
use crate::ids::Uuid;
use crate::io::{DurableFiles, Effect, FileHandle, Out};

/// Whether the file exists. If so, its topic id must be that of `__cluster_metadata`.
pub(super) fn check(files: &dyn DurableFiles) -> Result<bool, LogError> {
    let Some(topic_id) = read_topic_id(PARTITION_METADATA, files)? else {
        return Ok(false);
    };
    if topic_id != Uuid::METADATA_TOPIC_ID {
        let expected = Uuid::METADATA_TOPIC_ID;
        return Err(LogError::in_file(PARTITION_METADATA, format!("topic_id is {topic_id}, not {expected}")));
    }
    Ok(true)
}

/// The topic id of any partition; `None` if the file is absent.
pub(crate) fn read_topic_id(path: &str, files: &dyn DurableFiles) -> Result<Option<Uuid>, LogError> {
    let Some(bytes) = read_file(path, files)? else {
        return Ok(None);
    };
    // `Files.newBufferedReader` reports bytes that are no UTF-8.
    let text = str::from_utf8(&bytes).map_err(|error| LogError::in_file(path, error.to_string()))?;
    parse(text).map(Some).map_err(|what| LogError::in_file(path, what))
}

/// Whether a log has written the file. A new log leaves that to a scheduler's thread
/// (`UnifiedLog.initializeTopicId`), unless records come first, or the log is closed. Kafka's threads have a lock and
/// write one file; here a thread that cannot wait for the scheduler's writes its own, with the same content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TopicIdFile {
    is_written: bool,
    /// The scheduler's thread writes it, and has not put it in its place.
    is_in_background: bool,
}

impl TopicIdFile {
    pub fn new(is_written: bool) -> TopicIdFile {
        TopicIdFile { is_written, is_in_background: false }
    }

    pub fn is_written(self) -> bool {
        self.is_written
    }

    /// Whether the scheduler's thread may have left a temporary file.
    pub fn is_in_background(self) -> bool {
        self.is_in_background
    }

    /// Whether the scheduler's thread has to write it, and has not begun to.
    pub fn is_due(self) -> bool {
        !self.is_written && !self.is_in_background
    }

    /// Writes it, if it is not written yet (`PartitionMetadataFile.maybeFlush`).
    pub fn write(&mut self, path: &str, handle: FileHandle, topic_id: Uuid, force: Force, out: &mut Out) {
        if !self.is_written {
            replace_file(path, handle, to_text(topic_id).as_bytes(), force, out);
            self.is_written = true;
        }
    }

    /// The scheduler's thread writes it, if that is due. When everything in `out` is complete it calls
    /// [`TopicIdFile::finish`]. Returns whether it was due.
    pub fn begin(&mut self, path: &str, handle: FileHandle, topic_id: Uuid, force: Force, out: &mut Out) -> bool {
        let is_due = self.is_due();
        if is_due {
            let parts = iter::once(to_text(topic_id).as_bytes().into());
            write_temporary(&temporary_of_scheduler(path), handle, parts, force, out);
            self.is_in_background = true;
        }
        is_due
    }

    /// Puts the scheduler's file in its place. Returns whether there was one; the caller forces the directory.
    pub fn finish(&mut self, path: &str, out: &mut Out) -> bool {
        let is_renamed = std::mem::take(&mut self.is_in_background);
        if is_renamed {
            out.push(Effect::Rename { from: temporary_of_scheduler(path), to: path.into() });
            self.is_written = true;
        }
        is_renamed
    }
}

fn to_text(topic_id: Uuid) -> String {
    format!("version: 0\ntopic_id: {topic_id}")
}

/// As `PartitionMetadataReadBuffer`, which does not look at the words before the values, and accepts later versions.
fn parse(text: &str) -> Result<Uuid, String> {
    let mut lines = text.lines();
    let mut value = |name: &str| {
        let line = lines.next().unwrap_or_default();
        value_of(line).ok_or_else(|| format!("{name:?} and a value expected, {line:?} found"))
    };
    let version = value("version:")?;
    if !version.parse().is_ok_and(|version: i32| version >= 0) {
        return Err(format!("version {version:?} is not 0 or later"));
    }
    let topic_id = value("topic_id:")?;
    let parsed = Uuid::parse(topic_id).filter(|id| *id != Uuid::ZERO);
    parsed.ok_or_else(|| format!("topic_id {topic_id:?} is no topic's UUID"))
}

/// What is behind a colon and white space, if that is there once (`Pattern.compile(":\\s+").split`).
fn value_of(line: &str) -> Option<&str> {
    let is_space = |c: char| matches!(c, ' ' | '\t' | '\x0b' | '\x0c' | '\r');
    let separator =
        |text: &str| text.match_indices(':').map(|(at, _)| at + 1).find(|behind| text[*behind..].starts_with(is_space));
    let value = line[separator(line)?..].trim_start_matches(is_space);
    (separator(value).is_none() && !value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_kafkas_text() {
        let text = to_text(Uuid::METADATA_TOPIC_ID);
        assert_eq!(text, "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ");
        assert_eq!(parse(&text), Ok(Uuid::METADATA_TOPIC_ID));
        for bad in [
            "",
            "version: 0\n",
            "version: 0\ntopic_id: x",
            "version: -1\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ",
            "version:0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ",
            "version: 0: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ",
            "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    /// A flipped bit in one of its words is not noticed by Kafka either.
    #[test]
    fn only_the_values_count() {
        for good in ["versaon: 0\ntopac_id: AAAAAAAAAAAAAAAAAAAAAQ", "version: 1\ntopic_id:  AAAAAAAAAAAAAAAAAAAAAQ\n"]
        {
            assert_eq!(parse(good), Ok(Uuid::METADATA_TOPIC_ID), "{good:?}");
        }
    }
}
