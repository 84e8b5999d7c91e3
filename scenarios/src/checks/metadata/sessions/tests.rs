//! Tests of sessions of brokers.

use super::*;

const BROKER: NodeId = NodeId(101);
const SECOND: u64 = 1_000_000_000;

/// One broker that is heard at its controller's claim and never again, with a session of 8 s: the
/// controller commits a batch each second. What breaks in how many seconds?
fn silent(seconds: u64, mut also: impl FnMut(&mut Sessions, u64), fenced_from: u64) -> Option<u64> {
    let (mut sessions, mut verdict) = (Sessions::of(2, vec![BROKER], 8_000, 100), Verdict::default());
    sessions.claimed(0, 0, LeaderEpoch(1));
    for second in 1..seconds {
        verdict.now_ns = second * SECOND;
        also(&mut sessions, second);
        if sessions.due(verdict.now_ns) == Some(0) {
            let ends = (Offset(second as i64), Offset(second as i64));
            sessions.judge(ends, |_| second < fenced_from, &mut verdict);
        }
        if let Some(violation) = verdict.violation() {
            assert_eq!(violation.invariant, "SilentBrokerFenced");
            return Some(second);
        }
    }
    None
}

#[test]
fn the_silent_are_fenced_when_their_session_is_over() {
    assert_eq!(silent(60, |_, _| {}, u64::MAX), Some(13), "9 s and the slack, then three batches");
    assert_eq!(silent(60, |_, _| {}, 11), None);
    assert_eq!(silent(60, |sessions, now| sessions.heard(now * SECOND, 0, BROKER), u64::MAX), None);
    let heard_by_another = |sessions: &mut Sessions, now| sessions.heard(now * SECOND, 1, BROKER);
    assert_eq!(silent(60, heard_by_another, u64::MAX), Some(13));
}

#[test]
fn a_new_controller_gives_a_session_of_its_own_and_none_active_fences_nobody() {
    let claim = |sessions: &mut Sessions, now| {
        if now == 5 {
            sessions.claimed(5 * SECOND, 0, LeaderEpoch(2));
        }
    };
    assert_eq!(silent(60, claim, u64::MAX), Some(18));
    let leave = |sessions: &mut Sessions, now| {
        if now == 5 {
            sessions.left(0);
        }
    };
    assert_eq!(silent(60, leave, u64::MAX), None);
}

#[test]
fn a_controller_that_is_disturbed_has_a_whole_session_more() {
    let pause = |sessions: &mut Sessions, now| {
        if now == 9 || now == 12 {
            sessions.disturbed(now * SECOND, 0, Disturbance { begins: now == 9, ..Disturbance::default() });
        }
    };
    assert_eq!(silent(60, pause, u64::MAX), Some(25));
}

#[test]
fn one_that_commits_nothing_new_is_excused() {
    let (mut sessions, mut verdict) = (Sessions::of(1, vec![BROKER], 8_000, 0), Verdict::default());
    sessions.claimed(0, 0, LeaderEpoch(1));
    for second in 10..60 {
        verdict.now_ns = second * SECOND;
        // What it wrote before is committed, and what it writes since is not.
        sessions.judge((Offset(7), Offset(7 + second as i64)), |_| true, &mut verdict);
    }
    assert!(verdict.violation().is_none());
}
