//! The lines of a trace as columns: what is omitted from a log is omitted here, and causes lead past it.

use std::collections::BTreeMap;

use scenarios::actor::Said;
use scenarios::trace::{DiskAccess, Line, Relation, Stage, Trace, Value, What};
use serde::Serialize;
use serde_json::{Map, Value as Json};
use sim::fault::Fault;
use sim::process::Node;
use sim::watch::Phase;

const METADATA_LOG: &str = "__cluster_metadata-0";
const PARTITION_METADATA: &str = "partition.metadata";
const FIRST_SEGMENT: &str = "00000000000000000000.log";
/// Where it is in a batch.
const LAST_OFFSET_DELTA: usize = 23;

/// One entry for each line, if not said otherwise; a line is called by its place among them.
#[derive(Debug, Default, Serialize)]
pub struct Columns {
    /// Time since the line before, ns.
    at: Vec<u64>,
    /// Number of its event, as the difference from the line before.
    event: Vec<u64>,
    /// The node by its number, -1 for none.
    node: Vec<i32>,
    /// Place in `kinds`.
    kind: Vec<u8>,
    /// How many lines before is its cause; 0: none.
    cause: Vec<u32>,
    /// Of each line one digit, how it is related to the violation: 0 not at all, 1 it may have led to it, 2 it is one of
    /// its causes, 3 it is the violation.
    relation: String,
    kinds: Vec<&'static str>,
    /// An API, or that of an envelope and the one inside: `Envelope/CreateTopics`.
    apis: Vec<String>,
    messages: Messages,
    states: States,
    /// Of each line that is shown, where it is; for lines of the trace.
    #[serde(skip)]
    pub place: Vec<Option<u32>>,
    /// By node and directory: the partition whose log is there. A topic that is created again has the same directory.
    #[serde(skip)]
    partitions: BTreeMap<(Node, String), String>,
    #[serde(skip)]
    pub texts: Vec<String>,
}

/// Of the lines about messages, which are those of kind sent, received, blocked and dropped, in their order: place in
/// `apis`, the node at the other end, and is it a request?
#[derive(Debug, Default, Serialize)]
struct Messages {
    api: Vec<u16>,
    peer: Vec<u16>,
    is_request: Vec<u8>,
}

/// Of the lines about the state of a server: line, what it says, and its fields.
#[derive(Debug, Default, Serialize)]
struct States {
    line: Vec<u32>,
    what: Vec<String>,
    fields: Vec<Map<String, Json>>,
}

impl Columns {
    pub fn of(trace: &Trace, fault: &dyn Fn(&Fault) -> String) -> Columns {
        let mut columns = Columns { place: vec![None; trace.lines.len()], ..Columns::default() };
        let relations = trace.violation().map(|line| trace.related_to(line));
        let (mut kinds, mut apis) = (BTreeMap::new(), BTreeMap::new());
        let (mut at_ns, mut event) = (0, 0);
        for (number, line) in trace.lines.iter().enumerate() {
            if trace.is_internal(line) {
                continue;
            }
            let place = columns.at.len() as u32;
            columns.place[number] = Some(place);
            columns.at.push(line.at_ns - at_ns);
            columns.event.push(line.event - event);
            (at_ns, event) = (line.at_ns, line.event);
            columns.node.push(line.node.map_or(-1, |node| i32::from(node.0)));
            columns.kind.push(numbered(&mut kinds, &mut columns.kinds, kind(line)) as u8);
            let cause = columns.shown_cause(trace, line);
            columns.cause.push(cause.map_or(0, |cause| place - cause));
            columns.relation.push(match relations.as_ref().map_or(Relation::None, |relations| relations[number]) {
                Relation::None => '0',
                Relation::Past => '1',
                Relation::Chain => '2',
                Relation::Itself => '3',
            });
            if let What::Message(stage, way, _) = &line.what {
                let peer = if *stage == Stage::Received { way.from } else { way.to };
                let api = trace.apis(line).join("/");
                columns.messages.api.push(numbered(&mut apis, &mut columns.apis, api) as u16);
                columns.messages.peer.push(peer.0);
                columns.messages.is_request.push(way.is_request.into());
            }
            columns.state(trace, line, place);
            columns.texts.push(trace.text(line, fault));
        }
        columns
    }

    /// The nearest of its causes that is shown.
    fn shown_cause(&self, trace: &Trace, line: &Line) -> Option<u32> {
        let mut cause = line.cause?;
        loop {
            if let Some(place) = self.place[cause as usize] {
                return Some(place);
            }
            cause = trace.lines[cause as usize].cause?;
        }
    }

    fn state(&mut self, trace: &Trace, line: &Line, place: u32) {
        let (kind, fields) = match &line.what {
            What::Said(_) => trace.shown(line),
            What::Booted => return self.push_state(place, "Booted", Map::new()),
            What::Down(_) => return self.push_state(place, "Down", Map::new()),
            What::Disk(DiskAccess::Write { path, bytes, .. }) => {
                self.identified(trace, line.node, path, bytes);
                return self.written(place, line.node, path, bytes);
            }
            What::Disk(DiskAccess::Delete { path }) => return self.deleted(place, line.node, path),
            _ => return,
        };
        if kind != "state" {
            return;
        }
        let mut fields = fields.into_iter().map(|(_, value)| json(value));
        if let (Some(Json::String(what)), Some(Json::Object(fields))) = (fields.next(), fields.next()) {
            self.push_state(place, &what, fields);
        }
    }

    /// `partition.metadata` says which topic's partition a directory is of.
    fn identified(&mut self, trace: &Trace, node: Option<Node>, path: &str, bytes: &[u8]) {
        let Some((log, _)) = path.rsplit_once('/').filter(|(_, file)| file.starts_with(PARTITION_METADATA)) else {
            return;
        };
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        let id = text.lines().find_map(|line| line.strip_prefix("topic_id: "));
        let index = log.rsplit_once('-').and_then(|(_, index)| index.parse().ok());
        let name = id.zip(index).and_then(|(id, index)| trace.partition(id, index));
        if let Some((node, name)) = node.zip(name) {
            self.partitions.insert((node, log.to_owned()), name);
        }
    }

    /// A write of batches moves the end of a log.
    fn written(&mut self, place: u32, node: Option<Node>, path: &str, bytes: &[u8]) {
        let Some((log, _)) = path.rsplit_once('/').filter(|(_, file)| file.ends_with(".log")) else { return };
        let Some(end) = end_of_batches(bytes) else { return };
        let mut fields = Map::new();
        if log != METADATA_LOG {
            fields.insert("partition".to_owned(), self.partition_in(node, log).into());
        }
        fields.insert("end".to_owned(), end.into());
        self.push_state(place, "Written", fields);
    }

    /// A partition is deleted with its log.
    fn deleted(&mut self, place: u32, node: Option<Node>, path: &str) {
        if let Some((log, _)) =
            path.rsplit_once('/').filter(|(log, file)| *log != METADATA_LOG && *file == FIRST_SEGMENT)
        {
            let partition = self.partition_in(node, log);
            self.push_state(place, "Deleted", Map::from_iter([("partition".to_owned(), partition.into())]));
        }
    }

    /// The partition whose log is in a directory.
    fn partition_in(&self, node: Option<Node>, log: &str) -> String {
        let known = node.and_then(|node| self.partitions.get(&(node, log.to_owned())));
        known.map_or_else(|| log.to_owned(), String::clone)
    }

    fn push_state(&mut self, place: u32, what: &str, fields: Map<String, Json>) {
        self.states.line.push(place);
        self.states.what.push(what.to_owned());
        self.states.fields.push(fields);
    }
}

/// The offset after the last of these batches (`DefaultRecordBatch`: base offset, length, …, last offset delta).
fn end_of_batches(mut bytes: &[u8]) -> Option<i64> {
    let mut end = None;
    while let Some((base, rest)) = bytes.split_first_chunk::<8>() {
        let length = i32::from_be_bytes(*rest.first_chunk::<4>()?);
        let delta = i32::from_be_bytes(*bytes.get(LAST_OFFSET_DELTA..)?.first_chunk::<4>()?);
        end = Some(i64::from_be_bytes(*base).checked_add(i64::from(delta))?.checked_add(1)?);
        bytes = bytes.get(12 + usize::try_from(length).ok()?..)?;
    }
    end
}

/// The place of a name in a list, to which it is added if it is new.
fn numbered<T: Ord + Clone>(numbers: &mut BTreeMap<T, usize>, names: &mut Vec<T>, name: T) -> usize {
    *numbers.entry(name.clone()).or_insert_with(|| {
        names.push(name);
        names.len() - 1
    })
}

/// What the page distinguishes.
fn kind(line: &Line) -> &'static str {
    match &line.what {
        What::Message(Stage::Sent, ..) => "sent",
        What::Message(Stage::Received, ..) => "received",
        What::Message(Stage::Blocked, ..) => "blocked",
        What::Message(Stage::Dropped, ..) => "dropped",
        What::Booted => "boot",
        What::Down(_) | What::Halted { .. } | What::Terminated => "down",
        What::Connecting(_) | What::Connected(_) | What::Disconnected(..) => "connection",
        What::TimerArmed(_) | What::TimerDisarmed | What::TimerFired => "timer",
        What::Posted(..) | What::Woken(_) => "thread",
        What::Requested(_) => "client",
        What::Said(Said::Server(_)) => "state",
        What::Said(_) => "client",
        What::Disk(DiskAccess::Failed(_) | DiskAccess::Damaged) | What::Thrown => "error",
        What::Disk(_) => "disk",
        What::Fault(_, Phase::Start) => "fault",
        What::Fault(..) | What::Healed => "fault end",
        What::Broken(_) => "violation",
    }
}

fn json(value: Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(it) => it.into(),
        Value::Number(it) => it.into(),
        Value::Text(it) => it.into(),
        Value::List(list) => list.into_iter().map(json).collect(),
        Value::Struct(fields) => fields.into_iter().map(|(name, value)| (name, json(value))).collect(),
    }
}
