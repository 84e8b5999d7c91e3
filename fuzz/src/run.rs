//! One run of a sweep or a search.

use std::collections::BTreeMap;

use scenarios::report::{AckedRecords, Linearizability, RunOutcome, RunReport, Violation};
use scenarios::run::Host;
use sim::drive::panics;
use xxhash_rust::xxh3::xxh3_128;

/// Runs one seed of the scenario at this index in the sweep's list. Called from many threads at once; the result is a
/// function of its arguments alone, which `--check-determinism` checks.
pub type RunSeed<'a> = dyn Fn(usize, u64, Host) -> RunReport + Sync + 'a;

/// Runs a seed; a panic is the outcome of the run.
pub fn caught(seed: u64, run: impl FnOnce() -> RunReport) -> RunReport {
    panics::catch_quietly(run).unwrap_or_else(|caught| RunReport {
        scenario: String::new(),
        seed,
        digest: xxh3_128(caught.message.as_bytes()),
        behaviour_digest: 0,
        plan_digest: 0,
        ladder: Vec::new(),
        outcome: RunOutcome::Violated(Violation::of_panic(&caught, &[file!()])),
        events: 0,
        messages: 0,
        sim_ns: 0,
        operations: BTreeMap::new(),
        records: AckedRecords::default(),
        probes: BTreeMap::new(),
        faults: BTreeMap::new(),
        aimed: BTreeMap::new(),
        knobs: BTreeMap::new(),
        excused: BTreeMap::new(),
        bugs: Vec::new(),
        fixes: Vec::new(),
        failovers: Vec::new(),
        linearizability: Linearizability::Unknown,
        black_box: None,
        recovery: None,
        abstract_states: None,
        host_sentinel: None,
    })
}
