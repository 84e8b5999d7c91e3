//! Followers replicate appends; diverging logs are truncated to their common prefix.

use std::rc::Rc;

use super::harness::{Harness, PARTITION, batch};
use crate::broker::observation::BrokerObservation;
use crate::broker::replica_manager::LocalChanges;
use crate::broker::view::{PartitionView, TopicsDelta};
use crate::ids::{BrokerEpoch, LeaderEpoch, NodeId, Offset, TopicIdPartition};
use crate::io::{Effect, Observation};
use crate::log::Records;
use crate::message::data::{DataFetchRequest, FetchPartition};
use crate::message::{DataRequest, ErrorCode, MeantFor, Request};

#[test]
fn an_append_is_acknowledged_when_the_isr_has_it_and_seen_by_consumers_then() {
    let mut harness = Harness::new();
    harness.advance(1_000);
    let one = harness.produce(1, -1, batch(&[1, 2]));
    // A follower's next fetch, after the one that returned the records, confirms them.
    harness.advance(0);
    assert_eq!(harness.produced(one), Some((ErrorCode::None, 0)));
    for id in 1..4 {
        assert_eq!(harness.values(id), [1, 2], "broker {id}");
    }
    assert_eq!(harness.consume(1, 0), (ErrorCode::None, 2, vec![1, 2]));
    // An idle follower learns of the high watermark when its delayed fetch ends (controller-broker.md §6.5).
    assert_eq!(harness.consume(2, 0), (ErrorCode::None, 0, vec![]));
    harness.advance(501);
    assert_eq!(harness.consume(2, 0), (ErrorCode::None, 2, vec![1, 2]));
    let two = harness.produce(2, -1, batch(&[3]));
    assert_eq!(harness.produced(two), Some((ErrorCode::NotLeaderOrFollower, -1)));
}

/// KafkaApis: `fetchMinBytes = min(minBytes, fetchMaxBytes)`; a delayed fetch counts the bytes in the log up to the
/// partition's maximum, not those that would be sent.
#[test]
fn a_fetch_waits_for_no_more_than_it_may_be_sent() {
    let mut harness = Harness::new();
    harness.advance(1_000);
    let fetch = |harness: &mut Harness, from: i64, (min_bytes, max_bytes, partition_max_bytes): (i32, i32, i32)| {
        let requested = FetchPartition {
            partition: PARTITION,
            current_leader_epoch: LeaderEpoch(-1),
            fetch_offset: Offset(from),
            last_fetched_epoch: LeaderEpoch(-1),
            log_start_offset: Offset(-1),
            partition_max_bytes,
        };
        harness.ask(
            1,
            Request::Data(DataRequest::Fetch(DataFetchRequest {
                replica_id: NodeId::NONE,
                replica_epoch: BrokerEpoch::UNKNOWN,
                max_wait_ms: 500,
                min_bytes,
                max_bytes,
                meant_for: MeantFor::ANY,
                partitions: Rc::from([requested]),
            })),
        )
    };
    let small = fetch(&mut harness, 0, (1_024, 1, 1 << 20));
    let part = fetch(&mut harness, 0, (80, 1 << 20, 80));
    let large = fetch(&mut harness, 0, (1_024, 1 << 20, 80));
    let produced = harness.produce(1, -1, batch(&[1]));
    harness.advance(0);
    harness.produce(1, -1, batch(&[2]));
    harness.advance(0);
    assert_eq!(harness.produced(produced), Some((ErrorCode::None, 0)));
    assert!(harness.answer(small).is_some(), "one byte was enough");
    assert!(harness.answer(part).is_some(), "80 of two batches' bytes are there");
    assert!(harness.answer(large).is_none(), "80 of 1024");
    harness.advance(501);
    assert!(harness.answer(large).is_some());
    let again = fetch(&mut harness, 0, (1_024, 1, 1 << 20));
    assert!(harness.answer(again).is_some(), "at once");
}

#[test]
fn a_leader_that_was_cut_off_truncates_what_nobody_else_has() {
    let mut harness = Harness::new();
    harness.advance(1_000);
    let committed = harness.produce(1, -1, batch(&[1]));
    assert_eq!(harness.produced(committed), Some((ErrorCode::None, 0)));
    harness.cut(1, 2);
    harness.cut(1, 3);
    let lost = harness.produce(1, 1, batch(&[90, 91]));
    assert_eq!(harness.produced(lost), Some((ErrorCode::None, 1)), "acks=1 asks nobody");
    let unknown = harness.produce(1, -1, batch(&[92]));
    assert_eq!(harness.produced(unknown), None);

    // The others receive the new leader; the old leader does not.
    harness.change(2, &[2, 3], &[2, 3]);
    let kept = harness.produce(2, -1, batch(&[2, 3]));
    harness.advance(1_000);
    assert_eq!(harness.produced(kept), Some((ErrorCode::None, 1)));
    assert_eq!((harness.values(1), harness.high_watermark(1)), (vec![1, 90, 91, 92], 1));

    harness.heal();
    harness.publish(&[1]);
    assert_eq!(harness.produced(unknown), Some((ErrorCode::NotLeaderOrFollower, -1)));
    harness.advance(2_000);
    for id in 1..4 {
        assert_eq!(harness.values(id), [1, 2, 3], "broker {id}");
    }
}

#[test]
fn logs_that_parted_over_several_epochs_need_several_rounds() {
    // KIP-279: successive leaders without followers.
    let mut harness = Harness::new();
    harness.advance(1_000);
    let first = harness.produce(1, -1, batch(&[1]));
    assert!(harness.produced(first).is_some());
    for (a, b) in [(1, 2), (1, 3), (2, 3)] {
        harness.cut(a, b);
    }
    harness.produce(1, 1, batch(&[10, 11, 12]));
    harness.change(2, &[2, 3], &[2]);
    harness.produce(2, 1, batch(&[20]));
    harness.change(1, &[1], &[1]);
    harness.produce(1, 1, batch(&[13]));
    harness.change(2, &[2], &[2]);
    harness.produce(2, 1, batch(&[21, 22]));
    assert_eq!((harness.values(1), harness.values(2)), (vec![1, 10, 11, 12, 13], vec![1, 20, 21, 22]));

    harness.heal();
    harness.publish(&[1, 3]);
    harness.advance(40_000);
    for id in 1..4 {
        assert_eq!(harness.values(id), [1, 20, 21, 22], "broker {id}");
    }
}

#[test]
fn a_follower_that_is_behind_in_metadata_fails_until_its_leader_epoch_grows() {
    let mut harness = Harness::new();
    harness.advance(1_000);
    // Broker 1 leads again, in a later epoch that broker 3 has not received.
    harness.change(2, &[1, 2, 3], &[1, 2]);
    harness.change(1, &[1, 2, 3], &[1, 2]);
    harness.advance(1_000);
    assert!(!harness.is_fetching(3), "FENCED_LEADER_EPOCH with its own epoch");
    harness.image.partition.leader_epoch.0 -= 2;
    harness.image.partition.partition_epoch.0 += 1;
    harness.publish(&[3]);
    assert!(!harness.is_fetching(3), "a newer partition epoch alone does not help");
    harness.image.partition.leader_epoch.0 += 2;
    harness.image.partition.partition_epoch.0 += 1;
    harness.publish(&[3]);
    assert!(harness.is_fetching(3));
}

#[test]
fn records_of_a_later_epoch_than_the_request_are_dropped() {
    // KAFKA-18723: the bytes of a response may be read after a later leader has rewritten the log.
    let mut harness = Harness::new();
    harness.advance(1_000);
    harness.cut(1, 3);
    harness.tamper = Some(|answer| {
        let later = batch(&[66]).assigned(Offset(0), LeaderEpoch(1));
        answer.records = Records([Rc::new(later)].into_iter().collect());
    });
    harness.advance(501);
    assert!(harness.tamper.is_none());
    assert_eq!((harness.values(2), harness.is_fetching(2)), (vec![], true));
    let mut cut = false;
    harness.with(2, |plane, _, step| {
        plane.replicas_mut().tell(step);
        let said = |effect: &Effect| {
            matches!(effect, Effect::Observe(Observation::Broker(BrokerObservation::Truncated { .. })))
        };
        cut = step.out.effects.iter().any(said);
    });
    assert!(!cut, "it was never written");
    harness.produce(1, 1, batch(&[1]));
    assert_eq!(harness.values(2), [1]);
}

#[test]
fn a_follower_out_of_range_asks_where_the_leader_ends_and_starts() {
    let mut harness = Harness::new();
    harness.advance(1_000);
    harness.produce(1, 1, batch(&[1, 2]));
    harness.cut(1, 3);
    harness.tamper = Some(|answer| answer.error = ErrorCode::OffsetOutOfRange);
    harness.advance(501);
    assert!(harness.tamper.is_none());
    assert_eq!((harness.values(2), harness.is_fetching(2)), (vec![1, 2], true), "neither end nor start lies below");
    harness.produce(1, 1, batch(&[3]));
    assert_eq!(harness.values(2), [1, 2, 3]);
}

#[test]
fn a_refused_fetch_backs_off_for_a_second() {
    let mut harness = Harness::new();
    harness.advance(1_000);
    harness.cut(1, 3);
    harness.tamper = Some(|answer| answer.error = ErrorCode::UnknownLeaderEpoch);
    harness.advance(501);
    harness.produce(1, 1, batch(&[1]));
    harness.advance(900);
    assert_eq!(harness.values(2), Vec::<u64>::new());
    harness.advance(200);
    assert_eq!(harness.values(2), [1]);
}

/// `PartitionFetchState` computes anew when a delay ends, also of one that is over.
#[test]
fn a_refused_fetch_that_truncates_next_backs_off_again() {
    let mut harness = Harness::new();
    harness.advance(1_000);
    harness.kill(3);
    harness.cut(1, 2);
    harness.produce(1, 1, batch(&[90]));
    harness.change(2, &[2], &[2]);
    harness.produce(2, 1, batch(&[2]));
    harness.heal();
    harness.tamper = Some(|answer| answer.error = ErrorCode::UnknownLeaderEpoch);
    harness.publish(&[1]);
    harness.advance(100);
    assert!(harness.tamper.is_none());
    assert_eq!(harness.values(1), [90]);
    harness.advance(1_000);
    assert_eq!(harness.values(1), Vec::<u64>::new(), "truncated after a second");
    harness.advance(800);
    assert_eq!(harness.values(1), Vec::<u64>::new());
    harness.advance(200);
    assert_eq!(harness.values(1), [2], "fetched after another one");
}

/// `TopicDelta.localChanges`.
#[test]
fn what_a_publication_changes_here_is_known_before_it_does() {
    let mut harness = Harness::new();
    harness.advance(1_000);
    let other = TopicIdPartition { partition: 9, ..PARTITION };
    let mut changes = |id: i32, changed: &[(TopicIdPartition, i32)], removed: &[TopicIdPartition]| {
        let mut found = LocalChanges::default();
        harness.with(id, |plane, image, _| {
            let view = |(partition, bump): &(TopicIdPartition, i32)| {
                let leader_epoch = LeaderEpoch(image.partition.leader_epoch.0 + bump);
                PartitionView { partition: *partition, leader_epoch, ..image.partition.clone() }
            };
            let changed = changed.iter().map(view).collect();
            found = plane.replicas().local_changes(&TopicsDelta { changed, removed: removed.to_vec() });
        });
        found
    };
    let none = LocalChanges::default();
    assert_eq!(changes(1, &[(PARTITION, 0)], &[]), LocalChanges { updates: 1, ..none });
    assert_eq!(changes(1, &[(PARTITION, 1), (other, 0)], &[]), LocalChanges { leads: 2, creates: 1, ..none });
    assert_eq!(changes(2, &[(PARTITION, 0), (other, 0)], &[]), LocalChanges { follows: 2, creates: 1, ..none });
    assert_eq!(changes(2, &[], &[PARTITION]), LocalChanges { deletes: true, ..none });
    assert_eq!(changes(2, &[], &[other]), none);
}
