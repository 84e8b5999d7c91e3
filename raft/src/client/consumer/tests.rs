//! Late responses: the leader that sent them has since been deposed.

use std::rc::Rc;

use super::in_flight::{FetchInFlight, ValidationInFlight};
use super::subscription_state::FetchState;
use super::*;
use crate::client::ClientConfig;
use crate::client::io::ClientEffect;
use crate::client::metadata::LeaderAndEpoch;
use crate::fixes::{Fix, Fixes};
use crate::ids::{LeaderEpoch, TopicIdPartition};
use crate::log::{Batch, BatchBuilder, Records};
use crate::message::data::{
    DataFetchResponse, EpochEndOffset, FetchablePartition, LeaderIdAndEpoch, MetadataBroker, MetadataPartition,
    MetadataResponse, MetadataTopic, OffsetForLeaderEpochResponse,
};

const P: TopicPartition = TopicPartition { topic: 0, partition: 0 };

/// The leader of `epoch`: broker 1 leads in epoch 1, and so on.
fn leader(epoch: i32) -> LeaderAndEpoch {
    LeaderAndEpoch { leader: Some(NodeId(epoch)), epoch: Some(LeaderEpoch(epoch)) }
}

/// Its position is offset 4, after records that leader 1 wrote in epoch 1.
fn consumer(fixes: Fixes) -> Consumer {
    let mut config = ClientConfig::new(Rc::from([NodeId(1)]), Rc::from([Rc::from("t")]));
    config.fixes = fixes;
    let mut consumer = Consumer::new(ConsumerConfig::new(config));
    consumer.subscriptions.assign(&[P]);
    consumer.subscriptions.seek(P, Offset(2), leader(1));
    consumer.subscriptions.advance(P, Offset(4), LeaderEpoch(1));
    consumer
}

/// It receives another leader, and sends it a validation request.
fn asks(consumer: &mut Consumer, by: i32) -> ValidationInFlight {
    consumer.subscriptions.maybe_validate(P, leader(by));
    match consumer.subscriptions.get(P).map(|state| state.fetch) {
        Some(FetchState::AwaitValidation(position)) => {
            ValidationInFlight { attempt: by.unsigned_abs(), requested: vec![(P, position)] }
        }
        other => panic!("{other:?}"),
    }
}

/// The response: an epoch and its end offset.
fn answers(consumer: &mut Consumer, requested: ValidationInFlight, epoch: i32, end: i64) -> Vec<AttemptEvent> {
    let partition = consumer.network.metadata.id_of(P);
    let (error, leader_epoch, end_offset) = (ErrorCode::None, LeaderEpoch(epoch), Offset(end));
    let end = EpochEndOffset { partition, error, leader_epoch, end_offset };
    let mut out = ClientOut::default();
    consumer.on_validated(0, requested, &OffsetForLeaderEpochResponse { partitions: Rc::from([end]) }, &mut out);
    observed(out)
}

fn observed(out: ClientOut) -> Vec<AttemptEvent> {
    let observed = |effect| match effect {
        ClientEffect::Observe(event) => Some(event),
        _ => None,
    };
    out.effects.into_iter().filter_map(observed).collect()
}

#[test]
fn an_answer_about_a_former_position_says_nothing_of_the_present_one() {
    let mut consumer = consumer(Fixes::NONE);
    let (first, second) = (asks(&mut consumer, 2), asks(&mut consumer, 3));
    let lost = AttemptEvent::EpochLost { partition: P, requested: LeaderEpoch(1), answered: LeaderEpoch(0) };
    let ok = AttemptEvent::ReadOk { attempt: 3, partition: P, number: 1 };
    let moved = AttemptEvent::PositionSet { partition: P, offset: Offset(1), cause: PositionCause::Truncation };
    assert_eq!(answers(&mut consumer, second, 0, 1), [lost, ok, moved]);
    assert_eq!(
        answers(&mut consumer, first, 0, 1),
        [AttemptEvent::ReadStale { attempt: 2, partition: P, error: ErrorCode::None }]
    );
}

/// Leader 1 received the request before leader 2 was known, which has the position but maybe another log before it.
#[test]
fn what_a_leader_answers_after_another_was_validated_is_dropped_if_epochs_are_compared() {
    let shown = |fixes: Fixes, error: ErrorCode| {
        let mut consumer = consumer(fixes);
        let id = consumer.network.metadata.id_of(P);
        let fetch = FetchInFlight { node: NodeId(1), attempt: 1, requested: Rc::from([(P, id, Offset(4), leader(1))]) };
        let validation = asks(&mut consumer, 2);
        answers(&mut consumer, validation, 1, 4);
        let batch = BatchBuilder::new(Offset(4), LeaderEpoch(1), 0).value(40).build();
        let reported = FetchablePartition {
            partition: id,
            error,
            high_watermark: Offset(5),
            log_start_offset: Offset(0),
            diverging_epoch: None,
            current_leader: None,
            records: Records([batch].into_iter().collect()),
        };
        let answer = DataFetchResponse { error: ErrorCode::None, partitions: Rc::from([reported]) };
        let mut out = ClientOut::default();
        consumer.on_fetched(fetch, &answer, &mut out);
        observed(out)
    };
    for error in [ErrorCode::None, ErrorCode::OffsetOutOfRange] {
        let mended = shown(Fixes::NONE.with(Fix::CompareEpochOfPosition), error);
        assert_eq!(mended, [AttemptEvent::ReadStale { attempt: 1, partition: P, error }]);
    }
    let record = AttemptEvent::PollRecord { attempt: 1, offset: Offset(4), value: 40 };
    assert!(shown(Fixes::NONE, ErrorCode::None).contains(&record), "as Kafka does");
}

/// Leader 2 has no records of epoch 1, which began at the end offset that it returns.
#[test]
fn a_position_sent_back_is_of_the_epoch_that_was_read_before_it() {
    let epoch = |fixes: Fixes, read_before: bool| {
        let mut consumer = consumer(fixes);
        if read_before {
            consumer.subscriptions.seek(P, Offset(1), leader(1));
            consumer.subscriptions.advance(P, Offset(2), LeaderEpoch(0));
            consumer.subscriptions.advance(P, Offset(4), LeaderEpoch(1));
        }
        let validation = asks(&mut consumer, 2);
        answers(&mut consumer, validation, 1, 2);
        match consumer.subscriptions.get(P).map(|state| state.fetch) {
            Some(FetchState::Fetching(position)) => (position.offset, position.offset_epoch),
            other => panic!("{other:?}"),
        }
    };
    let mended = Fixes::NONE.with(Fix::CompareEpochOfPosition);
    assert_eq!(epoch(Fixes::NONE, true), (Offset(2), Some(LeaderEpoch(1))), "as Kafka does");
    assert_eq!(epoch(mended, true), (Offset(2), Some(LeaderEpoch(0))));
    assert_eq!(epoch(mended, false), (Offset(2), None), "nothing was read");
}

/// Otherwise a partition whose first batch is larger than what others leave of the response would starve.
#[test]
fn a_partition_of_which_records_were_read_comes_last_in_the_next_fetch() {
    let mut consumer = consumer(Fixes::NONE);
    let other = TopicPartition { partition: 1, ..P };
    consumer.subscriptions.assign(&[P, other]);
    consumer.subscriptions.seek(other, Offset(0), leader(1));
    let mut next_after = |batches: &[Rc<Batch>], error| {
        let partition = consumer.network.metadata.id_of(P);
        let requested = Rc::from([(P, partition, Offset(4), leader(1))]);
        let reported = FetchablePartition { error, ..answer_of(partition, batches) };
        let answer = DataFetchResponse { error: ErrorCode::None, partitions: Rc::from([reported]) };
        let fetch = FetchInFlight { node: NodeId(1), attempt: 1, requested };
        consumer.on_fetched(fetch, &answer, &mut ClientOut::default());
        let next: Vec<TopicPartition> =
            consumer.subscriptions.fetchable(|_| true).iter().map(|it| it.partition).collect();
        consumer.subscriptions.move_to_end(other);
        next
    };
    assert_eq!(next_after(&[], ErrorCode::None), [P, other]);
    let batch = BatchBuilder::new(Offset(4), LeaderEpoch(1), 0).value(40).build();
    assert_eq!(next_after(&[batch], ErrorCode::None), [other, P]);
    assert_eq!(next_after(&[], ErrorCode::NotLeaderOrFollower), [other, P]);
    assert_eq!(next_after(&[], ErrorCode::None), [P, other]);
}

fn answer_of(partition: TopicIdPartition, batches: &[Rc<Batch>]) -> FetchablePartition {
    FetchablePartition {
        partition,
        error: ErrorCode::None,
        high_watermark: Offset(9),
        log_start_offset: Offset(0),
        diverging_epoch: None,
        current_leader: None,
        records: Records(batches.into()),
    }
}

/// What is shown of an answer with these batches: offsets and values.
fn shown(batches: &[Rc<Batch>]) -> Vec<(i64, u64)> {
    let mut consumer = consumer(Fixes::NONE);
    let partition = consumer.network.metadata.id_of(P);
    let requested = Rc::from([(P, partition, Offset(4), leader(1))]);
    let answer = DataFetchResponse { error: ErrorCode::None, partitions: Rc::from([answer_of(partition, batches)]) };
    let mut out = ClientOut::default();
    consumer.on_fetched(FetchInFlight { node: NodeId(1), attempt: 1, requested }, &answer, &mut out);
    let records = observed(out).into_iter().filter_map(|event| match event {
        AttemptEvent::PollRecord { offset, value, .. } => Some((offset.0, value)),
        _ => None,
    });
    records.collect()
}

#[test]
fn rotten_batches_are_not_shown() {
    let batch = |offset, value| BatchBuilder::new(Offset(offset), LeaderEpoch(1), 0).value(value).build();
    let base_offset_too_high = [batch(4, 40), batch(7, 50), batch(6, 60), batch(7, 70), batch(8, 80)];
    assert_eq!(shown(&base_offset_too_high), [(4, 40), (7, 50), (8, 80)]);
    let mut bytes = batch(5, 50).bytes.to_vec();
    *bytes.last_mut().expect("a batch has bytes") ^= 1;
    let (rotten, _) = Batch::parse_unchecked(&bytes).expect("its header is whole");
    assert_eq!(shown(&[batch(4, 40), Rc::new(rotten), batch(6, 60)]), [(4, 40)]);
}

struct Lowest;

impl Entropy for Lowest {
    fn below(&mut self, _: u32) -> u32 {
        0
    }
}

/// Broker 1 leads partition 0.
fn metadata() -> MetadataResponse {
    let partition = MetadataPartition {
        error: ErrorCode::None,
        partition: 0,
        leader_id: NodeId(1),
        leader_epoch: LeaderEpoch(1),
        replica_nodes: Rc::from([NodeId(1)]),
        isr_nodes: Rc::from([NodeId(1)]),
    };
    let partitions = Rc::from([partition]);
    let topic_id = crate::ids::Uuid([7; 16]);
    let topic = MetadataTopic { error: ErrorCode::None, name: Rc::from("t"), topic_id, partitions };
    let brokers = Rc::from([MetadataBroker { node_id: NodeId(1) }]);
    MetadataResponse { brokers, controller_id: NodeId(1), topics: Rc::from([topic]) }
}

/// `ConsumerNetworkClient.unsent`: what is prepared while the connection is being made is sent as it was then, and fails
/// with the connection.
#[test]
fn a_reset_is_prepared_while_its_leader_is_connected_to_and_fails_with_the_connection() {
    let config = ClientConfig::new(Rc::from([NodeId(1)]), Rc::from([Rc::from("t")]));
    let mut consumer = Consumer::new(ConsumerConfig::new(config));
    let (now_ms, mut out) = (1_000, ClientOut::default());
    consumer.operate(ConsumerOperation::Assign { partitions: Rc::from([P]) }, &mut out);
    consumer.network.metadata.update(now_ms, &metadata(), &mut Lowest);
    consumer.update_fetch_positions(now_ms, &mut Lowest, &mut out);
    assert!(!consumer.network.metadata.is_update_requested(), "it connects");
    assert_eq!(consumer.unsent.len(), 1);
    let connect = |effect: &ClientEffect| match effect {
        ClientEffect::Connect { token, .. } => Some(*token),
        _ => None,
    };
    let token = out.effects.iter().find_map(connect).expect("it connects");
    let mut connected = consumer.clone();
    let closed = ClientInput::Closed { token, reason: crate::io::CloseReason::Refused };
    consumer.network.receive::<ConsumerOperation>(now_ms, closed, &mut Lowest, &mut out);
    consumer.network.metadata.update(now_ms, &metadata(), &mut Lowest);
    consumer.send_prepared(now_ms, &mut Lowest, &mut out);
    assert!(consumer.network.metadata.is_update_requested());
    assert_eq!(consumer.subscriptions.get(P).map(|state| state.next_retry_ms), Some(1_100));
    // `groupListOffsetRequests`: a reset whose leader awaits its reconnect backoff requests metadata, too.
    consumer.network.metadata.update(now_ms, &metadata(), &mut Lowest);
    consumer.subscriptions.set_next_retry(&[P], now_ms);
    consumer.update_fetch_positions(now_ms, &mut Lowest, &mut out);
    assert!(consumer.network.metadata.is_update_requested());
    assert!(consumer.unsent.is_empty());

    let opened = ClientInput::Opened { token, connection: crate::io::Connection(7) };
    connected.network.receive::<ConsumerOperation>(now_ms, opened, &mut Lowest, &mut out);
    let Some(ClientEffect::Request { correlation_id, .. }) = out.effects.pop() else { panic!("{out:?}") };
    let answered = ClientInput::Response { token, correlation_id, response: Response::DiscoverVersions };
    connected.network.receive::<ConsumerOperation>(now_ms, answered, &mut Lowest, &mut out);
    let mut out = ClientOut::default();
    connected.send_prepared(now_ms, &mut Lowest, &mut out);
    assert!(matches!(out.effects[..], [ClientEffect::Request { .. }]), "{out:?}");
}

#[test]
fn an_error_that_names_a_newer_leader_requests_no_metadata() {
    let mut consumer = consumer(Fixes::NONE);
    consumer.network.metadata.add_topic(P.topic);
    consumer.network.metadata.update(1_000, &metadata(), &mut Lowest);
    let id = consumer.network.metadata.id_of(P);
    for (epoch, requests) in [(2, false), (1, true)] {
        consumer.subscriptions.seek(P, Offset(2), leader(1));
        consumer.subscriptions.advance(P, Offset(4), LeaderEpoch(1));
        let fetch = FetchInFlight { node: NodeId(1), attempt: 1, requested: Rc::from([(P, id, Offset(4), leader(1))]) };
        let hint = LeaderIdAndEpoch { leader_id: NodeId(2), leader_epoch: LeaderEpoch(epoch) };
        let reported = FetchablePartition {
            partition: id,
            error: ErrorCode::NotLeaderOrFollower,
            high_watermark: Offset(-1),
            log_start_offset: Offset(-1),
            diverging_epoch: None,
            current_leader: Some(hint),
            records: Records::default(),
        };
        let answer = DataFetchResponse { error: ErrorCode::None, partitions: Rc::from([reported]) };
        consumer.on_fetched(fetch, &answer, &mut ClientOut::default());
        assert_eq!(consumer.network.metadata.is_update_requested(), requests, "epoch {epoch}");
        let state = consumer.subscriptions.get(P).map(|state| state.fetch);
        assert_eq!(matches!(state, Some(FetchState::AwaitValidation(_))), !requests);
    }
}

/// Broker 2 leads two partitions in epoch 2. The second is not assigned any more when the answer arrives, which has an
/// error for it (`OffsetFetcherUtils.onSuccessfulResponseForValidatingPositions`).
#[test]
fn an_error_for_an_unassigned_partition_loses_the_answer_for_others() {
    let other = TopicPartition { partition: 1, ..P };
    let state = |fixes: Fixes| {
        let mut consumer = consumer(fixes);
        consumer.subscriptions.assign(&[P, other]);
        consumer.subscriptions.seek(other, Offset(2), leader(1));
        consumer.subscriptions.advance(other, Offset(4), LeaderEpoch(1));
        let mut validation = asks(&mut consumer, 2);
        let position = validation.requested[0].1;
        validation.requested.push((other, position));
        consumer.subscriptions.set_next_retry(&[P], 30_000);
        consumer.subscriptions.assign(&[P]);
        let of = |partition, error| {
            let partition = consumer.network.metadata.id_of(partition);
            EpochEndOffset { partition, error, leader_epoch: LeaderEpoch(1), end_offset: Offset(4) }
        };
        let ends = Rc::from([of(P, ErrorCode::None), of(other, ErrorCode::FencedLeaderEpoch)]);
        let answer = OffsetForLeaderEpochResponse { partitions: ends };
        consumer.on_validated(0, validation, &answer, &mut ClientOut::default());
        let state = consumer.subscriptions.get(P).expect("assigned");
        (matches!(state.fetch, FetchState::Fetching(_)), state.next_retry_ms)
    };
    assert_eq!(state(Fixes::NONE), (false, 30_000), "as Kafka does");
    assert!(state(Fixes::NONE.with(Fix::RetryAssignedOnly)).0);
}
