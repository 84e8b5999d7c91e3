//! The RPCs about the voter set and its features (KIP-853). The newest AddRaftVoter of `kafka-protocol` is v0, which lacks
//! `AckWhenCommitted`.

use kafka_protocol::messages::{
    AddRaftVoterRequest, AddRaftVoterResponse, DescribeQuorumRequest, DescribeQuorumResponse, RemoveRaftVoterRequest,
    RemoveRaftVoterResponse, UpdateFeaturesRequest, UpdateFeaturesResponse, UpdateRaftVoterRequest,
    UpdateRaftVoterResponse, add_raft_voter_request, describe_quorum_request, describe_quorum_response,
    update_features_request, update_raft_voter_request, update_raft_voter_response,
};
use raft::message as model;

use super::context::text;
use super::quorum::{address, directory, leader, metadata_topic, node};

pub fn update_voter_request(it: &model::UpdateRaftVoterRequest) -> UpdateRaftVoterRequest {
    let listener = |it: &model::Endpoint| {
        update_raft_voter_request::Listener::default()
            .with_name(text(&it.name))
            .with_host(text(&it.host))
            .with_port(it.port)
    };
    let supported = update_raft_voter_request::KRaftVersionFeature::default()
        .with_min_supported_version(it.k_raft_version_feature.min_supported_version)
        .with_max_supported_version(it.k_raft_version_feature.max_supported_version);
    UpdateRaftVoterRequest::default()
        .with_cluster_id(it.cluster_id.as_deref().map(text))
        .with_current_leader_epoch(it.current_leader_epoch.0)
        .with_voter_id(it.voter_id.0)
        .with_voter_directory_id(directory(it.voter_directory_id))
        .with_listeners(it.listeners.iter().map(listener).collect())
        .with_k_raft_version_feature(supported)
}

pub fn update_voter_response(it: &model::UpdateRaftVoterResponse) -> UpdateRaftVoterResponse {
    let mut current = update_raft_voter_response::CurrentLeader::default()
        .with_leader_id(leader(&it.current_leader))
        .with_leader_epoch(it.current_leader.leader_epoch.0);
    if let Some((_, host, port)) = address(&it.current_leader) {
        current = current.with_host(host).with_port(i32::from(port));
    }
    UpdateRaftVoterResponse::default().with_error_code(it.error as i16).with_current_leader(current)
}

pub fn add_voter_request(it: &model::AddRaftVoterRequest) -> AddRaftVoterRequest {
    let listener = |it: &model::Endpoint| {
        add_raft_voter_request::Listener::default()
            .with_name(text(&it.name))
            .with_host(text(&it.host))
            .with_port(it.port)
    };
    AddRaftVoterRequest::default()
        .with_cluster_id(it.cluster_id.as_deref().map(text))
        .with_timeout_ms(it.timeout_ms)
        .with_voter_id(it.voter_id.0)
        .with_voter_directory_id(directory(it.voter_directory_id))
        .with_listeners(it.listeners.iter().map(listener).collect())
}

pub fn add_voter_response(it: &model::AddRaftVoterResponse) -> AddRaftVoterResponse {
    AddRaftVoterResponse::default().with_error_code(it.error as i16).with_error_message(None)
}

pub fn remove_voter_request(it: &model::RemoveRaftVoterRequest) -> RemoveRaftVoterRequest {
    RemoveRaftVoterRequest::default()
        .with_cluster_id(it.cluster_id.as_deref().map(text))
        .with_voter_id(it.voter_id.0)
        .with_voter_directory_id(directory(it.voter_directory_id))
}

pub fn remove_voter_response(it: &model::RemoveRaftVoterResponse) -> RemoveRaftVoterResponse {
    RemoveRaftVoterResponse::default().with_error_code(it.error as i16).with_error_message(None)
}

pub fn describe_quorum_request() -> DescribeQuorumRequest {
    let partition = describe_quorum_request::PartitionData::default();
    let topic = describe_quorum_request::TopicData::default()
        .with_topic_name(metadata_topic())
        .with_partitions(vec![partition]);
    DescribeQuorumRequest::default().with_topics(vec![topic])
}

pub fn describe_quorum_response(it: &model::DescribeQuorumResponse) -> DescribeQuorumResponse {
    let replica = |it: &model::QuorumReplica| {
        describe_quorum_response::ReplicaState::default()
            .with_replica_id(node(it.replica_id))
            .with_replica_directory_id(directory(it.replica_directory_id))
            .with_log_end_offset(it.log_end_offset.0)
            .with_last_fetch_timestamp(it.last_fetch_timestamp)
            .with_last_caught_up_timestamp(it.last_caught_up_timestamp)
    };
    let partition = describe_quorum_response::PartitionData::default()
        .with_error_code(it.error as i16)
        .with_error_message(None)
        .with_leader_id(node(it.leader_id))
        .with_leader_epoch(it.leader_epoch.0)
        .with_high_watermark(it.high_watermark.0)
        .with_current_voters(it.current_voters.iter().map(replica).collect())
        .with_observers(it.observers.iter().map(replica).collect());
    let topic = describe_quorum_response::TopicData::default()
        .with_topic_name(metadata_topic())
        .with_partitions(vec![partition]);
    DescribeQuorumResponse::default().with_error_message(None).with_topics(vec![topic])
}

pub fn update_features_request(it: &model::UpdateFeaturesRequest) -> UpdateFeaturesRequest {
    let update = |it: &model::FeatureUpdate| {
        update_features_request::FeatureUpdateKey::default()
            .with_feature(text(&it.feature))
            .with_max_version_level(it.max_version_level)
    };
    UpdateFeaturesRequest::default()
        .with_timeout_ms(it.timeout_ms)
        .with_feature_updates(it.feature_updates.iter().map(update).collect())
        .with_validate_only(it.validate_only)
}

pub fn update_features_response(it: &model::UpdateFeaturesResponse) -> UpdateFeaturesResponse {
    UpdateFeaturesResponse::default().with_error_code(it.error as i16).with_error_message(None)
}
