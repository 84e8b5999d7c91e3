//! D1 to D9: the same step with its force left out, or put too late.

use crate::checks::prelude::*;
use raft::ids::{LeaderEpoch, Offset, ReplicaKey, Uuid};
use raft::io::{Effect, Out, Role, ThreadName};
use raft::log::{Batch, LEADER_EPOCH_CHECKPOINT, PARTITION_METADATA};

use super::quorum::{Quorum, node};

fn forces(effect: &Effect) -> bool {
    matches!(effect, Effect::Fsync { .. } | Effect::FsyncDirectory)
}

#[test]
fn honest_elections_and_appends_keep_every_promise() {
    let mut quorum = Quorum::at_work();
    quorum.elect(1, 2, &[0, 2]);
    for value in 20..30 {
        quorum.append_and_commit(1, 2, value);
    }
    quorum.checks.on(Crossing { at_ns: quorum.now, server: 1, event: Event::Input { thread: ThreadName::RaftIo } });
    quorum.checks.finish(quorum.now);
    assert_eq!(quorum.checks.violation(), None);
}

#[test]
fn d1_votes_are_requested_before_the_own_vote_is_durable() {
    let mut quorum = Quorum::at_work();
    // Epoch 2 is durable already, through a vote for another, so D2 has nothing to say.
    quorum.persist(1, 2, None, None);
    let out = quorum.election(2, None, Some(1));
    quorum.perform_but(1, out, forces);
    quorum.role(1, Role::Candidate, 2, None);
    quorum.ask_for_vote(1, 2);
    assert_eq!(quorum.broke(), Some("PersistBeforePromise:D1"));
}

#[test]
fn d2_an_epoch_is_sent_before_it_is_durable() {
    let mut quorum = Quorum::at_work();
    let out = quorum.election(2, None, None);
    quorum.perform_but(1, out, |effect| matches!(effect, Effect::FsyncDirectory));
    quorum.fetch(1, 2);
    assert_eq!(quorum.broke(), Some("PersistBeforePromise:D2"));
}

#[test]
fn d3_a_vote_is_granted_before_it_is_durable() {
    let mut quorum = Quorum::at_work();
    quorum.campaign(1, 2);
    quorum.take_vote_request(2, 1, 2);
    quorum.persist(2, 2, None, None);
    let out = quorum.election(2, None, Some(1));
    quorum.perform_but(2, out, forces);
    quorum.grant(2, 2);
    assert_eq!(quorum.broke(), Some("PersistBeforePromise:D3"));
}

/// The request has no directory id.
#[test]
fn d3_the_directory_id_of_a_vote_is_durable() {
    for (stored, broken) in [(Some(Uuid::METADATA_TOPIC_ID), Some("PersistBeforePromise:D3")), (None, None)] {
        let mut quorum = Quorum::at_work();
        quorum.campaign(1, 2);
        quorum.take_vote_request(2, 1, 2);
        quorum.persist_vote(2, 2, ReplicaKey { id: node(1), directory_id: stored });
        quorum.grant(2, 2);
        assert_eq!(quorum.broke(), broken);
    }
}

#[test]
fn d4_leadership_is_used_before_it_is_durable() {
    let mut quorum = Quorum::at_work();
    quorum.campaign(1, 2);
    quorum.vote(2, 1, 2);
    let mut out = Out::default();
    quorum.logs[1].assign_epoch_start(LeaderEpoch(2), Offset(3), &mut out);
    quorum.perform(1, out);
    let change = quorum.leader_change(1, 2);
    quorum.write(1, &change);
    assert_eq!(quorum.broke(), Some("PersistBeforePromise:D4"));

    let mut quorum = Quorum::at_work();
    quorum.campaign(1, 2);
    quorum.begin(1, 2);
    assert_eq!(quorum.broke(), Some("PersistBeforePromise:D4"));
}

#[test]
fn d5_a_leader_is_obeyed_before_it_is_durable() {
    let mut quorum = Quorum::at_work();
    quorum.persist(2, 2, None, None);
    quorum.campaign(1, 2);
    quorum.take_over(1, 2);
    quorum.replicate(1, 2, 2);
    assert_eq!(quorum.broke(), Some("PersistBeforePromise:D5"));
}

/// Server 1 takes over; what it requests on the way to its LeaderChange passes through `skip`.
fn take_over_but(quorum: &mut Quorum, skip: impl Fn(&Effect) -> bool + Copy) {
    quorum.campaign(1, 2);
    quorum.persist(1, 2, Some(1), None);
    let change = quorum.leader_change(1, 2);
    let mut out = Out::default();
    quorum.logs[1].append_as_leader(&change, 0, &mut out).expect("it follows on");
    quorum.perform_but(1, out, skip);
}

#[test]
fn d6_a_batch_is_written_before_its_epoch_start_is_durable() {
    let mut quorum = Quorum::at_work();
    take_over_but(&mut quorum, |_| false);
    assert_eq!(quorum.broke(), None);

    let mut quorum = Quorum::at_work();
    take_over_but(&mut quorum, |effect| {
        forces(effect) || matches!(effect, Effect::Rename { to, .. } if **to == *LEADER_EPOCH_CHECKPOINT)
    });
    assert_eq!(quorum.broke(), Some("PersistBeforePromise:D6"));
}

#[test]
fn d7_a_batch_is_written_before_the_topic_id_is_durable() {
    let mut quorum = Quorum::of(3);
    take_over_but(&mut quorum, |effect| matches!(effect, Effect::Rename { to, .. } if **to == *PARTITION_METADATA));
    assert_eq!(quorum.broke(), Some("PersistBeforePromise:D7"));
}

#[test]
fn d8_a_follower_acknowledges_what_is_only_in_its_page_cache() {
    let mut quorum = Quorum::at_work();
    let batch = quorum.data(0, 1, 12);
    quorum.write(0, &batch);
    let records = quorum.missing(0, 1);
    let mut out = Out::default();
    quorum.logs[1].append_as_follower(&records, LeaderEpoch(1), 0, &mut out).expect("it follows on");
    quorum.perform(1, out);
    quorum.fetch(1, 1);
    assert_eq!(quorum.broke(), Some("PersistBeforePromise:D8"));
}

#[test]
fn d9_a_leader_goes_on_before_its_append_is_durable() {
    let mut quorum = Quorum::at_work();
    let batch: std::rc::Rc<Batch> = quorum.data(0, 1, 12);
    let mut out = Out::default();
    quorum.logs[0].append_as_leader(&batch, 0, &mut out).expect("it follows on");
    quorum.perform(0, out);
    // An fsync that failed is reported by an input; the process is about to end.
    let mut failing = quorum.checks.clone();
    failing.on(Crossing { at_ns: quorum.now, server: 0, event: Event::DiskFailed });
    let thread = ThreadName::RaftIo;
    failing.on(Crossing { at_ns: quorum.now, server: 0, event: Event::Input { thread } });
    assert_eq!(failing.violation(), None);
    quorum.checks.on(Crossing {
        at_ns: quorum.now,
        server: 0,
        event: Event::Input { thread: ThreadName::ControllerEventQueue },
    });
    assert_eq!(quorum.broke(), None);
    quorum.checks.on(Crossing { at_ns: quorum.now, server: 0, event: Event::Input { thread: ThreadName::RaftIo } });
    assert_eq!(quorum.broke(), Some("PersistBeforePromise:D9"));
}
