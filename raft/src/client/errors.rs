//! Kafka's error codes as its Java clients class them, and as a history may (controller-broker.md §6.6, §6.10).

use super::Outcome;
use crate::message::ErrorCode;

/// `InvalidMetadataException`: the cached cluster may be wrong, so it is fetched again.
pub(super) fn is_invalid_metadata(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::UnknownTopicOrPartition
            | ErrorCode::LeaderNotAvailable
            | ErrorCode::NotLeaderOrFollower
            | ErrorCode::ReplicaNotAvailable
            | ErrorCode::NetworkException
            | ErrorCode::KafkaStorageError
            | ErrorCode::ListenerNotFound
            | ErrorCode::FencedLeaderEpoch
            | ErrorCode::UnknownTopicId
            | ErrorCode::InconsistentTopicId
            | ErrorCode::PreferredLeaderNotAvailable
            | ErrorCode::EligibleLeadersNotAvailable
            | ErrorCode::ElectionNotNeeded
    )
}

/// `RetriableException`.
pub(super) fn is_retriable(error: ErrorCode) -> bool {
    is_invalid_metadata(error)
        || matches!(
            error,
            ErrorCode::CorruptMessage
                | ErrorCode::CoordinatorLoadInProgress
                | ErrorCode::RequestTimedOut
                | ErrorCode::NotEnoughReplicas
                | ErrorCode::NotEnoughReplicasAfterAppend
                | ErrorCode::NotController
                | ErrorCode::UnknownLeaderEpoch
                | ErrorCode::OffsetNotAvailable
        )
}

/// What a Produce answer says of its own append. The codes a waiting acks=all request may end with
/// once the leader is no more (`DelayedProduce`) leave it open; the failures are a closed list of
/// what is decided before anything is appended.
pub(super) fn produce_outcome(error: ErrorCode) -> Outcome {
    match error {
        ErrorCode::None => Outcome::Done,
        ErrorCode::NotEnoughReplicas
        | ErrorCode::MessageTooLarge
        | ErrorCode::InvalidRequiredAcks
        | ErrorCode::CorruptMessage
        | ErrorCode::InvalidTopicException
        | ErrorCode::InvalidRecord
        | ErrorCode::InvalidRequest
        | ErrorCode::PolicyViolation
        | ErrorCode::UnsupportedVersion
        | ErrorCode::UnknownTopicId
        | ErrorCode::InconsistentTopicId
        | ErrorCode::OutOfOrderSequenceNumber
        | ErrorCode::InvalidProducerEpoch
        | ErrorCode::UnknownProducerId => Outcome::Failed,
        _ => Outcome::Unknown,
    }
}

/// What an admin answer says of one entry's change; the failures are a closed list of what the
/// controller decides without writing a record.
pub(super) fn admin_outcome(error: ErrorCode) -> Outcome {
    match error {
        ErrorCode::None => Outcome::Done,
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::UnknownTopicId
        | ErrorCode::InvalidTopicException
        | ErrorCode::UnsupportedVersion
        | ErrorCode::TopicAlreadyExists
        | ErrorCode::InvalidPartitions
        | ErrorCode::InvalidReplicationFactor
        | ErrorCode::InvalidReplicaAssignment
        | ErrorCode::InvalidConfig
        | ErrorCode::InvalidRequest
        | ErrorCode::PolicyViolation
        | ErrorCode::TopicDeletionDisabled
        | ErrorCode::PreferredLeaderNotAvailable
        | ErrorCode::EligibleLeadersNotAvailable
        | ErrorCode::ElectionNotNeeded
        | ErrorCode::NoReassignmentInProgress
        | ErrorCode::BrokerIdNotRegistered => Outcome::Failed,
        _ => Outcome::Unknown,
    }
}
