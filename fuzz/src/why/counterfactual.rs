//! What would have been: the same run without a fault, or with it sooner or later, with the same draws and
//! with those of [`FUTURES`] others from its instant on.

use scenarios::report::Violation;
use scenarios::run::fork::Fork;
use sim::drive::panics;
use sim::fault::Fault;

use super::futures::{FUTURES, breaks_as};
use crate::case::Case;

/// How far a fault is moved, ns, and in how many other futures it is then tried.
const SHIFTS_NS: [u64; 5] = [1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 10_000_000_000];
const FUTURES_OF_A_SHIFT: u64 = 3;

/// What is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A fault, by its place in the plan.
    Fault(usize),
    /// An operation, by its place in the list.
    Operation(usize),
}

/// What the run has of a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Without it the claim holds, in every future that was tried.
    Necessary {
        /// So it does if the fault comes by so much sooner, ns; `None`: it may come as soon as was tried.
        sooner_ns: Option<u64>,
        /// Or so much later.
        later_ns: Option<u64>,
    },
    /// Without it the same breaks, in fewer of the futures.
    Helps {
        /// Of [`FUTURES`], with it.
        with: u64,
        /// And without.
        without: u64,
    },
    /// Without it the same breaks all the same.
    Irrelevant,
}

impl Verdict {
    /// Does it take this?
    pub fn is_necessary(&self) -> bool {
        matches!(self, Verdict::Necessary { .. })
    }
}

/// Judges one part of a case that breaks `broken`, on so many threads.
pub fn verdict(case: &Case, broken: &Violation, part: Part, jobs: usize) -> Verdict {
    let worlds = Worlds { broken, jobs };
    let at_ns = part.at_ns(case);
    let without = part.taken_from(case);
    if worlds.breaks(&without) {
        return Verdict::Irrelevant;
    }
    match worlds.count(&without, at_ns, FUTURES) {
        0 => {
            let (sooner_ns, later_ns) = part.slack_ns(case, &worlds);
            Verdict::Necessary { sooner_ns, later_ns }
        }
        without => {
            let with = worlds.count(case, at_ns, FUTURES);
            if with > without { Verdict::Helps { with, without } } else { Verdict::Irrelevant }
        }
    }
}

impl Part {
    fn at_ns(self, case: &Case) -> u64 {
        match self {
            Part::Fault(index) => case.plan.0[index].at_ns,
            // Clients' clocks are not the world's.
            Part::Operation(_) => 0,
        }
    }

    fn taken_from(self, case: &Case) -> Case {
        let mut case = case.clone();
        match self {
            Part::Fault(index) => drop(case.plan.0.remove(index)),
            Part::Operation(index) => drop(case.operations.remove(index)),
        }
        case
    }

    /// The smallest shifts, sooner and later, that save the run.
    fn slack_ns(self, case: &Case, worlds: &Worlds<'_>) -> (Option<u64>, Option<u64>) {
        let Part::Fault(index) = self else { return (None, None) };
        let fault = &case.plan.0[index];
        let breaks = |to: Fault| {
            let at_ns = to.at_ns.min(fault.at_ns);
            let mut case = case.clone();
            case.plan.0[index] = to;
            worlds.breaks(&case) || worlds.count(&case, at_ns, FUTURES_OF_A_SHIFT) > 0
        };
        let smallest = |moved: &dyn Fn(u64) -> Option<Fault>| {
            SHIFTS_NS.into_iter().find(|shift| moved(*shift).is_some_and(|to| !breaks(to)))
        };
        (smallest(&|shift| sooner(fault, shift)), smallest(&|shift| Some(later(fault, shift))))
    }
}

/// An aimed fault waits longer once it has seen what it waits for.
fn later(fault: &Fault, by_ns: u64) -> Fault {
    let mut fault = fault.clone();
    match &mut fault.on {
        Some(trigger) => trigger.after_ns = trigger.after_ns.saturating_add(by_ns),
        None => fault.at_ns = fault.at_ns.saturating_add(by_ns),
    }
    fault
}

/// An aimed fault may see what it waits for sooner. `None` if there is no time for that.
fn sooner(fault: &Fault, by_ns: u64) -> Option<Fault> {
    let mut fault = fault.clone();
    match &mut fault.on {
        Some(trigger) if trigger.after_ns >= by_ns => trigger.after_ns -= by_ns,
        _ => fault.at_ns = fault.at_ns.checked_sub(by_ns)?,
    }
    Some(fault)
}

struct Worlds<'a> {
    broken: &'a Violation,
    jobs: usize,
}

impl Worlds<'_> {
    /// Does a case break the same claim?
    fn breaks(&self, case: &Case) -> bool {
        panics::catch_quietly(|| case.run(None))
            .is_ok_and(|run| run.is_ok_and(|report| breaks_as(&report, self.broken)))
    }

    /// In how many futures from an instant on does it?
    fn count(&self, case: &Case, at_ns: u64, futures: u64) -> u64 {
        let all: Vec<u64> = (1..=futures).collect();
        let share = all.len().div_ceil(self.jobs.max(1));
        std::thread::scope(|scope| {
            let handles: Vec<_> =
                all.chunks(share).map(|some| scope.spawn(move || self.count_some(case, at_ns, some))).collect();
            handles.into_iter().map(|handle| handle.join().unwrap_or(0)).sum()
        })
    }

    /// All from one checkpoint, as they have everything before that instant in common.
    fn count_some(&self, case: &Case, at_ns: u64, futures: &[u64]) -> u64 {
        let Ok(scenario) = case.effective() else { return 0 };
        let before = || -> Result<Fork<'_>, String> {
            let mut fork = Fork::begin(&case.request(&scenario, None))?;
            if let Some(before) = at_ns.checked_sub(1) {
                fork.to_time(before);
            }
            Ok(fork)
        };
        let Ok(Ok(before)) = panics::catch_quietly(before) else { return 0 };
        let breaks = |future: u64| {
            let run = || {
                let mut fork = before.clone();
                fork.redraw(future);
                fork.finish()
            };
            panics::catch_quietly(run).is_ok_and(|report| breaks_as(&report, self.broken))
        };
        futures.iter().filter(|future| breaks(**future)).count() as u64
    }
}
