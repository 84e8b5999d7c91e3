//! The coverage estimate: how much of the state space the runs of a sweep have not seen.
//!
//! * **Abstract states** ([`scenarios::abstract_state`]). The Good-Turing estimate: the expected number of
//!   new states of the next run is the number of states seen in exactly one run, divided by the number of runs
//!   (Good 1953).
//! * **Violations**. The rule of three: if none of N runs failed, then with 95 % confidence fewer than 3/N
//!   of all runs fail (Hanley and Lippman-Hand 1983).
//!
//! Both assume seeds that are drawn independently of the results of earlier runs. Other runs of a guided search
//! are not counted.
//!
//! States are too many to keep, so a sample is kept: those whose hash begins with a number of zero bits that leaves no
//! more than [`MOST`]. The sample depends only on the set of states, so merged shards keep the same sample as the whole
//! sweep.

use std::collections::BTreeSet;

use scenarios::report::RunReport;
use xxhash_rust::xxh3::xxh3_64;

/// Maximum number of states kept: estimates are then accurate to a few percent.
pub const MOST: usize = 2048;

/// The limit of sampling in a file: 2^51 states are never reached, and sums of counts stay exact.
const THINNEST: u32 = 40;

/// Parts in a million.
const MILLION: u128 = 1_000_000;

/// See the module's documentation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Silence {
    /// Runs of seeds that were drawn independently of other runs.
    pub runs: u64,
    /// Number of these runs with a violation.
    pub failed: u64,
    /// Number of these runs that recorded their states.
    pub reported: u64,
    /// States of these runs, each counted once for each run.
    pub visits: u64,
    /// The sample of states.
    pub sample: Sample,
}

/// States of a subset of hashes: one in `2^halvings`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    halvings: u32,
    once: BTreeSet<u64>,
    more: BTreeSet<u64>,
}

impl Silence {
    /// Adds a run of a scenario. States of different scenarios are different.
    pub fn add(&mut self, scenario: &str, run: &RunReport, failed: bool) {
        self.runs += 1;
        self.failed += u64::from(failed);
        let Some(states) = &run.abstract_states else { return };
        self.reported += 1;
        self.visits += states.len() as u64;
        let salt = xxh3_64(scenario.as_bytes());
        let hashes = states.iter().map(|state| xxh3_64(&(state ^ salt).to_le_bytes()));
        hashes.for_each(|hash| self.sample.visit(hash));
        self.sample.thin_out();
    }

    /// Adds the runs of another.
    pub fn merge(&mut self, other: &Silence) {
        self.runs += other.runs;
        self.failed += other.failed;
        self.reported += other.reported;
        self.visits += other.visits;
        self.sample.merge(&other.sample);
    }

    /// Estimated number of states seen.
    pub fn states(&self) -> u64 {
        self.sample.scaled(self.sample.once.len() + self.sample.more.len())
    }

    /// Estimated number of states seen in exactly one run.
    pub fn singletons(&self) -> u64 {
        self.sample.scaled(self.sample.once.len())
    }

    /// Expected number of new states of the next run, in thousandths; `None` if no run recorded states.
    pub fn unseen_in_next_permille(&self) -> Option<u64> {
        over(self.singletons(), self.reported, 1_000)
    }

    /// Expected share of new states in all states of the next run, parts per million.
    pub fn unseen_share_ppm(&self) -> Option<u64> {
        // A sample may contain too many states seen once.
        over(self.singletons(), self.visits, MILLION).map(|ppm| ppm.min(1_000_000))
    }

    /// Fewer runs than this share fail, with 95 % confidence, parts per million, rounded up; `None` if one failed, or
    /// if none ran.
    pub fn failing_below_ppm(&self) -> Option<u64> {
        let share = (3 * MILLION).div_ceil(u128::from(self.runs.max(1))).min(MILLION);
        (self.runs > 0 && self.failed == 0).then_some(share as u64)
    }
}

fn over(part: u64, of: u64, scale: u128) -> Option<u64> {
    (u128::from(part) * scale).checked_div(u128::from(of)).map(|n| u64::try_from(n).unwrap_or(u64::MAX))
}

impl Sample {
    /// Decodes a sample from a file; `None` if no sweep keeps such a sample.
    pub fn read(one_in: u64, once: Vec<u64>, more: Vec<u64>) -> Option<Sample> {
        let halvings = one_in.is_power_of_two().then(|| one_in.trailing_zeros())?;
        let (listed, sample) = (once.len() + more.len(), |once, more| Sample { halvings, once, more });
        let sample = sample(once.into_iter().collect(), more.into_iter().collect());
        let is_of_it = |hash: &u64| hash.leading_zeros() >= halvings;
        let is_sound = halvings <= THINNEST
            && sample.once.is_disjoint(&sample.more)
            && sample.once.len() + sample.more.len() == listed
            && listed <= MOST
            && sample.once.iter().chain(&sample.more).all(is_of_it);
        is_sound.then_some(sample)
    }

    /// One in this number of states is in the sample.
    pub fn one_in(&self) -> u64 {
        1 << self.halvings
    }

    /// States seen in one run, in order.
    pub fn once(&self) -> impl ExactSizeIterator<Item = u64> + '_ {
        self.once.iter().copied()
    }

    /// States seen in several runs, in order.
    pub fn more(&self) -> impl ExactSizeIterator<Item = u64> + '_ {
        self.more.iter().copied()
    }

    fn scaled(&self, sampled: usize) -> u64 {
        (sampled as u64).saturating_mul(self.one_in())
    }

    /// Adds a state of a run.
    fn visit(&mut self, hash: u64) {
        if hash.leading_zeros() >= self.halvings && !self.more.contains(&hash) && !self.once.insert(hash) {
            self.once.remove(&hash);
            self.more.insert(hash);
        }
    }

    fn thin_out(&mut self) {
        while self.once.len() + self.more.len() > MOST {
            self.halvings += 1;
            self.keep_own();
        }
    }

    fn keep_own(&mut self) {
        let halvings = self.halvings;
        self.once.retain(|hash| hash.leading_zeros() >= halvings);
        self.more.retain(|hash| hash.leading_zeros() >= halvings);
    }

    fn merge(&mut self, other: &Sample) {
        self.halvings = self.halvings.max(other.halvings);
        self.keep_own();
        other.once.iter().for_each(|hash| self.visit(*hash));
        for hash in other.more.iter().filter(|hash| hash.leading_zeros() >= self.halvings) {
            self.once.remove(hash);
            self.more.insert(*hash);
        }
        self.thin_out();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silence(runs: &[&[u64]]) -> Silence {
        let mut silence = Silence::default();
        for states in runs {
            silence.runs += 1;
            silence.reported += 1;
            silence.visits += states.len() as u64;
            states.iter().for_each(|state| silence.sample.visit(*state));
            silence.sample.thin_out();
        }
        silence
    }

    #[test]
    fn good_and_turing_by_hand() {
        // Of 6 states 1, 4, 5 and 6 are seen in one run only: 4 states / 4 runs, and 9 visits / 4 runs.
        let known = silence(&[&[1, 2], &[2, 3, 4], &[2, 3], &[5, 6]]);
        assert_eq!((known.states(), known.singletons()), (6, 4));
        assert_eq!((known.unseen_in_next_permille(), known.unseen_share_ppm()), (Some(1_000), Some(444_444)));
        assert_eq!(known.failing_below_ppm(), Some(750_000), "3 / 4");
        assert_eq!(silence(&[&[1][..]; 300]).unseen_in_next_permille(), Some(0));
        assert_eq!(silence(&[&[1][..]; 300]).failing_below_ppm(), Some(10_000));
        assert_eq!(Silence::default().unseen_in_next_permille(), None);
        assert_eq!(Silence { failed: 1, ..known }.failing_below_ppm(), None);
    }

    #[test]
    fn a_sample_is_that_of_the_whole_however_it_was_put_together() {
        let run = |seed: u64| -> Vec<u64> {
            let own = (0..40).map(|n| seed * 40 + n);
            own.chain(0..30).map(|n| xxh3_64(&n.to_le_bytes())).collect()
        };
        let runs: Vec<Vec<u64>> = (1..400).map(run).collect();
        let of = |runs: &[Vec<u64>]| silence(&runs.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let whole = of(&runs);
        assert!(whole.sample.one_in() >= 8, "{}", whole.sample.one_in());
        for parts in [vec![0..1, 1..399], vec![0..200, 200..210, 210..399], vec![390..399, 0..390]] {
            let mut merged = Silence::default();
            parts.into_iter().for_each(|part| merged.merge(&of(&runs[part])));
            assert_eq!(merged, whole);
        }
        // 399 runs with 40 states of their own: 40 more are expected.
        let unseen = whole.unseen_in_next_permille().expect("runs recorded states");
        assert!((37_000..43_000).contains(&unseen), "{unseen}");
        let (once, more) = (whole.sample.once().collect(), whole.sample.more().collect());
        assert_eq!(Sample::read(whole.sample.one_in(), once, more), Some(whole.sample.clone()));
        assert_eq!(Sample::read(8, vec![u64::MAX], Vec::new()), None);
        assert_eq!(Sample::read(3, Vec::new(), Vec::new()), None);
        assert_eq!(Sample::read(1 << 41, Vec::new(), Vec::new()), None);
    }
}
