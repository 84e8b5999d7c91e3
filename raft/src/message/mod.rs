//! The RPCs between replicas, with Kafka's field names (consensus.md §3), as of the newest versions: Vote v2,
//! BeginQuorumEpoch v1, EndQuorumEpoch v1, Fetch v18, FetchSnapshot v1. Arrays of topics and partitions are replaced by the single
//! partition `__cluster_metadata`-0; the ids that can be wrong on the wire are kept so that they can be checked.
//!
//! Modules:
//! * `request`: all requests and responses; `error_code`: Kafka's `Errors`
//! * `quorum`: the RPCs of consensus; `fetch_snapshot`: the download of a snapshot; `voter_set`: those about its members; [`data`], [`cluster`] and [`admin`]: those above it, in the groups of `apis`;
//!   [`model_only`]: those of scenarios of the quorum alone
//! * `canonical_walk`, `canonical_hasher` and `content_hash`: a message's identity in 64 bits
//! * [`fields`], `fields_of_messages`: their representation in traces and logs

pub mod admin;
mod apis;
mod canonical_hasher;
mod canonical_walk;
pub mod cluster;
mod content_hash;
pub mod data;
mod error_code;
mod fetch_snapshot;
pub mod fields;
mod fields_of_messages;
mod meant_for;
pub mod model_only;
mod quorum;
mod request;
mod voter_set;

pub use apis::{
    AdminRequest, AdminResponse, ClusterRequest, ClusterResponse, DataRequest, DataResponse, EnvelopeResponse,
};
pub use canonical_hasher::CanonicalHasher;
pub use canonical_walk::Canonical;
pub use error_code::ErrorCode;
pub use fetch_snapshot::{FetchSnapshotRequest, FetchSnapshotResponse, UnalignedRecords};
pub use fields::{Fields, Value};
pub use fields_of_messages::{api_names, of_batch};
pub use meant_for::MeantFor;
pub use model_only::{AppendRecordsRequest, AppendRecordsResponse, ReadRecordsRequest, ReadRecordsResponse};
pub use quorum::{
    BeginQuorumEpochRequest, CurrentLeader, EndQuorumEpochRequest, FetchRequest, FetchResponse, QuorumEpochResponse,
    VoteRequest, VoteResponse,
};
pub use request::{DiscoverVersions, Request, Response};
pub use voter_set::{
    AddRaftVoterRequest, AddRaftVoterResponse, ApiVersionsRequest, ApiVersionsResponse, DescribeQuorumRequest,
    DescribeQuorumResponse, FeatureUpdate, QuorumReplica, RemoveRaftVoterRequest, RemoveRaftVoterResponse,
    UpdateFeaturesRequest, UpdateFeaturesResponse, UpdateRaftVoterRequest, UpdateRaftVoterResponse,
};

pub use crate::voter_set::{Endpoint, Endpoints, KRaftVersionFeature};
