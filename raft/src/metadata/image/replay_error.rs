//! Errors of a replay: the log is inconsistent, or has content that this node does not support.

use std::rc::Rc;

use crate::ids::{BrokerEpoch, NodeId, ProducerId, TopicIdPartition, Uuid};

/// Fatal when a controller replays; a broker's loader skips the record (controller-broker.md §1.2, §5.4).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// A record about a broker that is not registered.
    #[error("broker {0} is not registered")]
    UnknownBroker(NodeId),
    /// A record about another registration of a broker.
    #[error("broker {broker} is registered with epoch {registered}, not {found}")]
    BrokerEpoch {
        /// Broker id.
        broker: NodeId,
        /// Epoch in the image.
        registered: BrokerEpoch,
        /// Epoch in the record.
        found: BrokerEpoch,
    },
    /// A registration change with an invalid value.
    #[error("the registration of broker {broker} cannot change {field} by {value}")]
    RegistrationChange {
        /// Broker id.
        broker: NodeId,
        /// Field of the record.
        field: &'static str,
        /// Value in the record.
        value: i8,
    },
    /// UnregisterController of a controller that is not registered.
    #[error("controller {0} is not registered")]
    UnknownController(NodeId),
    /// A second topic of this name or id.
    #[error("there is a topic {name} or one with id {id} already")]
    TopicExists {
        /// Name in the record.
        name: Rc<str>,
        /// Id in the record.
        id: Uuid,
    },
    /// A record about an unknown topic.
    #[error("there is no topic with id {0}")]
    UnknownTopic(Uuid),
    /// As above, by name.
    #[error("there is no topic {0}")]
    UnknownTopicName(Rc<str>),
    /// A change of an unknown partition.
    #[error("there is no partition {0}")]
    UnknownPartition(TopicIdPartition),
    /// Neither RECOVERED nor RECOVERING.
    #[error("no leader recovery state has the number {0}")]
    LeaderRecoveryState(i8),
    /// The numbers of replicas and directories differ.
    #[error("{replicas} replicas have {directories} directories")]
    Directories {
        /// Number of replicas.
        replicas: usize,
        /// Number of directories.
        directories: usize,
    },
    /// The epoch is i32::MAX already.
    #[error("the epochs of a partition are used up")]
    EpochsUsedUp,
    /// A resource of an unknown type.
    #[error("no config resource has the type {0}")]
    ConfigResource(i8),
    /// A feature, or a level of it, that this node does not support.
    #[error("level {level} of feature {feature} is not supported")]
    FeatureLevel {
        /// Name in the record.
        feature: Rc<str>,
        /// Level in the record.
        level: i16,
    },
    /// Blocks of producer ids must ascend.
    #[error("the next producer id cannot go from {current} to {next}")]
    ProducerIds {
        /// Next id in the image.
        current: ProducerId,
        /// Next id in the record.
        next: ProducerId,
    },
}
