//! Failover times of many runs, whole and by phase.

use scenarios::report::Failover;

use crate::durations::{Durations, round_to_us};

/// The slowest one seen: who to ask why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worst {
    /// Its length, µs.
    pub us: u64,
    /// Seed of its run.
    pub seed: u64,
    /// Scenario of its run, as named.
    pub scenario: String,
    /// When it began, true time.
    pub at_ns: u64,
    /// Digest of its run.
    pub digest: u128,
}

/// Failovers of one sort.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FailoverTimes {
    /// Whole lengths.
    pub total: Durations,
    /// By phase, in the order of the phases.
    pub phases: Vec<(String, Durations)>,
    /// The slowest; the first of the slowest in order of seeds.
    pub worst: Option<Worst>,
}

impl FailoverTimes {
    /// Adds one of a run.
    pub fn record(&mut self, failover: &Failover, seed: u64, scenario: &str, digest: u128) {
        self.total.record_ns(failover.total_ns);
        for (name, ns) in &failover.phases {
            self.phase(name).record_ns(*ns);
        }
        self.propose(Worst {
            us: round_to_us(failover.total_ns),
            seed,
            scenario: scenario.to_owned(),
            at_ns: failover.at_ns,
            digest,
        });
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: &FailoverTimes) {
        self.total.merge(&other.total);
        for (name, durations) in &other.phases {
            self.phase(name).merge(durations);
        }
        if let Some(worst) = &other.worst {
            self.propose(worst.clone());
        }
    }

    fn phase(&mut self, name: &str) -> &mut Durations {
        let at = self.phases.iter().position(|(n, _)| n == name).unwrap_or_else(|| {
            self.phases.push((name.to_owned(), Durations::default()));
            self.phases.len() - 1
        });
        &mut self.phases[at].1
    }

    fn propose(&mut self, worst: Worst) {
        let slower = |old: &Worst| (worst.us, std::cmp::Reverse(worst.seed)) > (old.us, std::cmp::Reverse(old.seed));
        if self.worst.as_ref().is_none_or(slower) {
            self.worst = Some(worst);
        }
    }
}
