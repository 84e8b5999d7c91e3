//! The search for the known findings behind the failures of a sweep.

use std::collections::BTreeMap;

use fuzz::known::KnownFinding;
use scenarios::report::Violation;
use sim::fault::Plan;

use crate::engine::Named;

/// Maximum number of failing seeds of each claim and scenario that are run again.
const TRIED_SEEDS: u32 = 3;

/// Counts the failing seeds that were run again with fixes. Failures arrive in the order of the sweep for any number of
/// threads, and so do these runs.
#[derive(Debug, Default)]
pub struct FindingSearch {
    /// By number of the scenario, claim and its predicate.
    tried: BTreeMap<(usize, String, Option<String>), u32>,
}

impl FindingSearch {
    /// The known finding that caused `broken` in a run of `named`, the scenario of this number.
    pub fn search(
        &mut self,
        scenario: usize,
        named: &Named,
        seed: u64,
        plan: Option<&Plan>,
        broken: &Violation,
    ) -> Option<KnownFinding> {
        (self.count(scenario, broken) <= TRIED_SEEDS)
            .then(|| named.prepared.known_finding(seed, plan, broken))
            .flatten()
    }

    /// Counts a failure, and returns how many there are of its claim.
    pub fn count(&mut self, scenario: usize, broken: &Violation) -> u32 {
        let tried = self.tried.entry((scenario, broken.invariant.clone(), broken.predicate.clone())).or_default();
        *tried += 1;
        *tried
    }
}
