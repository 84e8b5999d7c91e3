//! The producer: Kafka's `KafkaProducer` and its sender thread (controller-broker.md §6.6, §6.8, §6.10).
//!
//! * `accumulator` and `batch`: records until they are acknowledged; `sender`: sending, and processing of responses;
//!   `initialize` and `initializing`: requests for a producer id; `transaction_manager`: sequences
//!
//! Not modelled: transactions, `buffer.memory`, compression, the partitioner.

mod accumulator;
mod batch;
mod initialize;
mod initializing;
mod sender;
mod transaction_manager;

use std::collections::VecDeque;

use accumulator::RecordAccumulator;
use initializing::Initializing;
use transaction_manager::TransactionManager;

use smallvec::SmallVec;

use super::io::ms;
use super::network_client::NetworkClient;
use super::{AttemptEvent, ClientInput, ClientOut, ClientShown, ProducerConfig, ProducerConfigError, TopicPartition};
use crate::ids::TopicIdPartition;
use crate::io::{Entropy, Now};
use crate::message::ErrorCode;
use crate::message::data::PartitionProduceData;
use crate::slices::Slices;
use crate::sorted_map::SortedMap;

/// An operation of the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProducerOperation {
    /// Sends a record with this value. It ends with `BatchAcked` or `BatchFailed` of the batch that `ProduceValues` or
    /// `BatchValues` assigns it to, or with `SendRefused`.
    Send { partition: TopicPartition, value: u64 },
    /// Disables lingering until all records sent so far have ended.
    Flush,
}

#[derive(Clone, Debug)]
pub struct Producer {
    config: ProducerConfig,
    network: NetworkClient,
    accumulator: RecordAccumulator,
    /// Present with `enable.idempotence`.
    sequences: Option<TransactionManager>,
    initializing: Initializing,
    /// The error after which nothing can be sent.
    fatal: Option<ErrorCode>,
    /// `send`s that block on metadata, oldest first.
    blocked: VecDeque<BlockedSend>,
    /// The metadata version against which `blocked` was last checked.
    blocked_version: u64,
    /// The number of sends that it did not unblock: the oldest ones.
    still_blocked: usize,
    /// Produce requests in flight, by correlation id.
    in_flight: SortedMap<i32, SmallVec<[Sent; 1]>>,
    questions: Slices<PartitionProduceData>,
}

#[derive(Clone, Copy, Debug)]
struct BlockedSend {
    partition: TopicPartition,
    value: u64,
    gives_up_at_ms: i64,
}

/// One batch of a Produce request.
#[derive(Clone, Copy, Debug)]
struct Sent {
    attempt: u32,
    batch: u32,
    partition: TopicIdPartition,
}

impl Producer {
    /// A producer that knows only its bootstrap servers; the error is the one that Kafka throws.
    pub fn new(config: ProducerConfig) -> Result<Producer, ProducerConfigError> {
        config.check()?;
        Ok(Producer {
            network: NetworkClient::new(&config.client, config.max_in_flight),
            sequences: config.enable_idempotence.then(|| TransactionManager::new(config.client.bugs)),
            config,
            accumulator: RecordAccumulator::default(),
            initializing: Initializing::default(),
            fatal: None,
            blocked: VecDeque::new(),
            blocked_version: 0,
            still_blocked: 0,
            in_flight: SortedMap::new(),
            questions: Slices::default(),
        })
    }

    /// Processes one input. The first step (any input, e.g. `Timer`) starts the producer.
    pub fn step(
        &mut self,
        now: Now,
        input: ClientInput<ProducerOperation>,
        entropy: &mut dyn Entropy,
        out: &mut ClientOut,
    ) {
        let now_ms = ms(now);
        match self.network.receive(now_ms, input, entropy, out) {
            Some(ProducerOperation::Send { partition, value }) => {
                self.network.metadata.add_topic(partition.topic);
                let gives_up_at_ms = now_ms.saturating_add(self.config.max_block_ms);
                self.blocked.push_back(BlockedSend { partition, value, gives_up_at_ms });
            }
            Some(ProducerOperation::Flush) => self.accumulator.flush(),
            None => {}
        }
        loop {
            self.network.begin_round();
            while let Some(completed) = self.network.take_completed(now_ms, entropy) {
                self.on_completed(now_ms, completed, entropy, out);
            }
            self.unblock(now, out);
            if !self.run_once(now_ms, entropy, out) {
                break;
            }
        }
        self.network.finish(now_ms, entropy, out);
    }

    /// The number of records that were sent and have neither been acknowledged nor failed.
    pub fn outstanding(&self) -> usize {
        let live = self.accumulator.batches.values().filter(|batch| !batch.done);
        self.blocked.len() + live.map(|batch| batch.values.len()).sum::<usize>()
    }

    /// Its state, for a dialogue.
    pub fn shown(&self) -> ClientShown {
        let (session, sequences) = self.sequences.as_ref().map_or((None, Vec::new()), TransactionManager::shown);
        ClientShown { session, sequences, ..self.network.shown() }
    }

    /// Accepts sends whose partition is now known, and refuses those that waited too long.
    fn unblock(&mut self, now: Now, out: &mut ClientOut) {
        let now_ms = ms(now);
        let version = self.network.metadata.update_version();
        let is_the_same = version == self.blocked_version && self.fatal.is_none();
        // The partitions that are known change with the version only, and the oldest send gives up first.
        let unchanged = match self.blocked.front() {
            Some(oldest) if is_the_same && self.still_blocked > 0 && oldest.gives_up_at_ms > now_ms => {
                self.network.wake_at(oldest.gives_up_at_ms);
                self.still_blocked
            }
            _ => 0,
        };
        for _ in unchanged..self.blocked.len() {
            let Some(send) = self.blocked.remove(unchanged) else { break };
            let BlockedSend { partition, value, gives_up_at_ms } = send;
            if self.fatal.is_some() || gives_up_at_ms <= now_ms {
                out.observe(AttemptEvent::SendRefused { partition, value });
            } else if self.network.metadata.has_partition(partition) {
                self.accumulator.append(&self.config, now_ms, now.wall_ms, partition, value);
            } else {
                self.blocked.push_back(send);
                self.network.wake_at(gives_up_at_ms);
            }
        }
        self.still_blocked = self.blocked.len();
        // A blocked send requests another update after each one that did not help.
        if !self.blocked.is_empty() && version != self.blocked_version {
            self.blocked_version = version;
            self.network.metadata.request_update(true);
        }
    }
}
