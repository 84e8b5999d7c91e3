//! Failover of partitions: from the fault that struck a broker until all partitions that it led are
//! led again.

use std::collections::BTreeMap;

use raft::broker::observation::PartitionTag;
use raft::ids::{LeaderEpoch, NodeId, TopicIdPartition, Uuid};
use raft::metadata::MetadataRecord;
use raft::metadata::records::NO_LEADER_CHANGE;

use crate::report::{Failover, FailoverKind};

/// Who leads, by committed metadata.
#[derive(Clone, Copy, Debug)]
struct Led {
    leader: NodeId,
    epoch: LeaderEpoch,
}

/// How far the next leader of a partition has come.
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
    /// When it was fenced, or was first relieved of a partition.
    detected_ns: Option<u64>,
    /// The partitions it led, and who leads them next.
    partitions: BTreeMap<PartitionTag, Option<Next>>,
}

/// Samples failovers of partitions, one for each broker that was struck.
#[derive(Clone, Debug, Default)]
pub struct PartitionFailovers {
    partitions: BTreeMap<PartitionTag, Led>,
    struck: Vec<Struck>,
}

fn tag(topic_id: Uuid, partition: i32) -> PartitionTag {
    TopicIdPartition { topic_id, partition }.into()
}

impl PartitionFailovers {
    /// A fault hits a broker. Says whether it leads anything, and so begins a failover.
    pub fn struck(&mut self, at_ns: u64, broker: NodeId, cause: &'static str) -> bool {
        let led = self.partitions.iter().filter(|(_, led)| led.leader == broker);
        let partitions: BTreeMap<_, _> = led.map(|(partition, _)| (*partition, None)).collect();
        if partitions.is_empty() || self.struck.iter().any(|struck| struck.broker == broker) {
            return false;
        }
        self.struck.push(Struck { at_ns, broker, cause, detected_ns: None, partitions });
        true
    }

    /// The fault is over, and the broker still leads all that it led: it lived through it.
    pub fn lifted(&mut self, broker: NodeId) {
        self.struck.retain(|struck| struck.broker != broker || struck.detected_ns.is_some());
    }

    /// A metadata record was committed; gives what is complete by that.
    pub fn metadata(&mut self, at_ns: u64, record: &MetadataRecord) -> Vec<Failover> {
        match record {
            MetadataRecord::BrokerRegistrationChange(change) if change.fenced == 1 => {
                self.detected(at_ns, change.broker_id);
            }
            MetadataRecord::Partition(record) => {
                let led = Led { leader: record.leader, epoch: record.leader_epoch };
                self.partitions.insert(tag(record.topic_id, record.partition_id), led);
            }
            MetadataRecord::PartitionChange(change) if change.leader != NO_LEADER_CHANGE => {
                self.changed(at_ns, tag(change.topic_id, change.partition_id), change.leader);
            }
            MetadataRecord::RemoveTopic(removed) => {
                let topic = tag(removed.topic_id, 0).topic;
                self.partitions.retain(|partition, _| partition.topic != topic);
                for struck in &mut self.struck {
                    struck.partitions.retain(|partition, _| partition.topic != topic);
                }
                self.struck.retain(|struck| !struck.partitions.is_empty());
            }
            _ => return Vec::new(),
        }
        self.complete()
    }

    fn detected(&mut self, at_ns: u64, broker: NodeId) {
        for struck in self.struck.iter_mut().filter(|struck| struck.broker == broker) {
            struck.detected_ns.get_or_insert(at_ns);
        }
    }

    fn changed(&mut self, at_ns: u64, partition: PartitionTag, leader: NodeId) {
        let Some(led) = self.partitions.get_mut(&partition) else { return };
        let before = led.leader;
        *led = Led { leader, epoch: LeaderEpoch(led.epoch.0 + 1) };
        let epoch = led.epoch;
        if leader != before {
            self.detected(at_ns, before);
        }
        for struck in &mut self.struck {
            if let Some(next) = struck.partitions.get_mut(&partition) {
                *next = (leader != NodeId::NONE).then_some(Next { epoch, committed_ns: at_ns, led_ns: None });
            }
        }
    }

    /// A broker has made itself leader; gives what is complete by that.
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
    /// Once the last partition is led again; its phases are those of that one.
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
    use std::rc::Rc;

    use raft::ids::{BrokerEpoch, PartitionEpoch};
    use raft::metadata::records::{BrokerRegistrationChange, Partition, PartitionChange};

    use super::*;

    const TOPIC: Uuid = Uuid([3; 16]);

    fn partition(partition_id: i32, leader: i32) -> MetadataRecord {
        MetadataRecord::Partition(Partition {
            partition_id,
            topic_id: TOPIC,
            replicas: Rc::from([NodeId(1), NodeId(2)]),
            isr: Rc::from([NodeId(1), NodeId(2)]),
            removing_replicas: Rc::from([]),
            adding_replicas: Rc::from([]),
            leader: NodeId(leader),
            leader_recovery_state: 0,
            leader_epoch: LeaderEpoch(0),
            partition_epoch: PartitionEpoch(0),
            directories: Rc::from([]),
            eligible_leader_replicas: None,
            last_known_elr: None,
        })
    }

    fn change(partition_id: i32, leader: i32) -> MetadataRecord {
        MetadataRecord::PartitionChange(PartitionChange {
            partition_id,
            topic_id: TOPIC,
            isr: None,
            leader: NodeId(leader),
            replicas: None,
            removing_replicas: None,
            adding_replicas: None,
            leader_recovery_state: -1,
            eligible_leader_replicas: None,
            last_known_elr: None,
            directories: None,
        })
    }

    fn fenced(broker: i32) -> MetadataRecord {
        MetadataRecord::BrokerRegistrationChange(BrokerRegistrationChange {
            broker_id: NodeId(broker),
            broker_epoch: BrokerEpoch(1),
            fenced: 1,
            in_controlled_shutdown: 0,
            log_dirs: Rc::from([]),
            cordoned_log_dirs: None,
        })
    }

    #[test]
    fn it_ends_when_the_last_partition_is_led_again() {
        let mut failovers = PartitionFailovers::default();
        for (number, leader) in [(0, 1), (1, 1), (2, 2)] {
            failovers.metadata(1, &partition(number, leader));
        }
        assert!(!failovers.struck(10, NodeId(3), "kill"));
        assert!(failovers.struck(10, NodeId(1), "kill"));
        failovers.metadata(100, &fenced(1));
        failovers.metadata(110, &change(0, 2));
        failovers.metadata(110, &change(1, -1));
        assert!(failovers.became_leader(120, tag(TOPIC, 0), LeaderEpoch(1)).is_empty());
        failovers.metadata(130, &change(1, 2));
        assert!(failovers.became_leader(135, tag(TOPIC, 1), LeaderEpoch(1)).is_empty(), "of an older epoch");
        let done = failovers.became_leader(140, tag(TOPIC, 1), LeaderEpoch(2));
        assert_eq!(done.len(), 1);
        assert_eq!(done[0].phases, [("detect", 90), ("elect", 30), ("led", 10)]);
    }

    #[test]
    fn a_broker_that_keeps_what_it_led_has_lived_through_it() {
        let mut failovers = PartitionFailovers::default();
        failovers.metadata(1, &partition(0, 1));
        failovers.struck(10, NodeId(1), "pause");
        failovers.lifted(NodeId(1));
        failovers.metadata(100, &fenced(1));
        failovers.metadata(110, &change(0, 2));
        assert!(failovers.became_leader(120, tag(TOPIC, 0), LeaderEpoch(1)).is_empty());
    }
}
