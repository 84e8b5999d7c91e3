//! What a replay touched: publishers look there, and nowhere else.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::ConfigResource;
use crate::ids::{NodeId, TopicIdPartition, Uuid};

/// Which entities records named; what became of them is in the image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataChanges {
    /// Names of features.
    pub features: BTreeSet<Rc<str>>,
    /// Brokers that registered, changed or left.
    pub brokers: BTreeSet<NodeId>,
    /// Controllers that registered or left.
    pub controllers: BTreeSet<NodeId>,
    /// Topics that are new or have changed, and the partitions that were set.
    pub topics: BTreeMap<Uuid, BTreeSet<i32>>,
    /// Topics that are gone.
    pub deleted_topics: BTreeSet<Uuid>,
    /// Resources of which a config was set or deleted.
    pub configs: BTreeSet<ConfigResource>,
    /// A block of producer ids was taken.
    pub producer_ids: bool,
}

impl MetadataChanges {
    /// Nothing at all?
    pub fn is_empty(&self) -> bool {
        *self == MetadataChanges::default()
    }

    /// Notes a partition.
    pub(super) fn partition(&mut self, id: TopicIdPartition) {
        self.topics.entry(id.topic_id).or_default().insert(id.partition);
    }

    /// Partitions that were set, by topic id and number.
    pub fn partitions(&self) -> impl Iterator<Item = TopicIdPartition> + '_ {
        self.topics.iter().flat_map(|(topic_id, numbers)| {
            numbers.iter().map(|partition| TopicIdPartition { topic_id: *topic_id, partition: *partition })
        })
    }
}
