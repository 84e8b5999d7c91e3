//! The `kraftsim` command: its verbs, and everything it prints.
//!
//! * [`args`]: the command line; [`verb`]: the implementation of each verb
//! * [`engine`]: the interface to scenarios; [`load`]: RUN flags and names to scenarios; [`catalog`]: the scenarios of
//!   `scenarios`; [`stored_plan`], [`stored_operations`]: the faults and operations of a repro file
//! * [`expect`], [`exit`]: the verdict of a sweep, and its exit code
//! * [`json`]: JSON files; [`show`]: text output
//! * [`history`]: histories as files
//! * [`trace`]: one run line by line, as a file and on the terminal; [`page`]: for a browser,
//!   [`pcap`]: for Wireshark, [`perfetto`]: for Perfetto
//! * [`disks`]: the files of a run's nodes as directories; [`log_folder`]: a log directory to be read
//! * [`chart`]: charts of the measurements of sweeps; `schemas`, `version`: the schemas and the identity of this build
//! * [`command`]: the command that reproduces a failure; [`input`], [`output`]: errors in input files are reported with
//!   file and line, output files are complete or absent
//!
//! Results go to stdout or the named file; progress, failures and hints go to stderr.

pub mod args;
pub mod catalog;
pub mod chart;
pub mod command;
pub mod disks;
pub mod engine;
pub mod exit;
pub mod expect;
pub mod history;
pub mod input;
pub mod json;
pub mod load;
pub mod log_folder;
pub mod output;
pub mod page;
pub mod pcap;
pub mod perfetto;
mod schemas;
pub mod show;
pub mod stored_operations;
pub mod stored_plan;
pub mod trace;
pub mod verb;
mod version;

pub use version::{COMMIT, VERSION, host, show_commit};
