//! What clients send again.

use raft::client::ReadApi;

use super::*;
use crate::checks::clients::retries::Retries;

const MS: u64 = 1_000_000;

/// Its first attempt fails at 1 ms.
fn failed(invoked: AttemptEvent, failure: AttemptEvent) -> Retries {
    let mut retries = Retries::new(100);
    let mut verdict = Verdict::default();
    retries.attempt(0, 2, invoked, &mut verdict);
    retries.attempt(MS, 2, failure, &mut verdict);
    assert!(verdict.violation().is_none());
    retries
}

fn invoked(attempt: u32) -> AttemptEvent {
    AttemptEvent::AdminInvoked { attempt, operation: 7, api_key: 3, node: NodeId(1) }
}

fn produced(attempt: u32, leader_epoch: i16) -> AttemptEvent {
    AttemptEvent::ProduceInvoked { attempt, batch: 7, partition: P, acks: -1, count: 1, leader_epoch }
}

fn listed(attempt: u32) -> AttemptEvent {
    AttemptEvent::ReadInvoked { attempt, api: ReadApi::ListOffsets, partition: P, at: -1 }
}

#[test]
fn a_call_is_sent_again_or_ends() {
    let mut retries = failed(invoked(1), AttemptEvent::AdminUnknown { attempt: 1 });
    retries.healed();
    assert!(!retries.are_done());
    let (mut ended, mut verdict) = (retries.clone(), Verdict::default());
    retries.attempt(200 * MS, 2, invoked(2), &mut verdict);
    let error = ErrorCode::RequestTimedOut;
    ended.attempt(2 * MS, 2, AttemptEvent::OperationDone { operation: 7, error }, &mut verdict);
    assert!(retries.are_done() && ended.are_done() && verdict.violation().is_none());
}

#[test]
fn nothing_is_sent_again_before_its_backoff_is_over() {
    let broke = |mut retries: Retries, again: AttemptEvent, after_ms: u64| {
        let mut verdict = Verdict::default();
        retries.attempt(MS + after_ms * MS, 2, again, &mut verdict);
        verdict.violation().is_some_and(|violation| violation.invariant == "RetriedAfterBackoff")
    };
    let (attempt, error) = (1, ErrorCode::NotEnoughReplicas);
    let of_producer_id = |attempt| AttemptEvent::InitProducerIdInvoked { attempt, node: NodeId(1) };
    let all = [
        (invoked(1), AttemptEvent::AdminUnknown { attempt }, invoked(2)),
        (produced(1, 4), AttemptEvent::ProduceFailed { attempt, error }, produced(2, 4)),
        (produced(1, 4), AttemptEvent::ProduceUnknown { attempt, error }, produced(2, 4)),
        (of_producer_id(1), AttemptEvent::InitProducerIdFailed { attempt, error }, of_producer_id(2)),
        (listed(1), AttemptEvent::ReadFailed { attempt, partition: P, error }, listed(2)),
        (listed(1), AttemptEvent::ReadUnknown { attempt }, listed(2)),
    ];
    for (first, failure, again) in all {
        assert!(broke(failed(first, failure), again, 60), "{again:?}");
        assert!(!broke(failed(first, failure), again, 80), "{again:?}");
    }
    let batch = || failed(produced(1, 4), AttemptEvent::ProduceFailed { attempt, error });
    assert!(!broke(batch(), produced(2, 5), 10), "its partition has a new leader");
    let mut reset = failed(listed(1), AttemptEvent::ReadUnknown { attempt });
    reset.attempt(2 * MS, 2, AttemptEvent::Unassigned { partition: P }, &mut Verdict::default());
    assert!(!broke(reset, listed(2), 10), "it is another reset");
    let mut in_flight = failed(listed(1), AttemptEvent::Unassigned { partition: P });
    in_flight.attempt(2 * MS, 2, AttemptEvent::ReadFailed { attempt, partition: P, error }, &mut Verdict::default());
    assert!(!broke(in_flight, listed(2), 10), "its partition is not assigned any more when it fails");
}
