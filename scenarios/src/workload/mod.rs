//! Workloads: client processes that drive a cluster and say what they saw.
//!
//! * `append_client`: the model's client, for scenarios of the quorum alone
//! * `kafka`: Kafka's own clients, for full clusters
//! * `operation`: what a story may ask of either

mod append_client;
mod kafka;
mod operation;

pub use append_client::{AppendClient, ClientSpec};
pub use kafka::{KafkaClient, KafkaClientRole, KafkaClientSpec, Topics, all_partitions};
pub use operation::ClientOperation;

/// Bytes of a batch with so many records, at most.
pub fn append_bytes(records: u64) -> u64 {
    100 + 100 * records
}
