//! Clients with the rules of Kafka's Java clients: target nodes, retries, and metadata refreshes (controller-broker.md
//! §5.6, §5.7, §6.6–§6.10). Pure: each client is a struct with `step(now, input, entropy, out)`, one thread, one timer.
//!
//! The map:
//! * `io`: inputs and effects; `event`: a client's history, attempt by attempt
//! * `config`: client properties and their defaults; `errors`: the classes of error codes
//! * `network_client`: connections and metadata together; below it `connections` (one per broker, backoffs, timeouts)
//!   and `metadata` (the cache)
//! * [`producer`]: accumulator, idempotent sequences, sender
//! * [`consumer`]: positions, fetching, resets and validation
//! * [`admin`]: calls and their retries
//! * `shown`: what a client shows of its state
//!
//! All timeouts use the monotonic clock, where Java's use the wall clock (§11.1).

pub mod admin;
mod config;
mod connections;
pub mod consumer;
mod errors;
mod event;
mod io;
mod metadata;
mod network_client;
pub mod producer;
mod shown;
#[cfg(test)]
mod tests;

pub use admin::{AdminClient, AdminOperation};
pub use config::{AdminConfig, ClientConfig, ConsumerConfig, OffsetResetStrategy, ProducerConfig, ProducerConfigError};
pub use consumer::{Consumer, ConsumerOperation};
pub use event::{AttemptEvent, Outcome, PositionCause, ReadApi, TopicPartition, text_hash};
pub use io::{ClientEffect, ClientInput, ClientOut};
pub use producer::{Producer, ProducerOperation};
pub use shown::{ClientShown, ConnectionShown, LeaderShown, PositionShown, SequencesShown};
