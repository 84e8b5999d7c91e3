//! The state of a replica, for instruments.

use super::{IsrState, Partition, Replica};
use crate::ids::NodeId;
use crate::message::{Fields, Value};

impl Partition {
    /// All but the log's content. Times are of the wall clock.
    pub fn described(&self) -> Value {
        let role = match self.leader {
            Some(leader) if leader == self.local => "Leader",
            Some(_) => "Follower",
            None => "no leader",
        };
        let follower = |of: &Replica| {
            Value::of([
                ("brokerId", of.broker_id.value()),
                ("logEndOffset", of.log_end.value()),
                ("lastCaughtUpTimeMs", of.last_caught_up_ms.value()),
                ("lastFetchTimeMs", of.last_fetch_ms.value()),
                ("brokerEpoch", of.broker_epoch.value()),
            ])
        };
        Value::of([
            ("role", Value::text(role)),
            ("leaderId", self.leader.value()),
            ("leaderEpoch", self.leader_epoch.value()),
            ("partitionEpoch", self.partition_epoch.value()),
            ("logStartOffset", self.log.start_offset().value()),
            ("logEndOffset", self.log.end_offset().value()),
            ("highWatermark", self.log.high_watermark().value()),
            ("replicas", Value::List(self.replicas.iter().map(|id| id.value()).collect())),
            ("isr", isr(&self.isr)),
            ("minInsyncReplicas", self.min_insync_replicas.value()),
            ("followers", Value::List(self.remotes.iter().map(follower).collect())),
        ])
    }
}

fn isr(of: &IsrState) -> Value {
    let ids = |of: &[NodeId]| Value::List(of.iter().map(|id| id.value()).collect());
    let committed = ("committed", ids(of.effective()));
    match of {
        IsrState::Committed { .. } => Value::of([committed]),
        IsrState::PendingExpand { new, .. } => Value::of([committed, ("pendingExpand", new.value())]),
        IsrState::PendingShrink { removed, .. } => Value::of([committed, ("pendingShrink", ids(removed))]),
    }
}
