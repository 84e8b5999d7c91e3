//! Flags that several verbs share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use fuzz::seeds::parse_seed;

/// Flags that alter a run; the reproduce line and repro file of a failure contain all of them.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Flags that alter a run")]
pub struct RunFlags {
    /// Replace the cluster by the Kafka .properties files in DIR, one per node
    #[arg(long, value_name = "DIR")]
    pub cluster: Option<PathBuf>,
    /// Switch on a bug by its name or the id of its row in `kraftsim bugs list` (may be given more than once)
    #[arg(long, value_name = "NAME|ID")]
    pub bug: Vec<String>,
    /// Apply a fix that released Kafka does not have (may be given more than once)
    #[arg(long, value_name = "NAME")]
    pub fix: Vec<String>,
    /// Set a scenario field, or a Kafka property for all nodes (may be given more than once)
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_setting)]
    pub set: Vec<(String, String)>,
}

impl RunFlags {
    /// Is no flag given?
    pub fn is_empty(&self) -> bool {
        self.cluster.is_none() && self.bug.is_empty() && self.fix.is_empty() && self.set.is_empty()
    }
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
    /// Only failures
    None,
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

/// Flags of the searches of `shrink` and `why`.
#[derive(Debug, Args)]
pub struct Effort {
    /// Threads [default: one per core]
    #[arg(short, long, value_name = "N", value_parser = parse_jobs, allow_hyphen_values = true)]
    pub jobs: Option<usize>,
    /// How to show progress on stderr
    #[arg(long, value_enum, default_value_t = ProgressMode::Auto)]
    pub progress: ProgressMode,
}

/// More threads than this bring no gain.
const MAX_JOBS: usize = 1024;

pub(super) fn parse_jobs(text: &str) -> Result<usize, String> {
    let jobs = text.parse().ok().filter(|jobs| (1..=MAX_JOBS).contains(jobs));
    jobs.ok_or_else(|| format!("give a number of threads from 1 to {MAX_JOBS}"))
}

pub(super) fn parse_setting(text: &str) -> Result<(String, String), String> {
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
