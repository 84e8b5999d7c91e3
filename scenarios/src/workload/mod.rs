//! Workloads: client processes that drive a cluster and say what they saw.

mod append_client;

pub use append_client::{AppendClient, ClientOperation, ClientSpec};
