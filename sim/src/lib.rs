//! The world: one seeded, single-threaded discrete-event loop with virtual clocks, network
//! and disks, and every way of breaking them. It knows no Kafka.
//!
//! Start at [`world`] (how time passes), then:
//! * [`process`]: the border of a node: its inputs and effects
//! * [`ids`]: names of a node and of what belongs to it
//! * [`schedule`]: what happens next, and why ties are never left to chance
//! * [`clock`], [`network`], [`disk`]: the three things a node touches
//! * [`fault`]: plans as data
//! * [`latency`], [`rng`]: chance, as integers, split by purpose and owner
//! * [`trace`]: the digest of a run and its ladder
//! * [`watch`]: what an observer (a check) is shown
//! * [`host`]: madsim hosts the world; the only file that names it

#![deny(clippy::float_arithmetic)]

/// A source file of this crate, as the places of its panics begin ([`drive::panics::Panic::is_in`]).
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
pub mod trace;
pub mod watch;
pub mod world;
