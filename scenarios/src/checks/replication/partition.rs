//! One partition: what metadata says of it, its replicas, the committed log C, the acknowledged part A of it, and
//! what bears on losses.

use crate::checks::metadata::partition::ReferencePartition;
use crate::checks::prelude::*;
use std::collections::BTreeMap;
use std::rc::Rc;

use raft::ids::{LeaderEpoch, NodeId, Offset, PartitionEpoch, TopicIdPartition};
use smallvec::SmallVec;

use super::committed_log::{Change, CommittedLog, ReportedBy};
use super::replica::Replica;
use crate::checks::loss::answers::Losses;
use crate::checks::loss::facts::Fact;
use crate::checks::server_model::ledger::{BatchId, Ledger};

claim! {
    /// Consumers see only committed records below the high watermark of the replica that returns them.
    ConsistentRead, Safety of Partition, "KIP-966 TLA+ (Vanlightly): ConsistentReadProperty; KIP-392";
}

#[derive(Clone, Debug)]
pub struct PartitionModel {
    pub id: TopicIdPartition,
    servers: Rc<[NodeId]>,
    /// Every batch any replica ever wrote.
    pub ledger: Ledger,
    pub replicas: Vec<Replica>,
    /// What committed metadata said of it, by partition epoch.
    pub history: Vec<Rc<ReferencePartition>>,
    /// `min.insync.replicas` of its topic, at most the partition's replicas, and from which offset on committed metadata
    /// had that; ascending.
    min_isrs: SmallVec<[(Offset, usize); 2]>,
    pub committed: Vec<BatchId>,
    /// Leading batches of C that were acknowledged to a client: A.
    pub acked: usize,
    pub log: CommittedLog,
    /// Who acted as leader of an epoch: a server, in one of its lives.
    pub acted: BTreeMap<LeaderEpoch, (usize, u32)>,
    pub facts: Vec<Fact>,
    /// Batches that a consumer was shown before they were known to be committed.
    pub(super) shown: Vec<BatchId>,
}

impl PartitionModel {
    pub fn new(id: TopicIdPartition, servers: Rc<[NodeId]>) -> PartitionModel {
        PartitionModel {
            id,
            ledger: Ledger::default(),
            replicas: vec![Replica::default(); servers.len()],
            servers,
            history: Vec::new(),
            min_isrs: SmallVec::new(),
            committed: Vec::new(),
            acked: 0,
            log: CommittedLog::default(),
            acted: BTreeMap::new(),
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

    pub fn losses(&self) -> Losses<'_> {
        Losses { ledger: &self.ledger, committed: &self.committed, facts: &self.facts }
    }

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

    /// The batch that ends with this offset leaves this value of `min.insync.replicas`: a broker that has published it
    /// knows the value.
    pub fn requires(&mut self, known_from: Offset, min_isr: usize) {
        if self.min_isrs.last().is_none_or(|(_, last)| *last != min_isr) {
            self.min_isrs.push((known_from, min_isr));
        }
    }

    /// The lowest that a broker may have used since it had published up to `published`, at least:
    /// what it knew then, or what was committed later. More than there are of a partition that metadata
    /// does not have.
    pub fn required_since(&self, published: Option<Offset>) -> usize {
        let known = self.min_isrs.partition_point(|(from, _)| Some(*from) <= published);
        let values = &self.min_isrs[known.saturating_sub(1)..];
        values.iter().map(|(_, value)| *value).min().unwrap_or(usize::MAX)
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

    pub fn committed_end(&self) -> Offset {
        self.end_of(self.committed.len())
    }

    /// Where the log of a replica, which has not all of C, leaves C.
    pub fn lacking(&self, server: usize) -> String {
        let log = &self.replicas[server].log;
        self.ledger.lacking(self.committed[log.agreed], log.get(log.agreed))
    }

    /// Is this the leader of the newest committed epoch, by its own word and by metadata's?
    pub fn leads_newest(&self, server: usize) -> bool {
        let (Some(now), Some(leads)) = (self.now(), &self.replicas[server].leads) else { return false };
        now.leader == self.node(server) && now.leader_epoch == leads.epoch && !leads.dormant
    }

    /// Replicas that are not in the ISR of a leader, and why they may never be.
    pub fn out_of_sync(&self) -> impl Iterator<Item = (usize, Option<Excuse>)> + '_ {
        let led = self.now().and_then(|now| Some((now, self.server(now.leader.known()?)?)));
        led.into_iter().flat_map(move |(now, leader)| {
            let out = now.replicas.iter().filter(|id| !now.isr.contains(id)).filter_map(|id| self.server(*id));
            out.map(move |server| (server, self.losses().may_stay_out_of_sync(server, leader)))
        })
    }

    /// Why may its leader refuse producers for ever, and readers of `next`? Too few replicas may ever come back into the
    /// ISR for `min.insync.replicas`, and its high watermark stays where it is (KIP-966).
    pub fn may_refuse_forever(&self, next: Option<Offset>) -> Option<Excuse> {
        let (now, (_, wanted)) = (self.now()?, self.min_isrs.last()?);
        let leader = self.server(now.leader.known()?)?;
        let out = self.out_of_sync().map(|(server, _)| self.losses().may_stay_out_by_epochs(server, leader));
        let out: SmallVec<[Option<Excuse>; 8]> = out.collect();
        let awaited = out.iter().filter(|excuse| excuse.is_none()).count();
        let is_readable = next.is_some_and(|next| next < self.replicas[leader].high_watermark);
        out.into_iter().flatten().next().filter(|_| now.isr.len() + awaited < *wanted && !is_readable)
    }

    /// Does it hold all that was acknowledged?
    pub fn is_guard(&self, server: usize) -> bool {
        self.replicas[server].log.agreed >= self.acked
    }

    /// Extends C by the log of `server`, which agrees with all of it, up to `end` at most. False if
    /// that log does not end a batch there.
    pub fn extend(&mut self, server: usize, end: Offset, verdict: &mut Verdict) -> bool {
        while let Some(next) = self.replicas[server].log.get(self.committed.len())
            && self.ledger.end(next) <= end
        {
            self.committed.push(next);
            for replica in &mut self.replicas {
                replica.log.advance_agreement(&self.committed);
            }
            if let Ok(batch) = self.ledger.get(next).parse() {
                let contradicted = self.log.extend(verdict.event, &batch);
                let mut contradicted = contradicted.into_iter();
                let contradicted = contradicted.find(|(at, value)| {
                    self.losses().may_be_reported(Offset(*at), *value, None, ReportedBy::Shown).is_none()
                });
                let change = Change::Grown { place: self.log.batches.len() - 1, contradicted };
                verdict.log_changes.push((self.id.into(), change));
            }
            if !self.shown.is_empty() {
                self.compare_shown(next, verdict);
            }
        }
        self.committed_end() >= end
    }

    #[cold]
    fn compare_shown(&mut self, next: BatchId, verdict: &mut Verdict) {
        let base = self.ledger.get(next).base;
        let ledger = &self.ledger;
        let other = self.shown.iter().find(|shown| **shown != next && ledger.get(**shown).base == base);
        if let Some(other) = other {
            let (id, excuse) = (self.id, self.losses().may_serve(*other));
            verdict.fail_unless(excuse, &ConsistentRead::CLAIM, || {
                format!(
                    "partition {id}: a batch at offset {base} was below a high watermark, and differs from the committed one"
                )
            });
        }
        self.shown.retain(|shown| ledger.get(*shown).base > base);
    }

    /// A client received that an offset holds a value, and C has not reached it; gives the value that another client
    /// received, if that differs and nothing explains it.
    pub fn claim(&mut self, event: u64, offset: i64, value: u64, by: ReportedBy) -> Option<u64> {
        let other = self.log.claim(event, offset, value, by)?;
        if self.losses().may_be_reported(Offset(offset), other, None, by).is_none() {
            return Some(other);
        }
        self.log.claims.remove(&offset);
        self.log.claim(event, offset, value, by)
    }

    /// C ends with its first `count` batches: a leader begins whose log has no more.
    pub fn cut(&mut self, count: usize, verdict: &mut Verdict) {
        self.committed.truncate(count);
        self.acked = self.acked.min(count);
        for replica in &mut self.replicas {
            replica.log.agreed = replica.log.agreed.min(count);
        }
        let gone = self.log.cut(self.committed_end().0);
        verdict.log_changes.push((self.id.into(), Change::Cut(gone)));
    }
}
