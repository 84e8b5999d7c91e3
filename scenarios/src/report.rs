//! What one run has to say. Only this leaves the thread a run ran on.

use std::collections::BTreeMap;

/// The kinds of violation, as in the JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViolationKind {
    /// An invariant broke.
    Safety,
    /// The recovery bound passed.
    Liveness,
    /// An `[expect]` limit did not hold.
    Expect,
    /// A node or a check panicked.
    Panic,
    /// Event budget spent, or virtual time not moving.
    Runaway,
    /// Two runs of one seed differed.
    Nondeterminism,
    /// A node and its border tell different stories.
    GhostMismatch,
}

/// One thing that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Kind.
    pub kind: ViolationKind,
    /// Name as in DESIGN §5.
    pub invariant: String,
    /// Where the claim comes from: a TLA+ spec, a KIP, a section of a paper.
    pub spec: String,
    /// What was seen, in one sentence.
    pub detail: String,
    /// True time, ns.
    pub at_ns: u64,
    /// Events before it.
    pub event: u64,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All claims held.
    Holds,
    /// One did not.
    Violated(Violation),
    /// A floor was not reached.
    Inconclusive { floor: String, wanted: u64, got: u64 },
}

/// Counts of one kind of operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct OperationCounts {
    /// Answered with success.
    pub ok: u64,
    /// Definitely not done.
    pub fail: u64,
    /// Nobody knows.
    pub unknown: u64,
}

/// One controller failover, on true time: from the end of a leader to the next one in charge.
/// A phase that did not happen before the run ended is absent, and then the failover is not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failover {
    /// When the old leader was struck (crashed, cut off, paused, terminated).
    pub at_ns: u64,
    /// The fault kind that struck it.
    pub cause: String,
    /// Whole length, ns: to the first commit of the new leader's epoch.
    pub total_ns: u64,
    /// Phases in order, ns each; they add up to `total_ns`. Names: detect (to the first Prospective
    /// that goes on to win, or its fetch timeout), elect (to Leader durable), commit (to the first
    /// high watermark of the new epoch).
    pub phases: Vec<(&'static str, u64)>,
}

/// How a healed cluster recovered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// From the end of the last fault until everything held, ns of true time.
    pub took_ns: u64,
    /// What its configuration allows, ns.
    pub bound_ns: u64,
}

/// Everything a run reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunReport {
    /// Catalog name or path.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// Run digest (both lanes).
    pub digest: u128,
    /// Behaviour lane alone.
    pub behaviour_digest: u128,
    /// Plan lane alone.
    pub plan_digest: u128,
    /// (entries so far, digest), up to 64.
    pub ladder: Vec<(u64, u128)>,
    /// How it ended.
    pub outcome: Outcome,
    /// Events popped that did something.
    pub events: u64,
    /// Messages sent.
    pub messages: u64,
    /// Simulated time, ns.
    pub sim_ns: u64,
    /// By kind: `append`, `read`.
    pub operations: BTreeMap<String, OperationCounts>,
    /// Every name the scenario could have reached (or an explicit plan did), and whether it was.
    pub probes: BTreeMap<String, bool>,
    /// Every fault kind the scenario allows, and how often it struck.
    pub faults: BTreeMap<String, u64>,
    /// Property → value drawn (or pinned).
    pub knobs: BTreeMap<String, String>,
    /// Cause → count.
    pub excused: BTreeMap<String, u64>,
    /// Bugs and fixes in force.
    pub bugs: Vec<String>,
    /// Fixes in force.
    pub fixes: Vec<String>,
    /// The recovery from all faults, if it came.
    pub recovery: Option<Recovered>,
    /// Controller failovers in order of time.
    pub failovers: Vec<Failover>,
    /// White-box linearizability: operations decided.
    pub linearizability: Linearizability,
    /// madsim's own clock (ns) and next draw at the end, if hosted: sentinels, never in the digest.
    pub host_sentinel: Option<(u64, u64)>,
}

impl RunReport {
    /// All claims held, and yet nobody knows whether the history does. (A run that broke a claim
    /// or fell below a floor has its own verdict.)
    pub fn is_undecided(&self) -> bool {
        self.outcome == Outcome::Holds && self.linearizability == Linearizability::Unknown
    }
}

/// Verdict of the white-box judge on a run's history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Linearizability {
    /// It holds.
    #[default]
    Holds,
    /// It does not.
    Violated,
    /// Not decided (the run ended before its history was complete).
    Unknown,
}
