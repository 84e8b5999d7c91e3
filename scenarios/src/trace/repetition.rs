//! What happens again and again in a run that makes no progress.

use std::collections::BTreeMap;

use raft::io::Observation;
use raft::message::Value;
use sim::watch::Way;

use super::Trace;
use super::line::{Line, Stage, What};
use super::shown::{close_reason, parts};
use super::text::role_name;
use crate::actor::{Message, Said};

/// Rarer things are left out.
const LEAST: usize = 3;
/// At most so many are given.
const MOST: usize = 8;

/// A thing that happened several times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repetition {
    pub what: String,
    pub count: usize,
    /// True time of the first and of the last one, ns.
    pub first_ns: u64,
    pub last_ns: u64,
}

impl Trace {
    /// What a run that did not recover repeated since its faults ended, most frequent first; empty if they never ended.
    pub fn repetitions(&self) -> Vec<Repetition> {
        let Some(healed) = self.lines.iter().position(|line| matches!(line.what, What::Healed)) else {
            return Vec::new();
        };
        let mut found: BTreeMap<String, Repetition> = BTreeMap::new();
        for line in &self.lines[healed..] {
            let Some(what) = self.repeatable(line) else { continue };
            let new = || Repetition { what: what.clone(), count: 0, first_ns: line.at_ns, last_ns: 0 };
            let known = found.entry(what.clone()).or_insert_with(new);
            known.count += 1;
            known.last_ns = line.at_ns;
        }
        let mut found: Vec<Repetition> = found.into_values().filter(|of| of.count >= LEAST).collect();
        found.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.what.cmp(&other.what)));
        found.truncate(MOST);
        found
    }

    /// A change of role, the start or the end of a process, a connection that is lost, a response with an error.
    fn repeatable(&self, line: &Line) -> Option<String> {
        let who = self.name(line.node?);
        match &line.what {
            What::Booted => Some(format!("{who} starts")),
            What::Halted { reason, .. } => Some(format!("{who} halts: {reason}")),
            What::Said(Said::Server(Observation::RoleChanged { role, .. })) => {
                Some(format!("{who} becomes {}", role_name(*role)))
            }
            What::Disconnected(Some(peer), reason) => {
                Some(format!("{who} loses a connection to {}: {}", self.name(*peer), close_reason(*reason)))
            }
            What::Message(Stage::Received, way @ Way { is_request: false, .. }, message) => {
                let (api, error) = answered_error(message)?;
                Some(format!("{who} receives {error} in a response to {api} from {}", self.name(way.from)))
            }
            _ => None,
        }
    }
}

/// The first error of a response.
fn answered_error(message: &Message) -> Option<(&'static str, String)> {
    let (_, apis, value) = parts(message);
    Some((apis.first()?, error_in(&value)?))
}

fn error_in(value: &Value) -> Option<String> {
    match value {
        Value::Struct(fields) => fields.iter().find_map(|(name, field)| match field {
            Value::Text(error) if name.ends_with("rrorCode") && error != "NONE" => Some(error.clone()),
            Value::Struct(_) | Value::List(_) => error_in(field),
            _ => None,
        }),
        Value::List(elements) => elements.iter().find_map(error_in),
        _ => None,
    }
}
