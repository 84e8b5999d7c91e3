//! What clients feel of a fault: the longest time without an acknowledged produce, a fetched record,
//! or a completed request of an admin client.
//!
//! A gap is measured for each partition (of produce: whoever produced; of consume: for each
//! consumer) from one success to the next. A gap belongs to the fault that struck in it, or that had
//! struck no longer than [`WINDOW_NS`] before it began. One sample for each fault and kind: the
//! longest; a gap that has no end before the next fault, or before the run's, is not counted: a fault
//! must not be charged with what an earlier one began. Faults that count are those of the active
//! controller and of any broker, whether it leads or only follows.

use std::collections::BTreeMap;

use raft::client::{AttemptEvent, TopicPartition};
use raft::message::ErrorCode;
use raft::sorted_map::SortedMap;

use crate::report::{Failover, FailoverKind};

/// So long after a fault has struck its effects may begin: a session timeout, and an election.
pub const WINDOW_NS: u64 = 30_000_000_000;

/// One series of successes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    kind: FailoverKind,
    /// 0 where all clients make one series.
    client: u32,
    of: TopicPartition,
}

#[derive(Clone, Copy, Debug)]
struct Struck {
    at_ns: u64,
    cause: &'static str,
}

/// Samples gaps.
#[derive(Clone, Debug, Default)]
pub struct Gaps {
    last_ns: SortedMap<Series, u64>,
    /// Partitions of Produce attempts that are under way, by client and attempt.
    produced: SortedMap<(usize, u32), TopicPartition>,
    struck: Option<Struck>,
    /// When the fault before that struck.
    earlier_ns: Option<u64>,
    longest_ns: BTreeMap<FailoverKind, u64>,
}

impl Gaps {
    /// A fault strikes; gives the samples of the one before.
    pub fn struck(&mut self, at_ns: u64, cause: &'static str) -> Vec<Failover> {
        self.earlier_ns = self.struck.map(|struck| struck.at_ns);
        let done = self.finish();
        self.struck = Some(Struck { at_ns, cause });
        done
    }

    /// The run heals: gives the last samples.
    pub fn finish(&mut self) -> Vec<Failover> {
        let longest = std::mem::take(&mut self.longest_ns);
        let Some(Struck { at_ns, cause }) = self.struck.take() else { return Vec::new() };
        let sample = |(kind, total_ns)| Failover { kind, at_ns, cause: cause.to_owned(), total_ns, phases: Vec::new() };
        longest.into_iter().map(sample).collect()
    }

    /// A client did or learned something.
    pub fn attempt(&mut self, at_ns: u64, client: usize, event: AttemptEvent) {
        match event {
            AttemptEvent::ProduceInvoked { attempt, partition, .. } => {
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
            AttemptEvent::PollRecords { partition: of, .. } => {
                self.succeeded(at_ns, Series { kind: FailoverKind::ConsumeGap, client: client as u32, of });
            }
            AttemptEvent::OperationDone { error: ErrorCode::None, .. } => {
                let of = TopicPartition { topic: 0, partition: 0 };
                self.succeeded(at_ns, Series { kind: FailoverKind::AdminGap, client: client as u32, of });
            }
            _ => {}
        }
    }

    fn succeeded(&mut self, at_ns: u64, series: Series) {
        let Some(before_ns) = self.last_ns.insert(series, at_ns) else { return };
        let Some(struck) = self.struck else { return };
        let is_older = self.earlier_ns.is_some_and(|earlier_ns| before_ns <= earlier_ns);
        if at_ns > struck.at_ns && before_ns <= struck.at_ns + WINDOW_NS && !is_older {
            let longest = self.longest_ns.entry(series.kind).or_default();
            *longest = (*longest).max(at_ns - before_ns);
        }
    }
}

#[cfg(test)]
mod tests {
    use raft::ids::Offset;

    use super::*;

    const OF: TopicPartition = TopicPartition { topic: 1, partition: 0 };

    fn produced(gaps: &mut Gaps, at_ns: u64, attempt: u32, of: TopicPartition) {
        let invoked = AttemptEvent::ProduceInvoked { attempt, batch: attempt, partition: of, acks: -1, count: 1 };
        gaps.attempt(at_ns - 1, 0, invoked);
        gaps.attempt(at_ns, 0, AttemptEvent::ProduceOk { attempt, base_offset: Offset(0) });
    }

    #[test]
    fn the_longest_gap_that_a_fault_fell_into_or_came_before_is_its_own() {
        let mut gaps = Gaps::default();
        produced(&mut gaps, 100, 1, OF);
        produced(&mut gaps, 900, 2, OF);
        assert!(gaps.struck(1_000, "kill").is_empty());
        produced(&mut gaps, 1_050, 3, OF);
        produced(&mut gaps, 1_400, 4, OF);
        // Another partition does not fill this one's gap.
        produced(&mut gaps, 1_410, 5, TopicPartition { topic: 0, partition: 0 });
        produced(&mut gaps, 1_500, 6, OF);
        let done = gaps.struck(2_000, "cut");
        assert_eq!(done.len(), 1);
        assert_eq!((done[0].kind, done[0].at_ns, done[0].total_ns), (FailoverKind::ProduceGap, 1_000, 350));
        assert_eq!(gaps.finish(), [], "no gap of the second fault has ended");
    }

    #[test]
    fn a_gap_that_an_earlier_fault_began_is_not_a_later_ones() {
        let story = |resumed_ns: Option<u64>| {
            let mut gaps = Gaps::default();
            produced(&mut gaps, 990, 1, OF);
            assert!(gaps.struck(1_000, "power-loss").is_empty());
            if let Some(at_ns) = resumed_ns {
                produced(&mut gaps, at_ns, 2, OF);
            }
            gaps.struck(2_000, "kill");
            produced(&mut gaps, 2_500, 3, OF);
            gaps.finish().iter().map(|gap| (gap.cause.clone(), gap.total_ns)).collect::<Vec<_>>()
        };
        assert_eq!(story(None), []);
        assert_eq!(story(Some(1_900)), [("kill".to_owned(), 600)]);
    }
}
