//! Committed metadata: the model of it, and what must hold of every record and of what nodes publish.
//!
//! * [`image`]: what committed records say, by a second reader who shares no code of replay with `raft`;
//!   [`model`]: the image, one batch after the other, and its digest at each offset; [`images`]: nodes publish the same
//! * [`brokers`]: broker epochs; [`sessions`]: which must be fenced, [`heard`]: which must not;
//!   [`leaving`]: who must be let go; [`producer_ids`]: blocks and ids
//! * [`partitions`] judges the ISR and ELR of each, [`elr`] what a new `min.insync.replicas` does to them;
//!   [`leaderless`]: a leader where one may lead; [`isr_changes`]: what controllers answer to leaders
//!
//! Only a cluster with brokers has it: a quorum's records say nothing to an image.

pub mod brokers;
mod digest;
pub mod elr;
pub mod heard;
pub mod image;
pub mod images;
pub mod isr_changes;
pub mod leaderless;
pub mod leaving;
pub mod model;
pub mod partition;
pub mod partitions;
pub mod producer_ids;
pub mod sessions;
mod table;
#[cfg(test)]
mod tests;
