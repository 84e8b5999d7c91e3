//! A message of the model as bytes: its API, and the encoder of that.

use kafka_protocol::messages::ApiKey;
use raft::ids::Listener;
use raft::message::{
    AdminRequest, AdminResponse, ClusterRequest, ClusterResponse, DataRequest, DataResponse, Request, Response,
};

use super::context::Context;
use super::frame::{Body, Frame};
use super::versions::Versions;
use super::{admin, cluster, data, quorum, voters};
use crate::actor::Message;
use crate::trace::Trace;

/// A message on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    pub api_version: i16,
    /// Length, header and message.
    pub bytes: Vec<u8>,
}

/// What a message's connection adds to it.
#[derive(Clone, Copy, Debug)]
pub struct Carried<'a> {
    /// `client.id` of the end that opened the connection.
    pub client: &'a str,
    /// That of the connection's `NetworkClient`.
    pub correlation_id: i32,
    /// Where the other end accepted it.
    pub listener: Listener,
}

impl Trace {
    /// The bytes of a message; `None` if Kafka has no such RPC (`raft::message::model_only`). An error says why it cannot
    /// be written in its version.
    pub fn encoded(
        &self,
        message: &Message,
        carried: Carried<'_>,
        versions: Versions,
    ) -> Result<Option<Encoded>, String> {
        let Some(api) = api(message) else { return Ok(None) };
        let Carried { client, correlation_id, listener } = carried;
        let api_version = versions.of(api);
        let context = Context { topics: &self.topics, versions, version: api_version, listener };
        let frame = Frame { api, api_version, correlation_id, client };
        let bytes = match message {
            Message::Request { request, .. } => context.request(frame, request),
            Message::Response { response, .. } => context.response(frame, response),
        };
        let bytes = bytes.map_err(|error| format!("{} v{api_version}: {error}", message.rpc()))?;
        Ok(Some(Encoded { api_version, bytes }))
    }
}

impl Context<'_> {
    fn request(&self, frame: Frame<'_>, request: &Request) -> Body {
        match request {
            Request::Vote(it) => frame.request(&quorum::vote_request(it)),
            Request::BeginQuorumEpoch(it) => frame.request(&quorum::begin_request(it)),
            Request::EndQuorumEpoch(it) => frame.request(&quorum::end_request(it)),
            Request::Fetch(it) => frame.request(&quorum::fetch_request(it, self)),
            Request::FetchSnapshot(it) => frame.request(&quorum::fetch_snapshot_request(it, self)),
            Request::UpdateRaftVoter(it) => frame.request(&voters::update_voter_request(it)),
            Request::AddRaftVoter(it) => frame.request(&voters::add_voter_request(it)),
            Request::RemoveRaftVoter(it) => frame.request(&voters::remove_voter_request(it)),
            Request::DescribeQuorum(_) => frame.request(&voters::describe_quorum_request()),
            Request::ApiVersions(_) | Request::DiscoverVersions(_) => frame.request(&quorum::versions_request()),
            Request::AppendRecords(_) | Request::ReadRecords(_) => Body::Ok(Vec::new()),
            Request::Data(it) => match it {
                DataRequest::Produce(it) => frame.request(&data::produce_request(it, self)),
                DataRequest::Fetch(it) => frame.request(&data::fetch_request(it, self)),
                DataRequest::ListOffsets(it) => frame.request(&data::list_offsets_request(it, self)),
                DataRequest::Metadata(it) => frame.request(&data::metadata_request(it)),
                DataRequest::InitProducerId(it) => frame.request(&data::init_producer_id_request(it)),
                DataRequest::OffsetForLeaderEpoch(it) => frame.request(&data::epoch_request(it, self)),
            },
            Request::Cluster(it) => match it {
                ClusterRequest::AlterPartition(it) => frame.request(&cluster::alter_partition_request(it)),
                ClusterRequest::BrokerRegistration(it) => frame.request(&cluster::broker_registration_request(it)),
                ClusterRequest::BrokerHeartbeat(it) => frame.request(&cluster::heartbeat_request(it)),
                ClusterRequest::AllocateProducerIds(it) => frame.request(&cluster::producer_ids_request(it)),
                ClusterRequest::ControllerRegistration(it) => {
                    frame.request(&cluster::controller_registration_request(it))
                }
            },
            Request::Admin(it) => self.admin_request(frame, it),
            Request::Envelope(inside) => {
                let inner = self.inner(inside.api_key(), frame);
                let context = Context { version: inner.api_version, ..*self };
                let bytes = context.admin_request(inner, inside)?;
                frame.request(&admin::envelope_request(&bytes))
            }
        }
    }

    fn admin_request(&self, frame: Frame<'_>, request: &AdminRequest) -> Body {
        match request {
            AdminRequest::CreateTopics(it) => frame.request(&admin::create_topics_request(it)),
            AdminRequest::DeleteTopics(it) => frame.request(&admin::delete_topics_request(it, self)),
            AdminRequest::DescribeConfigs(it) => frame.request(&admin::describe_configs_request(it)),
            AdminRequest::CreatePartitions(it) => frame.request(&admin::create_partitions_request(it)),
            AdminRequest::ElectLeaders(it) => frame.request(&admin::elect_leaders_request(it)),
            AdminRequest::IncrementalAlterConfigs(it) => frame.request(&admin::alter_configs_request(it)),
            AdminRequest::DescribeQuorum(_) => frame.request(&voters::describe_quorum_request()),
            AdminRequest::UpdateFeatures(it) => frame.request(&voters::update_features_request(it)),
            AdminRequest::AddRaftVoter(it) => frame.request(&voters::add_voter_request(it)),
            AdminRequest::RemoveRaftVoter(it) => frame.request(&voters::remove_voter_request(it)),
            AdminRequest::UnregisterBroker(it) => frame.request(&admin::unregister_request(it)),
        }
    }

    fn response(&self, frame: Frame<'_>, response: &Response) -> Body {
        match response {
            Response::Vote(it) => frame.response(&quorum::vote_response(it)),
            Response::BeginQuorumEpoch(it) => frame.response(&quorum::begin_response(it)),
            Response::EndQuorumEpoch(it) => frame.response(&quorum::end_response(it)),
            Response::Fetch(it) => frame.response(&quorum::fetch_response(it, self)),
            Response::FetchSnapshot(it) => frame.response(&quorum::fetch_snapshot_response(it, self)),
            Response::UpdateRaftVoter(it) => frame.response(&voters::update_voter_response(it)),
            Response::AddRaftVoter(it) => frame.response(&voters::add_voter_response(it)),
            Response::RemoveRaftVoter(it) => frame.response(&voters::remove_voter_response(it)),
            Response::DescribeQuorum(it) => frame.response(&voters::describe_quorum_response(it)),
            Response::ApiVersions(it) => frame.response(&quorum::versions_response(Some(it), self)),
            Response::DiscoverVersions => frame.response(&quorum::versions_response(None, self)),
            Response::AppendRecords(_) | Response::ReadRecords(_) => Body::Ok(Vec::new()),
            Response::Data(it) => match it {
                DataResponse::Produce(it) => frame.response(&data::produce_response(it, self)),
                DataResponse::Fetch(it) => frame.response(&data::fetch_response(it, self)),
                DataResponse::ListOffsets(it) => frame.response(&data::list_offsets_response(it, self)),
                DataResponse::Metadata(it) => frame.response(&data::metadata_response(it, self)),
                DataResponse::InitProducerId(it) => frame.response(&data::init_producer_id_response(it)),
                DataResponse::OffsetForLeaderEpoch(it) => frame.response(&data::epoch_response(it, self)),
            },
            Response::Cluster(it) => match it {
                ClusterResponse::AlterPartition(it) => frame.response(&cluster::alter_partition_response(it)),
                ClusterResponse::BrokerRegistration(it) => frame.response(&cluster::broker_registration_response(it)),
                ClusterResponse::BrokerHeartbeat(it) => frame.response(&cluster::heartbeat_response(it)),
                ClusterResponse::AllocateProducerIds(it) => frame.response(&cluster::producer_ids_response(it)),
                ClusterResponse::ControllerRegistration(it) => {
                    frame.response(&cluster::controller_registration_response(it))
                }
            },
            Response::Admin(it) => self.admin_response(frame, it),
            Response::Envelope(it) => {
                let inside = it.response.as_ref().map(|inside| {
                    let inner = self.inner(inside.api_key(), frame);
                    Context { version: inner.api_version, ..*self }.admin_response(inner, inside)
                });
                frame.response(&admin::envelope_response(it.error, inside.transpose()?.as_deref()))
            }
        }
    }

    fn admin_response(&self, frame: Frame<'_>, response: &AdminResponse) -> Body {
        match response {
            AdminResponse::CreateTopics(it) => frame.response(&admin::create_topics_response(it, self)),
            AdminResponse::DeleteTopics(it) => frame.response(&admin::delete_topics_response(it, self)),
            AdminResponse::DescribeConfigs(it) => frame.response(&admin::describe_configs_response(it)),
            AdminResponse::CreatePartitions(it) => frame.response(&admin::create_partitions_response(it)),
            AdminResponse::ElectLeaders(it) => frame.response(&admin::elect_leaders_response(it)),
            AdminResponse::IncrementalAlterConfigs(it) => frame.response(&admin::alter_configs_response(it)),
            AdminResponse::DescribeQuorum(it) => frame.response(&voters::describe_quorum_response(it)),
            AdminResponse::UpdateFeatures(it) => frame.response(&voters::update_features_response(it)),
            AdminResponse::AddRaftVoter(it) => frame.response(&voters::add_voter_response(it)),
            AdminResponse::RemoveRaftVoter(it) => frame.response(&voters::remove_voter_response(it)),
            AdminResponse::UnregisterBroker(it) => frame.response(&admin::unregister_response(it)),
        }
    }

    /// The message inside an Envelope. Its header has the client id and the correlation id of the broker's connection; in
    /// Kafka it has those of the client.
    fn inner<'a>(&self, api_key: i16, outer: Frame<'a>) -> Frame<'a> {
        let api = named(api_key);
        Frame { api, api_version: self.versions.of(api), ..outer }
    }
}

/// Kafka's API; `None` if it has none.
pub fn api(message: &Message) -> Option<ApiKey> {
    Some(match message {
        Message::Request { request, .. } => match request {
            Request::Fetch(_) => ApiKey::Fetch,
            Request::FetchSnapshot(_) => ApiKey::FetchSnapshot,
            Request::ApiVersions(_) | Request::DiscoverVersions(_) => ApiKey::ApiVersions,
            Request::Vote(_) => ApiKey::Vote,
            Request::BeginQuorumEpoch(_) => ApiKey::BeginQuorumEpoch,
            Request::EndQuorumEpoch(_) => ApiKey::EndQuorumEpoch,
            Request::Envelope(_) => ApiKey::Envelope,
            Request::UpdateRaftVoter(_) => ApiKey::UpdateRaftVoter,
            Request::AddRaftVoter(_) => ApiKey::AddRaftVoter,
            Request::RemoveRaftVoter(_) => ApiKey::RemoveRaftVoter,
            Request::DescribeQuorum(_) => ApiKey::DescribeQuorum,
            Request::Data(it) => named(it.api_key()),
            Request::Cluster(it) => named(it.api_key()),
            Request::Admin(it) => named(it.api_key()),
            Request::AppendRecords(_) | Request::ReadRecords(_) => return None,
        },
        Message::Response { response, .. } => match response {
            Response::Fetch(_) => ApiKey::Fetch,
            Response::FetchSnapshot(_) => ApiKey::FetchSnapshot,
            Response::ApiVersions(_) | Response::DiscoverVersions => ApiKey::ApiVersions,
            Response::Vote(_) => ApiKey::Vote,
            Response::BeginQuorumEpoch(_) => ApiKey::BeginQuorumEpoch,
            Response::EndQuorumEpoch(_) => ApiKey::EndQuorumEpoch,
            Response::Envelope(_) => ApiKey::Envelope,
            Response::UpdateRaftVoter(_) => ApiKey::UpdateRaftVoter,
            Response::AddRaftVoter(_) => ApiKey::AddRaftVoter,
            Response::RemoveRaftVoter(_) => ApiKey::RemoveRaftVoter,
            Response::DescribeQuorum(_) => ApiKey::DescribeQuorum,
            Response::Data(it) => named(it.api_key()),
            Response::Cluster(it) => named(it.api_key()),
            Response::Admin(it) => named(it.api_key()),
            Response::AppendRecords(_) | Response::ReadRecords(_) => return None,
        },
    })
}

/// The API of a key of `raft::message`.
fn named(api_key: i16) -> ApiKey {
    ApiKey::try_from(api_key).expect("kafka-protocol has the APIs of the model")
}
