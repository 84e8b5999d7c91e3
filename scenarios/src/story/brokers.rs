//! A story's view of brokers and partitions: leaders and ISRs by committed metadata, a replica's log by its broker.

use std::rc::Rc;

use raft::ids::{LeaderEpoch, NodeId, Offset, TopicIdPartition};
use raft::io::{PartitionShown, Role, Visitor};
use raft::log::Records;

use super::cluster::{Cluster, with};
use super::error::StoryError;
use crate::checks::metadata::image::ReferenceImage;
use crate::checks::metadata::partition::ReferencePartition;

/// One replica, as reported by its broker.
struct ReplicaView {
    id: TopicIdPartition,
    shown: Option<PartitionShown>,
}

impl Visitor for ReplicaView {
    fn election(&mut self, _: LeaderEpoch, _: NodeId, _: NodeId, _: Role) {}
    fn log(&mut self, _: Offset, _: Offset, _: Option<Offset>) {}
    fn batches(&mut self, _: &Records) {}
    fn partition(&mut self, shown: &PartitionShown) {
        if shown.id == self.id {
            self.shown = Some(shown.clone());
        }
    }
}

impl Cluster {
    /// A partition by committed metadata: leader (-1: none), ISR, ELR, epochs, replicas. An error if the partition does
    /// not exist.
    pub fn partition(&self, topic: &str, partition: i32) -> Result<Rc<ReferencePartition>, StoryError> {
        self.partition_id(topic, partition).map(|(_, registration)| registration)
    }

    /// The leader of a partition; waits if it has none. An error if the partition does not exist.
    pub async fn leader_of(&self, topic: &str, partition: i32) -> Result<NodeId, StoryError> {
        let what = format!("a leader of {topic}-{partition}");
        self.until(&what, |c| Ok(c.partition(topic, partition)?.has_leader())).await?;
        Ok(self.partition(topic, partition)?.leader)
    }

    /// Its in-sync replicas, in the order of the record.
    pub fn isr_of(&self, topic: &str, partition: i32) -> Result<Vec<NodeId>, StoryError> {
        Ok(self.partition(topic, partition)?.isr.to_vec())
    }

    /// The next leader of a partition that is not `id`.
    pub async fn wait_for_partition_leader_other_than(
        &self,
        id: NodeId,
        topic: &str,
        partition: i32,
    ) -> Result<NodeId, StoryError> {
        self.place(id)?;
        let leads = |now: &ReferencePartition| now.has_leader() && now.leader != id;
        let what = format!("a leader of {topic}-{partition} other than {id}");
        self.until(&what, |c| Ok(leads(&*c.partition(topic, partition)?))).await?;
        Ok(self.partition(topic, partition)?.leader)
    }

    /// Waits until the ISR of a partition has this size.
    pub async fn wait_for_isr_of_size(&self, size: usize, topic: &str, partition: i32) -> Result<(), StoryError> {
        let what = format!("{size} replicas of {topic}-{partition} in sync");
        self.until(&what, |c| Ok(c.partition(topic, partition)?.isr.len() == size)).await
    }

    /// Whether a broker is fenced, by committed metadata. True before its first registration.
    pub fn is_fenced(&self, id: NodeId) -> Result<bool, StoryError> {
        if !self.brokers().contains(&id) {
            let known: Vec<String> = self.brokers().iter().map(NodeId::to_string).collect();
            return Err(StoryError(format!("no broker {id} in this cluster; there are {}", known.join(", "))));
        }
        self.image(|image| Ok(image.brokers.get(&id).is_none_or(|broker| broker.fenced)))
    }

    /// The high watermark of a partition on one of its replicas; an error if the broker is down or
    /// hosts none.
    pub fn partition_high_watermark(&self, id: NodeId, topic: &str, partition: i32) -> Result<Offset, StoryError> {
        self.replica(id, topic, partition).map(|shown| shown.high_watermark)
    }

    /// The log end offset of a partition on one of its replicas; an error if the broker is down or hosts none.
    pub fn partition_log_end(&self, id: NodeId, topic: &str, partition: i32) -> Result<Offset, StoryError> {
        self.replica(id, topic, partition).map(|shown| shown.log_end)
    }

    fn replica(&self, id: NodeId, topic: &str, partition: i32) -> Result<PartitionShown, StoryError> {
        let (of, _) = self.partition_id(topic, partition)?;
        let view = self.of(id, |node| {
            let mut view = ReplicaView { id: of, shown: None };
            node.visit(&mut view);
            node.role().map(|_| view)
        })?;
        view.shown.ok_or_else(|| StoryError(format!("broker {id} hosts no replica of {topic}-{partition}")))
    }

    fn partition_id(
        &self,
        topic: &str,
        partition: i32,
    ) -> Result<(TopicIdPartition, Rc<ReferencePartition>), StoryError> {
        let found = self.image(|image| {
            let id = image.topic_id(topic).map(|topic_id| TopicIdPartition { topic_id, partition });
            Ok(id.and_then(|id| Some((id, Rc::clone(image.partitions.get(&id)?)))))
        })?;
        found.ok_or_else(|| StoryError(format!("no partition {topic}-{partition} at {} ms", self.now_ms())))
    }

    /// The committed metadata, as reconstructed by the checks.
    fn image<T>(&self, of: impl FnOnce(&ReferenceImage) -> Result<T, StoryError>) -> Result<T, StoryError> {
        with(|run| match run.watch.checks.as_ref().and_then(|checks| checks.cluster()) {
            Some(cluster) => of(cluster.metadata().image()),
            None => Err(StoryError(
                "this cluster has no brokers and no topics: its scenario is of controllers alone".to_owned(),
            )),
        })
    }
}
