//! A sweep says the same whatever the number of workers, and always of a prefix.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::fake::{Fake, Recorded, settings, timeless};
use fuzz::determinism::INVARIANT;
use fuzz::runner::{HostChoice, Runner};
use fuzz::seeds::{SeedRange, Seeds, Shard};
use fuzz::sweep::sweep;
use scenarios::report::{RunReport, ViolationKind};

fn seeds(start: u64, end: u64) -> Seeds {
    Seeds::of(SeedRange { start, end }, Shard::WHOLE)
}

/// Late on some seeds, so that workers overtake each other.
struct Uneven(Fake);

impl Runner for Uneven {
    #[expect(clippy::disallowed_methods, reason = "a slow run")]
    fn run(&self, scenario: usize, seed: u64, host: HostChoice) -> RunReport {
        std::thread::sleep(Duration::from_micros(if seed % 8 == 1 { 3000 } else { 50 }));
        self.0.run(scenario, seed, host)
    }
}

#[test]
fn workers_change_nothing() {
    let go = AtomicBool::new(false);
    let one = sweep(&settings(2, seeds(3, 60), 1), &Fake, &go, &mut Recorded::default());
    let four = sweep(&settings(2, seeds(3, 60), 4), &Uneven(Fake), &go, &mut Recorded::default());
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
        let report = sweep(&settings, &Uneven(Fake), &AtomicBool::new(false), &mut recorded);
        // Seeds 10, 20, 30 fail in both scenarios; the fifth failure is seed 30 in the first.
        assert_eq!(recorded.failed, [(10, 0), (10, 1), (20, 0), (20, 1), (30, 0)], "-j{jobs}");
        assert_eq!(report.runs, 2 * 29 + 1);
        assert_eq!(report.seeds, [Seeds { first: 1, step: 1, count: 30 }]);
    }
}

/// Interrupts the sweep at a seed.
struct Interrupting<'a>(&'a AtomicBool);

impl Runner for Interrupting<'_> {
    fn run(&self, scenario: usize, seed: u64, host: HostChoice) -> RunReport {
        if seed == 20 {
            self.0.store(true, Ordering::Relaxed);
        }
        Uneven(Fake).run(scenario, seed, host)
    }
}

#[test]
fn what_an_interruption_leaves_is_a_prefix() {
    let interrupted = AtomicBool::new(false);
    let cut =
        sweep(&settings(1, seeds(0, 10_000), 4), &Interrupting(&interrupted), &interrupted, &mut Recorded::default());
    assert!(cut.interrupted);
    assert!((18..60).contains(&cut.runs), "{} runs", cut.runs);
    let whole = sweep(&settings(1, seeds(0, cut.runs), 1), &Fake, &AtomicBool::new(false), &mut Recorded::default());
    assert_eq!((cut.digest, cut.failed, cut.seeds), (whole.digest, whole.failed, whole.seeds));
}

#[test]
fn time_ends_a_sweep_without_end() {
    let mut settings = settings(1, seeds(0, u64::MAX), 2);
    settings.limit = Some(Duration::from_millis(30));
    let report = sweep(&settings, &Uneven(Fake), &AtomicBool::new(false), &mut Recorded::default());
    assert!(report.runs > 0 && !report.interrupted);
    assert_eq!(report.seeds, [Seeds { first: 0, step: 1, count: report.runs }]);
}

struct Panicking;

impl Runner for Panicking {
    fn run(&self, scenario: usize, seed: u64, host: HostChoice) -> RunReport {
        assert!(seed != 3, "epoch {seed} went backwards");
        Fake.run(scenario, seed, host)
    }
}

#[test]
fn a_panic_is_the_outcome_of_its_seed() {
    let report = sweep(&settings(1, seeds(1, 6), 2), &Panicking, &AtomicBool::new(false), &mut Recorded::default());
    assert_eq!((report.runs, report.failed), (5, 1));
    let failure = &report.violations[0];
    assert_eq!((failure.seed, failure.violation.kind), (3, ViolationKind::Panic));
    assert!(failure.violation.detail.contains("epoch 3 went backwards"), "{}", failure.violation.detail);
    assert!(failure.violation.detail.contains("sweep.rs:"), "{}", failure.violation.detail);
}

fn checked(runner: &dyn Runner, count: u64) -> Vec<String> {
    let mut settings = settings(1, seeds(1, 1 + count), 2);
    settings.check_determinism = true;
    let report = sweep(&settings, runner, &AtomicBool::new(false), &mut Recorded::default());
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
    let plain = sweep(&settings, &Fake, &AtomicBool::new(false), &mut Recorded::default());
    settings.check_determinism = true;
    let checked = sweep(&settings, &Fake, &AtomicBool::new(false), &mut Recorded::default());
    assert_eq!(timeless(plain), timeless(checked));
}

/// Differs on one seed on the bare host, from the third rung on.
struct HostDependent;

impl Runner for HostDependent {
    fn run(&self, scenario: usize, seed: u64, host: HostChoice) -> RunReport {
        let mut run = Fake.run(scenario, seed, host);
        if seed == 7 && host == HostChoice::Bare {
            run.digest ^= 1;
            run.ladder[2].1 ^= 1;
            run.ladder[3].1 ^= 1;
        }
        run
    }
}

#[test]
fn a_difference_between_hosts_is_found_with_its_rung() {
    let found = checked(&HostDependent, 20);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("7: madsim gave "), "{found:?}");
    assert!(found[0].ends_with("the first rung that differs is at entry 3000; entry 2000 agrees"), "{found:?}");
}

/// Draws from its host once more in one of the later runs.
struct StrayDraw(AtomicU64);

impl Runner for StrayDraw {
    fn run(&self, scenario: usize, seed: u64, host: HostChoice) -> RunReport {
        let mut run = Fake.run(scenario, seed, host);
        let stray = seed == 4 && host == HostChoice::Hosted && self.0.fetch_add(1, Ordering::Relaxed) > 0;
        if let (true, Some((_, draw))) = (stray, &mut run.host_sentinel) {
            *draw ^= 1;
        }
        run
    }
}

#[test]
fn a_stray_draw_is_found_by_the_sentinel_alone() {
    let found = checked(&StrayDraw(AtomicU64::new(0)), 9);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("4: digests agree, but madsim's own"), "{found:?}");
}

/// Leaks state of its thread from one run into the next.
struct Leaky;

impl Runner for Leaky {
    fn run(&self, scenario: usize, seed: u64, host: HostChoice) -> RunReport {
        thread_local!(static RUNS: Cell<u128> = const { Cell::new(0) });
        RUNS.set(RUNS.get() + 1);
        let mut run = Fake.run(scenario, seed, host);
        run.digest ^= RUNS.get() << 64;
        run
    }
}

#[test]
fn state_left_behind_on_a_thread_is_found() {
    assert!(!checked(&Leaky, 20).is_empty());
}
