//! Real time: for rates, `--for` and progress. Nothing a run sees.
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "the sweep's own timing")]

use std::time::{Duration, Instant};

/// Started when made.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts one.
    pub fn start() -> Self {
        Stopwatch(Instant::now())
    }

    /// Since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// Since the start, ns.
    pub fn elapsed_ns(&self) -> u64 {
        u64::try_from(self.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
