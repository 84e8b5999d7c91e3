//! Guarantees of shrinking: the same claim is still violated, nothing more can be removed, and the number of threads
//! has no effect.

use std::sync::atomic::AtomicBool;

use fuzz::case::{Case, story, violation};
use fuzz::shrink::{ShrinkSettings, Shrunk, shrink};
use scenarios::bugs::Bugs;
use scenarios::catalog;
use scenarios::cluster::Explicit;
use scenarios::scenario::switches;

/// The first failing seed of a scenario with a bug.
fn failing(scenario: &str, bug: &str) -> Case {
    let scenario = catalog::find(scenario).expect("built in").scenario().expect("good");
    let scenario = scenario.with_bug(switches::bugs::parse(bug).expect("a bug"));
    let case = |seed| Case::of(&scenario, seed, &Explicit::default()).expect("it runs");
    let fails = |case: &Case| violation(&case.run(None).expect("it runs")).is_some();
    (0..50).map(case).find(fails).expect("it is caught")
}

fn shrunk(case: &Case, jobs: usize) -> Shrunk {
    let report = case.run(None).expect("it runs");
    let broken = violation(&report).expect("it fails").clone();
    let settings = ShrinkSettings { jobs, limit: None };
    shrink(case.clone(), report, &broken, settings, &AtomicBool::new(false), &mut |_| ())
}

#[test]
fn a_failing_run_becomes_a_story_that_still_fails() {
    let case = failing("quorum", "NoLogTest");
    let broken = violation(&case.run(None).expect("it runs")).expect("it fails").invariant.clone();
    let (one, two) = (shrunk(&case, 1), shrunk(&case, 2));
    assert_eq!((&one.case, one.runs), (&two.case, two.runs), "the same, whatever the number of threads");
    assert!(one.complete);
    let again = one.case.run(None).expect("it runs");
    assert_eq!(violation(&again).map(|it| &it.invariant), Some(&broken));
    let before = (case.plan.0.len(), case.operations.len());
    let after = (one.case.plan.0.len(), one.case.operations.len());
    assert!(after.0 <= 3 && after.1 <= 8, "{before:?} became {after:?}");
    let reported = story::tell(&one.case, &again);
    assert!(reported.len() <= 10 && reported.last().is_some_and(|line| line.contains(&broken)), "{reported:#?}");

    // Without the bug nothing is violated.
    let mut mended = one.case.clone();
    mended.scenario.bugs = Bugs::NONE;
    assert_eq!(violation(&mended.run(None).expect("it runs")), None);
}

/// A run without bugs must hold to the end with the fix of its finding, and without the fix only the claim that it was
/// shrunk for is violated.
#[test]
fn a_finding_that_was_shrunk_still_breaks_its_claim_and_holds_with_its_fix() {
    let scenario = catalog::find("findings/session-since-registration").expect("built in").scenario().expect("good");
    let case = Case::of(&scenario, 0x8, &Explicit::default()).expect("it runs");
    let broken = violation(&case.run(None).expect("it runs")).expect("it fails").clone();
    assert_eq!(broken.predicate.as_deref(), Some("all live brokers unfenced"));
    let small = shrunk(&case, 2).case;
    let again = small.run(None).expect("it runs");
    assert!(violation(&again).is_some_and(|it| it.is_same_claim(&broken)), "{:?}", again.outcome);
    let fix = scenario.finding.expect("a finding").fix;
    let fixed = Case { scenario: small.scenario.clone().with_fix(fix), ..small.clone() };
    assert_eq!(violation(&fixed.run(None).expect("it runs")), None);
    // A shrunk cluster must still be able to recover: without faults and operations it does.
    assert!(!small.plan.0.is_empty());
    let mut calm = small;
    calm.plan.0.clear();
    calm.operations.clear();
    assert_eq!(violation(&calm.run(None).expect("it runs")), None);
}
