//! What crosses the border of a server: the one form in which checks see it. `RunObserver` makes it, in `raft`'s types.

use raft::ids::{LeaderEpoch, Offset};
use raft::io::{DurableFiles, FatalFault, Observation, ThreadName};
use raft::message::{Request, Response};
use raft::metadata::MetadataRecord;
use sim::process::{CloseReason, File};
use sim::watch::{Down, Synced, Write};

use super::invariant::timings::Disturbance;
use super::metadata::model::Update;

/// Something crosses a server's border.
#[derive(Clone, Copy)]
pub struct Crossing<'a> {
    pub at_ns: u64,
    /// Index of the server in `CheckConfig::servers`.
    pub server: usize,
    pub event: Event<'a>,
}

/// A request, by the connection it came over; a connection is one of the world's, unlike every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rpc {
    /// The world's number of the connection.
    pub connection: u64,
    /// Of the request, and of its response.
    pub correlation_id: i32,
}

/// Declares the events and their kinds.
macro_rules! events {
    ($($(#[doc = $doc:literal])* $event:ident = $kind:ident $({ $($(#[doc = $field_doc:literal])* $field:ident: $type:ty,)+ })?,)+) => {
        #[derive(Clone, Copy)]
        pub enum Event<'a> {
            $($(#[doc = $doc])* $event $({ $($(#[doc = $field_doc])* $field: $type,)+ })?,)+
        }

        #[derive(Clone, Copy)]
        enum Bit { $($event,)+ Data, OtherInput }

        impl Kinds {
            $($(#[doc = $doc])* pub const $kind: Kinds = Kinds(1 << Bit::$event as u32);)+
            /// A request to a broker about partitions, or a response to one: sent, received or unheard. It is of no other
            /// kind.
            pub const DATA: Kinds = Kinds(1 << Bit::Data as u32);
            /// An input of another thread than raft's.
            pub const OTHER_INPUT: Kinds = Kinds(1 << Bit::OtherInput as u32);
            /// They occur most, and few checks look at them.
            pub const FREQUENT: Kinds = Kinds::DATA.and(Kinds::OTHER_INPUT);
        }

        impl Event<'_> {
            #[inline]
            pub fn kind(&self) -> Kinds {
                match self {
                    Event::Input { thread } if *thread != ThreadName::RaftIo => Kinds::OTHER_INPUT,
                    Event::RequestReceived { request: Request::Data(_), .. }
                    | Event::RequestSent { request: Request::Data(_), .. }
                    | Event::ResponseReceived { response: Response::Data(_), .. }
                    | Event::ResponseSent { response: Response::Data(_), .. }
                    | Event::ResponseUnheard { response: Response::Data(_), .. } => Kinds::DATA,
                    $(Event::$event { .. } => Kinds::$kind,)+
                }
            }
        }
    };
}

/// A set of kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds(u32);

impl Kinds {
    pub const NONE: Kinds = Kinds(0);

    #[must_use]
    pub const fn and(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }

    /// Is there one that both have?
    #[inline]
    pub const fn meets(self, other: Kinds) -> bool {
        self.0 & other.0 != 0
    }
}

events! {
    Booted = BOOTED {
        /// Life number.
        incarnation: u32,
        disk: &'a dyn DurableFiles,
    },
    Down = DOWN {
        how: Down,
    },
    Halted = HALTED {
        reason: &'a str,
        /// The exception that ends it, if one does.
        fault: Option<FatalFault>,
    },
    /// A thread begins a step. Its kind is `RAFT_INPUT` or `OTHER_INPUT`, by the thread.
    Input = RAFT_INPUT {
        thread: ThreadName,
    },
    RequestReceived = REQUEST_RECEIVED {
        rpc: Rpc,
        request: &'a Request,
    },
    ResponseReceived = RESPONSE_RECEIVED {
        /// The number by which the process knows the connection.
        token: u32,
        /// Of the request.
        correlation_id: i32,
        response: &'a Response,
    },
    /// A connection that a process has opened is established.
    Connected = CONNECTED {
        /// The number by which the process knows it.
        token: u32,
        /// The world's number of it.
        connection: u64,
    },
    /// A process could not open a connection, or one that it has opened is gone.
    ConnectionClosed = CONNECTION_CLOSED {
        reason: CloseReason,
    },
    RequestSent = REQUEST_SENT {
        rpc: Rpc,
        request: &'a Request,
    },
    ResponseSent = RESPONSE_SENT {
        rpc: Rpc,
        /// Index of the requesting node; the indices of clients follow those of servers.
        to: usize,
        response: &'a Response,
    },
    /// A response belongs to a connection that no longer exists: it is not sent.
    ResponseUnheard = RESPONSE_UNHEARD {
        rpc: Rpc,
        response: &'a Response,
    },
    /// A process closes a connection that another one has opened.
    HungUp = HUNG_UP {
        /// The world's number of it.
        connection: u64,
    },
    Wrote = WROTE {
        write: Write<'a>,
    },
    Synced = SYNCED {
        synced: Synced,
    },
    /// A write or fsync is refused: the process is about to end (consensus.md §4.9).
    DiskFailed = DISK_FAILED,
    /// An fsync of a file has failed, now or before: what is written to it is not all durable when the next one succeeds.
    FsyncFailed = FSYNC_FAILED {
        file: File,
        /// An earlier one has failed, and this one succeeds.
        before: bool,
        /// What is durable.
        left: &'a dyn DurableFiles,
    },
    DiskDamaged = DISK_DAMAGED {
        left: &'a dyn DurableFiles,
    },
    /// A process says something of itself.
    Observed = OBSERVED {
        observation: Observation,
    },
    /// A record of the metadata log is committed, which the models have not replayed yet.
    RecordCommitted = RECORD_COMMITTED {
        offset: Offset,
        /// Of its batch.
        epoch: LeaderEpoch,
        record: &'a MetadataRecord,
    },
    /// The models have replayed a batch of the metadata log, which changes what brokers may see.
    BatchCommitted = BATCH_COMMITTED {
        update: &'a Update,
    },
    /// A fault of a server's clocks, its process or its disk begins or ends.
    Disturbed = DISTURBED {
        how: Disturbance,
    },
}
