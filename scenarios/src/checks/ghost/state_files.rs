//! What the small files of the metadata partition say (consensus.md §8.1 and §8.2), read by the
//! checks' own eyes: the node's reader is part of what is checked.

use std::fmt;

use raft::ids::{LeaderEpoch, NodeId, Offset, OffsetAndEpoch};
use serde::Deserialize;

/// Epoch, leader and vote of a `quorum-state` file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Election {
    /// Current epoch.
    pub epoch: LeaderEpoch,
    /// Its leader, if known.
    pub leader: Option<NodeId>,
    /// The vote in it, if given.
    pub voted: Option<NodeId>,
}

impl fmt::Display for Election {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "epoch {}", self.epoch)?;
        match self.voted {
            Some(voted) => write!(f, ", a vote for node {voted}")?,
            None => f.write_str(", no vote")?,
        }
        match self.leader {
            Some(leader) => write!(f, " and node {leader} as leader"),
            None => f.write_str(" and no leader"),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QuorumStateFile {
    leader_id: i32,
    leader_epoch: i32,
    voted_id: i32,
}

/// `None` if the bytes are no `quorum-state`.
pub fn parse_quorum_state(bytes: &[u8]) -> Option<Election> {
    let file: QuorumStateFile = serde_json::from_slice(bytes).ok()?;
    Some(Election {
        epoch: LeaderEpoch(file.leader_epoch),
        leader: NodeId(file.leader_id).known(),
        voted: NodeId(file.voted_id).known(),
    })
}

/// Adds the entries of a `leader-epoch-checkpoint` to `entries`, which is emptied first.
pub fn parse_epoch_checkpoint(bytes: &[u8], entries: &mut Vec<OffsetAndEpoch>) {
    entries.clear();
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    for line in text.lines().skip(2) {
        if let Some((epoch, offset)) = line.split_once(' ')
            && let (Ok(epoch), Ok(offset)) = (epoch.parse(), offset.parse())
        {
            entries.push(OffsetAndEpoch { epoch: LeaderEpoch(epoch), offset: Offset(offset) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kafkas_files_are_read() {
        let line = br#"{"clusterId":"","leaderId":1,"leaderEpoch":2,"votedId":-1,"appliedOffset":0,"currentVoters":[{"voterId":1}],"data_version":0}"#;
        let expected = Election { epoch: LeaderEpoch(2), leader: Some(NodeId(1)), voted: None };
        assert_eq!(parse_quorum_state(line), Some(expected));
        assert_eq!(parse_quorum_state(b"torn{"), None);
        let mut entries = Vec::new();
        parse_epoch_checkpoint(b"0\n2\n1 0\n4 17\n", &mut entries);
        assert_eq!(entries.last(), Some(&OffsetAndEpoch { epoch: LeaderEpoch(4), offset: Offset(17) }));
        assert_eq!(entries.len(), 2);
    }
}
