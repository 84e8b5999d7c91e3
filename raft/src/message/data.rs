//! Requests of producers, consumers and followers to brokers (controller-broker.md §5.6, §6).

use std::rc::Rc;

use super::ErrorCode;
use super::canonical_walk::messages;
use super::meant_for::MeantFor;
use crate::ids::{BrokerEpoch, LeaderEpoch, NodeId, Offset, OffsetAndEpoch, ProducerId, TopicIdPartition, Uuid};
use crate::log::Records;

messages! {
    /// Metadata (3) v13, by name; `None` requests all topics.
    MetadataRequest {
        topics: Option<Rc<[Rc<str>]>>;
    }
    /// A broker that is active.
    MetadataBroker {
        node_id: NodeId;
    }
    /// A partition as the answering broker knows it.
    MetadataPartition {
        /// LEADER_NOT_AVAILABLE, LISTENER_NOT_FOUND, or none.
        error: ErrorCode;
        /// From 0.
        partition: i32;
        /// -1: none.
        leader_id: NodeId;
        leader_epoch: LeaderEpoch;
        replica_nodes: Rc<[NodeId]>;
        isr_nodes: Rc<[NodeId]>;
    }
    /// A topic as the answering broker knows it.
    MetadataTopic {
        /// UNKNOWN_TOPIC_OR_PARTITION, or none.
        error: ErrorCode;
        name: Rc<str>;
        /// Zero if unknown.
        topic_id: Uuid;
        partitions: Rc<[MetadataPartition]>;
    }
    /// Answer to Metadata.
    MetadataResponse {
        /// Active brokers.
        brokers: Rc<[MetadataBroker]>;
        /// A random active broker: clients send admin requests to any broker.
        controller_id: NodeId;
        topics: Rc<[MetadataTopic]>;
    }
    /// The leader to send the request to instead (KIP-951).
    LeaderIdAndEpoch {
        /// -1: unknown.
        leader_id: NodeId;
        leader_epoch: LeaderEpoch;
    }
    /// A batch for one partition; its offsets are relative.
    PartitionProduceData {
        partition: TopicIdPartition;
        /// One batch.
        records: Records;
    }
    /// Produce (0) v13.
    ProduceRequest {
        /// 0, 1 or -1 (all).
        acks: i16;
        /// How long the leader may wait for replicas.
        timeout_ms: i32;
        partitions: Rc<[PartitionProduceData]>;
    }
    /// The result of a batch.
    PartitionProduceResponse {
        partition: TopicIdPartition;
        error: ErrorCode;
        /// Of the batch's first record; -1 on an error.
        base_offset: Offset;
        log_start_offset: Offset;
        /// With NOT_LEADER_OR_FOLLOWER and FENCED_LEADER_EPOCH.
        current_leader: Option<LeaderIdAndEpoch>;
    }
    /// Answer to Produce.
    ProduceResponse {
        /// In the order of the request.
        partitions: Rc<[PartitionProduceResponse]>;
    }
    /// The part of a Fetch about one partition.
    FetchPartition {
        partition: TopicIdPartition;
        /// -1: not checked.
        current_leader_epoch: LeaderEpoch;
        fetch_offset: Offset;
        /// Of the last record fetched; -1: not checked.
        last_fetched_epoch: LeaderEpoch;
        /// That of the follower; -1 from a consumer.
        log_start_offset: Offset;
        /// Size limit.
        partition_max_bytes: i32;
    }
    /// Fetch (1) v18 on a broker's listener, by followers and consumers.
    DataFetchRequest {
        /// The follower; -1 from a consumer.
        replica_id: NodeId;
        /// The follower's broker epoch.
        replica_epoch: BrokerEpoch;
        /// How long the leader may delay the answer.
        max_wait_ms: i32;
        /// The leader answers at once if this many bytes are available.
        min_bytes: i32;
        /// Size limit of the answer.
        max_bytes: i32;
        meant_for: MeantFor;
        partitions: Rc<[FetchPartition]>;
    }
    /// The answer for one partition.
    FetchablePartition {
        partition: TopicIdPartition;
        error: ErrorCode;
        high_watermark: Offset;
        log_start_offset: Offset;
        /// Where the logs diverge (KIP-595).
        diverging_epoch: Option<OffsetAndEpoch>;
        /// With NOT_LEADER_OR_FOLLOWER and FENCED_LEADER_EPOCH.
        current_leader: Option<LeaderIdAndEpoch>;
        /// Whole batches.
        records: Records;
    }
    /// Answer to Fetch.
    DataFetchResponse {
        /// An error of the whole request.
        error: ErrorCode;
        /// In the order of the request.
        partitions: Rc<[FetchablePartition]>;
    }
    /// A query of an offset by timestamp.
    ListOffsetsPartition {
        partition: TopicIdPartition;
        /// -1: not checked.
        current_leader_epoch: LeaderEpoch;
        /// -1 latest, -2 earliest.
        timestamp: i64;
    }
    /// ListOffsets (2) v10.
    ListOffsetsRequest {
        /// A follower; -1 from a consumer.
        replica_id: NodeId;
        meant_for: MeantFor;
        partitions: Rc<[ListOffsetsPartition]>;
    }
    /// The offset of a partition.
    ListOffsetsPartitionResponse {
        partition: TopicIdPartition;
        error: ErrorCode;
        /// -1: none.
        offset: Offset;
        /// Of the record there.
        leader_epoch: LeaderEpoch;
    }
    /// Answer to ListOffsets.
    ListOffsetsResponse {
        /// In the order of the request.
        partitions: Rc<[ListOffsetsPartitionResponse]>;
    }
    /// A query of the end offset of an epoch.
    OffsetForLeaderPartition {
        partition: TopicIdPartition;
        /// -1: not checked.
        current_leader_epoch: LeaderEpoch;
        /// The epoch whose end offset is requested.
        leader_epoch: LeaderEpoch;
    }
    /// OffsetForLeaderEpoch (23) v4.
    OffsetForLeaderEpochRequest {
        /// A follower; -1 from a consumer.
        replica_id: NodeId;
        partitions: Rc<[OffsetForLeaderPartition]>;
    }
    /// The end offset of an epoch.
    EpochEndOffset {
        partition: TopicIdPartition;
        error: ErrorCode;
        /// -1: undefined.
        leader_epoch: LeaderEpoch;
        /// -1: undefined.
        end_offset: Offset;
    }
    /// Answer to OffsetForLeaderEpoch.
    OffsetForLeaderEpochResponse {
        /// In the order of the request.
        partitions: Rc<[EpochEndOffset]>;
    }
    /// InitProducerId (22) v5, without a transactional id.
    InitProducerIdRequest {
        /// -1, or the id whose epoch is to be bumped.
        producer_id: ProducerId;
        /// -1, or the epoch to be bumped.
        producer_epoch: i16;
    }
    /// Answer to InitProducerId.
    InitProducerIdResponse {
        error: ErrorCode;
        /// The allocated id.
        producer_id: ProducerId;
        /// 0.
        producer_epoch: i16;
    }
}
