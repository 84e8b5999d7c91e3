//! The snapshots beside a log: which it has, and what it may lack for them.

use raft::ids::Offset;

use super::LogModel;
use crate::checks::server_model::covering::{Covering, SnapshotShown};
use crate::checks::server_model::ledger::Ledger;

impl LogModel {
    /// The snapshots that have their names, ascending.
    pub fn set_snapshots(&mut self, shown: Vec<SnapshotShown>, ledger: &Ledger) {
        let count = shown.len();
        let snapshots: Vec<Covering> = shown.into_iter().filter_map(|shown| Covering::of(shown, ledger)).collect();
        self.has_unknown_snapshot = snapshots.len() < count;
        if self.snapshots != snapshots {
            self.snapshots = snapshots;
            self.recount(ledger);
        }
    }

    /// Is there one whose last batch was not in the ledger?
    pub fn has_unknown_snapshot(&self) -> bool {
        self.has_unknown_snapshot
    }

    pub fn has_snapshots(&self) -> bool {
        !self.snapshots.is_empty()
    }

    /// May a log start here: where a snapshot ends, or with the first segment, if a snapshot reaches it?
    pub fn may_start(&self, start: Offset) -> bool {
        let is_first = self.segments.first().is_some_and(|segment| segment.base == start);
        self.snapshots.iter().any(|snapshot| snapshot.end == start || is_first && snapshot.end > start)
    }

    pub fn has_durable_snapshot(&self, end: Offset) -> bool {
        self.snapshots.iter().any(|snapshot| snapshot.end == end && snapshot.is_durable)
    }

    pub fn latest_snapshot_end(&self) -> Option<Offset> {
        self.snapshots.last().map(|snapshot| snapshot.end)
    }

    /// Where the segments begin, if no durable snapshot contains what is below. Those that a snapshot replaces are not needed:
    /// they may be of records that were not committed. The name of the snapshot need not be durable: it is older than the
    /// removal of a segment from the same directory, which becomes durable no sooner.
    pub fn uncovered(&self, ledger: &Ledger) -> Option<Offset> {
        let base = self.segments.first().map_or(Offset(0), |segment| segment.base);
        let reaches = |snapshot: &Covering| snapshot.has_durable_bytes && snapshot.end >= base;
        let newest = self.segments.iter().rev().find_map(|segment| segment.batches.last());
        let last = newest.map(|id| (ledger.get(*id).epoch, ledger.end(*id)));
        let is_ahead = |latest: &Covering| latest.has_durable_bytes && Some((latest.epoch, latest.end)) > last;
        let is_replaced = self.snapshots.last().is_some_and(is_ahead);
        (base > Offset(0) && !is_replaced && !self.snapshots.iter().any(reaches)).then_some(base)
    }
}
