//! `partition.metadata`: the topic id of the partition, durable before its first record
//! (consensus.md §8.1, D7).

use super::files::{Force, LogError, PARTITION_METADATA, PARTITION_METADATA_HANDLE, read_file, replace_file};
use crate::ids::Uuid;
use crate::io::{DurableFiles, FileHandle, Out};

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

/// Writes the file.
pub(super) fn write(force: Force, out: &mut Out) {
    write_topic_id(PARTITION_METADATA, PARTITION_METADATA_HANDLE, Uuid::METADATA_TOPIC_ID, force, out);
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

/// Writes the file of any partition.
pub(crate) fn write_topic_id(path: &str, handle: FileHandle, topic_id: Uuid, force: Force, out: &mut Out) {
    replace_file(path, handle, to_text(topic_id).as_bytes(), force, out);
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
