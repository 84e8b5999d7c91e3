//! The command line.

mod bugs;
mod chart;
mod check;
mod cluster;
mod inspect;
mod limit;
mod merge;
mod reference;
mod replay;
mod run;
mod scenarios;
mod shrink;
mod sweep;
mod why;

pub use bugs::{BugsVerb, HuntArgs};
pub use chart::{ChartArgs, ChartGalleryArgs, ChartVerb, Format, MeasureArgs};
pub use check::CheckArgs;
pub use cluster::ClusterArgs;
pub use inspect::{
    InspectLogArgs, InspectMetricsArgs, InspectQuorumArgs, InspectShellArgs, InspectStateArgs, InspectStorageArgs,
    InspectVerb, StorageCommand, Subject,
};
pub use merge::MergeArgs;
pub use reference::{ChecksVerb, CompletionsArgs, FixesVerb, ManArgs};
pub use replay::ReplayArgs;
pub use run::{Effort, OneRun, ProgressMode, RunFlags, parse_digest};
pub use scenarios::ScenariosVerb;
pub use shrink::ShrinkArgs;
pub use sweep::SweepArgs;
pub use why::WhyArgs;

use std::sync::LazyLock;

use crate::schemas::SCHEMAS;
use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand};

use check::CHECK_HELP;
use cluster::CLUSTER_HELP;
use inspect::INSPECT_HELP;
use merge::MERGE_HELP;
use replay::REPLAY_HELP;
use shrink::SHRINK_HELP;
use sweep::SWEEP_HELP;
use why::WHY_HELP;

/// The scenario of a sweep that names none.
pub const DEFAULT_SCENARIO: &str = "ci";

/// The default number of seeds.
pub const DEFAULT_SEEDS: u64 = 1000;

/// A deterministic simulator of Apache Kafka's KRaft clusters
///
/// Simulates controllers, brokers and clients with injected faults, one run for each seed, and
/// checks invariants after every event. The same seed gives the same run, byte for byte.
#[derive(Debug, Parser)]
#[command(name = "kraftsim", version = VERSION.as_str(), max_term_width = 80, after_help = "\
Examples:
  kraftsim sweep                              1,000 seeds of ci
  kraftsim sweep quorum --seeds 10000 --json out.json
  kraftsim replay quorum --seed 0x2a          one seed again, in full
  kraftsim chart failover controller-failover -o failover.svg
  kraftsim scenarios list")]
pub struct Cli {
    /// The verb.
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// The text of `--version`.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    format!("{} (commit: {}, host: {})", crate::VERSION, crate::show_commit(crate::COMMIT), crate::host())
});

/// The verbs.
#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one, for as long as the command runs")]
pub enum Verb {
    /// Run many seeds and report every claim that does not hold
    #[command(after_help = SWEEP_HELP)]
    Sweep(SweepArgs),
    /// Run one seed again, exactly as it was, and describe it
    #[command(after_help = REPLAY_HELP)]
    Replay(ReplayArgs),
    /// Reduce a failing run to the smallest that violates the same claim
    #[command(after_help = SHRINK_HELP)]
    Shrink(ShrinkArgs),
    /// Explain a failing run: point of no return, required faults, causal chain
    #[command(after_help = WHY_HELP)]
    Why(WhyArgs),
    /// List the bug catalog (historical bugs as switches), or measure how soon they are caught
    #[command(after_help = "Examples:\n  kraftsim bugs list\n  kraftsim bugs hunt NoLogTest --for 60s")]
    Bugs {
        /// The action.
        #[command(subcommand)]
        what: BugsVerb,
    },
    /// List the fixes of Kafka that can be switched on, one for each known finding
    #[command(
        after_help = "Examples:\n  kraftsim fixes list\n  kraftsim replay findings/clear-index-of-elr --seed 1 --fix ClearIndexOfElr"
    )]
    Fixes {
        /// The action.
        #[command(subcommand)]
        what: FixesVerb,
    },
    /// List what is claimed of every run, or show one claim
    #[command(after_help = "Example:\n  kraftsim checks show AckedValueNotLost")]
    Checks {
        /// The action.
        #[command(subcommand)]
        what: ChecksVerb,
    },
    /// Draw what a sweep measured
    Chart {
        /// The chart.
        #[command(subcommand)]
        what: ChartVerb,
    },
    /// Show what a node's files hold
    #[command(after_help = INSPECT_HELP)]
    Inspect {
        /// The action.
        #[command(subcommand)]
        what: InspectVerb,
    },
    /// Report which properties of a cluster's files are used, without effect, or unknown
    #[command(after_help = CLUSTER_HELP)]
    Cluster(ClusterArgs),
    /// List the catalog of scenarios, or print one
    #[command(after_help = "Example:\n  kraftsim scenarios show quorum > my-quorum.toml")]
    Scenarios {
        /// The action.
        #[command(subcommand)]
        what: ScenariosVerb,
    },
    /// Print the JSON Schema of a file that kraftsim writes
    #[command(after_help = "Example:\n  kraftsim schema trace > trace.schema.json")]
    Schema {
        /// The name of the schema
        #[arg(value_parser = PossibleValuesParser::new(SCHEMAS.iter().map(|(name, _)| *name)))]
        name: String,
    },
    /// Check whether a recorded history is linearizable
    #[command(after_help = CHECK_HELP)]
    Check(CheckArgs),
    /// Merge the JSON of several sweeps into that of the whole
    #[command(after_help = MERGE_HELP)]
    Merge(MergeArgs),
    /// Print the completion script of a shell
    Completions(CompletionsArgs),
    /// Print the manual page of the command or of a verb
    Man(ManArgs),
}
