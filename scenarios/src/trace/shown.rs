//! The kind and the named fields of a line in a trace file.

use raft::message::of_batch;
use raft::message::{Fields, Value};
use sim::process::{CloseReason, DiskError, Node};
use sim::watch::{Down, Phase, Way};

use super::said::{self, Named};
use super::{DiskAccess, Line, Stage, Trace, What};
use crate::actor::{Actor, Message};

/// A file with less text than this is shown.
const FEW_BYTES: usize = 256;

impl Trace {
    /// The kind of a line, and its fields.
    pub fn shown(&self, line: &Line) -> (&'static str, Named) {
        let name = |node: &Node| text(self.name(*node));
        match &line.what {
            What::Booted => ("boot", Named::new()),
            What::Down(how) => ("down", vec![field("how", text(down(*how)))]),
            What::Halted { reason, fatal } => {
                ("halt", vec![field("reason", text(reason)), field("fatal", Value::Bool(*fatal))])
            }
            What::Message(stage, way, message) => (stage.kind(), self.message(*stage, *way, message)),
            What::Connecting(peer) => ("connection_opening", vec![field("peer", name(peer))]),
            What::Connected(peer) => ("connection_opened", peer.iter().map(|peer| field("peer", name(peer))).collect()),
            What::Disconnected(peer, reason) => {
                let mut fields: Named = peer.iter().map(|peer| field("peer", name(peer))).collect();
                fields.push(field("reason", text(close_reason(*reason))));
                ("connection_closed", fields)
            }
            What::TimerArmed(due_ns) => ("timer_armed", vec![field("due_ns", number(*due_ns))]),
            What::TimerDisarmed => ("timer_disarmed", Named::new()),
            What::TimerFired => ("timer_fired", Named::new()),
            What::Posted(to, word) => {
                let to = <Actor as sim::process::Process>::THREADS.get(usize::from(to.0)).copied().unwrap_or("?");
                ("thread_post", vec![field("to", text(to)), field("word", text(word))])
            }
            What::Woken(word) => ("thread_word", vec![field("word", text(word))]),
            What::Terminated => ("sigterm", Named::new()),
            What::Thrown => ("exception", Named::new()),
            What::Requested(operation) => {
                ("operation", vec![field("operation", json(serde_json::to_value(operation).unwrap_or_default()))])
            }
            What::Disk(disk) => self.disk(disk),
            What::Said(said) => {
                let (name, fields) = said::of(said, self);
                let is_client = !matches!(said, crate::actor::Said::Server(_));
                let kind = if is_client { "client" } else { "state" };
                (kind, vec![field("what", text(name)), field("fields", Value::Struct(fields))])
            }
            What::Fault(fault, phase) => {
                let kind = match phase {
                    Phase::Start => "fault_begin",
                    Phase::End => "fault_end",
                    Phase::Skipped => "fault_skip",
                };
                let what = json(serde_json::to_value(&**fault).unwrap_or_default());
                (kind, vec![field("fault", text(fault.what.kind().name())), field("plan", what)])
            }
            What::Healed => ("healed", Named::new()),
            What::Broken(violation) => (
                "violation",
                vec![
                    field("invariant", text(&violation.invariant)),
                    field("spec", text(&violation.spec)),
                    field("detail", text(&violation.detail)),
                ],
            ),
        }
    }

    fn message(&self, stage: Stage, way: Way, message: &Message) -> Named {
        let peer = if stage == Stage::Received { way.from } else { way.to };
        let (id, apis, value) = parts(message);
        let mut fields = vec![
            field("peer", text(self.name(peer))),
            field("connection", text(&connection(way))),
            field("correlationId", Value::Number(i64::from(id))),
            field("api", text(apis[0])),
            field("request", Value::Bool(way.is_request)),
        ];
        fields.push(field("fields", value));
        fields
    }

    fn disk(&self, disk: &DiskAccess) -> (&'static str, Named) {
        let path = |path: &std::rc::Rc<str>| field("path", text(path));
        match disk {
            DiskAccess::Open { path: of, truncate } => {
                ("disk_open", vec![path(of), field("truncate", Value::Bool(*truncate))])
            }
            DiskAccess::Write { path: of, offset, bytes } => {
                let length = number(bytes.len() as u64);
                let mut fields = vec![path(of), field("offset", number(*offset)), field("length", length)];
                fields.extend(content(bytes).map(|content| field("content", content)));
                ("disk_write", fields)
            }
            DiskAccess::Truncate { path: of, length } => {
                ("disk_truncate", vec![path(of), field("length", number(*length))])
            }
            DiskAccess::Rename { path: of, to } => ("disk_rename", vec![path(of), field("to", text(to))]),
            DiskAccess::Delete { path: of } => ("disk_delete", vec![path(of)]),
            DiskAccess::Fsync(of) => ("disk_fsync", of.iter().map(path).collect()),
            DiskAccess::Synced(of, length) => {
                let mut fields: Named = of.iter().map(path).collect();
                if of.is_some() {
                    fields.push(field("length", number(*length)));
                }
                ("disk_synced", fields)
            }
            DiskAccess::Failed(error) => ("disk_error", vec![field("error", text(disk_error(*error)))]),
            DiskAccess::Damaged => ("disk_damaged", Named::new()),
        }
    }

    /// The APIs of a line: that of its message, and of the request inside an Envelope.
    pub fn apis(&self, line: &Line) -> Vec<&'static str> {
        match &line.what {
            What::Message(_, _, message) => parts(message).1,
            _ => Vec::new(),
        }
    }

    /// The correlation id of the message of a line.
    pub fn correlation_id(&self, line: &Line) -> Option<i32> {
        match &line.what {
            What::Message(_, _, message) => match &**message {
                Message::Request { correlation_id, .. } | Message::Response { correlation_id, .. } => {
                    Some(*correlation_id)
                }
            },
            _ => None,
        }
    }

    /// The name of a thread of a node.
    pub fn thread(&self, line: &Line) -> Option<&'static str> {
        let thread = line.thread?;
        let is_server = line.node.is_some_and(|node| !self.is_client(node));
        if is_server {
            <Actor as sim::process::Process>::THREADS.get(usize::from(thread.0)).copied()
        } else {
            Some("client")
        }
    }
}

impl Stage {
    fn kind(self) -> &'static str {
        match self {
            Stage::Sent => "message_sent",
            Stage::Received => "message_delivered",
            Stage::Blocked => "message_blocked",
            Stage::Dropped => "message_dropped",
        }
    }
}

/// Its correlation id, its APIs and its fields.
pub(super) fn parts(message: &Message) -> (i32, Vec<&'static str>, Value) {
    let rpc = message.rpc();
    let apis = [Some(rpc.name), rpc.inside].into_iter().flatten().collect();
    match message {
        Message::Request { correlation_id, request } => (*correlation_id, apis, request.value()),
        Message::Response { correlation_id, response } => (*correlation_id, apis, response.value()),
    }
}

/// A connection's slot, and which use of it.
fn connection(way: Way) -> String {
    format!("{}.{}", way.connection.0 & u64::from(u32::MAX), way.connection.0 >> 32)
}

/// The written bytes, if they are a batch or a short text.
pub(super) fn content(bytes: &[u8]) -> Option<Value> {
    of_batch(bytes).or_else(|| {
        let short = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= FEW_BYTES)?;
        let is_text = short.chars().all(|c| !c.is_control() || c == '\n');
        is_text.then(|| text(short))
    })
}

pub(super) fn down(how: Down) -> &'static str {
    match how {
        Down::Killed => "killed",
        Down::PowerLost => "power lost",
        Down::Halted { fatal: true } => "fatal error",
        Down::Halted { fatal: false } => "shut down",
        Down::Panicked => "panic",
    }
}

pub(super) fn close_reason(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Refused => "refused",
        CloseReason::Reset => "reset",
        CloseReason::Unreachable => "unreachable",
        CloseReason::Unresolved => "unresolved",
    }
}

pub(super) fn disk_error(error: DiskError) -> &'static str {
    match error {
        DiskError::Io => "EIO",
        DiskError::NoSpace => "ENOSPC",
    }
}

fn field(name: &str, value: Value) -> (String, Value) {
    (name.to_owned(), value)
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn number(n: u64) -> Value {
    n.value()
}

/// Its serde representation.
fn json(value: serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(it) => Value::Bool(it),
        serde_json::Value::Number(it) => it.as_i64().map_or_else(|| Value::Text(it.to_string()), Value::Number),
        serde_json::Value::String(it) => Value::Text(it),
        serde_json::Value::Array(list) => Value::List(list.into_iter().map(json).collect()),
        serde_json::Value::Object(fields) => {
            Value::Struct(fields.into_iter().map(|(name, value)| (name, json(value))).collect())
        }
    }
}
