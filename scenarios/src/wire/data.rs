//! The RPCs of producers, consumers and followers. The model lists partitions; Kafka groups those of a topic.

use kafka_protocol::messages::{
    BrokerId, FetchRequest, FetchResponse, InitProducerIdRequest, InitProducerIdResponse, ListOffsetsRequest,
    ListOffsetsResponse, MetadataRequest, MetadataResponse, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
    ProduceRequest, ProduceResponse, ProducerId, fetch_request as fetch_in, fetch_response as fetch_out,
    list_offsets_request as offsets_in, list_offsets_response as offsets_out, metadata_request as metadata_in,
    metadata_response as metadata_out, offset_for_leader_epoch_request as epoch_in,
    offset_for_leader_epoch_response as epoch_out, produce_request as produce_in, produce_response as produce_out,
};
use raft::ids::{NodeId, TopicIdPartition};
use raft::message::data as model;

use super::context::{Context, text, uuid};
use super::quorum::{bytes, fetch_topic, fetched_topic, node};

/// The port of the listener of brokers.
const BROKER_PORT: i32 = 9092;

pub fn produce_request(it: &model::ProduceRequest, context: &Context<'_>) -> ProduceRequest {
    let topics = by_topic(
        &it.partitions,
        |it| it.partition,
        |id, partitions| {
            let partition = |it: &model::PartitionProduceData| {
                produce_in::PartitionProduceData::default()
                    .with_index(it.partition.partition)
                    .with_records(Some(bytes(&it.records)))
            };
            let topic =
                produce_in::TopicProduceData::default().with_partition_data(partitions.iter().map(partition).collect());
            if context.version >= 13 {
                topic.with_topic_id(uuid(id.topic_id))
            } else {
                topic.with_name(context.topic(id.topic_id).into())
            }
        },
    );
    ProduceRequest::default().with_acks(it.acks).with_timeout_ms(it.timeout_ms).with_topic_data(topics)
}

pub fn produce_response(it: &model::ProduceResponse, context: &Context<'_>) -> ProduceResponse {
    let topics = by_topic(
        &it.partitions,
        |it| it.partition,
        |id, partitions| {
            let partition = |it: &model::PartitionProduceResponse| {
                let mut result = produce_out::PartitionProduceResponse::default()
                    .with_index(it.partition.partition)
                    .with_error_code(it.error as i16)
                    .with_base_offset(it.base_offset.0)
                    .with_log_start_offset(it.log_start_offset.0);
                if let Some(leader) = it.current_leader.as_ref().filter(|_| context.version >= 10) {
                    result.current_leader = produce_out::LeaderIdAndEpoch::default()
                        .with_leader_id(node(leader.leader_id))
                        .with_leader_epoch(leader.leader_epoch.0);
                }
                result
            };
            let topic = produce_out::TopicProduceResponse::default()
                .with_partition_responses(partitions.iter().map(partition).collect());
            if context.version >= 13 {
                topic.with_topic_id(uuid(id.topic_id))
            } else {
                topic.with_name(context.topic(id.topic_id).into())
            }
        },
    );
    ProduceResponse::default().with_responses(topics)
}

pub fn fetch_request(it: &model::DataFetchRequest, context: &Context<'_>) -> FetchRequest {
    let topics = by_topic(
        &it.partitions,
        |it| it.partition,
        |id, partitions| {
            let partition = |it: &model::FetchPartition| {
                let mut part = fetch_in::FetchPartition::default()
                    .with_partition(it.partition.partition)
                    .with_current_leader_epoch(it.current_leader_epoch.0)
                    .with_fetch_offset(it.fetch_offset.0)
                    .with_log_start_offset(it.log_start_offset.0)
                    .with_partition_max_bytes(it.partition_max_bytes);
                if context.version >= 12 {
                    part.last_fetched_epoch = it.last_fetched_epoch.0;
                }
                part
            };
            fetch_topic(id.topic_id, partitions.iter().map(partition).collect(), context)
        },
    );
    let mut request = FetchRequest::default()
        .with_max_wait_ms(it.max_wait_ms)
        .with_min_bytes(it.min_bytes)
        .with_max_bytes(it.max_bytes)
        .with_session_epoch(-1)
        .with_topics(topics);
    if context.version >= 15 {
        request.replica_state = fetch_in::ReplicaState::default()
            .with_replica_id(node(it.replica_id))
            .with_replica_epoch(it.replica_epoch.0);
    } else {
        request.replica_id = node(it.replica_id);
    }
    request
}

pub fn fetch_response(it: &model::DataFetchResponse, context: &Context<'_>) -> FetchResponse {
    let topics = by_topic(
        &it.partitions,
        |it| it.partition,
        |id, partitions| {
            let partition = |it: &model::FetchablePartition| {
                let mut part = fetch_out::PartitionData::default()
                    .with_partition_index(it.partition.partition)
                    .with_error_code(it.error as i16)
                    .with_high_watermark(it.high_watermark.0)
                    .with_last_stable_offset(it.high_watermark.0)
                    .with_log_start_offset(it.log_start_offset.0)
                    .with_aborted_transactions(None)
                    .with_records(Some(bytes(&it.records)));
                if context.version >= 12 {
                    if let Some(diverging) = it.diverging_epoch {
                        part.diverging_epoch = fetch_out::EpochEndOffset::default()
                            .with_epoch(diverging.epoch.0)
                            .with_end_offset(diverging.offset.0);
                    }
                    if let Some(leader) = &it.current_leader {
                        part.current_leader = fetch_out::LeaderIdAndEpoch::default()
                            .with_leader_id(node(leader.leader_id))
                            .with_leader_epoch(leader.leader_epoch.0);
                    }
                }
                part
            };
            fetched_topic(id.topic_id, partitions.iter().map(partition).collect(), context)
        },
    );
    FetchResponse::default().with_error_code(it.error as i16).with_responses(topics)
}

pub fn list_offsets_request(it: &model::ListOffsetsRequest, context: &Context<'_>) -> ListOffsetsRequest {
    let topics = by_topic(
        &it.partitions,
        |it| it.partition,
        |id, partitions| {
            let partition = |it: &model::ListOffsetsPartition| {
                offsets_in::ListOffsetsPartition::default()
                    .with_partition_index(it.partition.partition)
                    .with_current_leader_epoch(it.current_leader_epoch.0)
                    .with_timestamp(it.timestamp)
            };
            offsets_in::ListOffsetsTopic::default()
                .with_name(context.topic(id.topic_id).into())
                .with_partitions(partitions.iter().map(partition).collect())
        },
    );
    ListOffsetsRequest::default().with_replica_id(node(it.replica_id)).with_topics(topics)
}

pub fn list_offsets_response(it: &model::ListOffsetsResponse, context: &Context<'_>) -> ListOffsetsResponse {
    let topics = by_topic(
        &it.partitions,
        |it| it.partition,
        |id, partitions| {
            let partition = |it: &model::ListOffsetsPartitionResponse| {
                offsets_out::ListOffsetsPartitionResponse::default()
                    .with_partition_index(it.partition.partition)
                    .with_error_code(it.error as i16)
                    .with_offset(it.offset.0)
                    .with_leader_epoch(it.leader_epoch.0)
            };
            offsets_out::ListOffsetsTopicResponse::default()
                .with_name(context.topic(id.topic_id).into())
                .with_partitions(partitions.iter().map(partition).collect())
        },
    );
    ListOffsetsResponse::default().with_topics(topics)
}

pub fn metadata_request(it: &model::MetadataRequest) -> MetadataRequest {
    let topic =
        |name: &std::rc::Rc<str>| metadata_in::MetadataRequestTopic::default().with_name(Some(text(name).into()));
    MetadataRequest::default().with_topics(it.topics.as_ref().map(|topics| topics.iter().map(topic).collect()))
}

pub fn metadata_response(it: &model::MetadataResponse, context: &Context<'_>) -> MetadataResponse {
    let broker = |it: &model::MetadataBroker| {
        metadata_out::MetadataResponseBroker::default()
            .with_node_id(node(it.node_id))
            .with_host(text(&format!("broker-{}", it.node_id.0)))
            .with_port(BROKER_PORT)
    };
    let partition = |it: &model::MetadataPartition| {
        metadata_out::MetadataResponsePartition::default()
            .with_error_code(it.error as i16)
            .with_partition_index(it.partition)
            .with_leader_id(node(it.leader_id))
            .with_leader_epoch(it.leader_epoch.0)
            .with_replica_nodes(nodes(&it.replica_nodes))
            .with_isr_nodes(nodes(&it.isr_nodes))
    };
    let topic = |it: &model::MetadataTopic| {
        let topic = metadata_out::MetadataResponseTopic::default()
            .with_error_code(it.error as i16)
            .with_name(Some(text(&it.name).into()))
            .with_partitions(it.partitions.iter().map(partition).collect());
        if context.version >= 10 { topic.with_topic_id(uuid(it.topic_id)) } else { topic }
    };
    MetadataResponse::default()
        .with_brokers(it.brokers.iter().map(broker).collect())
        .with_controller_id(node(it.controller_id))
        .with_topics(it.topics.iter().map(topic).collect())
}

pub fn init_producer_id_request(it: &model::InitProducerIdRequest) -> InitProducerIdRequest {
    // Without a transactional id, `Sender` sends the largest timeout.
    InitProducerIdRequest::default()
        .with_transactional_id(None)
        .with_transaction_timeout_ms(i32::MAX)
        .with_producer_id(ProducerId(it.producer_id.0))
        .with_producer_epoch(it.producer_epoch)
}

pub fn init_producer_id_response(it: &model::InitProducerIdResponse) -> InitProducerIdResponse {
    InitProducerIdResponse::default()
        .with_error_code(it.error as i16)
        .with_producer_id(ProducerId(it.producer_id.0))
        .with_producer_epoch(it.producer_epoch)
}

pub fn epoch_request(it: &model::OffsetForLeaderEpochRequest, context: &Context<'_>) -> OffsetForLeaderEpochRequest {
    let topics = by_topic(
        &it.partitions,
        |it| it.partition,
        |id, partitions| {
            let partition = |it: &model::OffsetForLeaderPartition| {
                epoch_in::OffsetForLeaderPartition::default()
                    .with_partition(it.partition.partition)
                    .with_current_leader_epoch(it.current_leader_epoch.0)
                    .with_leader_epoch(it.leader_epoch.0)
            };
            epoch_in::OffsetForLeaderTopic::default()
                .with_topic(context.topic(id.topic_id).into())
                .with_partitions(partitions.iter().map(partition).collect())
        },
    );
    OffsetForLeaderEpochRequest::default().with_replica_id(node(it.replica_id)).with_topics(topics)
}

pub fn epoch_response(it: &model::OffsetForLeaderEpochResponse, context: &Context<'_>) -> OffsetForLeaderEpochResponse {
    let topics = by_topic(
        &it.partitions,
        |it| it.partition,
        |id, partitions| {
            let partition = |it: &model::EpochEndOffset| {
                epoch_out::EpochEndOffset::default()
                    .with_error_code(it.error as i16)
                    .with_partition(it.partition.partition)
                    .with_leader_epoch(it.leader_epoch.0)
                    .with_end_offset(it.end_offset.0)
            };
            epoch_out::OffsetForLeaderTopicResult::default()
                .with_topic(context.topic(id.topic_id).into())
                .with_partitions(partitions.iter().map(partition).collect())
        },
    );
    OffsetForLeaderEpochResponse::default().with_topics(topics)
}

/// Ids of nodes.
pub(super) fn nodes(ids: &[NodeId]) -> Vec<BrokerId> {
    ids.iter().copied().map(node).collect()
}

/// A value for each run of partitions of the same topic, made from the first of them and all of them.
pub(super) fn by_topic<P, T>(
    partitions: &[P],
    id: impl Fn(&P) -> TopicIdPartition,
    topic: impl Fn(TopicIdPartition, &[P]) -> T,
) -> Vec<T> {
    let runs = partitions.chunk_by(|one, next| id(one).topic_id == id(next).topic_id);
    runs.map(|run| topic(id(&run[0]), run)).collect()
}
