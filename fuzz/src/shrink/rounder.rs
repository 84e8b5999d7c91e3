//! Rounds numbers: "at 4 s for 1 s" is easier to read than "at 4.132657182 s for 0.972 s".

use sim::fault::What;

use super::search::Search;
use crate::case::Case;

/// From coarse to fine, ns.
const UNITS_NS: [u64; 4] = [1_000_000_000, 100_000_000, 10_000_000, 1_000_000];

/// Rounds the times of faults and operations, the strengths of faults, and the delays of triggers.
pub fn round(search: &mut Search<'_>) {
    for index in 0..search.best.plan.0.len() {
        coarsest(search, |case, unit| {
            let fault = &mut case.plan.0[index];
            fault.at_ns = rounded(fault.at_ns, unit);
        });
        coarsest(search, |case, unit| {
            let lasts = &mut case.plan.0[index].lasts_ns;
            // A length of 0 has its own meaning and is kept; others stay positive.
            *lasts = if *lasts == 0 { 0 } else { rounded(*lasts, unit).max(unit) };
        });
        for digits in [1, 2] {
            let mut candidate = search.best.clone();
            significant(&mut candidate.plan.0[index].what, digits);
            if candidate == search.best || search.keep_if_failing(candidate) {
                break;
            }
        }
        let mut plainer = search.best.clone();
        if let Some(trigger) = &mut plainer.plan.0[index].on {
            (trigger.nth, trigger.after_ns) = (1, 0);
            search.keep_if_failing(plainer);
        }
    }
    coarsest(search, |case, unit| {
        for requested in &mut case.operations {
            requested.at_ns = rounded(requested.at_ns, unit);
        }
    });
    for index in 0..search.best.operations.len() {
        coarsest(search, |case, unit| {
            let requested = &mut case.operations[index];
            requested.at_ns = rounded(requested.at_ns, unit);
        });
    }
}

/// Rounds to the nearest multiple.
fn rounded(ns: u64, unit: u64) -> u64 {
    ns.saturating_add(unit / 2) / unit * unit
}

/// Rounds strengths to `digits` significant digits, downwards, because the value may be at its maximum.
fn significant(what: &mut What, digits: u32) {
    let to_digits = |amount: u64| {
        let unit = 10_u64.pow(amount.checked_ilog10().map_or(0, |log| (log + 1).saturating_sub(digits)));
        amount / unit * unit
    };
    what.amounts().into_iter().filter(|amount| amount.is_strength).for_each(|mut amount| amount.lessen(to_digits));
}

/// Uses the coarsest unit that still fails.
fn coarsest(search: &mut Search<'_>, change: impl Fn(&mut Case, u64)) {
    for unit in UNITS_NS {
        let mut candidate = search.best.clone();
        change(&mut candidate, unit);
        if candidate == search.best || search.keep_if_failing(candidate) || search.is_over() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use sim::fault::{Drift, WallStep};
    use sim::process::Node;

    use super::*;

    #[test]
    fn a_number_keeps_its_first_digits() {
        let round = |ppm, digits| {
            let mut what = What::Drift(Drift { node: Node(0), ppm });
            significant(&mut what, digits);
            what
        };
        let drift = |ppm| What::Drift(Drift { node: Node(0), ppm });
        assert_eq!([round(-85_097, 1), round(-85_097, 2), round(-85_097, 3)], [-80_000, -85_000, -85_000].map(drift));
        assert_eq!([round(96, 1), round(7, 1), round(0, 1)], [90, 7, 0].map(drift));
        let mut step = What::WallStep(WallStep { node: Node(0), by_ms: 3_550_000 });
        significant(&mut step, 1);
        assert_eq!(step, What::WallStep(WallStep { node: Node(0), by_ms: 3_000_000 }));
    }
}
