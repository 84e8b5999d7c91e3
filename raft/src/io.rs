//! The interface of a node: its inputs and its effects.
//!
//! [`Effect`]s are an **ordered list**. An `Fsync*` is a barrier on its thread: the effects behind it in the list
//! (sends, posts, observations, timers) are performed only when the bytes are durable, and the thread processes no
//! input meanwhile. If the fsync fails, the rest is dropped and the thread gets [`Input::DiskError`]; if the node
//! crashes, the rest is dropped too. A message that is sent before the state it depends on is durable is therefore
//! visible as a wrong order.

use std::any::Any;
use std::rc::Rc;

use crate::broker::observation::BrokerObservation;
pub use crate::ids::Listener;
use crate::ids::{LeaderEpoch, NodeId, Offset, OffsetAndEpoch, TopicIdPartition, Uuid};
use crate::log::{Batch, Records};
use crate::message::{ErrorCode, Request, Response};

/// A reading of a node's clocks. A node never sees true time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Monotonic clock, ns since an arbitrary point before boot; drifts, never steps.
    pub mono_ns: u64,
    /// Wall clock, ms since 1970; drifts, steps both ways.
    pub wall_ms: i64,
}

/// The random draws that a node may make; an argument of every step.
pub trait Entropy {
    /// Uniform in `0..bound`; `bound` > 0.
    fn below(&mut self, bound: u32) -> u32;
}

/// Kafka's `Uuid.randomUuid`: of version 4, and without a dash in its text.
pub fn random_uuid(entropy: &mut dyn Entropy) -> Uuid {
    loop {
        let mut bytes = [0; 16];
        for byte in &mut bytes {
            *byte = entropy.below(256).to_le_bytes()[0];
        }
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let uuid = Uuid(bytes);
        if !uuid.to_string().contains('-') {
            return uuid;
        }
    }
}

/// One connection, identified by the simulator; opaque.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Connection(pub u64);

/// Identifies a connect attempt; chosen by the node, and reported back in `Opened`/`Closed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectToken(pub u32);

/// Identifies an open file; chosen by the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileHandle(pub u32);

/// A thread of a server process; each is a queue with a service time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::VariantArray)]
pub enum ThreadName {
    /// Kafka's raft IO thread; the only one that changes consensus state.
    RaftIo = 0,
    /// Kafka's controller event queue: the state machine on top of the log.
    ControllerEventQueue = 1,
    /// Receives requests for the controller: a separate pool in every process with the controller role.
    ControllerRequestHandler = 2,
    /// Builds images from committed metadata.
    MetadataLoader = 3,
    /// A broker's registration and heartbeats.
    BrokerLifecycle = 4,
    /// A broker's requests, fetchers and logs.
    RequestHandler = 5,
    /// A broker's background tasks: flushes, and checkpoints of high watermarks and epochs.
    Scheduler = 6,
    /// Background tasks of the metadata log: flushes, the checkpoint of epochs, and the deletion of snapshots.
    RaftScheduler = 7,
    /// Writes snapshots of the metadata log.
    SnapshotGenerator = 8,
}

impl ThreadName {
    /// All threads, by number.
    pub const ALL: &'static [ThreadName] = <ThreadName as strum::VariantArray>::VARIANTS;
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// No process listens on the port (the process is down, its host is up).
    Refused,
    /// The peer's host answered with RST, or its process died.
    Reset,
    /// No host of the subnet has the address (`NoRouteToHostException`).
    Unreachable,
    /// The name of the host was not resolved (`UnknownHostException`): `NetworkClient.initiateConnect` has failed.
    Unresolved,
}

/// The error that the disk returned.
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
    /// A request from a client or a peer. Exactly one response is owed on the same connection, or a `NoResponse`; until
    /// then the connection is muted.
    Request { connection: Connection, correlation_id: i32, request: Request },
    /// The response to a request that this node sent on a connection it opened.
    Response { token: ConnectToken, correlation_id: i32, response: Response },
    /// The timer of this thread fired (its deadline passed on the monotonic clock).
    Timer,
    /// The write or fsync at which the last effect list stopped has failed.
    DiskError(DiskError),
    /// A message from another thread of this node.
    Post(Post),
    /// SIGTERM.
    Terminate,
    /// The next handler of this thread throws an exception; only the controller's event queue receives this.
    Exception,
    /// The thread has come to its [`Effect::Continue`].
    Continue,
}

/// A message from one thread of a node to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Post {
    /// To the raft thread: the accumulator holds something drainable, or a resignation was requested. To a scheduler: a log
    /// has work for it, or a checkpoint is to be written. To the request handler: checkpoints are due.
    WakeUp,
    /// To the event queue: the listener has something new (commits, a leader change).
    ListenerEvent,
    /// SIGTERM: to a broker's lifecycle manager, then to its request handler.
    ShuttingDown,
    /// To a broker's lifecycle manager: start. To the request handler: requests are served from now on.
    Start,
    /// To the request handler: the loader has published metadata.
    Published,
    /// To the lifecycle manager: a publication was applied. To a scheduler: the requested work is durable.
    Applied,
    /// To the scheduler: stop. Then to the request handler: stop, and close all logs. Then to the
    /// raft thread: the broker has stopped.
    Stop,
}

/// The effects of a thread, performed in order.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Open a connection, to the port by which the sender knows the node; `None` if it knows none: raft alone tells ports.
    Connect { token: ConnectToken, to: NodeId, listener: Listener, port: Option<u16> },
    /// Accept connections from now on (`SocketServer.enableRequestProcessing`).
    Listen { listener: Listener },
    /// Send on a connection this node opened.
    SendRequest { connection: Connection, correlation_id: i32, request: Request },
    /// Answer a request, on the connection it came by.
    SendResponse { connection: Connection, correlation_id: i32, response: Response },
    /// A request gets no response (acks 0): the connection is unmuted.
    NoResponse { connection: Connection },
    /// Close a connection that the peer opened.
    HangUp { connection: Connection },
    /// Close a connection (or give up a connect) this node opened.
    Close { token: ConnectToken },
    /// Arm or re-arm the timer of this thread, at a monotonic instant.
    ArmTimer { at_mono_ns: u64 },
    /// Disarm the timer.
    CancelTimer,
    /// Open a file by path for appending, creating it if absent; `truncate` empties it.
    Open { file: FileHandle, path: Rc<str>, truncate: bool },
    /// Append bytes.
    Append { file: FileHandle, bytes: Rc<[u8]> },
    /// Truncate the file to `len` bytes.
    Truncate { file: FileHandle, len: u64 },
    /// Atomic rename; durable after `FsyncDirectory`.
    Rename { from: Rc<str>, to: Rc<str> },
    /// Remove a file; durable after `FsyncDirectory`.
    Unlink { path: Rc<str> },
    /// Barrier: the file's bytes and length become durable.
    Fsync { file: FileHandle },
    /// Barrier: creations, renames and unlinks become durable.
    FsyncDirectory,
    /// Step this thread with [`Input::Continue`], before any other input of it: for a thread that reads the clock again,
    /// or does something that other threads see, in the middle of its work.
    Continue,
    /// Send a message to another thread of this node.
    Post { thread: ThreadName, post: Post },
    /// Report something that messages and file operations do not show.
    Observe(Observation),
    /// Stop the process: a fatal fault in Kafka, or the end of a shutdown.
    Halt { reason: Rc<str>, fault: Option<FatalFault> },
}

// Moved from list to list: up to this size without a call of memcpy.
const _: () = assert!(size_of::<Effect>() <= 128 && size_of::<Input>() <= 128);

/// The kind of an exception that ends a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FatalFault {
    /// A message, or the replica's own state, names another leader of its epoch than the known one.
    AnotherLeader,
    /// The leader requests a truncation of the log below the high watermark (consensus.md §4.1).
    TruncationBelowHighWatermark,
    /// A leader appends a batch that is larger than a segment of its log.
    BatchLargerThanSegment,
    /// Any other.
    Other,
}

/// A replica's role, for observations and audits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// No leader known, or one without endpoints.
    Unattached,
    /// KIP-996: requesting pre-votes.
    Prospective,
    /// Requesting votes.
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

/// What a node reports about itself (`Copy`, at most 32 bytes).
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
    /// Committed records up to `end` (exclusive) were passed to the state machine.
    Applied { end: Offset },
    /// The log was truncated to `end`.
    Truncated { end: Offset },
    /// A snapshot up to `end` was written here, and has its name.
    SnapshotGenerated { end: Offset },
    /// The log was replaced by a snapshot that ends at `end`.
    SnapshotInstalled { end: Offset },
    /// The metadata loader reads a snapshot that ends at `end`.
    SnapshotLoaded { end: Offset },
    /// A rare code path was reached; see [`Probe`].
    Probe(Probe),
    /// The image up to `offset` (inclusive) has been published; its digest is
    /// [`MetadataImage::digest`](crate::metadata::MetadataImage::digest).
    Published { offset: Offset, digest: u64 },
    /// An observation of a broker.
    Broker(BrokerObservation),
}

const _: () = assert!(size_of::<Observation>() <= 32);

/// Rare situations, counted once per run each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Probe {
    /// A candidate can no longer reach a majority.
    VoteLost,
    /// A prospective replica can no longer reach a majority.
    PreVoteLost,
    /// A leader resigned because no majority fetched (check quorum).
    CheckQuorumResigned,
    /// A fetch was answered with a diverging epoch.
    DivergingFetch,
    /// A replica started in Resigned, because it had led its last epoch.
    RestartedResigned,
    /// A replica started as Candidate, because it had voted for itself.
    RestartedCandidate,
    /// Recovery truncated a torn or corrupt tail.
    RecoveredTornTail,
    /// A replica's fetch offset decreased.
    NonMonotonicFetch,
    /// The leader accepted an UpdateRaftVoter.
    VoterUpdated,
    /// EndQuorumEpoch made a follower start an election early.
    EndQuorumEpochHonoured,
    /// A delayed fetch was answered with an error because leadership was lost.
    ParkedFetchFailed,
    /// An exception in its event queue made a controller resign.
    ControllerFailedOver,
    /// A new segment was started.
    SegmentRolled,
    /// A request was refused because its epoch is older.
    FencedRequest,
    /// A corrupt or too-new batch was dropped by a follower.
    BatchDropped,
    /// Appends were refused or lost because leadership was lost.
    AppendRefused,
    /// A follower of a partition received the response to a Fetch of an older leader epoch, at the offset that it now
    /// has to fetch.
    StaleFetchAnswer,
    /// Old snapshots were deleted, and the log before the oldest that is left.
    LogStartMoved,
    /// A follower asked for a snapshot that the leader had deleted.
    SnapshotNotFound,
    /// The leader appended a voter set with another voter.
    VoterAdded,
    /// The leader appended a voter set without another voter.
    VoterRemoved,
    /// The leader appended a voter set without itself.
    LeaderRemoved,
    /// A leader resigned because the committed voter set is without it.
    RemovedLeaderResigned,
    /// A change of the voters was committed while its leader waited for it.
    VoterChangeCommitted,
    /// A change of the voters was appended, and not committed in time.
    VoterChangeExpired,
    /// A change of the voters was refused because another one was pending.
    VoterChangePending,
    /// The leader appended a higher level of `kraft.version`.
    KRaftVersionUpgraded,
}

/// The effects of one step, in order; the buffer is reused.
#[derive(Clone, Debug, Default)]
pub struct Out {
    pub effects: Vec<Effect>,
    /// The dialogue of the raft client, the controller or the broker's replicas, if it is recorded.
    pub dialogue: Option<Vec<DialogueEntry>>,
}

impl Out {
    pub fn push(&mut self, effect: Effect) {
        if self.dialogue.is_some() {
            self.record_effect(&effect);
        }
        self.effects.push(effect);
    }

    #[cold]
    fn record_effect(&mut self, effect: &Effect) {
        self.record(|| DialogueEntry::Effect(effect.clone()));
    }

    #[inline]
    pub fn record(&mut self, entry: impl FnOnce() -> DialogueEntry) {
        if self.dialogue.is_some() {
            self.record_entry(entry);
        }
    }

    #[cold]
    fn record_entry(&mut self, entry: impl FnOnce() -> DialogueEntry) {
        if let Some(dialogue) = &mut self.dialogue {
            dialogue.push(entry());
        }
    }

    /// Whether an effect waits for the disk.
    pub fn writes_to_disk(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Fsync { .. } | Effect::FsyncDirectory))
    }

    pub fn observe(&mut self, observation: Observation) {
        self.push(Effect::Observe(observation));
    }

    pub fn probe(&mut self, probe: Probe) {
        self.observe(Observation::Probe(probe));
    }
}

/// An entry of the dialogue of a raft client: what it receives and what it requests, in order. It contains what messages
/// and file operations alone do not show, for a comparison with Kafka's `KafkaRaftClient`. An input unless stated
/// otherwise.
#[derive(Clone, Debug)]
pub enum DialogueEntry {
    /// A message of Kafka's `RaftMessageQueue`: the response to a request, or why there is none.
    Inbound { from: NodeId, correlation_id: i32, result: Result<Response, String> },
    /// `MaxWaitMs` of a parked Fetch is over: Kafka's `ExpirationService`.
    Expired { connection: Connection, correlation_id: i32 },
    /// `RaftClient.prepareAppend`, by another thread: the values of the records, and the offset of the last.
    Prepared { epoch: LeaderEpoch, records: Vec<Box<[u8]>>, result: Result<Offset, String> },
    /// `RaftClient.schedulePreparedAppend`, by another thread; false if it was refused, since this is no leader any more.
    Scheduled { is_leader: bool },
    /// `RaftClient.resign`, by another thread.
    Resigned { epoch: LeaderEpoch },
    /// `RaftClient.upgradeKRaftVersion`, by another thread.
    KRaftVersionUpgraded { epoch: LeaderEpoch, level: i16, validate_only: bool, result: Result<(), ErrorCode> },
    /// `RaftClient.shutdown`: the process is to end. A broker leaves the cluster before.
    ShutDown,
    /// `RaftClient.createSnapshot`, by another thread, which writes it at once: its bytes, with the footer. `None` if none is
    /// needed.
    SnapshotCreated { id: OffsetAndEpoch, log_timestamp_ms: i64, result: Result<Option<Rc<[u8]>>, String> },
    /// `SnapshotWriter.freeze`, by another thread, has ended: the snapshot counts from now on.
    SnapshotFrozen { id: OffsetAndEpoch },
    /// `SnapshotWriter.close`, by another thread, of a snapshot that is not complete.
    SnapshotClosed { id: OffsetAndEpoch },
    /// `BatchReader.close`, by another thread: a listener has read a delivery to its end.
    Read { listener: ThreadName, ordinal: u64, end: Offset },
    /// Output: a request is passed to the network layer, for this node at this port.
    Sent { to: NodeId, port: Option<u16>, correlation_id: i32, request: Request },
    /// Output: `Listener.handleCommit`. `end` is unknown for a delivery that the listener reads from disk.
    Committed { listener: ThreadName, ordinal: u64, base_offset: Offset, end: Option<Offset> },
    /// Output: `Listener.handleLoadSnapshot`.
    SnapshotLoaded { listener: ThreadName, id: OffsetAndEpoch },
    /// Output: `KafkaRaftLog.truncateToLatestSnapshot` has replaced the log.
    LogReplaced { id: OffsetAndEpoch },
    /// Output: `Listener.handleLeaderChange`.
    LeaderChanged { listener: ThreadName, leader: Option<NodeId>, epoch: LeaderEpoch },
    /// Output: the thread waits at most this long for the next message; `i64::MAX` without limit.
    Waits { ms: i64 },
    /// Of the controller, not of its raft client: its queue runs this event, or fails it because its deadline has passed.
    Event { name: &'static str, timed_out: bool },
    /// Of the controller: the event throws an exception that the run has injected.
    Throws,
    /// Of the controller: `handleCommit` is run.
    HandlesCommit { records: Records },
    /// Of the controller: `handleLoadSnapshot` is run.
    HandlesLoadSnapshot { id: OffsetAndEpoch, bytes: Rc<[u8]> },
    /// Of the controller: `handleLeaderChange` is run; `log_end` is `RaftClient.logEndOffset`.
    HandlesLeaderChange { leader: Option<NodeId>, epoch: LeaderEpoch, log_end: Offset },
    /// Of a broker's replicas, not of the raft client: a `broker::dialogue::PartitionEntry`.
    Partition(Rc<dyn Any>),
    /// Output: any other effect.
    Effect(Effect),
}

/// What `boot` finds: the files of this node as they are on disk.
pub trait DurableFiles {
    /// Paths of all files, in ascending order.
    fn paths(&self) -> Vec<Rc<str>>;
    /// The content of a file, or `None` if it is absent or unreadable.
    fn read(&self, path: &str) -> Option<Vec<u8>>;
    /// Whether there is a file of which reads fail with `EIO`.
    fn is_unreadable(&self, _path: &str) -> bool {
        false
    }
}

/// A walk over a node's state, for audits and the canonical state hash.
pub trait Visitor {
    /// Current epoch, known leader (or -1), own vote (or -1), role.
    fn election(&mut self, epoch: LeaderEpoch, leader: NodeId, voted: NodeId, role: Role);
    /// Log start and end, high watermark (`None` if unknown).
    fn log(&mut self, start: Offset, end: Offset, high_watermark: Option<Offset>);
    /// All batches held, oldest first.
    fn batches(&mut self, records: &Records);
    /// The oldest and the newest complete snapshot of the metadata log.
    fn snapshots(&mut self, _earliest: Option<OffsetAndEpoch>, _latest: Option<OffsetAndEpoch>) {}
    /// `lastFetchedEpoch`: a leader that has appended nothing in its epoch yet counts, too.
    fn last_fetched_epoch(&mut self, _epoch: LeaderEpoch) {}
    /// The data replicas that a broker hosts, ascending by id.
    fn partition(&mut self, _shown: &PartitionShown) {}
}

/// A data replica as its broker holds it.
#[derive(Clone, Debug)]
pub struct PartitionShown {
    pub id: TopicIdPartition,
    /// First offset of its log.
    pub log_start: Offset,
    /// One past the last offset.
    pub log_end: Offset,
    /// Exclusive.
    pub high_watermark: Offset,
    /// -1 before the first role.
    pub leader_epoch: LeaderEpoch,
    pub batches: usize,
    pub last_batch: Option<Rc<Batch>>,
}
