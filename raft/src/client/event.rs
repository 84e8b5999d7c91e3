//! A client's history events: attempts, one RPC each, never API calls with their retries. An event is `Copy` and at
//! most 24 bytes; a large payload is reported in several events, in order, between the attempt's `…Invoked` and its
//! end.

use crate::ids::{LeaderEpoch, NodeId, Offset, ProducerId, Uuid};
use crate::message::ErrorCode;

/// A topic by its index in the client's list of names, and a partition of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// Index into [`ClientConfig::topics`](super::ClientConfig::topics).
    pub topic: u16,
    pub partition: i32,
}

impl std::fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "topic {} partition {}", self.topic, self.partition)
    }
}

/// The RPC of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadApi {
    /// Fetch: from an offset; the number in the response is the high watermark.
    Fetch,
    /// ListOffsets: by timestamp (-1 latest, -2 earliest); the number in the response is the offset.
    ListOffsets,
    /// OffsetForLeaderEpoch: the end of an epoch; the number in the response is that end.
    OffsetForLeaderEpoch,
}

/// Why a consumer's position was set, other than by reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PositionCause {
    /// The application's `seek`.
    Seek,
    /// `auto.offset.reset`, after ListOffsets.
    Reset,
    /// Set back to the diverging end that a leader-epoch validation found.
    Truncation,
}

/// The effect of a request according to its error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done (error NONE).
    Done,
    /// Definitely not done by this attempt: the code is on the closed list.
    Failed,
    /// Done, not done, or not done yet.
    Unknown,
}

/// One event. Each client numbers attempts, batches and operations from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptEvent {
    /// A batch is sent in a Produce RPC; attempts of one `batch` are retries of each other.
    /// [`AttemptEvent::ProduceSequence`] (if idempotent) and `ProduceValues` follow. The producer knows a leader of the
    /// partition in this epoch: its low 16 bits, -1 if it knows none.
    ProduceInvoked { attempt: u32, batch: u32, partition: TopicPartition, acks: i8, count: u32, leader_epoch: i16 },
    /// Its producer state: unchanged in retries of a batch, unless the epoch was bumped.
    ProduceSequence { attempt: u32, producer_id: ProducerId, producer_epoch: i16, base_sequence: i32 },
    /// A run of consecutive values of the batch; runs follow each other in order.
    ProduceValues { attempt: u32, first_value: u64, count: u32 },
    /// Acknowledged at `base_offset`.
    ProduceOk { attempt: u32, base_offset: Offset },
    /// Not appended by this attempt.
    ProduceFailed { attempt: u32, error: ErrorCode },
    /// Appended or not; NETWORK_EXCEPTION: no response. NONE: acks 0.
    ProduceUnknown { attempt: u32, error: ErrorCode },
    /// The application's callback: success; -1 if the offset is unknown.
    BatchAcked { batch: u32, base_offset: Offset },
    /// The application's callback: failure (REQUEST_TIMED_OUT: the delivery timeout).
    BatchFailed { batch: u32, error: ErrorCode },
    /// A run of consecutive values of a batch that no `ProduceInvoked` has named yet: a part of a split batch, or a
    /// batch that fails before it was sent.
    BatchValues { batch: u32, first_value: u64, count: u32 },
    /// A batch that was too large was split; `into` is one of its parts, whose values follow.
    BatchSplit { batch: u32, into: u32 },
    /// `send` threw: the partition was not found within `max.block.ms`. Never sent.
    SendRefused { partition: TopicPartition, value: u64 },
    /// InitProducerId sent.
    InitProducerIdInvoked { attempt: u32, node: NodeId },
    /// Assigned.
    InitProducerIdOk { attempt: u32, producer_id: ProducerId, producer_epoch: i16 },
    /// Refused.
    InitProducerIdFailed { attempt: u32, error: ErrorCode },
    /// No response.
    InitProducerIdUnknown { attempt: u32 },
    /// The producer can no longer be used; every batch fails.
    ProducerFatal { error: ErrorCode },
    /// An RPC reads a partition (one event for each partition of it).
    ReadInvoked { attempt: u32, api: ReadApi, partition: TopicPartition, at: i64 },
    /// The response for a partition; the records of a Fetch have been reported before.
    ReadOk { attempt: u32, partition: TopicPartition, number: i64 },
    /// A leader-epoch validation: the leader's log has no records of the position's epoch; [`AttemptEvent::ReadOk`]
    /// follows with the end of the older epoch in the response.
    EpochLost { partition: TopicPartition, requested: LeaderEpoch, answered: LeaderEpoch },
    /// An error for a partition.
    ReadFailed { attempt: u32, partition: TopicPartition, error: ErrorCode },
    /// A late response: the position has changed since, or was checked against another leader. Its records or its error
    /// are dropped.
    ReadStale { attempt: u32, partition: TopicPartition, error: ErrorCode },
    /// No response, for all partitions of the RPC.
    ReadUnknown { attempt: u32 },
    /// `poll` returns `count` records of one batch.
    PollRecords { attempt: u32, partition: TopicPartition, leader_epoch: LeaderEpoch, count: u32 },
    /// One of them.
    PollRecord { attempt: u32, offset: Offset, value: u64 },
    /// The position was set.
    PositionSet { partition: TopicPartition, offset: Offset, cause: PositionCause },
    /// The partition is no longer assigned; its position is dropped.
    Unassigned { partition: TopicPartition },
    /// `poll` throws; OFFSET_OUT_OF_RANGE stands for `LogTruncationException` too.
    ConsumerError { partition: TopicPartition, error: ErrorCode },
    /// An admin RPC; `operation` is the application's number, `node` the target.
    AdminInvoked { attempt: u32, operation: u32, api_key: i16, node: NodeId },
    /// The result of the request's entry `index` (from 0, in the order of the request).
    AdminResult { attempt: u32, index: u16, error: ErrorCode, outcome: Outcome },
    /// The id of the topic of an entry.
    AdminTopicId { attempt: u32, index: u16, topic_id: Uuid },
    /// A config of a described resource; hashes by [`text_hash`], 0 for no value.
    AdminConfig { attempt: u32, index: u16, name_hash: u64, value_hash: u64 },
    /// The response is complete; `error` applies to all of it.
    AdminAnswered { attempt: u32, error: ErrorCode },
    /// No response.
    AdminUnknown { attempt: u32 },
    /// The application's call ends: NONE if every entry was answered, whatever the results.
    OperationDone { operation: u32, error: ErrorCode },
}

const _: () = assert!(std::mem::size_of::<AttemptEvent>() <= 24);

/// Hash of a config's name or value in [`AttemptEvent::AdminConfig`]; never 0.
pub fn text_hash(text: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(text.as_bytes()).max(1)
}
