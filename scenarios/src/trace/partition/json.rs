//! The dialogue of a replica as NDJSON: a header, then one object for each call.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use raft::broker::dialogue::{Fetch, Hosted, PartitionCall, PartitionState, PartitionStep};
use raft::broker::log::{AppendRefusal, LeaderAppend};
use raft::broker::partition::{PartitionRead, Replica};
use raft::broker::view::{BrokerView, PartitionView};
use raft::ids::{NodeId, OffsetAndEpoch, TopicIdPartition};
use raft::io::Now;
use raft::log::Records;
use raft::message::ErrorCode;
use raft::message::cluster::AlterPartitionItem;
use serde_json::{Map, Value, json};
use sim::watch::Down;

use super::{Around, Line, PartitionDialogue, What};

/// The schema's id.
pub const SCHEMA_ID: &str = "kraftsim.partition_dialogue.v1";

/// The lines; `run` is what the header says of the run.
pub fn text(dialogue: &PartitionDialogue, run: Map<String, Value>) -> String {
    let mut text = String::new();
    let mut push = |line: Value| {
        text.push_str(&line.to_string());
        text.push('\n');
    };
    push(header(dialogue, run));
    dialogue.lines.iter().enumerate().for_each(|(step, line)| push(object(step, line)));
    text
}

fn header(dialogue: &PartitionDialogue, run: Map<String, Value>) -> Value {
    let config = &dialogue.config;
    let mut header = json!({
        "schema": SCHEMA_ID,
        "kind": "header",
        "node": config.node_id.0,
        "partition": dialogue.partition,
        "properties": {
            "replica.lag.time.max.ms": config.replica_lag_time_max_ms,
            "min.insync.replicas": config.min_insync_replicas,
            "producer.id.expiration.ms": config.producer_id_expiration_ms,
            "message.max.bytes": config.log.max_message_bytes,
            "log.segment.bytes": config.log.segment_bytes,
            "log.roll.ms": config.log.segment_ms,
        },
    });
    run.into_iter().for_each(|(key, value)| header[key] = value);
    header
}

fn object(step: usize, line: &Line) -> Value {
    match &line.what {
        What::Boot { incarnation, disk } => {
            let files = disk.iter().map(|(path, bytes)| (path.to_string(), STANDARD.encode(bytes).into()));
            let disk = Value::Object(files.collect());
            json!({"kind": "boot", "step": step, "at_ns": line.at_ns, "incarnation": incarnation, "disk": disk})
        }
        What::Call { now, before, step: called } => call_object(step, line.at_ns, *now, before, called),
        What::Deleted { now } => {
            json!({
                "kind": "step", "step": step, "at_ns": line.at_ns, "mono_ns": now.mono_ns, "wall_ms": now.wall_ms,
                "cause": "delete", "entries": [], "state": null,
            })
        }
        What::Down { how } => {
            let how = match how {
                Down::Killed => "killed",
                Down::PowerLost => "power-lost",
                Down::Halted { .. } => "halted",
                Down::Panicked => "panicked",
            };
            json!({"kind": "down", "step": step, "at_ns": line.at_ns, "how": how})
        }
    }
}

fn call_object(step: usize, at_ns: u64, now: Now, before: &[Around], called: &PartitionStep) -> Value {
    let (cause, arguments, result) = call(&called.call, called.partition);
    let mut entries: Vec<Value> = before.iter().map(around).collect();
    entries.push(json!({"call": arguments}));
    entries.extend(result.map(|result| json!({"result": result})));
    json!({
        "kind": "step",
        "step": step,
        "at_ns": at_ns,
        "mono_ns": now.mono_ns,
        "wall_ms": now.wall_ms,
        "broker_epoch": called.broker_epoch.0,
        "cause": cause,
        "entries": entries,
        "state": state(&called.state),
    })
}

fn around(around: &Around) -> Value {
    match around {
        Around::Published { brokers } => json!({"brokers": brokers.iter().map(broker).collect::<Vec<_>>()}),
        Around::MinInsyncReplicas { value } => json!({"min_insync_replicas": {"value": value}}),
        Around::Submitted { item, is_accepted } => json!({"submit": submitted(item, *is_accepted)}),
    }
}

fn broker(broker: &BrokerView) -> Value {
    json!({
        "id": broker.id.0,
        "epoch": broker.epoch.0,
        "fenced": broker.fenced,
        "in_controlled_shutdown": broker.in_controlled_shutdown,
    })
}

fn submitted(item: &AlterPartitionItem, is_accepted: bool) -> Value {
    let isr: Vec<Value> =
        item.new_isr_with_epochs.iter().map(|member| json!([member.broker_id.0, member.broker_epoch.0])).collect();
    json!({
        "leader_epoch": item.leader_epoch.0,
        "partition_epoch": item.partition_epoch.0,
        "isr": isr,
        "accepted": is_accepted,
    })
}

/// Its name, arguments and result.
fn call(call: &PartitionCall, id: TopicIdPartition) -> (&'static str, Value, Option<Value>) {
    match call {
        PartitionCall::MakeLeader { view, hosted } => ("make-leader", registration(view, *hosted), None),
        PartitionCall::MakeFollower { view, hosted, new_epoch } => {
            ("make-follower", registration(view, *hosted), Some(json!({"new_epoch": new_epoch})))
        }
        PartitionCall::AppendAsLeader { records, acks, result } => {
            let result = match result {
                Ok(LeaderAppend::Appended { first, last } | LeaderAppend::Duplicate { first, last }) => {
                    json!({"first": first.0, "last": last.0})
                }
                Err(error) => failed(*error),
            };
            ("append-as-leader", json!({"records": batches(records), "acks": acks}), Some(result))
        }
        PartitionCall::CheckReached { required, result } => {
            let result = result.map_or_else(|| json!({"undecided": true}), failed);
            ("check-reached", json!({"required": required.0}), Some(result))
        }
        PartitionCall::FetchRecords { fetch, result } => {
            let result = result.as_ref().map_or_else(|error| failed(*error), read);
            ("fetch", fetch_object(fetch), Some(result))
        }
        PartitionCall::FetchOffset { replica_id, requested, result } => {
            let result = match result {
                Ok((offset, epoch)) => json!({"offset": offset.0, "epoch": epoch.0}),
                Err(error) => failed(*error),
            };
            let (epoch, timestamp) = (requested.current_leader_epoch.0, requested.timestamp);
            let arguments = json!({"replica_id": replica_id.0, "current_leader_epoch": epoch, "timestamp": timestamp});
            ("fetch-offset", arguments, Some(result))
        }
        PartitionCall::LastOffset { requested, result } => {
            let result = match result {
                Ok(end) => json!({"end": end.map(|end| pair(&end))}),
                Err(error) => failed(*error),
            };
            let (current, epoch) = (requested.current_leader_epoch.0, requested.leader_epoch.0);
            ("last-offset", json!({"current_leader_epoch": current, "leader_epoch": epoch}), Some(result))
        }
        PartitionCall::MaybeShrinkIsr => ("maybe-shrink-isr", json!({}), None),
        PartitionCall::AlterPartitionAnswered { result } => {
            let isr = ids(&result.isr);
            let arguments = json!({
                "error": result.error as i16,
                "leader": result.leader_id.0,
                "leader_epoch": result.leader_epoch.0,
                "isr": isr,
                "partition_epoch": result.partition_epoch.0,
            });
            ("alter-partition", arguments, None)
        }
        PartitionCall::AppendAsFollower { epoch, records, high_watermark, result } => {
            let result = match result {
                Ok(()) => json!({}),
                Err(AppendRefusal::Corrupt) => json!({"refused": "corrupt"}),
                Err(AppendRefusal::UnexpectedOffset) => json!({"refused": "offset"}),
            };
            let arguments = json!({"epoch": epoch.0, "records": batches(records), "high_watermark": high_watermark.0});
            ("append-as-follower", arguments, Some(result))
        }
        PartitionCall::TruncateTo { offset } => ("truncate", json!({"offset": offset.0}), None),
        PartitionCall::TruncateFullyAndStartAt { offset } => ("truncate-fully", json!({"offset": offset.0}), None),
        PartitionCall::RemoveExpiredProducers => {
            ("remove-expired-producers", json!({"topic_id": id.topic_id.to_string()}), None)
        }
    }
}

fn registration(view: &PartitionView, hosted: Hosted) -> Value {
    let hosted = match hosted {
        Hosted::Before => "before",
        Hosted::FromDisk => "from-disk",
        Hosted::New => "new",
    };
    json!({
        "topic_id": view.partition.topic_id.to_string(),
        "replicas": ids(&view.replicas),
        "isr": ids(&view.isr),
        "leader": view.leader.unwrap_or(NodeId::NONE).0,
        "leader_epoch": view.leader_epoch.0,
        "partition_epoch": view.partition_epoch.0,
        "min_insync_replicas": view.min_insync_replicas,
        "hosted": hosted,
    })
}

fn fetch_object(fetch: &Fetch) -> Value {
    let requested = &fetch.requested;
    json!({
        "replica_id": fetch.replica_id.0,
        "replica_epoch": fetch.replica_epoch.0,
        "current_leader_epoch": requested.current_leader_epoch.0,
        "fetch_offset": requested.fetch_offset.0,
        "last_fetched_epoch": requested.last_fetched_epoch.0,
        "log_start_offset": requested.log_start_offset.0,
        "max_bytes": fetch.max_bytes,
        "at_least_one": fetch.at_least_one,
        "updates_state": fetch.updates_state,
    })
}

fn read(read: &PartitionRead) -> Value {
    let bytes: usize = read.records.0.iter().map(|batch| batch.len_bytes()).sum();
    json!({
        "high_watermark": read.high_watermark.0,
        "log_start": read.log_start_offset.0,
        "log_end": read.log_end_offset.0,
        "diverging": read.diverging_epoch.as_ref().map(pair),
        "bytes": bytes,
        "last": read.records.0.last().map(|batch| batch.last_offset.0),
    })
}

fn failed(error: ErrorCode) -> Value {
    json!({"error": error as i16})
}

fn batches(records: &Records) -> Vec<String> {
    records.0.iter().map(|batch| STANDARD.encode(&batch.bytes)).collect()
}

fn ids(ids: &[NodeId]) -> Vec<i32> {
    ids.iter().map(|id| id.0).collect()
}

/// Epoch and offset.
fn pair(of: &OffsetAndEpoch) -> Value {
    json!([of.epoch.0, of.offset.0])
}

fn state(state: &PartitionState) -> Value {
    let (isr, proposed) = (&state.isr, state.isr.proposed());
    let replica = |replica: &Replica| {
        json!({
            "id": replica.broker_id.0,
            "log_end": replica.log_end.map(|end| end.0),
            "last_caught_up_ms": replica.last_caught_up_ms,
            "last_fetch_leader_log_end": replica.last_fetch_leader_log_end.0,
            "last_fetch_ms": replica.last_fetch_ms,
            "broker_epoch": replica.broker_epoch.map(|epoch| epoch.0),
        })
    };
    json!({
        "role": if state.is_leader { "leader" } else { "follower" },
        "leader": state.leader.unwrap_or(NodeId::NONE).0,
        "leader_epoch": state.leader_epoch.0,
        "leader_epoch_start": state.leader_epoch_start.map(|start| start.0),
        "partition_epoch": state.partition_epoch.0,
        "isr": ids(isr.effective()),
        "proposed": isr.is_in_flight().then(|| ids(&proposed)),
        "replicas": state.replicas.iter().map(replica).collect::<Vec<_>>(),
        "log_start": state.log_start.0,
        "log_end": state.log_end.0,
        "high_watermark": state.high_watermark.0,
        "epochs": state.epochs.iter().map(pair).collect::<Vec<_>>(),
    })
}
