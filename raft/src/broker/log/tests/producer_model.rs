//! Producer state against a direct implementation of controller-broker.md §6.8, and a client that retries.

use std::rc::Rc;

use proptest::prelude::*;

use super::super::partition_log::{LeaderAppend, PartitionLog};
use super::super::partition_log_config::PartitionLogConfig;
use super::super::producer_state::ProducerStates;
use crate::bugs::Bugs;
use crate::fixes::Fixes;
use crate::ids::{LeaderEpoch, Offset, ProducerId, Uuid};
use crate::io::Out;
use crate::log::{Batch, BatchBuilder, BatchProducer, Records};
use crate::message::ErrorCode;

const CONFIG: PartitionLogConfig = PartitionLogConfig {
    segment_bytes: 400,
    segment_ms: i64::MAX,
    max_message_bytes: 1 << 20,
    bugs: Bugs::NONE,
    fixes: Fixes::NONE,
};

fn batch(epoch: i16, base_sequence: i32, count: u64) -> Rc<Batch> {
    let mut builder = BatchBuilder::new(Offset(0), LeaderEpoch(-1), 0);
    builder.producer(BatchProducer { id: ProducerId(1), epoch, base_sequence });
    for value in 0..count {
        builder.value(value);
    }
    builder.build()
}

fn append(log: &mut PartitionLog, batch: &Rc<Batch>) -> Result<LeaderAppend, ErrorCode> {
    let records = Records([Rc::clone(batch)].into_iter().collect());
    log.append_as_leader(&records, LeaderEpoch(0), 0, &mut Out::default())
}

/// One batch that was appended: epoch, first and last sequence, offset.
type Appended = (i16, i32, i32, i64);

/// The result of §6.8 for a batch, given all batches of the producer, oldest first.
fn verdict(history: &[Appended], epoch: i16, first: i32, count: u64) -> Result<Option<i64>, ErrorCode> {
    let last = (i64::from(first) + count as i64 - 1) % (1 << 31);
    let Some(&(known, _, newest, _)) = history.last() else { return Ok(None) };
    let same_epoch = history.iter().rev().take_while(|it| it.0 == known).take(5);
    if epoch == known
        && let Some(original) = same_epoch.clone().find(|it| it.1 == first && i64::from(it.2) == last)
    {
        return Ok(Some(original.3));
    }
    if epoch < known {
        return Err(ErrorCode::InvalidProducerEpoch);
    }
    let expected = if epoch > known { 0 } else { ((i64::from(newest) + 1) % (1 << 31)) as i32 };
    if first == expected { Ok(None) } else { Err(ErrorCode::OutOfOrderSequenceNumber) }
}

proptest! {
    #[test]
    fn sequences_are_judged_by_the_last_five_batches(
        start in prop_oneof![Just(0_i32), Just(i32::MAX - 4)],
        attempts in prop::collection::vec((0..3_i16, -9..2_i64, 1..4_u64), 1..50),
    ) {
        let mut log = PartitionLog::create("t-0".into(), Uuid([1; 16]), 1, CONFIG, &mut Out::default());
        let mut history: Vec<Appended> = Vec::new();
        for (epoch, from_next, count) in attempts {
            let next = history.last().map_or(i64::from(start), |it| i64::from(it.2) + 1);
            let first = if from_next == 1 { 0 } else { (next + from_next).rem_euclid(1 << 31) as i32 };
            let expected = verdict(&history, epoch, first, count);
            let got = append(&mut log, &batch(epoch, first, count));
            match (expected, got) {
                (Ok(None), Ok(LeaderAppend::Appended { first: offset, .. })) => {
                    let last = (i64::from(first) + count as i64 - 1) % (1 << 31);
                    history.push((epoch, first, last as i32, offset.0));
                }
                (Ok(Some(original)), Ok(LeaderAppend::Duplicate { first, .. })) => prop_assert_eq!(original, first.0),
                (Err(expected), Err(got)) => prop_assert_eq!(expected, got),
                (expected, got) => prop_assert!(false, "{:?} expected, {:?} found", expected, got),
            }
            let batches = log.batches();
            prop_assert_eq!(&ProducerStates::rebuild(CONFIG.bugs, batches.0.iter().map(|batch| &**batch)), log.producers());
        }
    }

    /// Up to five batches in flight, each sent any number of times in any order: a producer that sends each until it is
    /// acknowledged gets all of them appended once, in order. The very first batch is sent first: without producer
    /// state any sequence is accepted (§6.8).
    #[test]
    fn retries_neither_duplicate_nor_reorder(
        counts in prop::collection::vec(1..4_u64, 1..20),
        sends in prop::collection::vec((0..5_usize, any::<bool>()), 1..200),
    ) {
        let mut log = PartitionLog::create("t-0".into(), Uuid([1; 16]), 1, CONFIG, &mut Out::default());
        let mut sequence = 0;
        let batches: Vec<Rc<Batch>> = counts.iter().map(|count| {
            let next = batch(0, sequence, *count);
            sequence += *count as i32;
            next
        }).collect();
        let mut acknowledged = vec![None; batches.len()];
        let rest = (0..batches.len() * 5).map(|_| (0, true));
        for (ahead, heard) in [(0, false)].into_iter().chain(sends).chain(rest) {
            let oldest = acknowledged.iter().position(Option::is_none).unwrap_or(batches.len());
            let index = oldest + ahead;
            if index < batches.len()
                && let Ok(LeaderAppend::Appended { first, .. } | LeaderAppend::Duplicate { first, .. }) =
                    append(&mut log, &batches[index])
                && heard
            {
                acknowledged[index] = Some(first.0);
            }
        }
        let mut expected = 0;
        for (offset, count) in acknowledged.iter().zip(&counts) {
            prop_assert_eq!(*offset, Some(expected));
            expected += *count as i64;
        }
        prop_assert_eq!(log.end_offset(), Offset(expected));
    }
}

/// `UnifiedLog.append`: the size decides about the roll before the sequence numbers are compared.
#[test]
fn a_refused_batch_and_a_duplicate_roll_a_full_segment() {
    for refused_or_known in [batch(0, 20, 13), batch(0, 0, 13)] {
        let mut log = PartitionLog::create("t-0".into(), Uuid([1; 16]), 1, CONFIG, &mut Out::default());
        append(&mut log, &batch(0, 0, 13)).expect("it is the first of its producer");
        let result = append(&mut log, &refused_or_known);
        assert!(!matches!(result, Ok(LeaderAppend::Appended { .. })));
        assert_eq!((log.end_offset(), log.segment_base(log.end_offset())), (Offset(13), Offset(13)));
    }
}
