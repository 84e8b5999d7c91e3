//! The digest distinguishes runs, its lanes are independent, and its ladder bounds a difference.

use proptest::prelude::*;
use sim::trace::{Digest, Trace, TraceKind};

/// One entry: which lane, and a number to make it of.
fn enter(trace: &mut Trace, is_plan: bool, n: u64) {
    if is_plan {
        trace.plan(n, n as u32, 1, n);
    } else {
        trace.behaviour(n, n as u16, 2, 3, TraceKind::Timer, n);
    }
}

#[test]
fn vectors() {
    let mut trace = Trace::default();
    assert_eq!(trace.digest().to_string(), "d6cd785f4bdd9d8bedd8962f33e0b7f4");
    trace.behaviour(1, 2, 3, 4, TraceKind::Boot, 5);
    trace.plan(6, 7, 8, 9);
    assert_eq!(trace.behaviour_digest().to_string(), "a5a1c98476221d0353ae2e0640ed82e5");
    assert_eq!(trace.plan_digest().to_string(), "5aedb76edc312a0187a98ebe96fba30c");
    assert_eq!(trace.digest().to_string(), "6b2d20fdd6bda0067e6484fc93076915");
    for n in 0..1_000 {
        enter(&mut trace, n % 10 == 0, n);
    }
    assert_eq!(trace.digest().to_string(), "efcf7521ab6da070e7f23b60873f2ee4");
    assert_eq!(trace.entries(), 1_002);
}

/// The lane consists of the documented words and nothing else, whatever the buffering.
#[test]
fn a_lane_is_a_hash_of_its_words() {
    let mut trace = Trace::default();
    let mut bytes = Vec::new();
    for n in 0..100_u64 {
        trace.behaviour(n, 0x1122, 0x33, 0x5566_7788, TraceKind::Wrote, !n);
        for word in [n, 0x5566_7788_1033_1122, !n] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        assert_eq!(trace.behaviour_digest(), Digest(xxhash_rust::xxh3::xxh3_128(&bytes)), "after {n}");
    }
}

#[test]
fn digests_read_back() {
    let digest = Digest(0x0123_4567_89ab_cdef);
    assert_eq!(digest.to_string(), "00000000000000000123456789abcdef");
    assert_eq!(digest.to_string().parse(), Ok(digest));
    for bad in ["", "123", "+0000000000000000123456789abcdef", "g0000000000000000123456789abcdef"] {
        assert!(bad.parse::<Digest>().is_err(), "{bad}");
    }
}

#[test]
fn the_ladder_is_even_and_short() {
    let mut trace = Trace::default();
    for n in 1..=100_000 {
        enter(&mut trace, n % 100 == 0, n);
        let ladder = trace.ladder();
        assert!(ladder.len() <= 64);
        if let Some(first) = ladder.first() {
            assert!(ladder.iter().zip(1..).all(|(rung, i)| rung.entries == i * first.entries));
            assert!(n - ladder[ladder.len() - 1].entries < first.entries.max(64) * 2);
        }
    }
    assert!(trace.ladder().len() >= 32);
}

proptest! {
    /// Runs that diverge after `common` entries have equal rungs up to there, and none after.
    #[test]
    fn rungs_bound_the_first_difference(common in 0..20_000_u64, mine in 0..20_000_u64, theirs in 0..20_000_u64, every in 2..50_u64) {
        let run = |salt: u64, more: u64| {
            let mut trace = Trace::default();
            for n in 0..common + more {
                enter(&mut trace, n % every == 0, if n < common { n } else { n ^ salt });
            }
            trace
        };
        let (mine, theirs) = (run(0, mine), run(1 << 32, theirs));
        for rung in mine.ladder() {
            if let Some(other) = theirs.ladder().iter().find(|other| other.entries == rung.entries) {
                prop_assert_eq!(rung == other, rung.entries <= common);
            }
        }
    }

    #[test]
    fn lanes_are_independent(entries in prop::collection::vec((any::<bool>(), any::<u64>()), 0..200)) {
        let (mut both, mut behaviour, mut plan) = (Trace::default(), Trace::default(), Trace::default());
        for (is_plan, n) in entries {
            enter(&mut both, is_plan, n);
            enter(if is_plan { &mut plan } else { &mut behaviour }, is_plan, n);
        }
        prop_assert_eq!(both.behaviour_digest(), behaviour.behaviour_digest());
        prop_assert_eq!(both.plan_digest(), plan.plan_digest());
        prop_assert_eq!(both.clone().digest(), both.digest());
        prop_assert_eq!(both.entries(), behaviour.entries() + plan.entries());
        if plan.entries() > 0 {
            prop_assert_ne!(both.digest(), behaviour.digest());
        }
    }
}
