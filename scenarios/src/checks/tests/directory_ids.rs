//! A server whose disk is replaced is another replica afterwards: voters are identified by their directory ids (KIP-853).

use raft::ids::{Offset, Uuid};
use raft::io::{FatalFault, Observation, Probe, Role, ThreadName};
use raft::log::META_PROPERTIES;

use super::amnesia::excused;
use super::quorum::Quorum;
use crate::checks::prelude::*;

/// Server 2 is a voter of its leader's log only, and the high watermark counts it.
#[test]
fn a_disk_counts_before_its_voter_is_committed() {
    let mut quorum = Quorum::at_work();
    quorum.change_voters(0, 1, &[0, 1]);
    quorum.replicate(0, 1, 1);
    quorum.move_high_watermark(0, 1);
    let batch = quorum.data(0, 1, 12);
    quorum.write(0, &batch);
    let Offset(end) = quorum.logs[0].end_offset();
    quorum.change_voters(0, 1, &[0, 1, 2]);
    quorum.replicate(0, 2, 1);
    quorum.show_high_watermark(0, 1, end, true);
    assert_eq!(excused(&quorum, "promise_cut_by_destroyed_disk"), 0);
    quorum.replace_disk(2);
    assert_eq!(excused(&quorum, "promise_cut_by_destroyed_disk"), 1);
    quorum.boot(2);
    assert_eq!(quorum.broke(), None);
}

/// Voters with directory ids: server 1 acknowledges a record or not, gets an empty disk, and starts as another replica before
/// the leader moves its high watermark.
#[test]
fn a_voter_of_a_former_disk_counts_with_what_that_had() {
    for (has_acknowledged, holds_again, broken) in
        [(true, false, None), (true, true, None), (false, true, Some("MajorityReachedHighWatermark"))]
    {
        let mut quorum = Quorum::with_directory_ids();
        let batch = quorum.data(0, 1, 12);
        quorum.write(0, &batch);
        if has_acknowledged {
            quorum.replicate(0, 1, 1);
        } else {
            quorum.take_fetch_at(0, 1, 1, quorum.logs[0].end_offset());
        }
        quorum.replace_disk(1);
        quorum.boot(1);
        quorum.format(1, Uuid([9; 16]));
        if holds_again {
            quorum.follow(1, 0, 1);
            quorum.replicate(0, 1, 1);
        }
        quorum.move_high_watermark(0, 1);
        assert_eq!(quorum.broke(), broken);
        assert_eq!(excused(&quorum, "commit_counts_amnesiac_voter"), u64::from(has_acknowledged));
    }
}

/// Server 2, an observer, has fetched a record or not, and gets an empty disk. Then the leader adds its former replica, which does
/// not exist any more, as a voter, and counts what that had fetched.
#[test]
fn a_voter_that_was_lost_before_it_was_added_counts_with_what_it_had() {
    for (has_fetched, broken) in [(true, None), (false, Some("MajorityReachedHighWatermark"))] {
        let mut quorum = Quorum::with_directory_ids();
        quorum.change_voters(0, 1, &[0, 1]);
        quorum.replicate(0, 1, 1);
        quorum.move_high_watermark(0, 1);
        let batch = quorum.data(0, 1, 12);
        quorum.write(0, &batch);
        if has_fetched {
            quorum.replicate(0, 2, 1);
        } else {
            quorum.take_fetch_at(0, 2, 1, quorum.logs[0].end_offset());
        }
        let Offset(end) = quorum.logs[0].end_offset();
        quorum.replace_disk(2);
        quorum.change_voters(0, 1, &[0, 1, 2]);
        quorum.boot(2);
        quorum.format(2, Uuid([9; 16]));
        quorum.show_high_watermark(0, 1, end, true);
        assert_eq!(quorum.broke(), broken);
        assert_eq!(excused(&quorum, "commit_counts_amnesiac_voter"), u64::from(has_fetched));
    }
}

/// The leader removes itself. A record that all three hold is committed, a disk is replaced, and the removal is committed with what
/// that disk had acknowledged: of the two voters that are left, one holds the record.
#[test]
fn a_promise_is_cut_when_a_voter_set_is_committed_that_rests_on_a_former_disk() {
    let mut quorum = Quorum::with_directory_ids();
    let batch = quorum.data(0, 1, 12);
    quorum.write(0, &batch);
    let Offset(end) = quorum.logs[0].end_offset();
    for follower in [1, 2] {
        quorum.replicate(0, follower, 1);
    }
    quorum.change_voters(0, 1, &[1, 2]);
    for follower in [1, 2] {
        quorum.replicate(0, follower, 1);
    }
    quorum.show_high_watermark(0, 1, end, true);
    quorum.replace_disk(2);
    quorum.checks.promise_stands();
    assert_eq!(excused(&quorum, "promise_cut_by_destroyed_disk"), 0, "two of the three committed voters hold it");
    quorum.move_high_watermark(0, 1);
    assert_eq!(quorum.broke(), None);
    quorum.checks.promise_stands();
    assert_eq!(quorum.broke(), None);
    assert_eq!(excused(&quorum, "commit_counts_amnesiac_voter"), 1);
}

/// Three voters with directory ids, of which servers 0 and 1 hold the last committed record.
fn with_a_record_on_two() -> Quorum {
    let mut quorum = Quorum::with_directory_ids();
    let batch = quorum.data(0, 1, 12);
    quorum.write(0, &batch);
    quorum.replicate(0, 1, 1);
    quorum.move_high_watermark(0, 1);
    quorum
}

/// A fault has altered what is on the disk of a server.
fn damaged(quorum: &mut Quorum, server: usize) {
    let event = Event::DiskDamaged { left: &quorum.disks[server] };
    quorum.checks.on(Crossing { at_ns: quorum.now, server, event });
}

/// A process that cannot read `meta.properties` ends itself; its disk is still that of the voter.
#[test]
fn a_disk_without_a_readable_directory_id_keeps_what_it_has() {
    let mut quorum = with_a_record_on_two();
    quorum.lose_power(1);
    quorum.disks[1].bytes_mut(META_PROPERTIES).clear();
    damaged(&mut quorum, 1);
    let event = Event::Booted { incarnation: 1, disk: &quorum.disks[1] };
    quorum.checks.on(Crossing { at_ns: quorum.now, server: 1, event });
    assert_eq!(quorum.broke(), None);
}

/// A bit flips in the directory id of a voter that holds what is committed.
#[test]
fn a_disk_with_another_directory_id_is_another_replica() {
    let mut quorum = with_a_record_on_two();
    quorum.lose_power(1);
    assert_eq!(excused(&quorum, "promise_cut_by_destroyed_disk"), 0);
    let properties = quorum.disks[1].bytes_mut(META_PROPERTIES);
    let text = String::from_utf8(properties.clone()).expect("lines");
    *properties = text.replace(&Uuid([2; 16]).to_string(), &Uuid([9; 16]).to_string()).into_bytes();
    damaged(&mut quorum, 1);
    quorum.boot(1);
    assert_eq!(quorum.broke(), None);
    assert_eq!(excused(&quorum, "promise_cut_by_destroyed_disk"), 1);
}

/// The same without a fault: the server itself writes another directory id.
#[test]
fn a_voter_keeps_its_directory_id() {
    let mut quorum = with_a_record_on_two();
    quorum.format(1, Uuid([9; 16]));
    quorum.checks.promise_stands();
    assert_eq!(quorum.broke(), Some("CommittedRecordsDurable"));
}

/// It cannot vote, so nothing that the former one forgot explains a second leader of its epoch.
#[test]
fn an_epoch_of_a_replaced_disk_has_one_leader() {
    for (mut quorum, broken) in
        [(Quorum::at_work(), None), (Quorum::with_directory_ids(), Some("NeverTwoLeadersInSameEpoch"))]
    {
        quorum.replace_disk(1);
        quorum.boot(1);
        quorum.role(2, Role::Leader, 1, Some(2));
        assert_eq!(quorum.broke(), broken);
        assert_eq!(quorum.checks.ended_by(), broken.is_none().then_some("forgotten_leadership"));
    }
}

/// Its followers name it leader of an epoch of which it knows nothing, and it ends itself: as the same voter it may, and
/// another replica under its id was not the leader (`Fix::IgnoreLeaderOfFormerDirectory`).
#[test]
fn a_replaced_leader_is_named_to_itself() {
    for (mut quorum, broken) in [(Quorum::at_work(), None), (Quorum::with_directory_ids(), Some("NoFatalFault"))] {
        quorum.replace_disk(0);
        quorum.boot(0);
        let event = Event::Halted { reason: "of another leader", fault: Some(FatalFault::AnotherLeader) };
        quorum.checks.on(Crossing { at_ns: quorum.now, server: 0, event });
        assert_eq!(quorum.broke(), broken);
    }
}

#[test]
fn a_vote_for_one_replica_is_none_for_another_under_its_id() {
    let mut quorum = Quorum::with_directory_ids();
    // `PersistBeforePromise:D3` breaks first.
    quorum.checks.verdict = Verdict::new(true);
    quorum.campaign(0, 2);
    quorum.persist_vote(2, 2, quorum.checks.models.servers[0].key());
    quorum.role(2, Role::Unattached, 2, None);
    quorum.take_vote_request(2, 0, 2);
    quorum.grant(2, 2);
    let is_found = |quorum: &Quorum| quorum.checks.fired().any(|name| name == "ValidVotes");
    assert!(!is_found(&quorum), "the same vote again");
    quorum.replace_disk(0);
    quorum.boot(0);
    quorum.format(0, Uuid([9; 16]));
    quorum.take_vote_request(2, 0, 2);
    quorum.grant(2, 2);
    assert!(is_found(&quorum));
}

/// Server 2 votes, and comes back with an empty disk.
#[test]
fn a_replaced_disk_has_votes_of_its_own() {
    let mut quorum = Quorum::with_directory_ids();
    quorum.campaign(0, 2);
    quorum.campaign(1, 2);
    quorum.vote(2, 0, 2);
    quorum.replace_disk(2);
    quorum.boot(2);
    quorum.format(2, Uuid([9; 16]));
    quorum.vote(2, 1, 2);
    assert_eq!((quorum.broke(), quorum.checks.ended_by()), (None, None));
}

/// Three voters with directory ids; server 0 leads, the others have fetched. After 3 s server 1 fetches again or does not, and
/// comes back with an empty disk, under another directory id.
fn with_a_replaced_disk(fetches: bool) -> Quorum {
    let mut quorum = Quorum::with_directory_ids();
    quorum.now += 3_000_000_000;
    if fetches {
        quorum.take_fetch(0, 1, 1);
    }
    quorum.replace_disk(1);
    quorum.boot(1);
    quorum.format(1, Uuid([9; 16]));
    quorum
}

/// With fetch timeouts of 2 s, in a quorum whose voters may change.
#[test]
fn check_quorum_counts_what_the_voter_fetched_and_not_who_took_its_place() {
    let waits = |quorum: &mut Quorum, ms: u64| {
        quorum.now += ms * 1_000_000;
        for _ in 0..4 {
            let event = Event::Input { thread: ThreadName::RaftIo };
            quorum.checks.on(Crossing { at_ns: quorum.now, server: 0, event });
        }
    };
    let mut quorum = with_a_replaced_disk(true);
    waits(&mut quorum, 5_000);
    assert_eq!(quorum.broke(), None);
    quorum.take_fetch(0, 1, 1);
    waits(&mut quorum, 5_000);
    assert_eq!(quorum.broke(), Some("LeaderWithoutMajorityResigns"));

    for (fetches, broken) in [(true, Some("LeaderWithMajorityStays")), (false, None)] {
        let mut quorum = with_a_replaced_disk(fetches);
        quorum.take_fetch(0, 1, 1);
        quorum.now += 1_000_000_000;
        quorum.say(0, Observation::Probe(Probe::CheckQuorumResigned));
        assert_eq!(quorum.broke(), broken);
    }
}
