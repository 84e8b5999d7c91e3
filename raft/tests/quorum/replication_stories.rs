//! Fetches, divergence, the high watermark, and what the state machine receives.

use std::rc::Rc;

use raft::bugs::{Bug, Bugs};
use raft::config::ControllerConfig;
use raft::fixes::Fixes;
use raft::ids::{LeaderEpoch, NodeId, Offset};
use raft::io::{Observation, Probe, Role, ThreadName};
use raft::log::{BatchBuilder, ControlRecord, Records};
use raft::message::{ErrorCode, FetchRequest, ReadRecordsRequest, Request, Response};

use super::harness::{Disk, Harness, append, begin, diverging, elect, fetch, fetch_answer, fetched, spec};

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
fn follower(epoch: i32, bugs: Bugs) -> Harness {
    let mut harness = Harness::boot(spec(1, 3, bugs, Fixes::default()), Disk::default(), 0);
    harness.ask(begin(2, epoch));
    harness.shake_off_bootstrap();
    harness
}

fn answer_fetch(harness: &mut Harness, response: Response) -> FetchRequest {
    let sent = harness.sent("Fetch");
    let Request::Fetch(request) = sent.request.clone() else { unreachable!() };
    assert_eq!(sent.to, NodeId(2));
    harness.reply(&sent, response);
    request
}

fn next_fetch(harness: &Harness) -> (i64, i32) {
    let request = harness.outbox.iter().find_map(|sent| match &sent.request {
        Request::Fetch(request) => Some((request.fetch_offset.0, request.last_fetched_epoch.0)),
        _ => None,
    });
    request.expect("it fetches on")
}

/// The time limit of a request begins when it is sent (`KafkaRaftClient.poll` reads the clock), not before the fsync.
#[test]
fn a_fetch_that_follows_a_slow_fsync_is_sent_then() {
    let mut spec = spec(1, 3, Bugs::NONE, Fixes::default());
    let mut config = ControllerConfig::clone(&spec.config);
    config.request_timeout_ms = 1_000;
    spec.config = Rc::new(config);
    let mut harness = Harness::boot(spec, Disk::default(), 0);
    harness.ask(begin(2, 1));
    harness.shake_off_bootstrap();
    harness.fsync_ms = 200;
    answer_fetch(&mut harness, fetched(2, 1, records(&[(0, 1)]), None));
    harness.sent("Fetch");
    assert!(harness.mono_ns >= 200_000_000);
    assert_eq!(harness.next_timer(), Some((harness.mono_ns + 1_000_000_000, ThreadName::RaftIo)));
}

#[test]
fn leader_change_comes_first_and_commits_the_epoch() {
    let mut harness = Harness::one_of_three();
    elect(&mut harness);
    let epoch = harness.epoch();
    let look = harness.look();
    assert_eq!((look.end, look.high_watermark), (1, None), "unknown in a new epoch");
    let first = look.records.0[0].control_records().expect("a control batch");
    let [ControlRecord::LeaderChange(change)] = &first[..] else { panic!("{first:?}") };
    assert_eq!((change.leader_id, change.voters.len()), (NodeId(1), 3));
    assert_eq!(change.granting_voters.len(), 2);
    let refused = harness.ask(append(5));
    assert!(matches!(refused, Some(Response::AppendRecords(answer)) if !answer.accepted), "it does not know yet");
    let answer = fetch_answer(harness.ask(fetch(2, epoch, (0, 0), None)));
    assert_eq!((answer.records.0.len(), answer.high_watermark), (1, None));
    assert!(!harness.saw(Observation::LeadershipAnnounced { epoch: LeaderEpoch(epoch) }));
    let answer = fetch_answer(harness.ask(fetch(2, epoch, (epoch, 1), None)));
    assert_eq!(answer.high_watermark, Some(Offset(1)), "KIP-1166: answered at once");
    assert!(harness.saw(Observation::LeadershipAnnounced { epoch: LeaderEpoch(epoch) }));
}

#[test]
fn a_state_machine_that_is_notified_too_early_claims_before_it_has_read_what_came_before() {
    let reported = |bugs: Bugs| {
        let mut harness = Harness::boot(spec(1, 3, bugs, Default::default()), Disk::default(), 0);
        elect(&mut harness);
        let epoch = LeaderEpoch(harness.epoch());
        (harness.saw(Observation::LeadershipAnnounced { epoch }), harness.look().high_watermark)
    };
    assert_eq!(reported(Bugs::NONE), (false, None));
    assert_eq!(reported(Bugs::NONE.with(Bug::Kafka15345LeaderBeforeCaughtUp)), (true, None));
}

#[test]
fn an_append_is_acknowledged_when_a_majority_has_fetched_past_it() {
    let mut harness = Harness::one_of_three();
    elect(&mut harness);
    let epoch = harness.epoch();
    harness.ask(fetch(2, epoch, (epoch, 1), None));
    assert!(harness.ask(fetch(2, epoch, (epoch, 1), Some(1))).is_none(), "parked");
    assert!(harness.ask(append(5)).is_none());
    harness.order.clear();
    harness.advance_ms(25);
    // D9: the parked fetch is answered with the record before the leader forces it.
    let reported = harness.order.iter().position(|what| what == "FetchResponse");
    let forced = harness.order.iter().position(|what| what.starts_with("fsync"));
    assert!(reported.is_some() && reported < forced, "{:?}", harness.order);
    harness.answers.clear();
    harness.ask(fetch(3, epoch, (epoch, 2), Some(1)));
    let answer = harness.answers.iter().find_map(|(_, response)| match response {
        Response::AppendRecords(answer) => Some(answer.clone()),
        _ => None,
    });
    let answer = answer.expect("acknowledged");
    assert_eq!((answer.error, answer.base_offset), (ErrorCode::None, Offset(1)));
    let read = harness.ask(Request::ReadRecords(ReadRecordsRequest { from: Offset(0), max_records: 9 }));
    let Some(Response::ReadRecords(read)) = read else { panic!("{read:?}") };
    assert_eq!((&read.records[..], read.applied_end), (&[(Offset(1), 5)][..], Offset(2)));
}

/// Raft §5.4.2: a majority on an old entry commits nothing.
#[test]
fn only_a_record_of_its_own_epoch_moves_the_high_watermark() {
    let high_watermark = |bugs: Bugs| {
        let mut harness = follower(3, bugs);
        answer_fetch(&mut harness, fetched(2, 3, records(&[(0, 1), (1, 3)]), None));
        harness.advance_ms(2_000);
        elect(&mut harness);
        let epoch = harness.epoch();
        harness.ask(fetch(3, epoch, (3, 2), None));
        harness.look().high_watermark
    };
    assert_eq!(high_watermark(Bugs::NONE), None);
    assert_eq!(high_watermark(Bugs::NONE.with(Bug::CountOldEpochReplicas)), Some(2));
}

#[test]
fn a_fetch_is_validated_in_kafkas_order() {
    let mut harness = Harness::one_of_three();
    elect(&mut harness);
    let epoch = harness.epoch();
    let Request::Fetch(good) = fetch(2, epoch, (epoch, 1), None) else { unreachable!() };
    let mut ask = |request: FetchRequest| {
        let answer = fetch_answer(harness.ask(Request::Fetch(request)));
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
    assert_eq!((harness.role(), harness.epoch()), (Role::Leader, epoch), "no fetch changes an epoch");
}

#[test]
fn a_parked_fetch_waits_its_time_or_fails_with_the_leadership() {
    let mut harness = Harness::one_of_three();
    elect(&mut harness);
    let epoch = harness.epoch();
    harness.ask(fetch(2, epoch, (epoch, 1), None));
    harness.answers.clear();
    assert!(harness.ask(fetch(2, epoch, (epoch, 1), Some(1))).is_none());
    harness.node.visit(&mut super::harness::Look::default());
    harness.quiet_state_machine();
    harness.advance_ms(499);
    assert!(harness.answers.is_empty());
    harness.advance_ms(1);
    let (_, answer) = harness.answers.pop_front().expect("expired");
    assert_eq!(fetch_answer(Some(answer)).error, ErrorCode::None);
    assert!(harness.ask(fetch(2, epoch, (epoch, 1), Some(1))).is_none());
    harness.ask(begin(3, epoch + 1));
    let failed = harness.answers.iter().find_map(|(_, response)| match response {
        Response::Fetch(answer) => Some((answer.error, answer.current_leader.leader_id)),
        _ => None,
    });
    assert_eq!(failed, Some((ErrorCode::NotLeaderOrFollower, Some(NodeId(3)))));
    assert!(harness.saw(Observation::Probe(Probe::ParkedFetchFailed)));
}

#[test]
fn a_fetch_offset_may_go_back_and_the_high_watermark_may_not() {
    let run = |bugs: Bugs| {
        let mut harness = Harness::boot(spec(1, 3, bugs, Fixes::default()), Disk::default(), 0);
        elect(&mut harness);
        let epoch = harness.epoch();
        harness.ask(fetch(2, epoch, (epoch, 1), None));
        harness.ask(fetch(2, epoch, (0, 0), None));
        harness
    };
    let harness = run(Bugs::NONE);
    assert_eq!(harness.look().high_watermark, Some(1));
    assert!(harness.saw(Observation::Probe(Probe::NonMonotonicFetch)));
    assert!(run(Bugs::NONE.with(Bug::Kafka12181FetchOffsetBackwardFatal)).halted.is_some());
    assert_eq!(run(Bugs::NONE.with(Bug::HighWatermarkGoesBack)).look().high_watermark, Some(1), "own epoch only");
}

#[test]
fn a_follower_forces_before_it_fetches_on_and_learns_the_high_watermark() {
    let mut harness = follower(3, Bugs::NONE);
    harness.order.clear();
    answer_fetch(&mut harness, fetched(2, 3, records(&[(0, 1), (1, 3)]), Some(9)));
    let forced = harness.order.iter().rposition(|what| what.starts_with("fsync") && what.ends_with(".log"));
    let fetched_on = harness.order.iter().position(|what| what == "Fetch");
    assert!(forced.is_some() && forced < fetched_on, "D8: {:?}", harness.order);
    assert_eq!((harness.look().high_watermark, next_fetch(&harness)), (Some(2), (2, 3)), "never beyond its own end");
    let mut lazy = follower(3, Bugs::NONE.with(Bug::Kafka10533AckBeforeFlush));
    lazy.order.clear();
    answer_fetch(&mut lazy, fetched(2, 3, records(&[(0, 3)]), None));
    assert!(!lazy.order.iter().any(|what| what.ends_with(".log")), "{:?}", lazy.order);
}

#[test]
fn logs_that_part_are_joined_in_as_many_rounds_as_it_takes() {
    // Ours: epochs 1 1 2 3; the leader's: 1 at 0, then 4.
    let mut harness = follower(3, Bugs::NONE);
    answer_fetch(&mut harness, fetched(2, 3, records(&[(0, 1), (1, 1), (2, 2), (3, 3)]), Some(1)));
    harness.ask(begin(2, 5));
    harness.shake_off_bootstrap();
    assert_eq!(next_fetch(&harness), (4, 3));
    answer_fetch(&mut harness, diverging(2, 5, (2, 3)));
    assert_eq!(next_fetch(&harness), (3, 2), "epoch 3 is cut");
    answer_fetch(&mut harness, diverging(2, 5, (1, 1)));
    assert_eq!(next_fetch(&harness), (1, 1), "epoch 2 is cut, and what of epoch 1 the leader has not");
    answer_fetch(&mut harness, fetched(2, 5, records(&[(1, 4)]), Some(2)));
    assert_eq!((harness.look().end, harness.look().high_watermark), (2, Some(2)));
    assert!(harness.saw(Observation::Truncated { end: Offset(1) }));
}

#[test]
fn cutting_below_the_high_watermark_is_fatal() {
    let truncation_demanded = |bugs: Bugs| {
        let mut harness = follower(3, bugs);
        answer_fetch(&mut harness, fetched(2, 3, records(&[(0, 1), (1, 3)]), Some(2)));
        answer_fetch(&mut harness, diverging(2, 3, (1, 1)));
        harness
    };
    assert!(truncation_demanded(Bugs::NONE).halted.is_some_and(|(_, fatal)| fatal));
    assert_eq!(truncation_demanded(Bugs::NONE.with(Bug::TruncateBelowHighWatermark)).look().end, 1);
}

/// KAFKA-18723 on both sides: the answer's bytes are of a later log, the epoch of an older one.
#[test]
fn a_stale_answer_carries_later_bytes_only_with_the_bug() {
    let answered = |bugs: Bugs| {
        let mut harness = Harness::boot(spec(1, 3, bugs, Fixes::default()), Disk::default(), 0);
        elect(&mut harness);
        let epoch = harness.epoch();
        harness.ask(fetch(2, epoch, (epoch, 1), None));
        harness.quiet_state_machine();
        harness.ask(fetch(3, epoch, (epoch, 1), Some(1)));
        harness.ask(begin(2, epoch + 1));
        harness.shake_off("BeginQuorumEpoch");
        harness.answers.retain(|(_, response)| matches!(response, Response::Fetch(_)));
        let sent = harness.sent("Fetch");
        harness.reply(&sent, fetched(2, epoch + 1, records(&[(1, epoch + 1)]), None));
        let (_, answer) = harness.answers.pop_back().expect("answered");
        let answer = fetch_answer(Some(answer));
        (answer.error, answer.current_leader.leader_epoch.0 - epoch, answer.records.0.len())
    };
    assert_eq!(answered(Bugs::NONE), (ErrorCode::NotLeaderOrFollower, 1, 0));
    assert_eq!(answered(Bugs::NONE.with(Bug::Kafka18723StaleFetchAppended)), (ErrorCode::None, 0, 1));
    let mut harness = follower(3, Bugs::NONE);
    answer_fetch(&mut harness, fetched(2, 3, records(&[(0, 3), (1, 4)]), None));
    assert_eq!(harness.look().end, 1, "the batch of epoch 4 is skipped");
}

#[test]
fn whoever_waits_learns_that_the_outcome_is_unknown_when_leadership_goes() {
    let mut harness = Harness::one_of_three();
    elect(&mut harness);
    let epoch = harness.epoch();
    harness.ask(fetch(2, epoch, (epoch, 1), None));
    assert!(harness.ask(append(5)).is_none());
    harness.ask(begin(2, epoch + 1));
    let reported = harness.answers.iter().find_map(|(_, response)| match response {
        Response::AppendRecords(answer) => Some((answer.error, answer.accepted, answer.leader_id)),
        _ => None,
    });
    assert_eq!(reported, Some((ErrorCode::NotController, true, Some(NodeId(2)))));
    assert!(harness.saw(Observation::LeadershipRenounced { epoch: LeaderEpoch(epoch) }));
}

/// A request for a server whose connection may not be tried yet fails at once, and nobody waits for
/// it as if it were under way: that would be `controller.quorum.request.timeout.ms`.
#[test]
fn a_fetcher_that_lost_every_connection_tries_again_when_the_reconnect_backoff_is_over() {
    let mut harness = Harness::boot(spec(4, 3, Bugs::NONE, Fixes::default()), Disk::default(), 0);
    for _ in 0..3 {
        let sent = harness.sent("Fetch");
        harness.hang_up(&sent);
        harness.advance_ms(1);
    }
    for _ in 0..3 {
        if harness.has_sent("Fetch") {
            let sent = harness.sent("Fetch");
            harness.hang_up(&sent);
        }
    }
    assert!(!harness.has_sent("Fetch"), "all have hung up");
    harness.advance_ms(200);
    assert!(harness.has_sent("Fetch"));
}
