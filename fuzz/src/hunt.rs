//! Runs each bug of the catalog alone, switched on in generic scenarios, until a check fails.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use scenarios::report::{RunOutcome, RunReport, Violation};

use crate::hosts::HOSTS;
use crate::ordered::{self, Take, Work};
use crate::run::{RunSeed, caught};
use crate::stopwatch::Stopwatch;

/// Time limit and threads of the search for one bug.
#[derive(Clone, Copy, Debug)]
pub struct HuntSettings {
    /// Threads.
    pub jobs: usize,
    /// No run is begun after this long.
    pub limit: Duration,
    /// Number of scenarios; they take turns, seed by seed.
    pub scenarios: usize,
    /// The first seed.
    pub first_seed: u64,
}

/// Result of the search for one bug.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hunted {
    /// The first failing run.
    pub caught: Option<Caught>,
    /// Runs in order up to and including that one.
    pub runs: u64,
    /// Failing runs that fail without the bug, too: they say nothing of it.
    pub fail_without: u64,
    /// Simulated time of these runs, ns.
    pub sim_ns: u64,
    /// Real time, ns.
    pub wall_ns: u64,
}

/// The run that caught a bug.
#[derive(Clone, Debug, PartialEq)]
pub struct Caught {
    /// Index of its scenario in the list.
    pub scenario: usize,
    pub seed: u64,
    pub digest: u128,
    pub violation: Violation,
}

/// Runs the first seed of each scenario, then the second of each, and so on, until one fails that holds `without` the
/// bug.
pub fn hunt(settings: HuntSettings, run: &RunSeed<'_>, without: &RunSeed<'_>, interrupted: &AtomicBool) -> Hunted {
    let clock = Stopwatch::start();
    let scenarios = settings.scenarios.max(1) as u64;
    let stop = || interrupted.load(Ordering::Relaxed) || clock.elapsed() >= settings.limit;
    let seed = |index: u64| settings.first_seed.saturating_add(index / scenarios);
    let item = |index: u64| caught(seed(index), || run((index % scenarios) as usize, seed(index), HOSTS[0]));
    let mut sums = Sums { scenarios, without, hunted: Hunted::default() };
    let work = Work { jobs: settings.jobs, warm_up: &|| (), stop: &stop, item: &item };
    ordered::run(0..u64::MAX, &work, &mut sums);
    Hunted { wall_ns: clock.elapsed_ns(), ..sums.hunted }
}

/// Does the run violate a claim?
pub(crate) fn is_violated(run: &RunReport) -> bool {
    matches!(run.outcome, RunOutcome::Violated(_))
}

struct Sums<'a> {
    scenarios: u64,
    without: &'a RunSeed<'a>,
    hunted: Hunted,
}

impl Take<RunReport> for Sums<'_> {
    fn take(&mut self, index: u64, run: RunReport) -> ControlFlow<()> {
        self.hunted.runs += 1;
        self.hunted.sim_ns += run.sim_ns;
        let RunOutcome::Violated(violation) = run.outcome else { return ControlFlow::Continue(()) };
        let scenario = (index % self.scenarios) as usize;
        if is_violated(&caught(run.seed, || (self.without)(scenario, run.seed, HOSTS[0]))) {
            self.hunted.fail_without += 1;
            return ControlFlow::Continue(());
        }
        self.hunted.caught = Some(Caught { scenario, seed: run.seed, digest: run.digest, violation });
        ControlFlow::Break(())
    }

    fn tick(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(seed: u64, is_violated: bool) -> RunReport {
        caught(seed, || {
            assert!(!is_violated, "a claim");
            let mut holds = caught(seed, || panic!("nothing"));
            holds.outcome = RunOutcome::Holds;
            holds
        })
    }

    #[test]
    fn what_fails_without_the_bug_is_no_catch() {
        let settings = HuntSettings { jobs: 2, limit: Duration::from_secs(60), scenarios: 1, first_seed: 0 };
        let with = |_: usize, seed: u64, _| report(seed, [2, 5, 9].contains(&seed));
        let without = |_: usize, seed: u64, _| report(seed, [2, 5].contains(&seed));
        let hunted = hunt(settings, &with, &without, &AtomicBool::new(false));
        assert_eq!((hunted.caught.map(|it| it.seed), hunted.runs, hunted.fail_without), (Some(9), 10, 2));
    }
}
