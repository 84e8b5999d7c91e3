//! Workloads: client processes that drive a cluster and say what they saw.

mod append_client;

pub use append_client::{AppendClient, ClientOperation, ClientSpec};

/// Bytes of a batch with so many records, at most.
pub fn append_bytes(records: u64) -> u64 {
    100 + 100 * records
}
