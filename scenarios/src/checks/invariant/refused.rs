//! `DamagedFileRefused`: no process starts from a state file that it cannot read.
//!
//! What a file must look like is said by a reader of its own, which knows less of each format than Kafka's: it asks for
//! a refusal only where Kafka's readers throw for certain.

use raft::io::DurableFiles;

use crate::checks::check::Check;
use crate::checks::claim::{Claim, Claimed, claim};
use crate::checks::config::CheckConfig;
use crate::checks::event::{Crossing, Event, Kinds};
use crate::checks::models::Models;
use crate::checks::verdict::Verdict;

claim! {
    /// A process that finds a state file malformed or unreadable ends itself before it says anything to anybody.
    DamagedFileRefused, Safety of Server, "FileQuorumStateStore.readStateFromFile; MetaPropertiesEnsemble.Loader; PartitionMetadataFile.read; CheckpointFileWithFailureHandler.read";
}

/// All servers: the path of the file that each is to refuse.
#[derive(Clone, Debug)]
pub struct Refused {
    paths: Vec<Option<String>>,
}

impl Claimed for Refused {
    const CLAIM: Claim = DamagedFileRefused::CLAIM;
}

impl Check for Refused {
    const EVENTS: Kinds = Kinds::BOOTED.and(Kinds::DOWN).and(Kinds::REQUEST_SENT).and(Kinds::RESPONSE_SENT);

    fn new(config: &CheckConfig) -> Refused {
        Refused { paths: vec![None; config.timings.len()] }
    }

    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let path = &mut self.paths[crossing.server];
        match crossing.event {
            Event::Booted { .. } => path.clone_from(&models.servers[crossing.server].refuses),
            Event::Down { .. } => *path = None,
            _ => {
                if let Some(path) = path.take() {
                    let id = models.servers[crossing.server].id;
                    verdict.fail(&DamagedFileRefused::CLAIM, || format!("node {id} runs, and cannot have read {path}"));
                }
            }
        }
    }
}

/// The first file from which no process of Kafka starts.
pub fn first_refused(files: &dyn DurableFiles) -> Option<String> {
    let is_refused = |path: &str| {
        let Some(is_read) = reader_of(path) else { return false };
        files.is_unreadable(path) || files.read(path).is_some_and(|bytes| !is_read(&bytes))
    };
    files.paths().iter().find(|path| is_refused(path)).map(ToString::to_string)
}

/// What says whether the content of a file of this name may be read.
fn reader_of(path: &str) -> Option<fn(&[u8]) -> bool> {
    Some(match path.rsplit('/').next()? {
        "quorum-state" => is_quorum_state,
        "meta.properties" => |bytes| has_lines(bytes, &["version=1", "node.id=", "cluster.id="]),
        "partition.metadata" => |bytes| has_lines(bytes, &["version: 0", "topic_id: "]),
        "leader-epoch-checkpoint" => |bytes| is_checkpoint(bytes, 2),
        "replication-offset-checkpoint" => |bytes| is_checkpoint(bytes, 3),
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

/// A version, the number of entries, and as many lines of so many words; or nothing behind the version.
fn is_checkpoint(bytes: &[u8], words: usize) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let lines: Vec<&str> = text.lines().collect();
    let [version, count, entries @ ..] = &lines[..] else { return lines.is_empty() || lines == ["0"] };
    let is_entry = |line: &&str| line.split_ascii_whitespace().count() == words;
    *version == "0" && count.parse() == Ok(entries.len()) && entries.iter().all(is_entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kafka_reads_is_read() {
        let state = br#"{"clusterId":"","leaderId":1,"leaderEpoch":2,"votedId":-1,"appliedOffset":0,"currentVoters":[{"voterId":1}],"data_version":0}"#;
        assert!(is_quorum_state(state) && !is_quorum_state(&state[..40]) && !is_quorum_state(b""));
        for (good, words) in [("", 2), ("0", 2), ("0\n0\n", 2), ("0\n2\n1 0\n4 17\n", 2), ("0\n1\na 0 3\n", 3)] {
            assert!(is_checkpoint(good.as_bytes(), words), "{good:?}");
        }
        for bad in ["\0\0", "1\n0\n", "0\n1\n", "0\n1\na 0\n", "0\nx\n", "0\n0\n\n"] {
            assert!(!is_checkpoint(bad.as_bytes(), 3), "{bad:?}");
        }
        assert!(!is_checkpoint(b"0\n1\n\xff 0 1\n", 3));
        let read = reader_of("foo-0/partition.metadata").expect("known");
        assert!(read(b"version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ") && !read(b"version: 0\ntopic_\0\0\0"));
    }
}
