//! A run as data: scenario, seed, knobs, faults and operations, each of which can be removed.

pub mod story;

use scenarios::cluster::{self, Explicit};
use scenarios::knobs;
use scenarios::report::{RunOutcome, RunReport, Violation};
use scenarios::run::{self, Finished, Host, Request};
use scenarios::scenario::Scenario;
use scenarios::workload::ScheduledOperation;
use sim::fault::Plan;
use sim::rng::Seed;

/// See the module's documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// All settings except the seed; it draws no knobs.
    pub scenario: Scenario,
    pub seed: u64,
    /// The knob values that were drawn.
    pub knobs: Vec<(String, String)>,
    pub plan: Plan,
    /// The operations of clients.
    pub operations: Vec<ScheduledOperation>,
}

impl Case {
    /// The run of a seed, with the given explicit parts. It is run once to record the operations of clients.
    pub fn of(scenario: &Scenario, seed: u64, explicit: &Explicit) -> Result<Case, String> {
        let drawn = knobs::draw(scenario, Seed(seed));
        let prepared = cluster::prepare(scenario, Seed(seed), explicit)?;
        let operations = match &explicit.operations {
            Some(operations) => operations.clone(),
            None => {
                let explicit = Explicit { keeps_operations: true, ..explicit.clone() };
                let request = Request { host: Host::Bare, explicit, ..Request::new(scenario, seed) };
                run::operations(&run::drive(&request)?)
            }
        };
        let mut scenario = scenario.clone();
        scenario.knobs.off = true;
        // Probes are required of sweeps, and may be impossible in a smaller run.
        scenario.require_probe.clear();
        Ok(Case { scenario, seed, knobs: drawn, plan: prepared.world.plan, operations })
    }

    /// The scenario with the knobs in force.
    pub fn effective(&self) -> Result<Scenario, String> {
        let mut scenario = self.scenario.clone();
        knobs::put_in_force(&mut scenario, &self.knobs)?;
        Ok(scenario)
    }

    /// The parts of the case that are given as data.
    pub fn explicit(&self) -> Explicit {
        let (plan, operations) = (Some(self.plan.clone()), Some(self.operations.clone()));
        Explicit { plan, operations, keeps_operations: false }
    }

    /// Runs it, up to a time if given. An error is a case that cannot be run.
    pub fn run(&self, until_ns: Option<u64>) -> Result<RunReport, String> {
        let scenario = self.effective()?;
        run::run(&self.request(&scenario, until_ns))
    }

    /// Runs it and returns the complete result.
    pub fn drive(&self, until_ns: Option<u64>) -> Result<Finished, String> {
        let scenario = self.effective()?;
        run::drive(&self.request(&scenario, until_ns))
    }

    /// The request that runs it with its effective scenario ([`Case::effective`]).
    pub fn request<'a>(&self, scenario: &'a Scenario, until_ns: Option<u64>) -> Request<'a> {
        Request { host: Host::Bare, until_ns, explicit: self.explicit(), ..Request::new(scenario, self.seed) }
    }
}

/// The violation of a run.
pub fn violation(report: &RunReport) -> Option<&Violation> {
    match &report.outcome {
        RunOutcome::Violated(violation) => Some(violation),
        RunOutcome::Holds | RunOutcome::Inconclusive { .. } => None,
    }
}
