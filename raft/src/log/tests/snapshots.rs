//! Snapshots beside the log: what may be created, what moves the log's start, what a start makes of their files.

use super::super::files::{LEADER_EPOCH_CHECKPOINT, segment_path};
use super::super::raft_log::Validation;
use super::{CONFIG, append, at, background, batch, empty_snapshot, open, trace};
use crate::ids::{LeaderEpoch, Offset, OffsetAndEpoch};
use crate::io::{DurableFiles, Now, Out};
use crate::log::RaftLog;
use crate::snapshot::{deleted_path, partial_path, snapshot_path};
use crate::test_disk::TestDisk;

const NOW: Now = Now { mono_ns: 7_000_000_000, wall_ms: 1_000_000 };

/// A log of batches of two records up to offset 20, in epoch 1 below 8 and in epoch 2 from there on; all committed.
fn committed() -> (TestDisk, RaftLog) {
    let mut disk = TestDisk::default();
    let mut log = open(&mut disk, CONFIG);
    for base in (0..20).step_by(2) {
        append(&mut log, &mut disk, &batch(base, 1 + i32::from(base >= 8), 2));
    }
    let mut out = Out::default();
    log.flush(&mut out);
    disk.apply(&mut out);
    log.update_high_watermark(Offset(20));
    (disk, log)
}

/// A snapshot is written to its file and frozen.
fn freeze(log: &mut RaftLog, disk: &mut TestDisk, id: OffsetAndEpoch, timestamp_ms: i64) {
    let mut out = Out::default();
    let mut writer = log.create_new_snapshot(id, &mut out).expect("it may be").expect("a new one");
    writer.append(empty_snapshot(id, timestamp_ms).into(), &mut out);
    log.freeze_snapshot(writer, &mut out);
    disk.apply(&mut out);
}

fn segments(disk: &TestDisk) -> Vec<i64> {
    let base = |path: &str| path.rsplit('/').next().and_then(|name| name.strip_suffix(".log")?.parse().ok());
    disk.paths().iter().filter_map(|path| base(path)).collect()
}

fn snapshots(disk: &TestDisk) -> Vec<String> {
    let paths = disk.paths();
    let names = paths.iter().filter_map(|path| path.rsplit('/').next()).filter(|name| name.contains(".checkpoint"));
    names.map(str::to_owned).collect()
}

#[test]
fn a_snapshot_is_created_once_of_what_is_committed_and_where_a_batch_begins() {
    let (mut disk, mut log) = committed();
    log.update_high_watermark(Offset(16));
    let creates = |log: &mut RaftLog, id| {
        let writer = log.create_new_snapshot(id, &mut Out::default()).map_err(|error| error.to_string());
        writer.map(|writer| writer.is_some())
    };
    for (id, why) in [
        (at(2, 18), "above the high watermark"),
        (at(1, 10), "the log has no such offset and epoch"),
        (at(2, 11), "a batch of the log contains its end"),
    ] {
        assert!(creates(&mut log, id).is_err_and(|error| error.contains(why)), "{id:?}");
    }
    // The high watermark itself begins no batch that is committed.
    assert_eq!(creates(&mut log, at(2, 16)), Ok(true));
    freeze(&mut log, &mut disk, at(1, 4), 0);
    assert_eq!(creates(&mut log, at(1, 4)), Ok(false), "there is one");
    assert!(log.create_new_snapshot_unchecked(at(1, 4), &mut Out::default()).is_none());
    assert!(log.create_new_snapshot_unchecked(at(3, 90), &mut Out::default()).is_some());
    freeze(&mut log, &mut disk, at(2, 12), 0);
    assert_eq!((log.earliest_snapshot_id(), log.latest_snapshot_id()), (Some(at(1, 4)), Some(at(2, 12))));
    assert_eq!(log.delete_before_snapshot(at(2, 12), NOW, &mut Out::default()), Ok(true));
    assert_eq!(creates(&mut log, at(1, 6)), Ok(false), "it ends below the log's start");
}

#[test]
fn the_log_starts_at_a_snapshot_and_forgets_what_is_before_it() {
    let (mut disk, mut log) = committed();
    assert!(segments(&disk).len() > 3, "{:?}", segments(&disk));
    freeze(&mut log, &mut disk, at(1, 6), 0);
    freeze(&mut log, &mut disk, at(2, 12), 0);
    let mut out = Out::default();
    // One that is not known, and one that is above the high watermark.
    assert_eq!(log.delete_before_snapshot(at(2, 10), NOW, &mut out), Ok(false));
    assert!(out.effects.is_empty());
    assert_eq!(log.delete_before_snapshot(at(2, 12), NOW, &mut out), Ok(true));
    disk.apply(&mut out);
    background(&mut log, &mut disk);

    // Only whole segments are removed; the log's start may lie within the first one.
    assert_eq!((log.start_offset(), log.end_offset()), (Offset(12), Offset(20)));
    let left = segments(&disk);
    assert!(left[0] <= 12 && left.get(1).is_none_or(|base| *base > 12), "{left:?}");
    assert_eq!(log.epoch_starts(), [at(2, 12)], "epoch 1 is gone, and epoch 2 begins at the start");
    assert_eq!(disk.read(LEADER_EPOCH_CHECKPOINT).as_deref(), Some(&b"0\n1\n2 12\n"[..]));
    // The older snapshot has another name, and is deleted a minute later.
    let of = |id| snapshot_path(id).rsplit('/').next().map(str::to_owned).expect("a name");
    assert_eq!(snapshots(&disk), [format!("{}.deleted", of(at(1, 6))), of(at(2, 12))]);
    assert_eq!((log.earliest_snapshot_id(), log.snapshot(at(1, 6))), (Some(at(2, 12)), None));
    let due_ns = log.deletion_due_ns().expect("it is to be deleted");
    assert_eq!(due_ns, NOW.mono_ns + 60_000_000_000);
    log.delete_expired_snapshots(Now { mono_ns: due_ns - 1, ..NOW }, &mut out);
    assert!(out.effects.is_empty());
    log.delete_expired_snapshots(Now { mono_ns: due_ns, ..NOW }, &mut out);
    disk.apply(&mut out);
    assert_eq!((snapshots(&disk), log.deletion_due_ns()), (vec![of(at(2, 12))], None));

    // A fetch from below the start, or of an epoch from before it, gets the snapshot.
    let snapshot = Validation::Snapshot(at(2, 12));
    for (offset, epoch, expected) in [
        (11, 2, snapshot),
        (0, 0, snapshot),
        (12, 1, snapshot),
        (14, 1, snapshot),
        (12, 2, Validation::Valid),
        (20, 2, Validation::Valid),
        (21, 2, Validation::Diverging(at(2, 20))),
        (15, 3, Validation::Diverging(at(2, 20))),
    ] {
        let validated = log.validate_offset_and_epoch(Offset(offset), LeaderEpoch(epoch));
        assert_eq!(validated, expected, "{offset} of epoch {epoch}");
    }

    // The start is not stored: the next process begins at the first segment.
    disk.kill();
    let again = open(&mut disk, CONFIG);
    assert_eq!((again.start_offset(), again.end_offset()), (Offset(left[0]), Offset(20)));
    assert_eq!(again.earliest_snapshot_id(), Some(at(2, 12)));
}

/// An epoch that ends where the log starts now is gone, and the one that begins there stays as it is.
#[test]
fn the_log_may_start_where_an_epoch_does() {
    let (mut disk, mut log) = committed();
    freeze(&mut log, &mut disk, at(1, 8), 0);
    assert_eq!(log.delete_before_snapshot(at(1, 8), NOW, &mut Out::default()), Ok(true));
    assert_eq!((log.start_offset(), log.epoch_starts()), (Offset(8), &[at(2, 8)][..]));
    // Only the snapshot knows the epoch before.
    assert_eq!(log.end_offset_for_epoch(LeaderEpoch(1)), at(1, 8));
    assert_eq!(log.validate_offset_and_epoch(Offset(8), LeaderEpoch(1)), Validation::Valid);
    assert_eq!(log.validate_offset_and_epoch(Offset(8), LeaderEpoch(2)), Validation::Snapshot(at(1, 8)));
}

#[test]
fn the_oldest_snapshots_go_while_there_is_too_much_or_they_are_too_old() {
    let full = || {
        let (mut disk, mut log) = committed();
        for (offset, timestamp_ms) in [(10, 100_000), (14, 500_000), (18, 900_000)] {
            freeze(&mut log, &mut disk, at(2, offset), timestamp_ms);
        }
        (disk, log)
    };
    let cleaned = |(max_bytes, max_ms): (i64, i64)| {
        let (mut disk, mut log) = full();
        let mut out = Out::default();
        let cleaned = log.maybe_clean((max_bytes, max_ms), NOW, &mut out).expect("good snapshots");
        disk.apply(&mut out);
        (cleaned, log.start_offset().0, log.earliest_snapshot_id().map(|id| id.offset.0))
    };
    // No limits, and limits that are far away.
    assert_eq!(cleaned((-1, -1)), (false, 0, Some(10)));
    assert_eq!(cleaned((1 << 20, 1 << 40)), (false, 0, Some(10)));
    // By size: until only the last is left, which is kept.
    assert_eq!(cleaned((0, -1)), (true, 18, Some(18)));
    // By age: the snapshot of 100 s is 900 s old, that of 500 s is 500 s old.
    assert_eq!(cleaned((-1, 899_999)), (true, 14, Some(14)));
    assert_eq!(cleaned((-1, 499_999)), (true, 18, Some(18)));
    assert_eq!(cleaned((-1, 900_000)), (false, 0, Some(10)));
    // A single one is never deleted.
    let (mut disk, mut log) = committed();
    freeze(&mut log, &mut disk, at(2, 10), 0);
    assert_eq!(log.maybe_clean((0, 0), NOW, &mut Out::default()), Ok(false));
}

/// The high watermark is not known after a start, and a leader that lacks committed records has the log truncated below its snapshot.
#[test]
fn a_truncated_log_without_an_epoch_is_refused_beside_its_snapshot() {
    let (mut disk, mut log) = committed();
    freeze(&mut log, &mut disk, at(2, 10), 0);
    let mut log = open(&mut disk, CONFIG);
    assert_eq!(log.truncate_to_end_offset(at(1, 4), &mut Out::default()), Ok(Offset(4)));
    assert_eq!(log.check_last_fetched_epoch(), Ok(()), "it has epoch 1");
    assert_eq!(log.truncate_to_end_offset(at(1, 0), &mut Out::default()), Ok(Offset(0)));
    log.check_last_fetched_epoch().expect_err("the snapshot ends at 10, and the log at 0");
}

#[test]
fn a_snapshot_that_is_ahead_replaces_the_log() {
    let (mut disk, mut log) = committed();
    freeze(&mut log, &mut disk, at(2, 10), 0);
    let mut out = Out::default();
    assert!(!log.truncate_to_latest_snapshot(NOW, &mut out) && out.effects.is_empty(), "it is behind the log");
    let downloaded = at(4, 50);
    let mut writer = log.create_new_snapshot_unchecked(downloaded, &mut out).expect("a new one");
    writer.append(empty_snapshot(downloaded, 0).into(), &mut out);
    log.freeze_snapshot(writer, &mut out);
    disk.apply(&mut out);
    // The process dies before it truncates the log, or it does so.
    let mut crashed = disk.clone();
    assert!(log.truncate_to_latest_snapshot(NOW, &mut out));
    let effects = trace(&out);
    let unlinked = effects.iter().take_while(|effect| effect.starts_with("unlink ")).count();
    assert!(unlinked > 2 && effects[unlinked] == "open 00000000000000000050.log", "{effects:?}");
    assert!(effects[unlinked + 1].starts_with("unlink "), "the last one: {effects:?}");
    disk.apply(&mut out);
    background(&mut log, &mut disk);
    crashed.kill();
    let recovered = open(&mut crashed, CONFIG);
    for (log, disk) in [(&log, &disk), (&recovered, &crashed)] {
        assert_eq!((log.start_offset(), log.end_offset(), log.high_watermark()), (Offset(50), Offset(50), Offset(50)));
        assert_eq!((log.last_fetched_epoch(), log.epoch_starts().len()), (LeaderEpoch(4), 0));
        assert_eq!(log.check_last_fetched_epoch(), Ok(()));
        assert_eq!((log.earliest_snapshot_id(), segments(disk)), (Some(downloaded), vec![50]));
        assert_eq!(disk.read(LEADER_EPOCH_CHECKPOINT).as_deref(), Some(&b"0\n0\n"[..]));
        assert_eq!(log.validate_offset_and_epoch(Offset(50), LeaderEpoch(4)), Validation::Valid);
        assert_eq!(log.end_offset_for_epoch(LeaderEpoch(4)), downloaded);
    }
    // The log goes on behind it.
    append(&mut log, &mut disk, &batch(50, 5, 2));
    assert_eq!((log.end_offset(), log.epoch_starts()), (Offset(52), &[at(5, 50)][..]));
}

#[test]
fn a_start_deletes_what_is_no_complete_snapshot() {
    let (mut disk, mut log) = committed();
    freeze(&mut log, &mut disk, at(1, 4), 0);
    freeze(&mut log, &mut disk, at(2, 12), 0);
    let mut out = Out::default();
    assert_eq!(log.delete_before_snapshot(at(2, 12), NOW, &mut out), Ok(true));
    disk.apply(&mut out);
    disk.put(&partial_path(at(2, 16), 7), b"half");
    disk.put(&snapshot_path(at(1, 2)), b"older than the log");
    assert_eq!(snapshots(&disk).len(), 4);
    disk.kill();
    let log = open(&mut disk, CONFIG);
    let of = |id| snapshot_path(id).rsplit('/').next().map(str::to_owned).expect("a name");
    assert_eq!((snapshots(&disk), log.deletion_due_ns()), (vec![of(at(2, 12))], None));
    assert!(disk.read(&deleted_path(at(1, 4))).is_none() && disk.read(&segment_path(Offset(0))).is_none());
}
