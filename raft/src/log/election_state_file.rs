//! `quorum-state`: one line of JSON that survives a crash (consensus.md §1.5 and §8.2).

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::files::{Force, LogError, QUORUM_STATE, QUORUM_STATE_HANDLE, read_file, replace_file};
use crate::bugs::{Bug, Bugs};
use crate::ids::{LeaderEpoch, NodeId, ReplicaKey, Uuid};
use crate::io::{DurableFiles, Out};

/// Content of `quorum-state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElectionState {
    pub epoch: LeaderEpoch,
    /// Leader of that epoch, if known.
    pub leader_id: Option<NodeId>,
    /// Vote in that epoch, if given.
    pub voted: Option<ReplicaKey>,
}

/// The version of `quorum-state` (`KRaftVersion.quorumStateVersion`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuorumStateFormat<'a> {
    /// Of `kraft.version` 0.
    Version0 { voters: &'a [NodeId] },
    /// Of `kraft.version` 1.
    Version1,
}

/// Reads `quorum-state`; `Ok(None)` if absent. Supports versions 0 and 1.
pub fn read_election_state(files: &dyn DurableFiles) -> Result<Option<ElectionState>, LogError> {
    let Some(bytes) = read_file(QUORUM_STATE, files)? else {
        return Ok(None);
    };
    parse(&bytes).map(Some).map_err(|what| LogError::in_file(QUORUM_STATE, what))
}

/// Writes `quorum-state`: temp file, fsync, rename, directory fsync. Version 0 has no field for the directory id of the
/// vote: it is lost here, as in Kafka.
pub fn write_election_state(state: &ElectionState, format: QuorumStateFormat<'_>, bugs: Bugs, out: &mut Out) {
    let json = match format {
        QuorumStateFormat::Version0 { voters } => to_json(state, voters),
        QuorumStateFormat::Version1 if bugs.has(Bug::Kafka16526VotedDirectoryNotStored) => {
            let voted = state.voted.map(|voted| ReplicaKey { directory_id: None, ..voted });
            to_json_version_1(&ElectionState { voted, ..*state })
        }
        QuorumStateFormat::Version1 => to_json_version_1(state),
    };
    replace_file(QUORUM_STATE, QUORUM_STATE_HANDLE, json.as_bytes(), Force::durable(bugs), out);
}

fn to_json_version_1(state: &ElectionState) -> String {
    let leader_id = state.leader_id.unwrap_or(NodeId::NONE);
    let voted_id = state.voted.map_or(NodeId::NONE, |voted| voted.id);
    let directory_id = state.voted.and_then(|voted| voted.directory_id).unwrap_or(Uuid::ZERO);
    format!(
        r#"{{"leaderId":{leader_id},"leaderEpoch":{},"votedId":{voted_id},"votedDirectoryId":"{directory_id}","data_version":1}}"#,
        state.epoch
    )
}

fn to_json(state: &ElectionState, voters: &[NodeId]) -> String {
    let leader_id = state.leader_id.unwrap_or(NodeId::NONE);
    let voted_id = state.voted.map_or(NodeId::NONE, |voted| voted.id);
    let mut current_voters = String::new();
    for (index, voter) in voters.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(current_voters, r#"{comma}{{"voterId":{voter}}}"#).expect("writing to a String cannot fail");
    }
    format!(
        r#"{{"clusterId":"","leaderId":{leader_id},"leaderEpoch":{},"votedId":{voted_id},"appliedOffset":0,"currentVoters":[{current_voters}],"data_version":0}}"#,
        state.epoch
    )
}

fn parse(bytes: &[u8]) -> Result<ElectionState, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let line = text.lines().next().ok_or("the file ends before its first line")?;
    let value: Value = serde_json::from_str(line).map_err(|error| format!("not JSON: {error}"))?;
    let fields = value.as_object().ok_or("not a JSON object")?;
    match int::<i16>(fields, "data_version")? {
        0 => {
            check_unused_fields(fields)?;
            election_state(fields, None)
        }
        1 => election_state(fields, Some(uuid(fields, "votedDirectoryId")?)),
        version => Err(format!("data_version {version} is not within 0 and 1")),
    }
}

fn election_state(fields: &Map<String, Value>, voted_directory_id: Option<Uuid>) -> Result<ElectionState, String> {
    let leader_id = NodeId(int(fields, "leaderId")?).known();
    let epoch = LeaderEpoch(int(fields, "leaderEpoch")?);
    if epoch < LeaderEpoch(0) {
        return Err(format!("leaderEpoch {epoch} is negative"));
    }
    let directory_id = voted_directory_id.filter(|id| *id != Uuid::ZERO);
    let voted = NodeId(int(fields, "votedId")?).known().map(|id| ReplicaKey { id, directory_id });
    Ok(ElectionState { epoch, leader_id, voted })
}

/// Version 0 has unused fields, which Kafka's reader nevertheless requires.
fn check_unused_fields(fields: &Map<String, Value>) -> Result<(), String> {
    if !field(fields, "clusterId")?.is_string() {
        return Err("clusterId is not a string".into());
    }
    int::<i64>(fields, "appliedOffset")?;
    match field(fields, "currentVoters")? {
        Value::Null => Ok(()),
        Value::Array(voters) => voters.iter().try_for_each(|voter| {
            let voter = voter.as_object().ok_or("an entry of currentVoters is not an object")?;
            int::<i32>(voter, "voterId").map(|_| ())
        }),
        _ => Err("currentVoters is not an array".into()),
    }
}

fn field<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<&'a Value, String> {
    fields.get(name).ok_or_else(|| format!("the field {name} is missing"))
}

fn int<T: TryFrom<i64>>(fields: &Map<String, Value>, name: &str) -> Result<T, String> {
    let value = field(fields, name)?;
    let in_range = value.as_i64().and_then(|n| T::try_from(n).ok());
    in_range.ok_or_else(|| format!("{name} is {value}, not an integer in range"))
}

fn uuid(fields: &Map<String, Value>, name: &str) -> Result<Uuid, String> {
    let value = field(fields, name)?;
    value.as_str().and_then(Uuid::parse).ok_or_else(|| format!("{name} is {value}, not a UUID"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_0_is_written_as_kafka_writes_it() {
        let state = ElectionState { epoch: LeaderEpoch(2), leader_id: Some(NodeId(1)), voted: None };
        let golden = r#"{"clusterId":"","leaderId":1,"leaderEpoch":2,"votedId":-1,"appliedOffset":0,"currentVoters":[{"voterId":1}],"data_version":0}"#;
        assert_eq!(to_json(&state, &[NodeId(1)]), golden);
        assert_eq!(parse(golden.as_bytes()), Ok(state));

        let voted = Some(ReplicaKey { id: NodeId(3), directory_id: None });
        let state = ElectionState { epoch: LeaderEpoch(7), leader_id: None, voted };
        let json = to_json(&state, &[NodeId(1), NodeId(2), NodeId(3)]);
        assert!(json.contains(r#""currentVoters":[{"voterId":1},{"voterId":2},{"voterId":3}]"#), "{json}");
        assert_eq!(parse(json.as_bytes()), Ok(state));
    }

    #[test]
    fn version_1_is_written_and_read_as_kafka_does() {
        let text = r#"{"leaderId":-1,"leaderEpoch":2,"votedId":1,"votedDirectoryId":"J8aAPcfLQt2bqs1JT_rMgQ","data_version":1}"#;
        let voted = ReplicaKey { id: NodeId(1), directory_id: Uuid::parse("J8aAPcfLQt2bqs1JT_rMgQ") };
        let state = ElectionState { epoch: LeaderEpoch(2), leader_id: None, voted: Some(voted) };
        assert_eq!((parse(text.as_bytes()), to_json_version_1(&state)), (Ok(state), text.to_owned()));

        let no_vote = r#"{"leaderId":3,"leaderEpoch":2,"votedId":-1,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":1}"#;
        let state = ElectionState { epoch: LeaderEpoch(2), leader_id: Some(NodeId(3)), voted: None };
        assert_eq!((parse(no_vote.as_bytes()), to_json_version_1(&state)), (Ok(state), no_vote.to_owned()));
    }

    #[test]
    fn what_kafka_refuses_is_refused() {
        let refused = [
            ("", "ends before its first line"),
            ("7", "not a JSON object"),
            (r#"{"leaderId":1"#, "not JSON"),
            (r#"{"leaderId":1,"leaderEpoch":2,"votedId":-1}"#, "data_version is missing"),
            (r#"{"leaderId":1,"leaderEpoch":2,"votedId":-1,"data_version":2}"#, "data_version 2"),
            (r#"{"leaderId":1,"leaderEpoch":2,"votedId":-1,"data_version":1}"#, "votedDirectoryId is missing"),
            (r#"{"leaderId":1,"leaderEpoch":2,"votedId":-1,"data_version":0}"#, "clusterId is missing"),
        ];
        for (text, part) in refused {
            let error = parse(text.as_bytes()).expect_err(text);
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }
}
