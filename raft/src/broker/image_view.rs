//! The broker's view of the published metadata image, and of deltas as it applies them (controller-broker.md §5.5,
//! §5.6).

use std::rc::Rc;

use super::config::BrokerConfig;
use super::view::{BrokerView, ClusterView, PartitionView, TopicView, TopicsDelta};
use crate::ids::{NodeId, TopicIdPartition, Uuid};
use crate::message::data::LeaderIdAndEpoch;
use crate::metadata::image::{BrokerRegistration, ConfigResourceType, PartitionRegistration, TopicImage};
use crate::metadata::{MetadataDelta, MetadataImage};

/// The listener that clients and brokers use.
pub const LISTENER: &str = "PLAINTEXT";

/// An image, and the broker that reads it.
#[derive(Clone, Debug)]
pub struct ImageView {
    image: Rc<MetadataImage>,
    node_id: NodeId,
    /// The broker's own `min.insync.replicas`.
    min_insync_replicas: i32,
}

impl ImageView {
    /// No image is published yet.
    pub fn empty(config: &BrokerConfig) -> ImageView {
        ImageView { image: Rc::default(), node_id: config.node_id, min_insync_replicas: config.min_insync_replicas }
    }

    /// Publishes the next image.
    pub fn set(&mut self, image: Rc<MetadataImage>) {
        self.image = image;
    }

    pub fn image(&self) -> &Rc<MetadataImage> {
        &self.image
    }

    /// Whether the image assigns this partition to this broker.
    pub fn is_assigned(&self, partition: TopicIdPartition) -> bool {
        self.image.topics().partition(partition).is_some_and(|found| found.has_replica(self.node_id))
    }

    /// The partition changes of a delta; this image must include the delta.
    pub fn topics_delta(&self, delta: &MetadataDelta) -> TopicsDelta {
        let (changes, before) = (delta.changes(), delta.base().topics());
        let mut topics = TopicsDelta::default();
        for id in changes.partitions() {
            let Some(topic) = self.image.topics().topic(id.topic_id) else { continue };
            let Some(found) = topic.partitions.get(&id.partition) else { continue };
            let same = |before: &Rc<PartitionRegistration>| before.partition_epoch == found.partition_epoch;
            if !delta.partition_before(id).is_some_and(same) {
                topics.changed.push(partition_view(topic, id.partition, found, self.min_isr(&topic.name)));
            }
        }
        for topic_id in &changes.deleted_topics {
            let partitions = before.topic(*topic_id).into_iter().flat_map(|topic| topic.partitions.keys());
            topics.removed.extend(partitions.map(|n| TopicIdPartition { topic_id: *topic_id, partition: *n }));
        }
        topics
    }

    /// Topics whose `min.insync.replicas` a delta may have changed, with the new values.
    pub fn changed_min_insync_replicas(&self, delta: &MetadataDelta) -> Vec<(Uuid, i32)> {
        let configs = &delta.changes().configs;
        let all = configs.iter().any(|resource| resource.resource_type == ConfigResourceType::Broker);
        let topics = self.image.topics();
        if all {
            return topics.topics_by_id().values().map(|topic| (topic.id, self.min_isr(&topic.name))).collect();
        }
        let named = configs.iter().filter_map(|resource| topics.topic_by_name(&resource.name));
        named.map(|topic| (topic.id, self.min_isr(&topic.name))).collect()
    }

    fn min_isr(&self, topic: &str) -> i32 {
        self.image.configs().min_insync_replicas(topic, self.node_id, self.min_insync_replicas)
    }
}

fn partition_view(
    topic: &TopicImage,
    number: i32,
    found: &PartitionRegistration,
    min_insync_replicas: i32,
) -> PartitionView {
    PartitionView {
        partition: TopicIdPartition { topic_id: topic.id, partition: number },
        topic: Rc::clone(&topic.name),
        replicas: Rc::clone(&found.replicas),
        isr: Rc::clone(&found.isr),
        leader: found.leader.known(),
        leader_epoch: found.leader_epoch,
        partition_epoch: found.partition_epoch,
        min_insync_replicas,
    }
}

fn broker_view(found: &BrokerRegistration) -> BrokerView {
    BrokerView {
        id: found.id,
        epoch: found.epoch,
        fenced: found.fenced,
        in_controlled_shutdown: found.in_controlled_shutdown,
        has_listener: found.listener(LISTENER).is_some(),
    }
}

impl ClusterView for ImageView {
    fn broker(&self, id: NodeId) -> Option<BrokerView> {
        self.image.cluster().broker(id).map(|found| broker_view(found))
    }

    fn brokers(&self) -> Vec<BrokerView> {
        self.image.cluster().brokers().values().map(|found| broker_view(found)).collect()
    }

    fn is_elr_enabled(&self) -> bool {
        self.image.features().is_elr_enabled()
    }

    fn has_topic(&self, topic_id: Uuid) -> bool {
        self.image.topics().topic(topic_id).is_some()
    }

    fn leader_of(&self, partition: TopicIdPartition) -> Option<LeaderIdAndEpoch> {
        let found = self.image.topics().partition(partition)?;
        Some(LeaderIdAndEpoch { leader_id: found.leader, leader_epoch: found.leader_epoch })
    }

    fn topic(&self, name: &str) -> Option<TopicView> {
        let topic = self.image.topics().topic_by_name(name)?;
        let min_isr = self.min_isr(name);
        let partitions = topic.partitions.iter().map(|(number, found)| partition_view(topic, *number, found, min_isr));
        Some(TopicView { name: Rc::clone(&topic.name), id: topic.id, partitions: partitions.collect() })
    }

    fn topic_names(&self) -> Vec<Rc<str>> {
        self.image.topics().ids_by_name().keys().cloned().collect()
    }
}
