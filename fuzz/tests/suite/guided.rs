//! A guided search has the same result for any number of workers, its plans are legal, and its violations are
//! reproduced by their plans.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use fuzz::aggregate::{Subject, SweepReport};
use fuzz::guided::search_space::SearchSpace;
use fuzz::guided::sweep::sweep;
use fuzz::guided::{Guided, hunt};
use fuzz::hosts::HOSTS;
use fuzz::hunt::HuntSettings;
use fuzz::seeds::Seeds;
use fuzz::sweep::{FailedRun, SweepEvent, SweepSettings};
use scenarios::bugs::Bug;
use scenarios::catalog;
use scenarios::cluster::Explicit;
use scenarios::run::{Request, run};
use scenarios::scenario::Scenario;
use sim::fault::Plan;

/// A short quorum scenario for tests.
fn quorum() -> Scenario {
    let mut scenario = catalog::find("quorum").expect("built in").scenario().expect("good");
    scenario.set("duration", "8s").expect("a setting");
    scenario
}

/// Keeps the failing run: seed, plan, digest.
#[derive(Default)]
struct Recorded(Vec<(u64, Option<Plan>, u128)>);

impl Recorded {
    fn on(&mut self, event: SweepEvent<'_>) {
        if let SweepEvent::Failed(FailedRun { run, changed_plan, .. }) = event {
            self.0.push((run.seed, changed_plan.map(|(_, plan)| plan.clone()), run.digest));
        }
    }
}

fn swept(scenario: &Scenario, count: u64, jobs: usize) -> (SweepReport, Recorded) {
    let space = SearchSpace { scenarios: vec![scenario], black_box_every: None };
    let subject = Subject { scenarios: vec!["quorum".to_owned()], ..Subject::default() };
    let seeds = Seeds { first: 7, step: 1, count };
    let (max_fail, limit, check_determinism) = (u64::MAX, None, false);
    let settings = SweepSettings { subject, seeds, jobs, max_fail, limit, check_determinism, hosts: HOSTS };
    let mut recorded = Recorded::default();
    let mut report = sweep(&settings, &space, &AtomicBool::new(false), &mut |event| recorded.on(event));
    (report.wall_ns, report.core_ns) = (0, 0);
    report.by_scenario.iter_mut().for_each(|of| of.core_ns = 0);
    (report, recorded)
}

#[test]
fn workers_change_nothing_and_no_claim_breaks() {
    let (one, _) = swept(&quorum(), 80, 1);
    let (two, recorded) = swept(&quorum(), 80, 2);
    assert_eq!(one, two);
    assert!(recorded.0.is_empty(), "{:?}", two.violations);
    let Guided { fresh, led, found_by_fresh, found_by_led } = two.guided.expect("guided");
    assert!(fresh + led == 80 && led >= 10 && fresh >= 40, "{fresh} and {led}");
    assert!(found_by_fresh > 0 && found_by_led > 0);
    assert_eq!(two.silence.runs, fresh, "those that others led to say nothing of the next seed");
}

#[test]
fn what_it_finds_is_replayed_by_its_plan() {
    let scenario = quorum().with_bug(Bug::NoChecksumOnRecovery);
    let (report, recorded) = swept(&scenario, 160, 2);
    assert_eq!(report.failed, recorded.0.len() as u64);
    let led = recorded.0.iter().find_map(|(seed, plan, digest)| Some((*seed, plan.clone()?, *digest)));
    let (seed, plan, digest) = led.expect("a changed plan fails, too");
    let again = run(&Request { explicit: Explicit::plan(plan), ..Request::new(&scenario, seed) }).expect("it runs");
    assert_eq!(again.digest, digest);
    let own = run(&Request::new(&scenario, seed)).expect("it runs");
    assert_ne!(own.digest, digest, "the seed alone is another run");
}

#[test]
fn a_hunt_is_guided_the_same_way() {
    let scenario = quorum().with_bug(Bug::NoChecksumOnRecovery);
    let hunted = |jobs| {
        let settings = HuntSettings { jobs, limit: Duration::from_secs(300), scenarios: 1, first_seed: 7 };
        let space = SearchSpace { scenarios: vec![&scenario], black_box_every: None };
        let faithful = quorum();
        let without = SearchSpace { scenarios: vec![&faithful], black_box_every: None };
        let (hunted, plan) = hunt::hunt(settings, &space, &without, &AtomicBool::new(false));
        (hunted.runs, hunted.caught, plan)
    };
    let (runs, caught, plan) = hunted(1);
    assert_eq!((runs, caught.clone(), plan), hunted(2));
    let (_, recorded) = swept(&scenario, runs, 1);
    assert_eq!(recorded.0.last().map(|(_, _, digest)| *digest), caught.map(|caught| caught.digest));
}
