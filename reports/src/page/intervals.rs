//! What lasts: faults, and what clients requested.

use std::collections::BTreeMap;

use scenarios::trace::{Trace, Value, What, touched};
use serde::Serialize;
use sim::fault::{Fault, Kind, What as FaultWhat};
use sim::process::Node;
use sim::watch::Phase;

/// A fault, from begin to end.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Interval {
    kind: &'static str,
    what: String,
    from_ns: u64,
    /// `None`: it is of a moment.
    to_ns: Option<u64>,
    /// The node, or those that all of its links share, or all ends of its links.
    nodes: Vec<u16>,
    class: &'static str,
}

/// All faults that struck.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Faults(Vec<Interval>);

impl Faults {
    pub fn of(trace: &Trace, words: &dyn Fn(&Fault) -> String) -> Faults {
        let mut faults: Vec<Interval> = Vec::new();
        let mut open: Vec<(&Fault, usize)> = Vec::new();
        let end_ns = trace.lines.last().map_or(0, |line| line.at_ns);
        for line in &trace.lines {
            match &line.what {
                What::Fault(fault, Phase::Start) => {
                    open.push((fault, faults.len()));
                    faults.push(Interval {
                        kind: fault.what.kind().name(),
                        what: words(fault),
                        from_ns: line.at_ns,
                        to_ns: (fault.lasts_ns > 0).then_some(end_ns),
                        nodes: shown_at(&fault.what),
                        class: class(fault.what.kind()),
                    });
                }
                What::Fault(fault, Phase::End) => {
                    if let Some(at) = open.iter().position(|(other, _)| **other == **fault) {
                        faults[open.swap_remove(at).1].to_ns = Some(line.at_ns);
                    }
                }
                // Of a fault by which its node is down the length is that of being down, and there is no end.
                What::Booted => open.retain(|(fault, at)| {
                    let is_down = fault.what.node() == line.node && is_outage(&fault.what);
                    if is_down && let Some(to_ns) = &mut faults[*at].to_ns {
                        *to_ns = line.at_ns;
                    }
                    !is_down
                }),
                What::Healed => open.drain(..).for_each(|(fault, at)| {
                    if !is_outage(&fault.what) {
                        let to_ns = &mut faults[at].to_ns;
                        *to_ns = to_ns.map(|_| line.at_ns);
                    }
                }),
                _ => {}
            }
        }
        Faults(faults)
    }
}

/// Is its node down for as long as it lasts?
fn is_outage(what: &FaultWhat) -> bool {
    matches!(what.kind(), Kind::Kill | Kind::Terminate | Kind::PowerLoss | Kind::ReplaceDisk | Kind::FileDamage)
}

/// What it is that fails: each has a colour.
fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Cut | Kind::Loss | Kind::Delay | Kind::Duplicate | Kind::BlackHole => "network",
        Kind::Kill | Kind::PowerLoss | Kind::Terminate | Kind::Pause | Kind::Stall | Kind::Exception => "process",
        Kind::Drift | Kind::WallStep | Kind::WallSmear => "clock",
        Kind::FsyncFails | Kind::SlowDisk | Kind::FullDisk | Kind::BitRot | Kind::ReplaceDisk => "disk",
        Kind::FileDamage | Kind::ShortWrite | Kind::FullAtFsync => "disk",
    }
}

fn shown_at(what: &FaultWhat) -> Vec<u16> {
    let links = what.links();
    let all = touched(what);
    let shared: Vec<&Node> =
        all.iter().filter(|node| links.iter().all(|link| link.0 == **node || link.1 == **node)).collect();
    let shown: Vec<&Node> = if links.is_empty() || shared.is_empty() { all.iter().collect() } else { shared };
    shown.into_iter().map(|node| node.0).collect()
}

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
}

const UNANSWERED: u8 = 0;
const SUCCEEDED: u8 = 1;
const FAILED: u8 = 2;
const UNKNOWN: u8 = 3;

/// A client, its attempt, and the partition if it is one of several.
type Key = (u16, i64, String);

impl Operations {
    pub fn of(trace: &Trace, place: &[Option<u32>]) -> Operations {
        let mut all = Operations::default();
        let mut open: BTreeMap<Key, usize> = BTreeMap::new();
        for (number, line) in trace.lines.iter().enumerate() {
            let (Some(node), Some(at), What::Said(_)) = (line.node, place[number], &line.what) else { continue };
            if trace.is_client(node) {
                let (_, fields) = trace.shown(line);
                all.observe(&mut open, node.0, at, &fields);
            }
        }
        all
    }

    fn observe(&mut self, open: &mut BTreeMap<Key, usize>, client: u16, at: u32, fields: &[(String, Value)]) {
        let [(_, Value::Text(what)), (_, Value::Struct(of)), ..] = fields else { return };
        let Some(Value::Number(attempt)) = value(of, "attempt") else { return };
        let key = (client, *attempt, text(of, "partition"));
        if let Some(name) = what.strip_suffix("Invoked") {
            open.insert(key.clone(), self.from.len());
            let name = if key.2.is_empty() { name.to_owned() } else { format!("{name} {}", key.2) };
            return self.push(client, at, name);
        }
        if what == "AdminResult" {
            if let Some(begun) = open.get(&key) {
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
        let of_attempt = (client, *attempt, String::new())..=(client, *attempt, char::MAX.to_string());
        let ended: Vec<Key> = open.range(of_attempt).map(|(other, _)| other.clone()).collect();
        for other in ended.into_iter().filter(|other| key.2.is_empty() || other.2.is_empty() || other.2 == key.2) {
            if let Some(begun) = open.remove(&other) {
                self.to[begun] = i64::from(at);
                if self.outcome[begun] == UNANSWERED {
                    self.outcome[begun] = outcome;
                }
            }
        }
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
    }
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
        let (mut all, mut open) = (Operations::default(), BTreeMap::new());
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
}
