//! The RPCs of brokers and controllers with the active controller.

use kafka_protocol::messages::{
    AllocateProducerIdsRequest, AllocateProducerIdsResponse, AlterPartitionRequest, AlterPartitionResponse,
    BrokerHeartbeatRequest, BrokerHeartbeatResponse, BrokerRegistrationRequest, BrokerRegistrationResponse,
    ControllerRegistrationRequest, ControllerRegistrationResponse, ProducerId, alter_partition_request as alter_in,
    alter_partition_response as alter_out, broker_registration_request as broker_in,
    controller_registration_request as controller_in,
};
use raft::message::cluster as model;

use super::context::{text, uuid};
use super::data::{by_topic, nodes};
use super::quorum::node;

pub fn alter_partition_request(it: &model::AlterPartitionRequest) -> AlterPartitionRequest {
    let member = |it: &model::BrokerState| {
        alter_in::BrokerState::default().with_broker_id(node(it.broker_id)).with_broker_epoch(it.broker_epoch.0)
    };
    let partition = |it: &model::AlterPartitionItem| {
        alter_in::PartitionData::default()
            .with_partition_index(it.partition.partition)
            .with_leader_epoch(it.leader_epoch.0)
            .with_new_isr_with_epochs(it.new_isr_with_epochs.iter().map(member).collect())
            .with_leader_recovery_state(it.leader_recovery_state)
            .with_partition_epoch(it.partition_epoch.0)
    };
    let topics = by_topic(
        &it.partitions,
        |it| it.partition,
        |id, partitions| {
            alter_in::TopicData::default()
                .with_topic_id(uuid(id.topic_id))
                .with_partitions(partitions.iter().map(partition).collect())
        },
    );
    AlterPartitionRequest::default()
        .with_broker_id(node(it.broker_id))
        .with_broker_epoch(it.broker_epoch.0)
        .with_topics(topics)
}

pub fn alter_partition_response(it: &model::AlterPartitionResponse) -> AlterPartitionResponse {
    let partition = |it: &model::AlterPartitionResult| {
        alter_out::PartitionData::default()
            .with_partition_index(it.partition.partition)
            .with_error_code(it.error as i16)
            .with_leader_id(node(it.leader_id))
            .with_leader_epoch(it.leader_epoch.0)
            .with_isr(nodes(&it.isr))
            .with_leader_recovery_state(it.leader_recovery_state)
            .with_partition_epoch(it.partition_epoch.0)
    };
    let topics = by_topic(
        &it.partitions,
        |it| it.partition,
        |id, partitions| {
            alter_out::TopicData::default()
                .with_topic_id(uuid(id.topic_id))
                .with_partitions(partitions.iter().map(partition).collect())
        },
    );
    AlterPartitionResponse::default().with_error_code(it.error as i16).with_topics(topics)
}

pub fn broker_registration_request(it: &model::BrokerRegistrationRequest) -> BrokerRegistrationRequest {
    let listener = |it: &model::Listener| {
        broker_in::Listener::default()
            .with_name(text(&it.name))
            .with_host(text(&it.host))
            .with_port(it.port)
            .with_security_protocol(it.security_protocol)
    };
    let feature = |it: &model::FeatureRange| {
        broker_in::Feature::default()
            .with_name(text(&it.name))
            .with_min_supported_version(it.min_supported_version)
            .with_max_supported_version(it.max_supported_version)
    };
    BrokerRegistrationRequest::default()
        .with_broker_id(node(it.broker_id))
        .with_cluster_id(text(&it.cluster_id))
        .with_incarnation_id(uuid(it.incarnation_id))
        .with_listeners(it.listeners.iter().map(listener).collect())
        .with_features(it.features.iter().map(feature).collect())
        .with_rack(it.rack.as_deref().map(text))
        .with_log_dirs(it.log_dirs.iter().copied().map(uuid).collect())
        .with_previous_broker_epoch(it.previous_broker_epoch.0)
}

pub fn broker_registration_response(it: &model::BrokerRegistrationResponse) -> BrokerRegistrationResponse {
    BrokerRegistrationResponse::default().with_error_code(it.error as i16).with_broker_epoch(it.broker_epoch.0)
}

/// Version 1 has no `CordonedLogDirs`.
pub fn heartbeat_request(it: &model::BrokerHeartbeatRequest) -> BrokerHeartbeatRequest {
    BrokerHeartbeatRequest::default()
        .with_broker_id(node(it.broker_id))
        .with_broker_epoch(it.broker_epoch.0)
        .with_current_metadata_offset(it.current_metadata_offset)
        .with_want_fence(it.want_fence)
        .with_want_shut_down(it.want_shut_down)
        .with_offline_log_dirs(it.offline_log_dirs.iter().copied().map(uuid).collect())
}

pub fn heartbeat_response(it: &model::BrokerHeartbeatResponse) -> BrokerHeartbeatResponse {
    BrokerHeartbeatResponse::default()
        .with_error_code(it.error as i16)
        .with_is_caught_up(it.is_caught_up)
        .with_is_fenced(it.is_fenced)
        .with_should_shut_down(it.should_shut_down)
}

pub fn producer_ids_request(it: &model::AllocateProducerIdsRequest) -> AllocateProducerIdsRequest {
    AllocateProducerIdsRequest::default().with_broker_id(node(it.broker_id)).with_broker_epoch(it.broker_epoch.0)
}

pub fn producer_ids_response(it: &model::AllocateProducerIdsResponse) -> AllocateProducerIdsResponse {
    AllocateProducerIdsResponse::default()
        .with_error_code(it.error as i16)
        .with_producer_id_start(ProducerId(it.producer_id_start.0))
        .with_producer_id_len(it.producer_id_len)
}

pub fn controller_registration_request(it: &model::ControllerRegistrationRequest) -> ControllerRegistrationRequest {
    let listener = |it: &model::Listener| {
        controller_in::Listener::default()
            .with_name(text(&it.name))
            .with_host(text(&it.host))
            .with_port(it.port)
            .with_security_protocol(it.security_protocol)
    };
    let feature = |it: &model::FeatureRange| {
        controller_in::Feature::default()
            .with_name(text(&it.name))
            .with_min_supported_version(it.min_supported_version)
            .with_max_supported_version(it.max_supported_version)
    };
    ControllerRegistrationRequest::default()
        .with_controller_id(it.controller_id.0)
        .with_incarnation_id(uuid(it.incarnation_id))
        .with_listeners(it.listeners.iter().map(listener).collect())
        .with_features(it.features.iter().map(feature).collect())
}

pub fn controller_registration_response(it: &model::ControllerRegistrationResponse) -> ControllerRegistrationResponse {
    ControllerRegistrationResponse::default().with_error_code(it.error as i16)
}
