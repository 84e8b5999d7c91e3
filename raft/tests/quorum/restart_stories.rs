//! What a replica is after a restart (consensus.md §1.6), and what it must not do again.

use raft::bugs::{Bug, Bugs};
use raft::fixes::Fixes;
use raft::io::{Observation, Probe, Role};

use super::desk::{Desk, Disk, append, begin, elect, fetch, fetched, spec, verdict, vote};

#[test]
fn an_empty_disk_is_formatted_once() {
    let mut desk = Desk::one_of_three();
    assert_eq!((desk.role(), desk.epoch()), (Role::Unattached, 0));
    let read = |desk: &Desk| raft::log::read_meta_properties(&desk.disk).expect("readable").expect("written");
    let before = read(&desk).directory_id;
    desk.restart(true);
    assert_eq!(read(&desk).directory_id, before);
    let mut other = desk.spec.clone();
    other.cluster_id = "another".into();
    let stranger = Desk::boot(other, desk.disk.clone(), 0);
    assert!(stranger.halted.is_some_and(|(_, fatal)| fatal), "the disk of another cluster");
}

#[test]
fn a_leader_starts_resigned_and_leaves_its_epoch_for_good() {
    let mut desk = Desk::one_of_three();
    elect(&mut desk);
    let epoch = desk.epoch();
    desk.restart(true);
    assert_eq!((desk.role(), desk.epoch()), (Role::Resigned, epoch));
    assert!(desk.saw(Observation::Probe(Probe::RestartedResigned)));
    assert!(!verdict(desk.ask(vote(2, epoch, (0, 99), false))).0, "no vote in the epoch it led");
    let sent = desk.sent("EndQuorumEpoch");
    let raft::message::Request::EndQuorumEpoch(request) = &sent.request else { unreachable!() };
    assert!(request.preferred_candidates.is_empty());
    desk.advance_ms(2_000);
    assert!(desk.epoch() == epoch + 1 && matches!(desk.role(), Role::Unattached | Role::Prospective));
}

#[test]
fn resuming_as_leader_is_a_bug_that_can_be_switched_on() {
    let bugs = Bugs::NONE.with(Bug::Kafka10527ResumeAsLeader);
    let mut desk = Desk::boot(spec(1, 3, bugs, Fixes::default()), Disk::default(), 0);
    elect(&mut desk);
    let epoch = desk.epoch();
    desk.restart(true);
    assert_eq!((desk.role(), desk.epoch()), (Role::Leader, epoch));
}

#[test]
fn a_candidate_stays_one_and_votes_for_nobody_else() {
    let mut desk = Desk::one_of_three();
    while desk.role() != Role::Prospective {
        desk.advance_ms(100);
    }
    desk.shake_off("Fetch");
    let sent = desk.sent("PreVote");
    desk.reply(&sent, super::desk::voted(0, true));
    assert_eq!((desk.role(), desk.epoch()), (Role::Candidate, 1));
    desk.restart(true);
    assert_eq!((desk.role(), desk.epoch()), (Role::Candidate, 1));
    assert!(!verdict(desk.ask(vote(2, 1, (0, 99), false))).0);
    let mut forgetful = desk.spec.clone();
    forgetful.bugs = Bugs::NONE.with(Bug::EpochNotDurable);
    let mut desk = Desk::boot(forgetful, Disk::default(), 0);
    while desk.role() != Role::Prospective {
        desk.advance_ms(100);
    }
    desk.shake_off("Fetch");
    let sent = desk.sent("PreVote");
    desk.reply(&sent, super::desk::voted(0, true));
    assert_eq!(desk.epoch(), 1);
    desk.restart(false);
    assert_eq!(desk.epoch(), 0, "EpochNotDurable: it will campaign in epoch 1 again");
}

#[test]
fn a_follower_follows_on_and_a_voter_keeps_its_vote() {
    let mut desk = Desk::one_of_three();
    desk.ask(begin(2, 5));
    desk.restart(true);
    assert_eq!((desk.role(), desk.epoch(), desk.look().leader), (Role::Follower, 5, 2));
    assert_eq!(desk.look().high_watermark, None, "not persisted");
    let mut desk = Desk::one_of_three();
    assert!(verdict(desk.ask(vote(2, 5, (0, 0), false))).0);
    desk.restart(true);
    assert_eq!((desk.role(), desk.epoch(), desk.look().voted), (Role::Unattached, 5, 2));
    assert!(!verdict(desk.ask(vote(3, 5, (0, 0), false))).0);
    assert!(verdict(desk.ask(vote(2, 5, (0, 0), false))).0);
}

#[test]
fn a_log_of_a_later_epoch_outvotes_a_lost_quorum_state() {
    let mut desk = Desk::one_of_three();
    let mut leader = Desk::one_of_three();
    elect(&mut leader);
    let records = leader.look().records;
    desk.ask(begin(2, 1));
    desk.shake_off_bootstrap();
    let sent = desk.sent("Fetch");
    desk.reply(&sent, fetched(2, 1, records, Some(0)));
    assert_eq!(desk.look().end, 1);
    desk.disk.remove(raft::log::QUORUM_STATE);
    desk.restart(false);
    assert_eq!((desk.role(), desk.epoch()), (Role::Unattached, 1));
    assert_eq!((desk.look().leader, desk.look().voted), (-1, -1));
}

#[test]
fn a_single_voter_forces_before_it_acknowledges_only_with_the_fix() {
    let acknowledged_after_fsync = |fixes: Fixes| {
        let mut desk = Desk::boot(spec(1, 1, Bugs::NONE, fixes), Disk::default(), 0);
        desk.order.clear();
        assert!(desk.ask(append(5)).is_none());
        desk.advance_ms(25);
        let told = desk.order.iter().position(|what| what == "AppendRecordsResponse").expect("acknowledged");
        desk.order[..told].iter().any(|what| what.starts_with("fsync"))
    };
    assert!(acknowledged_after_fsync(Fixes::default().with(raft::fixes::Fix::SingleVoterFlushFirst)));
}

#[test]
fn what_a_leader_served_before_its_fsync_is_still_not_committed_without_a_fetch() {
    let mut desk = Desk::one_of_three();
    elect(&mut desk);
    let epoch = desk.epoch();
    desk.ask(fetch(2, epoch, (epoch, 1), None));
    assert_eq!(desk.look().high_watermark, Some(1));
    desk.ask(append(5));
    desk.advance_ms(25);
    assert_eq!((desk.look().end, desk.look().high_watermark), (2, Some(1)));
}
