//! The seam to `scenarios::run`, which is being written: these two become calls into it.

use fuzz::runner::HostChoice;
use scenarios::report::RunReport;
use scenarios::scenario::Scenario;
use sim::fault::Plan;

/// The faults that the nemesis of a scenario makes of a seed, with its knobs drawn.
#[expect(unused_variables, reason = "the seam")]
pub fn plan(scenario: &Scenario, seed: u64) -> Plan {
    todo!("scenarios::run")
}

/// One run, up to an instant if given, by an explicit plan if given.
#[expect(unused_variables, reason = "the seam")]
pub fn run(scenario: &Scenario, seed: u64, host: HostChoice, until_ns: Option<u64>, plan: Option<&Plan>) -> RunReport {
    todo!("scenarios::run")
}
