//! The state machine on top of the metadata log: Kafka's `QuorumController`.
//!
//! * [`settings`]: the controller's properties
//! * [`state`]: the metadata records, replayed
//! * [`partition_change_builder`]: the PartitionChange record of one partition
//! * [`replication`]: topics, ISRs, elections
//! * [`cluster`]: registrations, heartbeats, fencing
//! * [`configuration`], [`producer_ids`]: dynamic configs, and blocks of producer ids
//! * [`quorum_controller`]: the queue, write events, leadership; start here
//! * [`event_queue`], [`metadata_log`]: the queue, and the interface to raft
//! * [`result`]: the result of an operation: records, and an answer for when they are committed
//! * [`record_log`]: a model that replaces all of this, for scenarios of the quorum alone

pub mod cluster;
pub mod configuration;
pub mod event_queue;
pub mod metadata_log;
pub mod partition_change_builder;
pub mod producer_ids;
pub mod quorum_controller;
pub mod record_log;
pub mod replication;
pub mod result;
pub mod settings;
pub mod state;
#[cfg(test)]
mod tests;

pub use quorum_controller::QuorumController;
pub use record_log::RecordLog;
