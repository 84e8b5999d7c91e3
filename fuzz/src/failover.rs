//! Failover times of many runs: by kind, by phase, by cause, each with its slowest one.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use scenarios::report::{Failover, FailoverKind};

use crate::durations::{Durations, round_to_us};

/// The slowest time, with the run that explains it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worst {
    /// Its duration, µs.
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

/// The run and time of a measurement.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub seed: u64,
    /// Scenario of the run, as named.
    pub scenario: &'a str,
    pub digest: u128,
    /// True time at which the measured interval began, ns.
    pub at_ns: u64,
}

/// Durations of one category.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Times {
    pub all: Durations,
    /// The slowest; if several are equally slow, the one of the first seed.
    pub worst: Option<Worst>,
}

impl Times {
    pub fn record(&mut self, ns: u64, place: Place<'_>) {
        self.all.record_ns(ns);
        let us = round_to_us(ns);
        if self.is_slowest(us, place.seed) {
            let Place { seed, scenario, digest, at_ns } = place;
            self.worst = Some(Worst { us, seed, scenario: scenario.to_owned(), at_ns, digest });
        }
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: &Times) {
        self.all.merge(&other.all);
        if let Some(worst) = &other.worst
            && self.is_slowest(worst.us, worst.seed)
        {
            self.worst = Some(worst.clone());
        }
    }

    fn is_slowest(&self, us: u64, seed: u64) -> bool {
        self.worst.as_ref().is_none_or(|old| (us, Reverse(seed)) > (old.us, Reverse(old.seed)))
    }
}

/// Failovers by kind; a kind without failovers is absent.
pub type Failovers = BTreeMap<FailoverKind, FailoverTimes>;

/// Failovers of one kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FailoverTimes {
    /// Complete durations.
    pub total: Times,
    /// By phase, in the order of the phases.
    pub phases: Vec<(String, Times)>,
    /// Complete durations by the kind of fault.
    pub causes: BTreeMap<String, Times>,
    /// Durations of failovers that had not ended at the end of their runs; they are in none of the other fields.
    pub unended: Times,
}

impl FailoverTimes {
    /// Adds a failover of a run; `place` is the run's.
    pub fn record(&mut self, failover: &Failover, place: Place<'_>) {
        let place = Place { at_ns: failover.at_ns, ..place };
        if !failover.ended {
            return self.unended.record(failover.total_ns, place);
        }
        self.total.record(failover.total_ns, place);
        for (name, ns) in &failover.phases {
            self.phase(name).record(*ns, place);
        }
        self.cause(&failover.cause).record(failover.total_ns, place);
    }

    pub fn merge(&mut self, other: &FailoverTimes) {
        self.total.merge(&other.total);
        self.unended.merge(&other.unended);
        for (name, times) in &other.phases {
            self.phase(name).merge(times);
        }
        for (name, times) in &other.causes {
            self.cause(name).merge(times);
        }
    }

    /// Complete durations, and durations of unended failovers that had lasted longer than `us`: these are known to
    /// exceed such a limit; the others are unknown.
    pub fn with_unended_above(&self, us: u64) -> Times {
        let mut times = self.total.clone();
        let late = Times { all: self.unended.all.above(us), worst: self.unended.worst.clone() };
        if late.all.count() > 0 {
            times.merge(&late);
        }
        times
    }

    /// The position of a phase in the order of phases, which files do not keep.
    fn phase(&mut self, name: &str) -> &mut Times {
        let at = match self.phases.binary_search_by(|(other, _)| order(other).cmp(&order(name))) {
            Ok(at) => at,
            Err(at) => {
                self.phases.insert(at, (name.to_owned(), Times::default()));
                at
            }
        };
        &mut self.phases[at].1
    }

    fn cause(&mut self, name: &str) -> &mut Times {
        if !self.causes.contains_key(name) {
            self.causes.insert(name.to_owned(), Times::default());
        }
        self.causes.get_mut(name).expect("just made")
    }
}

/// Phases of all kinds are in the order in which they happen; an unlisted phase comes last.
fn order(phase: &str) -> (usize, &str) {
    let mut known = FailoverKind::ALL.iter().flat_map(|kind| kind.phases());
    (known.position(|name| *name == phase).unwrap_or(usize::MAX), phase)
}

/// Adds a failover of a run, under its kind.
pub fn record(failovers: &mut Failovers, failover: &Failover, place: Place<'_>) {
    failovers.entry(failover.kind).or_default().record(failover, place);
}

/// Adds all failovers of another.
pub fn merge(failovers: &mut Failovers, others: &Failovers) {
    for (kind, times) in others {
        failovers.entry(*kind).or_default().merge(times);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failover(kind: FailoverKind, cause: &str, phases: &[(&'static str, u64)]) -> Failover {
        let total_ns = phases.iter().map(|(_, ns)| ns).sum();
        Failover { kind, at_ns: 7, cause: cause.to_owned(), total_ns, ended: true, phases: phases.to_vec() }
    }

    fn place(seed: u64) -> Place<'static> {
        Place { seed, scenario: "s", digest: 0, at_ns: 0 }
    }

    #[test]
    fn kinds_phases_and_causes_are_kept_apart() {
        let mut all = Failovers::default();
        let killed = failover(FailoverKind::Controller, "kill", &[("detect", 2_000_000), ("commit", 1_000_000)]);
        let ended = failover(FailoverKind::Controller, "terminate", &[("elect", 500_000), ("commit", 500_000)]);
        record(&mut all, &killed, place(9));
        record(&mut all, &ended, place(3));
        record(&mut all, &failover(FailoverKind::Partition, "kill", &[("led", 9_000)]), place(4));

        let controller = &all[&FailoverKind::Controller];
        let names: Vec<&str> = controller.phases.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["detect", "elect", "commit"], "in the order in which they happen");
        assert_eq!(controller.causes["terminate"].all.max_us(), Some(1000));
        assert_eq!(
            controller.total.worst.as_ref().map(|worst| (worst.us, worst.seed, worst.at_ns)),
            Some((3000, 9, 7))
        );
        let slowest_commit = controller.phases[2].1.worst.as_ref();
        assert_eq!(slowest_commit.map(|worst| (worst.us, worst.seed)), Some((1000, 9)));
        assert_eq!(all[&FailoverKind::Partition].total.all.count(), 1);
        assert!(!all.contains_key(&FailoverKind::ProduceGap));
    }

    #[test]
    fn parts_merged_are_the_whole_in_any_order() {
        let some = [
            (failover(FailoverKind::Controller, "kill", &[("detect", 5_000), ("elect", 7_000)]), 1),
            (failover(FailoverKind::Controller, "cut", &[("detect", 5_000), ("elect", 7_000)]), 2),
            (failover(FailoverKind::ProduceGap, "kill", &[]), 3),
        ];
        let of = |parts: &[usize]| {
            let mut sum = Failovers::default();
            parts.iter().for_each(|i| record(&mut sum, &some[*i].0, place(some[*i].1)));
            sum
        };
        let mut merged = of(&[2, 1]);
        merge(&mut merged, &of(&[0]));
        assert_eq!(merged, of(&[0, 1, 2]));
    }
}
