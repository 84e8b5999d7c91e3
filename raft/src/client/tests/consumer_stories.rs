//! Tests of a consumer (controller-broker.md §6.7).

use std::rc::Rc;

use super::brokers::Brokers;
use super::world::{Fate, World};
use crate::bugs::{Bug, Bugs};
use crate::client::AttemptEvent as Event;
use crate::client::*;
use crate::fixes::{Fix, Fixes};
use crate::ids::{NodeId, Offset};
use crate::message::{DataRequest, ErrorCode, Request};

pub const P0: TopicPartition = TopicPartition { topic: 0, partition: 0 };

/// A consumer of partition 0, led by broker 0 in epoch 0, with `values` records.
pub fn world(values: u64, auto_offset_reset: OffsetResetStrategy) -> World<Consumer> {
    world_with((Bugs::NONE, Fixes::NONE), values, auto_offset_reset)
}

fn world_with((bugs, fixes): (Bugs, Fixes), values: u64, auto_offset_reset: OffsetResetStrategy) -> World<Consumer> {
    let mut client = ClientConfig::new(Rc::from([NodeId(0), NodeId(1), NodeId(2)]), Rc::from([Rc::from("t")]));
    (client.bugs, client.fixes) = (bugs, fixes);
    let config = ConsumerConfig { auto_offset_reset, ..ConsumerConfig::new(client) };
    let mut world = World::new(Consumer::new(config), Brokers::new(1));
    world.brokers.partitions[0].log = (0..values).map(|value| (0, value)).collect();
    world.operate(ConsumerOperation::Assign { partitions: Rc::from([P0]) });
    world
}

fn is_fetch(request: &Request) -> bool {
    matches!(request, Request::Data(DataRequest::Fetch(_)))
}

/// Offset and value of all records that polls returned.
pub fn polled(world: &World<Consumer>) -> Vec<(i64, u64)> {
    let record = |event| match event {
        Event::PollRecord { offset, value, .. } => Some((offset.0, value)),
        _ => None,
    };
    world.observed().filter_map(record).collect()
}

fn positions(world: &World<Consumer>) -> Vec<(i64, PositionCause)> {
    let set = |event| match event {
        Event::PositionSet { offset, cause, .. } => Some((offset.0, cause)),
        _ => None,
    };
    world.observed().filter_map(set).collect()
}

#[test]
fn earliest_reads_all_and_then_waits_for_more() {
    let mut world = world(5, OffsetResetStrategy::Earliest);
    world.run_for(2_000);
    assert_eq!(polled(&world), (0..5).map(|i| (i, i as u64)).collect::<Vec<_>>());
    assert_eq!(positions(&world), [(0, PositionCause::Reset)]);
    let fetches = world.requests.iter().filter(|(_, _, request)| is_fetch(request)).count();
    assert!((4..=6).contains(&fetches), "one Fetch in 500 ms when idle, not {fetches}");
    world.brokers.partitions[0].log.push((0, 5));
    world.run_for(600);
    assert_eq!(world.client.position(P0), Some(Offset(6)));
}

#[test]
fn latest_starts_at_the_end_and_a_seek_drops_the_answer_under_way() {
    let mut world = world(5, OffsetResetStrategy::Latest);
    world.run_for(100);
    assert_eq!((positions(&world), polled(&world)), (vec![(5, PositionCause::Reset)], vec![]));
    world.operate(ConsumerOperation::Seek { partition: P0, offset: Offset(3) });
    world.run_for(600);
    assert_eq!(world.count(|event| matches!(event, Event::ReadStale { .. })), 1);
    assert_eq!(polled(&world), [(3, 3), (4, 4)]);
}

#[test]
fn a_new_leader_s_epochs_are_requested_before_reading_on() {
    let mut world = world(4, OffsetResetStrategy::Earliest);
    world.run_for(100);
    world.brokers.elect(0, 1);
    world.brokers.partitions[0].log.push((1, 40));
    world.run_for(1_200);
    let validation = Event::ReadInvoked { attempt: 0, api: ReadApi::OffsetForLeaderEpoch, partition: P0, at: 0 };
    assert_eq!(world.count(|event| same_but_attempt(event, &validation)), 1);
    assert_eq!(polled(&world).last(), Some(&(4, 40)));
    assert_eq!(positions(&world).len(), 1);
}

fn same_but_attempt(event: &Event, wanted: &Event) -> bool {
    match (event, wanted) {
        (
            Event::ReadInvoked { api: a, partition: b, at: c, .. },
            Event::ReadInvoked { api: x, partition: y, at: z, .. },
        ) => (a, b, c) == (x, y, z),
        _ => false,
    }
}

/// An unclean election: the new leader has only two of the four records read, and two of its own.
fn truncate(world: &mut World<Consumer>) {
    world.run_for(100);
    assert_eq!(polled(world).len(), 4);
    world.brokers.elect(0, 1);
    world.brokers.truncate(0, 2);
    world.brokers.partitions[0].log.extend([(1, 20), (1, 30)]);
    world.run_for(1_200);
}

#[test]
fn a_truncated_log_sends_the_position_back_to_where_the_logs_part() {
    let mut world = world(4, OffsetResetStrategy::Earliest);
    truncate(&mut world);
    assert_eq!(positions(&world)[1..], [(2, PositionCause::Truncation)]);
    assert_eq!(polled(&world)[4..], [(2, 20), (3, 30)]);
}

/// An unclean election: the new leader has no records of epoch 1, but more of epoch 0 than the deposed leader.
#[test]
fn a_leader_that_has_lost_the_position_s_epoch_names_the_end_of_an_older_one() {
    let story = |fixes: Fixes, bugs: Bugs| {
        let mut world = world_with((bugs, fixes), 4, OffsetResetStrategy::Earliest);
        world.run_for(100);
        world.brokers.elect(0, 1);
        world.brokers.partitions[0].log.extend([(1, 20), (1, 30)]);
        world.run_for(1_200);
        world.brokers.elect(0, 2);
        world.brokers.truncate(0, 4);
        world.brokers.partitions[0].log.extend([(0, 4), (0, 5), (0, 6)]);
        world.run_for(1_200);
        let lost = world.count(|event| matches!(event, Event::EpochLost { .. }));
        (lost, positions(&world)[1..].to_vec(), polled(&world)[4..].to_vec())
    };
    let read = [(4, 20), (5, 30), (6, 6)];
    assert_eq!(story(Fixes::NONE, Bugs::NONE), (1, vec![], read.to_vec()), "4 and 5 are skipped");
    let unasked = Bugs::NONE.with(Bug::Kafka7747NoPositionValidation);
    assert_eq!(story(Fixes::NONE, unasked), (0, vec![], read.to_vec()));
    let (lost, positions, polled) = story(Fixes::NONE.with(Fix::CompareEpochOfPosition), Bugs::NONE);
    assert_eq!((lost, positions), (1, vec![(4, PositionCause::Truncation)]), "where epoch 1 was read first");
    assert_eq!(polled[2..], [4, 5, 6].map(|offset| (offset, offset as u64)));
}

/// Two leaders in turn are elected uncleanly, and each has what the other has lost.
#[test]
fn an_answer_of_an_epoch_that_was_not_read_is_not_the_last_question() {
    let mended = Fixes::NONE.with(Fix::CompareEpochOfPosition);
    let mut world = world_with((Bugs::NONE, mended), 2, OffsetResetStrategy::Earliest);
    let mut elect = |leader, kept, records: &[(i32, u64)]| {
        world.brokers.elect(0, leader);
        world.brokers.truncate(0, kept);
        world.brokers.partitions[0].log.extend(records);
        world.run_for(1_200);
    };
    elect(1, 2, &[(1, 12), (1, 13)]);
    elect(2, 2, &[(0, 2), (0, 3), (2, 24)]);
    elect(0, 2, &[(1, 12), (1, 13), (1, 14), (1, 15)]);
    let back = [2, 4, 2].map(|offset| (offset, PositionCause::Truncation));
    assert_eq!(positions(&world)[1..], back, "asked for epoch 2, and then for epoch 0");
    assert_eq!(polled(&world)[7..], [12, 13, 14, 15].map(|value| (value as i64 - 10, value)));
}

#[test]
fn a_truncated_log_without_a_policy_is_an_error_until_a_seek() {
    let mut world = world(4, OffsetResetStrategy::None);
    world.run_for(10);
    assert_eq!(world.count(|event| matches!(event, Event::ConsumerError { .. })), 1, "there is no position");
    world.operate(ConsumerOperation::Seek { partition: P0, offset: Offset(0) });
    truncate(&mut world);
    assert_eq!(world.count(|event| matches!(event, Event::ConsumerError { .. })), 2);
    world.operate(ConsumerOperation::Seek { partition: P0, offset: Offset(3) });
    world.run_for(100);
    assert_eq!(polled(&world)[4..], [(3, 30)]);
}

#[test]
fn a_position_past_the_end_is_reset() {
    let mut world = world(4, OffsetResetStrategy::Earliest);
    world.run_for(100);
    world.operate(ConsumerOperation::Seek { partition: P0, offset: Offset(9) });
    world.run_for(600);
    let failed = |event: &Event| matches!(event, Event::ReadFailed { error: ErrorCode::OffsetOutOfRange, .. });
    assert_eq!(world.count(failed), 1);
    assert_eq!(positions(&world)[1..], [(9, PositionCause::Seek), (0, PositionCause::Reset)]);
    assert_eq!(polled(&world).len(), 8);
}

#[test]
fn a_fetch_without_an_answer_is_repeated_from_the_same_position() {
    let mut world = world(4, OffsetResetStrategy::Earliest);
    world.fate(is_fetch, Fate::ResponseLost);
    world.run_for(29_000);
    assert_eq!(polled(&world), []);
    world.run_for(2_000);
    assert_eq!(world.count(|event| matches!(event, Event::ReadUnknown { .. })), 1);
    assert_eq!(polled(&world).len(), 4);
}

#[test]
fn mistakes_of_consumers_show_in_what_polls_return() {
    let story = |bugs: Bugs| {
        let mut world = world_with((bugs, Fixes::NONE), 2, OffsetResetStrategy::Earliest);
        world.run_for(100);
        world.brokers.partitions[0].log.extend([(0, 2), (0, 3)]);
        world.brokers.elect(0, 1);
        world.run_for(1_200);
        world.brokers.partitions[0].log.push((1, 4));
        world.run_for(1_200);
        polled(&world).into_iter().map(|(offset, _)| offset).collect::<Vec<_>>()
    };
    assert_eq!(story(Bugs::NONE), [0, 1, 2, 3, 4]);
    assert_eq!(story(Bugs::NONE.with(Bug::ConsumerResetsAtNewLeader)), [0, 1, 4], "2 and 3 are skipped");
    assert_eq!(story(Bugs::NONE.with(Bug::ReadsGoBack))[..3], [0, 1, 1], "1 again");
}
