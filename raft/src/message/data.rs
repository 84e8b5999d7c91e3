//! What producers, consumers and followers request of brokers (controller-broker.md §5.6, §6).

use std::rc::Rc;

use super::ErrorCode;
use super::canonical_walk::messages;
use crate::ids::{BrokerEpoch, LeaderEpoch, NodeId, Offset, OffsetAndEpoch, ProducerId, TopicIdPartition, Uuid};
use crate::log::Records;

messages! {
    /// Metadata (3) v13, by name; `None` requests all topics.
    MetadataRequest {
        /// Names.
        topics: Option<Rc<[Rc<str>]>>;
    }
    /// A broker that is alive.
    MetadataBroker {
        /// Who.
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
        /// Of the partition.
        leader_epoch: LeaderEpoch;
        /// Replicas.
        replica_nodes: Rc<[NodeId]>;
        /// In-sync ones.
        isr_nodes: Rc<[NodeId]>;
    }
    /// A topic as the answering broker knows it.
    MetadataTopic {
        /// UNKNOWN_TOPIC_OR_PARTITION, or none.
        error: ErrorCode;
        /// Name.
        name: Rc<str>;
        /// Zero if unknown.
        topic_id: Uuid;
        /// Partitions.
        partitions: Rc<[MetadataPartition]>;
    }
    /// Answer to Metadata.
    MetadataResponse {
        /// Alive ones.
        brokers: Rc<[MetadataBroker]>;
        /// A random alive broker: clients send admin requests to any.
        controller_id: NodeId;
        /// Topics.
        topics: Rc<[MetadataTopic]>;
    }
    /// The leader to send the request to instead (KIP-951).
    LeaderIdAndEpoch {
        /// -1: unknown.
        leader_id: NodeId;
        /// Its epoch.
        leader_epoch: LeaderEpoch;
    }
    /// Batches for one partition; offsets in them are relative.
    PartitionProduceData {
        /// Which.
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
        /// By partition.
        partitions: Rc<[PartitionProduceData]>;
    }
    /// What came of a batch.
    PartitionProduceResponse {
        /// Which.
        partition: TopicIdPartition;
        /// What is wrong.
        error: ErrorCode;
        /// Of the batch's first record; -1 on an error.
        base_offset: Offset;
        /// Of the log.
        log_start_offset: Offset;
        /// With NOT_LEADER_OR_FOLLOWER and FENCED_LEADER_EPOCH.
        current_leader: Option<LeaderIdAndEpoch>;
    }
    /// Answer to Produce.
    ProduceResponse {
        /// In the order of the request.
        partitions: Rc<[PartitionProduceResponse]>;
    }
    /// What is fetched of one partition.
    FetchPartition {
        /// Which.
        partition: TopicIdPartition;
        /// -1: not checked.
        current_leader_epoch: LeaderEpoch;
        /// From where.
        fetch_offset: Offset;
        /// Of the last record fetched; -1: not checked.
        last_fetched_epoch: LeaderEpoch;
        /// A follower's; -1 from a consumer.
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
        /// How long the leader may hold it.
        max_wait_ms: i32;
        /// Answered at once from so many bytes on.
        min_bytes: i32;
        /// Size limit of the answer.
        max_bytes: i32;
        /// By partition.
        partitions: Rc<[FetchPartition]>;
    }
    /// What was fetched of one partition.
    FetchablePartition {
        /// Which.
        partition: TopicIdPartition;
        /// What is wrong.
        error: ErrorCode;
        /// The answering replica's.
        high_watermark: Offset;
        /// Of its log.
        log_start_offset: Offset;
        /// Where the logs part (KIP-595 style).
        diverging_epoch: Option<OffsetAndEpoch>;
        /// With NOT_LEADER_OR_FOLLOWER and FENCED_LEADER_EPOCH.
        current_leader: Option<LeaderIdAndEpoch>;
        /// Whole batches.
        records: Records;
    }
    /// Answer to Fetch.
    DataFetchResponse {
        /// What is wrong with all of it.
        error: ErrorCode;
        /// In the order of the request.
        partitions: Rc<[FetchablePartition]>;
    }
    /// An offset by time.
    ListOffsetsPartition {
        /// Which.
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
        /// By partition.
        partitions: Rc<[ListOffsetsPartition]>;
    }
    /// An offset found.
    ListOffsetsPartitionResponse {
        /// Which.
        partition: TopicIdPartition;
        /// What is wrong.
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
    /// Where an epoch ends.
    OffsetForLeaderPartition {
        /// Which.
        partition: TopicIdPartition;
        /// -1: not checked.
        current_leader_epoch: LeaderEpoch;
        /// Whose end.
        leader_epoch: LeaderEpoch;
    }
    /// OffsetForLeaderEpoch (23) v4.
    OffsetForLeaderEpochRequest {
        /// A follower; -1 from a consumer.
        replica_id: NodeId;
        /// By partition.
        partitions: Rc<[OffsetForLeaderPartition]>;
    }
    /// The end found.
    EpochEndOffset {
        /// Which.
        partition: TopicIdPartition;
        /// What is wrong.
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
        /// -1, or the one to be bumped.
        producer_id: ProducerId;
        /// -1, or the one to be bumped.
        producer_epoch: i16;
    }
    /// Answer to InitProducerId.
    InitProducerIdResponse {
        /// What is wrong.
        error: ErrorCode;
        /// Given.
        producer_id: ProducerId;
        /// 0.
        producer_epoch: i16;
    }
}
