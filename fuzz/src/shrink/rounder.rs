//! Round numbers: a person reads "at 4 s for 1 s" sooner than "at 4.132657182 s for 0.972 s".

use super::search::Search;
use crate::case::Case;

/// From coarse to fine, ns.
const UNITS_NS: [u64; 4] = [1_000_000_000, 100_000_000, 10_000_000, 1_000_000];

/// Times of faults and operations, and how long a trigger waits.
pub fn round(search: &mut Search<'_>) {
    for index in 0..search.best.plan.0.len() {
        coarsest(search, |case, unit| {
            let fault = &mut case.plan.0[index];
            fault.at_ns = rounded(fault.at_ns, unit);
        });
        coarsest(search, |case, unit| {
            let lasts = &mut case.plan.0[index].lasts_ns;
            // Nothing and something are not the same.
            *lasts = if *lasts == 0 { 0 } else { rounded(*lasts, unit).max(unit) };
        });
        let mut plainer = search.best.clone();
        if let Some(trigger) = &mut plainer.plan.0[index].on {
            (trigger.nth, trigger.after_ns) = (1, 0);
            search.keep_if_failing(plainer);
        }
    }
    coarsest(search, |case, unit| {
        for asked in &mut case.operations {
            asked.at_ns = rounded(asked.at_ns, unit);
        }
    });
    for index in 0..search.best.operations.len() {
        coarsest(search, |case, unit| {
            let asked = &mut case.operations[index];
            asked.at_ns = rounded(asked.at_ns, unit);
        });
    }
}

/// To the nearest.
fn rounded(ns: u64, unit: u64) -> u64 {
    ns.saturating_add(unit / 2) / unit * unit
}

/// The coarsest unit that will do.
fn coarsest(search: &mut Search<'_>, change: impl Fn(&mut Case, u64)) {
    for unit in UNITS_NS {
        let mut candidate = search.best.clone();
        change(&mut candidate, unit);
        if candidate == search.best || search.keep_if_failing(candidate) || search.is_over() {
            return;
        }
    }
}
