//! Settings, progress and result of shrinking.

use std::time::Duration;

use scenarios::report::RunReport;

use crate::case::Case;

/// The limits of shrinking.
#[derive(Clone, Copy, Debug)]
pub struct ShrinkSettings {
    /// Threads.
    pub jobs: usize,
    /// No candidate is begun after this long.
    pub limit: Option<Duration>,
}

/// The progress of shrinking.
#[derive(Clone, Copy, Debug)]
pub struct ShrinkProgress {
    /// The current pass.
    pub pass: &'static str,
    /// Candidates run so far.
    pub runs: u64,
    /// Remaining faults.
    pub faults: usize,
    /// Remaining operations.
    pub operations: usize,
    /// Real time so far.
    pub elapsed: Duration,
}

/// The result of shrinking.
#[derive(Clone, Debug)]
pub struct Shrunk {
    pub case: Case,
    /// Its report.
    pub report: RunReport,
    /// Candidates run.
    pub runs: u64,
    /// True if no smaller candidate was left to try.
    pub complete: bool,
}
