//! Kafka KRaft as pure, sans-IO state machines.
//!
//! This crate uses no clock, no socket, no disk and no source of randomness: time, random draws and durable bytes are
//! arguments, and the actions of a node are an ordered list of [`io::Effect`]s. The order is part of the protocol: code
//! reads `write; fsync; send`, as in Kafka.
//!
//! Modules:
//! * [`ids`]: `NodeId`, `LeaderEpoch`, `Offset`, `ReplicaKey`, `Uuid`
//! * [`message`]: the RPCs, with Kafka's field names
//! * [`io`]: the interface of a node: inputs, effects, draws, durable bytes
//! * [`config`]: Kafka properties, their defaults, and the values that Kafka rejects
//! * [`log`]: batches, epochs, segments, `quorum-state`; bytes on disk in Kafka's formats
//! * [`snapshot`]: snapshots of the metadata log, as bytes
//! * [`quorum`]: KRaft consensus; start at `quorum/quorum_state.rs`, Kafka's transition table
//! * [`metadata`]: the metadata log's records, images, deltas, and the loader that publishes them
//! * [`controller`]: the state machine on top of the log: a model of it, and the quorum controller
//! * [`client`]: producer, consumer and admin client with Kafka's retry rules
//! * [`broker`]: data partitions on disk, their replication, a broker's lifecycle; start at `broker/data_plane.rs`
//! * [`directory`]: a log directory, simulated or real, as a tool reads it
//! * [`node`]: a process: its roles on their threads
//! * [`shared_server`]: what the roles of a process share besides raft: the loader, and the generator of snapshots
//! * [`step`]: the arguments of every function of a step of a thread
//! * `backoff`, `connection_failures`: Kafka's exponential backoff and its rules for connects, of clients and of the
//!   quorum
//! * [`voter_set`]: the voters of the quorum
//! * [`storage_tool`]: the disks of a dynamic quorum's voters, as they are formatted
//! * [`sorted_map`]: the map type of most tables
//! * [`bugs`] and [`fixes`]: historical mistakes and missing fixes as switches

#![deny(clippy::float_arithmetic)]

mod backoff;
pub mod broker;
pub mod bugs;
pub mod client;
pub mod config;
mod connection_failures;
pub mod controller;
pub mod directory;
pub mod fixes;
pub mod ids;
pub mod io;
pub mod log;
pub mod message;
pub mod metadata;
pub mod node;
pub mod quorum;
pub mod shared_server;
mod slices;
pub mod snapshot;
pub mod sorted_map;
pub mod step;
pub mod storage_tool;
pub mod voter_set;

#[cfg(test)]
mod test_disk;
