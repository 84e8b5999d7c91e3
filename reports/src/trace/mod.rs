//! A run line by line: as a file for programs, and on the terminal.
//!
//! * [`asked`]: what `replay` is asked for; [`json`]: NDJSON, of schema `kraftsim.trace.v1` (`schema.json`); [`log`]: which lines are shown, and how;
//!   [`screen`]: how wide the terminal is and whether it has colours

pub mod asked;
pub mod json;
pub mod log;
pub mod screen;

/// The JSON Schema of a line.
pub const SCHEMA: &str = include_str!("schema.json");
