//! Admin calls that are sent again.

use super::*;
use crate::checks::clients::retries::Retries;

const MS: u64 = 1_000_000;

/// Its first attempt fails at 1 ms.
fn failed() -> Retries {
    let mut retries = Retries::new(100);
    let mut verdict = Verdict::default();
    retries.attempt(0, 2, invoked(1), &mut verdict);
    retries.attempt(MS, 2, AttemptEvent::AdminUnknown { attempt: 1 }, &mut verdict);
    assert!(verdict.violation().is_none());
    retries
}

fn invoked(attempt: u32) -> AttemptEvent {
    AttemptEvent::AdminInvoked { attempt, operation: 7, api_key: 3, node: NodeId(1) }
}

#[test]
fn a_call_is_sent_again_or_ends() {
    let mut retries = failed();
    retries.healed();
    assert!(!retries.are_done());
    let (mut ended, mut verdict) = (retries.clone(), Verdict::default());
    retries.attempt(200 * MS, 2, invoked(2), &mut verdict);
    let error = ErrorCode::RequestTimedOut;
    ended.attempt(2 * MS, 2, AttemptEvent::OperationDone { operation: 7, error }, &mut verdict);
    assert!(retries.are_done() && ended.are_done() && verdict.violation().is_none());
}

#[test]
fn a_call_is_not_sent_again_before_its_backoff_is_over() {
    let broke = |after_ms: u64| {
        let mut verdict = Verdict::default();
        failed().attempt(MS + after_ms * MS, 2, invoked(2), &mut verdict);
        verdict.violation().map(|violation| violation.invariant.clone())
    };
    assert_eq!(broke(60).as_deref(), Some("RetriedAfterBackoff"));
    assert_eq!(broke(80), None);
}
