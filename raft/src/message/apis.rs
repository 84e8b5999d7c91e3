//! The APIs of brokers and controllers above consensus, grouped by sender: each is a request and its response.

use std::rc::Rc;

use super::ErrorCode;
use super::admin::*;
use super::canonical_hasher::CanonicalHasher;
use super::canonical_walk::Canonical;
use super::cluster::*;
use super::data::*;
use super::fields::{Fields, Value, named, of};
use super::voter_set::*;
use crate::ids::Uuid;

/// Declares a group of APIs: Kafka's name, its key, and the message types.
macro_rules! apis {
    ($(#[$meta:meta])* $requests:ident / $responses:ident {
        $($name:ident = $key:literal: $request:ty => $response:ty;)+
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum $requests { $(#[doc = stringify!($key)] $name($request),)+ }

        /// The answers.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum $responses { $(#[doc = stringify!($key)] $name($response),)+ }

        impl $requests {
            /// Kafka's API names.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),+];

            /// Kafka's API name.
            pub fn name(&self) -> &'static str {
                match self { $($requests::$name(_) => stringify!($name),)+ }
            }

            /// Kafka's API key.
            pub fn api_key(&self) -> i16 {
                match self { $($requests::$name(_) => $key,)+ }
            }

            /// Its place in [`NAMES`](Self::NAMES).
            pub fn number(&self) -> usize {
                enum Number { $($name),+ }
                match self { $(Self::$name(_) => Number::$name as usize,)+ }
            }
        }

        impl $responses {
            /// Kafka's API names.
            pub const NAMES: &'static [&'static str] = $requests::NAMES;

            /// Kafka's API name.
            pub fn name(&self) -> &'static str {
                match self { $($responses::$name(_) => stringify!($name),)+ }
            }

            /// Kafka's API key.
            pub fn api_key(&self) -> i16 {
                match self { $($responses::$name(_) => $key,)+ }
            }

            /// Its place in [`NAMES`](Self::NAMES).
            pub fn number(&self) -> usize {
                enum Number { $($name),+ }
                match self { $(Self::$name(_) => Number::$name as usize,)+ }
            }
        }

        impl Canonical for $requests {
            fn walk(&self, hasher: &mut CanonicalHasher) {
                hasher.i64(i64::from(self.api_key()));
                match self { $($requests::$name(request) => request.walk(hasher),)+ }
            }
        }

        impl Canonical for $responses {
            fn walk(&self, hasher: &mut CanonicalHasher) {
                hasher.i64(i64::from(self.api_key()));
                match self { $($responses::$name(response) => response.walk(hasher),)+ }
            }
        }

        impl Fields for $requests {
            fn value(&self) -> Value {
                match self { $($requests::$name(request) => request.value(),)+ }
            }
        }

        impl Fields for $responses {
            fn value(&self) -> Value {
                match self { $($responses::$name(response) => response.value(),)+ }
            }
        }
    };
}

apis! {
    /// Requests of brokers and controllers to the active controller.
    ClusterRequest / ClusterResponse {
        AlterPartition = 56: AlterPartitionRequest => AlterPartitionResponse;
        BrokerRegistration = 62: Box<BrokerRegistrationRequest> => BrokerRegistrationResponse;
        BrokerHeartbeat = 63: BrokerHeartbeatRequest => BrokerHeartbeatResponse;
        AllocateProducerIds = 67: AllocateProducerIdsRequest => AllocateProducerIdsResponse;
        ControllerRegistration = 70: ControllerRegistrationRequest => ControllerRegistrationResponse;
    }
}

apis! {
    /// Requests of admin clients, which a broker forwards to the active controller.
    AdminRequest / AdminResponse {
        CreateTopics = 19: CreateTopicsRequest => CreateTopicsResponse;
        DeleteTopics = 20: DeleteTopicsRequest => DeleteTopicsResponse;
        DescribeConfigs = 32: DescribeConfigsRequest => DescribeConfigsResponse;
        CreatePartitions = 37: CreatePartitionsRequest => CreatePartitionsResponse;
        DescribeQuorum = 55: DescribeQuorumRequest => DescribeQuorumResponse;
        UpdateFeatures = 57: UpdateFeaturesRequest => UpdateFeaturesResponse;
        AddRaftVoter = 80: AddRaftVoterRequest => AddRaftVoterResponse;
        RemoveRaftVoter = 81: RemoveRaftVoterRequest => RemoveRaftVoterResponse;
        ElectLeaders = 43: ElectLeadersRequest => ElectLeadersResponse;
        IncrementalAlterConfigs = 44: IncrementalAlterConfigsRequest => IncrementalAlterConfigsResponse;
        UnregisterBroker = 64: UnregisterBrokerRequest => UnregisterBrokerResponse;
    }
}

impl AdminRequest {
    /// `AbstractRequest.getErrorResponse`: the same error for every requested entry.
    pub fn error_response(&self, error: ErrorCode) -> AdminResponse {
        match self {
            AdminRequest::CreateTopics(request) => {
                let (topic_id, num_partitions, replication_factor) = (Uuid::ZERO, -1, -1);
                let failed = |topic: &CreatableTopic| CreatableTopicResult {
                    name: Rc::clone(&topic.name),
                    topic_id,
                    error,
                    num_partitions,
                    replication_factor,
                };
                AdminResponse::CreateTopics(CreateTopicsResponse {
                    topics: request.topics.iter().map(failed).collect(),
                })
            }
            AdminRequest::DeleteTopics(request) => {
                let failed = |topic: &DeleteTopicState| DeletableTopicResult {
                    name: topic.name.clone(),
                    topic_id: topic.topic_id,
                    error,
                };
                let responses = request.topics.iter().map(failed).collect();
                AdminResponse::DeleteTopics(DeleteTopicsResponse { responses })
            }
            AdminRequest::CreatePartitions(request) => {
                let failed =
                    |topic: &CreatePartitionsTopic| CreatePartitionsTopicResult { name: Rc::clone(&topic.name), error };
                let results = request.topics.iter().map(failed).collect();
                AdminResponse::CreatePartitions(CreatePartitionsResponse { results })
            }
            AdminRequest::IncrementalAlterConfigs(request) => {
                let failed = |resource: &AlterConfigsResource| AlterConfigsResourceResponse {
                    error,
                    resource_type: resource.resource_type,
                    resource_name: Rc::clone(&resource.resource_name),
                };
                let responses = request.resources.iter().map(failed).collect();
                AdminResponse::IncrementalAlterConfigs(IncrementalAlterConfigsResponse { responses })
            }
            AdminRequest::DescribeConfigs(request) => {
                let failed = |resource: &DescribeConfigsResource| DescribeConfigsResult {
                    error,
                    resource_type: resource.resource_type,
                    resource_name: Rc::clone(&resource.resource_name),
                    configs: Rc::from([]),
                };
                AdminResponse::DescribeConfigs(DescribeConfigsResponse {
                    results: request.resources.iter().map(failed).collect(),
                })
            }
            AdminRequest::ElectLeaders(request) => {
                let topics = request.topic_partitions.iter().flat_map(|topics| topics.iter());
                let results = topics.flat_map(|topic| {
                    let failed = |partition: &i32| ElectLeadersResult {
                        topic: Rc::clone(&topic.topic),
                        partition: *partition,
                        error,
                    };
                    topic.partitions.iter().map(failed).collect::<Vec<_>>()
                });
                let replica_election_results = results.collect();
                AdminResponse::ElectLeaders(ElectLeadersResponse { error, replica_election_results })
            }
            AdminRequest::DescribeQuorum(_) => {
                AdminResponse::DescribeQuorum(DescribeQuorumResponse { error, ..DescribeQuorumResponse::unknown() })
            }
            AdminRequest::UpdateFeatures(_) => AdminResponse::UpdateFeatures(UpdateFeaturesResponse { error }),
            AdminRequest::AddRaftVoter(_) => AdminResponse::AddRaftVoter(AddRaftVoterResponse { error }),
            AdminRequest::RemoveRaftVoter(_) => AdminResponse::RemoveRaftVoter(RemoveRaftVoterResponse { error }),
            AdminRequest::UnregisterBroker(_) => AdminResponse::UnregisterBroker(UnregisterBrokerResponse { error }),
        }
    }
}

apis! {
    /// Requests of clients and followers to a broker about partitions.
    DataRequest / DataResponse {
        Produce = 0: ProduceRequest => ProduceResponse;
        Fetch = 1: DataFetchRequest => DataFetchResponse;
        ListOffsets = 2: ListOffsetsRequest => ListOffsetsResponse;
        Metadata = 3: MetadataRequest => MetadataResponse;
        InitProducerId = 22: InitProducerIdRequest => InitProducerIdResponse;
        OffsetForLeaderEpoch = 23: OffsetForLeaderEpochRequest => OffsetForLeaderEpochResponse;
    }
}

/// Answer to an Envelope (58).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvelopeResponse {
    /// NOT_CONTROLLER and the like, without a response inside.
    pub error: ErrorCode,
    /// The controller's answer.
    pub response: Option<AdminResponse>,
}

impl Canonical for EnvelopeResponse {
    fn walk(&self, hasher: &mut CanonicalHasher) {
        self.error.walk(hasher);
        self.response.walk(hasher);
    }
}

impl Fields for EnvelopeResponse {
    fn value(&self) -> Value {
        let EnvelopeResponse { error, response } = self;
        let inner = response.as_ref().map_or(Value::Null, |inner| named(inner.name(), inner.value()));
        of([("errorCode", error.value()), ("responseData", inner)])
    }
}
