//! One partition: what metadata says of it, its replicas, the committed log C, the acknowledged part A of it, and
//! what bears on losses.

use crate::checks::metadata::partition::ReferencePartition;
use crate::checks::prelude::*;
use std::rc::Rc;

use raft::broker::observation::PartitionTag;
use raft::ids::{LeaderEpoch, NodeId, Offset, PartitionEpoch, TopicIdPartition};

use super::committed_log::{Change, CommittedLog, ReportedBy};
use super::replica::Replica;
use crate::checks::loss::answers::Losses;
use crate::checks::loss::facts::{Began, Fact};
use crate::checks::server_model::ledger::{BatchId, Ledger};

claim! {
    /// Consumers see only committed records below the high watermark of the replica that returns them.
    ConsistentRead, Safety of Partition, "KIP-966 TLA+ (Vanlightly): ConsistentReadProperty; KIP-392";
}

/// Who led an epoch: a server, in one of its incarnations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acted {
    pub epoch: LeaderEpoch,
    pub server: usize,
    /// Its life.
    pub incarnation: u32,
}

/// A leader lacks committed records, and nothing explains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotExcused;

#[derive(Clone, Debug)]
pub struct PartitionModel {
    pub id: TopicIdPartition,
    /// Node ids of the servers, by index.
    servers: Rc<[NodeId]>,
    /// Every batch any replica ever wrote.
    pub ledger: Ledger,
    pub replicas: Vec<Replica>,
    /// What committed metadata said of it, by partition epoch.
    pub history: Vec<Rc<ReferencePartition>>,
    /// The committed log C.
    pub committed: Vec<BatchId>,
    /// Leading batches of C that were acknowledged to a client: A.
    pub acked: usize,
    pub log: CommittedLog,
    /// Who acted as leader, ascending by epoch.
    pub acted: Vec<Acted>,
    pub facts: Vec<Fact>,
    /// Batches that a consumer was shown before they were known to be committed.
    shown: Vec<BatchId>,
}

impl PartitionModel {
    /// A new one, with replicas on any of these servers.
    pub fn new(id: TopicIdPartition, servers: Rc<[NodeId]>) -> PartitionModel {
        PartitionModel {
            id,
            ledger: Ledger::default(),
            replicas: vec![Replica::default(); servers.len()],
            servers,
            history: Vec::new(),
            committed: Vec::new(),
            acked: 0,
            log: CommittedLog::default(),
            acted: Vec::new(),
            facts: Vec::new(),
            shown: Vec::new(),
        }
    }

    pub fn node(&self, server: usize) -> NodeId {
        self.servers[server]
    }

    /// The index of a node; a handful are searched.
    pub fn server(&self, node: NodeId) -> Option<usize> {
        self.servers.iter().position(|other| *other == node)
    }

    /// How brokers call it in observations.
    pub fn tag(&self) -> PartitionTag {
        self.id.into()
    }

    /// What may be missing.
    pub fn losses(&self) -> Losses<'_> {
        Losses { ledger: &self.ledger, committed: &self.committed, facts: &self.facts }
    }

    /// Is its topic deleted?
    pub fn is_deleted(&self) -> bool {
        self.losses().is_deleted()
    }

    /// What committed metadata says of it now.
    pub fn now(&self) -> Option<&Rc<ReferencePartition>> {
        self.history.last()
    }

    /// What it said at a partition epoch.
    pub fn at(&self, epoch: PartitionEpoch) -> Option<&Rc<ReferencePartition>> {
        self.history.get(usize::try_from(epoch.0).ok()?)
    }

    /// The leader that committed metadata has for an epoch; `None` if there is none.
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
    pub fn leads_newest(&self, server: usize) -> bool {
        let (Some(now), Some(leads)) = (self.now(), &self.replicas[server].leads) else { return false };
        now.leader == self.node(server) && now.leader_epoch == leads.epoch && !leads.dormant
    }

    /// Does it hold all that was acknowledged?
    pub fn is_guard(&self, server: usize) -> bool {
        self.replicas[server].agreed >= self.acked
    }

    /// Extends C by the log of `server`, which agrees with all of it, up to `end` at most. False if
    /// that log does not end a batch there.
    pub fn extend(&mut self, server: usize, end: Offset, verdict: &mut Verdict) -> bool {
        while let Some(next) = self.replicas[server].log.get(self.committed.len())
            && self.ledger.end(next) <= end
        {
            self.committed.push(next);
            for replica in &mut self.replicas {
                replica.advance(&self.committed);
            }
            if let Ok(batch) = self.ledger.get(next).parse() {
                let contradicted = self.log.extend(verdict.event, &batch);
                let mut contradicted = contradicted.into_iter();
                let contradicted =
                    contradicted.find(|(at, value)| self.losses().may_be_shown(Offset(*at), *value, None).is_none());
                let change = Change::Grown { place: self.log.batches.len() - 1, contradicted };
                verdict.log_changes.push((self.tag(), change));
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
        if !self.shown.contains(&batch) {
            self.shown.push(batch);
        }
    }

    #[cold]
    fn compare_shown(&mut self, next: BatchId, verdict: &mut Verdict) {
        let base = self.ledger.get(next).base;
        let ledger = &self.ledger;
        let other = self.shown.iter().find(|shown| **shown != next && ledger.get(**shown).base == base);
        if let Some(other) = other {
            if self.losses().may_serve(*other).is_some() {
                verdict.excuse(Excuse::ServedAfterLoss, 1);
            } else {
                let id = self.id;
                verdict.fail(&ConsistentRead::CLAIM, || {
                    format!("partition {id}: a consumer received a batch at offset {base} that differs from the committed one")
                });
            }
        }
        self.shown.retain(|shown| ledger.get(*shown).base > base);
    }

    /// A client received that an offset holds a value, and C has not reached it; gives the value that another client
    /// received, if that differs and nothing explains it.
    pub fn claim(&mut self, event: u64, offset: i64, value: u64, by: ReportedBy) -> Option<u64> {
        let other = self.log.claim(event, offset, value, by)?;
        if self.losses().may_be_shown(Offset(offset), other, None).is_none() {
            return Some(other);
        }
        self.log.claims.remove(&offset);
        self.log.claim(event, offset, value, by)
    }

    /// A leader begins, and C continues with its log. Gives why it may lack the first batch of C that it lacks, and how
    /// many acknowledged records are lost with it; `Err` if it may not.
    pub fn begins(&mut self, began: Began, verdict: &mut Verdict) -> Result<Option<(Excuse, u64)>, NotExcused> {
        let (server, place) = (began.server, self.facts.len());
        self.facts.push(Fact::Began(began));
        let agreed = self.replicas[server].agreed;
        let lacks = self.committed.get(agreed).map(|next| self.losses().may_begin_without(place, *next));
        let lost = match lacks {
            Some(None) => {
                // C does not continue with its log.
                self.facts.pop();
                return Err(NotExcused);
            }
            Some(Some(cause)) => {
                let records = self.end_of(self.acked).0 - self.end_of(agreed.min(self.acked)).0;
                Some((cause, u64::try_from(records).unwrap_or(0)))
            }
            None => None,
        };
        if lost.is_some() || self.losses().is_cut(place) {
            self.committed.truncate(agreed);
            self.acked = self.acked.min(agreed);
            for replica in &mut self.replicas {
                replica.agreed = replica.agreed.min(agreed);
            }
            let gone = self.log.cut(self.committed_end().0);
            verdict.log_changes.push((self.tag(), Change::Cut(gone)));
        }
        Ok(lost)
    }
}
