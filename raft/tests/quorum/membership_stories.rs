//! A dynamic quorum (KIP-853): the voters are in the log, and change one at a time.

use raft::fixes::{Fix, Fixes};
use raft::ids::{LeaderEpoch, NodeId, Offset};
use raft::io::{Observation, Probe, Role};
use raft::log::{BatchBuilder, ControlRecord, Records};
use raft::message::{
    AddRaftVoterRequest, ApiVersionsResponse, ErrorCode, KRaftVersionFeature, RemoveRaftVoterRequest, Request, Response,
};

use crate::harness::*;

/// `controller.quorum.request.timeout.ms`
pub const TIMEOUT_MS: u64 = 2_000;

pub fn add(id: i32, ack_when_committed: bool) -> Request {
    Request::AddRaftVoter(AddRaftVoterRequest {
        cluster_id: Some(CLUSTER_ID.into()),
        timeout_ms: 30_000,
        voter_id: NodeId(id),
        voter_directory_id: directory(id),
        listeners: endpoints(id),
        ack_when_committed,
    })
}

pub fn remove(id: i32) -> Request {
    Request::RemoveRaftVoter(RemoveRaftVoterRequest {
        cluster_id: Some(CLUSTER_ID.into()),
        voter_id: NodeId(id),
        voter_directory_id: directory(id),
    })
}

pub fn error_of(response: Option<Response>) -> Option<ErrorCode> {
    match response? {
        Response::AddRaftVoter(answer) => Some(answer.error),
        Response::RemoveRaftVoter(answer) => Some(answer.error),
        other => panic!("not an answer to a change of the voters: {}", other.name()),
    }
}

pub fn voters(harness: &Harness) -> Vec<i32> {
    harness.node.voters().expect("it runs").ids().iter().map(|id| id.0).collect()
}

/// A fetch at the end of the leader's log.
pub fn fetch_at_end(harness: &mut Harness, from: i32) {
    let (epoch, look) = (harness.epoch(), harness.look());
    harness.ask(fetch(from, epoch, (look.last_fetched_epoch, look.end), look.high_watermark));
    harness.answers.clear();
}

/// Replica 1 of so many voters leads, and its first records are committed.
pub fn leader_of(voters: i32, fixes: Fixes) -> Harness {
    let mut harness = Harness::boot(dynamic(1, voters, fixes), formatted(1, voters), 0);
    elect(&mut harness);
    harness.quiet_state_machine();
    for follower in 2..=voters {
        fetch_at_end(&mut harness, follower);
    }
    harness.shake_off("BeginQuorumEpoch");
    let look = harness.look();
    assert_eq!(look.high_watermark, Some(look.end));
    harness
}

/// The new voter answers the leader's ApiVersions.
fn answer_versions(harness: &mut Harness) {
    let asked = harness.sent("ApiVersions");
    let supported = KRaftVersionFeature::SUPPORTED;
    harness.reply(&asked, Response::ApiVersions(ApiVersionsResponse { error: ErrorCode::None, supported }));
}

/// `KafkaRaftClientReconfigTest.testLeaderWritesBootstrapRecords`
#[test]
fn the_first_leader_writes_the_voters_of_its_bootstrap_snapshot() {
    let harness = leader_of(3, Fixes::default());
    let batch = &harness.look().records.0[0];
    let records = batch.control_records().expect("control records");
    assert!(matches!(records[0], ControlRecord::LeaderChange(_)));
    assert_eq!(records[1..], [ControlRecord::KRaftVersion(1), ControlRecord::KRaftVoters(voter_set(&[1, 2, 3]))]);
    let text = String::from_utf8(harness.disk.read_file("__cluster_metadata-0/quorum-state")).expect("text");
    assert!(text.contains("votedDirectoryId") && text.contains("\"data_version\":1"), "{text}");
}

/// `testAddVoter`
#[test]
fn a_caught_up_observer_becomes_a_voter_when_its_set_is_committed() {
    let mut harness = leader_of(3, Fixes::default());
    fetch_at_end(&mut harness, 4);
    harness.advance_ms(10);
    assert_eq!(error_of(harness.ask(add(4, true))), None, "it waits for ApiVersions");
    assert_eq!(error_of(harness.ask(add(5, true))), Some(ErrorCode::RequestTimedOut), "one at a time");
    answer_versions(&mut harness);
    assert_eq!(voters(&harness), [1, 2, 3, 4], "in force, and not committed");
    // Three of four.
    fetch_at_end(&mut harness, 2);
    assert_eq!(harness.look().high_watermark, Some(harness.look().end - 1));
    let (epoch, look) = (harness.epoch(), harness.look());
    harness.ask(fetch(4, epoch, (epoch, look.end), None));
    assert_eq!(harness.look().high_watermark, Some(look.end));
    assert!(harness.answers.iter().any(|(_, answer)| error_of_change(answer) == Some(ErrorCode::None)));
    harness.answers.clear();
    assert_eq!(error_of(harness.ask(add(4, true))), Some(ErrorCode::DuplicateVoter));
}

pub fn error_of_change(answer: &Response) -> Option<ErrorCode> {
    matches!(answer, Response::AddRaftVoter(_) | Response::RemoveRaftVoter(_))
        .then(|| error_of(Some(answer.clone())))?
}

/// `Endpoints.address(channel.listenerName())`: a list has no order in Kafka.
#[test]
fn a_replica_is_reached_by_the_default_listener_wherever_that_is_in_its_list() {
    let default = |id| endpoints(id)[0].clone();
    let orders = |id| [[default(id), other_endpoint(id)], [other_endpoint(id), default(id)]];
    for listeners in orders(4) {
        let mut harness = leader_of(3, Fixes::default());
        fetch_at_end(&mut harness, 4);
        let Request::AddRaftVoter(mut request) = add(4, true) else { unreachable!() };
        request.listeners = listeners.into();
        assert_eq!(error_of(harness.ask(Request::AddRaftVoter(request))), None);
        let asked = harness.sent("ApiVersions");
        assert_eq!((asked.to, asked.port), (NodeId(4), Some(default(4).port)));
        // And so it is when it is a voter (`VoterSet.voterNode`).
        let supported = KRaftVersionFeature::SUPPORTED;
        harness.reply(&asked, Response::ApiVersions(ApiVersionsResponse { error: ErrorCode::None, supported }));
        harness.hang_up(&asked);
        harness.outbox.retain(|sent| sent.to == NodeId(4));
        for _ in 0..4 {
            fetch_at_end(&mut harness, 2);
            harness.advance_ms(TIMEOUT_MS / 4);
            harness.outbox.retain(|sent| sent.to == NodeId(4));
        }
        let begun = harness.sent("BeginQuorumEpoch");
        assert_eq!(begun.port, Some(default(4).port));
    }
    // Or if it is a leader that has named itself (`FollowerState.leaderNode`).
    for listeners in orders(2) {
        let mut harness = Harness::boot(dynamic(1, 3, Fixes::default()), formatted(1, 3), 0);
        harness.outbox.clear();
        let Request::BeginQuorumEpoch(mut request) = begin(2, 1) else { unreachable!() };
        request.leader_endpoints = listeners.into();
        harness.ask(Request::BeginQuorumEpoch(request));
        let fetch = harness.sent("Fetch");
        assert_eq!((fetch.to, fetch.port), (NodeId(2), Some(default(2).port)));
    }
}

/// `testRemoveVoter`, `testRemoveVoterIsLeader`
#[test]
fn a_leader_that_removes_itself_resigns_when_that_is_committed() {
    let mut harness = leader_of(3, Fixes::default());
    assert_eq!(error_of(harness.ask(remove(7))), Some(ErrorCode::VoterNotFound));
    assert_eq!(error_of(harness.ask(remove(1))), None);
    harness.advance_ms(1);
    assert_eq!(voters(&harness), [2, 3]);
    fetch_at_end(&mut harness, 2);
    assert_eq!(harness.role(), Role::Leader, "it does not count itself: one of two");
    let (epoch, look) = (harness.epoch(), harness.look());
    harness.ask(fetch(3, epoch, (epoch, look.end), None));
    assert!(harness.answers.iter().any(|(_, answer)| error_of_change(answer) == Some(ErrorCode::None)));
    assert_eq!(harness.role(), Role::Resigned);
    assert!(harness.saw(Observation::Probe(Probe::RemovedLeaderResigned)));
}

/// The request times out before the commit: Kafka forgets that the leader has to resign.
#[test]
fn a_removed_leader_whose_request_expired_leads_on() {
    for (fixes, role) in
        [(Fixes::default(), Role::Leader), (Fixes::NONE.with(Fix::ResignAfterExpiredRemoval), Role::Resigned)]
    {
        let mut harness = leader_of(3, fixes);
        assert_eq!(error_of(harness.ask(remove(1))), None);
        // Both followers fetch, but not what is behind the record.
        let offset = harness.look().end - 1;
        for _ in 0..TIMEOUT_MS / 500 + 1 {
            let epoch = harness.epoch();
            for follower in [2, 3] {
                harness.ask(fetch(follower, epoch, (epoch, offset), None));
            }
            harness.advance_ms(500);
        }
        assert!(harness.saw(Observation::Probe(Probe::VoterChangeExpired)));
        for follower in [2, 3] {
            fetch_at_end(&mut harness, follower);
        }
        let look = harness.look();
        // A resigned leader has no high watermark.
        let committed = (role == Role::Leader).then_some(look.end);
        assert_eq!((look.high_watermark, voters(&harness)), (committed, vec![2, 3]));
        harness.advance_ms(1);
        assert_eq!(harness.role(), role);
    }
}

/// The other voter lacks the record, so it needs this one's vote, which its shorter log does not get.
#[test]
fn a_leader_that_restarts_before_its_removal_is_committed_does_not_campaign_in_kafka() {
    for fixes in [Fixes::default(), Fixes::NONE.with(Fix::CampaignAfterRefusingVote)] {
        let mut harness = leader_of(2, fixes);
        assert_eq!(error_of(harness.ask(remove(1))), None);
        harness.advance_ms(1);
        let (epoch, look) = (harness.epoch(), harness.look());
        harness.restart(false);
        assert_eq!((harness.role(), voters(&harness)), (Role::Resigned, vec![2]));
        harness.quiet_state_machine();
        harness.answers.clear();
        let other = vote(2, epoch + 1, (epoch, look.end - 1), true);
        assert!(!verdict(harness.ask(other)).0, "its log is shorter");
        if fixes == Fixes::default() {
            (0..300).for_each(|_| harness.advance_ms(100));
            assert_eq!((harness.role(), harness.has_sent("PreVote")), (Role::Unattached, false));
            continue;
        }
        harness.shake_off("EndQuorumEpoch");
        elect(&mut harness);
        harness.shake_off("BeginQuorumEpoch");
        assert_eq!(voters(&harness), [2]);
        fetch_at_end(&mut harness, 2);
        assert_eq!(harness.role(), Role::Resigned, "its removal is committed");
        // Nobody has asked it since.
        (0..100).for_each(|_| harness.advance_ms(100));
        assert_eq!((harness.role(), harness.has_sent("PreVote")), (Role::Unattached, false));
    }
}

/// An observer that alone has a record of its last leader, which is silent, is asked for its vote by a voter that has
/// another voter set in its log.
#[test]
fn an_observer_with_the_newest_log_campaigns_once_a_voter_needs_its_vote() {
    for fixes in [Fixes::default(), Fixes::NONE.with(Fix::CampaignAfterRefusingVote)] {
        let mut harness = Harness::boot(dynamic(1, 3, fixes), Disk::default(), 0);
        let first = records(&[first_batch(&[2, 3, 4])]);
        follow(&mut harness, 2, 1, fetched(2, 1, first, Some(0)));
        let ask = |harness: &mut Harness| verdict(harness.ask(vote(3, 1, (0, 0), true))).0;
        assert!(!ask(&mut harness));
        harness.advance_ms(1);
        assert!(!harness.has_sent("PreVote"), "its leader has answered");
        (0..50).for_each(|_| harness.advance_ms(100));
        assert_eq!((harness.role(), harness.has_sent("PreVote")), (Role::Follower, false), "an observer");
        assert!(!ask(&mut harness));
        harness.advance_ms(1);
        if fixes == Fixes::default() {
            (0..300).for_each(|_| harness.advance_ms(100));
            assert_eq!((harness.role(), harness.has_sent("PreVote")), (Role::Follower, false));
            continue;
        }
        for _ in 0..2 {
            assert_eq!(harness.role(), Role::Prospective);
            let sent = harness.sent("PreVote");
            harness.reply(&sent, voted(1, true));
        }
        assert_eq!((harness.role(), harness.epoch()), (Role::Candidate, 2), "two of three without its own");
        harness.restart(false);
        assert_eq!(
            (harness.role(), harness.disk.election().voted.map(|voted| voted.id)),
            (Role::Unattached, Some(NodeId(1)))
        );
        (0..300).for_each(|_| harness.advance_ms(100));
        assert!(!harness.has_sent("PreVote"), "nobody has asked this process");
        assert!(!verdict(harness.ask(vote(3, 2, (0, 0), false))).0);
        while harness.role() != Role::Leader {
            harness.advance_ms(10);
            for round in ["PreVote", "Vote"] {
                if harness.has_sent(round) {
                    let sent = harness.sent(round);
                    let epoch = harness.epoch();
                    harness.reply(&sent, voted(epoch, true));
                }
            }
        }
        harness.answers.clear();
        harness.quiet_state_machine();
        for follower in [2, 3] {
            assert_eq!(harness.role(), Role::Leader);
            fetch_at_end(&mut harness, follower);
        }
        assert_eq!(
            (harness.role(), voters(&harness)),
            (Role::Resigned, vec![2, 3, 4]),
            "a record of its epoch is committed"
        );
        let epoch = harness.epoch() + 1;
        follow(&mut harness, 3, epoch, fetched(3, epoch, Records::default(), Some(0)));
        (0..50).for_each(|_| harness.advance_ms(100));
        assert_eq!((harness.role(), harness.epoch()), (Role::Follower, epoch), "an observer again");
    }
}

/// A batch of the leader of `epoch` with a voter set.
fn voters_batch(offset: i64, epoch: i32, ids: &[i32]) -> std::rc::Rc<raft::log::Batch> {
    let mut batch = BatchBuilder::new(Offset(offset), LeaderEpoch(epoch), 0);
    batch.control(ControlRecord::KRaftVoters(voter_set(ids)));
    batch.build()
}

/// What the first leader of a quorum with these voters writes.
fn first_batch(ids: &[i32]) -> std::rc::Rc<raft::log::Batch> {
    let mut batch = BatchBuilder::new(Offset(0), LeaderEpoch(1), 0);
    batch.control(ControlRecord::KRaftVersion(1));
    batch.control(ControlRecord::KRaftVoters(voter_set(ids)));
    batch.build()
}

fn no_op_batch(offset: i64, epoch: i32) -> std::rc::Rc<raft::log::Batch> {
    let mut batch = BatchBuilder::new(Offset(offset), LeaderEpoch(epoch), 0);
    batch.value(7);
    batch.build()
}

fn records(batches: &[std::rc::Rc<raft::log::Batch>]) -> Records {
    Records(batches.iter().cloned().collect())
}

/// Follows replica `leader` in `epoch`, and answers the Fetch that it sends.
fn follow(harness: &mut Harness, leader: i32, epoch: i32, answer: Response) {
    if harness.node.epoch().map(|epoch| epoch.0) != Some(epoch) {
        harness.ask(begin(leader, epoch));
    }
    // Older ones are not awaited any more.
    let mut sent = harness.sent("Fetch");
    while harness.has_sent("Fetch") {
        sent = harness.sent("Fetch");
    }
    harness.reply(&sent, answer);
}

/// The voter set of a follower goes with its log; Kafka does not read the records that replace truncated ones.
#[test]
fn a_follower_misses_the_voters_that_replace_truncated_records() {
    for (fixes, expected) in [
        (Fixes::default(), vec![1, 2, 3]),
        (Fixes::NONE.with(Fix::ReadControlRecordsAfterTruncation), vec![1, 2, 3, 4]),
    ] {
        let mut harness = Harness::boot(dynamic(1, 3, fixes), formatted(1, 3), 0);
        let of_epoch_1 = records(&[no_op_batch(0, 1), voters_batch(1, 1, &[1, 2]), no_op_batch(2, 1)]);
        follow(&mut harness, 2, 1, fetched(2, 1, of_epoch_1, Some(1)));
        assert_eq!(voters(&harness), [1, 2]);
        follow(&mut harness, 3, 2, diverging(3, 2, (1, 1)));
        assert_eq!((voters(&harness), harness.look().end), (vec![1, 2, 3], 1), "undone with the record");
        follow(&mut harness, 3, 2, fetched(3, 2, records(&[voters_batch(1, 2, &[1, 2, 3, 4])]), Some(1)));
        assert_eq!((voters(&harness), harness.look().end), (expected, 2));
        harness.restart(false);
        assert_eq!(voters(&harness), [1, 2, 3, 4], "the log has it");
    }
}

/// `testObserverSendsAddVoterRequest…`: `controller.quorum.auto.join.enable`
#[test]
fn an_observer_joins_by_itself_and_replaces_its_old_directory() {
    for (id, expected) in [(4, "AddRaftVoter"), (3, "RemoveRaftVoter")] {
        let mut spec = dynamic(id, 3, Fixes::default());
        let mut config = raft::config::ControllerConfig::clone(&spec.config);
        config.auto_join = true;
        spec.config = config.into();
        let mut harness = Harness::boot(spec, Disk::default(), 0);
        assert!(voters(&harness).is_empty(), "it finds the quorum by the bootstrap servers");
        let log = first_batch(&[1, 2, 3]);
        let found = harness.sent("Fetch");
        harness.reply(&found, fetched(2, 1, Records::default(), Some(0)));
        for step in 0.. {
            assert!(step < 1_000, "it does not ask to join");
            harness.advance_ms(10);
            if harness.has_sent(expected) {
                break;
            }
            if harness.has_sent("Fetch") {
                let sent = harness.sent("Fetch");
                let new =
                    if harness.look().end == 0 { records(std::slice::from_ref(&log)) } else { Records::default() };
                harness.reply(&sent, fetched(2, 1, new, Some(0)));
            }
        }
        assert_eq!(harness.sent(expected).to, NodeId(2));
    }
}
