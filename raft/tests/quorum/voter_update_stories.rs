//! UpdateRaftVoter (KIP-853): with kraft.version 0 each voter sends it to each new leader, with kraft.version 1 a voter whose
//! entry in the voter set is out of date. The leader sends the voter an ApiVersions request first.

use std::rc::Rc;

use raft::bugs::{Bug, Bugs};
use raft::config::ControllerConfig;
use raft::fixes::Fixes;
use raft::ids::{LeaderEpoch, NodeId};
use raft::io::{Observation, Probe, Role};
use raft::log::Records;
use raft::message::{
    ApiVersionsResponse, Endpoint, ErrorCode, KRaftVersionFeature, Request, Response, UpdateRaftVoterRequest,
    UpdateRaftVoterResponse,
};
use raft::node::NodeSpec;

use crate::harness::*;
use crate::membership_stories::{fetch_at_end, leader_of};

/// `controller.quorum.fetch.timeout.ms`, `controller.quorum.request.timeout.ms`
const TIMEOUT_MS: u64 = 2_000;
/// The first one of a connection, with its 20 %.
const RECONNECT_BACKOFF_MS: u64 = 60;

fn update(from: i32, epoch: i32) -> Request {
    Request::UpdateRaftVoter(UpdateRaftVoterRequest {
        cluster_id: Some(CLUSTER_ID.into()),
        current_leader_epoch: LeaderEpoch(epoch),
        voter_id: NodeId(from),
        voter_directory_id: directory(from),
        listeners: endpoints(from),
        k_raft_version_feature: KRaftVersionFeature::SUPPORTED,
    })
}

fn updated(error: ErrorCode, leader: i32, epoch: i32) -> Response {
    let current_leader = current_leader(Some(leader), epoch);
    Response::UpdateRaftVoter(UpdateRaftVoterResponse { error, current_leader })
}

fn versions(supported: KRaftVersionFeature) -> Response {
    Response::ApiVersions(ApiVersionsResponse { error: ErrorCode::None, supported })
}

fn error_of(response: Option<Response>) -> Option<ErrorCode> {
    match response? {
        Response::UpdateRaftVoter(answer) => Some(answer.error),
        other => panic!("not an answer to UpdateRaftVoter: {}", other.name()),
    }
}

/// Replica 1 leads and has committed a record of its epoch.
fn committed_leader() -> (Harness, i32) {
    let mut harness = Harness::one_of_three();
    elect(&mut harness);
    harness.quiet_state_machine();
    let epoch = harness.epoch();
    let end = harness.look().end;
    harness.ask(fetch(2, epoch, (epoch, end), None));
    assert_eq!(harness.look().high_watermark, Some(end));
    harness.shake_off("BeginQuorumEpoch");
    (harness, epoch)
}

/// Replica 1 follows replica 2, which answers each Fetch after 10 ms, for so long or until it sends UpdateRaftVoter.
fn follow(harness: &mut Harness, epoch: i32, ms: u64) {
    for _ in 0..ms / 10 {
        harness.advance_ms(10);
        if harness.has_sent("Fetch") {
            let sent = harness.sent("Fetch");
            harness.reply(&sent, fetched(2, epoch, Records::default(), None));
        }
        if harness.has_sent("UpdateRaftVoter") {
            return;
        }
    }
}

#[test]
fn a_voter_informs_each_new_leader_after_two_fetch_timeouts() {
    let mut harness = Harness::one_of_three();
    for epoch in [5, 7] {
        harness.ask(begin(2, epoch));
        let since_ms = harness.mono_ns / 1_000_000;
        follow(&mut harness, epoch, 3 * TIMEOUT_MS);
        let waited_ms = harness.mono_ns / 1_000_000 - since_ms;
        assert!((2 * TIMEOUT_MS..2 * TIMEOUT_MS + 200).contains(&waited_ms), "{waited_ms} ms");
        let sent = harness.sent("UpdateRaftVoter");
        assert_eq!(sent.to, NodeId(2));
        harness.advance_ms(TIMEOUT_MS - 100);
        assert!(!harness.has_sent("Fetch"), "it waits for this answer");
        // The answer restarts the fetch timer, as that of a Fetch.
        harness.reply(&sent, updated(ErrorCode::None, 2, epoch));
        harness.advance_ms(TIMEOUT_MS - 200);
        assert_eq!(harness.role(), Role::Follower);
        follow(&mut harness, epoch, 5 * TIMEOUT_MS);
        assert!(!harness.has_sent("UpdateRaftVoter"), "the leader has accepted it");
    }
}

#[test]
fn a_voter_that_was_refused_tries_again_and_asks_another_one_meanwhile() {
    let mut harness = Harness::one_of_three();
    harness.ask(begin(2, 5));
    follow(&mut harness, 5, 3 * TIMEOUT_MS);
    let sent = harness.sent("UpdateRaftVoter");
    harness.reply(&sent, updated(ErrorCode::RequestTimedOut, 2, 5));
    assert!(harness.has_sent("Fetch"), "to any server, while the leader's backoff lasts");
    follow(&mut harness, 5, 3 * TIMEOUT_MS);
    let lost = harness.sent("UpdateRaftVoter");
    // Kafka takes a lost one for an answer of an older epoch, after which there is no backoff: a Fetch to the leader
    // follows, and fails when the connection's own backoff ends.
    harness.outbox.clear();
    harness.hang_up(&lost);
    harness.advance_ms(RECONNECT_BACKOFF_MS);
    assert_eq!(harness.sent("Fetch").correlation_id, lost.correlation_id + 2);
}

#[test]
fn a_leader_that_does_not_know_the_version_counts_as_updated() {
    let mut harness = Harness::one_of_three();
    harness.ask(begin(2, 5));
    follow(&mut harness, 5, 3 * TIMEOUT_MS);
    let sent = harness.sent("UpdateRaftVoter");
    harness.reply(&sent, updated(ErrorCode::UnsupportedVersion, 2, 5));
    let next = harness.sent("Fetch");
    assert_eq!(next.to, NodeId(2), "there is no backoff");
    harness.advance_ms(TIMEOUT_MS - 100);
    assert_eq!(harness.role(), Role::Follower, "the fetch timer was restarted");
    harness.reply(&next, fetched(2, 5, Records::default(), None));
    follow(&mut harness, 5, 5 * TIMEOUT_MS);
    assert!(!harness.has_sent("UpdateRaftVoter"));
}

#[test]
fn a_leader_accepts_it_when_the_voter_has_answered_api_versions() {
    let (mut harness, epoch) = committed_leader();
    assert_eq!(harness.ask(update(2, epoch)), None);
    let probe = harness.sent("ApiVersions");
    assert_eq!(probe.to, NodeId(2));
    assert_eq!(error_of(harness.ask(update(3, epoch))), Some(ErrorCode::RequestTimedOut), "one at a time");
    harness.answers.clear();
    harness.reply(&probe, versions(KRaftVersionFeature::SUPPORTED));
    let answer = harness.answers.pop_front().map(|(_, response)| response);
    assert_eq!(error_of(answer), Some(ErrorCode::None));
    assert!(harness.saw(Observation::Probe(Probe::VoterUpdated)));

    assert_eq!(harness.ask(update(3, epoch)), None, "then the next one");
    let probe = harness.sent("ApiVersions");
    harness.answers.clear();
    let other = KRaftVersionFeature { min_supported_version: 0, max_supported_version: 0 };
    harness.reply(&probe, versions(other));
    let answer = harness.answers.pop_front().map(|(_, response)| response);
    assert_eq!(error_of(answer), Some(ErrorCode::InvalidRequest), "it has said otherwise");
}

/// `UpdateVoterHandler.handleUpdateVoterRequest`: `voterEndpoints.address(requestSender.listenerName())`
#[test]
fn a_voter_is_asked_by_the_default_listener_wherever_that_is_in_its_list() {
    let (mut harness, epoch) = committed_leader();
    harness.ask(update(2, epoch));
    let probe = harness.sent("ApiVersions");
    harness.hang_up(&probe);
    harness.advance_ms(100);
    harness.outbox.clear();
    let Request::UpdateRaftVoter(mut request) = update(2, epoch) else { unreachable!() };
    let default = request.listeners[0].clone();
    request.listeners = [other_endpoint(2), default.clone()].into();
    assert_eq!(harness.ask(Request::UpdateRaftVoter(request)), None);
    let probe = harness.sent("ApiVersions");
    assert_eq!((probe.to, probe.port), (NodeId(2), Some(default.port)));
}

#[test]
fn it_counts_for_check_quorum() {
    let (mut harness, epoch) = committed_leader();
    let resigns_after_ms = |harness: &mut Harness, accepted: bool| {
        harness.advance_ms(TIMEOUT_MS);
        if accepted {
            harness.shake_off("BeginQuorumEpoch");
            harness.ask(update(2, epoch));
            let probe = harness.sent("ApiVersions");
            harness.reply(&probe, versions(KRaftVersionFeature::SUPPORTED));
        }
        harness.advance_ms(TIMEOUT_MS);
        harness.role() == Role::Resigned
    };
    assert!(!resigns_after_ms(&mut harness, true));
    let (mut harness, _) = committed_leader();
    assert!(resigns_after_ms(&mut harness, false));
}

#[test]
fn a_leader_refuses_what_it_cannot_judge() {
    let mut young = Harness::one_of_three();
    elect(&mut young);
    let epoch = young.epoch();
    assert_eq!(error_of(young.ask(update(2, epoch))), Some(ErrorCode::RequestTimedOut), "nothing is committed");
    assert_eq!(error_of(young.ask(update(2, epoch - 1))), Some(ErrorCode::FencedLeaderEpoch));
    assert_eq!(error_of(young.ask(update(2, epoch + 1))), Some(ErrorCode::UnknownLeaderEpoch));
    let (mut harness, epoch) = committed_leader();
    let wrong = |change: fn(&mut UpdateRaftVoterRequest)| match update(2, epoch) {
        Request::UpdateRaftVoter(mut request) => {
            change(&mut request);
            Request::UpdateRaftVoter(request)
        }
        _ => unreachable!(),
    };
    for (request, error) in [
        (wrong(|it| it.cluster_id = Some("other".into())), ErrorCode::InconsistentClusterId),
        (wrong(|it| it.voter_directory_id = None), ErrorCode::InvalidRequest),
        (wrong(|it| it.voter_id = NodeId::NONE), ErrorCode::InvalidRequest),
        (wrong(|it| it.listeners = [].into()), ErrorCode::InvalidRequest),
        (wrong(|it| it.listeners = [other_endpoint(2)].into()), ErrorCode::InvalidRequest),
        (wrong(|it| it.k_raft_version_feature.max_supported_version = -1), ErrorCode::InvalidRequest),
    ] {
        assert_eq!(error_of(harness.ask(request)), Some(error));
    }
    harness.ask(begin(2, epoch + 1));
    assert_eq!(error_of(harness.ask(update(3, epoch + 1))), Some(ErrorCode::NotLeaderOrFollower));
}

#[test]
fn a_pending_one_ends_with_its_time_its_probe_or_its_leader() {
    let (mut harness, epoch) = committed_leader();
    let pending = |harness: &mut Harness| {
        harness.answers.clear();
        assert_eq!(harness.ask(update(2, epoch)), None);
        harness.sent("ApiVersions")
    };
    let answer = |harness: &mut Harness| error_of(harness.answers.pop_front().map(|(_, response)| response));
    let probe = pending(&mut harness);
    harness.hang_up(&probe);
    assert_eq!(answer(&mut harness), Some(ErrorCode::RequestTimedOut));
    harness.ask(fetch(2, epoch, (epoch, harness.look().end), None));
    harness.advance_ms(1_000);
    harness.shake_off("BeginQuorumEpoch");
    pending(&mut harness);
    harness.ask(fetch(3, epoch, (epoch, harness.look().end), None));
    harness.answers.clear();
    harness.advance_ms(TIMEOUT_MS);
    let errors: Vec<_> = harness.answers.iter().filter(|(_, it)| it.name() == "UpdateRaftVoter").cloned().collect();
    assert_eq!(errors.len(), 1);
    assert_eq!(error_of(Some(errors[0].1.clone())), Some(ErrorCode::RequestTimedOut));

    let (mut harness, _) = committed_leader();
    pending(&mut harness);
    harness.answers.clear();
    harness.ask(begin(2, epoch + 1));
    assert_eq!(answer(&mut harness), Some(ErrorCode::NotLeaderOrFollower));
}

/// `KafkaRaftClient.handleApiVersionsResponse`: there is no pending operation.
#[test]
fn a_probe_that_is_lost_after_its_update_has_expired_causes_no_backoff() {
    let (mut harness, epoch) = committed_leader();
    assert_eq!(harness.ask(update(2, epoch)), None);
    let probe = harness.sent("ApiVersions");
    // Nobody needs BeginQuorumEpoch.
    for _ in 0..4 {
        let end = harness.look().end;
        harness.ask(fetch(2, epoch, (epoch, end), None));
        harness.ask(fetch(3, epoch, (epoch, end), None));
        harness.advance_ms(TIMEOUT_MS / 4);
    }
    let timed_out = |answer: &(_, Response)| error_of(Some(answer.1.clone())) == Some(ErrorCode::RequestTimedOut);
    harness.answers.retain(|(_, answer)| answer.name() == "UpdateRaftVoter");
    assert!(harness.answers.len() == 1 && timed_out(&harness.answers[0]), "{:?}", harness.answers);
    // The network client's limit is exclusive: it gives the connection up now.
    harness.advance_ms(1);
    // The next one is sent, and fails when the connection's backoff ends. The one after that is answered by raft's
    // backoff.
    harness.answers.clear();
    assert_eq!(harness.ask(update(2, epoch)), None);
    harness.advance_ms(RECONNECT_BACKOFF_MS);
    harness.answers.retain(|(_, answer)| answer.name() == "UpdateRaftVoter");
    assert!(harness.answers.len() == 1 && timed_out(&harness.answers[0]), "{:?}", harness.answers);
    assert_eq!(error_of(harness.ask(update(2, epoch))), Some(ErrorCode::RequestTimedOut));
    harness.advance_ms(100);
    assert_eq!(harness.ask(update(2, epoch)), None);
    assert_eq!(harness.sent("ApiVersions").correlation_id, probe.correlation_id + 2);
}

#[test]
fn releases_up_to_4_4_send_no_api_versions() {
    let bugs = Bugs::NONE.with(Bug::Kafka20661VoterUpdatedUnprobed);
    let mut harness = Harness::boot(spec(1, 3, bugs, Fixes::default()), Default::default(), 0);
    harness.ask(begin(2, 5));
    follow(&mut harness, 5, TIMEOUT_MS + 200);
    harness.sent("UpdateRaftVoter");
    let mut harness = Harness::boot(spec(1, 3, bugs, Fixes::default()), Default::default(), 0);
    elect(&mut harness);
    let epoch = harness.epoch();
    harness.ask(fetch(2, epoch, (epoch, harness.look().end), None));
    assert_eq!(error_of(harness.ask(update(2, epoch))), Some(ErrorCode::None));
}

/// The endpoint of a replica that has moved to another port.
fn moved(id: i32) -> Endpoint {
    let at = endpoints(id);
    Endpoint { port: at[0].port + 1, ..at[0].clone() }
}

fn update_of(id: i32, change: fn(&mut UpdateRaftVoterRequest), epoch: i32) -> Request {
    let Request::UpdateRaftVoter(mut request) = update(id, epoch) else { unreachable!() };
    request.listeners = [moved(id)].into();
    change(&mut request);
    Request::UpdateRaftVoter(request)
}

/// The port at which a replica finds a voter.
fn port_of(harness: &Harness, id: i32) -> u16 {
    let voters = harness.node.voters().expect("it runs");
    voters.endpoints(NodeId(id)).expect("a voter")[0].port
}

/// `testUpdateVoter`, `testUpdateVoterWithNoneVoter`, `…WithNoneVoterId`, `…WithUnsupportedKraftVersion`,
/// `…WithPendingAddVoter`
#[test]
fn with_kraft_version_1_the_leader_writes_the_voters() {
    let mut harness = leader_of(3, Fixes::default());
    let (epoch, before) = (harness.epoch(), harness.look().end);
    assert_eq!(harness.ask(update_of(2, |_| (), epoch)), None);
    let probe = harness.sent("ApiVersions");
    assert_eq!((probe.to, probe.port), (NodeId(2), Some(endpoints(2)[0].port)), "its connection is used");
    harness.answers.clear();
    harness.reply(&probe, versions(KRaftVersionFeature::SUPPORTED));
    let answer = harness.answers.pop_front().map(|(_, response)| response);
    assert_eq!(error_of(answer), Some(ErrorCode::None), "before the commit, for which its Fetch may be needed");
    assert_eq!((port_of(&harness, 2), harness.look().end), (moved(2).port, before + 1));
    assert_eq!(harness.look().high_watermark, Some(before));
    assert_eq!(error_of(harness.ask(update_of(3, |_| (), epoch))), Some(ErrorCode::RequestTimedOut), "one at a time");
    fetch_at_end(&mut harness, 2);
    assert_eq!(harness.look().high_watermark, Some(before + 1));

    let mut ends_with = |request: Request, supported: KRaftVersionFeature| {
        assert_eq!(harness.ask(request), None);
        let probe = harness.sent("ApiVersions");
        harness.answers.clear();
        harness.reply(&probe, versions(supported));
        error_of(harness.answers.pop_front().map(|(_, response)| response))
    };
    let supported = KRaftVersionFeature::SUPPORTED;
    let of_other_directory = update_of(3, |request| request.voter_directory_id = directory(9), epoch);
    assert_eq!(ends_with(of_other_directory, supported.clone()), Some(ErrorCode::VoterNotFound));
    assert_eq!(ends_with(update_of(4, |_| (), epoch), supported), Some(ErrorCode::VoterNotFound));
    let other = KRaftVersionFeature { min_supported_version: 0, max_supported_version: 0 };
    assert_eq!(ends_with(update_of(3, |_| (), epoch), other), Some(ErrorCode::InvalidRequest), "it has said otherwise");
    assert_eq!(port_of(&harness, 3), endpoints(3)[0].port);
}

/// `shouldSendUpdateVoteRequest`, `testUpdateVoterAfterKRaftVersionUpgrade`
#[test]
fn with_kraft_version_1_a_voter_sends_it_if_its_entry_is_out_of_date() {
    for has_moved in [false, true] {
        let mut spec = dynamic(1, 3, Fixes::default());
        if has_moved {
            let config = ControllerConfig { listener: Some(moved(1)), ..ControllerConfig::clone(&spec.config) };
            spec = NodeSpec { config: Rc::new(config), ..spec };
        }
        let mut harness = Harness::boot(spec, formatted(1, 3), 0);
        harness.ask(begin(2, 5));
        harness.outbox.clear();
        follow(&mut harness, 5, 4 * TIMEOUT_MS);
        assert_eq!(harness.has_sent("UpdateRaftVoter"), has_moved);
        if has_moved {
            let Request::UpdateRaftVoter(request) = harness.sent("UpdateRaftVoter").request else { unreachable!() };
            assert_eq!((request.voter_id, &request.listeners[..]), (NodeId(1), &[moved(1)][..]));
        }
    }
}
