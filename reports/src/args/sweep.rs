//! `sweep`.

use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::Args;
use fuzz::seeds::{SeedRange, Shard};

use super::limit::parse_time_limit_ns;
use super::run::{ProgressMode, RunFlags, parse_jobs};

pub(super) const SWEEP_HELP: &str = "\
Examples:
  kraftsim sweep
  kraftsim sweep quorum partitions --seeds 10000 -j4 \\
      --json out.json --junit out.xml
  kraftsim sweep controller-failover --cluster etc/kafka --for 10m
  kraftsim sweep quorum --seeds 100000 --shard 3/8 --json 3.json
  kraftsim sweep ci --guided --seeds 5000

--guided keeps the fault plans of runs that reached new abstract states (roles,
ISRs, nodes that are up, replicas that lag) and mutates them: every second run
is a mutation. --seeds is then the number of runs of each scenario. A failure
of a mutated plan is reproduced by its repro file. Each run depends on those
before it, so --shard, merge, --check-determinism and --checkpoint are not
available.

--checkpoint FILE is written at least every 30 seconds and when the sweep ends,
also by a signal. A process that is killed loses the runs after the last write.
The same command continues from the file and gives the result of an
uninterrupted sweep: --max-fail counts the failing runs of all starts, --for
their time. If the sweep is complete, the command prints its result at once. A
file of another sweep, or of another build of kraftsim, is refused; -j, --json,
--junit, --out, --progress and --verbose may differ.

Results are printed first and written to files after that. A file that cannot be
written is an error on stderr; the exit code is then 2 if it would be 0, and
that of the verdict otherwise.

A probe is a rare situation, such as check_quorum_resigned. A scenario file may
require probes (require_probe) of sweeps of require_probe_from_seeds seeds or
more, unless --cluster or --set of a cluster.* or clients.* key changes the
cluster. --require-probe applies to every sweep.

The limits ([expect]) of a catalog scenario are about the catalog's cluster.
With --cluster, or --set of a cluster.* key or a Kafka property, they are shown
and not judged, unless --expect is given. Limits of your own scenario files, and
those of --set expect.*, are always judged.

The first three failing seeds of each claim are run again with each fix of
`kraftsim fixes list` that the scenario lacks. If a fix removes the failure, it
is a known finding of Kafka, and the output names the fix.

Exit codes, the first that applies:
  130  ended by SIGINT, SIGTERM or SIGHUP; partial results are written
  2    bad usage or input; nothing was run
  5    nondeterminism
  1    a claim of kind safety is violated, or panic, or a model mismatch (the
       model of the quorum disagrees with a node)
  3    a claim of kind liveness, a runaway, or a limit of [expect]
  4    inconclusive: floors, required probes or a checker's time limit
  0    all claims hold";

/// `sweep`.
#[derive(Debug, Args)]
pub struct SweepArgs {
    /// Catalog names or paths of TOML files [default: ci]
    #[arg(value_name = "SCENARIO")]
    pub scenarios: Vec<String>,
    /// Seeds of each scenario: N means 0..N; A..B excludes B [default: 1000]
    #[arg(long, value_name = "N|A..B", allow_hyphen_values = true)]
    pub seeds: Option<SeedRange>,
    /// Time limit: start no further run after this time, such as 10m; without --seeds there is no other limit
    #[arg(long = "for", value_name = "TIME", value_parser = parse_time_limit_ns, allow_hyphen_values = true)]
    pub limit_ns: Option<u64>,
    /// Threads [default: one per core]
    #[arg(short, long, value_name = "N", value_parser = parse_jobs, allow_hyphen_values = true)]
    pub jobs: Option<usize>,
    /// Run only the i-th of n parts of the seeds
    #[arg(long, value_name = "i/n", default_value_t = Shard::WHOLE, hide_default_value = true)]
    pub shard: Shard,
    /// Stop after the N-th failing run
    #[arg(long, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_fail: u64,
    /// Stop after the first failing run
    #[arg(long, conflicts_with = "max_fail")]
    pub fail_fast: bool,
    /// Guide the search by coverage: half of the runs mutate fault plans that reached new states
    #[arg(long, conflicts_with_all = ["shard", "check_determinism", "checkpoint"])]
    pub guided: bool,
    /// Run each seed again on the other host, in another order, and compare digests
    #[arg(long)]
    pub check_determinism: bool,
    /// Exit 4 if no run reaches this probe (may be given more than once)
    #[arg(long, value_name = "NAME")]
    pub require_probe: Vec<String>,
    /// Also judge the limits (`[expect]`) of catalog scenarios on an altered cluster
    #[arg(long)]
    pub expect: bool,
    /// Also check the client history without the logs of servers, for every N-th seed and each failing run
    #[arg(long, value_name = "N", default_value = "16", value_parser = parse_every, allow_hyphen_values = true)]
    pub black_box: NonZeroU64,
    /// Write the result as JSON; - is stdout
    #[arg(long, value_name = "PATH|-")]
    pub json: Option<PathBuf>,
    /// Write the result as JUnit XML; - is stdout
    #[arg(long, value_name = "PATH|-")]
    pub junit: Option<PathBuf>,
    /// Save the sweep to FILE while it runs; the same command continues from it
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Option<PathBuf>,
    /// Directory of the repro files of failures (at most 20) [default: kraftsim-out]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print everything that was counted, not only the summary
    #[arg(short, long)]
    pub verbose: bool,
    /// How to show progress on stderr
    #[arg(long, value_enum, default_value_t = ProgressMode::Auto)]
    pub progress: ProgressMode,
    /// RUN.
    #[command(flatten)]
    pub run: RunFlags,
}

fn parse_every(text: &str) -> Result<NonZeroU64, String> {
    text.parse().map_err(|_| "give a number from 1; 1 takes every seed".to_owned())
}
