//! The RPCs about the voter set (KIP-853), and ApiVersions as the leader sends it to check a voter.

use std::rc::Rc;

use super::canonical_hasher::CanonicalHasher;
use super::canonical_walk::{Canonical, messages};
use super::error_code::ErrorCode;
use super::quorum::CurrentLeader;
use crate::ids::{LeaderEpoch, NodeId, Offset, ReplicaKey, Uuid};
use crate::voter_set::{Endpoint, Endpoints, KRaftVersionFeature};

messages! {
    /// UpdateRaftVoter (82) v0. With kraft.version 0 each voter sends it to each new leader, which keeps the content in
    /// memory for an upgrade.
    UpdateRaftVoterRequest {
        /// `None` is accepted; otherwise must match.
        cluster_id: Option<Rc<str>>;
        /// The sender's epoch.
        current_leader_epoch: LeaderEpoch;
        /// The sender.
        voter_id: NodeId;
        /// Its directory.
        voter_directory_id: Option<Uuid>;
        /// Its listeners.
        listeners: Endpoints;
        k_raft_version_feature: KRaftVersionFeature;
    }
    /// Answer to UpdateRaftVoter.
    UpdateRaftVoterResponse {
        error: ErrorCode;
        /// Responder's epoch and leader.
        current_leader: CurrentLeader;
    }
    /// AddRaftVoter (80) v1: of an admin client, or of an observer that joins by itself.
    AddRaftVoterRequest {
        /// `None` is accepted; otherwise must match.
        cluster_id: Option<Rc<str>>;
        /// Not used by the leader.
        timeout_ms: i32;
        voter_id: NodeId;
        voter_directory_id: Option<Uuid>;
        /// All its listeners.
        listeners: Endpoints;
        /// Whether the answer waits for the commit.
        ack_when_committed: bool;
    }
    /// Answer to AddRaftVoter.
    AddRaftVoterResponse {
        error: ErrorCode;
    }
    /// RemoveRaftVoter (81) v0.
    RemoveRaftVoterRequest {
        /// `None` is accepted; otherwise must match.
        cluster_id: Option<Rc<str>>;
        voter_id: NodeId;
        voter_directory_id: Option<Uuid>;
    }
    /// Answer to RemoveRaftVoter.
    RemoveRaftVoterResponse {
        error: ErrorCode;
    }
    /// DescribeQuorum (55) v2.
    DescribeQuorumRequest {}
    /// A replica of the quorum.
    QuorumReplica {
        replica_id: NodeId;
        replica_directory_id: Option<Uuid>;
        /// -1: unknown
        log_end_offset: Offset;
        /// ms of the leader's wall clock; -1: never
        last_fetch_timestamp: i64;
        /// ms of the leader's wall clock; -1: never
        last_caught_up_timestamp: i64;
    }
    /// Answer to DescribeQuorum.
    DescribeQuorumResponse {
        error: ErrorCode;
        leader_id: NodeId;
        leader_epoch: LeaderEpoch;
        /// -1: unknown
        high_watermark: Offset;
        current_voters: Rc<[QuorumReplica]>;
        observers: Rc<[QuorumReplica]>;
    }
    /// A feature, and the level that it is to have.
    FeatureUpdate {
        feature: Rc<str>;
        max_version_level: i16;
    }
    /// UpdateFeatures (57) v2, of upgrades.
    UpdateFeaturesRequest {
        timeout_ms: i32;
        feature_updates: Rc<[FeatureUpdate]>;
        validate_only: bool;
    }
    /// Answer to UpdateFeatures.
    UpdateFeaturesResponse {
        error: ErrorCode;
    }
    /// ApiVersions (18).
    ApiVersionsRequest {}
    /// Answer to ApiVersions; of its content only the field that the leader reads.
    ApiVersionsResponse {
        error: ErrorCode;
        /// The feature `kraft.version`.
        supported: KRaftVersionFeature;
    }
}

impl DescribeQuorumResponse {
    /// Of a quorum of which nothing is known.
    pub fn unknown() -> DescribeQuorumResponse {
        DescribeQuorumResponse {
            error: ErrorCode::None,
            leader_id: NodeId::NONE,
            leader_epoch: LeaderEpoch(-1),
            high_watermark: Offset(-1),
            current_voters: Rc::from([]),
            observers: Rc::from([]),
        }
    }
}

impl Canonical for Endpoint {
    fn walk(&self, hasher: &mut CanonicalHasher) {
        let Endpoint { name, host, port } = self;
        name.walk(hasher);
        host.walk(hasher);
        port.walk(hasher);
    }
}

impl Canonical for KRaftVersionFeature {
    fn walk(&self, hasher: &mut CanonicalHasher) {
        let KRaftVersionFeature { min_supported_version, max_supported_version } = self;
        min_supported_version.walk(hasher);
        max_supported_version.walk(hasher);
    }
}

impl Canonical for CurrentLeader {
    fn walk(&self, hasher: &mut CanonicalHasher) {
        let CurrentLeader { leader_id, leader_epoch, endpoints } = self;
        leader_id.walk(hasher);
        leader_epoch.walk(hasher);
        endpoints.walk(hasher);
    }
}

impl AddRaftVoterRequest {
    pub fn voter_key(&self) -> ReplicaKey {
        ReplicaKey { id: self.voter_id, directory_id: self.voter_directory_id }
    }
}

impl RemoveRaftVoterRequest {
    pub fn voter_key(&self) -> ReplicaKey {
        ReplicaKey { id: self.voter_id, directory_id: self.voter_directory_id }
    }
}

impl UpdateRaftVoterRequest {
    pub fn voter_key(&self) -> ReplicaKey {
        ReplicaKey { id: self.voter_id, directory_id: self.voter_directory_id }
    }
}
