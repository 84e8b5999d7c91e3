//! Finds the known finding behind a failure: the run is repeated with fixes of Kafka that its scenario lacks.
//!
//! Each finding is a scenario of the catalog (`findings/…`) that runs without one fix and names the claims that
//! are violated without it. A fix that alone removes a failure is the answer; those whose scenario names the claim are
//! tried first, since any fix that changes a run early on may remove a rare failure by chance.

use scenarios::bugs::Bugs;
use scenarios::catalog;
use scenarios::cluster::Explicit;
use scenarios::history::compare::DISAGREES;
use scenarios::report::{INTERNAL_ERROR, RunReport, Violation, ViolationKind};
use scenarios::run::{Host, Request, run_recorded};
use scenarios::scenario::Scenario;
use scenarios::scenario::finding::Fix;
use sim::drive::panics;

use crate::case::violation;

/// The fixes that remove a failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownFinding {
    /// Their names.
    pub fixes: Vec<String>,
    /// Each of them removes the failure alone; otherwise only all of them together do.
    pub each_alone: bool,
    /// The scenarios of these findings name the claim.
    pub is_shown: bool,
}

/// A finding of the catalog.
struct Finding {
    fix: Fix,
    shows: Vec<String>,
}

/// Searches the known finding that caused the violation `broken` of a run without bugs. `None`: there is none, or no
/// fix is absent. Needs at most one run for each absent fix and one with all of them.
pub fn of_run(scenario: &Scenario, seed: u64, explicit: &Explicit, broken: &Violation) -> Option<KnownFinding> {
    let is_of_the_run = !matches!(broken.kind, ViolationKind::Expect | ViolationKind::Nondeterminism);
    if !is_of_the_run || broken.invariant == INTERNAL_ERROR || scenario.bugs != Bugs::NONE {
        return None;
    }
    let absent = absent(scenario);
    let shown: Vec<Fix> = absent.iter().filter(|it| it.shows.contains(&broken.invariant)).map(|it| it.fix).collect();
    let others: Vec<Fix> = absent.iter().map(|it| it.fix).filter(|fix| !shown.contains(fix)).collect();
    let record_history = broken.invariant == DISAGREES;
    find(&shown, &others, &mut |fixes| {
        let mut scenario = scenario.clone();
        scenario.fixes = scenario.fixes.iter().chain(fixes.iter().copied()).collect();
        let request = Request { host: Host::Bare, explicit: explicit.clone(), ..Request::new(&scenario, seed) };
        holds(&Request { record_history, ..request })
    })
}

/// Do all claims hold, to the end of the run?
fn holds(request: &Request<'_>) -> bool {
    let report = panics::catch_quietly(|| run_recorded(request));
    let report: Option<RunReport> = report.ok().and_then(Result::ok).map(|(report, _)| report);
    report.is_some_and(|report| violation(&report).is_none())
}

/// The findings whose fix a scenario lacks, in the order of the catalog.
fn absent(scenario: &Scenario) -> Vec<Finding> {
    let findings = catalog::list().iter().filter(|entry| entry.is_finding());
    let findings = findings.filter_map(|entry| entry.scenario().ok()?.finding);
    let findings = findings.map(|finding| Finding { fix: finding.fix, shows: finding.shows });
    findings.filter(|finding| !scenario.fixes.has(finding.fix)).collect()
}

/// Tries the fixes: first all together (if the failure remains, it has another cause), then each one whose finding
/// shows the claim, then each of the others.
fn find(shown: &[Fix], others: &[Fix], holds: &mut dyn FnMut(&[Fix]) -> bool) -> Option<KnownFinding> {
    let all = [shown, others].concat();
    if all.is_empty() || !holds(&all) {
        return None;
    }
    let names = |fixes: &[Fix]| fixes.iter().map(|fix| fix.name().to_owned()).collect::<Vec<_>>();
    if all.len() == 1 {
        return Some(KnownFinding { fixes: names(&all), each_alone: true, is_shown: others.is_empty() });
    }
    for (some, is_shown) in [(shown, true), (others, false)] {
        let alone: Vec<Fix> = some.iter().copied().filter(|fix| holds(&[*fix])).collect();
        if !alone.is_empty() {
            return Some(KnownFinding { fixes: names(&alone), each_alone: true, is_shown });
        }
    }
    Some(KnownFinding { fixes: names(&all), each_alone: false, is_shown: !shown.is_empty() })
}

/// The repeated run with the fixes that remove a failure.
pub(crate) fn with_fixes(scenario: &mut Scenario, known: &KnownFinding) {
    let fixes = known.fixes.iter().filter_map(|name| Fix::by_name(name));
    // One of the fixes that each remove the failure is enough.
    let fixes = fixes.take(if known.each_alone { 1 } else { usize::MAX });
    scenario.fixes = scenario.fixes.iter().chain(fixes).collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: [Fix; 2] = [Fix::FlushRecoveredLog, Fix::SingleVoterFlushFirst];
    const OTHERS: [Fix; 2] = [Fix::ForceMarkerRemoval, Fix::AwaitMetadataOfIsr];

    /// Tested with a run that holds with any of these sets of fixes.
    fn found(holding: &[&[Fix]]) -> (Option<KnownFinding>, usize) {
        let mut runs = 0;
        let known = find(&SHOWN, &OTHERS, &mut |fixes| {
            runs += 1;
            holding.iter().any(|set| set.iter().all(|fix| fixes.contains(fix)))
        });
        (known, runs)
    }

    fn known(fixes: &[Fix], each_alone: bool, is_shown: bool) -> Option<KnownFinding> {
        let fixes = fixes.iter().map(|fix| fix.name().to_owned()).collect();
        Some(KnownFinding { fixes, each_alone, is_shown })
    }

    #[test]
    fn the_fix_that_alone_removes_it_is_named_and_those_whose_finding_shows_it_come_first() {
        assert_eq!(found(&[]), (None, 1), "a new one");
        assert_eq!(found(&[&[SHOWN[1]]]), (known(&[SHOWN[1]], true, true), 3));
        assert_eq!(found(&[&[SHOWN[1]], &[OTHERS[0]]]), (known(&[SHOWN[1]], true, true), 3), "one by chance");
        assert_eq!(found(&[&[SHOWN[0]], &[SHOWN[1]]]), (known(&SHOWN, true, true), 3));
        assert_eq!(found(&[&[OTHERS[1]]]), (known(&[OTHERS[1]], true, false), 5));
        let all = [SHOWN, OTHERS].concat();
        assert_eq!(found(&[&[SHOWN[0], OTHERS[1]]]), (known(&all, false, true), 5), "none alone");
        assert_eq!(find(&[], &[], &mut |_| true), None, "nothing is absent");
    }

    #[test]
    fn a_finding_of_the_catalog_lacks_its_own_fix_alone() {
        let absent = |scenario: &Scenario| absent(scenario).iter().map(|finding| finding.fix).collect::<Vec<Fix>>();
        for entry in catalog::list().iter().filter(|entry| entry.is_finding()) {
            let scenario = entry.scenario().expect("good");
            let own = scenario.finding.as_ref().expect("a finding").fix;
            let lacks = absent(&scenario);
            // A fix without effect if there is more than one voter.
            let others: Vec<_> = lacks.iter().filter(|fix| ![own, Fix::SingleVoterFlushFirst].contains(fix)).collect();
            assert!(lacks.contains(&own) && others.is_empty(), "{}: {lacks:?}", entry.name);
        }
        let none = Scenario { fixes: Default::default(), ..quorum() };
        assert_eq!(absent(&none).len(), Fix::ALL.len(), "each fix has a finding");
    }

    fn quorum() -> Scenario {
        catalog::find("quorum").expect("built in").scenario().expect("good")
    }
}
