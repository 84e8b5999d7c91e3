//! `shrink`.

use std::path::PathBuf;

use clap::Args;

use super::run::{Effort, OneRun, RunFlags};
use sim::duration::parse_duration;

pub(super) const SHRINK_HELP: &str = "\
Examples:
  kraftsim shrink ci --seed 0x2a --bug Kip101TruncateToHighWatermark
  kraftsim shrink kraftsim-out/ci-0x000000000000002a.json \\
      -o small.json --for 30s

Faults and operations are removed as long as the same claim is violated, then
randomized properties, nodes and links; the remaining times are rounded. The
result does not depend on -j, unless --for or Ctrl-C ends the search. The exit
code is that of the run; 4 if the run violates no claim.";

/// `shrink`.
#[derive(Debug, Args)]
pub struct ShrinkArgs {
    /// The run.
    #[command(flatten)]
    pub one: OneRun,
    /// Repro file of the smallest run [default: kraftsim-out/shrunk-SCENARIO-SEED.json]
    #[arg(short = 'o', long, value_name = "REPRO.json")]
    pub output: Option<PathBuf>,
    /// Time limit: start no further run after this time, such as 60s
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration, allow_hyphen_values = true)]
    pub limit_ns: Option<u64>,
    /// Flags of the search.
    #[command(flatten)]
    pub effort: Effort,
    /// RUN.
    #[command(flatten)]
    pub run: RunFlags,
}
