//! Fake runs without a world: each is a function of scenario and seed, some of them fail.

use std::collections::BTreeMap;

use fuzz::aggregate::{Subject, SweepReport};
use fuzz::seeds::Seeds;
use fuzz::sweep::{SweepEvent, SweepSettings};
use scenarios::report::{
    AckedRecords, Failover, FailoverKind, Linearizability, OperationCounts, RunOutcome, RunReport, Violation,
    ViolationKind,
};
use scenarios::run::Host;

pub const BOTH_HOSTS: &[Host] = &[Host::Madsim, Host::Bare];

/// Seeds divisible by this fail.
pub const FAILING: u64 = 10;

pub fn report(scenario: usize, seed: u64, host: Host) -> RunReport {
    let mixed = (seed ^ ((scenario as u64) << 60)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let digest = u128::from(mixed) << 64 | u128::from(seed);
    let total_ns = 1_000_000_000 + mixed % 3_000_000_000;
    let detect = total_ns / 2;
    let outcome = if seed.is_multiple_of(FAILING) {
        RunOutcome::Violated(Violation {
            kind: ViolationKind::Safety,
            invariant: "LeaderCompleteness".to_owned(),
            predicate: None,
            spec: "consensus.md §5".to_owned(),
            detail: format!("offset {seed} is missing"),
            at_ns: seed * 1000,
            event: seed,
        })
    } else {
        RunOutcome::Holds
    };
    RunReport {
        scenario: format!("fake-{scenario}"),
        seed,
        digest,
        behaviour_digest: digest,
        plan_digest: 0,
        ladder: (1..=4).map(|i| (i * 1000, digest ^ u128::from(i))).collect(),
        outcome,
        events: 1000 + mixed % 100,
        messages: 500,
        sim_ns: 60_000_000_000 + mixed % 1_000_000,
        operations: BTreeMap::from([("append".to_owned(), OperationCounts { ok: 200, fail: mixed % 3, unknown: 1 })]),
        records: AckedRecords { acked: 300, excused: mixed % 2, must_keep_percent: 0 },
        probes: BTreeMap::from([("rare".to_owned(), seed.is_multiple_of(7)), ("never".to_owned(), false)]),
        faults: BTreeMap::from([("kill".to_owned(), mixed % 4)]),
        aimed: BTreeMap::from([("leader-elected".to_owned(), mixed % 2)]),
        knobs: BTreeMap::from([("controller.quorum.fetch.timeout.ms".to_owned(), (seed % 3 * 1000).to_string())]),
        excused: BTreeMap::new(),
        bugs: Vec::new(),
        fixes: Vec::new(),
        failovers: vec![Failover {
            kind: if seed.is_multiple_of(3) { FailoverKind::ProduceGap } else { FailoverKind::Controller },
            at_ns: 5,
            cause: "kill".to_owned(),
            total_ns,
            ended: true,
            phases: vec![("detect", detect), ("elect", total_ns - detect)],
        }],
        linearizability: Linearizability::Holds,
        black_box: None,
        recovery: None,
        // Some states that every run has, and one that few or no others have.
        abstract_states: Some((0..6).chain([100 + mixed % 50]).collect()),
        host_sentinel: (host == Host::Madsim).then_some((seed, mixed)),
    }
}

pub fn settings(scenarios: usize, seeds: Seeds, jobs: usize) -> SweepSettings {
    let subject = Subject {
        version: "0".to_owned(),
        host: "bare".to_owned(),
        scenarios: (0..scenarios).map(|s| format!("fake-{s}")).collect(),
        ..Subject::default()
    };
    SweepSettings { subject, seeds, jobs, max_fail: u64::MAX, limit: None, check_determinism: false, hosts: BOTH_HOSTS }
}

/// Records the order in which runs were visited.
#[derive(Default)]
pub struct Recorded {
    pub failed: Vec<(u64, usize)>,
    pub runs: u64,
}

impl Recorded {
    pub fn on(&mut self, event: SweepEvent<'_>) {
        match event {
            SweepEvent::Failed(failed) => self.failed.push((failed.run.seed, failed.scenario)),
            SweepEvent::Progress(progress) => self.runs = progress.runs,
            SweepEvent::Sums(_) => {}
        }
    }
}

/// Clears real time, the only part that may differ.
pub fn timeless(mut report: SweepReport) -> SweepReport {
    report.wall_ns = 0;
    report.core_ns = 0;
    report.by_scenario.iter_mut().for_each(|of| of.core_ns = 0);
    report
}
