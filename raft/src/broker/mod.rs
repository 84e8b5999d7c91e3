//! The broker.
pub mod alter_partition;
pub mod config;
pub mod log;
pub mod observation;
pub mod partition;
pub mod view;
