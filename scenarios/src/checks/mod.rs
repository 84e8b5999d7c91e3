//! What must hold, judged after every event from what crosses the border.
//!
//! Start at [`list`] (what is claimed), then:
//! * [`server_model`]: what is on each server's disk, written and durable, by the checks' own account
//! * [`committed`]: the committed log, and how much of it is promised
//! * [`border`] and [`border_disk`]: what each crossing means to the models
//! * [`linearizability`]: what clients of a quorum alone did, and whether the answers fit
//! * [`clients`]: what Kafka's clients did, and whether the answers fit
//! * [`audit`]: node, model and disk compared; `second_reader`: batches read by `kafka-protocol`
//! * [`cluster`]: what brokers add: [`metadata`], committed; [`replication`] of partitions
//! * [`recovery`], [`fresh`]: liveness after healing
//! * [`verdict`]: the first violation, and what was excused
//!
//! Every call is O(what changed): most crossings touch one comparison, none a virtual call.

pub mod audit;
pub mod availability;
pub mod border;
pub mod border_disk;
mod by_replica;
pub mod check;
pub mod claim;
pub mod clients;
pub mod cluster;
pub mod committed;
pub mod config;
pub mod connectivity;
pub mod electorates;
pub mod event;
pub mod fresh;
pub mod invariant;
pub mod linearizability;
pub mod list;
pub mod loss;
pub mod metadata;
pub mod models;
mod prelude;
pub mod recovery;
pub mod replication;
mod run;
mod second_reader;
pub mod server_model;
pub mod verdict;

#[cfg(test)]
pub(crate) mod tests;

pub use run::Checks;
