//! Messages as Kafka's own bytes: a frame with its length, the header and the message, as they are on a TCP connection.
//!
//! * [`Versions`]: the version in which each API is written; `supported`: those that Kafka says that it supports
//! * `quorum`, `data`, `cluster`, `admin`: a message of `raft::message` as that of `kafka-protocol`, by groups of APIs
//! * [`Clients`]: what a connection adds to its messages
//! * `encoded`: which of them encodes a message
//!
//! What the model does not have is written as Kafka's default for it: throttle times, racks, messages of errors.

mod admin;
mod clients;
mod cluster;
mod context;
mod data;
mod encoded;
mod frame;
mod quorum;
mod supported;
#[cfg(test)]
mod tests;
mod versions;
mod voters;

pub use clients::Clients;
pub use encoded::{Carried, Encoded};
pub use raft::ids::Listener;
pub use versions::Versions;
