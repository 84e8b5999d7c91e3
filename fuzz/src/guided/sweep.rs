//! The sums of a guided search, as of any sweep.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use scenarios::report::RunOutcome;

use super::search_space::SearchSpace;
use super::{Explored, Visit, explore};
use crate::aggregate::SweepReport;
use crate::seeds::coalesce;
use crate::stopwatch::Stopwatch;
use crate::sweep::{Done, FailedRun, SweepEvent, SweepProgress, SweepSettings};

/// Sweeps. The setting `check_determinism` has no effect here.
pub fn sweep(
    settings: &SweepSettings,
    space: &SearchSpace<'_>,
    interrupted: &AtomicBool,
    listener: &mut dyn FnMut(SweepEvent<'_>),
) -> SweepReport {
    let clock = Stopwatch::start();
    let total = settings.seeds.count.saturating_mul(space.count() as u64);
    let spent = || settings.limit.is_some_and(|limit| clock.elapsed() >= limit);
    let stop = || interrupted.load(Ordering::Relaxed) || spent();
    let report = SweepReport::new(settings.subject.clone(), settings.seeds.first);
    let mut sums = Sums { settings, clock, total, report, listener };
    let guided = explore(space, settings.seeds, settings.jobs, &stop, &mut sums);
    let mut report = sums.report;
    let scenarios = (space.count() as u64).max(1);
    report.seeds = coalesce(vec![settings.seeds.prefix(guided.fresh.div_ceil(scenarios))]);
    report.guided = Some(guided);
    let ended = report.runs == total || report.failed >= settings.max_fail;
    report.interrupted = interrupted.load(Ordering::Relaxed) && !ended;
    report.wall_ns = clock.elapsed_ns();
    report
}

struct Sums<'a> {
    settings: &'a SweepSettings,
    clock: Stopwatch,
    total: u64,
    report: SweepReport,
    listener: &'a mut dyn FnMut(SweepEvent<'_>),
}

impl Visit for Sums<'_> {
    fn visit(&mut self, explored: &Explored) -> ControlFlow<()> {
        let Explored { iteration, scenario, plan, run, core_ns } = explored;
        let mut failures = Vec::new();
        if let RunOutcome::Violated(violation) = &run.outcome {
            let changed_plan = plan.as_ref().map(|plan| (*iteration, plan));
            let of = (*scenario, run);
            failures.push(FailedRun::tell(self.settings, of, changed_plan, violation.clone(), self.listener));
        }
        match plan {
            None => self.report.add(*scenario, run, failures),
            Some(_) => self.report.add_led(*scenario, run, failures),
        }
        self.report.core_ns += core_ns;
        self.report.by_scenario[*scenario].core_ns += core_ns;
        self.tick();
        if self.report.failed < self.settings.max_fail { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    fn tick(&mut self) {
        let progress = SweepProgress::of(self.settings, Done::default(), &self.report, self.total, self.clock);
        (self.listener)(SweepEvent::Progress(progress));
    }
}
