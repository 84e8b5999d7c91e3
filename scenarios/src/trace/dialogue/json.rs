//! The dialogue of a controller as NDJSON: a header, then one object for each step.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use raft::ids::OffsetAndEpoch;
use raft::io::{DialogueEntry, Role, ThreadName};
use raft::snapshot::BOOTSTRAP_SNAPSHOT_ID;
use raft::voter_set::{Endpoint, VoterNode};
use serde_json::{Map, Value, json};
use sim::watch::Down;

use super::kafka_json::{keyed, request, response};
use super::{Dialogue, Entry, Line, State, What};

/// The schema's id.
pub const SCHEMA_ID: &str = "kraftsim.dialogue.v1";

/// The lines; `run` is what the header says of the run.
pub fn text(dialogue: &Dialogue, run: Map<String, Value>) -> String {
    let mut text = String::new();
    let mut push = |line: Value| {
        text.push_str(&line.to_string());
        text.push('\n');
    };
    push(header(dialogue, run));
    dialogue.lines.iter().enumerate().for_each(|(step, line)| push(object(step, line)));
    text
}

fn header(dialogue: &Dialogue, run: Map<String, Value>) -> Value {
    let config = &dialogue.node.config;
    let voter = |voter: &raft::config::Voter| {
        let endpoint = &voter.endpoint;
        json!({"id": voter.id.0, "host": &*endpoint.host, "port": endpoint.port, "listener": &*endpoint.name})
    };
    // A node without `controller.quorum.voters` does not know them: they are in its log, or in those of others.
    let voters: Vec<Value> = config.voters.iter().filter(|_| !config.is_dynamic).map(voter).collect();
    let mut header = json!({
        "schema": SCHEMA_ID,
        "kind": "header",
        "node": config.node_id.0,
        "cluster_id": &*dialogue.node.cluster_id,
        "voters": voters,
        "kraft_version": dialogue.kraft_version,
        "endpoint": config.endpoint().map(endpoint),
        "listeners": dialogue.listeners().map(name).collect::<Vec<_>>(),
        "properties": {
            "controller.quorum.election.timeout.ms": config.election_timeout_ms,
            "controller.quorum.fetch.timeout.ms": config.fetch_timeout_ms,
            "controller.quorum.election.backoff.max.ms": config.election_backoff_max_ms,
            "controller.quorum.append.linger.ms": config.append_linger_ms,
            "controller.quorum.request.timeout.ms": config.request_timeout_ms,
            "controller.quorum.retry.backoff.ms": config.retry_backoff_ms,
            "controller.quorum.fetch.max.bytes": config.fetch_max_bytes,
            "metadata.log.segment.bytes": config.segment_bytes,
            "metadata.log.segment.ms": config.segment_ms,
            "metadata.max.retention.bytes": config.retention_max_bytes,
            "metadata.max.retention.ms": config.retention_ms,
            "controller.quorum.fetch.snapshot.max.bytes": config.fetch_snapshot_max_bytes,
        },
    });
    if !config.bootstrap_servers.is_empty() {
        let servers: Vec<String> = config.bootstrap_servers.iter().map(ToString::to_string).collect();
        header["properties"]["controller.quorum.bootstrap.servers"] = servers.join(",").into();
        header["properties"]["controller.quorum.auto.join.enable"] = config.auto_join.into();
    }
    run.into_iter().for_each(|(key, value)| header[key] = value);
    header
}

fn endpoint(endpoint: &Endpoint) -> Value {
    json!({"name": &*endpoint.name, "host": &*endpoint.host, "port": endpoint.port})
}

fn object(step: usize, line: &Line) -> Value {
    let mut object = json!({
        "step": step,
        "at_ns": line.at_ns,
        "mono_ns": line.mono_ns,
        "wall_ms": line.wall_ms,
        "draws": line.draws,
        "entries": line.entries.iter().map(entry).collect::<Vec<_>>(),
        "state": line.state.as_ref().map(state),
    });
    match &line.what {
        What::Boot { incarnation, directory_id, endpoint: own, disk } => {
            object["kind"] = "boot".into();
            if let Some(own) = own {
                object["endpoint"] = endpoint(own);
            }
            object["incarnation"] = (*incarnation).into();
            object["directory_id"] = directory_id.map(|id| id.to_string()).into();
            let files = disk.iter().map(|(path, bytes)| (path.to_string(), STANDARD.encode(bytes).into()));
            object["disk"] = Value::Object(files.collect());
        }
        What::Step { cause } => {
            object["kind"] = "step".into();
            object["cause"] = (*cause).into();
        }
        What::Aside => object["kind"] = "aside".into(),
        What::Down { how, settled } => {
            let how = match how {
                Down::Killed => "killed",
                Down::PowerLost => "power-lost",
                Down::Halted { .. } => "halted",
                Down::Panicked => "panicked",
            };
            return json!({"kind": "down", "step": step, "at_ns": line.at_ns, "how": how, "settled": settled});
        }
    }
    object
}

fn entry(entry: &Entry) -> Value {
    match entry {
        Entry::Request { connection, correlation_id, request: content } => {
            let (api, version, body) = request(content);
            let (connection, id) = (connection.0, *correlation_id);
            keyed(
                "request",
                json!({"connection": connection, "correlation_id": id, "api": api, "version": version, "body": body}),
            )
        }
        Entry::Answer { connection, correlation_id, response: content } => {
            let (api, version, body) = response(content);
            let (connection, id) = (connection.0, *correlation_id);
            keyed(
                "answer",
                json!({"connection": connection, "correlation_id": id, "api": api, "version": version, "body": body}),
            )
        }
        Entry::Raft(entry) => raft_entry(entry),
        Entry::Appended { bytes } => keyed("appended", json!({"batches": [STANDARD.encode(bytes)]})),
        Entry::Flushed => keyed("flushed", json!({})),
        Entry::Truncated { end } => keyed("truncated", json!({"end": end.0})),
        Entry::QuorumState { bytes } => keyed("quorum_state", serde_json::from_slice(bytes).unwrap_or(Value::Null)),
        Entry::HighWatermark { offset, epoch } => {
            keyed("high_watermark", json!({"offset": offset.0, "epoch": epoch.0}))
        }
        Entry::SnapshotWritten { id, bytes } => {
            of_snapshot("snapshot_written", *id, [("bytes", STANDARD.encode(bytes).into())])
        }
        Entry::SnapshotFrozen { id, forced } => of_snapshot("snapshot_frozen", *id, [("forced", (*forced).into())]),
        Entry::SnapshotClosed { id } => of_snapshot("snapshot_closed", *id, []),
        Entry::SnapshotExpired { id } => of_snapshot("snapshot_expired", *id, []),
        Entry::FreezeSnapshot { id, forced } => of_snapshot("freeze_snapshot", *id, [("forced", (*forced).into())]),
        Entry::DeleteSnapshot { id } => of_snapshot("delete_snapshot", *id, []),
        Entry::Halt { reason, fatal } => keyed("halt", json!({"reason": &**reason, "fatal": fatal})),
    }
}

fn raft_entry(entry: &DialogueEntry) -> Value {
    match entry {
        DialogueEntry::Inbound { from, correlation_id, result: Ok(content) } => {
            let (api, version, body) = response(content);
            let (to, id) = (from.0, *correlation_id);
            keyed("response", json!({"to": to, "correlation_id": id, "api": api, "version": version, "body": body}))
        }
        DialogueEntry::Inbound { from, correlation_id, result: Err(error) } => {
            keyed("failure", json!({"to": from.0, "correlation_id": correlation_id, "error": error}))
        }
        DialogueEntry::Expired { connection, correlation_id } => {
            keyed("expired", json!({"connection": connection.0, "correlation_id": correlation_id}))
        }
        DialogueEntry::Prepared { epoch, records, result } => {
            let records: Vec<String> = records.iter().map(|record| STANDARD.encode(record)).collect();
            let mut append = json!({"epoch": epoch.0, "records": records});
            match result {
                Ok(offset) => append["offset"] = offset.0.into(),
                Err(error) => append["error"] = error.as_str().into(),
            }
            keyed("append", append)
        }
        DialogueEntry::Scheduled { .. } => keyed("schedule", json!({})),
        DialogueEntry::ShutDown => keyed("shutdown", json!({"timeout_ms": 5000})),
        DialogueEntry::Resigned { epoch } => keyed("resign", json!({"epoch": epoch.0})),
        DialogueEntry::KRaftVersionUpgraded { epoch, level, validate_only, result } => {
            let error = result.err().unwrap_or_default() as i16;
            keyed(
                "upgrade_kraft_version",
                json!({"epoch": epoch.0, "level": level, "validate_only": validate_only, "error_code": error}),
            )
        }
        DialogueEntry::Read { listener, ordinal, end } => {
            keyed("read", json!({"listener": name(*listener), "ordinal": ordinal, "end": end.0}))
        }
        DialogueEntry::Sent { to, port, correlation_id, request: content } => {
            let (api, version, body) = request(content);
            let (to, id) = (to.0, *correlation_id);
            keyed(
                "send",
                json!({"to": to, "port": port, "correlation_id": id, "api": api, "version": version, "body": body}),
            )
        }
        DialogueEntry::Committed { listener, ordinal, base_offset, end } => keyed(
            "commit",
            json!({
                "listener": name(*listener),
                "ordinal": ordinal,
                "base": base_offset.0,
                "end": end.map(|end| end.0),
            }),
        ),
        DialogueEntry::SnapshotLoaded { listener, id } => {
            let kind = if *id == BOOTSTRAP_SNAPSHOT_ID { "load_bootstrap" } else { "load_snapshot" };
            of_snapshot(kind, *id, [("listener", name(*listener).into())])
        }
        DialogueEntry::LogReplaced { id } => of_snapshot("log_replaced", *id, []),
        DialogueEntry::SnapshotCreated { id, log_timestamp_ms, result } => {
            let created = match result {
                Ok(bytes) => ("bytes", bytes.as_deref().map(|bytes| STANDARD.encode(bytes)).into()),
                Err(error) => ("error", error.as_str().into()),
            };
            of_snapshot("create_snapshot", *id, [("log_timestamp_ms", (*log_timestamp_ms).into()), created])
        }
        DialogueEntry::SnapshotClosed { id } => of_snapshot("close_snapshot", *id, []),
        DialogueEntry::LeaderChanged { listener, leader, epoch } => keyed(
            "leader_change",
            json!({"listener": name(*listener), "leader": leader.map(|leader| leader.0), "epoch": epoch.0}),
        ),
        DialogueEntry::Waits { ms } => keyed("wait", json!({"ms": ms})),
        DialogueEntry::Effect(_)
        | DialogueEntry::Event { .. }
        | DialogueEntry::Throws
        | DialogueEntry::HandlesCommit { .. }
        | DialogueEntry::HandlesLoadSnapshot { .. }
        | DialogueEntry::SnapshotFrozen { .. }
        | DialogueEntry::HandlesLeaderChange { .. }
        | DialogueEntry::Partition(_) => Value::Null,
    }
}

fn state(state: &State) -> Value {
    let role = match state.role {
        Role::Unattached => "unattached",
        Role::Prospective => "prospective",
        Role::Candidate => "candidate",
        Role::Leader => "leader",
        Role::Follower => "follower",
        Role::Resigned => "resigned",
    };
    json!({
        "role": role,
        "epoch": state.epoch.0,
        "leader": state.leader.map(|leader| leader.0),
        "voted": state.voted.map(|voted| voted.0),
        "high_watermark": state.high_watermark.map(|offset| offset.0),
        "log_start": state.log_start.0,
        "log_end": state.log_end.0,
        "last_epoch": state.last_epoch.0,
        "earliest_snapshot": state.earliest_snapshot.map(snapshot_id),
        "latest_snapshot": state.latest_snapshot.map(snapshot_id),
        "kraft_version": state.kraft_version,
        "voters": state.voters.nodes().iter().map(voter).collect::<Vec<_>>(),
    })
}

/// A member of a voter set.
fn voter(voter: &VoterNode) -> Value {
    json!({
        "id": voter.id.0,
        "directory_id": voter.directory_id.map(|id| id.to_string()),
        "endpoints": voter.endpoints.iter().map(endpoint).collect::<Vec<_>>(),
        "min_kraft_version": voter.supported.min_supported_version,
        "max_kraft_version": voter.supported.max_supported_version,
    })
}

fn snapshot_id(id: OffsetAndEpoch) -> Value {
    json!({"end": id.offset.0, "epoch": id.epoch.0})
}

fn of_snapshot<const N: usize>(kind: &str, id: OffsetAndEpoch, fields: [(&str, Value); N]) -> Value {
    let mut body = snapshot_id(id);
    fields.into_iter().for_each(|(field, value)| body[field] = value);
    keyed(kind, body)
}

/// The name of a listener.
fn name(listener: ThreadName) -> &'static str {
    match listener {
        ThreadName::ControllerEventQueue => "controller",
        _ => "metadata-loader",
    }
}
