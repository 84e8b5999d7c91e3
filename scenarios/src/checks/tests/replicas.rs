//! Replicas: their logs against each other and their disks, and what they show.

use std::rc::Rc;

use raft::broker::observation::BrokerObservation;
use raft::ids::{LeaderEpoch, Offset};
use raft::io::{DurableFiles, PartitionShown};
use raft::log::Records;
use raft::metadata::MetadataRecord;
use raft::metadata::records::RemoveTopic;

use super::brokers::{Brokers, PARTITION, TOPIC, to_isr};
use crate::checks::ghost::boot::HowDown;

#[test]
fn two_batches_never_stand_at_one_epoch_and_offset() {
    let mut brokers = super::replication::after_failover();
    let (one, other) = (brokers.batch(12), brokers.batch_of(2, 13));
    brokers.append(1, &one);
    assert_eq!(brokers.broke(), None);
    let other = Rc::new(other.assigned(Offset(2), LeaderEpoch(1)));
    brokers.append_assigned(2, &other);
    assert_eq!(brokers.broke(), Some("LogMatching"));
}

#[test]
fn a_high_watermark_only_grows_in_an_epoch_and_stays_in_the_log() {
    let mut brokers = Brokers::at_work(false, &[10, 11]);
    brokers.high_watermark(0, 1);
    assert_eq!(brokers.broke(), Some("MonotonicHighWatermark"));
    let mut brokers = super::replication::after_failover();
    brokers.high_watermark(1, 1);
    assert_eq!(brokers.broke(), None, "a new leader may know an older one");
    brokers.high_watermark(1, 3);
    assert_eq!(brokers.broke(), Some("HighWatermarkWithinLog"));
}

#[test]
fn consumers_see_what_is_committed() {
    let mut brokers = Brokers::at_work(false, &[10, 11]);
    brokers.consume(0, 2, 2);
    assert_eq!(brokers.broke(), None);
    brokers.consume(0, 2, 1);
    assert_eq!(brokers.broke(), Some("ConsistentRead"), "above its high watermark");
    let mut brokers = Brokers::at_work(false, &[10, 11]);
    let other = brokers.batch_of(1, 12);
    let other = Rc::new(other.assigned(Offset(1), LeaderEpoch(0)));
    brokers.show(0, Records([other].into_iter().collect()), 2);
    assert_eq!(brokers.broke(), Some("ConsistentRead"), "another value");
}

#[test]
fn what_a_deposed_leader_shows_is_compared_when_it_is_committed() {
    let deposed = |same: bool| {
        let mut brokers = Brokers::at_work(false, &[10]);
        let batch = brokers.batch(11);
        brokers.append(0, &batch);
        brokers.replicate(0, 1);
        brokers.replicate(0, 2);
        brokers.fence(0, to_isr(&[1, 2], Some(1)));
        // A fetch in flight moves its high watermark, and it does not know yet.
        brokers.high_watermark(0, 2);
        brokers.consume(0, 2, 2);
        brokers.lead(1, 1, 1, 2);
        if !same {
            brokers.truncate(1, 1);
            let other = brokers.batch_of(1, 12);
            brokers.append(1, &other);
        }
        brokers.high_watermark(1, 2);
        brokers
    };
    assert_eq!(deposed(true).broke(), None);
    assert_eq!(deposed(false).broke(), Some("ConsistentRead"));
}

#[test]
fn a_follower_shows_a_high_watermark_over_the_committed_log_only() {
    let shows = |brokers: &mut Brokers| {
        let (of, epoch, offset) = (PARTITION.into(), LeaderEpoch(0), Offset(2));
        brokers.say(2, BrokerObservation::FollowerHighWatermark { of, epoch, offset });
    };
    let mut brokers = Brokers::at_work(false, &[10, 11]);
    shows(&mut brokers);
    assert_eq!(brokers.broke(), None);
    let mut brokers = Brokers::at_work(false, &[10, 11]);
    brokers.change(to_isr(&[0, 1], None));
    brokers.truncate(2, 1);
    // A record of a leader that never was.
    let stray = Rc::new(brokers.batch_of(9, 99).assigned(Offset(1), LeaderEpoch(7)));
    brokers.append_assigned(2, &stray);
    shows(&mut brokers);
    assert_eq!(brokers.broke(), Some("ConsistentRead"));
}

/// G29: the new leader does not know the producer's sequences.
#[test]
fn a_retry_is_committed_once() {
    let mut brokers = super::replication::after_failover();
    let next = brokers.batch(12);
    brokers.append(1, &next);
    brokers.replicate(1, 2);
    brokers.high_watermark(1, 3);
    assert_eq!(brokers.broke(), None);
    brokers.append(1, &next);
    brokers.replicate(1, 2);
    brokers.high_watermark(1, 4);
    assert_eq!(brokers.broke(), Some("IdempotentSequence"));
}

#[test]
fn a_boot_finds_what_was_durable() {
    let mut brokers = Brokers::at_work(false, &[10, 11]);
    brokers.flush(0);
    brokers.restart(0, HowDown::PowerLost);
    assert_eq!(brokers.broke(), None);
    assert_eq!(brokers.coverage.count("replica_lost_tail"), Some(0));
    let path = "t-0/00000000000000000000.log";
    let half = brokers.disks[0].read(path).map_or(0, |bytes| bytes.len() / 2);
    brokers.disks[0].bytes_mut(path).truncate(half);
    brokers.restart(0, HowDown::PageCacheKept);
    assert_eq!(brokers.broke(), Some("GhostMismatch"));
}

#[test]
fn a_destroyed_disk_is_no_mismatch() {
    let mut brokers = Brokers::at_work(false, &[10, 11]);
    brokers.flush(2);
    brokers.checks.disk_damaged(2);
    brokers.checks.down(2, HowDown::PowerLost);
    brokers.disks[2] = Default::default();
    brokers.boot(2);
    assert_eq!(brokers.broke(), None);
    assert_eq!(brokers.coverage.count("replica_lost_tail"), Some(1));
}

#[test]
fn audits_compare_a_broker_with_its_border() {
    let mut brokers = Brokers::at_work(false, &[10, 11]);
    let shown = |brokers: &Brokers| {
        let (batches, last_batch) = brokers.logs[0].tail();
        PartitionShown {
            id: PARTITION,
            log_start: Offset(0),
            log_end: brokers.logs[0].end_offset(),
            high_watermark: Offset(2),
            leader_epoch: LeaderEpoch(0),
            batches,
            last_batch,
        }
    };
    let honest = shown(&brokers);
    assert_eq!(brokers.checks.audit(0, true, std::slice::from_ref(&honest), Some(&brokers.disks[0])), None);
    let lies = [
        PartitionShown { log_end: Offset(3), ..honest.clone() },
        PartitionShown { batches: 1, ..honest.clone() },
        PartitionShown { leader_epoch: LeaderEpoch(1), ..honest.clone() },
        PartitionShown { high_watermark: Offset(3), ..honest.clone() },
    ];
    for lie in &lies {
        assert!(brokers.checks.audit(0, true, std::slice::from_ref(lie), None).is_some(), "{lie:?}");
    }
    let path = "t-0/00000000000000000000.log";
    brokers.disks[0].bytes_mut(path).push(0);
    assert!(brokers.checks.audit(0, true, &[], Some(&brokers.disks[0])).is_some());
}

#[test]
fn a_deleted_topic_takes_its_promises_along() {
    let mut brokers = Brokers::at_work(false, &[10, 11]);
    brokers.commit([MetadataRecord::RemoveTopic(RemoveTopic { topic_id: TOPIC })]);
    brokers.truncate(1, 0);
    assert_eq!(brokers.broke(), None);
    assert_eq!(brokers.excused("acked_lost_by_deletion"), 2);
}
