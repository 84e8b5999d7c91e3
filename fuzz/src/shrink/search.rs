//! Runs candidates, several at a time; the first in order that still fails is the new best.

use std::collections::BTreeSet;
use std::fmt;
use std::hash::{DefaultHasher, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};

use scenarios::bugs::Bugs;
use scenarios::report::{RunReport, Violation, ViolationKind};
use sim::drive::panics;

use super::terms::{ShrinkProgress, ShrinkSettings, Shrunk};
use crate::case::{Case, violation};
use crate::known::{self, KnownFinding};
use crate::stopwatch::Stopwatch;

/// A candidate may violate the claim later than the best one by this, ns, or by a quarter of its time.
const LATER_NS: u64 = 3_000_000_000;

/// See the module's documentation.
pub struct Search<'a> {
    /// The smallest case so far.
    pub best: Case,
    /// Fingerprints of the candidates that were tried without success since the last new best.
    in_vain: BTreeSet<u64>,
    report: RunReport,
    /// The claim that candidates must violate.
    broken: Violation,
    settings: ShrinkSettings,
    clock: Stopwatch,
    interrupted: &'a AtomicBool,
    watch: &'a mut dyn FnMut(&ShrinkProgress),
    pass: &'static str,
    runs: u64,
    /// Number of other seeds that each candidate is tried with.
    other_seeds: u64,
    /// Seed of the initial case; the other seeds follow it.
    first_seed: u64,
    /// Without this cause the initial case holds, and so must every other.
    cause: Option<Cause>,
}

/// The cause of a failure.
enum Cause {
    /// The bugs that are switched on.
    Bugs,
    /// The absent fixes of known findings.
    AbsentFixes(KnownFinding),
    /// The faults, if a time bound has passed and there is no other cause.
    Faults,
}

impl Cause {
    /// The cause without which a case that violates `broken` holds to its end; `None` if unknown.
    fn of(case: &Case, broken: &Violation) -> Option<Cause> {
        if case.scenario.bugs != Bugs::NONE {
            return Some(Cause::Bugs).filter(|cause| holds(cause.taken_from(case)));
        }
        let known = case.effective().ok().and_then(|it| known::of_run(&it, case.seed, &case.explicit(), broken));
        match known {
            Some(known) => Some(Cause::AbsentFixes(known)),
            None if breaks_at_once(broken) => None,
            None => Some(Cause::Faults).filter(|cause| holds(cause.taken_from(case))),
        }
    }

    fn taken_from(&self, case: &Case) -> Case {
        let mut case = case.clone();
        match self {
            Cause::Bugs => case.scenario.bugs = Bugs::NONE,
            Cause::AbsentFixes(known) => known::with_fixes(&mut case.scenario, known),
            Cause::Faults => case.plan.0.clear(),
        }
        case
    }
}

/// Is the claim violated by an event, and not because a time bound has passed?
fn breaks_at_once(broken: &Violation) -> bool {
    matches!(broken.kind, ViolationKind::Safety | ViolationKind::Panic | ViolationKind::GhostMismatch)
}

impl<'a> Search<'a> {
    /// Starts from a case that violates `broken`.
    pub fn new(
        best: Case,
        report: RunReport,
        broken: &Violation,
        settings: ShrinkSettings,
        interrupted: &'a AtomicBool,
        watch: &'a mut dyn FnMut(&ShrinkProgress),
    ) -> Search<'a> {
        Search {
            cause: Cause::of(&best, broken),
            first_seed: best.seed,
            best,
            in_vain: BTreeSet::new(),
            report,
            broken: broken.clone(),
            settings,
            clock: Stopwatch::start(),
            interrupted,
            watch,
            pass: "",
            runs: 0,
            other_seeds: 0,
        }
    }

    /// Number of candidates that are run at a time.
    pub fn width(&self) -> usize {
        self.settings.jobs.max(1)
    }

    /// True time at which the best case violates its claim, ns.
    pub fn broken_at_ns(&self) -> u64 {
        violation(&self.report).map_or(0, |violation| violation.at_ns)
    }

    /// Is the claim violated by an event, and not because a time bound has passed?
    pub fn breaks_at_once(&self) -> bool {
        breaks_at_once(&self.broken)
    }

    /// Names the pass that begins.
    pub fn pass(&mut self, name: &'static str) {
        self.pass = name;
    }

    /// From now on a candidate that no longer fails is tried with this number of other seeds: the removed part may
    /// have mattered only for later random draws.
    pub fn try_other_seeds(&mut self, count: u64) {
        self.other_seeds = count;
    }

    /// Has the time run out?
    pub fn is_over(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
            || self.settings.limit.is_some_and(|limit| self.clock.elapsed() >= limit)
    }

    /// Runs candidates; the first of them that still fails becomes the best one. Candidates equal to the best one, or
    /// tried since without success, are skipped: the passes repeat until nothing changes.
    pub fn first_failing(&mut self, candidates: Vec<Case>) -> Option<usize> {
        // Ordered by candidate, and within one its own seed first: the order is that of one thread.
        let others: Vec<u64> = (0..=self.other_seeds).map(|k| self.first_seed.wrapping_add(k)).collect();
        let mut round: Vec<(usize, Case)> = Vec::new();
        for (place, candidate) in candidates.into_iter().enumerate() {
            if candidate == self.best {
                continue;
            }
            let others = others.iter().filter(|seed| self.other_seeds > 0 && **seed != candidate.seed);
            let reseeded = others.map(|seed| (place, Case { seed: *seed, ..candidate.clone() })).collect::<Vec<_>>();
            round.push((place, candidate));
            round.extend(reseeded);
        }
        // Duplicates within this call are skipped too: the number of candidates in a call depends on the number of
        // threads, but the count of runs must not.
        let mut known = self.in_vain.clone();
        round.retain(|(_, candidate)| known.insert(fingerprint(candidate)));
        for some in round.chunks(self.width()) {
            if self.is_over() {
                return None;
            }
            let candidates: Vec<Case> = some.iter().map(|(_, case)| case.clone()).collect();
            if let Some(found) = self.first_of(&candidates) {
                self.in_vain.clear();
                return Some(some[found].0);
            }
            self.in_vain.extend(candidates.iter().map(fingerprint));
        }
        None
    }

    fn first_of(&mut self, candidates: &[Case]) -> Option<usize> {
        let until_ns = self.breaks_at_once().then(|| {
            let at_ns = self.broken_at_ns();
            at_ns + (at_ns / 4).max(LATER_NS)
        });
        let mut reports = run_all(candidates, until_ns);
        let found = (0..reports.len())
            .find(|index| self.is_broken(reports[*index].as_ref()) && self.control_holds(&candidates[*index]));
        // Runs after the first failing one are not counted: the count is the same for any number of threads.
        self.runs += found.map_or(candidates.len(), |index| index + 1) as u64;
        if let Some(index) = found {
            self.best = candidates[index].clone();
            self.report = reports.swap_remove(index).expect("it failed");
        }
        (self.watch)(&ShrinkProgress {
            pass: self.pass,
            runs: self.runs,
            faults: self.best.plan.0.len(),
            operations: self.best.operations.len(),
            elapsed: self.clock.elapsed(),
        });
        found
    }

    fn is_broken(&self, report: Option<&RunReport>) -> bool {
        report.and_then(violation).is_some_and(|it| it.is_same_claim(&self.broken))
    }

    /// A reduced cluster may be unable to recover, whatever its faults. So without the cause everything must hold to
    /// the end, if that was so for the initial case.
    fn control_holds(&self, candidate: &Case) -> bool {
        self.cause.as_ref().is_none_or(|cause| holds(cause.taken_from(candidate)))
    }

    /// Tries one candidate; true if it still fails and is the best one now.
    pub fn keep_if_failing(&mut self, candidate: Case) -> bool {
        self.first_failing(vec![candidate]).is_some()
    }

    /// Removes everything that begins after the violation.
    pub fn cut_tail(&mut self) {
        if !self.breaks_at_once() {
            return;
        }
        let mut candidate = self.best.clone();
        let at_ns = self.broken_at_ns();
        candidate.plan.0.retain(|fault| fault.at_ns <= at_ns);
        // Clients' clocks differ from true time: if too much is removed, the candidate does not fail.
        candidate.operations.retain(|requested| requested.at_ns <= at_ns);
        self.keep_if_failing(candidate);
    }

    /// Returns the result.
    pub fn finish(self) -> Shrunk {
        let complete = !self.is_over();
        Shrunk { case: self.best, report: self.report, runs: self.runs, complete }
    }
}

/// A hash of the whole case, including its seed.
fn fingerprint(case: &Case) -> u64 {
    struct Text(DefaultHasher);
    impl fmt::Write for Text {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.write(text.as_bytes());
            Ok(())
        }
    }
    let mut text = Text(DefaultHasher::new());
    fmt::write(&mut text, format_args!("{case:?}")).expect("hashing does not fail");
    text.0.finish()
}

/// Do all claims hold, to the end of the run?
fn holds(case: Case) -> bool {
    run_all(&[case], None).into_iter().flatten().any(|report| violation(&report).is_none())
}

/// Runs each on its own thread; `None` if one cannot be run.
fn run_all(candidates: &[Case], until_ns: Option<u64>) -> Vec<Option<RunReport>> {
    let run = |case: &Case| panics::catch_quietly(|| case.run(until_ns)).ok().and_then(Result::ok);
    match candidates {
        [one] => vec![run(one)],
        several => std::thread::scope(|scope| {
            let handles: Vec<_> = several.iter().map(|case| scope.spawn(move || run(case))).collect();
            handles.into_iter().map(|handle| handle.join().ok().flatten()).collect()
        }),
    }
}

#[cfg(test)]
mod tests {
    use scenarios::catalog;
    use scenarios::cluster::Explicit;
    use scenarios::scenario::switches;

    use super::*;

    #[test]
    fn a_candidate_is_tried_once_for_each_best_one() {
        let scenario = catalog::find("quorum").expect("built in").scenario().expect("good");
        let scenario = scenario.with_bug(switches::bugs::parse("NoLogTest").expect("a bug"));
        let of = |seed| Case::of(&scenario, seed, &Explicit::default()).expect("it runs");
        let run = |case: &Case| case.run(None).expect("it runs");
        let case = (0..50).map(of).find(|case| violation(&run(case)).is_some()).expect("it is caught");
        let report = run(&case);
        let broken = violation(&report).expect("it fails").clone();
        let (interrupted, mut runs) = (AtomicBool::new(false), Vec::new());
        let mut watch = |progress: &ShrinkProgress| runs.push(progress.runs);
        let settings = ShrinkSettings { jobs: 2, limit: None };
        let mut search = Search::new(case.clone(), report, &broken, settings, &interrupted, &mut watch);
        let mut holds = case.clone();
        holds.scenario.bugs = Bugs::NONE;
        assert_eq!(search.first_failing(vec![holds.clone(), holds.clone()]), None);
        assert!(!search.keep_if_failing(holds.clone()), "not run again");
        let mut shorter = case;
        shorter.operations.pop();
        assert!(search.keep_if_failing(shorter));
        assert!(!search.keep_if_failing(holds), "the best one is another");
        assert_eq!(runs, [1, 2, 3]);
    }
}
