//! One model of loss: what faults and permissions take from Kafka's promises.
//!
//! * [`facts`]: what happened, an append-only list for each partition
//! * [`answers`]: pure functions of it: what may be missing, who may begin, what may be served, who may be sent back; [`elections`]: to whom metadata may leave the records
//! * [`quorum`]: facts and answers of the metadata log
//! * [`resent`]: what producers' own settings and retries lose, duplicate and reorder
//! * [`excuses`]: the causes that they answer, each with the promise that ends there
//!
//! Checks query it; none decides by itself that something is excused.

pub mod answers;
pub mod elections;
pub mod excuses;
pub mod facts;
pub mod quorum;
pub mod resent;
#[cfg(test)]
mod tests;
