//! A server whose disk is replaced comes back as another replica: voters are told apart by their directory ids (KIP-853).

use raft::ids::{Offset, Uuid};
use raft::io::{Observation, Probe, ThreadName};
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

/// A process that cannot read `meta.properties` ends itself; its disk is still that of the voter.
#[test]
fn a_disk_without_a_readable_directory_id_keeps_what_it_has() {
    let mut quorum = Quorum::with_directory_ids();
    let batch = quorum.data(0, 1, 12);
    quorum.write(0, &batch);
    quorum.replicate(0, 1, 1);
    quorum.move_high_watermark(0, 1);
    quorum.lose_power(1);
    quorum.disks[1].bytes_mut(META_PROPERTIES).clear();
    quorum.checks.on(Crossing { at_ns: quorum.now, server: 1, event: Event::DiskDamaged { left: &quorum.disks[1] } });
    let event = Event::Booted { incarnation: 1, disk: &quorum.disks[1] };
    quorum.checks.on(Crossing { at_ns: quorum.now, server: 1, event });
    assert_eq!(quorum.broke(), None);
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

/// With fetch timeouts of 2 s.
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
    waits(&mut quorum, 2_000);
    assert_eq!(quorum.broke(), None);
    quorum.take_fetch(0, 1, 1);
    waits(&mut quorum, 2_000);
    assert_eq!(quorum.broke(), Some("LeaderWithoutMajorityResigns"));

    for (fetches, broken) in [(true, Some("LeaderWithMajorityStays")), (false, None)] {
        let mut quorum = with_a_replaced_disk(fetches);
        quorum.take_fetch(0, 1, 1);
        quorum.now += 1_000_000_000;
        quorum.say(0, Observation::Probe(Probe::CheckQuorumResigned));
        assert_eq!(quorum.broke(), broken);
    }
}
