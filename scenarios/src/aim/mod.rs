//! Aimed faults in Kafka's terms: the events they may wait for, and the guards that may forbid them.
//!
//! * [`trigger_event`]: events that triggers may name
//! * [`trigger_watch`]: detects them as they cross a node's border
//! * [`tracker`]: the state that both use, and [`voter_disks`]; [`guard`]: which faults exceed the tolerance

pub mod guard;
pub mod tracker;
pub mod trigger_event;
pub mod trigger_watch;
pub mod voter_disks;

#[cfg(test)]
mod tests;
