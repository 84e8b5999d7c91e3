//! What an admin client requests; brokers forward it to the active controller in an Envelope
//! (controller-broker.md §4.1, §4.2, §4.8, §4.10, §5.7).

use std::rc::Rc;

use super::ErrorCode;
use super::canonical_walk::messages;
use crate::ids::{NodeId, Uuid};

messages! {
    /// A config of a topic to be.
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
    /// A topic to be.
    CreatableTopic {
        /// Name.
        name: Rc<str>;
        /// -1: the default, or by `assignments`.
        num_partitions: i32;
        /// -1: the default, or by `assignments`.
        replication_factor: i16;
        /// Empty: the controller places.
        assignments: Rc<[ReplicaAssignment]>;
        /// Configs.
        configs: Rc<[TopicConfig]>;
    }
    /// CreateTopics (19) v7.
    CreateTopicsRequest {
        /// Topics.
        topics: Rc<[CreatableTopic]>;
        /// How long it may wait before it starts.
        timeout_ms: i32;
        /// Only validate; change nothing.
        validate_only: bool;
    }
    /// What came of a topic.
    CreatableTopicResult {
        /// Name.
        name: Rc<str>;
        /// Zero if it failed.
        topic_id: Uuid;
        /// What is wrong.
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
        /// Name.
        name: Option<Rc<str>>;
        /// Zero if by name.
        topic_id: Uuid;
    }
    /// DeleteTopics (20) v6.
    DeleteTopicsRequest {
        /// Which.
        topics: Rc<[DeleteTopicState]>;
        /// How long it may wait before it starts.
        timeout_ms: i32;
    }
    /// What came of a topic.
    DeletableTopicResult {
        /// Name, if known.
        name: Option<Rc<str>>;
        /// Id, if known.
        topic_id: Uuid;
        /// What is wrong.
        error: ErrorCode;
    }
    /// Answer to DeleteTopics.
    DeleteTopicsResponse {
        /// In any order.
        responses: Rc<[DeletableTopicResult]>;
    }
    /// A topic that shall have more partitions.
    CreatePartitionsTopic {
        /// Name.
        name: Rc<str>;
        /// How many it shall have.
        count: i32;
        /// Empty: the controller places.
        assignments: Rc<[ReplicaAssignment]>;
    }
    /// CreatePartitions (37) v3.
    CreatePartitionsRequest {
        /// Topics.
        topics: Rc<[CreatePartitionsTopic]>;
        /// How long it may wait before it starts.
        timeout_ms: i32;
        /// Only validate; change nothing.
        validate_only: bool;
    }
    /// What came of a topic.
    CreatePartitionsTopicResult {
        /// Name.
        name: Rc<str>;
        /// What is wrong.
        error: ErrorCode;
    }
    /// Answer to CreatePartitions.
    CreatePartitionsResponse {
        /// In the order of the request.
        results: Rc<[CreatePartitionsTopicResult]>;
    }
    /// A change of one config.
    AlterableConfig {
        /// Name.
        name: Rc<str>;
        /// 0 SET, 1 DELETE, 2 APPEND, 3 SUBTRACT.
        config_operation: i8;
        /// Of SET, APPEND and SUBTRACT.
        value: Option<Rc<str>>;
    }
    /// Changes of a resource's configs.
    AlterConfigsResource {
        /// 2 TOPIC, 4 BROKER.
        resource_type: i8;
        /// A topic's name, a broker's id, or "" for the cluster's default.
        resource_name: Rc<str>;
        /// Changes.
        configs: Rc<[AlterableConfig]>;
    }
    /// IncrementalAlterConfigs (44) v1.
    IncrementalAlterConfigsRequest {
        /// Resources.
        resources: Rc<[AlterConfigsResource]>;
        /// Only validate; change nothing.
        validate_only: bool;
    }
    /// What came of a resource.
    AlterConfigsResourceResponse {
        /// What is wrong.
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
        /// Resources.
        resources: Rc<[DescribeConfigsResource]>;
    }
    /// Configs of a resource.
    DescribeConfigsResult {
        /// What is wrong.
        error: ErrorCode;
        /// As requested.
        resource_type: i8;
        /// As requested.
        resource_name: Rc<str>;
        /// Those that are set on the resource, by name.
        configs: Rc<[TopicConfig]>;
    }
    /// Answer to DescribeConfigs.
    DescribeConfigsResponse {
        /// In the order of the request.
        results: Rc<[DescribeConfigsResult]>;
    }
    /// Partitions of a topic that shall elect.
    ElectLeadersTopic {
        /// Name.
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
        /// How long it may wait before it starts.
        timeout_ms: i32;
    }
    /// What came of a partition.
    ElectLeadersResult {
        /// Name of the topic.
        topic: Rc<str>;
        /// From 0.
        partition: i32;
        /// What is wrong.
        error: ErrorCode;
    }
    /// Answer to ElectLeaders.
    ElectLeadersResponse {
        /// What is wrong with all of it.
        error: ErrorCode;
        /// By partition.
        replica_election_results: Rc<[ElectLeadersResult]>;
    }
    /// UnregisterBroker (64) v0.
    UnregisterBrokerRequest {
        /// Who.
        broker_id: NodeId;
    }
    /// Answer to UnregisterBroker.
    UnregisterBrokerResponse {
        /// What is wrong.
        error: ErrorCode;
    }
}
