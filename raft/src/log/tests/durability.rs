//! What is forced before what (consensus.md §4.9), and the bugs that turn it around.

use super::super::batch::Records;
use super::super::files::{FIRST_SEGMENT_HANDLE, LEADER_EPOCH_CHECKPOINT, PARTITION_METADATA, segment_path};
use super::super::log_config::LogConfig;
use super::super::raft_log::{RaftLog, Validation};
use super::{CONFIG, append, at, background, batch, open, trace};
use crate::bugs::{Bug, Bugs};
use crate::fixes::Fixes;
use crate::ids::{LeaderEpoch, Offset};
use crate::io::{DurableFiles, Effect, Now, Observation, Out, Post, Probe, ThreadName};
use crate::test_disk::TestDisk;

fn first_append(bugs: Bugs) -> Vec<String> {
    let config = LogConfig { bugs, ..CONFIG };
    let mut log = open(&mut TestDisk::default(), config);
    let mut out = Out::default();
    log.assign_epoch_start(LeaderEpoch(1), Offset(0), &mut out);
    log.append_as_leader(&batch(0, 1, 1), 0, &mut out).expect("a good batch");
    log.flush(&mut out);
    trace(&out)
}

const EPOCH_CHECKPOINT: [&str; 5] =
    ["open leader-epoch-checkpoint.tmp", "append 3", "fsync 3", "rename to leader-epoch-checkpoint", "fsync directory"];
const TOPIC_ID: [&str; 5] =
    ["open partition.metadata.tmp", "append 4", "fsync 4", "rename to partition.metadata", "fsync directory"];

#[test]
fn epoch_and_topic_id_are_durable_before_the_first_batch() {
    let batch_and_flush = ["append 16", "fsync 16", "fsync directory"];
    assert_eq!(first_append(Bugs::NONE), [&EPOCH_CHECKPOINT[..], &TOPIC_ID, &batch_and_flush].concat());

    let late_epoch = first_append(Bugs::NONE.with(Bug::EpochCacheAfterBatch));
    assert_eq!(late_epoch, [&TOPIC_ID[..], &["append 16"], &EPOCH_CHECKPOINT, &batch_and_flush[1..]].concat());

    let lax_topic_id = first_append(Bugs::NONE.with(Bug::TopicIdNotDurable));
    let unforced = [TOPIC_ID[0], TOPIC_ID[1], TOPIC_ID[3]];
    assert_eq!(lax_topic_id, [&EPOCH_CHECKPOINT[..], &unforced, &batch_and_flush].concat());
}

#[test]
fn a_full_or_an_old_segment_is_followed_by_a_new_one() {
    let mut disk = TestDisk::default();
    let full = batch(0, 1, 4);
    let mut log = open(&mut disk, LogConfig { segment_bytes: full.len_bytes() as u64, ..CONFIG });
    append(&mut log, &mut disk, &full);
    let mut out = Out::default();
    log.append_as_leader(&batch(4, 1, 1), 0, &mut out).expect("a good batch");
    log.flush(&mut out);
    let probe = format!("{:?}", Effect::Observe(Observation::Probe(Probe::SegmentRolled)));
    let wakes = format!("{:?}", Effect::Post { thread: ThreadName::RaftScheduler, post: Post::WakeUp });
    let rolled =
        ["open 00000000000000000004.log", &probe, &wakes, "append 17", "fsync 16", "fsync 17", "fsync directory"];
    assert_eq!(trace(&out), rolled);

    let mut log = open(&mut TestDisk::default(), LogConfig { segment_bytes: 1 << 30, ..CONFIG });
    let dated =
        |base, timestamp_ms| super::BatchBuilder::new(Offset(base), LeaderEpoch(1), timestamp_ms).no_op().build();
    for (base, timestamp_ms, segment) in [(0, 5_000, 16), (1, 6_000, 16), (2, 6_001, 17), (3, 5_000, 17)] {
        let mut out = Out::default();
        log.append_as_leader(&dated(base, timestamp_ms), 0, &mut out).expect("a good batch");
        assert_eq!(trace(&out).last(), Some(&format!("append {segment}")), "offset {base}");
    }
}

#[test]
fn what_is_larger_than_a_segment_is_refused_by_a_leader_and_taken_by_a_follower() {
    let (one, two) = (batch(0, 1, 4), batch(4, 1, 4));
    let config = LogConfig { segment_bytes: one.len_bytes() as u64 - 1, ..CONFIG };
    let mut log = open(&mut TestDisk::default(), config);
    let error = log.append_as_leader(&one, 0, &mut Out::default()).expect_err("too large");
    assert!(error.to_string().contains("larger than a segment"), "{error}");
    // KAFKA-17375: a follower writes all that it has fetched to one segment, and begins the next one after it.
    let mut out = Out::default();
    let both = Records([one, two].into_iter().collect());
    assert_eq!(log.append_as_follower(&both, LeaderEpoch(1), 0, &mut out), Ok(true));
    assert_eq!(log.end_offset(), Offset(8));
    let next = Records([batch(8, 1, 1)].into_iter().collect());
    assert_eq!(log.append_as_follower(&next, LeaderEpoch(1), 0, &mut out), Ok(true));
    let opened: Vec<_> = trace(&out).into_iter().filter(|effect| effect.ends_with(".log")).collect();
    assert_eq!(opened, ["open 00000000000000000008.log"]);
}

#[test]
fn a_cut_across_segments_removes_them_without_forcing_that() {
    let mut disk = TestDisk::default();
    let mut log = open(&mut disk, LogConfig { segment_bytes: 200, ..CONFIG });
    for base in 0..6 {
        append(&mut log, &mut disk, &batch(base, 1, 1));
    }
    let mut out = Out::default();
    assert_eq!(log.truncate_to_end_offset(at(1, 1), &mut out), Ok(Offset(1)));
    let size = batch(0, 1, 1).len_bytes();
    let cut = ["unlink 00000000000000000002.log", "unlink 00000000000000000004.log", &format!("truncate 16 to {size}")];
    assert_eq!(trace(&out), cut);
    // The file is not forced before the next flush after an append.
    out.effects.clear();
    log.flush(&mut out);
    log.append_as_leader(&batch(1, 2, 1), 0, &mut out).expect("a good batch");
    log.flush(&mut out);
    assert_eq!(trace(&out).last().map(String::as_str), Some("fsync 16"));
}

/// `UnifiedLog.initializeTopicId`
#[test]
fn the_scheduler_writes_the_topic_id_of_an_empty_log() {
    let mut disk = TestDisk::default();
    let mut log = open(&mut disk, CONFIG);
    assert_eq!(disk.read(PARTITION_METADATA), None);
    background(&mut log, &mut disk);
    disk.lose_power();
    assert!(disk.read(PARTITION_METADATA).is_some());
    let mut out = Out::default();
    let mut log = RaftLog::open(&disk, CONFIG, Now::default(), &mut out).expect("the log opens");
    log.append_as_leader(&batch(0, 1, 1), 0, &mut out).expect("a good batch");
    assert!(!log.begin_background_work(&mut out));
    assert!(trace(&out).iter().all(|effect| !effect.contains("partition.metadata")));
}

/// A log of epochs 1 and 2, whose last batch is cut off.
fn cut_epoch_off(config: LogConfig) -> (RaftLog, TestDisk) {
    let mut disk = TestDisk::default();
    let mut log = open(&mut disk, config);
    append(&mut log, &mut disk, &batch(0, 1, 1));
    append(&mut log, &mut disk, &batch(1, 2, 1));
    let mut out = Out::default();
    assert_eq!(log.truncate_to_end_offset(at(1, 1), &mut out), Ok(Offset(1)));
    disk.apply(&mut out);
    (log, disk)
}

/// `LeaderEpochFileCache.truncateFromEndAsyncFlush`: loading removes what lies at the end of the log or beyond, not what
/// lies below, which records of an older epoch may have reached in the meantime.
#[test]
fn an_epoch_that_was_cut_off_stays_on_disk_until_the_scheduler_rewrites_the_checkpoint() {
    let config = LogConfig { segment_bytes: 1 << 20, fixes: Fixes::NONE, ..CONFIG };
    let (mut log, mut disk) = cut_epoch_off(config);
    assert_eq!(disk.read(LEADER_EPOCH_CHECKPOINT), Some(b"0\n2\n1 0\n2 1\n".to_vec()));
    assert_eq!(open(&mut disk.clone(), config).epoch_starts(), [at(1, 0)], "killed at once");

    let of_old_epoch = |log: &mut RaftLog, disk: &mut TestDisk| {
        let mut out = Out::default();
        let fetched = Records([batch(1, 1, 2)].into_iter().collect());
        assert_eq!(log.append_as_follower(&fetched, LeaderEpoch(3), 0, &mut out), Ok(true));
        log.flush(&mut out);
        disk.apply(&mut out);
    };
    of_old_epoch(&mut log, &mut disk);
    let mut found = disk.clone();
    found.lose_power();
    let found = open(&mut found, config);
    assert_eq!((found.end_offset(), found.last_fetched_epoch()), (Offset(3), LeaderEpoch(2)), "no record has epoch 2");
    // Epoch 1 ends at 3: a follower that has the same records is told to truncate.
    assert_eq!(found.validate_offset_and_epoch(Offset(3), LeaderEpoch(1)), Validation::Diverging(at(1, 1)));

    background(&mut log, &mut disk);
    disk.lose_power();
    assert_eq!(open(&mut disk, config).epoch_starts(), [at(1, 0)]);
    assert!(disk.paths().iter().all(|path| !path.ends_with(".tmp")));

    let fixed = LogConfig { segment_bytes: 1 << 20, ..CONFIG };
    let (mut log, mut disk) = cut_epoch_off(fixed);
    of_old_epoch(&mut log, &mut disk);
    disk.lose_power();
    assert_eq!(open(&mut disk, fixed).epoch_starts(), [at(1, 0)]);
}

#[test]
fn a_checkpoint_that_the_scheduler_rewrites_gives_way_to_a_newer_one() {
    let (mut log, mut disk) = cut_epoch_off(CONFIG);
    let (mut begun, mut newer, mut finished) = (Out::default(), Out::default(), Out::default());
    assert!(log.begin_background_work(&mut begun));
    log.assign_epoch_start(LeaderEpoch(3), Offset(1), &mut newer);
    log.finish_background_work(&mut finished);
    assert_eq!(trace(&finished), [""; 0]);
    disk.apply(&mut begun);
    disk.apply(&mut newer);
    disk.lose_power();
    assert_eq!(disk.read(LEADER_EPOCH_CHECKPOINT), Some(b"0\n2\n1 0\n3 1\n".to_vec()));
}

/// An observer forces nothing when it appends: a power loss takes what the scheduler has not forced.
#[test]
fn rolled_segments_are_forced_by_the_scheduler() {
    let mut disk = TestDisk::default();
    let mut log = open(&mut disk, LogConfig { segment_bytes: 200, ..CONFIG });
    for base in 0..5 {
        append(&mut log, &mut disk, &batch(base, 1, 1));
    }
    let mut lost = disk.clone();
    lost.lose_power();
    assert_eq!(open(&mut lost, CONFIG).end_offset(), Offset(0));
    background(&mut log, &mut disk);
    disk.lose_power();
    assert_eq!(open(&mut disk, CONFIG).end_offset(), Offset(4), "the segment of offset 4 is the active one");
}

#[test]
fn no_cut_goes_below_the_high_watermark() {
    let mut disk = TestDisk::default();
    let mut log = open(&mut disk, CONFIG);
    append(&mut log, &mut disk, &batch(0, 1, 1));
    append(&mut log, &mut disk, &batch(1, 1, 1));
    log.update_high_watermark(Offset(2));
    let error = log.truncate_to_end_offset(at(1, 1), &mut Out::default()).expect_err("committed");
    assert!(error.to_string().contains("offset 1, below the high watermark 2"), "{error}");

    let mut lax = open(&mut disk, LogConfig { bugs: Bugs::NONE.with(Bug::TruncateBelowHighWatermark), ..CONFIG });
    lax.update_high_watermark(Offset(2));
    assert_eq!(lax.truncate_to_end_offset(at(1, 1), &mut Out::default()), Ok(Offset(1)));
    assert_eq!(lax.high_watermark(), Offset(1));
}

#[test]
fn followers_take_only_what_follows_on_and_is_of_their_epoch() {
    let fetched = Records([batch(0, 1, 2), batch(2, 2, 1), batch(3, 1, 1)].into_iter().collect());
    let follow = |bugs: Bugs, records: &Records| {
        let config = LogConfig { bugs, segment_bytes: 1_000, ..CONFIG };
        let mut log: RaftLog = open(&mut TestDisk::default(), config);
        let mut out = Out::default();
        let answer = log.append_as_follower(records, LeaderEpoch(1), 0, &mut out);
        let dropped = trace(&out).iter().any(|effect| effect.contains("BatchDropped"));
        (answer.map_err(|error| error.to_string()), log.end_offset().0, dropped)
    };
    // The batch of epoch 2 and everything after it are skipped (KAFKA-18723).
    assert_eq!(follow(Bugs::NONE, &fetched), (Ok(true), 2, true));
    assert_eq!(follow(Bugs::NONE.with(Bug::Kafka18723StaleFetchAppended), &fetched), (Ok(true), 4, false));
    assert_eq!(follow(Bugs::NONE, &Records(fetched.0[1..].into())), (Ok(false), 0, true));
    // What a leader has behind a gap is taken, too.
    assert_eq!(follow(Bugs::NONE, &Records(fetched.0[2..].into())), (Ok(true), 4, false));
    let back = follow(Bugs::NONE, &Records([batch(0, 1, 2), batch(1, 1, 1)].into_iter().collect()));
    assert!(back.0.as_ref().is_err_and(|error| error.contains("offsets 1 to 1")), "{back:?}");
}

#[test]
fn a_leader_appends_at_the_end_in_its_epoch_or_not_at_all() {
    let mut disk = TestDisk::default();
    let mut log = open(&mut disk, CONFIG);
    append(&mut log, &mut disk, &batch(0, 2, 3));
    for wrong in [batch(2, 2, 1), batch(4, 2, 1), batch(3, 1, 1)] {
        assert!(log.append_as_leader(&wrong, 0, &mut Out::default()).is_err());
    }
    // KAFKA-12331: the batch is written with its wrong offset, and the run continues.
    let bugs = Bugs::NONE.with(Bug::Kafka12331LeaderChangeAtZero);
    let mut log = open(&mut disk, LogConfig { bugs, segment_bytes: 1_000, ..CONFIG });
    append(&mut log, &mut disk, &batch(0, 3, 1));
    append(&mut log, &mut disk, &batch(4, 3, 1));
    assert_eq!((log.end_offset(), log.end_offset_for_epoch(LeaderEpoch(2))), (Offset(5), at(2, 3)));
    let bases: Vec<_> = log.read(Offset(3), Offset(5), u32::MAX).0.iter().map(|b| b.base_offset.0).collect();
    assert_eq!(bases, [0, 4]);
}

#[test]
fn a_read_is_a_slice_of_the_file_that_may_end_within_a_batch() {
    let (mut disk, config) = (TestDisk::default(), LogConfig { segment_bytes: 1 << 20, ..CONFIG });
    let mut log = open(&mut disk, config);
    let batches = [batch(0, 1, 1), batch(1, 1, 2), batch(3, 1, 1)];
    batches.iter().for_each(|batch| append(&mut log, &mut disk, batch));
    let file = disk.read(&segment_path(Offset(0))).expect("there");
    let first_bytes = batches[0].len_bytes();
    for max_bytes in 0..=file.len() {
        let (records, cut) = log.read_slice(Offset(0), log.end_offset(), max_bytes as u32);
        let mut bytes: Vec<u8> = records.0.iter().flat_map(|batch| batch.bytes.iter().copied()).collect();
        bytes.extend(cut.iter().flat_map(|cut| cut.bytes()));
        assert_eq!(bytes, file[..max_bytes.max(first_bytes)], "the first batch comes in any case: {max_bytes}");
    }
}

#[test]
fn the_last_flush_forces_the_active_segment_whatever_is_in_it() {
    let mut disk = TestDisk::default();
    let mut log = open(&mut disk, CONFIG);
    let mut out = Out::default();
    log.flush(&mut out);
    out.effects.clear();
    log.flush(&mut out);
    assert_eq!(trace(&out), [""; 0]);
    log.flush_at_close(&mut out);
    assert_eq!(trace(&out), [format!("fsync {}", FIRST_SEGMENT_HANDLE.0)]);
}
