//! `partition.metadata`: the topic id of the partition, durable before its first record
//! (consensus.md §8.1, D7).

use super::files::{Force, LogError, PARTITION_METADATA, PARTITION_METADATA_HANDLE, replace_file};
use crate::ids::Uuid;
use crate::io::{DurableFiles, Out};

/// Is the file there? If it is, its topic id must be that of `__cluster_metadata`.
pub(super) fn check(files: &dyn DurableFiles) -> Result<bool, LogError> {
    let Some(bytes) = files.read(PARTITION_METADATA) else {
        return Ok(false);
    };
    let text = String::from_utf8_lossy(&bytes);
    let topic_id = parse(&text).map_err(|what| LogError::in_file(PARTITION_METADATA, what))?;
    if topic_id != Uuid::METADATA_TOPIC_ID {
        let expected = Uuid::METADATA_TOPIC_ID;
        return Err(LogError::in_file(PARTITION_METADATA, format!("topic_id is {topic_id}, not {expected}")));
    }
    Ok(true)
}

/// Writes the file.
pub(super) fn write(force: Force, out: &mut Out) {
    replace_file(PARTITION_METADATA, PARTITION_METADATA_HANDLE, to_text().as_bytes(), force, out);
}

fn to_text() -> String {
    format!("version: 0\ntopic_id: {}", Uuid::METADATA_TOPIC_ID)
}

fn parse(text: &str) -> Result<Uuid, String> {
    let mut lines = text.lines();
    let mut field = |name: &str| {
        let line = lines.next().unwrap_or_default();
        line.strip_prefix(name).map(str::trim).ok_or_else(|| format!("{name:?} expected, {line:?} found"))
    };
    let version = field("version:")?;
    if version != "0" {
        return Err(format!("version {version:?} is not 0"));
    }
    let topic_id = field("topic_id:")?;
    Uuid::parse(topic_id).ok_or_else(|| format!("topic_id {topic_id:?} is no UUID"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_kafkas_text() {
        assert_eq!(to_text(), "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ");
        assert_eq!(parse(&to_text()), Ok(Uuid::METADATA_TOPIC_ID));
        for bad in ["", "version: 1\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ", "version: 0\n", "version: 0\ntopic_id: x"] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
