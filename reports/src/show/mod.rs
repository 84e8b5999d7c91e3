//! The text for people.

pub mod columns;
pub mod failure;
pub mod progress;
pub mod run_summary;
pub mod summary;
