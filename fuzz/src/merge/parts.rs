//! The parts of seed ranges that were swept, and the parts that are missing.

use std::collections::{BTreeMap, BTreeSet};
use strum::{EnumString, IntoStaticStr, VariantNames};

use crate::seeds::{SeedRange, Shard};

/// The seeds of one sweep, and how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SweepPart {
    /// `--seeds`; ends at the last seed that ran if only the time limit ended the sweep.
    pub range: SeedRange,
    /// `--shard`.
    pub shard: Shard,
    /// Runs.
    pub runs: u64,
    /// Why the sweep ended.
    pub ended: Ended,
}

/// Why a sweep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Ended {
    /// All seeds ran.
    Complete,
    /// `--max-fail`.
    MaxFail,
    /// `--for`.
    TimeLimit,
    /// A signal: not all seeds ran.
    Interrupted,
}

impl Ended {
    pub const NAMES: &'static [&'static str] = Ended::VARIANTS;

    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The missing parts, one sentence each: shards that are absent, shards that were interrupted, seeds between two
/// ranges. A shard that `--max-fail` or `--for` ended is complete.
pub fn gaps(parts: &[SweepPart]) -> Vec<String> {
    let mut shards = BTreeMap::<(u64, u64, u32), BTreeSet<u32>>::new();
    for SweepPart { range, shard, .. } in parts {
        shards.entry((range.start, range.end, shard.of)).or_default().insert(shard.index);
    }
    let mut gaps = Vec::new();
    for ((start, end, of), present) in &shards {
        let range = SeedRange { start: *start, end: *end };
        for (first, last) in absent(present, *of) {
            gaps.push(match first == last {
                true => format!("shard {first}/{of} of seeds {range} is missing"),
                false => format!("shards {first}/{of} to {last}/{of} of seeds {range} are missing"),
            });
        }
    }
    for SweepPart { range, shard, runs, .. } in parts.iter().filter(|part| part.ended == Ended::Interrupted) {
        gaps.push(format!("shard {shard} of seeds {range} was interrupted after {runs} runs"));
    }
    let mut reach = None;
    for (start, end, _) in shards.keys() {
        if let Some(reach) = reach.filter(|reach| start > reach) {
            gaps.push(format!("seeds {} are in no file", SeedRange { start: reach, end: *start }));
        }
        reach = reach.max(Some(*end));
    }
    gaps
}

/// Consecutive indexes from 1 to `of` that are absent: first and last of each group.
fn absent(present: &BTreeSet<u32>, of: u32) -> Vec<(u32, u32)> {
    let mut absent = Vec::new();
    let mut due = 1;
    for index in present {
        if *index > due {
            absent.push((due, index - 1));
        }
        due = index.saturating_add(1);
    }
    if due <= of && !present.contains(&of) {
        absent.push((due, of));
    }
    absent
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(range: &str, shard: &str, ended: Ended) -> SweepPart {
        let (range, shard) = (range.parse().expect("a range"), shard.parse().expect("a shard"));
        SweepPart { range, shard, runs: 7, ended }
    }

    #[test]
    fn gaps_are_named() {
        let of = |parts: &[(&str, &str, Ended)]| {
            gaps(&parts.iter().map(|(range, shard, ended)| part(range, shard, *ended)).collect::<Vec<_>>()).join("; ")
        };
        use Ended::{Complete, Interrupted, MaxFail, TimeLimit};
        assert_eq!(of(&[("0..9", "2/3", Complete), ("0..9", "1/3", MaxFail), ("0..9", "3/3", TimeLimit)]), "");
        assert_eq!(of(&[("9..20", "1/1", Complete), ("0..9", "1/2", Complete), ("0..9", "2/2", Complete)]), "");
        assert_eq!(
            of(&[("0..9", "2/6", Complete), ("0..9", "4/6", Interrupted)]),
            "shard 1/6 of seeds 0..9 is missing; shard 3/6 of seeds 0..9 is missing; \
             shards 5/6 to 6/6 of seeds 0..9 are missing; shard 4/6 of seeds 0..9 was interrupted after 7 runs"
        );
        assert_eq!(
            of(&[("0..9", "1/1", Complete), ("2..5", "1/1", Complete), ("12..20", "1/1", Complete)]),
            "seeds 9..12 are in no file"
        );
        assert_eq!(
            of(&[("5..6", "4294967295/4294967295", Complete)]),
            "shards 1/4294967295 to 4294967294/4294967295 of seeds 5..6 are missing"
        );
    }
}
