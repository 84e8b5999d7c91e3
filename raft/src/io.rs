//! The border of a node: its inputs, and its effects.
//!
//! [`Effect`]s are an **ordered list**. An `Fsync*` is a barrier on its thread: whatever
//! stands behind it in the list (sends, posts, observations, timers) happens only when the
//! bytes are durable, and the thread takes no input meanwhile. If the fsync fails the rest
//! is dropped and the thread gets [`Input::DiskError`]; if the node dies it is dropped too.
//! So a promise made before persistence can only be written as a visibly wrong order.

use std::rc::Rc;

use crate::broker::observation::BrokerObservation;
use crate::ids::{LeaderEpoch, NodeId, Offset, TopicIdPartition};
use crate::log::{Batch, Records};
use crate::message::{Request, Response};

/// What a node's clocks say. A node never sees true time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Monotonic clock, ns since an arbitrary point before boot; drifts, never steps.
    pub mono_ns: u64,
    /// Wall clock, ms since 1970 as this node believes; drifts, steps both ways.
    pub wall_ms: i64,
}

/// The run's chance, as the node may have it. Draws are an argument of every step.
pub trait Entropy {
    /// Uniform in `0..bound`; `bound` > 0.
    fn below(&mut self, bound: u32) -> u32;
}

/// One connection, named by the world; opaque.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Connection(pub u64);

/// The node's own name for a connect attempt (its choice; reported back in `Opened`/`Closed`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectToken(pub u32);

/// The node's own name for an open file (its choice).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileHandle(pub u32);

/// A thread of a server process; each is a queue with service time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::VariantArray)]
pub enum ThreadName {
    /// Kafka's raft IO thread: all consensus state is changed here.
    RaftIo = 0,
    /// Kafka's controller event queue: the state machine on top of the log.
    ControllerEventQueue = 1,
    /// Takes requests for the controller: a pool of their own, whatever else the process is.
    ControllerRequestHandler = 2,
    /// Turns committed metadata into images.
    MetadataLoader = 3,
    /// A broker's registration and heartbeats.
    BrokerLifecycle = 4,
    /// A broker's requests, fetchers and logs.
    RequestHandler = 5,
    /// A broker's background tasks: flushes, and the checkpoint of high watermarks.
    Scheduler = 6,
}

impl ThreadName {
    /// All of them, by number.
    pub const ALL: &'static [ThreadName] = <ThreadName as strum::VariantArray>::VARIANTS;
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// Nobody listens there (the process is down, its host is up).
    Refused,
    /// The peer's host answered with RST, or its process died.
    Reset,
}

/// What the disk answered instead of doing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskError {
    /// `EIO` from a write or an fsync.
    Io,
    /// `ENOSPC` from a write.
    NoSpace,
}

impl std::fmt::Display for DiskError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            DiskError::Io => "input/output error (EIO)",
            DiskError::NoSpace => "no space left (ENOSPC)",
        })
    }
}

/// An input of a thread; one per step.
#[derive(Clone, Debug)]
pub enum Input {
    /// A `Connect` succeeded.
    Opened { token: ConnectToken, connection: Connection },
    /// A connection this node opened, or tried to, is gone; nothing more arrives on it.
    Closed { token: ConnectToken, reason: CloseReason },
    /// A client's or peer's request. Exactly one response is owed on the same connection, or word
    /// that there is none; until then the connection is muted.
    Request { connection: Connection, correlation_id: i32, request: Request },
    /// The answer to a request of ours on a connection we opened.
    Response { token: ConnectToken, correlation_id: i32, response: Response },
    /// This thread's one timer fired (its deadline passed on the monotonic clock).
    Timer,
    /// The write or fsync at which the last effect list stopped failed.
    DiskError(DiskError),
    /// Another thread of this node left word.
    Post(Post),
    /// SIGTERM.
    Terminate,
    /// The next handler of this thread throws; only the controller's event queue does.
    Exception,
}

/// Word left by one thread of a node for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Post {
    /// To the raft thread: the accumulator holds something drainable, or a resignation was requested.
    WakeUp,
    /// To the event queue: the listener has something new (commits, a leader change).
    ListenerEvent,
    /// SIGTERM: to a broker's lifecycle manager, then to its request handler; to the event queue,
    /// when the raft client shuts down.
    ShuttingDown,
    /// To a thread of a broker: begin. To the request handler: requests are served from now on.
    Start,
    /// To the request handler: the loader has made a publication.
    Published,
    /// To the lifecycle manager: a publication was applied. To the scheduler: what was to be
    /// flushed is durable.
    Applied,
    /// To the scheduler: stop. Then to the request handler: stop, and close all logs. Then to the
    /// raft thread: the broker has stopped.
    Stop,
}

/// The effects of a thread, performed in order.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Open a connection to a node's controller listener.
    Connect { token: ConnectToken, to: NodeId },
    /// Send on a connection this node opened.
    SendRequest { connection: Connection, correlation_id: i32, request: Request },
    /// Answer a request, on the connection it came by.
    SendResponse { connection: Connection, correlation_id: i32, response: Response },
    /// A request gets no answer (acks 0): the connection takes the next one.
    NoResponse { connection: Connection },
    /// Close a connection that somebody else opened.
    HangUp { connection: Connection },
    /// Close a connection (or give up a connect) this node opened.
    Close { token: ConnectToken },
    /// (Re)arm this thread's one timer, at a monotonic instant.
    ArmTimer { at_mono_ns: u64 },
    /// Disarm it.
    CancelTimer,
    /// Open a file by path for appending, creating it if absent; `truncate` empties it.
    Open { file: FileHandle, path: Rc<str>, truncate: bool },
    /// Append bytes.
    Append { file: FileHandle, bytes: Rc<[u8]> },
    /// Cut the file to `len` bytes.
    Truncate { file: FileHandle, len: u64 },
    /// Atomic rename; durable after `FsyncDirectory`.
    Rename { from: Rc<str>, to: Rc<str> },
    /// Remove a name; durable after `FsyncDirectory`.
    Unlink { path: Rc<str> },
    /// Barrier: the file's bytes and length become durable.
    Fsync { file: FileHandle },
    /// Barrier: creations, renames and unlinks become durable.
    FsyncDirectory,
    /// Leave word for another thread of this node.
    Post { thread: ThreadName, post: Post },
    /// Say something about oneself that the border cannot show.
    Observe(Observation),
    /// Stop the process: a fatal fault in Kafka, or the end of a shutdown.
    Halt { reason: Rc<str>, fault: Option<FatalFault> },
}

/// Of what kind an exception is that ends a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FatalFault {
    /// A message, or the replica's own state, has another leader for its epoch than is known to it.
    AnotherLeader,
    /// The leader makes it truncate its log below its high watermark (consensus.md §4.1).
    TruncationBelowHighWatermark,
    /// Any other.
    Other,
}

/// The name of a replica's role, for observations and audits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// No leader known, or one without endpoints.
    Unattached,
    /// KIP-996: requesting pre-votes.
    Prospective,
    /// Asking for votes.
    Candidate,
    /// Leads the epoch.
    Leader,
    /// Follows a leader.
    Follower,
    /// Led this epoch, and stopped.
    Resigned,
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

/// What a node says of itself (`Copy`, at most 32 bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observation {
    /// A role was entered (after it was persisted, where Kafka persists it).
    RoleChanged { role: Role, epoch: LeaderEpoch, leader: NodeId },
    /// The replica's high watermark moved.
    HighWatermark { offset: Offset, epoch: LeaderEpoch, leading: bool },
    /// The state machine was notified that it leads (`handleLeaderChange` naming this node).
    LeadershipAnnounced { epoch: LeaderEpoch },
    /// The state machine was notified that it no longer leads.
    LeadershipRenounced { epoch: LeaderEpoch },
    /// Committed records up to `end` (exclusive) were handed to the state machine.
    Applied { end: Offset },
    /// The log was cut back to `end`.
    Truncated { end: Offset },
    /// A rare place in the code was reached; named in [`Probe`].
    Probe(Probe),
    /// The image up to `offset` (inclusive) has been published; its digest is
    /// [`MetadataImage::digest`](crate::metadata::MetadataImage::digest).
    Published { offset: Offset, digest: u64 },
    /// Of a broker.
    Broker(BrokerObservation),
}

const _: () = assert!(size_of::<Observation>() <= 32);

/// Rare situations worth counting, once per run each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Probe {
    /// A candidate's majority became impossible.
    VoteLost,
    /// A prospective's majority became impossible.
    PreVoteLost,
    /// A leader gave up because no majority fetched (check quorum).
    CheckQuorumResigned,
    /// A diverging epoch was answered to a fetch.
    DivergingFetch,
    /// A replica started in Resigned, because it had led its last epoch.
    RestartedResigned,
    /// A replica started as Candidate, because it had voted for itself.
    RestartedCandidate,
    /// Recovery cut a torn or rotten tail.
    RecoveredTornTail,
    /// A fetch offset went backward.
    NonMonotonicFetch,
    /// EndQuorumEpoch made a follower campaign early.
    EndQuorumEpochHonoured,
    /// A parked fetch was answered with an error because leadership was lost.
    ParkedFetchFailed,
    /// An exception in its event queue made a controller renounce.
    ControllerFailedOver,
    /// A new segment was started.
    SegmentRolled,
    /// A request was refused for its older epoch.
    FencedRequest,
    /// A corrupt or too-new batch was dropped by a follower.
    BatchDropped,
    /// Appends were refused or lost because leadership had gone.
    AppendRefused,
    /// A follower of a partition got an answer to a Fetch of an older leader epoch, at the offset that it
    /// is to fetch now.
    StaleFetchAnswer,
}

/// The effects of one step, in order; the buffer is reused.
#[derive(Clone, Debug, Default)]
pub struct Out {
    /// What to do, first to last.
    pub effects: Vec<Effect>,
}

impl Out {
    /// Adds the next effect.
    pub fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Adds an observation.
    pub fn observe(&mut self, observation: Observation) {
        self.effects.push(Effect::Observe(observation));
    }

    /// Counts a rare place.
    pub fn probe(&mut self, probe: Probe) {
        self.observe(Observation::Probe(probe));
    }
}

/// What `boot` finds: the files of this node, as the disk kept them.
pub trait DurableFiles {
    /// Paths of all files, in ascending order.
    fn paths(&self) -> Vec<Rc<str>>;
    /// The bytes of one, or `None` if absent or unreadable.
    fn read(&self, path: &str) -> Option<Vec<u8>>;
    /// Is there one of which reads fail with `EIO`?
    fn is_unreadable(&self, _path: &str) -> bool {
        false
    }
}

/// A walk over what a node holds, for audits and the canonical state hash.
pub trait Visitor {
    /// Current epoch, known leader (or -1), own vote (or -1), role.
    fn election(&mut self, epoch: LeaderEpoch, leader: NodeId, voted: NodeId, role: Role);
    /// Log start and end, high watermark (`None` if unknown).
    fn log(&mut self, start: Offset, end: Offset, high_watermark: Option<Offset>);
    /// All batches held, oldest first.
    fn batches(&mut self, records: &Records);
    /// One data replica that a broker hosts, ascending by id.
    fn partition(&mut self, _shown: &PartitionShown) {}
}

/// A data replica as its broker holds it.
#[derive(Clone, Debug)]
pub struct PartitionShown {
    /// Which.
    pub id: TopicIdPartition,
    /// First offset of its log.
    pub log_start: Offset,
    /// One past the last offset.
    pub log_end: Offset,
    /// Exclusive.
    pub high_watermark: Offset,
    /// Of the partition; -1 before the first role.
    pub leader_epoch: LeaderEpoch,
    /// How many batches it holds.
    pub batches: usize,
    /// The last of them.
    pub last_batch: Option<Rc<Batch>>,
}
