//! Kafka's `BrokersToElrs`: which partitions have a broker in their ELR.

use std::collections::BTreeMap;

use crate::ids::{NodeId, TopicIdPartition, Uuid};

/// Of each broker and topic: the partitions, in the order in which they were added. After a ClearElr record some are
/// listed that have no ELR any more, or twice ([`Fix::ClearIndexOfElr`](crate::fixes::Fix::ClearIndexOfElr)).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct BrokersToElrs {
    elr_members: BTreeMap<NodeId, BTreeMap<Uuid, Vec<i32>>>,
}

impl BrokersToElrs {
    /// The ELR of a partition has changed.
    pub fn update(&mut self, partition: TopicIdPartition, before: &[NodeId], after: &[NodeId]) -> Result<(), String> {
        for left in before.iter().filter(|member| !after.contains(member)) {
            self.remove(*left, partition)?;
        }
        for joined in after.iter().filter(|member| !before.contains(member)) {
            let topics = self.elr_members.entry(*joined).or_default();
            topics.entry(partition.topic_id).or_default().push(partition.partition);
        }
        Ok(())
    }

    pub fn remove_topic_entry_for_broker(&mut self, topic_id: Uuid, broker: NodeId) {
        if let Some(topics) = self.elr_members.get_mut(&broker) {
            topics.remove(&topic_id);
        }
    }

    /// A partition that is listed twice goes, and as often as it was listed once too much partition 0 takes its place:
    /// Kafka copies the others into an array that is shorter by one.
    fn remove(&mut self, broker: NodeId, removed: TopicIdPartition) -> Result<(), String> {
        let absent = || format!("broker {broker} has no entry in elrMembers for {removed}");
        let topics = self.elr_members.get_mut(&broker).ok_or_else(absent)?;
        let partitions = topics.get_mut(&removed.topic_id).ok_or_else(absent)?;
        let count = partitions.len();
        partitions.retain(|partition| *partition != removed.partition);
        if partitions.len() == count {
            return Err(absent());
        }
        partitions.resize(count - 1, 0);
        if partitions.is_empty() {
            topics.remove(&removed.topic_id);
        }
        if topics.is_empty() {
            self.elr_members.remove(&broker);
        }
        Ok(())
    }

    pub fn partitions_with_broker_in_elr(&self, broker: NodeId) -> impl Iterator<Item = TopicIdPartition> + '_ {
        let topics = self.elr_members.get(&broker).into_iter().flatten();
        topics.flat_map(|(topic_id, partitions)| {
            partitions.iter().map(|partition| TopicIdPartition { topic_id: *topic_id, partition: *partition })
        })
    }
}
