//! KRaft consensus.

pub mod request_manager;
pub mod timer;
