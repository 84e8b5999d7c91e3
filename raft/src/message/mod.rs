//! The RPCs between replicas, with Kafka's field names (consensus.md §3), as of the newest
//! versions: Vote v2, BeginQuorumEpoch v1, EndQuorumEpoch v1, Fetch v18. One topic and one
//! partition (`__cluster_metadata`-0) are implied where the wire has arrays of them; the ids
//! that can be wrong on the wire are kept so that they can be checked.

pub mod admin;
mod apis;
mod canonical;
mod canonical_walk;
pub mod cluster;
pub mod data;
pub mod fields;
pub mod model_only;

use std::fmt::Write as _;
use std::rc::Rc;

pub use apis::{
    AdminRequest, AdminResponse, ClusterRequest, ClusterResponse, DataRequest, DataResponse, EnvelopeResponse,
};
pub use canonical::CanonicalHasher;
pub use canonical_walk::Canonical;
pub use fields::{Fields, Value};
pub use model_only::{AppendRecordsRequest, AppendRecordsResponse, ReadRecordsRequest, ReadRecordsResponse};

use crate::ids::{LeaderEpoch, NodeId, Offset, OffsetAndEpoch, ReplicaKey, Uuid};
use crate::log::Records;

/// Kafka's error codes that the model uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i16)]
pub enum ErrorCode {
    /// -1
    UnknownServerError = -1,
    /// 0
    #[default]
    None = 0,
    /// 1
    OffsetOutOfRange = 1,
    /// 2
    CorruptMessage = 2,
    /// 3
    UnknownTopicOrPartition = 3,
    /// 5
    LeaderNotAvailable = 5,
    /// 6
    NotLeaderOrFollower = 6,
    /// 7
    RequestTimedOut = 7,
    /// 8; also what the transport reports for a disconnect
    BrokerNotAvailable = 8,
    /// 9
    ReplicaNotAvailable = 9,
    /// 10
    MessageTooLarge = 10,
    /// 13
    NetworkException = 13,
    /// 14; a coordinator, or a broker without producer ids to give, is not ready yet
    CoordinatorLoadInProgress = 14,
    /// 17
    InvalidTopicException = 17,
    /// 19
    NotEnoughReplicas = 19,
    /// 20
    NotEnoughReplicasAfterAppend = 20,
    /// 21
    InvalidRequiredAcks = 21,
    /// 35
    UnsupportedVersion = 35,
    /// 36
    TopicAlreadyExists = 36,
    /// 37
    InvalidPartitions = 37,
    /// 38
    InvalidReplicationFactor = 38,
    /// 39
    InvalidReplicaAssignment = 39,
    /// 40
    InvalidConfig = 40,
    /// 41
    NotController = 41,
    /// 42
    InvalidRequest = 42,
    /// 44
    PolicyViolation = 44,
    /// 45
    OutOfOrderSequenceNumber = 45,
    /// 46
    DuplicateSequenceNumber = 46,
    /// 47
    InvalidProducerEpoch = 47,
    /// 55
    OperationNotAttempted = 55,
    /// 56
    KafkaStorageError = 56,
    /// 59
    UnknownProducerId = 59,
    /// 72
    ListenerNotFound = 72,
    /// 73
    TopicDeletionDisabled = 73,
    /// 74
    FencedLeaderEpoch = 74,
    /// 75
    UnknownLeaderEpoch = 75,
    /// 77
    StaleBrokerEpoch = 77,
    /// 78
    OffsetNotAvailable = 78,
    /// 80
    PreferredLeaderNotAvailable = 80,
    /// 83
    EligibleLeadersNotAvailable = 83,
    /// 84
    ElectionNotNeeded = 84,
    /// 85
    NoReassignmentInProgress = 85,
    /// 87; a batch that a client must not send
    InvalidRecord = 87,
    /// 95
    InvalidUpdateVersion = 95,
    /// 100
    UnknownTopicId = 100,
    /// 101
    DuplicateBrokerRegistration = 101,
    /// 102
    BrokerIdNotRegistered = 102,
    /// 103
    InconsistentTopicId = 103,
    /// 104
    InconsistentClusterId = 104,
    /// 107
    IneligibleReplica = 107,
    /// 108
    NewLeaderElected = 108,
    /// 119
    InvalidRegistration = 119,
    /// 125
    InvalidVoterKey = 125,
    /// 136
    ControllerIdNotRegistered = 136,
}

/// As Kafka's `Errors` names it: `NOT_LEADER_OR_FOLLOWER`.
impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (place, c) in format!("{self:?}").char_indices() {
            if c.is_ascii_uppercase() && place > 0 {
                f.write_char('_')?;
            }
            f.write_char(c.to_ascii_uppercase())?;
        }
        Ok(())
    }
}

/// A listener's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Listener name, `CONTROLLER` usually.
    pub name: Rc<str>,
    /// Host name.
    pub host: Rc<str>,
    /// TCP port.
    pub port: u16,
}

/// All addresses of one node; shared, for they seldom change. Empty means unknown.
pub type Endpoints = Rc<[Endpoint]>;

/// Vote (52) v2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoteRequest {
    /// `None` is accepted; otherwise must match.
    pub cluster_id: Option<Rc<str>>,
    /// The addressee; -1 when unknown.
    pub voter_id: NodeId,
    /// The addressee's directory; `None` when unknown.
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

/// What every partition-level answer carries: local epoch, leader, and its address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CurrentLeader {
    /// Leader id, -1 if unknown.
    pub leader_id: Option<NodeId>,
    /// Local epoch of the responder.
    pub leader_epoch: LeaderEpoch,
    /// Address of the leader; `None` if unknown.
    pub endpoints: Option<Endpoints>,
}

/// Answer to Vote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VoteResponse {
    /// Top-level error.
    pub top_error: ErrorCode,
    /// Partition-level error.
    pub error: ErrorCode,
    /// Responder's epoch and leader.
    pub current_leader: CurrentLeader,
    /// The (pre-)vote is given.
    pub vote_granted: bool,
}

/// BeginQuorumEpoch (53) v1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeginQuorumEpochRequest {
    /// `None` is accepted; otherwise must match.
    pub cluster_id: Option<Rc<str>>,
    /// The addressee.
    pub voter_id: NodeId,
    /// The addressee's directory.
    pub voter_directory_id: Option<Uuid>,
    /// The leader; also the sender.
    pub leader_id: NodeId,
    /// Its epoch.
    pub leader_epoch: LeaderEpoch,
    /// All its listeners.
    pub leader_endpoints: Endpoints,
}

/// Answer to BeginQuorumEpoch and EndQuorumEpoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuorumEpochResponse {
    /// Top-level error.
    pub top_error: ErrorCode,
    /// Partition-level error.
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
    /// Its epoch.
    pub leader_epoch: LeaderEpoch,
    /// Who should campaign, best first; may be empty.
    pub preferred_candidates: Rc<[ReplicaKey]>,
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
    /// How long the leader may park it.
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

/// Answer to Fetch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchResponse {
    /// Top-level error.
    pub top_error: ErrorCode,
    /// Partition-level error.
    pub error: ErrorCode,
    /// Responder's epoch and leader.
    pub current_leader: CurrentLeader,
    /// Whole batches from the fetch offset.
    pub records: Records,
    /// The leader's log start.
    pub log_start_offset: Offset,
    /// The leader's high watermark; `None` is -1 (unknown in this epoch).
    pub high_watermark: Option<Offset>,
    /// KIP-595: where the logs part.
    pub diverging_epoch: Option<OffsetAndEpoch>,
}

/// A request and its kind.
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

/// A response and its kind.
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
    /// Kafka's API name.
    pub fn name(&self) -> &'static str {
        match self {
            Request::Vote(request) if request.pre_vote => "PreVote",
            Request::Vote(_) => "Vote",
            Request::BeginQuorumEpoch(_) => "BeginQuorumEpoch",
            Request::EndQuorumEpoch(_) => "EndQuorumEpoch",
            Request::Fetch(_) => "Fetch",
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
            Response::AppendRecords(_) => "AppendRecords",
            Response::ReadRecords(_) => "ReadRecords",
            Response::Data(response) => response.name(),
            Response::Cluster(response) => response.name(),
            Response::Admin(response) => response.name(),
            Response::Envelope(_) => "Envelope",
        }
    }
}
