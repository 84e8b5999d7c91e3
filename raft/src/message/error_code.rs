//! Kafka's `Errors`.

use std::fmt::Write as _;

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
