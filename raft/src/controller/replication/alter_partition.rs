//! AlterPartition: the ISR proposals of leaders (controller-broker.md §4.3).

use std::rc::Rc;

use super::view::View;
use crate::bugs::Bug;
use crate::controller::partition_change_builder::PartitionChangeBuilder;
use crate::controller::result::ControllerResult;
use crate::ids::{BrokerEpoch, LeaderEpoch, NodeId, PartitionEpoch};
use crate::message::ErrorCode;
use crate::message::cluster::{
    AlterPartitionItem, AlterPartitionRequest, AlterPartitionResponse, AlterPartitionResult, BrokerState,
};
use crate::metadata::MetadataRecord;
use crate::metadata::image::{LeaderRecoveryState, PartitionRegistration};
use crate::metadata::records::NO_LEADER_CHANGE;

/// Each partition is handled separately; not atomic.
pub fn alter_partition(
    view: View<'_>,
    request: &AlterPartitionRequest,
) -> Result<ControllerResult<AlterPartitionResponse>, ErrorCode> {
    let sender = view.state.cluster.broker(request.broker_id);
    if sender.is_none_or(|broker| broker.epoch != request.broker_epoch) {
        return Err(ErrorCode::StaleBrokerEpoch);
    }
    let mut records = Vec::new();
    let mut results = Vec::with_capacity(request.partitions.len());
    for item in request.partitions.iter() {
        results.push(match alter_one(view, request.broker_id, item, &mut records) {
            Ok(new) => accepted(item, &new),
            Err(error) => failed(item, error),
        });
    }
    let response = AlterPartitionResponse { error: ErrorCode::None, partitions: results.into() };
    Ok(ControllerResult::of(records, response))
}

fn alter_one(
    view: View<'_>,
    sender: NodeId,
    item: &AlterPartitionItem,
    records: &mut Vec<MetadataRecord>,
) -> Result<PartitionRegistration, ErrorCode> {
    let topic = view.state.topics.topic(item.partition.topic_id).ok_or(ErrorCode::UnknownTopicId)?;
    let partition = topic.partitions.get(&item.partition.partition).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    // Kafka answers an unknown recovery state with an uncaught IllegalArgumentException (§2.5).
    let recovery = LeaderRecoveryState::of(item.leader_recovery_state).ok_or(ErrorCode::UnknownServerError)?;
    validate(view, sender, item, recovery, partition)?;

    let acceptable = |replica: NodeId| view.is_acceptable_leader(partition, replica);
    let target_isr = item.new_isr_with_epochs.iter().map(|member| member.broker_id).collect();
    let builder = PartitionChangeBuilder::new(item.partition, topic, partition, view.state, view.settings, &acceptable);
    let builder = builder.election(view.election_of(&topic.name));
    let Some(change) = builder.target_isr(target_isr).target_recovery_state(recovery).build() else {
        return Ok(partition.clone());
    };
    let new = partition.merge(&change).map_err(|_| ErrorCode::UnknownServerError)?;
    let elected_another = change.leader != NO_LEADER_CHANGE && change.leader != sender;
    records.push(MetadataRecord::PartitionChange(change));
    if elected_another { Err(ErrorCode::NewLeaderElected) } else { Ok(new) }
}

/// Checks 3 to 12; the first failure is returned.
fn validate(
    view: View<'_>,
    sender: NodeId,
    item: &AlterPartitionItem,
    recovery: LeaderRecoveryState,
    partition: &PartitionRegistration,
) -> Result<(), ErrorCode> {
    let isr = &item.new_isr_with_epochs;
    let refuse = |wrong: bool, error: ErrorCode| if wrong { Err(error) } else { Ok(()) };
    let bugs = view.settings.bugs;
    let final_word = bugs.has(Bug::Kafka14154LaggingControllerFences);
    let ahead = if final_word { ErrorCode::FencedLeaderEpoch } else { ErrorCode::NotController };
    refuse(item.leader_epoch > partition.leader_epoch, ahead)?;
    refuse(item.partition_epoch > partition.partition_epoch, ahead)?;
    refuse(item.leader_epoch < partition.leader_epoch, ErrorCode::FencedLeaderEpoch)?;
    refuse(sender != partition.leader, ErrorCode::InvalidRequest)?;
    let is_late = item.partition_epoch < partition.partition_epoch && !bugs.has(Bug::Kafka428NoCompareAndSet);
    refuse(is_late, ErrorCode::InvalidUpdateVersion)?;
    refuse(!is_subset_of_replicas(isr, partition), ErrorCode::InvalidRequest)?;
    refuse(!isr.iter().any(|member| member.broker_id == partition.leader), ErrorCode::InvalidRequest)?;
    let recovering = recovery == LeaderRecoveryState::Recovering;
    refuse(recovering && isr.len() > 1, ErrorCode::InvalidRequest)?;
    let was_recovered = partition.leader_recovery_state == LeaderRecoveryState::Recovered;
    refuse(recovering && was_recovered, ErrorCode::InvalidRequest)?;
    refuse(!isr.iter().all(|member| is_eligible(view, member)), ErrorCode::IneligibleReplica)
}

fn is_subset_of_replicas(isr: &[BrokerState], partition: &PartitionRegistration) -> bool {
    isr.iter().enumerate().all(|(at, member)| {
        let twice = isr[..at].iter().any(|other| other.broker_id == member.broker_id);
        !twice && member.broker_id.0 >= 0 && partition.replicas.contains(&member.broker_id)
    })
}

/// Members that are already in the ISR, and the leader, are checked in the same way.
fn is_eligible(view: View<'_>, member: &BrokerState) -> bool {
    let broker = view.state.cluster.broker(member.broker_id);
    broker.is_some_and(|broker| {
        let same_epoch = member.broker_epoch == BrokerEpoch::UNKNOWN || member.broker_epoch == broker.epoch;
        (broker.is_active() || view.settings.bugs.has(Bug::Kafka13916FencedJoinsIsr)) && same_epoch
    })
}

fn accepted(item: &AlterPartitionItem, new: &PartitionRegistration) -> AlterPartitionResult {
    AlterPartitionResult {
        partition: item.partition,
        error: ErrorCode::None,
        leader_id: new.leader,
        leader_epoch: new.leader_epoch,
        isr: Rc::clone(&new.isr),
        leader_recovery_state: new.leader_recovery_state as i8,
        partition_epoch: new.partition_epoch,
    }
}

/// The other fields have their defaults.
fn failed(item: &AlterPartitionItem, error: ErrorCode) -> AlterPartitionResult {
    AlterPartitionResult {
        partition: item.partition,
        error,
        leader_id: NodeId(0),
        leader_epoch: LeaderEpoch(0),
        isr: Rc::from([]),
        leader_recovery_state: 0,
        partition_epoch: PartitionEpoch(0),
    }
}
