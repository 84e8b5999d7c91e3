//! `inspect`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use fuzz::seeds::parse_seed;
use scenarios::instruments::moment::At;
use sim::duration::parse_duration;

use super::run::RunFlags;

pub(super) const INSPECT_HELP: &str = "\
Examples:
  kraftsim inspect log /var/lib/kafka/data
  kraftsim inspect state brokers --seed 1 --at 12.5s --node 101
  kraftsim inspect quorum brokers --seed 1 --at 12.5s
  kraftsim inspect shell brokers --seed 1 --at 12.5s ls /image/topics/byName

A run is one seed of a scenario, or a repro file, up to an instant. log, shell and
storage read a log directory of Kafka as well.";

pub(super) const INSPECT_LOG_HELP: &str = "\
Examples:
  kraftsim inspect log /var/lib/kafka/data
  kraftsim inspect log disks/controller-1 --records
  kraftsim inspect log disks/broker-101 --json broker-101.json
  kraftsim inspect log quorum --seed 42 --bug NoLogTest --at 12.5s --node 2
  kraftsim inspect log calm --seed 1 --node 101 --around 5000
  kraftsim inspect log small.json --node 101 --around violation

The directory may be that of a real node (log.dirs), or one that replay --out
wrote. Nothing in it is changed. Of a run, the log directory of a node is shown as
a process that starts at that instant would find it; without --node, that of the
leader. As in Kafka's metadata shell, the image has all records up to the end of
the log, committed or not.

Exit codes:
  2    there is no log directory, or a file in it is damaged (what can be read
       is shown all the same)
  0    otherwise";

pub(super) const INSPECT_QUORUM_HELP: &str = "\
Examples:
  kraftsim inspect quorum controller-failover --seed 1 --at 15s
  kraftsim inspect quorum brokers --seed 1 --at 30000 --json -

The output of kafka-metadata-quorum.sh describe --status and --replication, as
the leader answers at that instant. A leader of static voters knows no directory
ids of voters. Exit code 4: there is no leader.";

pub(super) const INSPECT_SHELL_HELP: &str = "\
Examples:
  kraftsim inspect shell brokers --seed 1 --at 20s ls /image/topics/byName
  kraftsim inspect shell brokers --seed 1 --node 101 cat '/image/topics/byName/*/0'
  kraftsim inspect shell brokers --seed 1 --diff 12s 20s
  kraftsim inspect shell /var/lib/kafka/data find /image/cluster

The commands of kafka-metadata-shell.sh, which are ls, cat, find and tree; paths
begin at / and may have *, ? and {a,b}. Without a command: ls /image. The image
is that of the metadata log on the node's disk, up to its high watermark, or to
the end of the log if the node is down or does not know one. Without --node it is
the leader's, or that of the highest high watermark. The image of a directory has
all records up to the end of the log, committed or not.

Exit codes:
  2    the metadata log of a directory is damaged (what can be read is shown all
       the same)
  0    otherwise";

pub(super) const INSPECT_METRICS_HELP: &str = "\
Examples:
  kraftsim inspect metrics controller-failover --seed 1
  kraftsim inspect metrics controller-failover --seed 1 --metric epoch --metric latency
  kraftsim inspect metrics brokers --seed 1 --from 10s --at 20s --every 50ms --node 101
  kraftsim inspect metrics brokers --seed 1 --csv metrics.csv --json metrics.json

Gauges are sampled from --from to --at. Alerts: not exactly one active controller,
more than 1000 events in a controller's queue, a broker more than 1000 records of
metadata behind, a commit latency above 100 ms, a node that knows no leader of the
quorum, offline partitions, and partitions below min.insync.replicas. With each are
shown the faults in force when it fired, or that ended within 10 s before. Rates and
percentiles are left out. With --at EVENT or violation the samples end at its time.";

pub(super) const INSPECT_STATE_HELP: &str = "\
Examples:
  kraftsim inspect state quorum --seed 42 --bug NoLogTest --at 12.5s --node 2
  kraftsim inspect state brokers --seed 1 --diff 12s 12.5s --node 101
  kraftsim inspect state brokers --seed 1 --at 30000 --json -

Of each server: the state of raft with what is left of its timers, the controller
with its event queue and sessions, the broker with its replicas as it sees them,
and its files with how much of each is durable. ms of timers are of the node's
own clock.";

pub(super) const INSPECT_STORAGE_HELP: &str = "\
Examples:
  kraftsim inspect storage brokers --seed 1 --node 101
  kraftsim inspect storage brokers --seed 1 --node 101 format
  kraftsim inspect storage /var/lib/kafka/data
  kraftsim inspect storage random-uuid

What kafka-storage.sh info (the default), format and random-uuid print. format is
that of the disks of a run, by default before its first event, when they are
empty; nothing is formatted by this command.

Exit codes:
  1    info: a directory is not formatted, or its meta.properties cannot be read;
       format: it is formatted already
  0    otherwise";

/// The actions of `inspect`.
#[derive(Debug, Subcommand)]
pub enum InspectVerb {
    /// Show the batches, records, state files and metadata image of a log directory
    #[command(after_help = INSPECT_LOG_HELP)]
    Log(InspectLogArgs),
    /// Show the quorum at an instant of a run, as kafka-metadata-quorum.sh does
    #[command(after_help = INSPECT_QUORUM_HELP)]
    Quorum(InspectQuorumArgs),
    /// Show the metadata image at an instant of a run, or of a log directory, as kafka-metadata-shell.sh does
    #[command(after_help = INSPECT_SHELL_HELP)]
    Shell(InspectShellArgs),
    /// Show Kafka's metrics over a run, by the names of their MBeans, and the alerts that fired
    #[command(after_help = INSPECT_METRICS_HELP)]
    Metrics(InspectMetricsArgs),
    /// Show the whole state of servers at an instant of a run, or what differs between two
    #[command(after_help = INSPECT_STATE_HELP)]
    State(InspectStateArgs),
    /// Show what disks are formatted for, and how they were formatted, as kafka-storage.sh does
    #[command(after_help = INSPECT_STORAGE_HELP)]
    Storage(InspectStorageArgs),
}

/// `inspect log`.
#[derive(Debug, Args)]
pub struct InspectLogArgs {
    /// What is inspected.
    #[command(flatten)]
    pub subject: Subject,
    /// Of a run: the node, by its id (1, 101) or name (controller-1)
    #[arg(long, value_name = "ID")]
    pub node: Option<String>,
    /// Show each batch and each record
    #[arg(long)]
    pub records: bool,
    /// Of a run: show the ends of the node's logs before and after an event, such as one that replay --log shows
    #[arg(long, value_name = "EVENT|violation[-N]", value_parser = parse_event, conflicts_with_all = ["records", "json", "at"])]
    pub around: Option<At>,
    /// Write everything as JSON; - is stdout
    #[arg(long, value_name = "PATH|-")]
    pub json: Option<PathBuf>,
}

/// A run at an instant, or a directory.
#[derive(Debug, Args)]
pub struct Subject {
    /// A scenario (then --seed is needed), a repro file, or (log, shell, storage) a log directory of Kafka: the one with meta.properties
    #[arg(value_name = "SCENARIO|REPRO.json|DIR")]
    pub what: String,
    /// The seed, decimal or hex
    #[arg(long, value_name = "S", value_parser = parse_seed, allow_hyphen_values = true)]
    pub seed: Option<u64>,
    /// The instant: a simulated time such as 12.5s, a number of events, violation, or so many events before that, such as
    /// violation-1 [default: the end of the run]
    #[arg(long, value_name = "TIME|EVENT|violation[-N]", value_parser = parse_at)]
    pub at: Option<At>,
    /// RUN.
    #[command(flatten)]
    pub run: RunFlags,
}

/// `inspect quorum`.
#[derive(Debug, Args)]
pub struct InspectQuorumArgs {
    /// What is inspected.
    #[command(flatten)]
    pub subject: Subject,
    /// Write it as JSON; - is stdout
    #[arg(long, value_name = "PATH|-")]
    pub json: Option<PathBuf>,
}

/// `inspect shell`.
#[derive(Debug, Args)]
pub struct InspectShellArgs {
    /// What is inspected.
    #[command(flatten)]
    pub subject: Subject,
    /// The node, by its id (1, 101) or name (controller-1)
    #[arg(long, value_name = "ID")]
    pub node: Option<String>,
    /// Show the leaves that differ between two instants
    #[arg(long, value_names = ["T1", "T2"], num_args = 2, value_parser = parse_at, conflicts_with_all = ["at", "command"])]
    pub diff: Option<Vec<At>>,
    /// ls, cat, find or tree, and its paths
    #[arg(value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// `inspect metrics`.
#[derive(Debug, Args)]
pub struct InspectMetricsArgs {
    /// What is inspected.
    #[command(flatten)]
    pub subject: Subject,
    /// The first sample
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "0s")]
    pub from: u64,
    /// The time between samples
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "100ms")]
    pub every: u64,
    /// Show only this node, by its id (1, 101) or name (broker-101); alerts are of all
    #[arg(long, value_name = "ID")]
    pub node: Option<String>,
    /// Show only metrics whose names contain this text; given more than once: one of these
    #[arg(long, value_name = "TEXT")]
    pub metric: Vec<String>,
    /// Write all samples as CSV; - is stdout
    #[arg(long, value_name = "PATH|-")]
    pub csv: Option<PathBuf>,
    /// Write all samples and alerts as JSON; - is stdout
    #[arg(long, value_name = "PATH|-")]
    pub json: Option<PathBuf>,
}

/// `inspect state`.
#[derive(Debug, Args)]
pub struct InspectStateArgs {
    /// What is inspected.
    #[command(flatten)]
    pub subject: Subject,
    /// Only this node, by its id (1, 101) or name (controller-1); may be repeated
    #[arg(long, value_name = "ID")]
    pub node: Vec<String>,
    /// Show what differs between two instants
    #[arg(long, value_names = ["T1", "T2"], num_args = 2, value_parser = parse_at, conflicts_with = "at")]
    pub diff: Option<Vec<At>>,
    /// Write it as JSON; - is stdout
    #[arg(long, value_name = "PATH|-", conflicts_with = "diff")]
    pub json: Option<PathBuf>,
}

/// `inspect storage`.
#[derive(Debug, Args)]
pub struct InspectStorageArgs {
    /// What is inspected; random-uuid: nothing.
    #[command(flatten)]
    pub subject: Subject,
    /// Only this node, by its id (1, 101) or name (broker-101)
    #[arg(long, value_name = "ID")]
    pub node: Option<String>,
    /// The command of kafka-storage.sh
    #[arg(value_enum, value_name = "COMMAND", default_value = "info")]
    pub command: StorageCommand,
}

/// The commands of `kafka-storage.sh` that print something of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StorageCommand {
    /// What the disk is formatted for
    Info,
    /// How the disk is formatted
    Format,
}

/// An event.
fn parse_event(text: &str) -> Result<At, String> {
    match (text.parse(), parse_at(text)) {
        (Ok(event), _) if event > 0 => Ok(At::Event(event)),
        (Err(_), Ok(at @ At::BeforeViolation(_))) => Ok(at),
        _ => {
            Err("give the number of an event, from 1, such as replay --log shows, or violation, or violation-N"
                .to_owned())
        }
    }
}

/// A time, or a number of events.
fn parse_at(text: &str) -> Result<At, String> {
    if let Some(before) = text.strip_prefix("violation") {
        let events = if before.is_empty() {
            Some(0)
        } else {
            before
                .strip_prefix('-')
                .filter(|it| it.bytes().all(|byte| byte.is_ascii_digit()))
                .and_then(|it| it.parse().ok())
        };
        let wrong = || format!("{text:?}: give violation, or violation-N for N events before it");
        return events.map(At::BeforeViolation).ok_or_else(wrong);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        return text.parse().map(At::Event).map_err(|_| "that is too many events".to_owned());
    }
    parse_duration(text).map(At::Time).map_err(|error| format!("{error}; or give a number of events"))
}
