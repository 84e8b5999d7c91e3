//! A trace as NDJSON: one object for the run, then one for each line.

use scenarios::report::RunReport;
use scenarios::trace::text::Standings;
use scenarios::trace::{Line, Relation, Trace, Value};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use fuzz::seeds::show_seed;

use crate::json::show_digest;

/// The schema's id.
pub const SCHEMA_ID: &str = "kraftsim.trace.v1";

pub fn text(trace: &Trace, run: &RunReport) -> String {
    let head = Head {
        schema: SCHEMA_ID,
        kind: "run",
        version: crate::VERSION,
        scenario: &run.scenario,
        seed: show_seed(run.seed),
        digest: show_digest(run.digest),
        nodes: trace.names(),
    };
    let mut text = String::new();
    push(&mut text, &head);
    let relations = trace.violation().map(|line| trace.related_to(line));
    let mut standings = Standings::new(trace);
    for (number, line) in trace.lines.iter().enumerate() {
        let standing = standings.after(line).map(|standing| standing.parts());
        let relation = relations.as_ref().map(|relations| relations[number]);
        push(&mut text, &Entry { number, line, trace, standing, relation });
    }
    text
}

fn push(text: &mut String, object: &impl Serialize) {
    // All keys are strings, and the writer cannot fail.
    text.push_str(&serde_json::to_string(object).unwrap_or_default());
    text.push('\n');
}

#[derive(Serialize)]
struct Head<'a> {
    schema: &'static str,
    kind: &'static str,
    version: &'static str,
    scenario: &'a str,
    seed: String,
    digest: String,
    nodes: &'a [String],
}

struct Entry<'a> {
    number: usize,
    line: &'a Line,
    trace: &'a Trace,
    standing: Option<(String, i32)>,
    relation: Option<Relation>,
}

impl Serialize for Entry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Entry { number, line, trace, standing, relation } = self;
        let (kind, fields) = trace.shown(line);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("line", number)?;
        map.serialize_entry("time_ns", &line.at_ns)?;
        map.serialize_entry("event", &line.event)?;
        if let Some(node) = line.node {
            map.serialize_entry("node", trace.name(node))?;
            map.serialize_entry("incarnation", &line.incarnation)?;
        }
        if let Some(thread) = trace.thread(line) {
            map.serialize_entry("thread", thread)?;
        }
        if let Some((role, epoch)) = standing {
            map.serialize_entry("role", role)?;
            map.serialize_entry("epoch", epoch)?;
        }
        map.serialize_entry("kind", kind)?;
        for (name, value) in &fields {
            map.serialize_entry(name, &Shown(value))?;
        }
        match line.note.as_deref() {
            Some(fired_by @ Value::List(_)) => map.serialize_entry("fired_by", &Shown(fired_by))?,
            Some(basis) => map.serialize_entry("vote_basis", &Shown(basis))?,
            None => {}
        }
        for (name, other) in [("cause", line.cause), ("previous", line.previous)] {
            if let Some(other) = other {
                map.serialize_entry(name, &other)?;
            }
        }
        match relation {
            Some(Relation::Chain) => map.serialize_entry("violation_past", "cause")?,
            Some(Relation::Past) => map.serialize_entry("violation_past", "possible")?,
            Some(Relation::None | Relation::Itself) | None => {}
        }
        map.end()
    }
}

/// A value as JSON.
pub struct Shown<'a>(pub &'a Value);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_none(),
            Value::Bool(it) => serializer.serialize_bool(*it),
            Value::Number(it) => serializer.serialize_i64(*it),
            Value::Text(it) => serializer.serialize_str(it),
            Value::List(list) => {
                let mut seq = serializer.serialize_seq(Some(list.len()))?;
                for value in list {
                    seq.serialize_element(&Shown(value))?;
                }
                seq.end()
            }
            Value::Struct(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, &Shown(value))?;
                }
                map.end()
            }
        }
    }
}
