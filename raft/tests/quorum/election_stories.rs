//! Votes, pre-votes, heartbeats and resignations of one replica (consensus.md §9.2, §9.3).

use raft::bugs::{Bug, Bugs};
use raft::fixes::Fixes;
use raft::ids::NodeId;
use raft::io::{Input, Observation, Probe, Role, ThreadName};
use raft::message::{BeginQuorumEpochRequest, ErrorCode, QuorumEpochResponse, Request, Response, VoteRequest};

use super::harness::{
    Disk, Harness, append, begin, current_leader, elect, end, fetch, fetch_answer, fetched, spec, verdict, vote, voted,
};

/// A follower whose fetch timer has just run out.
fn prospective() -> Harness {
    let mut harness = follower();
    harness.advance_ms(2_000);
    harness.shake_off("Fetch");
    assert_eq!((harness.role(), harness.epoch()), (Role::Prospective, 5));
    harness
}

/// A follower of 2 in epoch 5 that has fetched from it.
fn follower() -> Harness {
    let mut harness = Harness::one_of_three();
    harness.ask(begin(2, 5));
    // The first was sent to a bootstrap server, before the leader was known.
    let stale = harness.sent("Fetch");
    harness.reply(&stale, Response::Fetch(Default::default()));
    let sent = harness.sent("Fetch");
    assert_eq!(sent.to, NodeId(2));
    harness.reply(&sent, fetched(2, 5, Default::default(), Some(0)));
    harness
}

#[test]
fn a_vote_is_given_once_and_durable_before_it_is_said() {
    let mut harness = Harness::one_of_three();
    harness.order.clear();
    assert_eq!(verdict(harness.ask(vote(2, 3, (0, 0), false))), (true, ErrorCode::None, 3, -1));
    let reported = harness.order.iter().position(|what| what == "VoteResponse");
    let durable = harness.order.iter().rposition(|what| what == "quorum-state");
    assert!(durable.is_some() && durable < reported, "D3: {:?}", harness.order);
    assert_eq!(harness.disk.election().voted.map(|key| key.id), Some(NodeId(2)));
    assert!(verdict(harness.ask(vote(2, 3, (0, 0), false))).0, "again to the same candidate");
    assert!(!verdict(harness.ask(vote(3, 3, (0, 9), false))).0, "not to another");
    assert!(verdict(harness.ask(vote(3, 3, (0, 9), true))).0, "but a pre-vote costs nothing");
    assert!(verdict(harness.ask(vote(3, 4, (0, 9), false))).0, "nor does a vote in a later epoch");
}

#[test]
fn the_vote_bugs_do_what_their_names_say() {
    let boot = |bug| Harness::boot(spec(1, 3, Bugs::NONE.with(bug), Fixes::default()), Disk::default(), 0);
    let mut harness = boot(Bug::VoteNotDurable);
    harness.order.clear();
    harness.ask(vote(2, 3, (0, 0), false));
    let reported = harness.order.iter().position(|what| what == "VoteResponse");
    assert!(reported < harness.order.iter().rposition(|what| what == "quorum-state"), "{:?}", harness.order);
    let mut harness = boot(Bug::TwoVotesInOneEpoch);
    assert!(verdict(harness.ask(vote(2, 3, (0, 0), false))).0 && verdict(harness.ask(vote(3, 3, (0, 0), false))).0);
}

#[test]
fn the_checks_of_a_vote_come_in_kafkas_order() {
    let mut harness = follower();
    let Request::Vote(good) = vote(3, 6, (0, 0), false) else { unreachable!() };
    let mut ask = |request: VoteRequest| harness.ask(Request::Vote(request));
    let wrong_cluster =
        VoteRequest { cluster_id: Some("another".into()), replica_epoch: raft::ids::LeaderEpoch(1), ..good.clone() };
    let Some(Response::Vote(answer)) = ask(wrong_cluster) else { panic!("no answer") };
    assert_eq!(answer.top_error, ErrorCode::InconsistentClusterId);
    let no_cluster = VoteRequest { cluster_id: None, replica_epoch: raft::ids::LeaderEpoch(4), ..good.clone() };
    assert_eq!(verdict(ask(no_cluster)), (false, ErrorCode::FencedLeaderEpoch, 5, 2), "with a hint of the leader");
    let log_of_the_future = VoteRequest { last_offset_epoch: raft::ids::LeaderEpoch(6), ..good.clone() };
    assert_eq!(verdict(ask(log_of_the_future.clone())).1, ErrorCode::InvalidRequest);
    let nobody = VoteRequest { replica_id: NodeId(-1), ..good.clone() };
    assert_eq!(verdict(ask(nobody)), (false, ErrorCode::InvalidRequest, 5, 2), "no epoch bump");
    let pre_vote = VoteRequest { pre_vote: true, ..log_of_the_future };
    assert_eq!(verdict(ask(pre_vote)), (true, ErrorCode::None, 6, -1), "legal in a pre-vote, which bumps too");
    let for_another = VoteRequest { voter_id: NodeId(2), replica_epoch: raft::ids::LeaderEpoch(7), ..good };
    assert_eq!(verdict(ask(for_another)), (false, ErrorCode::InvalidVoterKey, 7, -1), "after the bump");
}

/// `pollFollower` returns 0 after the transition: the queue is polled without a wait, and then the new state.
#[test]
fn a_request_in_the_queue_is_answered_before_pre_votes_are_requested() {
    let mut harness = follower();
    while harness.role() != Role::Prospective {
        let (at, thread) = harness.next_timer().expect("the fetch timer is armed");
        harness.mono_ns = at;
        harness.fire(thread);
    }
    assert!(harness.order.iter().all(|what| what != "PreVote"), "{:?}", harness.order);
    harness.order.clear();
    assert!(verdict(harness.ask(vote(3, 5, (0, 99), true))).0);
    // The connection to 2 waits for the answer to a fetch.
    assert_eq!(harness.order, ["VoteResponse", "PreVote"]);
}

#[test]
fn who_grants_what() {
    // (state, pre-vote, vote of the same epoch), for a candidate whose log is good enough.
    let check = |harness: &mut Harness, expected: (bool, bool), name: &str| {
        let epoch = harness.epoch();
        let pre_vote = verdict(harness.ask(vote(3, epoch, (0, 99), true))).0;
        let real = verdict(harness.ask(vote(3, epoch, (0, 99), false))).0;
        assert_eq!((pre_vote, real), expected, "{name}");
    };
    let mut unattached = Harness::one_of_three();
    unattached.ask(vote(2, 2, (0, 0), true));
    check(&mut unattached, (true, true), "Unattached");
    check(&mut follower(), (false, false), "Follower that has fetched");
    let mut fresh = Harness::one_of_three();
    fresh.ask(begin(2, 5));
    check(&mut fresh, (true, false), "Follower that has not fetched yet");
    check(&mut prospective(), (true, false), "Prospective that knows its leader");
    let mut leader = Harness::one_of_three();
    elect(&mut leader);
    let epoch = leader.epoch();
    assert_eq!(verdict(leader.ask(vote(3, epoch, (0, 99), true))), (false, ErrorCode::None, epoch, 1), "Leader");
    leader.advance_ms(3_000);
    assert_eq!(leader.role(), Role::Resigned);
    let good_log = vote(3, epoch, (epoch, 99), true);
    assert!(verdict(leader.ask(good_log)).0, "Resigned grants a pre-vote");
    assert!(!verdict(leader.ask(vote(3, epoch, (0, 99), false))).0, "and no vote in the epoch it led");
}

#[test]
fn a_shorter_log_gets_no_vote() {
    let mut harness = Harness::one_of_three();
    elect(&mut harness);
    let log = harness.look().end;
    assert_eq!(log, 1, "LeaderChange");
    assert!(!verdict(harness.ask(vote(2, 9, (0, 50), false))).0, "an older last epoch");
    assert!(!verdict(harness.ask(vote(2, 10, (1, 0), false))).0, "a lower end in the same epoch");
    assert!(verdict(harness.ask(vote(2, 11, (1, 1), false))).0, "an equal log");
}

#[test]
fn a_pre_vote_round_changes_no_epoch_and_goes_back_to_the_leader_when_lost() {
    let mut harness = follower();
    harness.advance_ms(1_999);
    assert_eq!(harness.role(), Role::Follower);
    harness.advance_ms(1);
    harness.shake_off("Fetch");
    assert_eq!((harness.role(), harness.epoch()), (Role::Prospective, 5));
    let (first, second) = (harness.sent("PreVote"), harness.sent("PreVote"));
    harness.reply(&first, voted(5, false));
    assert_eq!(harness.role(), Role::Prospective);
    harness.reply(&second, voted(5, false));
    assert_eq!((harness.role(), harness.epoch()), (Role::Follower, 5));
    assert!(harness.saw(Observation::Probe(Probe::PreVoteLost)));
    harness.advance_ms(1_999);
    assert_eq!(harness.role(), Role::Follower, "with a full fetch timeout");
}

#[test]
fn without_pre_votes_a_silent_leader_costs_an_epoch() {
    let bugs = Bugs::NONE.with(Bug::Kip996NoPreVote);
    let mut harness = Harness::boot(spec(1, 3, bugs, Fixes::default()), Disk::default(), 0);
    harness.advance_ms(2_000);
    assert_eq!((harness.role(), harness.epoch()), (Role::Candidate, 1));
}

#[test]
fn a_voter_that_knows_no_pre_vote_makes_a_candidate_at_once() {
    let mut harness = prospective();
    let sent = harness.sent("PreVote");
    let top_error = ErrorCode::UnsupportedVersion;
    harness.reply(&sent, Response::Vote(raft::message::VoteResponse { top_error, ..Default::default() }));
    assert_eq!((harness.role(), harness.epoch()), (Role::Candidate, 6));
}

#[test]
fn a_candidate_is_durable_before_it_asks_and_waits_when_it_has_lost() {
    let mut harness = prospective();
    harness.order.clear();
    let sent = harness.sent("PreVote");
    harness.reply(&sent, voted(5, true));
    harness.shake_off("PreVote");
    let requested = harness.order.iter().position(|what| what == "Vote");
    let durable = harness.order.iter().position(|what| what == "quorum-state");
    assert!(durable.is_some() && durable < requested, "D1: {:?}", harness.order);
    for _ in 0..2 {
        let sent = harness.sent("Vote");
        harness.reply(&sent, voted(6, false));
    }
    assert_eq!((harness.role(), harness.epoch()), (Role::Candidate, 6));
    assert!(harness.saw(Observation::Probe(Probe::VoteLost)));
    harness.outbox.clear();
    harness.advance_ms(999);
    assert!(!harness.has_sent("Vote"), "no vote is requested again");
    harness.advance_ms(1_000);
    assert_eq!((harness.role(), harness.epoch()), (Role::Prospective, 6));
}

#[test]
fn an_answer_to_what_was_sent_before_a_transition_is_ignored() {
    let mut harness = prospective();
    let (first, second) = (harness.sent("PreVote"), harness.sent("PreVote"));
    harness.reply(&first, voted(5, true));
    assert_eq!(harness.role(), Role::Candidate);
    harness.reply(&second, voted(6, true));
    assert_eq!(harness.role(), Role::Candidate, "a pre-vote is not a vote");
}

#[test]
fn the_first_choice_campaigns_at_once_the_others_later() {
    let campaign_after_ms = |candidates: &[i32]| {
        let mut harness = follower();
        harness.ask(end(2, 5, candidates));
        let mut waited_ms = 0;
        while harness.role() == Role::Follower {
            harness.advance_ms(1);
            waited_ms += 1;
        }
        waited_ms
    };
    assert_eq!(campaign_after_ms(&[1, 3]), 0);
    assert_eq!(campaign_after_ms(&[]), 0, "an empty list is for everybody");
    assert_eq!(campaign_after_ms(&[3, 1]), 500);
    assert_eq!(campaign_after_ms(&[3]), 1000);
}

#[test]
fn a_leader_without_a_majority_of_fetches_resigns_and_names_the_furthest() {
    let mut harness = Harness::one_of_three();
    elect(&mut harness);
    let epoch = harness.epoch();
    for id in [2, 3, 3] {
        let end = if id == 3 { (epoch, harness.look().end) } else { (0, 0) };
        harness.ask(fetch(id, epoch, end, None));
    }
    harness.advance_ms(2_999);
    assert_eq!(harness.role(), Role::Leader);
    harness.advance_ms(600);
    assert_eq!(harness.role(), Role::Resigned);
    assert!(harness.saw(Observation::Probe(Probe::CheckQuorumResigned)));
    harness.shake_off("BeginQuorumEpoch");
    let sent = harness.sent("EndQuorumEpoch");
    let Request::EndQuorumEpoch(request) = &sent.request else { unreachable!() };
    assert_eq!(request.preferred_candidates.iter().map(|key| key.id.0).collect::<Vec<_>>(), [3, 2]);
    let ack = QuorumEpochResponse { current_leader: current_leader(Some(1), epoch), ..Default::default() };
    harness.reply(&sent, Response::EndQuorumEpoch(ack));
    harness.outbox.retain(|other| other.to != sent.to);
    harness.advance_ms(900);
    assert!(!harness.outbox.iter().any(|other| other.to == sent.to), "it has acknowledged");
    harness.advance_ms(1_100);
    assert!(harness.epoch() == epoch + 1, "then it gives up its epoch");
}

#[test]
fn a_heartbeat_goes_to_who_does_not_fetch() {
    let mut harness = Harness::one_of_three();
    elect(&mut harness);
    let epoch = harness.epoch();
    assert_eq!([harness.sent("BeginQuorumEpoch").to, harness.sent("BeginQuorumEpoch").to], [NodeId(2), NodeId(3)]);
    harness.advance_ms(900);
    harness.ask(fetch(2, epoch, (0, 0), None));
    assert!(!harness.has_sent("BeginQuorumEpoch"));
    // 3 has one in flight until its request times out.
    harness.advance_ms(1_200);
    assert!(harness.outbox.iter().all(|sent| sent.to == NodeId(3) || sent.request.name() != "BeginQuorumEpoch"));
}

#[test]
fn a_higher_epoch_deposes_and_a_clashing_leader_is_fatal() {
    let mut harness = Harness::one_of_three();
    elect(&mut harness);
    let epoch = harness.epoch();
    harness.ask(begin(2, epoch + 3));
    assert_eq!((harness.role(), harness.epoch(), harness.look().leader), (Role::Follower, epoch + 3, 2));
    harness.ask(begin(3, epoch + 3));
    assert!(harness.halted.as_ref().is_some_and(|(_, fatal)| *fatal), "two leaders of one epoch: {:?}", harness.halted);
    let mut deaf =
        Harness::boot(spec(1, 3, Bugs::NONE.with(Bug::HigherEpochIgnored), Fixes::default()), Disk::default(), 0);
    elect(&mut deaf);
    deaf.ask(begin(2, 9));
    assert_eq!(deaf.role(), Role::Leader);
}

#[test]
fn begin_for_another_voter_still_tells_the_epoch() {
    let mut harness = Harness::one_of_three();
    let Request::BeginQuorumEpoch(good) = begin(2, 4) else { unreachable!() };
    let answer = harness.ask(Request::BeginQuorumEpoch(BeginQuorumEpochRequest { voter_id: NodeId(3), ..good }));
    let Some(Response::BeginQuorumEpoch(answer)) = answer else { panic!("{answer:?}") };
    assert_eq!((answer.error, harness.epoch(), harness.role()), (ErrorCode::InvalidVoterKey, 4, Role::Follower));
}

#[test]
fn a_terminated_leader_resigns_and_leaves_when_it_hears_of_the_next() {
    let mut harness = Harness::one_of_three();
    elect(&mut harness);
    let epoch = harness.epoch();
    harness.step(ThreadName::RaftIo, Input::Terminate);
    assert_eq!((harness.role(), harness.halted.is_none()), (Role::Resigned, true));
    assert_eq!(fetch_answer(harness.ask(fetch(2, epoch, (0, 0), None))).error, ErrorCode::NotLeaderOrFollower);
    let refused = harness.ask(append(1));
    assert!(matches!(refused, Some(Response::AppendRecords(answer)) if !answer.accepted));
    harness.ask(begin(2, epoch + 1));
    assert_eq!(harness.halted.as_ref().map(|(_, fatal)| *fatal), Some(false));
    let mut harness = follower();
    harness.order.clear();
    harness.step(ThreadName::RaftIo, Input::Terminate);
    assert!(harness.halted.is_some(), "a follower leaves at once");
    // `KafkaRaftClient.close` forces the log, whether or not anything was appended.
    assert_eq!(harness.order, ["fsync 00000000000000000000.log"]);
}

/// A connection that is lost fails all that waits for it, which may be much: each change of the state sends anew.
#[test]
fn however_many_requests_fail_at_once_are_all_handled_before_the_thread_waits() {
    for times_out in [false, true] {
        let mut harness = follower();
        for epoch in 6..66 {
            harness.ask(vote(3, epoch, (0, 0), true));
        }
        if times_out {
            harness.mono_ns += 3_000_000_000;
            harness.ask(vote(3, 65, (0, 0), true));
            // Ages are looked at behind all that may be waiting.
            harness.advance_ms(0);
        } else {
            let sent = harness.sent("Fetch");
            harness.hang_up(&sent);
        }
        let wakes_up = harness.next_timer().map(|(at, _)| at);
        assert!(wakes_up > Some(harness.mono_ns), "{wakes_up:?}: there is nothing left to do at once ({times_out})");
    }
}

/// It resigns before it has appended LeaderChange; its epoch cache begins the epoch nevertheless.
#[test]
fn a_candidate_that_wins_while_it_is_terminated_resigns_without_a_record() {
    let mut harness = prospective();
    let pre_vote = harness.sent("PreVote");
    harness.reply(&pre_vote, voted(5, true));
    harness.step(ThreadName::RaftIo, Input::Terminate);
    harness.shake_off("PreVote");
    let vote = harness.sent("Vote");
    harness.reply(&vote, voted(6, true));
    let look = harness.look();
    assert_eq!((harness.role(), look.records.0.len(), look.last_fetched_epoch), (Role::Resigned, 0, 6));
}
