//! `kraftsim.bugs.v1`: the result of a hunt.

use serde::{Deserialize, Serialize};

use super::{Seconds, Seed};

/// The schema's id.
pub const SCHEMA: &str = "kraftsim.bugs.v1";

/// The file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BugsJson {
    schema: String,
    version: String,
    #[serde(default)]
    commit: Option<String>,
    bugs: Vec<BugJson>,
}

impl BugsJson {
    pub fn new(bugs: Vec<BugJson>) -> BugsJson {
        let commit = crate::COMMIT.map(str::to_owned);
        BugsJson { schema: SCHEMA.to_owned(), version: crate::VERSION.to_owned(), commit, bugs }
    }

    pub fn bugs(&self) -> &[BugJson] {
        &self.bugs
    }
}

/// The hunt for one bug. `seeds_tried` counts runs, of all the scenarios in turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BugJson {
    pub bug: String,
    pub row: String,
    pub layer: String,
    pub source: String,
    pub scenarios: Vec<String>,
    pub scenario: Option<String>,
    pub caught: bool,
    pub invariant: Option<String>,
    pub expected_invariants: Vec<String>,
    pub seeds_tried: u64,
    /// Of these, runs that fail without the bug, too.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub fail_without_bug: u64,
    pub first_seed: Option<Seed>,
    pub sim_seconds: Seconds,
    pub wall_seconds: Seconds,
    pub hidden_by: Option<String>,
    pub command: Option<String>,
    /// The smallest run, if it was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<KeptJson>,
}

/// The smallest run that still violates the claim, and its required parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptJson {
    /// The file's name.
    pub repro: String,
    /// Number of the run, among those that caught the bug, from which it was shrunk; from 1.
    #[serde(default = "first")]
    pub catch: u64,
    pub faults_before: usize,
    pub operations_before: usize,
    pub faults: usize,
    pub operations: usize,
    pub shrink_seconds: Seconds,
    pub why_seconds: Seconds,
    /// Number of required faults; if there are none, of required operations.
    #[serde(rename = "required", alias = "necessary")]
    pub necessary: usize,
    pub has_point_of_no_return: bool,
}

fn first() -> u64 {
    1
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}
