//! AlterPartition: its twelve checks in their order, and what is answered (controller-broker.md §4.3).

use super::harness::{Harness, cluster};
use super::{nodes, uuid};
use crate::ids::{BrokerEpoch, LeaderEpoch, NodeId, PartitionEpoch};
use crate::message::cluster::{AlterPartitionItem, AlterPartitionRequest, BrokerState};
use crate::message::{ClusterRequest, ClusterResponse, ErrorCode, Response};

/// Topic `t` on brokers 1, 2, 3 with all in the ISR, led by 1; broker 4 is fenced.
fn started() -> Harness {
    let mut harness = Harness::active();
    harness.join(&[1, 2, 3]);
    harness.register(4, 4, BrokerEpoch::UNKNOWN);
    harness.create("t", &[&[1, 2, 3]], &[]);
    // A change, so that both epochs can be too old.
    let (leader, item) = harness.proposal("t", &[1, 2]);
    assert_eq!(harness.alter(leader, item).partitions[0].error, ErrorCode::None);
    harness
}

fn verdict(change: impl FnOnce(&mut AlterPartitionItem)) -> ErrorCode {
    let mut harness = started();
    let (leader, mut item) = harness.proposal("t", &[1, 2, 3]);
    change(&mut item);
    harness.alter(leader, item).partitions[0].error
}

fn members(ids: &[i32]) -> std::rc::Rc<[BrokerState]> {
    let member = |id: &i32| BrokerState { broker_id: NodeId(*id), broker_epoch: BrokerEpoch::UNKNOWN };
    ids.iter().map(member).collect()
}

#[test]
fn the_first_failing_check_decides() {
    let newer = LeaderEpoch(9);
    assert_eq!(verdict(|item| item.partition.topic_id = uuid(77)), ErrorCode::UnknownTopicId);
    assert_eq!(verdict(|item| item.partition.partition = 7), ErrorCode::UnknownTopicOrPartition);
    assert_eq!(verdict(|item| item.leader_epoch = newer), ErrorCode::NotController);
    assert_eq!(verdict(|item| item.partition_epoch = PartitionEpoch(9)), ErrorCode::NotController);
    assert_eq!(verdict(|item| item.leader_epoch = LeaderEpoch(-1)), ErrorCode::FencedLeaderEpoch);
    assert_eq!(verdict(|item| item.partition_epoch = PartitionEpoch(0)), ErrorCode::InvalidUpdateVersion);
    for isr in [&[1, 2, 2][..], &[1, -1], &[1, 4], &[2, 3], &[]] {
        assert_eq!(verdict(|item| item.new_isr_with_epochs = members(isr)), ErrorCode::InvalidRequest, "{isr:?}");
    }
    assert_eq!(verdict(|item| item.leader_recovery_state = 1), ErrorCode::InvalidRequest);
    let both_too_old = |item: &mut AlterPartitionItem| {
        item.leader_epoch = LeaderEpoch(-1);
        item.partition_epoch = PartitionEpoch(0);
    };
    assert_eq!(verdict(both_too_old), ErrorCode::FencedLeaderEpoch, "LE is checked before PE");
    let old_and_new = |item: &mut AlterPartitionItem| {
        item.leader_epoch = LeaderEpoch(-1);
        item.partition_epoch = PartitionEpoch(9);
    };
    assert_eq!(verdict(old_and_new), ErrorCode::NotController, "both \"newer\" tests come first");
    let stale_member = |item: &mut AlterPartitionItem| {
        item.new_isr_with_epochs =
            [1, 2, 3].map(|id| BrokerState { broker_id: NodeId(id), broker_epoch: BrokerEpoch(1) }).into();
    };
    assert_eq!(verdict(stale_member), ErrorCode::IneligibleReplica);
    assert_eq!(verdict(|_| {}), ErrorCode::None);
}

#[test]
fn a_follower_may_not_propose_and_an_old_incarnation_nothing_at_all() {
    let mut harness = started();
    let (_, item) = harness.proposal("t", &[1, 2, 3]);
    assert_eq!(harness.alter(NodeId(2), item.clone()).partitions[0].error, ErrorCode::InvalidRequest);
    let request =
        AlterPartitionRequest { broker_id: NodeId(1), broker_epoch: BrokerEpoch(1), partitions: [item].into() };
    let response = harness.ask(cluster(ClusterRequest::AlterPartition(request)));
    let Response::Cluster(ClusterResponse::AlterPartition(response)) = response else { panic!() };
    assert_eq!((response.error, response.partitions.len()), (ErrorCode::StaleBrokerEpoch, 0));
}

#[test]
fn a_change_answers_the_new_state_and_no_change_writes_nothing() {
    let mut harness = started();
    let (leader, item) = harness.proposal("t", &[1, 2, 3]);
    let result = harness.alter(leader, item).partitions[0].clone();
    assert_eq!((result.leader_id, result.leader_epoch), (NodeId(1), LeaderEpoch(0)));
    assert_eq!((result.isr, result.partition_epoch), (nodes(&[1, 2, 3]), PartitionEpoch(2)));
    let written = harness.log.written.len();
    let (leader, item) = harness.proposal("t", &[1, 2, 3]);
    assert_eq!(harness.alter(leader, item).partitions[0].partition_epoch, PartitionEpoch(2));
    assert_eq!(harness.log.written.len(), written);
}

#[test]
fn a_leader_in_controlled_shutdown_cannot_change_its_isr() {
    let mut harness = started();
    harness.create("alone", &[&[3]], &[]);
    harness.heartbeat(3, false, true);
    let (leader, item) = harness.proposal("t", &[1, 2, 3]);
    assert_eq!(harness.alter(leader, item).partitions[0].error, ErrorCode::IneligibleReplica);
}

/// `AlterPartitionResponseData.PartitionData`: what is not set has its default.
#[test]
fn a_refused_proposal_is_answered_with_an_error_and_defaults() {
    let mut harness = started();
    let (leader, mut item) = harness.proposal("t", &[1, 2, 3]);
    item.leader_epoch = LeaderEpoch(9);
    let response = harness.alter(leader, item);
    let result = &response.partitions[0];
    assert_eq!(result.error, ErrorCode::NotController);
    let others = (result.leader_id, result.leader_epoch, result.partition_epoch, result.isr.len());
    assert_eq!(others, (NodeId(0), LeaderEpoch(0), PartitionEpoch(0), 0));
}
