//! Snapshots of the metadata log, and the batches that they contain.

use raft::ids::{LeaderEpoch, Offset, OffsetAndEpoch};

use super::ledger::{BatchId, Ledger};

/// How the name of a complete snapshot ends.
pub const SNAPSHOT_SUFFIX: &str = ".checkpoint";

/// A snapshot that has its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotShown {
    pub id: OffsetAndEpoch,
    pub has_durable_bytes: bool,
    /// Its bytes and its name are.
    pub is_durable: bool,
}

/// A snapshot of batches that somebody wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Covering {
    pub prefix: BatchId,
    /// Of its last batch.
    pub epoch: LeaderEpoch,
    pub end: Offset,
    /// Of the prefix, in batches.
    pub count: usize,
    pub has_durable_bytes: bool,
    pub is_durable: bool,
}

impl Covering {
    pub fn of(shown: SnapshotShown, ledger: &Ledger) -> Option<Covering> {
        let SnapshotShown { id, has_durable_bytes, is_durable } = shown;
        let (prefix, epoch, end) = (ledger.find(id)?, id.epoch, id.offset);
        Some(Covering { prefix, epoch, end, count: ledger.count(prefix), has_durable_bytes, is_durable })
    }
}

/// The prefix behind which a segment with this base stands: nothing, or a part of what a snapshot covers; `None` if no
/// snapshot reaches it.
pub fn behind(base: Offset, snapshots: &[Covering], ledger: &Ledger) -> Option<BatchId> {
    if base == Offset(0) {
        return Some(BatchId::START);
    }
    let reaching = snapshots.iter().rev().filter(|snapshot| snapshot.end >= base);
    reaching.filter_map(|snapshot| ledger.part_ending(snapshot.prefix, base)).next()
}
