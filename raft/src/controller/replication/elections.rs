//! Elections: requested by ElectLeaders, and the periodic preferred and unclean ones
//! (controller-broker.md §4.8, §2.8).

use std::rc::Rc;

use super::view::View;
use crate::bugs::Bug;
use crate::controller::partition_change_builder::{Election, PartitionChangeBuilder};
use crate::controller::result::ControllerResult;
use crate::ids::{NodeId, TopicIdPartition};
use crate::message::ErrorCode;
use crate::message::admin::{ElectLeadersRequest, ElectLeadersResponse, ElectLeadersResult};
use crate::metadata::MetadataRecord;

/// Limit of elections in one periodic run.
const MAX_ELECTIONS: usize = 1_000;

/// Each partition is handled separately; not atomic. With no list, those that need no election are left out of the
/// response.
pub fn elect_leaders(
    view: View<'_>,
    request: &ElectLeadersRequest,
) -> Result<ControllerResult<ElectLeadersResponse>, ErrorCode> {
    let other = view.settings.bugs.has(Bug::Kafka13162ElectionTypeIgnored);
    let election = match request.election_type {
        0 if other => Election::Unclean,
        1 if other => Election::Preferred,
        0 => Election::Preferred,
        1 => Election::Unclean,
        _ => return Err(ErrorCode::InvalidRequest),
    };
    let mut records = Vec::new();
    let mut results = Vec::new();
    match &request.topic_partitions {
        Some(topics) => {
            for topic in topics.iter() {
                for partition in topic.partitions.iter() {
                    let id = view.state.topics.id_of(&topic.topic);
                    let id = id.map(|topic_id| TopicIdPartition { topic_id, partition: *partition });
                    let error = match id {
                        Some(id) => elect_leader(view, id, election, &mut records),
                        None => ErrorCode::UnknownTopicOrPartition,
                    };
                    results.push(result(&topic.topic, *partition, error));
                }
            }
        }
        None => {
            for (topic_id, topic) in view.state.topics.iter() {
                for partition in topic.partitions.keys().copied() {
                    let id = TopicIdPartition { topic_id, partition };
                    let error = elect_leader(view, id, election, &mut records);
                    if error != ErrorCode::ElectionNotNeeded {
                        results.push(result(&topic.name, partition, error));
                    }
                }
            }
        }
    }
    let response = ElectLeadersResponse { error: ErrorCode::None, replica_election_results: results.into() };
    Ok(ControllerResult::of(records, response))
}

/// `electPreferred`: moves leadership back to preferred replicas. `true`: there may be more.
pub fn elect_preferred(view: View<'_>) -> ControllerResult<bool> {
    let mut records = Vec::new();
    for id in view.state.topics.imbalanced() {
        if records.len() >= MAX_ELECTIONS {
            return ControllerResult::of(records, true);
        }
        elect_leader(view, id, Election::Preferred, &mut records);
    }
    ControllerResult::of(records, false)
}

/// `electUnclean`: elects leaders for leaderless partitions whose topics allow it. `true`: there may be more.
pub fn elect_unclean(view: View<'_>) -> ControllerResult<bool> {
    let mut records = Vec::new();
    for id in view.state.topics.leaderless() {
        if records.len() >= MAX_ELECTIONS {
            return ControllerResult::of(records, true);
        }
        let topic = view.state.topics.topic(id.topic_id);
        if topic.is_some_and(|topic| view.election_of(&topic.name) == Election::Unclean) {
            elect_leader(view, id, Election::Unclean, &mut records);
        }
    }
    ControllerResult::of(records, false)
}

fn elect_leader(
    view: View<'_>,
    id: TopicIdPartition,
    election: Election,
    records: &mut Vec<MetadataRecord>,
) -> ErrorCode {
    let Some((topic, partition)) = view.state.partition(id) else { return ErrorCode::UnknownTopicOrPartition };
    let preferred = election == Election::Preferred;
    if (preferred && partition.has_preferred_leader()) || (!preferred && partition.has_leader()) {
        return ErrorCode::ElectionNotNeeded;
    }
    let acceptable = |replica: NodeId| view.is_acceptable_leader(partition, replica);
    let builder = PartitionChangeBuilder::new(id, topic, partition, view.state, view.settings, &acceptable);
    match builder.election(election).build() {
        Some(change) => {
            records.push(MetadataRecord::PartitionChange(change));
            ErrorCode::None
        }
        None if preferred => ErrorCode::PreferredLeaderNotAvailable,
        None => ErrorCode::EligibleLeadersNotAvailable,
    }
}

fn result(topic: &Rc<str>, partition: i32, error: ErrorCode) -> ElectLeadersResult {
    ElectLeadersResult { topic: Rc::clone(topic), partition, error }
}
