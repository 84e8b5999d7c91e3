//! Attempts of clients, and which of them the verdict names.

use std::collections::{BTreeMap, BTreeSet};

use scenarios::trace::{Trace, Value, What};
use serde::Serialize;

use super::named::Names;
use super::witness::Called;

/// Attempts of clients, one for each partition: columns of the client, the lines of begin and end (-1: none), what, and
/// how it ended.
#[derive(Debug, Default, Serialize)]
pub struct Operations {
    client: Vec<u16>,
    from: Vec<u32>,
    to: Vec<i64>,
    /// Place in `names`.
    name: Vec<u16>,
    /// [`UNANSWERED`] and so on.
    outcome: Vec<u8>,
    names: Vec<String>,
    /// The operations that the verdict names, by their places.
    named: Vec<usize>,
    #[serde(skip)]
    content: Vec<Content>,
    /// The time of the line that is observed.
    #[serde(skip)]
    now_ns: u64,
}

/// What an operation wrote or read.
#[derive(Debug, Default)]
struct Content {
    called_ns: u64,
    attempt: i64,
    partition: String,
    /// First value and count of what it appends.
    values: Vec<(u64, u64)>,
    /// Of an acknowledged append: its first offset.
    base_offset: Option<i64>,
    /// Offset and value of what it read.
    read: Vec<(i64, u64)>,
}

const UNANSWERED: u8 = 0;
const SUCCEEDED: u8 = 1;
const FAILED: u8 = 2;
const UNKNOWN: u8 = 3;

/// A client, its attempt, and the partition if it is one of several.
type Key = (u16, i64, String);

/// The attempts that have not ended, and of each client the partition whose records it reports.
#[derive(Default)]
struct Open {
    operations: BTreeMap<Key, usize>,
    polled: BTreeMap<u16, String>,
}

impl Operations {
    /// All of a trace; `place` gives the shown line of a line. Those that the text of the violation or the witness name are
    /// marked.
    pub fn of(trace: &Trace, place: &[Option<u32>], verdict: Option<&str>, witness: &BTreeSet<Called>) -> Operations {
        let mut all = Operations::default();
        let mut open = Open::default();
        for (number, line) in trace.lines.iter().enumerate() {
            let (Some(node), Some(at), What::Said(_)) = (line.node, place[number], &line.what) else { continue };
            if trace.is_client(node) {
                let (_, fields) = trace.shown(line);
                all.now_ns = line.at_ns;
                all.observe(&mut open, node.0, at, &fields);
            }
        }
        if let Some(verdict) = verdict {
            all.name(&Names::of(verdict), witness, trace.names());
        }
        all
    }

    fn observe(&mut self, open: &mut Open, client: u16, at: u32, fields: &[(String, Value)]) {
        let [(_, Value::Text(what)), (_, Value::Struct(of)), ..] = fields else { return };
        let Some(Value::Number(attempt)) = value(of, "attempt") else { return };
        let partition = text(of, "partition");
        if let Some(name) = what.strip_suffix("Invoked") {
            open.operations.insert((client, *attempt, partition.clone()), self.from.len());
            let name = if partition.is_empty() { name.to_owned() } else { format!("{name} {partition}") };
            self.push(client, at, name);
            if let Some(content) = self.content.last_mut() {
                *content = Content { called_ns: self.now_ns, attempt: *attempt, partition, ..Content::default() };
                content.values.extend(number(of, "firstValue").zip(number(of, "count")));
            }
            return;
        }
        if what == "PollRecords" {
            open.polled.insert(client, partition.clone());
        }
        self.contains(open, (client, *attempt), what, of);
        let key = (client, *attempt, partition);
        if what == "AdminResult" {
            if let Some(begun) = open.operations.get(&key) {
                let outcome = match text(of, "outcome").as_str() {
                    "Done" => SUCCEEDED,
                    "Failed" => FAILED,
                    _ => UNKNOWN,
                };
                self.outcome[*begun] = self.outcome[*begun].max(outcome);
            }
            return;
        }
        let Some(outcome) = outcome(what, &text(of, "errorCode")) else { return };
        // What names no partition is said of all.
        let ended: Vec<Key> = open.of_attempt(client, *attempt).map(|(other, _)| other.clone()).collect();
        for other in ended.into_iter().filter(|other| key.2.is_empty() || other.2.is_empty() || other.2 == key.2) {
            if let Some(begun) = open.operations.remove(&other) {
                self.to[begun] = i64::from(at);
                if self.outcome[begun] == UNANSWERED {
                    self.outcome[begun] = outcome;
                }
            }
        }
    }

    /// Notes what an event says of an attempt's content.
    fn contains(&mut self, open: &Open, (client, attempt): (u16, i64), what: &str, of: &[(String, Value)]) {
        let polled = open.polled.get(&client).map_or("", String::as_str);
        let of_attempt = open.of_attempt(client, attempt);
        let Some((_, begun)) = of_attempt.into_iter().find(|(key, _)| what != "PollRecord" || key.2 == polled) else {
            return;
        };
        let content = &mut self.content[*begun];
        match what {
            "ProduceValues" => content.values.extend(number(of, "firstValue").zip(number(of, "count"))),
            "ProduceOk" | "AppendOk" => content.base_offset = signed(of, "baseOffset").filter(|offset| *offset >= 0),
            "PollRecord" | "ReadRecord" => content.read.extend(signed(of, "offset").zip(number(of, "value"))),
            _ => {}
        }
    }

    /// Marks what a verdict names: values and offsets, of the partitions that it names, and single attempts.
    fn name(&mut self, names: &Names, witness: &BTreeSet<Called>, nodes: &[String]) {
        let is_named_partition = |content: &Content| names.has_partition(&content.partition);
        let any_partition = self.content.iter().any(is_named_partition);
        let is_named = |(client, content): (&u16, &Content)| {
            let number = nodes.get(usize::from(*client)).and_then(|name| name.rsplit('-').next()?.parse().ok());
            let is_attempt = number.is_some_and(|client| names.attempts.contains(&(client, content.attempt)));
            let is_here = !any_partition || is_named_partition(content);
            is_attempt || (is_here && content.is_named(names)) || content.is_of(witness)
        };
        let all = self.client.iter().zip(&self.content).enumerate();
        self.named = all.filter(|(_, operation)| is_named(*operation)).map(|(place, _)| place).collect();
    }

    fn push(&mut self, client: u16, from: u32, name: String) {
        let known = self.names.iter().position(|other| *other == name);
        let name = known.unwrap_or_else(|| {
            self.names.push(name);
            self.names.len() - 1
        });
        self.client.push(client);
        self.from.push(from);
        self.to.push(-1);
        self.name.push(name as u16);
        self.outcome.push(UNANSWERED);
        self.content.push(Content::default());
    }
}

impl Open {
    fn of_attempt(&self, client: u16, attempt: i64) -> impl Iterator<Item = (&Key, &usize)> {
        self.operations.range((client, attempt, String::new())..=(client, attempt, char::MAX.to_string()))
    }
}

impl Content {
    fn is_of(&self, witness: &BTreeSet<Called>) -> bool {
        let called =
            |partition: Option<&str>| Called { at_ns: self.called_ns, partition: partition.map(str::to_owned) };
        witness.contains(&called(None)) || witness.contains(&called(Some(&self.partition)))
    }

    fn is_named(&self, names: &Names) -> bool {
        let has = |value: u64| self.values.iter().any(|(first, count)| (*first..first + count).contains(&value));
        let count: u64 = self.values.iter().map(|(_, count)| count).sum();
        let written = self.base_offset.map(|base| base..base + count as i64);
        let holds = |offsets: &std::ops::Range<i64>| {
            let meets = written.as_ref().is_some_and(|of| of.start < offsets.end && offsets.start < of.end);
            meets || self.read.iter().any(|(offset, _)| offsets.contains(offset))
        };
        names.values.iter().any(|value| has(*value) || self.read.iter().any(|(_, read)| read == value))
            || names.offsets.iter().any(holds)
    }
}

fn signed(of: &[(String, Value)], name: &str) -> Option<i64> {
    match value(of, name) {
        Some(Value::Number(number)) => Some(*number),
        _ => None,
    }
}

fn number(of: &[(String, Value)], name: &str) -> Option<u64> {
    u64::try_from(signed(of, name)?).ok()
}

fn value<'a>(of: &'a [(String, Value)], name: &str) -> Option<&'a Value> {
    of.iter().find(|(other, _)| other == name).map(|(_, value)| value)
}

fn text(of: &[(String, Value)], name: &str) -> String {
    match value(of, name) {
        Some(Value::Text(text)) => text.clone(),
        _ => String::new(),
    }
}

/// How an attempt has ended, if this ends it.
fn outcome(what: &str, error: &str) -> Option<u8> {
    match what {
        "AppendOk" | "ReadOk" | "ProduceOk" | "InitProducerIdOk" => Some(SUCCEEDED),
        "AppendFailed" | "ReadFailed" | "ReadStale" | "ProduceFailed" | "InitProducerIdFailed" => Some(FAILED),
        "AppendUnknown" | "ReadUnknown" | "ProduceUnknown" | "InitProducerIdUnknown" | "AdminUnknown" => Some(UNKNOWN),
        "AdminAnswered" if error == "NONE" => Some(SUCCEEDED),
        "AdminAnswered" => Some(FAILED),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(what: &str, of: &[(&str, Value)]) -> Vec<(String, Value)> {
        let of = of.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        vec![("what".to_owned(), Value::Text(what.to_owned())), ("fields".to_owned(), Value::Struct(of))]
    }

    #[test]
    fn each_partition_of_an_attempt_ends_by_itself_and_all_by_what_names_none() {
        let (mut all, mut open) = (Operations::default(), Open::default());
        let attempt = ("attempt", Value::Number(3));
        let partition = |name: &str| ("partition", Value::Text(name.to_owned()));
        for (at, what, of) in [
            (0, "ReadInvoked", vec![attempt.clone(), partition("a-0")]),
            (1, "ReadInvoked", vec![attempt.clone(), partition("a-1")]),
            (2, "ReadInvoked", vec![attempt.clone(), partition("a-2")]),
            (3, "PollRecords", vec![attempt.clone(), partition("a-0")]),
            (4, "ReadFailed", vec![attempt.clone(), partition("a-1")]),
            (5, "ReadOk", vec![attempt.clone(), partition("a-0")]),
            (6, "ReadUnknown", vec![attempt.clone()]),
            (7, "AdminInvoked", vec![("attempt", Value::Number(4))]),
            (8, "AdminResult", vec![("attempt", Value::Number(4)), ("outcome", Value::Text("Failed".to_owned()))]),
            (9, "AdminAnswered", vec![("attempt", Value::Number(4)), ("errorCode", Value::Text("NONE".to_owned()))]),
        ] {
            all.observe(&mut open, 0, at, &said(what, &of));
        }
        assert_eq!(all.names, ["Read a-0", "Read a-1", "Read a-2", "Admin"]);
        assert_eq!(all.outcome, [SUCCEEDED, FAILED, UNKNOWN, FAILED]);
        assert_eq!(all.to, [5, 4, 6, 9]);
    }

    #[test]
    fn a_verdict_names_operations_by_attempt_value_or_offset() {
        let (mut all, mut open) = (Operations::default(), Open::default());
        let number = |name, number| (name, Value::Number(number));
        let partition = |name: &str| ("partition", Value::Text(name.to_owned()));
        for (client, what, of) in [
            (0, "ProduceInvoked", vec![number("attempt", 1), partition("a-0"), number("count", 2)]),
            (0, "ProduceValues", vec![number("attempt", 1), number("firstValue", 50), number("count", 2)]),
            (0, "ProduceOk", vec![number("attempt", 1), number("baseOffset", 7)]),
            (0, "ProduceInvoked", vec![number("attempt", 2), partition("a-1"), number("count", 1)]),
            (0, "ProduceValues", vec![number("attempt", 2), number("firstValue", 60), number("count", 1)]),
            (0, "ProduceOk", vec![number("attempt", 2), number("baseOffset", 7)]),
            (1, "ReadInvoked", vec![number("attempt", 1), partition("a-0")]),
            (1, "ReadInvoked", vec![number("attempt", 1), partition("a-1")]),
            (1, "PollRecords", vec![number("attempt", 1), partition("a-1")]),
            (1, "PollRecord", vec![number("attempt", 1), number("offset", 7), number("value", 60)]),
        ] {
            all.observe(&mut open, client, 0, &said(what, &of));
        }
        let nodes = ["producer-1", "consumer-2"].map(str::to_owned);
        let mut named = |verdict: &str| {
            all.name(&Names::of(verdict), &BTreeSet::new(), &nodes);
            all.named.clone()
        };
        assert_eq!(named("offset 8 of a-0 is lost"), [0]);
        assert_eq!(named("offset 7 of a-1 is lost"), [1, 3]);
        assert_eq!(named("value 51 is lost"), [0]);
        assert_eq!(named("value 60 is read"), [1, 3]);
        assert_eq!(named("attempt 1 of client 2: no"), [2, 3]);
        assert_eq!(named("node 1 voted for node 2 and for node 3 in epoch 4"), [0; 0]);
    }
}
