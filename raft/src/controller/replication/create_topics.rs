//! CreateTopics (controller-broker.md §4.1).

use std::collections::BTreeSet;
use std::rc::Rc;

use super::placement::StripedReplicaPlacer;
use super::view::View;
use crate::controller::configuration;
use crate::controller::result::{ControllerResult, MAX_RECORDS_PER_BATCH, bounded};
use crate::controller::state::MIN_INSYNC_REPLICAS;
use crate::controller::state::ResourceType;
use crate::ids::{NodeId, Uuid};
use crate::io::{Entropy, random_uuid};
use crate::message::ErrorCode;
use crate::message::admin::{
    CreatableTopic, CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse, ReplicaAssignment,
};
use crate::metadata::MetadataRecord;
use crate::metadata::records::{ClearElr, Config, Partition, Topic};

/// Kafka's limit for the length of a topic name.
const MAX_NAME_LENGTH: usize = 249;
/// The topic that clients may not create.
const CLUSTER_METADATA: &str = "__cluster_metadata";

/// Topics that pass validation are created together, in one batch; each of the others has its own error.
pub fn create_topics(
    view: View<'_>,
    request: &CreateTopicsRequest,
    entropy: &mut dyn Entropy,
) -> Result<ControllerResult<CreateTopicsResponse>, ErrorCode> {
    let partitions = request.topics.iter().map(|topic| partitions_of(view, topic)).sum::<i64>();
    if partitions > MAX_RECORDS_PER_BATCH as i64 {
        return Err(ErrorCode::PolicyViolation);
    }
    let mut records = Vec::new();
    let mut results = Vec::with_capacity(request.topics.len());
    for topic in request.topics.iter() {
        let twice = request.topics.iter().filter(|other| other.name == topic.name).count() > 1;
        let created = if twice || &*topic.name == CLUSTER_METADATA {
            Err(ErrorCode::InvalidRequest)
        } else {
            create_topic(view, topic, entropy)
        };
        results.push(match created {
            Ok(created) => {
                let result = created.result(&topic.name);
                records.extend(created.records);
                result
            }
            Err(error) => failed(&topic.name, error),
        });
    }
    if request.validate_only {
        records.clear();
    }
    bounded(ControllerResult::atomic(records, CreateTopicsResponse { topics: results.into() }))
}

struct Created {
    topic_id: Uuid,
    partitions: usize,
    replication_factor: usize,
    records: Vec<MetadataRecord>,
}

impl Created {
    fn result(&self, name: &Rc<str>) -> CreatableTopicResult {
        CreatableTopicResult {
            name: Rc::clone(name),
            topic_id: self.topic_id,
            error: ErrorCode::None,
            num_partitions: i32::try_from(self.partitions).unwrap_or(i32::MAX),
            replication_factor: i16::try_from(self.replication_factor).unwrap_or(i16::MAX),
        }
    }
}

fn failed(name: &Rc<str>, error: ErrorCode) -> CreatableTopicResult {
    let (num_partitions, replication_factor) = (-1, -1);
    CreatableTopicResult { name: Rc::clone(name), topic_id: Uuid::ZERO, error, num_partitions, replication_factor }
}

/// The topic's share of the partition limit of the whole request.
fn partitions_of(view: View<'_>, topic: &CreatableTopic) -> i64 {
    match topic.num_partitions {
        _ if !topic.assignments.is_empty() => topic.assignments.len() as i64,
        -1 => i64::from(view.settings.num_partitions),
        count => i64::from(count.max(0)),
    }
}

/// Checks in Kafka's order: name, existence (its error takes precedence over that of the name), configs, placement.
fn create_topic(view: View<'_>, topic: &CreatableTopic, entropy: &mut dyn Entropy) -> Result<Created, ErrorCode> {
    let topics = &view.state.topics;
    if topics.id_of(&topic.name).is_some() {
        return Err(ErrorCode::TopicAlreadyExists);
    }
    if !is_valid_name(&topic.name) || topics.collides_with(&topic.name).is_some() {
        return Err(ErrorCode::InvalidTopicException);
    }
    for config in topic.configs.iter() {
        let value = config.value.as_deref().ok_or(ErrorCode::InvalidConfig)?;
        configuration::validate(&config.name, value)?;
    }
    let assignments = if topic.assignments.is_empty() { place(view, topic, entropy)? } else { manual(view, topic)? };
    // The error for a topic without an active replica depends on whether the client assigned the replicas.
    let none_active = if topic.assignments.is_empty() {
        ErrorCode::InvalidReplicationFactor
    } else {
        ErrorCode::InvalidReplicaAssignment
    };
    let mut partitions: Vec<Partition> = Vec::with_capacity(assignments.len());
    for (partition_id, replicas) in (0..).zip(&assignments) {
        partitions.push(view.new_partition(Uuid::ZERO, partition_id, Rc::clone(replicas)).ok_or(none_active)?);
    }
    let topic_id = random_uuid(entropy);
    partitions.iter_mut().for_each(|partition| partition.topic_id = topic_id);

    let mut records = vec![MetadataRecord::Topic(Topic { name: Rc::clone(&topic.name), topic_id })];
    records.extend(topic.configs.iter().map(|config| {
        MetadataRecord::Config(Config {
            resource_type: ResourceType::Topic.value(),
            resource_name: Rc::clone(&topic.name),
            name: Rc::clone(&config.name),
            value: config.value.clone(),
        })
    }));
    if view.state.elr_enabled() && topic.configs.iter().any(|config| &*config.name == MIN_INSYNC_REPLICAS) {
        records.push(MetadataRecord::ClearElr(ClearElr { topic_name: Rc::clone(&topic.name) }));
    }
    records.extend(partitions.into_iter().map(MetadataRecord::Partition));
    let replication_factor = assignments.first().map_or(0, |replicas| replicas.len());
    Ok(Created { topic_id, partitions: assignments.len(), replication_factor, records })
}

fn is_valid_name(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !matches!(name, "" | "." | "..") && name.len() <= MAX_NAME_LENGTH && name.bytes().all(legal)
}

fn place(view: View<'_>, topic: &CreatableTopic, entropy: &mut dyn Entropy) -> Result<Vec<Rc<[NodeId]>>, ErrorCode> {
    let replication_factor = match topic.replication_factor {
        -1 => view.settings.default_replication_factor,
        factor => factor,
    };
    let replication_factor =
        usize::try_from(replication_factor).ok().filter(|n| *n > 0).ok_or(ErrorCode::InvalidReplicationFactor)?;
    let partitions = match topic.num_partitions {
        -1 => view.settings.num_partitions,
        count => count,
    };
    let partitions = usize::try_from(partitions).ok().filter(|n| *n > 0).ok_or(ErrorCode::InvalidPartitions)?;
    let placer = StripedReplicaPlacer::new(&view.usable_brokers(), entropy);
    placer.place(partitions, replication_factor, entropy).ok_or(ErrorCode::InvalidReplicationFactor)
}

fn manual(view: View<'_>, topic: &CreatableTopic) -> Result<Vec<Rc<[NodeId]>>, ErrorCode> {
    if topic.replication_factor != -1 || topic.num_partitions != -1 {
        return Err(ErrorCode::InvalidRequest);
    }
    let mut assignments: Vec<&ReplicaAssignment> = topic.assignments.iter().collect();
    assignments.sort_by_key(|assignment| assignment.partition);
    let contiguous = (0..).zip(&assignments).all(|(expected, assignment)| expected == assignment.partition);
    if !contiguous {
        return Err(ErrorCode::InvalidReplicaAssignment);
    }
    let size = assignments.first().map_or(0, |assignment| assignment.broker_ids.len());
    assignments.iter().map(|assignment| manual_replicas(view, assignment, size)).collect()
}

/// A manual list of `size` replicas: all registered, without duplicates, none with only cordoned directories.
pub(super) fn manual_replicas(
    view: View<'_>,
    assignment: &ReplicaAssignment,
    size: usize,
) -> Result<Rc<[NodeId]>, ErrorCode> {
    let ids = &assignment.broker_ids;
    let unique: BTreeSet<NodeId> = ids.iter().copied().collect();
    let usable = |id: &NodeId| view.state.cluster.broker(*id).is_some_and(|broker| !broker.is_fully_cordoned());
    if size == 0 || ids.len() != size || unique.len() != size || !ids.iter().all(usable) {
        return Err(ErrorCode::InvalidReplicaAssignment);
    }
    Ok(Rc::clone(ids))
}
