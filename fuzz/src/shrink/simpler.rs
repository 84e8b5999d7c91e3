//! Simplifies the scenario: knobs at their defaults, nothing that costs time, a shorter run.

use scenarios::scenario::values::{IntRange, LatencyProfile, Nanos};
use sim::latency::Latency;

use super::fewest::{Pieces, fewest};
use super::search::Search;
use crate::case::Case;

/// Shortest run of a scenario, ns.
const SHORTEST_NS: u64 = 1_000_000_000;
/// Time from the violation to the end of a shortened run, ns.
const AFTER_NS: u64 = 1_000_000_000;
const SECOND_NS: u64 = 1_000_000_000;

/// Minimizes the knobs.
pub fn knobs(search: &mut Search<'_>) {
    fewest(search, Pieces::All, |case| case.knobs.clone(), |case, knobs| case.knobs = knobs);
}

/// Simplifies one setting after the other.
pub fn scenario(search: &mut Search<'_>) {
    let plainer: [fn(&mut Case); 5] = [
        |case| case.scenario.threads.clear(),
        |case| {
            case.scenario.clock.offset_ms = IntRange::default();
            case.scenario.clock.drift_ppm = IntRange::default();
        },
        |case| {
            case.scenario.network.latency = constant(500_000);
            case.scenario.network.link.clear();
        },
        |case| case.scenario.disk.fsync = constant(500_000),
        |case| (case.scenario.network.loss_ppm, case.scenario.network.duplicate_ppm) = (0, 0),
    ];
    for make in plainer {
        let mut candidate = search.best.clone();
        make(&mut candidate);
        search.keep_if_failing(candidate);
    }
    shorter(search);
}

fn constant(ns: u64) -> LatencyProfile {
    LatencyProfile::Known(Latency::Constant { ns })
}

/// Ends the run soon after the violation, or after its last fault.
fn shorter(search: &mut Search<'_>) {
    let last_ns = if search.breaks_at_once() {
        search.broken_at_ns()
    } else {
        search.best.plan.0.iter().map(|fault| fault.at_ns.saturating_add(fault.lasts_ns)).max().unwrap_or(0)
    };
    let whole = (last_ns + AFTER_NS).div_ceil(SECOND_NS) * SECOND_NS;
    let mut candidate = search.best.clone();
    candidate.scenario.duration = Nanos(whole.max(SHORTEST_NS));
    // The duration must fit its nemesis, though nothing is drawn from it any more.
    while candidate.scenario.duration < search.best.scenario.duration && candidate.scenario.validate().is_err() {
        candidate.scenario.duration.0 += SECOND_NS;
    }
    if candidate.scenario.duration < search.best.scenario.duration {
        search.keep_if_failing(candidate);
    }
}
