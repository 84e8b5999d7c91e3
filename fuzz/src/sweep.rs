//! The search itself: many seeds, in order, on all cores.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use scenarios::report::{RunOutcome, RunReport, Violation};
use scenarios::run::Host;
use sim::fault::Plan;

use crate::aggregate::{Failure, Reproduction, Subject, SweepReport};
use crate::determinism;
use crate::merge::parts::Ended;
use crate::ordered::{self, Take, Work};
use crate::run::{RunSeed, caught};
use crate::seeds::Seeds;
use crate::stopwatch::Stopwatch;

/// The settings of a sweep, including its limits.
#[derive(Clone, Debug)]
pub struct SweepSettings {
    /// Scenarios and their modifications.
    pub subject: Subject,
    /// Seeds; each is run in every scenario.
    pub seeds: Seeds,
    /// Threads.
    pub jobs: usize,
    /// Number of failing runs at which the sweep ends.
    pub max_fail: u64,
    /// No run begins after this time.
    pub limit: Option<Duration>,
    /// Repeat each seed under other conditions.
    pub check_determinism: bool,
    /// First the host of the sweep, last the other one.
    pub hosts: &'static [Host],
}

/// The progress of a sweep.
#[derive(Clone, Copy, Debug)]
pub struct SweepProgress {
    /// Runs so far.
    pub runs: u64,
    /// Failing so far.
    pub failed: u64,
    /// Total number of runs, unless only a time limit ends the sweep.
    pub total: Option<u64>,
    /// Real time so far.
    pub elapsed: Duration,
    /// Real time at which it ends, if any.
    pub limit: Option<Duration>,
}

impl SweepProgress {
    /// Progress of a sweep that continued from `done` when the clock started, and has `total` runs.
    pub fn of(
        settings: &SweepSettings,
        done: Done,
        report: &SweepReport,
        total: u64,
        clock: Stopwatch,
    ) -> SweepProgress {
        let limit = settings.limit;
        SweepProgress {
            runs: done.runs + report.runs,
            failed: done.failed + report.failed,
            total: (limit.is_none() || total < u64::MAX / 2).then_some(total),
            elapsed: done.elapsed + clock.elapsed(),
            limit,
        }
    }
}

/// The results of earlier starts of the same sweep, from a checkpoint.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    /// Number of runs, which are skipped.
    pub runs: u64,
    /// Failing runs among them: they count for [`SweepSettings::max_fail`].
    pub failed: u64,
    /// Real time: it counts for [`SweepSettings::limit`].
    pub elapsed: Duration,
}

impl Done {
    /// Derived from the sums of an earlier start.
    pub fn of(before: &SweepReport) -> Done {
        Done { runs: before.runs, failed: before.failed, elapsed: Duration::from_nanos(before.wall_ns) }
    }
}

/// Events of a sweep, in the order of its runs.
pub enum SweepEvent<'a> {
    /// A run violated a claim.
    Failed(FailedRun<'a>),
    /// After each run, and periodically.
    Progress(SweepProgress),
    /// Like `Progress`, for a checkpoint: the function computes the sums of this start so far, which takes a while.
    Sums(&'a dyn Fn() -> SweepReport),
}

/// A run that violated a claim.
pub struct FailedRun<'a> {
    /// Index of its scenario in the sweep's list.
    pub scenario: usize,
    pub run: &'a RunReport,
    /// If its plan is not its seed's own: its number in the search, and the plan.
    pub changed_plan: Option<(u64, &'a Plan)>,
    /// The record of the failure; the listener fills in how it is reproduced.
    pub failure: &'a mut Failure,
}

impl FailedRun<'_> {
    /// Notifies the listener, and returns the failure as it is kept.
    pub(crate) fn tell(
        settings: &SweepSettings,
        (scenario, run): (usize, &RunReport),
        changed_plan: Option<(u64, &Plan)>,
        violation: Violation,
        listener: &mut dyn FnMut(SweepEvent<'_>),
    ) -> Failure {
        let (name, again) = (settings.subject.scenarios[scenario].clone(), Reproduction::default());
        let mut failure = Failure { scenario: name, seed: run.seed, digest: run.digest, violation, again };
        listener(SweepEvent::Failed(FailedRun { scenario, run, changed_plan, failure: &mut failure }));
        failure
    }
}

/// Number of runs in a batch: under `--check-determinism` runs are executed and checked in batches, so that an
/// interruption leaves a fully checked prefix.
const BATCH: u64 = 256;
/// No run of a batch begins after this time. Runs that are not checked yet are in no checkpoint.
const BATCH_TIME: Duration = Duration::from_secs(10);

/// Sweeps. The report covers a contiguous prefix of the order, whatever ended the sweep.
pub fn sweep(
    settings: &SweepSettings,
    run: &RunSeed<'_>,
    interrupted: &AtomicBool,
    listener: &mut dyn FnMut(SweepEvent<'_>),
) -> SweepReport {
    sweep_from(settings, Done::default(), run, interrupted, listener)
}

/// Sweeps the rest after earlier starts; [`together`] joins both sums.
pub fn sweep_from(
    settings: &SweepSettings,
    done: Done,
    run: &RunSeed<'_>,
    interrupted: &AtomicBool,
    listener: &mut dyn FnMut(SweepEvent<'_>),
) -> SweepReport {
    let clock = Stopwatch::start();
    let total = total(settings);
    let report = SweepReport::new(settings.subject.clone(), settings.seeds.first);
    let mut sums = Sums { settings, done, clock, total, report, listener };
    if settings.check_determinism {
        let mut from = done.runs;
        while from < total && sums.open() && !sums.spent() && !interrupted.load(Ordering::Relaxed) {
            let to = total.min(from.saturating_add(BATCH));
            from += checked_batch(from..to, run, interrupted, &mut sums);
        }
    } else if sums.open() {
        let stop = || interrupted.load(Ordering::Relaxed) || spent(settings, done, &clock);
        let item = |index| timed_run(settings, run, index);
        let work = Work { jobs: settings.jobs, warm_up: &|| (), stop: &stop, item: &item };
        ordered::run(done.runs.min(total)..total, &work, &mut sums);
    }
    sums.finish(interrupted.load(Ordering::Relaxed))
}

/// Total number of runs of a sweep.
fn total(settings: &SweepSettings) -> u64 {
    settings.seeds.count.saturating_mul(settings.subject.scenarios.len() as u64)
}

/// The seeds of the first `runs` runs; for the last seed perhaps not all scenarios ran.
fn seeds_of(settings: &SweepSettings, runs: u64) -> Vec<Seeds> {
    let scenarios = (settings.subject.scenarios.len() as u64).max(1);
    crate::seeds::coalesce(vec![settings.seeds.prefix(runs.div_ceil(scenarios))])
}

/// Joins the sums of earlier starts with those of the start that continued from them.
pub fn together(settings: &SweepSettings, before: SweepReport, rest: SweepReport) -> SweepReport {
    let mut whole = SweepReport { interrupted: false, parts: Vec::new(), ..before };
    whole.add_sweep(rest);
    whole.seeds = seeds_of(settings, whole.runs);
    whole
}

/// Why a sweep with these sums ended.
pub fn ended(settings: &SweepSettings, whole: &SweepReport) -> Ended {
    match () {
        () if whole.interrupted => Ended::Interrupted,
        () if whole.runs >= total(settings) => Ended::Complete,
        () if whole.failed >= settings.max_fail => Ended::MaxFail,
        () => Ended::TimeLimit,
    }
}

/// Scenario and seed of an index in the order.
fn place(settings: &SweepSettings, index: u64) -> (usize, u64) {
    let scenarios = settings.subject.scenarios.len() as u64;
    ((index % scenarios) as usize, settings.seeds.nth(index / scenarios))
}

fn spent(settings: &SweepSettings, done: Done, clock: &Stopwatch) -> bool {
    settings.limit.is_some_and(|limit| done.elapsed + clock.elapsed() >= limit)
}

/// A run and the real time it took.
type Timed = (RunReport, u64);

fn timed_run(settings: &SweepSettings, run: &RunSeed<'_>, index: u64) -> Timed {
    let clock = Stopwatch::start();
    let (scenario, seed) = place(settings, index);
    (caught(seed, || run(scenario, seed, settings.hosts[0])), clock.elapsed_ns())
}

/// Runs a batch, then repeats each of its runs in reverse order on fresh threads, then adds it. Returns the number of
/// runs in the batch.
fn checked_batch(batch: std::ops::Range<u64>, run: &RunSeed<'_>, interrupted: &AtomicBool, sums: &mut Sums<'_>) -> u64 {
    let (settings, done, clock, of_batch) = (sums.settings, sums.done, sums.clock, Stopwatch::start());
    let stop = || {
        let late = spent(settings, done, &clock) || of_batch.elapsed() >= BATCH_TIME;
        late || interrupted.load(Ordering::Relaxed)
    };
    let item = |index| timed_run(settings, run, index);
    let mut firsts = Collected { sums, results: Vec::new() };
    let work = Work { jobs: settings.jobs, warm_up: &|| (), stop: &stop, item: &item };
    ordered::run(batch.clone(), &work, &mut firsts);
    let firsts = firsts.results;

    let stop = || interrupted.load(Ordering::Relaxed);
    let item = |back: u64| {
        let at = firsts.len() - 1 - back as usize;
        let (scenario, seed) = place(settings, batch.start + at as u64);
        determinism::check(run, settings.hosts, scenario, seed, &firsts[at].0)
    };
    let mut differences = Collected { sums, results: Vec::new() };
    let work = Work { jobs: settings.jobs, warm_up: &determinism::spoil_random_state, stop: &stop, item: &item };
    ordered::run(0..firsts.len() as u64, &work, &mut differences);
    let differences = differences.results;
    if differences.len() < firsts.len() {
        return 0; // interrupted: what is not checked is not reported
    }
    for ((at, first), difference) in firsts.iter().enumerate().zip(differences.into_iter().rev()) {
        if sums.add(batch.start + at as u64, first, difference).is_break() {
            break;
        }
    }
    firsts.len() as u64
}

/// Adds up runs and notifies the listener.
struct Sums<'a> {
    settings: &'a SweepSettings,
    done: Done,
    clock: Stopwatch,
    total: u64,
    report: SweepReport,
    listener: &'a mut dyn FnMut(SweepEvent<'_>),
}

impl Sums<'_> {
    fn open(&self) -> bool {
        self.done.failed + self.report.failed < self.settings.max_fail
    }

    fn spent(&self) -> bool {
        spent(self.settings, self.done, &self.clock)
    }

    fn add(&mut self, index: u64, (run, core_ns): &Timed, difference: Option<Violation>) -> ControlFlow<()> {
        let (scenario, _) = place(self.settings, index);
        let own = match &run.outcome {
            RunOutcome::Violated(violation) => Some(violation.clone()),
            RunOutcome::Holds | RunOutcome::Inconclusive { .. } => None,
        };
        let failures = own
            .into_iter()
            .chain(difference)
            .map(|violation| FailedRun::tell(self.settings, (scenario, run), None, violation, self.listener));
        let failures = failures.collect();
        self.report.add(scenario, run, failures);
        self.report.core_ns += core_ns;
        self.report.by_scenario[scenario].core_ns += core_ns;
        self.show();
        if self.open() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    fn show(&mut self) {
        let Sums { settings, done, clock, total, report, listener } = self;
        listener(SweepEvent::Progress(SweepProgress::of(settings, *done, report, *total, *clock)));
        let sums = || SweepReport {
            seeds: seeds_of(settings, done.runs + report.runs),
            wall_ns: clock.elapsed_ns(),
            ..report.clone()
        };
        listener(SweepEvent::Sums(&sums));
    }

    fn finish(self, interrupted: bool) -> SweepReport {
        let open = self.open();
        let mut report = self.report;
        let runs = self.done.runs + report.runs;
        report.seeds = seeds_of(self.settings, runs);
        // A signal after the last run changes nothing.
        report.interrupted = interrupted && open && runs < self.total;
        report.wall_ns = self.clock.elapsed_ns();
        report
    }
}

impl Take<Timed> for Sums<'_> {
    fn take(&mut self, index: u64, run: Timed) -> ControlFlow<()> {
        self.add(index, &run, None)
    }

    fn tick(&mut self) {
        self.show();
    }
}

/// Keeps results, in order.
struct Collected<'s, 'a, T> {
    sums: &'s mut Sums<'a>,
    results: Vec<T>,
}

impl<T> Take<T> for Collected<'_, '_, T> {
    fn take(&mut self, _index: u64, result: T) -> ControlFlow<()> {
        self.results.push(result);
        ControlFlow::Continue(())
    }

    fn tick(&mut self) {
        self.sums.show();
    }
}
