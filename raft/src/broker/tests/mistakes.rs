//! The behaviour of replicas with a bug switched on, and without it.

use super::harness::{Harness, batch, numbered};
use crate::bugs::{Bug, Bugs};
use crate::fixes::Fixes;
use crate::ids::{LeaderEpoch, Offset, OffsetAndEpoch};
use crate::message::ErrorCode;

const DONE: ErrorCode = ErrorCode::None;

/// The results of a test with the bug and without.
fn with_and_without<T>(bug: Bug, story: impl Fn(&mut Harness) -> T) -> (T, T) {
    let tell = |bugs| {
        let mut harness = Harness::switched(bugs, Fixes::NONE);
        harness.advance(1_000);
        story(&mut harness)
    };
    (tell(Bugs::NONE.with(bug)), tell(Bugs::NONE))
}

/// Broker 3 crashes, and its leader proposes an ISR without it.
fn broker_3_dies(harness: &mut Harness) {
    harness.kill(3);
    harness.produce(1, 1, batch(&[100]));
    harness.advance(46_000);
}

/// Broker 1 leads in another epoch; the brokers in `to` receive the change.
fn next_epoch(harness: &mut Harness, to: &[i32]) {
    harness.image.partition.leader_epoch.0 += 1;
    harness.image.partition.partition_epoch.0 += 1;
    harness.publish(to);
}

#[test]
fn p01_a_follower_cuts_what_it_does_not_know_to_be_committed() {
    let (wrong, right) = with_and_without(Bug::Kip101TruncateToHighWatermark, |harness| {
        let acked = harness.produce(1, -1, batch(&[1]));
        harness.advance(0);
        assert_eq!((harness.produced(acked), harness.high_watermark(2)), (Some((DONE, 0)), 0));
        harness.cut(1, 2);
        next_epoch(harness, &[2]);
        harness.values(2)
    });
    assert_eq!((wrong, right), (vec![], vec![1]));
}

#[test]
fn p05_a_replica_joins_without_what_was_committed_in_older_epochs() {
    let (wrong, right) = with_and_without(Bug::Kafka7128JoinBelowEpochStart, |harness| {
        harness.cut(1, 3);
        harness.cut(2, 3);
        harness.change(1, &[1, 2], &[1, 2]);
        // It is no longer caught up: the high watermark does not wait for it.
        harness.advance(31_000);
        let acked = harness.produce(1, -1, batch(&[1]));
        harness.advance(0);
        assert_eq!((harness.produced(acked), harness.high_watermark(2)), (Some((DONE, 0)), 0));
        harness.kill(1);
        harness.heal();
        // It has fetched from 0 once, and receives nothing for a second.
        harness.tamper = Some(|answer| answer.error = ErrorCode::UnknownLeaderEpoch);
        harness.change(2, &[2], &[2, 3]);
        harness.advance(100);
        assert!(harness.tamper.is_none() && harness.values(3).is_empty());
        harness.proposed()
    });
    assert_eq!((wrong, right), (vec![vec![2, 3]], vec![]));
}

#[test]
fn p09_an_answer_of_an_older_epoch_cuts_what_is_committed() {
    let (wrong, right) = with_and_without(Bug::Kafka18991StaleFetchApplied, |harness| {
        let acked = harness.produce(1, -1, batch(&[1]));
        harness.advance(0);
        assert_eq!(harness.produced(acked), Some((DONE, 0)));
        harness.cut(1, 3);
        next_epoch(harness, &[2]);
        harness.tamper =
            Some(|answer| answer.diverging_epoch = Some(OffsetAndEpoch { offset: Offset(0), epoch: LeaderEpoch(0) }));
        harness.advance(501);
        assert!(harness.tamper.is_none());
        harness.values(2)
    });
    assert_eq!((wrong, right), (vec![], vec![1]));
}

#[test]
fn p19_an_isr_change_that_metadata_overtook_is_the_last_one() {
    let (wrong, right) = with_and_without(Bug::Kafka12751IsrChangeNeverCleared, |harness| {
        broker_3_dies(harness);
        assert_eq!(harness.proposed(), [[1, 2]]);
        harness.change(1, &[1, 2], &[1]);
        harness.refuse_proposal(ErrorCode::InvalidUpdateVersion);
        harness.boot(3);
        harness.advance(20_000);
        harness.proposed()
    });
    assert_eq!((wrong, right), (vec![], vec![vec![1, 2, 3]]));
}

#[test]
fn p20_the_high_watermark_does_not_wait_for_a_member_to_be() {
    let (wrong, right) = with_and_without(Bug::Kip497CommittedIsrOnly, |harness| {
        broker_3_dies(harness);
        harness.accept_proposal();
        harness.boot(3);
        harness.advance(1_000);
        assert_eq!(harness.proposed(), [[1, 2, 3]]);
        harness.cut(1, 3);
        let requested = harness.produce(1, -1, batch(&[1]));
        harness.advance(1_000);
        harness.produced(requested)
    });
    assert_eq!((wrong, right), (Some((DONE, 1)), None));
}

#[test]
fn p36_a_leader_alone_goes_on_acknowledging() {
    let (wrong, right) = with_and_without(Bug::Jepsen2013NoMinIsr, |harness| {
        harness.kill(2);
        broker_3_dies(harness);
        harness.accept_proposal();
        let requested = harness.produce(1, -1, batch(&[1]));
        (harness.produced(requested), harness.high_watermark(1))
    });
    assert_eq!((wrong, right), ((Some((DONE, 1)), 2), (Some((ErrorCode::NotEnoughReplicas, -1)), 0)));
}

#[test]
fn l01_a_proposal_does_not_say_which_process_it_means() {
    let (wrong, right) = with_and_without(Bug::Kafka14617IsrWithoutEpochs, |harness| {
        broker_3_dies(harness);
        let members = &harness.proposals[0].2.partitions[0].new_isr_with_epochs;
        members.iter().map(|member| member.broker_epoch.0).collect::<Vec<_>>()
    });
    assert_eq!((wrong, right), (vec![-1, -1], vec![11, 12]));
}

#[test]
fn g29_a_new_leader_takes_a_retry_for_a_new_batch() {
    let (wrong, right) = with_and_without(Bug::ProducerStateOfLeaderOnly, |harness| {
        harness.produce(1, -1, numbered(5, 0, 0, &[7]));
        harness.advance(1_000);
        harness.change(2, &[1, 2, 3], &[1, 2, 3]);
        let retry = harness.produce(2, -1, numbered(5, 0, 0, &[7]));
        harness.advance(1_000);
        (harness.produced(retry), harness.values(2))
    });
    assert_eq!((wrong, right), ((Some((DONE, 1)), vec![7, 7]), (Some((DONE, 0)), vec![7])));
}

#[test]
fn a_leader_that_does_not_compare_epochs_mends_no_log() {
    let (wrong, right) = with_and_without(Bug::NoPartitionDivergenceCheck, |harness| {
        harness.cut(1, 2);
        harness.cut(1, 3);
        harness.produce(1, 1, batch(&[90]));
        harness.change(2, &[2, 3], &[2, 3]);
        harness.produce(2, -1, batch(&[2]));
        harness.produce(2, -1, batch(&[3]));
        harness.heal();
        harness.publish(&[1]);
        harness.advance(2_000);
        harness.values(1)
    });
    assert_eq!((wrong, right), (vec![90, 3], vec![2, 3]));
}

#[test]
fn a_high_watermark_goes_back_with_a_replica_that_lost_its_tail() {
    let (wrong, right) = with_and_without(Bug::PartitionHighWatermarkGoesBack, |harness| {
        harness.produce(1, -1, batch(&[1]));
        harness.advance(1_000);
        assert_eq!(harness.high_watermark(1), 1);
        harness.cut(1, 2);
        harness.lose_power(3);
        harness.tamper = Some(|answer| answer.error = ErrorCode::UnknownLeaderEpoch);
        harness.boot(3);
        assert!(harness.tamper.is_none() && harness.values(3).is_empty());
        harness.high_watermark(1)
    });
    assert_eq!((wrong, right), (0, 1));
}

#[test]
fn two_lead_in_one_epoch() {
    let (wrong, right) = with_and_without(Bug::FirstReplicaLeads, |harness| {
        harness.change(2, &[1, 2, 3], &[1, 2, 3]);
        [1, 2, 3].map(|id| (harness.partition(id).is_leader(), harness.partition(id).leader_epoch().0))
    });
    assert_eq!((wrong, right), ([(true, 1), (true, 1), (false, 1)], [(false, 1), (true, 1), (false, 1)]));
}

#[test]
fn batches_of_a_producer_are_appended_in_any_order() {
    let (wrong, right) = with_and_without(Bug::SequenceNotChecked, |harness| {
        harness.produce(1, -1, numbered(5, 0, 0, &[0]));
        let third = harness.produce(1, -1, numbered(5, 0, 2, &[2]));
        harness.advance(1_000);
        (harness.produced(third), harness.values(1))
    });
    let refused = Some((ErrorCode::OutOfOrderSequenceNumber, -1));
    assert_eq!((wrong, right), ((Some((DONE, 1)), vec![0, 2]), (refused, vec![0])));
}

#[test]
fn the_mistakes_of_the_record_log_are_made_by_partitions_too() {
    let alone = |harness: &mut Harness| {
        harness.cut(1, 2);
        harness.cut(1, 3);
        let requested = harness.produce(1, -1, batch(&[1]));
        harness.advance(100);
        (harness.produced(requested), harness.consume(1, 0).2)
    };
    let (early, right) = with_and_without(Bug::AckAtAppend, alone);
    let (dirty, _) = with_and_without(Bug::ReadUncommitted, alone);
    assert_eq!((early, dirty, right), ((Some((DONE, 0)), vec![]), (None, vec![1]), (None, vec![])));

    let acknowledged = |harness: &mut Harness| {
        harness.produce(1, -1, batch(&[1]));
        let second = harness.produce(1, -1, batch(&[2]));
        harness.advance(1_000);
        harness.produced(second)
    };
    assert_eq!(with_and_without(Bug::AckWrongOffset, acknowledged), (Some((DONE, 0)), Some((DONE, 1))));

    let deposed = |harness: &mut Harness| {
        harness.cut(1, 2);
        let waits = harness.produce(1, -1, batch(&[1]));
        harness.change(3, &[1, 3], &[1, 3]);
        harness.produced(waits).map(|(error, _)| error)
    };
    let (refused, unknown) = with_and_without(Bug::PendingAppendRefused, deposed);
    assert_eq!((refused, unknown), (Some(ErrorCode::NotEnoughReplicas), Some(ErrorCode::NotLeaderOrFollower)));
}
