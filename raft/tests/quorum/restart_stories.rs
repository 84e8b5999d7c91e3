//! What a replica is after a restart (consensus.md §1.6), and what it must not do again.

use raft::bugs::{Bug, Bugs};
use raft::fixes::Fixes;
use raft::io::{Observation, Probe, Role};
use raft::log::Records;
use raft::message::{ErrorCode, Response};

use super::harness::{Disk, Harness, append, begin, dynamic, elect, fetch, fetched, formatted, spec, verdict, vote};

#[test]
fn an_empty_disk_is_formatted_once() {
    let mut harness = Harness::one_of_three();
    assert_eq!((harness.role(), harness.epoch()), (Role::Unattached, 0));
    let read = |harness: &Harness| raft::log::read_meta_properties(&harness.disk).expect("readable").expect("written");
    let before = read(&harness).directory_id;
    harness.restart(true);
    assert_eq!(read(&harness).directory_id, before);
    let mut other = harness.spec.clone();
    other.cluster_id = "another".into();
    let stranger = Harness::boot(other, harness.disk.clone(), 0);
    assert!(stranger.halted.is_some_and(|(_, fatal)| fatal), "the disk of another cluster");
}

#[test]
fn a_leader_starts_resigned_and_leaves_its_epoch_for_good() {
    let mut harness = Harness::one_of_three();
    elect(&mut harness);
    let epoch = harness.epoch();
    harness.restart(true);
    assert_eq!((harness.role(), harness.epoch()), (Role::Resigned, epoch));
    assert!(harness.saw(Observation::Probe(Probe::RestartedResigned)));
    assert!(!verdict(harness.ask(vote(2, epoch, (0, 99), false))).0, "no vote in the epoch it led");
    let sent = harness.sent("EndQuorumEpoch");
    let raft::message::Request::EndQuorumEpoch(request) = &sent.request else { unreachable!() };
    assert!(request.preferred_candidates.is_empty());
    harness.advance_ms(2_000);
    assert!(harness.epoch() == epoch + 1 && matches!(harness.role(), Role::Unattached | Role::Prospective));
}

#[test]
fn resuming_as_leader_is_a_bug_that_can_be_switched_on() {
    let bugs = Bugs::NONE.with(Bug::Kafka10527ResumeAsLeader);
    let mut harness = Harness::boot(spec(1, 3, bugs, Fixes::default()), Disk::default(), 0);
    elect(&mut harness);
    let epoch = harness.epoch();
    harness.restart(true);
    assert_eq!((harness.role(), harness.epoch()), (Role::Leader, epoch));
}

#[test]
fn a_candidate_stays_one_and_votes_for_nobody_else() {
    let mut harness = Harness::one_of_three();
    while harness.role() != Role::Prospective {
        harness.advance_ms(100);
    }
    harness.shake_off("Fetch");
    let sent = harness.sent("PreVote");
    harness.reply(&sent, super::harness::voted(0, true));
    assert_eq!((harness.role(), harness.epoch()), (Role::Candidate, 1));
    harness.restart(true);
    assert_eq!((harness.role(), harness.epoch()), (Role::Candidate, 1));
    assert!(!verdict(harness.ask(vote(2, 1, (0, 99), false))).0);
    let mut forgetful = harness.spec.clone();
    forgetful.bugs = Bugs::NONE.with(Bug::EpochNotDurable);
    let mut harness = Harness::boot(forgetful, Disk::default(), 0);
    while harness.role() != Role::Prospective {
        harness.advance_ms(100);
    }
    harness.shake_off("Fetch");
    let sent = harness.sent("PreVote");
    harness.reply(&sent, super::harness::voted(0, true));
    assert_eq!(harness.epoch(), 1);
    harness.restart(false);
    assert_eq!(harness.epoch(), 0, "EpochNotDurable: it will campaign in epoch 1 again");
}

#[test]
fn a_follower_follows_on_and_a_voter_keeps_its_vote() {
    let mut harness = Harness::one_of_three();
    harness.ask(begin(2, 5));
    harness.restart(true);
    assert_eq!((harness.role(), harness.epoch(), harness.look().leader), (Role::Follower, 5, 2));
    assert_eq!(harness.look().high_watermark, None, "not persisted");
    let mut harness = Harness::one_of_three();
    assert!(verdict(harness.ask(vote(2, 5, (0, 0), false))).0);
    harness.restart(true);
    assert_eq!((harness.role(), harness.epoch(), harness.look().voted), (Role::Unattached, 5, 2));
    assert!(!verdict(harness.ask(vote(3, 5, (0, 0), false))).0);
    assert!(verdict(harness.ask(vote(2, 5, (0, 0), false))).0);
}

#[test]
fn a_log_of_a_later_epoch_outvotes_a_lost_quorum_state() {
    let mut harness = Harness::one_of_three();
    let mut leader = Harness::one_of_three();
    elect(&mut leader);
    let records = leader.look().records;
    harness.ask(begin(2, 1));
    harness.shake_off_bootstrap();
    let sent = harness.sent("Fetch");
    harness.reply(&sent, fetched(2, 1, records, Some(0)));
    assert_eq!(harness.look().end, 1);
    harness.disk.remove(raft::log::QUORUM_STATE);
    harness.restart(false);
    assert_eq!((harness.role(), harness.epoch()), (Role::Unattached, 1));
    assert_eq!((harness.look().leader, harness.look().voted), (-1, -1));
}

#[test]
fn a_single_voter_forces_before_it_acknowledges_only_with_the_fix() {
    let acknowledged_after_fsync = |fixes: Fixes| {
        let mut harness = Harness::boot(spec(1, 1, Bugs::NONE, fixes), Disk::default(), 0);
        harness.order.clear();
        assert!(harness.ask(append(5)).is_none());
        harness.advance_ms(25);
        let reported = harness.order.iter().position(|what| what == "AppendRecordsResponse").expect("acknowledged");
        harness.order[..reported].iter().any(|what| what.starts_with("fsync"))
    };
    assert!(acknowledged_after_fsync(Fixes::default().with(raft::fixes::Fix::SingleVoterFlushFirst)));
}

#[test]
fn what_a_leader_served_before_its_fsync_is_still_not_committed_without_a_fetch() {
    let mut harness = Harness::one_of_three();
    elect(&mut harness);
    let epoch = harness.epoch();
    harness.ask(fetch(2, epoch, (epoch, 1), None));
    assert_eq!(harness.look().high_watermark, Some(1));
    harness.ask(append(5));
    harness.advance_ms(25);
    assert_eq!((harness.look().end, harness.look().high_watermark), (2, Some(1)));
}

/// `handleFetchResponse` requires a FollowerState (`followerStateOrThrow`) before it looks at an error of its own.
#[test]
fn a_fetch_is_answered_to_an_unattached_replica_that_knows_a_leader() {
    for error in [ErrorCode::None, ErrorCode::UnknownServerError] {
        let mut harness = Harness::boot(dynamic(1, 3, Fixes::default()), formatted(1, 3), 0);
        harness.ask(begin(4, 5));
        harness.restart(false);
        assert_eq!(
            (harness.role(), harness.look().leader),
            (Role::Unattached, 4),
            "it finds no endpoints of the leader"
        );
        let sent = harness.sent("Fetch");
        let mut answer = fetched(4, 5, Records::default(), Some(0));
        if let Response::Fetch(answer) = &mut answer {
            answer.error = error;
        }
        harness.reply(&sent, answer);
        let (reason, _) = harness.halted.clone().expect("the process ends");
        assert!(reason.contains("a Fetch was answered"), "{reason}");
    }
}
