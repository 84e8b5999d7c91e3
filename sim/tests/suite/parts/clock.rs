//! Clocks drift exactly, never jump at a change, and smear to the ms.

use proptest::prelude::*;
use sim::clock::Clock;

const MS: u64 = 1_000_000;
const HOUR: u64 = 3_600_000 * MS;

#[test]
fn shows_its_start() {
    let now = Clock::new(77, 1_700_000_000_000, 5).now(0);
    assert_eq!((now.mono_ns, now.wall_ms), (77, 1_700_000_000_000));
}

#[test]
fn drifts_by_parts_per_million() {
    let fast = Clock::new(0, 0, 100).now(HOUR);
    assert_eq!((fast.mono_ns, fast.wall_ms), (HOUR + 360 * MS, 3_600_360));
    let slow = Clock::new(0, 0, -100).now(HOUR);
    assert_eq!((slow.mono_ns, slow.wall_ms), (HOUR - 360 * MS, 3_599_640));
}

#[test]
fn many_changes_of_drift_lose_nothing() {
    let mut clock = Clock::new(0, 0, 0);
    for at in 1..=1_000_000 {
        clock.set_drift(at, if at % 2 == 0 { 0 } else { 500_000 });
    }
    assert_eq!(clock.now(1_000_000).mono_ns, 1_250_000);
}

#[test]
fn the_wall_steps_both_ways() {
    let mut clock = Clock::new(0, 1_000, 0);
    clock.step_wall(5 * MS, -700);
    assert_eq!(clock.now(10 * MS).wall_ms, 310);
    clock.step_wall(10 * MS, 90);
    assert_eq!(clock.now(10 * MS).wall_ms, 400);
    assert_eq!(clock.now(10 * MS).mono_ns, 10 * MS);
}

#[test]
fn smears_are_linear_exact_and_add_up() {
    let mut clock = Clock::new(0, 0, 0);
    clock.smear_wall(0, 100, 1_000 * MS);
    clock.smear_wall(500 * MS, -40, 1_000 * MS);
    assert_eq!(clock.now(250 * MS + 499_999).wall_ms, 250 + 25);
    assert_eq!(clock.now(750 * MS).wall_ms, 750 + 75 - 10);
    assert_eq!(clock.now(1_000 * MS).wall_ms, 1_000 + 100 - 20);
    clock.smear_wall(1_200 * MS, 5, 0);
    assert_eq!(clock.now(1_200 * MS).wall_ms, 1_200 + 100 - 28 + 5);
    assert_eq!(clock.now(9_000 * MS).wall_ms, 9_000 + 65);
    clock.step_wall(9_000 * MS, 0);
    assert_eq!(clock.now(9_000 * MS).wall_ms, 9_000 + 65);
}

#[test]
fn extremes_saturate() {
    let mut clock = Clock::new(u64::MAX - 10, i64::MAX - 1, 200_000);
    assert_eq!(clock.now(u64::MAX).mono_ns, u64::MAX);
    clock.step_wall(HOUR, i64::MAX);
    clock.smear_wall(HOUR, i64::MAX, u64::MAX);
    clock.smear_wall(HOUR, i64::MAX, 1);
    assert_eq!(clock.now(2 * HOUR).wall_ms, i64::MAX);
    assert_eq!(Clock::new(0, 0, -200_000).true_at_mono(0, u64::MAX), u64::MAX);
}

fn drift() -> impl Strategy<Value = i32> {
    -200_000..=200_000
}

proptest! {
    /// Least true time at which the clock has reached a value, in the narrow and the wide form.
    #[test]
    fn true_at_mono_is_the_least(ppm in drift(), next_ppm in drift(), start in 0..u64::MAX >> 2,
                                 changed_at in 0..HOUR, after in 0..4 * HOUR, ahead in prop_oneof![0..10_000_u64, 0..50 * HOUR]) {
        let mut clock = Clock::new(start, 0, ppm);
        clock.set_drift(changed_at, next_ppm);
        let at = changed_at + after;
        let wanted = clock.now(changed_at).mono_ns + ahead;
        let found = clock.true_at_mono(at, wanted);
        prop_assert!(found >= at);
        prop_assert!(clock.now(found).mono_ns >= wanted);
        prop_assert!(found == at || clock.now(found - 1).mono_ns < wanted);
    }

    /// However drifts change, the monotonic clock shows the exact sum, rounded down.
    #[test]
    fn drift_is_exact(first in drift(), changes in prop::collection::vec((0..HOUR, drift()), 0..8), last in 0..9 * HOUR) {
        let mut clock = Clock::new(0, 0, first);
        let (mut at, mut ppm, mut millionths) = (0_u64, first, 0_i128);
        for (after, next) in changes {
            millionths += i128::from(after) * (1_000_000 + i128::from(ppm));
            at += after;
            let before = clock.now(at);
            clock.set_drift(at, next);
            prop_assert_eq!(clock.now(at), before);
            prop_assert!(clock.now(at + 1).mono_ns >= before.mono_ns);
            ppm = next;
        }
        millionths += i128::from(last) * (1_000_000 + i128::from(ppm));
        prop_assert_eq!(i128::from(clock.now(at + last).mono_ns), millionths / 1_000_000);
        prop_assert_eq!(i128::from(clock.now(at + last).wall_ms), millionths / 1_000_000 / 1_000_000);
    }

    /// A smear never overshoots, and folding it changes nothing that is shown.
    #[test]
    fn smears_end_where_steps_do(smears in prop::collection::vec((0..HOUR, -5_000..5_000_i64, 0..HOUR), 1..5), ppm in drift()) {
        let mut clock = Clock::new(0, 0, ppm);
        let mut stepped = Clock::new(0, 0, ppm);
        let mut at = 0;
        for (after, by_ms, over_ns) in smears {
            at += after;
            let before = clock.now(at).wall_ms;
            clock.smear_wall(at, by_ms, over_ns.max(1));
            prop_assert_eq!(clock.now(at).wall_ms, before);
            stepped.step_wall(at, by_ms);
        }
        prop_assert_eq!(clock.now(at + HOUR), stepped.now(at + HOUR));
        clock.step_wall(at + HOUR, 0);
        prop_assert_eq!(clock.now(at + HOUR), stepped.now(at + HOUR));
    }
}
