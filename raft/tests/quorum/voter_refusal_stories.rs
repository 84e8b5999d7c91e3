//! What a leader refuses of AddRaftVoter and RemoveRaftVoter: every error of `KafkaRaftClient.handleAddVoterRequest` and
//! `AddVoterHandler`, of `handleRemoveVoterRequest` and `RemoveVoterHandler`, and which one a request gets that deserves
//! two.

use raft::fixes::Fixes;
use raft::ids::NodeId;
use raft::io::{Input, Role, ThreadName};
use raft::message::{
    AddRaftVoterRequest, ApiVersionsResponse, Endpoints, ErrorCode, KRaftVersionFeature, RemoveRaftVoterRequest,
    Request, Response,
};

use ErrorCode::{
    DuplicateVoter, InconsistentClusterId, InvalidRequest, NotLeaderOrFollower, RequestTimedOut, UnsupportedVersion,
    VoterNotFound,
};

use crate::harness::*;
use crate::membership_stories::*;

/// What replica 1 is when it is asked; of voters 1 to 3, with kraft.version 1, if nothing else is said.
#[derive(Clone, Copy, Debug)]
enum When {
    /// It leads, and all of its log is committed.
    Settled,
    /// As above, and it is the only voter.
    Alone,
    /// As above, of kraft.version 0.
    Static,
    /// It leads, and has no high watermark yet.
    Young,
    YoungStatic,
    /// It leads, and waits for replica 4 to answer ApiVersions.
    Adding,
    /// It leads, and waits for the commit of the removal of replica 3.
    Removing,
    /// That has taken too long: nobody waits for it any more, and its record is still not committed.
    Uncommitted,
    /// It leads, and its last request to replica 4 has failed just now.
    BackingOff,
    /// It has led, and is shutting down.
    ShuttingDown,
    /// Replica 2 leads.
    Follower,
}

impl When {
    fn replica(self) -> Harness {
        let mut harness = match self {
            When::Young => {
                let mut harness = Harness::boot(dynamic(1, 3, Fixes::default()), formatted(1, 3), 0);
                elect(&mut harness);
                harness
            }
            When::Static | When::YoungStatic => {
                let mut harness = Harness::one_of_three();
                elect(&mut harness);
                harness
            }
            When::Alone => {
                let mut harness = Harness::boot(dynamic(1, 1, Fixes::default()), formatted(1, 1), 0);
                harness.advance_ms(TIMEOUT_MS);
                harness
            }
            _ => leader_of(3, Fixes::default()),
        };
        harness.quiet_state_machine();
        harness.shake_off("BeginQuorumEpoch");
        let (epoch, end) = (harness.epoch(), harness.look().end);
        match self {
            When::Settled | When::Alone | When::Young | When::YoungStatic => {}
            When::Static => fetch_at_end(&mut harness, 2),
            When::Adding => assert_eq!(error_of(harness.ask(add(4, true))), None),
            When::Removing => assert_eq!(error_of(harness.ask(remove(3))), None),
            When::Uncommitted => {
                assert_eq!(error_of(harness.ask(remove(3))), None);
                // What is before the record.
                let fetches = |harness: &mut Harness| drop(harness.ask(fetch(2, epoch, (epoch, end), None)));
                pass(&mut harness, TIMEOUT_MS, fetches);
                assert_eq!(ended(&mut harness), [RequestTimedOut]);
                let look = harness.look();
                assert_eq!((look.high_watermark, look.end), (Some(end), end + 1));
            }
            When::BackingOff => {
                harness.ask(add(4, true));
                let asked = harness.sent("ApiVersions");
                harness.hang_up(&asked);
            }
            When::ShuttingDown => {
                harness.step(ThreadName::RaftIo, Input::Terminate);
                assert_eq!(harness.role(), Role::Resigned);
            }
            When::Follower => drop(harness.ask(begin(2, epoch + 1))),
        }
        harness.outbox.clear();
        harness.answers.clear();
        harness
    }
}

/// Time passes, in which others do something often enough that the leader remains one.
fn pass(harness: &mut Harness, ms: u64, others: impl Fn(&mut Harness)) {
    for _ in 0..ms / 500 {
        others(harness);
        harness.advance_ms(500);
    }
}

/// The errors of the changes that have been answered late.
fn ended(harness: &mut Harness) -> Vec<ErrorCode> {
    harness.answers.drain(..).filter_map(|(_, answer)| error_of_change(&answer)).collect()
}

/// Each of the rows has a replica of its own, in which a refusal changes nothing.
fn are_refused<const N: usize>(rows: [(When, Request, ErrorCode); N]) {
    for (when, request, error) in rows {
        let mut harness = when.replica();
        let row = format!("{when:?}: {request:?}");
        let before = (voters(&harness), harness.look().end);
        assert_eq!(error_of(harness.ask(request)), Some(error), "{row}");
        assert_eq!((voters(&harness), harness.look().end), before, "{row}");
        assert!(!harness.has_sent("ApiVersions"), "{row}");
    }
}

fn add_but(change: fn(&mut AddRaftVoterRequest)) -> Request {
    let Request::AddRaftVoter(mut request) = add(4, true) else { unreachable!() };
    change(&mut request);
    Request::AddRaftVoter(request)
}

fn remove_but(change: fn(&mut RemoveRaftVoterRequest)) -> Request {
    let Request::RemoveRaftVoter(mut request) = remove(2) else { unreachable!() };
    change(&mut request);
    Request::RemoveRaftVoter(request)
}

/// Replica 4 answers ApiVersions.
fn versions(harness: &mut Harness, error: ErrorCode, min_supported_version: i16, max_supported_version: i16) {
    let asked = harness.sent("ApiVersions");
    let supported = KRaftVersionFeature { min_supported_version, max_supported_version };
    harness.reply(&asked, Response::ApiVersions(ApiVersionsResponse { error, supported }));
}

/// Replica 2 fetches at the end of the log.
fn keep_up(harness: &mut Harness) {
    let (epoch, end) = (harness.epoch(), harness.look().end);
    harness.ask(fetch(2, epoch, (epoch, end), None));
}

fn lose_leadership(harness: &mut Harness) {
    harness.ask(begin(2, harness.epoch() + 1));
}

/// `testAddVoterInvalidClusterId`, `…ToNotLeader`, `…WithMissingDirectoryId`, `…WithMissingDefaultListener`,
/// `…WithPendingAddVoter`, `…WithPendingRemoveVoter`, `…WithoutFencedPreviousLeaders`, `…WithKraftVersion0`,
/// `…WithExistingVoter`
#[test]
fn a_leader_refuses_to_add() {
    let elsewhere = || add_but(|it| it.listeners = [other_endpoint(4)].into());
    are_refused([
        // `handleAddVoterRequest`, in its order.
        (When::Settled, add_but(|it| it.cluster_id = Some("other".into())), InconsistentClusterId),
        (When::Settled, add_but(|it| it.cluster_id = Some("".into())), InconsistentClusterId),
        (When::Follower, add_but(|it| it.cluster_id = Some("other".into())), InconsistentClusterId),
        (When::Follower, add(4, true), NotLeaderOrFollower),
        // BROKER_NOT_AVAILABLE is for what comes between a shutdown and the poll that resigns (`pollLeader`): here these are
        // one step.
        (When::ShuttingDown, add(4, true), NotLeaderOrFollower),
        (When::Follower, add_but(|it| it.voter_id = NodeId::NONE), NotLeaderOrFollower),
        (When::Follower, elsewhere(), NotLeaderOrFollower),
        (When::Settled, add_but(|it| it.voter_id = NodeId::NONE), InvalidRequest),
        (When::Settled, add_but(|it| it.voter_directory_id = None), InvalidRequest),
        (When::Settled, add_but(|it| it.listeners = Endpoints::default()), InvalidRequest),
        (When::Settled, elsewhere(), InvalidRequest),
        (When::Adding, elsewhere(), InvalidRequest),
        (When::Young, elsewhere(), InvalidRequest),
        (When::Static, elsewhere(), InvalidRequest),
        // `AddVoterHandler`, in its order.
        (When::Adding, add(5, true), RequestTimedOut),
        (When::Adding, add(2, true), RequestTimedOut),
        (When::Removing, add(4, true), RequestTimedOut),
        (When::Young, add(4, true), RequestTimedOut),
        (When::Young, add(2, true), RequestTimedOut),
        (When::YoungStatic, add(4, true), RequestTimedOut),
        (When::Static, add(4, true), UnsupportedVersion),
        (When::Static, add(2, true), UnsupportedVersion),
        (When::Uncommitted, add(4, true), RequestTimedOut),
        (When::Uncommitted, add(2, true), RequestTimedOut),
        (When::Settled, add(2, true), DuplicateVoter),
        (When::Settled, add(1, true), DuplicateVoter),
        // The old directory is to be removed first.
        (When::Settled, add_but(|it| it.voter_id = NodeId(2)), DuplicateVoter),
        (When::BackingOff, add(2, true), DuplicateVoter),
        (When::BackingOff, add(4, true), RequestTimedOut),
    ]);
    // With no such reason it is begun. A client need not know the cluster id (`hasValidClusterId`).
    for request in [add(4, true), add_but(|it| it.cluster_id = None)] {
        let mut harness = When::Settled.replica();
        assert_eq!(error_of(harness.ask(request)), None);
        assert_eq!(harness.sent("ApiVersions").to, NodeId(4));
    }
}

/// A change that a leader has begun fails: before it, what it waits for, what happens, the error.
type Failure = (&'static str, fn(&mut Harness), fn(&mut Harness), ErrorCode);

/// How an addition fails that waits for the new voter to answer ApiVersions: `AddVoterHandler.handleApiVersionsResponse`,
/// `ChangeVoterHandlerState.maybeExpirePendingOperation`, `LeaderState.close`.
///
/// `testAddVoterInvalidFeatureVersion`, `…WithLaggingNewVoter`, `…WithApiVersionsFromIncorrectNode`, `…Timeout`,
/// `…FailsWhenLosingLeadership`
#[test]
fn an_addition_fails_before_its_record_is_written() {
    let caught_up: fn(&mut Harness) = |it| fetch_at_end(it, 4);
    let from_the_start: fn(&mut Harness) = |it| drop(it.ask(fetch(4, it.epoch(), (0, 0), None)));
    let with_another_directory: fn(&mut Harness) = |it| {
        let Request::Fetch(mut request) = fetch(4, it.epoch(), (it.epoch(), it.look().end), None) else {
            unreachable!()
        };
        request.replica_directory_id = directory(5);
        it.ask(Request::Fetch(request));
    };
    let an_hour_ago: fn(&mut Harness) = |it| {
        fetch_at_end(it, 4);
        pass(it, 3_600_000, keep_up);
    };
    let hang_up: fn(&mut Harness) = |it| {
        let asked = it.sent("ApiVersions");
        it.hang_up(&asked);
    };
    let supports_1: fn(&mut Harness) = |it| versions(it, ErrorCode::None, 0, 1);
    let supports_0: fn(&mut Harness) = |it| versions(it, ErrorCode::None, 0, 0);
    let rows: [Failure; _] = [
        ("an error", caught_up, |it| versions(it, InvalidRequest, 0, 1), RequestTimedOut),
        ("no connection", caught_up, hang_up, RequestTimedOut),
        ("no answer", caught_up, |it| pass(it, TIMEOUT_MS, keep_up), RequestTimedOut),
        ("another leader", caught_up, lose_leadership, NotLeaderOrFollower),
        ("it is too old", caught_up, supports_0, InvalidRequest),
        ("it is too new", caught_up, |it| versions(it, ErrorCode::None, 2, 3), InvalidRequest),
        ("it is too old and behind", from_the_start, supports_0, InvalidRequest),
        ("it has never fetched", |_| {}, supports_1, RequestTimedOut),
        ("it is behind", from_the_start, supports_1, RequestTimedOut),
        ("its other directory has fetched", with_another_directory, supports_1, RequestTimedOut),
        ("it has fetched an hour ago", an_hour_ago, supports_1, RequestTimedOut),
    ];
    for (row, before, happens, error) in rows {
        let mut harness = When::Settled.replica();
        before(&mut harness);
        let end = harness.look().end;
        harness.outbox.clear();
        harness.answers.clear();
        assert_eq!(error_of(harness.ask(add(4, true))), None, "{row}");
        happens(&mut harness);
        assert_eq!(ended(&mut harness), [error], "{row}");
        assert_eq!((voters(&harness), harness.look().end), (vec![1, 2, 3], end), "{row}");
        if harness.role() == Role::Leader {
            assert_eq!(error_of(harness.ask(add(5, true))), None, "{row}: it is over");
        }
    }
}

/// `testRemoveVoterInvalidClusterId`, `…ToNotLeader`, `…WithPendingRemoveVoter`, `…WithPendingAddVoter`,
/// `…WithoutFencedPreviousLeaders`, `…WithKraftVersion0`, `…WithNoneVoter`, `…WithNoneVoterId`, `…ToEmptyVoterSet`
#[test]
fn a_leader_refuses_to_remove() {
    are_refused([
        // `handleRemoveVoterRequest`, in its order.
        (When::Settled, remove_but(|it| it.cluster_id = Some("other".into())), InconsistentClusterId),
        (When::Settled, remove_but(|it| it.cluster_id = Some("".into())), InconsistentClusterId),
        (When::Follower, remove_but(|it| it.cluster_id = Some("other".into())), InconsistentClusterId),
        (When::Follower, remove(2), NotLeaderOrFollower),
        // As above.
        (When::ShuttingDown, remove(2), NotLeaderOrFollower),
        (When::Follower, remove_but(|it| it.voter_id = NodeId::NONE), NotLeaderOrFollower),
        (When::Settled, remove_but(|it| it.voter_id = NodeId::NONE), InvalidRequest),
        (When::Settled, remove_but(|it| it.voter_directory_id = None), InvalidRequest),
        (When::Adding, remove_but(|it| it.voter_directory_id = None), InvalidRequest),
        (When::Young, remove_but(|it| it.voter_directory_id = None), InvalidRequest),
        (When::Static, remove_but(|it| it.voter_directory_id = None), InvalidRequest),
        // `RemoveVoterHandler`, in its order.
        (When::Adding, remove(2), RequestTimedOut),
        (When::Adding, remove(7), RequestTimedOut),
        (When::Removing, remove(2), RequestTimedOut),
        (When::Young, remove(2), RequestTimedOut),
        (When::Young, remove(7), RequestTimedOut),
        (When::YoungStatic, remove(2), RequestTimedOut),
        (When::Static, remove(2), UnsupportedVersion),
        (When::Static, remove(7), UnsupportedVersion),
        (When::Uncommitted, remove(2), RequestTimedOut),
        (When::Uncommitted, remove(7), RequestTimedOut),
        (When::Settled, remove(7), VoterNotFound),
        (When::Settled, remove_but(|it| it.voter_directory_id = directory(7)), VoterNotFound),
        // `VoterSet.removeVoter`: the last one stays.
        (When::Alone, remove(1), VoterNotFound),
    ]);
    for request in [remove(2), remove_but(|it| it.cluster_id = None)] {
        let mut harness = When::Settled.replica();
        assert_eq!(error_of(harness.ask(request)), None);
        assert_eq!(voters(&harness), [1, 3]);
    }
}

/// A removal, and an addition whose voter has answered, wait for the commit of their record. It is in force if that comes
/// too late for an answer. `testRemoveVoterTimedOut`, `…FailsWhenLosingLeadership`
#[test]
fn a_change_fails_after_its_record_is_written() {
    let add_4: fn(&mut Harness) = |it| {
        fetch_at_end(it, 4);
        assert_eq!(error_of(it.ask(add(4, true))), None);
        versions(it, ErrorCode::None, 0, 1);
    };
    let remove_3: fn(&mut Harness) = |it| assert_eq!(error_of(it.ask(remove(3))), None);
    // What is before the record.
    let too_late: fn(&mut Harness) = |it| {
        pass(it, TIMEOUT_MS, |it| {
            let (epoch, end) = (it.epoch(), it.look().end);
            it.ask(fetch(2, epoch, (epoch, end - 1), None));
        })
    };
    let rows: [Failure; _] = [
        ("an addition is not committed", add_4, too_late, RequestTimedOut),
        ("another leader than that of an addition", add_4, lose_leadership, NotLeaderOrFollower),
        ("a removal is not committed", remove_3, too_late, RequestTimedOut),
        ("another leader than that of a removal", remove_3, lose_leadership, NotLeaderOrFollower),
    ];
    for (row, begin, happens, error) in rows {
        let mut harness = When::Settled.replica();
        let end = harness.look().end;
        begin(&mut harness);
        let changed = voters(&harness);
        assert!(changed != [1, 2, 3], "{row}");
        assert!(ended(&mut harness).is_empty(), "{row}");
        happens(&mut harness);
        assert_eq!(ended(&mut harness), [error], "{row}");
        assert_eq!((voters(&harness), harness.look().end), (changed, end + 1), "{row}");
    }
}
