//! Requests and responses of the controller: error codes, and deadlines in the queue (controller-broker.md §2.5, §2.9,
//! §5.7).

use std::rc::Rc;

use crate::controller::settings::ControllerSettings;
use crate::ids::{BrokerEpoch, ProducerId};
use crate::io::{Connection, Effect};
use crate::message::cluster::*;
use crate::message::{
    AdminRequest, AdminResponse, ClusterRequest, ClusterResponse, EnvelopeResponse, ErrorCode, Response,
};

/// A request to a controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControllerRequest {
    /// From a broker or a controller.
    Cluster(ClusterRequest),
    /// From an admin client that connects to controllers.
    Admin(AdminRequest),
    /// From an admin client, forwarded by a broker.
    Envelope(AdminRequest),
}

impl ControllerRequest {
    /// The response as it is sent: that of a forwarded request is put into an envelope.
    pub(super) fn admin_response(&self, response: AdminResponse) -> Response {
        match self {
            ControllerRequest::Envelope(_) => {
                Response::Envelope(EnvelopeResponse { error: ErrorCode::None, response: Some(response) })
            }
            ControllerRequest::Cluster(_) | ControllerRequest::Admin(_) => Response::Admin(response),
        }
    }
}

impl ControllerRequest {
    /// Kafka's name of its event; DeleteTopics starts with a read of its topics.
    pub(super) fn event_name(&self) -> &'static str {
        match self {
            ControllerRequest::Cluster(request) => match request {
                ClusterRequest::AlterPartition(_) => "alterPartition",
                ClusterRequest::BrokerRegistration(_) => "registerBroker",
                ClusterRequest::BrokerHeartbeat(_) => "processBrokerHeartbeat",
                ClusterRequest::AllocateProducerIds(_) => "allocateProducerIds",
                ClusterRequest::ControllerRegistration(_) => "registerController",
            },
            ControllerRequest::Admin(request) | ControllerRequest::Envelope(request) => match request {
                AdminRequest::CreateTopics(_) => "createTopics",
                AdminRequest::DeleteTopics(_) => "findTopicIds",
                AdminRequest::CreatePartitions(_) => "createPartitions",
                AdminRequest::ElectLeaders(_) => "electLeaders",
                AdminRequest::IncrementalAlterConfigs(_) => "incrementalAlterConfigs",
                AdminRequest::DescribeConfigs(_) => "describeConfigs",
                AdminRequest::UnregisterBroker(_) => "unregisterBroker",
                AdminRequest::UpdateFeatures(_) => "updateFeatures",
                AdminRequest::DescribeQuorum(_) | AdminRequest::AddRaftVoter(_) | AdminRequest::RemoveRaftVoter(_) => {
                    panic!("{} is for the raft thread", request.name())
                }
            },
        }
    }
}

/// A request that waits for its response.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub connection: Connection,
    pub correlation_id: i32,
    pub request: ControllerRequest,
    /// Monotonic ns before which each of its events must have started; `None`: no deadline.
    pub deadline_ns: Option<u64>,
}

impl Pending {
    pub fn answer(&self, response: Response) -> Effect {
        Effect::SendResponse { connection: self.connection, correlation_id: self.correlation_id, response }
    }

    /// The response if all of the request failed. NOT_CONTROLLER is sent to the forwarding broker itself, which then
    /// looks for the new leader.
    pub fn failure(&self, error: ErrorCode) -> Effect {
        self.answer(match &self.request {
            ControllerRequest::Envelope(_) if error == ErrorCode::NotController => {
                Response::Envelope(EnvelopeResponse { error, response: None })
            }
            ControllerRequest::Cluster(request) => Response::Cluster(cluster_failure(request, error)),
            ControllerRequest::Admin(request) | ControllerRequest::Envelope(request) => {
                self.request.admin_response(request.error_response(error))
            }
        })
    }

    /// How long it may wait in the queue before it is processed; `None`: without limit (§2.5).
    pub fn patience_ms(&self, settings: &ControllerSettings) -> Option<u64> {
        let timeout_ms = match &self.request {
            ControllerRequest::Cluster(ClusterRequest::BrokerHeartbeat(_)) => {
                return Some(u64::from(settings.broker_heartbeat_interval_ms / 2));
            }
            ControllerRequest::Cluster(_) => return None,
            ControllerRequest::Admin(request) | ControllerRequest::Envelope(request) => match request {
                AdminRequest::CreateTopics(request) => request.timeout_ms,
                AdminRequest::DeleteTopics(request) => request.timeout_ms,
                AdminRequest::CreatePartitions(request) => request.timeout_ms,
                AdminRequest::ElectLeaders(request) => request.timeout_ms,
                // `ControllerApis.handleUpdateFeatures` leaves out its timeout.
                AdminRequest::UpdateFeatures(_)
                | AdminRequest::DescribeConfigs(_)
                | AdminRequest::IncrementalAlterConfigs(_)
                | AdminRequest::UnregisterBroker(_)
                | AdminRequest::DescribeQuorum(_)
                | AdminRequest::AddRaftVoter(_)
                | AdminRequest::RemoveRaftVoter(_) => return None,
            },
        };
        Some(u64::try_from(timeout_ms).unwrap_or(0))
    }

    /// It contains no work: answered at once, on a standby as well (§2.5).
    pub fn is_empty(&self) -> bool {
        match &self.request {
            ControllerRequest::Cluster(ClusterRequest::AlterPartition(request)) => request.partitions.is_empty(),
            ControllerRequest::Cluster(_) => false,
            ControllerRequest::Admin(request) | ControllerRequest::Envelope(request) => match request {
                AdminRequest::CreateTopics(request) => request.topics.is_empty(),
                AdminRequest::DeleteTopics(request) => request.topics.is_empty(),
                AdminRequest::CreatePartitions(request) => request.topics.is_empty(),
                AdminRequest::IncrementalAlterConfigs(request) => request.resources.is_empty(),
                AdminRequest::DescribeConfigs(request) => request.resources.is_empty(),
                AdminRequest::ElectLeaders(request) => {
                    request.topic_partitions.as_ref().is_some_and(|topics| topics.is_empty())
                }
                AdminRequest::UnregisterBroker(_)
                | AdminRequest::UpdateFeatures(_)
                | AdminRequest::DescribeQuorum(_)
                | AdminRequest::AddRaftVoter(_)
                | AdminRequest::RemoveRaftVoter(_) => false,
            },
        }
    }
}

fn cluster_failure(request: &ClusterRequest, error: ErrorCode) -> ClusterResponse {
    match request {
        ClusterRequest::AlterPartition(_) => {
            ClusterResponse::AlterPartition(AlterPartitionResponse { error, partitions: Rc::from([]) })
        }
        ClusterRequest::BrokerRegistration(_) => ClusterResponse::BrokerRegistration(BrokerRegistrationResponse {
            error,
            broker_epoch: BrokerEpoch::UNKNOWN,
        }),
        ClusterRequest::BrokerHeartbeat(_) => ClusterResponse::BrokerHeartbeat(BrokerHeartbeatResponse {
            error,
            is_caught_up: false,
            is_fenced: true,
            should_shut_down: false,
        }),
        ClusterRequest::AllocateProducerIds(_) => ClusterResponse::AllocateProducerIds(AllocateProducerIdsResponse {
            error,
            producer_id_start: ProducerId(0),
            producer_id_len: 0,
        }),
        ClusterRequest::ControllerRegistration(_) => {
            ClusterResponse::ControllerRegistration(ControllerRegistrationResponse { error })
        }
    }
}
