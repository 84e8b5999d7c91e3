//! Merged shards equal the whole sweep; shards that do not fit are rejected.

use std::sync::atomic::AtomicBool;

use crate::fake::{report, settings, timeless};
use fuzz::aggregate::SweepReport;
use fuzz::guided::Guided;
use fuzz::merge::{MergeError, merge};
use fuzz::seeds::{SeedRange, Seeds, Shard};
use fuzz::sweep::sweep;
use scenarios::report::FailoverKind;

fn shard(range: &str, shard: &str) -> SweepReport {
    let range: SeedRange = range.parse().expect("a range");
    let shard: Shard = shard.parse().expect("a shard");
    timeless(sweep(&settings(2, Seeds::of(range, shard), 2), &report, &AtomicBool::new(false), &mut |_| ()))
}

fn named(sweeps: Vec<SweepReport>) -> Vec<(String, SweepReport)> {
    sweeps.into_iter().enumerate().map(|(i, s)| (format!("{i}.json"), s)).collect()
}

/// Drops the fields that sweeps keep, but files do not.
fn as_in_files(mut sweep: SweepReport) -> SweepReport {
    sweep.by_scenario = sweep.counts_by_scenario();
    sweep
}

#[test]
fn shards_merged_are_the_whole() {
    let whole = shard("5..103", "1/1");
    let shards = (1..=4).rev().map(|i| shard("5..103", &format!("{i}/4"))).collect();
    assert_eq!(as_in_files(merge(named(shards)).expect("merges")), as_in_files(whole.clone()));
    let halves = vec![shard("50..103", "1/1"), shard("5..50", "1/1")];
    assert_eq!(as_in_files(merge(named(halves)).expect("merges")), as_in_files(whole));
}

#[test]
fn a_shard_done_twice_counts_once() {
    let sweeps = vec![shard("0..40", "1/2"), shard("0..40", "2/2"), shard("0..40", "1/2")];
    assert_eq!(as_in_files(merge(named(sweeps)).expect("merges")), as_in_files(shard("0..40", "1/1")));
}

#[test]
fn a_shard_done_twice_differs_in_real_time_and_places_only() {
    let settings = settings(2, Seeds::of(SeedRange { start: 0, end: 40 }, Shard::WHOLE), 2);
    let once = timeless(sweep(&settings, &report, &AtomicBool::new(false), &mut |_| ()));
    let mut again = SweepReport { wall_ns: 7, core_ns: 8, ..once.clone() };
    assert!(!again.violations.is_empty(), "the fake fails");
    again.violations.iter_mut().for_each(|failure| failure.again.repro = Some("elsewhere.json".to_owned()));
    assert_eq!(as_in_files(merge(named(vec![once.clone(), again])).expect("merges")), as_in_files(once.clone()));

    type Change = (&'static str, fn(&mut SweepReport));
    let changes: [Change; 8] = [
        ("digest ", |s| s.digest ^= 1),
        ("events ", |s| s.events += 1),
        ("violations", |s| s.violations[0].violation.at_ns += 1),
        ("linearizability", |s| s.lin_holds += 1),
        ("probes", |s| *s.probes.entry("rare".to_owned()).or_default() += 1),
        ("recovery", |s| s.recovery.times.record_ns(1_000)),
        ("coverage_estimate", |s| s.silence.visits += 1),
        ("failover", |s| s.failovers.entry(FailoverKind::AdminGap).or_default().total.all.record_ns(1_000)),
    ];
    for (what, change) in changes {
        let mut liar = once.clone();
        change(&mut liar);
        let error = merge(named(vec![once.clone(), liar])).expect_err(what);
        let said = error.to_string();
        assert!(matches!(error, MergeError::Nondeterminism { .. }), "{said}");
        assert!(said.contains(&format!("with different results ({what}")), "{said}");
    }
}

#[test]
fn a_guided_search_is_no_shard() {
    let guided = SweepReport { guided: Some(Guided::default()), ..shard("20..40", "1/1") };
    let error = merge(named(vec![shard("0..20", "1/1"), guided])).expect_err("guided");
    assert!(error.to_string().starts_with("1.json is of a guided search: "), "{error}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut other = shard("20..40", "1/1");
    other.subject.bugs = vec!["VoteNotDurable".to_owned()];
    let error = merge(named(vec![shard("0..20", "1/1"), other])).expect_err("another subject");
    assert!(error.to_string().starts_with("0.json and 1.json differ in bugs (none and VoteNotDurable)"), "{error}");

    let error = merge(named(vec![shard("0..20", "1/2"), shard("13..40", "1/3")])).expect_err("overlap");
    assert!(matches!(&error, MergeError::Overlap { seed, .. } if seed == "0x0000000000000010"), "{error}");
}
