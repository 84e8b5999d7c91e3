//! What a restart makes of a damaged disk.

use std::rc::Rc;

use proptest::prelude::*;

use super::super::batch::{BATCH_HEADER_BYTES, Batch, Records};
use super::super::files::{LEADER_EPOCH_CHECKPOINT, PARTITION_METADATA, segment_path};
use super::super::log_config::LogConfig;
use super::super::raft_log::{RaftLog, Validation};
use super::{CONFIG, append, at, background, batch, empty_snapshot, open, trace};
use crate::bugs::{Bug, Bugs};
use crate::fixes::{Fix, Fixes};
use crate::ids::{LeaderEpoch, Offset};
use crate::io::{DurableFiles, Effect, Now, Out};
use crate::snapshot::snapshot_path;
use crate::test_disk::TestDisk;

/// A log of these batch sizes, epochs rising now and then; everything forced.
fn written(counts: &[u64]) -> (TestDisk, RaftLog) {
    let mut disk = TestDisk::default();
    let mut log = open(&mut disk, CONFIG);
    for (index, count) in counts.iter().enumerate() {
        let next = batch(log.end_offset().0, 1 + index as i32 / 3, *count);
        append(&mut log, &mut disk, &next);
    }
    let mut out = Out::default();
    log.flush(&mut out);
    disk.apply(&mut out);
    disk.kill();
    (disk, log)
}

/// File and position of each batch.
fn places(disk: &TestDisk) -> Vec<(Rc<str>, usize)> {
    let mut places = Vec::new();
    for path in disk.paths().into_iter().filter(|path| path.ends_with(".log")) {
        let bytes = disk.read(&path).expect("listed");
        let mut position = 0;
        while position < bytes.len() {
            places.push((Rc::clone(&path), position));
            position += Batch::peek_header(&bytes[position..]).expect("a batch").size_bytes;
        }
    }
    places
}

fn refusal(disk: &TestDisk) -> String {
    RaftLog::open(disk, CONFIG, Now::default(), &mut Out::default()).expect_err("refused").to_string()
}

#[test]
fn a_batch_of_no_epoch_starts_none() {
    // Once epoch -1 was written to the checkpoint, which the next start refused to read.
    let mut disk = TestDisk::default();
    disk.put(&segment_path(Offset(0)), &batch(0, -1, 2).bytes);
    for _ in 0..2 {
        let log = open(&mut disk, CONFIG);
        assert_eq!((log.end_offset(), log.last_fetched_epoch()), (Offset(2), LeaderEpoch(0)));
        disk.kill();
    }
}

#[test]
fn segments_behind_one_that_ends_too_early_stay_unless_the_gap_is_looked_for() {
    for (fixes, end, batches) in [(Fixes::NONE, 12, 2), (CONFIG.fixes, 4, 1)] {
        let (mut disk, _) = written(&[4, 4, 4]);
        disk.put(&segment_path(Offset(4)), &[]);
        let config = LogConfig { fixes, ..CONFIG };
        let log = open(&mut disk, config);
        assert_eq!((log.end_offset(), log.batches().0.len()), (Offset(end), batches));
        // It is cut within the gap, and appended to behind it.
        if end == 12 {
            let mut log = log;
            assert_eq!(log.truncate_to_end_offset(at(1, 6), &mut Out::default()), Ok(Offset(6)));
            let next = batch(8, 1, 4);
            let appended = log.append_as_follower(&Records([next].into()), LeaderEpoch(1), 0, &mut Out::default());
            assert_eq!((appended, log.end_offset()), (Ok(true), Offset(12)));
        }
    }
}

proptest! {
    #[test]
    fn recovery_keeps_the_longest_good_prefix(
        counts in prop::collection::vec(1..5_u64, 1..14),
        victim in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        bit in prop::option::of(0..8_u8),
    ) {
        let (mut disk, before) = written(&counts);
        let batches = before.batches();
        // Damage one batch: a bit that its CRC covers, or all from a place on to the end of its file.
        let victim = victim.index(batches.0.len());
        let size = batches.0[victim].len_bytes();
        let (path, position) = &places(&disk)[victim];
        let mut bytes = disk.read(path).expect("listed");
        match bit {
            Some(bit) => bytes[position + 21 + place.index(size - 21)] ^= 1 << bit,
            None => bytes.truncate(position + place.index(size)),
        }
        disk.put(path, &bytes);

        let mut after = open(&mut disk, CONFIG);
        background(&mut after, &mut disk);
        prop_assert_eq!(after.batches(), Records(batches.0[..victim].into()));
        prop_assert_eq!(after.end_offset(), batches.0[victim].base_offset);
        let last_epoch = victim.checked_sub(1).map_or(LeaderEpoch(0), |last| batches.0[last].epoch);
        prop_assert_eq!(after.last_fetched_epoch(), last_epoch);
        // What is left on disk is exactly that, and a second restart finds nothing to do but open it.
        disk.kill();
        let mut out = Out::default();
        let again = RaftLog::open(&disk, CONFIG, Now::default(), &mut out).expect("opens");
        prop_assert_eq!(again.batches(), after.batches());
        let only_opens = out.effects.iter().all(|effect| matches!(effect, Effect::Open { truncate: false, .. }));
        prop_assert!(only_opens, "{:?}", out.effects);
    }
}

#[test]
fn a_gap_between_segments_ends_the_log() {
    let (mut disk, before) = written(&[2, 2, 2, 2, 2, 2]);
    let last = disk.paths().into_iter().rfind(|path| path.ends_with(".log")).expect("segments");
    disk.put(&segment_path(Offset(100)), &batch(100, 9, 1).bytes);
    let after = open(&mut disk, CONFIG);
    assert_eq!(after.batches(), before.batches());
    assert!(disk.paths().contains(&last) && !disk.paths().contains(&segment_path(Offset(100))));
}

#[test]
fn without_a_checksum_a_torn_batch_is_taken_at_its_word() {
    let (mut disk, _) = written(&[2]);
    let torn = batch(2, 1, 2);
    let bytes = disk.read(&segment_path(Offset(0))).expect("there");
    disk.put(&segment_path(Offset(0)), &[&bytes, &torn.bytes[..BATCH_HEADER_BYTES + 3]].concat());
    assert_eq!(open(&mut disk.clone(), CONFIG).end_offset(), Offset(2));

    let lax = LogConfig { bugs: Bugs::NONE.with(Bug::NoChecksumOnRecovery), ..CONFIG };
    let log = open(&mut disk, lax);
    assert_eq!(log.end_offset(), Offset(4));
    // A follower still checks what it is sent, and drops the whole list.
    let mut follower = open(&mut TestDisk::default(), CONFIG);
    let fetched = log.read(Offset(0), log.end_offset(), u32::MAX);
    let mut out = Out::default();
    assert_eq!(follower.append_as_follower(&fetched, LeaderEpoch(1), 0, &mut out), Ok(false));
    assert_eq!(follower.end_offset(), Offset(0));
}

#[test]
fn what_was_recovered_is_forced_by_the_next_append_or_by_the_fix() {
    let (disk, _) = written(&[2, 2, 2]);
    let fsyncs = |out: &Out| out.effects.iter().filter(|effect| matches!(effect, Effect::Fsync { .. })).count();
    let segments = disk.paths().iter().filter(|path| path.ends_with(".log")).count();
    assert!(segments > 1);

    let mut out = Out::default();
    let mut log = RaftLog::open(&disk, CONFIG, Now::default(), &mut out).expect("opens");
    assert_eq!((fsyncs(&out), log.is_dirty()), (0, false));
    let next = batch(6, 1, 1);
    log.append_as_leader(&next, 0, &mut out).expect("appends");
    assert!(log.is_dirty());
    log.flush(&mut out);
    assert_eq!((fsyncs(&out), log.is_dirty()), (segments, false));

    let mended = LogConfig { fixes: Fixes::NONE.with(Fix::FlushRecoveredLog), ..CONFIG };
    let mut out = Out::default();
    RaftLog::open(&disk, mended, Now::default(), &mut out).expect("opens");
    assert_eq!(fsyncs(&out), segments);
    assert!(matches!(out.effects.last(), Some(Effect::FsyncDirectory)));
}

/// The old files are never forced: that would write nothing.
#[test]
fn what_was_recovered_is_written_to_new_files_by_the_fix() {
    let (mut disk, before) = written(&[2, 2, 2]);
    let fixes = Fixes::NONE.with(Fix::FlushRecoveredLog).with(Fix::RewriteRecoveredLog);
    let mut out = Out::default();
    let log = RaftLog::open(&disk, LogConfig { fixes, ..CONFIG }, Now::default(), &mut out).expect("opens");
    let of_segments: Vec<String> = trace(&out).into_iter().filter(|effect| effect.contains(".log")).collect();
    let first = "00000000000000000000.log";
    assert_eq!(of_segments[..2], [format!("open {first}"), "open 00000000000000000004.log".to_owned()]);
    assert_eq!(of_segments.len(), 2 + 2 * 3);
    assert_eq!(of_segments[2..5], [format!("open {first}.tmp"), format!("rename to {first}"), format!("open {first}")]);
    let (mut content_forced, mut names_forced) = (false, false);
    for effect in &out.effects {
        match effect {
            Effect::Fsync { .. } => content_forced = true,
            Effect::Rename { .. } => assert!(std::mem::take(&mut content_forced), "{:?}", trace(&out)),
            Effect::FsyncDirectory => names_forced = true,
            _ => names_forced = false,
        }
    }
    assert!(names_forced && !log.is_dirty(), "{:?}", trace(&out));
    disk.apply(&mut out);
    disk.lose_power();
    assert_eq!(open(&mut disk, CONFIG).batches(), before.batches());

    let alone = Fixes::NONE.with(Fix::RewriteRecoveredLog);
    let mut out = Out::default();
    RaftLog::open(&disk, LogConfig { fixes: alone, ..CONFIG }, Now::default(), &mut out).expect("opens");
    assert!(out.effects.iter().all(|effect| matches!(effect, Effect::Open { .. })), "{:?}", trace(&out));
}

#[test]
fn files_that_cannot_be_are_refused_by_name() {
    let mut disk = TestDisk::default();
    disk.put(PARTITION_METADATA, b"version: 0\ntopic_id: J8aAPcfLQt2bqs1JT_rMgQ");
    assert!(refusal(&disk).starts_with("__cluster_metadata-0/partition.metadata: topic_id is J8aA"));

    let mut disk = TestDisk::default();
    disk.put(LEADER_EPOCH_CHECKPOINT, b"0\n2\n1 0\n");
    assert!(refusal(&disk).starts_with("__cluster_metadata-0/leader-epoch-checkpoint: 2 entries expected"));

    let mut disk = TestDisk::default();
    disk.put("__cluster_metadata-0/7.log", b"");
    assert!(refusal(&disk).starts_with("__cluster_metadata-0/7.log: "));

    let mut disk = TestDisk::default();
    disk.put(&segment_path(Offset(5)), &batch(5, 1, 1).bytes);
    assert!(refusal(&disk).contains("the log starts at offset 5, and there is none: a snapshot must reach the start"));
    disk.put(&snapshot_path(at(1, 4)), &empty_snapshot(at(1, 4), 0));
    assert!(refusal(&disk).contains("the log starts at offset 5, and there is none"), "it ends below the start");
}

#[test]
fn a_log_may_start_above_zero_where_a_snapshot_stands_for_the_rest() {
    let mut disk = TestDisk::default();
    let batches: [Rc<Batch>; 3] = [batch(5, 3, 2), batch(7, 3, 1), batch(8, 4, 2)];
    disk.put(&segment_path(Offset(5)), &[&batches[0].bytes[..], &batches[1].bytes, &batches[2].bytes].concat());
    let snapshot = at(2, 5);
    disk.put(&snapshot_path(snapshot), &empty_snapshot(snapshot, 0));
    let mut out = Out::default();
    let mut log = RaftLog::open(&disk, CONFIG, Now::default(), &mut out).expect("covered");
    disk.apply(&mut out);
    assert_eq!((log.start_offset(), log.end_offset(), log.high_watermark()), (Offset(5), Offset(10), Offset(5)));
    assert_eq!(log.read(Offset(7), Offset(10), 1), Records(batches[1..2].into()));

    // Epoch 2 ends at the start, where only the snapshot knows it; epoch 1 is unknown.
    assert_eq!(log.end_offset_for_epoch(LeaderEpoch(2)), snapshot);
    assert_eq!(log.end_offset_for_epoch(LeaderEpoch(3)), at(3, 8));
    assert_eq!(log.validate_offset_and_epoch(Offset(7), LeaderEpoch(3)), Validation::Valid);
    assert_eq!(log.validate_offset_and_epoch(Offset(9), LeaderEpoch(3)), Validation::Diverging(at(3, 8)));
    assert_eq!(log.validate_offset_and_epoch(Offset(10), LeaderEpoch(5)), Validation::Diverging(at(4, 10)));

    assert_eq!(log.truncate_to_end_offset(at(3, 7), &mut out), Ok(Offset(7)));
    assert_eq!(log.truncate_to_end_offset(at(2, 5), &mut out), Ok(Offset(5)));
    assert_eq!((log.end_offset(), log.last_fetched_epoch()), (Offset(5), LeaderEpoch(2)));
    disk.apply(&mut out);
    append(&mut log, &mut disk, &batch(5, 6, 1));
    let again = RaftLog::open(&disk, CONFIG, Now::default(), &mut out).expect("covered");
    assert_eq!(again.batches(), log.batches());
}
