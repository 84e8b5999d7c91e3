//! Failover of partitions: from the fault that hit a broker until all partitions that it led have a leader again.

use std::collections::BTreeMap;

use raft::broker::observation::PartitionTag;
use raft::ids::{LeaderEpoch, NodeId, TopicIdPartition, Uuid};

use crate::report::{Failover, FailoverKind};

/// The leader of a partition, by committed metadata.
#[derive(Clone, Copy, Debug)]
struct Led {
    leader: NodeId,
    epoch: LeaderEpoch,
}

/// The progress of a partition's next leader.
#[derive(Clone, Copy, Debug)]
struct Next {
    epoch: LeaderEpoch,
    committed_ns: u64,
    led_ns: Option<u64>,
}

#[derive(Clone, Debug)]
struct Struck {
    at_ns: u64,
    broker: NodeId,
    cause: &'static str,
    /// When it was fenced, or was first removed from a partition.
    detected_ns: Option<u64>,
    /// The partitions it led, and the next leader of each.
    partitions: BTreeMap<PartitionTag, Option<Next>>,
}

/// Samples failovers of partitions, one for each broker that a fault hit.
#[derive(Clone, Debug, Default)]
pub struct PartitionFailovers {
    partitions: BTreeMap<PartitionTag, Led>,
    struck: Vec<Struck>,
}

impl PartitionFailovers {
    /// A fault hits a broker. Begins a failover, and returns true, if the broker leads a partition.
    pub fn struck(&mut self, at_ns: u64, broker: NodeId, cause: &'static str) -> bool {
        let led = self.partitions.iter().filter(|(_, led)| led.leader == broker);
        let partitions: BTreeMap<_, _> = led.map(|(partition, _)| (*partition, None)).collect();
        if partitions.is_empty() || self.struck.iter().any(|struck| struck.broker == broker) {
            return false;
        }
        self.struck.push(Struck { at_ns, broker, cause, detected_ns: None, partitions });
        true
    }

    /// The fault is over: partitions that the broker still leads need no failover; returns what this completes.
    pub fn lifted(&mut self, broker: NodeId) -> Vec<Failover> {
        let all = &self.partitions;
        for struck in self.struck.iter_mut().filter(|struck| struck.broker == broker) {
            struck.partitions.retain(|partition, _| all.get(partition).is_some_and(|led| led.leader != broker));
        }
        self.struck.retain(|struck| !struck.partitions.is_empty());
        self.complete()
    }

    /// Committed metadata names the leader of a partition.
    pub fn leader(&mut self, at_ns: u64, partition: PartitionTag, leader: NodeId, epoch: LeaderEpoch) {
        let before = self.partitions.insert(partition, Led { leader, epoch });
        let Some(before) = before.filter(|before| before.epoch != epoch) else { return };
        if leader != before.leader {
            self.fenced(at_ns, before.leader);
        }
        for struck in &mut self.struck {
            if let Some(next) = struck.partitions.get_mut(&partition) {
                *next = (leader != NodeId::NONE).then_some(Next { epoch, committed_ns: at_ns, led_ns: None });
            }
        }
    }

    /// A topic is deleted, so its failovers end; returns what this completes.
    pub fn topic_removed(&mut self, topic_id: Uuid) -> Vec<Failover> {
        let topic = PartitionTag::from(TopicIdPartition { topic_id, partition: 0 }).topic;
        self.partitions.retain(|partition, _| partition.topic != topic);
        for struck in &mut self.struck {
            struck.partitions.retain(|partition, _| partition.topic != topic);
        }
        self.struck.retain(|struck| !struck.partitions.is_empty());
        self.complete()
    }

    /// A broker was fenced, or removed from a partition.
    pub fn fenced(&mut self, at_ns: u64, broker: NodeId) {
        for struck in self.struck.iter_mut().filter(|struck| struck.broker == broker) {
            struck.detected_ns.get_or_insert(at_ns);
        }
    }

    /// A broker has become leader of a partition; returns what this completes.
    pub fn became_leader(&mut self, at_ns: u64, partition: PartitionTag, epoch: LeaderEpoch) -> Vec<Failover> {
        for struck in &mut self.struck {
            if let Some(Some(next)) = struck.partitions.get_mut(&partition)
                && next.epoch == epoch
            {
                next.led_ns.get_or_insert(at_ns);
            }
        }
        self.complete()
    }

    /// The run is over; returns the failovers of which some partition has no leader yet.
    pub fn finish(&mut self, at_ns: u64) -> Vec<Failover> {
        self.struck
            .drain(..)
            .map(|struck| Failover::at_least(FailoverKind::Partition, struck.at_ns, struck.cause, at_ns))
            .collect()
    }

    fn complete(&mut self) -> Vec<Failover> {
        let mut done = Vec::new();
        self.struck.retain(|struck| {
            let failover = struck.failover();
            let goes_on = failover.is_none();
            done.extend(failover);
            goes_on
        });
        done
    }
}

impl Struck {
    /// Once the last partition has a leader again; the phases are those of that partition.
    fn failover(&self) -> Option<Failover> {
        let detected_ns = self.detected_ns?;
        let mut last = (0, 0);
        for next in self.partitions.values() {
            let next = (*next)?;
            last = last.max((next.led_ns?, next.committed_ns));
        }
        let (led_ns, committed_ns) = last;
        let detected_ns = detected_ns.min(committed_ns);
        Some(Failover {
            kind: FailoverKind::Partition,
            at_ns: self.at_ns,
            cause: self.cause.to_owned(),
            total_ns: led_ns - self.at_ns,
            ended: true,
            phases: vec![
                ("detect", detected_ns - self.at_ns),
                ("elect", committed_ns - detected_ns),
                ("led", led_ns - committed_ns),
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(partition: i32) -> PartitionTag {
        PartitionTag { topic: 3, partition }
    }

    #[test]
    fn it_ends_when_the_last_partition_is_led_again() {
        let mut failovers = PartitionFailovers::default();
        for (number, leader) in [(0, 1), (1, 1), (2, 2)] {
            failovers.leader(1, of(number), NodeId(leader), LeaderEpoch(0));
        }
        assert!(!failovers.struck(10, NodeId(3), "kill"));
        assert!(failovers.struck(10, NodeId(1), "kill"));
        failovers.fenced(100, NodeId(1));
        failovers.leader(110, of(0), NodeId(2), LeaderEpoch(1));
        failovers.leader(110, of(1), NodeId::NONE, LeaderEpoch(1));
        assert!(failovers.became_leader(120, of(0), LeaderEpoch(1)).is_empty());
        failovers.leader(130, of(1), NodeId(2), LeaderEpoch(2));
        assert!(failovers.became_leader(135, of(1), LeaderEpoch(1)).is_empty(), "of an older epoch");
        let done = failovers.became_leader(140, of(1), LeaderEpoch(2));
        assert_eq!(done.len(), 1);
        assert_eq!(done[0].phases, [("detect", 90), ("elect", 30), ("led", 10)]);
    }

    #[test]
    fn a_broker_that_keeps_what_it_led_has_lived_through_it() {
        let mut failovers = PartitionFailovers::default();
        failovers.leader(1, of(0), NodeId(1), LeaderEpoch(0));
        failovers.struck(10, NodeId(1), "pause");
        assert!(failovers.lifted(NodeId(1)).is_empty());
        failovers.fenced(100, NodeId(1));
        failovers.leader(110, of(0), NodeId(2), LeaderEpoch(1));
        assert!(failovers.became_leader(120, of(0), LeaderEpoch(1)).is_empty());
        assert!(failovers.finish(200).is_empty());
    }

    #[test]
    fn a_broker_that_loses_one_of_two_has_lived_through_it_with_the_other() {
        let mut failovers = PartitionFailovers::default();
        failovers.leader(1, of(0), NodeId(1), LeaderEpoch(0));
        failovers.leader(1, of(1), NodeId(1), LeaderEpoch(0));
        failovers.struck(10, NodeId(1), "pause");
        failovers.leader(110, of(0), NodeId::NONE, LeaderEpoch(1));
        assert!(failovers.lifted(NodeId(1)).is_empty());
        let unended = failovers.finish(200);
        assert_eq!(unended.iter().map(|gap| (gap.total_ns, gap.ended)).collect::<Vec<_>>(), [(190, false)]);

        failovers.struck(205, NodeId(1), "kill");
        assert_eq!(failovers.finish(207).len(), 1, "nobody has seen it yet");
        failovers.struck(210, NodeId(1), "pause");
        failovers.leader(250, of(0), NodeId(2), LeaderEpoch(2));
        failovers.leader(250, of(1), NodeId(2), LeaderEpoch(1));
        assert!(failovers.became_leader(260, of(0), LeaderEpoch(2)).is_empty(), "it did not lead that one");
        assert_eq!(failovers.became_leader(270, of(1), LeaderEpoch(1))[0].total_ns, 60);
    }
}
