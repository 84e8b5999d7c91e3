//! Answers to OffsetForLeaderEpoch.

use raft::client::AttemptEvent::*;

use super::*;
use crate::checks::clients::validations::Validations;

const Q: TopicPartition = TopicPartition { partition: 1, ..P };

/// Attempt 1 asks for two partitions.
fn broke(events: &[AttemptEvent]) -> Option<String> {
    let (mut validations, mut verdict) = (Validations::default(), Verdict::default());
    let asks = |partition| ReadInvoked { attempt: 1, api: ReadApi::OffsetForLeaderEpoch, partition, at: 3 };
    let fetches = ReadInvoked { attempt: 2, api: ReadApi::Fetch, partition: Q, at: 4 };
    for event in [asks(P), asks(Q)].iter().chain(events).chain([&fetches]) {
        validations.attempt(2, *event, &mut verdict);
    }
    verdict.violation().map(|violation| violation.invariant.clone())
}

#[test]
fn what_an_answer_says_of_a_partition_is_used_while_that_is_assigned() {
    let failed = |partition| ReadFailed { attempt: 1, partition, error: ErrorCode::FencedLeaderEpoch };
    let ok = |partition| ReadOk { attempt: 1, partition, number: 4 };
    assert_eq!(broke(&[failed(P), ok(Q)]), None);
    assert_eq!(broke(&[ReadUnknown { attempt: 1 }]), None);
    assert_eq!(broke(&[Unassigned { partition: P }, failed(P), ok(Q)]), None);
    assert_eq!(broke(&[Unassigned { partition: Q }, ok(P)]), None);
    assert_eq!(broke(&[Unassigned { partition: P }, failed(P)]), Some("ValidationAnswerUsed".to_owned()));
    assert_eq!(broke(&[ok(P)]), Some("ValidationAnswerUsed".to_owned()));
}
