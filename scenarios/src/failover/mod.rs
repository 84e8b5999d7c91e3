//! How long a controller or a partition was without a leader, on true time and in phases, and what clients observed.
//! All phases are defined here and in these files, and nowhere else:
//!
//! * [`controller`]: detect (to the first pre-vote of who wins), elect (to its leadership), activate (to
//!   its claim), commit (to its first commit as active controller; in a quorum without controllers
//!   the first commit of its epoch), brokers (until each broker that is up and was not struck itself
//!   has published that commit)
//! * [`partitions`]: detect (to the commit that fences the broker or relieves it of a partition),
//!   elect (to the commit that names the last partition's next leader), led (until that one leads)
//! * [`gaps`]: the longest time without success, as clients felt it
//!
//! What has not ended when the run is over (or, of a controller, when the next one is struck before it was in
//! charge) is reported as such: it took at least so long.

pub mod controller;
pub mod gaps;
pub mod partitions;
mod sampler;

pub use sampler::Failovers;
