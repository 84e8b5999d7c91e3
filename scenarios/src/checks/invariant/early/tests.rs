//! Tests of lower bounds of timers.

use raft::ids::{NodeId, Offset, Uuid};
use raft::message::{CurrentLeader, EndQuorumEpochRequest, FetchRequest, FetchResponse, VoteResponse};

use super::*;
use crate::checks::Checks;
use crate::checks::event::Rpc;
use crate::checks::invariant::timings::Disturbance;
use crate::checks::models::PendingVote;
use crate::checks::tests::voters;

const MS: u64 = 1_000_000;

fn role(role: Role, epoch: i32) -> Event<'static> {
    let (epoch, leader) = (LeaderEpoch(epoch), NodeId(2));
    Event::Observed { observation: Observation::RoleChanged { role, epoch, leader } }
}

/// A follower since 0 ms, whose fetch timeout is 2 s, requests pre-votes at `at_ms`. Does it break the claim?
fn breaks(at_ms: u64, meanwhile: &[(u64, Event<'_>)]) -> bool {
    let models = Checks::new(voters(3)).models;
    let (mut early, mut verdict) = (Early::new(&voters(3)), Verdict::default());
    let events = [(0, role(Role::Follower, 1))].into_iter().chain(meanwhile.iter().copied());
    for (ms, event) in events.chain([(at_ms, role(Role::Prospective, 1))]) {
        let input = Event::Input { thread: ThreadName::RaftIo };
        for event in [input, event] {
            early.on(&Crossing { at_ns: ms * MS, server: 0, event }, &models, &mut verdict);
        }
    }
    verdict.violation().is_some_and(|violation| violation.invariant == "LeaderNotLeftEarly")
}

#[test]
fn a_leader_that_answers_is_kept_for_a_fetch_timeout() {
    assert!(breaks(1_700, &[]) && !breaks(1_900, &[]));
    assert!(breaks(1_900, &[(500, role(Role::Follower, 2)), (600, role(Role::Follower, 1))]), "it follows anew");
    assert!(!breaks(1_900, &[(500, role(Role::Follower, 1))]), "its timer goes on");
}

/// A follower since 0 ms fetches, is answered the second time at `answered_ms`, and then answered or refused; it grants a
/// pre-vote at `grants_ms`, with or without the fix.
fn grants(answered_ms: u64, (error, correlation_id): (ErrorCode, i32), grants_ms: u64, fixes: Fixes) -> bool {
    let mut models = Checks::new(voters(3)).models;
    let config = CheckConfig { fixes, ..voters(3) };
    let (mut early, mut verdict) = (Early::new(&config), Verdict::default());
    let (epoch, candidate) = (LeaderEpoch(1), NodeId(3));
    let rpc = Rpc { connection: 1, correlation_id: 1 };
    models.pending_votes.push(PendingVote { server: 0, rpc, epoch, candidate, directory_id: None, pre_vote: true });
    let fetch = Request::Fetch(FetchRequest {
        cluster_id: None,
        replica_id: NodeId(1),
        replica_directory_id: None,
        topic_id: Uuid::METADATA_TOPIC_ID,
        max_wait_ms: 500,
        max_bytes: 1 << 20,
        current_leader_epoch: epoch,
        fetch_offset: Offset(0),
        last_fetched_epoch: LeaderEpoch(0),
        high_watermark: None,
    });
    let current_leader = CurrentLeader { leader_id: Some(NodeId(2)), leader_epoch: epoch, endpoints: None };
    let answer = Response::Fetch(FetchResponse { error, current_leader, ..FetchResponse::default() });
    let granted = Response::Vote(VoteResponse { vote_granted: true, ..VoteResponse::default() });
    let events = [
        (0, role(Role::Follower, 1)),
        (10, Event::RequestSent { rpc, request: &fetch }),
        (900, Event::ResponseReceived { token: 1, correlation_id: 1, response: &answer }),
        (900, Event::RequestSent { rpc, request: &fetch }),
        (answered_ms, Event::ResponseReceived { token: 1, correlation_id: 1, response: &answer }),
        (answered_ms, Event::RequestSent { rpc, request: &fetch }),
        (2_300, Event::ResponseReceived { token: 1, correlation_id: 1, response: &answer }),
        (2_300, Event::RequestSent { rpc: Rpc { correlation_id: 2, ..rpc }, request: &fetch }),
        (2_400, Event::ResponseReceived { token: 1, correlation_id, response: &answer }),
        (grants_ms, Event::ResponseSent { rpc, to: 2, response: &granted }),
    ];
    for (ms, event) in events {
        let input = Event::Input { thread: ThreadName::RaftIo };
        let goes_on = matches!(event, Event::RequestSent { .. });
        for event in [input, event].into_iter().skip(usize::from(goes_on)) {
            early.on(&Crossing { at_ns: ms * MS, server: 0, event }, &models, &mut verdict);
        }
    }
    verdict.violation().is_some_and(|violation| violation.invariant == "PreVoteRefusedInTouch")
}

fn grants_in_touch(error: ErrorCode, correlation_id: i32, grants_ms: u64, fixes: Fixes) -> bool {
    grants(1_800, (error, correlation_id), grants_ms, fixes)
}

/// What it sends behind a late answer may be a request that it has given up in the meantime.
#[test]
fn an_answer_behind_a_late_one_may_not_be_expected() {
    let answered = |at_ms| grants(at_ms, (ErrorCode::None, 2), 2_500, Fixes::NONE);
    assert!(answered(1_900) && !answered(2_100));
}

#[test]
fn who_has_heard_from_its_leader_grants_no_pre_vote() {
    let with_fix = Fixes::NONE.with(Fix::GrantPreVoteAfterFetchTimeout);
    let grants = |error, correlation_id| grants_in_touch(error, correlation_id, 2_500, Fixes::NONE);
    assert!(grants(ErrorCode::None, 2) && !grants(ErrorCode::NotLeaderOrFollower, 2));
    assert!(!grants(ErrorCode::None, 1), "a copy of an older answer is not expected");
    let later = |fixes| grants_in_touch(ErrorCode::None, 2, 4_500, fixes);
    assert!(later(Fixes::NONE) && !later(with_fix), "its fetch timeout is over");
    assert!(grants_in_touch(ErrorCode::None, 2, 2_500, with_fix));
}

#[test]
fn who_is_disturbed_or_whose_leader_resigns_may_leave() {
    let (cluster_id, preferred_candidates) = (None, [].into());
    let (leader_id, leader_epoch) = (NodeId(2), LeaderEpoch(1));
    let leader_endpoints = std::rc::Rc::from([]);
    let end = EndQuorumEpochRequest { cluster_id, leader_id, leader_epoch, preferred_candidates, leader_endpoints };
    let request = Request::EndQuorumEpoch(end);
    let rpc = crate::checks::event::Rpc { connection: 1, correlation_id: 1 };
    assert!(!breaks(700, &[(500, Event::RequestReceived { rpc, request: &request })]));
    let begins = Disturbance { begins: true, ..Disturbance::default() };
    let disturbed = [(500, Event::Disturbed { how: begins }), (600, Event::Disturbed { how: Disturbance::default() })];
    assert!(!breaks(700, &disturbed));
}

/// These roles and epochs, by ms. Does a voter with an election timeout of 1 s request pre-votes too early?
fn elects_early(roles: &[(u64, Role, i32)]) -> bool {
    let models = Checks::new(voters(3)).models;
    let (mut early, mut verdict) = (Early::new(&voters(3)), Verdict::default());
    for (ms, to, epoch) in roles {
        for event in [Event::Input { thread: ThreadName::RaftIo }, role(*to, *epoch)] {
            early.on(&Crossing { at_ns: ms * MS, server: 0, event }, &models, &mut verdict);
        }
    }
    verdict.violation().is_some_and(|violation| violation.invariant == "ElectionNotEarly")
}

#[test]
fn an_election_timer_runs_for_an_election_timeout() {
    use Role::{Candidate, Follower, Prospective, Resigned, Unattached};
    for waits in [Unattached, Candidate] {
        assert!(elects_early(&[(0, waits, 1), (800, Prospective, 1)]), "{waits:?}");
        assert!(!elects_early(&[(0, waits, 1), (950, Prospective, 1)]), "{waits:?}");
    }
    let from = |before, epoch| elects_early(&[(0, before, 1), (900, Unattached, epoch), (950, Prospective, epoch)]);
    assert!([Unattached, Candidate, Resigned, Prospective].iter().all(|before| !from(*before, 2)), "its timer goes on");
    assert!(from(Unattached, 1), "it grants a vote");
    assert!(from(Follower, 2) && from(Role::Leader, 2), "it draws anew");
}
