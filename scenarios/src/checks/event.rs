//! What crosses the border of a server: the one form in which checks see it. `RunObserver` makes it, in `raft`'s types.

use raft::ids::{LeaderEpoch, Offset};
use raft::io::{DurableFiles, FatalFault, Observation, ThreadName};
use raft::message::{Request, Response};
use raft::metadata::MetadataRecord;
use sim::watch::{Down, Synced, Write};

use super::invariant::timings::Disturbance;
use super::metadata::model::Update;

/// Something crosses a server's border.
#[derive(Clone, Copy)]
pub struct Crossing<'a> {
    /// True time, ns.
    pub at_ns: u64,
    /// Index of the server in `CheckConfig::servers`.
    pub server: usize,
    /// What.
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
    ($($(#[doc = $doc:literal])+ $event:ident = $kind:ident $({ $($(#[doc = $field_doc:literal])+ $field:ident: $type:ty,)+ })?,)+) => {
        /// What crosses.
        #[derive(Clone, Copy)]
        pub enum Event<'a> {
            $($(#[doc = $doc])+ $event $({ $($(#[doc = $field_doc])+ $field: $type,)+ })?,)+
        }

        #[derive(Clone, Copy)]
        enum Bit { $($event,)+ }

        impl Kinds {
            $($(#[doc = $doc])+ pub const $kind: Kinds = Kinds(1 << Bit::$event as u32);)+
        }

        impl Event<'_> {
            /// Of which kind it is.
            #[inline]
            pub fn kind(&self) -> Kinds {
                match self { $(Event::$event { .. } => Kinds::$kind,)+ }
            }
        }
    };
}

/// A set of kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds(u32);

impl Kinds {
    /// No kind.
    pub const NONE: Kinds = Kinds(0);

    /// These and those.
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
    /// A process boots.
    Booted = BOOTED {
        /// Life number.
        incarnation: u32,
        /// What it finds.
        disk: &'a dyn DurableFiles,
    },
    /// A process is gone.
    Down = DOWN {
        /// Why.
        how: Down,
    },
    /// A process ends itself.
    Halted = HALTED {
        /// In words.
        reason: &'a str,
        /// The exception that ends it, if one does.
        fault: Option<FatalFault>,
    },
    /// A thread takes an input.
    Input = INPUT {
        /// Which.
        thread: ThreadName,
    },
    /// A request is received.
    RequestReceived = REQUEST_RECEIVED {
        /// Which.
        rpc: Rpc,
        /// What it asks for.
        request: &'a Request,
    },
    /// A response is received.
    ResponseReceived = RESPONSE_RECEIVED {
        /// The number by which the process knows the connection.
        token: u32,
        /// What it says.
        response: &'a Response,
    },
    /// A connection that a process has opened is established.
    Connected = CONNECTED {
        /// The number by which the process knows it.
        token: u32,
        /// The world's number of it.
        connection: u64,
    },
    /// A request is sent.
    RequestSent = REQUEST_SENT {
        /// Which.
        rpc: Rpc,
        /// What it asks for.
        request: &'a Request,
    },
    /// A response is sent.
    ResponseSent = RESPONSE_SENT {
        /// To what.
        rpc: Rpc,
        /// Index of the node that asked; clients come behind the servers.
        to: usize,
        /// What it says.
        response: &'a Response,
    },
    /// A response is for a connection that is gone: it is not sent.
    ResponseUnheard = RESPONSE_UNHEARD {
        /// To what.
        rpc: Rpc,
    },
    /// A process closes a connection that another one has opened.
    HungUp = HUNG_UP {
        /// The world's number of it.
        connection: u64,
    },
    /// A disk is changed.
    Wrote = WROTE {
        /// How.
        write: Write<'a>,
    },
    /// Something is durable.
    Synced = SYNCED {
        /// What.
        synced: Synced,
    },
    /// A write or fsync is refused: the process is about to end (consensus.md §4.9).
    DiskFailed = DISK_FAILED,
    /// A fault destroys durable bytes.
    DiskDamaged = DISK_DAMAGED {
        /// What is left of them.
        left: &'a dyn DurableFiles,
    },
    /// A process says something of itself.
    Observed = OBSERVED {
        /// What.
        observation: Observation,
    },
    /// A record of the metadata log is committed, which the models have not replayed yet.
    RecordCommitted = RECORD_COMMITTED {
        /// Where it stands.
        offset: Offset,
        /// Of its batch.
        epoch: LeaderEpoch,
        /// The record.
        record: &'a MetadataRecord,
    },
    /// The models have replayed a batch of the metadata log, which changes what brokers may see.
    BatchCommitted = BATCH_COMMITTED {
        /// How.
        update: &'a Update,
    },
    /// A fault of a server's clocks, its process or its disk begins or ends.
    Disturbed = DISTURBED {
        /// Which way.
        how: Disturbance,
    },
}
