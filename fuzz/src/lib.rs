//! The search: runs many seeds of one or more scenarios and adds up what they say.
//!
//! * [`sweep`]: the search itself, start here; [`hunt`]: the same for each bug of the catalog
//! * [`guided`]: the search that goes on from what was new
//! * [`case`]: a run as data; [`shrink`]: the smallest that still fails; [`case::story`]: it in words
//! * [`why`]: when a failing run could no more be saved, and what it took
//! * [`known`]: which known finding a failure is
//! * [`runner`]: what a sweep needs of a run
//! * [`seeds`]: which seeds, in which order, of which shard
//! * [`ordered`]: workers on threads, results in order whatever their number
//! * [`determinism`]: every seed again, elsewhere and in another order
//! * [`aggregate`], [`failover`], [`recovery`], [`durations`]: integers that add up
//! * [`merge`]: shards put together again; [`silence`]: what it is worth that no more was found
//! * [`stopwatch`]: the one thing of the real world a sweep touches

pub mod aggregate;
pub mod case;
pub mod determinism;
pub mod durations;
pub mod failover;
pub mod guided;
pub mod hunt;
pub mod known;
pub mod merge;
pub mod ordered;
pub mod recovery;
pub mod runner;
pub mod seeds;
pub mod shrink;
pub mod silence;
pub mod stopwatch;
pub mod sweep;
pub mod why;
