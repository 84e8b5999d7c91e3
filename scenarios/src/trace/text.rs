//! A line as text. Addresses, directory ids, limits and absent fields are omitted; the trace file contains them.

use raft::ids::{TopicIdPartition, Uuid};
use raft::io::{Observation, Role};
use raft::message::Value;
use sim::fault::Fault;
use sim::process::Node;
use sim::watch::{Phase, Way};

use super::said::{self, Named};
use super::shown::{close_reason, content, disk_error, down, parts};
use super::{DiskAccess, Line, Stage, Trace, What};
use crate::actor::{Message, Said};

/// More elements of a list of numbers than this are counted.
const FEW: usize = 8;

/// Fields that are left out.
const LEFT_OUT: &[&str] = &[
    "clusterId",
    "voterDirectoryId",
    "replicaDirectoryId",
    "candidateDirectoryId",
    "nodeEndpoints",
    "leaderEndpoints",
    "endPoints",
    "listeners",
    "features",
    "incarnationId",
    "logDirs",
    "directories",
    "maxBytes",
    "partitionMaxBytes",
    "minBytes",
    "maxWaitMs",
    "timeoutMs",
    "sizeInBytes",
    "isMigratingZkBroker",
];

/// Does a text contain a name, and not only as a part of a longer one? A topic is contained in the names of its partitions.
pub fn contains_name(text: &str, name: &str) -> bool {
    let continues = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_end = |rest: &str| {
        let mut chars = rest.chars();
        match chars.next() {
            Some('.') => !chars.next().is_some_and(char::is_alphanumeric),
            next => !next.is_some_and(continues),
        }
    };
    let is_partition = |rest: &str| {
        let index = rest.strip_prefix('-').unwrap_or_default();
        let behind = index.trim_start_matches(|c: char| c.is_ascii_digit());
        behind.len() < index.len() && is_end(behind)
    };
    text.match_indices(name).any(|(at, _)| {
        let rest = &text[at + name.len()..];
        !text[..at].ends_with(continues) && (is_end(rest) || is_partition(rest))
    })
}

/// The state of a node in the quorum of controllers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    role: Role,
    epoch: i32,
}

impl std::fmt::Display for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", role_name(self.role), self.epoch)
    }
}

pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Unattached => "Unattached",
        Role::Prospective => "Prospective",
        Role::Candidate => "Candidate",
        Role::Leader => "Leader",
        Role::Follower => "Follower",
        Role::Resigned => "Resigned",
    }
}

impl Standing {
    /// The role's name, and the epoch.
    pub fn parts(self) -> (String, i32) {
        (role_name(self.role).to_owned(), self.epoch)
    }
}

/// The state of each node, while the lines are read in order.
#[derive(Clone, Debug)]
pub struct Standings(Vec<Option<Standing>>);

impl Standings {
    /// Before the first line.
    pub fn new(trace: &Trace) -> Standings {
        Standings(vec![None; trace.names().len()])
    }

    /// The state of a node after the lines so far; `None`: not a server, or down.
    pub fn of(&self, node: Node) -> Option<Standing> {
        self.0[usize::from(node.0)]
    }

    /// The state of the node after the next line; `None`: not a server, or down.
    pub fn after(&mut self, line: &Line) -> Option<Standing> {
        let here = &mut self.0[usize::from(line.node?.0)];
        match &line.what {
            What::Said(Said::Server(Observation::RoleChanged { role, epoch, .. })) => {
                *here = Some(Standing { role: *role, epoch: epoch.0 });
            }
            What::Down(_) | What::Booted => *here = None,
            _ => {}
        }
        *here
    }
}

impl Trace {
    /// Is a line omitted from a log? Lines of threads, timers and connections are in the trace file only.
    pub fn is_internal(&self, line: &Line) -> bool {
        matches!(
            line.what,
            What::TimerArmed(_)
                | What::TimerDisarmed
                | What::Posted(..)
                | What::Woken(_)
                | What::Connecting(_)
                | What::Connected(_)
                | What::Disk(DiskAccess::Fsync(_) | DiskAccess::Open { truncate: false, .. })
        )
    }

    /// Is it a client's node?
    pub fn is_client(&self, node: Node) -> bool {
        !["controller-", "broker-"].iter().any(|kind| self.name(node).starts_with(kind))
    }

    /// The text of a line; `fault` describes a fault.
    pub fn text(&self, line: &Line, fault: &dyn Fn(&Fault) -> String) -> String {
        let text = self.what_text(line, fault);
        match line.note.as_deref() {
            Some(Value::List(expired)) => format!("{text}: {}", self.list(expired)),
            Some(note) => format!("{text} by {}", self.value(note)),
            None => text,
        }
    }

    fn what_text(&self, line: &Line, fault: &dyn Fn(&Fault) -> String) -> String {
        match &line.what {
            What::Booted => format!("boots (incarnation {})", line.incarnation),
            What::Down(how) => format!("is down: {}", down(*how)),
            What::Halted { reason, fatal: true } => format!("halts by a fatal error: {reason}"),
            What::Halted { reason, fatal: false } => format!("halts: {reason}"),
            What::Message(stage, way, message) => self.message_text(*stage, *way, message),
            What::Connecting(peer) => format!("opens a connection to {}", self.name(*peer)),
            What::Connected(peer) => format!("connection to {} is open", self.peer(*peer)),
            What::Disconnected(peer, reason) => {
                format!("connection to {} is closed: {}", self.peer(*peer), close_reason(*reason))
            }
            What::TimerArmed(due_ns) => {
                format!("timer is armed for {}.{:06} s", due_ns / 1_000_000_000, due_ns / 1_000 % 1_000_000)
            }
            What::TimerDisarmed => "timer is disarmed".to_owned(),
            What::TimerFired => match self.thread(line) {
                Some(thread) => format!("timer of {thread} fires"),
                None => "timer fires".to_owned(),
            },
            What::Posted(_, word) | What::Woken(word) => format!("thread is woken: {word}"),
            What::Terminated => "receives SIGTERM".to_owned(),
            What::Thrown => "its next handler throws".to_owned(),
            What::Requested(operation) => format!("is asked for {}", self.requested(operation)),
            What::Disk(disk) => format!("{}{}", self.disk_text(disk), self.thread_text(line)),
            What::Said(said) => {
                let (name, fields) = said::of(said, self);
                let fields = self.fields(&fields);
                let colon = if fields.is_empty() { "" } else { ": " };
                format!("{name}{colon}{fields}{}", self.thread_text(line))
            }
            What::Fault(of, Phase::Start) => format!("FAULT begins: {}", fault(of)),
            What::Fault(of, Phase::End) => format!("FAULT ends: {}", fault(of)),
            What::Fault(of, Phase::Skipped) => format!("FAULT is skipped: {}", fault(of)),
            What::Healed => "all faults have ended".to_owned(),
            What::Broken(violation) => {
                format!("VIOLATION of {}: {}", violation.invariant, violation.detail)
            }
        }
    }

    /// The thread of the server.
    fn thread_text(&self, line: &Line) -> String {
        let of_server = line.node.is_some_and(|node| !self.is_client(node));
        self.thread(line).filter(|_| of_server).map_or(String::new(), |thread| format!(" [{thread}]"))
    }

    /// A partition by its topic's id in Kafka's notation: the topic's name and its index, with the beginning of the id if
    /// another topic had the same name.
    pub fn partition(&self, topic_id: &str, partition: i32) -> Option<String> {
        let topic_id = Uuid::parse(topic_id)?;
        Some(self.topics.partition(TopicIdPartition { topic_id, partition }.into()))
    }

    fn peer(&self, peer: Option<Node>) -> &str {
        peer.map_or("?", |peer| self.name(peer))
    }

    fn message_text(&self, stage: Stage, way: Way, message: &Message) -> String {
        let (id, apis, value) = parts(message);
        let (arrow, peer, then) = match stage {
            Stage::Sent => ("->", way.to, ""),
            Stage::Received => ("<-", way.from, ""),
            Stage::Blocked => ("-x", way.to, " does not get through and is sent again later"),
            Stage::Dropped => ("-x", way.to, " is lost"),
        };
        let response = if way.is_request { "" } else { " response" };
        // A lost message was shown when it was sent.
        let fields = match (&value, stage) {
            (Value::Struct(fields), Stage::Sent | Stage::Received) => format!(" {}", self.fields(fields)),
            _ => String::new(),
        };
        format!("{arrow} {} {}{response} #{id}{then}{}", self.name(peer), apis.join("/"), fields.trim_end())
    }

    fn disk_text(&self, disk: &DiskAccess) -> String {
        match disk {
            DiskAccess::Open { path, .. } => format!("creates or empties {path}"),
            DiskAccess::Write { path, offset, bytes } => {
                let content = content(bytes).map_or(String::new(), |content| format!(": {}", self.value(&content)));
                format!("writes {path} at {offset}, {} bytes{content}", bytes.len())
            }
            DiskAccess::Truncate { path, length } => format!("truncates {path} to {length} bytes"),
            DiskAccess::Rename { path, to } => format!("renames {path} to {to}"),
            DiskAccess::Delete { path } => format!("deletes {path}"),
            DiskAccess::Fsync(path) => format!("fsync of {}", path.as_deref().unwrap_or("the directory")),
            DiskAccess::Synced(Some(path), length) => format!("{path} is durable, {length} bytes"),
            DiskAccess::Synced(None, _) => "the directory is durable".to_owned(),
            DiskAccess::Failed(error) => format!("the disk fails with {}", disk_error(*error)),
            DiskAccess::Damaged => "durable bytes are destroyed".to_owned(),
        }
    }

    fn requested(&self, operation: &crate::workload::ClientOperation) -> String {
        let value = serde_json::to_value(operation).unwrap_or_default();
        match value {
            serde_json::Value::String(name) => name,
            value => value.to_string().replace(['{', '}', '"'], " ").split_whitespace().collect::<Vec<_>>().join(" "),
        }
    }

    /// Fields without the omitted ones.
    fn fields(&self, fields: &Named) -> String {
        let mut shown: Vec<String> = Vec::new();
        let mut rest = &fields[..];
        if let [(id, Value::Text(topic)), (index, Value::Number(partition)), ..] = rest
            && id == "topicId"
            && index == "partitionIndex"
        {
            let topic_id = Uuid::parse(topic).unwrap_or(Uuid::ZERO);
            let of = TopicIdPartition { topic_id, partition: *partition as i32 };
            shown.push(self.topics.partition(of.into()));
            rest = &rest[2..];
        }
        for (name, value) in rest {
            if is_left_out(name, value) {
                continue;
            }
            let value_text = match (name.as_str(), value) {
                ("topicId", Value::Text(id)) => self.topics.topic(Uuid::parse(id).unwrap_or(Uuid::ZERO)),
                _ => self.value(value),
            };
            match name.as_str() {
                "partition" | "type" => shown.push(value_text),
                "topicId" => shown.push(format!("topic={value_text}")),
                _ => shown.push(format!("{name}={value_text}")),
            }
        }
        shown.join(" ")
    }

    fn value(&self, value: &Value) -> String {
        match value {
            Value::Null => "none".to_owned(),
            Value::Bool(it) => it.to_string(),
            Value::Number(it) => it.to_string(),
            Value::Text(it) => it.replace('\n', "\\n"),
            Value::List(list) => format!("[{}]", self.list(list)),
            Value::Struct(fields) => match self.batch(value) {
                Some(batch) => batch,
                None => format!("({})", self.fields(fields)),
            },
        }
    }

    fn list(&self, list: &[Value]) -> String {
        let numbers = list.iter().all(|value| matches!(value, Value::Number(_)));
        if let (true, [first, .., last]) = (numbers && list.len() > FEW, list) {
            return format!("{}, … {}: {} in all", self.value(first), self.value(last), list.len());
        }
        list.iter().map(|value| self.value(value)).collect::<Vec<_>>().join(", ")
    }

    /// A batch: its offsets, epoch and records.
    fn batch(&self, value: &Value) -> Option<String> {
        let (Value::Number(first), Value::Number(last)) = (value.get("baseOffset")?, value.get("lastOffset")?) else {
            return None;
        };
        let epoch = value.get("partitionLeaderEpoch").map_or(String::new(), |epoch| self.value(epoch));
        let records = match value.get("records") {
            Some(Value::List(records)) => format!(": {}", self.list(records)),
            _ => String::new(),
        };
        Some(format!("{first}..{last} of epoch {epoch}{records}"))
    }
}

fn is_left_out(name: &str, value: &Value) -> bool {
    let is_metadata_topic = || matches!(value, Value::Text(id) if *id == Uuid::METADATA_TOPIC_ID.to_string());
    match value {
        Value::Null => true,
        Value::List(list) if list.is_empty() => name != "records",
        Value::Text(error) if error == "NONE" => true,
        // Of a PartitionChangeRecord: -2 is no change of the leader.
        Value::Number(-2) if name == "leader" => true,
        Value::Number(-1 | 0) if matches!(name, "logStartOffset" | "leaderRecoveryState") => true,
        _ => LEFT_OUT.contains(&name) || (name == "topicId" && is_metadata_topic()),
    }
}

#[cfg(test)]
mod tests {
    use super::contains_name;

    #[test]
    fn a_name_is_no_part_of_a_longer_one() {
        let text = "Fetch (topic-1-0 fetchOffset=5) errorCode=NOT_LEADER_OR_FOLLOWER at broker-101.";
        for name in ["topic-1-0", "topic-1", "NOT_LEADER_OR_FOLLOWER", "broker-101", "5"] {
            assert!(contains_name(text, name), "{name}");
        }
        for name in ["topic", "opic-1-0", "NOT_LEADER", "broker-10", "1-0", "topic-1-00"] {
            assert!(!contains_name(text, name), "{name}");
        }
    }
}
