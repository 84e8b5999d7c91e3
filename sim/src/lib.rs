//! The world: one seeded, single-threaded discrete-event loop with virtual clocks, network and disks, and faults for
//! each of them. It knows no Kafka.
//!
//! Start at [`world`] (how time passes), then:
//! * [`process`]: the interface of a node: its inputs and effects
//! * [`ids`]: identifiers of nodes and of their parts
//! * [`schedule`]: which event is next, and how ties are broken
//! * [`clock`], [`network`], [`disk`]: the devices of a node
//! * [`fault`]: plans as data
//! * [`latency`], [`rng`]: random numbers, as integers, split by purpose and owner
//! * [`service`]: how long a process works at what it does
//! * [`trace`]: the digest of a run and its ladder
//! * [`watch`]: what an observer (a check) receives
//! * [`host`]: madsim hosts the world; the only file that names it

#![deny(clippy::float_arithmetic)]

/// A source file of this crate, with the prefix of the places of its panics ([`drive::panics::Panic::is_in`]).
pub const SOURCE_FILE: &str = file!();

pub mod clock;
pub mod disk;
pub mod drive;
pub mod duration;
pub mod fault;
pub mod host;
pub mod ids;
pub mod latency;
pub mod network;
pub mod process;
pub mod rng;
pub mod schedule;
pub mod service;
pub mod trace;
pub mod watch;
pub mod world;
