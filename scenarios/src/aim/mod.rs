//! Aimed faults in Kafka's words: what they may wait for, and what must not be struck.
//!
//! * [`sight`]: what triggers may name
//! * [`lookout`]: notices it as it crosses the border
//! * [`guard`]: what would be too much, by the ghosts' account

pub mod guard;
pub mod lookout;
pub mod sight;
