//! The dialogue of a client as NDJSON: a header, then one object for each step.

use raft::client::{
    AttemptEvent, ClientConfig, ClientEffect, ClientInput, ClientShown, ConnectionShown, ConsumerOperation,
    LeaderShown, OffsetResetStrategy, PositionShown, ProducerOperation, SequencesShown, TopicPartition,
};
use raft::message::{Request, Response};
use serde_json::{Map, Value, json};
use sim::watch::Down;

use super::kafka_json::Messages;
use super::{ClientDialogue, Line, What};
use crate::workload::{ClientCall, ClientStep, KafkaClientRole};

/// The schema's id.
pub const SCHEMA_ID: &str = "kraftsim.client_dialogue.v1";

/// The lines; `run` is what the header says of the run.
pub fn text(dialogue: &ClientDialogue, run: Map<String, Value>) -> String {
    let mut text = String::new();
    let mut push = |line: Value| {
        text.push_str(&line.to_string());
        text.push('\n');
    };
    push(header(dialogue, run));
    let mut messages = Messages::default();
    dialogue.lines.iter().enumerate().for_each(|(step, line)| push(object(step, line, &mut messages)));
    text
}

fn header(dialogue: &ClientDialogue, run: Map<String, Value>) -> Value {
    let (role, client, mut properties) = match &dialogue.spec.role {
        KafkaClientRole::Producer { config, .. } => {
            let properties = json!({
                "acks": config.acks,
                "enable.idempotence": config.enable_idempotence,
                "retries": config.retries,
                "delivery.timeout.ms": config.delivery_timeout_ms,
                "linger.ms": config.linger_ms,
                "batch.size": config.batch_size,
                "max.in.flight.requests.per.connection": config.max_in_flight,
                "max.block.ms": config.max_block_ms,
                "max.request.size": config.max_request_size,
            });
            ("producer", &config.client, properties)
        }
        KafkaClientRole::Consumer { config } => {
            let reset = match config.auto_offset_reset {
                OffsetResetStrategy::Earliest => "earliest",
                OffsetResetStrategy::Latest => "latest",
                OffsetResetStrategy::None => "none",
            };
            let properties = json!({
                "auto.offset.reset": reset,
                "fetch.min.bytes": config.fetch_min_bytes,
                "fetch.max.wait.ms": config.fetch_max_wait_ms,
                "fetch.max.bytes": config.fetch_max_bytes,
                "max.partition.fetch.bytes": config.max_partition_fetch_bytes,
            });
            ("consumer", &config.client, properties)
        }
        KafkaClientRole::Admin { config, .. } => ("admin", &config.client, json!({})),
    };
    common(client, &mut properties);
    let mut header = json!({
        "schema": SCHEMA_ID,
        "kind": "header",
        "role": role,
        "bootstrap": client.bootstrap.iter().map(|node| node.0).collect::<Vec<_>>(),
        "topics": client.topics.iter().map(|name| &**name).collect::<Vec<_>>(),
        "properties": properties,
    });
    run.into_iter().for_each(|(key, value)| header[key] = value);
    header
}

fn common(client: &ClientConfig, properties: &mut Value) {
    for (name, value) in [
        ("request.timeout.ms", client.request_timeout_ms),
        ("retry.backoff.ms", client.retry_backoff_ms),
        ("retry.backoff.max.ms", client.retry_backoff_max_ms),
        ("metadata.max.age.ms", client.metadata_max_age_ms),
    ] {
        properties[name] = value.into();
    }
}

fn object(step: usize, line: &Line, messages: &mut Messages) -> Value {
    match &line.what {
        What::Boot { incarnation } => {
            json!({"kind": "boot", "step": step, "at_ns": line.at_ns, "incarnation": incarnation})
        }
        What::Step(lived) => step_object(step, line.at_ns, lived, messages),
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

fn step_object(step: usize, at_ns: u64, lived: &ClientStep, messages: &mut Messages) -> Value {
    let (cause, input) = input(&lived.input, messages);
    let effects = lived.effects.iter().filter_map(|effect| output(effect, messages));
    json!({
        "kind": "step",
        "step": step,
        "at_ns": at_ns,
        "mono_ns": lived.now.mono_ns,
        "wall_ms": lived.now.wall_ms,
        "cause": cause,
        "entries": input.into_iter().chain(effects).collect::<Vec<_>>(),
        "state": state(&lived.state),
    })
}

fn input(input: &ClientInput<ClientCall>, messages: &mut Messages) -> (&'static str, Option<Value>) {
    match input {
        // Kafka's class learns of a connection when it is ready, which is a matter of its NetworkClient.
        ClientInput::Opened { token, connection } => {
            messages.checking(*token, *connection);
            ("timer", None)
        }
        ClientInput::Response { token, response: Response::DiscoverVersions, .. } => {
            let connection = messages.checked(*token).map(|connection| connection.0);
            ("opened", Some(json!({"opened": {"token": token.0, "connection": connection}})))
        }
        ClientInput::Closed { token, .. } => ("closed", Some(json!({"closed": {"token": token.0}}))),
        ClientInput::Response { token, correlation_id, response } => {
            let (api, version, body) = messages.response(response);
            let (token, id) = (token.0, *correlation_id);
            let response = json!({"token": token, "correlation_id": id, "api": api, "version": version, "body": body});
            ("response", Some(json!({"response": response})))
        }
        ClientInput::Timer => ("timer", None),
        ClientInput::Operation(call) => {
            let (cause, entry) = operation(call);
            (cause, Some(entry))
        }
    }
}

fn operation(call: &ClientCall) -> (&'static str, Value) {
    match call {
        ClientCall::Consumer(ConsumerOperation::Subscribe { topics }) => {
            ("subscribe", json!({"subscribe": {"topics": topics.to_vec()}}))
        }
        ClientCall::Consumer(ConsumerOperation::Assign { partitions }) => {
            ("assign", json!({"assign": {"partitions": partitions.iter().map(pair).collect::<Vec<_>>()}}))
        }
        ClientCall::Consumer(ConsumerOperation::Seek { partition, offset }) => {
            ("seek", json!({"seek": {"partition": pair(partition), "offset": offset.0}}))
        }
        ClientCall::Producer(ProducerOperation::Send { partition, value }) => {
            ("send", json!({"send": {"partition": pair(partition), "value": value.to_string()}}))
        }
        ClientCall::Producer(ProducerOperation::Flush) => ("flush", json!({"flush": {}})),
    }
}

fn output(effect: &ClientEffect, messages: &mut Messages) -> Option<Value> {
    Some(match effect {
        ClientEffect::Connect { token, to } => json!({"connect": {"token": token.0, "to": to.0}}),
        ClientEffect::Request { request: Request::DiscoverVersions(_), .. } => return None,
        ClientEffect::Request { connection, correlation_id, request } => {
            let (api, version, body) = messages.request(request);
            let (connection, id) = (connection.0, *correlation_id);
            json!({"request": {
                "connection": connection, "correlation_id": id, "api": api, "version": version, "body": body,
            }})
        }
        ClientEffect::Close { token } => json!({"close": {"token": token.0}}),
        ClientEffect::Observe(AttemptEvent::PollRecords { partition, leader_epoch, count, .. }) => {
            json!({"batch": {"partition": pair(partition), "leader_epoch": leader_epoch.0, "count": count}})
        }
        ClientEffect::Observe(AttemptEvent::PollRecord { offset, value, .. }) => {
            json!({"record": {"offset": offset.0, "value": value.to_string()}})
        }
        ClientEffect::Observe(AttemptEvent::ConsumerError { partition, error }) => {
            json!({"throws": {"partition": pair(partition), "error": *error as i16}})
        }
        ClientEffect::Observe(AttemptEvent::BatchAcked { batch, base_offset }) => {
            json!({"acked": {"batch": batch, "base_offset": base_offset.0}})
        }
        ClientEffect::Observe(AttemptEvent::BatchFailed { batch, error }) => {
            json!({"failed": {"batch": batch, "error": *error as i16}})
        }
        ClientEffect::Observe(AttemptEvent::SendRefused { partition, value }) => {
            json!({"refused": {"partition": pair(partition), "value": value.to_string()}})
        }
        ClientEffect::Observe(AttemptEvent::ProducerFatal { error }) => json!({"fatal": {"error": *error as i16}}),
        ClientEffect::Observe(_) | ClientEffect::Arm { .. } | ClientEffect::Cancel => return None,
    })
}

fn state(state: &ClientShown) -> Value {
    let connection = |it: &ConnectionShown| {
        json!({
            "node": it.node.0,
            "token": it.token.map(|token| token.0),
            "connection": it.connection.map(|connection| connection.0),
            "retry_at_ms": it.retry_at_ms,
        })
    };
    let sequences = |it: &SequencesShown| {
        json!({
            "partition": pair(&it.partition),
            "next": it.next,
            "last_acked": it.last_acked,
            "in_flight": it.in_flight,
            "unresolved": it.is_unresolved,
        })
    };
    json!({
        "connections": state.connections.iter().map(connection).collect::<Vec<_>>(),
        "update_requested": state.update_requested,
        "nodes": state.nodes.iter().map(|node| node.0).collect::<Vec<_>>(),
        "leaders": state.leaders.iter().map(leader).collect::<Vec<_>>(),
        "positions": state.positions.iter().map(position).collect::<Vec<_>>(),
        "session": state.session.map(|(id, epoch)| json!([id.0, epoch])),
        "sequences": state.sequences.iter().map(sequences).collect::<Vec<_>>(),
    })
}

fn leader(it: &LeaderShown) -> Value {
    let (leader, epoch) = (it.leader.map(|leader| leader.0), it.epoch.map(|epoch| epoch.0));
    json!({"partition": pair(&it.partition), "leader": leader, "epoch": epoch})
}

fn position(it: &PositionShown) -> Value {
    let mut object = json!({"partition": pair(&it.partition), "state": it.state, "failed": it.failed});
    if let Some((offset, epoch, current)) = &it.position {
        object["offset"] = offset.0.into();
        object["offset_epoch"] = json!(epoch.map(|epoch| epoch.0));
        object["leader"] = json!(current.leader.map(|leader| leader.0));
        object["leader_epoch"] = json!(current.epoch.map(|epoch| epoch.0));
    }
    object
}

/// The topic as an index into the header's, and the partition.
fn pair(partition: &TopicPartition) -> Value {
    json!([partition.topic, partition.partition])
}
