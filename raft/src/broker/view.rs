//! The part of the metadata image and its deltas that the broker reads: the image implements [`ClusterView`], the
//! publisher makes [`TopicsDelta`]s (controller-broker.md §5.5, §5.6).

use std::rc::Rc;

use crate::ids::{BrokerEpoch, LeaderEpoch, NodeId, PartitionEpoch, TopicIdPartition, Uuid};
use crate::message::data::LeaderIdAndEpoch;

/// A partition in the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionView {
    pub partition: TopicIdPartition,
    pub topic: Rc<str>,
    /// All replicas, the preferred leader first.
    pub replicas: Rc<[NodeId]>,
    pub isr: Rc<[NodeId]>,
    /// `None`: -1.
    pub leader: Option<NodeId>,
    /// Increases with every leader.
    pub leader_epoch: LeaderEpoch,
    /// Increases with every change.
    pub partition_epoch: PartitionEpoch,
    /// `min.insync.replicas` of the topic: its own, else the broker's default.
    pub min_insync_replicas: i32,
}

/// A registered broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokerView {
    pub id: NodeId,
    pub epoch: BrokerEpoch,
    pub fenced: bool,
    pub in_controlled_shutdown: bool,
    /// It has the listener that clients use.
    pub has_listener: bool,
}

/// A topic in the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicView {
    pub name: Rc<str>,
    pub id: Uuid,
    /// From 0, without gaps.
    pub partitions: Vec<PartitionView>,
}

/// The last published image.
pub trait ClusterView {
    /// `None` if it is not registered.
    fn broker(&self, id: NodeId) -> Option<BrokerView>;
    /// All registered brokers, ascending by id.
    fn brokers(&self) -> Vec<BrokerView>;
    /// Whether a topic has this id.
    fn has_topic(&self, topic_id: Uuid) -> bool;
    /// Leader and leader epoch of a partition; `None` if there is no such partition.
    fn leader_of(&self, partition: TopicIdPartition) -> Option<LeaderIdAndEpoch>;
    fn topic(&self, name: &str) -> Option<TopicView>;
    /// Whether `eligible.leader.replicas.version` is 1.
    fn is_elr_enabled(&self) -> bool;
    /// Names of all topics, ascending.
    fn topic_names(&self) -> Vec<Rc<str>>;
}

/// The partition changes of a publish.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicsDelta {
    /// New or changed partitions, of any broker.
    pub changed: Vec<PartitionView>,
    /// Partitions of topics that were removed.
    pub removed: Vec<TopicIdPartition>,
}
