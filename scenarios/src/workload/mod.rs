//! Workloads: client processes that drive a cluster and say what they saw.
//!
//! * `append_client`: the model's client, for scenarios of the quorum alone
//! * `kafka`: Kafka's own clients, for full clusters
//! * `membership_client`: an operator who changes the voters
//! * `client_process`: what they need of the process that they are
//! * `operation`: what may be requested of either, and lists of it

mod append_client;
mod client_process;
mod kafka;
mod membership_client;
mod operation;
pub mod ports;

pub use append_client::{AppendClient, ClientSpec};
pub(crate) use client_process::{Draws, clocks};
pub use kafka::{ClientCall, ClientStep, Fresh, KafkaClient, KafkaClientRole, KafkaClientSpec, Topics, all_partitions};
pub use membership_client::{Asked, Candidate, MembershipClient, MembershipClientSpec};
pub use operation::{ClientOperation, ScheduledOperation, Timetable, append_bytes};
