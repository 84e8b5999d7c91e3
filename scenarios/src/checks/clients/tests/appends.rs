//! Producers' stories.

use raft::client::AttemptEvent::*;
use raft::ids::{Offset, ProducerId};
use raft::log::BatchProducer;
use raft::message::ErrorCode;
use raft::message::admin::{DeleteTopicState, DeleteTopicsRequest};

use super::*;

const DELETE_TOPICS: i16 = 20;

fn session(epoch: i16, base_sequence: i32) -> Option<BatchProducer> {
    Some(BatchProducer { id: ProducerId(7), epoch, base_sequence })
}

/// Attempt `attempt` sends batch `batch` of two values, from `first` on.
fn sends(client: usize, attempt: u32, batch: u32, first: u64, producer: Option<BatchProducer>) -> Vec<Step> {
    let mut events = vec![ProduceInvoked { attempt, batch, partition: P, acks: -1, count: 2, leader_epoch: 0 }];
    events.extend(producer.map(|producer| ProduceSequence {
        attempt,
        producer_id: producer.id,
        producer_epoch: producer.epoch,
        base_sequence: producer.base_sequence,
    }));
    events.push(ProduceValues { attempt, first_value: first, count: 2 });
    events.into_iter().map(|event| Step::Client(client, event)).collect()
}

fn acked(client: usize, attempt: u32, base_offset: i64) -> Step {
    Step::Client(client, ProduceOk { attempt, base_offset: Offset(base_offset) })
}

fn refused(client: usize, attempt: u32) -> Step {
    Step::Client(client, ProduceFailed { attempt, error: ErrorCode::NotEnoughReplicas })
}

fn lost(client: usize, attempt: u32) -> Step {
    Step::Client(client, ProduceUnknown { attempt, error: ErrorCode::NetworkException })
}

/// Every record is read at the end, so that nothing is unseen.
fn reads_all(values: &[u64]) -> Vec<Step> {
    let mut events = vec![
        ReadInvoked { attempt: 1, api: ReadApi::ListOffsets, partition: P, at: -2 },
        ReadOk { attempt: 1, partition: P, number: 0 },
        PositionSet { partition: P, offset: Offset(0), cause: PositionCause::Reset },
        ReadInvoked { attempt: 2, api: ReadApi::Fetch, partition: P, at: 0 },
        PollRecords { attempt: 2, partition: P, leader_epoch: LeaderEpoch(1), count: values.len() as u32 },
    ];
    let records = (0..).zip(values).map(|(at, value)| PollRecord { attempt: 2, offset: Offset(at), value: *value });
    events.extend(records);
    events.push(ReadOk { attempt: 2, partition: P, number: values.len() as i64 });
    events.into_iter().map(|event| Step::Client(5, event)).collect()
}

fn joined(parts: &[Vec<Step>]) -> Vec<Step> {
    parts.concat()
}

/// Batches 10 and 20 of clients 1 and 2, one after the other, with the offsets told.
fn two_appends(first_reported: i64, second_reported: i64) -> Vec<Step> {
    joined(&[
        sends(1, 1, 1, 10, None),
        vec![Step::Commit(T, 10, 2, None), acked(1, 1, first_reported)],
        sends(2, 1, 1, 20, None),
        vec![Step::Commit(T, 20, 2, None), acked(2, 1, second_reported)],
        reads_all(&[10, 11, 20, 21]),
    ])
}

#[test]
fn two_answers_swapped_are_rejected() {
    let good = play(&two_appends(0, 2));
    assert_eq!((good.broke(), good.counts("produce")), (None, (2, 0, 0)));
    assert_eq!(play(&two_appends(2, 0)).broke(), Some("InconsistentOffsets"));
    assert_eq!(play(&two_appends(0, 3)).broke(), Some("InconsistentOffsets"));
}

#[test]
fn acknowledgements_in_real_time_are_in_offset_order() {
    // Both are acknowledged before C is there; the one sent after the first was acknowledged stands first.
    let story = |second: i64| {
        joined(&[
            sends(1, 1, 1, 10, None),
            vec![acked(1, 1, 2)],
            sends(2, 1, 1, 20, None),
            vec![acked(2, 1, second)],
            sends(3, 1, 1, 30, None),
        ])
    };
    let commit = |values: [u64; 3]| values.map(|value| Step::Commit(T, value, 2, None)).to_vec();
    let all = |second, values: [u64; 3]| {
        let read: Vec<u64> = values.iter().flat_map(|value| [*value, value + 1]).collect();
        let early = sends(3, 2, 2, 40, None); // sent before all
        play(&joined(&[early, story(second), commit(values), reads_all(&read)]))
    };
    assert_eq!(all(4, [40, 10, 20]).broke(), None);
    assert_eq!(all(0, [20, 10, 40]).broke(), Some("LinearizableAppends"));
    assert_eq!(so_far(&story(0)).broke(), Some("LinearizableAppends"), "before anything is committed");
    // A later attempt of a producer that is not idempotent is answered with the offset of an earlier one.
    let twice = |answered| {
        let both = [sends(1, 1, 1, 10, None), sends(2, 1, 1, 20, None)].concat();
        let committed = vec![Step::Commit(T, 10, 2, None), Step::Commit(T, 20, 2, None), acked(2, 1, 2)];
        so_far(&joined(&[both, committed, sends(1, 2, 1, 10, None), vec![acked(1, answered, 0)]]))
    };
    assert_eq!(twice(1).broke(), None);
    assert_eq!(twice(2).broke(), Some("LinearizableAppends"));
    // An append without an answer obeys it too: 30 was sent when the log was known to reach 6.
    assert_eq!(all(4, [30, 10, 20]).broke(), Some("LinearizableAppends"));
}

#[test]
fn what_is_acknowledged_is_committed_and_read() {
    let read = |values: &[u64]| reads_all(values);
    let story = |commit: bool, read: Vec<Step>| {
        let commit = commit.then_some(Step::Commit(T, 10, 2, None));
        play(&joined(&[sends(1, 1, 1, 10, None), commit.into_iter().collect(), vec![acked(1, 1, 0)], read]))
    };
    assert_eq!(story(true, read(&[10, 11])).broke(), None);
    assert_eq!(story(false, Vec::new()).broke(), Some("LostWrite"));
    assert_eq!(story(true, Vec::new()).broke(), Some("Unseen"));
}

#[test]
fn one_offset_is_acknowledged_for_one_value() {
    let twice = joined(&[sends(1, 1, 1, 10, None), sends(2, 1, 1, 20, None), vec![acked(1, 1, 0), acked(2, 1, 0)]]);
    assert_eq!(play(&twice).broke(), Some("InconsistentOffsets"));
    let reported = |base_offset| {
        let reported = Step::Client(1, BatchAcked { batch: 1, base_offset: Offset(base_offset) });
        play(&joined(&[
            sends(1, 1, 1, 10, None),
            vec![Step::Commit(T, 10, 2, None), acked(1, 1, 0), reported],
            reads_all(&[10, 11]),
        ]))
    };
    assert_eq!(reported(0).broke(), None);
    assert_eq!(reported(1).broke(), Some("InconsistentOffsets"), "the broker answered another offset");
}

#[test]
fn a_definitely_failed_attempt_does_nothing() {
    let story = |end: Step, before: bool| {
        let mut steps = vec![Step::Commit(T, 10, 2, None)];
        steps.insert(usize::from(!before), end);
        play(&joined(&[sends(1, 1, 1, 10, None), steps])).broke().map(str::to_owned)
    };
    assert_eq!(story(lost(1, 1), true), None);
    assert_eq!(story(lost(1, 1), false), None);
    assert_eq!(story(refused(1, 1), true), Some("AbortedRead".to_owned()));
    assert_eq!(story(refused(1, 1), false), Some("AbortedRead".to_owned()));
    // Another attempt of the batch may have done it.
    let twice = joined(&[
        sends(1, 1, 1, 10, None),
        vec![refused(1, 1)],
        sends(1, 2, 1, 10, None),
        vec![lost(1, 2), Step::Commit(T, 10, 2, None)],
    ]);
    let twice = play(&twice);
    assert_eq!((twice.broke(), twice.counts("produce")), (None, (0, 1, 1)));
    assert_eq!(twice.remarked(Remark::UnknownAppendCommitted), 1);
}

#[test]
fn nothing_is_committed_that_nobody_sent() {
    let story = |first: u64, count: u32, producer| {
        play(&joined(&[sends(1, 1, 1, 10, session(0, 0)), vec![Step::Commit(T, first, count, producer)]]))
    };
    assert_eq!(story(10, 2, session(0, 0)).broke(), None);
    for (first, count, producer) in
        [(12, 2, session(0, 0)), (10, 1, session(0, 0)), (10, 2, session(0, 2)), (10, 2, None)]
    {
        assert_eq!(story(first, count, producer).broke(), Some("InventedRecord"));
    }
}

#[test]
fn retries_duplicate_only_without_idempotence() {
    let story = |producer, attempts: u32| {
        let sent = (1..=attempts).map(|attempt| joined(&[sends(1, attempt, 1, 10, producer), vec![lost(1, attempt)]]));
        let mut steps: Vec<Step> = sent.flatten().collect();
        steps.extend([Step::Commit(T, 10, 2, producer), Step::Commit(T, 10, 2, producer)]);
        play(&steps)
    };
    let retried = story(None, 2);
    assert_eq!((retried.broke(), retried.excused(Excuse::DuplicateWithoutIdempotence)), (None, 1));
    assert_eq!(story(None, 1).broke(), Some("DuplicateRecord"));
    assert_eq!(story(session(0, 0), 2).broke(), Some("DuplicateRecord"));
}

#[test]
fn a_retry_without_idempotence_stands_behind_what_was_sent_later() {
    let story = |order: [u64; 2], cut: bool| {
        let mut steps = joined(&[sends(1, 1, 1, 10, None), sends(1, 2, 2, 20, None), sends(2, 1, 1, 30, None)]);
        steps.extend([
            lost(1, 1),
            lost(1, 2),
            lost(2, 1),
            Step::Commit(T, 30, 2, None),
            Step::Commit(T, order[0], 2, None),
        ]);
        steps.extend(cut.then_some(Step::Cut(2)));
        steps.push(Step::Commit(T, order[1], 2, None));
        let played = play(&steps);
        assert_eq!(played.broke(), None);
        played.excused(Excuse::ReorderedWithoutIdempotence)
    };
    // Of another client nothing is known, nor of what is gone.
    assert_eq!((story([20, 10], false), story([10, 20], false), story([20, 10], true)), (1, 0, 0));
}

#[test]
fn what_only_a_leader_acknowledged_is_counted_when_it_is_lost() {
    let story = |acks: i8, end: &[Step]| {
        let mut steps = joined(&[sends(1, 1, 1, 10, None), vec![acked(1, 1, 0)]]);
        let Step::Client(_, ProduceInvoked { acks: requested, .. }) = &mut steps[0] else { panic!("it is sent first") };
        *requested = acks;
        steps.extend_from_slice(end);
        let played = play(&steps);
        (played.excused(Excuse::AckedByLeaderOnlyLost), played.broke().map(str::to_owned))
    };
    let commit = Step::Commit(T, 10, 2, None);
    assert_eq!(story(1, &[]), (2, None));
    assert_eq!(story(1, &[commit.clone(), Step::Cut(0)]), (2, None), "replicated, and destroyed");
    let deletion = DeleteTopicsRequest {
        topics: Rc::from([DeleteTopicState { name: Some("t".into()), topic_id: Uuid::ZERO }]),
        timeout_ms: 1_000,
    };
    let deleted = [Step::Operation(AdminRequest::DeleteTopics(deletion)), calls(0, 2, DELETE_TOPICS), remove(T)];
    assert_eq!(story(1, &deleted), (0, None));
    assert_eq!(story(1, &[commit]), (0, None));
    assert_eq!(story(-1, &[]), (0, Some("LostWrite".into())), "that is another promise");
}

#[test]
fn an_epoch_bump_excuses_a_renumbered_copy_and_nothing_else() {
    let sent_twice = |second| {
        joined(&[
            sends(1, 1, 1, 10, session(0, 0)),
            vec![lost(1, 1)],
            sends(1, 2, 1, 10, second),
            vec![lost(1, 2), Step::Commit(T, 10, 2, session(0, 0)), Step::Commit(T, 10, 2, second)],
        ])
    };
    let bumped = play(&sent_twice(session(1, 0)));
    assert_eq!((bumped.broke(), bumped.excused(Excuse::DuplicateByEpochBump)), (None, 1));
    assert_eq!(bumped.excused(Excuse::ReorderedByEpochBump), 0);
    // Renumbered in the same epoch: never.
    assert_eq!(play(&sent_twice(session(0, 2))).broke(), Some("DuplicateRecord"));

    // 0 is refused by a leader that knows nothing of the producer, 2 is taken; then all is renumbered.
    let reordered = |renumbered: bool| {
        let first = if renumbered { session(0, 0) } else { session(1, 0) };
        joined(&[
            sends(1, 1, 1, 10, first),
            vec![refused(1, 1)],
            sends(1, 2, 2, 20, session(0, 2)),
            vec![Step::Commit(T, 20, 2, session(0, 2)), acked(1, 2, 0)],
            sends(1, 3, 1, 10, session(1, 0)),
            vec![Step::Commit(T, 10, 2, session(1, 0)), acked(1, 3, 2)],
            reads_all(&[20, 21, 10, 11]),
        ])
    };
    let excused = play(&reordered(true));
    assert_eq!((excused.broke(), excused.excused(Excuse::ReorderedByEpochBump)), (None, 1));
    assert_eq!(excused.remarked(Remark::ProducerBeganLate), 1);
    assert_eq!(play(&reordered(false)).broke(), Some("NonmonotonicSend"));
}

/// The copies stand under two sessions; how the client came to that is not Kafka's way.
#[test]
fn a_batch_is_renumbered_for_cause_and_once_it_is_acknowledged_never() {
    let commits = |first, second| vec![Step::Commit(T, 10, 2, first), Step::Commit(T, 10, 2, second)];
    let (old, new) = (session(0, 0), session(1, 0));
    // `told`: how the first attempt ends before the second is sent.
    let again = |reported| {
        play(&joined(&[sends(1, 1, 1, 10, old), vec![reported], sends(1, 2, 1, 10, new), commits(old, new)]))
    };
    assert_eq!(again(lost(1, 1)).broke(), None);
    assert_eq!(again(acked(1, 1, 0)).broke(), Some("DuplicateRecord"), "it knew");
    let another = joined(&[
        sends(1, 1, 1, 10, old),
        vec![lost(1, 1), Step::Commit(T, 10, 2, old)],
        sends(1, 2, 2, 10, new),
        vec![Step::Commit(T, 10, 2, new)],
    ]);
    assert_eq!(play(&another).broke(), Some("DuplicateRecord"), "another batch with the same values");
    // The answer comes when the batch is under way again.
    let late = joined(&[
        sends(1, 1, 1, 10, old),
        sends(1, 2, 1, 10, new),
        commits(old, new),
        vec![acked(1, 1, 0), acked(1, 2, 2)],
        reads_all(&[10, 11, 10, 11]),
    ]);
    assert_eq!(play(&late).broke(), None);
    // Back to an older epoch, by which a broker knows nothing yet.
    let back = joined(&[sends(1, 1, 1, 10, new), vec![lost(1, 1)], sends(1, 2, 1, 10, old), commits(old, new)]);
    assert_eq!(play(&back).broke(), Some("DuplicateRecord"), "no bump");
    // Another producer id, once its epochs were used up; somebody must have given it.
    let other = Some(BatchProducer { id: ProducerId(8), epoch: 0, base_sequence: 0 });
    let given = |client| {
        let ask = InitProducerIdInvoked { attempt: 9, node: BROKER };
        let reported = InitProducerIdOk { attempt: 9, producer_id: ProducerId(8), producer_epoch: 0 };
        [ask, reported].map(|event| Step::Client(client, event)).to_vec()
    };
    for (client, broke) in [(1, None), (2, Some("DuplicateRecord"))] {
        let first = joined(&[sends(1, 1, 1, 10, old), vec![lost(1, 1)], given(client)]);
        assert_eq!(play(&joined(&[first, sends(1, 2, 1, 10, other), commits(old, other)])).broke(), broke);
    }
}

#[test]
fn a_part_of_a_batch_is_renumbered_too() {
    let part = |value: u64, producer: Option<BatchProducer>| Step::Commit(T, value, 1, producer);
    let split = [BatchSplit { batch: 1, into: 2 }, BatchValues { batch: 2, first_value: 10, count: 1 }];
    let sent = |attempt, producer_epoch| {
        [
            ProduceInvoked { attempt, batch: 2, partition: P, acks: -1, count: 1, leader_epoch: 0 },
            ProduceSequence { attempt, producer_id: ProducerId(7), producer_epoch, base_sequence: 0 },
            ProduceValues { attempt, first_value: 10, count: 1 },
        ]
    };
    let story = |epochs: [i16; 2]| {
        let events = split.into_iter().chain(sent(2, epochs[0])).chain(sent(3, epochs[1]));
        let events: Vec<Step> = events.map(|event| Step::Client(1, event)).collect();
        // The whole was appended, its answer lost, and its retry refused.
        let whole = joined(&[sends(1, 1, 1, 10, session(0, 0)), vec![lost(1, 1)], events]);
        play(&joined(&[whole, vec![Step::Commit(T, 10, 2, session(0, 0)), part(10, session(1, 0))]]))
    };
    let renumbered = story([0, 1]);
    assert_eq!((renumbered.broke(), renumbered.excused(Excuse::DuplicateByEpochBump)), (None, 1));
}

#[test]
fn sequences_follow_each_other() {
    let story = |order: [u64; 3], bump: bool| {
        let state = |value: u64| match (value, bump) {
            (30, true) => session(1, 0),
            _ => session(0, i32::try_from(value / 10 - 1).unwrap() * 2),
        };
        let sent = [10, 20, 30].iter().zip(1..).map(|(value, n)| sends(1, n, n, *value, state(*value)));
        let sent: Vec<Step> = sent.flatten().collect();
        let commits = order.iter().map(|value| Step::Commit(T, *value, 2, state(*value))).collect();
        play(&joined(&[sent, commits])).broke().map(str::to_owned)
    };
    assert_eq!(story([10, 20, 30], false), None);
    assert_eq!(story([10, 20, 30], true), None);
    assert_eq!(story([10, 30, 20], false), Some("IdempotentSequence".to_owned()));
    assert_eq!(story([30, 10, 20], true), Some("IdempotentSequence".to_owned()));
}

#[test]
fn the_order_of_sending_is_the_order_of_a_session() {
    let story = |first: u64, second: u64| {
        play(&joined(&[
            sends(1, 1, 1, first, session(0, 0)),
            sends(1, 2, 2, second, session(0, 2)),
            vec![Step::Commit(T, first, 2, session(0, 0)), Step::Commit(T, second, 2, session(0, 2))],
        ]))
    };
    assert_eq!(story(10, 20).broke(), None);
    assert_eq!(story(20, 10).broke(), Some("NonmonotonicSend"));
}

#[test]
fn what_a_cut_destroys_is_excused_and_counted() {
    let story = |cut: Option<i64>| {
        joined(&[
            sends(1, 1, 1, 10, session(0, 0)),
            sends(1, 2, 2, 20, session(0, 2)),
            vec![Step::Commit(T, 10, 2, session(0, 0)), acked(1, 1, 0)],
            vec![Step::Commit(T, 20, 2, session(0, 2)), acked(1, 2, 2)],
            cut.map(Step::Cut).into_iter().collect(),
            // The log goes on with the producer's state of before.
            sends(2, 1, 1, 50, None),
            vec![Step::Commit(T, 50, 2, None), acked(2, 1, cut.unwrap_or(4))],
        ])
    };
    let cut = play(&joined(&[story(Some(2)), reads_all(&[10, 11, 50, 51])]));
    assert_eq!((cut.broke(), cut.excused(Excuse::AckedAppendDestroyed)), (None, 1));
    let uncut = joined(&[story(None), reads_all(&[10, 11, 50, 51])]);
    assert_eq!(play(&uncut).broke(), Some("InconsistentOffsets"));
}

#[test]
fn a_batch_is_split() {
    let split = |values: [u64; 2]| {
        let events = [BatchSplit { batch: 1, into: 2 }, BatchValues { batch: 2, first_value: values[0], count: 1 }];
        let more = [BatchSplit { batch: 1, into: 3 }, BatchValues { batch: 3, first_value: values[1], count: 1 }];
        let send = |attempt, batch, value| {
            [
                ProduceInvoked { attempt, batch, partition: P, acks: -1, count: 1, leader_epoch: 0 },
                ProduceValues { attempt, first_value: value, count: 1 },
            ]
        };
        let reported = events.into_iter().chain(more).chain(send(2, 2, values[0])).chain(send(3, 3, values[1]));
        let reported: Vec<Step> = reported.map(|event| Step::Client(1, event)).collect();
        joined(&[sends(1, 1, 1, 10, None), vec![refused(1, 1)], reported])
    };
    let parts = vec![Step::Commit(T, 10, 1, None), Step::Commit(T, 11, 1, None)];
    assert_eq!(play(&joined(&[split([10, 11]), parts])).broke(), None);
    // The whole was definitely refused.
    assert_eq!(play(&joined(&[split([10, 11]), vec![Step::Commit(T, 10, 2, None)]])).broke(), Some("AbortedRead"));
}

#[test]
fn a_new_epoch_begins_at_zero_where_nothing_went_wrong() {
    let broke = |sent: &[(i16, i32)], troubled_after_first: bool| {
        let mut steps = Vec::new();
        for (number, (epoch, sequence)) in (1..).zip(sent) {
            steps.extend(sends(1, number, number, u64::from(number) * 10, session(*epoch, *sequence)));
            if number == 1 && troubled_after_first {
                steps.push(lost(1, 1));
            }
        }
        play(&steps).broke().map(str::to_owned)
    };
    assert_eq!(broke(&[(0, 0), (0, 3), (1, 0), (1, 2)], false), None);
    assert_eq!(broke(&[(0, 0), (0, 3), (1, 5)], false).as_deref(), Some("NewEpochBeginsAtZero"));
    assert_eq!(broke(&[(0, 0), (1, 5)], true), None);
}
