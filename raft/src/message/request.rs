//! The requests and responses of all APIs.

use super::apis::{
    AdminRequest, AdminResponse, ClusterRequest, ClusterResponse, DataRequest, DataResponse, EnvelopeResponse,
};
use super::fetch_snapshot::{FetchSnapshotRequest, FetchSnapshotResponse};
use super::meant_for::MeantFor;
use super::model_only::{AppendRecordsRequest, AppendRecordsResponse, ReadRecordsRequest, ReadRecordsResponse};
use super::quorum::{
    BeginQuorumEpochRequest, EndQuorumEpochRequest, FetchRequest, FetchResponse, QuorumEpochResponse, VoteRequest,
    VoteResponse,
};
use super::voter_set::{
    AddRaftVoterRequest, AddRaftVoterResponse, ApiVersionsRequest, ApiVersionsResponse, DescribeQuorumRequest,
    DescribeQuorumResponse, RemoveRaftVoterRequest, RemoveRaftVoterResponse, UpdateRaftVoterRequest,
    UpdateRaftVoterResponse,
};
use crate::ids::Listener;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Vote (52)
    Vote(VoteRequest),
    /// BeginQuorumEpoch (53)
    BeginQuorumEpoch(BeginQuorumEpochRequest),
    /// EndQuorumEpoch (54)
    EndQuorumEpoch(EndQuorumEpochRequest),
    /// Fetch (1)
    Fetch(FetchRequest),
    /// FetchSnapshot (59)
    FetchSnapshot(FetchSnapshotRequest),
    /// UpdateRaftVoter (82)
    UpdateRaftVoter(UpdateRaftVoterRequest),
    /// AddRaftVoter (80), of an observer that joins by itself
    AddRaftVoter(AddRaftVoterRequest),
    /// RemoveRaftVoter (81), of an observer whose id another voter has
    RemoveRaftVoter(RemoveRaftVoterRequest),
    /// DescribeQuorum (55), of an operator who asks a controller (`--bootstrap-controller`)
    DescribeQuorum(DescribeQuorumRequest),
    /// ApiVersions (18), as a leader sends it to a voter
    ApiVersions(ApiVersionsRequest),
    /// ApiVersions (18): the first request on a new connection of a NetworkClient, to a listener
    /// (`discoverBrokerVersions`). Its answer says nothing: every node has one version.
    DiscoverVersions(DiscoverVersions),
    /// Model only.
    AppendRecords(AppendRecordsRequest),
    /// Model only.
    ReadRecords(ReadRecordsRequest),
    /// To a broker, about partitions.
    Data(DataRequest),
    /// To the active controller, from a broker or a controller.
    Cluster(ClusterRequest),
    /// To a broker, from an admin client.
    Admin(AdminRequest),
    /// Envelope (58): an admin client's request, forwarded by a broker to the active controller.
    Envelope(AdminRequest),
}

/// The first request on a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiscoverVersions {
    pub listener: Listener,
    pub meant_for: MeantFor,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// Vote (52)
    Vote(VoteResponse),
    /// BeginQuorumEpoch (53)
    BeginQuorumEpoch(QuorumEpochResponse),
    /// EndQuorumEpoch (54)
    EndQuorumEpoch(QuorumEpochResponse),
    /// Fetch (1)
    Fetch(FetchResponse),
    /// FetchSnapshot (59)
    FetchSnapshot(FetchSnapshotResponse),
    /// UpdateRaftVoter (82)
    UpdateRaftVoter(UpdateRaftVoterResponse),
    /// AddRaftVoter (80), of an observer that joins by itself
    AddRaftVoter(AddRaftVoterResponse),
    /// RemoveRaftVoter (81), of an observer whose id another voter has
    RemoveRaftVoter(RemoveRaftVoterResponse),
    /// DescribeQuorum (55), to an operator who asks a controller
    DescribeQuorum(DescribeQuorumResponse),
    /// ApiVersions (18)
    ApiVersions(ApiVersionsResponse),
    /// Answer to a [`Request::DiscoverVersions`].
    DiscoverVersions,
    /// Model only.
    AppendRecords(AppendRecordsResponse),
    /// Model only.
    ReadRecords(ReadRecordsResponse),
    /// Answer to a [`Request::Data`].
    Data(DataResponse),
    /// Answer to a [`Request::Cluster`].
    Cluster(ClusterResponse),
    /// Answer to a [`Request::Admin`].
    Admin(AdminResponse),
    /// Answer to a [`Request::Envelope`].
    Envelope(EnvelopeResponse),
}

impl Request {
    /// The node that its connection is meant for, if the request tells.
    pub fn meant_for(&self) -> MeantFor {
        match self {
            Request::DiscoverVersions(request) => request.meant_for,
            Request::Data(DataRequest::Fetch(request)) => request.meant_for,
            Request::Data(DataRequest::ListOffsets(request)) => request.meant_for,
            _ => MeantFor::ANY,
        }
    }

    /// Kafka's API name.
    pub fn name(&self) -> &'static str {
        match self {
            Request::Vote(request) if request.pre_vote => "PreVote",
            Request::Vote(_) => "Vote",
            Request::BeginQuorumEpoch(_) => "BeginQuorumEpoch",
            Request::EndQuorumEpoch(_) => "EndQuorumEpoch",
            Request::Fetch(_) => "Fetch",
            Request::FetchSnapshot(_) => "FetchSnapshot",
            Request::UpdateRaftVoter(_) => "UpdateRaftVoter",
            Request::AddRaftVoter(_) => "AddRaftVoter",
            Request::RemoveRaftVoter(_) => "RemoveRaftVoter",
            Request::DescribeQuorum(_) => "DescribeQuorum",
            Request::ApiVersions(_) | Request::DiscoverVersions(_) => "ApiVersions",
            Request::AppendRecords(_) => "AppendRecords",
            Request::ReadRecords(_) => "ReadRecords",
            Request::Data(request) => request.name(),
            Request::Cluster(request) => request.name(),
            Request::Admin(request) => request.name(),
            Request::Envelope(_) => "Envelope",
        }
    }
}

impl Response {
    /// Kafka's API name.
    pub fn name(&self) -> &'static str {
        match self {
            Response::Vote(_) => "Vote",
            Response::BeginQuorumEpoch(_) => "BeginQuorumEpoch",
            Response::EndQuorumEpoch(_) => "EndQuorumEpoch",
            Response::Fetch(_) => "Fetch",
            Response::FetchSnapshot(_) => "FetchSnapshot",
            Response::UpdateRaftVoter(_) => "UpdateRaftVoter",
            Response::AddRaftVoter(_) => "AddRaftVoter",
            Response::RemoveRaftVoter(_) => "RemoveRaftVoter",
            Response::DescribeQuorum(_) => "DescribeQuorum",
            Response::ApiVersions(_) | Response::DiscoverVersions => "ApiVersions",
            Response::AppendRecords(_) => "AppendRecords",
            Response::ReadRecords(_) => "ReadRecords",
            Response::Data(response) => response.name(),
            Response::Cluster(response) => response.name(),
            Response::Admin(response) => response.name(),
            Response::Envelope(_) => "Envelope",
        }
    }
}
