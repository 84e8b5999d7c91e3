//! Aimed faults in Kafka's words: the events they may wait for, and the guards that may forbid them.
//!
//! * [`trigger_event`]: events that triggers may name
//! * [`trigger_watch`]: notices it as it crosses the border
//! * [`tracker`]: what they go by; [`guard`]: what would be too much

pub mod guard;
pub mod tracker;
pub mod trigger_event;
pub mod trigger_watch;

#[cfg(test)]
mod tests;
