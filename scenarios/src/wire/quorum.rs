//! The RPCs of consensus. Each is about the one partition of the metadata log.

use bytes::Bytes;
use kafka_protocol::messages::{
    ApiVersionsRequest, ApiVersionsResponse, BeginQuorumEpochRequest, BeginQuorumEpochResponse, BrokerId,
    EndQuorumEpochRequest, EndQuorumEpochResponse, FetchRequest, FetchResponse, FetchSnapshotRequest,
    FetchSnapshotResponse, VoteRequest, VoteResponse, api_versions_response, begin_quorum_epoch_request,
    begin_quorum_epoch_response, end_quorum_epoch_request, end_quorum_epoch_response, fetch_request as fetch_in,
    fetch_response as fetch_out, fetch_snapshot_request, fetch_snapshot_response, vote_request as vote_in,
    vote_response as vote_out,
};
use kafka_protocol::protocol::StrBytes;
use raft::ids::{NodeId, Offset, Uuid};
use raft::log::Records;
use raft::message as model;
use raft::message::ErrorCode;

use super::context::{Context, METADATA_TOPIC, text, uuid};
use super::supported;

/// `-1` in Kafka's messages.
const NONE: i64 = -1;
/// `FetchRequest.HighWatermark` of a version without it.
const NO_HIGH_WATERMARK: i64 = i64::MAX;
const KRAFT_VERSION: &str = "kraft.version";
const SOFTWARE: &str = "kraftsim";

pub fn vote_request(it: &model::VoteRequest) -> VoteRequest {
    let partition = vote_in::PartitionData::default()
        .with_replica_epoch(it.replica_epoch.0)
        .with_replica_id(node(it.replica_id))
        .with_replica_directory_id(directory(it.replica_directory_id))
        .with_voter_directory_id(directory(it.voter_directory_id))
        .with_last_offset_epoch(it.last_offset_epoch.0)
        .with_last_offset(it.last_offset.0)
        .with_pre_vote(it.pre_vote);
    let topic = vote_in::TopicData::default().with_topic_name(metadata_topic()).with_partitions(vec![partition]);
    VoteRequest::default()
        .with_cluster_id(it.cluster_id.as_deref().map(text))
        .with_voter_id(node(it.voter_id))
        .with_topics(vec![topic])
}

pub fn vote_response(it: &model::VoteResponse) -> VoteResponse {
    let partition = vote_out::PartitionData::default()
        .with_error_code(it.error as i16)
        .with_leader_id(leader(&it.current_leader))
        .with_leader_epoch(it.current_leader.leader_epoch.0)
        .with_vote_granted(it.vote_granted);
    let topic = vote_out::TopicData::default().with_topic_name(metadata_topic()).with_partitions(vec![partition]);
    let endpoints = address(&it.current_leader)
        .map(|(id, host, port)| vote_out::NodeEndpoint::default().with_node_id(id).with_host(host).with_port(port));
    VoteResponse::default()
        .with_error_code(it.top_error as i16)
        .with_topics(unless_failed(it.top_error, topic))
        .with_node_endpoints(endpoints.into_iter().collect())
}

pub fn begin_request(it: &model::BeginQuorumEpochRequest) -> BeginQuorumEpochRequest {
    let partition = begin_quorum_epoch_request::PartitionData::default()
        .with_voter_directory_id(directory(it.voter_directory_id))
        .with_leader_id(node(it.leader_id))
        .with_leader_epoch(it.leader_epoch.0);
    let topic = begin_quorum_epoch_request::TopicData::default()
        .with_topic_name(metadata_topic())
        .with_partitions(vec![partition]);
    let endpoint = |it: &model::Endpoint| {
        begin_quorum_epoch_request::LeaderEndpoint::default()
            .with_name(text(&it.name))
            .with_host(text(&it.host))
            .with_port(it.port)
    };
    BeginQuorumEpochRequest::default()
        .with_cluster_id(it.cluster_id.as_deref().map(text))
        .with_voter_id(node(it.voter_id))
        .with_topics(vec![topic])
        .with_leader_endpoints(it.leader_endpoints.iter().map(endpoint).collect())
}

pub fn begin_response(it: &model::QuorumEpochResponse) -> BeginQuorumEpochResponse {
    let partition = begin_quorum_epoch_response::PartitionData::default()
        .with_error_code(it.error as i16)
        .with_leader_id(leader(&it.current_leader))
        .with_leader_epoch(it.current_leader.leader_epoch.0);
    let topic = begin_quorum_epoch_response::TopicData::default()
        .with_topic_name(metadata_topic())
        .with_partitions(vec![partition]);
    let endpoints = address(&it.current_leader).map(|(id, host, port)| {
        begin_quorum_epoch_response::NodeEndpoint::default().with_node_id(id).with_host(host).with_port(port)
    });
    BeginQuorumEpochResponse::default()
        .with_error_code(it.top_error as i16)
        .with_topics(unless_failed(it.top_error, topic))
        .with_node_endpoints(endpoints.into_iter().collect())
}

pub fn end_request(it: &model::EndQuorumEpochRequest) -> EndQuorumEpochRequest {
    let candidate = |it: &raft::ids::ReplicaKey| {
        end_quorum_epoch_request::ReplicaInfo::default()
            .with_candidate_id(node(it.id))
            .with_candidate_directory_id(directory(it.directory_id))
    };
    let partition = end_quorum_epoch_request::PartitionData::default()
        .with_leader_id(node(it.leader_id))
        .with_leader_epoch(it.leader_epoch.0)
        .with_preferred_candidates(it.preferred_candidates.iter().map(candidate).collect());
    let topic = end_quorum_epoch_request::TopicData::default()
        .with_topic_name(metadata_topic())
        .with_partitions(vec![partition]);
    let endpoint = |it: &model::Endpoint| {
        end_quorum_epoch_request::LeaderEndpoint::default()
            .with_name(text(&it.name))
            .with_host(text(&it.host))
            .with_port(it.port)
    };
    EndQuorumEpochRequest::default()
        .with_cluster_id(it.cluster_id.as_deref().map(text))
        .with_topics(vec![topic])
        .with_leader_endpoints(it.leader_endpoints.iter().map(endpoint).collect())
}

pub fn end_response(it: &model::QuorumEpochResponse) -> EndQuorumEpochResponse {
    let partition = end_quorum_epoch_response::PartitionData::default()
        .with_error_code(it.error as i16)
        .with_leader_id(leader(&it.current_leader))
        .with_leader_epoch(it.current_leader.leader_epoch.0);
    let topic = end_quorum_epoch_response::TopicData::default()
        .with_topic_name(metadata_topic())
        .with_partitions(vec![partition]);
    let endpoints = address(&it.current_leader).map(|(id, host, port)| {
        end_quorum_epoch_response::NodeEndpoint::default().with_node_id(id).with_host(host).with_port(port)
    });
    EndQuorumEpochResponse::default()
        .with_error_code(it.top_error as i16)
        .with_topics(unless_failed(it.top_error, topic))
        .with_node_endpoints(endpoints.into_iter().collect())
}

/// The only topic of a response; a response with an error at the top level has none (`KafkaRaftClient.handleVoteRequest`
/// and its like).
fn unless_failed<T>(top_error: ErrorCode, topic: T) -> Vec<T> {
    if top_error == ErrorCode::None { vec![topic] } else { Vec::new() }
}

pub fn fetch_request(it: &model::FetchRequest, context: &Context<'_>) -> FetchRequest {
    let version = context.version;
    let mut partition = fetch_in::FetchPartition::default()
        .with_current_leader_epoch(it.current_leader_epoch.0)
        .with_fetch_offset(it.fetch_offset.0);
    if version >= 12 {
        partition.last_fetched_epoch = it.last_fetched_epoch.0;
    }
    if version >= 17 {
        partition.replica_directory_id = directory(it.replica_directory_id);
    }
    partition.high_watermark = if version >= 18 { offset(it.high_watermark) } else { NO_HIGH_WATERMARK };
    let mut request = FetchRequest::default().with_max_wait_ms(it.max_wait_ms).with_max_bytes(it.max_bytes);
    if version >= 12 {
        request.cluster_id = it.cluster_id.as_deref().map(text);
    }
    if version >= 15 {
        request.replica_state.replica_id = node(it.replica_id);
    } else {
        request.replica_id = node(it.replica_id);
    }
    request.with_session_epoch(-1).with_topics(vec![fetch_topic(it.topic_id, vec![partition], context)])
}

/// A topic of a Fetch.
pub(super) fn fetch_topic(
    id: Uuid,
    partitions: Vec<fetch_in::FetchPartition>,
    context: &Context<'_>,
) -> fetch_in::FetchTopic {
    let topic = fetch_in::FetchTopic::default().with_partitions(partitions);
    if context.version >= 13 { topic.with_topic_id(uuid(id)) } else { topic.with_topic(context.topic(id).into()) }
}

pub fn fetch_response(it: &model::FetchResponse, context: &Context<'_>) -> FetchResponse {
    let version = context.version;
    let mut records = bytes(&it.records).to_vec();
    records.extend(it.cut_batch.iter().flat_map(|cut| cut.bytes()));
    let mut partition = fetch_out::PartitionData::default()
        .with_error_code(it.error as i16)
        .with_high_watermark(offset(it.high_watermark))
        .with_last_stable_offset(NONE)
        .with_log_start_offset(it.log_start_offset.0)
        .with_aborted_transactions(Some(Vec::new()))
        .with_records(Some(records.into()));
    if version >= 12 {
        partition.current_leader = fetch_out::LeaderIdAndEpoch::default()
            .with_leader_id(leader(&it.current_leader))
            .with_leader_epoch(it.current_leader.leader_epoch.0);
        if let Some(diverging) = &it.diverging_epoch {
            partition.diverging_epoch =
                fetch_out::EpochEndOffset::default().with_epoch(diverging.epoch.0).with_end_offset(diverging.offset.0);
        }
        if let Some(id) = &it.snapshot_id {
            partition.snapshot_id =
                fetch_out::SnapshotId::default().with_epoch(id.epoch.0).with_end_offset(id.offset.0);
        }
    }
    let endpoints = address(&it.current_leader).filter(|_| version >= 17).map(|(id, host, port)| {
        fetch_out::NodeEndpoint::default().with_node_id(id).with_host(host).with_port(i32::from(port))
    });
    FetchResponse::default()
        .with_error_code(it.top_error as i16)
        .with_responses(unless_failed(it.top_error, fetched_topic(Uuid::METADATA_TOPIC_ID, vec![partition], context)))
        .with_node_endpoints(endpoints.into_iter().collect())
}

pub fn fetch_snapshot_request(it: &model::FetchSnapshotRequest, context: &Context<'_>) -> FetchSnapshotRequest {
    let id = fetch_snapshot_request::SnapshotId::default()
        .with_end_offset(it.snapshot_id.offset.0)
        .with_epoch(it.snapshot_id.epoch.0);
    let mut partition = fetch_snapshot_request::PartitionSnapshot::default()
        .with_current_leader_epoch(it.current_leader_epoch.0)
        .with_snapshot_id(id)
        .with_position(it.position);
    if context.version >= 1 {
        partition.replica_directory_id = directory(it.replica_directory_id);
    }
    let topic =
        fetch_snapshot_request::TopicSnapshot::default().with_name(metadata_topic()).with_partitions(vec![partition]);
    FetchSnapshotRequest::default()
        .with_cluster_id(it.cluster_id.as_deref().map(text))
        .with_replica_id(node(it.replica_id))
        .with_max_bytes(it.max_bytes)
        .with_topics(vec![topic])
}

pub fn fetch_snapshot_response(it: &model::FetchSnapshotResponse, context: &Context<'_>) -> FetchSnapshotResponse {
    let id = fetch_snapshot_response::SnapshotId::default()
        .with_end_offset(it.snapshot_id.offset.0)
        .with_epoch(it.snapshot_id.epoch.0);
    let current = fetch_snapshot_response::LeaderIdAndEpoch::default()
        .with_leader_id(leader(&it.current_leader))
        .with_leader_epoch(it.current_leader.leader_epoch.0);
    let partition = fetch_snapshot_response::PartitionSnapshot::default()
        .with_error_code(it.error as i16)
        .with_snapshot_id(id)
        .with_current_leader(current)
        .with_size(it.size)
        .with_position(it.position)
        .with_unaligned_records(Bytes::copy_from_slice(&it.unaligned_records.0));
    let topic =
        fetch_snapshot_response::TopicSnapshot::default().with_name(metadata_topic()).with_partitions(vec![partition]);
    let endpoints = address(&it.current_leader).filter(|_| context.version >= 1).map(|(id, host, port)| {
        fetch_snapshot_response::NodeEndpoint::default().with_node_id(id).with_host(host).with_port(port)
    });
    FetchSnapshotResponse::default()
        .with_error_code(it.top_error as i16)
        .with_topics(unless_failed(it.top_error, topic))
        .with_node_endpoints(endpoints.into_iter().collect())
}

/// A topic of an answer to Fetch.
pub(super) fn fetched_topic(
    id: Uuid,
    partitions: Vec<fetch_out::PartitionData>,
    context: &Context<'_>,
) -> fetch_out::FetchableTopicResponse {
    let topic = fetch_out::FetchableTopicResponse::default().with_partitions(partitions);
    if context.version >= 13 { topic.with_topic_id(uuid(id)) } else { topic.with_topic(context.topic(id).into()) }
}

pub fn versions_request() -> ApiVersionsRequest {
    ApiVersionsRequest::default()
        .with_client_software_name(text(SOFTWARE))
        .with_client_software_version(text(env!("CARGO_PKG_VERSION")))
}

/// The APIs of the listener that answers. The model's answer has no feature but `kraft.version`; versions below 4 have no
/// feature whose oldest level is 0 (`ApiVersionsResponse.maybeFilterSupportedFeatureKeys`, KAFKA-17492).
pub fn versions_response(it: Option<&model::ApiVersionsResponse>, context: &Context<'_>) -> ApiVersionsResponse {
    let api = |(key, oldest, newest): (i16, i16, i16)| {
        api_versions_response::ApiVersion::default().with_api_key(key).with_min_version(oldest).with_max_version(newest)
    };
    let is_written = |it: &&model::ApiVersionsResponse| context.version >= 4 || it.supported.min_supported_version > 0;
    let supported = it.filter(is_written).map(|it| {
        api_versions_response::SupportedFeatureKey::default()
            .with_name(text(KRAFT_VERSION))
            .with_min_version(it.supported.min_supported_version)
            .with_max_version(it.supported.max_supported_version)
    });
    ApiVersionsResponse::default()
        .with_error_code(it.map_or(0, |it| it.error as i16))
        .with_api_keys(supported::apis(context.listener).map(api).collect())
        .with_supported_features(supported.into_iter().collect())
}

/// An id of a node.
pub(super) fn node(id: NodeId) -> BrokerId {
    BrokerId(id.0)
}

/// The bytes of batches.
pub(super) fn bytes(records: &Records) -> Bytes {
    match &records.0[..] {
        [] => Bytes::new(),
        [one] => Bytes::copy_from_slice(&one.bytes),
        many => many.iter().flat_map(|batch| batch.bytes.iter().copied()).collect(),
    }
}

pub(super) fn metadata_topic() -> kafka_protocol::messages::TopicName {
    text(METADATA_TOPIC).into()
}

pub(super) fn directory(id: Option<Uuid>) -> uuid::Uuid {
    uuid(id.unwrap_or(Uuid::ZERO))
}

fn offset(offset: Option<Offset>) -> i64 {
    offset.map_or(NONE, |offset| offset.0)
}

pub(super) fn leader(current: &model::CurrentLeader) -> BrokerId {
    node(current.leader_id.unwrap_or(NodeId::NONE))
}

pub(super) fn address(current: &model::CurrentLeader) -> Option<(BrokerId, StrBytes, u16)> {
    let endpoint = current.endpoints.as_ref()?.first()?;
    Some((leader(current), text(&endpoint.host), endpoint.port))
}

#[cfg(test)]
mod tests {
    use raft::ids::LeaderEpoch;

    use super::*;

    /// `KafkaRaftClient.handleVoteRequest`: `new VoteResponseData().setErrorCode(...)`
    #[test]
    fn a_response_with_an_error_at_the_top_level_has_no_topic() {
        let current_leader = model::CurrentLeader { leader_id: None, leader_epoch: LeaderEpoch(4), endpoints: None };
        let response = |top_error| {
            let of = model::VoteResponse {
                top_error,
                error: ErrorCode::None,
                current_leader: current_leader.clone(),
                vote_granted: true,
            };
            vote_response(&of)
        };
        assert_eq!(response(ErrorCode::None).topics.len(), 1);
        let failed = response(ErrorCode::InconsistentClusterId);
        assert_eq!((failed.error_code, failed.topics.len()), (ErrorCode::InconsistentClusterId as i16, 0));
    }
}
