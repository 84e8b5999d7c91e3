//! `cluster`.

use std::path::PathBuf;

use clap::Args;

pub(super) const CLUSTER_HELP: &str = "\
Examples:
  kraftsim cluster etc/kafka
  kraftsim cluster etc/kafka --json cluster.json
  kraftsim sweep ci --cluster etc/kafka

Each property of the files is listed once for all nodes that agree on it: used;
without effect, and why; or unknown, with the nearest name that Kafka knows.

Exit codes:
  2    the files are refused, as Kafka would refuse them
  0    otherwise";

/// `cluster`.
#[derive(Debug, Args)]
pub struct ClusterArgs {
    /// A directory with the .properties file of each node
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Write the report as JSON; - is stdout
    #[arg(long, value_name = "PATH|-")]
    pub json: Option<PathBuf>,
}
