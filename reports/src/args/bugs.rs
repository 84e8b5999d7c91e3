//! `bugs`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use fuzz::seeds::parse_seed;

use super::limit::parse_time_limit_ns;
use super::run::parse_jobs;

pub(super) const HUNT_HELP: &str = "\
Examples:
  kraftsim bugs hunt
  kraftsim bugs hunt R01 Kip101TruncateToHighWatermark --for 30s
  kraftsim bugs hunt P05 --scenario ci --guided --from 1000

Each bug is switched on alone in generic scenarios of its layer, which alternate
seed by seed, until a claim is violated. Exit code 1 if a bug is not caught.";

/// `bugs`.
#[derive(Debug, Subcommand)]
pub enum BugsVerb {
    /// List every bug: what it does, its source and the claims it should violate; then synthetic mutants
    List,
    /// Switch on each bug, and measure how soon a claim is violated
    #[command(after_help = HUNT_HELP)]
    Hunt(HuntArgs),
}

/// `bugs hunt`.
#[derive(Debug, Args)]
pub struct HuntArgs {
    /// Names or rows [default: all]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Hunt in this scenario instead of those of the bug's layer (may be given more than once)
    #[arg(long, value_name = "SCENARIO")]
    pub scenario: Vec<String>,
    /// Guide the search by coverage: half of the runs mutate fault plans that reached new states
    #[arg(long)]
    pub guided: bool,
    /// The first seed
    #[arg(long = "from", value_name = "S", default_value = "0", value_parser = parse_seed, allow_hyphen_values = true)]
    pub first_seed: u64,
    /// Time limit for each bug, more than 0s
    #[arg(long = "for", value_name = "TIME", default_value = "60s", value_parser = parse_time_limit_ns, allow_hyphen_values = true)]
    pub limit_ns: u64,
    /// Threads [default: one per core]
    #[arg(short, long, value_name = "N", value_parser = parse_jobs, allow_hyphen_values = true)]
    pub jobs: Option<usize>,
    /// Shrink the run that caught each bug into this directory, which is created if missing
    #[arg(long, value_name = "DIR", conflicts_with = "guided")]
    pub keep: Option<PathBuf>,
    /// Write the result as JSON; - is stdout
    #[arg(long, value_name = "PATH|-")]
    pub json: Option<PathBuf>,
}
