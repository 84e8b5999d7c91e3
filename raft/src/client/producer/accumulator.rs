//! Records waiting to be sent, by partition: Kafka's `RecordAccumulator` (controller-broker.md §6.10).
//!
//! Not modelled: `buffer.memory` (a workload limits its outstanding records), compression, the partitioner (the
//! application chooses the partition).

use std::collections::{BTreeSet, VecDeque};

use smallvec::SmallVec;

use super::batch::ProducerBatch;
use super::transaction_manager::{Batches, TransactionManager};
use crate::bugs::Bug;
use crate::client::metadata::Metadata;
use crate::client::{ProducerConfig, TopicPartition};
use crate::ids::NodeId;
use crate::sorted_map::SortedMap;

/// Numbers of the batches drained for one request.
pub(super) type Drained = SmallVec<[u32; 4]>;

/// The result of [`RecordAccumulator::ready`].
#[derive(Clone, Debug, Default)]
pub(super) struct ReadyCheck {
    /// Leaders of partitions with sendable batches, ascending.
    pub nodes: SmallVec<[NodeId; 8]>,
    /// Topics of partitions with sendable batches and no leader.
    pub unknown_leader_topics: BTreeSet<u16>,
    /// When the next partition becomes sendable.
    pub next_check_ms: Option<i64>,
}

/// All batches that have not ended, and the queues of those not in flight.
#[derive(Clone, Debug, Default)]
pub(super) struct RecordAccumulator {
    /// All batches that have not been deallocated, by number.
    pub batches: Batches,
    queues: SortedMap<TopicPartition, VecDeque<u32>>,
    /// With one request in flight: the partitions that have one.
    muted: BTreeSet<TopicPartition>,
    /// Where the last drain for a node stopped.
    drained_last: SortedMap<NodeId, TopicPartition>,
    flushing: bool,
    numbers: u32,
}

impl RecordAccumulator {
    /// Adds a record to the partition's last batch, or to a new one.
    pub fn append(
        &mut self,
        config: &ProducerConfig,
        now_ms: i64,
        wall_ms: i64,
        partition: TopicPartition,
        value: u64,
    ) {
        let last = self.queues.get(&partition).and_then(|queue| queue.back());
        let last = last.and_then(|number| self.batches.get_mut(number));
        let waits = last.as_ref().is_some_and(|batch| batch.state.is_none());
        let overtakes = waits && config.client.bugs.has(Bug::NewerBatchOvertakes);
        if !overtakes && last.is_some_and(|batch| batch.try_append(value, config.batch_size)) {
            return;
        }
        let mut batch = ProducerBatch::new(partition, now_ms, wall_ms);
        batch.reopens_in_retry = config.client.bugs.has(Bug::RetriedBatchTakesMore);
        batch.try_append(value, config.batch_size);
        let number = self.add(batch);
        let queue = self.queues.get_or_insert_with(partition, VecDeque::new);
        queue.insert(queue.len() - usize::from(overtakes), number);
    }

    /// Sends all current batches without lingering.
    pub fn flush(&mut self) {
        self.flushing = true;
    }

    /// Whether any batch is neither acknowledged nor failed.
    pub fn has_incomplete(&self) -> bool {
        self.batches.values().any(|batch| !batch.done)
    }

    /// The nodes for which there are sendable batches.
    pub fn ready(&mut self, config: &ProducerConfig, now_ms: i64, metadata: &Metadata) -> ReadyCheck {
        self.flushing &= self.has_incomplete();
        let mut check = ReadyCheck::default();
        for (partition, queue) in self.queues.iter() {
            let Some(batch) = queue.front().and_then(|number| self.batches.get_mut(number)) else { continue };
            let leader = metadata.current_leader(*partition);
            batch.maybe_update_leader_epoch(leader.epoch);
            let Some(node) = leader.leader else {
                check.unknown_leader_topics.insert(partition.topic);
                continue;
            };
            if self.muted.contains(partition) {
                continue;
            }
            // One that was sent is closed, and so does not linger again (`MemoryRecordsBuilder.isFull`).
            let full = queue.len() > 1 || batch.closed || batch.size() >= config.batch_size;
            let lingers_until_ms = batch.last_attempt_ms.saturating_add(config.linger_ms);
            let sendable_at_ms = match batch.backs_off_until_ms() {
                Some(until_ms) if now_ms < until_ms => until_ms,
                _ if full || self.flushing => now_ms,
                _ => lingers_until_ms,
            };
            if sendable_at_ms <= now_ms {
                if let Err(at) = check.nodes.binary_search(&node) {
                    check.nodes.insert(at, node);
                }
            } else {
                check.next_check_ms =
                    Some(check.next_check_ms.map_or(sendable_at_ms, |at_ms| at_ms.min(sendable_at_ms)));
            }
        }
        check
    }

    /// Drains one batch of each partition that a node leads, up to the size limit of a request. As in Kafka the first
    /// partition that must wait for its sequences ends the drain for the node.
    pub fn drain(
        &mut self,
        config: &ProducerConfig,
        now_ms: i64,
        node: NodeId,
        metadata: &Metadata,
        mut sequences: Option<&mut TransactionManager>,
    ) -> Drained {
        let led = |partition: &TopicPartition| metadata.current_leader(*partition).leader == Some(node);
        let mut partitions: SmallVec<[TopicPartition; 16]> = self.queues.keys().copied().filter(led).collect();
        if let Some(last) = self.drained_last.get(&node) {
            let start = partitions.partition_point(|partition| partition < last);
            partitions.rotate_left(start);
        }
        let mut drained = Drained::new();
        let mut size = 0_u32;
        for partition in partitions {
            self.drained_last.insert(node, partition);
            let Some(queue) = self.queues.get_mut(&partition).filter(|_| !self.muted.contains(&partition)) else {
                continue;
            };
            let Some(number) = queue.front().copied() else { continue };
            let Some(batch) = self.batches.get_mut(&number) else { continue };
            batch.maybe_update_leader_epoch(metadata.current_leader(partition).epoch);
            if batch.backs_off_until_ms().is_some_and(|until_ms| now_ms < until_ms) {
                continue;
            }
            let too_much = size.saturating_add(batch.size()) > config.max_request_size && !drained.is_empty();
            if too_much || sequences.as_ref().is_some_and(|sequences| sequences.must_wait(number, batch)) {
                break;
            }
            queue.pop_front();
            if let Some(sequences) = sequences.as_mut().filter(|_| batch.state.is_none()) {
                sequences.assign(number, batch);
            }
            size = size.saturating_add(batch.size());
            batch.on_wire = true;
            drained.push(number);
        }
        drained
    }

    /// Puts a batch back for a retry, before all later ones.
    pub fn reenqueue(&mut self, now_ms: i64, backoff_ms: i64, number: u32) {
        let Some(batch) = self.batches.get_mut(&number) else { return };
        batch.attempts = batch.attempts.saturating_add(1);
        batch.last_attempt_ms = batch.last_attempt_ms.max(now_ms);
        batch.backoff_ms = backoff_ms;
        self.insert_in_sequence_order(number);
    }

    /// Replaces a batch that was too large by parts of at most `batch.size`, or half of its size if it is a part
    /// already. Returns their numbers.
    pub fn split_and_reenqueue(&mut self, config: &ProducerConfig, number: u32) -> Vec<u32> {
        let Some(big) = self.batches.remove(&number) else { return Vec::new() };
        let limit = if big.split { big.size() / 2 } else { config.batch_size };
        let parts: Vec<u32> = big.split(limit).into_iter().map(|part| self.add(part)).collect();
        for part in parts.iter().rev() {
            self.insert_in_sequence_order(*part);
        }
        parts
    }

    /// Removes the queued batches whose delivery timeout is over.
    pub fn expired(&mut self, config: &ProducerConfig, now_ms: i64) -> Vec<u32> {
        let mut expired = Vec::new();
        for queue in self.queues.values_mut() {
            while let Some(number) = queue.front() {
                let batch = self.batches.get(number);
                if batch.is_some_and(|batch| !batch.is_expired(config.delivery_timeout_ms, now_ms)) {
                    break;
                }
                expired.extend(queue.pop_front());
            }
        }
        expired
    }

    /// Empties all queues, after a fatal error; returns their batches.
    pub fn abort(&mut self) -> Vec<u32> {
        self.queues.values_mut().flat_map(|queue| queue.drain(..)).collect()
    }

    /// When the next batch's delivery timeout ends.
    pub fn next_expiry_ms(&self, config: &ProducerConfig) -> Option<i64> {
        let live = self.batches.values().filter(|batch| !batch.done);
        live.map(|batch| batch.created_ms.saturating_add(config.delivery_timeout_ms)).min()
    }

    /// With one request in flight: no more batches of the partition are sent until it is unmuted.
    pub fn mute(&mut self, partition: TopicPartition) {
        self.muted.insert(partition);
    }

    /// The request of the partition has ended.
    pub fn unmute(&mut self, partition: TopicPartition) {
        self.muted.remove(&partition);
    }

    /// Drops a batch that has ended and is in no request.
    pub fn deallocate(&mut self, number: u32) {
        if self.batches.get(&number).is_some_and(|batch| batch.done && !batch.on_wire) {
            self.batches.remove(&number);
        }
    }

    fn add(&mut self, batch: ProducerBatch) -> u32 {
        self.numbers += 1;
        self.batches.insert(self.numbers, batch);
        self.numbers
    }

    fn insert_in_sequence_order(&mut self, number: u32) {
        let Some(batch) = self.batches.get(&number) else { return };
        let sequence = |batch: &ProducerBatch| batch.state.map(|state| state.base_sequence);
        let own = sequence(batch);
        let queue = self.queues.get_or_insert_with(batch.partition, VecDeque::new);
        let earlier = |other: &&u32| {
            let other = self.batches.get(*other).and_then(sequence);
            other.is_some_and(|other| own.is_some_and(|own| other < own))
        };
        let at = queue.iter().take_while(earlier).count();
        queue.insert(at, number);
    }
}
