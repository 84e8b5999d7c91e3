//! Requests of admin clients; brokers forward them to the active controller in an Envelope (controller-broker.md §4.1,
//! §4.2, §4.8, §4.10, §5.7).

use std::rc::Rc;

use super::ErrorCode;
use super::canonical_walk::messages;
use crate::ids::{NodeId, Uuid};

messages! {
    /// A config of a topic to be created.
    TopicConfig {
        /// `min.insync.replicas`, …
        name: Rc<str>;
        /// `None` is refused.
        value: Option<Rc<str>>;
    }
    /// Replicas of a partition, the preferred leader first.
    ReplicaAssignment {
        /// From 0.
        partition: i32;
        /// Node ids.
        broker_ids: Rc<[NodeId]>;
    }
    /// A topic to be created.
    CreatableTopic {
        name: Rc<str>;
        /// -1: the default, or by `assignments`.
        num_partitions: i32;
        /// -1: the default, or by `assignments`.
        replication_factor: i16;
        /// Empty: the controller places the replicas.
        assignments: Rc<[ReplicaAssignment]>;
        configs: Rc<[TopicConfig]>;
    }
    /// CreateTopics (19) v7.
    CreateTopicsRequest {
        topics: Rc<[CreatableTopic]>;
        /// How long it may wait in the queue before it is processed.
        timeout_ms: i32;
        /// Only validate; change nothing.
        validate_only: bool;
    }
    /// The result of creating a topic.
    CreatableTopicResult {
        name: Rc<str>;
        /// Zero if it failed.
        topic_id: Uuid;
        error: ErrorCode;
        /// -1 if it failed.
        num_partitions: i32;
        /// -1 if it failed.
        replication_factor: i16;
    }
    /// Answer to CreateTopics.
    CreateTopicsResponse {
        /// In the order of the request.
        topics: Rc<[CreatableTopicResult]>;
    }
    /// DeleteTopics (20) v6, by name (or by id, with no name).
    DeleteTopicState {
        name: Option<Rc<str>>;
        /// Zero if by name.
        topic_id: Uuid;
    }
    /// DeleteTopics (20) v6.
    DeleteTopicsRequest {
        topics: Rc<[DeleteTopicState]>;
        /// How long it may wait in the queue before it is processed.
        timeout_ms: i32;
    }
    /// The result of deleting a topic.
    DeletableTopicResult {
        /// Name, if known.
        name: Option<Rc<str>>;
        /// Id, if known.
        topic_id: Uuid;
        error: ErrorCode;
    }
    /// Answer to DeleteTopics.
    DeleteTopicsResponse {
        /// In any order.
        responses: Rc<[DeletableTopicResult]>;
    }
    /// A topic to be extended with partitions.
    CreatePartitionsTopic {
        name: Rc<str>;
        /// New number of partitions.
        count: i32;
        /// Empty: the controller places the replicas.
        assignments: Rc<[ReplicaAssignment]>;
    }
    /// CreatePartitions (37) v3.
    CreatePartitionsRequest {
        topics: Rc<[CreatePartitionsTopic]>;
        /// How long it may wait in the queue before it is processed.
        timeout_ms: i32;
        /// Only validate; change nothing.
        validate_only: bool;
    }
    /// The result of extending a topic.
    CreatePartitionsTopicResult {
        name: Rc<str>;
        error: ErrorCode;
    }
    /// Answer to CreatePartitions.
    CreatePartitionsResponse {
        /// In the order of the request.
        results: Rc<[CreatePartitionsTopicResult]>;
    }
    /// A change of one config.
    AlterableConfig {
        name: Rc<str>;
        /// 0 SET, 1 DELETE, 2 APPEND, 3 SUBTRACT.
        config_operation: i8;
        /// Of SET, APPEND and SUBTRACT.
        value: Option<Rc<str>>;
    }
    /// Changes of the configs of a resource.
    AlterConfigsResource {
        /// 2 TOPIC, 4 BROKER.
        resource_type: i8;
        /// A topic's name, a broker's id, or "" for the cluster's default.
        resource_name: Rc<str>;
        configs: Rc<[AlterableConfig]>;
    }
    /// IncrementalAlterConfigs (44) v1.
    IncrementalAlterConfigsRequest {
        resources: Rc<[AlterConfigsResource]>;
        /// Only validate; change nothing.
        validate_only: bool;
    }
    /// The result of altering a resource.
    AlterConfigsResourceResponse {
        error: ErrorCode;
        /// As requested.
        resource_type: i8;
        /// As requested.
        resource_name: Rc<str>;
    }
    /// Answer to IncrementalAlterConfigs.
    IncrementalAlterConfigsResponse {
        /// In the order of the request.
        responses: Rc<[AlterConfigsResourceResponse]>;
    }
    /// Configs of a resource to describe.
    DescribeConfigsResource {
        /// 2 TOPIC, 4 BROKER.
        resource_type: i8;
        /// As in IncrementalAlterConfigs.
        resource_name: Rc<str>;
    }
    /// DescribeConfigs (32) v4.
    DescribeConfigsRequest {
        resources: Rc<[DescribeConfigsResource]>;
    }
    /// Configs of a resource.
    DescribeConfigsResult {
        error: ErrorCode;
        /// As requested.
        resource_type: i8;
        /// As requested.
        resource_name: Rc<str>;
        /// The configs that are set on the resource, by name.
        configs: Rc<[TopicConfig]>;
    }
    /// Answer to DescribeConfigs.
    DescribeConfigsResponse {
        /// In the order of the request.
        results: Rc<[DescribeConfigsResult]>;
    }
    /// Partitions of a topic in which to elect a leader.
    ElectLeadersTopic {
        topic: Rc<str>;
        /// From 0.
        partitions: Rc<[i32]>;
    }
    /// ElectLeaders (43) v2.
    ElectLeadersRequest {
        /// 0 PREFERRED, 1 UNCLEAN.
        election_type: i8;
        /// `None`: all.
        topic_partitions: Option<Rc<[ElectLeadersTopic]>>;
        /// How long it may wait in the queue before it is processed.
        timeout_ms: i32;
    }
    /// The result of an election.
    ElectLeadersResult {
        topic: Rc<str>;
        /// From 0.
        partition: i32;
        error: ErrorCode;
    }
    /// Answer to ElectLeaders.
    ElectLeadersResponse {
        /// An error of the whole request.
        error: ErrorCode;
        /// By partition.
        replica_election_results: Rc<[ElectLeadersResult]>;
    }
    /// UnregisterBroker (64) v0.
    UnregisterBrokerRequest {
        broker_id: NodeId;
    }
    /// Answer to UnregisterBroker.
    UnregisterBrokerResponse {
        error: ErrorCode;
    }
}
