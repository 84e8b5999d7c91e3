//! Work without requests: ISR checks and the controller's responses, timers, background flushes, checkpoints, clean
//! shutdown (controller-broker.md §5.3, §6.1, §6.4, §6.9).

use std::rc::Rc;

use super::ReplicaManager;
use crate::broker::config::ns;
use crate::broker::dialogue::{PartitionCall, PartitionEntry};
use crate::broker::log::{AppendRefusal, LogManager, OffsetCheckpoint, PartitionLog};
use crate::broker::partition::{AlterPartitionOutcome, Partition};
use crate::broker::view::ClusterView;
use crate::ids::{BrokerEpoch, LeaderEpoch, NodeId, Offset, PartitionEpoch, TopicIdPartition, Uuid};
use crate::io::{Effect, Out};
use crate::message::ErrorCode;
use crate::message::cluster::{
    AlterPartitionItem, AlterPartitionRequest, AlterPartitionResponse, AlterPartitionResult,
};
use crate::message::data::FetchablePartition;
use crate::sorted_map::SortedMap;
use crate::step::Step;

impl ReplicaManager {
    /// Part of the first publish: executes recovery's effects, handles strays, and starts the timers. `assigned`
    /// returns whether the image assigns a partition to this broker.
    pub fn start_up(&mut self, assigned: impl Fn(TopicIdPartition) -> bool, step: &mut Step<'_>) {
        self.logs.start(assigned, step.out);
        let now_ns = step.now.mono_ns;
        self.next_isr_check_ns = Some(now_ns + self.isr_check_interval_ns());
        self.next_producer_sweep_ns = Some(now_ns + ns(self.config.producer_id_expiration_check_interval_ms));
    }

    /// The broker epoch of the last clean shutdown, for the registration.
    pub fn previous_broker_epoch(&self) -> BrokerEpoch {
        self.logs.previous_broker_epoch()
    }

    fn isr_check_interval_ns(&self) -> u64 {
        ns(self.config.replica_lag_time_max_ms) / 2
    }

    /// Does the work that is due by the monotonic clock.
    pub fn on_timer(&mut self, view: &dyn ClusterView, step: &mut Step<'_>) {
        let now_ns = step.now.mono_ns;
        self.expire_produces(step);
        self.expire_fetches(view, step);
        if self.next_isr_check_ns.is_some_and(|at| at <= now_ns) {
            self.next_isr_check_ns = Some(now_ns + self.isr_check_interval_ns());
            self.shrink_isrs(view, step);
        }
        if self.next_producer_sweep_ns.is_some_and(|at| at <= now_ns) {
            let (now_ms, expiration_ms) = (step.now.wall_ms, self.config.producer_id_expiration_ms);
            self.next_producer_sweep_ns = Some(now_ns + ns(self.config.producer_id_expiration_check_interval_ms));
            let logs = self.partitions.values_mut().map(Partition::log_mut);
            logs.for_each(|log| log.remove_expired_producers(now_ms, expiration_ms));
            self.partitions.keys().for_each(|id| {
                self.record(*id, || PartitionCall::RemoveExpiredProducers, step.out);
            });
        }
    }

    /// When [`ReplicaManager::on_timer`] must run next.
    pub fn next_deadline_ns(&self) -> Option<u64> {
        let timers = [
            self.next_isr_check_ns,
            self.next_producer_sweep_ns,
            self.next_produce_deadline_ns(),
            self.next_fetch_deadline_ns(),
            self.alter_partition.next_deadline_ns(),
        ];
        timers.into_iter().flatten().min()
    }

    /// Runs every half `replica.lag.time.max.ms`.
    fn shrink_isrs(&mut self, view: &dyn ClusterView, step: &mut Step<'_>) {
        let mut touched = Vec::new();
        let ids: Vec<TopicIdPartition> = self.partitions.keys().copied().collect();
        for id in ids {
            let Ok((partition, mut around)) = self.locate(id, view, step.now.wall_ms) else { continue };
            if let Some(item) = partition.maybe_shrink_isr(&mut around) {
                if partition.maybe_increment_high_watermark(&mut around) {
                    touched.push(id);
                }
                self.submit_alter_partition(item, view, step);
            }
            self.record(id, || PartitionCall::MaybeShrinkIsr, step.out);
        }
        self.complete_delayed(&touched, view, step);
    }

    /// Submits a proposal; it is dropped if an older one of this partition is unanswered.
    pub(super) fn submit_alter_partition(
        &mut self,
        item: AlterPartitionItem,
        view: &dyn ClusterView,
        step: &mut Step<'_>,
    ) {
        let is_accepted = self.alter_partition.submit(item.clone());
        step.out.record(|| PartitionEntry::Submitted { item: item.clone(), is_accepted }.into());
        if is_accepted {
            return;
        }
        let refused = AlterPartitionResult {
            partition: item.partition,
            error: ErrorCode::OperationNotAttempted,
            leader_id: NodeId::NONE,
            leader_epoch: LeaderEpoch(-1),
            isr: [].into(),
            leader_recovery_state: 0,
            partition_epoch: PartitionEpoch(-1),
        };
        if let Ok((partition, mut around)) = self.locate(item.partition, view, step.now.wall_ms) {
            partition.on_alter_partition_result(&item, &refused, &mut around);
        }
    }

    /// The request for the AlterPartition channel, if one may be sent now.
    pub fn next_alter_partition(&mut self, now_ns: u64) -> Option<AlterPartitionRequest> {
        self.alter_partition.next_request(self.config.node_id, self.broker_epoch, now_ns)
    }

    /// Processes the controller's response.
    pub fn on_alter_partition(
        &mut self,
        response: &AlterPartitionResponse,
        view: &dyn ClusterView,
        step: &mut Step<'_>,
    ) {
        let mut touched = Vec::new();
        for (item, result) in self.alter_partition.on_response(response, step.now.mono_ns) {
            let Ok((partition, mut around)) = self.locate(item.partition, view, step.now.wall_ms) else { continue };
            match partition.on_alter_partition_result(&item, &result, &mut around) {
                // An ISR that is large enough again also decides delayed appends.
                AlterPartitionOutcome::HighWatermarkMoved => touched.push(item.partition),
                AlterPartitionOutcome::Done => {}
                AlterPartitionOutcome::Resubmit(item) => self.submit_alter_partition(item, view, step),
            }
            let call = || PartitionCall::AlterPartitionAnswered { result: result.clone() };
            self.record(result.partition, call, step.out);
        }
        self.complete_delayed(&touched, view, step);
    }

    /// Completes delayed requests of these partitions where possible.
    pub(super) fn complete_delayed(
        &mut self,
        touched: &[TopicIdPartition],
        view: &dyn ClusterView,
        step: &mut Step<'_>,
    ) {
        if !touched.is_empty() {
            self.tell(step);
            self.complete_delayed_produces(touched, view, step);
            self.complete_delayed_fetches(touched, view, step);
        }
    }

    /// A follower's log grew or its high watermark changed: consumers may wait for that (KIP-392).
    pub(in crate::broker) fn follower_moved(
        &mut self,
        id: TopicIdPartition,
        view: &dyn ClusterView,
        step: &mut Step<'_>,
    ) {
        self.complete_delayed(&[id], view, step);
    }

    /// A topic's `min.insync.replicas` changed.
    pub fn update_min_insync_replicas(&mut self, topic_id: Uuid, min_insync_replicas: i32, out: &mut Out) {
        out.record(|| PartitionEntry::MinInsyncReplicas { topic_id, value: min_insync_replicas }.into());
        let of_topic = self.partitions.values_mut().filter(|partition| partition.id().topic_id == topic_id);
        of_topic.for_each(|partition| partition.set_min_insync_replicas(min_insync_replicas));
    }

    /// The effects of a publication begin: new logs exist when they are complete.
    pub fn begin_publication(&mut self) {
        self.being_created.push_back(Vec::new());
    }

    /// The effects of the oldest publication are complete.
    pub fn publication_is_complete(&mut self) {
        self.being_created.pop_front();
    }

    /// Whether a log has rolled, or has to write its epoch checkpoint or its topic id; or a checkpoint of all is due.
    pub fn has_background_work(&self) -> bool {
        self.logs.has_collected_checkpoints()
            || self.partitions.values().any(|partition| partition.log().has_background_work())
    }

    /// The scheduler's thread: flushes the segments below rolled ones, and writes checkpoints and topic ids. Returns whether
    /// there were any; [`ReplicaManager::finish_background_work`] must be called when everything before it in the list is
    /// complete. A log that is being created is left out: it schedules nothing before its directory is there (`UnifiedLog.create`).
    pub fn begin_background_work(&mut self, out: &mut Out) -> bool {
        let before = self.background.len();
        let is_created = |id: TopicIdPartition| !self.being_created.iter().flatten().any(|other| *other == id);
        for partition in self.partitions.values_mut().filter(|partition| is_created(partition.id())) {
            self.background.extend(LogManager::begin_background_work(partition.id(), partition.log_mut(), out));
        }
        self.logs.checkpoints().begin(out) || self.background.len() > before
    }

    /// The recovery points advance, and the files are put in their place: all before an fsync, behind which their
    /// partitions may be deleted (`LeaderEpochFileCache.writeIfDirExists`).
    pub fn finish_background_work(&mut self, out: &mut Out) {
        let mut is_dirty = false;
        for task in std::mem::take(&mut self.background) {
            if let Some(partition) = self.partitions.get_mut(&task.partition()) {
                is_dirty |= task.finish(partition.log_mut(), out);
            }
        }
        is_dirty |= self.logs.checkpoints().finish(out);
        out.effects.extend(is_dirty.then_some(Effect::FsyncDirectory));
    }

    /// Writes a checkpoint of all logs.
    pub fn checkpoint(&mut self, which: OffsetCheckpoint, out: &mut Out) {
        if self.has_offsets_for(which) {
            self.logs.write_checkpoint(which, logs(&self.partitions), out);
        }
    }

    /// The same for the scheduler's thread, as [`ReplicaManager::begin_background_work`].
    pub fn collect_checkpoint(&mut self, which: OffsetCheckpoint) {
        if self.has_offsets_for(which) {
            self.logs.collect_checkpoint(which, logs(&self.partitions));
        }
    }

    /// `ReplicaManager.checkpointHighWatermarks` goes by the directories of the partitions, so it writes nothing if there are
    /// none.
    fn has_offsets_for(&self, which: OffsetCheckpoint) -> bool {
        which != OffsetCheckpoint::HighWatermark || !self.partitions.is_empty()
    }

    /// A follower has processed a leader's answer.
    pub(in crate::broker) fn record_follower_append(
        &self,
        found: &FetchablePartition,
        epoch: LeaderEpoch,
        result: Result<(), AppendRefusal>,
        step: &mut Step<'_>,
    ) {
        let (records, high_watermark) = (|| found.records.clone(), found.high_watermark);
        let call = || PartitionCall::AppendAsFollower { epoch, records: records(), high_watermark, result };
        self.record(found.partition, call, step.out);
    }

    /// Truncates a follower's log, and checkpoints the recovery points before the next append.
    pub(in crate::broker) fn truncate(&mut self, id: TopicIdPartition, target: Offset, step: &mut Step<'_>) {
        if self.log_mut(id).is_some_and(|log| log.truncate_to(target, step.out)) {
            self.checkpoint(OffsetCheckpoint::RecoveryPoint, step.out);
        }
        self.record(id, || PartitionCall::TruncateTo { offset: target }, step.out);
    }

    /// Removes all records of a follower's log, which continues at `start`.
    pub(in crate::broker) fn truncate_fully_and_start_at(
        &mut self,
        id: TopicIdPartition,
        start: Offset,
        step: &mut Step<'_>,
    ) {
        if let Some(log) = self.log_mut(id) {
            log.truncate_fully_and_start_at(start, step.out);
            self.checkpoint(OffsetCheckpoint::RecoveryPoint, step.out);
            self.record(id, || PartitionCall::TruncateFullyAndStartAt { offset: start }, step.out);
        }
    }

    /// Closes the connections of all delayed requests.
    pub fn hang_up_delayed(&mut self, step: &mut Step<'_>) {
        let produces = std::mem::take(&mut self.produces).into_iter().map(|held| held.connection);
        let fetches = std::mem::take(&mut self.fetches).into_iter().map(|held| held.connection);
        for connection in produces.chain(fetches) {
            step.out.push(Effect::HangUp { connection });
        }
    }

    /// A clean shutdown (§5.3): high watermarks, then all logs are flushed and the marker is written.
    pub fn shut_down(&mut self, out: &mut Out) {
        self.checkpoint(OffsetCheckpoint::HighWatermark, out);
        let mut partitions: Vec<&mut Partition> = self.partitions.values_mut().collect();
        let topics: Vec<_> = partitions.iter().map(|partition| partition.topic().clone()).collect();
        let logs: Vec<(i32, &mut PartitionLog)> =
            partitions.iter_mut().map(|partition| (partition.id().partition, partition.log_mut())).collect();
        let logs = topics.iter().zip(logs).map(|(topic, (partition, log))| (topic, partition, log));
        self.logs.shut_down(logs, self.broker_epoch, out);
    }
}

fn logs(partitions: &SortedMap<TopicIdPartition, Partition>) -> impl Iterator<Item = (&Rc<str>, i32, &PartitionLog)> {
    partitions.values().map(|it| (it.topic(), it.id().partition, it.log()))
}
