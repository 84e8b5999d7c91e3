//! Every catalog scenario gives the same run whoever drives it: madsim or the bare loop, one
//! thread or two in any order, a checkpoint or the whole, today or when the golden digests were
//! committed.

use scenarios::catalog;
use scenarios::cluster::{Explicit, prepare};
use scenarios::report::RunReport;
use scenarios::run::{Host, Request, run, run_observer};
use scenarios::scenario::Scenario;
use sim::drive::{Ended, Run};
use sim::rng::Seed;
use sim::world::World;

/// `.ci/run` compares more seeds of nine scenarios, with `--check-determinism`.
const SEEDS: u64 = 2;
const GOLDEN_SEEDS: [u64; 3] = [1, 2, 1_000_003];
const GOLDEN: &str = include_str!("../golden_digests.txt");

fn all() -> Vec<(&'static str, Scenario)> {
    let read = |entry: &catalog::CatalogEntry| (entry.name, entry.scenario().unwrap_or_else(|error| panic!("{error}")));
    catalog::list().iter().map(read).collect()
}

fn reported(scenario: &Scenario, seed: u64, host: Host) -> RunReport {
    run(&Request { host, ..Request::new(scenario, seed) }).unwrap_or_else(|error| panic!("{error}"))
}

/// Without what only a host has.
fn unhosted(report: RunReport) -> RunReport {
    RunReport { host_sentinel: None, ..report }
}

#[test]
fn hosted_and_bare_give_the_same_report() {
    for (name, scenario) in all() {
        let hosted = reported(&scenario, 0, Host::Madsim);
        assert_eq!(hosted.host_sentinel.is_some(), cfg!(madsim));
        let bare = reported(&scenario, 0, Host::Bare);
        assert_eq!((hosted.digest, hosted.events), (bare.digest, bare.events), "{name}");
        assert_eq!(unhosted(hosted), bare, "{name}");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "threads around runs are what is tested")]
fn two_threads_and_reversed_order_give_the_same_reports_sentinels_included() {
    let reports = |seeds: Vec<u64>| {
        let mut reports = Vec::new();
        for (_, scenario) in all() {
            reports.extend(seeds.iter().map(|seed| reported(&scenario, *seed, Host::Madsim)));
        }
        reports.sort_by(|a, b| (&a.scenario, a.seed).cmp(&(&b.scenario, b.seed)));
        reports
    };
    let reversed = std::thread::spawn(move || reports((0..SEEDS).rev().collect()));
    let in_order = reports((0..SEEDS).collect());
    assert_eq!(in_order, reversed.join().expect("the other thread lives"));
}

#[test]
fn a_checkpoint_goes_on_to_the_same_end() {
    let mut cut = 0;
    for (at, (name, scenario)) in all().into_iter().enumerate() {
        let seed = at as u64 % 4;
        let request = Request { host: Host::Bare, ..Request::new(&scenario, seed) };
        let prepared = prepare(&scenario, Seed(seed), &Explicit::default()).unwrap_or_else(|error| panic!("{error}"));
        let watch = run_observer(&prepared, &request);
        let end = prepared.scenario.duration.0 + prepared.recovery_bound_ns;
        let mut whole = Run { world: World::new(prepared.world), watch };
        // Some event in the thick of it, one of four.
        let stop = 5_000 + 1_013 * seed;
        whole.world.stop_after_event(stop);
        let stopped = whole.drive_bare(end);
        if stopped != Ended::AfterEvent {
            assert_eq!(stopped, Ended::Stopped, "{name}, seed {seed}");
            continue;
        }
        cut += 1;
        whole.world.stop_after_event(u64::MAX);
        let mut branch = whole.clone();
        let ended = whole.drive_bare(end);
        assert_eq!(branch.drive_bare(end), ended, "{name}, seed {seed}");
        assert_eq!(branch.world.digest(), whole.world.digest(), "{name}, seed {seed}");
        assert_eq!(branch.world.counts(), whole.world.counts());
        let uncut = reported(&scenario, seed, Host::Bare);
        assert_eq!((uncut.digest, uncut.events), (whole.world.digest().0, whole.world.counts().events));
    }
    assert!(cut * 2 > all().len(), "only {cut} runs are long enough");
}

#[test]
fn digests_are_the_golden_ones() {
    let mut now = String::from("# scenario, seed, digest; checked by hosts.rs, which prints this file anew\n");
    for (name, scenario) in all() {
        for seed in GOLDEN_SEEDS {
            let report = reported(&scenario, seed, Host::Madsim);
            now.push_str(&format!("{name} {seed} {}\n", sim::trace::Digest(report.digest)));
        }
    }
    // A run that has changed on purpose changes its digest: then this is the new file.
    assert!(now == GOLDEN, "runs have changed; if that was meant, scenarios/tests/golden_digests.txt becomes:\n{now}");
}
