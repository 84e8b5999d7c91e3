//! DeleteTopics and CreatePartitions (controller-broker.md §4.2).

use std::collections::BTreeMap;
use std::rc::Rc;

use super::create_topics::manual_replicas;
use super::placement::StripedReplicaPlacer;
use super::view::View;
use crate::controller::result::{ControllerResult, MAX_RECORDS_PER_BATCH, bounded};
use crate::controller::state::{ControllerState, Topic};
use crate::ids::{NodeId, Uuid};
use crate::io::Entropy;
use crate::message::ErrorCode;
use crate::message::admin::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopic, CreatePartitionsTopicResult,
    DeletableTopicResult, DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse,
};
use crate::metadata::MetadataRecord;
use crate::metadata::records::{Partition, RemoveTopic};

/// The RPC layer's part of DeleteTopics: names and ids are resolved in the *stable* state, on a standby as well, so an
/// uncommitted topic is unknown, and a lagging controller may know no topic (§4.2, trap). Returns the topics to delete,
/// and the results that are already known.
pub fn resolve_topics(
    stable: &ControllerState,
    request: &DeleteTopicsRequest,
) -> (Vec<(Uuid, Rc<str>)>, Vec<DeletableTopicResult>) {
    let mut found: BTreeMap<Uuid, (Rc<str>, u32)> = BTreeMap::new();
    let mut decided = Vec::new();
    for requested in request.topics.iter() {
        match resolve(stable, requested) {
            Ok((id, name)) => found.entry(id).or_insert((name, 0)).1 += 1,
            Err(error) => {
                decided.push(DeletableTopicResult {
                    name: requested.name.clone(),
                    topic_id: requested.topic_id,
                    error,
                });
            }
        }
    }
    let (once, twice): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, (_, times))| *times == 1);
    decided.extend(twice.into_iter().map(|(topic_id, (name, _))| DeletableTopicResult {
        name: Some(name),
        topic_id,
        error: ErrorCode::InvalidRequest,
    }));
    (once.into_iter().map(|(id, (name, _))| (id, name)).collect(), decided)
}

fn resolve(stable: &ControllerState, requested: &DeleteTopicState) -> Result<(Uuid, Rc<str>), ErrorCode> {
    match &requested.name {
        Some(_) if requested.topic_id != Uuid::ZERO => Err(ErrorCode::InvalidRequest),
        None if requested.topic_id == Uuid::ZERO => Err(ErrorCode::InvalidRequest),
        Some(name) => {
            let id = stable.topics.id_of(name).ok_or(ErrorCode::UnknownTopicOrPartition)?;
            Ok((id, Rc::clone(name)))
        }
        None => {
            let topic = stable.topics.topic(requested.topic_id).ok_or(ErrorCode::UnknownTopicId)?;
            Ok((requested.topic_id, Rc::clone(&topic.name)))
        }
    }
}

/// Deletes the topics that [`resolve_topics`] found, in one batch.
pub fn delete_topics(
    state: &ControllerState,
    topics: &[(Uuid, Rc<str>)],
    decided: &[DeletableTopicResult],
) -> Result<ControllerResult<DeleteTopicsResponse>, ErrorCode> {
    let mut records = Vec::new();
    let mut responses = decided.to_vec();
    for (topic_id, name) in topics {
        let error = if state.topics.topic(*topic_id).is_some() {
            records.push(MetadataRecord::RemoveTopic(RemoveTopic { topic_id: *topic_id }));
            ErrorCode::None
        } else {
            ErrorCode::UnknownTopicId
        };
        responses.push(DeletableTopicResult { name: Some(Rc::clone(name)), topic_id: *topic_id, error });
    }
    bounded(ControllerResult::atomic(records, DeleteTopicsResponse { responses: responses.into() }))
}

/// Topics that pass validation are extended together, in one batch.
pub fn create_partitions(
    view: View<'_>,
    request: &CreatePartitionsRequest,
    entropy: &mut dyn Entropy,
) -> Result<ControllerResult<CreatePartitionsResponse>, ErrorCode> {
    let mut records = Vec::new();
    let mut results = Vec::with_capacity(request.topics.len());
    for topic in request.topics.iter() {
        let twice = request.topics.iter().filter(|other| other.name == topic.name).count() > 1;
        let more = if twice { Err(ErrorCode::InvalidRequest) } else { more_partitions(view, topic, entropy) };
        let error = match more {
            Ok(more) => {
                records.extend(more.into_iter().map(MetadataRecord::Partition));
                ErrorCode::None
            }
            Err(error) => error,
        };
        results.push(CreatePartitionsTopicResult { name: Rc::clone(&topic.name), error });
    }
    if request.validate_only {
        records.clear();
    }
    bounded(ControllerResult::atomic(records, CreatePartitionsResponse { results: results.into() }))
}

fn more_partitions(
    view: View<'_>,
    requested: &CreatePartitionsTopic,
    entropy: &mut dyn Entropy,
) -> Result<Vec<Partition>, ErrorCode> {
    let topics = &view.state.topics;
    let topic_id = topics.id_of(&requested.name).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let topic = topics.topic(topic_id).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let current = topic.partitions.len();
    let count = usize::try_from(requested.count).unwrap_or(0);
    if count <= current {
        return Err(ErrorCode::InvalidPartitions);
    }
    let added = count - current;
    if added > MAX_RECORDS_PER_BATCH {
        return Err(ErrorCode::PolicyViolation);
    }
    if !requested.assignments.is_empty() && requested.assignments.len() != added {
        return Err(ErrorCode::InvalidReplicaAssignment);
    }
    let replicas = replicas_of_added(view, requested, topic, added, entropy)?;
    let none_active = if requested.assignments.is_empty() {
        ErrorCode::InvalidReplicationFactor
    } else {
        ErrorCode::InvalidReplicaAssignment
    };
    let ids = i32::try_from(current).unwrap_or(i32::MAX)..;
    ids.zip(replicas).map(|(id, replicas)| view.new_partition(topic_id, id, replicas).ok_or(none_active)).collect()
}

fn replicas_of_added(
    view: View<'_>,
    requested: &CreatePartitionsTopic,
    topic: &Topic,
    added: usize,
    entropy: &mut dyn Entropy,
) -> Result<Vec<Rc<[NodeId]>>, ErrorCode> {
    let factor = topic.partitions.values().next().map_or(0, |partition| partition.replicas.len());
    if requested.assignments.is_empty() {
        let placer = StripedReplicaPlacer::new(&view.usable_brokers(), entropy);
        placer.place(added, factor, entropy).ok_or(ErrorCode::InvalidReplicationFactor)
    } else {
        requested.assignments.iter().map(|assignment| manual_replicas(view, assignment, factor)).collect()
    }
}
