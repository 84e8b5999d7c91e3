//! Who is in sync: shrink, expand, strict min ISR, and answers that come late.

use super::desk::{Desk, PARTITION, batch};
use crate::broker::partition::IsrState;
use crate::bugs::Bugs;
use crate::fixes::{Fix, Fixes};
use crate::ids::{BrokerEpoch, NodeId};
use crate::message::ErrorCode;

/// Broker 3 dies, and the leader goes on without it; a replica that has everything never lags.
fn lose_broker_3(desk: &mut Desk) {
    desk.kill(3);
    desk.produce(1, 1, batch(&[100]));
    desk.advance(46_000);
}

fn isr(desk: &Desk, id: i32) -> Vec<i32> {
    desk.partition(id).isr().effective().iter().map(|id| id.0).collect()
}

#[test]
fn a_dead_follower_leaves_after_its_lag_and_joins_again_when_it_has_caught_up() {
    let mut desk = Desk::new();
    desk.advance(1_000);
    desk.kill(3);
    let waits = desk.produce(1, -1, batch(&[1]));
    desk.advance(28_000);
    assert_eq!((desk.produced(waits), desk.proposed()), (None, vec![]), "30 s have not passed");
    desk.advance(17_000);
    assert_eq!(desk.proposed(), [[1, 2]]);
    assert_eq!(desk.produced(waits), Some((ErrorCode::RequestTimedOut, -1)), "a proposed shrink does not count");
    assert_eq!(desk.high_watermark(1), 0);

    let decided = desk.produce(1, -1, batch(&[2]));
    assert_eq!(desk.produced(decided), None);
    desk.accept_proposal();
    assert_eq!(desk.produced(decided), Some((ErrorCode::None, 1)));
    assert_eq!((isr(&desk, 1), desk.high_watermark(1)), (vec![1, 2], 2));

    desk.boot(3);
    desk.advance(1_000);
    assert_eq!(desk.proposed(), [[1, 2, 3]], "it has fetched up to the high watermark");
    // An expansion may be committed already: it counts for acks, not for admission.
    assert!(matches!(desk.partition(1).isr(), IsrState::PendingExpand { new: NodeId(3), .. }));
    assert_eq!((desk.partition(1).isr().maximal_len(), isr(&desk, 1)), (3, vec![1, 2]));
    desk.accept_proposal();
    assert_eq!(isr(&desk, 1), [1, 2, 3]);
}

#[test]
fn below_min_isr_nothing_is_taken_with_acks_all_and_nothing_is_committed() {
    let mut desk = Desk::new();
    desk.advance(1_000);
    desk.kill(2);
    lose_broker_3(&mut desk);
    desk.accept_proposal();
    assert_eq!(isr(&desk, 1), [1]);
    let refused = desk.produce(1, -1, batch(&[1]));
    assert_eq!(desk.produced(refused), Some((ErrorCode::NotEnoughReplicas, -1)));
    let taken = desk.produce(1, 1, batch(&[2]));
    assert_eq!(desk.produced(taken), Some((ErrorCode::None, 1)));
    assert_eq!(desk.consume(1, 0), (ErrorCode::None, 0, vec![]), "strict min ISR, whatever the acks");
    desk.boot(2);
    desk.advance(1_500);
    desk.accept_proposal();
    assert_eq!(desk.consume(1, 0), (ErrorCode::None, 2, vec![100, 2]));
}

#[test]
fn metadata_that_overtakes_an_answer_makes_it_stale() {
    let mut desk = Desk::new();
    desk.advance(1_000);
    lose_broker_3(&mut desk);
    assert_eq!(desk.proposed(), [[1, 2]]);
    // The controller committed the shrink; the log brings it before the answer does.
    desk.change(1, &[1, 2], &[1]);
    assert_eq!((isr(&desk, 1), desk.partition(1).isr().is_in_flight()), (vec![1, 2], false));
    desk.image.partition.isr = [NodeId(1)].into();
    desk.refuse_proposal(ErrorCode::None);
    assert_eq!(isr(&desk, 1), [1, 2], "the proposal was forgotten, its answer says nothing");
}

#[test]
fn what_the_controller_may_have_done_stays_pending_and_what_it_refused_is_reverted() {
    for (error, pending) in [
        (ErrorCode::InvalidUpdateVersion, true),
        (ErrorCode::FencedLeaderEpoch, true),
        (ErrorCode::NewLeaderElected, true),
        (ErrorCode::IneligibleReplica, false),
    ] {
        let mut desk = Desk::new();
        desk.advance(1_000);
        lose_broker_3(&mut desk);
        desk.refuse_proposal(error);
        assert_eq!(desk.partition(1).isr().is_in_flight(), pending, "{error:?}");
        assert_eq!(isr(&desk, 1), [1, 2, 3]);
        desk.advance(15_000);
        assert_eq!(desk.proposals.len(), usize::from(!pending), "{error:?}: proposed again by the next check");
    }
    let mut desk = Desk::new();
    desk.advance(1_000);
    lose_broker_3(&mut desk);
    desk.refuse_proposal(ErrorCode::UnknownServerError);
    assert_eq!(desk.proposed(), [[1, 2]], "anything else is sent again");
}

#[test]
fn a_fenced_or_stale_replica_does_not_join() {
    let mut desk = Desk::new();
    desk.advance(1_000);
    lose_broker_3(&mut desk);
    desk.accept_proposal();
    desk.image.brokers[2].fenced = true;
    desk.boot(3);
    desk.advance(2_000);
    assert_eq!(desk.proposed(), Vec::<Vec<i32>>::new(), "fenced");
    // A newer incarnation is registered and unfenced: the old one's fetches are refused.
    desk.image.brokers[2].fenced = false;
    desk.image.brokers[2].epoch = BrokerEpoch(99);
    desk.advance(2_000);
    assert_eq!(desk.proposed(), Vec::<Vec<i32>>::new(), "stale");
    assert_eq!(desk.partition(1).remote(NodeId(3)).and_then(|it| it.broker_epoch), Some(BrokerEpoch(13)));
    desk.with(3, |plane, _, _| plane.replicas_mut().set_broker_epoch(BrokerEpoch(99)));
    desk.advance(2_000);
    assert_eq!(desk.proposed(), [[1, 2, 3]]);
    let epochs: Vec<i64> =
        desk.proposals[0].2.partitions[0].new_isr_with_epochs.iter().map(|it| it.broker_epoch.0).collect();
    assert_eq!((epochs, desk.proposals[0].2.partitions[0].partition), (vec![11, 12, 99], PARTITION));
}

#[test]
fn a_wall_clock_that_jumps_ahead_makes_a_healthy_follower_look_stale_until_it_fetches() {
    let mut desk = Desk::new();
    desk.advance(14_900);
    // An append that no follower has fetched when the check falls due, after a jump (§11.1).
    desk.cut(1, 2);
    desk.cut(1, 3);
    desk.produce(1, 1, batch(&[1]));
    desk.step_wall_clock(60_000);
    desk.heal();
    desk.advance(200);
    assert_eq!(desk.proposed(), [[1]], "both held fetches were lost; no reconnect yet");
    assert_eq!(desk.high_watermark(1), 0, "a proposed shrink does not count");
}

#[test]
fn an_expansion_whose_answer_is_lost_counts_for_the_high_watermark() {
    let mut desk = Desk::new();
    desk.advance(1_000);
    lose_broker_3(&mut desk);
    desk.accept_proposal();
    desk.boot(3);
    desk.advance(1_000);
    assert_eq!(desk.proposed(), [[1, 2, 3]]);
    // Committed for all that this leader knows; then broker 3 falls silent for longer than its lag.
    desk.cut(1, 3);
    desk.advance(31_000);
    let unknown = desk.produce(1, -1, batch(&[1]));
    desk.advance(1_000);
    assert_eq!((desk.produced(unknown), desk.high_watermark(1)), (None, 1), "broker 3 may be the next leader");
}

/// Faithful Kafka acknowledges what its only other member has cut off (`ResetReplicasOfMissedEpoch`).
#[test]
fn a_leader_that_has_missed_an_epoch_waits_until_its_followers_have_fetched() {
    for fixes in [Fixes::NONE, Fixes::NONE.with(Fix::ResetReplicasOfMissedEpoch)] {
        let mut desk = Desk::switched(Bugs::NONE, fixes);
        desk.advance(1_000);
        desk.cut(1, 3);
        let waits = desk.produce(1, -1, batch(&[1]));
        desk.advance(600);
        assert_eq!((desk.values(2), desk.values(3)), (vec![1], vec![]), "broker 3 lags");
        // Broker 3 leads for a while; broker 1 hears nothing of it.
        desk.change(3, &[1, 2, 3], &[2, 3]);
        desk.advance(600);
        assert!(desk.values(2).is_empty(), "it has what its leader has");
        desk.cut(1, 2);
        desk.change(1, &[1, 2], &[1]);
        let acknowledged = desk.produced(waits);
        assert!(desk.values(2).is_empty());
        assert_eq!(acknowledged, (fixes == Fixes::NONE).then_some((ErrorCode::None, 0)), "{fixes:?}");
        desk.heal();
        desk.publish(&[2, 3]);
        desk.advance(2_000);
        assert_eq!((desk.values(2), desk.high_watermark(1)), (vec![1], 1));
    }
}
