//! What the small files of the metadata partition say (consensus.md §8.1 and §8.2), read by the
//! checks' own eyes: the node's reader is part of what is checked.

use std::fmt;

use raft::ids::{LeaderEpoch, NodeId, Offset, OffsetAndEpoch, ReplicaKey, Uuid};
use raft::io::DurableFiles;
use serde::Deserialize;

use super::covering::SNAPSHOT_SUFFIX;

/// `RecordBatch.CURRENT_MAGIC_VALUE`
const MAGIC: u8 = 2;
/// Of the metadata log.
const METADATA_FOLDER: &str = "__cluster_metadata-0/";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Election {
    pub epoch: LeaderEpoch,
    pub leader: Option<NodeId>,
    pub voted: Option<NodeId>,
    /// Of the replica that was voted for; all zeroes if it has none. `None`: the file is of version 0, which does not name it.
    pub voted_directory: Option<Uuid>,
}

impl Election {
    /// Whom the vote is for.
    pub fn voted_key(&self) -> Option<ReplicaKey> {
        let directory_id = self.voted_directory.filter(|directory| *directory != Uuid::ZERO);
        self.voted.map(|id| ReplicaKey { id, directory_id })
    }
}

impl fmt::Display for Election {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "epoch {}", self.epoch)?;
        match self.voted {
            Some(voted) => write!(f, ", a vote for node {voted}{}", directory_words(self.voted_directory))?,
            None => f.write_str(", no vote")?,
        }
        match self.leader {
            Some(leader) => write!(f, " and node {leader} as leader"),
            None => f.write_str(" and no leader"),
        }
    }
}

/// Nothing where no version could name it.
fn directory_words(directory: Option<Uuid>) -> String {
    match directory {
        None => String::new(),
        Some(Uuid::ZERO) => " without a directory id".to_owned(),
        Some(directory) => format!(" with directory id {directory}"),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QuorumStateFile {
    leader_id: i32,
    leader_epoch: i32,
    voted_id: i32,
    voted_directory_id: Option<String>,
    #[serde(rename = "data_version")]
    version: i16,
}

/// `None` if the bytes are no `quorum-state`.
pub fn parse_quorum_state(bytes: &[u8]) -> Option<Election> {
    let file: QuorumStateFile = serde_json::from_slice(bytes).ok()?;
    Some(Election {
        epoch: LeaderEpoch(file.leader_epoch),
        leader: NodeId(file.leader_id).known(),
        voted: NodeId(file.voted_id).known(),
        voted_directory: (file.version > 0)
            .then(|| file.voted_directory_id.as_deref().and_then(Uuid::parse).unwrap_or(Uuid::ZERO)),
    })
}

/// The entries of a `leader-epoch-checkpoint`.
pub fn parse_epoch_checkpoint(bytes: &[u8]) -> Vec<OffsetAndEpoch> {
    let entry = |line: &str| {
        let (epoch, offset) = line.split_once(' ')?;
        Some(OffsetAndEpoch { epoch: LeaderEpoch(epoch.parse().ok()?), offset: Offset(offset.parse().ok()?) })
    };
    std::str::from_utf8(bytes).unwrap_or_default().lines().skip(2).filter_map(entry).collect()
}

/// The first file from which no process of Kafka starts, among them the newest snapshot of the metadata log, which is read
/// for its control records (`KRaftControlRecordStateMachine.updateState`). The readers here know less of each format than Kafka's: they
/// request a refusal only where those throw for certain, or where the simulated process reads more than Kafka: segments
/// that a clean shutdown or the recovery point vouches for.
pub fn first_refused(files: &dyn DurableFiles) -> Option<String> {
    let is_refused = |path: &str| {
        let Some(is_read) = reader_of(path) else { return is_log_of_partition(path) && files.is_unreadable(path) };
        files.is_unreadable(path) || files.read(path).is_some_and(|bytes| !is_read(&bytes))
    };
    let paths = files.paths();
    let newest = paths.iter().rfind(|path| path.starts_with(METADATA_FOLDER) && path.ends_with(SNAPSHOT_SUFFIX));
    let damaged = newest.filter(|path| files.read(path).is_none_or(|bytes| !is_snapshot(&bytes)));
    paths.iter().find(|path| is_refused(path)).or(damaged).map(ToString::to_string)
}

/// Whole batches of the present version with the checksums of their bytes (consensus.md §8.3).
fn is_snapshot(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while !rest.is_empty() {
        let field = |at: usize| rest.get(at..at + 4).and_then(|field| field.try_into().ok()).map(u32::from_be_bytes);
        let size = field(8).and_then(|length| usize::try_from(length).ok()).map(|length| length + 12);
        let Some(batch) = size.filter(|size| *size > 21).and_then(|size| rest.get(..size)) else { return false };
        if batch[16] != MAGIC || field(17) != Some(crc32c::crc32c(&batch[21..])) {
            return false;
        }
        rest = &rest[batch.len()..];
    }
    !bytes.is_empty()
}

/// Is it a segment, and not of a stray partition, whose records nobody needs?
fn is_log_of_partition(path: &str) -> bool {
    path.rsplit_once('/').is_some_and(|(directory, name)| name.ends_with(".log") && !directory.ends_with("-stray"))
}

/// What says whether the content of a file of this name may be read.
fn reader_of(path: &str) -> Option<fn(&[u8]) -> bool> {
    Some(match path.rsplit('/').next()? {
        "quorum-state" => is_quorum_state,
        "meta.properties" => |bytes| has_lines(bytes, &["version=1", "node.id=", "cluster.id="]),
        "partition.metadata" => is_partition_metadata,
        "leader-epoch-checkpoint" => |bytes| is_checkpoint(bytes, is_epoch_entry),
        "replication-offset-checkpoint" => |bytes| is_checkpoint(bytes, is_offset_entry),
        _ => return None,
    })
}

fn is_quorum_state(bytes: &[u8]) -> bool {
    let state: Option<serde_json::Value> = serde_json::from_slice(bytes).ok();
    let is_number = |name| state.as_ref().is_some_and(|state| state[name].is_i64());
    ["leaderId", "leaderEpoch", "votedId", "data_version"].into_iter().all(is_number)
}

/// Is there a line that begins so, for each?
fn has_lines(bytes: &[u8], beginnings: &[&str]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    beginnings.iter().all(|beginning| text.lines().any(|line| line.starts_with(beginning)))
}

/// A word and a version, a word and a topic id (`PartitionMetadataReadBuffer`), whose last bits Java's decoder ignores.
fn is_partition_metadata(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let mut seconds = text.lines().map(|line| match line.split_ascii_whitespace().collect::<Vec<_>>()[..] {
        [_, second] => second,
        _ => "",
    });
    let is_version = |word: &str| word.parse().is_ok_and(|version: i32| version >= 0);
    let is_id =
        |word: &str| word.len() == 22 && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    seconds.next().is_some_and(is_version) && seconds.next().is_some_and(is_id)
}

/// A version, the number of entries, and as many lines with an entry each (`CheckpointFile.read`); or nothing behind the
/// version.
fn is_checkpoint(bytes: &[u8], is_entry: fn(&[&str]) -> bool) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let lines: Vec<&str> = text.lines().collect();
    let [version, count, entries @ ..] = &lines[..] else { return lines.is_empty() || lines == ["0"] };
    let is_entry = |line: &&str| is_entry(&line.split_ascii_whitespace().collect::<Vec<_>>());
    *version == "0" && count.parse() == Ok(entries.len()) && entries.iter().all(is_entry)
}

/// An epoch and an offset (`LeaderEpochCheckpointFile.Formatter`), neither negative (`LeaderEpochFileCache.assign`).
fn is_epoch_entry(words: &[&str]) -> bool {
    let [epoch, offset] = words else { return false };
    epoch.parse().is_ok_and(|epoch: i32| epoch >= 0) && offset.parse().is_ok_and(|offset: i64| offset >= 0)
}

/// A topic, a partition and an offset. Numbers that are none throw only when the broker begins to lead or follow, and to
/// a handler that goes on (`BrokerMetadataPublisher.onMetadataUpdate`).
fn is_offset_entry(words: &[&str]) -> bool {
    words.len() == 3
}

#[cfg(test)]
mod tests;
