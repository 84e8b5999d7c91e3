//! Kafka's error codes as classified by its Java clients and by a history (controller-broker.md §6.6, §6.10).

use super::Outcome;
use crate::message::ErrorCode;

/// `InvalidMetadataException`: the cached metadata may be wrong, so it is fetched again.
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

/// Whether a Produce response with this error means that its attempt was appended. It is unknown for the codes with
/// which a delayed acks=all request may end after a change of the leader (`DelayedProduce`); the failures are a closed
/// list of errors found before anything is appended.
pub(super) fn produce_outcome(error: ErrorCode) -> Outcome {
    match error {
        ErrorCode::None => Outcome::Done,
        ErrorCode::NotEnoughReplicas
        | ErrorCode::MessageTooLarge
        | ErrorCode::RecordListTooLarge
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

/// Whether an admin response with this error means that an entry's change was made; the failures are a closed list of
/// errors that the controller returns without writing a record.
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
