//! All replicas of a broker and the requests they serve: Kafka's ReplicaManager.
//!
//! * this file: the hosted replicas, and common parts of all requests
//! * `delta`: roles from metadata (controller-broker.md §5.5, §6.2)
//! * `delayed`: delayed requests
//! * `produce` (§6.6), `fetch` (§6.5, §6.7) and `offsets` (§6.7): requests
//! * `maintenance`: ISR checks and responses, timers, checkpoints, clean shutdown
//!
//! All code here that accesses logs, including the fetchers, must run on *one* thread of the node: an fsync delays the
//! following effects of its own thread only, and the writes of a log must stay in order. (Kafka has locks for that.)
//! Flushes of rolled segments only fsync, the checkpoint of high watermarks is a separate file, and a rewritten epoch
//! checkpoint has a temporary file of its own: these run on the scheduler's thread. The recovery points are checkpointed here, because a truncation must do so before the next append to
//! the log.

mod delayed;
mod delta;
mod described;
mod fetch;
mod maintenance;
mod offsets;
mod produce;

use std::collections::VecDeque;
use std::rc::Rc;

use delayed::{DelayedFetch, DelayedProduce};

use super::alter_partition::AlterPartitionManager;
use super::config::BrokerConfig;
use super::dialogue::PartitionCall;
use super::log::{BackgroundTask, LogManager, PartitionLog};
use super::observation::BrokerObservation;
use super::partition::{Partition, Surroundings};
use super::view::ClusterView;
use crate::bugs::Bugs;
use crate::ids::{BrokerEpoch, LeaderEpoch, NodeId, TopicIdPartition};
use crate::io::{Effect, Observation, Out, Visitor};
use crate::message::ErrorCode;
use crate::message::data::{FetchablePartition, LeaderIdAndEpoch, PartitionProduceResponse};
use crate::slices::Slices;
use crate::sorted_map::SortedMap;
use crate::step::Step;

/// A follower that starts to fetch in a new leader epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetcherStart {
    pub partition: TopicIdPartition,
    pub leader: NodeId,
    pub leader_epoch: LeaderEpoch,
}

/// The changes of the fetchers by a delta: first stop, then start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetcherChanges {
    /// Partitions that are no longer followed.
    pub stop: Vec<TopicIdPartition>,
    /// Partitions that are followed in a new epoch; any previous fetcher is stopped.
    pub start: Vec<FetcherStart>,
}

/// Changes of a broker's own replicas: `LocalReplicaChanges`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocalChanges {
    pub deletes: bool,
    /// Number of partitions that it leads in a new leader epoch.
    pub leads: usize,
    /// Number of partitions that it leads, changed in the same leader epoch.
    pub updates: usize,
    /// Number of new or changed partitions that it follows.
    pub follows: usize,
    /// Number of these that have no log here yet.
    pub creates: usize,
}

/// The replicas of one broker.
#[derive(Clone, Debug)]
pub struct ReplicaManager {
    config: Rc<BrokerConfig>,
    logs: LogManager,
    partitions: SortedMap<TopicIdPartition, Partition>,
    alter_partition: AlterPartitionManager,
    produces: Vec<DelayedProduce>,
    fetches: Vec<DelayedFetch>,
    /// Empty between fetches; its memory is reused for the partitions of each response.
    answers: Vec<FetchablePartition>,
    fetched: Slices<FetchablePartition>,
    produced: Slices<PartitionProduceResponse>,
    broker_epoch: BrokerEpoch,
    in_controlled_shutdown: bool,
    next_isr_check_ns: Option<u64>,
    next_producer_sweep_ns: Option<u64>,
    observations: Vec<BrokerObservation>,
    /// In progress on the scheduler's thread.
    background: Vec<BackgroundTask>,
    /// The new logs of each publication of metadata that is not complete: their files are not created yet, and those of
    /// deleted logs with the same names may be there.
    being_created: VecDeque<Vec<TopicIdPartition>>,
}

impl ReplicaManager {
    /// Hosts nothing until metadata assigns replicas.
    pub fn new(config: Rc<BrokerConfig>, logs: LogManager) -> ReplicaManager {
        ReplicaManager {
            config,
            logs,
            partitions: SortedMap::new(),
            alter_partition: AlterPartitionManager::default(),
            produces: Vec::new(),
            fetches: Vec::new(),
            answers: Vec::new(),
            fetched: Slices::default(),
            produced: Slices::default(),
            broker_epoch: BrokerEpoch::UNKNOWN,
            in_controlled_shutdown: false,
            next_isr_check_ns: None,
            next_producer_sweep_ns: None,
            observations: Vec::new(),
            background: Vec::new(),
            being_created: VecDeque::new(),
        }
    }

    /// The registration has succeeded.
    pub fn set_broker_epoch(&mut self, epoch: BrokerEpoch) {
        self.broker_epoch = epoch;
    }

    /// As registered; unknown before.
    pub fn broker_epoch(&self) -> BrokerEpoch {
        self.broker_epoch
    }

    /// From now on replicas without a leader, or not in the ISR, stop fetching (§5.3).
    pub fn begin_controlled_shutdown(&mut self) {
        self.in_controlled_shutdown = true;
    }

    pub(super) fn bugs(&self) -> Bugs {
        self.config.bugs
    }

    /// A replica hosted here.
    pub fn partition(&self, id: TopicIdPartition) -> Option<&Partition> {
        self.partitions.get(&id)
    }

    /// All replicas hosted here, for audits.
    pub fn partitions(&self) -> impl Iterator<Item = &Partition> {
        self.partitions.values()
    }

    /// Shows every replica.
    pub fn visit(&self, visitor: &mut dyn Visitor) {
        for partition in self.partitions.values() {
            visitor.partition(&partition.shown());
        }
    }

    /// The log of a replica, for the fetcher.
    pub(super) fn log_mut(&mut self, id: TopicIdPartition) -> Option<&mut PartitionLog> {
        self.partitions.get_mut(&id).map(Partition::log_mut)
    }

    /// Reports the observations of replicas: before any message that they cause, and at the end of each step.
    pub fn tell(&mut self, step: &mut Step<'_>) {
        let said = self.observations.drain(..);
        step.out.effects.extend(said.map(|observation| Effect::Observe(Observation::Broker(observation))));
    }

    pub(super) fn observe(&mut self, observation: BrokerObservation) {
        self.observations.push(observation);
    }

    /// A replica with the context of a call, or the error (`ReplicaManager.getPartitionOrError`).
    fn locate<'a>(
        &'a mut self,
        id: TopicIdPartition,
        view: &'a dyn ClusterView,
        now_ms: i64,
    ) -> Result<(&'a mut Partition, Surroundings<'a>), ErrorCode> {
        let around = Surroundings {
            view,
            broker_epoch: self.broker_epoch,
            now_ms,
            fixes: self.config.fixes,
            max_lag_ms: self.config.replica_lag_time_max_ms,
            observations: &mut self.observations,
        };
        match self.partitions.get_mut(&id) {
            Some(partition) => Ok((partition, around)),
            None => Err(not_hosted(id, view)),
        }
    }

    /// Records a call of a replica that has returned, if the dialogue is recorded.
    #[inline]
    fn record(&self, id: TopicIdPartition, call: impl FnOnce() -> PartitionCall, out: &mut Out) {
        if out.dialogue.is_some() {
            self.record_call(id, call, out);
        }
    }

    #[cold]
    fn record_call(&self, id: TopicIdPartition, call: impl FnOnce() -> PartitionCall, out: &mut Out) {
        if let Some(partition) = self.partitions.get(&id) {
            out.record(|| partition.called(self.broker_epoch, call()));
        }
    }

    /// The leader hint of KIP-951, with the errors that carry one.
    fn leader_hint(&self, id: TopicIdPartition, error: ErrorCode, view: &dyn ClusterView) -> Option<LeaderIdAndEpoch> {
        if !matches!(error, ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch) {
            return None;
        }
        self.partitions.get(&id).map(Partition::current_leader).or_else(|| view.leader_of(id))
    }
}

/// The error for a partition without a replica here. A topic that does not exist is UNKNOWN_TOPIC_OR_PARTITION, also if
/// it was named by its id: UNKNOWN_TOPIC_ID is the answer of [`check_topic_id`] alone.
fn not_hosted(id: TopicIdPartition, view: &dyn ClusterView) -> ErrorCode {
    match view.leader_of(id) {
        Some(_) => ErrorCode::NotLeaderOrFollower,
        None => ErrorCode::UnknownTopicOrPartition,
    }
}

/// Before a new Fetch or Produce is processed, its topic ids are looked up in the metadata
/// (`KafkaApis.handleFetchRequest`, `handleProduceRequest`). ListOffsets and OffsetForLeaderEpoch name topics, and a
/// delayed request is not looked up again.
fn check_topic_id(id: TopicIdPartition, view: &dyn ClusterView) -> Result<(), ErrorCode> {
    if view.has_topic(id.topic_id) { Ok(()) } else { Err(ErrorCode::UnknownTopicId) }
}
