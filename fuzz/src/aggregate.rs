//! The sums over the runs of a sweep. Integers only, so that the result does not depend on the order of additions, the
//! number of workers or the merged shards.

mod subject;

use std::collections::BTreeMap;

use scenarios::report::{
    AckedRecords, Linearizability, OperationCounts, RunOutcome, RunReport, Violation, ViolationKind,
};
use xxhash_rust::xxh3::xxh3_128;

use crate::durations::Durations;
use crate::failover::{self, Failovers, Place, Times, Worst};
use crate::guided::Guided;
use crate::known::KnownFinding;
use crate::merge::parts::SweepPart;
use crate::recovery::RecoveryTimes;
use crate::seeds::Seeds;
use crate::silence::Silence;

pub use subject::{RequiredProbe, Subject, digest_of_inputs};

/// How a failure is reproduced, and what removes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reproduction {
    /// Path of the repro file, if one was written.
    pub repro: Option<String>,
    /// A shell command of one line.
    pub command: String,
    /// The known finding that causes it, if one was searched and found.
    pub known: Option<KnownFinding>,
}

/// A violation and its run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The name given on the command line.
    pub scenario: String,
    pub seed: u64,
    pub digest: u128,
    pub violation: Violation,
    pub again: Reproduction,
}

/// A floor that some runs did not reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissedFloor {
    /// Number of runs below it.
    pub runs: u64,
    /// Seed of the first of them.
    pub seed: u64,
    /// Value of the floor for that run.
    pub wanted: u64,
    /// Value that the run reached.
    pub got: u64,
}

/// An `[expect]` limit and the times that it is compared with.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// Scenario of the limit.
    pub scenario: String,
    /// Such as `failover.controller.p99`.
    pub name: String,
    /// Such as `<= 4s`.
    pub limit: String,
    /// Whether a value beyond it is a violation; otherwise it is only shown.
    pub judged: bool,
    /// The times measured in the runs of that scenario.
    pub times: Durations,
    /// The slowest time, and the command that shows it.
    pub worst: Option<(Worst, String)>,
}

/// Number of histories checked as a black box, by verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlackBox {
    /// Linearizable.
    pub holds: u64,
    /// Not linearizable.
    pub violated: u64,
    pub unknown: u64,
}

impl BlackBox {
    pub fn checked(self) -> u64 {
        self.holds + self.violated + self.unknown
    }

    fn add(&mut self, said: Option<&scenarios::report::BlackBox>) {
        match said.map(|said| said.verdict) {
            None | Some(Linearizability::NotJudged) => {}
            Some(Linearizability::Holds) => self.holds += 1,
            Some(Linearizability::Violated) => self.violated += 1,
            Some(Linearizability::Unknown) => self.unknown += 1,
        }
    }
}

/// Sums over the runs of one scenario.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OfScenario {
    /// Runs.
    pub runs: u64,
    /// Runs with a violation.
    pub failed: u64,
    /// Runs below a floor.
    pub inconclusive: u64,
    /// Missed floors by name.
    pub missed_floors: BTreeMap<String, MissedFloor>,
    /// Runs whose only open question is an undecided history.
    pub undecided: u64,
    /// Real time of its runs, each on one core.
    pub core_ns: u64,
    /// Failovers.
    pub failovers: Failovers,
    /// Recoveries after the last fault.
    pub recovery: Times,
}

impl OfScenario {
    /// Adds the sums of another sweep.
    fn merge(&mut self, other: &OfScenario) {
        self.runs += other.runs;
        self.failed += other.failed;
        self.inconclusive += other.inconclusive;
        add_floors(&mut self.missed_floors, &other.missed_floors);
        self.undecided += other.undecided;
        self.core_ns = self.core_ns.saturating_add(other.core_ns);
        failover::merge(&mut self.failovers, &other.failovers);
        self.recovery.merge(&other.recovery);
    }

    fn add(&mut self, run: &RunReport, failed: bool) {
        self.runs += 1;
        self.failed += u64::from(failed);
        self.undecided += u64::from(run.is_undecided());
    }

    /// Adds a run under a plan of the scenario's nemesis.
    fn add_own(&mut self, name: &str, run: &RunReport) {
        if let RunOutcome::Inconclusive { floor, wanted, got } = &run.outcome {
            self.inconclusive += 1;
            let first = MissedFloor { runs: 0, seed: run.seed, wanted: *wanted, got: *got };
            self.missed_floors.entry(floor.clone()).or_insert(first).runs += 1;
        }
        let place = Place { seed: run.seed, scenario: name, digest: run.digest, at_ns: 0 };
        if let Some(recovered) = run.recovery {
            let at_ns = run.sim_ns.saturating_sub(recovered.took_ns);
            self.recovery.record(recovered.took_ns, Place { at_ns, ..place });
        }
        for failover in &run.failovers {
            failover::record(&mut self.failovers, failover, place);
        }
    }
}

/// The sums.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SweepReport {
    pub subject: Subject,
    /// True if a signal ended the sweep. A merge is never interrupted: its parts were.
    pub interrupted: bool,
    /// First seed of the range, even if none ran.
    pub seeds_first: u64,
    /// Seeds that ran; for the last one perhaps not all scenarios.
    pub seeds: Vec<Seeds>,
    pub runs: u64,
    /// Runs with a violation.
    pub failed: u64,
    /// Runs below a floor.
    pub inconclusive: u64,
    pub events: u64,
    pub messages: u64,
    /// Sum of simulated time.
    pub sim_ns: u64,
    /// Real time of the sweep.
    pub wall_ns: u64,
    /// Real time of its runs, each on one core.
    pub core_ns: u64,
    /// Sum mod 2^128 of H(scenario, seed, run digest).
    pub digest: u128,
    /// In order of seed, then scenario.
    pub violations: Vec<Failure>,
    /// Runs whose history holds.
    pub lin_holds: u64,
    /// Runs whose history does not.
    pub lin_violated: u64,
    /// Runs whose history is undecided.
    pub lin_unknown: u64,
    /// Undecided runs that would hold otherwise.
    pub undecided: u64,
    /// Histories checked as a black box, by verdict.
    pub black_box: BlackBox,
    /// Cause → count.
    pub excused: BTreeMap<String, u64>,
    /// Name → runs that reached it.
    pub probes: BTreeMap<String, u64>,
    /// Scenario → runs of it that reached each name.
    pub probes_by_scenario: BTreeMap<String, BTreeMap<String, u64>>,
    /// Kind → times injected.
    pub faults: BTreeMap<String, u64>,
    /// Trigger → aimed faults that it started.
    pub aimed: BTreeMap<String, u64>,
    /// Kind → runs it was injected in.
    pub fault_runs: BTreeMap<String, u64>,
    /// Kind → counts.
    pub operations: BTreeMap<String, OperationCounts>,
    /// Scenario → records acknowledged in its runs.
    pub records: BTreeMap<String, AckedRecords>,
    /// Property → value → runs.
    pub knobs: BTreeMap<String, BTreeMap<String, u64>>,
    /// Recoveries after the last fault.
    pub recovery: RecoveryTimes,
    /// Failovers, all scenarios together.
    pub failovers: Failovers,
    /// By scenario, in the subject's order. Their failovers and recoveries are not kept in files;
    /// [`SweepReport::limits`] are.
    pub by_scenario: Vec<OfScenario>,
    /// `[expect]` limits.
    pub limits: Vec<Limit>,
    /// The coverage estimate.
    pub silence: Silence,
    /// Counts of the guided search, if it was guided.
    pub guided: Option<Guided>,
    /// The parts of seed ranges: one for a sweep, those of all files for a merge.
    pub parts: Vec<SweepPart>,
    /// The missing parts of a merge.
    pub missing: Vec<String>,
}

impl SweepReport {
    pub fn new(subject: Subject, seeds_first: u64) -> Self {
        let by_scenario = vec![OfScenario::default(); subject.scenarios.len()];
        SweepReport { subject, seeds_first, by_scenario, ..SweepReport::default() }
    }

    /// Adds the run of a seed that was drawn independently of other runs.
    pub fn add(&mut self, scenario: usize, run: &RunReport, failures: Vec<Failure>) {
        let name = self.subject.scenarios[scenario].clone();
        self.silence.add(&name, run, !failures.is_empty());
        self.by_scenario[scenario].add_own(&name, run);
        self.inconclusive += u64::from(matches!(run.outcome, RunOutcome::Inconclusive { .. }));
        at(&mut self.records, &name).add(run.records);
        if let Some(recovered) = run.recovery {
            self.recovery.record(recovered, run.seed);
        }
        let place = Place { seed: run.seed, scenario: &name, digest: run.digest, at_ns: 0 };
        for failover in &run.failovers {
            failover::record(&mut self.failovers, failover, place);
        }
        self.add_led(scenario, run, failures);
    }

    /// Adds a run with a changed plan. Its floors, times and excused losses are not counted, because these are
    /// statistics of the scenario under the plans of its nemesis.
    pub fn add_led(&mut self, scenario: usize, run: &RunReport, failures: Vec<Failure>) {
        let name = self.subject.scenarios[scenario].clone();
        self.by_scenario[scenario].add(run, !failures.is_empty());
        self.runs += 1;
        self.failed += u64::from(!failures.is_empty());
        self.events += run.events;
        self.messages += run.messages;
        self.sim_ns += run.sim_ns;
        self.digest = self.digest.wrapping_add(digest_of(&name, run.seed, run.digest));
        self.violations.extend(failures);
        match run.linearizability {
            Linearizability::Holds => self.lin_holds += 1,
            Linearizability::Violated => self.lin_violated += 1,
            Linearizability::Unknown => self.lin_unknown += 1,
            Linearizability::NotJudged => {}
        }
        self.undecided += u64::from(run.is_undecided());
        self.black_box.add(run.black_box.as_ref());
        add_counts(&mut self.excused, run.excused.iter().map(|(k, n)| (k, *n)));
        for sums in [&mut self.probes, at(&mut self.probes_by_scenario, &name)] {
            add_counts(sums, run.probes.iter().map(|(k, reached)| (k, u64::from(*reached))));
        }
        add_counts(&mut self.faults, run.faults.iter().map(|(k, n)| (k, *n)));
        add_counts(&mut self.aimed, run.aimed.iter().map(|(k, n)| (k, *n)));
        add_counts(&mut self.fault_runs, run.faults.iter().map(|(k, n)| (k, u64::from(*n > 0))));
        add_operations(&mut self.operations, &run.operations);
        for (property, value) in &run.knobs {
            add_counts(at(&mut self.knobs, property), std::iter::once((value, 1)));
        }
    }

    /// Adds the sums of another sweep of the same subject. Violations of kind `expect` belong to a sweep, not to a run:
    /// those of both sides are dropped, and the limits are evaluated again.
    pub fn add_sweep(&mut self, other: SweepReport) {
        self.interrupted |= other.interrupted;
        self.seeds_first = self.seeds_first.min(other.seeds_first);
        self.seeds = crate::seeds::coalesce([std::mem::take(&mut self.seeds), other.seeds].concat());
        self.runs += other.runs;
        self.failed += other.failed;
        self.inconclusive += other.inconclusive;
        self.events += other.events;
        self.messages += other.messages;
        // Sums of many machines and arbitrary files saturate: 584 years are enough.
        self.sim_ns = self.sim_ns.saturating_add(other.sim_ns);
        self.wall_ns = self.wall_ns.saturating_add(other.wall_ns);
        self.core_ns = self.core_ns.saturating_add(other.core_ns);
        self.digest = self.digest.wrapping_add(other.digest);
        self.violations.extend(other.violations);
        self.violations.retain(|f| f.violation.kind != ViolationKind::Expect);
        let scenarios = &self.subject.scenarios;
        self.violations.sort_by_key(|f| (f.seed, scenarios.iter().position(|s| *s == f.scenario)));
        self.lin_holds += other.lin_holds;
        self.lin_violated += other.lin_violated;
        self.lin_unknown += other.lin_unknown;
        self.undecided += other.undecided;
        self.black_box.holds += other.black_box.holds;
        self.black_box.violated += other.black_box.violated;
        self.black_box.unknown += other.black_box.unknown;
        add_counts(&mut self.excused, other.excused.iter().map(|(k, n)| (k, *n)));
        add_counts(&mut self.probes, other.probes.iter().map(|(k, n)| (k, *n)));
        add_tables(&mut self.probes_by_scenario, &other.probes_by_scenario);
        add_counts(&mut self.faults, other.faults.iter().map(|(k, n)| (k, *n)));
        add_counts(&mut self.aimed, other.aimed.iter().map(|(k, n)| (k, *n)));
        add_counts(&mut self.fault_runs, other.fault_runs.iter().map(|(k, n)| (k, *n)));
        add_operations(&mut self.operations, &other.operations);
        for (name, records) in &other.records {
            at(&mut self.records, name).add(*records);
        }
        add_tables(&mut self.knobs, &other.knobs);
        self.recovery.merge(&other.recovery);
        failover::merge(&mut self.failovers, &other.failovers);
        self.silence.merge(&other.silence);
        for (mine, other) in self.by_scenario.iter_mut().zip(&other.by_scenario) {
            mine.merge(other);
        }
        self.parts.extend(other.parts);
        for limit in other.limits {
            self.add_limit(limit);
        }
    }

    fn add_limit(&mut self, other: Limit) {
        let same = |l: &&mut Limit| (&l.scenario, &l.name, &l.limit) == (&other.scenario, &other.name, &other.limit);
        let Some(mine) = self.limits.iter_mut().find(same) else {
            self.limits.push(other);
            return;
        };
        mine.times.merge(&other.times);
        let slow = |w: &Option<(Worst, String)>| w.as_ref().map(|(w, _)| (w.us, std::cmp::Reverse(w.seed)));
        if slow(&other.worst) > slow(&mine.worst) {
            mine.worst = other.worst;
        }
    }

    /// Runs below a floor, by floor, of all scenarios together.
    pub fn missed_floors(&self) -> BTreeMap<String, MissedFloor> {
        let mut all = BTreeMap::new();
        self.by_scenario.iter().for_each(|of| add_floors(&mut all, &of.missed_floors));
        all
    }

    /// The sums of each scenario that files keep, without real time.
    pub fn counts_by_scenario(&self) -> Vec<OfScenario> {
        let counts = |of: &OfScenario| OfScenario {
            core_ns: 0,
            failovers: Failovers::default(),
            recovery: Times::default(),
            ..of.clone()
        };
        self.by_scenario.iter().map(counts).collect()
    }

    /// Rare situations that are required and were not reached.
    pub fn missed_probes(&self) -> impl Iterator<Item = &RequiredProbe> {
        let seeds = self.runs / (self.subject.scenarios.len() as u64).max(1);
        let reached = |required: &RequiredProbe| {
            let counts = match &required.scenario {
                Some(scenario) => self.probes_by_scenario.get(scenario),
                None => Some(&self.probes),
            };
            counts.and_then(|counts| counts.get(&required.probe)).is_some_and(|runs| *runs > 0)
        };
        self.subject.required_probes.iter().filter(move |required| seeds >= required.from_seeds && !reached(required))
    }

    /// Operations answered with success.
    pub fn operations_acked(&self) -> u64 {
        self.operations.values().map(|counts| counts.ok).sum()
    }

    /// Is there a violation of one of these kinds?
    pub fn has(&self, kinds: &[ViolationKind]) -> bool {
        self.violations.iter().any(|f| kinds.contains(&f.violation.kind))
    }
}

/// H(scenario, seed, run digest).
fn digest_of(scenario: &str, seed: u64, digest: u128) -> u128 {
    let mut bytes = Vec::with_capacity(scenario.len() + 32);
    bytes.extend_from_slice(&(scenario.len() as u64).to_le_bytes());
    bytes.extend_from_slice(scenario.as_bytes());
    bytes.extend_from_slice(&seed.to_le_bytes());
    bytes.extend_from_slice(&digest.to_le_bytes());
    xxh3_128(&bytes)
}

/// The value at a key, inserted if absent; the key is copied only then.
fn at<'m, V: Default>(map: &'m mut BTreeMap<String, V>, key: &str) -> &'m mut V {
    if !map.contains_key(key) {
        map.insert(key.to_owned(), V::default());
    }
    map.get_mut(key).expect("just made")
}

fn add_counts<'a>(sums: &mut BTreeMap<String, u64>, counts: impl Iterator<Item = (&'a String, u64)>) {
    for (name, n) in counts {
        *at(sums, name) += n;
    }
}

/// The first run below a floor is the one with the smallest seed, and of these the one of the first named scenario.
fn add_floors(sums: &mut BTreeMap<String, MissedFloor>, floors: &BTreeMap<String, MissedFloor>) {
    for (name, other) in floors {
        let mine = sums.entry(name.clone()).or_insert_with(|| MissedFloor { runs: 0, ..other.clone() });
        let runs = mine.runs + other.runs;
        *mine = MissedFloor { runs, ..if other.seed < mine.seed { other.clone() } else { mine.clone() } };
    }
}

fn add_tables(sums: &mut BTreeMap<String, BTreeMap<String, u64>>, tables: &BTreeMap<String, BTreeMap<String, u64>>) {
    for (name, counts) in tables {
        add_counts(at(sums, name), counts.iter().map(|(k, n)| (k, *n)));
    }
}

fn add_operations(sums: &mut BTreeMap<String, OperationCounts>, counts: &BTreeMap<String, OperationCounts>) {
    for (kind, n) in counts {
        let sum = at(sums, kind);
        sum.ok += n.ok;
        sum.fail += n.fail;
        sum.unknown += n.unknown;
    }
}
