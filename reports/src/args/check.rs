//! `check`.

use std::path::PathBuf;

use clap::Args;

use crate::history::ModelKind;
use sim::duration::parse_duration;

pub(super) const CHECK_HELP: &str = "\
Examples:
  kraftsim check history.edn
  kraftsim check etcd_000.log --json -
  kraftsim replay ci --seed 7 --history run.edn    then: kraftsim check run.edn
  zcat history.edn.gz | kraftsim check -

The file is Jepsen's EDN (registers: read, write, cas; keys: get, put, append
with a :key; logs: send, poll, txn as in its Kafka tests), lines of jepsen.util,
or kraftsim.history.v1 as written by replay. An operation that ended in :info,
or did not end, may or may not have taken effect.

Exit codes:
  0 linearizable   1 violated   4 undecided   2 unreadable, or no operation";

/// `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The history; - is stdin
    #[arg(value_name = "HISTORY|-")]
    pub history: PathBuf,
    /// Check only objects of this kind [default: all]
    #[arg(long, value_enum)]
    pub model: Option<ModelKind>,
    /// Time limit: start no further search after this time
    #[arg(long = "for", value_name = "TIME", default_value = "60s", value_parser = parse_duration, allow_hyphen_values = true)]
    pub limit_ns: u64,
    /// Write the result as JSON; - is stdout
    #[arg(long, value_name = "PATH|-")]
    pub json: Option<PathBuf>,
}
