//! The messages of a run as a capture for Wireshark (pcapng): one TCP connection for each connection of the run, in
//! Kafka's own bytes, with a comment for each message.
//!
//! * `fate`: what became of each message; `comment`: a comment, which `docs/kraftsim.lua` reads
//! * `connection`: IPv4 and TCP; `file`: blocks of pcapng
//!
//! A message is captured once, where it is sent; its comment says whether and when it is delivered. A message that is
//! never delivered is on an interface of its own.

mod comment;
mod connection;
mod fate;
mod file;

use scenarios::report::RunReport;
use scenarios::trace::text::Standings;
use scenarios::trace::{Stage, Trace, What};
use scenarios::wire::{Clients, Versions};
use sim::process::Node;

use crate::json::show_digest;
use comment::Comment;
use connection::{Connections, address};
use fate::Fates;
use file::{Interface, PcapNg};
use fuzz::seeds::show_seed;

/// Kafka's wall clocks start here: 2026-01-01, in ns since 1970.
const START_NS: u64 = 1_767_225_600_000_000_000;

/// A capture, and what it does not contain.
pub struct Capture {
    pub bytes: Vec<u8>,
    /// Messages that Kafka does not have: of the scenarios of the quorum alone.
    pub model_only: usize,
    /// Why a message could not be written in the version of its API.
    pub refused: Vec<String>,
}

impl Capture {
    /// What is missing, if anything.
    pub fn notes(&self) -> Vec<String> {
        let of_model = format!(
            "--pcap: {} messages are left out, because Kafka has no AppendRecords or ReadRecords",
            self.model_only
        );
        let refused = self.refused.first().map(|first| {
            format!("--pcap: {} messages cannot be written in their version, the first {first}", self.refused.len())
        });
        (self.model_only > 0).then_some(of_model).into_iter().chain(refused).collect()
    }
}

pub fn capture(trace: &Trace, run: &RunReport, versions: Versions) -> Capture {
    let about = format!(
        "scenario {}, seed {}, digest {}; simulated time 0 is 2026-01-01T00:00:00Z",
        run.scenario,
        show_seed(run.seed),
        show_digest(run.digest)
    );
    let mut file = PcapNg::begin(&format!("kraftsim {}", crate::VERSION), &about);
    file.names(trace.names().iter().enumerate().map(|(node, name)| (address(Node(node as u16)), name.as_str())));
    let (mut model_only, mut refused) = (0, Vec::new());
    let (fates, mut connections) = (Fates::of(trace), Connections::default());
    let mut standings = Standings::new(trace);
    let mut clients = Clients::default();
    for (number, line) in trace.lines.iter().enumerate() {
        standings.after(line);
        let What::Message(stage, way, message) = &line.what else { continue };
        if *stage == Stage::Received {
            connections.received(line.cause);
            continue;
        }
        if *stage != Stage::Sent {
            continue;
        }
        let carried = clients.carried(trace, line, *way, message);
        let encoded = match trace.encoded(message, carried, versions) {
            Ok(Some(encoded)) => encoded,
            Ok(None) => {
                model_only += 1;
                continue;
            }
            Err(problem) => {
                refused.push(problem);
                continue;
            }
        };
        let fate = fates.of_line(number as u32);
        let comment = Comment { trace, line, way: *way, encoded: &encoded, standings: &standings, fate };
        let interface = if fate.is_delivered() { Interface::Delivered } else { Interface::Lost };
        let at_ns = START_NS + line.at_ns;
        let packets = connections.sent(number as u32, *way, carried.listener, &encoded.bytes);
        let first = packets.iter().position(|packet| packet.has_payload).unwrap_or_default();
        for (place, packet) in packets.iter().enumerate() {
            let text = (place == first).then(|| comment.to_string());
            file.packet(interface, at_ns, &packet.bytes, text.as_deref());
        }
    }
    Capture { bytes: file.end(), model_only, refused }
}
