//! The listener that records the trace of a run.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use raft::io::{FatalFault, Post, ThreadName};
use raft::message::{Request, Response, Value};
use sim::disk::Disk;
use sim::fault::Fault;
use sim::process::{Connection, DiskError, File, Input, Node, Now, Payload, Thread};
use sim::watch::{Down, Phase, Synced, Watch, Way, Write};

use super::graph::Trace;
use super::line::{DiskAccess, Line, LineId, Stage, What};
use crate::actor::{Actor, BoxedMessage, Message, Said};
use crate::report::Violation;
use crate::run::listener::{Listener, ViolatedBy};
use crate::topic_names::TopicNames;
use crate::workload::clocks;

/// A connection, by the token of its opener.
type Token = (Node, Thread, u32);

/// See the module's documentation.
#[derive(Debug)]
pub struct Recorder {
    lines: Vec<Line>,
    names: Vec<String>,
    nodes: Vec<NodeState>,
    event: u64,
    /// The thread that is stepped.
    stepped: Option<(Node, Thread)>,
    /// The line with the sending of each message in flight.
    sent: BTreeMap<(Connection, bool, u64), LineId>,
    /// The connections of each thread: the line of the attempt, and the connection once it is open.
    connected: BTreeMap<Token, (LineId, Node, Option<Connection>)>,
    broken: Option<LineId>,
    /// By what the timer of the thread fires that is stepped.
    fired_by: Vec<&'static str>,
}

#[derive(Clone, Debug, Default)]
struct NodeState {
    incarnation: u32,
    last: Option<LineId>,
    /// What brings it down, or has.
    ending: Option<LineId>,
    threads: Vec<ThreadState>,
    /// Its state before the last Vote request.
    vote_basis: Option<Rc<Value>>,
    files: BTreeMap<File, Rc<str>>,
    lengths: BTreeMap<Rc<str>, u64>,
}

impl std::fmt::Debug for ThreadState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ThreadState").field("step", &self.step).finish_non_exhaustive()
    }
}

#[derive(Clone, Default)]
struct ThreadState {
    /// The line with which its step began or continues.
    step: Option<LineId>,
    /// The fsync that it waits for.
    syncs: Option<LineId>,
    timer: Option<LineId>,
    posts: VecDeque<LineId>,
}

impl Recorder {
    /// Before the first event.
    pub fn new(names: Vec<String>) -> Recorder {
        let threads = vec![ThreadState::default(); <Actor as sim::process::Process>::THREADS.len()];
        let node = NodeState { threads, ..NodeState::default() };
        Recorder {
            nodes: vec![node; names.len()],
            names,
            lines: Vec::new(),
            event: 0,
            stepped: None,
            sent: BTreeMap::new(),
            connected: BTreeMap::new(),
            broken: None,
            fired_by: Vec::new(),
        }
    }

    /// When the run is over.
    pub fn into_trace(self) -> Trace {
        let (topics, client_topics) = (TopicNames::default(), Vec::new());
        Trace { lines: self.lines, names: self.names, topics, client_topics, broken: self.broken }
    }

    fn state(&mut self, node: Node) -> &mut NodeState {
        &mut self.nodes[usize::from(node.0)]
    }

    fn thread(&mut self, node: Node, thread: Thread) -> &mut ThreadState {
        &mut self.nodes[usize::from(node.0)].threads[usize::from(thread.0)]
    }

    fn add(&mut self, at_ns: u64, who: Option<(Node, Option<Thread>)>, cause: Option<LineId>, what: What) -> LineId {
        let id = self.lines.len() as LineId;
        let event = self.event;
        let (node, thread) = (who.map(|(node, _)| node), who.and_then(|(_, thread)| thread));
        let (mut incarnation, mut previous) = (0, None);
        if let Some(node) = node {
            let state = self.state(node);
            incarnation = state.incarnation;
            previous = state.last.replace(id);
        }
        self.lines.push(Line { at_ns, event, node, thread, incarnation, cause, previous, what, note: None });
        id
    }

    /// A thread begins or continues a step with this line.
    fn step(&mut self, at: u64, node: Node, thread: Thread, cause: Option<LineId>, what: What) {
        let id = self.add(at, Some((node, Some(thread))), cause, what);
        self.stepped = Some((node, thread));
        self.thread(node, thread).step = Some(id);
    }

    /// An action of the thread of this node that is stepped.
    fn does(&mut self, at: u64, node: Node, what: What) -> LineId {
        let thread = self.stepped.filter(|(who, _)| *who == node).map(|(_, thread)| thread);
        let cause = thread.and_then(|thread| self.thread(node, thread).step);
        self.add(at, Some((node, thread)), cause, what)
    }

    fn path(&mut self, node: Node, file: File) -> Rc<str> {
        self.state(node).files.get(&file).cloned().unwrap_or_else(|| "?".into())
    }

    /// The line of a message that is not received.
    fn message(&mut self, at: u64, way: Way, message: &BoxedMessage, stage: Stage) {
        let key = (way.connection, way.is_request, message.content_hash());
        let cause = self.sent.get(&key).copied();
        // The place of the loss is unknown; the line is shown at the sender.
        let at_sender = Some((way.from, None));
        self.add(at, at_sender, cause, What::Message(stage, way, Box::new(message.message().clone())));
    }

    fn way_of(&self, node: Node, thread: Thread, input: &Input<Actor>) -> Option<(Way, Option<LineId>)> {
        let (connection, is_request, message) = match input {
            Input::Request { connection, message } => (*connection, true, message),
            Input::Response { token, message } => {
                let (_, _, connection) = self.connected.get(&(node, thread, *token))?;
                ((*connection)?, false, message)
            }
            _ => return None,
        };
        let sent = self.sent.get(&(connection, is_request, message.content_hash())).copied();
        let from = sent.and_then(|line| self.lines[line as usize].node)?;
        Some((Way { from, to: node, connection, is_request }, sent))
    }
}

impl Watch<Actor> for Recorder {
    fn due(&mut self, _: u64, events: u64) {
        self.event = events + 1;
        self.stepped = None;
    }

    fn booted(&mut self, at: u64, node: Node, incarnation: u32, disk: &Disk) {
        let state = self.state(node);
        state.incarnation = incarnation;
        state.files.clear();
        state.lengths.clear();
        for path in disk.paths() {
            let length = disk.read(&path).map_or(0, |bytes| bytes.len() as u64);
            state.lengths.insert(path, length);
        }
        state.threads.fill(ThreadState::default());
        let cause = state.ending.take();
        self.step(at, node, Thread(0), cause, What::Booted);
    }

    fn down(&mut self, at: u64, node: Node, _: &Disk, how: Down) {
        let cause = self.state(node).ending;
        let id = self.add(at, Some((node, None)), cause, What::Down(how));
        self.state(node).ending = Some(id);
    }

    fn before_step(&mut self, node: Node, thread: Thread, now: Now, input: &Input<Actor>, process: &Actor) {
        let Actor::Server(server) = process else { return };
        match input {
            Input::Timer => self.fired_by = server.node.fired_by(ThreadName::ALL[usize::from(thread.0)], clocks(now)),
            Input::Request { message, .. } if is_vote(message.message()) => {
                self.state(node).vote_basis = server.node.vote_basis().map(Rc::new);
            }
            _ => {}
        }
    }

    fn input(&mut self, at: u64, node: Node, thread: Thread, input: &Input<Actor>) {
        let token = |token: &u32| (node, thread, *token);
        let (cause, what) = match input {
            Input::Request { message, .. } | Input::Response { message, .. } => {
                // Of a message whose sending was not seen, only where it is taken is known.
                let unknown = Way { from: node, to: node, connection: Connection(0), is_request: false };
                let (way, sent) = self.way_of(node, thread, input).unwrap_or((unknown, None));
                (sent, What::Message(Stage::Received, way, Box::new(message.message().clone())))
            }
            Input::Opened { token: opened, connection } => {
                let state = self.connected.get_mut(&token(opened));
                let known = state.map(|state| {
                    state.2 = Some(*connection);
                    (state.0, state.1)
                });
                (known.map(|(line, _)| line), What::Connected(known.map(|(_, peer)| peer)))
            }
            Input::Closed { token: closed, reason } => {
                let known = self.connected.remove(&token(closed));
                (known.map(|state| state.0), What::Disconnected(known.map(|state| state.1), *reason))
            }
            Input::Timer => (self.thread(node, thread).timer.take(), What::TimerFired),
            Input::DiskError(_) | Input::Continue => return self.goes_on(node, thread),
            Input::Post(post) => (self.thread(node, thread).posts.pop_front(), What::Woken(word(post))),
            Input::Terminate => (self.state(node).ending, What::Terminated),
            Input::Exception => (self.state(node).ending, What::Thrown),
            Input::Operation(operation) => (None, What::Requested(operation.clone())),
        };
        self.step(at, node, thread, cause, what);
        let fired_by = std::mem::take(&mut self.fired_by);
        if let (false, Some(line)) = (fired_by.is_empty(), self.lines.last_mut()) {
            line.note = Some(Rc::new(Value::List(fired_by.into_iter().map(Value::text).collect())));
        }
    }

    fn sent(
        &mut self,
        at: u64,
        node: Node,
        peer: Node,
        connection: Connection,
        is_request: bool,
        boxed: &BoxedMessage,
    ) {
        let way = Way { from: node, to: peer, connection, is_request };
        let message: Message = boxed.message().clone();
        let answers_vote = !is_request && is_vote(&message);
        let id = self.does(at, node, What::Message(Stage::Sent, way, Box::new(message)));
        if answers_vote {
            self.lines[id as usize].note = self.state(node).vote_basis.clone();
        }
        self.sent.insert((connection, is_request, boxed.content_hash()), id);
    }

    fn blocked(&mut self, at: u64, way: Way, message: &BoxedMessage) {
        self.message(at, way, message, Stage::Blocked);
    }

    fn dropped(&mut self, at: u64, way: Way, message: &BoxedMessage) {
        self.message(at, way, message, Stage::Dropped);
    }

    fn discarded(&mut self, at: u64, node: Node, thread: Thread, input: &Input<Actor>) {
        let (Input::Request { message, .. } | Input::Response { message, .. }) = input else { return };
        if let Some((way, _)) = self.way_of(node, thread, input) {
            self.message(at, way, message, Stage::Dropped);
        }
    }

    fn connects(&mut self, at: u64, node: Node, thread: Thread, token: u32, peer: Node) {
        let id = self.does(at, node, What::Connecting(peer));
        self.connected.insert((node, thread, token), (id, peer, None));
    }

    fn armed(&mut self, at: u64, node: Node, thread: Thread, due_at: u64) {
        let id = self.does(at, node, What::TimerArmed(due_at));
        self.thread(node, thread).timer = Some(id);
    }

    fn disarmed(&mut self, at: u64, node: Node, thread: Thread) {
        self.does(at, node, What::TimerDisarmed);
        self.thread(node, thread).timer = None;
    }

    fn posted(&mut self, at: u64, node: Node, _: Thread, to: Thread, post: &Post) {
        let id = self.does(at, node, What::Posted(to, word(post)));
        self.thread(node, to).posts.push_back(id);
    }

    fn syncs(&mut self, at: u64, node: Node, thread: Thread, what: Synced) {
        let path = self.path_of(node, what);
        let id = self.does(at, node, What::Disk(DiskAccess::Fsync(path)));
        self.thread(node, thread).syncs = Some(id);
    }

    fn resumes(&mut self, _: u64, node: Node, thread: Thread) {
        self.stepped = Some((node, thread));
    }

    fn wrote(&mut self, at: u64, node: Node, write: Write<'_>) {
        let disk = match write {
            Write::Open { file, path, truncate } => {
                let path: Rc<str> = path.into();
                let state = self.state(node);
                state.files.insert(file, path.clone());
                let length = state.lengths.entry(path.clone()).or_default();
                if truncate {
                    *length = 0;
                }
                DiskAccess::Open { path, truncate }
            }
            Write::Append { file, bytes } | Write::ShortAppend { file, bytes } => {
                let path = self.path(node, file);
                let length = self.state(node).lengths.entry(path.clone()).or_default();
                let offset = *length;
                *length += bytes.len() as u64;
                DiskAccess::Write { path, offset, bytes: Rc::clone(bytes) }
            }
            Write::Truncate { file, len } => {
                let path = self.path(node, file);
                self.state(node).lengths.insert(path.clone(), len);
                DiskAccess::Truncate { path, length: len }
            }
            Write::Rename { from, to } => {
                let (from, to): (Rc<str>, Rc<str>) = (from.into(), to.into());
                let state = self.state(node);
                let length = state.lengths.remove(&from).unwrap_or_default();
                state.lengths.insert(to.clone(), length);
                for path in state.files.values_mut().filter(|path| **path == from) {
                    *path = to.clone();
                }
                DiskAccess::Rename { path: from, to }
            }
            Write::Unlink { path } => {
                self.state(node).lengths.remove(path);
                DiskAccess::Delete { path: path.into() }
            }
        };
        self.does(at, node, What::Disk(disk));
    }

    fn synced(&mut self, at: u64, node: Node, synced: Synced) {
        let path = self.path_of(node, synced);
        let length = path.as_ref().and_then(|path| self.state(node).lengths.get(path).copied()).unwrap_or_default();
        self.answered(at, node, DiskAccess::Synced(path, length));
    }

    fn disk_failed(&mut self, at: u64, node: Node, error: DiskError) {
        self.answered(at, node, DiskAccess::Failed(error));
    }

    fn observed(&mut self, at: u64, node: Node, said: &Said) {
        self.does(at, node, What::Said(*said));
    }

    fn halted(&mut self, at: u64, node: Node, reason: &str, fault: Option<FatalFault>) {
        let id = self.does(at, node, What::Halted { reason: reason.to_owned(), fatal: fault.is_some() });
        self.state(node).ending = Some(id);
    }

    fn fault(&mut self, at: u64, fault: &Fault, phase: Phase) {
        // An aimed fault is caused by the last event.
        let aimed = fault.on.as_ref().is_some_and(|trigger| trigger.after_ns == 0) && phase == Phase::Start;
        let cause = (self.lines.len() as LineId).checked_sub(1).filter(|_| aimed);
        let node = fault.what.node();
        let what = What::Fault(Box::new(fault.clone()), phase);
        let id = self.add(at, node.map(|node| (node, None)), cause, what);
        if let Some(node) = node.filter(|_| phase == Phase::Start) {
            self.state(node).ending = Some(id);
        }
    }

    fn healed(&mut self, at: u64) {
        self.add(at, None, None, What::Healed);
    }

    fn disk_damaged(&mut self, at: u64, node: Node, _: &Disk) {
        let cause = self.state(node).ending;
        self.add(at, Some((node, None)), cause, What::Disk(DiskAccess::Damaged));
    }
}

impl Recorder {
    fn path_of(&mut self, node: Node, synced: Synced) -> Option<Rc<str>> {
        match synced {
            Synced::File(file) => Some(self.path(node, file)),
            Synced::Directory => None,
        }
    }

    /// The rest of the step continues with the disk's answer.
    fn answered(&mut self, at: u64, node: Node, answer: DiskAccess) {
        match self.stepped.filter(|(who, _)| *who == node) {
            Some((_, thread)) => {
                let cause = self.thread(node, thread).syncs.take().or(self.thread(node, thread).step);
                self.step(at, node, thread, cause, What::Disk(answer));
            }
            None => drop(self.add(at, Some((node, None)), None, What::Disk(answer))),
        }
    }

    /// The last line of the step of the same thread before that of a line.
    fn step_before(&self, line: LineId) -> Option<LineId> {
        let of = &self.lines[line as usize];
        let is_before = |other: &&Line| other.event < of.event && (other.node, other.thread) == (of.node, of.thread);
        self.lines
            .iter()
            .rev()
            .position(|other| is_before(&other))
            .map(|back| self.lines.len() as LineId - 1 - back as LineId)
    }

    fn goes_on(&mut self, node: Node, thread: Thread) {
        self.stepped = Some((node, thread));
    }
}

impl Listener for Recorder {
    fn broken(&mut self, violation: &Violation, by: ViolatedBy) {
        let last = (self.lines.len() as LineId).checked_sub(1).filter(|_| by != ViolatedBy::Run);
        let who = last.and_then(|line| {
            let line = &self.lines[line as usize];
            Some((line.node?, line.thread))
        });
        let before = last.filter(|_| by == ViolatedBy::StepBefore).and_then(|last| self.step_before(last));
        let violation = Violation { event: self.event, ..violation.clone() };
        self.broken = Some(self.add(violation.at_ns, who, before.or(last), What::Broken(Box::new(violation))));
    }
}

fn is_vote(message: &Message) -> bool {
    matches!(
        message,
        Message::Request { request: Request::Vote(_), .. } | Message::Response { response: Response::Vote(_), .. }
    )
}

/// The name of a word between threads.
fn word(post: &Post) -> &'static str {
    match post {
        Post::WakeUp => "WakeUp",
        Post::ListenerEvent => "ListenerEvent",
        Post::ShuttingDown => "ShuttingDown",
        Post::Start => "Start",
        Post::Published => "Published",
        Post::Applied => "Applied",
        Post::Stop => "Stop",
    }
}
