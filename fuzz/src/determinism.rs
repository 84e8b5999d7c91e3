//! `--check-determinism`: repeats every seed so that dependencies on anything outside a run become visible.
//!
//! The repeated runs use a fresh thread (thread-locals are new) whose `RandomState` was already used (hash orders
//! differ), and seeds in reverse order (state left behind by a run reaches another one): once on the *other* host
//! comparing digest and event count, and once more on the first host comparing also its own clock and next draw (a
//! stray draw changes only these).

use scenarios::report::{RunReport, Violation, ViolationKind};
use scenarios::run::Host;

use crate::run::{RunSeed, caught};

/// The invariant's name.
pub const INVARIANT: &str = "SameSeedSameRun";

/// The part of a run that must be reproduced.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fingerprint {
    digest: u128,
    events: u64,
    ladder: Vec<(u64, u128)>,
    sentinel: Option<(u64, u64)>,
}

impl Fingerprint {
    fn of(run: &RunReport) -> Self {
        Fingerprint { digest: run.digest, events: run.events, ladder: run.ladder.clone(), sentinel: run.host_sentinel }
    }
}

/// Draws from this thread's `RandomState`, so that its hash orders differ from those of a fresh thread.
#[expect(clippy::disallowed_types, reason = "to notice a run whose hash order leaks")]
pub fn spoil_random_state() {
    for _ in 0..3 {
        std::hint::black_box(std::collections::hash_map::RandomState::new());
    }
}

/// Runs a seed again on the other host and on the first (if they differ), and compares.
pub fn check(run: &RunSeed<'_>, hosts: &[Host], scenario: usize, seed: u64, first: &RunReport) -> Option<Violation> {
    let (home, other) = (hosts[0], hosts[hosts.len() - 1]);
    let again = caught(seed, || run(scenario, seed, other));
    if let Some(violation) = difference(home, first, other, &again, false) {
        return Some(violation);
    }
    if home == other {
        return None;
    }
    let again = caught(seed, || run(scenario, seed, home));
    difference(home, first, home, &again, true)
}

fn difference(home: Host, first: &RunReport, host: Host, again: &RunReport, sentinels: bool) -> Option<Violation> {
    let (a, b) = (Fingerprint::of(first), Fingerprint::of(again));
    let (home, host) = (home.name(), host.name());
    let said = if a.digest != b.digest || a.events != b.events {
        format!(
            "{home} gave {:032x} after {} events, {host} again gave {:032x} after {} events; {}",
            a.digest,
            a.events,
            b.digest,
            b.events,
            where_ladders_part(&a.ladder, &b.ladder)
        )
    } else if sentinels && a.sentinel != b.sentinel {
        format!(
            "digests agree, but {host}'s own (clock ns, next draw) is {} at first and {} again: \
             something drew from the host's entropy or slept on its clock",
            show_sentinel(a.sentinel),
            show_sentinel(b.sentinel)
        )
    } else {
        return None;
    };
    Some(Violation {
        kind: ViolationKind::Nondeterminism,
        invariant: INVARIANT.to_owned(),
        predicate: None,
        spec: "a run is a function of its scenario and seed".to_owned(),
        detail: said,
        at_ns: 0,
        event: first_rung_that_differs(&a.ladder, &b.ladder).map_or(0, |(entries, _)| entries),
    })
}

fn show_sentinel(sentinel: Option<(u64, u64)>) -> String {
    sentinel.map_or_else(|| "none".to_owned(), |(clock, draw)| format!("({clock}, {draw:#018x})"))
}

/// The first common rung at which the ladders differ, and the last before it at which they agree. Ladders of runs of
/// different length have different strides; only common rungs are compared.
fn first_rung_that_differs(a: &[(u64, u128)], b: &[(u64, u128)]) -> Option<(u64, u64)> {
    let mut agreed = 0;
    for (entries, digest) in a {
        match b.iter().find(|(other, _)| other == entries) {
            Some((_, other)) if other == digest => agreed = *entries,
            Some(_) => return Some((*entries, agreed)),
            None => {}
        }
    }
    None
}

/// Describes it in words.
pub fn where_ladders_part(a: &[(u64, u128)], b: &[(u64, u128)]) -> String {
    match first_rung_that_differs(a, b) {
        Some((entries, agreed)) => format!("the first rung that differs is at entry {entries}; entry {agreed} agrees"),
        None => match a.iter().rev().find(|rung| b.contains(rung)) {
            Some((agreed, _)) => format!("they differ after entry {agreed}, the last rung they share"),
            None => "they share no rung".to_owned(),
        },
    }
}
