//! The `kraftsim` command: its verbs, and all that it prints.
//!
//! * [`args`]: what can be typed; [`verb`]: what each verb does
//! * [`engine`]: what this crate needs of a scenario; [`load`]: RUN flags and names to scenarios;
//!   [`catalog`]: those that `scenarios` has; [`stored_plan`], [`stored_operations`]: the faults and operations of a repro file
//! * [`expect`], [`exit`]: the verdict of a sweep, and its exit code
//! * [`json`]: the files for machines; [`show`]: the text for people
//! * [`history`]: histories as files
//! * [`trace`]: one run line by line, as a file and on the terminal
//! * [`chart`]: pictures of what sweeps measured; `schemas`, `version`: what this build writes, and which it is
//! * [`command`]: the one line that reproduces a failure; [`input`], [`output`]: files that
//!   are read are named with the line of what is wrong, files that are written are whole or absent
//!
//! Results go to stdout or the named file; progress, failures and hints go to stderr.

pub mod args;
pub mod catalog;
pub mod chart;
pub mod command;
pub mod engine;
pub mod exit;
pub mod expect;
pub mod history;
pub mod input;
pub mod json;
pub mod load;
pub mod output;
mod schemas;
pub mod show;
pub mod stored_operations;
pub mod stored_plan;
pub mod trace;
pub mod verb;
mod version;

pub use version::{COMMIT, VERSION, host, show_commit};
