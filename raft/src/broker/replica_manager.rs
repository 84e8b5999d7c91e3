//! All replicas of a broker, and what is asked of them: Kafka's ReplicaManager.
//!
//! * this file: who is hosted here, and what every request needs
//! * `delta`: roles from metadata (controller-broker.md §5.5, §6.2)
//! * `delayed`: requests that wait for their answer
//! * `produce` (§6.6), `fetch` (§6.5, §6.7) and `offsets` (§6.7): requests
//! * `maintenance`: ISR checks and answers, timers, checkpoints, the orderly end
//!
//! Everything here that touches logs must run on *one* thread of the node, the fetchers included:
//! an fsync holds back the effects behind it on its own thread only, and a log's writes must stay
//! in order. (Kafka has locks for that.) Background flushes only force, and the checkpoint of high
//! watermarks is a file of its own: these two may run on another. The recovery points are
//! checkpointed here, for a truncation must do it before the log grows again.

mod delayed;
mod delta;
mod fetch;
mod maintenance;
mod offsets;
mod produce;

use std::rc::Rc;

use delayed::{DelayedFetch, DelayedProduce};
pub use fetch::PartitionRead;

use super::alter_partition::AlterPartitionManager;
use super::config::BrokerConfig;
use super::log::{FlushTask, LogManager, PartitionLog};
use super::observation::BrokerObservation;
use super::partition::{Partition, Surroundings};
use super::view::ClusterView;
use crate::bugs::Bugs;
use crate::ids::{BrokerEpoch, LeaderEpoch, NodeId, TopicIdPartition};
use crate::io::{Effect, Observation, Visitor};
use crate::message::ErrorCode;
use crate::message::data::{FetchablePartition, LeaderIdAndEpoch, PartitionProduceResponse};
use crate::slices::Slices;
use crate::sorted_map::SortedMap;
use crate::step::Step;

/// A follower that is to fetch, from a new leader epoch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetcherStart {
    /// Which.
    pub partition: TopicIdPartition,
    /// From whom.
    pub leader: NodeId,
    /// Of the partition.
    pub leader_epoch: LeaderEpoch,
}

/// What a delta asks of the fetchers: first stop, then start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetcherChanges {
    /// No longer followed.
    pub stop: Vec<TopicIdPartition>,
    /// Followed anew; any fetcher of before is stopped.
    pub start: Vec<FetcherStart>,
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
    /// Empty but for its memory: each fetch gathers its answers here.
    answers: Vec<FetchablePartition>,
    fetched: Slices<FetchablePartition>,
    produced: Slices<PartitionProduceResponse>,
    broker_epoch: BrokerEpoch,
    in_controlled_shutdown: bool,
    next_isr_check_ns: Option<u64>,
    next_producer_sweep_ns: Option<u64>,
    next_checkpoint_ns: Option<u64>,
    observations: Vec<BrokerObservation>,
    /// Under way on the scheduler's thread.
    flushes: Vec<FlushTask>,
}

impl ReplicaManager {
    /// Hosts nothing until metadata says so.
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
            next_checkpoint_ns: None,
            observations: Vec::new(),
            flushes: Vec::new(),
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

    /// From now on replicas without a leader, or out of the ISR, stop fetching (§5.3).
    pub fn begin_controlled_shutdown(&mut self) {
        self.in_controlled_shutdown = true;
    }

    /// Mistakes switched on.
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

    /// Tells what replicas have said of themselves: before whatever is sent for that reason, and
    /// at the end of each step.
    pub fn tell(&mut self, step: &mut Step<'_>) {
        let said = self.observations.drain(..);
        step.out.effects.extend(said.map(|observation| Effect::Observe(Observation::Broker(observation))));
    }

    pub(super) fn observe(&mut self, observation: BrokerObservation) {
        self.observations.push(observation);
    }

    /// A replica and what it must be told, or why there is none (`getPartitionOrError`).
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
            None if !view.has_topic(id.topic_id) => Err(ErrorCode::UnknownTopicId),
            None if view.leader_of(id).is_none() => Err(ErrorCode::UnknownTopicOrPartition),
            None => Err(ErrorCode::NotLeaderOrFollower),
        }
    }

    /// The hint of KIP-951, with the errors that carry one.
    fn leader_hint(&self, id: TopicIdPartition, error: ErrorCode, view: &dyn ClusterView) -> Option<LeaderIdAndEpoch> {
        if !matches!(error, ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch) {
            return None;
        }
        self.partitions.get(&id).map(Partition::current_leader).or_else(|| view.leader_of(id))
    }
}
