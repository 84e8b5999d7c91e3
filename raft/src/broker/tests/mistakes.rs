//! What replicas do wrong with a mistake switched on, and right without it.

use super::desk::{Desk, batch, numbered};
use crate::bugs::{Bug, Bugs};
use crate::fixes::Fixes;
use crate::ids::{LeaderEpoch, Offset, OffsetAndEpoch};
use crate::message::ErrorCode;

const DONE: ErrorCode = ErrorCode::None;

/// What a story comes to: with the mistake, and without.
fn with_and_without<T>(bug: Bug, story: impl Fn(&mut Desk) -> T) -> (T, T) {
    let tell = |bugs| {
        let mut desk = Desk::switched(bugs, Fixes::NONE);
        desk.advance(1_000);
        story(&mut desk)
    };
    (tell(Bugs::NONE.with(bug)), tell(Bugs::NONE))
}

/// Broker 3 dies, and its leader asks for an ISR without it.
fn broker_3_dies(desk: &mut Desk) {
    desk.kill(3);
    desk.produce(1, 1, batch(&[100]));
    desk.advance(46_000);
}

/// Broker 1 leads on, in another epoch; those in `to` know.
fn next_epoch(desk: &mut Desk, to: &[i32]) {
    desk.image.partition.leader_epoch.0 += 1;
    desk.image.partition.partition_epoch.0 += 1;
    desk.publish(to);
}

#[test]
fn p01_a_follower_cuts_what_it_does_not_know_to_be_committed() {
    let (wrong, right) = with_and_without(Bug::Kip101TruncateToHighWatermark, |desk| {
        let acked = desk.produce(1, -1, batch(&[1]));
        desk.advance(0);
        assert_eq!((desk.produced(acked), desk.high_watermark(2)), (Some((DONE, 0)), 0));
        desk.cut(1, 2);
        next_epoch(desk, &[2]);
        desk.values(2)
    });
    assert_eq!((wrong, right), (vec![], vec![1]));
}

#[test]
fn p05_a_replica_joins_without_what_was_committed_in_older_epochs() {
    let (wrong, right) = with_and_without(Bug::Kafka7128JoinBelowEpochStart, |desk| {
        desk.cut(1, 3);
        desk.cut(2, 3);
        desk.change(1, &[1, 2], &[1, 2]);
        // Not caught up any more: nobody waits for it.
        desk.advance(31_000);
        let acked = desk.produce(1, -1, batch(&[1]));
        desk.advance(0);
        assert_eq!((desk.produced(acked), desk.high_watermark(2)), (Some((DONE, 0)), 0));
        desk.kill(1);
        desk.heal();
        // It has fetched from 0 once, and gets nothing for a second.
        desk.tamper = Some(|answer| answer.error = ErrorCode::UnknownLeaderEpoch);
        desk.change(2, &[2], &[2, 3]);
        desk.advance(100);
        assert!(desk.tamper.is_none() && desk.values(3).is_empty());
        desk.proposed()
    });
    assert_eq!((wrong, right), (vec![vec![2, 3]], vec![]));
}

#[test]
fn p09_an_answer_of_an_older_epoch_cuts_what_is_committed() {
    let (wrong, right) = with_and_without(Bug::Kafka18991StaleFetchApplied, |desk| {
        let acked = desk.produce(1, -1, batch(&[1]));
        desk.advance(0);
        assert_eq!(desk.produced(acked), Some((DONE, 0)));
        desk.cut(1, 3);
        next_epoch(desk, &[2]);
        desk.tamper =
            Some(|answer| answer.diverging_epoch = Some(OffsetAndEpoch { offset: Offset(0), epoch: LeaderEpoch(0) }));
        desk.advance(501);
        assert!(desk.tamper.is_none());
        desk.values(2)
    });
    assert_eq!((wrong, right), (vec![], vec![1]));
}

#[test]
fn p19_an_isr_change_that_metadata_overtook_is_the_last_one() {
    let (wrong, right) = with_and_without(Bug::Kafka12751IsrChangeNeverCleared, |desk| {
        broker_3_dies(desk);
        assert_eq!(desk.proposed(), [[1, 2]]);
        desk.change(1, &[1, 2], &[1]);
        desk.refuse_proposal(ErrorCode::InvalidUpdateVersion);
        desk.boot(3);
        desk.advance(20_000);
        desk.proposed()
    });
    assert_eq!((wrong, right), (vec![], vec![vec![1, 2, 3]]));
}

#[test]
fn p20_the_high_watermark_does_not_wait_for_a_member_to_be() {
    let (wrong, right) = with_and_without(Bug::Kip497CommittedIsrOnly, |desk| {
        broker_3_dies(desk);
        desk.accept_proposal();
        desk.boot(3);
        desk.advance(1_000);
        assert_eq!(desk.proposed(), [[1, 2, 3]]);
        desk.cut(1, 3);
        let asked = desk.produce(1, -1, batch(&[1]));
        desk.advance(1_000);
        desk.produced(asked)
    });
    assert_eq!((wrong, right), (Some((DONE, 1)), None));
}

#[test]
fn p36_a_leader_alone_goes_on_acknowledging() {
    let (wrong, right) = with_and_without(Bug::Jepsen2013NoMinIsr, |desk| {
        desk.kill(2);
        broker_3_dies(desk);
        desk.accept_proposal();
        let asked = desk.produce(1, -1, batch(&[1]));
        (desk.produced(asked), desk.high_watermark(1))
    });
    assert_eq!((wrong, right), ((Some((DONE, 1)), 2), (Some((ErrorCode::NotEnoughReplicas, -1)), 0)));
}

#[test]
fn l01_a_proposal_does_not_say_which_process_it_means() {
    let (wrong, right) = with_and_without(Bug::Kafka14617IsrWithoutEpochs, |desk| {
        broker_3_dies(desk);
        let members = &desk.proposals[0].2.partitions[0].new_isr_with_epochs;
        members.iter().map(|member| member.broker_epoch.0).collect::<Vec<_>>()
    });
    assert_eq!((wrong, right), (vec![-1, -1], vec![11, 12]));
}

#[test]
fn g29_a_new_leader_takes_a_retry_for_a_new_batch() {
    let (wrong, right) = with_and_without(Bug::ProducerStateOfLeaderOnly, |desk| {
        desk.produce(1, -1, numbered(5, 0, 0, &[7]));
        desk.advance(1_000);
        desk.change(2, &[1, 2, 3], &[1, 2, 3]);
        let retry = desk.produce(2, -1, numbered(5, 0, 0, &[7]));
        desk.advance(1_000);
        (desk.produced(retry), desk.values(2))
    });
    assert_eq!((wrong, right), ((Some((DONE, 1)), vec![7, 7]), (Some((DONE, 0)), vec![7])));
}

#[test]
fn a_leader_that_does_not_compare_epochs_mends_no_log() {
    let (wrong, right) = with_and_without(Bug::NoPartitionDivergenceCheck, |desk| {
        desk.cut(1, 2);
        desk.cut(1, 3);
        desk.produce(1, 1, batch(&[90]));
        desk.change(2, &[2, 3], &[2, 3]);
        desk.produce(2, -1, batch(&[2]));
        desk.produce(2, -1, batch(&[3]));
        desk.heal();
        desk.publish(&[1]);
        desk.advance(2_000);
        desk.values(1)
    });
    assert_eq!((wrong, right), (vec![90, 3], vec![2, 3]));
}

#[test]
fn a_high_watermark_goes_back_with_a_replica_that_lost_its_tail() {
    let (wrong, right) = with_and_without(Bug::PartitionHighWatermarkGoesBack, |desk| {
        desk.produce(1, -1, batch(&[1]));
        desk.advance(1_000);
        assert_eq!(desk.high_watermark(1), 1);
        desk.cut(1, 2);
        desk.lose_power(3);
        desk.tamper = Some(|answer| answer.error = ErrorCode::UnknownLeaderEpoch);
        desk.boot(3);
        assert!(desk.tamper.is_none() && desk.values(3).is_empty());
        desk.high_watermark(1)
    });
    assert_eq!((wrong, right), (0, 1));
}

#[test]
fn two_lead_in_one_epoch() {
    let (wrong, right) = with_and_without(Bug::FirstReplicaLeads, |desk| {
        desk.change(2, &[1, 2, 3], &[1, 2, 3]);
        [1, 2, 3].map(|id| (desk.partition(id).is_leader(), desk.partition(id).leader_epoch().0))
    });
    assert_eq!((wrong, right), ([(true, 1), (true, 1), (false, 1)], [(false, 1), (true, 1), (false, 1)]));
}

#[test]
fn batches_of_a_producer_are_taken_in_any_order() {
    let (wrong, right) = with_and_without(Bug::SequenceNotChecked, |desk| {
        desk.produce(1, -1, numbered(5, 0, 0, &[0]));
        let third = desk.produce(1, -1, numbered(5, 0, 2, &[2]));
        desk.advance(1_000);
        (desk.produced(third), desk.values(1))
    });
    let refused = Some((ErrorCode::OutOfOrderSequenceNumber, -1));
    assert_eq!((wrong, right), ((Some((DONE, 1)), vec![0, 2]), (refused, vec![0])));
}

#[test]
fn the_mistakes_of_the_record_log_are_made_by_partitions_too() {
    let alone = |desk: &mut Desk| {
        desk.cut(1, 2);
        desk.cut(1, 3);
        let asked = desk.produce(1, -1, batch(&[1]));
        desk.advance(100);
        (desk.produced(asked), desk.consume(1, 0).2)
    };
    let (early, right) = with_and_without(Bug::AckAtAppend, alone);
    let (dirty, _) = with_and_without(Bug::ReadUncommitted, alone);
    assert_eq!((early, dirty, right), ((Some((DONE, 0)), vec![]), (None, vec![1]), (None, vec![])));

    let acknowledged = |desk: &mut Desk| {
        desk.produce(1, -1, batch(&[1]));
        let second = desk.produce(1, -1, batch(&[2]));
        desk.advance(1_000);
        desk.produced(second)
    };
    assert_eq!(with_and_without(Bug::AckWrongOffset, acknowledged), (Some((DONE, 0)), Some((DONE, 1))));

    let deposed = |desk: &mut Desk| {
        desk.cut(1, 2);
        let waits = desk.produce(1, -1, batch(&[1]));
        desk.change(3, &[1, 3], &[1, 3]);
        desk.produced(waits).map(|(error, _)| error)
    };
    let (refused, unknown) = with_and_without(Bug::PendingAppendRefused, deposed);
    assert_eq!((refused, unknown), (Some(ErrorCode::NotEnoughReplicas), Some(ErrorCode::NotLeaderOrFollower)));
}
