//! A run line by line: as a file for programs, and on the terminal.
//!
//! * [`outputs`]: the flags of `replay`; [`json`]: NDJSON, of schema `kraftsim.trace.v1` (`schema.json`)
//! * [`against`]: where two runs part; [`disturbed`]: faults before an instant
//! * [`log`]: selection and format of lines; [`screen`]: width and colours of the terminal

pub mod against;
pub mod disturbed;
pub mod json;
pub mod log;
pub mod outputs;
pub mod screen;
