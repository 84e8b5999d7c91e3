//! The last hunt for the bugs of the bug catalog, compared with a sweep: the number of bugs that the same number of
//! seeds would have shown.
//!
//! The figures are those of `reports/last_hunt.json`, written at the top of a checkout by
//! `kraftsim bugs hunt --json reports/last_hunt.json` (about 10 minutes on two cores; not with `--guided`, which runs
//! more than seeds). A build includes them.
//!
//! A hunt stops at the first failing run, after a number of seeds of each of its scenarios. A bug counts if that run
//! was in a scenario of the sweep, and the sweep has had as many seeds of it. A bug that was first caught in another
//! scenario may be found here as well, so the true number is larger; and the figures of another hunt would differ
//! slightly.

use fuzz::aggregate::SweepReport;

use super::bugs_json::{BugJson, BugsJson};

const LAST_HUNT: &str = include_str!("../../last_hunt.json");

/// Bugs that were hunted, and those of them that as many seeds showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Power {
    pub bugs: u64,
    /// Caught by at most this number of seeds.
    pub caught: u64,
    /// Caught in other scenarios first: the number of seeds in these scenarios is unknown.
    pub caught_elsewhere: u64,
}

/// The comparison with a sweep; `None` if the hunt used other or altered scenarios.
pub fn power(report: &SweepReport) -> Option<Power> {
    let subject = &report.subject;
    if !subject.set.is_empty() || subject.cluster.is_some() || !subject.bugs.is_empty() {
        return None;
    }
    let hunt: BugsJson = serde_json::from_str(LAST_HUNT).ok()?;
    let seeds = report.silence.runs / (subject.scenarios.len() as u64).max(1);
    of_hunt(hunt.bugs(), &subject.scenarios, seeds)
}

fn of_hunt(bugs: &[BugJson], scenarios: &[String], seeds: u64) -> Option<Power> {
    let hunted_here = |bug: &BugJson| bug.scenarios.iter().any(|name| scenarios.contains(name));
    let is_here = |bug: &BugJson| bug.scenario.as_ref().is_some_and(|name| scenarios.contains(name));
    let is_soon = |bug: &BugJson| bug.seeds_tried.div_ceil((bug.scenarios.len() as u64).max(1)) <= seeds;
    let count = |of: &dyn Fn(&BugJson) -> bool| bugs.iter().filter(|bug| of(bug)).count() as u64;
    let power = Power {
        bugs: bugs.len() as u64,
        caught: count(&|bug| bug.caught && is_here(bug) && is_soon(bug)),
        caught_elsewhere: count(&|bug| bug.caught && !is_here(bug)),
    };
    bugs.iter().any(hunted_here).then_some(power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checked_in_hunt_can_be_read_and_knows_the_catalog() {
        let hunt: BugsJson = serde_json::from_str(LAST_HUNT).expect("kraftsim.bugs.v1");
        let of = |name: &str, seeds| of_hunt(hunt.bugs(), &[name.to_owned()], seeds);
        let (few, many) = (of("ci", 1).expect("hunted"), of("ci", 1_000_000).expect("hunted"));
        assert!(
            few.caught > 0 && few.caught < many.caught && many.caught + many.caught_elsewhere < many.bugs,
            "{few:?} {many:?}"
        );
        assert_eq!(of("ci", 0).map(|power| power.caught), Some(0));
        assert_eq!(of("mine.toml", 1_000), None);
    }
}
