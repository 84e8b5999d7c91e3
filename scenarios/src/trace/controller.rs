//! The dialogue of a `QuorumController`: all that its event queue lived through in a run, for a comparison with Kafka's
//! class. It is recorded by a listener, and changes nothing.
//!
//! [`json`]: as NDJSON; `kafka_json`: messages in the JSON of Kafka's own converters

pub mod json;
mod kafka_json;

use std::collections::VecDeque;
use std::rc::Rc;

use raft::controller::settings::ControllerSettings;
use raft::ids::{LeaderEpoch, NodeId, Offset, OffsetAndEpoch};
use raft::io::{Connection, DialogueEntry, Effect, Post, ThreadName};
use raft::log::Records;
use raft::message::{Request, Response};
use raft::node::Roles;
use sim::disk::Disk;
use sim::process::{Input, Node, Thread};
use sim::rng::Seed;
use sim::watch::{Down, Watch};

use crate::actor::{Actor, Message, ServerSpec, Spec};
use crate::cluster::prepare;
use crate::report::{RunReport, Violation};
use crate::run;
use crate::run::listener::{Listener, ViolatedBy, listen};

/// What one controller lived through, in order.
#[derive(Clone, Debug)]
pub struct ControllerDialogue {
    pub settings: Rc<ControllerSettings>,
    pub lines: Vec<Line>,
}

/// A step of the event queue, or the arrival of a request.
#[derive(Clone, Debug)]
pub struct Line {
    /// True time.
    pub at_ns: u64,
    /// The clock of the queue and of sessions.
    pub mono_ns: u64,
    pub wall_ms: i64,
    pub what: What,
    /// Draws of the step: (exclusive bound, value).
    pub draws: Vec<(u32, u32)>,
    pub entries: Vec<Entry>,
    /// After the step; `None` if the process has ended.
    pub state: Option<State>,
}

/// The kind of a [`Line`].
#[derive(Clone, Copy, Debug)]
pub enum What {
    /// The process starts; raft will report everything from offset 0.
    Boot { incarnation: u32 },
    /// A thread of the network has received a request.
    Arrival,
    /// The queue's thread has run at most this event, or failed it because its deadline had passed.
    Step { event: Option<&'static str>, timed_out: bool },
    /// The process is gone.
    Down { how: Down },
}

/// An input or output of the controller.
#[derive(Clone, Debug)]
pub enum Entry {
    /// Input: a request.
    Request { connection: Connection, correlation_id: i32, request: Request },
    /// Input: raft has called its listener, so that an event is appended; `None` if that was never run.
    Raft(Option<RaftCall>),
    /// Input: the event throws an exception.
    Throws,
    /// Output: `RaftClient.prepareAppend`, and its result, which is an input.
    Append { epoch: LeaderEpoch, records: Vec<Box<[u8]>>, result: Result<Offset, String> },
    /// Output: `RaftClient.schedulePreparedAppend`, and whether raft accepts it, which is an input.
    Schedule { is_leader: bool },
    /// Output: `RaftClient.resign`.
    Resign { epoch: LeaderEpoch },
    /// Output: the answer to a request.
    Answer { connection: Connection, correlation_id: i32, response: Response },
    /// Output: the process ends.
    Halt { reason: Rc<str> },
}

/// A call of raft's listener.
#[derive(Clone, Debug)]
pub enum RaftCall {
    /// `handleCommit`
    Commit(Records),
    /// `handleLoadSnapshot`, or `handleLoadBootstrap` of the one at 0-0
    LoadSnapshot { id: OffsetAndEpoch, bytes: Rc<[u8]> },
    /// `handleLeaderChange`; `log_end` is `RaftClient.logEndOffset` when it is run.
    LeaderChange { leader: Option<NodeId>, epoch: LeaderEpoch, log_end: Offset },
}

/// What a controller shows after a step.
#[derive(Clone, Copy, Debug)]
pub struct State {
    /// `curClaimEpoch`; `None` on a standby.
    pub claimed: Option<LeaderEpoch>,
    pub last_stable: Offset,
}

impl ControllerDialogue {
    /// Runs a request, whose `dialogue` is set, on the bare loop: to its end, even if a claim is violated before.
    pub fn of(request: &run::Request<'_>) -> Result<(RunReport, ControllerDialogue), String> {
        let index = request.dialogue.unwrap_or_default();
        let mut prepared = prepare(request.scenario, Seed(request.seed), &request.explicit)?;
        let spec = prepared.world.nodes.swap_remove(index).spec;
        let Spec::Server(ServerSpec { node, .. }) = spec else { return Err("a client is no controller".to_owned()) };
        let Roles::Kafka { controller: Some(settings), .. } = node.roles else {
            return Err("this node has no QuorumController".to_owned());
        };
        let (report, recorder, _) =
            listen(&run::Request { keep_going: true, ..request.clone() }, |_| Recorder::of(Node(index as u16)))?;
        Ok((report, ControllerDialogue { settings, lines: recorder.lines }))
    }
}

#[derive(Debug)]
struct Recorder {
    node: Node,
    lines: Vec<Line>,
    incarnation: Option<u32>,
    input: Option<(Thread, Option<Entry>)>,
    /// That input lets the last event go on.
    continues: bool,
    /// Raft has ended the process, which is about to stop: another thread may still be given an input.
    has_ended: bool,
    /// Lines and entries of the raft calls whose content is not known yet: it is when they are run.
    announced: VecDeque<(usize, usize)>,
}

const EVENT_QUEUE: Thread = Thread(ThreadName::ControllerEventQueue as u8);
const REQUEST_HANDLER: Thread = Thread(ThreadName::ControllerRequestHandler as u8);

impl Recorder {
    fn of(node: Node) -> Recorder {
        Recorder {
            node,
            lines: Vec::new(),
            incarnation: None,
            input: None,
            continues: false,
            has_ended: false,
            announced: VecDeque::new(),
        }
    }

    fn line(&mut self, at_ns: u64, process: &Actor, mut what: What, first: Option<Entry>) {
        let Actor::Server(server) = process else { return };
        let Some((recorded, arguments)) = server.dialogue() else { return };
        let mut entries: Vec<Entry> = first.into_iter().collect();
        if let [Entry::Raft(None)] = entries[..] {
            self.announced.push_back((self.lines.len(), 0));
        }
        let mut ran = None;
        for entry in recorded {
            match entry {
                DialogueEntry::Event { name, timed_out } => {
                    what = What::Step { event: Some(name), timed_out: *timed_out };
                }
                DialogueEntry::HandlesCommit { records } => ran = Some(RaftCall::Commit(records.clone())),
                DialogueEntry::HandlesLoadSnapshot { id, bytes } => {
                    ran = Some(RaftCall::LoadSnapshot { id: *id, bytes: bytes.clone() });
                }
                DialogueEntry::HandlesLeaderChange { leader, epoch, log_end } => {
                    ran = Some(RaftCall::LeaderChange { leader: *leader, epoch: *epoch, log_end: *log_end });
                }
                entry => entries.extend(output(entry)),
            }
        }
        if entries.is_empty() && matches!(what, What::Step { event: None, .. }) {
            return;
        }
        let state = server
            .node
            .controller()
            .map(|controller| State { claimed: controller.claimed(), last_stable: controller.last_stable_offset() });
        // The event goes on: for Kafka's controller it is one.
        if std::mem::take(&mut self.continues)
            && let Some(line) = self.lines.iter_mut().rfind(|line| matches!(line.what, What::Step { .. }))
        {
            line.entries.extend(entries);
            line.state = state;
            return;
        }
        let (now, draws) = (arguments.now, arguments.draws.clone());
        if let (What::Step { event, .. }, Some(call)) = (&mut what, &ran) {
            *event = Some(match call {
                RaftCall::Commit(_) => "handleCommit",
                RaftCall::LoadSnapshot { .. } => "handleLoadSnapshot",
                RaftCall::LeaderChange { .. } => "handleLeaderChange",
            });
        }
        self.lines.push(Line { at_ns, mono_ns: now.mono_ns, wall_ms: now.wall_ms, what, draws, entries, state });
        if let (Some(call), Some((line, entry))) = (ran, self.announced_if(what)) {
            self.lines[line].entries[entry] = Entry::Raft(Some(call));
        }
    }

    /// Drops the event whose process has ended before its `Continue`: what it would have done is not known.
    fn drop_cut_event(&mut self) {
        let last = self.lines.iter().rposition(|line| matches!(line.what, What::Step { .. }));
        let is_prepared = |entry: &Entry| match entry {
            Entry::Append { result, .. } => Some(result.is_ok()),
            Entry::Schedule { .. } => Some(false),
            _ => None,
        };
        if let Some(last) = last
            && self.lines[last].entries.iter().rev().find_map(is_prepared) == Some(true)
        {
            self.lines.remove(last);
        }
    }

    /// The oldest raft call that has not been run, if this step has run one.
    fn announced_if(&mut self, what: What) -> Option<(usize, usize)> {
        match what {
            What::Step { event: Some("handleCommit" | "handleLoadSnapshot" | "handleLeaderChange"), .. } => {
                self.announced.pop_front()
            }
            _ => None,
        }
    }
}

fn output(entry: &DialogueEntry) -> Option<Entry> {
    Some(match entry {
        DialogueEntry::Throws => Entry::Throws,
        DialogueEntry::Prepared { epoch, records, result } => {
            Entry::Append { epoch: *epoch, records: records.clone(), result: result.clone() }
        }
        DialogueEntry::Scheduled { is_leader } => Entry::Schedule { is_leader: *is_leader },
        DialogueEntry::Resigned { epoch } => Entry::Resign { epoch: *epoch },
        DialogueEntry::Effect(Effect::SendResponse { connection, correlation_id, response }) => {
            let (connection, correlation_id, response) = (*connection, *correlation_id, response.clone());
            Entry::Answer { connection, correlation_id, response }
        }
        DialogueEntry::Effect(Effect::Halt { reason, .. }) => Entry::Halt { reason: Rc::clone(reason) },
        _ => return None,
    })
}

impl Watch<Actor> for Recorder {
    fn booted(&mut self, _: u64, node: Node, incarnation: u32, _: &Disk) {
        if node == self.node {
            self.announced.clear();
            self.has_ended = false;
            self.incarnation = Some(incarnation);
        }
    }

    fn up(&mut self, at: u64, node: Node, process: &Actor) {
        if node == self.node
            && let Some(incarnation) = self.incarnation.take()
        {
            self.line(at, process, What::Boot { incarnation }, None);
        }
    }

    fn input(&mut self, _: u64, node: Node, thread: Thread, input: &Input<Actor>) {
        if node != self.node || (thread != EVENT_QUEUE && thread != REQUEST_HANDLER) {
            return;
        }
        let entry = match input {
            Input::Request { connection, message } => {
                let Message::Request { correlation_id, request } = message.message().clone() else { return };
                // Answered before it reaches the controller.
                if matches!(request, Request::ApiVersions(_) | Request::DiscoverVersions(_)) {
                    return;
                }
                Some(Entry::Request { connection: Connection(connection.0), correlation_id, request })
            }
            Input::Post(Post::ListenerEvent) => Some(Entry::Raft(None)),
            _ => None,
        };
        self.continues = matches!(input, Input::Continue);
        self.input = Some((thread, entry));
    }

    fn stepped(&mut self, at: u64, node: Node, thread: Thread, process: &Actor) {
        let Actor::Server(server) = process else { return };
        if node != self.node {
            return;
        }
        let had_ended = std::mem::replace(&mut self.has_ended, server.node.role().is_none());
        if let Some((of, entry)) = self.input.take()
            && of == thread
            && !had_ended
        {
            let arrival = thread == REQUEST_HANDLER;
            let what = if arrival { What::Arrival } else { What::Step { event: None, timed_out: false } };
            self.line(at, process, what, entry);
        }
    }

    fn down(&mut self, at_ns: u64, node: Node, _: &Disk, how: Down) {
        if node == self.node {
            self.drop_cut_event();
            let (draws, entries, state) = (Vec::new(), Vec::new(), None);
            self.lines.push(Line { at_ns, mono_ns: 0, wall_ms: 0, what: What::Down { how }, draws, entries, state });
        }
    }
}

impl Listener for Recorder {
    fn broken(&mut self, _: &Violation, _: ViolatedBy) {}
}
