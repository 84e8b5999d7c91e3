//! The state machine on top of the metadata log: Kafka's `QuorumController`.
//!
//! * [`settings`]: what it reads of its node's properties
//! * [`state`]: the metadata records, replayed
//! * [`partition_change_builder`]: what one record must say of a partition that changes
//! * [`replication`]: topics, ISRs, elections
//! * [`cluster`]: registrations, heartbeats, fencing
//! * [`configuration`], [`producer_ids`]: what their names say
//! * [`quorum_controller`]: the queue, write events, leadership; start here
//! * [`event_queue`], [`metadata_log`]: what it stands on
//! * [`result`]: what an operation gives: records, and an answer for when they are committed
//! * [`record_log`]: a model that stands where all of this does, for scenarios of the quorum alone

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
