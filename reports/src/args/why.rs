//! `why`.

use std::path::PathBuf;

use clap::Args;

use super::run::{Effort, OneRun, RunFlags};

pub(super) const WHY_HELP: &str = "\
Example:
  kraftsim shrink quorum --seed 0 --bug NoLogTest -o small.json
  kraftsim why small.json

The point of no return is the last event after which the claim could still have
held: a continuation is the run continued from an event without further faults
and with other random draws; 16 are tried. A fault is required if the claim
holds without it, both with the run's own draws and with 16 others from its
time on. `not 100 ms later`: the claim also holds if the fault occurs that much
later. A run with few faults takes seconds: shrink it first.

Exit codes: those of replay; 4 if the run violates no claim.";

/// `why`.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// The run.
    #[command(flatten)]
    pub one: OneRun,
    /// Write the result as JSON; - is stdout
    #[arg(long, value_name = "PATH|-")]
    pub json: Option<PathBuf>,
    /// Flags of the search.
    #[command(flatten)]
    pub effort: Effort,
    /// RUN.
    #[command(flatten)]
    pub run: RunFlags,
}
