//! Elections, logs and high watermarks.

use crate::checks::prelude::*;
use std::rc::Rc;

use raft::ids::{LeaderEpoch, NodeId, Offset};
use raft::io::{Effect, Observation, Out, Probe, Role, ThreadName, Visitor};
use raft::log::{LEADER_EPOCH_CHECKPOINT, LEADER_EPOCH_CHECKPOINT_SCHEDULER_HANDLE, Records, segment_path};

use super::quorum::Quorum;
use crate::checks::audit::NodeView;
use crate::checks::invariant::timings::Disturbance;

#[test]
fn two_leaders_in_one_epoch() {
    let mut quorum = Quorum::at_work();
    quorum.elect(1, 2, &[0]);
    quorum.persist(2, 2, Some(2), None);
    assert_eq!(quorum.broke(), Some("NeverTwoLeadersInSameEpoch"));
}

#[test]
fn one_server_leads_an_epoch_in_two_lives() {
    let mut quorum = Quorum::at_work();
    quorum.kill(0);
    quorum.boot(0);
    // A restarted leader is Resigned; that is no second leadership.
    quorum.persist(0, 1, Some(0), None);
    quorum.role(0, Role::Resigned, 1, Some(0));
    assert_eq!(quorum.broke(), None);
    quorum.role(0, Role::Leader, 1, Some(0));
    assert_eq!(quorum.broke(), Some("NeverTwoLeadersInSameEpoch"));
}

#[test]
fn a_log_ends_where_its_records_do() {
    let mut quorum = Quorum::at_work();
    // What `PersistBeforePromise` says of it comes first.
    quorum.checks.verdict = Verdict::new(true);
    quorum.fetch(1, 1);
    quorum.ask_for_vote(1, 2);
    assert!(!quorum.checks.fired().any(|name| name == "NoHoleBelowLogEnd"));
    for names in [|quorum: &mut Quorum| quorum.fetch(1, 1), |quorum: &mut Quorum| quorum.ask_for_vote(1, 2)] {
        let mut quorum = Quorum::at_work();
        quorum.checks.verdict = Verdict::new(true);
        let batch = quorum.data(0, 1, 7);
        let appended =
            quorum.logs[1].append_as_follower(&Records([batch].into()), LeaderEpoch(1), 0, &mut Out::default());
        assert_eq!(appended, Ok(true));
        names(&mut quorum);
        assert!(quorum.checks.fired().any(|name| name == "NoHoleBelowLogEnd"));
    }
}

/// Gives a `leader-epoch-checkpoint` this content.
pub fn checkpoint(path: &str, content: &str) -> Out {
    let (file, temporary) = (LEADER_EPOCH_CHECKPOINT_SCHEDULER_HANDLE, Rc::from(format!("{path}.tmp")));
    let mut out = Out::default();
    out.push(Effect::Open { file, path: Rc::clone(&temporary), truncate: true });
    out.push(Effect::Append { file, bytes: content.as_bytes().into() });
    out.push(Effect::Fsync { file });
    out.push(Effect::Rename { from: temporary, to: path.into() });
    out.push(Effect::FsyncDirectory);
    out
}

#[test]
fn a_log_has_no_epoch_but_those_of_its_records() {
    // All records are of epoch 1.
    for (content, is_right) in [("0\n1\n1 0\n", true), ("0\n2\n1 0\n2 9\n", true), ("0\n1\n2 0\n", false)] {
        let mut quorum = Quorum::at_work();
        quorum.perform(1, checkpoint(LEADER_EPOCH_CHECKPOINT, content));
        quorum.kill(1);
        quorum.boot(1);
        assert_eq!(quorum.broke(), (!is_right).then_some("EpochsOfRecords"), "{content:?}");
    }
}

#[test]
fn two_votes_in_one_epoch() {
    let mut quorum = Quorum::at_work();
    quorum.campaign(0, 2);
    quorum.campaign(1, 2);
    quorum.vote(2, 0, 2);
    quorum.lose_power(2);
    quorum.boot(2);
    quorum.vote(2, 0, 2);
    assert_eq!(quorum.broke(), None, "the same vote again is one vote");
    quorum.persist(2, 2, None, Some(1));
    assert_eq!(quorum.broke(), Some("ValidVotes"));
}

#[test]
fn a_process_asks_for_votes_with_pre_votes_of_the_one_before() {
    for (restarts, broken) in [(false, None), (true, Some("PreVoteBeforeVote"))] {
        let mut quorum = Quorum::at_work();
        for voter in [0, 2] {
            quorum.checks.judges.PreVotes.granted(voter, 1, LeaderEpoch(1), 2);
        }
        if restarts {
            quorum.kill(1);
            quorum.boot(1);
            quorum.role(1, Role::Unattached, 1, None);
        }
        quorum.persist(1, 2, None, Some(1));
        quorum.role(1, Role::Candidate, 2, None);
        quorum.ask_for_vote(1, 2);
        assert_eq!(quorum.broke(), broken);
    }
}

#[test]
fn a_vote_is_given_that_is_not_on_disk() {
    let mut quorum = Quorum::at_work();
    // `PersistBeforePromise:D3` breaks first.
    quorum.checks.verdict = Verdict::new(true);
    quorum.campaign(0, 2);
    quorum.campaign(1, 2);
    quorum.vote(2, 0, 2);
    assert_eq!(quorum.broke(), None);
    quorum.take_vote_request(2, 1, 2);
    quorum.grant(2, 2);
    assert!(quorum.checks.fired().any(|name| name == "ValidVotes"));
}

#[test]
fn an_epoch_goes_back() {
    let mut quorum = Quorum::at_work();
    quorum.persist(1, 5, None, None);
    quorum.persist(1, 4, None, None);
    assert_eq!(quorum.broke(), Some("MonotonicEpoch"));

    let mut quorum = Quorum::at_work();
    quorum.role(1, Role::Unattached, 0, None);
    assert_eq!(quorum.broke(), Some("MonotonicEpoch"));
}

#[test]
fn a_voter_does_not_look_at_a_higher_epoch() {
    let mut quorum = Quorum::at_work();
    quorum.campaign(1, 2);
    quorum.take_vote_request(2, 1, 2);
    quorum.persist(2, 2, None, None);
    quorum.answer_vote_request(2, 2, false);
    assert_eq!(quorum.broke(), None, "an epoch may be entered without a grant");
    quorum.take_vote_request(0, 1, 2);
    quorum.answer_vote_request(0, 1, false);
    assert_eq!(quorum.broke(), Some("HigherEpochObeyed"));
}

/// With fetch timeouts of 2 s: the timer of 3 s starts anew at each Fetch, and a parked one counts
/// once more half a second later.
#[test]
fn a_leader_without_majority_stays() {
    let second = 1_000_000_000;
    let wait = |quorum: &mut Quorum, ns: u64| {
        quorum.now += ns;
        for _ in 0..4 {
            quorum.now += 1;
            quorum.checks.on(Crossing {
                at_ns: quorum.now,
                server: 0,
                event: Event::Input { thread: ThreadName::RaftIo },
            });
        }
    };
    let mut quorum = Quorum::at_work();
    for _ in 0..10 {
        wait(&mut quorum, 3 * second);
        quorum.take_fetch(0, 1, 1);
    }
    wait(&mut quorum, 3 * second);
    assert_eq!(quorum.broke(), None, "one of two followers is enough");
    quorum.take_fetch(0, 2, 0);
    quorum.checks.on(Crossing {
        at_ns: quorum.now,
        server: 0,
        event: Event::Disturbed { how: Disturbance { begins: true, ..Disturbance::default() } },
    });
    wait(&mut quorum, 9 * second);
    quorum.checks.on(Crossing {
        at_ns: quorum.now,
        server: 0,
        event: Event::Disturbed { how: Disturbance { back_ms: 1_000, ..Disturbance::default() } },
    });
    wait(&mut quorum, 4 * second);
    assert_eq!(quorum.broke(), None, "its clock stopped and went back");
    wait(&mut quorum, second);
    assert_eq!(quorum.broke(), Some("LeaderWithoutMajorityResigns"), "a Fetch of another epoch does not count");
}

/// With fetch timeouts of 2 s: what was fetched in the last 2.7 s counts, for a clock may be fast.
#[test]
fn a_leader_with_a_majority_does_not_resign_for_want_of_one() {
    let broke = |fetches: &[(usize, i32)], waits_ms: u64, leads_anew: bool| {
        let mut quorum = Quorum::at_work();
        quorum.now += 10_000_000_000;
        for (follower, epoch) in fetches {
            quorum.take_fetch(0, *follower, *epoch);
        }
        if leads_anew {
            quorum.role(0, Role::Leader, 1, Some(0));
        }
        quorum.now += waits_ms * 1_000_000;
        quorum.say(0, Observation::Probe(Probe::CheckQuorumResigned));
        quorum.broke()
    };
    assert_eq!(broke(&[(1, 1)], 2_600, false), Some("LeaderWithMajorityStays"));
    assert_eq!(broke(&[(1, 1)], 2_800, false), None, "the Fetch is too old");
    assert_eq!(broke(&[(1, 0)], 2_600, false), None, "it is of another epoch");
    assert_eq!(broke(&[], 2_600, false), None);
    assert_eq!(broke(&[(1, 1)], 2_600, true), None, "the leader has led for less than its timer");
}

#[test]
fn a_leader_without_majority_resigns() {
    let mut quorum = Quorum::at_work();
    quorum.now += 3_600_000_000;
    quorum.checks.on(Crossing { at_ns: quorum.now, server: 0, event: Event::Input { thread: ThreadName::RaftIo } });
    quorum.checks.on(Crossing { at_ns: quorum.now, server: 0, event: Event::Input { thread: ThreadName::RaftIo } });
    quorum.role(0, Role::Resigned, 1, Some(0));
    for _ in 0..4 {
        quorum.checks.on(Crossing { at_ns: quorum.now, server: 0, event: Event::Input { thread: ThreadName::RaftIo } });
    }
    assert_eq!(quorum.broke(), None, "a message in its queue may come before its timer");
}

#[test]
fn two_active_controllers_in_one_epoch() {
    let mut quorum = Quorum::at_work();
    quorum.say(1, Observation::LeadershipAnnounced { epoch: LeaderEpoch(1) });
    assert_eq!(quorum.broke(), Some("SingleActiveController"));
}

#[test]
fn a_leader_writes_records_before_its_controller_has_claimed_the_epoch() {
    let mut quorum = Quorum::of(3);
    quorum.campaign(0, 1);
    quorum.vote(1, 0, 1);
    quorum.take_over(0, 1);
    assert_eq!(quorum.broke(), None, "the record of its epoch comes first");
    let batch = quorum.data(0, 1, 10);
    quorum.write(0, &batch);
    assert_eq!(quorum.broke(), Some("RecordAfterClaim"));
}

#[test]
fn a_high_watermark_goes_back() {
    let mut quorum = Quorum::at_work();
    quorum.show_high_watermark(1, 1, 3, false);
    quorum.show_high_watermark(1, 1, 2, false);
    assert_eq!(quorum.broke(), Some("MonotonicHighWatermark"));

    let mut quorum = Quorum::at_work();
    quorum.answer_fetch(0, 1, 2);
    assert_eq!(quorum.broke(), Some("MonotonicHighWatermark"));

    // Another life begins anew.
    let mut quorum = Quorum::at_work();
    quorum.show_high_watermark(1, 1, 3, false);
    quorum.kill(1);
    quorum.boot(1);
    quorum.show_high_watermark(1, 1, 2, false);
    assert_eq!(quorum.broke(), None);
}

#[test]
fn a_high_watermark_leaves_the_log() {
    let mut quorum = Quorum::at_work();
    quorum.show_high_watermark(1, 1, 4, false);
    assert_eq!(quorum.broke(), Some("HighWatermarkWithinLog"));
}

#[test]
fn a_log_is_cut_below_its_high_watermark() {
    let mut quorum = Quorum::of(5);
    quorum.elect(0, 1, &[1, 2, 3, 4]);
    quorum.append_and_commit(0, 1, 10);
    quorum.show_high_watermark(1, 1, 2, false);
    quorum.cut(1, 1, 1);
    assert_eq!(quorum.broke(), Some("HighWatermarkWithinLog"));
}

#[test]
fn logs_part_at_one_epoch_and_offset() {
    let mut quorum = Quorum::at_work();
    let mine = quorum.data(0, 1, 12);
    let other = quorum.data(1, 1, 13);
    quorum.write(0, &mine);
    let mut out = Out::default();
    let other = Records(smallvec::smallvec![other]);
    quorum.logs[1].append_as_follower(&other, LeaderEpoch(1), 0, &mut out).expect("it follows on");
    quorum.perform(1, out);
    assert_eq!(quorum.broke(), Some("LogMatching"));
}

#[test]
fn one_batch_stands_behind_two_prefixes() {
    let mut quorum = Quorum::at_work();
    // A dirty tail on the old leader, then the new leader's batch of the same length and one more.
    let dirty = quorum.data(0, 1, 12);
    quorum.write(0, &dirty);
    quorum.elect(1, 2, &[2]);
    let next = quorum.data(1, 2, 20);
    quorum.write(1, &next);
    assert_eq!(quorum.broke(), None);
    quorum.follow(0, 1, 2);
    let behind_dirty = Records(smallvec::smallvec![next]);
    let mut out = Out::default();
    quorum.logs[0].append_as_follower(&behind_dirty, LeaderEpoch(2), 0, &mut out).expect("it follows on");
    quorum.perform(0, out);
    assert_eq!(quorum.broke(), Some("LogMatching"));
}

#[test]
fn an_offset_is_written_twice() {
    let mut quorum = Quorum::at_work();
    quorum.campaign(1, 2);
    quorum.persist(1, 2, Some(1), None);
    let mut out = Out::default();
    quorum.logs[1].assign_epoch_start(LeaderEpoch(2), Offset(3), &mut out);
    let at_zero = quorum.leader_change_at(1, 2, Offset(0));
    out.push(raft::io::Effect::Append { file: raft::log::FIRST_SEGMENT_HANDLE, bytes: Rc::clone(&at_zero.bytes) });
    quorum.perform(1, out);
    assert_eq!(quorum.broke(), Some("LogMatching"));

    let mut quorum = Quorum::at_work();
    let mut out = Out::default();
    out.push(raft::io::Effect::Append { file: raft::log::FIRST_SEGMENT_HANDLE, bytes: [0; 40].into() });
    quorum.perform(0, out);
    assert_eq!(quorum.broke(), Some("LogMatching"), "bytes that are no batch");

    let mut quorum = Quorum::at_work();
    let beyond = raft::log::BatchBuilder::new(Offset(9), LeaderEpoch(1), 0).value(12).build();
    let mut out = Out::default();
    out.push(raft::io::Effect::Append { file: raft::log::FIRST_SEGMENT_HANDLE, bytes: Rc::clone(&beyond.bytes) });
    quorum.perform(0, out);
    assert_eq!(quorum.broke(), Some("LogMatching"));
}

#[test]
fn a_leader_lacks_what_was_committed() {
    let mut quorum = Quorum::of(3);
    quorum.elect(0, 1, &[1, 2]);
    let batch = quorum.data(0, 1, 10);
    quorum.write(0, &batch);
    quorum.replicate(0, 1, 1);
    quorum.move_high_watermark(0, 1);
    quorum.campaign(2, 2);
    quorum.vote(1, 2, 2);
    assert_eq!(quorum.broke(), None);
    quorum.take_over(2, 2);
    assert_eq!(quorum.broke(), Some("LeaderCompleteness"));
}

#[test]
fn a_leader_elected_late_need_not_have_what_a_newer_one_committed() {
    let mut quorum = Quorum::at_work();
    quorum.campaign(2, 2);
    quorum.vote(0, 2, 2);
    quorum.elect(1, 3, &[0]);
    quorum.take_over(2, 2);
    assert_eq!(quorum.broke(), None);
}

#[test]
fn an_older_leader_commits_what_a_newer_one_lacks() {
    let mut quorum = Quorum::at_work();
    let batch = quorum.data(0, 1, 12);
    quorum.write(0, &batch);
    quorum.elect(2, 2, &[]);
    assert_eq!(quorum.broke(), Some("MajorityReachedHighWatermark"), "its LeaderChange is on one disk only");

    // The newer leader has committed: the older one's high watermark is another history.
    let mut quorum = Quorum::at_work();
    quorum.write(0, &batch);
    quorum.elect(2, 2, &[1]);
    quorum.show_high_watermark(0, 1, 4, true);
    assert_eq!(quorum.broke(), Some("SingleActiveController"));

    // The same, beyond what the newer one has committed.
    let mut quorum = Quorum::at_work();
    for value in [12, 13] {
        let batch = quorum.data(0, 1, value);
        quorum.write(0, &batch);
    }
    quorum.elect(2, 2, &[1]);
    quorum.show_high_watermark(0, 1, 5, true);
    assert_eq!(quorum.broke(), Some("SingleActiveController"));

    // It has not: the older leader counts a voter that left its epoch.
    let mut quorum = Quorum::at_work();
    quorum.write(0, &batch);
    quorum.replicate(0, 1, 1);
    quorum.campaign(2, 2);
    quorum.role(2, Role::Leader, 2, Some(2));
    assert_eq!(quorum.broke(), None);
    quorum.show_high_watermark(0, 1, 4, true);
    assert_eq!(quorum.broke(), Some("LeaderCompleteness"));
}

#[test]
fn a_high_watermark_without_a_durable_majority() {
    let mut quorum = Quorum::at_work();
    let batch = quorum.data(0, 1, 12);
    quorum.write(0, &batch);
    quorum.move_high_watermark(0, 1);
    assert_eq!(quorum.broke(), Some("MajorityReachedHighWatermark"));
}

#[test]
fn a_high_watermark_counts_replicas_of_an_older_epoch() {
    let mut quorum = Quorum::at_work();
    let batch = quorum.data(0, 1, 12);
    quorum.write(0, &batch);
    quorum.replicate(0, 1, 1);
    quorum.campaign(1, 2);
    quorum.vote(2, 1, 2);
    quorum.vote(0, 1, 2);
    quorum.take_over(1, 2);
    assert_eq!(quorum.broke(), None);
    let mut earlier = quorum.checks.clone();
    quorum.show_high_watermark(1, 2, 4, true);
    assert_eq!(quorum.broke(), Some("OwnEpochCommit"));

    // What is committed already, and no more.
    std::mem::swap(&mut quorum.checks, &mut earlier);
    quorum.show_high_watermark(1, 2, 3, true);
    assert_eq!(quorum.broke(), Some("OwnEpochCommit"));
}

#[test]
fn a_follower_takes_another_record_for_committed() {
    let mut quorum = Quorum::at_work();
    let dirty = quorum.data(0, 1, 12);
    quorum.write(0, &dirty);
    quorum.elect(1, 2, &[2]);
    quorum.show_high_watermark(0, 1, 4, false);
    assert_eq!(quorum.broke(), Some("StateMachineSafety"));
}

#[test]
fn committed_records_leave_the_majority() {
    let mut quorum = Quorum::at_work();
    quorum.cut(1, 1, 2);
    assert_eq!(quorum.broke(), None, "two of three still hold it");
    quorum.cut(2, 1, 2);
    assert_eq!(quorum.broke(), Some("CommittedRecordsDurable"));
}

#[test]
fn a_killed_process_finds_its_disk_as_it_was() {
    let path = segment_path(Offset(0));
    let mut quorum = Quorum::at_work();
    quorum.kill(1);
    quorum.boot(1);
    assert_eq!(quorum.broke(), None);
    quorum.kill(1);
    quorum.disks[1].bytes_mut(&path).pop();
    quorum.boot(1);
    assert_eq!(quorum.broke(), Some("GhostMismatch"));
}

#[test]
fn a_disk_comes_back_with_another_batch() {
    let path = segment_path(Offset(0));
    let mut quorum = Quorum::at_work();
    let (mine, other) = (quorum.data(1, 1, 12), quorum.data(1, 1, 13));
    quorum.write(0, &mine);
    quorum.lose_power(1);
    quorum.disks[1].bytes_mut(&path).extend_from_slice(&other.bytes);
    let left = quorum.disks[1].clone();
    quorum.checks.on(Crossing { at_ns: quorum.now, server: 1, event: Event::DiskDamaged { left: &left } });
    assert_eq!(quorum.broke(), None);
    quorum.boot(1);
    assert_eq!(quorum.broke(), Some("LogMatching"));
}

#[test]
fn a_power_loss_leaves_what_is_durable() {
    let path = segment_path(Offset(0));
    let mut quorum = Quorum::at_work();
    let batch = quorum.data(0, 1, 12);
    let mut out = Out::default();
    quorum.logs[0].append_as_leader(&batch, 0, &mut out).expect("it follows on");
    quorum.perform(0, out);
    quorum.lose_power(0);
    quorum.disks[0].bytes_mut(&path).extend_from_slice(&batch.bytes[..40]);
    quorum.boot(0);
    assert_eq!(quorum.broke(), None, "a torn tail of what was written");
    let torn = quorum.checks.coverage().find(|(name, _)| *name == "torn_tail");
    assert_eq!(torn, Some(("torn_tail", 1)));
    quorum.lose_power(0);
    quorum.disks[0].bytes_mut(&path).truncate(100);
    quorum.boot(0);
    assert_eq!(quorum.broke(), Some("GhostMismatch"));
}

#[test]
fn a_node_that_says_what_is_not_is_found_out() {
    let view = |quorum: &Quorum, end: i64| {
        let mut view = NodeView::default();
        view.election(LeaderEpoch(1), NodeId(1), NodeId::NONE, Role::Follower);
        view.log(Offset(0), Offset(end), Some(Offset(3)));
        view.batches(&quorum.logs[1].batches());
        view
    };
    let mut quorum = Quorum::at_work();
    for _ in 0..100 {
        quorum.checks.audit(quorum.now, 1, (true, true), &view(&quorum, 3), &quorum.disks[1]);
    }
    assert_eq!(quorum.broke(), None);
    quorum.checks.audit(quorum.now, 1, (false, true), &view(&quorum, 4), &quorum.disks[1]);
    assert_eq!(quorum.broke(), None, "effects may be pending");
    quorum.checks.audit(quorum.now, 1, (true, true), &view(&quorum, 4), &quorum.disks[1]);
    assert_eq!(quorum.broke(), Some("GhostMismatch"));
}
