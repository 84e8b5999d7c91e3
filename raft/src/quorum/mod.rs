//! KRaft consensus.

pub mod network_channel;
pub mod request_manager;
pub mod timer;
