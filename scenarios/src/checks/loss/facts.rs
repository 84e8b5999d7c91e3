//! What has happened to one partition that bears on losses, in the order in which it happened. Facts are
//! only ever added; what follows from them is said by [`super::answers`].

use crate::checks::prelude::*;
use raft::ids::{BrokerEpoch, LeaderEpoch, Offset};
use smallvec::SmallVec;

use crate::checks::server_model::ledger::BatchId;

#[derive(Clone, Debug)]
pub struct Began {
    /// Number of the event.
    pub at: u64,
    pub epoch: LeaderEpoch,
    pub server: usize,
    /// What its log holds.
    pub log: BatchId,
    /// Up to where it has all of the committed log.
    pub agreed_end: Offset,
    /// What the logs of the others hold that metadata permits to lead then, as members of the ISR or ELR.
    pub others: SmallVec<[BatchId; 2]>,
    /// It was deposed before it began, and does not know that yet: the committed log does not continue by its log.
    pub deposed: bool,
    /// The cause if a fault has taken a record from it that none of the others holds.
    pub if_lost: Excuse,
}

#[derive(Clone, Debug)]
pub enum Fact {
    /// A fault left `left` of what a server's log held. The broker was registered by this epoch.
    Destroyed {
        server: usize,
        had: BatchId,
        left: BatchId,
        /// `UNKNOWN` if it was not registered.
        registered: BrokerEpoch,
    },
    /// A process cut its log by itself.
    Truncated {
        server: usize,
        had: BatchId,
        left: BatchId,
    },
    /// A server's log has corrupt bytes in forced segments.
    Rotten {
        server: usize,
    },
    /// They were cut or overwritten.
    Whole {
        server: usize,
    },
    /// A fault has left other bytes in the `leader-epoch-checkpoint` of a server's log, or that ends with the disk.
    EpochsAltered {
        server: usize,
        are: bool,
    },
    /// A fault has left other bytes in a server's `replication-offset-checkpoint`, or in the `partition.metadata` that gives the
    /// log another topic id; or the checkpoint is replaced.
    HighWatermarksAltered {
        server: usize,
        are: bool,
    },
    /// Metadata has committed, with permission, a leader that was a member of neither ISR nor ELR.
    UncleanElection {
        epoch: LeaderEpoch,
    },
    /// Metadata has committed that no member of ISR or ELR is left that had all acknowledged records: all of
    /// them restarted uncleanly (KIP-966).
    UncleanRestart,
    Began(Began),
    /// The leader of an epoch leads no more; it answers no request that is sent after this event.
    Ended {
        epoch: LeaderEpoch,
        /// Number of the event.
        at: u64,
    },
    Deleted,
}
