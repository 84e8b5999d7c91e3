//! Kafka properties: names, defaults, and what Kafka refuses.
//!
//! * [`properties`]: the syntax of a `.properties` file
//! * [`definitions`]: the table of names, types, defaults and ranges, and what each sets
//! * `node_config`: what a node's properties say
//! * `node`: one node's properties → [`NodeConfig`], single settings, and back
//! * `source`: a file being read: roles, ids, the quorum
//! * `listeners`: addresses; `endpoints`: whether those of a node agree with each other
//! * `checks`: what Kafka requires of several numbers together
//! * `cluster`: the files of a cluster, which must agree with each other
//! * `error`: the message of each mistake in a file

mod bootstrap;
mod checks;
mod cluster;
pub mod definitions;
mod endpoints;
mod error;
mod listeners;
mod node;
mod node_config;
mod node_file;
pub mod properties;
mod source;
#[cfg(test)]
mod tests;

pub use checks::Contradiction;
pub use cluster::{ClusterFiles, load_cluster, read_cluster};
pub use error::{ConfigError, ConfigErrors};
pub use node_config::{
    BootstrapServer, CLUSTER_ID, ControllerConfig, Kept, KeptWhy, NodeConfig, Roles, Unrecognised, Voter,
};
pub use node_file::NodeFile;
