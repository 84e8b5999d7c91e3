//! The desk: the `kraftsim` command and all it prints.
//!
//! * [`args`]: what can be typed; [`verb`]: what each verb does
//! * [`engine`]: what the desk needs of a scenario; [`load`]: RUN flags and names to scenarios;
//!   [`catalog`]: those that `scenarios` has; [`stored_plan`], [`stored_operations`]: the faults and operations of a repro file
//! * [`expect`], [`exit`]: the verdict of a sweep, and its exit code
//! * [`json`]: the files for machines; [`show`]: the text for people
//! * [`history`]: histories as files
//! * [`chart`]: pictures of what sweeps measured
//! * [`command`]: the one line that reproduces a failure; [`input`], [`output`]: files that
//!   are read are named with the line of what is wrong, files that are written are whole or absent
//!
//! Results go to stdout or the named file; progress, failures and hints go to stderr.

pub mod args;
pub mod catalog;
pub mod chart;
pub mod command;
pub mod duration;
pub mod engine;
pub mod exit;
pub mod expect;
pub mod history;
pub mod input;
pub mod json;
pub mod load;
pub mod output;
pub mod show;
pub mod stored_operations;
pub mod stored_plan;
pub mod verb;

/// Of kraftsim.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The host of a run in this build.
pub fn host() -> &'static str {
    fuzz::runner::HOSTS[0].name()
}
