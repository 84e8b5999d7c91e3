//! The effect of a fault on clients: the longest time without an acknowledged produce, a fetched record, or a completed
//! request of an admin client.
//!
//! A gap is measured for each partition (of produce: all producers; of consume: for each consumer) from one success to
//! the next, in whole. It belongs to the first fault that began in it; if none did, to the newest fault before it, if
//! that began at most [`WINDOW_NS`] before the gap. There is one sample for each fault and kind: the longest gap, which
//! may not have ended when the run is over. The faults that count are those of the active controller and of any broker,
//! leader or follower. Topics that clients delete and create again have no gaps: nobody can use them meanwhile.

use std::collections::BTreeMap;

use raft::client::{AttemptEvent, TopicPartition};
use raft::message::ErrorCode;
use raft::sorted_map::SortedMap;

use crate::report::{Failover, FailoverKind};

/// A fault's effects may begin up to this time after it: a session timeout, and an election.
pub const WINDOW_NS: u64 = 30_000_000_000;

/// One series of successes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    kind: FailoverKind,
    /// 0 where all clients make one series.
    client: u32,
    of: TopicPartition,
}

/// A fault, and for each kind the longest gap that belongs to it: its length, and whether it has ended.
#[derive(Clone, Debug)]
struct Struck {
    at_ns: u64,
    cause: &'static str,
    longest: BTreeMap<FailoverKind, (u64, bool)>,
}

#[derive(Clone, Debug, Default)]
pub struct Gaps {
    /// So many of the clients' topics, the first ones, are never deleted.
    lasting_topics: usize,
    last_ns: SortedMap<Series, u64>,
    /// Partitions of Produce attempts that are under way, by client and attempt.
    produced: SortedMap<(usize, u32), TopicPartition>,
    /// In order of time.
    struck: Vec<Struck>,
    /// When all faults were over.
    healed_ns: Option<u64>,
}

impl Gaps {
    pub fn new(lasting_topics: usize) -> Gaps {
        Gaps { lasting_topics, ..Gaps::default() }
    }

    /// A fault begins.
    pub fn struck(&mut self, at_ns: u64, cause: &'static str) {
        self.struck.push(Struck { at_ns, cause, longest: BTreeMap::new() });
    }

    /// All faults are over.
    pub fn healed(&mut self, at_ns: u64) {
        self.healed_ns = Some(at_ns);
    }

    /// The run is over: returns the samples. A series with a success since healing has no open gap.
    pub fn finish(&mut self, now_ns: u64) -> Vec<Failover> {
        let healed_ns = self.healed_ns.unwrap_or(now_ns);
        let last_ns = std::mem::take(&mut self.last_ns);
        for (series, before_ns) in last_ns.iter().filter(|(_, before_ns)| **before_ns <= healed_ns) {
            self.gap(series.kind, (*before_ns, now_ns), false);
        }
        let mut samples = Vec::new();
        for Struck { at_ns, cause, longest } in std::mem::take(&mut self.struck) {
            samples.extend(longest.into_iter().map(|(kind, (total_ns, ended))| {
                let (cause, phases) = (cause.to_owned(), Vec::new());
                Failover { kind, at_ns, cause, total_ns, ended, phases }
            }));
        }
        samples
    }

    /// A client reported an event of an attempt.
    pub fn attempt(&mut self, at_ns: u64, client: usize, event: AttemptEvent) {
        match event {
            AttemptEvent::ProduceInvoked { attempt, partition, .. } if self.lasts(partition) => {
                self.produced.insert((client, attempt), partition);
            }
            AttemptEvent::ProduceOk { attempt, .. } => {
                if let Some(of) = self.produced.remove(&(client, attempt)) {
                    self.succeeded(at_ns, Series { kind: FailoverKind::ProduceGap, client: 0, of });
                }
            }
            AttemptEvent::ProduceFailed { attempt, .. } | AttemptEvent::ProduceUnknown { attempt, .. } => {
                self.produced.remove(&(client, attempt));
            }
            AttemptEvent::PollRecords { partition: of, .. } if self.lasts(of) => {
                self.succeeded(at_ns, Series { kind: FailoverKind::ConsumeGap, client: client as u32, of });
            }
            AttemptEvent::OperationDone { error: ErrorCode::None, .. } => {
                let of = TopicPartition { topic: 0, partition: 0 };
                self.succeeded(at_ns, Series { kind: FailoverKind::AdminGap, client: client as u32, of });
            }
            _ => {}
        }
    }

    fn lasts(&self, partition: TopicPartition) -> bool {
        usize::from(partition.topic) < self.lasting_topics
    }

    fn succeeded(&mut self, at_ns: u64, series: Series) {
        if let Some(before_ns) = self.last_ns.insert(series, at_ns) {
            self.gap(series.kind, (before_ns, at_ns), true);
        }
    }

    /// No success in between; `ended`: a success ends the gap.
    fn gap(&mut self, kind: FailoverKind, (before_ns, at_ns): (u64, u64), ended: bool) {
        let later = self.struck.partition_point(|struck| struck.at_ns < before_ns);
        let fell_into_it = self.struck.get(later).is_some_and(|struck| struck.at_ns < at_ns);
        let newest = later.checked_sub(1).filter(|at| before_ns <= self.struck[*at].at_ns + WINDOW_NS);
        let owner = if fell_into_it { Some(later) } else { newest };
        let Some(owner) = owner else { return };
        let longest = self.struck[owner].longest.entry(kind).or_default();
        *longest = (*longest).max((at_ns - before_ns, ended));
    }
}

#[cfg(test)]
mod tests {
    use raft::ids::Offset;

    use super::*;

    const OF: TopicPartition = TopicPartition { topic: 1, partition: 0 };

    fn produced(gaps: &mut Gaps, at_ns: u64, attempt: u32, of: TopicPartition) {
        let invoked = AttemptEvent::ProduceInvoked {
            attempt,
            batch: attempt,
            partition: of,
            acks: -1,
            count: 1,
            leader_epoch: 0,
        };
        gaps.attempt(at_ns - 1, 0, invoked);
        gaps.attempt(at_ns, 0, AttemptEvent::ProduceOk { attempt, base_offset: Offset(0) });
    }

    fn samples(gaps: &mut Gaps, now_ns: u64) -> Vec<(u64, String, u64, bool)> {
        let samples = gaps.finish(now_ns).into_iter();
        samples.map(|gap| (gap.at_ns, gap.cause, gap.total_ns, gap.ended)).collect()
    }

    #[test]
    fn the_longest_gap_that_a_fault_fell_into_or_came_before_is_its_own() {
        let mut gaps = Gaps::new(2);
        produced(&mut gaps, 100, 1, OF);
        produced(&mut gaps, 900, 2, OF);
        gaps.struck(1_000, "kill");
        produced(&mut gaps, 1_050, 3, OF);
        produced(&mut gaps, 1_400, 4, OF);
        // A success of another partition does not end this gap.
        produced(&mut gaps, 1_410, 5, TopicPartition { topic: 0, partition: 0 });
        produced(&mut gaps, 1_500, 6, OF);
        gaps.struck(2_000, "cut");
        produced(&mut gaps, 2_010, 7, OF);
        produced(&mut gaps, 2_040, 8, TopicPartition { topic: 0, partition: 0 });
        // A topic that may be deleted has no gaps.
        produced(&mut gaps, 990, 9, TopicPartition { topic: 2, partition: 0 });
        let expected = [(1_000, "kill".to_owned(), 350, true), (2_000, "cut".to_owned(), 630, true)];
        assert_eq!(samples(&mut gaps, 2_050), expected);
    }

    #[test]
    fn a_gap_is_of_the_first_fault_that_fell_into_it_and_may_not_end() {
        let story = |resumed_ns: &[u64]| {
            let mut gaps = Gaps::new(2);
            produced(&mut gaps, 990, 1, OF);
            gaps.struck(1_000, "power-loss");
            for at_ns in resumed_ns.iter().filter(|at_ns| **at_ns < 2_000) {
                produced(&mut gaps, *at_ns, 2, OF);
            }
            gaps.struck(2_000, "kill");
            for at_ns in resumed_ns.iter().filter(|at_ns| **at_ns > 2_000) {
                produced(&mut gaps, *at_ns, 3, OF);
            }
            samples(&mut gaps, 2_510)
        };
        assert_eq!(
            story(&[2_500]),
            [(1_000, "power-loss".to_owned(), 1_510, true), (2_000, "kill".to_owned(), 10, false)]
        );
        assert_eq!(
            story(&[1_900, 2_500]),
            [(1_000, "power-loss".to_owned(), 910, true), (2_000, "kill".to_owned(), 600, true)]
        );
        assert_eq!(story(&[]), [(1_000, "power-loss".to_owned(), 1_520, false)]);

        let mut gaps = Gaps::new(2);
        gaps.struck(1_000, "kill");
        produced(&mut gaps, 1_010, 1, OF);
        gaps.healed(1_020);
        produced(&mut gaps, 1_030, 2, OF);
        assert_eq!(samples(&mut gaps, 1_090), [(1_000, "kill".to_owned(), 20, true)], "the end of the run is no gap");
    }
}
