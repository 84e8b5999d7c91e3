//! The data log against a list of batches, under appends, truncations, background flushes, kills, power losses and
//! clean shutdowns; a crash may occur between any two effects.

use std::rc::Rc;

use proptest::prelude::*;

use super::super::log_manager::LogManager;
use super::super::partition_log::PartitionLog;
use super::super::partition_log_config::PartitionLogConfig;
use super::super::producer_state::ProducerStates;
use super::super::{OffsetCheckpoint, read_clean_shutdown};
use crate::bugs::Bugs;
use crate::fixes::{Fix, Fixes};
use crate::ids::{BrokerEpoch, LeaderEpoch, Offset, TopicIdPartition, Uuid};
use crate::io::{DurableFiles, Effect, Out};
use crate::log::{Batch, BatchBuilder, Records};
use crate::test_disk::TestDisk;

const ID: TopicIdPartition = TopicIdPartition { topic_id: Uuid([3; 16]), partition: 0 };

#[derive(Clone, Debug)]
enum Action {
    NewLeader,
    Append(u64),
    Truncate(u8),
    Flush,
    Checkpoint,
    Kill,
    LosePower,
    ShutDown,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        2 => Just(Action::NewLeader),
        8 => (1..4_u64).prop_map(Action::Append),
        2 => (0..=255_u8).prop_map(Action::Truncate),
        4 => Just(Action::Flush),
        2 => Just(Action::Checkpoint),
        1 => Just(Action::Kill),
        1 => Just(Action::LosePower),
        1 => Just(Action::ShutDown),
    ]
}

struct Harness {
    config: PartitionLogConfig,
    disk: TestDisk,
    manager: LogManager,
    log: PartitionLog,
    expected: Vec<Rc<Batch>>,
    /// Batches below were flushed and not truncated since.
    forced: usize,
}

impl Harness {
    fn open(config: PartitionLogConfig, mut disk: TestDisk) -> (LogManager, PartitionLog, TestDisk) {
        let mut out = Out::default();
        let mut manager = LogManager::load(&disk, config).expect("the logs load");
        manager.start(|_| true, &mut out);
        let log = manager.open("t", ID.topic_id, 0, &mut out);
        disk.apply(&mut out);
        (manager, log, disk)
    }

    fn reopen(&mut self) {
        let disk = std::mem::take(&mut self.disk);
        (self.manager, self.log, self.disk) = Harness::open(self.config, disk);
    }

    /// Kafka has a gap here until the next checkpoint: after a crash between a truncation and its checkpoint, the older
    /// recovery point covers records appended later.
    fn checkpoint(&mut self) {
        let mut out = Out::default();
        let topic: Rc<str> = "t".into();
        let logs = std::iter::once((&topic, 0, &self.log));
        self.manager.write_checkpoint(OffsetCheckpoint::RecoveryPoint, logs, &mut out);
        self.disk.apply(&mut out);
    }

    /// An unclean restart keeps a prefix: at least the flushed batches.
    fn believe(&mut self, at_least: usize) -> Result<(), TestCaseError> {
        let found = self.log.batches().0;
        let same = found.iter().zip(&self.expected).take_while(|(a, b)| a.hash == b.hash).count();
        prop_assert!(same >= at_least, "{} of {} forced batches are left", same, at_least);
        self.expected = found.into_vec();
        self.forced = self.forced.min(self.expected.len());
        Ok(())
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let end = self.expected.last().map_or(Offset(0), |last| last.next_offset());
        prop_assert_eq!(self.log.end_offset(), end);
        prop_assert_eq!(self.log.batches(), Records(self.expected.iter().cloned().collect()));
        prop_assert!(self.log.high_watermark() <= end && self.log.recovery_point() <= end);
        let producers = ProducerStates::rebuild(Bugs::NONE, self.expected.iter().map(|batch| &**batch));
        prop_assert_eq!(self.log.producers(), &producers);
        for batch in &self.expected {
            let of_epoch = |it: &&Rc<Batch>| it.epoch == batch.epoch;
            let last = self.expected.iter().rfind(of_epoch).map(|last| last.next_offset());
            let found = self.log.end_offset_for(batch.epoch).map(|found| (found.epoch, found.offset));
            prop_assert_eq!(found, last.map(|last| (batch.epoch, last)));
        }
        Ok(())
    }
}

const CONFIG: PartitionLogConfig = PartitionLogConfig {
    segment_bytes: 1 << 30,
    segment_ms: i64::MAX,
    max_message_bytes: 1 << 20,
    bugs: Bugs::NONE,
    fixes: Fixes::NONE,
};

/// A disk that returns EIO for one file.
struct Unreadable<'a>(&'a TestDisk, &'a str);

impl DurableFiles for Unreadable<'_> {
    fn paths(&self) -> Vec<Rc<str>> {
        self.0.paths()
    }
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.0.read(path).filter(|_| path != self.1)
    }
    fn is_unreadable(&self, path: &str) -> bool {
        path == self.1
    }
}

#[test]
fn a_broker_does_not_start_with_a_segment_that_it_cannot_read() {
    let (_, mut log, mut disk) = Harness::open(CONFIG, TestDisk::default());
    let mut out = Out::default();
    log.assign_epoch_start(LeaderEpoch(1), Offset(0), &mut out);
    let records = Records([BatchBuilder::new(Offset(0), LeaderEpoch(-1), 0).value(7).build()].into_iter().collect());
    log.append_as_leader(&records, LeaderEpoch(1), 0, &mut out).expect("it leads");
    disk.apply(&mut out);
    assert!(LogManager::load(&disk, CONFIG).is_ok());
    let segment = "t-0/00000000000000000000.log";
    assert!(disk.read(segment).is_some_and(|bytes| !bytes.is_empty()));
    let refused = LogManager::load(&Unreadable(&disk, segment), CONFIG).map(|_| ());
    assert_eq!(refused.map_err(|error| error.to_string()), Err(format!("{segment}: input/output error (EIO)")));
}

fn put(disk: &mut TestDisk, log: &mut PartitionLog, batches: &[(i64, i32)]) {
    let mut out = Out::default();
    for (base, epoch) in batches {
        let mut builder = BatchBuilder::new(Offset(*base), LeaderEpoch(*epoch), 0);
        builder.value(7);
        log.append_as_follower(&[builder.build()], 0, &mut out).expect("a good batch");
    }
    disk.apply(&mut out);
}

/// `LogSegment.recover` is the only place that adds epochs of records, and it runs from the recovery point on after an
/// unclean shutdown.
#[test]
fn epochs_that_the_checkpoint_lacks_are_found_in_segments_that_are_scanned() {
    let config = PartitionLogConfig { segment_bytes: 200, ..CONFIG };
    let (mut manager, mut log, mut disk) = Harness::open(config, TestDisk::default());
    put(&mut disk, &mut log, &[(0, 1), (1, 2), (2, 3), (3, 4)]);
    let mut out = Out::default();
    let task = LogManager::begin_background_work(ID, &mut log, &mut out).expect("the log has rolled");
    task.finish(&mut log, &mut out);
    assert_eq!(log.recovery_point(), Offset(2));
    let topic: Rc<str> = "t".into();
    manager.write_checkpoint(OffsetCheckpoint::RecoveryPoint, std::iter::once((&topic, 0, &log)), &mut out);
    disk.apply(&mut out);
    disk.put("t-0/leader-epoch-checkpoint", b"0\n0\n");
    let epochs = |log: &PartitionLog| log.epoch_starts().iter().map(|it| it.epoch.0).collect::<Vec<_>>();
    let (_, found, _) = Harness::open(config, disk.clone());
    assert_eq!((epochs(&found), found.end_offset()), (vec![3, 4], Offset(4)));

    let mut out = Out::default();
    manager.shut_down(std::iter::once((&topic, 0, &mut log)), BrokerEpoch(1), &mut out);
    disk.apply(&mut out);
    let (_, found, _) = Harness::open(config, disk);
    assert_eq!((epochs(&found), found.end_offset()), (vec![], Offset(4)), "nothing is scanned");
}

#[test]
fn the_scheduler_writes_the_topic_id_of_a_log_without_records() {
    let (_, mut log, mut disk) = Harness::open(CONFIG, TestDisk::default());
    let mut out = Out::default();
    let task = LogManager::begin_background_work(ID, &mut log, &mut out).expect("the file is due");
    disk.apply(&mut out);
    assert_eq!(disk.read("t-0/partition.metadata"), None);
    // Records do not wait for the scheduler.
    let mut early = (disk.clone(), log.clone());
    put(&mut early.0, &mut early.1, &[(0, 1)]);
    for (mut disk, mut log) in [(disk, log), early] {
        assert!(task.finish(&mut log, &mut out) && !log.has_background_work());
        out.push(Effect::FsyncDirectory);
        disk.apply(&mut out);
        disk.lose_power();
        let files: Vec<_> = disk.paths().into_iter().filter(|path| path.contains("metadata")).collect();
        assert_eq!(files.iter().map(|path| &**path).collect::<Vec<_>>(), ["t-0/partition.metadata"]);
        let manager = LogManager::load(&disk, CONFIG).expect("the log loads");
        assert!(manager.has_loaded("t", ID));
    }
}

/// `UnifiedLog.close`
#[test]
fn a_clean_shutdown_writes_the_topic_id_of_a_log_without_records() {
    let (mut manager, mut log, mut disk) = Harness::open(CONFIG, TestDisk::default());
    let (topic, mut out): (Rc<str>, _) = ("t".into(), Out::default());
    manager.shut_down(std::iter::once((&topic, 0, &mut log)), BrokerEpoch(1), &mut out);
    disk.apply(&mut out);
    disk.lose_power();
    assert!(LogManager::load(&disk, CONFIG).expect("the log loads").has_loaded("t", ID));
}

/// `LogManager.asyncDelete` does not write the checkpoint of high watermarks, and `Partition.createLog` looks there for the
/// name of the topic.
#[test]
fn a_checkpointed_high_watermark_outlives_its_topic() {
    let fix = Fixes::NONE.with(Fix::ForgetHighWatermarkOfFormerTopic);
    for (fixes, expected) in [(Fixes::NONE, 2), (fix, 0)] {
        let config = PartitionLogConfig { fixes, ..CONFIG };
        let (mut manager, mut former, mut disk) = Harness::open(config, TestDisk::default());
        put(&mut disk, &mut former, &[(0, 1), (1, 1), (2, 1)]);
        former.update_high_watermark(Offset(3));
        let (topic, mut out): (Rc<str>, _) = ("t".into(), Out::default());
        manager.write_checkpoint(OffsetCheckpoint::HighWatermark, std::iter::once((&topic, 0, &former)), &mut out);
        former.delete(&mut out);
        let again = TopicIdPartition { topic_id: Uuid([9; 16]), partition: 0 };
        let mut log = manager.open("t", again.topic_id, 0, &mut out);
        disk.apply(&mut out);
        put(&mut disk, &mut log, &[(0, 1), (1, 1)]);
        assert_eq!((log.high_watermark(), log.end_offset()), (Offset(0), Offset(2)));
        disk.kill();
        let manager = LogManager::load(&disk, config).expect("the log loads");
        assert!(manager.has_loaded("t", again));
        let loaded: Vec<Offset> = manager.loaded().map(|(_, _, log)| log.high_watermark()).collect();
        assert_eq!(loaded, [Offset(expected)]);
    }
}

proptest! {
    #[test]
    fn the_log_does_what_a_plain_list_does(
        actions in prop::collection::vec((action(), prop::option::weighted(0.1, any::<(prop::sample::Index, bool)>())), 1..60),
        segment_bytes in prop_oneof![Just(200_u64), Just(400), Just(1 << 30)],
    ) {
        let fixes = Fixes::NONE.with(Fix::DropSegmentsBehindGap).with(Fix::WriteEpochsBeforeAppend);
        let config = PartitionLogConfig { segment_bytes, fixes, ..CONFIG };
        let (manager, log, disk) = Harness::open(config, TestDisk::default());
        let mut harness = Harness { config, disk, manager, log, expected: Vec::new(), forced: 0 };
        let mut epoch = LeaderEpoch(0);
        let mut value = 0;
        for (action, death) in actions {
            let mut out = Out::default();
            let forced_before = harness.forced;
            let mut clean_end = false;
            match action {
                Action::NewLeader => {
                    epoch.0 += 1;
                    harness.log.assign_epoch_start(epoch, harness.log.end_offset(), &mut out);
                }
                Action::Append(count) => {
                    let mut builder = BatchBuilder::new(Offset(0), LeaderEpoch(-1), 0);
                    for _ in 0..count {
                        value += 1;
                        builder.value(value);
                    }
                    let records = Records([builder.build()].into_iter().collect());
                    prop_assert!(harness.log.append_as_leader(&records, epoch, 0, &mut out).is_ok());
                    harness.expected = harness.log.batches().0.into_vec();
                }
                Action::Truncate(part) => {
                    let keep = harness.expected.len() * usize::from(part) / 255;
                    let target = harness.expected.get(keep).map_or(harness.log.end_offset(), |batch| batch.base_offset);
                    if harness.log.truncate_to(target, &mut out) {
                        let topic: Rc<str> = "t".into();
                        let logs = std::iter::once((&topic, 0, &harness.log));
                        harness.manager.write_checkpoint(OffsetCheckpoint::RecoveryPoint, logs, &mut out);
                    }
                    harness.expected.truncate(keep);
                    harness.forced = harness.forced.min(keep);
                    epoch.0 += 1; // only another leader truncates this log
                }
                Action::Flush => {
                    if let Some(task) = LogManager::begin_background_work(ID, &mut harness.log, &mut out) {
                        if task.finish(&mut harness.log, &mut out) {
                            out.push(Effect::FsyncDirectory);
                        }
                        let point = harness.log.recovery_point();
                        let below = harness.expected.iter().take_while(|batch| batch.next_offset() <= point).count();
                        harness.forced = harness.forced.max(below);
                    }
                }
                Action::Checkpoint => {
                    let topic: Rc<str> = "t".into();
                    let logs = || std::iter::once((&topic, 0, &harness.log));
                    harness.manager.write_checkpoint(OffsetCheckpoint::RecoveryPoint, logs(), &mut out);
                    harness.manager.write_checkpoint(OffsetCheckpoint::HighWatermark, logs(), &mut out);
                }
                Action::Kill => {
                    harness.disk.kill();
                    harness.reopen();
                    harness.believe(harness.expected.len())?;
                }
                Action::LosePower => {
                    harness.disk.lose_power();
                    harness.reopen();
                    harness.believe(harness.forced)?;
                }
                Action::ShutDown => {
                    let topic: Rc<str> = "t".into();
                    let logs = std::iter::once((&topic, 0, &mut harness.log));
                    harness.manager.shut_down(logs, BrokerEpoch(8), &mut out);
                    clean_end = true;
                }
            }
            match death {
                Some((done, power)) => {
                    out.effects.truncate(done.index(out.effects.len() + 1));
                    harness.disk.apply(&mut out);
                    if power { harness.disk.lose_power() } else { harness.disk.kill() }
                    harness.reopen();
                    harness.checkpoint();
                    epoch.0 += 1;
                    harness.forced = harness.forced.min(forced_before);
                    harness.believe(harness.forced)?;
                }
                None if clean_end => {
                    harness.disk.apply(&mut out);
                    harness.disk.lose_power();
                    prop_assert_eq!(read_clean_shutdown(&harness.disk), Some(BrokerEpoch(8)));
                    harness.reopen();
                    harness.forced = harness.expected.len();
                    harness.believe(harness.forced)?;
                }
                None => harness.disk.apply(&mut out),
            }
            harness.check()?;
        }
    }
}
