//! Fetches, divergence, the high watermark, and what the state machine is told.

use raft::bugs::{Bug, Bugs};
use raft::fixes::Fixes;
use raft::ids::{LeaderEpoch, NodeId, Offset};
use raft::io::{Observation, Probe, Role};
use raft::log::{BatchBuilder, ControlRecord, Records};
use raft::message::{ErrorCode, FetchRequest, ReadRecordsRequest, Request, Response};

use super::desk::{Desk, Disk, append, begin, diverging, elect, fetch, fetch_answer, fetched, spec};

/// Batches of one value each: (offset, epoch).
fn records(batches: &[(i64, i32)]) -> Records {
    let batch = |(offset, epoch): &(i64, i32)| {
        let mut batch = BatchBuilder::new(Offset(*offset), LeaderEpoch(*epoch), 0);
        batch.value(*offset as u64 * 10 + *epoch as u64);
        batch.build()
    };
    Records(batches.iter().map(batch).collect())
}

/// A follower of 2 in `epoch`, ready to get the answer to its Fetch.
fn follower(epoch: i32, bugs: Bugs) -> Desk {
    let mut desk = Desk::boot(spec(1, 3, bugs, Fixes::default()), Disk::default(), 0);
    desk.ask(begin(2, epoch));
    desk.shake_off_bootstrap();
    desk
}

fn answer_fetch(desk: &mut Desk, response: Response) -> FetchRequest {
    let sent = desk.sent("Fetch");
    let Request::Fetch(request) = sent.request.clone() else { unreachable!() };
    assert_eq!(sent.to, NodeId(2));
    desk.reply(&sent, response);
    request
}

fn next_fetch(desk: &Desk) -> (i64, i32) {
    let request = desk.outbox.iter().find_map(|sent| match &sent.request {
        Request::Fetch(request) => Some((request.fetch_offset.0, request.last_fetched_epoch.0)),
        _ => None,
    });
    request.expect("it fetches on")
}

#[test]
fn leader_change_comes_first_and_commits_the_epoch() {
    let mut desk = Desk::one_of_three();
    elect(&mut desk);
    let epoch = desk.epoch();
    let look = desk.look();
    assert_eq!((look.end, look.high_watermark), (1, None), "unknown in a new epoch");
    let first = look.records.0[0].control_records().expect("a control batch");
    let [ControlRecord::LeaderChange(change)] = &first[..] else { panic!("{first:?}") };
    assert_eq!((change.leader_id, change.voters.len()), (NodeId(1), 3));
    assert_eq!(change.granting_voters.len(), 2);
    let refused = desk.ask(append(5));
    assert!(matches!(refused, Some(Response::AppendRecords(answer)) if !answer.accepted), "it does not know yet");
    let answer = fetch_answer(desk.ask(fetch(2, epoch, (0, 0), None)));
    assert_eq!((answer.records.0.len(), answer.high_watermark), (1, None));
    assert!(!desk.saw(Observation::LeadershipAnnounced { epoch: LeaderEpoch(epoch) }));
    let answer = fetch_answer(desk.ask(fetch(2, epoch, (epoch, 1), None)));
    assert_eq!(answer.high_watermark, Some(Offset(1)), "KIP-1166: told at once");
    assert!(desk.saw(Observation::LeadershipAnnounced { epoch: LeaderEpoch(epoch) }));
}

#[test]
fn a_state_machine_that_is_told_too_early_claims_before_it_has_read_what_came_before() {
    let told = |bugs: Bugs| {
        let mut desk = Desk::boot(spec(1, 3, bugs, Default::default()), Disk::default(), 0);
        elect(&mut desk);
        let epoch = LeaderEpoch(desk.epoch());
        (desk.saw(Observation::LeadershipAnnounced { epoch }), desk.look().high_watermark)
    };
    assert_eq!(told(Bugs::NONE), (false, None));
    assert_eq!(told(Bugs::NONE.with(Bug::Kafka15345LeaderBeforeCaughtUp)), (true, None));
}

#[test]
fn an_append_is_acknowledged_when_a_majority_has_fetched_past_it() {
    let mut desk = Desk::one_of_three();
    elect(&mut desk);
    let epoch = desk.epoch();
    desk.ask(fetch(2, epoch, (epoch, 1), None));
    assert!(desk.ask(fetch(2, epoch, (epoch, 1), Some(1))).is_none(), "parked");
    assert!(desk.ask(append(5)).is_none());
    desk.order.clear();
    desk.advance_ms(25);
    // D9: the parked fetch is answered with the record before the leader forces it.
    let told = desk.order.iter().position(|what| what == "FetchResponse");
    let forced = desk.order.iter().position(|what| what.starts_with("fsync"));
    assert!(told.is_some() && told < forced, "{:?}", desk.order);
    desk.answers.clear();
    desk.ask(fetch(3, epoch, (epoch, 2), Some(1)));
    let answer = desk.answers.iter().find_map(|(_, response)| match response {
        Response::AppendRecords(answer) => Some(answer.clone()),
        _ => None,
    });
    let answer = answer.expect("acknowledged");
    assert_eq!((answer.error, answer.base_offset), (ErrorCode::None, Offset(1)));
    let read = desk.ask(Request::ReadRecords(ReadRecordsRequest { from: Offset(0), max_records: 9 }));
    let Some(Response::ReadRecords(read)) = read else { panic!("{read:?}") };
    assert_eq!((&read.records[..], read.applied_end), (&[(Offset(1), 5)][..], Offset(2)));
}

/// Raft §5.4.2: a majority on an old entry commits nothing.
#[test]
fn only_a_record_of_its_own_epoch_moves_the_high_watermark() {
    let high_watermark = |bugs: Bugs| {
        let mut desk = follower(3, bugs);
        answer_fetch(&mut desk, fetched(2, 3, records(&[(0, 1), (1, 3)]), None));
        desk.advance_ms(2_000);
        elect(&mut desk);
        let epoch = desk.epoch();
        desk.ask(fetch(3, epoch, (3, 2), None));
        desk.look().high_watermark
    };
    assert_eq!(high_watermark(Bugs::NONE), None);
    assert_eq!(high_watermark(Bugs::NONE.with(Bug::CountOldEpochReplicas)), Some(2));
}

#[test]
fn a_fetch_is_validated_in_kafkas_order() {
    let mut desk = Desk::one_of_three();
    elect(&mut desk);
    let epoch = desk.epoch();
    let Request::Fetch(good) = fetch(2, epoch, (epoch, 1), None) else { unreachable!() };
    let mut ask = |request: FetchRequest| {
        let answer = fetch_answer(desk.ask(Request::Fetch(request)));
        (answer.top_error, answer.error)
    };
    let none = ErrorCode::None;
    let foreign = FetchRequest { cluster_id: Some("another".into()), max_wait_ms: -1, ..good.clone() };
    assert_eq!(ask(foreign), (ErrorCode::InconsistentClusterId, none));
    let topic = FetchRequest { topic_id: raft::ids::Uuid::ZERO, max_wait_ms: -1, ..good.clone() };
    assert_eq!(ask(topic), (ErrorCode::InvalidRequest, none));
    let impatient = FetchRequest { max_wait_ms: -1, current_leader_epoch: LeaderEpoch(epoch + 1), ..good.clone() };
    assert_eq!(ask(impatient), (none, ErrorCode::InvalidRequest));
    let fenced =
        FetchRequest { current_leader_epoch: LeaderEpoch(0), last_fetched_epoch: LeaderEpoch(0), ..good.clone() };
    assert_eq!(ask(fenced), (none, ErrorCode::FencedLeaderEpoch));
    let future = FetchRequest { current_leader_epoch: LeaderEpoch(epoch + 1), ..good.clone() };
    assert_eq!(ask(future), (none, ErrorCode::UnknownLeaderEpoch));
    let own = FetchRequest { replica_id: NodeId(1), ..good };
    assert_eq!(ask(own), (none, ErrorCode::UnknownServerError));
    assert_eq!((desk.role(), desk.epoch()), (Role::Leader, epoch), "no fetch changes an epoch");
}

#[test]
fn a_parked_fetch_waits_its_time_or_fails_with_the_leadership() {
    let mut desk = Desk::one_of_three();
    elect(&mut desk);
    let epoch = desk.epoch();
    desk.ask(fetch(2, epoch, (epoch, 1), None));
    desk.answers.clear();
    assert!(desk.ask(fetch(2, epoch, (epoch, 1), Some(1))).is_none());
    desk.node.visit(&mut super::desk::Look::default());
    desk.quiet_state_machine();
    desk.advance_ms(499);
    assert!(desk.answers.is_empty());
    desk.advance_ms(1);
    let (_, answer) = desk.answers.pop_front().expect("expired");
    assert_eq!(fetch_answer(Some(answer)).error, ErrorCode::None);
    assert!(desk.ask(fetch(2, epoch, (epoch, 1), Some(1))).is_none());
    desk.ask(begin(3, epoch + 1));
    let failed = desk.answers.iter().find_map(|(_, response)| match response {
        Response::Fetch(answer) => Some((answer.error, answer.current_leader.leader_id)),
        _ => None,
    });
    assert_eq!(failed, Some((ErrorCode::NotLeaderOrFollower, Some(NodeId(3)))));
    assert!(desk.saw(Observation::Probe(Probe::ParkedFetchFailed)));
}

#[test]
fn a_fetch_offset_may_go_back_and_the_high_watermark_may_not() {
    let run = |bugs: Bugs| {
        let mut desk = Desk::boot(spec(1, 3, bugs, Fixes::default()), Disk::default(), 0);
        elect(&mut desk);
        let epoch = desk.epoch();
        desk.ask(fetch(2, epoch, (epoch, 1), None));
        desk.ask(fetch(2, epoch, (0, 0), None));
        desk
    };
    let desk = run(Bugs::NONE);
    assert_eq!(desk.look().high_watermark, Some(1));
    assert!(desk.saw(Observation::Probe(Probe::NonMonotonicFetch)));
    assert!(run(Bugs::NONE.with(Bug::Kafka12181FetchOffsetBackwardFatal)).halted.is_some());
    assert_eq!(run(Bugs::NONE.with(Bug::HighWatermarkGoesBack)).look().high_watermark, Some(1), "own epoch only");
}

#[test]
fn a_follower_forces_before_it_fetches_on_and_learns_the_high_watermark() {
    let mut desk = follower(3, Bugs::NONE);
    desk.order.clear();
    answer_fetch(&mut desk, fetched(2, 3, records(&[(0, 1), (1, 3)]), Some(9)));
    let forced = desk.order.iter().rposition(|what| what.starts_with("fsync") && what.ends_with(".log"));
    let fetched_on = desk.order.iter().position(|what| what == "Fetch");
    assert!(forced.is_some() && forced < fetched_on, "D8: {:?}", desk.order);
    assert_eq!((desk.look().high_watermark, next_fetch(&desk)), (Some(2), (2, 3)), "never beyond its own end");
    let mut lazy = follower(3, Bugs::NONE.with(Bug::Kafka10533AckBeforeFlush));
    lazy.order.clear();
    answer_fetch(&mut lazy, fetched(2, 3, records(&[(0, 3)]), None));
    assert!(!lazy.order.iter().any(|what| what.ends_with(".log")), "{:?}", lazy.order);
}

#[test]
fn logs_that_part_are_joined_in_as_many_rounds_as_it_takes() {
    // Ours: epochs 1 1 2 3; the leader's: 1 at 0, then 4.
    let mut desk = follower(3, Bugs::NONE);
    answer_fetch(&mut desk, fetched(2, 3, records(&[(0, 1), (1, 1), (2, 2), (3, 3)]), Some(1)));
    desk.ask(begin(2, 5));
    desk.shake_off_bootstrap();
    assert_eq!(next_fetch(&desk), (4, 3));
    answer_fetch(&mut desk, diverging(2, 5, (2, 3)));
    assert_eq!(next_fetch(&desk), (3, 2), "epoch 3 is cut");
    answer_fetch(&mut desk, diverging(2, 5, (1, 1)));
    assert_eq!(next_fetch(&desk), (1, 1), "epoch 2 is cut, and what of epoch 1 the leader has not");
    answer_fetch(&mut desk, fetched(2, 5, records(&[(1, 4)]), Some(2)));
    assert_eq!((desk.look().end, desk.look().high_watermark), (2, Some(2)));
    assert!(desk.saw(Observation::Truncated { end: Offset(1) }));
}

#[test]
fn cutting_below_the_high_watermark_is_fatal() {
    let told_to_cut = |bugs: Bugs| {
        let mut desk = follower(3, bugs);
        answer_fetch(&mut desk, fetched(2, 3, records(&[(0, 1), (1, 3)]), Some(2)));
        answer_fetch(&mut desk, diverging(2, 3, (1, 1)));
        desk
    };
    assert!(told_to_cut(Bugs::NONE).halted.is_some_and(|(_, fatal)| fatal));
    assert_eq!(told_to_cut(Bugs::NONE.with(Bug::TruncateBelowHighWatermark)).look().end, 1);
}

/// KAFKA-18723 on both sides: the answer's bytes are of a later log, the epoch of an older one.
#[test]
fn a_stale_answer_carries_later_bytes_only_with_the_bug() {
    let answered = |bugs: Bugs| {
        let mut desk = Desk::boot(spec(1, 3, bugs, Fixes::default()), Disk::default(), 0);
        elect(&mut desk);
        let epoch = desk.epoch();
        desk.ask(fetch(2, epoch, (epoch, 1), None));
        desk.quiet_state_machine();
        desk.ask(fetch(3, epoch, (epoch, 1), Some(1)));
        desk.ask(begin(2, epoch + 1));
        desk.shake_off("BeginQuorumEpoch");
        desk.answers.retain(|(_, response)| matches!(response, Response::Fetch(_)));
        let sent = desk.sent("Fetch");
        desk.reply(&sent, fetched(2, epoch + 1, records(&[(1, epoch + 1)]), None));
        let (_, answer) = desk.answers.pop_back().expect("answered");
        let answer = fetch_answer(Some(answer));
        (answer.error, answer.current_leader.leader_epoch.0 - epoch, answer.records.0.len())
    };
    assert_eq!(answered(Bugs::NONE), (ErrorCode::NotLeaderOrFollower, 1, 0));
    assert_eq!(answered(Bugs::NONE.with(Bug::Kafka18723StaleFetchAppended)), (ErrorCode::None, 0, 1));
    let mut desk = follower(3, Bugs::NONE);
    answer_fetch(&mut desk, fetched(2, 3, records(&[(0, 3), (1, 4)]), None));
    assert_eq!(desk.look().end, 1, "the batch of epoch 4 is skipped");
}

#[test]
fn whoever_waits_learns_that_the_outcome_is_unknown_when_leadership_goes() {
    let mut desk = Desk::one_of_three();
    elect(&mut desk);
    let epoch = desk.epoch();
    desk.ask(fetch(2, epoch, (epoch, 1), None));
    assert!(desk.ask(append(5)).is_none());
    desk.ask(begin(2, epoch + 1));
    let told = desk.answers.iter().find_map(|(_, response)| match response {
        Response::AppendRecords(answer) => Some((answer.error, answer.accepted, answer.leader_id)),
        _ => None,
    });
    assert_eq!(told, Some((ErrorCode::NotController, true, Some(NodeId(2)))));
    assert!(desk.saw(Observation::LeadershipRenounced { epoch: LeaderEpoch(epoch) }));
}

/// A request for a server whose connection may not be tried yet fails at once, and nobody waits for
/// it as if it were under way: that would be `controller.quorum.request.timeout.ms`.
#[test]
fn a_fetcher_that_lost_every_connection_tries_again_when_the_reconnect_backoff_is_over() {
    let mut desk = Desk::boot(spec(4, 3, Bugs::NONE, Fixes::default()), Disk::default(), 0);
    for _ in 0..3 {
        let sent = desk.sent("Fetch");
        desk.hang_up(&sent);
        desk.advance_ms(1);
    }
    for _ in 0..3 {
        if desk.has_sent("Fetch") {
            let sent = desk.sent("Fetch");
            desk.hang_up(&sent);
        }
    }
    assert!(!desk.has_sent("Fetch"), "all have hung up");
    desk.advance_ms(200);
    assert!(desk.has_sent("Fetch"));
}
