//! A model: the checks' own record of what is on one server's disk, written and durable, and of
//! what the server said of itself. It is fed from the border and believes no node.

pub mod boot;
pub mod covering;
pub mod ledger;
pub mod log;
mod server;
pub mod small_files;
mod snapshot_phase;
pub mod state_files;

pub use server::ServerModel;
pub use snapshot_phase::SnapshotPhase;
