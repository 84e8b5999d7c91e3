//! One run: a cluster in a world, a workload, faults, and what must hold.
//!
//! Start at `run` (the spine). `raft` is what Kafka does, `sim` is the world it lives in;
//! this crate puts one into the other and says what must hold.

pub mod actor;
pub mod catalog;
pub mod knobs;
pub mod nemesis;
pub mod recovery_bound;
pub mod report;
pub mod scenario;
