//! State that survives a kill, a power loss, and a clean shutdown.

use super::harness::{Harness, batch};
use crate::broker::config::BrokerConfig;
use crate::broker::log::{CLEAN_SHUTDOWN_FILE, LogManager, OffsetCheckpoint, PartitionLogConfig, read_clean_shutdown};
use crate::broker::view::TopicsDelta;
use crate::fixes::{Fix, Fixes};
use crate::ids::{BrokerEpoch, NodeId, Uuid};
use crate::io::DurableFiles;
use crate::message::ErrorCode;

fn harness_with(values: std::ops::Range<u64>) -> Harness {
    let mut harness = Harness::new();
    harness.advance(1_000);
    for value in values {
        let id = harness.produce(1, -1, batch(&[value]));
        assert!(matches!(harness.produced(id), Some((ErrorCode::None, _))));
    }
    harness.advance(1_000);
    harness
}

#[test]
fn an_acknowledged_tail_that_nobody_forced_is_lost_with_the_power_and_not_with_the_process() {
    let mut harness = harness_with(0..3);
    for id in 1..4 {
        harness.kill(id);
    }
    for id in 1..4 {
        harness.boot(id);
        assert_eq!(harness.values(id), [0, 1, 2], "the page cache survives a kill");
        assert_eq!(harness.high_watermark(id), 0, "no checkpoint was written");
    }
    harness.advance(2_000);
    assert_eq!(harness.high_watermark(1), 3);

    for id in 1..4 {
        harness.lose_power(id);
    }
    for id in 1..4 {
        harness.boot(id);
        assert_eq!(harness.values(id), Vec::<u64>::new(), "no fsync was due");
    }
    // The leader epoch is durable although no record has it: it starts again at the log's end.
    harness.change(2, &[1, 2, 3], &[1, 2, 3]);
    let again = harness.produce(2, -1, batch(&[7]));
    harness.advance(1_000);
    assert_eq!(harness.produced(again), Some((ErrorCode::None, 0)));
}

#[test]
fn a_rolled_segment_is_forced_in_the_background() {
    // Batches of 84 bytes, segments of 300: three batches per segment.
    let mut harness = harness_with(0..7);
    harness.with(1, |plane, _, step| {
        assert!(plane.replicas().has_background_work() && plane.replicas_mut().begin_background_work(step.out));
        plane.replicas_mut().finish_background_work(step.out);
        plane.replicas_mut().checkpoint(OffsetCheckpoint::HighWatermark, step.out);
    });
    assert_eq!(harness.partition(1).log().recovery_point().0, 6);
    harness.lose_power(1);
    harness.boot(1);
    assert_eq!(harness.values(1), [0, 1, 2, 3, 4, 5], "what was below the roll");
    assert_eq!(harness.high_watermark(1), 6, "the checkpoint said 7, and was clipped");
}

/// `LogManager.asyncDelete`, and `ReplicaManager.checkpointHighWatermarks` of a broker without partitions.
#[test]
fn a_deletion_writes_recovery_points_and_leaves_high_watermarks() {
    let mut harness = harness_with(0..4);
    let lines = |harness: &mut Harness, which: OffsetCheckpoint| {
        harness.disk(1).read(which.path()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    };
    harness.with(1, |plane, _, step| {
        for which in [OffsetCheckpoint::HighWatermark, OffsetCheckpoint::RecoveryPoint] {
            plane.replicas_mut().checkpoint(which, step.out);
        }
    });
    harness.delete_topic();
    harness.with(1, |plane, _, step| {
        let replicas = plane.replicas_mut();
        replicas.checkpoint(OffsetCheckpoint::HighWatermark, step.out);
        replicas.collect_checkpoint(OffsetCheckpoint::HighWatermark);
        assert!(!replicas.has_background_work(), "no directory has a partition");
    });
    let none = || Some("0\n0\n".to_owned());
    assert_eq!(lines(&mut harness, OffsetCheckpoint::HighWatermark), Some("0\n1\nt 0 4\n".to_owned()));
    assert_eq!(lines(&mut harness, OffsetCheckpoint::RecoveryPoint), none());
    assert_eq!(lines(&mut harness, OffsetCheckpoint::LogStart), none());
}

/// The directory of a topic that was deleted may be there until then: `UnifiedLog.create` schedules its tasks behind that.
#[test]
fn a_new_log_schedules_nothing_before_the_publication_that_creates_it_is_complete() {
    let mut harness = harness_with(0..1);
    harness.with(1, |plane, image, step| {
        let replicas = plane.replicas_mut();
        replicas.begin_background_work(step.out);
        replicas.finish_background_work(step.out);
        replicas.begin_publication();
        let (former, mut again) = (image.partition.partition, image.partition.clone());
        again.partition.topic_id = Uuid([9; 16]);
        plane.publish(&TopicsDelta { changed: vec![again], removed: vec![former] }, image, step);
        let replicas = plane.replicas_mut();
        assert!(replicas.has_background_work(), "partition.metadata");
        assert!(!replicas.begin_background_work(step.out), "a scheduler that something else has woken");
        replicas.publication_is_complete();
        assert!(replicas.begin_background_work(step.out));
    });
}

#[test]
fn a_follower_with_a_tail_that_its_leader_lost_is_cut() {
    let mut harness = harness_with(0..3);
    harness.lose_power(1);
    harness.boot(1);
    // Broker 1 leads in a new epoch, as if it were the only one in sync (ELR off).
    harness.change(-1, &[1], &[1, 2, 3]);
    harness.change(1, &[1], &[1, 2, 3]);
    harness.advance(3_000);
    for id in 1..4 {
        assert_eq!(harness.values(id), Vec::<u64>::new(), "broker {id}");
    }
    let id = harness.produce(1, 1, batch(&[50]));
    harness.advance(1_000);
    assert_eq!(harness.produced(id), Some((ErrorCode::None, 0)));
    assert_eq!(harness.values(3), [50]);
}

#[test]
fn an_orderly_end_forces_all_and_names_its_broker_epoch() {
    let mut harness = harness_with(0..4);
    harness.with(1, |plane, _, step| {
        plane.stop(step);
        plane.replicas_mut().shut_down(step.out);
    });
    harness.lose_power(1);
    assert_eq!(read_clean_shutdown(harness.disk(1)), Some(BrokerEpoch(11)));
    let loaded = LogManager::load(harness.disk(1), BrokerConfig::new(NodeId(1)).log).expect("the logs load");
    assert_eq!(loaded.previous_broker_epoch(), BrokerEpoch(11));

    harness.boot(1);
    assert_eq!((harness.values(1), harness.high_watermark(1)), (vec![0, 1, 2, 3], 4));
    assert_eq!(harness.disk(1).read(CLEAN_SHUTDOWN_FILE), None, "gone when loading begins");
    harness.kill(1);
    let loaded = LogManager::load(harness.disk(1), BrokerConfig::new(NodeId(1)).log).expect("the logs load");
    assert_eq!(loaded.previous_broker_epoch(), BrokerEpoch::UNKNOWN);
}

#[test]
fn a_power_loss_brings_the_marker_back_unless_its_removal_is_forced() {
    for fixes in [Fixes::NONE, Fixes::NONE.with(Fix::ForceMarkerRemoval)] {
        let mut harness = harness_with(0..4);
        harness.with(1, |plane, _, step| {
            plane.stop(step);
            plane.replicas_mut().shut_down(step.out);
        });
        harness.kill(1);
        let config = BrokerConfig::new(NodeId(1)).log;
        let mut out = crate::io::Out::default();
        let mut logs =
            LogManager::load(harness.disk(1), PartitionLogConfig { fixes, ..config }).expect("the logs load");
        logs.start(|_| true, &mut out);
        harness.disk(1).apply(&mut out);
        assert_eq!(read_clean_shutdown(harness.disk(1)), None);
        harness.lose_power(1);
        let trusted = read_clean_shutdown(harness.disk(1)).is_some();
        assert_eq!(trusted, fixes == Fixes::NONE, "a start that has a marker scans nothing");
    }
}

#[test]
fn a_log_that_is_not_assigned_here_is_set_aside() {
    let mut harness = harness_with(0..1);
    harness.kill(1);
    let config = BrokerConfig::new(NodeId(1));
    let mut logs = LogManager::load(harness.disk(1), config.log).expect("the logs load");
    let mut out = crate::io::Out::default();
    logs.start(|_| false, &mut out);
    harness.disk(1).apply(&mut out);
    harness.lose_power(1);
    let paths = harness.disk(1).paths();
    assert!(paths.iter().all(|path| !path.starts_with("t-0/")), "{paths:?}");
    let aside = "t-0.BwcHBwcHBwcHBwcHBwcHBw-stray/00000000000000000000.log";
    assert!(paths.iter().any(|path| **path == *aside), "{paths:?}");
    assert!(LogManager::load(harness.disk(1), config.log).is_ok());
}
