//! Topics, partitions, and the indexes over them, all derived during replay (controller-broker.md §4.0).
//!
//! There is no index of directories: they seldom go offline, and a scan finds their replicas. There is none of
//! reassigning partitions, because reassignment is not modelled.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::brokers_to_elrs::BrokersToElrs;
use crate::fixes::{Fix, Fixes};
use crate::ids::{NodeId, TopicIdPartition, Uuid};
use crate::metadata::image::PartitionRegistration;
use crate::metadata::records::{self, ClearElr, PartitionChange, RemoveTopic};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    pub name: Rc<str>,
    /// By index.
    pub partitions: BTreeMap<i32, PartitionRegistration>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicState {
    ids: BTreeMap<Rc<str>, Uuid>,
    topics: BTreeMap<Uuid, Topic>,
    /// Names with `.` or `_`, each after its normalised form.
    collisions: BTreeSet<(String, Rc<str>)>,
    /// Whether the ISR member leads. Leaderless partitions are those of "broker" -1.
    in_isr: BTreeMap<(NodeId, TopicIdPartition), bool>,
    in_elr: BrokersToElrs,
    /// Partitions whose leader is not the first replica.
    imbalanced: BTreeSet<TopicIdPartition>,
}

const FIRST: TopicIdPartition = TopicIdPartition { topic_id: Uuid([0; 16]), partition: i32::MIN };
const LAST: TopicIdPartition = TopicIdPartition { topic_id: Uuid([0xff; 16]), partition: i32::MAX };

impl TopicState {
    pub fn id_of(&self, name: &str) -> Option<Uuid> {
        self.ids.get(name).copied()
    }

    pub fn topic(&self, id: Uuid) -> Option<&Topic> {
        self.topics.get(&id)
    }

    pub fn iter(&self) -> impl Iterator<Item = (Uuid, &Topic)> {
        self.topics.iter().map(|(id, topic)| (*id, topic))
    }

    /// A topic with another name that differs from this one only in `.` and `_`.
    pub fn collides_with(&self, name: &str) -> Option<&Rc<str>> {
        let normalised = normalised(name)?;
        let first = (normalised.clone(), Rc::from(""));
        let same = self.collisions.range(first..).take_while(|(key, _)| *key == normalised);
        same.map(|(_, other)| other).find(|other| &***other != name)
    }

    /// Partitions with this broker in their ISR.
    pub fn with_in_isr(&self, broker: NodeId) -> impl Iterator<Item = TopicIdPartition> + '_ {
        self.in_isr.range((broker, FIRST)..=(broker, LAST)).map(|((_, partition), _)| *partition)
    }

    /// Partitions with this broker in their ELR, by the index, which may list others.
    pub fn with_in_elr(&self, broker: NodeId) -> impl Iterator<Item = TopicIdPartition> + '_ {
        self.in_elr.partitions_with_broker_in_elr(broker)
    }

    pub fn partitions(&self) -> impl Iterator<Item = (TopicIdPartition, &PartitionRegistration)> {
        self.topics.iter().flat_map(|(topic_id, topic)| {
            let of = |number: i32| TopicIdPartition { topic_id: *topic_id, partition: number };
            topic.partitions.iter().map(move |(number, partition)| (of(*number), partition))
        })
    }

    /// Partitions without a leader.
    pub fn leaderless(&self) -> impl Iterator<Item = TopicIdPartition> + '_ {
        self.with_in_isr(NodeId::NONE)
    }

    /// Whether this broker leads any partition.
    pub fn has_leaderships(&self, broker: NodeId) -> bool {
        self.in_isr.range((broker, FIRST)..=(broker, LAST)).any(|(_, leads)| *leads)
    }

    /// Partitions whose leader is not the preferred one.
    pub fn imbalanced(&self) -> impl Iterator<Item = TopicIdPartition> + '_ {
        self.imbalanced.iter().copied()
    }

    /// Partitions with a replica of `broker` in directory `dir`.
    pub fn in_directory(&self, broker: NodeId, dir: Uuid) -> impl Iterator<Item = TopicIdPartition> + '_ {
        self.topics.iter().flat_map(move |(topic_id, topic)| {
            let here = topic.partitions.iter().filter(move |(_, p)| p.directory(broker) == Some(dir));
            here.map(|(partition, _)| TopicIdPartition { topic_id: *topic_id, partition: *partition })
        })
    }

    pub(super) fn replay_topic(&mut self, record: &records::Topic) -> Result<(), String> {
        if self.ids.contains_key(&record.name) {
            return Err(format!("topic {:?} exists", record.name));
        }
        if self.topics.contains_key(&record.topic_id) {
            return Err(format!("topic id {} exists", record.topic_id));
        }
        self.ids.insert(Rc::clone(&record.name), record.topic_id);
        self.collisions.extend(normalised(&record.name).map(|key| (key, Rc::clone(&record.name))));
        self.topics.insert(record.topic_id, Topic { name: Rc::clone(&record.name), partitions: BTreeMap::new() });
        Ok(())
    }

    pub(super) fn replay_partition(&mut self, record: &records::Partition) -> Result<(), String> {
        let partition = TopicIdPartition { topic_id: record.topic_id, partition: record.partition_id };
        let new = PartitionRegistration::from_record(record).map_err(|refused| refused.to_string())?;
        self.set(partition, new)
    }

    pub(super) fn replay_partition_change(&mut self, record: &PartitionChange) -> Result<(), String> {
        let partition = TopicIdPartition { topic_id: record.topic_id, partition: record.partition_id };
        let old = self.topics.get(&record.topic_id).and_then(|topic| topic.partitions.get(&record.partition_id));
        let old = old.ok_or_else(|| format!("there is no partition {partition}"))?;
        let new = old.merge(record).map_err(|refused| refused.to_string())?;
        self.set(partition, new)
    }

    /// Returns the name of the removed topic.
    pub(super) fn replay_remove_topic(&mut self, record: &RemoveTopic) -> Result<Rc<str>, String> {
        let topic = self.topics.remove(&record.topic_id);
        let topic = topic.ok_or_else(|| format!("there is no topic {}", record.topic_id))?;
        self.ids.remove(&topic.name);
        if let Some(key) = normalised(&topic.name) {
            self.collisions.remove(&(key, Rc::clone(&topic.name)));
        }
        for (partition, registration) in &topic.partitions {
            let partition = TopicIdPartition { topic_id: record.topic_id, partition: *partition };
            self.forget(partition, registration);
            for member in registration.elr.iter() {
                self.in_elr.remove_topic_entry_for_broker(record.topic_id, *member);
            }
        }
        Ok(topic.name)
    }

    /// Applies the record as partition changes, so that the partition epoch is bumped where an ELR is cleared. Kafka does
    /// not update its index (§1.2, trap at record 28; `ReplicationControlManager.removeTopicElrs`).
    pub(super) fn replay_clear_elr(&mut self, record: &ClearElr, fixes: Fixes) -> Result<(), String> {
        let only = match &*record.topic_name {
            "" => None,
            name => Some(self.id_of(name).ok_or_else(|| format!("there is no topic {name:?}"))?),
        };
        let mut changes = Vec::new();
        for (topic_id, topic) in self.topics.iter().filter(|(id, _)| only.is_none_or(|only| only == **id)) {
            for (partition, registration) in &topic.partitions {
                if !registration.elr.is_empty() || !registration.last_known_elr.is_empty() {
                    changes.push(PartitionChange {
                        eligible_leader_replicas: Some(Rc::from([])),
                        last_known_elr: Some(Rc::from([])),
                        ..PartitionChange::nothing(TopicIdPartition { topic_id: *topic_id, partition: *partition })
                    });
                }
            }
        }
        if fixes.has(Fix::ClearIndexOfElr) {
            return changes.iter().try_for_each(|change| self.replay_partition_change(change));
        }
        for change in &changes {
            let topic = self.topics.get_mut(&change.topic_id);
            let partition = topic.and_then(|topic| topic.partitions.get_mut(&change.partition_id));
            if let Some(partition) = partition {
                *partition = partition.merge(change).map_err(|refused| refused.to_string())?;
            }
        }
        Ok(())
    }

    fn set(&mut self, partition: TopicIdPartition, new: PartitionRegistration) -> Result<(), String> {
        let topic = self.topics.get_mut(&partition.topic_id);
        let topic = topic.ok_or_else(|| format!("there is no topic {}", partition.topic_id))?;
        let old = topic.partitions.insert(partition.partition, new.clone());
        self.in_elr.update(partition, old.as_ref().map_or(&[], |old| &old.elr), &new.elr)?;
        if let Some(old) = old {
            self.forget(partition, &old);
        }
        for member in new.isr.iter() {
            self.in_isr.insert((*member, partition), *member == new.leader);
        }
        if !new.has_leader() {
            self.in_isr.insert((NodeId::NONE, partition), true);
        }
        if !new.has_preferred_leader() {
            self.imbalanced.insert(partition);
        }
        Ok(())
    }

    fn forget(&mut self, partition: TopicIdPartition, old: &PartitionRegistration) {
        for member in old.isr.iter().chain([&NodeId::NONE]) {
            self.in_isr.remove(&(*member, partition));
        }
        self.imbalanced.remove(&partition);
    }
}

/// `None` for names that cannot collide.
fn normalised(name: &str) -> Option<String> {
    name.contains(['.', '_']).then(|| name.replace('.', "_"))
}
