//! What can be typed.

use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use fuzz::seeds::{SeedRange, Shard, parse_seed};
use scenarios::report::FailoverKind;

use crate::chart::configurations::{Vary, parse_vary};
use crate::chart::theme::Theme;
use crate::duration::parse_ns;
use crate::history::ModelKind;

/// The scenario of a sweep that names none.
pub const DEFAULT_SCENARIO: &str = "ci";
/// Its seeds.
pub const DEFAULT_SEEDS: u64 = 1000;

/// A deterministic simulator of Apache Kafka's KRaft clusters
///
/// Runs whole clusters in seeded worlds that break in every way the real one breaks, and
/// checks after every event what must hold.
#[derive(Debug, Parser)]
#[command(name = "kraftsim", version = VERSION_AND_HOST, disable_help_subcommand = true, term_width = 100, after_help = "\
Examples:
  kraftsim sweep                                  1,000 seeds of ci
  kraftsim sweep quorum --seeds 10000 --json out.json
  kraftsim replay quorum --seed 0x2a              one seed again, told in full
  kraftsim chart failover controller-failover -o failover.svg
  kraftsim scenarios list")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// What `--version` says.
const VERSION_AND_HOST: &str = if cfg!(madsim) {
    concat!(env!("CARGO_PKG_VERSION"), " (host: madsim)")
} else {
    concat!(env!("CARGO_PKG_VERSION"), " (host: bare)")
};

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run many seeds and say what does not hold
    #[command(after_help = SWEEP_HELP)]
    Sweep(SweepArgs),
    /// Run one seed again, to the byte, and tell it
    #[command(after_help = REPLAY_HELP)]
    Replay(ReplayArgs),
    /// Find the smallest run that still breaks the same claim
    #[command(after_help = SHRINK_HELP)]
    Shrink(ShrinkArgs),
    /// When a failing run could no more be saved, which of its faults it takes, and what led to what
    #[command(after_help = WHY_HELP)]
    Why(WhyArgs),
    /// The bug zoo: real mistakes as switches, and how soon generic scenarios catch them
    Bugs {
        /// What of them.
        #[command(subcommand)]
        what: BugsVerb,
    },
    /// Draw what many seeds measured
    Chart {
        /// What of it.
        #[command(subcommand)]
        what: ChartVerb,
    },
    /// The catalog of scenarios
    #[command(after_help = "Example:\n  kraftsim scenarios show quorum > my-quorum.toml")]
    Scenarios {
        /// What of them.
        #[command(subcommand)]
        what: ScenariosVerb,
    },
    /// Is a history from outside linearizable?
    #[command(after_help = CHECK_HELP)]
    Check(CheckArgs),
    /// Put the JSON of several sweeps together, as if they had been one
    #[command(after_help = MERGE_HELP)]
    Merge(MergeArgs),
}

const SWEEP_HELP: &str = "\
Examples:
  kraftsim sweep
  kraftsim sweep quorum partitions --seeds 10000 -j4 --json out.json --junit out.xml
  kraftsim sweep controller-failover --cluster etc/kafka --for 10m
  kraftsim sweep quorum --seeds 100000 --shard 3/8 --json 3.json    then: kraftsim merge
  kraftsim sweep ci --guided --seeds 5000

--guided keeps runs that reached abstract states (roles, ISRs, who is up, who is behind) which none
before had, and changes their plans of faults: every second run is one of these. --seeds then says
how many runs there are of each scenario. A failure of such a run is reproduced by its repro file. Its
runs hang on one another, so it has no shards, no merge, and no --check-determinism.

A scenario file may name probes (rare situations) that its sweeps must reach: require_probe, asked
for in sweeps of require_probe_from_seeds seeds and more, unless --cluster or --set of a cluster.*
or clients.* key makes another cluster of it. --require-probe is asked for always.

Exit codes, the first that applies:
  130 interrupted   2 bad usage or input   5 nondeterminism   1 safety, panic, ghost_mismatch
  3 liveness, runaway, expect   4 inconclusive, vacuous or nothing ran   0 all hold";
const REPLAY_HELP: &str = "\
Examples:
  kraftsim replay quorum --seed 0x2a --expect-digest 0123456789abcdef0123456789abcdef
  kraftsim replay kraftsim-out/quorum-0x000000000000002a.json --until 12.5s
  kraftsim replay quorum --seed 42 --set controller.quorum.fetch.timeout.ms=500 --json -

With a repro file, further RUN flags are applied on top of those it stores.";
const SHRINK_HELP: &str = "\
Examples:
  kraftsim shrink ci --seed 0x2a --bug Kip101TruncateToHighWatermark
  kraftsim shrink kraftsim-out/ci-0x000000000000002a.json -o small.json --for 30s

Faults and operations are taken away as long as the same claim breaks, then knobs, nodes and links; what is
left is rounded. The result is the same whatever -j, unless --for or Ctrl-C ends it. The exit code is that
of the run; 4 if it breaks nothing.";

const WHY_HELP: &str = "\
Example:
  kraftsim shrink quorum --seed 0 --bug NoLogTest -o small.json && kraftsim why small.json

A future is the run gone on with from one of its events, without faults from there on and with other
draws. A fault is necessary if nothing breaks without it, with the run's own draws or with 16 others from
its instant on; needed only within 100 ms if nor does it when it comes so much sooner or later. A run with
few faults is looked into in seconds: shrink it first.

Exit codes: as of replay; 4 if the run breaks nothing.";
const HUNT_HELP: &str = "\
Examples:
  kraftsim bugs hunt
  kraftsim bugs hunt R01 Kip101TruncateToHighWatermark --for 30s --json hunt.json
  kraftsim bugs hunt P05 --scenario ci --guided --from 1000

Each bug alone is switched on in generic scenarios of its layer, which take turns seed by seed, until a check
breaks. Exit code 1 if one goes uncaught.";
const FAILOVER_HELP: &str = "\
Examples:
  kraftsim chart failover controller-failover -o failover.svg
  kraftsim chart failover controller-failover --vary controller.quorum.fetch.timeout.ms=500,2000,5000 -o f.png
  kraftsim chart failover controller-failover --cluster etc/kafka --seeds 5000 -o mine.svg --csv mine.csv

Every scenario and every choice of --vary's values is one line of the chart, at most 8. Exit codes
are those of a sweep; 4 also if a line has nothing to show. Nothing is written if none has.";
const CHECK_HELP: &str = "\
Examples:
  kraftsim check history.edn
  kraftsim check etcd_000.log --json -
  kraftsim replay ci --seed 7 --history run.edn    then: kraftsim check run.edn

The file may be Jepsen's EDN (registers: read, write, cas; keys: get, put, append with a :key; logs:
send, poll, txn as in its Kafka tests), lines of jepsen.util, or kraftsim.history.v1 as replay writes
it. Operations that ended in :info, or not at all, may have happened or not.

Exit codes: 0 linearizable   1 violated   4 not decided   2 unreadable, or no operation in it";
const MERGE_HELP: &str = "\
Example, two machines:
  kraftsim sweep quorum --seeds 100000 --shard 1/2 --json 1.json
  kraftsim sweep quorum --seeds 100000 --shard 2/2 --json 2.json
  kraftsim merge 1.json 2.json -o all.json

Files must be sweeps of the same thing; a shard given twice counts once. The exit code is
that of the whole sweep.";

/// What alters a run; a failure's command line and repro file hold all of it.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "What alters a run")]
pub struct RunFlags {
    /// Take the cluster from the Kafka .properties files in DIR, one per node
    #[arg(long, value_name = "DIR")]
    pub cluster: Option<PathBuf>,
    /// Switch a historical bug on (may be given more than once)
    #[arg(long, value_name = "NAME")]
    pub bug: Vec<String>,
    /// Switch a mend on that real Kafka does not have (may be given more than once)
    #[arg(long, value_name = "NAME")]
    pub fix: Vec<String>,
    /// Set a scenario field, or a Kafka property for all nodes (may be given more than once)
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_setting)]
    pub set: Vec<(String, String)>,
}

impl RunFlags {
    /// Was none given?
    pub fn is_empty(&self) -> bool {
        self.cluster.is_none() && self.bug.is_empty() && self.fix.is_empty() && self.set.is_empty()
    }
}

/// `sweep`.
#[derive(Debug, Args)]
pub struct SweepArgs {
    /// Catalog names or paths of TOML files [default: ci]
    #[arg(value_name = "SCENARIO")]
    pub scenarios: Vec<String>,
    /// How many seeds of each scenario, or which: N is 0..N, A..B takes A up to but not B [default: 1000]
    #[arg(long, value_name = "N|A..B", allow_hyphen_values = true)]
    pub seeds: Option<SeedRange>,
    /// Begin no run after this long, such as 10m; without --seeds there is no other end
    #[arg(long = "for", value_name = "TIME", value_parser = parse_ns, allow_hyphen_values = true)]
    pub limit_ns: Option<u64>,
    /// Threads [default: one per core]
    #[arg(short, long, value_name = "N", value_parser = parse_jobs, allow_hyphen_values = true)]
    pub jobs: Option<usize>,
    /// Take only the i-th of n parts of the seeds
    #[arg(long, value_name = "i/n", default_value_t = Shard::WHOLE, hide_default_value = true)]
    pub shard: Shard,
    /// End at the N-th failing run
    #[arg(long, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_fail: u64,
    /// End at the first failing run
    #[arg(long, conflicts_with = "max_fail")]
    pub fail_fast: bool,
    /// Go on from what reached new states: half of the runs are of plans changed, not of fresh seeds
    #[arg(long, conflicts_with_all = ["shard", "check_determinism"])]
    pub guided: bool,
    /// Run each seed again on the other host, in another order, on a spoilt thread, and compare
    #[arg(long)]
    pub check_determinism: bool,
    /// Exit 4 if no run reaches this rare situation, however few run (may be given more than once)
    #[arg(long, value_name = "NAME")]
    pub require_probe: Vec<String>,
    /// Judge the history of every N-th seed as a black box, too, and of each failing run
    #[arg(long, value_name = "N", default_value = "16", value_parser = parse_every, allow_hyphen_values = true)]
    pub black_box: NonZeroU64,
    /// Write the result as JSON; - is stdout
    #[arg(long, value_name = "PATH|-")]
    pub json: Option<PathBuf>,
    /// Write the result as JUnit XML, for a CI's pages; - is stdout
    #[arg(long, value_name = "PATH|-")]
    pub junit: Option<PathBuf>,
    /// Where repro files of failures go (at most 20) [default: kraftsim-out]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// How to show progress on stderr
    #[arg(long, value_enum, default_value_t = ProgressMode::Auto)]
    pub progress: ProgressMode,
    /// RUN.
    #[command(flatten)]
    pub run: RunFlags,
}

/// `--progress`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// A bar on a terminal, lines elsewhere
    Auto,
    /// A bar
    Bar,
    /// Lines
    Plain,
    /// Nothing but failures
    None,
}

/// `chart`.
#[derive(Debug, Subcommand)]
pub enum ChartVerb {
    /// How long failovers take: distribution, p50, p99 and phases, for several configurations
    #[command(after_help = FAILOVER_HELP)]
    Failover(ChartFailoverArgs),
}

/// `chart failover`.
#[derive(Debug, Args)]
pub struct ChartFailoverArgs {
    /// Catalog names or paths of TOML files
    #[arg(value_name = "SCENARIO", required = true)]
    pub scenarios: Vec<String>,
    /// Compare values of a scenario field or a Kafka property (may be given more than once: every choice)
    #[arg(long, value_name = "KEY=V1,V2,…", value_parser = parse_vary)]
    pub vary: Vec<Vary>,
    /// How many seeds of each line, or which: N is 0..N, A..B takes A up to but not B [default: 1000]
    #[arg(long, value_name = "N|A..B", allow_hyphen_values = true)]
    pub seeds: Option<SeedRange>,
    /// What failed over: controller, partition, or what clients felt: produce_gap, consume_gap, admin_gap
    #[arg(long, value_name = "KIND", default_value = "controller", value_parser = parse_kind)]
    pub kind: FailoverKind,
    /// Where to draw it; the ending says whether as SVG or as PNG
    #[arg(short = 'o', long, value_name = "OUT.svg|OUT.png")]
    pub output: PathBuf,
    /// Write the numbers under it as CSV; - is stdout
    #[arg(long, value_name = "PATH|-")]
    pub csv: Option<PathBuf>,
    /// Its colours
    #[arg(long, value_enum, default_value_t = Theme::Light)]
    pub theme: Theme,
    /// Threads [default: one per core]
    #[arg(short, long, value_name = "N", value_parser = parse_jobs, allow_hyphen_values = true)]
    pub jobs: Option<usize>,
    /// End at the N-th failing run
    #[arg(long, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_fail: u64,
    /// How to show progress on stderr
    #[arg(long, value_enum, default_value_t = ProgressMode::Auto)]
    pub progress: ProgressMode,
    /// RUN.
    #[command(flatten)]
    pub run: RunFlags,
}

/// One run, of `replay`, `shrink` and `why`.
#[derive(Debug, Args)]
pub struct OneRun {
    /// A scenario (then --seed is needed), or a repro file
    #[arg(value_name = "SCENARIO|REPRO.json")]
    pub what: String,
    /// The seed, decimal or hex
    #[arg(long, value_name = "S", value_parser = parse_seed, allow_hyphen_values = true)]
    pub seed: Option<u64>,
}

/// How `shrink` and `why` go about it.
#[derive(Debug, Args)]
pub struct Effort {
    /// Threads [default: one per core]
    #[arg(short, long, value_name = "N", value_parser = parse_jobs, allow_hyphen_values = true)]
    pub jobs: Option<usize>,
    /// How to show progress on stderr
    #[arg(long, value_enum, default_value_t = ProgressMode::Auto)]
    pub progress: ProgressMode,
}

/// `replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Which run.
    #[command(flatten)]
    pub one: OneRun,
    /// Stop at this simulated time, such as 12.5s
    #[arg(long, value_name = "TIME", value_parser = parse_ns, allow_hyphen_values = true, conflicts_with = "expect_digest")]
    pub until: Option<u64>,
    /// Exit 5 unless the run has this digest
    #[arg(long, value_name = "D", value_parser = parse_digest)]
    pub expect_digest: Option<u128>,
    /// Write what its clients were told, and judge that as a black box, too
    #[arg(long, value_name = "PATH.edn|PATH.json")]
    pub history: Option<PathBuf>,
    /// Write the run as JSON; - is stdout
    #[arg(long, value_name = "PATH|-")]
    pub json: Option<PathBuf>,
    /// Write the run's repro file into this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// RUN.
    #[command(flatten)]
    pub run: RunFlags,
}

/// `shrink`.
#[derive(Debug, Args)]
pub struct ShrinkArgs {
    /// Which run.
    #[command(flatten)]
    pub one: OneRun,
    /// Where the repro of the smallest run goes [default: kraftsim-out/shrunk-SCENARIO-SEED.json]
    #[arg(short = 'o', long, value_name = "REPRO.json")]
    pub output: Option<PathBuf>,
    /// Begin no run after this long, such as 60s
    #[arg(long = "for", value_name = "TIME", value_parser = parse_ns, allow_hyphen_values = true)]
    pub limit_ns: Option<u64>,
    /// How it works.
    #[command(flatten)]
    pub effort: Effort,
    /// RUN.
    #[command(flatten)]
    pub run: RunFlags,
}

/// `why`.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// Which run.
    #[command(flatten)]
    pub one: OneRun,
    /// Write the answer as JSON, - for stdout
    #[arg(long, value_name = "PATH|-")]
    pub json: Option<PathBuf>,
    /// How it works.
    #[command(flatten)]
    pub effort: Effort,
    /// RUN.
    #[command(flatten)]
    pub run: RunFlags,
}

/// `bugs`.
#[derive(Debug, Subcommand)]
pub enum BugsVerb {
    /// Every bug: layer, row, name, source, and the checks that should notice
    List,
    /// Switch each bug on, and look how soon a check breaks
    #[command(after_help = HUNT_HELP)]
    Hunt(HuntArgs),
}

/// `bugs hunt`.
#[derive(Debug, Args)]
pub struct HuntArgs {
    /// Names or rows [default: all]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Look here and not in the scenarios of the bug's layer (may be given more than once)
    #[arg(long, value_name = "SCENARIO")]
    pub scenario: Vec<String>,
    /// Look in the guided way: half of the runs are of plans changed, not of fresh seeds
    #[arg(long)]
    pub guided: bool,
    /// The first seed
    #[arg(long = "from", value_name = "S", default_value = "0", value_parser = parse_seed, allow_hyphen_values = true)]
    pub first_seed: u64,
    /// How long to look for each
    #[arg(long = "for", value_name = "TIME", default_value = "60s", value_parser = parse_ns, allow_hyphen_values = true)]
    pub limit_ns: u64,
    /// Threads [default: one per core]
    #[arg(short, long, value_name = "N", value_parser = parse_jobs, allow_hyphen_values = true)]
    pub jobs: Option<usize>,
    /// Shrink what caught each (or one of two later runs) into this folder, which is made if missing
    #[arg(long, value_name = "DIR", conflicts_with = "guided")]
    pub keep: Option<PathBuf>,
    /// Write the result as JSON; - is stdout
    #[arg(long, value_name = "PATH|-")]
    pub json: Option<PathBuf>,
}

/// `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The history
    #[arg(value_name = "HISTORY")]
    pub history: PathBuf,
    /// Judge only what is on objects of this kind [default: all there is]
    #[arg(long, value_enum)]
    pub model: Option<ModelKind>,
    /// Begin no further search after this long
    #[arg(long = "for", value_name = "TIME", default_value = "60s", value_parser = parse_ns, allow_hyphen_values = true)]
    pub limit_ns: u64,
    /// Write the result as JSON; - is stdout
    #[arg(long, value_name = "PATH|-")]
    pub json: Option<PathBuf>,
}

/// `scenarios`.
#[derive(Debug, Subcommand)]
pub enum ScenariosVerb {
    /// Names, and what each is about
    List,
    /// The TOML of one, to read or to start your own from
    Show {
        /// In the catalog.
        name: String,
    },
}

/// `merge`.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// What `sweep --json` wrote
    #[arg(value_name = "SWEEP.json", required = true)]
    pub files: Vec<PathBuf>,
    /// Where to write the whole; - is stdout
    #[arg(short = 'o', long, value_name = "ALL.json")]
    pub output: PathBuf,
    /// Exit 4 if no run of the whole reaches this rare situation (may be given more than once)
    #[arg(long, value_name = "NAME")]
    pub require_probe: Vec<String>,
}

/// Threads beyond this only cost.
const MAX_JOBS: usize = 1024;

fn parse_jobs(text: &str) -> Result<usize, String> {
    let jobs = text.parse().ok().filter(|jobs| (1..=MAX_JOBS).contains(jobs));
    jobs.ok_or_else(|| format!("give a number of threads from 1 to {MAX_JOBS}"))
}

fn parse_every(text: &str) -> Result<NonZeroU64, String> {
    text.parse().map_err(|_| "give a number from 1; 1 takes every seed".to_owned())
}

fn parse_kind(text: &str) -> Result<FailoverKind, String> {
    text.parse()
}

fn parse_setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.trim().to_owned())),
        _ => Err("give KEY=VALUE, such as network.latency=2ms".to_owned()),
    }
}

/// 32 hex digits.
pub fn parse_digest(text: &str) -> Result<u128, String> {
    let hex = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    hex.then(|| u128::from_str_radix(text, 16).ok()).flatten().ok_or_else(|| "a digest has 32 hex digits".to_owned())
}
