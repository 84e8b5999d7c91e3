//! Workloads: client processes that drive a cluster and say what they saw.
//!
//! * `append_client`: the model's client, for scenarios of the quorum alone
//! * `kafka`: Kafka's own clients, for full clusters

mod append_client;
mod kafka;

pub use append_client::{AppendClient, ClientOperation, ClientSpec};
pub use kafka::{KafkaClient, KafkaClientRole, KafkaClientSpec, Topics, all_partitions};

/// Bytes of a batch with so many records, at most.
pub fn append_bytes(records: u64) -> u64 {
    100 + 100 * records
}
