//! Tests of a producer (controller-broker.md §6.6, §6.8, §6.10).

use std::rc::Rc;

use super::brokers::Brokers;
use super::world::{Fate, World, is_produce};
use crate::client::AttemptEvent as Event;
use crate::client::*;
use crate::ids::{NodeId, Offset};
use crate::message::data::{PartitionProduceResponse, ProduceResponse};
use crate::message::{DataRequest, DataResponse, ErrorCode, Request, Response};

pub fn config() -> ProducerConfig {
    ProducerConfig::new(ClientConfig::new(Rc::from([NodeId(0), NodeId(1), NodeId(2)]), Rc::from([Rc::from("t")])))
}

pub fn send(world: &mut World<Producer>, partition: i32, value: u64) {
    world.operate(ProducerOperation::Send { partition: TopicPartition { topic: 0, partition }, value });
}

fn world(config: ProducerConfig) -> World<Producer> {
    World::new(Producer::new(config).expect("a legal configuration"), Brokers::new(2))
}

/// A producer that has an id and a connection to the leader of partition 0, which has value 0.
fn warm(config: ProducerConfig) -> World<Producer> {
    let mut world = world(config);
    send(&mut world, 0, 0);
    world.run_for(100);
    assert_eq!(world.brokers.values(0), [0]);
    world
}

/// Partition 0's batches as sent: base sequence, epoch, values.
fn produced(world: &World<Producer>) -> Vec<(i32, i16, Vec<u64>)> {
    let produce = |request: &Request| match request {
        Request::Data(DataRequest::Produce(request)) => Some(request.partitions[0].records.0[0].clone()),
        _ => None,
    };
    let batches = world.requests.iter().filter_map(|(_, _, request)| produce(request));
    let values = |batch: &crate::log::Batch| batch.values().map(|(_, value)| value).collect();
    let sequence = |batch: &crate::log::Batch| batch.producer().map_or((-1, -1), |of| (of.base_sequence, of.epoch));
    batches.map(|batch| (sequence(&batch).0, sequence(&batch).1, values(&batch))).collect()
}

fn refusal(error: ErrorCode) -> Fate {
    let topic_id = super::brokers::TOPIC;
    let partition = crate::ids::TopicIdPartition { topic_id, partition: 0 };
    let (base_offset, log_start_offset) = (Offset(-1), Offset(0));
    let reported = PartitionProduceResponse { partition, error, base_offset, log_start_offset, current_leader: None };
    Fate::Instead(Response::Data(DataResponse::Produce(ProduceResponse { partitions: Rc::from([reported]) })))
}

#[test]
fn records_that_linger_together_go_in_one_batch() {
    let mut world = warm(config());
    (1..=3).for_each(|value| send(&mut world, 0, value));
    world.run_for(4);
    assert_eq!(produced(&world).len(), 1, "linger.ms is 5");
    world.run_for(10);
    assert_eq!(produced(&world)[1..], [(1, 0, vec![1, 2, 3])]);
    assert!(world.observed().any(|event| event == Event::ProduceOk { attempt: 3, base_offset: Offset(1) }));
    assert!(world.observed().any(|event| event == Event::BatchAcked { batch: 2, base_offset: Offset(1) }));
    assert_eq!(world.client.outstanding(), 0);
}

#[test]
fn a_lost_response_is_retried_with_the_same_sequence_and_found_to_be_a_duplicate() {
    let mut world = warm(config());
    world.fate(is_produce, Fate::ResetAfter);
    send(&mut world, 0, 1);
    world.run_for(500);
    assert_eq!(produced(&world)[1..], [(1, 0, vec![1]), (1, 0, vec![1])]);
    assert_eq!(world.brokers.values(0), [0, 1]);
    let unknown = Event::ProduceUnknown { attempt: 3, error: ErrorCode::NetworkException };
    assert!(world.observed().any(|event| event == unknown));
    assert!(world.observed().any(|event| event == Event::ProduceOk { attempt: 4, base_offset: Offset(1) }));
}

#[test]
fn a_leader_change_in_mid_flight_follows_the_hint_without_backoff() {
    let mut world = warm(config());
    world.brokers.elect(0, 1);
    send(&mut world, 0, 1);
    let before = world.requests.len();
    world.run_for(20);
    let sent: Vec<_> = world.requests[before..].iter().filter(|(_, _, request)| is_produce(request)).collect();
    assert_eq!((sent[0].1, sent[1].1), (NodeId(0), NodeId(1)));
    assert!(sent[1].0 - sent[0].0 < 10, "KIP-951: no backoff once the leader changed");
    assert_eq!(world.brokers.values(0), [0, 1]);
    let unknown = Event::ProduceUnknown { attempt: 3, error: ErrorCode::NotLeaderOrFollower };
    assert!(world.observed().any(|event| event == unknown), "leadership may be lost after the append");
}

#[test]
fn a_batch_that_was_sent_does_not_linger_again() {
    let mut world = warm(ProducerConfig { linger_ms: 60, ..config() });
    world.brokers.elect(0, 1);
    send(&mut world, 0, 1);
    let before = world.requests.len();
    world.run_for(100);
    let sent: Vec<_> = world.requests[before..].iter().filter(|(_, _, request)| is_produce(request)).collect();
    assert_eq!((sent[0].1, sent[1].1), (NodeId(0), NodeId(1)));
    assert!(sent[1].0 - sent[0].0 < 10, "neither backoff nor linger.ms");
}

#[test]
fn without_a_hint_it_is_the_metadata_that_tell() {
    let mut world = warm(config());
    world.brokers.hints = false;
    world.brokers.elect(0, 1);
    send(&mut world, 0, 1);
    world.run_for(400);
    assert_eq!(world.brokers.values(0), [0, 1]);
    let metadata = |request: &Request| matches!(request, Request::Data(DataRequest::Metadata(_)));
    assert_eq!(world.requests.iter().filter(|(_, _, request)| metadata(request)).count(), 2);
}

#[test]
fn a_timeout_with_five_in_flight_fails_all_five_and_keeps_their_order() {
    let mut world = warm(config());
    world.fate(is_produce, Fate::RequestLost);
    for value in 1..=6 {
        send(&mut world, 0, value);
        world.run_for(6);
    }
    assert_eq!(produced(&world).len(), 6, "five in flight at most");
    let closes = world.closes.len();
    world.run_for(29_990);
    assert_eq!(
        (world.closes.len(), world.count(|event| matches!(event, Event::ProduceUnknown { .. }))),
        (closes + 1, 5)
    );
    world.run_for(70_000);
    assert_eq!(world.brokers.values(0), [0, 1, 2, 3, 4, 5, 6]);
    let produces = world.requests.iter().filter(|(_, _, request)| is_produce(request)).map(|(at_ms, _, _)| *at_ms);
    let retries: Vec<i64> = produces.skip(6).take(5).collect();
    assert!(retries.windows(2).all(|pair| pair[1] - pair[0] >= 2), "retries go one by one: {retries:?}");
    let mut sequences: Vec<_> =
        produced(&world).into_iter().map(|(base, epoch, values)| (values, base, epoch)).collect();
    sequences.dedup();
    sequences.sort();
    sequences.dedup();
    assert_eq!(sequences, (0..=6).map(|i| (vec![i as u64], i, 0)).collect::<Vec<_>>(), "one sequence for each value");
}

#[test]
fn not_enough_replicas_is_a_definite_failure_and_plainly_retried() {
    let mut world = warm(config());
    let refused = refusal(ErrorCode::NotEnoughReplicas);
    world.fate(is_produce, refused.clone());
    world.fate(is_produce, refused);
    let before = world.requests.len();
    send(&mut world, 0, 1);
    world.run_for(1_000);
    let times: Vec<i64> = world.requests[before..].iter().map(|(at_ms, _, _)| *at_ms).collect();
    assert_eq!(times.len(), 3, "no metadata were fetched");
    assert!((80..=122).contains(&(times[1] - times[0])) && (160..=242).contains(&(times[2] - times[1])), "{times:?}");
    assert_eq!(world.count(|event| matches!(event, Event::ProduceFailed { .. })), 2);
    assert_eq!(world.brokers.values(0), [0, 1]);
}

#[test]
fn a_batch_given_up_after_a_broker_may_have_seen_it_leads_to_a_new_epoch() {
    let mut config = config();
    (config.client.request_timeout_ms, config.delivery_timeout_ms) = (1_000, 1_500);
    let mut world = warm(config);
    world.fate(is_produce, Fate::RequestLost);
    world.fate(is_produce, Fate::RequestLost);
    send(&mut world, 0, 1);
    world.run_for(1_200);
    send(&mut world, 0, 2);
    world.run_for(2_500);
    // Value 2 was sent after the retry of 1 and was lost with it. When 1 expires its sequence is unresolved; the
    // broker's error for 2 shows that 1 will never fill the gap.
    let twice = |sequence, value| [(sequence, 0, vec![value]), (sequence, 0, vec![value])];
    assert_eq!(
        produced(&world)[1..],
        [twice(1, 1), twice(2, 2)].concat().into_iter().chain([(0, 1, vec![2])]).collect::<Vec<_>>()
    );
    let failed = Event::BatchFailed { batch: 2, error: ErrorCode::RequestTimedOut };
    assert!(world.observed().any(|event| event == failed));
    assert_eq!(world.brokers.values(0), [0, 2]);
}

#[test]
fn a_gap_in_the_broker_s_sequences_leads_to_a_new_epoch() {
    let mut world = warm(config());
    send(&mut world, 0, 1);
    world.run_for(50);
    // A new leader that lost the previous record refuses the next one.
    world.fate(is_produce, refusal(ErrorCode::OutOfOrderSequenceNumber));
    send(&mut world, 0, 2);
    world.run_for(500);
    assert_eq!(produced(&world)[2..], [(2, 0, vec![2]), (0, 1, vec![2])]);
    assert_eq!(world.brokers.values(0), [0, 1, 2]);
}

/// Kafka's behaviour: a broker without state for a producer accepts any sequence, so the very first batch, refused once
/// while the second was in flight, can no longer be appended.
#[test]
fn a_first_batch_overtaken_by_the_second_is_refused_until_it_expires() {
    let mut world = world(ProducerConfig { linger_ms: 0, ..config() });
    world.fate(is_produce, refusal(ErrorCode::NotEnoughReplicas));
    send(&mut world, 0, 1);
    while produced(&world).is_empty() {
        world.run_for(1);
    }
    send(&mut world, 0, 2);
    world.run_for(119_000);
    assert_eq!((world.brokers.values(0), world.client.outstanding()), (vec![2], 1));
    world.run_for(3_000);
    let failed = |event: &Event| matches!(event, Event::BatchFailed { batch: 1, .. });
    assert_eq!((world.count(failed), world.client.outstanding()), (1, 0));
}

#[test]
fn a_refused_batch_fails_and_those_behind_it_start_over_in_a_new_epoch() {
    let mut world = warm(config());
    world.fate(is_produce, refusal(ErrorCode::InvalidRequiredAcks));
    send(&mut world, 0, 1);
    world.run_for(6);
    send(&mut world, 0, 2);
    world.run_for(1_000);
    assert_eq!(world.brokers.values(0), [0, 2]);
    let failed = Event::BatchFailed { batch: 2, error: ErrorCode::InvalidRequiredAcks };
    assert!(world.observed().any(|event| event == failed));
}

#[test]
fn a_batch_too_large_is_split_until_it_fits() {
    let mut world = warm(config());
    for _ in 0..2 {
        world.fate(is_produce, refusal(ErrorCode::MessageTooLarge));
    }
    (1..=8).for_each(|value| send(&mut world, 0, value));
    world.run_for(500);
    assert_eq!(world.brokers.values(0), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    let sequences: Vec<_> = produced(&world).into_iter().map(|(base, _, values)| (base, values.len())).collect();
    assert_eq!(sequences[..3], [(0, 1), (1, 8), (1, 8)], "first into parts of batch.size, then by half");
    assert!(sequences.len() > 4 && world.client.outstanding() == 0);
}

#[test]
fn acks_0_is_done_when_sent_and_never_known() {
    let mut config = config();
    (config.acks, config.enable_idempotence) = (0, false);
    let world = warm(config);
    let unknown = Event::ProduceUnknown { attempt: 1, error: ErrorCode::None };
    assert!(world.observed().any(|event| event == unknown));
    assert!(world.observed().any(|event| event == Event::BatchAcked { batch: 1, base_offset: Offset(-1) }));
    assert_eq!(produced(&world), [(-1, -1, vec![0])]);
}

#[test]
fn a_partition_that_does_not_show_up_is_waited_for_and_then_refused() {
    let mut world = warm(config());
    send(&mut world, 5, 1);
    send(&mut world, 2, 2);
    world.run_for(30_000);
    world.brokers.partitions.push(super::brokers::Partition { leader: Some(NodeId(1)), ..Default::default() });
    world.run_for(31_000);
    assert_eq!(world.brokers.values(2), [2]);
    let partition = TopicPartition { topic: 0, partition: 5 };
    assert!(world.observed().any(|event| event == Event::SendRefused { partition, value: 1 }));
}

#[test]
fn kafka_refuses_these_configurations() {
    let refused = |change: fn(&mut ProducerConfig)| {
        let mut config = config();
        change(&mut config);
        Producer::new(config).err()
    };
    assert_eq!(refused(|config| config.delivery_timeout_ms = 30_004), Some(ProducerConfigError::DeliveryTimeout));
    assert!(matches!(refused(|config| config.acks = 1), Some(ProducerConfigError::Idempotence(_))));
    assert!(matches!(refused(|config| config.max_in_flight = 6), Some(ProducerConfigError::Idempotence(_))));
    assert_eq!(refused(|config| config.acks = 2), Some(ProducerConfigError::Acks(2)));
}
