//! Consumers' stories.

use raft::client::AttemptEvent::{self, *};
use raft::ids::Offset;
use raft::message::ErrorCode;

use super::*;

const CONSUMER: usize = 5;
/// Topic `t` in its second life.
const T2: Uuid = Uuid([2; 16]);

/// Batches of two values from 10, 20, … on, one for each attempt of client 1; they are committed.
fn appends(firsts: &[u64]) -> Vec<Step> {
    let mut steps = Vec::new();
    for (attempt, first) in (1..).zip(firsts) {
        steps.extend(sends(attempt, *first));
        steps.push(Step::Commit(T, *first, 2, None));
    }
    steps
}

fn sends(attempt: u32, first_value: u64) -> Vec<Step> {
    let invoked = ProduceInvoked { attempt, batch: attempt, partition: P, acks: -1, count: 2, leader_epoch: 0 };
    let values = ProduceValues { attempt, first_value, count: 2 };
    [invoked, values].map(|event| Step::Client(1, event)).to_vec()
}

fn starts_at(offset: i64) -> Vec<AttemptEvent> {
    vec![
        ReadInvoked { attempt: 1, api: ReadApi::ListOffsets, partition: P, at: -2 },
        ReadOk { attempt: 1, partition: P, number: offset },
        PositionSet { partition: P, offset: Offset(offset), cause: PositionCause::Reset },
    ]
}

/// A poll from `at`, which shows these records and a high watermark.
fn polls(attempt: u32, at: i64, records: &[(i64, u64)], number: i64) -> Vec<AttemptEvent> {
    let mut events = vec![ReadInvoked { attempt, api: ReadApi::Fetch, partition: P, at }];
    if !records.is_empty() {
        let count = u32::try_from(records.len()).unwrap();
        events.push(PollRecords { attempt, partition: P, leader_epoch: LeaderEpoch(1), count });
    }
    events.extend(records.iter().map(|(offset, value)| PollRecord { attempt, offset: Offset(*offset), value: *value }));
    events.push(ReadOk { attempt, partition: P, number });
    events
}

fn consumer(parts: &[Vec<AttemptEvent>]) -> Vec<Step> {
    parts.concat().into_iter().map(|event| Step::Client(CONSUMER, event)).collect()
}

fn reads(parts: &[Vec<AttemptEvent>]) -> Played {
    play(&[appends(&[10, 20]), consumer(parts)].concat())
}

#[test]
fn polls_are_contiguous_and_equal_to_the_log() {
    let good = reads(&[starts_at(0), polls(2, 0, &[(0, 10), (1, 11)], 2), polls(3, 2, &[(2, 20), (3, 21)], 4)]);
    assert_eq!((good.broke(), good.counts("consume"), good.counts("list_offsets")), (None, (2, 0, 0), (1, 0, 0)));
    let broke = |first: &[(i64, u64)], at: i64, second: &[(i64, u64)]| {
        let all = reads(&[starts_at(0), polls(2, 0, first, 4), polls(3, at, second, 4)]);
        all.broke().unwrap().to_owned()
    };
    let head = [(0, 10), (1, 11)];
    assert_eq!(broke(&[(1, 11), (0, 10)], 2, &[]), "PollSkip");
    assert_eq!(broke(&[(0, 10), (2, 20)], 3, &[]), "IntPollSkip");
    assert_eq!(broke(&[(0, 10), (0, 10)], 1, &[]), "IntNonmonotonicPoll");
    assert_eq!(broke(&head, 3, &[(3, 21)]), "PollSkip");
    assert_eq!(broke(&head, 1, &[(1, 11)]), "NonmonotonicPoll");
    assert_eq!(broke(&head, 2, &[(1, 11)]), "NonmonotonicPoll");
    assert_eq!(broke(&[(0, 11), (1, 10)], 2, &[]), "InconsistentOffsets");
    assert_eq!(broke(&[(0, 10), (1, 99)], 2, &[]), "UncommittedRead");
}

#[test]
fn a_record_is_of_the_epoch_reported() {
    let mut altered = polls(2, 0, &[(0, 10)], 4);
    altered[1] = PollRecords { attempt: 2, partition: P, leader_epoch: LeaderEpoch(2), count: 1 };
    assert_eq!(reads(&[starts_at(0), altered]).broke(), Some("InconsistentOffsets"));
}

#[test]
fn what_is_shown_ahead_of_the_log_must_follow() {
    let ahead = consumer(&[starts_at(4), polls(2, 4, &[(4, 30), (5, 31)], 6)]);
    let story = |then: &[Step]| play(&[&appends(&[10, 20])[..], &sends(3, 30), &ahead, then].concat());
    assert_eq!(story(&[Step::Commit(T, 30, 2, None)]).broke(), None);
    assert_eq!(story(&[]).broke(), Some("UncommittedRead"));
    let other = [sends(4, 40), vec![Step::Commit(T, 40, 2, None)]].concat();
    assert_eq!(story(&other).broke(), Some("InconsistentOffsets"));
    let failed = Step::Client(1, ProduceFailed { attempt: 3, error: ErrorCode::NotEnoughReplicas });
    let aborted = [&appends(&[10, 20])[..], &sends(3, 30), &[failed], &ahead].concat();
    assert_eq!(play(&aborted).broke(), Some("AbortedRead"));
    // Two consumers are shown different values.
    let others = polls(2, 4, &[(4, 50), (5, 51)], 6);
    let others = [starts_at(4), others].concat().into_iter().map(|event| Step::Client(6, event));
    assert_eq!(story(&others.collect::<Vec<_>>()).broke(), Some("InconsistentOffsets"));
}

/// The successor of a leader deposed at the last moment has yet to move its high watermark.
#[test]
fn recovery_waits_for_what_clients_received() {
    let shown = consumer(&[starts_at(4), polls(2, 4, &[(4, 30), (5, 31)], 6)]);
    let reported = consumer(&[starts_at(4), polls(2, 4, &[], 6)]);
    for ahead in [shown, reported] {
        let story = |then: &[Step]| so_far(&[&appends(&[10, 20])[..], &sends(3, 30), &ahead, then].concat());
        let is_ahead = |played: Played| played.histories.is_ahead(&played.partitions);
        assert!(is_ahead(story(&[])));
        assert!(!is_ahead(story(&[Step::Commit(T, 30, 2, None)])));
        let broken_when = |overdue| {
            let mut played = story(&[]);
            played.finish(false, overdue);
            played.broke() == Some("UncommittedRead")
        };
        assert!(!broken_when(false), "the run ended before anybody could tell");
        assert!(broken_when(true), "it had all the time to be committed");
    }
}

#[test]
fn a_high_watermark_reported_is_reached() {
    assert_eq!(reads(&[starts_at(0), polls(2, 0, &[], 4)]).broke(), None);
    assert_eq!(reads(&[starts_at(0), polls(2, 0, &[], 5)]).broke(), Some("UncommittedRead"));
}

#[test]
fn stale_polls_are_legal_and_counted() {
    let stale = reads(&[starts_at(0), polls(2, 0, &[(0, 10), (1, 11)], 2), polls(3, 2, &[], 2)]);
    assert_eq!((stale.broke(), stale.remarked(Remark::StalePoll)), (None, 2));
    assert_eq!(reads(&[starts_at(0), polls(2, 0, &[], 4)]).remarked(Remark::StalePoll), 0);
}

#[test]
fn a_late_answer_is_counted_by_what_it_says() {
    let late = |attempt, error| {
        let invoked = ReadInvoked { attempt, api: ReadApi::Fetch, partition: P, at: 0 };
        vec![invoked, ReadStale { attempt, partition: P, error }]
    };
    let failed = ErrorCode::OffsetOutOfRange;
    let played = reads(&[starts_at(0), late(2, ErrorCode::None), late(3, failed), late(4, failed)]);
    assert_eq!((played.broke(), played.counts("consume")), (None, (1, 2, 0)));
}

#[test]
fn positions_jump_for_a_reason_only() {
    let out_of_range = |attempt, at| {
        vec![
            ReadInvoked { attempt, api: ReadApi::Fetch, partition: P, at },
            ReadFailed { attempt, partition: P, error: ErrorCode::OffsetOutOfRange },
        ]
    };
    let seek = |offset| vec![PositionSet { partition: P, offset: Offset(offset), cause: PositionCause::Seek }];
    let read = polls(2, 0, &[(0, 10), (1, 11)], 4);
    let again = |at| polls(4, at, &[], 4);
    assert_eq!(reads(&[starts_at(0), read.clone(), seek(1), again(1)]).broke(), None);
    assert_eq!(reads(&[starts_at(0), read.clone(), starts_at(0), again(0)]).broke(), Some("NonmonotonicPoll"));
    assert_eq!(reads(&[starts_at(0), read.clone(), starts_at(4), again(4)]).broke(), Some("PollSkip"));
    // A seek beyond the end, and a reset; but nothing below the end is out of range.
    let beyond = [starts_at(0), seek(9), out_of_range(3, 9), starts_at(0), again(0)];
    let beyond = reads(&beyond);
    assert_eq!((beyond.broke(), beyond.remarked(Remark::PositionReset)), (None, 2));
    let below = [starts_at(0), read.clone(), out_of_range(3, 2), starts_at(0), again(0)];
    assert_eq!(reads(&below).broke(), Some("PositionLost"));
    // A cut below the position is a reason, if it comes between.
    let story = |parts: [&[Step]; 3]| play(&[&appends(&[10, 20])[..], parts[0], parts[1], parts[2]].concat());
    let (is_read, is_lost) = (consumer(&below[..2]), consumer(&below[2..]));
    let cut = story([&is_read, &[Step::Cut(0)], &is_lost]);
    assert_eq!((cut.broke(), cut.excused(Excuse::PositionLostWithRecords)), (None, 1));
    let below = consumer(&below);
    assert_eq!(story([&[], &below, &[Step::Cut(0)]]).broke(), Some("PositionLost"), "it was cut later");
    // So is a leader that has less, if it had begun by then.
    let by = |to, epoch| [Step::SendsBack(to, epoch)];
    let excused = story([&by(1, 1), &below, &[]]);
    assert_eq!((excused.broke(), excused.excused(Excuse::PositionSentBackByDeposedLeader)), (None, 1));
    assert_eq!(story([&by(2, 1), &below, &[]]).broke(), Some("PositionLost"), "it had that");
    assert_eq!(story([&by(1, 0), &below, &[]]).broke(), Some("PositionLost"), "it knew of a newer one");
    assert_eq!(story([&[], &below, &by(1, 1)]).broke(), Some("PositionLost"), "it began later");
    // So it is with a truncation, which goes back.
    let truncated = |to| vec![PositionSet { partition: P, offset: Offset(to), cause: PositionCause::Truncation }];
    for lost in [truncated(1), [seek(2), out_of_range(3, 2), starts_at(0)].concat()] {
        let steps = consumer(&[starts_at(0), read.clone(), lost]);
        assert_eq!(story([&by(1, 1), &steps, &[]]).broke(), None);
        assert_eq!(story([&by(1, 0), &steps, &[]]).broke(), Some("PositionLost"), "it knew of a newer one");
    }
    assert_eq!(reads(&[starts_at(0), read.clone(), truncated(1)]).broke(), Some("PositionLost"));
    assert_eq!(reads(&[starts_at(0), read, truncated(3)]).broke(), Some("PollSkip"));
}

#[test]
fn a_deposed_leader_sends_back_to_what_it_has_for_as_long_as_it_leads() {
    let read = [starts_at(0), polls(2, 0, &[(0, 10), (1, 11)], 4)];
    let story = |question: AttemptEvent, answer: &[AttemptEvent], ends: [&[Step]; 2]| {
        let (asks, hears) = (consumer(&[vec![question]]), consumer(&[answer.to_vec()]));
        let reported = [appends(&[10, 20]), vec![Step::SendsBack(1, 1)], consumer(&read)].concat();
        play(&[&reported, ends[0], &asks, ends[1], &hears].concat())
    };
    let fetch = ReadInvoked { attempt: 3, api: ReadApi::Fetch, partition: P, at: 2 };
    let validate = ReadInvoked { attempt: 3, api: ReadApi::OffsetForLeaderEpoch, partition: P, at: 2 };
    let out_of_range = vec![ReadFailed { attempt: 3, partition: P, error: ErrorCode::OffsetOutOfRange }];
    let truncated = |to| {
        let set = PositionSet { partition: P, offset: Offset(to), cause: PositionCause::Truncation };
        vec![ReadOk { attempt: 3, partition: P, number: to }, set]
    };
    let lost = EpochLost { partition: P, requested: LeaderEpoch(1), answered: LeaderEpoch(0) };
    let epoch_lost = [vec![lost], truncated(1)].concat();
    for (question, answer) in [(fetch, out_of_range), (validate, truncated(1)), (validate, epoch_lost)] {
        let end = [Step::LedUntilNow(1)];
        for ends in [[&[][..], &[]], [&[], &end], [&[Step::LedUntilNow(2)], &[]]] {
            let excused = story(question, &answer, ends);
            assert_eq!((excused.broke(), excused.excused(Excuse::PositionSentBackByDeposedLeader)), (None, 1));
        }
        let requested_later = story(question, &answer, [&end, &[]]);
        assert_eq!(requested_later.broke(), Some("PositionLost"), "{answer:?}");
    }
    assert_eq!(story(validate, &truncated(0), [&[], &[]]).broke(), Some("PositionLost"), "it has more than that");
}

/// Who was shown what a deposed leader served, and nobody can commit, is sent back by its successor.
#[test]
fn what_was_read_beside_the_log_is_no_position_in_it() {
    let story = |served: &[Step]| {
        let mut shown = polls(2, 0, &[(0, 10), (1, 99)], 2);
        shown.push(ReadInvoked { attempt: 3, api: ReadApi::OffsetForLeaderEpoch, partition: P, at: 2 });
        shown.push(EpochLost { partition: P, requested: LeaderEpoch(1), answered: LeaderEpoch(0) });
        play(&[&appends(&[10])[..], served, &consumer(&[starts_at(0), shown])].concat())
    };
    let served = story(&[Step::Served(1, 99)]);
    assert_eq!((served.broke(), served.excused(Excuse::PositionLostWithRecords)), (None, 1));
    assert_eq!(story(&[]).broke(), Some("UncommittedRead"));
}

/// Record 1 was lost, another stands there now, and one more behind it.
#[test]
fn nobody_reads_on_behind_what_is_lost() {
    let lost = [&appends(&[10])[..], &consumer(&[starts_at(0), polls(2, 0, &[(0, 10), (1, 11)], 2)])].concat();
    let lost = [&lost[..], &[Step::Cut(0)], &sends(3, 30), &sends(4, 40)].concat();
    let lost = [lost, vec![Step::Commit(T, 30, 2, None), Step::Commit(T, 40, 2, None)]].concat();
    let story = |then: &[Vec<AttemptEvent>]| play(&[&lost[..], &consumer(then)].concat());
    let on = polls(3, 2, &[(2, 40), (3, 41)], 4);
    assert_eq!(story(std::slice::from_ref(&on)).broke(), Some("TruncationMissed"));
    let truncated = |to| vec![PositionSet { partition: P, offset: Offset(to), cause: PositionCause::Truncation }];
    assert_eq!(story(&[truncated(0), polls(3, 0, &[(0, 30), (1, 31)], 4)]).broke(), None);
    let half = story(&[truncated(1), polls(3, 1, &[(1, 31)], 4)]);
    assert_eq!(half.broke(), Some("TruncationMissed"), "it was not sent back far enough");
    let reported = vec![EpochLost { partition: P, requested: LeaderEpoch(1), answered: LeaderEpoch(0) }];
    for moved in [starts_at(0), truncated(0)] {
        let moved = story(&[reported.clone(), moved, polls(3, 0, &[(0, 30), (1, 31)], 4)]);
        assert_eq!((moved.broke(), moved.excused(Excuse::PositionLostWithRecords)), (None, 1));
    }
    for good in [polls(2, 0, &[(0, 10), (1, 11)], 4), polls(2, 0, &[], 4)] {
        let read_on = reads(&[starts_at(0), reported.clone(), good, starts_at(0)]);
        assert_eq!(read_on.broke(), Some("NonmonotonicPoll"), "whoever reads on has no reason any more");
    }
    // The first one behind it comes before it is known to be committed.
    let (committed, ahead) = lost.split_at(lost.len() - 1);
    let ahead = [committed, &consumer(&[polls(3, 2, &[(2, 40)], 3)]), ahead].concat();
    assert_eq!(play(&ahead).broke(), None);
    let judged = [&ahead[..], &consumer(&[polls(4, 3, &[(3, 41)], 4)])].concat();
    assert_eq!(play(&judged).broke(), Some("TruncationMissed"));
    // Whoever seeks knows what he does.
    let sought = vec![PositionSet { partition: P, offset: Offset(2), cause: PositionCause::Seek }];
    assert_eq!(story(&[sought, on]).broke(), None);
}

#[test]
fn what_was_destroyed_may_be_shown_where_it_stands_again() {
    // An answer of epoch 0 was under way when its records went, and their producer sent them again.
    let mut shown = polls(2, 0, &[(0, 10), (1, 11)], 2);
    shown[1] = PollRecords { attempt: 2, partition: P, leader_epoch: LeaderEpoch(0), count: 2 };
    let shown = consumer(&[starts_at(0), shown]);
    let story = |committed: &[Step]| play(&[&sends(1, 10)[..], committed, &shown].concat());
    assert_eq!(story(&[Step::Commit(T, 10, 2, None)]).broke(), Some("InconsistentOffsets"));
    let excused = story(&[Step::CommitOf(0, 10, 2), Step::Cut(0), Step::Commit(T, 10, 2, None)]);
    assert_eq!((excused.broke(), excused.excused(Excuse::ReadOfDestroyedRecord)), (None, 2));
}

#[test]
fn what_was_shown_and_is_lost_may_be_another_record_later() {
    let shown = consumer(&[starts_at(0), polls(2, 0, &[(0, 10)], 1)]);
    let story = |lost: &[Step]| {
        so_far(&[&sends(1, 10)[..], &shown, lost, &sends(2, 20), &[Step::Commit(T, 20, 2, None)]].concat())
    };
    assert_eq!(story(&[]).broke(), Some("InconsistentOffsets"));
    assert_eq!(story(&[Step::Lost(0, 11)]).broke(), Some("InconsistentOffsets"), "another one was lost");
    assert_eq!(story(&[Step::Lost(0, 10)]).broke(), None);
}

#[test]
fn fresh_polls_read_all() {
    let unread_of = |mut played: Played| {
        let unread = played.histories.unread(&Default::default(), &mut played.partitions);
        unread.map(|(_, name, first)| (name, first))
    };
    let story = |healed: bool, read: &[(i64, u64)]| {
        let steps = [appends(&[10]), healed.then_some(Step::Healed).into_iter().collect()].concat();
        unread_of(play(&[steps, consumer(&[starts_at(0), polls(2, 0, read, 2)])].concat()))
    };
    let unread = |offset| Some(("t-0".to_owned(), offset));
    assert_eq!(story(true, &[(0, 10), (1, 11)]), None);
    assert_eq!(story(true, &[(0, 10)]), unread(1));
    assert_eq!(story(false, &[(0, 10), (1, 11)]), unread(0));
    // What is committed later need not be read: somebody always writes.
    let goes_on = |read: &[(i64, u64)]| {
        let reader = consumer(&[starts_at(0), polls(2, 0, read, 2)]);
        let mut steps = appends(&[10, 20]);
        steps.insert(appends(&[10]).len(), Step::Healed);
        unread_of(play(&[steps, reader].concat()))
    };
    assert_eq!(goes_on(&[(0, 10), (1, 11)]), None);
    assert_eq!(goes_on(&[(0, 10)]), unread(1));
    // Nor a log that nobody had written to by then.
    assert_eq!(unread_of(play(&[vec![Step::Healed], appends(&[10])].concat())), None);
}

#[test]
fn what_was_shown_before_it_was_known_to_be_committed_was_seen() {
    let acked = Step::Client(1, ProduceOk { attempt: 1, base_offset: Offset(0) });
    let story = |shown: &[(i64, u64)]| {
        let shown = consumer(&[starts_at(0), polls(2, 0, shown, 2)]);
        play(&[sends(1, 10), vec![acked.clone()], shown, vec![Step::Commit(T, 10, 2, None)]].concat())
    };
    assert_eq!(story(&[(0, 10), (1, 11)]).broke(), None);
    assert_eq!(story(&[(0, 10)]).broke(), Some("Unseen"));
}

#[test]
fn a_name_has_lives() {
    let reborn = |recreate: bool, value: u64| {
        let deletes = Step::Operation(super::admin::delete("t"));
        let mut steps = [appends(&[10]), vec![deletes, calls(0, 2, 20), remove(T)]].concat();
        if recreate {
            steps.extend(creates("t", T2, 3));
            steps.extend(sends(2, 20));
            steps.push(Step::Commit(T2, 20, 2, None));
        }
        steps.extend(consumer(&[starts_at(0), polls(2, 0, &[(0, value)], 2)]));
        play(&steps)
    };
    // The new life, the old one by a stale leader, and what is of neither.
    assert_eq!(reborn(true, 20).broke(), None);
    assert_eq!(reborn(true, 10).broke(), None);
    assert_eq!(reborn(true, 11).broke(), Some("InconsistentOffsets"));
    // Nobody tells a consumer that its position was in another life.
    let mut on = [sends(1, 10), vec![Step::Commit(T, 10, 2, None)]].concat();
    on.extend(consumer(&[starts_at(0), polls(2, 0, &[(0, 10)], 2)]));
    on.extend([Step::Operation(super::admin::delete("t")), calls(0, 2, 20)]);
    on.push(remove(T));
    on.extend([creates("t", T2, 3), sends(2, 20), vec![Step::Commit(T2, 20, 2, None)]].concat());
    on.extend(consumer(&[polls(3, 1, &[(1, 21)], 2)]));
    assert_eq!(play(&on).broke(), None);
    assert_eq!(reborn(false, 20).broke(), Some("UncommittedRead"));
}

#[test]
fn what_is_acknowledged_is_cut_for_a_cause_only() {
    let acked = Step::Client(1, ProduceOk { attempt: 1, base_offset: Offset(0) });
    let mut played = so_far(&[appends(&[10, 20]), vec![acked]].concat());
    assert_eq!(played.broke(), None);
    played.with_partition(T, |partition, verdict| partition.cut(0, verdict));
    assert_eq!(played.broke(), Some("LostWrite"));
}
