//! With lost messages and leader changes, sequences are never assigned to other values, and idempotence holds for the
//! records that brokers keep.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::brokers::Brokers;
use super::producer_stories::{config, send};
use super::world::{Fate, World, is_produce};
use crate::client::AttemptEvent as Event;
use crate::client::*;

#[derive(Clone, Debug)]
enum Act {
    Send { partition: i32 },
    Wait { ms: i64 },
    Fate(Fate),
    Elect { partition: usize, leader: i32 },
    Flush,
}

fn act() -> impl Strategy<Value = Act> {
    let fate =
        prop_oneof![Just(Fate::RequestLost), Just(Fate::ResponseLost), Just(Fate::ResetAfter), Just(Fate::ResetBefore)];
    prop_oneof![
        6 => (0..2_i32).prop_map(|partition| Act::Send { partition }),
        3 => (1..20_i64).prop_map(|ms| Act::Wait { ms }),
        1 => (20..4_000_i64).prop_map(|ms| Act::Wait { ms }),
        2 => fate.prop_map(Act::Fate),
        1 => (0..2_usize, 0..3_i32).prop_map(|(partition, leader)| Act::Elect { partition, leader }),
        1 => Just(Act::Flush),
    ]
}

fn run(config: ProducerConfig, hints: bool, acts: &[Act]) -> (World<Producer>, Vec<Vec<u64>>) {
    let mut world = World::new(Producer::new(config).expect("a legal configuration"), Brokers::new(2));
    world.brokers.hints = hints;
    // A broker without state for a producer accepts any sequence (see
    // `a_first_batch_overtaken_by_the_second_is_refused_until_it_expires`), so each partition first gets a record
    // without faults.
    let mut requested = vec![vec![1], vec![2]];
    send(&mut world, 0, 1);
    send(&mut world, 1, 2);
    world.run_for(100);
    let mut value = 2;
    for act in acts {
        match act {
            Act::Send { partition } => {
                value += 1;
                requested[*partition as usize].push(value);
                send(&mut world, *partition, value);
            }
            Act::Wait { ms } => world.run_for(*ms),
            Act::Fate(fate) => world.fate(is_produce, fate.clone()),
            Act::Elect { partition, leader } => world.brokers.elect(*partition, *leader),
            Act::Flush => world.operate(ProducerOperation::Flush),
        }
    }
    // Retries use the remaining fates.
    world.run_for(300_000);
    (world, requested)
}

/// Every sequence of a session and partition, with the value to which it was assigned.
type Sequences = BTreeMap<(TopicPartition, i64, i16), BTreeMap<i32, u64>>;

/// Panics if a sequence is assigned to two values.
fn sequences(world: &World<Producer>) -> Sequences {
    let mut sequences = Sequences::new();
    let mut partition = TopicPartition { topic: 0, partition: -1 };
    let (mut key, mut next) = ((partition, -1, -1), -1);
    for event in world.observed() {
        match event {
            Event::ProduceInvoked { partition: of, .. } => partition = of,
            Event::ProduceSequence { producer_id, producer_epoch, base_sequence, .. } => {
                key = (partition, producer_id.0, producer_epoch);
                next = base_sequence;
            }
            Event::ProduceValues { first_value, count, .. } => {
                for value in first_value..first_value + u64::from(count) {
                    let given = *sequences.entry(key).or_default().entry(next).or_insert(value);
                    assert_eq!(given, value, "sequence {next} of {key:?}");
                    next += 1;
                }
            }
            _ => {}
        }
    }
    sequences
}

/// Every attempt ends, once.
fn every_attempt_ends(world: &World<Producer>) {
    let mut open = BTreeMap::new();
    for event in world.observed() {
        match event {
            Event::ProduceInvoked { attempt, .. } => assert!(open.insert(attempt, ()).is_none()),
            Event::ProduceOk { attempt, .. }
            | Event::ProduceFailed { attempt, .. }
            | Event::ProduceUnknown { attempt, .. } => assert!(open.remove(&attempt).is_some(), "{attempt}"),
            _ => {}
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

/// Offset and value of all records that were reported as appended to an attempt.
fn reported(world: &World<Producer>) -> Vec<(TopicPartition, i64, u64)> {
    let mut values: BTreeMap<u32, (TopicPartition, Vec<u64>)> = BTreeMap::new();
    let mut reported = Vec::new();
    for event in world.observed() {
        match event {
            Event::ProduceInvoked { attempt, partition, .. } => {
                values.insert(attempt, (partition, Vec::new()));
            }
            Event::ProduceValues { attempt, first_value, count } => {
                let of = values.get_mut(&attempt).expect("invoked first");
                of.1.extend(first_value..first_value + u64::from(count));
            }
            Event::ProduceOk { attempt, base_offset } => {
                let (partition, values) = &values[&attempt];
                reported.extend(values.iter().zip(base_offset.0..).map(|(value, offset)| (*partition, offset, *value)));
            }
            _ => {}
        }
    }
    reported
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Nothing expires: all records are appended once, in order, with contiguous sequences of one session.
    #[test]
    fn retries_neither_lose_nor_duplicate_nor_reorder(
        acts in prop::collection::vec(act(), 1..60),
        hints in any::<bool>(),
        max_in_flight in 1..=5_usize,
        batch_size in prop_oneof![Just(100_u32), Just(16_384)],
    ) {
        let mut config = config();
        (config.client.request_timeout_ms, config.delivery_timeout_ms) = (1_000, 10_000_000);
        (config.max_in_flight, config.batch_size) = (max_in_flight, batch_size);
        let (world, requested) = run(config, hints, &acts);
        for (partition, requested) in requested.iter().enumerate() {
            prop_assert_eq!(&world.brokers.values(partition), requested);
        }
        prop_assert_eq!(world.client.outstanding(), 0);
        for (key, given) in sequences(&world) {
            prop_assert_eq!(key.2, 0, "no reason to bump the epoch");
            prop_assert!(given.keys().copied().eq(0..given.len() as i32), "{:?}: {:?}", key, given);
        }
        every_attempt_ends(&world);
        for (partition, offset, value) in reported(&world) {
            prop_assert_eq!(world.brokers.values(partition.partition as usize)[offset as usize], value);
        }
    }

    /// Batches expire while brokers may have them: epochs are bumped, but no sequence is assigned twice; reported
    /// results are true; no batch stays forever.
    #[test]
    fn sequences_are_never_reused_when_batches_expire(
        acts in prop::collection::vec(act(), 1..60),
        hints in any::<bool>(),
        max_in_flight in 1..=5_usize,
    ) {
        let mut config = config();
        (config.client.request_timeout_ms, config.delivery_timeout_ms) = (1_000, 1_200);
        config.max_in_flight = max_in_flight;
        let (world, requested) = run(config, hints, &acts);
        sequences(&world);
        every_attempt_ends(&world);
        prop_assert_eq!(world.client.outstanding(), 0);
        for (partition, offset, value) in reported(&world) {
            prop_assert_eq!(world.brokers.values(partition.partition as usize)[offset as usize], value);
        }
        for (partition, requested) in requested.iter().enumerate() {
            prop_assert!(world.brokers.values(partition).iter().all(|value| requested.contains(value)));
        }
    }
}
