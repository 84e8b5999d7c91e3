//! The target node of each admin API, and the entries of its response.

use crate::client::{AttemptEvent, text_hash};
use crate::ids::{NodeId, Uuid};
use crate::message::admin::{AlterConfigsResource, DescribeConfigsResource, TopicConfig};
use crate::message::{AdminRequest, AdminResponse, ErrorCode};

/// Kafka's `NodeProvider`: the target node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeProvider {
    /// The controller according to Metadata: in KRaft any broker, which forwards.
    Controller,
    /// The node with the least requests in flight.
    LeastLoaded,
    /// The broker whose configs are requested.
    Constant(NodeId),
}

const BROKER_RESOURCE: i8 = 4;

impl NodeProvider {
    /// As in `KafkaAdminClient`.
    pub fn of(request: &AdminRequest) -> NodeProvider {
        let broker = |resource_type: i8, name: &str| {
            let id = (resource_type == BROKER_RESOURCE).then(|| name.parse().ok()).flatten();
            id.map_or(NodeProvider::LeastLoaded, |id| NodeProvider::Constant(NodeId(id)))
        };
        match request {
            AdminRequest::CreateTopics(_)
            | AdminRequest::DeleteTopics(_)
            | AdminRequest::CreatePartitions(_)
            | AdminRequest::ElectLeaders(_) => NodeProvider::Controller,
            // `LeastLoadedBrokerOrActiveKController`, `ControllerNodeProvider`: with bootstrap servers any broker, which forwards.
            AdminRequest::UnregisterBroker(_)
            | AdminRequest::DescribeQuorum(_)
            | AdminRequest::AddRaftVoter(_)
            | AdminRequest::RemoveRaftVoter(_) => NodeProvider::LeastLoaded,
            AdminRequest::UpdateFeatures(_) => NodeProvider::Controller,
            AdminRequest::DescribeConfigs(request) => match request.resources.first() {
                Some(DescribeConfigsResource { resource_type, resource_name }) => broker(*resource_type, resource_name),
                None => NodeProvider::LeastLoaded,
            },
            AdminRequest::IncrementalAlterConfigs(request) => match request.resources.first() {
                Some(AlterConfigsResource { resource_type, resource_name, .. }) => {
                    broker(*resource_type, resource_name)
                }
                None => NodeProvider::LeastLoaded,
            },
        }
    }
}

/// Whether NOT_CONTROLLER in the response leads to a retry. `handleNotControllerError` is called for these three; the
/// others return the error to the application.
pub(super) fn rediscovers_controller(request: &AdminRequest) -> bool {
    matches!(request, AdminRequest::CreateTopics(_) | AdminRequest::DeleteTopics(_) | AdminRequest::CreatePartitions(_))
}

/// Whether a top-level error is retried. Of these APIs only `unregisterBroker` does so.
pub(super) fn is_retried(request: &AdminRequest, error: ErrorCode) -> bool {
    matches!((request, error), (AdminRequest::UnregisterBroker(_), ErrorCode::RequestTimedOut))
}

/// The request with the remaining time as its timeout.
pub(super) fn with_timeout(request: &AdminRequest, timeout_ms: i32) -> AdminRequest {
    let mut request = request.clone();
    match &mut request {
        AdminRequest::CreateTopics(request) => request.timeout_ms = timeout_ms,
        AdminRequest::DeleteTopics(request) => request.timeout_ms = timeout_ms,
        AdminRequest::CreatePartitions(request) => request.timeout_ms = timeout_ms,
        AdminRequest::ElectLeaders(request) => request.timeout_ms = timeout_ms,
        AdminRequest::UpdateFeatures(request) => request.timeout_ms = timeout_ms,
        AdminRequest::AddRaftVoter(request) => request.timeout_ms = timeout_ms,
        AdminRequest::DescribeConfigs(_)
        | AdminRequest::IncrementalAlterConfigs(_)
        | AdminRequest::UnregisterBroker(_)
        | AdminRequest::DescribeQuorum(_)
        | AdminRequest::RemoveRaftVoter(_) => {}
    }
    request
}

/// The result of one entry of a request.
#[derive(Clone, Debug)]
pub(super) struct EntryResult<'a> {
    /// Its index in the request (in the response, where the request names none).
    pub index: u16,
    pub error: ErrorCode,
    topic_id: Uuid,
    configs: &'a [TopicConfig],
}

impl EntryResult<'_> {
    /// Further results of the entry in the response.
    pub fn details(&self, attempt: u32) -> impl Iterator<Item = AttemptEvent> + '_ {
        let (index, topic_id) = (self.index, self.topic_id);
        let id = (topic_id != Uuid::ZERO).then_some(AttemptEvent::AdminTopicId { attempt, index, topic_id });
        let configs = self.configs.iter().map(move |config| AttemptEvent::AdminConfig {
            attempt,
            index,
            name_hash: text_hash(&config.name),
            value_hash: config.value.as_deref().map_or(0, text_hash),
        });
        id.into_iter().chain(configs)
    }
}

/// The error of the whole response.
pub(super) fn top_level_error(answer: &AdminResponse) -> ErrorCode {
    match answer {
        AdminResponse::ElectLeaders(answer) => answer.error,
        AdminResponse::UnregisterBroker(answer) => answer.error,
        AdminResponse::DescribeQuorum(answer) => answer.error,
        AdminResponse::UpdateFeatures(answer) => answer.error,
        AdminResponse::AddRaftVoter(answer) => answer.error,
        AdminResponse::RemoveRaftVoter(answer) => answer.error,
        AdminResponse::CreateTopics(_)
        | AdminResponse::DeleteTopics(_)
        | AdminResponse::CreatePartitions(_)
        | AdminResponse::DescribeConfigs(_)
        | AdminResponse::IncrementalAlterConfigs(_) => ErrorCode::None,
    }
}

/// The entries of the response, each with its index in the request. Entries that were not requested, and responses of
/// another kind, are ignored.
pub(super) fn results<'a>(request: &AdminRequest, answer: &'a AdminResponse) -> Vec<EntryResult<'a>> {
    let mut results = Vec::new();
    let mut tell = |place: Option<usize>, error, topic_id, configs: &'a [TopicConfig]| {
        if let Some(index) = place.and_then(|place| u16::try_from(place).ok()) {
            results.push(EntryResult { index, error, topic_id, configs });
        }
    };
    match (request, answer) {
        (AdminRequest::CreateTopics(request), AdminResponse::CreateTopics(answer)) => {
            for reported in answer.topics.iter() {
                let place = request.topics.iter().position(|requested| requested.name == reported.name);
                tell(place, reported.error, reported.topic_id, &[]);
            }
        }
        (AdminRequest::DeleteTopics(request), AdminResponse::DeleteTopics(answer)) => {
            for reported in answer.responses.iter() {
                let place = request.topics.iter().position(|requested| match &requested.name {
                    Some(_) => requested.name == reported.name,
                    None => requested.topic_id == reported.topic_id,
                });
                tell(place, reported.error, reported.topic_id, &[]);
            }
        }
        (AdminRequest::CreatePartitions(request), AdminResponse::CreatePartitions(answer)) => {
            for reported in answer.results.iter() {
                let place = request.topics.iter().position(|requested| requested.name == reported.name);
                tell(place, reported.error, Uuid::ZERO, &[]);
            }
        }
        (AdminRequest::IncrementalAlterConfigs(request), AdminResponse::IncrementalAlterConfigs(answer)) => {
            for reported in answer.responses.iter() {
                let key = (reported.resource_type, &reported.resource_name);
                let place = request
                    .resources
                    .iter()
                    .position(|requested| (requested.resource_type, &requested.resource_name) == key);
                tell(place, reported.error, Uuid::ZERO, &[]);
            }
        }
        (AdminRequest::DescribeConfigs(request), AdminResponse::DescribeConfigs(answer)) => {
            for reported in answer.results.iter() {
                let key = (reported.resource_type, &reported.resource_name);
                let place = request
                    .resources
                    .iter()
                    .position(|requested| (requested.resource_type, &requested.resource_name) == key);
                tell(place, reported.error, Uuid::ZERO, &reported.configs);
            }
        }
        (AdminRequest::ElectLeaders(request), AdminResponse::ElectLeaders(answer)) => {
            for (at, reported) in answer.replica_election_results.iter().enumerate() {
                let place = match &request.topic_partitions {
                    None => Some(at),
                    Some(topics) => {
                        let mut requested =
                            topics.iter().flat_map(|topic| topic.partitions.iter().map(|p| (&topic.topic, *p)));
                        requested.position(|requested| requested == (&reported.topic, reported.partition))
                    }
                };
                tell(place, reported.error, Uuid::ZERO, &[]);
            }
        }
        _ => {}
    }
    results
}
