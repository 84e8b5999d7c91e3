//! FetchSnapshot (KIP-630): a leader serves a snapshot in chunks; a follower downloads it, and it replaces the log.

use std::rc::Rc;

use raft::bugs::Bugs;
use raft::controller::settings::ControllerSettings;
use raft::fixes::Fixes;
use raft::ids::{LeaderEpoch, NodeId, Offset, OffsetAndEpoch};
use raft::io::{DurableFiles, Observation, Role};
use raft::log::{BatchBuilder, Records};
use raft::message::{
    ErrorCode, FetchResponse, FetchSnapshotRequest, FetchSnapshotResponse, Request, Response, UnalignedRecords,
};
use raft::node::{NodeSpec, Roles};
use raft::snapshot::{BOOTSTRAP_SNAPSHOT_ID, SnapshotWriter, snapshot_path};

use crate::harness::*;

/// Of a log up to offset 5, in epoch 1.
const ID: OffsetAndEpoch = OffsetAndEpoch { epoch: LeaderEpoch(1), offset: Offset(5) };

/// A controller, whose event queue loads snapshots.
fn controller(max_bytes: i32) -> NodeSpec {
    let spec = spec(1, 3, Bugs::NONE, Fixes::default());
    let voters = (1..=3).map(NodeId).collect();
    let settings = ControllerSettings::new(NodeId(1), CLUSTER_ID.into(), voters);
    let mut config = raft::config::ControllerConfig::clone(&spec.config);
    config.fetch_snapshot_max_bytes = max_bytes;
    let roles = Roles::Kafka { controller: Some(Rc::new(settings)), broker: None };
    NodeSpec { config: Rc::new(config), roles, ..spec }
}

/// The bytes of an empty snapshot.
fn snapshot(id: OffsetAndEpoch) -> Vec<u8> {
    SnapshotWriter::new(id, (0, None), 7, 8).freeze(9).iter().flat_map(|batch| batch.bytes.iter().copied()).collect()
}

/// A controller with that snapshot and nothing else leads epoch `ID.epoch + 1`.
fn leader_with(id: OffsetAndEpoch) -> Harness {
    let mut disk = Disk::default();
    disk.put(&snapshot_path(id), snapshot(id));
    let mut harness = Harness::boot(controller(100), disk, 0);
    elect(&mut harness);
    harness
}

fn fetch_snapshot(epoch: i32, id: OffsetAndEpoch, position: i64, max_bytes: i32) -> Request {
    Request::FetchSnapshot(FetchSnapshotRequest {
        cluster_id: Some(CLUSTER_ID.into()),
        replica_id: NodeId(2),
        replica_directory_id: directory(2),
        max_bytes,
        current_leader_epoch: LeaderEpoch(epoch),
        snapshot_id: id,
        position,
    })
}

fn answer(response: Option<Response>) -> FetchSnapshotResponse {
    match response {
        Some(Response::FetchSnapshot(answer)) => answer,
        other => panic!("not an answer to FetchSnapshot: {other:?}"),
    }
}

fn named(leader: i32, epoch: i32, id: OffsetAndEpoch) -> Response {
    let current_leader = current_leader(Some(leader), epoch);
    Response::Fetch(FetchResponse { current_leader, snapshot_id: Some(Box::new(id)), ..FetchResponse::default() })
}

/// A chunk of `of`, from node 2, the leader of `epoch`.
fn chunk(epoch: i32, id: OffsetAndEpoch, of: &[u8], position: usize, end: usize) -> Response {
    Response::FetchSnapshot(FetchSnapshotResponse {
        current_leader: current_leader(Some(2), epoch),
        snapshot_id: id,
        size: of.len() as i64,
        position: position as i64,
        unaligned_records: UnalignedRecords(of[position..end].into()),
        ..FetchSnapshotResponse::default()
    })
}

fn requested(sent: &Sent) -> (OffsetAndEpoch, i64) {
    match &sent.request {
        Request::FetchSnapshot(request) => (request.snapshot_id, request.position),
        other => panic!("{} was sent", other.name()),
    }
}

fn names(harness: &Harness) -> Vec<String> {
    let paths = harness.disk.paths();
    let names = paths.iter().filter_map(|path| path.strip_prefix("__cluster_metadata-0/"));
    names.filter(|name| name.contains("checkpoint") && !name.starts_with("leader")).map(str::to_owned).collect()
}

/// Replica 1 follows node 2, leader of epoch 3, which has named the snapshot.
fn downloading(max_bytes: i32) -> Harness {
    let mut harness = Harness::boot(controller(max_bytes), Disk::default(), 0);
    harness.ask(begin(2, 3));
    harness.shake_off_bootstrap();
    let sent = harness.sent("Fetch");
    harness.reply(&sent, named(2, 3, ID));
    assert_eq!(names(&harness).len(), 1, "{:?}", names(&harness));
    harness
}

#[test]
fn a_leader_names_its_snapshot_to_who_is_behind_its_log_and_serves_it_in_chunks() {
    let whole = snapshot(ID);
    let mut leader = leader_with(ID);
    assert_eq!((leader.look().start, leader.look().last_fetched_epoch), (5, 2));
    for (log, expected) in [((0, 0), Some(ID)), ((1, 3), Some(ID)), ((1, 5), None)] {
        let answer = fetch_answer(leader.ask(fetch(2, 2, log, Some(i64::from(u8::MAX)))));
        assert_eq!((answer.error, answer.snapshot_id.as_deref()), (ErrorCode::None, expected.as_ref()), "{log:?}");
    }
    let mut fetched = Vec::new();
    while fetched.len() < whole.len() {
        let position = fetched.len() as i64;
        let answer = answer(leader.ask(fetch_snapshot(2, ID, position, 100)));
        assert_eq!((answer.error, answer.snapshot_id, answer.position), (ErrorCode::None, ID, position));
        assert_eq!(answer.size, whole.len() as i64);
        assert!((1..=100).contains(&answer.unaligned_records.0.len()));
        fetched.extend_from_slice(&answer.unaligned_records.0);
    }
    assert_eq!(fetched, whole);

    let other = OffsetAndEpoch { offset: Offset(4), ..ID };
    let end = whole.len() as i64;
    for (epoch, id, position, error) in [
        (1, ID, 0, ErrorCode::FencedLeaderEpoch),
        (3, ID, 0, ErrorCode::UnknownLeaderEpoch),
        (2, other, 0, ErrorCode::SnapshotNotFound),
        (2, ID, end, ErrorCode::PositionOutOfRange),
        (2, ID, -1, ErrorCode::PositionOutOfRange),
    ] {
        let refused = answer(leader.ask(fetch_snapshot(epoch, id, position, 100)));
        assert_eq!((refused.error, refused.current_leader.leader_epoch), (error, LeaderEpoch(2)), "{id:?} {position}");
    }
    let mut follower = Harness::one_of_three();
    let refused = answer(follower.ask(fetch_snapshot(0, ID, 0, 100)));
    assert_eq!(refused.error, ErrorCode::NotLeaderOrFollower);
}

#[test]
fn the_bootstrap_snapshot_is_neither_named_nor_served() {
    let mut leader = leader_with(BOOTSTRAP_SNAPSHOT_ID);
    let epoch = leader.epoch();
    let named = fetch_answer(leader.ask(fetch(2, epoch, (0, 0), None)));
    assert_eq!((named.snapshot_id, named.records.0.len()), (None, 1), "the LeaderChange record");
    let refused = answer(leader.ask(fetch_snapshot(epoch, BOOTSTRAP_SNAPSHOT_ID, 0, 100)));
    assert_eq!(refused.error, ErrorCode::SnapshotNotFound);
}

/// Check quorum counts who downloads (`LeaderState.updateCheckQuorumForFollowingVoter`).
#[test]
fn a_leader_whose_follower_downloads_does_not_resign() {
    let mut leader = leader_with(ID);
    for _ in 0..10 {
        leader.advance_ms(1_000);
        leader.ask(fetch_snapshot(2, ID, 0, 1));
    }
    assert_eq!(leader.role(), Role::Leader);
    leader.advance_ms(4_000);
    assert_eq!(leader.role(), Role::Resigned);
}

#[test]
fn a_follower_downloads_a_snapshot_which_replaces_its_log() {
    let whole = snapshot(ID);
    let mut follower = downloading(100);
    let mut position = 0;
    while position < whole.len() {
        let sent = follower.sent("FetchSnapshot");
        assert_eq!(requested(&sent), (ID, position as i64));
        assert_eq!((follower.look().end, follower.look().high_watermark), (0, None));
        let end = whole.len().min(position + 100);
        follower.order.clear();
        follower.reply(&sent, chunk(3, ID, &whole, position, end));
        position = end;
    }
    // D10: its bytes, before it has its name.
    assert!(follower.order[0].ends_with(".checkpoint.part") && follower.order[0].starts_with("fsync "));
    assert_eq!(names(&follower), ["00000000000000000005-0000000001.checkpoint"]);
    assert_eq!(follower.disk.read(&snapshot_path(ID)), Some(whole));
    assert!(follower.saw(Observation::SnapshotInstalled { end: Offset(5) }));
    assert!(follower.saw(Observation::HighWatermark { offset: Offset(5), epoch: LeaderEpoch(3), leading: false }));
    assert!(follower.saw(Observation::Applied { end: Offset(5) }), "the controller has loaded it");
    let next = follower.sent("Fetch");
    let Request::Fetch(request) = &next.request else { panic!("a Fetch") };
    assert_eq!((request.fetch_offset, request.last_fetched_epoch), (Offset(5), LeaderEpoch(1)));
    assert_eq!(request.high_watermark, Some(Offset(5)));
    // It is the same after a restart.
    follower.restart(true);
    assert_eq!((follower.look().start, follower.look().end, follower.look().last_fetched_epoch), (5, 5, 1));
}

#[test]
fn a_download_starts_over_when_the_leader_has_deleted_the_snapshot_and_ends_with_the_epoch() {
    let whole = snapshot(ID);
    let mut follower = downloading(10);
    let sent = follower.sent("FetchSnapshot");
    follower.reply(&sent, chunk(3, ID, &whole, 0, 10));
    let sent = follower.sent("FetchSnapshot");
    assert_eq!(requested(&sent), (ID, 10));
    let current_leader = current_leader(Some(2), 3);
    let error = ErrorCode::SnapshotNotFound;
    let gone = FetchSnapshotResponse { error, current_leader, ..FetchSnapshotResponse::default() };
    follower.reply(&sent, Response::FetchSnapshot(gone));
    assert!(names(&follower).is_empty(), "{:?}", names(&follower));
    let sent = follower.sent("Fetch");
    follower.reply(&sent, named(2, 3, OffsetAndEpoch { offset: Offset(7), ..ID }));
    assert_eq!(requested(&follower.sent("FetchSnapshot")).1, 0);
    assert_eq!(names(&follower).len(), 1);
    follower.ask(begin(3, 4));
    assert!(names(&follower).is_empty(), "{:?}", names(&follower));
    follower.advance_ms(20);
    assert!(follower.has_sent("Fetch") && !follower.has_sent("FetchSnapshot"));
}

#[test]
fn a_start_forgets_half_a_download() {
    let whole = snapshot(ID);
    let mut follower = downloading(10);
    let sent = follower.sent("FetchSnapshot");
    follower.reply(&sent, chunk(3, ID, &whole, 0, 10));
    follower.restart(false);
    assert!(names(&follower).is_empty(), "{:?}", names(&follower));
    assert_eq!(follower.look().end, 0);
}

/// `handleFetchSnapshotResponse`: an `IllegalStateException`
#[test]
fn a_chunk_of_another_snapshot_or_of_another_place_is_fatal() {
    let whole = snapshot(ID);
    for (id, position, why) in [
        (OffsetAndEpoch { offset: Offset(6), ..ID }, 0, "was answered with a chunk of"),
        (ID, 10, "was answered with the chunk at byte 10, and 0 bytes are there"),
    ] {
        let mut follower = downloading(100);
        let sent = follower.sent("FetchSnapshot");
        follower.reply(&sent, chunk(3, id, &whole, position, 20));
        let (reason, is_fatal) = follower.halted.clone().expect("it has ended");
        assert!(is_fatal && reason.contains(why), "{reason}");
    }
}

/// `KRaftControlRecordStateMachine.maybeLoadSnapshot` reads all batches.
#[test]
fn a_corrupt_snapshot_is_fatal() {
    let mut whole = snapshot(ID);
    let at = whole.len() - 1;
    whole[at] ^= 1;
    let mut follower = downloading(1_000);
    let sent = follower.sent("FetchSnapshot");
    follower.reply(&sent, chunk(3, ID, &whole, 0, whole.len()));
    assert!(follower.halted.as_ref().is_some_and(|(reason, fatal)| *fatal && reason.contains("checkpoint")));
    let restarted = Harness::boot(controller(100), follower.disk.clone(), 0);
    assert!(restarted.halted.is_some_and(|(reason, fatal)| fatal && reason.contains("checkpoint")));
}

/// While the leader does not answer, a Fetch is sent to the bootstrap servers, one of which may be the leader: it names the
/// snapshot again.
#[test]
fn a_second_answer_that_names_a_snapshot_begins_the_download_anew() {
    let whole = snapshot(ID);
    let mut follower = downloading(10);
    let sent = follower.sent("FetchSnapshot");
    follower.reply(&sent, chunk(3, ID, &whole, 0, 10));
    let sent = follower.sent("FetchSnapshot");
    follower.hang_up(&sent);
    let mut positions = Vec::new();
    for _ in 0..100 {
        follower.advance_ms(10);
        if follower.has_sent("Fetch") {
            let sent = follower.sent("Fetch");
            follower.reply(&sent, named(2, 3, ID));
        } else if follower.has_sent("FetchSnapshot") {
            positions.push(requested(&follower.sent("FetchSnapshot")));
            break;
        }
    }
    assert_eq!(positions, [(ID, 0)]);
    assert_eq!(names(&follower).len(), 1, "{:?}", names(&follower));
}

/// `RaftMetadataLogCleanerManager.maybeClean` logs the error of a snapshot above the high watermark, which a replica without
/// a leader does not know.
#[test]
fn the_log_cleaner_keeps_what_ends_above_the_high_watermark() {
    let spec = controller(100);
    let mut config = raft::config::ControllerConfig::clone(&spec.config);
    config.retention_max_bytes = 0;
    let mut replica = Harness::boot(NodeSpec { config: Rc::new(config), ..spec }, Disk::default(), 0);
    let batch = |offset: i64| {
        let mut batch = BatchBuilder::new(Offset(offset), LeaderEpoch(3), 0);
        batch.no_op();
        batch.build()
    };
    let fetch_up_to_4 = |replica: &mut Harness, epoch, records| {
        replica.ask(begin(2, epoch));
        replica.shake_off_bootstrap();
        let sent = replica.sent("Fetch");
        replica.reply(&sent, fetched(2, epoch, Records(records), Some(4)));
    };
    fetch_up_to_4(&mut replica, 3, (0..4).map(batch).collect());
    for offset in [1, 2] {
        let id = OffsetAndEpoch { offset: Offset(offset), epoch: LeaderEpoch(3) };
        replica.disk.put(&snapshot_path(id), snapshot(id));
    }
    for (knows_it, start) in [(false, 0), (true, 2)] {
        replica.restart(false);
        if knows_it {
            let epoch = replica.epoch() + 1;
            fetch_up_to_4(&mut replica, epoch, Default::default());
        }
        replica.advance_ms(61_000);
        assert_eq!((replica.halted.clone(), replica.look().start), (None, start));
    }
}
