//! The RPCs of consensus, between replicas of the metadata log.

use std::rc::Rc;

use super::error_code::ErrorCode;
use crate::ids::{LeaderEpoch, NodeId, Offset, OffsetAndEpoch, ReplicaKey, Uuid};
use crate::log::{CutBatch, Records};
use crate::voter_set::Endpoints;

/// Vote (52) v2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoteRequest {
    /// `None` is accepted; otherwise must match.
    pub cluster_id: Option<Rc<str>>,
    /// The receiver; -1 when unknown.
    pub voter_id: NodeId,
    /// The receiver's directory; `None` when unknown.
    pub voter_directory_id: Option<Uuid>,
    /// Candidate's epoch, or a Prospective's *current* epoch.
    pub replica_epoch: LeaderEpoch,
    /// The candidate.
    pub replica_id: NodeId,
    /// The candidate's directory.
    pub replica_directory_id: Option<Uuid>,
    /// Epoch of the last record in the candidate's log.
    pub last_offset_epoch: LeaderEpoch,
    /// Log end offset of the candidate.
    pub last_offset: Offset,
    /// KIP-996: not binding.
    pub pre_vote: bool,
}

impl VoteRequest {
    pub fn replica_key(&self) -> ReplicaKey {
        ReplicaKey { id: self.replica_id, directory_id: self.replica_directory_id }
    }
}

/// Common to all partition-level answers: local epoch, leader, and its address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CurrentLeader {
    /// -1 on the wire if unknown.
    pub leader_id: Option<NodeId>,
    /// Local epoch of the responder.
    pub leader_epoch: LeaderEpoch,
    /// Address of the leader; `None` if unknown.
    pub endpoints: Option<Endpoints>,
}

/// Answer to Vote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VoteResponse {
    pub top_error: ErrorCode,
    pub error: ErrorCode,
    /// Responder's epoch and leader.
    pub current_leader: CurrentLeader,
    pub vote_granted: bool,
}

/// BeginQuorumEpoch (53) v1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeginQuorumEpochRequest {
    /// `None` is accepted; otherwise must match.
    pub cluster_id: Option<Rc<str>>,
    /// The receiver.
    pub voter_id: NodeId,
    /// The receiver's directory.
    pub voter_directory_id: Option<Uuid>,
    /// The leader; also the sender.
    pub leader_id: NodeId,
    pub leader_epoch: LeaderEpoch,
    /// All its listeners.
    pub leader_endpoints: Endpoints,
}

/// Answer to BeginQuorumEpoch and EndQuorumEpoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuorumEpochResponse {
    pub top_error: ErrorCode,
    pub error: ErrorCode,
    /// Responder's epoch and leader.
    pub current_leader: CurrentLeader,
}

/// EndQuorumEpoch (54) v1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndQuorumEpochRequest {
    /// `None` is accepted; otherwise must match.
    pub cluster_id: Option<Rc<str>>,
    /// The resigned leader; also the sender.
    pub leader_id: NodeId,
    pub leader_epoch: LeaderEpoch,
    /// The replicas that should start an election, best first; may be empty.
    pub preferred_candidates: Rc<[ReplicaKey]>,
    /// All listeners of the leader; Kafka leaves it empty (`RaftUtil.singletonEndQuorumEpochRequest`).
    pub leader_endpoints: Endpoints,
}

/// Fetch (1) v18, as replicas use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchRequest {
    /// `None` is accepted; otherwise must match.
    pub cluster_id: Option<Rc<str>>,
    /// The follower, or -1.
    pub replica_id: NodeId,
    /// Its directory.
    pub replica_directory_id: Option<Uuid>,
    /// Topic id; must be that of `__cluster_metadata`.
    pub topic_id: Uuid,
    /// How long the leader may delay the answer.
    pub max_wait_ms: i32,
    /// Size limit; at least one batch is always returned.
    pub max_bytes: i32,
    /// The follower's epoch.
    pub current_leader_epoch: LeaderEpoch,
    /// The follower's log end.
    pub fetch_offset: Offset,
    /// Epoch of its last record.
    pub last_fetched_epoch: LeaderEpoch,
    /// KIP-1166: the follower's high watermark; `None` if unknown (-1 on the wire).
    pub high_watermark: Option<Offset>,
}

impl FetchRequest {
    pub fn replica_key(&self) -> ReplicaKey {
        ReplicaKey { id: self.replica_id, directory_id: self.replica_directory_id }
    }
}

/// Answer to Fetch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchResponse {
    pub top_error: ErrorCode,
    pub error: ErrorCode,
    /// Responder's epoch and leader.
    pub current_leader: CurrentLeader,
    /// Whole batches, from the fetch offset.
    pub records: Records,
    /// What is left of `max_bytes` behind them; the follower leaves it out. Boxed, as what else is rare here: responses
    /// are moved often.
    pub cut_batch: Option<Box<CutBatch>>,
    pub log_start_offset: Offset,
    /// The leader's high watermark; `None` is -1 (unknown in this epoch).
    pub high_watermark: Option<Offset>,
    /// KIP-595: where the logs diverge.
    pub diverging_epoch: Option<Box<OffsetAndEpoch>>,
    /// KIP-630: the follower has to download this snapshot.
    pub snapshot_id: Option<Box<OffsetAndEpoch>>,
}
