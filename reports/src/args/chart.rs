//! `chart`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use fuzz::seeds::SeedRange;
use scenarios::report::FailoverKind;
use sim::fault::Kind;

use super::run::{ProgressMode, RunFlags, parse_jobs};
use crate::chart::configurations::{Vary, parse_vary};
use crate::chart::theme::Theme;

pub(super) const FAILOVER_HELP: &str = "\
Examples:
  kraftsim chart failover controller-failover -o failover.svg
  kraftsim chart failover controller-failover -o f.png \\
      --vary controller.quorum.fetch.timeout.ms=500,2000,5000
  kraftsim chart failover controller-failover --cluster etc/kafka \\
      --seeds 5000 -o mine.svg --csv mine.csv

Every combination of a scenario and values of --vary is one line of the chart,
at most 8. A quantile is shown if there are enough samples: p50 from 5, p90 from
10, p99 from 100. Exit codes are those of a sweep; 4 also if nothing was
measured for a line. Nothing is written if nothing was measured for any line.";

/// `chart`.
#[derive(Debug, Subcommand)]
pub enum ChartVerb {
    /// Failover times of several configurations: distribution, p50, p99, phases
    #[command(after_help = FAILOVER_HELP)]
    Failover(ChartFailoverArgs),
}

/// How a chart is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Scalable, as text
    Svg,
    /// Pixels
    Png,
}

impl Format {
    /// Of a file's name.
    pub fn ending(self) -> &'static str {
        match self {
            Format::Svg => "svg",
            Format::Png => "png",
        }
    }
}

/// `chart failover`.
#[derive(Debug, Args)]
pub struct ChartFailoverArgs {
    /// Catalog names or paths of TOML files
    #[arg(value_name = "SCENARIO", required = true)]
    pub scenarios: Vec<String>,
    /// Compare values of a scenario field or Kafka property (more than once: every combination)
    #[arg(long, value_name = "KEY=V1,V2,…", value_parser = parse_vary)]
    pub vary: Vec<Vary>,
    /// Seeds of each line: N means 0..N; A..B excludes B [default: 1000]
    #[arg(long, value_name = "N|A..B", allow_hyphen_values = true)]
    pub seeds: Option<SeedRange>,
    /// What is measured: controller or partition failovers, or unavailability of clients (produce_gap, consume_gap, admin_gap)
    #[arg(long, value_name = "KIND", default_value = "controller", value_parser = parse_kind)]
    pub kind: FailoverKind,
    /// Only failovers caused by this kind of fault, such as kill
    #[arg(long, value_name = "NAME", value_parser = parse_cause)]
    pub cause: Option<String>,
    /// Output file
    #[arg(short = 'o', long, value_name = "OUT.svg|OUT.png")]
    pub output: PathBuf,
    /// SVG or PNG [default: by the extension of the output file]
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Also write the distribution of the measured times as CSV; - is stdout
    #[arg(long, value_name = "PATH|-")]
    pub csv: Option<PathBuf>,
    /// Colours
    #[arg(long, value_enum, default_value_t = Theme::Light)]
    pub theme: Theme,
    /// Threads [default: one per core]
    #[arg(short, long, value_name = "N", value_parser = parse_jobs, allow_hyphen_values = true)]
    pub jobs: Option<usize>,
    /// Stop after the N-th failing run
    #[arg(long, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_fail: u64,
    /// How to show progress on stderr
    #[arg(long, value_enum, default_value_t = ProgressMode::Auto)]
    pub progress: ProgressMode,
    /// RUN.
    #[command(flatten)]
    pub run: RunFlags,
}

fn parse_kind(text: &str) -> Result<FailoverKind, String> {
    text.parse().map_err(|_| {
        let known: Vec<_> = FailoverKind::ALL.iter().map(|kind| kind.name()).collect();
        format!("`{text}` is not a kind of failover; allowed: {}", known.join(", "))
    })
}

fn parse_cause(text: &str) -> Result<String, String> {
    if Kind::ALL.iter().any(|kind| kind.name() == text) {
        return Ok(text.to_owned());
    }
    let names: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    Err(format!("no kind of fault is named so; allowed: {}", names.join(", ")))
}
