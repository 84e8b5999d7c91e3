//! The trace of a run: the inputs, effects and observations of each node, and their causes, one line each.
//!
//! * this file: the lines and their graph; `recorder`: the listener that records them
//! * [`shown`]: a line's fields by name; [`said`]: observations of nodes; [`text`]: a line as text

mod recorder;
pub mod said;
pub mod shown;
pub mod text;

use std::rc::Rc;

use sim::fault::{Fault, What as FaultWhat};
use sim::process::{CloseReason, DiskError, Node, Thread};
use sim::watch::{Down, Phase, Way};

pub use raft::message::Value;
pub use raft::message::api_names;

use crate::actor::{Message, Said};
use crate::report::{RunReport, Violation};
use crate::run::Request;
use crate::run::listener::listen;
use crate::topic_names::TopicNames;
use crate::workload::ClientOperation;
use recorder::Recorder;

/// A line by its number, from 0, in the order of the run.
pub type LineId = u32;

/// One line.
#[derive(Clone, Debug)]
pub struct Line {
    /// True time, ns.
    pub at_ns: u64,
    /// The number of the event that it is part of, from 1.
    pub event: u64,
    /// The node; `None` if the line is about links or the whole run.
    pub node: Option<Node>,
    /// The thread that did it or to which it happened.
    pub thread: Option<Thread>,
    /// The incarnation of the process, from 1; 0 before the first.
    pub incarnation: u32,
    /// The line that caused this one: for an effect of a thread, the input that it took; for a message that is received,
    /// its sending; for a timer that fires, its arming.
    pub cause: Option<LineId>,
    /// The previous line of the same node.
    pub previous: Option<LineId>,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum What {
    /// The process starts.
    Booted,
    /// It has ended.
    Down(Down),
    /// It ends by itself.
    Halted {
        /// Why.
        reason: String,
        /// By a fatal error.
        fatal: bool,
    },
    /// The fate of a message.
    Message(Stage, Way, Box<Message>),
    /// A connection is opened to this node.
    Connecting(Node),
    /// It is open.
    Connected(Option<Node>),
    /// It is gone.
    Disconnected(Option<Node>, CloseReason),
    /// The thread's timer is set to this true time, ns.
    TimerArmed(u64),
    /// It is no longer needed.
    TimerDisarmed,
    /// It fires.
    TimerFired,
    /// A thread wakes another one, with this word.
    Posted(Thread, &'static str),
    /// The other thread receives that word.
    Woken(&'static str),
    /// SIGTERM.
    Terminated,
    /// Its application asks for something.
    Asked(ClientOperation),
    /// The disk.
    Disk(Disk),
    /// An observation of the node.
    Said(Said),
    /// A fault.
    Fault(Box<Fault>, Phase),
    /// All faults have ended.
    Healed,
    /// A claim does not hold.
    Broken(Box<Violation>),
}

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Handed to the network.
    Sent,
    /// A thread has taken it.
    Taken,
    /// It did not get through and is sent again later.
    Blocked,
    /// It is lost.
    Dropped,
}

/// An operation of a node on its disk, or the answer of the disk.
#[derive(Clone, Debug)]
pub enum Disk {
    /// Opened, created, or emptied.
    Open {
        /// Which file.
        path: Rc<str>,
        /// Emptied.
        truncate: bool,
    },
    /// Appended.
    Write {
        /// To which file.
        path: Rc<str>,
        /// Where.
        offset: u64,
        /// What.
        bytes: Rc<[u8]>,
    },
    /// Cut.
    Truncate {
        /// Which file.
        path: Rc<str>,
        /// Its length now.
        length: u64,
    },
    /// Renamed.
    Rename {
        /// From.
        path: Rc<str>,
        /// To.
        to: Rc<str>,
    },
    /// Removed.
    Delete {
        /// Which file.
        path: Rc<str>,
    },
    /// An fsync begins; `None`: of the directory.
    Fsync(Option<Rc<str>>),
    /// It is done, and the file has this length.
    Synced(Option<Rc<str>>, u64),
    /// A write or an fsync failed.
    Failed(DiskError),
    /// A fault destroyed durable bytes.
    Damaged,
}

/// A whole run.
#[derive(Clone, Debug)]
pub struct Trace {
    /// In the order of the run.
    pub lines: Vec<Line>,
    names: Vec<String>,
    topics: TopicNames,
    /// Names of topics by their place in the clients' list.
    client_topics: Vec<String>,
    broken: Option<LineId>,
}

impl Trace {
    /// Runs a request on the bare loop and records its trace.
    pub fn of(request: &Request<'_>) -> Result<(RunReport, Trace), String> {
        let (report, recorder, topics) = listen(request, Recorder::new)?;
        let names = request.scenario.clients.topics().names;
        let client_topics = names.iter().map(|name| name.to_string()).collect();
        Ok((report, Trace { topics, client_topics, ..recorder.into_trace() }))
    }

    /// A node's name.
    pub fn name(&self, node: Node) -> &str {
        self.names.get(usize::from(node.0)).map_or("?", String::as_str)
    }

    /// All names, by node.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The line of the violation.
    pub fn violation(&self) -> Option<LineId> {
        self.broken
    }

    /// The relation of each line to one line, by number.
    pub fn related_to(&self, line: LineId) -> Vec<Relation> {
        let mut relations = vec![Relation::None; self.lines.len()];
        let mut at_node = vec![false; self.names.len()];
        relations[line as usize] = Relation::Itself;
        let found_at_the_end = self.lines[line as usize].node.is_none();
        if found_at_the_end {
            at_node.fill(true);
        }
        for index in (0..=line as usize).rev() {
            let here = &self.lines[index];
            // Everything that a node did is in the past of its later actions, and so are the faults of its links.
            let is_past = match &here.what {
                What::Fault(fault, _) => touched(&fault.what).iter().any(|node| at_node[usize::from(node.0)]),
                _ => here.node.is_some_and(|node| at_node[usize::from(node.0)]),
            };
            if is_past && relations[index] == Relation::None {
                relations[index] = Relation::Past;
            }
            if relations[index] == Relation::None {
                continue;
            }
            if let Some(node) = here.node {
                at_node[usize::from(node.0)] = true;
            }
            if let Some(cause) = here.cause {
                let is_chain = matches!(relations[index], Relation::Itself | Relation::Chain);
                let relation = &mut relations[cause as usize];
                if is_chain {
                    *relation = Relation::Chain;
                } else if *relation == Relation::None {
                    *relation = Relation::Past;
                }
            }
        }
        relations
    }
}

/// The relation of a line to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// It cannot have led to it.
    None,
    /// It may have: it precedes the other line in Lamport's happened-before order.
    Past,
    /// It is its cause, or the cause of that, and so on.
    Chain,
    /// It is that line.
    Itself,
}

/// Every node that a fault touches.
pub fn touched(what: &FaultWhat) -> Vec<Node> {
    let ends = what.links().iter().flat_map(|link| [link.0, link.1]);
    let mut nodes: Vec<Node> = ends.chain(what.node()).collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}
