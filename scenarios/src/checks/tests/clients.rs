//! Histories, and recovery.

use raft::ids::{LeaderEpoch, Offset};
use raft::io::Observation;

use super::quorum::Quorum;
use crate::actor::AttemptEvent;
use crate::checks::loss::excuses::Excuse;
use crate::checks::loss::quorum::{ForgottenEpochs, QuorumFact};
use crate::report::Linearizability;

/// What a client did in a good run, with what it received.
const GOOD: &[AttemptEvent] = &[
    AttemptEvent::AppendInvoked { attempt: 101, first_value: 50, count: 1 },
    AttemptEvent::AppendOk { attempt: 101, base_offset: 3 },
    AttemptEvent::AppendInvoked { attempt: 102, first_value: 51, count: 1 },
    AttemptEvent::AppendOk { attempt: 102, base_offset: 4 },
    AttemptEvent::ReadInvoked { attempt: 103, from: 3, at_most: 100 },
    AttemptEvent::ReadRecord { attempt: 103, offset: 3, value: 50 },
    AttemptEvent::ReadRecord { attempt: 103, offset: 4, value: 51 },
    AttemptEvent::ReadOk { attempt: 103, applied_end: 5 },
];

/// Values 50 and 51 are committed at 3 and 4 as their appends are sent; then they are acknowledged.
fn play(events: &[AttemptEvent]) -> Quorum {
    let mut quorum = Quorum::at_work();
    for event in events {
        quorum.tell(1, *event);
        if let AttemptEvent::AppendInvoked { first_value, .. } = event {
            commit(&mut quorum, *first_value);
        }
    }
    quorum.checks.finish(quorum.now);
    quorum
}

fn commit(quorum: &mut Quorum, value: u64) {
    let batch = quorum.data(0, 1, value);
    quorum.write(0, &batch);
    quorum.replicate(0, 1, 1);
    quorum.move_high_watermark(0, 1);
}

#[test]
fn a_good_history_with_two_answers_swapped_is_rejected() {
    let good = play(GOOD);
    assert_eq!(good.checks.violation(), None);
    assert_eq!(good.checks.linearizability(), Linearizability::Holds);
    assert_eq!((good.checks.appends().ok, good.checks.reads().ok), (4, 2));

    let mut swapped = GOOD.to_vec();
    swapped[1] = AttemptEvent::AppendOk { attempt: 101, base_offset: 4 };
    swapped[3] = AttemptEvent::AppendOk { attempt: 102, base_offset: 3 };
    let swapped = play(&swapped);
    assert_eq!(swapped.broke(), Some("LinearizableAppends"));
    assert_eq!(swapped.checks.linearizability(), Linearizability::Violated);

    let mut swapped = GOOD.to_vec();
    swapped.swap(5, 6);
    assert_eq!(play(&swapped).broke(), Some("CommittedReads"));
}

#[test]
fn acknowledged_order_is_real_time_order() {
    // The append sent later stands first: its values were in the log before they were sent.
    let mut quorum = Quorum::at_work();
    commit(&mut quorum, 61);
    quorum.tell(1, AttemptEvent::AppendInvoked { attempt: 1, first_value: 60, count: 1 });
    commit(&mut quorum, 60);
    quorum.tell(1, AttemptEvent::AppendOk { attempt: 1, base_offset: 4 });
    quorum.tell(1, AttemptEvent::AppendInvoked { attempt: 2, first_value: 61, count: 1 });
    let mut unanswered = quorum.checks.clone();
    quorum.tell(1, AttemptEvent::AppendOk { attempt: 2, base_offset: 3 });
    assert_eq!(quorum.broke(), Some("LinearizableAppends"));
    std::mem::swap(&mut quorum.checks, &mut unanswered);
    quorum.checks.finish(quorum.now);
    assert_eq!(quorum.broke(), Some("LinearizableAppends"));
}

#[test]
fn an_acknowledgement_needs_a_commit() {
    let mut quorum = Quorum::at_work();
    quorum.tell(1, AttemptEvent::AppendInvoked { attempt: 1, first_value: 60, count: 1 });
    let batch = quorum.data(0, 1, 60);
    quorum.write(0, &batch);
    quorum.tell(1, AttemptEvent::AppendOk { attempt: 1, base_offset: 3 });
    assert_eq!(quorum.broke(), Some("LinearizableAppends"));
}

#[test]
fn a_value_is_committed_twice() {
    let mut quorum = Quorum::at_work();
    commit(&mut quorum, 10);
    assert_eq!(quorum.broke(), Some("DuplicateRecord"));
}

#[test]
fn a_value_that_nobody_sent_is_committed() {
    let mut quorum = Quorum::at_work();
    commit(&mut quorum, 61);
    assert_eq!(quorum.broke(), None, "who sent it may be heard of later");
    quorum.checks.finish(quorum.now);
    assert_eq!(quorum.broke(), Some("CommittedReads"));
}

#[test]
fn a_refused_append_is_committed() {
    let refuse = |before: bool| {
        let mut quorum = Quorum::at_work();
        quorum.tell(1, AttemptEvent::AppendInvoked { attempt: 1, first_value: 60, count: 1 });
        if before {
            quorum.tell(1, AttemptEvent::AppendFailed { attempt: 1 });
        }
        commit(&mut quorum, 60);
        if !before {
            quorum.tell(1, AttemptEvent::AppendFailed { attempt: 1 });
        }
        quorum
    };
    assert_eq!(refuse(true).broke(), Some("FailedAppendCommitted"));
    assert_eq!(refuse(false).broke(), Some("FailedAppendCommitted"));
}

#[test]
fn indeterminate_appends_may_commit_or_not() {
    let mut quorum = Quorum::at_work();
    for (attempt, first_value) in [(1, 60), (2, 61)] {
        quorum.tell(1, AttemptEvent::AppendInvoked { attempt, first_value, count: 1 });
        quorum.tell(1, AttemptEvent::AppendUnknown { attempt });
    }
    commit(&mut quorum, 61);
    quorum.checks.finish(quorum.now);
    assert_eq!(quorum.checks.violation(), None);
    assert_eq!(quorum.checks.appends().unknown, 2);
}

#[test]
fn a_read_shows_what_is_not_committed_or_hides_what_is() {
    let mut quorum = Quorum::at_work();
    quorum.read(1, 0, &[(1, 10), (2, 99)], 3);
    assert_eq!(quorum.broke(), Some("CommittedReads"));

    let mut quorum = Quorum::at_work();
    quorum.read(1, 0, &[(2, 11)], 3);
    assert_eq!(quorum.broke(), Some("CommittedReads"));

    let mut quorum = Quorum::at_work();
    quorum.read(1, 0, &[], 3);
    assert_eq!(quorum.broke(), Some("CommittedReads"));

    let mut quorum = Quorum::at_work();
    quorum.read(1, 0, &[(1, 10)], 3);
    assert_eq!(quorum.broke(), Some("CommittedReads"), "it says that it has applied the next one");

    let mut quorum = Quorum::at_work();
    quorum.read(1, 0, &[(1, 10), (2, 11)], 9);
    assert_eq!(quorum.broke(), Some("CommittedReads"), "it has applied more than is committed");

    let mut quorum = Quorum::at_work();
    quorum.read(2, 0, &[(1, 10)], 2);
    assert_eq!(quorum.broke(), None, "a stale read is legal");
}

#[test]
fn what_a_server_shows_goes_back() {
    let mut quorum = Quorum::at_work();
    quorum.answer_read(1, 9, 2);
    assert_eq!(quorum.broke(), Some("MonotonicReads"));

    let mut quorum = Quorum::at_work();
    quorum.kill(1);
    quorum.boot(1);
    quorum.answer_read(1, 9, 2);
    assert_eq!(quorum.broke(), None, "another life applies anew");
}

#[test]
fn an_acknowledged_value_leaves_the_disks() {
    let mut quorum = Quorum::at_work();
    quorum.cut(1, 1, 2);
    // Behind the checks' back on server 2, too: only the end can tell.
    quorum.checks.models.servers[2].log.spoil(2);
    quorum.checks.finish(quorum.now);
    assert_eq!(quorum.broke(), Some("AckedValueNotLost"));
}

#[test]
fn recovery_is_end_to_end() {
    let mut quorum = Quorum::at_work();
    quorum.checks.healed(quorum.now);
    assert!(!quorum.checks.recovered());
    quorum.append_and_commit(0, 1, 12);
    for server in [1, 2] {
        quorum.show_high_watermark(server, 1, 4, false);
        quorum.read(server, 3, &[(3, 12)], 4);
    }
    assert!(!quorum.checks.recovered(), "server 0 has not shown it");
    let mut late = quorum.checks.clone();
    late.recovery_overdue(quorum.now);
    let detail = &late.violation().expect("it is late").detail;
    assert!(detail.ends_with("a fresh append read back (see node 1)"), "{detail}");
    quorum.read(0, 3, &[(3, 12)], 4);
    assert!(!quorum.checks.recovered(), "the first two were read before the faults ended");
    let mut late = quorum.checks.clone();
    late.recovery_overdue(quorum.now);
    let detail = &late.violation().expect("it is late").detail;
    assert!(detail.ends_with("every committed record read back, the metadata log from offset 1 on"), "{detail}");
    quorum.read(0, 0, &[(1, 10), (2, 11), (3, 12)], 4);
    assert!(quorum.checks.recovered());
    quorum.checks.recovery_overdue(quorum.now);
    assert_eq!(quorum.checks.violation(), None);

    quorum.persist(2, 2, None, None);
    quorum.role(2, raft::io::Role::Prospective, 2, None);
    assert!(!quorum.checks.recovered());
}

#[test]
fn a_state_machine_is_given_what_is_not_committed() {
    let mut quorum = Quorum::at_work();
    quorum.say(1, Observation::Applied { end: Offset(3) });
    assert_eq!(quorum.broke(), None);
    let batch = quorum.data(0, 1, 12);
    quorum.write(0, &batch);
    quorum.say(0, Observation::Applied { end: Offset(4) });
    assert_eq!(quorum.broke(), Some("StateMachineSafety"));
}

#[test]
fn who_reads_altered_epochs_may_hold_up_recovery() {
    let mut quorum = Quorum::at_work();
    quorum.checks.healed(quorum.now);
    let overdue = |facts: &[QuorumFact]| {
        let mut late = quorum.checks.clone();
        late.models.committed.facts.extend_from_slice(facts);
        late.recovery_overdue(quorum.now);
        (late.violation().is_some(), late.verdict.ended_by())
    };
    let misled = |server, is_misled| QuorumFact::Misled { server, is_misled };
    assert_eq!(overdue(&[misled(0, true)]), (false, Some(Excuse::EpochsAltered)));
    assert_eq!(overdue(&[misled(1, true)]), (true, None), "it follows");
    assert_eq!(overdue(&[misled(0, true), misled(0, false)]), (true, None), "it has a new disk");
    // Server 2 is in epoch 2, of which the quorum does not know.
    quorum.persist(2, 2, None, None);
    let epochs = ForgottenEpochs { first: LeaderEpoch(2), last: LeaderEpoch(2), by_same_voter: true };
    let raised = QuorumFact::Destroyed { server: 2, directory_id: None, voter: false, epochs: Some(epochs), log: None };
    let excuse = |fact: Option<&QuorumFact>, voter, missing: &[usize]| {
        let mut models = quorum.checks.models.clone();
        models.servers[2].voter = voter;
        models.committed.facts.extend(fact.cloned());
        models.quorum_losses().may_not_recover(missing, LeaderEpoch(1), &models.servers)
    };
    for fact in [&raised, &misled(2, true)] {
        assert_eq!(excuse(Some(fact), false, &[2]), Some(Excuse::EpochAheadOfQuorum));
        assert_eq!(excuse(Some(fact), true, &[2]), None, "a voter campaigns in a later one");
        assert_eq!(excuse(Some(fact), false, &[1, 2]), None, "another one is missing, too");
        assert_eq!(excuse(Some(fact), false, &[]), None, "what is missing is not about it");
    }
    assert_eq!(excuse(None, false, &[2]), None, "no fault explains it");
}
