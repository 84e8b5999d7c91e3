//! One replica by the border's account: its log, how much of it is the committed log, and what it
//! says as a leader.

use std::rc::Rc;

use raft::ids::{LeaderEpoch, NodeId, Offset, PartitionEpoch};

use crate::checks::server_model::ledger::Ledger;
use crate::checks::server_model::log::LogModel;

/// What a leader has said in its epoch.
#[derive(Clone, Debug, Default)]
pub struct Leading {
    pub epoch: LeaderEpoch,
    /// Its high watermark; `None` until it has moved in this epoch.
    pub high_watermark: Option<Offset>,
    /// The committed state that it uses.
    pub partition_epoch: PartitionEpoch,
    /// How many count for the high watermark.
    pub maximal: u8,
    /// A proposal waits for its answer.
    pub in_flight: bool,
    /// Its incarnation is not registered yet: it serves no client, and loses the role when it registers.
    pub dormant: bool,
    /// The newest proposal that was sent: its base, and its ISR. One that is given up may be
    /// sent again, late.
    pub proposed: Option<(PartitionEpoch, Rc<[NodeId]>)>,
}

#[derive(Clone, Debug, Default)]
pub struct Replica {
    /// As written, how much of it is durable, and how much equals the committed log.
    pub log: LogModel,
    /// Of this life, if it leads.
    pub leads: Option<Leading>,
    /// The leader epoch in which this life follows, or waits for a leader.
    pub follows: Option<LeaderEpoch>,
    /// Where C ended when this incarnation led with an ISR that was large enough: an answer about several
    /// partitions may come long after one of them was decided, and in a later epoch.
    pub enough_to: Offset,
    /// The high watermark that this life has said last, or that its checkpoint held when it started, as far as the log
    /// went then.
    pub high_watermark: Offset,
    /// The highest that any life of this replica has said, or has started with.
    pub reached: Offset,
}

impl Replica {
    /// It says its high watermark, or starts with it.
    pub fn reaches(&mut self, high_watermark: Offset) {
        self.high_watermark = high_watermark;
        self.reached = self.reached.max(high_watermark);
    }

    /// How many leading batches end at `end`; `None` if no batch does.
    pub fn count_to(&self, end: Offset, ledger: &Ledger) -> Option<usize> {
        let count = self.log.count_below(end, ledger);
        (count > 0 && ledger.end(self.log.prefix(count)) == end).then_some(count)
    }
}
