//! What the broker needs of the metadata image and its deltas, and no more: the image implements
//! [`ClusterView`], the publisher makes [`TopicsDelta`]s (controller-broker.md §5.5, §5.6).

use std::rc::Rc;

use crate::ids::{BrokerEpoch, LeaderEpoch, NodeId, PartitionEpoch, TopicIdPartition, Uuid};
use crate::message::data::LeaderIdAndEpoch;

/// A partition as the image has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionView {
    /// Which.
    pub partition: TopicIdPartition,
    /// Name of its topic.
    pub topic: Rc<str>,
    /// All replicas, the preferred leader first.
    pub replicas: Rc<[NodeId]>,
    /// In-sync replicas.
    pub isr: Rc<[NodeId]>,
    /// `None`: -1.
    pub leader: Option<NodeId>,
    /// Grows with every leader.
    pub leader_epoch: LeaderEpoch,
    /// Grows with every change.
    pub partition_epoch: PartitionEpoch,
    /// `min.insync.replicas` of the topic: its own, else the broker's default.
    pub min_insync_replicas: i32,
}

/// A registered broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokerView {
    /// Who.
    pub id: NodeId,
    /// Of its registration.
    pub epoch: BrokerEpoch,
    /// Not to be used.
    pub fenced: bool,
    /// It is leaving.
    pub in_controlled_shutdown: bool,
    /// It has the listener that clients use.
    pub has_listener: bool,
}

/// A topic as the image has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicView {
    /// Name.
    pub name: Rc<str>,
    /// Id.
    pub id: Uuid,
    /// From 0, without gaps.
    pub partitions: Vec<PartitionView>,
}

/// The image that was published last.
pub trait ClusterView {
    /// `None` if it is not registered.
    fn broker(&self, id: NodeId) -> Option<BrokerView>;
    /// All registered brokers, ascending by id.
    fn brokers(&self) -> Vec<BrokerView>;
    /// Does a topic have this id?
    fn has_topic(&self, topic_id: Uuid) -> bool;
    /// Who leads a partition, in which epoch; `None` if there is no such partition.
    fn leader_of(&self, partition: TopicIdPartition) -> Option<LeaderIdAndEpoch>;
    /// By name.
    fn topic(&self, name: &str) -> Option<TopicView>;
    /// Names of all topics, ascending.
    fn topic_names(&self) -> Vec<Rc<str>>;
}

/// What a publish changes of partitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicsDelta {
    /// New or changed ones, of any broker.
    pub changed: Vec<PartitionView>,
    /// Of topics that were removed.
    pub removed: Vec<TopicIdPartition>,
}
