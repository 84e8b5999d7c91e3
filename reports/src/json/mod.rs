//! The files for machines. Seeds and digests are strings; fields come in the documented order.

use scenarios::report::ViolationKind;
use serde::{Deserialize, Serialize};

pub mod replay_json;
pub mod repro;
pub mod sweep_json;

use fuzz::aggregate::{Failure, Reproduction};
use fuzz::seeds::{parse_seed, show_seed};
use scenarios::report::Violation;

use crate::args::parse_digest;
use crate::engine::Problem;

/// One thing that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViolationJson {
    pub kind: ViolationKind,
    pub scenario: String,
    pub seed: String,
    pub invariant: String,
    pub spec: String,
    pub detail: String,
    pub at_ns: u64,
    pub digest: String,
    pub repro: Option<String>,
    pub command: String,
}

impl From<&Failure> for ViolationJson {
    fn from(failure: &Failure) -> Self {
        let violation = &failure.violation;
        ViolationJson {
            kind: violation.kind,
            scenario: failure.scenario.clone(),
            seed: show_seed(failure.seed),
            invariant: violation.invariant.clone(),
            spec: violation.spec.clone(),
            detail: violation.detail.clone(),
            at_ns: violation.at_ns,
            digest: show_digest(failure.digest),
            repro: failure.again.repro.clone(),
            command: failure.again.command.clone(),
        }
    }
}

impl ViolationJson {
    fn into_failure(self) -> Result<Failure, Problem> {
        Ok(Failure {
            scenario: self.scenario,
            seed: read_seed(&self.seed)?,
            digest: read_digest(&self.digest)?,
            violation: Violation {
                kind: self.kind,
                invariant: self.invariant,
                spec: self.spec,
                detail: self.detail,
                at_ns: self.at_ns,
                event: 0,
            },
            again: Reproduction { repro: self.repro, command: self.command },
        })
    }
}

/// 32 hex digits.
pub fn show_digest(digest: u128) -> String {
    format!("{digest:032x}")
}

fn read_digest(text: &str) -> Result<u128, Problem> {
    parse_digest(text).map_err(|error| Problem::new(format!("`{text}`: {error}")))
}

fn read_seed(text: &str) -> Result<u64, Problem> {
    parse_seed(text).map_err(|error| Problem::new(error.to_string()))
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

fn ms(us: u64) -> f64 {
    us as f64 / 1e3
}

/// Back to whole units of `1 / scale`; refuses what no sweep wrote.
fn whole(value: f64, scale: f64) -> Result<u64, Problem> {
    let scaled = (value * scale).round();
    if (0.0..1.8e19).contains(&scaled) {
        return Ok(scaled as u64);
    }
    Err(Problem::new(format!("{value} is not a length of time")))
}

/// The text of a file: indented, ended by a newline.
pub fn to_text(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("plain data with string keys");
    text.push('\n');
    text
}

/// Checks `schema` first, so that a file of another kind gets a clear answer.
fn check_schema(value: &serde_json::Value, wanted: &str) -> Result<(), Problem> {
    match value.get("schema").and_then(|schema| schema.as_str()) {
        Some(schema) if schema == wanted => Ok(()),
        Some(schema) => Err(Problem::new(format!("its schema is {schema}, not {wanted}"))),
        None => Err(Problem::new(format!("it has no schema; {wanted} is wanted"))),
    }
}
