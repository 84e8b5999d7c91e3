//! The RPCs about the voter set: UpdateRaftVoter (KIP-853), and ApiVersions as the leader sends it to check a voter.

use std::rc::Rc;

use super::canonical_hasher::CanonicalHasher;
use super::canonical_walk::{Canonical, messages};
use super::error_code::ErrorCode;
use super::quorum::{CurrentLeader, Endpoint, Endpoints};
use crate::ids::{LeaderEpoch, NodeId, Uuid};

messages! {
    /// The range of `kraft.version` that a replica supports.
    KRaftVersionFeature {
        min_supported_version: i16;
        max_supported_version: i16;
    }
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
    /// ApiVersions (18).
    ApiVersionsRequest {}
    /// Answer to ApiVersions; of its content only the field that the leader reads.
    ApiVersionsResponse {
        error: ErrorCode;
        /// The feature `kraft.version`.
        supported: KRaftVersionFeature;
    }
}

impl KRaftVersionFeature {
    /// The versions of Kafka 4 (`KRaftVersion`).
    pub const SUPPORTED: KRaftVersionFeature =
        KRaftVersionFeature { min_supported_version: 0, max_supported_version: 1 };
}

impl Canonical for Endpoint {
    fn walk(&self, hasher: &mut CanonicalHasher) {
        let Endpoint { name, host, port } = self;
        name.walk(hasher);
        host.walk(hasher);
        port.walk(hasher);
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
