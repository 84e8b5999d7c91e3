//! The guided hunt for one bug: runs until one fails.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use scenarios::report::RunOutcome;
use sim::fault::Plan;

use super::search_space::SearchSpace;
use super::{Explored, Visit, explore};
use crate::hunt::{Caught, HuntSettings, Hunted, is_violated};
use crate::seeds::Seeds;
use crate::stopwatch::Stopwatch;

/// Hunts until a run fails that holds `without` the bug; returns the result, and the plan of the failing run if it is
/// not its seed's own.
pub fn hunt(
    settings: HuntSettings,
    space: &SearchSpace<'_>,
    without: &SearchSpace<'_>,
    interrupted: &AtomicBool,
) -> (Hunted, Option<Plan>) {
    let clock = Stopwatch::start();
    let stop = || interrupted.load(Ordering::Relaxed) || clock.elapsed() >= settings.limit;
    let seeds = Seeds { first: settings.first_seed, step: 1, count: u64::MAX - settings.first_seed };
    let mut first = First { without, hunted: Hunted::default(), plan: None };
    explore(space, seeds, settings.jobs, &stop, &mut first);
    (Hunted { wall_ns: clock.elapsed_ns(), ..first.hunted }, first.plan)
}

/// Keeps the first failing run.
struct First<'a> {
    without: &'a SearchSpace<'a>,
    hunted: Hunted,
    plan: Option<Plan>,
}

impl Visit for First<'_> {
    fn visit(&mut self, explored: &Explored) -> ControlFlow<()> {
        let Explored { iteration, scenario, plan, run, .. } = explored;
        self.hunted.runs += 1;
        self.hunted.sim_ns += run.sim_ns;
        let RunOutcome::Violated(violation) = &run.outcome else { return ControlFlow::Continue(()) };
        if is_violated(&self.without.run(*scenario, run.seed, plan.as_ref(), *iteration)) {
            self.hunted.fail_without += 1;
            return ControlFlow::Continue(());
        }
        let (scenario, violation) = (*scenario, violation.clone());
        self.hunted.caught = Some(Caught { scenario, seed: run.seed, digest: run.digest, violation });
        self.plan.clone_from(plan);
        ControlFlow::Break(())
    }

    fn tick(&mut self) {}
}
