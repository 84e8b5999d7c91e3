//! The RPCs of admin clients, and the Envelope in which a broker forwards them.

use bytes::Bytes;
use kafka_protocol::messages::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse, DeleteTopicsRequest,
    DeleteTopicsResponse, DescribeConfigsRequest, DescribeConfigsResponse, ElectLeadersRequest, ElectLeadersResponse,
    EnvelopeRequest, EnvelopeResponse, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
    UnregisterBrokerRequest, UnregisterBrokerResponse, create_partitions_request as partitions_in,
    create_partitions_response as partitions_out, create_topics_request as topics_in,
    create_topics_response as topics_out, delete_topics_request as deleted_in, delete_topics_response as deleted_out,
    describe_configs_request as described_in, describe_configs_response as described_out,
    elect_leaders_request as elect_in, elect_leaders_response as elect_out,
    incremental_alter_configs_request as configs_in, incremental_alter_configs_response as configs_out,
};
use raft::message::ErrorCode;
use raft::message::admin as model;

use super::context::{Context, text, uuid};
use super::data::nodes;
use super::frame::without_length;
use super::quorum::node;

pub fn create_topics_request(it: &model::CreateTopicsRequest) -> CreateTopicsRequest {
    let assignment = |it: &model::ReplicaAssignment| {
        topics_in::CreatableReplicaAssignment::default()
            .with_partition_index(it.partition)
            .with_broker_ids(nodes(&it.broker_ids))
    };
    let config = |it: &model::TopicConfig| {
        topics_in::CreatableTopicConfig::default().with_name(text(&it.name)).with_value(it.value.as_deref().map(text))
    };
    let topic = |it: &model::CreatableTopic| {
        topics_in::CreatableTopic::default()
            .with_name(text(&it.name).into())
            .with_num_partitions(it.num_partitions)
            .with_replication_factor(it.replication_factor)
            .with_assignments(it.assignments.iter().map(assignment).collect())
            .with_configs(it.configs.iter().map(config).collect())
    };
    CreateTopicsRequest::default()
        .with_topics(it.topics.iter().map(topic).collect())
        .with_timeout_ms(it.timeout_ms)
        .with_validate_only(it.validate_only)
}

pub fn create_topics_response(it: &model::CreateTopicsResponse, context: &Context<'_>) -> CreateTopicsResponse {
    let topic = |it: &model::CreatableTopicResult| {
        let topic = topics_out::CreatableTopicResult::default()
            .with_name(text(&it.name).into())
            .with_error_code(it.error as i16)
            .with_error_message(None)
            .with_num_partitions(it.num_partitions)
            .with_replication_factor(it.replication_factor);
        if context.version >= 7 { topic.with_topic_id(uuid(it.topic_id)) } else { topic }
    };
    CreateTopicsResponse::default().with_topics(it.topics.iter().map(topic).collect())
}

pub fn delete_topics_request(it: &model::DeleteTopicsRequest, context: &Context<'_>) -> DeleteTopicsRequest {
    let request = DeleteTopicsRequest::default().with_timeout_ms(it.timeout_ms);
    if context.version >= 6 {
        let topic = |it: &model::DeleteTopicState| {
            deleted_in::DeleteTopicState::default()
                .with_name(it.name.as_deref().map(|name| text(name).into()))
                .with_topic_id(uuid(it.topic_id))
        };
        return request.with_topics(it.topics.iter().map(topic).collect());
    }
    let name =
        |it: &model::DeleteTopicState| it.name.as_deref().map_or_else(|| context.topic(it.topic_id), text).into();
    request.with_topic_names(it.topics.iter().map(name).collect())
}

pub fn delete_topics_response(it: &model::DeleteTopicsResponse, context: &Context<'_>) -> DeleteTopicsResponse {
    let result = |it: &model::DeletableTopicResult| {
        let result = deleted_out::DeletableTopicResult::default().with_error_code(it.error as i16);
        if context.version >= 6 {
            let name = it.name.as_deref().map(|name| text(name).into());
            return result.with_name(name).with_topic_id(uuid(it.topic_id));
        }
        let name = it.name.as_deref().map_or_else(|| context.topic(it.topic_id), text);
        result.with_name(Some(name.into()))
    };
    DeleteTopicsResponse::default().with_responses(it.responses.iter().map(result).collect())
}

pub fn describe_configs_request(it: &model::DescribeConfigsRequest) -> DescribeConfigsRequest {
    let resource = |it: &model::DescribeConfigsResource| {
        described_in::DescribeConfigsResource::default()
            .with_resource_type(it.resource_type)
            .with_resource_name(text(&it.resource_name))
            .with_configuration_keys(None)
    };
    DescribeConfigsRequest::default().with_resources(it.resources.iter().map(resource).collect())
}

pub fn describe_configs_response(it: &model::DescribeConfigsResponse) -> DescribeConfigsResponse {
    let config = |it: &model::TopicConfig| {
        described_out::DescribeConfigsResourceResult::default()
            .with_name(text(&it.name))
            .with_value(it.value.as_deref().map(text))
    };
    let result = |it: &model::DescribeConfigsResult| {
        described_out::DescribeConfigsResult::default()
            .with_error_code(it.error as i16)
            .with_error_message(None)
            .with_resource_type(it.resource_type)
            .with_resource_name(text(&it.resource_name))
            .with_configs(it.configs.iter().map(config).collect())
    };
    DescribeConfigsResponse::default().with_results(it.results.iter().map(result).collect())
}

pub fn create_partitions_request(it: &model::CreatePartitionsRequest) -> CreatePartitionsRequest {
    let assignment = |it: &model::ReplicaAssignment| {
        partitions_in::CreatePartitionsAssignment::default().with_broker_ids(nodes(&it.broker_ids))
    };
    let topic = |it: &model::CreatePartitionsTopic| {
        let assignments: Vec<_> = it.assignments.iter().map(assignment).collect();
        partitions_in::CreatePartitionsTopic::default()
            .with_name(text(&it.name).into())
            .with_count(it.count)
            .with_assignments(Some(assignments).filter(|assignments| !assignments.is_empty()))
    };
    CreatePartitionsRequest::default()
        .with_topics(it.topics.iter().map(topic).collect())
        .with_timeout_ms(it.timeout_ms)
        .with_validate_only(it.validate_only)
}

pub fn create_partitions_response(it: &model::CreatePartitionsResponse) -> CreatePartitionsResponse {
    let result = |it: &model::CreatePartitionsTopicResult| {
        partitions_out::CreatePartitionsTopicResult::default()
            .with_name(text(&it.name).into())
            .with_error_code(it.error as i16)
    };
    CreatePartitionsResponse::default().with_results(it.results.iter().map(result).collect())
}

pub fn elect_leaders_request(it: &model::ElectLeadersRequest) -> ElectLeadersRequest {
    let topic = |it: &model::ElectLeadersTopic| {
        elect_in::TopicPartitions::default().with_topic(text(&it.topic).into()).with_partitions(it.partitions.to_vec())
    };
    ElectLeadersRequest::default()
        .with_election_type(it.election_type)
        .with_topic_partitions(it.topic_partitions.as_ref().map(|topics| topics.iter().map(topic).collect()))
        .with_timeout_ms(it.timeout_ms)
}

pub fn elect_leaders_response(it: &model::ElectLeadersResponse) -> ElectLeadersResponse {
    let result = |it: &model::ElectLeadersResult| {
        elect_out::PartitionResult::default()
            .with_partition_id(it.partition)
            .with_error_code(it.error as i16)
            .with_error_message(None)
    };
    let runs = it.replica_election_results.chunk_by(|one, next| one.topic == next.topic);
    let topics = runs.map(|run| {
        elect_out::ReplicaElectionResult::default()
            .with_topic(text(&run[0].topic).into())
            .with_partition_result(run.iter().map(result).collect())
    });
    ElectLeadersResponse::default().with_error_code(it.error as i16).with_replica_election_results(topics.collect())
}

pub fn alter_configs_request(it: &model::IncrementalAlterConfigsRequest) -> IncrementalAlterConfigsRequest {
    let config = |it: &model::AlterableConfig| {
        configs_in::AlterableConfig::default()
            .with_name(text(&it.name))
            .with_config_operation(it.config_operation)
            .with_value(it.value.as_deref().map(text))
    };
    let resource = |it: &model::AlterConfigsResource| {
        configs_in::AlterConfigsResource::default()
            .with_resource_type(it.resource_type)
            .with_resource_name(text(&it.resource_name))
            .with_configs(it.configs.iter().map(config).collect())
    };
    IncrementalAlterConfigsRequest::default()
        .with_resources(it.resources.iter().map(resource).collect())
        .with_validate_only(it.validate_only)
}

pub fn alter_configs_response(it: &model::IncrementalAlterConfigsResponse) -> IncrementalAlterConfigsResponse {
    let result = |it: &model::AlterConfigsResourceResponse| {
        configs_out::AlterConfigsResourceResponse::default()
            .with_error_code(it.error as i16)
            .with_error_message(None)
            .with_resource_type(it.resource_type)
            .with_resource_name(text(&it.resource_name))
    };
    IncrementalAlterConfigsResponse::default().with_responses(it.responses.iter().map(result).collect())
}

pub fn unregister_request(it: &model::UnregisterBrokerRequest) -> UnregisterBrokerRequest {
    UnregisterBrokerRequest::default().with_broker_id(node(it.broker_id))
}

pub fn unregister_response(it: &model::UnregisterBrokerResponse) -> UnregisterBrokerResponse {
    UnregisterBrokerResponse::default().with_error_code(it.error as i16).with_error_message(None)
}

/// Around a request with its header and length.
pub fn envelope_request(inside: &[u8]) -> EnvelopeRequest {
    EnvelopeRequest::default()
        .with_request_data(Bytes::copy_from_slice(without_length(inside)))
        .with_request_principal(None)
}

/// Around a response with its header and length.
pub fn envelope_response(error: ErrorCode, inside: Option<&[u8]>) -> EnvelopeResponse {
    EnvelopeResponse::default()
        .with_error_code(error as i16)
        .with_response_data(inside.map(|inside| Bytes::copy_from_slice(without_length(inside))))
}
