//! What a failed fsync leaves, and a short write.

use crate::checks::prelude::*;
use std::rc::Rc;

use raft::fixes::{Fix, Fixes};
use raft::ids::{LeaderEpoch, Offset};
use raft::io::{DurableFiles, Effect, FileHandle, Out};
use raft::log::segment_path;
use sim::process::File;
use sim::watch::{Synced, Write};

use super::amnesia::excused;
use super::quorum::Quorum;

/// Server 1 appends value 10, its fsync fails, and it starts again with these fixes; nothing of the old file is forced
/// (Linux: the next fsync reports success and has nothing to write). `reported`: the check receives the failure.
fn restarts_after_a_failed_fsync(reported: bool, fixes: &[Fix]) -> Quorum {
    let mut quorum = Quorum::of(3);
    quorum.elect(0, 1, &[1, 2]);
    let batch = quorum.data(0, 1, 10);
    quorum.write(0, &batch);
    let records = quorum.missing(0, 1);
    let mut out = Out::default();
    quorum.logs[1].append_as_follower(&records, LeaderEpoch(1), 0, &mut out).expect("it follows on");
    quorum.perform(1, out);
    report_durable(&mut quorum, reported, false);
    quorum.kill(1);
    let fixes = fixes.iter().fold(Fixes::NONE, |fixes, fix| fixes.with(*fix));
    let rewrites = fixes.has(Fix::RewriteRecoveredLog);
    quorum.boot_with(1, fixes, |effect| !rewrites && matches!(effect, Effect::Fsync { .. }));
    if !rewrites {
        report_durable(&mut quorum, reported, true);
    }
    quorum
}

/// The leader counts what server 1 states.
fn commit(quorum: &mut Quorum) {
    quorum.fetch(1, 1);
    quorum.take_fetch(0, 1, 1);
    quorum.move_high_watermark(0, 1);
}

/// Server 1 forces its log, and nothing becomes durable. `reported`: the check receives the failure; `before`: of an
/// earlier fsync.
fn report_durable(quorum: &mut Quorum, reported: bool, before: bool) {
    let mut out = Out::default();
    quorum.logs[1].flush_at_close(&mut out);
    let forced = |effect: &Effect| if let Effect::Fsync { file } = effect { Some(File(file.0)) } else { None };
    let file = out.effects.iter().find_map(forced).expect("a segment is forced");
    let mut left = quorum.disks[1].clone();
    left.lose_power();
    let mut on = |event| quorum.checks.on(Crossing { at_ns: quorum.now, server: 1, event });
    if before {
        on(Event::Synced { synced: Synced::File(file) });
    }
    if reported {
        on(Event::FsyncFailed { file, before, left: &left });
    }
}

#[test]
fn what_a_failed_fsync_left_unwritten_is_not_forced_by_the_next_one() {
    let mut quorum = restarts_after_a_failed_fsync(true, &[Fix::FlushRecoveredLog]);
    assert_eq!(quorum.broke(), None);
    quorum.fetch(1, 1);
    assert_eq!(quorum.broke(), Some("PersistBeforePromise:D8"));

    let mut quorum = restarts_after_a_failed_fsync(true, &[Fix::FlushRecoveredLog]);
    quorum.take_fetch(0, 1, 1);
    quorum.move_high_watermark(0, 1);
    assert_eq!(quorum.broke(), Some("MajorityReachedHighWatermark"));
    assert_eq!(excused(&quorum, "commit_counts_amnesiac_voter"), 0);
}

#[test]
fn what_is_written_to_a_new_file_is_forced() {
    let mut quorum = restarts_after_a_failed_fsync(true, &[Fix::FlushRecoveredLog, Fix::RewriteRecoveredLog]);
    commit(&mut quorum);
    quorum.lose_power(1);
    quorum.boot(1);
    assert_eq!(quorum.checks.models.committed.promised, quorum.checks.models.servers[1].log.durable());
    quorum.elect(1, 2, &[2]);
    assert_eq!(quorum.broke(), None);
}

#[test]
fn a_new_file_is_durable_once_it_and_its_name_are_forced() {
    let skipped: [fn(&Effect) -> bool; 2] =
        [|effect| matches!(effect, Effect::FsyncDirectory), |effect| matches!(effect, Effect::Fsync { .. })];
    for skip in skipped {
        let mut quorum = restarts_after_a_failed_fsync(true, &[]);
        quorum.kill(1);
        quorum.boot_with(1, Fixes::NONE.with(Fix::FlushRecoveredLog).with(Fix::RewriteRecoveredLog), skip);
        quorum.fetch(1, 1);
        assert_eq!(quorum.broke(), Some("PersistBeforePromise:D8"));
    }
}

#[test]
fn a_new_file_has_the_content_of_the_old_one() {
    for altered in [false, true] {
        let mut quorum = restarts_after_a_failed_fsync(true, &[Fix::FlushRecoveredLog]);
        let path = segment_path(Offset(0));
        let mut bytes = quorum.disks[1].read(&path).expect("a segment");
        if altered {
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
        }
        let (file, temporary): (_, Rc<str>) = (FileHandle(99), "copy.tmp".into());
        let mut out = Out::default();
        out.push(Effect::Open { file, path: Rc::clone(&temporary), truncate: true });
        out.push(Effect::Append { file, bytes: bytes.into() });
        out.push(Effect::Rename { from: temporary, to: path });
        quorum.perform(1, out);
        assert_eq!(quorum.broke(), altered.then_some("LogMatching"));
    }
}

#[test]
fn forced_bytes_are_gone_without_a_failed_fsync() {
    let mut quorum = restarts_after_a_failed_fsync(false, &[Fix::FlushRecoveredLog]);
    commit(&mut quorum);
    quorum.lose_power(1);
    quorum.boot(1);
    assert_eq!(quorum.broke(), Some("GhostMismatch"));
}

/// What rot took is not durable, whatever is reported of the clean pages behind it; new files make up for both.
#[test]
fn rot_and_a_failed_fsync_of_one_log_both_count() {
    let mut quorum = restarts_after_a_failed_fsync(true, &[Fix::FlushRecoveredLog]);
    let durable = |quorum: &Quorum| quorum.checks.models.servers[1].log.durable();
    assert_eq!(durable(&quorum), 1, "the failed fsync lost one batch");
    quorum.checks.models.servers[1].log.spoil(0);
    assert_eq!(durable(&quorum), 0);
    report_durable(&mut quorum, true, true);
    assert_eq!(durable(&quorum), 0);
    quorum.kill(1);
    quorum.boot_with(1, Fixes::NONE.with(Fix::FlushRecoveredLog).with(Fix::RewriteRecoveredLog), |_| false);
    assert_eq!((durable(&quorum), quorum.broke()), (2, None));
}

/// The next append rewrites its page.
#[test]
fn a_promise_holds_again_once_the_page_is_written_again() {
    let mut quorum = restarts_after_a_failed_fsync(true, &[Fix::FlushRecoveredLog]);
    assert!(quorum.checks.models.servers[1].log.durable() < 2);
    let batch = quorum.data(0, 1, 11);
    quorum.write(0, &batch);
    let records = quorum.missing(0, 1);
    let mut out = Out::default();
    quorum.logs[1].append_as_follower(&records, LeaderEpoch(1), 0, &mut out).expect("it follows on");
    quorum.logs[1].flush(&mut out);
    quorum.perform(1, out);
    let open: Vec<File> = quorum.disks[1].open.keys().map(|file| File(*file)).collect();
    let left = quorum.disks[1].clone();
    for file in open {
        let event = Event::FsyncFailed { file, before: true, left: &left };
        quorum.checks.on(Crossing { at_ns: quorum.now, server: 1, event });
    }
    assert_eq!(quorum.checks.models.servers[1].log.durable(), 3);
    commit(&mut quorum);
    assert_eq!(quorum.checks.models.committed.promised, 3);
}

/// The first bytes of a batch are written and the rest is refused: recovery finds them, and cuts them off.
#[test]
fn a_short_write_leaves_bytes_that_are_no_batch() {
    let path = segment_path(Offset(0));
    let short = |is_short: bool| {
        let mut quorum = Quorum::at_work();
        let batch = quorum.data(0, 1, 12);
        let (file, bytes) = (File(raft::log::FIRST_SEGMENT_HANDLE.0), Rc::from(&batch.bytes[..40]));
        quorum.disks[0].bytes_mut(&path).extend_from_slice(&bytes);
        let (file, bytes) = (file, &bytes);
        let write = if is_short { Write::ShortAppend { file, bytes } } else { Write::Append { file, bytes } };
        quorum.checks.on(Crossing { at_ns: quorum.now, server: 0, event: Event::Wrote { write } });
        quorum
    };
    assert_eq!(short(false).broke(), Some("LogMatching"));
    let mut quorum = short(true);
    assert_eq!(quorum.broke(), None);
    quorum.kill(0);
    quorum.boot(0);
    assert_eq!(quorum.broke(), None);
    assert_eq!(quorum.checks.coverage().find(|(name, _)| *name == "torn_tail"), Some(("torn_tail", 1)));
    let mut other = short(true);
    other.kill(0);
    other.disks[0].bytes_mut(&path).pop();
    other.boot(0);
    assert_eq!(other.broke(), Some("GhostMismatch"), "not the bytes that were written");
}
