//! What a replay refuses: the log contradicts itself, or says what this node cannot know.

use std::rc::Rc;

use crate::ids::{BrokerEpoch, NodeId, ProducerId, TopicIdPartition, Uuid};

/// Fatal where a controller replays; a broker's loader passes over the record
/// (controller-broker.md §1.2, §5.4).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// A record about a broker that is not registered.
    #[error("broker {0} is not registered")]
    UnknownBroker(NodeId),
    /// A record about another registration of a broker.
    #[error("broker {broker} is registered with epoch {registered}, not {found}")]
    BrokerEpoch {
        /// Which.
        broker: NodeId,
        /// In the image.
        registered: BrokerEpoch,
        /// In the record.
        found: BrokerEpoch,
    },
    /// A change of a registration that is none of the known ones.
    #[error("the registration of broker {broker} cannot change {field} by {value}")]
    RegistrationChange {
        /// Which.
        broker: NodeId,
        /// Of the record.
        field: &'static str,
        /// Of the record.
        value: i8,
    },
    /// UnregisterController of one that is not registered.
    #[error("controller {0} is not registered")]
    UnknownController(NodeId),
    /// A second topic of this name or id.
    #[error("there is a topic {name} or one with id {id} already")]
    TopicExists {
        /// Of the record.
        name: Rc<str>,
        /// Of the record.
        id: Uuid,
    },
    /// A record about a topic that is not there.
    #[error("there is no topic with id {0}")]
    UnknownTopic(Uuid),
    /// As above, by name.
    #[error("there is no topic {0}")]
    UnknownTopicName(Rc<str>),
    /// A change of a partition that is not there.
    #[error("there is no partition {0}")]
    UnknownPartition(TopicIdPartition),
    /// Neither RECOVERED nor RECOVERING.
    #[error("no leader recovery state has the number {0}")]
    LeaderRecoveryState(i8),
    /// Not one directory per replica.
    #[error("{replicas} replicas have {directories} directories")]
    Directories {
        /// How many.
        replicas: usize,
        /// How many.
        directories: usize,
    },
    /// After i32::MAX.
    #[error("the epochs of a partition are used up")]
    EpochsUsedUp,
    /// A resource of an unknown type.
    #[error("no config resource has the type {0}")]
    ConfigResource(i8),
    /// A feature, or a level of one, that this node does not support.
    #[error("level {level} of feature {feature} is not supported")]
    FeatureLevel {
        /// Of the record.
        feature: Rc<str>,
        /// Of the record.
        level: i16,
    },
    /// Blocks of producer ids only ever go up.
    #[error("the next producer id cannot go from {current} to {next}")]
    ProducerIds {
        /// In the image.
        current: ProducerId,
        /// In the record.
        next: ProducerId,
    },
}
