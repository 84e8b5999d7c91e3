//! The process interface: all the world knows of a node, and all a node may request of the world.
//!
//! A process is a pure function of (state, now, input, draws). It is stepped one input at a time per thread and returns
//! an **ordered list of effects**. [`Effect::Fsync`] is a barrier on its thread: the world holds the effects behind it
//! until the bytes are durable, drops them if the node dies or the fsync fails (the thread then gets
//! [`Input::DiskError`]), and gives the thread no input meanwhile; other threads continue. A crash may occur between
//! any two effects. `boot` has only durable bytes, so volatile state cannot leak.

use std::rc::Rc;

use crate::disk::Disk;
pub use crate::ids::{Connection, DiskError, File, Node, Port, Thread};
use crate::rng::Entropy;

/// The readings of a node's clocks; nodes never see true time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Monotonic: drifts, never steps. ns.
    pub mono_ns: u64,
    /// Wall: drifts and steps both ways. ms since 1970.
    pub wall_ms: i64,
}

/// The reason for the end of a connection, as reported to its opener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The host is up, and nobody listens on the port.
    Refused,
    /// RST: the peer's process died, or its host rebooted.
    Reset,
    /// EHOSTUNREACH: no host of the subnet has the address.
    Unreachable,
    /// The name of the host was not resolved; nothing was sent.
    Unresolved,
}

/// An input of a thread.
#[derive(Clone, Debug)]
pub enum Input<P: Process> {
    /// Our connect succeeded.
    Opened { token: u32, connection: Connection },
    /// A connection we opened (or tried to) is gone.
    Closed { token: u32, reason: CloseReason },
    /// A request on a connection that another node opened; it requires one response, or a notice that there is none.
    Request { connection: Connection, message: P::Message },
    /// A response on a connection we opened.
    Response { token: u32, message: P::Message },
    /// The thread's timer.
    Timer,
    /// The effect at which the last list stopped has failed.
    DiskError(DiskError),
    /// A message from another thread of this node.
    Post(P::Post),
    /// SIGTERM.
    Terminate,
    /// The next handler of this thread throws.
    Exception,
    /// The thread has come to its [`Effect::Continue`].
    Continue,
    /// An operation submitted from outside the world (a story, a plan).
    Operation(P::Operation),
}

impl<P: Process> Input<P> {
    /// Whether it belongs to the thread's last list of effects: it precedes all that waits in the queue.
    pub fn precedes_queue(&self) -> bool {
        matches!(self, Input::DiskError(_) | Input::Continue)
    }
}

/// The effects of a thread, performed in order.
#[derive(Clone, Debug)]
pub enum Effect<P: Process> {
    /// Open a connection; answered by `Opened` or `Closed` with the same token, on this thread.
    Connect { token: u32, to: Node, port: Port },
    /// Accept connections on this port, too, from now on, until the process ends.
    Listen { port: Port },
    /// Send on a connection we opened.
    Request { connection: Connection, message: P::Message },
    /// Respond on a connection that a request arrived on.
    Response { connection: Connection, message: P::Message },
    /// The request that arrived on it gets no response: the connection accepts the next one.
    NoResponse { connection: Connection },
    /// Close a connection that another node opened; its opener receives `Reset`.
    HangUp { connection: Connection },
    /// Close a connection this thread opened, or give up opening it. Nothing more arrives for the
    /// token; each thread has tokens of its own.
    Close { token: u32 },
    /// (Re)arm this thread's timer at a local monotonic instant.
    Arm { at_mono_ns: u64 },
    /// Disarm it.
    Cancel,
    /// Open by path for appending; creates it if absent.
    Open { file: File, path: Rc<str>, truncate: bool },
    /// Append bytes.
    Append { file: File, bytes: Rc<[u8]> },
    /// Cut to a length in bytes.
    Truncate { file: File, len: u64 },
    /// Atomic; durable after `FsyncDirectory`.
    Rename { from: Rc<str>, to: Rc<str> },
    /// Durable after `FsyncDirectory`.
    Unlink { path: Rc<str> },
    /// Barrier.
    Fsync { file: File },
    /// Barrier.
    FsyncDirectory,
    /// Step this thread with [`Input::Continue`], before any other input of it: the clocks are read anew then.
    Continue,
    /// A message for another thread of this node.
    Post { thread: Thread, event: P::Post },
    /// An observation about the node itself; `Copy`, at most 32 bytes.
    Observe(P::Observation),
    /// The process ends; with a fault if it ends by its own decision after an error.
    Halt { reason: Rc<str>, fault: Option<P::Fault> },
}

/// The effects of one step; the buffer is reused.
#[derive(Clone, Debug)]
pub struct Out<P: Process> {
    /// First to last.
    pub effects: Vec<Effect<P>>,
    /// Messages that were read, for a process that can reuse their memory: a message that one step puts here may be
    /// reused by another step of any node. Their content must not be read.
    pub spent: Vec<P::Message>,
}

impl<P: Process> Default for Out<P> {
    fn default() -> Self {
        Out { effects: Vec::new(), spent: Vec::new() }
    }
}

impl<P: Process> Out<P> {
    /// Adds the next effect.
    #[inline]
    pub fn push(&mut self, effect: Effect<P>) {
        self.effects.push(effect);
    }
}

/// A message as the world sees it: a value with an identity and a kind.
pub trait Payload: Clone + std::fmt::Debug {
    /// 64-bit identity over a canonical field walk; made once, at send. The default hashes the
    /// `Debug` text, which is slow and changes with the names of fields.
    fn content_hash(&self) -> u64 {
        debug_hash(self)
    }
    /// A small dense number below [`Payload::KINDS`], for service times.
    fn kind(&self) -> u8 {
        0
    }
    /// Number of kinds.
    const KINDS: usize = 1;
}

/// A number is a message, for processes that need nothing else.
impl Payload for u64 {}

/// xxh3 of the `Debug` text: an identity for types that have no canonical field walk.
fn debug_hash(value: &impl std::fmt::Debug) -> u64 {
    xxhash_rust::xxh3::xxh3_64(format!("{value:?}").as_bytes())
}

/// A pure process.
pub trait Process: Clone + std::fmt::Debug + Sized + 'static {
    /// Configuration; survives everything.
    type Spec: Clone + std::fmt::Debug;
    /// Messages of the network.
    type Message: Payload;
    /// Messages between threads of one node.
    type Post: Clone + std::fmt::Debug;
    /// What may be submitted from outside the world.
    type Operation: Clone + std::fmt::Debug;
    /// What a node reports about itself.
    type Observation: Copy + std::fmt::Debug;
    /// The kind of a crash by its own decision.
    type Fault: Copy + std::fmt::Debug;
    /// Names of the threads, thread 0 first.
    const THREADS: &'static [&'static str] = &["main"];

    /// Threads that stand for several of the process. With [`ServiceTimes::has_pools`] their inputs are served side by
    /// side, and only those on one connection, and posts, one after the other; steps are one at a time.
    ///
    /// [`ServiceTimes::has_pools`]: crate::service::ServiceTimes::has_pools
    const POOLS: &'static [Thread] = &[];

    /// Names of the kinds of work that [`Process::work_before`] and [`Process::work_in`] find.
    const WORKS: &'static [&'static str] = &[];

    /// Whether it listens on [`Port::FIRST`] from its start on.
    fn listens_at_boot(_spec: &Self::Spec) -> bool {
        true
    }

    /// Power on, with the bytes that the disk kept. Effects belong to thread 0.
    fn boot(spec: &Self::Spec, now: Now, entropy: &mut Entropy, disk: &Disk, out: &mut Out<Self>) -> Self;

    /// One input for one thread.
    fn step(&mut self, thread: Thread, now: Now, input: Input<Self>, entropy: &mut Entropy, out: &mut Out<Self>);

    /// The thread that receives a request on a fresh connection.
    fn thread_for(_message: &Self::Message) -> Thread {
        Thread(0)
    }

    /// Adds the kinds of work, by their numbers in [`Process::WORKS`], that precede the step of a pool's thread by an
    /// input: others see what the step changes when they are done.
    fn work_before(&self, _thread: Thread, _input: &Input<Self>, _works: &mut Vec<u8>) {}

    /// The kind of work that an effect of a step by `thread` shows, by its number in [`Process::WORKS`]: the thread is busy
    /// with it before the effects of the step happen, once for effects in a row.
    fn work_in(&self, _thread: Thread, _effect: &Effect<Self>) -> Option<u8> {
        None
    }

    /// 64-bit identity of an observation, for the digest; the default hashes its `Debug` text, as in the two functions
    /// below.
    fn observation_hash(observation: &Self::Observation) -> u64 {
        debug_hash(observation)
    }

    /// 64-bit identity of a message between threads, for the digest.
    fn post_hash(post: &Self::Post) -> u64 {
        debug_hash(post)
    }

    /// 64-bit identity of an operation, for the digest.
    fn operation_hash(operation: &Self::Operation) -> u64 {
        debug_hash(operation)
    }
}
