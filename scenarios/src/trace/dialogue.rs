//! The dialogue of a controller: all that its raft client lived through in a run, for a comparison with Kafka's
//! `KafkaRaftClient`. It is recorded by a listener, and changes nothing.
//!
//! [`json`]: as NDJSON; `kafka_json`: messages in the JSON of Kafka's own converters

pub mod json;
mod kafka_json;

use std::collections::BTreeMap;
use std::rc::Rc;

use raft::ids::{LeaderEpoch, NodeId, Offset, OffsetAndEpoch, Uuid};
use raft::io::{Connection, DialogueEntry, Effect, Observation, Role, ThreadName, Visitor};
use raft::log::{QUORUM_STATE, Records};
use raft::message::{Request, Response};
use raft::node::{NodeSpec, Roles};
use raft::shared_server::SharedServer;
use raft::snapshot::SnapshotFile;
use raft::voter_set::{Endpoint, VoterSet};
use sim::disk::Disk;
use sim::process::{Input, Node, Thread};
use sim::rng::Seed;
use sim::watch::{Down, Watch};

use crate::actor::{Actor, Message, ServerSpec, Spec};
use crate::cluster::prepare;
use crate::report::{RunReport, Violation};
use crate::run;
use crate::run::listener::{Listener, ViolatedBy, listen};

/// What one node lived through, in order.
#[derive(Clone, Debug)]
pub struct Dialogue {
    /// The parameters of the node.
    pub node: NodeSpec,
    /// `kraft.version` at format.
    pub kraft_version: i16,
    pub lines: Vec<Line>,
}

/// A step of the raft client, or what happened between two.
#[derive(Clone, Debug)]
pub struct Line {
    /// True time.
    pub at_ns: u64,
    pub mono_ns: u64,
    /// The clock of all timers of raft.
    pub wall_ms: i64,
    pub what: What,
    /// Draws of the step: (exclusive bound, value). Those of the network layer are among them.
    pub draws: Vec<(u32, u32)>,
    pub entries: Vec<Entry>,
    /// After the step; `None` if the process has ended.
    pub state: Option<State>,
}

/// The kind of a [`Line`].
#[derive(Clone, Debug)]
pub enum What {
    /// The process starts with these files of the metadata log's directory, and with this endpoint if it is another than that
    /// of its configuration (`cluster.moving`).
    Boot { incarnation: u32, directory_id: Option<Uuid>, endpoint: Option<Endpoint>, disk: Vec<(Rc<str>, Vec<u8>)> },
    /// A step of the IO thread.
    Step { cause: &'static str },
    /// Another thread has called the raft client.
    Aside,
    /// The process is gone. Unless `settled`, its last step waited for the disk.
    Down { how: Down, settled: bool },
}

/// An input or output of the raft client.
#[derive(Clone, Debug)]
pub enum Entry {
    /// Input: a request from a peer.
    Request {
        connection: Connection,
        correlation_id: i32,
        request: Request,
    },
    /// Input or output, see [`DialogueEntry`]; of the effects only answers and ends of the process.
    Raft(DialogueEntry),
    /// Output: the answer to a request.
    Answer {
        connection: Connection,
        correlation_id: i32,
        response: Response,
    },
    /// Output: bytes were appended to a segment.
    Appended {
        bytes: Rc<[u8]>,
    },
    /// Output: the log was flushed.
    Flushed,
    /// Output: the log was truncated.
    Truncated {
        end: Offset,
    },
    /// Output: `quorum-state` was replaced.
    QuorumState {
        bytes: Rc<[u8]>,
    },
    HighWatermark {
        offset: Offset,
        epoch: LeaderEpoch,
    },
    /// Output: bytes were appended to a snapshot that is downloaded.
    SnapshotWritten {
        id: OffsetAndEpoch,
        bytes: Rc<[u8]>,
    },
    /// Output: a snapshot that was downloaded got its name, after its bytes were `forced`.
    SnapshotFrozen {
        id: OffsetAndEpoch,
        forced: bool,
    },
    /// Output: a download was given up.
    SnapshotClosed {
        id: OffsetAndEpoch,
    },
    /// Input: another thread has frozen a snapshot that it wrote; see [`DialogueEntry::SnapshotFrozen`].
    FreezeSnapshot {
        id: OffsetAndEpoch,
        forced: bool,
    },
    /// Output: an old snapshot was renamed, to be deleted later.
    SnapshotExpired {
        id: OffsetAndEpoch,
    },
    /// Input: the scheduler's thread has deleted it.
    DeleteSnapshot {
        id: OffsetAndEpoch,
    },
    /// Output: the process ends.
    Halt {
        reason: Rc<str>,
        fatal: bool,
    },
}

/// What a raft client shows after a step.
#[derive(Clone, Debug)]
pub struct State {
    pub role: Role,
    pub epoch: LeaderEpoch,
    pub leader: Option<NodeId>,
    pub voted: Option<NodeId>,
    pub high_watermark: Option<Offset>,
    pub log_start: Offset,
    pub log_end: Offset,
    pub last_epoch: LeaderEpoch,
    pub earliest_snapshot: Option<OffsetAndEpoch>,
    pub latest_snapshot: Option<OffsetAndEpoch>,
    /// The last one of its log, committed or not.
    pub kraft_version: i16,
    /// The static ones, or the last ones of its log, committed or not.
    pub voters: VoterSet,
}

impl Dialogue {
    /// Runs a request, whose `dialogue` is set, on the bare loop: to its end, even if a claim is violated before.
    pub fn of(request: &run::Request<'_>) -> Result<(RunReport, Dialogue), String> {
        let index = request.dialogue.unwrap_or_default();
        let mut prepared = prepare(request.scenario, Seed(request.seed), &request.explicit)?;
        let cluster = &prepared.scenario.cluster;
        let kraft_version = i16::from(cluster.is_dynamic() && !cluster.begins_static());
        let Spec::Server(ServerSpec { node: spec, .. }) = prepared.world.nodes.swap_remove(index).spec else {
            return Err("a client has no raft client".to_owned());
        };
        let (report, recorder, _) =
            listen(&run::Request { keep_going: true, ..request.clone() }, |_| Recorder::of(Node(index as u16)))?;
        Ok((report, Dialogue { node: spec, kraft_version, lines: recorder.lines }))
    }

    /// The listeners of the raft client, in the order of their registration.
    pub fn listeners(&self) -> impl Iterator<Item = ThreadName> {
        let (controller, loader) = match &self.node.roles {
            Roles::RecordLog => (true, false),
            Roles::Kafka { controller, broker } => {
                (controller.is_some(), SharedServer::is_needed(&self.node.config, broker.is_some()))
            }
        };
        let controller = controller.then_some(ThreadName::ControllerEventQueue);
        controller.into_iter().chain(loader.then_some(ThreadName::MetadataLoader))
    }
}

#[derive(Debug)]
struct Recorder {
    node: Node,
    lines: Vec<Line>,
    files: BTreeMap<raft::io::FileHandle, Rc<str>>,
    /// The last bytes written to each file that replaces another one.
    replacement: BTreeMap<Rc<str>, Rc<[u8]>>,
    /// Snapshots that are being written, and whether the last of their bytes are forced.
    partial_snapshots: BTreeMap<Rc<str>, bool>,
    /// Snapshots that got their names on another thread than that of raft.
    frozen_snapshots: BTreeMap<OffsetAndEpoch, bool>,
    boots: Option<What>,
    input: Option<(&'static str, Option<Entry>)>,
    settled: bool,
}

impl Recorder {
    fn of(node: Node) -> Recorder {
        Recorder {
            node,
            lines: Vec::new(),
            files: BTreeMap::new(),
            replacement: BTreeMap::new(),
            partial_snapshots: BTreeMap::new(),
            frozen_snapshots: BTreeMap::new(),
            boots: None,
            input: None,
            settled: true,
        }
    }

    fn line(&mut self, at_ns: u64, what: What, process: &Actor, first: Option<Entry>) {
        let Actor::Server(server) = process else { return };
        let Some((recorded, arguments)) = server.dialogue() else { return };
        let is_aside = matches!(what, What::Aside);
        let is_boot = matches!(what, What::Boot { .. });
        // Parked fetches expire on another thread, which was not slower than this one.
        let expired = recorded.iter().filter(|entry| matches!(entry, DialogueEntry::Expired { .. }));
        let mut entries: Vec<Entry> = expired.cloned().map(Entry::Raft).chain(first).collect();
        for entry in recorded.iter().filter(|entry| !matches!(entry, DialogueEntry::Expired { .. })) {
            match entry {
                DialogueEntry::Effect(effect) if is_aside => entries.extend(self.effect_of_other_thread(effect)),
                // `createLog` does it before it returns a log.
                DialogueEntry::LogReplaced { .. } if is_boot => {}
                DialogueEntry::SnapshotFrozen { id } => {
                    let forced = self.frozen_snapshots.remove(id).unwrap_or(false);
                    entries.push(Entry::FreezeSnapshot { id: *id, forced });
                }
                DialogueEntry::Effect(effect) => match self.effect(effect) {
                    // One flush of the log may force several segments.
                    Some(Entry::Flushed) if matches!(entries.last(), Some(Entry::Flushed)) => {}
                    entry => entries.extend(entry),
                },
                // Controllers and replicas have dialogues of their own.
                DialogueEntry::Event { .. }
                | DialogueEntry::Throws
                | DialogueEntry::HandlesCommit { .. }
                | DialogueEntry::HandlesLoadSnapshot { .. }
                | DialogueEntry::HandlesLeaderChange { .. }
                | DialogueEntry::Partition(_) => {}
                entry => entries.push(Entry::Raft(entry.clone())),
            }
        }
        // A broker that is to end leaves the cluster first.
        if (is_aside || matches!(what, What::Step { cause: "terminate" })) && entries.is_empty() {
            return;
        }
        let (now, draws) = (arguments.now, arguments.draws.clone());
        let state = State::of(server);
        self.lines.push(Line { at_ns, mono_ns: now.mono_ns, wall_ms: now.wall_ms, what, draws, entries, state });
    }

    /// What another thread does with files of snapshots; the rest is not the raft client's.
    fn effect_of_other_thread(&mut self, effect: &Effect) -> Option<Entry> {
        match effect {
            Effect::Unlink { path } => match SnapshotFile::parse(path)? {
                SnapshotFile::Deleted(id) => Some(Entry::DeleteSnapshot { id }),
                _ => None,
            },
            effect => {
                if let Some(Entry::SnapshotFrozen { id, forced }) = self.effect_on_snapshot(effect) {
                    self.frozen_snapshots.insert(id, forced);
                }
                None
            }
        }
    }

    fn effect_on_snapshot(&mut self, effect: &Effect) -> Option<Entry> {
        match effect {
            Effect::Open { file, path, .. } => {
                if let SnapshotFile::Partial(_) = SnapshotFile::parse(path)? {
                    self.files.insert(*file, Rc::clone(path));
                    self.partial_snapshots.insert(Rc::clone(path), true);
                }
                None
            }
            Effect::Append { file, bytes } => {
                let path = self.files.get(file)?;
                *self.partial_snapshots.get_mut(path)? = false;
                let Some(SnapshotFile::Partial(id)) = SnapshotFile::parse(path) else { return None };
                Some(Entry::SnapshotWritten { id, bytes: Rc::clone(bytes) })
            }
            Effect::Fsync { file } => {
                *self.partial_snapshots.get_mut(self.files.get(file)?)? = true;
                None
            }
            Effect::Rename { from, to } => match SnapshotFile::parse(to)? {
                SnapshotFile::Complete(id) => {
                    let forced = self.partial_snapshots.remove(from).unwrap_or(false);
                    Some(Entry::SnapshotFrozen { id, forced })
                }
                SnapshotFile::Deleted(id) => Some(Entry::SnapshotExpired { id }),
                SnapshotFile::Partial(_) => None,
            },
            Effect::Unlink { path } => {
                self.partial_snapshots.remove(path)?;
                let Some(SnapshotFile::Partial(id)) = SnapshotFile::parse(path) else { return None };
                Some(Entry::SnapshotClosed { id })
            }
            _ => None,
        }
    }

    fn effect(&mut self, effect: &Effect) -> Option<Entry> {
        if let Some(entry) = self.effect_on_snapshot(effect) {
            return Some(entry);
        }
        match effect {
            Effect::SendResponse { connection, correlation_id, response } => {
                let (connection, correlation_id, response) = (*connection, *correlation_id, response.clone());
                Some(Entry::Answer { connection, correlation_id, response })
            }
            Effect::Open { file, path, .. } => {
                self.files.insert(*file, Rc::clone(path));
                None
            }
            Effect::Append { file, bytes } => {
                let path = self.files.get(file)?;
                if is_segment(path) {
                    return Some(Entry::Appended { bytes: Rc::clone(bytes) });
                }
                self.replacement.insert(Rc::clone(path), Rc::clone(bytes));
                None
            }
            Effect::Fsync { file } => self.files.get(file).filter(|path| is_segment(path)).map(|_| Entry::Flushed),
            Effect::Rename { from, to } => {
                let bytes = self.replacement.remove(from)?;
                (**to == *QUORUM_STATE).then_some(Entry::QuorumState { bytes })
            }
            Effect::Observe(Observation::HighWatermark { offset, epoch, .. }) => {
                Some(Entry::HighWatermark { offset: *offset, epoch: *epoch })
            }
            Effect::Observe(Observation::Truncated { end }) => Some(Entry::Truncated { end: *end }),
            Effect::Halt { reason, fault } => Some(Entry::Halt { reason: Rc::clone(reason), fatal: fault.is_some() }),
            _ => None,
        }
    }
}

fn is_segment(path: &str) -> bool {
    path.starts_with(DIRECTORY) && path.ends_with(".log")
}

const DIRECTORY: &str = "__cluster_metadata-0/";
const RAFT_IO: Thread = Thread(ThreadName::RaftIo as u8);

impl Watch<Actor> for Recorder {
    fn booted(&mut self, _: u64, node: Node, incarnation: u32, disk: &Disk) {
        if node != self.node {
            return;
        }
        let paths = disk.paths().into_iter().filter(|path| path.starts_with(DIRECTORY));
        let disk = paths.map(|path| (Rc::clone(&path), disk.read(&path).unwrap_or_default())).collect();
        self.files.clear();
        self.replacement.clear();
        self.partial_snapshots.clear();
        self.frozen_snapshots.clear();
        self.boots = Some(What::Boot { incarnation, directory_id: None, endpoint: None, disk });
    }

    fn up(&mut self, at: u64, node: Node, process: &Actor) {
        if node != self.node {
            return;
        }
        let (Some(What::Boot { incarnation, disk, .. }), Actor::Server(server)) = (self.boots.take(), process) else {
            return;
        };
        let directory_id = server.node.directory_id();
        let endpoint = server.moved_to().cloned();
        self.line(at, What::Boot { incarnation, directory_id, endpoint, disk }, process, None);
    }

    fn input(&mut self, _: u64, node: Node, thread: Thread, input: &Input<Actor>) {
        if node != self.node || thread != RAFT_IO {
            return;
        }
        let (cause, entry) = match input {
            Input::Request { connection, message } => {
                let Message::Request { correlation_id, request } = message.message().clone() else { return };
                ("request", Some(Entry::Request { connection: Connection(connection.0), correlation_id, request }))
            }
            Input::Response { .. } => ("response", None),
            Input::Opened { .. } | Input::Closed { .. } => ("connection", None),
            Input::Timer => ("timer", None),
            Input::Post(raft::io::Post::Stop) | Input::Terminate => ("terminate", None),
            Input::Post(_) => ("wake-up", None),
            Input::DiskError(_) => ("disk-error", None),
            Input::Continue => ("continue", None),
            Input::Exception | Input::Operation(_) => ("exception", None),
        };
        self.input = Some((cause, entry));
    }

    fn stepped(&mut self, at: u64, node: Node, thread: Thread, process: &Actor) {
        if node != self.node {
            return;
        }
        match self.input.take() {
            Some((cause, entry)) if thread == RAFT_IO => self.line(at, What::Step { cause }, process, entry),
            _ => self.line(at, What::Aside, process, None),
        }
    }

    fn before_down(&mut self, _: u64, node: Node, settled: bool, _: &Actor, _: &Disk, _: Down) {
        if node == self.node {
            self.settled = settled;
        }
    }

    fn down(&mut self, at_ns: u64, node: Node, _: &Disk, how: Down) {
        if node == self.node {
            let what = What::Down { how, settled: self.settled };
            let (draws, entries) = (Vec::new(), Vec::new());
            self.lines.push(Line { at_ns, mono_ns: 0, wall_ms: 0, what, draws, entries, state: None });
        }
    }
}

impl Listener for Recorder {
    fn broken(&mut self, _: &Violation, _: ViolatedBy) {}
}

impl State {
    fn of(server: &crate::actor::Server) -> Option<State> {
        let mut view = View::default();
        server.node.visit(&mut view);
        let state = view.0?;
        let node = &server.node;
        Some(State { kraft_version: node.kraft_version()?, voters: node.voters()?.clone(), ..state })
    }
}

#[derive(Default)]
struct View(Option<State>);

impl Visitor for View {
    fn election(&mut self, epoch: LeaderEpoch, leader: NodeId, voted: NodeId, role: Role) {
        let (leader, voted) = (leader.known(), voted.known());
        let (high_watermark, log_start, log_end) = (None, Offset(0), Offset(0));
        let last_epoch = LeaderEpoch(0);
        let (earliest_snapshot, latest_snapshot) = (None, None);
        self.0 = Some(State {
            role,
            epoch,
            leader,
            voted,
            high_watermark,
            log_start,
            log_end,
            last_epoch,
            earliest_snapshot,
            latest_snapshot,
            kraft_version: 0,
            voters: VoterSet::default(),
        });
    }

    fn snapshots(&mut self, earliest: Option<OffsetAndEpoch>, latest: Option<OffsetAndEpoch>) {
        if let Some(state) = &mut self.0 {
            (state.earliest_snapshot, state.latest_snapshot) = (earliest, latest);
        }
    }

    fn log(&mut self, start: Offset, end: Offset, high_watermark: Option<Offset>) {
        if let Some(state) = &mut self.0 {
            (state.log_start, state.log_end, state.high_watermark) = (start, end, high_watermark);
        }
    }

    fn batches(&mut self, _: &Records) {}

    fn last_fetched_epoch(&mut self, epoch: LeaderEpoch) {
        if let Some(state) = &mut self.0 {
            state.last_epoch = epoch;
        }
    }
}
