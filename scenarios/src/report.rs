//! The report of one run: the only data that leaves the thread that the run used.

use std::collections::{BTreeMap, BTreeSet};

use sim::drive::panics::Panic;
use strum::{EnumString, IntoStaticStr, VariantArray};

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
    /// The event budget is exhausted, or virtual time does not advance.
    Runaway,
    /// Two runs of one seed differed.
    Nondeterminism,
    /// A node's own report and the model of its border differ.
    GhostMismatch,
}

/// A claim that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub kind: ViolationKind,
    /// Name of the invariant.
    pub invariant: String,
    /// Which part of the claim did not hold, if it has parts: the recovery predicate that was not met.
    pub predicate: Option<String>,
    /// Where the claim comes from: a TLA+ spec, a KIP, a section of a paper.
    pub spec: String,
    /// What was observed, in one sentence.
    pub detail: String,
    /// True time, ns.
    pub at_ns: u64,
    /// Number of events before it.
    pub event: u64,
}

/// The claim that a panic of the simulator itself violates: an error of the simulator, not a claim about Kafka.
pub const INTERNAL_ERROR: &str = "InternalError";

impl Violation {
    /// A run panicked. In the protocol code (crate `raft`) that is a claim about it; in the world, the checks or their
    /// callers (a file of each of their source folders is in `own`, besides this crate and its world) it is an error of
    /// the simulator. A panic in a library does not identify its caller.
    pub fn of_panic(panic: &Panic, own: &[&str]) -> Violation {
        let is_internal = panic.is_in(&[sim::SOURCE_FILE, file!()]) || panic.is_in(own);
        let (invariant, spec, detail) = match is_internal {
            true => (
                INTERNAL_ERROR,
                "no code of the simulator may panic; this is an error of the simulator, not a claim about Kafka",
                format!("internal error: {panic}; please report it"),
            ),
            false => ("NoPanic", "no run may panic", panic.to_string()),
        };
        Violation {
            kind: ViolationKind::Panic,
            invariant: invariant.to_owned(),
            predicate: None,
            spec: spec.to_owned(),
            detail,
            at_ns: 0,
            event: 0,
        }
    }

    /// Whether it is the same claim that did not hold, wherever and whenever.
    pub fn is_same_claim(&self, other: &Violation) -> bool {
        let claim = |of: &Violation| (of.kind, of.invariant.clone(), of.predicate.clone());
        claim(self) == claim(other)
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunOutcome {
    /// All claims held.
    Holds,
    /// A claim did not hold.
    Violated(Violation),
    /// A run did not reach a floor.
    Inconclusive { floor: String, wanted: u64, got: u64 },
}

impl std::fmt::Display for RunOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RunOutcome::Holds => f.write_str("all claims hold"),
            RunOutcome::Violated(violation) => write!(f, "{} is violated: {}", violation.invariant, violation.detail),
            // An excuse that ends a run is a reason, not a floor.
            RunOutcome::Inconclusive { floor, wanted: 0, .. } => write!(f, "the run is inconclusive: {floor}"),
            RunOutcome::Inconclusive { floor, wanted, got } => {
                write!(f, "the run is inconclusive: floor {floor}, {got} of {wanted}")
            }
        }
    }
}

/// Counts of one kind of operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct OperationCounts {
    /// Answered with success.
    pub ok: u64,
    /// Definitely not done.
    pub fail: u64,
    /// The outcome is not known.
    pub unknown: u64,
}

/// Records acknowledged with `acks=all`, of one run or of a scenario's runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AckedRecords {
    /// Number of acknowledged records.
    pub acked: u64,
    /// Those that were lost and excused (deletion of their topic apart).
    pub excused: u64,
    /// The percentage that runs must keep to be conclusive.
    pub must_keep_percent: u64,
}

impl AckedRecords {
    /// Adds those of other runs.
    pub fn add(&mut self, other: AckedRecords) {
        self.acked += other.acked;
        self.excused += other.excused;
        self.must_keep_percent = self.must_keep_percent.max(other.must_keep_percent);
    }

    /// Whether the excused losses are so large that the kept records prove little.
    pub fn too_few_kept(&self) -> bool {
        let kept = u128::from(self.acked.saturating_sub(self.excused));
        kept * 100 < u128::from(self.acked) * u128::from(self.must_keep_percent)
    }
}

/// What failed over, or which client operations were interrupted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum FailoverKind {
    /// The active controller.
    #[default]
    Controller,
    /// The leader of a partition.
    Partition,
    /// The longest time without an acknowledged produce.
    ProduceGap,
    /// The longest time without a fetched record.
    ConsumeGap,
    /// The longest time without a completed request of an admin client.
    AdminGap,
    /// The time without an acknowledged append while a cut is in force.
    AppendGap,
    /// A voter whose disk is lost, in a quorum whose voters change.
    VoterReplacement,
}

impl FailoverKind {
    /// All kinds, in the order of reports.
    pub const ALL: &'static [FailoverKind] = FailoverKind::VARIANTS;

    /// The name in files and limits.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Every phase that a failover of this kind may have, in order. A quorum alone has no `activate` and no `brokers`.
    pub fn phases(self) -> &'static [&'static str] {
        match self {
            FailoverKind::Controller => &["detect", "elect", "activate", "commit", "brokers"],
            FailoverKind::Partition => &["detect", "elect", "led"],
            FailoverKind::VoterReplacement => &["away", "remove", "add"],
            FailoverKind::ProduceGap | FailoverKind::ConsumeGap | FailoverKind::AdminGap | FailoverKind::AppendGap => {
                &[]
            }
        }
    }
}

/// One failover, in true time: from the fault to the end of its effect. A phase that did not happen before the run
/// ended is absent, and then the failover is not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failover {
    pub kind: FailoverKind,
    /// When the fault began (a crash, a cut, a pause, a termination); of a gap, when the gap began.
    pub at_ns: u64,
    /// The kind of fault.
    pub cause: String,
    /// Total duration, ns; if it has not ended, the duration so far.
    pub total_ns: u64,
    /// False if the run was over first, or, for a controller, a fault hit its successor before that was active. An
    /// unfinished failover has no phases.
    pub ended: bool,
    /// Phases in order, ns each; they add up to `total_ns`; names are those of [`FailoverKind::phases`]. Of a
    /// controller: detect (to the first Prospective that is elected in the end, or its fetch timeout), elect (to Leader
    /// durable), activate (to the claim), commit (to the first high watermark of the new epoch), brokers (until they
    /// have caught up with it). Of a partition: detect (to the fencing of its leader), elect (to the commit of its
    /// PartitionChangeRecord), led (until the next leader serves). A gap has none. Of a voter: away, remove, add.
    pub phases: Vec<(&'static str, u64)>,
}

impl Failover {
    /// A failover that has not ended at `now_ns`.
    pub fn at_least(kind: FailoverKind, at_ns: u64, cause: &str, now_ns: u64) -> Failover {
        let (cause, total_ns) = (cause.to_owned(), now_ns - at_ns);
        Failover { kind, at_ns, cause, total_ns, ended: false, phases: Vec::new() }
    }
}

/// How a healed cluster recovered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// From the end of the last fault until the cluster had recovered, ns of true time.
    pub took_ns: u64,
    /// The recovery bound of its configuration, ns.
    pub bound_ns: u64,
}

/// Everything a run reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunReport {
    /// Catalog name or path.
    pub scenario: String,
    pub seed: u64,
    /// Run digest (both lanes).
    pub digest: u128,
    pub behaviour_digest: u128,
    pub plan_digest: u128,
    /// (entries so far, digest), up to 64.
    pub ladder: Vec<(u64, u128)>,
    pub outcome: RunOutcome,
    /// Number of events that had an effect.
    pub events: u64,
    pub messages: u64,
    /// Simulated time, ns.
    pub sim_ns: u64,
    /// By kind: `append`, `read`.
    pub operations: BTreeMap<String, OperationCounts>,
    /// Records acknowledged; none in a quorum without brokers.
    pub records: AckedRecords,
    /// Every situation that the scenario could have reached (or an explicit plan did reach), and whether it was.
    pub probes: BTreeMap<String, bool>,
    /// Every fault kind that the scenario allows, and how often it was injected.
    pub faults: BTreeMap<String, u64>,
    /// Every trigger of aimed faults, and the number of faults that it started.
    pub aimed: BTreeMap<String, u64>,
    /// Property → value drawn (or pinned).
    pub knobs: BTreeMap<String, String>,
    /// Cause → count.
    pub excused: BTreeMap<String, u64>,
    /// Bugs and fixes in force.
    pub bugs: Vec<String>,
    /// Fixes in force.
    pub fixes: Vec<String>,
    /// The recovery from all faults, if it was reached.
    pub recovery: Option<Recovered>,
    /// Failovers of every kind, those of each kind in order of time.
    pub failovers: Vec<Failover>,
    /// White-box linearizability.
    pub linearizability: Linearizability,
    /// The black-box judge's verdict, if the history was recorded.
    pub black_box: Option<BlackBox>,
    /// Abstract states of the run ([`crate::abstract_state`]), if they were collected.
    pub abstract_states: Option<BTreeSet<u64>>,
    /// madsim's own clock (ns) and next draw at the end, if hosted: sentinels, never in the digest.
    pub host_sentinel: Option<(u64, u64)>,
}

impl RunReport {
    /// All claims held, but linearizability was not decided. (A run that violated a claim or did not reach a floor has
    /// its own verdict.)
    pub fn is_undecided(&self) -> bool {
        let is_unknown = |verdict| verdict == Linearizability::Unknown;
        self.outcome == RunOutcome::Holds
            && (is_unknown(self.linearizability) || self.black_box.as_ref().is_some_and(|of| is_unknown(of.verdict)))
    }
}

/// The black-box judge's verdict on a run's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlackBox {
    /// The verdict on all objects that no excuse covers.
    pub verdict: Linearizability,
    /// Objects that an excuse covers: destroyed records are missing there.
    pub left_out: Vec<String>,
}

/// Verdict of a judge on a run's history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Linearizability {
    #[default]
    Holds,
    Violated,
    /// Not decided (the run ended before its history was complete).
    Unknown,
    /// No check applies: faults may destroy more than the guarantee tolerates.
    NotJudged,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_simulator_differs_from_one_of_the_protocol_code() {
        let at = |place: &str| Panic { message: "index out of bounds".to_owned(), place: Some(place.to_owned()) };
        let said = |place: &str, own: &[&str]| {
            let Violation { kind, invariant, detail, .. } = Violation::of_panic(&at(place), own);
            assert_eq!(kind, ViolationKind::Panic);
            (invariant, detail)
        };
        let world = sim::SOURCE_FILE.replace("lib.rs", "world/node.rs:12");
        let internal = format!("internal error: panicked at {world}: index out of bounds; please report it");
        assert_eq!(said(&world, &[]), (INTERNAL_ERROR.to_owned(), internal));
        assert_eq!(said(&format!("{}:1", file!()), &[]).0, INTERNAL_ERROR);
        let protocol = sim::SOURCE_FILE.replace("sim", "raft") + ":7";
        let claim = format!("panicked at {protocol}: index out of bounds");
        assert_eq!(said(&protocol, &["fuzz/src/sweep.rs"]), ("NoPanic".to_owned(), claim));
        assert_eq!(said("fuzz/src/ordered.rs:3", &["fuzz/src/sweep.rs"]).0, INTERNAL_ERROR);
    }
}
