//! `inspect`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

pub(super) const INSPECT_HELP: &str = "\
Example:
  kraftsim inspect log /var/lib/kafka/data";

pub(super) const INSPECT_LOG_HELP: &str = "\
Examples:
  kraftsim inspect log /var/lib/kafka/data
  kraftsim inspect log disks/controller-1 --records
  kraftsim inspect log disks/broker-101 --json broker-101.json

The directory may be that of a real node (log.dirs), or one that replay --out
wrote. Nothing in it is changed. As in Kafka's metadata shell, the image has all
records up to the end of the log, committed or not.

Exit codes:
  2    there is no log directory, or a file in it is damaged (what can be read
       is shown all the same)
  0    otherwise";

/// The actions of `inspect`.
#[derive(Debug, Subcommand)]
pub enum InspectVerb {
    /// Show the batches, records, state files and metadata image of a log directory
    #[command(after_help = INSPECT_LOG_HELP)]
    Log(InspectLogArgs),
}

/// `inspect log`.
#[derive(Debug, Args)]
pub struct InspectLogArgs {
    /// A log directory of Kafka: the one with meta.properties
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Show each batch and each record
    #[arg(long)]
    pub records: bool,
    /// Write everything as JSON; - is stdout
    #[arg(long, value_name = "PATH|-")]
    pub json: Option<PathBuf>,
}
