//! What the histories of Kafka's clients must show: the white-box
//! judge, and Jepsen's Kafka anomalies by their names.
//!
//! Start at [`ClientHistories`]. Its parts:
//! * [`appends`]: producers; [`polls`]: consumers
//! * [`admin`], [`answers`] and [`requested`]: admin clients
//! * [`retries`]: what clients send again; [`validations`]: answers of which nothing is lost
//! * [`metadata`] and [`timelines`]: the committed metadata as states
//! * [`counts`]: operations by kind, and what is legal but worth counting
//!
//! Events are numbered by the order in which the world processes them: what ended before another thing began has
//! the smaller number. Each event and record of producers and consumers is O(log n), but for what a cut destroys.

pub mod admin;
pub mod answers;
pub mod appends;
pub mod context;
pub mod counts;
pub mod histories;
pub mod metadata;
pub mod polls;
pub mod requested;
pub mod retries;
pub mod timelines;
pub mod validations;

#[cfg(test)]
mod tests;

pub use histories::ClientHistories;
