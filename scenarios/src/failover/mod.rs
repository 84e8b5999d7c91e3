//! How long a controller or a partition was without a leader, in true time and in phases, and what clients observed.
//! All phases are defined only here and in these files:
//!
//! * [`controller`]: detect (to the first pre-vote of the server that is elected), elect (to its leadership), activate
//!   (to its claim), commit (to its first commit as active controller; in a quorum without controllers the first commit
//!   of its epoch), brokers (until each broker that is up and not hit by a fault has published that commit)
//! * [`partitions`]: detect (to the commit that fences the broker or removes it from a partition), elect (to the commit
//!   that names the last partition's next leader), led (until that one leads)
//! * [`replacements`]: away (until the process is started on the new disk), remove (to the commit of a voter set without
//!   the lost one), add (to the commit of one with the directory id of the new disk)
//! * [`gaps`]: the longest time without success at the clients
//!
//! A failover that has not ended when the run is over (or, of a controller, when the next leader is hit before it is
//! active) is reported as such: its duration is a lower bound.

pub mod controller;
pub mod gaps;
pub mod partitions;
pub mod replacements;
mod sampler;

pub use sampler::Failovers;
