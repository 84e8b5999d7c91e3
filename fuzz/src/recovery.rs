//! Recovery times of many runs, and how close they are to their bounds.

use std::cmp::Reverse;

use scenarios::report::Recovered;

use crate::durations::Durations;

/// The run whose recovery time is closest to its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nearest {
    /// Its recovery, in thousandths of its bound.
    pub permille: u64,
    pub seed: u64,
}

/// Recoveries of healed clusters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecoveryTimes {
    pub times: Durations,
    /// The one closest to its bound; the first of several in order of seeds.
    pub nearest: Option<Nearest>,
}

impl RecoveryTimes {
    /// Adds the recovery of a run.
    pub fn record(&mut self, recovered: Recovered, seed: u64) {
        self.times.record_ns(recovered.took_ns);
        let permille = u128::from(recovered.took_ns) * 1_000 / u128::from(recovered.bound_ns.max(1));
        self.propose(Nearest { permille: permille as u64, seed });
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: &RecoveryTimes) {
        self.times.merge(&other.times);
        if let Some(nearest) = other.nearest {
            self.propose(nearest);
        }
    }

    fn propose(&mut self, other: Nearest) {
        let key = |nearest: Nearest| (nearest.permille, Reverse(nearest.seed));
        if self.nearest.is_none_or(|mine| key(other) > key(mine)) {
            self.nearest = Some(other);
        }
    }
}
