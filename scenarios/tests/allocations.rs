//! In the steady part of a calm run, all checks on, an event of a quorum costs at most 0.25
//! allocations. A full cluster's events cost more: each record batch is built, given its offsets and
//! kept by logs and models (four allocations that live on), and each change of the metadata makes
//! new records and images on every node. Topics come and go: each log writes its topic id to a file, and
//! clients request all metadata whenever they have waited for `retry.backoff.ms`.
#![expect(unsafe_code, reason = "a global allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use scenarios::catalog;
use scenarios::cluster::{Explicit, prepare};
use scenarios::run::{Host, Request, run_observer};
use scenarios::scenario::Scenario;
use sim::drive::{Ended, Run};
use sim::fault::Plan;
use sim::rng::Seed;
use sim::world::World;

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: hands everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are the system's.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are the system's.
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are the system's.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SECOND: u64 = 1_000_000_000;

/// The most allocations per 1,000 events between seconds 10 and 50, over a few seeds.
fn worst_of(scenario: &Scenario) -> u64 {
    let mut worst = 0;
    for seed in 1..=3 {
        let request = Request { host: Host::Bare, ..Request::new(scenario, seed) };
        let prepared = prepare(scenario, Seed(seed), &Explicit::plan(Plan::default())).expect("good");
        let watch = run_observer(&prepared, &request);
        let mut run = Run { world: World::new(prepared.world), watch };
        assert_eq!(run.drive_bare(10 * SECOND), Ended::End);
        let (events, allocations) = (run.world.counts().events, ALLOCATIONS.load(Ordering::Relaxed));
        assert_eq!(run.drive_bare(50 * SECOND), Ended::End);
        let events = run.world.counts().events - events;
        let allocations = ALLOCATIONS.load(Ordering::Relaxed) - allocations;
        assert!(events > 10_000, "steady for {events} events");
        println!("{} seed {seed}: {allocations} allocations in {events} events", scenario.name);
        worst = worst.max(allocations * 1000 / events);
    }
    worst
}

/// One test, for the counter is one.
#[test]
fn an_event_of_a_steady_run_costs_few_allocations() {
    for (name, at_most) in [("controller-failover", 250), ("calm", 1_500)] {
        let scenario = catalog::find(name).expect("built in").scenario().expect("good");
        let worst = worst_of(&scenario);
        assert!(worst <= at_most, "{}: {worst} allocations per 1,000 events; at most {at_most}", scenario.name);
    }
}
