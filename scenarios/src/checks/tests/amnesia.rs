//! What destroyed disks excuse, and what they do not.

use crate::checks::prelude::*;
use raft::fixes::{Fix, Fixes};
use raft::ids::Offset;
use raft::io::{FatalFault, Observation, Out, Role};

use super::quorum::Quorum;
use super::test_disk::TestDisk;
use crate::actor::AttemptEvent;
use crate::checks::audit::NodeView;

pub(super) fn excused(quorum: &Quorum, name: &str) -> u64 {
    quorum.checks.excused().find(|(other, _)| other.name() == name).map_or(0, |(_, count)| count)
}

/// Value 10 is committed on servers 0 and 1 only.
fn committed_on_two() -> Quorum {
    let mut quorum = Quorum::of(3);
    quorum.elect(0, 1, &[1, 2]);
    let batch = quorum.data(0, 1, 10);
    quorum.write(0, &batch);
    quorum.replicate(0, 1, 1);
    quorum.move_high_watermark(0, 1);
    quorum
}

#[test]
fn a_destroyed_majority_excuses_a_leader_without_the_record() {
    let mut quorum = committed_on_two();
    quorum.replace_disk(1);
    assert_eq!(excused(&quorum, "promise_cut_by_destroyed_disk"), 1);
    quorum.boot(1);
    quorum.elect(2, 2, &[1]);
    assert_eq!(quorum.checks.violation(), None);
    assert_eq!(excused(&quorum, "committed_record_destroyed"), 1);
}

#[test]
fn a_destroyed_minority_excuses_nothing() {
    let mut quorum = Quorum::at_work();
    quorum.replace_disk(2);
    assert_eq!(excused(&quorum, "promise_cut_by_destroyed_disk"), 0);
    quorum.boot(2);
    quorum.campaign(2, 2);
    quorum.vote(1, 2, 2);
    quorum.take_over(2, 2);
    assert_eq!(quorum.broke(), Some("LeaderCompleteness"));
}

#[test]
fn a_power_loss_excuses_nothing() {
    let mut quorum = committed_on_two();
    quorum.lose_power(1);
    quorum.boot(1);
    quorum.campaign(2, 2);
    quorum.vote(1, 2, 2);
    quorum.take_over(2, 2);
    assert_eq!(quorum.broke(), Some("LeaderCompleteness"));
}

#[test]
fn a_forgotten_vote_given_again_ends_the_run() {
    let mut quorum = Quorum::at_work();
    quorum.campaign(0, 2);
    quorum.campaign(1, 2);
    quorum.vote(2, 0, 2);
    quorum.replace_disk(2);
    quorum.boot(2);
    quorum.vote(2, 1, 2);
    assert_eq!(quorum.checks.violation(), None);
    assert_eq!(quorum.checks.ended_by(), Some("forgotten_vote"));
    assert!(quorum.checks.stop());
}

#[test]
fn a_commit_that_counts_a_voter_with_a_forgotten_vote_is_no_promise() {
    let mut quorum = Quorum::at_work();
    quorum.campaign(2, 2);
    quorum.vote(1, 2, 2);
    quorum.replace_disk(1);
    quorum.boot(1);
    // Back in epoch 1, server 1 refetches everything and acknowledges one more.
    quorum.follow(1, 0, 1);
    let batch = quorum.data(0, 1, 12);
    quorum.write(0, &batch);
    quorum.replicate(0, 1, 1);
    quorum.move_high_watermark(0, 1);
    assert_eq!(excused(&quorum, "commit_counts_amnesiac_voter"), 1);
    // Its forgotten vote makes a leader that lacks the record.
    quorum.take_over(2, 2);
    assert_eq!(quorum.checks.violation(), None);
    assert_eq!(excused(&quorum, "committed_record_destroyed"), 1);
}

#[test]
fn a_high_watermark_may_count_what_was_acknowledged_before_the_disk_was_destroyed() {
    let mut quorum = Quorum::at_work();
    let batch = quorum.data(0, 1, 12);
    quorum.write(0, &batch);
    quorum.replicate(0, 1, 1);
    quorum.replace_disk(1);
    quorum.move_high_watermark(0, 1);
    assert_eq!(quorum.checks.violation(), None);
    assert_eq!(excused(&quorum, "commit_counts_amnesiac_voter"), 1);
}

/// Raft's figure 8 the other way round: records of epoch 2 and the LeaderChange of epoch 4 that
/// committed them; when that one loses its majority, the others on a majority are not safe either.
#[test]
fn a_prefix_on_a_majority_is_safe_only_through_its_committers_own_batch() {
    let mut quorum = Quorum::of(5);
    quorum.campaign(1, 1);
    for voter in [2, 3] {
        quorum.vote(voter, 1, 1);
    }
    quorum.take_over(1, 1);
    quorum.campaign(4, 2);
    for voter in [0, 2, 3] {
        quorum.vote(voter, 4, 2);
    }
    quorum.take_over(4, 2);
    quorum.follow(2, 4, 2);
    quorum.replicate(4, 2, 2);
    // Server 1, with a batch that nobody has, leads epoch 3; server 2 leads epoch 4 and commits.
    quorum.campaign(1, 3);
    for voter in [0, 3] {
        quorum.vote(voter, 1, 3);
    }
    quorum.take_over(1, 3);
    quorum.elect(2, 4, &[0, 3]);
    assert_eq!(quorum.checks.models.committed.promised, 2);
    quorum.replace_disk(3);
    // The batch of epoch 2 is still on servers 0, 2 and 4; that of epoch 4 on 0 and 2 only.
    assert_eq!(quorum.checks.models.committed.promised, 0);
    quorum.boot(3);
    quorum.campaign(1, 5);
    for voter in [3, 4] {
        quorum.vote(voter, 1, 5);
    }
    quorum.take_over(1, 5);
    assert_eq!(quorum.checks.violation(), None);
    assert_eq!(excused(&quorum, "committed_record_destroyed"), 2);
}

/// A bit of a server's durable log flips while its page cache is good. Gives what is left.
fn rot(quorum: &mut Quorum, server: usize) -> TestDisk {
    let mut left = quorum.disks[server].clone();
    let path = raft::log::segment_path(raft::ids::Offset(0));
    *left.bytes_mut(&path).last_mut().expect("it holds batches") ^= 1;
    quorum.checks.on(Crossing { at_ns: quorum.now, server, event: Event::DiskDamaged { left: &left } });
    left
}

#[test]
fn what_is_forced_behind_rotten_bytes_is_forgotten_with_them() {
    let mut quorum = committed_on_two();
    let left = rot(&mut quorum, 1);
    let batch = quorum.data(0, 1, 11);
    quorum.write(0, &batch);
    quorum.replicate(0, 1, 1);
    quorum.lose_power(1);
    quorum.disks[1] = left;
    quorum.boot(1);
    // The acknowledgement was on its way all the time.
    quorum.move_high_watermark(0, 1);
    assert_eq!(quorum.checks.violation(), None);
    assert_eq!(excused(&quorum, "commit_counts_amnesiac_voter"), 1);
}

/// A server loses power, and its `leader-epoch-checkpoint`, "0\n1\n1 0\n" (epoch 1 begins at offset 0), comes back with
/// another epoch.
fn mislead(quorum: &mut Quorum, server: usize) {
    quorum.lose_power(server);
    quorum.disks[server].bytes_mut(raft::log::LEADER_EPOCH_CHECKPOINT)[4] = b'9';
    let event = Event::DiskDamaged { left: &quorum.disks[server] };
    quorum.checks.on(Crossing { at_ns: quorum.now, server, event });
    quorum.boot(server);
}

#[test]
fn what_a_misled_voter_cuts_is_destroyed() {
    let mut quorum = committed_on_two();
    mislead(&mut quorum, 1);
    quorum.cut(1, 1, 0);
    assert_eq!(quorum.broke(), None);
    assert_eq!(excused(&quorum, "promise_cut_by_destroyed_disk"), 1);

    let mut quorum = committed_on_two();
    quorum.lose_power(1);
    quorum.boot(1);
    quorum.cut(1, 1, 0);
    assert_eq!(quorum.broke(), Some("CommittedRecordsDurable"));

    // It may have acknowledged what is committed only later.
    for is_misled in [true, false] {
        let mut quorum = committed_on_two();
        mislead(&mut quorum, if is_misled { 1 } else { 2 });
        let end = quorum.checks.committed_end().0;
        let batch = quorum.data(0, 1, 11);
        quorum.write(0, &batch);
        quorum.replicate(0, 1, 1);
        quorum.cut(1, 1, end);
        quorum.move_high_watermark(0, 1);
        assert_eq!(quorum.broke(), (!is_misled).then_some("MajorityReachedHighWatermark"));
    }
}

#[test]
fn what_a_misled_leader_lets_its_follower_cut_is_destroyed() {
    for is_misled in [true, false] {
        let mut quorum = committed_on_two();
        if is_misled {
            mislead(&mut quorum, 0);
        } else {
            quorum.lose_power(0);
            quorum.boot(0);
        }
        quorum.elect(0, 2, &[1]);
        quorum.cut(1, 1, 0);
        assert_eq!(quorum.broke(), (!is_misled).then_some("CommittedRecordsDurable"));
    }
}

#[test]
fn a_raised_epoch_lets_its_reader_meet_another_leader() {
    for epoch in [7, 9] {
        let mut quorum = Quorum::at_work();
        quorum.lose_power(2);
        let state = quorum.disks[2].bytes_mut(raft::log::QUORUM_STATE);
        let text = String::from_utf8(state.clone()).expect("JSON").replace("\"leaderEpoch\":1", "\"leaderEpoch\":7");
        *state = text.into_bytes();
        let event = Event::DiskDamaged { left: &quorum.disks[2] };
        quorum.checks.on(Crossing { at_ns: quorum.now, server: 2, event });
        quorum.boot(2);
        quorum.role(2, Role::Follower, epoch, Some(0));
        let event = Event::Halted { reason: "of another leader", fault: Some(FatalFault::AnotherLeader) };
        quorum.checks.on(Crossing { at_ns: quorum.now, server: 2, event });
        assert_eq!(quorum.broke(), (epoch > 7).then_some("NoFatalFault"));
    }
}

#[test]
fn a_misled_voter_may_lead_without_what_is_committed() {
    for is_replaced in [false, true] {
        let mut quorum = committed_on_two();
        mislead(&mut quorum, 2);
        if is_replaced {
            quorum.replace_disk(2);
            quorum.boot(2);
        }
        quorum.campaign(2, 2);
        quorum.vote(1, 2, 2);
        quorum.take_over(2, 2);
        assert_eq!(quorum.broke(), is_replaced.then_some("LeaderCompleteness"));
        assert_eq!(excused(&quorum, "committed_record_destroyed"), u64::from(!is_replaced));
    }
}

#[test]
fn a_promise_that_is_renewed_binds_no_leader_elected_before() {
    let mut quorum = Quorum::of(5);
    quorum.elect(0, 1, &[1, 2, 3, 4]);
    let batch = quorum.data(0, 1, 10);
    quorum.write(0, &batch);
    for follower in [1, 2] {
        quorum.replicate(0, follower, 1);
    }
    quorum.move_high_watermark(0, 1);
    quorum.replace_disk(0);
    quorum.boot(0);
    // Server 3, without the record, wins epoch 2 with servers 0 and 4, but is slow to say so.
    quorum.campaign(3, 2);
    for voter in [0, 4] {
        quorum.vote(voter, 3, 2);
    }
    // Server 1, with the record, wins epoch 3 and commits.
    quorum.elect(1, 3, &[0, 2, 4]);
    assert_eq!(quorum.checks.models.committed.promised, 3);
    quorum.take_over(3, 2);
    assert_eq!(quorum.checks.violation(), None);
    quorum.campaign(3, 4);
    quorum.take_over(3, 4);
    assert_eq!(quorum.broke(), Some("LeaderCompleteness"), "it binds those after");
}

#[test]
fn rot_is_not_mended_by_an_fsync() {
    let mut quorum = committed_on_two();
    rot(&mut quorum, 1);
    assert_eq!(excused(&quorum, "promise_cut_by_destroyed_disk"), 1);
    let batch = quorum.data(0, 1, 11);
    quorum.write(0, &batch);
    let records = quorum.missing(0, 1);
    let mut out = Out::default();
    let epoch = raft::ids::LeaderEpoch(1);
    quorum.logs[1].append_as_follower(&records, epoch, 0, &mut out).expect("it follows on");
    quorum.logs[1].flush(&mut out);
    quorum.perform(1, out);
    let model = &quorum.checks.models.servers[1];
    assert_eq!((model.log.count(), model.log.durable()), (3, 1));
}

#[test]
fn a_single_voter_commits_before_its_fsync_unless_it_is_mended() {
    let commit_unforced = |fixes: Fixes| {
        let mut quorum = Quorum::with(1, fixes);
        quorum.elect(0, 1, &[]);
        let batch = quorum.data(0, 1, 10);
        let mut out = Out::default();
        quorum.logs[0].append_as_leader(&batch, 0, &mut out).expect("it follows on");
        quorum.perform(0, out);
        quorum.move_high_watermark(0, 1);
        quorum
    };
    let quorum = commit_unforced(Fixes::NONE.with(Fix::SingleVoterFlushFirst));
    assert_eq!(quorum.broke(), Some("MajorityReachedHighWatermark"));

    let mut quorum = commit_unforced(Fixes::NONE);
    assert_eq!(quorum.broke(), None);
    quorum.lose_power(0);
    assert_eq!(quorum.broke(), None);
    let occasions: [fn(&mut Quorum); 3] = [
        |quorum| quorum.checks.audit(quorum.now, 0, (false, false), &NodeView::default(), &quorum.disks[0]),
        |quorum| quorum.checks.finish(quorum.now),
        |quorum| quorum.boot(0),
    ];
    let lost = quorum.checks.clone();
    for occurs in occasions {
        quorum.checks = lost.clone();
        // An audit of nothing also breaks `GhostMismatch`.
        quorum.checks.verdict = Verdict::new(true);
        occurs(&mut quorum);
        let is_found = quorum.checks.fired().any(|name| name == "CommittedRecordsDurable");
        assert!(is_found, "what D9's exception costs");
    }
}

#[test]
fn a_wiped_leader_that_leads_its_epoch_again_ends_the_run() {
    let mut quorum = Quorum::at_work();
    quorum.replace_disk(0);
    quorum.boot(0);
    quorum.persist(0, 1, None, Some(0));
    quorum.role(0, Role::Candidate, 1, None);
    quorum.persist(0, 1, Some(0), None);
    quorum.role(0, Role::Leader, 1, Some(0));
    assert_eq!(quorum.checks.violation(), None);
    assert_eq!(quorum.checks.ended_by(), Some("forgotten_leadership"));
}

/// Records 1 and 2 are destroyed; the new leader puts its own change and value 20 there.
fn refilled() -> Quorum {
    let mut quorum = Quorum::of(3);
    quorum.elect(0, 1, &[1, 2]);
    for value in [10, 11] {
        let batch = quorum.data(0, 1, value);
        quorum.write(0, &batch);
        quorum.replicate(0, 1, 1);
        quorum.move_high_watermark(0, 1);
    }
    quorum.replace_disk(1);
    quorum.boot(1);
    quorum.elect(2, 2, &[1]);
    let batch = quorum.data(2, 2, 20);
    quorum.write(2, &batch);
    quorum.replicate(2, 1, 2);
    quorum.move_high_watermark(2, 2);
    assert_eq!(quorum.checks.violation(), None);
    quorum
}

#[test]
fn a_destroyed_record_excuses_those_who_hold_it_and_nothing_else() {
    // The leader before still shows them, and has applied them.
    let mut quorum = refilled();
    quorum.read(0, 0, &[(1, 10), (2, 11)], 3);
    quorum.say(0, Observation::Applied { end: Offset(3) });
    quorum.read(1, 0, &[(2, 20)], 3);
    assert_eq!(quorum.checks.violation(), None);
    assert_eq!(excused(&quorum, "read_of_destroyed_record"), 4);

    let broke = |read: &[(i64, u64)], server: usize| {
        let mut quorum = refilled();
        quorum.read(server, 0, read, 3);
        quorum.broke().map(str::to_owned)
    };
    assert_eq!(broke(&[(2, 999)], 1).as_deref(), Some("CommittedReads"), "nobody sent it");
    assert_eq!(broke(&[(2, 999)], 0).as_deref(), Some("CommittedReads"), "not even there");
    assert_eq!(broke(&[], 1).as_deref(), Some("CommittedReads"), "what was committed anew is hidden");
    assert_eq!(broke(&[(2, 11)], 1).as_deref(), Some("CommittedReads"), "it never held that");

    let mut quorum = refilled();
    let attempt = quorum.next_attempt();
    quorum.tell(0, AttemptEvent::AppendInvoked { attempt, first_value: 77, count: 1 });
    quorum.tell(0, AttemptEvent::AppendOk { attempt, base_offset: 2 });
    assert_eq!(quorum.broke(), Some("LinearizableAppends"), "another record is there");

    let mut quorum = refilled();
    let batch = quorum.data(2, 2, 21);
    quorum.write(2, &batch);
    quorum.say(2, Observation::Applied { end: Offset(4) });
    assert_eq!(quorum.broke(), Some("StateMachineSafety"));
}

#[test]
fn a_fatal_fault_is_excused_by_what_its_server_has_forgotten_only() {
    let halted_with = |server: usize, fault: FatalFault, has_small_segments: bool| {
        let mut quorum = refilled();
        quorum.checks.models.servers[server].has_small_segments = has_small_segments;
        let event = Event::Halted { reason: "as it says", fault: Some(fault) };
        quorum.checks.on(Crossing { at_ns: quorum.now + 1, server, event });
        quorum.broke().map(str::to_owned)
    };
    let halted = |server, fault| halted_with(server, fault, true);
    assert_eq!(halted(1, FatalFault::Other).as_deref(), Some("NoFatalFault"));
    assert_eq!(halted(1, FatalFault::AnotherLeader).as_deref(), Some("NoFatalFault"), "it knows that epoch again");
    assert_eq!(halted(0, FatalFault::TruncationBelowHighWatermark), None);
    assert_eq!(halted(2, FatalFault::TruncationBelowHighWatermark).as_deref(), Some("NoFatalFault"));
    let too_large = FatalFault::BatchLargerThanSegment;
    assert_eq!(halted(1, too_large), None, "its segments are smaller than Kafka's smallest");
    assert_eq!(halted_with(1, too_large, false).as_deref(), Some("NoFatalFault"));
}

/// Server 0 commits by what server 1 holds, or has forgotten: a newer leader that lacks it may ask for less than that.
#[test]
fn a_fatal_fault_is_excused_by_a_commit_that_counts_who_has_forgotten() {
    for is_forgotten in [true, false] {
        let mut quorum = Quorum::of(3);
        quorum.elect(0, 1, &[1, 2]);
        let batch = quorum.data(0, 1, 10);
        quorum.write(0, &batch);
        quorum.replicate(0, 1, 1);
        if is_forgotten {
            quorum.replace_disk(1);
            quorum.boot(1);
        }
        quorum.move_high_watermark(0, 1);
        assert_eq!(quorum.broke(), None);
        let event = Event::Halted { reason: "as it says", fault: Some(FatalFault::TruncationBelowHighWatermark) };
        quorum.checks.on(Crossing { at_ns: quorum.now + 1, server: 0, event });
        assert_eq!(quorum.broke(), (!is_forgotten).then_some("NoFatalFault"));
    }
}

#[test]
fn an_older_leader_may_still_commit_what_a_newer_one_never_had() {
    let mut quorum = committed_on_two();
    quorum.replace_disk(1);
    quorum.boot(1);
    quorum.elect(2, 2, &[1]);
    let batch = quorum.data(0, 1, 12);
    let attempt = quorum.next_attempt();
    quorum.tell(0, AttemptEvent::AppendInvoked { attempt, first_value: 12, count: 1 });
    quorum.write(0, &batch);
    quorum.take_fetch_at(0, 1, 1, batch.next_offset());
    quorum.move_high_watermark(0, 1);
    quorum.tell(0, AttemptEvent::AppendOk { attempt, base_offset: batch.base_offset.0 });
    quorum.read(0, 2, &[(2, 12)], 3);
    assert_eq!(quorum.checks.violation(), None);
    assert_eq!(excused(&quorum, "committed_record_destroyed"), 3);
    // What it acknowledges precedes nothing in the committed log.
    let attempt = quorum.next_attempt();
    quorum.tell(0, AttemptEvent::AppendInvoked { attempt, first_value: 20, count: 1 });
    let committed = quorum.data(2, 2, 20);
    quorum.write(2, &committed);
    quorum.replicate(2, 1, 2);
    quorum.move_high_watermark(2, 2);
    quorum.tell(0, AttemptEvent::AppendOk { attempt, base_offset: committed.base_offset.0 });
    assert!(quorum.broke().is_none() && committed.base_offset <= batch.base_offset);
    quorum.read(0, 3, &[(3, 13)], 4);
    assert_eq!(quorum.broke(), Some("CommittedReads"));
}

/// Two leaders commit different records at one offset.
#[test]
fn a_conflicting_commit_is_excused_by_a_forgotten_acknowledgement_only() {
    let conflict = |acknowledged: bool| {
        let mut quorum = Quorum::of(3);
        quorum.elect(0, 1, &[1, 2]);
        let batch = quorum.data(0, 1, 10);
        quorum.write(0, &batch);
        if acknowledged {
            quorum.replicate(0, 1, 1);
        }
        quorum.replace_disk(1);
        quorum.boot(1);
        quorum.elect(2, 2, &[1]);
        assert_eq!((quorum.broke(), quorum.checks.ended_by()), (None, None));
        quorum.move_high_watermark(0, 1);
        quorum
    };
    let quorum = conflict(true);
    assert_eq!((quorum.broke(), quorum.checks.ended_by()), (None, Some("commit_counts_amnesiac_voter")));
    let quorum = conflict(false);
    assert_eq!((quorum.broke(), quorum.checks.ended_by()), (Some("SingleActiveController"), None));
}

/// Server 1 has acknowledged a record of epoch 1 and cuts it for the leader of epoch 2; server 4 has voted for that one.
#[test]
fn a_conflicting_commit_is_excused_by_a_forgotten_epoch_only() {
    for is_forgotten in [true, false] {
        let mut quorum = Quorum::of(5);
        quorum.elect(0, 1, &[1, 2, 3, 4]);
        let end = quorum.checks.committed_end().0;
        let batch = quorum.data(0, 1, 10);
        quorum.write(0, &batch);
        quorum.replicate(0, 1, 1);
        quorum.elect(2, 2, &[3, 4]);
        quorum.follow(1, 2, 2);
        quorum.cut(1, 1, end);
        if is_forgotten {
            quorum.replace_disk(4);
            quorum.boot(4);
            quorum.follow(4, 0, 1);
            quorum.replicate(0, 4, 1);
        }
        assert_eq!((quorum.broke(), quorum.checks.ended_by()), (None, None));
        let before = quorum.checks.clone();
        quorum.checks.verdict = Verdict::new(false).beyond_tolerance();
        quorum.move_high_watermark(0, 1);
        assert_eq!(quorum.broke(), None, "each process does its part");
        quorum.checks = before;
        quorum.move_high_watermark(0, 1);
        let ended = is_forgotten.then_some("commit_counts_amnesiac_voter");
        assert_eq!(quorum.checks.ended_by(), ended);
        assert_eq!(quorum.broke(), (!is_forgotten).then_some("SingleActiveController"));
    }
}

/// The same, but the older leader commits first: nothing promises that, and the newer one ends it.
#[test]
fn what_an_older_leader_commits_by_a_forgotten_epoch_ends_with_the_newer_one() {
    let mut quorum = Quorum::of(5);
    quorum.elect(0, 1, &[1, 2, 3, 4]);
    let end = quorum.checks.committed_end().0;
    let batch = quorum.data(0, 1, 10);
    quorum.write(0, &batch);
    quorum.replicate(0, 1, 1);
    quorum.campaign(2, 2);
    quorum.vote(3, 2, 2);
    quorum.vote(4, 2, 2);
    quorum.take_over(2, 2);
    quorum.replace_disk(4);
    quorum.boot(4);
    quorum.follow(4, 0, 1);
    quorum.replicate(0, 4, 1);
    quorum.move_high_watermark(0, 1);
    assert_eq!((quorum.broke(), excused(&quorum, "commit_counts_amnesiac_voter")), (None, 1));
    quorum.follow(3, 2, 2);
    quorum.replicate(2, 3, 2);
    quorum.follow(1, 2, 2);
    quorum.cut(1, 1, end);
    quorum.replicate(2, 1, 2);
    quorum.move_high_watermark(2, 2);
    assert_eq!((quorum.broke(), excused(&quorum, "committed_record_destroyed")), (None, 1));
    assert_eq!(quorum.checks.committed_end().0, end + 1, "its LeaderChange");
}
