//! Topics and their partitions (controller-broker.md §1.2, §4.0).

use std::rc::Rc;

use super::ReplayError;
use super::digest::{EntityKind, entity_hash};
use super::partition::PartitionRegistration;
use super::shared_map::SharedMap;
use crate::ids::{NodeId, TopicIdPartition, Uuid};
use crate::metadata::records::{ClearElr, NO_LEADER_CHANGE, Partition, PartitionChange, Topic};

/// Kafka's `TopicImage`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicImage {
    pub name: Rc<str>,
    pub id: Uuid,
    /// By number.
    pub partitions: SharedMap<i32, Rc<PartitionRegistration>>,
}

/// Kafka's `TopicsImage`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicsImage {
    by_id: SharedMap<Uuid, Rc<TopicImage>>,
    by_name: SharedMap<Rc<str>, Uuid>,
    digest: u64,
}

impl TopicsImage {
    /// All topics by id.
    pub fn topics_by_id(&self) -> &SharedMap<Uuid, Rc<TopicImage>> {
        &self.by_id
    }

    /// Ids of all topics by name.
    pub fn ids_by_name(&self) -> &SharedMap<Rc<str>, Uuid> {
        &self.by_name
    }

    pub fn topic(&self, id: Uuid) -> Option<&Rc<TopicImage>> {
        self.by_id.get(&id)
    }

    pub fn topic_by_name(&self, name: &str) -> Option<&Rc<TopicImage>> {
        self.by_id.get(self.by_name.get(name)?)
    }

    pub fn partition(&self, id: TopicIdPartition) -> Option<&Rc<PartitionRegistration>> {
        self.topic(id.topic_id)?.partitions.get(&id.partition)
    }

    /// All partitions, by topic id and number.
    pub fn partitions(&self) -> impl Iterator<Item = (TopicIdPartition, &Rc<PartitionRegistration>)> + '_ {
        self.by_id.values().flat_map(|topic| {
            let named = |number: i32| TopicIdPartition { topic_id: topic.id, partition: number };
            topic.partitions.iter().map(move |(number, registration)| (named(*number), registration))
        })
    }

    pub(super) fn digest(&self) -> u64 {
        self.digest
    }

    pub(super) fn create(&mut self, record: &Topic) -> Result<(), ReplayError> {
        let (name, id) = (&record.name, record.topic_id);
        if self.by_name.contains_key(&**name) || self.by_id.contains_key(&id) {
            return Err(ReplayError::TopicExists { name: Rc::clone(name), id });
        }
        self.by_name.insert(Rc::clone(name), id);
        let topic = TopicImage { name: Rc::clone(name), id, partitions: SharedMap::default() };
        self.digest = self.digest.wrapping_add(topic_hash(&topic));
        self.by_id.insert(id, Rc::new(topic));
        Ok(())
    }

    /// Returns the removed topic.
    pub(super) fn remove(&mut self, id: Uuid) -> Result<Rc<TopicImage>, ReplayError> {
        let topic = self.by_id.remove(&id).ok_or(ReplayError::UnknownTopic(id))?;
        self.by_name.remove(&*topic.name);
        self.digest = self.digest.wrapping_sub(topic_hash(&topic));
        for (number, registration) in topic.partitions.iter() {
            self.digest = self.digest.wrapping_sub(partition_hash(id, *number, registration));
        }
        Ok(topic)
    }

    /// Restores a topic, unless it exists.
    pub(super) fn restore(&mut self, topic: &Rc<TopicImage>) {
        if self.by_id.contains_key(&topic.id) {
            return;
        }
        self.digest = self.digest.wrapping_add(topic_hash(topic));
        for (number, registration) in topic.partitions.iter() {
            self.digest = self.digest.wrapping_add(partition_hash(topic.id, *number, registration));
        }
        self.by_name.insert(Rc::clone(&topic.name), topic.id);
        self.by_id.insert(topic.id, Rc::clone(topic));
    }

    pub(super) fn set_partition(&mut self, record: &Partition) -> Result<TopicIdPartition, ReplayError> {
        let registration = PartitionRegistration::from_record(record)?;
        if !self.by_id.contains_key(&record.topic_id) {
            return Err(ReplayError::UnknownTopic(record.topic_id));
        }
        let id = TopicIdPartition { topic_id: record.topic_id, partition: record.partition_id };
        self.put(id, registration);
        Ok(id)
    }

    pub(super) fn change_partition(&mut self, change: &PartitionChange) -> Result<TopicIdPartition, ReplayError> {
        let id = TopicIdPartition { topic_id: change.topic_id, partition: change.partition_id };
        if !self.by_id.contains_key(&id.topic_id) {
            return Err(ReplayError::UnknownTopic(id.topic_id));
        }
        let merged = self.partition(id).ok_or(ReplayError::UnknownPartition(id))?.merge(change)?;
        self.put(id, merged);
        Ok(id)
    }

    /// Empties ELR and last known ELR of a topic's partitions, or of all; each partition that had any gets a new
    /// partition epoch. Returns those.
    pub(super) fn clear_elr(&mut self, record: &ClearElr) -> Result<Vec<TopicIdPartition>, ReplayError> {
        let has_elr = |registration: &PartitionRegistration| {
            !registration.elr.is_empty() || !registration.last_known_elr.is_empty()
        };
        let only = if record.topic_name.is_empty() {
            None
        } else {
            let unknown = || ReplayError::UnknownTopicName(Rc::clone(&record.topic_name));
            Some(*self.by_name.get(&*record.topic_name).ok_or_else(unknown)?)
        };
        let topics = self.by_id.values().filter(|topic| only.is_none_or(|only| topic.id == only));
        let mut cleared = Vec::new();
        for topic in topics {
            for (number, registration) in topic.partitions.iter().filter(|(_, registration)| has_elr(registration)) {
                let id = TopicIdPartition { topic_id: topic.id, partition: *number };
                cleared.push((id, registration.merge(&no_elr(id))?));
            }
        }
        let ids = cleared.iter().map(|(id, _)| *id).collect();
        for (id, registration) in cleared {
            self.put(id, registration);
        }
        Ok(ids)
    }

    /// Sets a partition of an existing topic.
    fn put(&mut self, id: TopicIdPartition, registration: PartitionRegistration) {
        let Some(topic) = self.by_id.get_mut(&id.topic_id) else { return };
        let hash = partition_hash(id.topic_id, id.partition, &registration);
        self.digest = self.digest.wrapping_add(hash);
        if let Some(old) = Rc::make_mut(topic).partitions.insert(id.partition, Rc::new(registration)) {
            self.digest = self.digest.wrapping_sub(partition_hash(id.topic_id, id.partition, &old));
        }
    }
}

/// The change that empties ELR and last known ELR.
pub(crate) fn no_elr(id: TopicIdPartition) -> PartitionChange {
    let none: Rc<[NodeId]> = Rc::new([]);
    PartitionChange {
        partition_id: id.partition,
        topic_id: id.topic_id,
        isr: None,
        leader: NO_LEADER_CHANGE,
        replicas: None,
        removing_replicas: None,
        adding_replicas: None,
        leader_recovery_state: super::LeaderRecoveryState::NO_CHANGE,
        eligible_leader_replicas: Some(Rc::clone(&none)),
        last_known_elr: Some(none),
        directories: None,
    }
}

fn topic_hash(topic: &TopicImage) -> u64 {
    entity_hash(EntityKind::Topic, &topic.id, &topic.name)
}

fn partition_hash(topic_id: Uuid, partition: i32, registration: &PartitionRegistration) -> u64 {
    entity_hash(EntityKind::Partition, &TopicIdPartition { topic_id, partition }, registration)
}
