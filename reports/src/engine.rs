//! The interface of this crate to the crate that runs scenarios.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::path::PathBuf;

use fuzz::case::Case;
use fuzz::guided::search_space::SearchSpace;
use fuzz::known::KnownFinding;
use fuzz::ready::Ready;
use scenarios::history::History;
use scenarios::report::{RunReport, Violation};
use scenarios::run::Host;
use scenarios::scenario::Scenario;
use scenarios::scenario::cluster::usage::ClusterReport;
use scenarios::scenario::cluster::{HIDDEN, is_secret, without_secrets};
use serde::{Deserialize, Serialize};
use sim::fault::Plan;

/// An error in usage or input: one message, with a line for each mistake; nothing was run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// The error, and the allowed values.
    pub message: String,
    /// The part of a repro file that it is about, as a JSON pointer such as `/plan/3`.
    pub pointer: Option<String>,
}

impl Problem {
    pub fn new(message: impl Into<String>) -> Self {
        Problem { message: message.into(), pointer: None }
    }

    /// An error in this part of a repro file, if the run is one.
    pub fn at(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Problem { message: message.into(), pointer: Some(pointer.into()) }
    }

    /// The same, with its subject.
    #[must_use]
    pub fn about(self, of: &str) -> Self {
        let lines: Vec<String> = self.message.lines().map(|line| format!("{of}: {line}")).collect();
        Problem { message: lines.join("\n"), ..self }
    }
}

/// The text of a scenario and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioText {
    /// The name given: a catalog name or a path.
    pub name: String,
    pub toml: String,
    /// The file's folder, for paths in it; `None` for a catalog scenario or a repro.
    pub folder: Option<PathBuf>,
}

/// The flags that alter a run, with the files that they name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overrides {
    /// `--cluster`.
    pub cluster: Option<ClusterFiles>,
    /// `--bug`.
    pub bugs: Vec<String>,
    /// `--fix`.
    pub fixes: Vec<String>,
    /// `--set`.
    pub set: Vec<(String, String)>,
}

impl Overrides {
    /// These flags, with further ones added.
    #[must_use]
    pub fn and(mut self, more: Overrides) -> Overrides {
        self.cluster = more.cluster.or(self.cluster);
        self.bugs.extend(more.bugs);
        self.fixes.extend(more.fixes);
        self.set.extend(more.set);
        self
    }

    /// The same, with secrets hidden: no run depends on them, and repro files and commands contain everything in here.
    #[must_use]
    pub fn without_secrets(mut self) -> Overrides {
        for (key, value) in &mut self.set {
            if is_secret(key) {
                HIDDEN.clone_into(value);
            }
        }
        for text in self.cluster.iter_mut().flat_map(|cluster| cluster.files.values_mut()) {
            *text = without_secrets(text);
        }
        self
    }
}

/// A folder of `.properties` files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterFiles {
    /// Path as given on the command line.
    pub dir: String,
    /// File name → text.
    pub files: BTreeMap<String, String>,
}

/// The plan of a repro, and the seed whose cluster it affects.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredPlan {
    pub seed: u64,
    pub faults: serde_json::Value,
    /// The operations of clients, if given.
    pub operations: Option<serde_json::Value>,
}

/// An entry of the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub name: String,
    /// Its purpose, in one line.
    pub about: String,
    /// If it is a finding, which fails by design: the fix with which it holds.
    pub fixed_by: Option<String>,
}

/// A limit of `[expect]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The metric, such as `failover.controller.p99`.
    pub name: String,
    /// Such as `<= 4s`.
    pub limit: String,
    /// Whether it is evaluated: the limits of the catalog apply to the catalog's cluster.
    pub judged: bool,
}

/// A source of scenarios: the catalog and files, or the fake one of this crate's tests.
pub trait Engine {
    /// The catalog.
    fn list(&self) -> Vec<Listed>;
    /// TOML of a catalog scenario.
    fn find(&self, name: &str) -> Option<String>;
    /// Makes a scenario ready to run, with the explicit plan of a repro instead of its nemesis if given. It finds all
    /// errors of the scenario.
    fn prepare(
        &self,
        text: &ScenarioText,
        overrides: &Overrides,
        stored: Option<&StoredPlan>,
    ) -> Result<Box<dyn Prepared>, Problem>;
    /// Prepares a case.
    fn of_case(&self, _case: &Case) -> Result<Box<dyn Prepared>, Problem> {
        Err(Problem::new("this engine runs no cases"))
    }
    /// The report on the properties in these files.
    fn cluster(&self, _files: &ClusterFiles) -> Result<ClusterReport, Problem> {
        Err(Problem::new("this engine has no clusters"))
    }
    /// Every rare situation that a run can reach; `None`: any name is accepted.
    fn probes(&self) -> Option<Vec<String>> {
        None
    }
}

/// A scenario that is ready to run, for the verbs: from the catalog, a file, or the fake engine of this crate's tests.
pub trait Prepared: Send + Sync {
    /// TOML that, with the same overrides, prepares the same scenario without any other file.
    fn toml(&self) -> String;
    /// Remarks for the user before it runs, such as unknown properties that are ignored.
    fn remarks(&self) -> Vec<String> {
        Vec::new()
    }
    /// The report on the properties of its nodes' files, if it has any.
    fn cluster(&self) -> Option<ClusterReport> {
        None
    }
    /// Bugs in force.
    fn bugs(&self) -> Vec<String>;
    /// Fixes in force.
    fn fixes(&self) -> Vec<String>;
    /// The machine profile that gives service times, if any.
    fn profile(&self) -> Option<String> {
        None
    }
    /// `[expect]`.
    fn expect(&self) -> Vec<Expectation>;
    /// Probes that a sweep of it must reach, and the minimum number of seeds for this.
    fn require_probe(&self) -> (Vec<String>, u64);
    /// The explicit plan of a seed.
    fn plan(&self, seed: u64) -> serde_json::Value;
    /// The operations of clients, if they are given.
    fn operations(&self) -> Option<serde_json::Value> {
        None
    }
    /// The prepared scenario, if it is one of the crate `scenarios`.
    fn ready(&self) -> Option<&Ready> {
        None
    }
    /// The known finding that caused the violation `broken` of a seed (under this plan, if given). It runs the
    /// seed again with fixes that the scenario lacks.
    fn known_finding(&self, _seed: u64, _plan: Option<&Plan>, _broken: &Violation) -> Option<KnownFinding> {
        None
    }
    /// Runs a seed, up to a time if given.
    fn run(&self, seed: u64, host: Host, until_ns: Option<u64>) -> RunReport;
    /// The same, with the history of its clients, checked as a black box. An engine without histories returns an empty
    /// one.
    fn run_recorded(&self, seed: u64, host: Host, until_ns: Option<u64>) -> (RunReport, History) {
        (self.run(seed, host, until_ns), History::default())
    }
}

impl dyn Prepared {
    /// The run of a seed as data.
    pub fn case(&self, seed: u64) -> Result<Case, Problem> {
        let ready = self.ready().ok_or_else(|| Problem::new("this engine has no cases"))?;
        ready.case(seed).map_err(Problem::new)
    }
}

/// A scenario with the name by which it was requested.
pub struct Named {
    pub name: String,
    pub prepared: Box<dyn Prepared>,
}

/// The scenarios for a guided search.
pub fn searchable(scenarios: &[Named], black_box_every: Option<NonZeroU64>) -> Result<SearchSpace<'_>, Problem> {
    let all: Option<Vec<&Scenario>> =
        scenarios.iter().map(|named| named.prepared.ready().map(|ready| &ready.scenario)).collect();
    let none = || Problem::new("--guided: this engine has no plans that can be changed");
    Ok(SearchSpace { scenarios: all.ok_or_else(none)?, black_box_every })
}
