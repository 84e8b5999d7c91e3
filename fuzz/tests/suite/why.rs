//! Guarantees of `why`: it names the required parts and no others, for any number of threads.

use std::sync::atomic::AtomicBool;

use fuzz::case::{Case, violation};
use fuzz::why::counterfactual::PartRole;
use fuzz::why::{Why, why};
use scenarios::catalog;
use scenarios::cluster::Explicit;
use scenarios::scenario::switches;
use sim::fault::{Fault, Pause, What};
use sim::process::Node;

/// A minority of the voters is cut off, and still elects itself.
fn case() -> Case {
    let scenario = catalog::find("quorum").expect("built in").scenario().expect("good");
    let scenario = scenario.with_bug(switches::bugs::parse("NoLogTest").expect("a bug"));
    let case = |seed| Case::of(&scenario, seed, &Explicit::default()).expect("it runs");
    let fails = |case: &Case| violation(&case.run(None).expect("it runs")).is_some();
    let mut case = (0..50).map(case).find(fails).expect("it is caught");
    // A fault after the violation.
    let over_ns = violation(&case.run(None).expect("it runs")).expect("it fails").at_ns + 1_000_000;
    case.plan.0.retain(|fault| fault.at_ns <= over_ns);
    case.plan.0.push(Fault::at(over_ns, 1_000_000, What::Pause(Pause { node: Node(0) })));
    case
}

fn requested(case: &Case, jobs: usize) -> Why {
    let report = case.run(None).expect("it runs");
    why(case, violation(&report).expect("it fails"), jobs, &AtomicBool::new(false), &mut |_| ())
        .expect("it runs")
        .expect("nobody interrupts it")
}

#[test]
fn it_names_what_it_takes_and_when_it_was_too_late() {
    let case = case();
    let (one, two) = (requested(&case, 1), requested(&case, 2));
    assert_eq!((&one.turning, &one.faults, &one.chain), (&two.turning, &two.faults, &two.chain));
    let turning = one.turning.as_ref().expect("it could be saved");
    assert!(turning.event < one.broken.event && (1..=16).contains(&turning.held), "{turning:?}");
    assert_eq!(one.faults.last(), Some(&PartRole::Irrelevant));
    assert!(one.chain.iter().all(|it| it.at_ns <= one.broken.at_ns), "{:#?}", one.chain);
    let last = one.chain.last().expect("the violation is a link");
    assert_eq!((last.at_ns, last.event), (one.broken.at_ns, one.broken.event));
    assert!(one.chain.is_sorted_by_key(|it| it.event) && one.chain[0].event > 0, "{:#?}", one.chain);
    assert!(last.what.ends_with(&format!(": {} is violated", one.broken.invariant)), "{}", last.what);
    assert!(!last.what.starts_with("the run ends"), "it is found in a step of a node: {}", last.what);
    // The verdict of each fault is correct.
    for (index, verdict) in one.faults.iter().enumerate().filter(|(_, verdict)| verdict.is_necessary()) {
        let mut without = case.clone();
        without.plan.0.remove(index);
        let left = without.run(None).expect("it runs");
        assert_ne!(violation(&left).map(|it| &it.invariant), Some(&one.broken.invariant), "{index} {verdict:?}");
    }
}
