//! ISR changes: shrink, expand, strict min ISR, and late responses.

use super::harness::{Harness, PARTITION, batch};
use crate::broker::partition::IsrState;
use crate::bugs::Bugs;
use crate::fixes::{Fix, Fixes};
use crate::ids::{BrokerEpoch, NodeId};
use crate::message::ErrorCode;

/// Broker 3 crashes and leaves the ISR; a replica that is caught up never lags.
fn lose_broker_3(harness: &mut Harness) {
    harness.kill(3);
    harness.produce(1, 1, batch(&[100]));
    harness.advance(46_000);
}

fn isr(harness: &Harness, id: i32) -> Vec<i32> {
    harness.partition(id).isr().effective().iter().map(|id| id.0).collect()
}

#[test]
fn a_dead_follower_leaves_after_its_lag_and_joins_again_when_it_has_caught_up() {
    let mut harness = Harness::new();
    harness.advance(1_000);
    harness.kill(3);
    let waits = harness.produce(1, -1, batch(&[1]));
    harness.advance(28_000);
    assert_eq!((harness.produced(waits), harness.proposed()), (None, vec![]), "30 s have not passed");
    harness.advance(17_000);
    assert_eq!(harness.proposed(), [[1, 2]]);
    assert_eq!(harness.produced(waits), Some((ErrorCode::RequestTimedOut, -1)), "a proposed shrink does not count");
    assert_eq!(harness.high_watermark(1), 0);

    let decided = harness.produce(1, -1, batch(&[2]));
    assert_eq!(harness.produced(decided), None);
    harness.accept_proposal();
    assert_eq!(harness.produced(decided), Some((ErrorCode::None, 1)));
    assert_eq!((isr(&harness, 1), harness.high_watermark(1)), (vec![1, 2], 2));

    harness.boot(3);
    harness.advance(1_000);
    assert_eq!(harness.proposed(), [[1, 2, 3]], "it has fetched up to the high watermark");
    // An expansion may already be committed: it counts for acks, not for admission.
    assert!(matches!(harness.partition(1).isr(), IsrState::PendingExpand { new: NodeId(3), .. }));
    assert_eq!((harness.partition(1).isr().maximal_len(), isr(&harness, 1)), (3, vec![1, 2]));
    harness.accept_proposal();
    assert_eq!(isr(&harness, 1), [1, 2, 3]);
}

#[test]
fn below_min_isr_nothing_is_appended_with_acks_all_and_nothing_is_committed() {
    let mut harness = Harness::new();
    harness.advance(1_000);
    harness.kill(2);
    lose_broker_3(&mut harness);
    harness.accept_proposal();
    assert_eq!(isr(&harness, 1), [1]);
    let refused = harness.produce(1, -1, batch(&[1]));
    assert_eq!(harness.produced(refused), Some((ErrorCode::NotEnoughReplicas, -1)));
    let received = harness.produce(1, 1, batch(&[2]));
    assert_eq!(harness.produced(received), Some((ErrorCode::None, 1)));
    assert_eq!(harness.consume(1, 0), (ErrorCode::None, 0, vec![]), "strict min ISR, whatever the acks");
    harness.boot(2);
    harness.advance(1_500);
    harness.accept_proposal();
    assert_eq!(harness.consume(1, 0), (ErrorCode::None, 2, vec![100, 2]));
}

#[test]
fn metadata_that_overtakes_an_answer_makes_it_stale() {
    let mut harness = Harness::new();
    harness.advance(1_000);
    lose_broker_3(&mut harness);
    assert_eq!(harness.proposed(), [[1, 2]]);
    // The controller committed the shrink; the metadata log is received before the response.
    harness.change(1, &[1, 2], &[1]);
    assert_eq!((isr(&harness, 1), harness.partition(1).isr().is_in_flight()), (vec![1, 2], false));
    harness.image.partition.isr = [NodeId(1)].into();
    harness.refuse_proposal(ErrorCode::None);
    assert_eq!(isr(&harness, 1), [1, 2], "the proposal was forgotten, its answer says nothing");
}

#[test]
fn what_the_controller_may_have_done_stays_pending_and_what_it_refused_is_reverted() {
    for (error, pending) in [
        (ErrorCode::InvalidUpdateVersion, true),
        (ErrorCode::FencedLeaderEpoch, true),
        (ErrorCode::NewLeaderElected, true),
        (ErrorCode::IneligibleReplica, false),
    ] {
        let mut harness = Harness::new();
        harness.advance(1_000);
        lose_broker_3(&mut harness);
        harness.refuse_proposal(error);
        assert_eq!(harness.partition(1).isr().is_in_flight(), pending, "{error:?}");
        assert_eq!(isr(&harness, 1), [1, 2, 3]);
        harness.advance(15_000);
        assert_eq!(harness.proposals.len(), usize::from(!pending), "{error:?}: proposed again by the next check");
    }
    let mut harness = Harness::new();
    harness.advance(1_000);
    lose_broker_3(&mut harness);
    harness.refuse_proposal(ErrorCode::UnknownServerError);
    assert_eq!(harness.proposed(), [[1, 2]], "anything else is sent again");
}

#[test]
fn a_fenced_or_stale_replica_does_not_join() {
    let mut harness = Harness::new();
    harness.advance(1_000);
    lose_broker_3(&mut harness);
    harness.accept_proposal();
    harness.image.brokers[2].fenced = true;
    harness.boot(3);
    harness.advance(2_000);
    assert_eq!(harness.proposed(), Vec::<Vec<i32>>::new(), "fenced");
    // A newer incarnation is registered and unfenced: fetches of the old one are refused.
    harness.image.brokers[2].fenced = false;
    harness.image.brokers[2].epoch = BrokerEpoch(99);
    harness.advance(2_000);
    assert_eq!(harness.proposed(), Vec::<Vec<i32>>::new(), "stale");
    assert_eq!(harness.partition(1).remote(NodeId(3)).and_then(|it| it.broker_epoch), Some(BrokerEpoch(13)));
    harness.with(3, |plane, _, _| plane.replicas_mut().set_broker_epoch(BrokerEpoch(99)));
    harness.advance(2_000);
    assert_eq!(harness.proposed(), [[1, 2, 3]]);
    let epochs: Vec<i64> =
        harness.proposals[0].2.partitions[0].new_isr_with_epochs.iter().map(|it| it.broker_epoch.0).collect();
    assert_eq!((epochs, harness.proposals[0].2.partitions[0].partition), (vec![11, 12, 99], PARTITION));
}

#[test]
fn a_wall_clock_that_jumps_ahead_makes_a_healthy_follower_look_stale_until_it_fetches() {
    let mut harness = Harness::new();
    harness.advance(14_900);
    // An append that no follower has fetched when the check is due, after a clock jump (controller-broker.md §11.1).
    harness.cut(1, 2);
    harness.cut(1, 3);
    harness.produce(1, 1, batch(&[1]));
    harness.step_wall_clock(60_000);
    harness.heal();
    harness.advance(200);
    assert_eq!(harness.proposed(), [[1]], "both held fetches were lost; no reconnect yet");
    assert_eq!(harness.high_watermark(1), 0, "a proposed shrink does not count");
}

#[test]
fn an_expansion_whose_answer_is_lost_counts_for_the_high_watermark() {
    let mut harness = Harness::new();
    harness.advance(1_000);
    lose_broker_3(&mut harness);
    harness.accept_proposal();
    harness.boot(3);
    harness.advance(1_000);
    assert_eq!(harness.proposed(), [[1, 2, 3]]);
    // Committed as far as this leader knows; then broker 3 does not fetch for longer than the maximum lag.
    harness.cut(1, 3);
    harness.advance(31_000);
    let unknown = harness.produce(1, -1, batch(&[1]));
    harness.advance(1_000);
    assert_eq!((harness.produced(unknown), harness.high_watermark(1)), (None, 1), "broker 3 may be the next leader");
}

/// The controller may have put who left into the ELR, by a `min.insync.replicas` that this leader does not know yet.
#[test]
fn a_leader_waits_for_the_metadata_of_a_shrink() {
    let fix = Fixes::NONE.with(Fix::AwaitMetadataOfIsr);
    for (fixes, elr, waits) in [(Fixes::NONE, true, false), (fix, false, false), (fix, true, true)] {
        let mut harness = Harness::switched(Bugs::NONE, fixes);
        harness.image.elr = elr;
        harness.publish(&[1, 2, 3]);
        harness.advance(1_000);
        lose_broker_3(&mut harness);
        let unpublished = harness.produce(1, -1, batch(&[1]));
        harness.accept_proposal();
        assert_eq!((isr(&harness, 1), harness.produced(unpublished).is_none()), (vec![1, 2], waits), "{fixes:?} {elr}");
        harness.publish(&[1]);
        harness.advance(1_000);
        assert_eq!(harness.high_watermark(1), 2);
        // A member that joins is in no ELR.
        harness.boot(3);
        harness.advance(1_000);
        assert_eq!(harness.proposed(), [[1, 2, 3]]);
        harness.accept_proposal();
        let joined = harness.produce(1, -1, batch(&[2]));
        harness.advance(1_000);
        assert_eq!(harness.produced(joined), Some((ErrorCode::None, 2)));
    }
}

/// One publication has a raised `min.insync.replicas` and an ISR that is smaller: without the fix its leader has the role before it
/// has the configuration, and moves its high watermark.
#[test]
fn roles_come_before_configurations() {
    for (fixes, moves) in [(Fixes::NONE, true), (Fixes::NONE.with(Fix::AwaitMetadataOfIsr), false)] {
        let mut harness = Harness::switched(Bugs::NONE, fixes);
        harness.advance(1_000);
        lose_broker_3(&mut harness);
        let waits = harness.produce(1, -1, batch(&[1]));
        harness.advance(1_000);
        assert_eq!(harness.produced(waits), None);
        harness.image.partition.min_insync_replicas = 3;
        harness.change(1, &[1, 2], &[1]);
        assert_eq!(harness.produced(waits).is_some(), moves, "{fixes:?}");
    }
}

/// Without `ResetReplicasOfMissedEpoch`, Kafka acknowledges records that its only other ISR member has truncated.
#[test]
fn a_leader_that_has_missed_an_epoch_waits_until_its_followers_have_fetched() {
    for fixes in [Fixes::NONE, Fixes::NONE.with(Fix::ResetReplicasOfMissedEpoch)] {
        let mut harness = Harness::switched(Bugs::NONE, fixes);
        harness.advance(1_000);
        harness.cut(1, 3);
        let waits = harness.produce(1, -1, batch(&[1]));
        harness.advance(600);
        assert_eq!((harness.values(2), harness.values(3)), (vec![1], vec![]), "broker 3 lags");
        // Broker 3 leads for a while; broker 1 receives no message of it.
        harness.change(3, &[1, 2, 3], &[2, 3]);
        harness.advance(600);
        assert!(harness.values(2).is_empty(), "it has what its leader has");
        harness.cut(1, 2);
        harness.change(1, &[1, 2], &[1]);
        let acknowledged = harness.produced(waits);
        assert!(harness.values(2).is_empty());
        assert_eq!(acknowledged, (fixes == Fixes::NONE).then_some((ErrorCode::None, 0)), "{fixes:?}");
        harness.heal();
        harness.publish(&[2, 3]);
        harness.advance(2_000);
        assert_eq!((harness.values(2), harness.high_watermark(1)), (vec![1], 1));
    }
}
