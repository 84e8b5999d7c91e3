//! Roles from metadata: deletions first, then leaders, then followers (controller-broker.md §5.5).

use super::{FetcherChanges, FetcherStart, LocalChanges, ReplicaManager};
use crate::broker::dialogue::{Hosted, PartitionCall, PartitionEntry};
use crate::broker::log::OffsetCheckpoint;
use crate::broker::partition::Partition;
use crate::broker::view::{ClusterView, PartitionView, TopicsDelta};
use crate::bugs::Bug;
use crate::ids::TopicIdPartition;
use crate::step::Step;

impl ReplicaManager {
    /// Applies a published delta. `view` is the new image, which clients could see before.
    pub fn apply_delta(&mut self, delta: &TopicsDelta, view: &dyn ClusterView, step: &mut Step<'_>) -> FetcherChanges {
        let local = self.config.node_id;
        let mut changes = FetcherChanges::default();
        let mut touched = Vec::new();

        let (mine, others): (Vec<_>, Vec<_>) =
            delta.changed.iter().partition(|partition| partition.replicas.contains(&local));
        let left = others.iter().map(|partition| partition.partition);
        for id in delta.removed.iter().copied().chain(left) {
            if self.delete(id, step) {
                changes.stop.push(id);
                touched.push(id);
            }
        }
        // `LogManager.asyncDelete`: not that of high watermarks.
        if !touched.is_empty() {
            self.checkpoint(OffsetCheckpoint::RecoveryPoint, step.out);
            self.checkpoint(OffsetCheckpoint::LogStart, step.out);
        }
        let first_leads = self.bugs().has(Bug::FirstReplicaLeads);
        let leads = |of: &PartitionView| of.leader == Some(local) || first_leads && of.replicas.first() == Some(&local);
        let (leading, following): (Vec<_>, Vec<_>) = mine.into_iter().partition(|partition| leads(partition));
        for partition in leading {
            if !self.bugs().has(Bug::FetcherOutlivesElection) {
                changes.stop.push(partition.partition);
            }
            self.lead(partition, view, step);
            touched.push(partition.partition);
        }
        let deaf = self.in_controlled_shutdown && self.bugs().has(Bug::Kafka14296DemotionIgnored);
        for partition in following {
            if deaf && self.partition(partition.partition).is_some_and(Partition::is_leader) {
                continue;
            }
            self.follow(partition, view, step, &mut changes);
            touched.push(partition.partition);
        }
        self.complete_delayed(&touched, view, step);
        changes
    }

    /// What [`ReplicaManager::apply_delta`] would do (`TopicDelta.localChanges`).
    pub fn local_changes(&self, delta: &TopicsDelta) -> LocalChanges {
        let local = self.config.node_id;
        let (mine, others): (Vec<_>, Vec<_>) =
            delta.changed.iter().partition(|partition| partition.replicas.contains(&local));
        let left = others.iter().map(|partition| partition.partition);
        let (leading, following): (Vec<_>, Vec<_>) =
            mine.iter().partition::<Vec<&PartitionView>, _>(|it| it.leader == Some(local));
        let is_known = |of: &PartitionView| self.partition(of.partition).map(Partition::leader_epoch);
        let has_log = |of: &PartitionView| is_known(of).is_some() || self.logs.has_loaded(&of.topic, of.partition);
        let updates = leading.iter().filter(|of| is_known(of).is_some_and(|epoch| epoch >= of.leader_epoch)).count();
        LocalChanges {
            deletes: delta.removed.iter().copied().chain(left).any(|id| self.partitions.contains_key(&id)),
            leads: leading.len() - updates,
            updates,
            follows: following.len(),
            creates: mine.iter().filter(|of| !has_log(of)).count(),
        }
    }

    fn delete(&mut self, id: TopicIdPartition, step: &mut Step<'_>) -> bool {
        let Some(partition) = self.partitions.remove(&id) else { return false };
        step.out.record(|| PartitionEntry::Deleted { partition: id }.into());
        partition.into_log().delete(step.out);
        true
    }

    fn lead(&mut self, of: &PartitionView, view: &dyn ClusterView, step: &mut Step<'_>) {
        let hosted = self.ensure_hosted(of, step);
        if let Ok((partition, mut around)) = self.locate(of.partition, view, step.now.wall_ms) {
            partition.make_leader(of, &mut around, step.out);
        }
        self.record(of.partition, || PartitionCall::MakeLeader { view: of.clone(), hosted }, step.out);
    }

    /// Fetching restarts only if the leader epoch has increased: until then a partition that failed, or whose leader
    /// had no address, has no fetcher.
    fn follow(
        &mut self,
        of: &PartitionView,
        view: &dyn ClusterView,
        step: &mut Step<'_>,
        changes: &mut FetcherChanges,
    ) {
        let local = self.config.node_id;
        let hosted = self.ensure_hosted(of, step);
        let in_controlled_shutdown = self.in_controlled_shutdown;
        let Ok((partition, mut around)) = self.locate(of.partition, view, step.now.wall_ms) else { return };
        let followed = partition.make_follower(of, &mut around);
        let new_epoch = followed == Some(true);
        self.record(of.partition, || PartitionCall::MakeFollower { view: of.clone(), hosted, new_epoch }, step.out);
        if followed.is_none() {
            return;
        }
        if in_controlled_shutdown && (of.leader.is_none() || !of.isr.contains(&local)) {
            changes.stop.push(of.partition);
        } else if new_epoch {
            changes.stop.push(of.partition);
            let reachable = of.leader.filter(|leader| view.broker(*leader).is_some_and(|it| it.has_listener));
            if let Some(leader) = reachable {
                let (partition, leader_epoch) = (of.partition, of.leader_epoch);
                changes.start.push(FetcherStart { partition, leader, leader_epoch });
            }
        }
    }

    /// Opens or creates the log of a replica that is not hosted here; returns where its log was before.
    fn ensure_hosted(&mut self, of: &PartitionView, step: &mut Step<'_>) -> Hosted {
        if self.partitions.contains_key(&of.partition) {
            return Hosted::Before;
        }
        let hosted = if self.logs.has_loaded(&of.topic, of.partition) { Hosted::FromDisk } else { Hosted::New };
        let log = self.logs.open(&of.topic, of.partition.topic_id, of.partition.partition, step.out);
        let partition = Partition::new(of, self.config.node_id, self.bugs(), log);
        self.partitions.insert(of.partition, partition);
        if let (Hosted::New, Some(created)) = (hosted, self.being_created.back_mut()) {
            created.push(of.partition);
        }
        hosted
    }
}
