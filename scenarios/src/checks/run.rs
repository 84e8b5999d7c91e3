//! All checks of a run.

use crate::checks::claim::Claimed;
use crate::checks::linearizability::CommittedReads;
use crate::checks::linearizability::DuplicateRecord;
use crate::checks::linearizability::FailedAppendCommitted;
use crate::checks::linearizability::LinearizableAppends;
use crate::checks::linearizability::MonotonicReads;
use crate::checks::replication::elections::AckedValueNotLost;
use raft::fixes::Fix;
use raft::ids::{LeaderEpoch, NodeId, Offset};
use raft::voter_set::VoterSet;

use super::availability::Availability;
use super::cluster::ClusterChecks;
use super::committed::{Committed, Quorum};
use super::config::CheckConfig;
use super::electorates::Electorates;
use super::linearizability::WhiteBox;
use super::list::Judges;
use super::loss::excuses::Excuse;
use super::models::Models;
use super::recovery::Recovery;
use super::server_model::ServerModel;
use super::server_model::ledger::Ledger;
use super::verdict::Verdict;
use crate::failover::Failovers;
use crate::report::{Failover, Linearizability, OperationCounts, Violation};
use crate::topic_names::TopicNames;

#[derive(Clone, Debug)]
pub struct Checks {
    pub(crate) models: Models,
    pub(super) judges: Judges,
    pub(super) newest_vote_request: Option<(LeaderEpoch, usize)>,
    pub(super) white_box: WhiteBox,
    pub(super) recovery: Recovery,
    pub(super) availability: Availability,
    pub(super) electorates: Electorates,
    pub(crate) failovers: Failovers,
    pub(super) verdict: Verdict,
    pub(super) has_recovered: bool,
    pub(super) is_overdue: bool,
    pub(super) audits: u64,
    pub(super) cut_links: u32,
}

/// A server before its first boot, with the disk that a voter is formatted with.
fn first(id: NodeId, (belongs, has_small_segments): (bool, bool), voters: &VoterSet) -> ServerModel {
    let key = voters.key_of(id);
    let mut server = ServerModel::new(id, key.is_some());
    server.directory_id = key.and_then(|key| key.directory_id);
    server.belongs = belongs;
    server.has_small_segments = has_small_segments;
    server
}

impl Checks {
    pub fn new(config: CheckConfig) -> Checks {
        let (judges, availability) = (Judges::new(&config), Availability::new(&config));
        let electorates = Electorates::new(&config);
        let CheckConfig { servers, voter_set, appends, reads, brokers, fixes, .. } = config;
        let CheckConfig { keep_going, beyond_tolerance, other_cluster, small_segments, .. } = config;
        let verdict = Verdict::new(keep_going);
        let single_voter_is_early = !fixes.has(Fix::SingleVoterFlushFirst);
        let quorum = Quorum { majority: 0, commits_before_flush: false, single_voter_is_early }.of(&voter_set);
        let count = servers.len();
        let failovers = Failovers::new(servers.clone(), brokers.as_ref());
        let of = |id: &NodeId| (!other_cluster.contains(id), small_segments.contains(id));
        let models = Models {
            servers: servers.iter().map(|id| first(*id, of(id), &voter_set)).collect(),
            quorum,
            ledger: Ledger::new(voter_set.clone()),
            committed: Committed::of(voter_set),
            pending_votes: Vec::new(),
            cluster: brokers.map(|brokers| Box::new(ClusterChecks::new(&servers, brokers))),
        };
        Checks {
            models,
            judges,
            newest_vote_request: None,
            white_box: WhiteBox::default(),
            recovery: Recovery::new(count, appends, reads),
            availability,
            electorates,
            failovers,
            verdict: if beyond_tolerance { verdict.beyond_tolerance() } else { verdict },
            has_recovered: false,
            is_overdue: false,
            audits: 0,
            cut_links: 0,
        }
    }

    /// The first violation, with topics by their names. Its `event` is 0: the caller knows how many there were.
    pub fn violation(&self) -> Option<Violation> {
        let violation = self.verdict.violation()?;
        Some(Violation { detail: self.topic_names().in_text(&violation.detail), ..violation.clone() })
    }

    /// Was the first violation found when a thread began its next step?
    pub fn is_of_step_before(&self) -> bool {
        self.verdict.is_of_step_before()
    }

    /// The names of all topics that were committed.
    pub fn topic_names(&self) -> TopicNames {
        TopicNames::new(self.models.cluster.iter().flat_map(|cluster| cluster.histories.topic_names()))
    }

    /// Names of everything that broke (one, unless `keep_going` is set).
    pub fn fired(&self) -> impl Iterator<Item = &'static str> {
        self.verdict.fired().map(|claim| claim.name)
    }

    #[inline]
    pub fn stop(&self) -> bool {
        self.verdict.stop()
    }

    pub fn excused(&self) -> impl Iterator<Item = (Excuse, u64)> {
        self.verdict.excused()
    }

    /// The excuse that ended the run: what follows cannot be judged.
    pub fn ended_by(&self) -> Option<&'static str> {
        self.verdict.ended_by().map(Excuse::name)
    }

    /// Rare situations and probes by name, and how often each was met.
    pub fn coverage(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.verdict.coverage.counts()
    }

    /// Epochs that had a leader.
    pub fn elections(&self) -> u64 {
        self.judges.Leaders.elections()
    }

    pub fn failovers(&self) -> &[Failover] {
        &self.failovers.done
    }

    pub fn appends(&self) -> OperationCounts {
        self.white_box.counts.of("append")
    }

    pub fn reads(&self) -> OperationCounts {
        self.white_box.counts.of("read")
    }

    /// Records acknowledged to producers with `acks=all`, and how many of them were lost and excused
    /// (deletion of their topic apart).
    pub fn acked_records(&self) -> (u64, u64) {
        (self.verdict.acked_records, self.verdict.excused_records)
    }

    /// What brokers add; `None` of a quorum alone.
    pub fn cluster(&self) -> Option<&ClusterChecks> {
        self.models.cluster.as_deref()
    }

    pub fn committed_end(&self) -> Offset {
        self.models.committed.end
    }

    /// Was committed history destroyed?
    pub fn committed_was_cut(&self) -> bool {
        self.models.quorum_losses().last_cut().is_some()
    }

    /// One past the last offset that is durable on a server's disk, by the border's account.
    pub fn durable_end(&self, server: usize) -> Offset {
        let log = &self.models.servers[server].log;
        self.models.ledger.end(log.prefix(log.durable()))
    }

    pub fn linearizability(&self) -> Linearizability {
        if self.verdict.is_beyond_tolerance() {
            return Linearizability::NotJudged;
        }
        if let Some(cluster) = &self.models.cluster {
            return cluster.histories.linearizability(&self.verdict);
        }
        let of_histories = [
            &LinearizableAppends::CLAIM,
            &CommittedReads::CLAIM,
            &MonotonicReads::CLAIM,
            &DuplicateRecord::CLAIM,
            &FailedAppendCommitted::CLAIM,
            &AckedValueNotLost::CLAIM,
        ];
        if self.verdict.fired().any(|fired| of_histories.contains(&fired)) {
            Linearizability::Violated
        } else if self.white_box.finished && !self.verdict.stop() {
            Linearizability::Holds
        } else {
            Linearizability::Unknown
        }
    }
}
