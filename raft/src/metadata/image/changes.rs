//! The entities that a replay changed, for publishers.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::ConfigResource;
use crate::ids::{NodeId, TopicIdPartition, Uuid};

/// The entities that records named; their new state is in the image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataChanges {
    pub features: BTreeSet<Rc<str>>,
    /// Brokers that registered, changed or unregistered.
    pub brokers: BTreeSet<NodeId>,
    /// Controllers that registered or unregistered.
    pub controllers: BTreeSet<NodeId>,
    /// Topics that are new or have changed, and the partitions that were set.
    pub topics: BTreeMap<Uuid, BTreeSet<i32>>,
    pub deleted_topics: BTreeSet<Uuid>,
    /// Resources of which a config was set or deleted.
    pub configs: BTreeSet<ConfigResource>,
    /// A block of producer ids was allocated.
    pub producer_ids: bool,
}

impl MetadataChanges {
    pub fn is_empty(&self) -> bool {
        *self == MetadataChanges::default()
    }

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
