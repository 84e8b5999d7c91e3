//! Does the quorum serve again after everything was healed? End to end: one leader that all running
//! voters follow, high watermarks at the log's end, a fresh append committed, every running server
//! showing it, and every committed record before it read back by some client.

use crate::checks::prelude::*;
use raft::ids::{LeaderEpoch, Offset, TopicIdPartition};
use raft::io::Role;
use smallvec::SmallVec;

use super::committed::Committed;
use super::server_model::ServerModel;
use super::server_model::ledger::Ledger;
use crate::actor::AttemptEvent;

claim! {
    /// After all faults have ended, the cluster serves again within its bound.
    RecoveryWithinBound as "Recovery", Liveness of Cluster, "bounded progress after heal: KRaft TLA+ (Vanlightly): EventuallyLeaderElected, ValuesEventuallyAcked";
}

/// What has happened since healing.
#[derive(Clone, Debug, Default)]
pub struct Recovery {
    healed_ns: Option<u64>,
    /// The epoch that all running voters follow, and its leader's log end when that began.
    settled: Option<(LeaderEpoch, Offset)>,
    /// Newest attempts invoked after healing: appends whose answer would be fresh.
    fresh_since: Vec<Option<u32>>,
    /// Offset of a fresh append that was acknowledged.
    fresh: Option<Offset>,
    /// Servers that have answered a read past it.
    shown_by: Vec<bool>,
    /// Do clients append, and do they read?
    appends: bool,
    reads: bool,
}

/// A predicate that does not hold yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    pub predicate: &'static str,
    pub servers: SmallVec<[usize; 8]>,
    /// And of what, if it is about one.
    pub partition: Option<TopicIdPartition>,
    /// The log that is not read to its end, and the first offset that lacks.
    pub unread: Option<(String, i64)>,
    /// What is to be read there next, if it is about readers.
    pub next: Option<Offset>,
}

impl Missing {
    /// For these servers, or in general.
    pub fn new(predicate: &'static str, servers: impl IntoIterator<Item = usize>) -> Missing {
        Missing { predicate, servers: servers.into_iter().collect(), partition: None, unread: None, next: None }
    }

    /// Nobody has read this log from an offset on.
    pub fn unread(log: String, offset: i64) -> Missing {
        let next = Some(Offset(offset));
        Missing { unread: Some((log, offset)), next, ..Missing::new("every committed record read back", Vec::new()) }
    }
}

impl Recovery {
    /// For so many servers, and clients that append and read or do not.
    pub fn new(servers: usize, appends: bool, reads: bool) -> Recovery {
        Recovery { shown_by: vec![false; servers], appends, reads, ..Recovery::default() }
    }

    pub fn healed(&mut self, at_ns: u64) {
        self.healed_ns = Some(at_ns);
    }

    pub fn client(&mut self, client: usize, event: AttemptEvent) {
        if self.healed_ns.is_none() || self.fresh.is_some() {
            return;
        }
        if self.fresh_since.len() <= client {
            self.fresh_since.resize(client + 1, None);
        }
        match event {
            AttemptEvent::AppendInvoked { attempt, .. } => {
                self.fresh_since[client].get_or_insert(attempt);
            }
            AttemptEvent::AppendOk { attempt, base_offset }
                if self.fresh_since[client].is_some_and(|first| attempt >= first) =>
            {
                self.fresh = Some(Offset(base_offset));
            }
            _ => {}
        }
    }

    pub fn answered_read(&mut self, server: usize, applied_end: Offset) {
        if self.fresh.is_some_and(|fresh| applied_end > fresh) {
            self.shown_by[server] = true;
        }
    }

    pub fn recovered(&mut self, servers: &[ServerModel], committed: &mut Committed, ledger: &Ledger) -> bool {
        (self.fresh.is_some() || !self.appends) && self.missing(servers, committed, ledger).is_none()
    }

    /// The first predicate that does not hold.
    pub fn missing(&mut self, servers: &[ServerModel], committed: &mut Committed, ledger: &Ledger) -> Option<Missing> {
        if self.healed_ns.is_none() {
            return Some(Missing::new("all faults healed", Vec::new()));
        }
        let leaders: SmallVec<[usize; 8]> =
            (0..servers.len()).filter(|server| servers[*server].leads().is_some()).collect();
        let &[leader] = leaders.as_slice() else {
            self.settled = None;
            return Some(Missing::new("exactly one leader", leaders));
        };
        let epoch = servers[leader].leads().unwrap_or_default();
        let astray = |server: &ServerModel| {
            let follows = server.role == Some((Role::Follower, epoch, servers[leader].id));
            server.voter && server.takes_part() && server.leads().is_none() && !follows
        };
        if let Some(missing) = lacking("all live voters follow the leader", servers, |_, server| astray(server)) {
            self.settled = None;
            return Some(missing);
        }
        let target = match self.settled {
            Some((settled, target)) if settled == epoch => target,
            _ => servers[leader].log.end(ledger),
        };
        self.settled = Some((epoch, target));
        let behind = |server: &ServerModel| server.high_watermark.is_none_or(|shown| shown.offset < target);
        lacking("high watermarks at the leader's log end", servers, |_, server| {
            server.voter && server.takes_part() && behind(server)
        })
        .or_else(|| {
            let nobody = Missing::new("a fresh append acknowledged", Vec::new());
            (self.fresh.is_none() && self.appends).then_some(nobody)
        })
        .or_else(|| {
            let shown_by = &self.shown_by;
            let reads = self.reads && self.appends;
            lacking("a fresh append read back", servers, |index, server| {
                reads && server.takes_part() && !shown_by[index]
            })
        })
        .or_else(|| {
            let unread =
                committed.first_unread().filter(|unread| self.reads && self.fresh.is_none_or(|fresh| *unread <= fresh));
            unread.map(|offset| Missing::unread("the metadata log".to_owned(), offset.0))
        })
    }

    /// The bound has passed, and a predicate does not hold.
    pub fn overdue(&self, missing: Option<Missing>, servers: &[ServerModel], verdict: &mut Verdict) {
        let Some(missing) = missing else {
            return;
        };
        let healed_ns = self.healed_ns;
        let now_ns = verdict.now_ns;
        verdict.fail_by(&RecoveryWithinBound::CLAIM, Some(missing.predicate), || {
            let healed = healed_ns
                .map_or_else(|| "faults never ended".to_owned(), |ns| format!("all faults ended at {}", seconds(ns)));
            let whom: Vec<String> =
                missing.servers.iter().map(|server| format!("node {}", servers[*server].id)).collect();
            let of = missing.partition.filter(|_| missing.unread.is_none());
            let of = of.map_or_else(String::new, |partition| format!(", partition {partition}"));
            let from = missing.unread.as_ref().map(|(log, offset)| format!(", {log} from offset {offset} on"));
            let whom = if whom.is_empty() { String::new() } else { format!(" (see {})", whom.join(", ")) };
            format!("{healed}; at {} this did not hold yet: {}{whom}", seconds(now_ns), missing.predicate)
                + &of
                + &from.unwrap_or_default()
        });
    }
}

fn lacking(
    predicate: &'static str,
    servers: &[ServerModel],
    mut lacks: impl FnMut(usize, &ServerModel) -> bool,
) -> Option<Missing> {
    if !servers.iter().enumerate().any(|(index, server)| lacks(index, server)) {
        return None;
    }
    Some(Missing::new(predicate, (0..servers.len()).filter(|index| lacks(*index, &servers[*index]))))
}
