//! `merge`.

use std::path::PathBuf;

use clap::Args;

pub(super) const MERGE_HELP: &str = "\
Example, two machines:
  kraftsim sweep quorum --seeds 100000 --shard 1/2 --json 1.json
  kraftsim sweep quorum --seeds 100000 --shard 2/2 --json 2.json
  kraftsim merge 1.json 2.json -o all.json

The files must be sweeps of the same scenarios and flags by the same build; a
shard given twice counts once. The exit code is that of the whole sweep. If a
shard is missing or was interrupted, nothing is merged, unless --partial is
given: then the exit code is that of the violations found (5, 1 or 3), and 4 if
there are none, because the missing runs may have some. A shard that --max-fail
or --for ended is complete.

Results are printed first and written to files after that. A file that cannot be
written is an error on stderr; the exit code is then 2 if it would be 0, and
that of the verdict otherwise.";

/// `merge`.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// Files written by `sweep --json`
    #[arg(value_name = "SWEEP.json", required = true)]
    pub files: Vec<PathBuf>,
    /// JSON of the whole sweep; - is stdout
    #[arg(short = 'o', long, value_name = "ALL.json")]
    pub output: PathBuf,
    /// JUnit XML of the whole sweep; - is stdout
    #[arg(long, value_name = "PATH|-")]
    pub junit: Option<PathBuf>,
    /// Merge even if shards are missing or were interrupted
    #[arg(long)]
    pub partial: bool,
    /// Exit 4 if no run of the whole sweep reaches this probe (may be given more than once)
    #[arg(long, value_name = "NAME")]
    pub require_probe: Vec<String>,
    /// Print everything that was counted, not only the summary
    #[arg(short, long)]
    pub verbose: bool,
}
