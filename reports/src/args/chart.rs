//! `chart`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use fuzz::seeds::SeedRange;
use scenarios::report::FailoverKind;
use sim::fault::Kind;

use super::run::{ProgressMode, RunFlags, parse_jobs};
use crate::chart::configurations::{Vary, parse_vary};
use crate::chart::quantile::Quantile;
use crate::chart::theme::Theme;

const FAILOVER_HELP: &str = "\
Examples:
  kraftsim chart failover controller-failover -o failover.svg
  kraftsim chart failover controller-failover -o f.png \\
      --vary controller.quorum.fetch.timeout.ms=500,2000,5000
  kraftsim chart failover failover --cause kill,pause --real two-cores -o r.svg
  kraftsim chart failover controller-failover --cluster etc/kafka \\
      --seeds 5000 -o mine.svg --csv mine.csv --json mine.json

Every combination of a scenario, values of --vary and (if there are several)
causes is one line of the chart, at most 8. A quantile is shown if there are
enough samples: p50 from 5, p10 and p90 from 10, p99 from 100. Confidence bands
need 10 runs that measured something. Exit codes are those of a sweep; 4 also if
nothing was measured for a line. Nothing is written if nothing was measured for
any line.";

const HISTOGRAM_HELP: &str = "\
Examples:
  kraftsim chart histogram controller-failover --cause kill -o h.svg
  kraftsim chart histogram failover --kind produce_gap -o h.svg --csv h.csv";

const HEATMAP_HELP: &str = "\
Examples:
  kraftsim chart heatmap controller-failover --cause kill --seeds 200 -o h.svg \\
      --vary controller.quorum.fetch.timeout.ms=500,1000,2000,4000 \\
      --vary controller.quorum.election.timeout.ms=500,1000,2000

The first --vary gives the columns, the second one the rows, at most 10 of each.
--seeds is the number of seeds of each cell.";

const SCALE_HELP: &str = "\
Examples:
  kraftsim chart scale controller-failover --cause kill -o s.svg \\
      --vary cluster.voters=1,3,5,7
  kraftsim chart scale failover --kind partition --cause kill -o s.svg \\
      --vary clients.partitions=3,30 --vary broker.session.timeout.ms=6000,9000

The first --vary gives the horizontal axis, at most 10 values; scenarios and
further --vary give lines, at most 8.";

const TIMELINE_HELP: &str = "\
Examples:
  kraftsim chart timeline failover --seeds 6 -o t.svg
  kraftsim chart timeline data-plane --seeds 17..18 -o t.svg --json t.json

Each run has three lanes: intervals without an active controller, with
partitions without a leader, and without an acknowledged produce to some
partition. At most 24 runs.";

const GALLERY_HELP: &str = "\
Examples:
  kraftsim chart gallery -o reports/gallery
  kraftsim chart gallery -o /tmp/gallery --only zones

Each chart is a command of its own, printed while it runs, and four files:
NAME.svg, NAME-dark.svg, NAME.csv, NAME.json. The same build writes the same
bytes. Exit codes are those of a sweep.";

/// `chart`.
#[derive(Debug, Subcommand)]
pub enum ChartVerb {
    /// Failover times of several configurations: distribution with confidence bands, p50, p99, phases
    #[command(after_help = FAILOVER_HELP)]
    Failover(ChartFailoverArgs),
    /// Failover times of several configurations as histograms
    #[command(after_help = HISTOGRAM_HELP)]
    Histogram(ChartHistogramArgs),
    /// A quantile of failover times over two varied settings
    #[command(after_help = HEATMAP_HELP)]
    Heatmap(ChartHeatmapArgs),
    /// Failover times against one varied setting: median, p10 to p90
    #[command(after_help = SCALE_HELP)]
    Scale(ChartHistogramArgs),
    /// Runs in time: without active controller, leaders of partitions, acknowledged produces
    #[command(after_help = TIMELINE_HELP)]
    Timeline(ChartTimelineArgs),
    /// Make the charts of reports/gallery
    #[command(after_help = GALLERY_HELP)]
    Gallery(ChartGalleryArgs),
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

/// The runs and the files of a chart.
#[derive(Clone, Debug, Args)]
pub struct ChartArgs {
    /// Catalog names or paths of TOML files
    #[arg(value_name = "SCENARIO", required = true)]
    pub scenarios: Vec<String>,
    /// Compare values of a scenario field or Kafka property (more than once: every combination)
    #[arg(long, value_name = "KEY=V1,V2,…", value_parser = parse_vary)]
    pub vary: Vec<Vary>,
    /// Seeds of each configuration: N means 0..N; A..B excludes B [default: 1000; of a timeline: 8]
    #[arg(long, value_name = "N|A..B", allow_hyphen_values = true)]
    pub seeds: Option<SeedRange>,
    /// Output file
    #[arg(short = 'o', long, value_name = "OUT.svg|OUT.png")]
    pub output: PathBuf,
    /// SVG or PNG [default: by the extension of the output file]
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Also write the numbers as CSV; - is stdout
    #[arg(long, value_name = "PATH|-")]
    pub csv: Option<PathBuf>,
    /// Also write the numbers as JSON (kraftsim schema chart); - is stdout
    #[arg(long, value_name = "PATH|-")]
    pub json: Option<PathBuf>,
    /// Title [default: what is measured]
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
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

/// Which times are measured.
#[derive(Clone, Debug, Args)]
pub struct MeasureArgs {
    /// What is measured: controller or partition failovers, unavailability of clients (produce_gap, consume_gap, admin_gap, append_gap), or replacements of voters (voter_replacement)
    #[arg(long, value_name = "KIND", default_value = "controller", value_parser = parse_kind)]
    pub kind: FailoverKind,
    /// Only failovers caused by this kind of fault, such as kill; of several kinds each has lines of its own
    #[arg(long, value_name = "NAME,…", value_parser = parse_cause, value_delimiter = ',')]
    pub cause: Vec<String>,
}

/// `chart failover`.
#[derive(Debug, Args)]
pub struct ChartFailoverArgs {
    #[command(flatten)]
    pub chart: ChartArgs,
    #[command(flatten)]
    pub measure: MeasureArgs,
    /// Add lines with failovers of a real cluster: a file of fuzz/conformance/cluster/run, or two-cores, its 600 trials
    #[arg(long, value_name = "FILE|two-cores")]
    pub real: Option<String>,
}

/// `chart histogram` and `chart scale`.
#[derive(Debug, Args)]
pub struct ChartHistogramArgs {
    #[command(flatten)]
    pub chart: ChartArgs,
    #[command(flatten)]
    pub measure: MeasureArgs,
}

/// `chart heatmap`.
#[derive(Debug, Args)]
pub struct ChartHeatmapArgs {
    #[command(flatten)]
    pub chart: ChartArgs,
    #[command(flatten)]
    pub measure: MeasureArgs,
    /// The quantile in the cells
    #[arg(long, value_enum, default_value_t = Quantile::P50)]
    pub quantile: Quantile,
}

/// `chart timeline`.
#[derive(Debug, Args)]
pub struct ChartTimelineArgs {
    #[command(flatten)]
    pub chart: ChartArgs,
}

/// `chart gallery`.
#[derive(Debug, Args)]
pub struct ChartGalleryArgs {
    /// Folder of the charts
    #[arg(short = 'o', long, value_name = "DIR")]
    pub output: PathBuf,
    /// Only this chart (more than once: each)
    #[arg(long, value_name = "NAME", value_parser = parse_gallery)]
    pub only: Vec<String>,
    /// Threads [default: one per core]
    #[arg(short, long, value_name = "N", value_parser = parse_jobs, allow_hyphen_values = true)]
    pub jobs: Option<usize>,
    /// How to show progress on stderr
    #[arg(long, value_enum, default_value_t = ProgressMode::Auto)]
    pub progress: ProgressMode,
}

fn parse_gallery(text: &str) -> Result<String, String> {
    let names: Vec<&str> = crate::chart::gallery::GALLERY.iter().map(|picture| picture.name).collect();
    match names.contains(&text) {
        true => Ok(text.to_owned()),
        false => Err(format!("no chart of the gallery is named so; allowed: {}", names.join(", "))),
    }
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
