//! JSON files. Seeds and digests are strings; fields are in the documented order.

pub mod bugs_json;
pub mod chart_json;
pub mod check_json;
pub mod checkpoint_json;
pub mod failover_json;
pub mod last_hunt;
pub mod reading;
pub mod repetition_json;
pub mod replay_json;
pub mod repro;
pub mod silence_json;
pub mod sweep_json;
mod values;
mod violation_json;
pub mod why_json;

pub use values::{Digest, Ms, Seconds, Seed, show_digest, to_text};
pub use violation_json::{KnownFindingJson, ViolationJson};
