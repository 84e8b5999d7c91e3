//! How hard to try, how far it has come, and what is left.

use std::time::Duration;

use scenarios::report::RunReport;

use crate::case::Case;

/// How hard to try.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Threads.
    pub jobs: usize,
    /// No candidate is begun after this long.
    pub limit: Option<Duration>,
}

/// How far it has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What is being tried.
    pub pass: &'static str,
    /// Candidates run so far.
    pub runs: u64,
    /// Left.
    pub faults: usize,
    /// Left.
    pub operations: usize,
    /// Real time so far.
    pub elapsed: Duration,
}

/// What is left.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The smallest run that was found.
    pub case: Case,
    /// What it comes to.
    pub report: RunReport,
    /// Candidates run.
    pub runs: u64,
    /// Nothing smaller was left to try.
    pub complete: bool,
}
