//! Sequences of the idempotent producer: the part of Kafka's `TransactionManager` that a producer
//! without transactions uses (controller-broker.md §6.8).
//!
//! Batches keep their sequence in retries; in flight here means: drained once and not ended. An epoch bump assigns new
//! sequences, from 0, to the partitions that requested it, even to batches that a broker may have appended under the
//! old ones: a known cause of duplicates in Kafka.

use std::collections::{BTreeMap, BTreeSet};

use super::batch::{ProducerBatch, ProducerIdAndEpoch, ProducerState, increment_sequence};
use crate::bugs::{Bug, Bugs};
use crate::client::errors::is_retriable;
use crate::client::{SequencesShown, TopicPartition};
use crate::ids::{Offset, ProducerId};
use crate::message::ErrorCode;
use crate::sorted_map::SortedMap;

/// All batches that have not been deallocated, by number.
pub(super) type Batches = SortedMap<u32, ProducerBatch>;

const NO_LAST_ACKED: i32 = -1;

/// The session and its sequences.
#[derive(Clone, Debug, Default)]
pub(super) struct TransactionManager {
    bugs: Bugs,
    /// `None`: InitProducerId must be sent.
    session: Option<ProducerIdAndEpoch>,
    partitions: SortedMap<TopicPartition, PartitionEntry>,
    /// Partitions where a batch expired that a broker may have received, with the sequence that follows it.
    unresolved: BTreeMap<TopicPartition, i32>,
    to_rewrite: BTreeSet<TopicPartition>,
    epoch_bump_required: bool,
}

/// Kafka's `TxnPartitionEntry`.
#[derive(Clone, Debug)]
struct PartitionEntry {
    session: Option<ProducerIdAndEpoch>,
    next_sequence: i32,
    last_acked_sequence: i32,
    /// Numbers of the batches in flight, in the order of their sequences.
    in_flight: Vec<u32>,
}

impl Default for PartitionEntry {
    fn default() -> PartitionEntry {
        PartitionEntry { session: None, next_sequence: 0, last_acked_sequence: NO_LAST_ACKED, in_flight: Vec::new() }
    }
}

impl TransactionManager {
    pub fn new(bugs: Bugs) -> TransactionManager {
        TransactionManager { bugs, ..TransactionManager::default() }
    }

    pub fn has_producer_id(&self) -> bool {
        self.session.is_some()
    }

    /// The session, and the sequences of each partition.
    pub fn shown(&self) -> (Option<(ProducerId, i16)>, Vec<SequencesShown>) {
        let shown = |(partition, entry): (&TopicPartition, &PartitionEntry)| SequencesShown {
            partition: *partition,
            next: entry.next_sequence,
            last_acked: entry.last_acked_sequence,
            in_flight: entry.in_flight.len(),
            is_unresolved: self.unresolved.contains_key(partition),
        };
        (self.session.map(|session| (session.id, session.epoch)), self.partitions.iter().map(shown).collect())
    }

    /// Processes a response to InitProducerId. A bump that waited for a new id is executed.
    pub fn set_session(&mut self, session: ProducerIdAndEpoch, batches: &mut Batches) {
        self.session = Some(session);
        self.rewrite(batches);
    }

    /// Resolves partitions with nothing left in flight: resolved if the sequences that follow were acknowledged,
    /// otherwise the epoch is bumped.
    pub fn maybe_resolve_sequences(&mut self) {
        if self.unresolved.is_empty() {
            return;
        }
        let drained = |partition: &TopicPartition| !self.has_in_flight(*partition);
        let drained: Vec<_> = self.unresolved.keys().copied().filter(drained).collect();
        for partition in drained {
            self.unresolved.remove(&partition);
            let next = self.partitions.get(&partition).map_or(0, |entry| entry.next_sequence);
            if !self.is_next_sequence(partition, next) {
                self.request_epoch_bump(partition);
            }
        }
    }

    /// Bumps the epoch if requested. At 32767 a new producer id is needed; Kafka would assign new sequences without an
    /// id at once, here that waits for the new id.
    pub fn maybe_bump_epoch(&mut self, batches: &mut Batches) {
        if !std::mem::take(&mut self.epoch_bump_required) {
            return;
        }
        self.session = self
            .session
            .and_then(|session| Some(ProducerIdAndEpoch { epoch: session.epoch.checked_add(1)?, ..session }));
        self.rewrite(batches);
    }

    fn rewrite(&mut self, batches: &mut Batches) {
        let Some(session) = self.session else { return };
        for partition in std::mem::take(&mut self.to_rewrite) {
            self.unresolved.remove(&partition);
            let entry = self.partitions.get_or_insert_with(partition, PartitionEntry::default);
            entry.session = Some(session);
            entry.last_acked_sequence = NO_LAST_ACKED;
            entry.next_sequence = 0;
            for number in &entry.in_flight {
                if let Some(batch) = batches.get_mut(number) {
                    batch.set_state(ProducerState { session, base_sequence: entry.next_sequence });
                    batch.sequence_reset = true;
                    entry.next_sequence = increment_sequence(entry.next_sequence, batch.count());
                }
            }
        }
    }

    /// Kafka's `shouldStopDrainBatchesForPartition`: whether this batch, the first of its queue, must not be sent now.
    pub fn must_wait(&self, number: u32, batch: &ProducerBatch) -> bool {
        let Some(session) = self.session else { return true };
        let entry = self.partitions.get(&batch.partition);
        let first_in_flight = entry.and_then(|entry| entry.in_flight.first());
        if batch.state.is_none() {
            let stale = entry.is_some_and(|entry| entry.session != Some(session));
            return (first_in_flight.is_some() && stale) || self.unresolved.contains_key(&batch.partition);
        }
        // Only the first batch in flight is retried, one at a time.
        first_in_flight.is_some_and(|first| *first != number)
    }

    /// Assigns the sequence of a batch that is drained for the first time.
    pub fn assign(&mut self, number: u32, batch: &mut ProducerBatch) {
        let Some(session) = self.session else { return };
        let entry = self.partitions.get_or_insert_with(batch.partition, PartitionEntry::default);
        if entry.session != Some(session) && entry.in_flight.is_empty() {
            let first_session = entry.session.is_none();
            entry.session = Some(session);
            if first_session || !self.bugs.has(Bug::Kafka12152BumpKeepsSequences) {
                entry.next_sequence = 0;
                entry.last_acked_sequence = NO_LAST_ACKED;
            }
        }
        batch.set_state(ProducerState { session, base_sequence: entry.next_sequence });
        entry.next_sequence = increment_sequence(entry.next_sequence, batch.count());
        entry.in_flight.push(number);
    }

    /// A batch was acknowledged, possibly after it had expired.
    pub fn handle_completed_batch(&mut self, number: u32, batch: &ProducerBatch) {
        let entry = self.partitions.get_or_insert_with(batch.partition, PartitionEntry::default);
        if let Some(last) = batch.last_sequence() {
            entry.last_acked_sequence = entry.last_acked_sequence.max(last);
        }
        entry.in_flight.retain(|other| *other != number);
    }

    /// A batch failed permanently. Unless its retries or its delivery timeout ran out, the broker has definitely
    /// refused it, and the sequences after it must be reassigned.
    pub fn handle_failed_batch(
        &mut self,
        number: u32,
        partition: TopicPartition,
        error: ErrorCode,
        adjust_sequence_numbers: bool,
    ) {
        self.remove_in_flight(number, partition);
        match error {
            ErrorCode::OutOfOrderSequenceNumber => self.request_epoch_bump(partition),
            ErrorCode::UnknownProducerId => {
                self.partitions.remove(&partition);
                self.unresolved.remove(&partition);
            }
            _ if adjust_sequence_numbers => self.request_epoch_bump(partition),
            _ => {}
        }
    }

    /// Replaces a batch that was split by its parts.
    pub fn replace_in_flight(&mut self, number: u32, partition: TopicPartition, parts: &[u32]) {
        let entry = self.partitions.get_or_insert_with(partition, PartitionEntry::default);
        if let Some(at) = entry.in_flight.iter().position(|other| *other == number) {
            entry.in_flight.splice(at..=at, parts.iter().copied());
        }
    }

    /// A batch that a broker may have received has expired: no new batch of its partition is sent until all batches in
    /// flight there have ended.
    pub fn mark_sequence_unresolved(&mut self, batch: &ProducerBatch) {
        let Some(last) = batch.last_sequence() else { return };
        let next = last.saturating_add(1);
        let marked = self.unresolved.entry(batch.partition).or_insert(next);
        *marked = next.max(*marked);
    }

    /// Kafka's `canRetry`; an idempotent producer retries sequence errors as long as it may, and bumps the epoch once
    /// there certainly is a gap.
    pub fn can_retry(&mut self, batch: &ProducerBatch, error: ErrorCode, log_start_offset: Offset) -> bool {
        let partition = batch.partition;
        let base_sequence = batch.state.map_or(-1, |state| state.base_sequence);
        match error {
            ErrorCode::UnknownProducerId => {
                // Without a log start offset nothing is known; after a reset this is a late error of an earlier
                // attempt.
                if log_start_offset.0 != -1 && !batch.sequence_reset {
                    self.request_epoch_bump(partition);
                }
                true
            }
            ErrorCode::OutOfOrderSequenceNumber => {
                let follows_the_gap = match self.unresolved.get(&partition) {
                    None => !batch.sequence_reset && self.is_next_sequence(partition, base_sequence),
                    Some(next) => base_sequence == *next,
                };
                if follows_the_gap {
                    self.request_epoch_bump(partition);
                }
                true
            }
            error => is_retriable(error),
        }
    }

    fn remove_in_flight(&mut self, number: u32, partition: TopicPartition) {
        if let Some(entry) = self.partitions.get_mut(&partition) {
            entry.in_flight.retain(|other| *other != number);
        }
    }

    fn has_in_flight(&self, partition: TopicPartition) -> bool {
        self.partitions.get(&partition).is_some_and(|entry| !entry.in_flight.is_empty())
    }

    fn is_next_sequence(&self, partition: TopicPartition, sequence: i32) -> bool {
        let last = self.partitions.get(&partition).map_or(NO_LAST_ACKED, |entry| entry.last_acked_sequence);
        i64::from(sequence) - i64::from(last) == 1
    }

    fn request_epoch_bump(&mut self, partition: TopicPartition) {
        self.epoch_bump_required = true;
        self.to_rewrite.insert(partition);
    }
}
