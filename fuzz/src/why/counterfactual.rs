//! Counterfactuals: the same run without a fault, or with the fault sooner or later, with the same draws and with those
//! of [`FUTURES`] other futures from its time on.

use scenarios::report::Violation;
use scenarios::run::fork::Fork;
use sim::drive::panics;
use sim::fault::Fault;

use super::futures::{FUTURES, breaks_as};
use crate::case::Case;

/// Distances by which a fault is moved, ns.
const SHIFTS_NS: [u64; 5] = [1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 10_000_000_000];
const FUTURES_OF_A_SHIFT: u64 = 3;

/// The removed part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CasePart {
    /// A fault, by its index in the plan.
    Fault(usize),
    /// An operation, by its index in the list.
    Operation(usize),
}

/// The role of a part in the violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartRole {
    /// Without it the claim holds, in every future that was tried.
    Necessary {
        /// The claim also holds if the fault occurs earlier by this, ns; `None`: it may occur as early as was tried.
        sooner_ns: Option<u64>,
        /// The same for later, ns.
        later_ns: Option<u64>,
    },
    /// Without it the same claim is violated, in fewer of the futures by at least a quarter of [`FUTURES`].
    Helps {
        /// Number of violating futures of [`FUTURES`], with it.
        with: u64,
        /// Number of them without it.
        without: u64,
    },
    /// Without it the same claim is violated about as often.
    Irrelevant,
}

impl PartRole {
    /// Is the part required?
    pub fn is_necessary(&self) -> bool {
        matches!(self, PartRole::Necessary { .. })
    }
}

/// Evaluates one part of a case that violates `broken`, on `jobs` threads.
pub fn verdict(case: &Case, broken: &Violation, part: CasePart, jobs: usize) -> PartRole {
    let worlds = Worlds { broken, jobs };
    let at_ns = part.at_ns(case);
    let without = part.taken_from(case);
    if worlds.breaks(&without) {
        return PartRole::Irrelevant;
    }
    match worlds.count(&without, at_ns, FUTURES) {
        0 => {
            let (sooner_ns, later_ns) = part.slack_ns(case, &worlds);
            PartRole::Necessary { sooner_ns, later_ns }
        }
        without => {
            let with = worlds.count(case, at_ns, FUTURES);
            // A smaller difference may be chance.
            if with >= without + FUTURES / 4 { PartRole::Helps { with, without } } else { PartRole::Irrelevant }
        }
    }
}

impl CasePart {
    fn at_ns(self, case: &Case) -> u64 {
        match self {
            CasePart::Fault(index) => case.plan.0[index].at_ns,
            // Clients' clocks differ from true time.
            CasePart::Operation(_) => 0,
        }
    }

    fn taken_from(self, case: &Case) -> Case {
        let mut case = case.clone();
        match self {
            CasePart::Fault(index) => drop(case.plan.0.remove(index)),
            CasePart::Operation(index) => drop(case.operations.remove(index)),
        }
        case
    }

    /// The smallest shifts, sooner and later, with which the claim holds.
    fn slack_ns(self, case: &Case, worlds: &Worlds<'_>) -> (Option<u64>, Option<u64>) {
        let CasePart::Fault(index) = self else { return (None, None) };
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

/// Moves a fault later; an aimed fault waits longer after its trigger.
fn later(fault: &Fault, by_ns: u64) -> Fault {
    let mut fault = fault.clone();
    match &mut fault.on {
        Some(trigger) => trigger.after_ns = trigger.after_ns.saturating_add(by_ns),
        None => fault.at_ns = fault.at_ns.saturating_add(by_ns),
    }
    fault
}

/// Moves a fault earlier; an aimed fault may be triggered earlier. `None` if there is no time for that.
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
    /// Does a case violate the same claim?
    fn breaks(&self, case: &Case) -> bool {
        panics::catch_quietly(|| case.run(None))
            .is_ok_and(|run| run.is_ok_and(|report| breaks_as(&report, self.broken)))
    }

    /// In how many futures from a time on does a case violate the same claim?
    fn count(&self, case: &Case, at_ns: u64, futures: u64) -> u64 {
        let all: Vec<u64> = (1..=futures).collect();
        let share = all.len().div_ceil(self.jobs.max(1));
        std::thread::scope(|scope| {
            let handles: Vec<_> =
                all.chunks(share).map(|some| scope.spawn(move || self.count_some(case, at_ns, some))).collect();
            handles.into_iter().map(|handle| handle.join().unwrap_or(0)).sum()
        })
    }

    /// Runs them all from one checkpoint, as they share everything before that time.
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
