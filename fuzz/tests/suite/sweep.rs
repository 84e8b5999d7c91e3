//! A sweep has the same result for any number of workers, and always covers a prefix.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::fake::{Recorded, report, settings, timeless};
use fuzz::determinism::INVARIANT;
use fuzz::run::RunSeed;
use fuzz::seeds::{SeedRange, Seeds, Shard};
use fuzz::sweep::sweep;
use scenarios::report::{RunReport, ViolationKind};
use scenarios::run::Host;

fn seeds(start: u64, end: u64) -> Seeds {
    Seeds::of(SeedRange { start, end }, Shard::WHOLE)
}

/// Slow on some seeds, so that workers overtake each other.
#[expect(clippy::disallowed_methods, reason = "a slow run")]
fn uneven(scenario: usize, seed: u64, host: Host) -> RunReport {
    std::thread::sleep(Duration::from_micros(if seed % 8 == 1 { 3000 } else { 50 }));
    report(scenario, seed, host)
}

#[test]
fn workers_change_nothing() {
    let go = AtomicBool::new(false);
    let one = sweep(&settings(2, seeds(3, 60), 1), &report, &go, &mut |_| ());
    let four = sweep(&settings(2, seeds(3, 60), 4), &uneven, &go, &mut |_| ());
    assert_eq!(one.runs, 114);
    assert_eq!(one.failed, 10);
    assert_eq!(timeless(one), timeless(four));
}

#[test]
fn max_fail_ends_at_the_same_run_with_any_number_of_workers() {
    for jobs in [1, 4] {
        let mut settings = settings(2, seeds(1, 500), jobs);
        settings.max_fail = 5;
        let mut recorded = Recorded::default();
        let report = sweep(&settings, &uneven, &AtomicBool::new(false), &mut |event| recorded.on(event));
        // Seeds 10, 20, 30 fail in both scenarios; the fifth failure is seed 30 in the first.
        assert_eq!(recorded.failed, [(10, 0), (10, 1), (20, 0), (20, 1), (30, 0)], "-j{jobs}");
        assert_eq!(report.runs, 2 * 29 + 1);
        assert_eq!(report.seeds, [Seeds { first: 1, step: 1, count: 30 }]);
    }
}

#[test]
fn what_an_interruption_leaves_is_a_prefix() {
    let interrupted = AtomicBool::new(false);
    let interrupting = |scenario, seed, host| {
        if seed == 20 {
            interrupted.store(true, Ordering::Relaxed);
        }
        uneven(scenario, seed, host)
    };
    let cut = sweep(&settings(1, seeds(0, 10_000), 4), &interrupting, &interrupted, &mut |_| ());
    assert!(cut.interrupted);
    assert!((18..60).contains(&cut.runs), "{} runs", cut.runs);
    let whole = sweep(&settings(1, seeds(0, cut.runs), 1), &report, &AtomicBool::new(false), &mut |_| ());
    assert_eq!((cut.digest, cut.failed, cut.seeds), (whole.digest, whole.failed, whole.seeds));
}

#[test]
fn time_ends_a_sweep_without_end() {
    let mut settings = settings(1, seeds(0, u64::MAX), 2);
    settings.limit = Some(Duration::from_millis(30));
    let report = sweep(&settings, &uneven, &AtomicBool::new(false), &mut |_| ());
    assert!(report.runs > 0 && !report.interrupted);
    assert_eq!(report.seeds, [Seeds { first: 0, step: 1, count: report.runs }]);
}

#[test]
fn a_panic_is_the_outcome_of_its_seed() {
    let panicking = |scenario, seed, host| {
        assert!(seed != 3, "epoch {seed} went backwards");
        report(scenario, seed, host)
    };
    let report = sweep(&settings(1, seeds(1, 6), 2), &panicking, &AtomicBool::new(false), &mut |_| ());
    assert_eq!((report.runs, report.failed), (5, 1));
    let failure = &report.violations[0];
    assert_eq!((failure.seed, failure.violation.kind), (3, ViolationKind::Panic));
    assert!(failure.violation.detail.contains("epoch 3 went backwards"), "{}", failure.violation.detail);
    assert!(failure.violation.detail.contains("sweep.rs:"), "{}", failure.violation.detail);
}

fn checked(run: &RunSeed<'_>, count: u64) -> Vec<String> {
    let mut settings = settings(1, seeds(1, 1 + count), 2);
    settings.check_determinism = true;
    let report = sweep(&settings, run, &AtomicBool::new(false), &mut |_| ());
    let found = report.violations.into_iter().filter(|f| f.violation.kind == ViolationKind::Nondeterminism);
    found
        .map(|f| {
            assert_eq!(f.violation.invariant, INVARIANT);
            format!("{}: {}", f.seed, f.violation.detail)
        })
        .collect()
}

#[test]
fn a_checked_sweep_says_what_an_unchecked_one_says() {
    let mut settings = settings(2, seeds(0, 300), 3);
    let plain = sweep(&settings, &report, &AtomicBool::new(false), &mut |_| ());
    settings.check_determinism = true;
    let checked = sweep(&settings, &report, &AtomicBool::new(false), &mut |_| ());
    assert_eq!(timeless(plain), timeless(checked));
}

/// Differs on one seed on the bare host, from the third rung on.
fn host_dependent(scenario: usize, seed: u64, host: Host) -> RunReport {
    let mut run = report(scenario, seed, host);
    if seed == 7 && host == Host::Bare {
        run.digest ^= 1;
        run.ladder[2].1 ^= 1;
        run.ladder[3].1 ^= 1;
    }
    run
}

#[test]
fn a_difference_between_hosts_is_found_with_its_rung() {
    let found = checked(&host_dependent, 20);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("7: madsim gave "), "{found:?}");
    assert!(found[0].ends_with("the first rung that differs is at entry 3000; entry 2000 agrees"), "{found:?}");
}

#[test]
fn a_stray_draw_is_found_by_the_sentinel_alone() {
    let runs = AtomicU64::new(0);
    // Draws once more from its host in one of the later runs.
    let stray_draw = |scenario, seed, host| {
        let mut run = report(scenario, seed, host);
        let stray = seed == 4 && host == Host::Madsim && runs.fetch_add(1, Ordering::Relaxed) > 0;
        if let (true, Some((_, draw))) = (stray, &mut run.host_sentinel) {
            *draw ^= 1;
        }
        run
    };
    let found = checked(&stray_draw, 9);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("4: digests agree, but madsim's own"), "{found:?}");
}

/// Leaks state of its thread from one run into the next.
fn leaky(scenario: usize, seed: u64, host: Host) -> RunReport {
    thread_local!(static RUNS: Cell<u128> = const { Cell::new(0) });
    RUNS.set(RUNS.get() + 1);
    let mut run = report(scenario, seed, host);
    run.digest ^= RUNS.get() << 64;
    run
}

#[test]
fn state_left_behind_on_a_thread_is_found() {
    assert!(!checked(&leaky, 20).is_empty());
}
