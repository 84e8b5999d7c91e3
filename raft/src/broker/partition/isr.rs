//! High watermark and ISR of a leader: which replicas count, leave and join, and how the controller's responses are
//! processed (controller-broker.md §6.3, §6.4).

use std::rc::Rc;

use super::{IsrState, Partition, Replica, Surroundings};
use crate::broker::observation::BrokerObservation;
use crate::bugs::{Bug, Bugs};
use crate::fixes::Fix;
use crate::ids::{BrokerEpoch, NodeId, Offset};
use crate::message::ErrorCode;
use crate::message::cluster::{AlterPartitionItem, AlterPartitionResult, BrokerState};

/// The leader's next step after the controller's response to its proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlterPartitionOutcome {
    /// None: committed, reverted, ignored, or waiting for metadata.
    Done,
    /// The high watermark advanced: waiting requests may complete.
    HighWatermarkMoved,
    /// The same proposal is sent to the controller again.
    Resubmit(AlterPartitionItem),
}

impl Partition {
    /// `min(min.insync.replicas, replicas)`
    pub(super) fn effective_min_isr(&self) -> usize {
        if self.bugs.has(Bug::Jepsen2013NoMinIsr) {
            return 1;
        }
        usize::try_from(self.min_insync_replicas).unwrap_or(0).min(self.replicas.len())
    }

    /// `maybeIncrementLeaderHW`; returns whether it advanced. It never advances below min ISR, whatever the acks
    /// (strict min ISR, since 4.0). It waits for a replica that is caught up and may join.
    pub fn maybe_increment_high_watermark(&mut self, around: &mut Surroundings<'_>) -> bool {
        let below_min_isr = self.isr.effective().len() < self.effective_min_isr();
        if !self.is_leader() || below_min_isr && !self.bugs.has(Bug::HighWatermarkBelowMinIsr) {
            return false;
        }
        let is_shrink_unpublished = self.published_epoch < self.shrunk_epoch && around.view.is_elr_enabled();
        if is_shrink_unpublished && around.fixes.has(Fix::AwaitMetadataOfIsr) {
            return false;
        }
        let end = self.log.end_offset();
        let committed_only = self.bugs.has(Bug::Kip497CommittedIsrOnly);
        let leaves_at_once = |id: NodeId| {
            self.bugs.has(Bug::ShrinkCountsAtOnce)
                && matches!(&self.isr, IsrState::PendingShrink { removed, .. } if removed.contains(&id))
        };
        let counts = |replica: &&Replica| {
            if leaves_at_once(replica.broker_id) {
                return false;
            }
            if committed_only {
                return self.isr.effective().contains(&replica.broker_id);
            }
            self.isr.is_in_maximal(replica.broker_id)
                || replica.is_caught_up(end, around.now_ms, around.max_lag_ms)
                    && is_eligible(replica, self.bugs, around)
        };
        // A member whose end is unknown has not fetched from this leader yet, so the high watermark stays.
        let mut ends = self.remotes.iter().filter(counts).map(|replica| replica.log_end);
        let Some(smallest) = ends.try_fold(end, |smallest, end| Some(smallest.min(end?))) else { return false };
        let back = smallest < self.log.high_watermark() && !self.bugs.has(Bug::PartitionHighWatermarkGoesBack);
        if back || smallest == self.log.high_watermark() {
            return false;
        }
        self.log.update_high_watermark(smallest);
        let (of, epoch, offset) = (self.tag(), self.leader_epoch, self.log.high_watermark());
        around.observations.push(BrokerObservation::LeaderHighWatermark { of, epoch, offset });
        true
    }

    /// Records a follower's fetch, once per request and with the values at its arrival. A stale incarnation is refused
    /// if the new one is unfenced in this broker's image (§6.4).
    pub fn update_follower_fetch_state(
        &mut self,
        follower: NodeId,
        follower_epoch: BrokerEpoch,
        fetch_offset: Offset,
        leader_log_end: Offset,
        around: &mut Surroundings<'_>,
    ) -> Result<bool, ErrorCode> {
        let without_epochs = self.bugs.has(Bug::Kafka14617IsrWithoutEpochs);
        let follower_epoch = if without_epochs { BrokerEpoch::UNKNOWN } else { follower_epoch };
        let alive = around.view.broker(follower).filter(|broker| !broker.fenced);
        if follower_epoch.0 != -1 && alive.is_some_and(|broker| broker.epoch > follower_epoch) {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        let replica = self.remotes.iter_mut().find(|replica| replica.broker_id == follower);
        // The follower is not in the assignment that this leader knows (§6.5).
        let replica = replica.ok_or(ErrorCode::UnknownLeaderEpoch)?;
        let moved = replica.log_end != Some(fetch_offset);
        replica.update_fetch_state(fetch_offset, around.now_ms, leader_log_end, follower_epoch);
        Ok(moved)
    }

    /// A follower that has fetched joins the ISR if it has all committed records and all records of older epochs.
    /// Returns the proposal to the controller.
    pub fn maybe_expand_isr(&mut self, follower: NodeId, around: &mut Surroundings<'_>) -> Option<AlterPartitionItem> {
        let start = self.leader_epoch_start?;
        if !self.is_leader() || self.isr.is_in_flight() || self.isr.effective().contains(&follower) {
            return None;
        }
        let replica = self.remote(follower)?;
        let end = replica.log_end?;
        let below_start = end < start && !self.bugs.has(Bug::Kafka7128JoinBelowEpochStart);
        if end < self.log.high_watermark() || below_start || !is_eligible(replica, self.bugs, around) {
            return None;
        }
        let base = Rc::clone(self.isr.effective());
        Some(self.propose(IsrState::PendingExpand { base, new: follower }, around))
    }

    /// Members that have not been caught up for `replica.lag.time.max.ms` leave, all in one change.
    pub fn maybe_shrink_isr(&mut self, around: &mut Surroundings<'_>) -> Option<AlterPartitionItem> {
        if !self.is_leader() || self.isr.is_in_flight() {
            return None;
        }
        let end = self.log.end_offset();
        let max_lag_ms = around.max_lag_ms / if self.bugs.has(Bug::ShrunkEarly) { 8 } else { 1 };
        let lags = |id: &NodeId| {
            let replica = self.remote(*id);
            replica.is_some_and(|replica| !replica.is_caught_up(end, around.now_ms, max_lag_ms))
        };
        let removed: Rc<[NodeId]> = self.isr.effective().iter().copied().filter(lags).collect();
        if removed.is_empty() {
            return None;
        }
        let base = Rc::clone(self.isr.effective());
        Some(self.propose(IsrState::PendingShrink { base, removed }, around))
    }

    fn propose(&mut self, state: IsrState, around: &mut Surroundings<'_>) -> AlterPartitionItem {
        let epoch_of = |id: NodeId| {
            if self.bugs.has(Bug::Kafka14617IsrWithoutEpochs) {
                return BrokerEpoch::UNKNOWN;
            }
            let known = self.remote(id).and_then(|replica| replica.broker_epoch);
            if id == self.local { around.broker_epoch } else { known.unwrap_or(BrokerEpoch::UNKNOWN) }
        };
        let members = state.proposed().into_iter();
        let new_isr_with_epochs = members.map(|id| BrokerState { broker_id: id, broker_epoch: epoch_of(id) }).collect();
        let item = AlterPartitionItem {
            partition: self.id,
            leader_epoch: self.leader_epoch,
            new_isr_with_epochs,
            leader_recovery_state: 0,
            partition_epoch: self.partition_epoch,
        };
        self.isr = state;
        self.proposal = Some(item.clone());
        self.observe_isr(around);
        item
    }

    /// Processes the controller's response to `item` (§6.4, the table). `OPERATION_NOT_ATTEMPTED` also means that the
    /// sender still has another item of this partition.
    pub fn on_alter_partition_result(
        &mut self,
        item: &AlterPartitionItem,
        result: &AlterPartitionResult,
        around: &mut Surroundings<'_>,
    ) -> AlterPartitionOutcome {
        if self.proposal.as_ref() != Some(item) {
            return AlterPartitionOutcome::Done;
        }
        match result.error {
            ErrorCode::None => self.on_committed_isr(result, around),
            error if is_refusal(error, self.bugs) => {
                let isr = Rc::clone(self.isr.effective());
                self.commit_isr(isr, around);
                AlterPartitionOutcome::Done
            }
            // Whether it was committed will be known from metadata.
            ErrorCode::UnknownTopicOrPartition
            | ErrorCode::UnknownTopicId
            | ErrorCode::FencedLeaderEpoch
            | ErrorCode::InvalidUpdateVersion
            | ErrorCode::InvalidRequest
            | ErrorCode::NewLeaderElected => AlterPartitionOutcome::Done,
            _ => AlterPartitionOutcome::Resubmit(item.clone()),
        }
    }

    fn on_committed_isr(
        &mut self,
        result: &AlterPartitionResult,
        around: &mut Surroundings<'_>,
    ) -> AlterPartitionOutcome {
        if result.leader_epoch != self.leader_epoch || result.partition_epoch < self.partition_epoch {
            return AlterPartitionOutcome::Done;
        }
        self.partition_epoch = result.partition_epoch;
        if self.isr.effective().iter().any(|member| !result.isr.contains(member)) {
            self.shrunk_epoch = result.partition_epoch;
        }
        self.commit_isr(Rc::clone(&result.isr), around);
        if self.maybe_increment_high_watermark(around) {
            AlterPartitionOutcome::HighWatermarkMoved
        } else {
            AlterPartitionOutcome::Done
        }
    }

    fn commit_isr(&mut self, isr: Rc<[NodeId]>, around: &mut Surroundings<'_>) {
        self.isr = IsrState::Committed { isr };
        self.proposal = None;
        self.observe_isr(around);
    }

    pub(super) fn observe_isr(&self, around: &mut Surroundings<'_>) {
        let count = |members: usize| u8::try_from(members).unwrap_or(u8::MAX);
        around.observations.push(BrokerObservation::IsrState {
            of: self.tag(),
            partition_epoch: self.partition_epoch,
            maximal: count(self.isr.maximal_len()),
            effective: count(self.isr.effective().len()),
            in_flight: self.isr.is_in_flight(),
        });
    }
}

/// Whether the ISR is certainly unchanged by the proposal.
fn is_refusal(error: ErrorCode, bugs: Bugs) -> bool {
    match error {
        ErrorCode::IneligibleReplica | ErrorCode::OperationNotAttempted => true,
        ErrorCode::InvalidUpdateVersion => bugs.has(Bug::RefusedProposalForgotten),
        _ => false,
    }
}

/// `isReplicaIsrEligible`: unfenced, not in controlled shutdown, and its last fetch was of the incarnation in the
/// image.
fn is_eligible(replica: &Replica, bugs: Bugs, around: &Surroundings<'_>) -> bool {
    let (Some(broker), Some(epoch)) = (around.view.broker(replica.broker_id), replica.broker_epoch) else {
        return false;
    };
    let active = !broker.fenced && !broker.in_controlled_shutdown;
    (active || bugs.has(Bug::Kafka13916FencedJoinsIsr)) && (epoch == BrokerEpoch::UNKNOWN || epoch == broker.epoch)
}
