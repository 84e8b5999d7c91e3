//! Text output, for terminals and for the pages of a CI.

pub mod annotation;
pub mod columns;
pub mod details;
mod failover_name;
pub mod failure;
pub mod junit;
pub mod known_finding;
pub mod looking;
pub mod progress;
pub mod quoted;
pub mod repetitions;
pub mod run_summary;
pub mod shrinking;
pub mod silence;
pub mod step_summary;
pub mod summary;
pub mod waiting;
