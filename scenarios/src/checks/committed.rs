//! The committed log C: what leaders' high watermarks have covered, and how much of it is promised.

use crate::checks::prelude::*;
use raft::ids::{LeaderEpoch, Offset};
use raft::log::Batch;

use raft::voter_set::VoterSet;

use super::loss::quorum::{QuorumFact, QuorumLosses};
use super::server_model::ServerModel;
use super::server_model::ledger::{BatchId, Ledger};

/// What stays the same over a run.
#[derive(Clone, Copy, Debug)]
pub struct Quorum {
    /// How many of the committed voter set are a majority.
    pub majority: usize,
    /// It has a single voter, without the fix `SingleVoterFlushFirst`: that commits before its own fsync (D9).
    pub commits_before_flush: bool,
    /// Whether a single voter does so.
    pub single_voter_is_early: bool,
}

impl Quorum {
    /// With these voters.
    pub fn of(self, voters: &VoterSet) -> Quorum {
        let commits_before_flush = voters.len() == 1 && self.single_voter_is_early;
        Quorum { majority: voters.majority(), commits_before_flush, ..self }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommittedRecord {
    pub offset: Offset,
    pub value: u64,
    /// Has any read shown it?
    pub seen: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Committed {
    /// Its batches, from offset 0.
    pub batches: Vec<BatchId>,
    /// The epoch whose leader committed each (if that commit promised nothing, the one whose commit
    /// promised it); ascending.
    epochs: Vec<LeaderEpoch>,
    pub records: Vec<CommittedRecord>,
    /// Leading records that are known to be seen.
    all_seen: usize,
    /// One past its last offset.
    pub end: Offset,
    /// Leading batches that must stay on a majority of disks. Less than all of them only after a
    /// fault has destroyed durable bytes.
    pub promised: usize,
    /// The voters by whose majority it was promised last.
    pub promised_voters: VoterSet,
    /// What bears on losses, in order.
    pub facts: Vec<QuorumFact>,
}

impl Committed {
    /// Nothing, in a quorum that begins with these voters.
    pub fn of(first_voters: VoterSet) -> Committed {
        Committed { promised_voters: first_voters, ..Committed::default() }
    }

    pub fn count(&self) -> usize {
        self.batches.len()
    }

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
    pub fn promise_all(&mut self, epoch: LeaderEpoch, voters: VoterSet) {
        self.promised_voters = voters;
        for promised_by in &mut self.epochs[self.promised..] {
            *promised_by = epoch.max(*promised_by);
        }
        self.promised = self.batches.len();
    }

    /// One past the last offset that is promised.
    pub fn promised_end(&self, ledger: &Ledger) -> Offset {
        ledger.end(self.prefix(self.promised))
    }

    pub fn losses<'a>(&'a self, ledger: &'a Ledger) -> QuorumLosses<'a> {
        QuorumLosses { ledger, facts: &self.facts }
    }

    /// The first `count` batches, as one id.
    fn prefix(&self, count: usize) -> BatchId {
        count.checked_sub(1).map_or(BatchId::START, |last| self.batches[last])
    }

    /// A leader begins `epoch` without what lies behind the first `count` batches. Gives the data records that are removed.
    pub fn cut(&mut self, at_ns: u64, count: usize, epoch: LeaderEpoch, ledger: &Ledger) -> Vec<CommittedRecord> {
        let (had, left) = (self.prefix(self.count()), self.prefix(count));
        self.facts.push(QuorumFact::Cut { epoch, had, left, at_ns });
        self.batches.truncate(count);
        self.epochs.truncate(count);
        self.promised = self.promised.min(count);
        self.end = ledger.end(left);
        let first_gone = self.records.partition_point(|record| record.offset < self.end);
        self.all_seen = self.all_seen.min(first_gone);
        self.records.split_off(first_gone)
    }

    /// A leader older than the last cut still commits, up to `end`, what a newer one never had.
    pub fn commit_beside(&mut self, leader: &ServerModel, end: Offset, ledger: &Ledger) {
        let log = &leader.log;
        let count = log.count_below(end, ledger);
        self.facts.push(QuorumFact::CommittedBeside { had: log.prefix(count), left: log.prefix(log.agreed) });
    }

    /// The first record that no read has shown.
    pub fn first_unread(&mut self) -> Option<Offset> {
        while self.records.get(self.all_seen).is_some_and(|record| record.seen) {
            self.all_seen += 1;
        }
        self.records.get(self.all_seen).map(|record| record.offset)
    }

    /// Why may a server treat all that it holds below `end` as committed, though some of it is not?
    pub fn may_be_applied(&self, server: &ServerModel, end: Offset, ledger: &Ledger) -> Option<Excuse> {
        let log = &server.log;
        let rest = (log.agreed..log.count()).filter_map(|at| log.get(at)).filter(|id| ledger.end(*id) <= end);
        if log.end(ledger) >= end { self.losses(ledger).may_be_applied(rest) } else { None }
    }

    /// How far a server's log agrees with this one, as an offset.
    pub fn agreed_end(&self, server: &ServerModel, ledger: &Ledger) -> Offset {
        server.log.agreed.checked_sub(1).map_or(Offset(0), |last| ledger.end(self.batches[last]))
    }

    /// How much of the first `count` batches is safe if just these lie on a majority. A batch of an
    /// older epoch than its committer's is safe only through a later batch of the committer's own
    /// (Raft §5.4.2, figure 8): without that one, a leader elected in between may overwrite it.
    pub fn safe_prefix(&self, count: usize, ledger: &Ledger) -> usize {
        let safe = |at: &usize| ledger.get(self.batches[*at]).epoch == self.epochs[*at];
        (0..count.min(self.count())).rev().find(safe).map_or(0, |at| at + 1)
    }

    /// The longest prefix, in batches, that a majority of the committed voters, or of those by whom it was promised, holds
    /// durably.
    pub fn durable_on_majority(&self, servers: &[ServerModel], quorum: Quorum) -> usize {
        let by_committed = held_by(servers, |server| server.voter, quorum.majority);
        by_committed.max(held_by_majority(&self.promised_voters, servers))
    }

    /// The same of these voters, or of those by whom it was promised.
    pub fn durable_on_majority_of(&self, voters: &VoterSet, servers: &[ServerModel]) -> usize {
        held_by_majority(voters, servers).max(held_by_majority(&self.promised_voters, servers))
    }
}

fn held_by_majority(voters: &VoterSet, servers: &[ServerModel]) -> usize {
    held_by(servers, |server| voters.is_voter(server.key()), voters.majority())
}

/// How many batches so many of these servers hold durably.
fn held_by(servers: &[ServerModel], is_voter: impl Fn(&ServerModel) -> bool, majority: usize) -> usize {
    let mut ends: Vec<usize> = servers.iter().filter(|s| is_voter(s)).map(ServerModel::durably_agreed).collect();
    ends.sort_unstable_by(|a, b| b.cmp(a));
    ends.get(majority - 1).copied().unwrap_or(0)
}
