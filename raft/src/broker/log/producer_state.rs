//! Idempotent producers' state in a log: Kafka's ProducerStateManager without transactions (controller-broker.md §6.8).

use std::collections::BTreeMap;

use smallvec::SmallVec;

use crate::bugs::{Bug, Bugs};
use crate::ids::{Offset, ProducerId};
use crate::log::{Batch, BatchProducer};
use crate::message::ErrorCode;

/// `ProducerStateEntry.NUM_BATCHES_TO_RETAIN`: the maximum number of batches that a producer may have in flight.
const BATCHES_TO_RETAIN: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchMetadata {
    pub first_sequence: i32,
    pub last_sequence: i32,
    pub first_offset: Offset,
    pub last_offset: Offset,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ProducerEntry {
    epoch: i16,
    /// Oldest first, never empty.
    batches: SmallVec<[BatchMetadata; BATCHES_TO_RETAIN]>,
    /// Largest record timestamp of its last batch: the *producer's* clock (the pitfall of §6.8).
    last_timestamp_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerStates {
    producers: BTreeMap<ProducerId, ProducerEntry>,
    bugs: Bugs,
}

impl ProducerStates {
    /// The state of a log without batches.
    pub fn new(bugs: Bugs) -> ProducerStates {
        ProducerStates { producers: BTreeMap::new(), bugs }
    }

    /// Checks whether a client's batch may be appended: `Ok(None)` if so, `Ok(Some(original))` for a duplicate, else
    /// the error. The order of checks is Kafka's: duplicate, epoch, sequence.
    pub fn check(&self, batch: &Batch) -> Result<Option<BatchMetadata>, ErrorCode> {
        let Some(producer) = batch.producer() else { return Ok(None) };
        if producer.base_sequence < 0 || producer.epoch < 0 {
            // An idempotent producer's batch must have a sequence (`DefaultRecordBatch.ensureValid`).
            return Err(ErrorCode::InvalidRecord);
        }
        // There is no state, which may have expired, so any sequence is accepted.
        let Some(entry) = self.producers.get(&producer.id) else { return Ok(None) };
        let (first, last) = (producer.base_sequence, last_sequence(producer, batch));
        let same = |known: &&BatchMetadata| known.first_sequence == first && known.last_sequence == last;
        if entry.epoch == producer.epoch
            && let Some(original) = entry.batches.iter().find(same)
        {
            return Ok(Some(*original));
        }
        if producer.epoch < entry.epoch {
            return Err(ErrorCode::InvalidProducerEpoch);
        }
        let expected = match entry.batches.last() {
            Some(newest) if producer.epoch == entry.epoch => increment(newest.last_sequence, 1),
            _ => 0,
        };
        if first == expected { Ok(None) } else { Err(ErrorCode::OutOfOrderSequenceNumber) }
    }

    /// Adds a batch that was appended at its offsets. Followers and recovery do not validate: a batch that the leader
    /// wrote is accepted, even with an older epoch.
    pub fn update(&mut self, batch: &Batch) {
        let Some(producer) = batch.producer() else { return };
        let metadata = BatchMetadata {
            first_sequence: producer.base_sequence,
            last_sequence: last_sequence(producer, batch),
            first_offset: batch.base_offset,
            last_offset: batch.last_offset,
        };
        let last_timestamp_ms = batch.max_timestamp_ms();
        let retained = if self.bugs.has(Bug::RemembersOneBatch) { 1 } else { BATCHES_TO_RETAIN };
        let entry = self.producers.entry(producer.id).or_insert_with(|| ProducerEntry {
            epoch: producer.epoch,
            batches: SmallVec::new(),
            last_timestamp_ms,
        });
        if entry.epoch != producer.epoch {
            entry.epoch = producer.epoch;
            entry.batches.clear();
        }
        if entry.batches.len() == retained {
            entry.batches.remove(0);
        }
        entry.batches.push(metadata);
        entry.last_timestamp_ms = last_timestamp_ms;
    }

    /// Removes producers that have been idle for `producer.id.expiration.ms`. The wall clock is compared with the
    /// producer's own timestamps, as in Kafka: a producer that writes old timestamps is removed at the next check.
    pub fn remove_expired(&mut self, now_ms: i64, expiration_ms: i64) {
        self.producers.retain(|_, entry| now_ms.saturating_sub(entry.last_timestamp_ms) < expiration_ms);
    }

    /// Builds the state from the batches of a log, oldest first.
    pub fn rebuild<'a>(bugs: Bugs, batches: impl Iterator<Item = &'a Batch>) -> ProducerStates {
        let mut states = ProducerStates::new(bugs);
        batches.for_each(|batch| states.update(batch));
        states
    }
}

fn last_sequence(producer: BatchProducer, batch: &Batch) -> i32 {
    increment(producer.base_sequence, batch.offset_count() - 1)
}

/// `DefaultRecordBatch.incrementSequence`: wraps to 0 after 2^31 - 1.
fn increment(sequence: i32, by: i64) -> i32 {
    let sum = (i64::from(sequence) + by).rem_euclid(1 << 31);
    i32::try_from(sum).expect("below 2^31")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_wrap_to_zero() {
        assert_eq!((increment(i32::MAX, 1), increment(i32::MAX - 1, 3), increment(4, 0)), (0, 1, 4));
    }
}
