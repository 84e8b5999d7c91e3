//! The events that an observer of the world receives, at the process interface. Checks implement this trait; the world
//! knows none of them. All calls are static, and empty by default.

use crate::disk::Disk;
use crate::fault::{Fault, Guard, Occurrence};
use crate::process::{Connection, DiskError, File, Input, Node, Now, Process, Thread};

/// How a node went down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Down {
    /// The process died; its page cache survives.
    Killed,
    /// The host lost power; what was not synced is lost, kept or torn.
    PowerLost,
    /// The process ended by its own `Halt`.
    Halted { fatal: bool },
    /// The process panicked: a bug of this project.
    Panicked,
}

/// A change to a disk, as requested by the node (written, not yet durable).
#[derive(Clone, Copy, Debug)]
pub enum Write<'a> {
    /// A file was opened (and created, or emptied).
    Open { file: File, path: &'a str, truncate: bool },
    /// Bytes were appended.
    Append { file: File, bytes: &'a std::rc::Rc<[u8]> },
    /// Bytes were appended that are the beginning of a write whose rest is refused.
    ShortAppend { file: File, bytes: &'a std::rc::Rc<[u8]> },
    /// The file was cut to `len` bytes.
    Truncate { file: File, len: u64 },
    /// A name was moved.
    Rename { from: &'a str, to: &'a str },
    /// A name was removed.
    Unlink { path: &'a str },
}

/// What became durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synced {
    /// All bytes of a file.
    File(File),
    /// All names.
    Directory,
}

/// Sender and receiver of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    pub from: Node,
    pub to: Node,
    pub connection: Connection,
    /// False for a response.
    pub is_request: bool,
}

/// Whether a fault starts or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Takes effect. A fault that waits for its place between two effects does so there, and one that makes fsyncs fail
    /// does so at the first of them.
    Start,
    /// Is lifted.
    End,
    /// Had no target (for example, its node was down already, no list of effects was long enough, no fsync was due, or
    /// its trigger did not occur before it ended or the world healed), or its guard forbade it: an event of the plan
    /// lane.
    Skipped,
}

/// An observer. `at` is true time in ns.
pub trait Watch<P: Process> {
    /// A node boots; `disk` is what it reads.
    fn booted(&mut self, _at: u64, _node: Node, _incarnation: u32, _disk: &Disk) {}
    /// The boot effects and the first step are visible from now on; `process` is the new state.
    fn up(&mut self, _at: u64, _node: Node, _process: &P) {}
    /// A node is about to go down; `disk` is its state before any loss. (`settled`: nothing of it waits behind a
    /// barrier.)
    fn before_down(&mut self, _at: u64, _node: Node, _settled: bool, _process: &P, _disk: &Disk, _how: Down) {}
    /// The node is down; `disk` is what remains.
    fn down(&mut self, _at: u64, _node: Node, _disk: &Disk, _how: Down) {}
    /// An entry of the schedule is due, after `events` events; one that turns out to be stale is also shown, and is no
    /// event.
    #[inline]
    fn due(&mut self, _at: u64, _events: u64) {}
    /// A thread is about to be stepped by an input, at this time of the node's clocks; [`Watch::input`] follows.
    #[inline]
    fn before_step(&mut self, _node: Node, _thread: Thread, _now: Now, _input: &Input<P>, _process: &P) {}
    /// A thread accepts an input (before it is stepped).
    fn input(&mut self, _at: u64, _node: Node, _thread: Thread, _input: &Input<P>) {}
    /// A thread has processed its input; none of the effects is visible yet.
    #[inline]
    fn stepped(&mut self, _at: u64, _node: Node, _thread: Thread, _process: &P) {}
    /// A message leaves a node (whatever its fate on the way).
    fn sent(
        &mut self,
        _at: u64,
        _node: Node,
        _peer: Node,
        _connection: Connection,
        _is_request: bool,
        _message: &P::Message,
    ) {
    }
    /// A response is for a connection that is gone: nothing is sent.
    fn unheard(&mut self, _at: u64, _node: Node, _connection: Connection, _response: &P::Message) {}
    /// A node closes a connection that another one opened.
    fn hung_up(&mut self, _at: u64, _node: Node, _connection: Connection) {}
    /// A message was not delivered; it is sent again when the retransmission timer fires.
    fn blocked(&mut self, _at: u64, _way: Way, _message: &P::Message) {}
    /// A message that was sent is lost.
    fn dropped(&mut self, _at: u64, _way: Way, _message: &P::Message) {}
    /// An input that a thread has not accepted is discarded with its process.
    fn discarded(&mut self, _at: u64, _node: Node, _thread: Thread, _input: &Input<P>) {}
    /// A thread opens a connection.
    fn connects(&mut self, _at: u64, _node: Node, _thread: Thread, _token: u32, _peer: Node) {}
    /// A thread (re)armed its timer, to fire at this true time.
    fn armed(&mut self, _at: u64, _node: Node, _thread: Thread, _due_at: u64) {}
    /// A thread disarmed its timer.
    fn disarmed(&mut self, _at: u64, _node: Node, _thread: Thread) {}
    /// A thread posts a message to another one of its node.
    fn posted(&mut self, _at: u64, _node: Node, _thread: Thread, _to: Thread, _post: &P::Post) {}
    /// A thread waits until this is durable.
    fn syncs(&mut self, _at: u64, _node: Node, _thread: Thread, _what: Synced) {}
    /// A thread that waited for the disk gets its result, or continues with the effects behind the barrier: what
    /// follows belongs to that thread.
    fn resumes(&mut self, _at: u64, _node: Node, _thread: Thread) {}
    /// A node changed its disk.
    fn wrote(&mut self, _at: u64, _node: Node, _write: Write<'_>) {}
    /// Something became durable.
    fn synced(&mut self, _at: u64, _node: Node, _synced: Synced) {}
    /// A write or fsync failed.
    fn disk_failed(&mut self, _at: u64, _node: Node, _error: DiskError) {}
    /// An fsync of a file failed: what it was to write can be read, and no later fsync writes it; `disk` shows what is
    /// durable.
    fn fsync_failed(&mut self, _at: u64, _node: Node, _file: File, _disk: &Disk) {}
    /// An fsync of a file succeeded, some of which may not be durable since an earlier one failed; `disk` shows what is.
    fn synced_after_failure(&mut self, _at: u64, _node: Node, _file: File, _disk: &Disk) {}
    /// A node made an observation about itself.
    fn observed(&mut self, _at: u64, _node: Node, _observation: &P::Observation) {}
    fn halted(&mut self, _at: u64, _node: Node, _reason: &str, _fault: Option<P::Fault>) {}
    /// A fault starts, ends or is skipped.
    fn fault(&mut self, _at: u64, _fault: &Fault, _phase: Phase) {}
    /// All faults have ended.
    fn healed(&mut self, _at: u64) {}
    /// Durable bytes were destroyed by a fault (wiped or rotten); `disk` is what remains.
    fn disk_damaged(&mut self, _at: u64, _node: Node, _disk: &Disk) {}
    /// Called periodically, before each crash and at the end: compare a node with its interface. `settled`: none of its
    /// threads has effects behind a barrier, so memory and disk agree.
    fn audit(&mut self, _at: u64, _node: Node, _settled: bool, _process: &P, _disk: &Disk) {}
    /// Called after each effect and each event: has an occurrence happened that triggers may wait for?
    #[inline]
    fn has_occurrences(&self) -> bool {
        false
    }
    /// Removes and returns those occurrences, in order.
    fn take_occurrences(&mut self) -> Vec<Occurrence> {
        Vec::new()
    }
    /// Called for a fault with a tolerance guard when it is about to begin: would it exceed the tolerance?
    fn forbids(&self, _at: u64, _guard: Guard, _fault: &Fault) -> bool {
        false
    }
    /// Called after each event: is there a reason to stop?
    #[inline]
    fn stop(&self) -> bool {
        false
    }
}

/// Ignores everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoWatch;

impl<P: Process> Watch<P> for NoWatch {}
