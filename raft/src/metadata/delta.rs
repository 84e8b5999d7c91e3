//! The difference between two images: replayed records, and their effect on the replicas of one broker
//! (controller-broker.md §5.4, §5.5).

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::image::{MetadataChanges, MetadataImage, MetadataProvenance, PartitionRegistration, ReplayError};
use super::records::MetadataRecord;
use crate::ids::{NodeId, TopicIdPartition, Uuid};

/// Kafka's `MetadataDelta`: an image, the records replayed on top of it, and the entities they changed.
#[derive(Clone, Debug)]
pub struct MetadataDelta {
    base: Rc<MetadataImage>,
    /// The result of the replay on `base`; they share unchanged parts.
    next: MetadataImage,
    changes: MetadataChanges,
    of_snapshot: bool,
}

/// What a delta changes for the replicas of one broker (Kafka's `LocalReplicaChanges`). They are
/// applied in the order of the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalReplicaChanges {
    /// The broker no longer has a replica: the topic was deleted, or the broker left the replica list.
    pub deletes: BTreeSet<TopicIdPartition>,
    /// The broker leads, and the partition epoch has changed.
    pub leaders: BTreeMap<TopicIdPartition, Rc<PartitionRegistration>>,
    /// Those of `leaders` whose leader epoch has changed.
    pub elected_leaders: BTreeSet<TopicIdPartition>,
    /// The broker has a replica, does not lead, and the partition epoch has changed.
    pub followers: BTreeMap<TopicIdPartition, Rc<PartitionRegistration>>,
}

impl MetadataDelta {
    /// An empty delta on top of `base`.
    pub fn new(base: Rc<MetadataImage>) -> MetadataDelta {
        MetadataDelta {
            next: MetadataImage::clone(&base),
            base,
            changes: MetadataChanges::default(),
            of_snapshot: false,
        }
    }

    /// The delta from the empty image to `image`: the first one of a new publisher.
    pub fn from_empty(image: &MetadataImage) -> MetadataDelta {
        let (features, cluster) = (image.features(), image.cluster());
        let mut names: BTreeSet<Rc<str>> = features.finalized().keys().cloned().collect();
        if features.metadata_version().is_some() {
            names.insert(super::MetadataVersion::FEATURE_NAME.into());
        }
        let topics = image.topics().topics_by_id().iter();
        let changes = MetadataChanges {
            features: names,
            brokers: cluster.brokers().keys().copied().collect(),
            controllers: cluster.controllers().keys().copied().collect(),
            topics: topics.map(|(id, topic)| (*id, topic.partitions.keys().copied().collect())).collect(),
            deleted_topics: BTreeSet::new(),
            configs: image.configs().resources().keys().cloned().collect(),
            producer_ids: image.next_producer_id().0 > 0,
        };
        MetadataDelta { base: Rc::default(), next: image.clone(), changes, of_snapshot: false }
    }

    /// The delta from `base` to the image of a snapshot: what the snapshot lacks is deleted (`finishSnapshot`).
    pub fn to_snapshot(base: Rc<MetadataImage>, next: MetadataImage) -> MetadataDelta {
        let before = MetadataDelta::from_empty(&base).changes;
        let delta = MetadataDelta::from_empty(&next);
        let mut changes = delta.changes;
        changes.features.extend(before.features);
        changes.brokers.extend(before.brokers);
        changes.controllers.extend(before.controllers);
        changes.configs.extend(before.configs);
        changes.producer_ids |= before.producer_ids;
        let is_gone = |topic_id: &Uuid| !changes.topics.contains_key(topic_id);
        changes.deleted_topics = before.topics.keys().filter(|topic_id| is_gone(topic_id)).copied().collect();
        MetadataDelta { base, next, changes, of_snapshot: true }
    }

    /// The image before the delta.
    pub fn base(&self) -> &Rc<MetadataImage> {
        &self.base
    }

    /// A changed partition before the delta. To a snapshot all partitions are new: it has a record of each topic, and that
    /// begins with an empty `TopicImage` (`TopicsDelta.replay`).
    pub fn partition_before(&self, id: TopicIdPartition) -> Option<&Rc<PartitionRegistration>> {
        if self.of_snapshot { None } else { self.base.topics().partition(id) }
    }

    /// The changed entities. A topic that was created and removed in the delta is not included.
    pub fn changes(&self) -> &MetadataChanges {
        &self.changes
    }

    /// Applies one record; an error leaves the delta unchanged ([`MetadataImage::replay`]).
    pub fn replay(&mut self, record: &MetadataRecord) -> Result<(), ReplayError> {
        self.next.replay(record, &mut self.changes)?;
        if let MetadataRecord::RemoveTopic(removed) = record
            && !self.base.topics().topics_by_id().contains_key(&removed.topic_id)
        {
            self.changes.deleted_topics.remove(&removed.topic_id);
        }
        Ok(())
    }

    /// KAFKA-19383: restores a topic of the base that was deleted, or all of them if the name is empty.
    pub(super) fn restore_deleted(&mut self, name: &str) {
        for topic_id in &self.changes.deleted_topics {
            let topic = self.base.topics().topic(*topic_id);
            if let Some(topic) = topic.filter(|topic| name.is_empty() || &*topic.name == name) {
                self.next.restore(topic);
            }
        }
    }

    /// The image after the delta, with this provenance.
    pub fn apply(&self, provenance: MetadataProvenance) -> Rc<MetadataImage> {
        Rc::new(self.next.clone().at(provenance))
    }

    /// The changes of the replicas of `broker`.
    pub fn local_changes(&self, broker: NodeId) -> LocalReplicaChanges {
        let mut local = LocalReplicaChanges::default();
        for topic_id in &self.changes.deleted_topics {
            let Some(topic) = self.base.topics().topic(*topic_id) else { continue };
            let held = topic.partitions.iter().filter(|(_, partition)| partition.has_replica(broker));
            local.deletes.extend(held.map(|(number, _)| TopicIdPartition { topic_id: *topic_id, partition: *number }));
        }
        for id in self.changes.partitions() {
            let Some(partition) = self.next.topics().partition(id) else { continue };
            let before = self.partition_before(id);
            if !partition.has_replica(broker) {
                if before.is_some_and(|before| before.has_replica(broker)) {
                    local.deletes.insert(id);
                }
            } else if before.is_some_and(|before| before.partition_epoch == partition.partition_epoch) {
                continue;
            } else if partition.leader == broker {
                local.leaders.insert(id, Rc::clone(partition));
                if before.is_none_or(|before| before.leader_epoch != partition.leader_epoch) {
                    local.elected_leaders.insert(id);
                }
            } else {
                local.followers.insert(id, Rc::clone(partition));
            }
        }
        local
    }
}
