//! The state machine on top of the metadata log.
//!
//! * [`record_log`]: a model that stands where `QuorumController` will

pub mod record_log;

pub use record_log::RecordLog;
