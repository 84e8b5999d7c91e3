//! One partition: what metadata says of it, its replicas, the committed log C and the acknowledged
//! part A of it.

use std::collections::BTreeSet;
use std::ops::Range;
use std::rc::Rc;

use raft::ids::{LeaderEpoch, NodeId, Offset, PartitionEpoch, TopicIdPartition};
use raft::metadata::image::PartitionRegistration;

use super::Around;
use super::replica::Replica;
use super::sequences::Sequences;
use crate::checks::ghost::ledger::{BatchId, Ledger};
use crate::checks::invariant::Invariant;
use crate::checks::verdict::{Excuse, Verdict};

/// Who led an epoch: a server, in one of its lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acted {
    /// Of the partition.
    pub epoch: LeaderEpoch,
    /// Index of the server.
    pub server: usize,
    /// Its life.
    pub incarnation: u32,
}

/// A batch that a consumer was shown before it was known to be committed.
#[derive(Clone, Copy, Debug)]
struct Shown {
    batch: BatchId,
    /// How often a fault had taken something from a replica by then.
    losses: u32,
}

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct PartitionGhost {
    /// Which.
    pub id: TopicIdPartition,
    /// Every batch any replica ever wrote.
    pub ledger: Ledger,
    /// By server.
    pub replicas: Vec<Replica>,
    /// What committed metadata said of it, by partition epoch.
    pub history: Vec<Rc<PartitionRegistration>>,
    /// Its topic is gone.
    pub deleted: bool,
    /// The committed log C.
    pub committed: Vec<BatchId>,
    /// Leading batches of C that a client was told of: A.
    pub acked: usize,
    /// Who acted as leader, ascending by epoch.
    pub acted: Vec<Acted>,
    /// Why no guard is left, if a committed change did that with cause.
    pub no_guard: Option<Excuse>,
    /// Committed epochs whose leaders were elected uncleanly, with leave, and since which nobody has acted:
    /// the oldest and the newest.
    pub unclean: Option<(LeaderEpoch, LeaderEpoch)>,
    /// Ranges of epochs: from such an election up to, and without, the one whose leader then acted.
    passed_over: Vec<Range<LeaderEpoch>>,
    /// The newest epoch whose leader began without committed records, with cause, or was elected
    /// uncleanly, with leave: an older leader that has not heard of it may acknowledge what can never
    /// be committed.
    cut_by: Option<LeaderEpoch>,
    /// What that leader had beyond C when it began.
    kept: BTreeSet<BatchId>,
    /// What went so.
    lost: BTreeSet<BatchId>,
    /// How often a fault took something from a replica.
    pub losses: u32,
    shown: Vec<Shown>,
    sequences: Sequences,
}

impl PartitionGhost {
    /// A new one, with replicas on any of so many servers.
    pub fn new(id: TopicIdPartition, servers: usize) -> PartitionGhost {
        PartitionGhost {
            id,
            ledger: Ledger::default(),
            replicas: vec![Replica::default(); servers],
            history: Vec::new(),
            deleted: false,
            committed: Vec::new(),
            acked: 0,
            acted: Vec::new(),
            no_guard: None,
            unclean: None,
            passed_over: Vec::new(),
            cut_by: None,
            kept: BTreeSet::new(),
            lost: BTreeSet::new(),
            losses: 0,
            shown: Vec::new(),
            sequences: Sequences::default(),
        }
    }

    /// What committed metadata says of it now.
    pub fn now(&self) -> Option<&Rc<PartitionRegistration>> {
        self.history.last()
    }

    /// What it said at a partition epoch.
    pub fn at(&self, epoch: PartitionEpoch) -> Option<&Rc<PartitionRegistration>> {
        self.history.get(usize::try_from(epoch.0).ok()?)
    }

    /// Whom committed metadata made leader of an epoch; `None` if nobody, or if there is none such.
    pub fn leader_of(&self, epoch: LeaderEpoch) -> Option<NodeId> {
        let state = self.history.iter().rev().find(|state| state.leader_epoch <= epoch)?;
        (state.leader_epoch == epoch).then_some(state.leader).and_then(NodeId::known)
    }

    /// Where the first `count` batches of C end.
    pub fn end_of(&self, count: usize) -> Offset {
        count.checked_sub(1).map_or(Offset(0), |last| self.ledger.end(self.committed[last]))
    }

    /// Where C ends.
    pub fn committed_end(&self) -> Offset {
        self.end_of(self.committed.len())
    }

    /// Is this the leader of the newest committed epoch, by its own word and by metadata's?
    pub fn leads_newest(&self, server: usize, id: NodeId) -> bool {
        let (Some(now), Some(leads)) = (self.now(), &self.replicas[server].leads) else { return false };
        now.leader == id && now.leader_epoch == leads.epoch && !leads.dormant
    }

    /// Does it hold all that was acknowledged?
    pub fn is_guard(&self, server: usize) -> bool {
        self.replicas[server].agreed >= self.acked
    }

    /// Went this batch with an excuse, or can it never be committed, as the leader of the newest cut
    /// began without it?
    pub fn went(&self, batch: BatchId) -> bool {
        let known = self.ledger.get(batch);
        let is_of_older = self.cut_by.is_some_and(|cut_by| known.epoch < cut_by);
        let is_committed = || {
            let place = self.committed.partition_point(|other| self.ledger.get(*other).base < known.base);
            self.committed.get(place) == Some(&batch)
        };
        self.lost.contains(&batch) || is_of_older && !self.kept.contains(&batch) && !is_committed()
    }

    /// Was the leader of this epoch elected uncleanly, or after such an election before anybody had acted? It may
    /// lack some of C.
    pub fn may_lack(&self, epoch: LeaderEpoch) -> bool {
        self.unclean.is_some_and(|(oldest, _)| oldest <= epoch)
            || self.passed_over.iter().any(|epochs| epochs.contains(&epoch))
    }

    /// The leader `server` begins with all of C, and nobody else may lead. What a fault took from it beyond
    /// C, an older leader that has it and has not heard of this one may still serve: it can never be
    /// committed. Gives those batches.
    pub fn lose_beyond_committed(&mut self, server: usize) -> Vec<BatchId> {
        let (end, ledger) = (self.committed_end(), &self.ledger);
        let lost = self.replicas[server].lacks_by_fault(ledger).filter(|batch| ledger.get(*batch).base >= end);
        let lost: Vec<BatchId> = lost.collect();
        self.lost.extend(&lost);
        lost
    }

    /// Did a leader ever begin without some of C, or after an unclean election?
    pub fn was_cut(&self) -> bool {
        self.cut_by.is_some()
    }

    /// C goes on by the log of `server`, which agrees with all of it, up to `end` at most. False if
    /// that log does not end a batch there.
    pub fn extend(&mut self, server: usize, end: Offset, around: &mut Around<'_>) -> bool {
        while let Some(next) = self.replicas[server].log.get(self.committed.len())
            && self.ledger.end(next) <= end
        {
            self.committed.push(next);
            for replica in &mut self.replicas {
                replica.advance(&self.committed);
            }
            let verdict = &mut *around.verdict;
            if let Ok(batch) = self.ledger.get(next).parse() {
                around.histories.partition_committed(self.id.into(), &batch, verdict);
            }
            if let Err(wrong) = self.sequences.committed(self.ledger.get(next).bytes()) {
                let (id, base) = (self.id, self.ledger.get(next).base);
                verdict.fail(Invariant::IdempotentSequence, || {
                    format!("partition {id}: the batch committed at {base} is of {wrong}")
                });
            }
            if !self.shown.is_empty() {
                self.compare_shown(next, verdict);
            }
        }
        self.committed_end() >= end
    }

    /// A consumer was shown what is not known to be committed (a leader may learn late that it is
    /// deposed, and moves its high watermark meanwhile).
    pub fn show(&mut self, batch: BatchId) {
        if !self.shown.iter().any(|shown| shown.batch == batch) {
            self.shown.push(Shown { batch, losses: self.losses });
        }
    }

    #[cold]
    fn compare_shown(&mut self, next: BatchId, verdict: &mut Verdict) {
        let base = self.ledger.get(next).base;
        let (ledger, losses) = (&self.ledger, self.losses);
        let other = self.shown.iter().find(|shown| shown.batch != next && ledger.get(shown.batch).base == base);
        if let Some(other) = other {
            if other.losses < losses {
                verdict.excuse(Excuse::ServedAfterLoss, 1);
            } else {
                let id = self.id;
                verdict.fail(Invariant::ConsistentRead, || {
                    format!("partition {id}: a consumer received a batch at offset {base} that differs from the committed one")
                });
            }
        }
        self.shown.retain(|shown| ledger.get(shown.batch).base > base);
    }

    /// The leader `server` of an epoch begins with the first `count` batches of C, and with cause. Gives
    /// how many acknowledged records went.
    pub fn cut(&mut self, server: usize, count: usize, epoch: LeaderEpoch) -> u64 {
        let acked_records = self.end_of(self.acked).0 - self.end_of(count.min(self.acked)).0;
        self.lost.extend(self.committed.drain(count..));
        self.acked = self.acked.min(count);
        for replica in &mut self.replicas {
            replica.agreed = replica.agreed.min(count);
        }
        self.shown.clear();
        self.cut_by = self.cut_by.max(Some(epoch));
        let log = &self.replicas[server].log;
        self.kept = (count..log.count()).filter_map(|at| log.get(at)).collect();
        // What went with an earlier leader may come back with a later one.
        self.lost.retain(|batch| !self.kept.contains(batch));
        self.no_guard = None;
        self.passed_over.extend(self.unclean.take().map(|(oldest, _)| oldest..epoch));
        self.sequences = Sequences::default();
        for batch in &self.committed {
            // Judged before.
            let _ = self.sequences.committed(self.ledger.get(*batch).bytes());
        }
        u64::try_from(acked_records).unwrap_or(0)
    }
}
