//! What a client says of its history: attempts, one RPC each, never API calls with their retries.
//! An event is `Copy` and at most 24 bytes; a big payload is told in several, in
//! order, between the attempt's `…Invoked` and its end.

use crate::ids::{LeaderEpoch, NodeId, Offset, ProducerId, Uuid};
use crate::message::ErrorCode;

/// A topic by its place in the client's list of names, and a partition of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// Index into [`ClientConfig::topics`](super::ClientConfig::topics).
    pub topic: u16,
    /// From 0.
    pub partition: i32,
}

impl std::fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "topic {} partition {}", self.topic, self.partition)
    }
}

/// Which RPC reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadApi {
    /// Fetch: from an offset; the answer's number is the high watermark.
    Fetch,
    /// ListOffsets: by timestamp (-1 latest, -2 earliest); the answer's number is the offset.
    ListOffsets,
    /// OffsetForLeaderEpoch: the end of an epoch; the answer's number is that end.
    OffsetForLeaderEpoch,
}

/// Why a consumer's position was set, other than by reading on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PositionCause {
    /// The application's `seek`.
    Seek,
    /// `auto.offset.reset`, after ListOffsets.
    Reset,
    /// Back to the diverging end that a leader-epoch validation found.
    Truncation,
}

/// What an answer with an error code says of the request's effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done (error NONE).
    Done,
    /// Definitely not done by this attempt: the code is on the closed list.
    Failed,
    /// Done, or not, or yet to be.
    Unknown,
}

/// One event. Attempts, batches and operations are numbered by each client from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptEvent {
    /// A batch goes out in a Produce RPC; attempts of one `batch` are retries of each other.
    /// [`AttemptEvent::ProduceSequence`] (if idempotent) and `ProduceValues` follow.
    ProduceInvoked { attempt: u32, batch: u32, partition: TopicPartition, acks: i8, count: u32 },
    /// Its producer state: the retry of a batch has the same, unless the epoch was bumped.
    ProduceSequence { attempt: u32, producer_id: ProducerId, producer_epoch: i16, base_sequence: i32 },
    /// A run of consecutive values in it; runs follow each other in order.
    ProduceValues { attempt: u32, first_value: u64, count: u32 },
    /// Acknowledged at `base_offset`.
    ProduceOk { attempt: u32, base_offset: Offset },
    /// Not appended by this attempt.
    ProduceFailed { attempt: u32, error: ErrorCode },
    /// Appended or not; NETWORK_EXCEPTION: no answer. NONE: acks 0.
    ProduceUnknown { attempt: u32, error: ErrorCode },
    /// The application's callback: success; -1 if the offset is not known.
    BatchAcked { batch: u32, base_offset: Offset },
    /// The application's callback: failure (REQUEST_TIMED_OUT: the delivery timeout).
    BatchFailed { batch: u32, error: ErrorCode },
    /// A run of consecutive values of a batch that no `ProduceInvoked` has named yet: a part of
    /// one that was split, or a batch that fails before it was ever sent.
    BatchValues { batch: u32, first_value: u64, count: u32 },
    /// A batch too large was split; `into` is one of its parts, whose values follow.
    BatchSplit { batch: u32, into: u32 },
    /// `send` threw: the partition did not show up within `max.block.ms`. Never sent.
    SendRefused { partition: TopicPartition, value: u64 },
    /// InitProducerId sent.
    InitProducerIdInvoked { attempt: u32, node: NodeId },
    /// A producer id was given.
    InitProducerIdOk { attempt: u32, producer_id: ProducerId, producer_epoch: i16 },
    /// Refused.
    InitProducerIdFailed { attempt: u32, error: ErrorCode },
    /// No answer.
    InitProducerIdUnknown { attempt: u32 },
    /// The producer is of no more use; every batch fails.
    ProducerFatal { error: ErrorCode },
    /// A partition is read in an RPC (one event for each partition of it).
    ReadInvoked { attempt: u32, api: ReadApi, partition: TopicPartition, at: i64 },
    /// The answer for a partition; for Fetch its records have been told before.
    ReadOk { attempt: u32, partition: TopicPartition, number: i64 },
    /// A leader-epoch validation: the leader's log has nothing of the epoch that the position is of;
    /// [`AttemptEvent::ReadOk`] follows with the end of the older one that it answered.
    EpochLost { partition: TopicPartition, requested: LeaderEpoch, answered: LeaderEpoch },
    /// An error for a partition.
    ReadFailed { attempt: u32, partition: TopicPartition, error: ErrorCode },
    /// An answer that came too late: the position has moved since, or is held against another leader. Its records
    /// or its error are dropped.
    ReadStale { attempt: u32, partition: TopicPartition, error: ErrorCode },
    /// No answer, for all partitions of the RPC.
    ReadUnknown { attempt: u32 },
    /// `poll` returns so many records of one batch.
    PollRecords { attempt: u32, partition: TopicPartition, leader_epoch: LeaderEpoch, count: u32 },
    /// One of them.
    PollRecord { attempt: u32, offset: Offset, value: u64 },
    /// The position jumped.
    PositionSet { partition: TopicPartition, offset: Offset, cause: PositionCause },
    /// The application reads the partition no longer; its position is forgotten.
    Unassigned { partition: TopicPartition },
    /// `poll` throws; OFFSET_OUT_OF_RANGE stands for `LogTruncationException` too.
    ConsumerError { partition: TopicPartition, error: ErrorCode },
    /// An admin RPC; `operation` is the application's number, `node` who was asked.
    AdminInvoked { attempt: u32, operation: u32, api_key: i16, node: NodeId },
    /// What came of the request's entry `index` (from 0, in the order of the request).
    AdminResult { attempt: u32, index: u16, error: ErrorCode, outcome: Outcome },
    /// The id of the topic of an entry.
    AdminTopicId { attempt: u32, index: u16, topic_id: Uuid },
    /// A config of a described resource; hashes by [`text_hash`], 0 for no value.
    AdminConfig { attempt: u32, index: u16, name_hash: u64, value_hash: u64 },
    /// The answer is complete; `error` is about all of it.
    AdminAnswered { attempt: u32, error: ErrorCode },
    /// No answer.
    AdminUnknown { attempt: u32 },
    /// The application's call ends: NONE if every entry was answered, whatever the answers.
    OperationDone { operation: u32, error: ErrorCode },
}

const _: () = assert!(std::mem::size_of::<AttemptEvent>() <= 24);

/// Hash of a config's name or value in [`AttemptEvent::AdminConfig`]; never 0.
pub fn text_hash(text: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(text.as_bytes()).max(1)
}
