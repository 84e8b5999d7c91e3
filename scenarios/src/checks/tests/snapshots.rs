//! Snapshots that are not durable, are of something else than the log, or do not cover what the log lacks.

use std::collections::BTreeSet;
use std::rc::Rc;

use raft::ids::{LeaderEpoch, Offset, OffsetAndEpoch, Uuid};
use raft::io::{Effect, Observation, Out, Visitor as _};
use raft::log::{Batch, segment_path};
use raft::message::{FetchRequest, FetchResponse, Request, Response};
use raft::snapshot::SnapshotWriter;
use raft::voter_set::VoterSet;

use super::quorum::{Quorum, node};
use crate::actor::Message;
use crate::checks::audit::NodeView;
use crate::checks::prelude::*;

fn id(epoch: i32, offset: i64) -> OffsetAndEpoch {
    OffsetAndEpoch { epoch: LeaderEpoch(epoch), offset: Offset(offset) }
}

/// A server writes a snapshot, but for what is skipped.
fn freeze(quorum: &mut Quorum, server: usize, id: OffsetAndEpoch, skip: impl Fn(&Effect) -> bool) {
    let batches = SnapshotWriter::new(id, (0, None), 7, 8).freeze(9);
    write(quorum, server, id, &batches, skip);
}

fn write(
    quorum: &mut Quorum,
    server: usize,
    id: OffsetAndEpoch,
    batches: &[Rc<Batch>],
    skip: impl Fn(&Effect) -> bool,
) {
    let mut out = Out::default();
    let log = &mut quorum.logs[server];
    let mut writer = log.create_new_snapshot_unchecked(id, &mut out).expect("a new one");
    for batch in batches {
        writer.append(Rc::clone(&batch.bytes), &mut out);
    }
    log.freeze_snapshot(writer, &mut out);
    quorum.perform_but(server, out, skip);
}

#[test]
fn a_snapshot_counts_when_it_is_durable() {
    let mut good = Quorum::at_work();
    freeze(&mut good, 1, id(1, 3), |_| false);
    good.say(1, Observation::SnapshotGenerated { end: Offset(3) });
    assert_eq!(good.broke(), None);

    let mut unforced = Quorum::at_work();
    freeze(&mut unforced, 1, id(1, 3), |effect| matches!(effect, Effect::Fsync { .. }));
    assert_eq!(unforced.broke(), Some("PersistBeforePromise:D10"));

    let mut unnamed = Quorum::at_work();
    freeze(&mut unnamed, 1, id(1, 3), |effect| matches!(effect, Effect::FsyncDirectory));
    assert_eq!(unnamed.broke(), None);
    unnamed.say(1, Observation::SnapshotInstalled { end: Offset(3) });
    assert_eq!(unnamed.broke(), Some("PersistBeforePromise:D10"));
}

/// A Fetch for a bootstrap server that does not answer waits for its connection, while a snapshot of the leader replaces a
/// log that had more records: D8 is of the time when the request was made.
#[test]
fn a_request_from_before_a_snapshot_may_leave_late() {
    for (beyond, broken) in [(0, None), (1, Some("PersistBeforePromise:D8"))] {
        let mut quorum = Quorum::at_work();
        for value in 12..15 {
            let uncommitted = quorum.data(0, 1, value);
            quorum.write(0, &uncommitted);
        }
        let Offset(claimed) = quorum.logs[0].end_offset();
        quorum.elect(1, 2, &[2]);
        quorum.follow(0, 1, 2);
        let committed = quorum.logs[1].end_offset();
        assert!(claimed > committed.0);
        freeze(&mut quorum, 0, id(2, committed.0), |_| false);
        quorum.fetch_at(0, 2, Offset(claimed + beyond));
        assert_eq!(quorum.broke(), broken);
    }
}

#[test]
fn a_snapshot_is_of_what_is_committed() {
    let mut ahead = Quorum::at_work();
    freeze(&mut ahead, 1, id(1, 90), |_| false);
    assert_eq!(ahead.broke(), Some("SnapshotEqualsReplay"));

    let mut of_another_epoch = Quorum::at_work();
    freeze(&mut of_another_epoch, 1, id(7, 2), |_| false);
    assert_eq!(of_another_epoch.broke(), Some("SnapshotEqualsReplay"));
}

#[test]
fn a_snapshot_has_a_footer_and_the_voters_of_its_log() {
    let at = id(1, 3);
    let of = |quorum| SnapshotWriter::new(at, quorum, 7, 8).freeze(9);
    let complete = of((0, None));
    let others = of((1, Some(VoterSet::default())));
    for (batches, broken) in [
        (&complete[..], None),
        (&complete[..complete.len() - 1], Some("SnapshotEqualsReplay")),
        (&others[..], Some("SnapshotEqualsReplay")),
    ] {
        let mut quorum = Quorum::at_work();
        write(&mut quorum, 1, at, batches, |_| false);
        assert_eq!(quorum.broke(), broken);
    }
}

/// What was read of a snapshot is not read again of another node's, which may differ in its timestamps alone.
#[test]
fn each_snapshot_is_judged_by_its_own_records() {
    let at = id(1, 3);
    let with = |alter: fn(&mut Vec<u8>)| {
        let mut batches = SnapshotWriter::new(at, (0, None), 7, 8).freeze(9);
        let last = batches.len() - 1;
        let mut footer = batches[last].bytes.to_vec();
        alter(&mut footer);
        let crc = crc32c::crc32c(&footer[21..]);
        footer[17..21].copy_from_slice(&crc.to_be_bytes());
        batches[last] = Batch::parse(&footer).expect("a batch").0.into();
        batches
    };
    let other_times = |footer: &mut Vec<u8>| footer[42] ^= 1;
    // The type in its key.
    let no_footer = |footer: &mut Vec<u8>| footer[69] = 3;
    for (second, broken) in [(with(other_times), None), (with(no_footer), Some("SnapshotEqualsReplay"))] {
        let mut quorum = Quorum::at_work();
        write(&mut quorum, 1, at, &with(|_| ()), |_| false);
        assert_eq!(quorum.broke(), None);
        write(&mut quorum, 2, at, &second, |_| false);
        assert_eq!(quorum.broke(), broken);
    }
}

#[test]
fn what_a_log_deletes_is_in_a_snapshot() {
    for (is_covered, broken) in [(true, None), (false, Some("NoRecordBelowLogStartNeeded"))] {
        let mut quorum = Quorum::at_work();
        for value in 12..20 {
            quorum.append_and_commit(0, 1, value);
        }
        if is_covered {
            let end = quorum.logs[1].end_offset();
            freeze(&mut quorum, 1, id(1, end.0), |_| false);
        }
        let mut out = Out::default();
        out.push(Effect::Unlink { path: segment_path(Offset(0)) });
        quorum.perform(1, out);
        assert_eq!(quorum.broke(), broken);
    }
}

#[test]
fn a_log_begins_where_a_snapshot_ends() {
    let shown = |start| {
        let mut quorum = Quorum::at_work();
        freeze(&mut quorum, 1, id(1, 3), |_| false);
        let mut view = NodeView::default();
        view.log(Offset(start), Offset(3), None);
        quorum.checks.audit(quorum.now, 1, (true, false), &view, &quorum.disks[1]);
        quorum.broke()
    };
    assert_eq!(shown(2), Some("SnapshotAtLogStart"));
    assert_ne!(shown(3), Some("SnapshotAtLogStart"));
}

/// D12: a process dies between the download of a snapshot and the truncation of its log.
#[test]
fn a_process_goes_on_behind_the_snapshot_that_it_finds() {
    for (fetch_offset, broken) in [(4, None), (3, Some("PersistBeforePromise:D12"))] {
        let mut quorum = Quorum::at_work();
        let batch = quorum.data(0, 1, 12);
        quorum.write(0, &batch);
        quorum.replicate(0, 2, 1);
        quorum.move_high_watermark(0, 1);
        freeze(&mut quorum, 1, id(1, 4), |_| false);
        quorum.kill(1);
        quorum.boot(1);
        assert_eq!(quorum.broke(), None);
        let request = Request::Fetch(FetchRequest {
            cluster_id: None,
            replica_id: node(1),
            replica_directory_id: None,
            topic_id: Uuid::METADATA_TOPIC_ID,
            max_wait_ms: 500,
            max_bytes: 1,
            current_leader_epoch: LeaderEpoch(1),
            fetch_offset: Offset(fetch_offset),
            last_fetched_epoch: LeaderEpoch(1),
            high_watermark: None,
        });
        quorum.send(1, Message::Request { correlation_id: 1, request });
        assert_eq!(quorum.broke(), broken);
    }
}

/// A server writes a snapshot, downloads the one that its leader has named, or has installed one, when it is interrupted.
#[test]
fn an_interruption_counts_for_the_phase_of_the_snapshot() {
    let kinds = ["cut", "election", "disk_failed", "died"];
    let phases = ["during_snapshot", "during_download", "before_snapshot_loaded"];
    for (phase, named, installs) in
        [(phases[0], None, false), (phases[1], Some(id(1, 3)), false), (phases[2], Some(id(1, 3)), true)]
    {
        let mut quorum = Quorum::at_work();
        let answer = Response::Fetch(FetchResponse { snapshot_id: named.map(Box::new), ..FetchResponse::default() });
        let event = Event::ResponseReceived { token: 0, correlation_id: 3, response: &answer };
        quorum.checks.on(Crossing { at_ns: quorum.now, server: 1, event });
        if installs {
            freeze(&mut quorum, 1, id(1, 3), |_| false);
            quorum.say(1, Observation::SnapshotInstalled { end: Offset(3) });
        } else {
            let mut out = Out::default();
            drop(quorum.logs[1].create_new_snapshot_unchecked(id(1, 3), &mut out).expect("a new one"));
            quorum.perform(1, out);
        }
        quorum.checks.links_cut(1);
        quorum.elect(0, 2, &[2]);
        quorum.checks.on(Crossing { at_ns: quorum.now, server: 1, event: Event::DiskFailed });
        quorum.kill(1);
        let is_one = |name: &str| phases.iter().any(|phase| name.ends_with(phase));
        let met = quorum.checks.coverage().filter(|(name, count)| *count > 0 && is_one(name));
        let expected: BTreeSet<String> = kinds.map(|kind| format!("{kind}_{phase}")).into();
        assert_eq!(met.map(|(name, _)| name.to_owned()).collect::<BTreeSet<_>>(), expected);
    }
}
