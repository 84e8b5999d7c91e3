//! `replay`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};
use scenarios::wire::Versions;

use super::run::{OneRun, RunFlags, parse_digest};
use crate::trace::log::{Around, parse_around};
use sim::duration::parse_duration;

pub(super) const REPLAY_HELP: &str = "\
Examples:
  kraftsim replay quorum --seed 0x2a --bug NoLogTest
  kraftsim replay kraftsim-out/quorum-0x000000000000002a.json --until 12.5s
  kraftsim replay quorum --seed 42 --bug NoLogTest --log --around violation
  kraftsim replay quorum --seed 42 --bug NoLogTest --html run.html
  kraftsim replay calm --seed 1 --until 20s --out disks
  kraftsim replay ci --seed 1 --pcap run.pcapng
  kraftsim replay ci --seed 1 --perfetto run.pftrace
  kraftsim replay quorum --seed 42 --against fuzz/corpus/NoLogTest.json
  kraftsim replay quorum --seed 42 \\
      --set controller.quorum.fetch.timeout.ms=500 --json -

With a repro file, RUN flags are applied in addition to those that it stores.";

/// `--pcap-versions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PcapVersions {
    Kafka,
    Wireshark,
}

impl From<PcapVersions> for Versions {
    fn from(versions: PcapVersions) -> Versions {
        match versions {
            PcapVersions::Kafka => Versions::Kafka,
            PcapVersions::Wireshark => Versions::Wireshark,
        }
    }
}

/// `replay`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("recorded")
    .args(["dialogue", "controller_dialogue", "client_dialogue", "partition_dialogue"]))]
pub struct ReplayArgs {
    /// The run.
    #[command(flatten)]
    pub one: OneRun,
    /// Stop at this simulated time, such as 12.5s
    #[arg(long, value_name = "TIME", value_parser = parse_duration, allow_hyphen_values = true, conflicts_with = "expect_digest")]
    pub until: Option<u64>,
    /// Exit 5 unless the run has this digest
    #[arg(long, value_name = "D", value_parser = parse_digest)]
    pub expect_digest: Option<u128>,
    /// Write the history of the clients, and also check it without the logs of servers
    #[arg(long, value_name = "PATH.edn|PATH.json")]
    pub history: Option<PathBuf>,
    /// Write all events of the run as NDJSON, one object per line; - is stdout. The schema:
    /// kraftsim schema trace
    #[arg(long, value_name = "PATH|-")]
    pub trace: Option<PathBuf>,
    /// Write the run as a page for a browser: nodes over time, messages, faults, operations of clients, and what led to the
    /// violation, with its point of no return, which takes some hundred more runs; - is stdout
    #[arg(long, value_name = "PATH|-")]
    pub html: Option<PathBuf>,
    /// Write the messages of the run as a capture for Wireshark, in Kafka's own bytes, with a comment for each: the nodes
    /// with their roles, the message, and whether it was delivered; - is stdout
    #[arg(long, value_name = "PATH|-")]
    pub pcap: Option<PathBuf>,
    /// The versions of the APIs in that capture: those of Kafka 4.4, or the newest ones that Wireshark 4.0 can read
    #[arg(
        long,
        value_name = "kafka|wireshark",
        value_enum,
        default_value = "wireshark",
        requires = "pcap",
        hide_possible_values = true
    )]
    pub pcap_versions: PcapVersions,
    /// Write the run as a trace for ui.perfetto.dev: roles and epochs of nodes, messages, high watermarks, requests of
    /// clients, and faults; - is stdout
    #[arg(long, value_name = "PATH|-")]
    pub perfetto: Option<PathBuf>,
    /// Write what the raft client of this controller, by its id, received and sent, as NDJSON
    /// into the file of -o, for a comparison with Kafka. The schema: kraftsim schema dialogue
    #[arg(long, value_name = "ID", requires = "output")]
    pub dialogue: Option<String>,
    /// Write what the QuorumController of this node lived through: its inputs, the records that
    /// it appended, and its answers. The schema: kraftsim schema controller-dialogue
    #[arg(long, value_name = "ID", requires = "output")]
    pub controller_dialogue: Option<String>,
    /// Write what this producer or consumer, by its name (consumer-3), lived through: responses and
    /// calls, its requests, the records that it returned, and its state. The schema:
    /// kraftsim schema client-dialogue
    #[arg(long, value_name = "NAME", requires = "output")]
    pub client_dialogue: Option<String>,
    /// Write what this broker's replica of a partition (101:topic-0-0) lived through: its calls, their
    /// results, the changes of the ISR that it submits, and its state. The schema:
    /// kraftsim schema partition-dialogue
    #[arg(long, value_name = "BROKER:TOPIC-N", requires = "output")]
    pub partition_dialogue: Option<String>,
    /// The file of the dialogue; - is stdout
    #[arg(short = 'o', value_name = "PATH|-", requires = "recorded")]
    pub output: Option<PathBuf>,
    /// Print the events of the run, one line each
    #[arg(long)]
    pub log: bool,
    /// Print where this run and that of a repro file part, and what led there in each: with and without a fault, a bug
    /// or a fix, for example; with --html, the page has both runs side by side
    #[arg(long, value_name = "REPRO.json", conflicts_with = "log")]
    pub against: Option<PathBuf>,
    /// Log only this node, by its id (1, 101) or name (producer-0); may be repeated
    #[arg(long, value_name = "ID", requires = "log")]
    pub node: Vec<String>,
    /// Log only from this simulated time on
    #[arg(long, value_name = "TIME", value_parser = parse_duration, requires = "log")]
    pub from: Option<u64>,
    /// Log only up to this simulated time
    #[arg(long, value_name = "TIME", value_parser = parse_duration, requires = "log")]
    pub to: Option<u64>,
    /// Log only the last 200 lines that may have led to the violation, or 100 lines before
    /// and after the event of this number
    #[arg(long, value_name = "violation|EVENT", value_parser = parse_around, requires = "log")]
    pub around: Option<Around>,
    /// Log only requests and responses of this RPC, such as Fetch; may be repeated
    #[arg(long, value_name = "RPC", requires = "log")]
    pub grep: Vec<String>,
    /// Log only lines that contain this name: of a node, a topic, a partition (topic-1-0), an error; may be repeated.
    /// Lines of lost messages name no partitions
    #[arg(long, value_name = "NAME", requires = "log", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub about: Vec<String>,
    /// Write the run as JSON; - is stdout
    #[arg(long, value_name = "PATH|-")]
    pub json: Option<PathBuf>,
    /// Write into this directory the run's repro file, the files of each node as a process that
    /// starts then would find them (of a running node: as after a kill), and a .properties file
    /// with which Kafka starts on them
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// RUN.
    #[command(flatten)]
    pub run: RunFlags,
}
