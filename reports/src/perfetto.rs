//! A run as a trace for Perfetto (ui.perfetto.dev), in its binary format.
//!
//! * `tracks`: the tracks of a node; `lanes`: slices that may overlap
//! * `packets`: the packets of the file; `message`: Protocol Buffers
//!
//! A node's track shows its role and epoch in the quorum. Below it are its threads with the messages that they send and
//! take, joined by arrows, its high watermark, and of a client its requests from sending to answer. Faults and the
//! violation have tracks of their own.

mod lanes;
mod message;
mod packets;
mod tracks;

use std::collections::BTreeMap;

use scenarios::trace::text::Standings;
use scenarios::trace::{Line, LineId, Stage, Trace, Value, What};
use sim::fault::{Fault, Kind as FaultKind};
use sim::process::Node;
use sim::watch::{Phase, Way};

use lanes::{Lanes, Slice};
use packets::{Flow, Kind, Packets, Track};
use tracks::{DOWN, NodeTracks};

/// The whole file. `words` describes a fault.
pub fn bytes(trace: &Trace, words: &dyn Fn(&Fault) -> String) -> Vec<u8> {
    let mut writer = Writer::begin(trace, words);
    let mut standings = Standings::new(trace);
    for (number, line) in trace.lines.iter().enumerate() {
        let standing = standings.after(line).map(|standing| standing.to_string());
        writer.line(number as LineId, line, standing);
    }
    writer.end(trace.lines.last().map_or(0, |line| line.at_ns))
}

struct Writer<'a> {
    trace: &'a Trace,
    words: &'a dyn Fn(&Fault) -> String,
    packets: Packets,
    violation: Track,
    faults: Lanes,
    /// Of faults that last.
    open: Vec<(Fault, Slice)>,
    partitions: Track,
    high_watermarks: BTreeMap<String, Track>,
    nodes: Vec<NodeTracks>,
    /// Of requests of clients that are not answered: by connection and correlation id.
    requests: BTreeMap<(u64, Option<i32>), Slice>,
}

impl<'a> Writer<'a> {
    fn begin(trace: &'a Trace, words: &'a dyn Fn(&Fault) -> String) -> Writer<'a> {
        let mut packets = Packets::default();
        let violation = packets.track(Track::ROOT, "violation", 0);
        let faults = Lanes::new(Track::ROOT, "faults", 1);
        let mut rank = 1;
        let mut node = |(number, name): (usize, &String)| {
            rank += 1;
            NodeTracks::new(&mut packets, name, trace.is_client(Node(number as u16)), rank)
        };
        let nodes: Vec<NodeTracks> = trace.names().iter().enumerate().map(&mut node).collect();
        let partitions = packets.track(Track::ROOT, "high watermarks of partitions", rank + 1);
        let (open, high_watermarks, requests) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        Writer { trace, words, packets, violation, faults, open, partitions, high_watermarks, nodes, requests }
    }

    fn line(&mut self, number: LineId, line: &Line, standing: Option<String>) {
        if let Some(node) = line.node {
            let state = match &line.what {
                What::Down(_) => Some(DOWN.to_owned()),
                _ => standing,
            };
            self.nodes[usize::from(node.0)].stands(&mut self.packets, line.at_ns, state);
        }
        match &line.what {
            What::Message(stage, way, _) => self.message(number, line, *stage, *way),
            What::Said(_) => self.said(line),
            What::Fault(fault, phase) => self.fault(line, fault, *phase),
            What::Booted => self.outage_ends(line),
            What::Healed => {
                self.faults.end_all(&mut self.packets, line.at_ns);
                self.open.clear();
            }
            What::Broken(violation) => {
                let details = [("detail", violation.detail.as_str()), ("spec", violation.spec.as_str())];
                let (at_ns, name) = (line.at_ns, &violation.invariant);
                self.packets.event(at_ns, self.violation, Kind::Instant, name, None, &details);
            }
            _ => {}
        }
    }

    fn message(&mut self, number: LineId, line: &Line, stage: Stage, way: Way) {
        let Some(node) = line.node else { return };
        let api = self.trace.apis(line).join("/");
        let kind = if way.is_request { "" } else { " response" };
        let (name, flow) = match stage {
            Stage::Sent => (format!("send {api}{kind}"), Some(Flow::From(u64::from(number) + 1))),
            Stage::Received => (format!("take {api}{kind}"), line.cause.map(|sent| Flow::To(u64::from(sent) + 1))),
            Stage::Blocked => (format!("retransmit {api}{kind}"), None),
            Stage::Dropped => (format!("lose {api}{kind}"), None),
        };
        let words = self.trace.text(line, self.words);
        let event = line.event.to_string();
        let details = [("event", event.as_str()), ("message", words.as_str())];
        let tracks = &mut self.nodes[usize::from(node.0)];
        let thread = tracks.thread(&mut self.packets, self.trace.thread(line).unwrap_or("network"));
        self.packets.event(line.at_ns, thread, Kind::Instant, &name, flow, &details);
        if !self.trace.is_client(node) {
            return;
        }
        let key = (way.connection.0, self.trace.correlation_id(line));
        let requests = &mut self.nodes[usize::from(node.0)].requests;
        match stage {
            Stage::Sent if way.is_request => {
                let slice = requests.begin(&mut self.packets, line.at_ns, &api, &details);
                self.requests.insert(key, slice);
            }
            Stage::Received if !way.is_request => {
                if let Some(slice) = self.requests.remove(&key) {
                    requests.end(&mut self.packets, line.at_ns, slice, &[("response", &words)]);
                }
            }
            _ => {}
        }
    }

    /// High watermarks: of the metadata log as each server knows it, and of partitions as their leaders do.
    fn said(&mut self, line: &Line) {
        let (_, fields) = self.trace.shown(line);
        let [(_, Value::Text(what)), (_, Value::Struct(of)), ..] = &fields[..] else { return };
        let field = |name: &str| of.iter().find(|(other, _)| other == name).map(|(_, value)| value);
        let (Some(Value::Number(offset)), Some(node)) = (field("offset"), line.node) else { return };
        let offset = u64::try_from(*offset).unwrap_or_default();
        let counter = match what.as_str() {
            "HighWatermark" => self.nodes[usize::from(node.0)].high_watermark(&mut self.packets),
            "LeaderHighWatermark" => {
                let Some(Value::Text(partition)) = field("partition") else { return };
                let rank = self.high_watermarks.len() as u64;
                let packets = &mut self.packets;
                let new = || packets.counter(self.partitions, partition, rank);
                *self.high_watermarks.entry(partition.clone()).or_insert_with(new)
            }
            _ => return,
        };
        self.packets.value(line.at_ns, counter, offset);
    }

    fn fault(&mut self, line: &Line, fault: &Fault, phase: Phase) {
        let (name, words) = (fault.what.kind().name(), (self.words)(fault));
        match phase {
            Phase::Start => {
                let slice = self.faults.begin(&mut self.packets, line.at_ns, name, &[("fault", &words)]);
                if fault.lasts_ns > 0 {
                    self.open.push((fault.clone(), slice));
                } else {
                    self.faults.end(&mut self.packets, line.at_ns, slice, &[]);
                }
            }
            Phase::End => {
                if let Some(at) = self.open.iter().position(|(other, _)| other == fault) {
                    let (_, slice) = self.open.swap_remove(at);
                    self.faults.end(&mut self.packets, line.at_ns, slice, &[]);
                }
            }
            Phase::Skipped => {}
        }
    }

    /// A fault by which its node is down has no end of its own.
    fn outage_ends(&mut self, line: &Line) {
        let is_over = |fault: &Fault| {
            let kind = fault.what.kind();
            let is_outage = matches!(kind, FaultKind::Kill | FaultKind::Terminate | FaultKind::PowerLoss)
                || matches!(kind, FaultKind::ReplaceDisk | FaultKind::FileDamage);
            is_outage && fault.what.node() == line.node
        };
        let (over, open) = std::mem::take(&mut self.open).into_iter().partition(|(fault, _)| is_over(fault));
        self.open = open;
        let over: Vec<(Fault, Slice)> = over;
        for (_, slice) in over {
            self.faults.end(&mut self.packets, line.at_ns, slice, &[]);
        }
    }

    fn end(mut self, at_ns: u64) -> Vec<u8> {
        self.faults.end_all(&mut self.packets, at_ns);
        for node in &mut self.nodes {
            node.end(&mut self.packets, at_ns);
        }
        self.packets.end()
    }
}
