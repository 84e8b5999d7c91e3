//! One replica of a partition in its role: leader, follower, or without a leader; Kafka's Partition
//! (controller-broker.md §6.2 to §6.4).
//!
//! * this file: the replica's state, its role, and access checks
//! * `isr`: high watermark, ISR, and the controller's responses
//! * `isr_state` and `replica`: a leader's state of the ISR and of each follower
//! * `read`: the result of a read

mod described;
mod isr;
mod isr_state;
mod read;
mod replica;

use std::rc::Rc;

pub use isr::AlterPartitionOutcome;
pub use isr_state::IsrState;
pub use read::PartitionRead;
pub use replica::Replica;

use super::log::{LeaderAppend, PartitionLog};
use super::observation::{BrokerObservation, PartitionTag};
use super::view::{ClusterView, PartitionView};
use crate::bugs::{Bug, Bugs};
use crate::fixes::{Fix, Fixes};
use crate::ids::{BrokerEpoch, LeaderEpoch, NodeId, Offset, OffsetAndEpoch, PartitionEpoch, TopicIdPartition};
use crate::io::{Out, PartitionShown};
use crate::log::Records;
use crate::message::ErrorCode;
use crate::message::cluster::AlterPartitionItem;
use crate::message::data::LeaderIdAndEpoch;

/// The context of every call to a partition.
pub struct Surroundings<'a> {
    /// The last published image.
    pub view: &'a dyn ClusterView,
    /// This broker's epoch; unknown before its registration.
    pub broker_epoch: BrokerEpoch,
    /// Wall clock, by which the ISR is checked (§11.1).
    pub now_ms: i64,
    /// `replica.lag.time.max.ms`
    pub max_lag_ms: i64,
    /// Fixes switched on.
    pub fixes: Fixes,
    pub observations: &'a mut Vec<BrokerObservation>,
}

/// A replica that this broker hosts.
#[derive(Clone, Debug)]
pub struct Partition {
    id: TopicIdPartition,
    topic: Rc<str>,
    local: NodeId,
    bugs: Bugs,
    log: PartitionLog,
    leader: Option<NodeId>,
    leader_epoch: LeaderEpoch,
    /// The log end when the epoch began, if this broker leads.
    leader_epoch_start: Option<Offset>,
    partition_epoch: PartitionEpoch,
    /// The partition epoch in the last published metadata.
    published_epoch: PartitionEpoch,
    /// Of the last ISR with fewer members, which the controller may have put into the ELR.
    shrunk_epoch: PartitionEpoch,
    replicas: Rc<[NodeId]>,
    min_insync_replicas: i32,
    isr: IsrState,
    /// The proposal of the pending ISR state.
    proposal: Option<AlterPartitionItem>,
    /// Followers, in the order of the assignment; only a leader has any.
    remotes: Vec<Replica>,
}

impl Partition {
    /// A replica that has no role yet.
    pub fn new(view: &PartitionView, local: NodeId, bugs: Bugs, log: PartitionLog) -> Partition {
        Partition {
            id: view.partition,
            topic: Rc::clone(&view.topic),
            local,
            bugs,
            log,
            leader: None,
            leader_epoch: LeaderEpoch(-1),
            leader_epoch_start: None,
            partition_epoch: PartitionEpoch(-1),
            published_epoch: PartitionEpoch(-1),
            shrunk_epoch: PartitionEpoch(-1),
            replicas: Rc::from([]),
            min_insync_replicas: view.min_insync_replicas,
            isr: IsrState::Committed { isr: Rc::from([]) },
            proposal: None,
            remotes: Vec::new(),
        }
    }

    pub fn id(&self) -> TopicIdPartition {
        self.id
    }

    pub fn topic(&self) -> &Rc<str> {
        &self.topic
    }

    pub fn log(&self) -> &PartitionLog {
        &self.log
    }

    /// For the fetcher and the log manager.
    pub(super) fn log_mut(&mut self) -> &mut PartitionLog {
        &mut self.log
    }

    /// Drops the replica except for its log.
    pub(super) fn into_log(self) -> PartitionLog {
        self.log
    }

    /// Whether this broker leads it, as far as it knows.
    pub fn is_leader(&self) -> bool {
        self.leader == Some(self.local)
    }

    /// `None`: -1, or unknown.
    pub fn leader(&self) -> Option<NodeId> {
        self.leader
    }

    /// -1 before the first role.
    pub fn leader_epoch(&self) -> LeaderEpoch {
        self.leader_epoch
    }

    /// -1 before the first role.
    pub fn partition_epoch(&self) -> PartitionEpoch {
        self.partition_epoch
    }

    /// The ISR of a leader.
    pub fn isr(&self) -> &IsrState {
        &self.isr
    }

    /// The state of a follower.
    pub fn remote(&self, id: NodeId) -> Option<&Replica> {
        self.remotes.iter().find(|replica| replica.broker_id == id)
    }

    /// Followers, in the order of the assignment.
    pub fn remotes(&self) -> &[Replica] {
        &self.remotes
    }

    /// The leader to use instead (KIP-951).
    pub fn current_leader(&self) -> LeaderIdAndEpoch {
        LeaderIdAndEpoch { leader_id: self.leader.unwrap_or(NodeId::NONE), leader_epoch: self.leader_epoch }
    }

    /// For audits.
    pub fn shown(&self) -> PartitionShown {
        let (batches, last_batch) = self.log.tail();
        PartitionShown {
            id: self.id,
            log_start: self.log.start_offset(),
            log_end: self.log.end_offset(),
            high_watermark: self.log.high_watermark(),
            leader_epoch: self.leader_epoch,
            batches,
            last_batch,
        }
    }

    /// A topic config changed.
    pub fn set_min_insync_replicas(&mut self, min_insync_replicas: i32) {
        self.min_insync_replicas = min_insync_replicas;
    }

    fn tag(&self) -> PartitionTag {
        self.id.into()
    }

    /// §6.2. Returns `false` if the metadata is older than this replica's state. A pending proposal is dropped: its
    /// response will be ignored. The epoch cache entry is durable before any later effect in the list.
    pub fn make_leader(&mut self, view: &PartitionView, around: &mut Surroundings<'_>, out: &mut Out) -> bool {
        if view.partition_epoch < self.partition_epoch {
            return false;
        }
        let new_leader = !self.is_leader();
        self.assign(view, around.fixes);
        let says_nothing_new = around.fixes.has(Fix::KeepProposalOfSameEpoch)
            && !new_leader
            && (view.partition_epoch, view.leader_epoch) == (self.partition_epoch, self.leader_epoch);
        let never_cleared = self.isr.is_in_flight() && self.bugs.has(Bug::Kafka12751IsrChangeNeverCleared);
        if !says_nothing_new {
            self.proposal = None;
        }
        if !says_nothing_new && !never_cleared {
            self.isr = IsrState::Committed { isr: Rc::clone(&view.isr) };
        }
        self.remotes.retain(|replica| view.replicas.contains(&replica.broker_id));
        for &id in view.replicas.iter().filter(|id| **id != self.local) {
            if self.remote(id).is_none() {
                self.remotes.push(Replica::new(id));
            }
        }
        if view.leader_epoch > self.leader_epoch {
            let start = self.log.end_offset();
            self.log.assign_epoch_start(view.leader_epoch, start, out);
            let missed_one = view.leader_epoch.0 - self.leader_epoch.0 > 1;
            let knows_nothing = new_leader || (missed_one && around.fixes.has(Fix::ResetReplicasOfMissedEpoch));
            for replica in &mut self.remotes {
                let in_isr = view.isr.contains(&replica.broker_id);
                replica.reset(around.now_ms, start, knows_nothing, in_isr);
            }
            self.leader_epoch = view.leader_epoch;
            self.leader_epoch_start = Some(start);
            let (of, epoch) = (self.tag(), self.leader_epoch);
            around.observations.push(BrokerObservation::BecameLeader { of, epoch, start });
        }
        self.partition_epoch = view.partition_epoch;
        self.leader = Some(self.local);
        self.observe_isr(around);
        self.maybe_increment_high_watermark(around);
        true
    }

    /// Follows, or waits for a leader. Returns whether the leader epoch is new: then fetching restarts. Returns `None`
    /// if the metadata is older than this replica's state.
    pub fn make_follower(&mut self, view: &PartitionView, around: &mut Surroundings<'_>) -> Option<bool> {
        if view.partition_epoch < self.partition_epoch {
            return None;
        }
        let new_epoch = view.leader_epoch > self.leader_epoch;
        self.leader = view.leader;
        self.leader_epoch = view.leader_epoch;
        self.leader_epoch_start = None;
        self.partition_epoch = view.partition_epoch;
        self.assign(view, around.fixes);
        self.proposal = None;
        self.isr = IsrState::Committed { isr: Rc::from([]) };
        self.remotes.clear();
        if new_epoch {
            let (of, epoch, end) = (self.tag(), self.leader_epoch, self.log.end_offset());
            around.observations.push(BrokerObservation::BecameFollower { of, epoch, end });
        }
        Some(new_epoch)
    }

    /// The log of a replica keeps its configuration: a publication changes roles, and topic configurations behind them
    /// (`BrokerMetadataPublisher.onMetadataUpdate`).
    fn assign(&mut self, view: &PartitionView, fixes: Fixes) {
        self.published_epoch = view.partition_epoch;
        self.replicas = Rc::clone(&view.replicas);
        if fixes.has(Fix::AwaitMetadataOfIsr) {
            self.min_insync_replicas = view.min_insync_replicas;
        }
    }

    /// Checks whether a request with `epoch` (-1: not checked) may use this replica. Epochs are compared before the
    /// role (§6.5).
    pub fn check_access(&self, epoch: LeaderEpoch, only_leader: bool) -> Result<(), ErrorCode> {
        let epoch = if self.bugs.has(Bug::Kip320EpochOfFetchIgnored) { LeaderEpoch(-1) } else { epoch };
        if epoch.0 >= 0 && epoch < self.leader_epoch {
            Err(ErrorCode::FencedLeaderEpoch)
        } else if epoch.0 >= 0 && epoch > self.leader_epoch {
            Err(ErrorCode::UnknownLeaderEpoch)
        } else if only_leader && !self.is_leader() {
            Err(ErrorCode::NotLeaderOrFollower)
        } else {
            Ok(())
        }
    }

    /// §6.6: admission, append, and the resulting high watermark.
    pub fn append_as_leader(
        &mut self,
        records: &Records,
        acks: i16,
        around: &mut Surroundings<'_>,
        out: &mut Out,
    ) -> Result<LeaderAppend, ErrorCode> {
        if !self.is_leader() {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        if acks == -1 && self.isr.effective().len() < self.effective_min_isr() {
            if self.bugs.has(Bug::Kafka6683StateBeforeAppend) {
                self.log.note_producers(records, self.leader_epoch);
            }
            return Err(ErrorCode::NotEnoughReplicas);
        }
        let appended = self.log.append_as_leader(records, self.leader_epoch, around.now_ms, out)?;
        self.maybe_increment_high_watermark(around);
        Ok(appended)
    }

    /// `checkEnoughReplicasReachOffset`: `None` while an append that ends at `required` (exclusive) is not committed.
    pub fn acknowledgement(&self, required: Offset) -> Option<ErrorCode> {
        if !self.is_leader() {
            let refused = self.bugs.has(Bug::PendingAppendRefused);
            return Some(if refused { ErrorCode::NotEnoughReplicas } else { ErrorCode::NotLeaderOrFollower });
        }
        if self.log.high_watermark() < required {
            return None;
        }
        let enough = self.isr.maximal_len() >= self.effective_min_isr();
        Some(if enough { ErrorCode::None } else { ErrorCode::NotEnoughReplicasAfterAppend })
    }

    /// §6.5 steps 2 and 3 of a read: where the logs diverge, if they do. An epoch of -1 is not checked.
    pub fn diverging_epoch(
        &self,
        fetch_offset: Offset,
        last_fetched_epoch: LeaderEpoch,
    ) -> Result<Option<OffsetAndEpoch>, ErrorCode> {
        if last_fetched_epoch.0 < 0 || self.bugs.has(Bug::NoPartitionDivergenceCheck) {
            return Ok(None);
        }
        let end = self.log.end_offset_for(last_fetched_epoch).ok_or(ErrorCode::OffsetOutOfRange)?;
        if fetch_offset < self.log.start_offset() {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        let diverges = end.epoch < last_fetched_epoch || end.offset < fetch_offset;
        if diverges && self.bugs.has(Bug::WrongDivergenceAnswer) {
            return Ok(Some(OffsetAndEpoch { offset: self.log.end_offset(), epoch: last_fetched_epoch }));
        }
        if diverges && self.bugs.has(Bug::Kip279EndOffsetWithoutEpoch) {
            return Ok(Some(OffsetAndEpoch { epoch: last_fetched_epoch, ..end }));
        }
        Ok(diverges.then_some(end))
    }

    /// The start offset of its epoch, if it leads.
    pub fn leader_epoch_start(&self) -> Option<Offset> {
        self.leader_epoch_start
    }
}
