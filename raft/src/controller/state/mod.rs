//! The controller's state: the metadata records, replayed (controller-broker.md §1.2, §4.0).
//!
//! * `controller_state`: the complete state
//! * `brokers`: registrations of brokers and controllers
//! * `topics`: topics, partitions, and the indexes over them
//! * `configs`, `features`: dynamic configs, and finalized features
//! * `replayed`: a state and the metadata transaction that may be open in it

mod brokers;
mod brokers_to_elrs;
mod configs;
mod controller_state;
mod features;
mod replayed;
mod topics;

pub use brokers::ClusterState;
pub use configs::{ConfigState, MIN_INSYNC_REPLICAS, ResourceConfigs, ResourceType, UNCLEAN_LEADER_ELECTION_ENABLE};
pub use controller_state::{ControllerState, ReplayError};
pub use features::FeatureState;
pub use replayed::ReplayedState;
pub use topics::{Topic, TopicState};
