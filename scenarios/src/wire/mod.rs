//! Messages as Kafka's own bytes: a frame with its length, the header and the message, as they are on a TCP connection.
//!
//! * [`Versions`]: the version in which each API is written
//! * `quorum`, `data`, `cluster`, `admin`: a message of `raft::message` as that of `kafka-protocol`, by groups of APIs
//! * `encoded`: which of them encodes a message
//!
//! What the model does not have is written as Kafka's default for it: throttle times, racks, messages of errors.

mod admin;
mod cluster;
mod context;
mod data;
mod encoded;
mod frame;
mod quorum;
mod versions;

pub use encoded::Encoded;
pub use versions::Versions;
