//! Changes of the voters: one at a time, and who is not among them does not begin elections.

use raft::fixes::{Fix, Fixes};
use raft::ids::{LeaderEpoch, Offset, Uuid};
use raft::io::{DurableFiles, FatalFault, Role, ThreadName};
use raft::log::{BatchBuilder, ControlRecord};
use raft::voter_set::{VoterNode, VoterSet};

use super::amnesia::excused;
use super::quorum::{Quorum, node};
use crate::checks::prelude::*;

#[test]
fn the_voters_change_one_by_one_when_the_last_change_is_committed() {
    let mut good = Quorum::at_work();
    good.change_voters(0, 1, &[0, 1]);
    good.replicate(0, 1, 1);
    good.fetch(1, 1);
    good.take_fetch(0, 1, 1);
    good.move_high_watermark(0, 1);
    good.change_voters(0, 1, &[0, 1, 2]);
    assert_eq!(good.broke(), None);

    let mut two_at_once = Quorum::at_work();
    two_at_once.change_voters(0, 1, &[0]);
    assert_eq!(two_at_once.broke(), Some("OneVoterChangeAtATime"));

    let mut beside_uncommitted = Quorum::at_work();
    beside_uncommitted.change_voters(0, 1, &[0, 1]);
    assert_eq!(beside_uncommitted.broke(), None);
    beside_uncommitted.change_voters(0, 1, &[0]);
    assert_eq!(beside_uncommitted.broke(), Some("OneVoterChangeAtATime"));

    let mut before_own_commit = Quorum::of(3);
    before_own_commit.campaign(0, 1);
    before_own_commit.vote(1, 0, 1);
    before_own_commit.take_over(0, 1);
    before_own_commit.change_voters(0, 1, &[0, 1]);
    assert_eq!(before_own_commit.broke(), Some("OneVoterChangeAtATime"));
}

/// Server 2 is removed, gets an empty disk, and is added again with the directory id of that.
#[test]
fn a_voter_is_added_when_it_has_caught_up() {
    let adds = |fetches: &[i64]| {
        let mut quorum = Quorum::with_directory_ids();
        quorum.change_voters(0, 1, &[0, 1]);
        quorum.replicate(0, 1, 1);
        quorum.move_high_watermark(0, 1);
        quorum.replace_disk(2);
        quorum.boot(2);
        quorum.format(2, Uuid([9; 16]));
        let Offset(end) = quorum.logs[0].end_offset();
        for behind in fetches {
            quorum.take_fetch_at(0, 2, 1, Offset(end - behind));
        }
        quorum.change_voters(0, 1, &[0, 1, 2]);
        quorum.broke()
    };
    assert_eq!(adds(&[1, 0]), None);
    assert_eq!(adds(&[1]), Some("NewVoterCaughtUp"));
    assert_eq!(adds(&[]), Some("NewVoterCaughtUp"), "what its former disk had does not count");
}

/// `kraft.version` 1: the same voters with the directory ids of their disks.
#[test]
fn an_upgrade_adds_directory_ids_and_no_voter() {
    let upgrade = |places: &[usize], without: Option<usize>| {
        let mut quorum = Quorum::at_work();
        let ids: Vec<_> = places.iter().map(|place| node(*place)).collect();
        let directory = |id| (without.map(node) != Some(id)).then_some(Uuid([7; 16]));
        let with_directory = |voter: &VoterNode| VoterNode { directory_id: directory(voter.id), ..voter.clone() };
        let set = VoterSet::of(VoterSet::of_ids(&ids).nodes().iter().map(with_directory).collect());
        let mut batch = BatchBuilder::new(quorum.logs[0].end_offset(), LeaderEpoch(1), 0);
        batch.control(ControlRecord::KRaftVoters(set));
        let batch = batch.build();
        quorum.write(0, &batch);
        quorum.broke()
    };
    assert_eq!(upgrade(&[0, 1, 2], None), None);
    assert_eq!(upgrade(&[0, 1], None), Some("OneVoterChangeAtATime"));
    assert_eq!(upgrade(&[0, 1, 2], Some(1)), Some("OneVoterChangeAtATime"));
}

#[test]
fn who_was_removed_does_not_request_votes() {
    for (removed, broken) in [(2, Some("OnlyVotersCampaign")), (1, None)] {
        let mut quorum = Quorum::at_work();
        let rest: Vec<usize> = (0..3).filter(|place| *place != removed).collect();
        quorum.change_voters(0, 1, &rest);
        quorum.replicate(0, 2, 1);
        quorum.campaign(2, 2);
        assert_eq!(quorum.broke(), broken);
    }
}

/// With the fix it does, if the same process has refused its vote since it had a leader.
#[test]
fn who_may_be_needed_requests_votes() {
    let fix = Fixes::NONE.with(Fix::CampaignAfterRefusingVote);
    let broken = Some("OnlyVotersCampaign");
    for (fixes, refuses, then, expected) in [
        (fix, true, "", None),
        (fix, true, "follows", broken),
        (fix, true, "restarts", broken),
        (fix, false, "", broken),
        (Fixes::NONE, true, "", broken),
    ] {
        let mut quorum = Quorum::with(3, fixes);
        quorum.elect(0, 1, &[1, 2]);
        quorum.append_and_commit(0, 1, 10);
        quorum.change_voters(0, 1, &[0, 1]);
        quorum.replicate(0, 2, 1);
        quorum.role(2, Role::Follower, 1, Some(0));
        if refuses {
            quorum.take_vote_request(2, 1, 1);
            quorum.answer_vote_request(2, 1, false);
        }
        match then {
            "follows" => quorum.role(2, Role::Follower, 1, Some(0)),
            "restarts" => {
                quorum.lose_power(2);
                quorum.boot(2);
            }
            _ => {}
        }
        assert_eq!(quorum.broke(), None);
        quorum.campaign(2, 2);
        assert_eq!(quorum.broke(), expected, "{fixes:?} {refuses} {then}");
    }
}

/// With fetch timeouts of 2 s.
#[test]
fn a_leader_that_has_removed_itself_does_not_count_in_its_majority() {
    for (voters, broken) in [(&[1, 2][..], Some("LeaderWithoutMajorityResigns")), (&[0, 1], None)] {
        let mut quorum = Quorum::at_work();
        quorum.change_voters(0, 1, voters);
        quorum.replicate(0, 1, 1);
        for _ in 0..10 {
            quorum.now += 1_000_000_000;
            quorum.take_fetch_at(0, 1, 1, Offset(1));
            for _ in 0..3 {
                let event = Event::Input { thread: ThreadName::RaftIo };
                quorum.checks.on(Crossing { at_ns: quorum.now, server: 0, event });
            }
        }
        assert_eq!(quorum.broke(), broken);
    }
}

#[test]
fn a_leader_that_has_committed_its_removal_commits_nothing_more() {
    for (voters, broken) in [(&[1, 2][..], Some("RemovedLeaderResigns")), (&[0, 1], None)] {
        let mut quorum = Quorum::at_work();
        quorum.change_voters(0, 1, voters);
        for value in [20, 21] {
            assert_eq!(quorum.broke(), None);
            let batch = quorum.data(0, 1, value);
            quorum.write(0, &batch);
            for follower in [1, 2] {
                quorum.replicate(0, follower, 1);
                quorum.fetch(follower, 1);
                quorum.take_fetch(0, follower, 1);
            }
            quorum.move_high_watermark(0, 1);
        }
        assert_eq!(quorum.broke(), broken);
    }
}

/// Five voters, of which the last two hear nothing; the leader removes one, then the other, and commits with the first three.
fn two_voters_removed() -> Quorum {
    let mut quorum = Quorum::of(5);
    quorum.elect(0, 1, &[1, 2, 3, 4]);
    for voters in [&[0, 1, 2, 3][..], &[0, 1, 2]] {
        for follower in [1, 2] {
            quorum.replicate(0, follower, 1);
        }
        quorum.move_high_watermark(0, 1);
        quorum.change_voters(0, 1, voters);
    }
    for follower in [1, 2] {
        quorum.replicate(0, follower, 1);
    }
    quorum.move_high_watermark(0, 1);
    quorum
}

/// Server 2 forgets all that its log had.
fn forget(quorum: &mut Quorum) {
    quorum.lose_power(2);
    quorum.disks[2].bytes_mut(&raft::log::segment_path(Offset(0))).truncate(1);
    let event = Event::DiskDamaged { left: &quorum.disks[2] };
    quorum.checks.on(Crossing { at_ns: quorum.now, server: 2, event });
    quorum.boot(2);
}

/// All three committed voters hold what is committed, then one forgets it: two still do. By the voter set that those have who
/// were removed, three of five do not.
#[test]
fn a_leader_of_an_older_voter_set_may_lack_what_one_of_its_voters_forgot() {
    for (is_forgotten, is_voted) in [(true, true), (true, false), (false, false)] {
        let mut quorum = two_voters_removed();
        if is_forgotten {
            forget(&mut quorum);
            assert_eq!(quorum.checks.models.committed.promised, quorum.checks.models.committed.count());
        }
        quorum.campaign(3, 2);
        quorum.vote(4, 3, 2);
        if is_voted {
            quorum.vote(2, 3, 2);
        }
        quorum.take_over(3, 2);
        assert_eq!(quorum.broke(), (!is_voted).then_some("LeaderCompleteness"));
        assert_eq!(quorum.checks.ended_by(), is_voted.then_some("elected_by_older_voter_set"));
    }
    // The voters of the committed set are judged by what a majority of them holds.
    let mut quorum = Quorum::of(5);
    quorum.elect(0, 1, &[1, 2]);
    forget(&mut quorum);
    quorum.campaign(3, 2);
    for voter in [2, 4] {
        quorum.vote(voter, 3, 2);
    }
    quorum.take_over(3, 2);
    assert_eq!((quorum.broke(), quorum.checks.ended_by()), (None, None), "the promise was cut");
    assert_eq!(excused(&quorum, "promise_cut_by_destroyed_disk"), 1);
}

/// A replica that is added votes for itself, and forgets that it was added: by its log it is no voter when it starts.
#[test]
fn a_voter_may_be_none_at_a_start_if_its_log_was_cut() {
    for (is_forgotten, has_voted) in [(true, true), (true, false), (false, true)] {
        let mut quorum = Quorum::at_work();
        for voters in [&[0, 1][..], &[0, 1, 2]] {
            quorum.change_voters(0, 1, voters);
            for follower in [1, 2] {
                quorum.replicate(0, follower, 1);
            }
            quorum.move_high_watermark(0, 1);
        }
        if has_voted {
            quorum.campaign(2, 2);
        }
        quorum.lose_power(2);
        if is_forgotten {
            cut_last_batch(&mut quorum, 2);
            let event = Event::DiskDamaged { left: &quorum.disks[2] };
            quorum.checks.on(Crossing { at_ns: quorum.now, server: 2, event });
        }
        quorum.boot(2);
        quorum.checks.models.servers[2].altered = false;
        let event = Event::Halted { reason: "it is no voter", fault: Some(FatalFault::Other) };
        quorum.checks.on(Crossing { at_ns: quorum.now, server: 2, event });
        assert_eq!(quorum.broke(), (!is_forgotten || !has_voted).then_some("NoFatalFault"));
    }
}

/// The last batch of a server's log is gone from its disk.
fn cut_last_batch(quorum: &mut Quorum, server: usize) {
    let Models { servers, ledger, .. } = &quorum.checks.models;
    let size = usize::try_from(ledger.get(servers[server].log.whole()).size()).expect("small");
    let segments = quorum.disks[server].paths().into_iter().filter(|path| path.ends_with(".log"));
    let segment = quorum.disks[server].bytes_mut(&segments.max().expect("a segment"));
    segment.truncate(segment.len() - size);
}
