//! Appends reach followers; logs that have parted are cut to where they agree.

use std::rc::Rc;

use super::desk::{Desk, PARTITION, batch};
use crate::broker::observation::BrokerObservation;
use crate::ids::{BrokerEpoch, LeaderEpoch, NodeId, Offset};
use crate::io::{Effect, Observation};
use crate::log::Records;
use crate::message::data::{DataFetchRequest, FetchPartition};
use crate::message::{DataRequest, ErrorCode, Request};

#[test]
fn an_append_is_acknowledged_when_the_isr_has_it_and_seen_by_consumers_then() {
    let mut desk = Desk::new();
    desk.advance(1_000);
    let one = desk.produce(1, -1, batch(&[1, 2]));
    // A follower's next fetch, after the one that brought the records, says that it has them.
    desk.advance(0);
    assert_eq!(desk.produced(one), Some((ErrorCode::None, 0)));
    for id in 1..4 {
        assert_eq!(desk.values(id), [1, 2], "broker {id}");
    }
    assert_eq!(desk.consume(1, 0), (ErrorCode::None, 2, vec![1, 2]));
    // An idle follower learns of the high watermark when its held fetch ends (§6.5).
    assert_eq!(desk.consume(2, 0), (ErrorCode::None, 0, vec![]));
    desk.advance(501);
    assert_eq!(desk.consume(2, 0), (ErrorCode::None, 2, vec![1, 2]));
    let two = desk.produce(2, -1, batch(&[3]));
    assert_eq!(desk.produced(two), Some((ErrorCode::NotLeaderOrFollower, -1)));
}

/// KafkaApis: `fetchMinBytes = min(minBytes, fetchMaxBytes)`, and a held fetch counts what lies in the
/// log up to the size of the partition's part, not what would be sent.
#[test]
fn a_fetch_waits_for_no_more_than_it_may_be_sent() {
    let mut desk = Desk::new();
    desk.advance(1_000);
    let fetch = |desk: &mut Desk, from: i64, (min_bytes, max_bytes, partition_max_bytes): (i32, i32, i32)| {
        let asked = FetchPartition {
            partition: PARTITION,
            current_leader_epoch: LeaderEpoch(-1),
            fetch_offset: Offset(from),
            last_fetched_epoch: LeaderEpoch(-1),
            log_start_offset: Offset(-1),
            partition_max_bytes,
        };
        desk.ask(
            1,
            Request::Data(DataRequest::Fetch(DataFetchRequest {
                replica_id: NodeId::NONE,
                replica_epoch: BrokerEpoch::UNKNOWN,
                max_wait_ms: 500,
                min_bytes,
                max_bytes,
                partitions: Rc::from([asked]),
            })),
        )
    };
    let small = fetch(&mut desk, 0, (1_024, 1, 1 << 20));
    let part = fetch(&mut desk, 0, (80, 1 << 20, 80));
    let large = fetch(&mut desk, 0, (1_024, 1 << 20, 80));
    let produced = desk.produce(1, -1, batch(&[1]));
    desk.advance(0);
    desk.produce(1, -1, batch(&[2]));
    desk.advance(0);
    assert_eq!(desk.produced(produced), Some((ErrorCode::None, 0)));
    assert!(desk.answer(small).is_some(), "one byte was enough");
    assert!(desk.answer(part).is_some(), "80 of two batches' bytes are there");
    assert!(desk.answer(large).is_none(), "80 of 1024");
    desk.advance(501);
    assert!(desk.answer(large).is_some());
    let again = fetch(&mut desk, 0, (1_024, 1, 1 << 20));
    assert!(desk.answer(again).is_some(), "at once");
}

#[test]
fn a_leader_that_was_cut_off_truncates_what_nobody_else_has() {
    let mut desk = Desk::new();
    desk.advance(1_000);
    let committed = desk.produce(1, -1, batch(&[1]));
    assert_eq!(desk.produced(committed), Some((ErrorCode::None, 0)));
    desk.cut(1, 2);
    desk.cut(1, 3);
    let lost = desk.produce(1, 1, batch(&[90, 91]));
    assert_eq!(desk.produced(lost), Some((ErrorCode::None, 1)), "acks=1 asks nobody");
    let unknown = desk.produce(1, -1, batch(&[92]));
    assert_eq!(desk.produced(unknown), None);

    // The others learn of a new leader; the old one does not.
    desk.change(2, &[2, 3], &[2, 3]);
    let kept = desk.produce(2, -1, batch(&[2, 3]));
    desk.advance(1_000);
    assert_eq!(desk.produced(kept), Some((ErrorCode::None, 1)));
    assert_eq!((desk.values(1), desk.high_watermark(1)), (vec![1, 90, 91, 92], 1));

    desk.heal();
    desk.publish(&[1]);
    assert_eq!(desk.produced(unknown), Some((ErrorCode::NotLeaderOrFollower, -1)));
    desk.advance(2_000);
    for id in 1..4 {
        assert_eq!(desk.values(id), [1, 2, 3], "broker {id}");
    }
}

#[test]
fn logs_that_parted_over_several_epochs_need_several_rounds() {
    // KIP-279: leaders that nobody followed, one after the other.
    let mut desk = Desk::new();
    desk.advance(1_000);
    let first = desk.produce(1, -1, batch(&[1]));
    assert!(desk.produced(first).is_some());
    for (a, b) in [(1, 2), (1, 3), (2, 3)] {
        desk.cut(a, b);
    }
    desk.produce(1, 1, batch(&[10, 11, 12]));
    desk.change(2, &[2, 3], &[2]);
    desk.produce(2, 1, batch(&[20]));
    desk.change(1, &[1], &[1]);
    desk.produce(1, 1, batch(&[13]));
    desk.change(2, &[2], &[2]);
    desk.produce(2, 1, batch(&[21, 22]));
    assert_eq!((desk.values(1), desk.values(2)), (vec![1, 10, 11, 12, 13], vec![1, 20, 21, 22]));

    desk.heal();
    desk.publish(&[1, 3]);
    desk.advance(40_000);
    for id in 1..4 {
        assert_eq!(desk.values(id), [1, 20, 21, 22], "broker {id}");
    }
}

#[test]
fn a_follower_that_is_behind_in_metadata_fails_until_its_leader_epoch_grows() {
    let mut desk = Desk::new();
    desk.advance(1_000);
    // Broker 1 leads again, in a later epoch that broker 3 has not heard of.
    desk.change(2, &[1, 2, 3], &[1, 2]);
    desk.change(1, &[1, 2, 3], &[1, 2]);
    desk.advance(1_000);
    assert!(!desk.is_fetching(3), "FENCED_LEADER_EPOCH with its own epoch");
    desk.image.partition.leader_epoch.0 -= 2;
    desk.image.partition.partition_epoch.0 += 1;
    desk.publish(&[3]);
    assert!(!desk.is_fetching(3), "a newer partition epoch alone does not help");
    desk.image.partition.leader_epoch.0 += 2;
    desk.image.partition.partition_epoch.0 += 1;
    desk.publish(&[3]);
    assert!(desk.is_fetching(3));
}

#[test]
fn records_of_a_later_epoch_than_the_request_are_dropped() {
    // KAFKA-18723: the bytes of an answer may be read after a later leader has rewritten the log.
    let mut desk = Desk::new();
    desk.advance(1_000);
    desk.cut(1, 3);
    desk.tamper = Some(|answer| {
        let later = batch(&[66]).assigned(Offset(0), LeaderEpoch(1));
        answer.records = Records([Rc::new(later)].into_iter().collect());
    });
    desk.advance(501);
    assert!(desk.tamper.is_none());
    assert_eq!((desk.values(2), desk.is_fetching(2)), (vec![], true));
    let mut cut = false;
    desk.with(2, |plane, _, step| {
        plane.replicas_mut().tell(step);
        let said = |effect: &Effect| {
            matches!(effect, Effect::Observe(Observation::Broker(BrokerObservation::Truncated { .. })))
        };
        cut = step.out.effects.iter().any(said);
    });
    assert!(!cut, "it was never written");
    desk.produce(1, 1, batch(&[1]));
    assert_eq!(desk.values(2), [1]);
}

#[test]
fn a_follower_out_of_range_asks_where_the_leader_ends_and_starts() {
    let mut desk = Desk::new();
    desk.advance(1_000);
    desk.produce(1, 1, batch(&[1, 2]));
    desk.cut(1, 3);
    desk.tamper = Some(|answer| answer.error = ErrorCode::OffsetOutOfRange);
    desk.advance(501);
    assert!(desk.tamper.is_none());
    assert_eq!((desk.values(2), desk.is_fetching(2)), (vec![1, 2], true), "neither end nor start lies below");
    desk.produce(1, 1, batch(&[3]));
    assert_eq!(desk.values(2), [1, 2, 3]);
}

#[test]
fn a_refused_fetch_backs_off_for_a_second() {
    let mut desk = Desk::new();
    desk.advance(1_000);
    desk.cut(1, 3);
    desk.tamper = Some(|answer| answer.error = ErrorCode::UnknownLeaderEpoch);
    desk.advance(501);
    desk.produce(1, 1, batch(&[1]));
    desk.advance(900);
    assert_eq!(desk.values(2), Vec::<u64>::new());
    desk.advance(200);
    assert_eq!(desk.values(2), [1]);
}
