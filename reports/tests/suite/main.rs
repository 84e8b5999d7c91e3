//! The command from end to end, and the rules of the repository. One binary, since each takes seconds to link.

mod bad_files;
#[path = "../../build.rs"]
#[allow(dead_code, reason = "its main is cargo's")]
mod build;
mod chart;
mod check;
mod ci;
mod command;
mod commit;
mod corpus;
mod disks;
mod exports;
mod fake;
mod guided;
mod instruments;
mod kafka_bytes;
mod kafka_values;
mod known;
mod operator;
mod page;
mod pcap_bytes;
mod perfetto_bytes;
mod repository;
mod results;
mod trace;
mod verdicts;

/// The text without its line breaks.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
