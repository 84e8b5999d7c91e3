//! The search: runs many seeds of one or more scenarios and adds up their results.
//!
//! * [`sweep`]: the search itself, start here; [`hunt`]: the same for each bug of the catalog
//! * [`guided`]: the search that continues from runs with new states
//! * [`case`]: a run as data; [`shrink`]: the smallest run that still fails; [`case::story`]: a description of a run
//! * [`why`]: point of no return, required faults and causal chain of a failing run
//! * [`known`]: the known finding behind a failure
//! * [`run`]: one run; [`ready`]: a scenario that is ready to run; [`hosts`]: the hosts that drive its world;
//!   [`black_box`]: the histories that are checked as a black box
//! * [`seeds`]: seeds, their order, and shards
//! * [`ordered`]: work on several threads, with results in order for any number of threads
//! * [`determinism`]: every seed again, on the other host and in another order
//! * [`aggregate`], [`failover`], [`recovery`], [`durations`]: integers that add up
//! * [`merge`]: joins shards; [`silence`]: the coverage estimate
//! * [`stopwatch`]: the only use of real time in a sweep

pub mod aggregate;
pub mod black_box;
pub mod case;
pub mod determinism;
pub mod durations;
pub mod failover;
pub mod guided;
pub mod hosts;
pub mod hunt;
pub mod known;
pub mod merge;
pub mod ordered;
pub mod ready;
pub mod recovery;
pub mod run;
pub mod seeds;
pub mod shrink;
pub mod silence;
pub mod stopwatch;
pub mod sweep;
pub mod why;
