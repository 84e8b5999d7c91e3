//! KRaft consensus.

pub mod accumulator;
pub mod network_channel;
pub mod request_manager;
pub mod timer;
