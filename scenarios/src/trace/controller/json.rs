//! The dialogue of a `QuorumController` as NDJSON: a header, then one object for each step.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sim::watch::Down;

use super::kafka_json::{request, response};
use super::{ControllerDialogue, Entry, Line, RaftCall, State, What};

/// The schema's id.
pub const SCHEMA_ID: &str = "kraftsim.controller_dialogue.v1";

/// The lines; `run` is what the header says of the run.
pub fn text(dialogue: &ControllerDialogue, run: Map<String, Value>) -> String {
    let mut text = String::new();
    let mut push = |line: Value| {
        text.push_str(&line.to_string());
        text.push('\n');
    };
    push(header(dialogue, run));
    dialogue.lines.iter().enumerate().for_each(|(step, line)| push(object(step, line)));
    text
}

fn header(dialogue: &ControllerDialogue, run: Map<String, Value>) -> Value {
    let settings = &dialogue.settings;
    let feature = |feature: &raft::controller::settings::Feature| json!([&*feature.name, feature.level]);
    let mut header = json!({
        "schema": SCHEMA_ID,
        "kind": "header",
        "node": settings.node_id.0,
        "cluster_id": &*settings.cluster_id,
        "voters": settings.voters.iter().map(|voter| voter.0).collect::<Vec<_>>(),
        "kraft_version": settings.kraft_version,
        "bootstrap": settings.bootstrap.iter().map(feature).collect::<Vec<_>>(),
        "properties": {
            "broker.session.timeout.ms": settings.broker_session_timeout_ms,
            "broker.heartbeat.interval.ms": settings.broker_heartbeat_interval_ms,
            "metadata.max.idle.interval.ms": settings.max_idle_interval_ms,
            "num.partitions": settings.num_partitions,
            "default.replication.factor": settings.default_replication_factor,
            "min.insync.replicas": settings.min_insync_replicas,
            "unclean.leader.election.enable": settings.unclean_leader_election_enable,
            "delete.topic.enable": settings.delete_topic_enable,
            "auto.leader.rebalance.enable": settings.auto_leader_rebalance_enable,
            "leader.imbalance.check.interval.seconds": settings.leader_imbalance_check_interval_seconds,
            "unclean.leader.election.interval.ms": settings.unclean_leader_election_interval_ms,
        },
    });
    run.into_iter().for_each(|(key, value)| header[key] = value);
    header
}

fn object(step: usize, line: &Line) -> Value {
    let mut object = json!({
        "step": step,
        "at_ns": line.at_ns,
        "mono_ns": line.mono_ns,
        "wall_ms": line.wall_ms,
        "entries": line.entries.iter().map(entry).collect::<Vec<_>>(),
        "state": line.state.as_ref().map(state),
    });
    if !line.draws.is_empty() {
        object["draws"] = json!(line.draws);
    }
    match line.what {
        What::Boot { incarnation } => {
            object["kind"] = "boot".into();
            object["incarnation"] = incarnation.into();
        }
        What::Arrival => {
            object["kind"] = "step".into();
            object["cause"] = "arrival".into();
        }
        What::Step { event, timed_out } => {
            object["kind"] = "step".into();
            object["cause"] = event.unwrap_or("nothing").into();
            object["timed_out"] = timed_out.into();
        }
        What::Down { how } => {
            let how = match how {
                Down::Killed => "killed",
                Down::PowerLost => "power-lost",
                Down::Halted { .. } => "halted",
                Down::Panicked => "panicked",
            };
            return json!({"kind": "down", "step": step, "at_ns": line.at_ns, "how": how});
        }
    }
    object
}

fn entry(entry: &Entry) -> Value {
    match entry {
        Entry::Request { connection, correlation_id, request: content } => {
            let (api, version, forwarded, body) = request(content);
            let (connection, id) = (connection.0, *correlation_id);
            json!({"request": {
                "connection": connection, "correlation_id": id, "api": api, "version": version,
                "forwarded": forwarded, "body": body,
            }})
        }
        Entry::Answer { connection, correlation_id, response: content } => {
            let (api, version, forwarded, body) = response(content);
            let (connection, id) = (connection.0, *correlation_id);
            json!({"answer": {
                "connection": connection, "correlation_id": id, "api": api, "version": version,
                "forwarded": forwarded, "body": body,
            }})
        }
        Entry::Raft(None) => json!({"unseen": {}}),
        Entry::Raft(Some(RaftCall::Commit(records))) => {
            let batches: Vec<String> = records.0.iter().map(|batch| STANDARD.encode(&batch.bytes)).collect();
            let base = records.0.first().map(|batch| batch.base_offset.0);
            json!({"commit": {"base": base, "batches": batches}})
        }
        Entry::Raft(Some(RaftCall::LoadSnapshot { id, bytes })) => {
            json!({"load_snapshot": {"end": id.offset.0, "epoch": id.epoch.0, "bytes": STANDARD.encode(bytes)}})
        }
        Entry::Raft(Some(RaftCall::LeaderChange { leader, epoch, log_end })) => {
            json!({"leader_change": {"leader": leader.map(|leader| leader.0), "epoch": epoch.0, "log_end": log_end.0}})
        }
        Entry::Throws => json!({"throws": {}}),
        Entry::Append { epoch, records, result } => {
            let records: Vec<String> = records.iter().map(|record| STANDARD.encode(record)).collect();
            let mut append = json!({"epoch": epoch.0, "records": records});
            match result {
                Ok(offset) => append["offset"] = offset.0.into(),
                Err(error) => append["error"] = error.as_str().into(),
            }
            json!({"append": append})
        }
        Entry::Schedule { is_leader: true } => json!({"schedule": {}}),
        Entry::Schedule { is_leader: false } => json!({"schedule": {"error": "NotLeader"}}),
        Entry::Resign { epoch } => json!({"resign": {"epoch": epoch.0}}),
        Entry::Halt { reason } => json!({"halt": {"reason": &**reason}}),
    }
}

fn state(state: &State) -> Value {
    json!({
        "role": if state.claimed.is_some() { "active" } else { "standby" },
        "epoch": state.claimed.map(|epoch| epoch.0),
        "last_stable": state.last_stable.0,
    })
}
