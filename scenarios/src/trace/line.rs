//! One line of a trace.

use std::rc::Rc;

use raft::message::Value;
use sim::fault::Fault;
use sim::process::{CloseReason, DiskError, Node, Thread};
use sim::watch::{Down, Phase, Way};

use crate::actor::{Message, Said};
use crate::report::Violation;
use crate::workload::ClientOperation;

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
    /// The line that caused this one: for an effect of a thread, the input that it received; for a message that is received,
    /// its sending; for a timer that fires, its arming.
    pub cause: Option<LineId>,
    /// The previous line of the same node.
    pub previous: Option<LineId>,
    /// What.
    pub what: What,
    /// What explains it: by what a timer fires, or the state of a voter before a Vote request.
    pub note: Option<Rc<Value>>,
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
    /// The next handler of the thread throws.
    Thrown,
    /// Its application requests something.
    Requested(ClientOperation),
    /// The disk.
    Disk(DiskAccess),
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
    Received,
    /// It did not get through and is sent again later.
    Blocked,
    /// It is lost.
    Dropped,
}

/// An operation of a node on its disk, or the answer of the disk.
#[derive(Clone, Debug)]
pub enum DiskAccess {
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
