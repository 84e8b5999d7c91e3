//! Tests of calm clocks.

use super::*;

#[test]
fn a_slow_clock_takes_longer() {
    assert_eq!(longest_ns(998, 0), 1_000_000_000);
    assert_eq!(longest_ns(998, 500_000), 2_000_000_000);
}

const MS: u64 = 1_000_000;

#[test]
fn a_fast_clock_ends_sooner() {
    assert_eq!(shortest_ns(1_000, 0), 900_000_000);
    assert_eq!(shortest_ns(1_000, 500_000), 600_000_000);
}

fn begins(back_ms: u64) -> Disturbance {
    Disturbance { begins: true, back_ms, slows: false }
}

fn ends(back_ms: u64) -> Disturbance {
    Disturbance { begins: false, ..begins(back_ms) }
}

#[test]
fn who_was_disturbed_is_calm_when_the_last_fault_is_over_and_its_clock_has_caught_up() {
    let mut calm = Calm::new(0);
    assert!(calm.lasts_since(0));
    calm.disturbed(5 * MS, begins(0));
    calm.disturbed(6 * MS, begins(0));
    calm.disturbed(7 * MS, ends(0));
    assert_eq!(calm.since_ns(), None);
    calm.disturbed(9 * MS, ends(2));
    assert!(calm.lasts_since(11 * MS + 1) && !calm.lasts_since(11 * MS));
    // It catches up while it is paused.
    calm.disturbed(10 * MS, begins(0));
    calm.disturbed(20 * MS, ends(0));
    assert_eq!(calm.since_ns(), Some(20 * MS + 1));
    assert!(!calm.lasts_since(20 * MS), "it may have begun before the fault ended");
}

#[test]
fn who_catches_up_while_its_clock_is_slow_takes_longer() {
    let mut calm = Calm::new(500_000);
    calm.disturbed(0, begins(10));
    calm.disturbed(0, ends(0));
    assert_eq!(calm.since_ns(), Some(20 * MS + 1));
    // It has caught up with two, and then runs at a tenth for ten.
    calm.disturbed(4 * MS, Disturbance { slows: true, ..begins(0) });
    calm.disturbed(14 * MS, Disturbance { slows: true, ..ends(0) });
    assert_eq!(calm.since_ns(), Some(28 * MS + 1));
    calm.disturbed(200 * MS, begins(0));
    calm.disturbed(201 * MS, ends(0));
    assert_eq!(calm.since_ns(), Some(201 * MS + 1));
}
