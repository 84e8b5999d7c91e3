//! The committed log C: what leaders' high watermarks have covered, and how much of it is promised.

use std::collections::BTreeSet;

use raft::ids::{LeaderEpoch, Offset};
use raft::log::Batch;

use super::ghost::ServerGhost;
use super::ghost::ledger::{BatchId, Ledger};

/// A committed data record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommittedRecord {
    /// Where it stands.
    pub offset: Offset,
    /// What it says.
    pub value: u64,
    /// Has any read shown it?
    pub seen: bool,
}

/// The committed log.
#[derive(Clone, Debug, Default)]
pub struct Committed {
    /// Its batches, from offset 0.
    pub batches: Vec<BatchId>,
    /// The epoch whose leader committed each (if that commit promised nothing, the one whose commit
    /// promised it); ascending.
    epochs: Vec<LeaderEpoch>,
    /// Its data records.
    pub records: Vec<CommittedRecord>,
    /// Leading records that are known to be seen.
    all_seen: usize,
    /// One past its last offset.
    pub end: Offset,
    /// Leading batches that must stay on a majority of disks. Less than all of them only after a
    /// fault has destroyed durable bytes.
    pub promised: usize,
    /// Batches that were committed and then destroyed.
    destroyed_batches: BTreeSet<BatchId>,
    /// Their data records, as (offset, value).
    destroyed_records: BTreeSet<(Offset, u64)>,
    /// True time of the last cut, ns, and where the log ended after it.
    last_cut: Option<(u64, Offset)>,
    /// The newest epoch whose leader had to begin without records that were destroyed.
    cut_by: Option<LeaderEpoch>,
}

impl Committed {
    /// Batches.
    pub fn count(&self) -> usize {
        self.batches.len()
    }

    /// The newest epoch that has committed something.
    pub fn newest_epoch(&self) -> Option<LeaderEpoch> {
        self.epochs.last().copied()
    }

    /// How many leading batches were committed by leaders of epochs before `epoch`.
    pub fn committed_before(&self, epoch: LeaderEpoch) -> usize {
        match self.epochs.last() {
            Some(last) if *last < epoch => self.epochs.len(),
            _ => self.epochs.partition_point(|committer| *committer < epoch),
        }
    }

    /// The next batch is committed; its data records are the last ones of `records`, from the
    /// index returned on.
    pub fn push(&mut self, id: BatchId, epoch: LeaderEpoch, ledger: &Ledger) -> usize {
        let known = ledger.get(id);
        let first_record = self.records.len();
        if !known.control
            && let Ok(values) = Batch::values_at(known.bytes())
        {
            let records = values.map(|(offset, value)| CommittedRecord { offset, value, seen: false });
            self.records.extend(records);
        }
        self.end = known.end;
        self.batches.push(id);
        self.epochs.push(epoch);
        first_record
    }

    /// All of it is promised, by a commit in `epoch`. What was not promised until now binds only
    /// leaders after this epoch: votes for earlier ones may have been cast before the promise.
    pub fn promise_all(&mut self, epoch: LeaderEpoch) {
        for promised_by in &mut self.epochs[self.promised..] {
            *promised_by = epoch.max(*promised_by);
        }
        self.promised = self.batches.len();
    }

    /// What lies behind the first `count` batches was destroyed: a leader begins `epoch` without
    /// it. Gives the data records that went.
    pub fn cut(&mut self, now_ns: u64, count: usize, epoch: LeaderEpoch, ledger: &Ledger) -> Vec<CommittedRecord> {
        self.destroyed_batches.extend(self.batches.drain(count..));
        self.epochs.truncate(count);
        self.promised = self.promised.min(count);
        let new_end = self.batches.last().map_or(Offset(0), |last| ledger.end(*last));
        self.last_cut = Some((now_ns, new_end));
        self.end = new_end;
        self.cut_by = self.cut_by.max(Some(epoch));
        let first_gone = self.records.partition_point(|record| record.offset < new_end);
        self.all_seen = self.all_seen.min(first_gone);
        let gone = self.records.split_off(first_gone);
        self.destroyed_records.extend(gone.iter().map(|record| (record.offset, record.value)));
        gone
    }

    /// A leader older than the last cut still commits, up to `end`, what a newer one never had.
    pub fn overrun(&mut self, leader: &ServerGhost, end: Offset, ledger: &Ledger) {
        let log = &leader.log;
        let beyond = (leader.agreed..log.count()).filter_map(|at| log.get(at));
        for id in beyond.take_while(|id| ledger.end(*id) <= end) {
            if self.destroyed_batches.insert(id)
                && !ledger.get(id).control
                && let Ok(values) = Batch::values_at(ledger.get(id).bytes())
            {
                self.destroyed_records.extend(values);
            }
        }
    }

    /// The first record that no read has shown.
    pub fn first_unread(&mut self) -> Option<Offset> {
        while self.records.get(self.all_seen).is_some_and(|record| record.seen) {
            self.all_seen += 1;
        }
        self.records.get(self.all_seen).map(|record| record.offset)
    }

    /// True time of the last cut, ns, and where the committed log ended after it.
    pub fn last_cut(&self) -> Option<(u64, Offset)> {
        self.last_cut
    }

    /// Was it destroyed before a leader of a newer epoch than this began?
    pub fn was_cut_after(&self, epoch: LeaderEpoch) -> bool {
        self.cut_by.is_some_and(|cut_by| epoch < cut_by)
    }

    /// Was this very record committed and then destroyed?
    pub fn was_destroyed(&self, offset: Offset, value: u64) -> bool {
        self.destroyed_records.contains(&(offset, value))
    }

    /// Does a server hold batches that were committed and then destroyed?
    pub fn was_destroyed_under(&self, server: &ServerGhost) -> bool {
        server.log.get(server.agreed).is_some_and(|id| self.destroyed_batches.contains(&id))
    }

    /// Is all that a server holds below `end`, and that is not committed now, committed and then
    /// destroyed?
    pub fn rest_was_destroyed(&self, server: &ServerGhost, end: Offset, ledger: &Ledger) -> bool {
        let log = &server.log;
        let mut rest = (server.agreed..log.count()).filter_map(|at| log.get(at));
        let holds_all = log.end(ledger) >= end;
        holds_all && rest.all(|id| ledger.end(id) > end || self.destroyed_batches.contains(&id))
    }

    /// How far a server's log agrees with this one, as an offset.
    pub fn agreed_end(&self, server: &ServerGhost, ledger: &Ledger) -> Offset {
        server.agreed.checked_sub(1).map_or(Offset(0), |last| ledger.end(self.batches[last]))
    }

    /// How much of the first `count` batches is safe if just these lie on a majority. A batch of an
    /// older epoch than its committer's is safe only through a later batch of the committer's own
    /// (Raft §5.4.2, figure 8): without that one, a leader elected in between may overwrite it.
    pub fn safe_prefix(&self, count: usize, ledger: &Ledger) -> usize {
        let safe = |at: &usize| ledger.get(self.batches[*at]).epoch == self.epochs[*at];
        (0..count.min(self.count())).rev().find(safe).map_or(0, |at| at + 1)
    }

    /// The longest prefix, in batches, that a majority of voters holds durably.
    pub fn durable_on_majority(servers: &[ServerGhost]) -> usize {
        let mut ends: Vec<usize> = servers.iter().filter(|s| s.voter).map(ServerGhost::durably_agreed).collect();
        ends.sort_unstable_by(|a, b| b.cmp(a));
        ends.get(ends.len() / 2).copied().unwrap_or(0)
    }
}
