//! What must be true, by the checks' own account: fed from the border, believing no node.

use crate::checks::prelude::*;
use raft::ids::{LeaderEpoch, NodeId, ReplicaKey, Uuid};
use raft::message::{Response, VoteResponse};

use super::cluster::ClusterChecks;
use super::committed::{Committed, Quorum};
use super::loss::quorum::{QuorumFact, QuorumLosses};
use super::server_model::ServerModel;
use super::server_model::ledger::{BatchId, Ledger};

/// A Vote request that a server has received and not yet answered.
#[derive(Clone, Copy, Debug)]
pub struct PendingVote {
    pub server: usize,
    pub rpc: Rpc,
    pub epoch: LeaderEpoch,
    /// Who requests votes.
    pub candidate: NodeId,
    /// Of the candidate, if it names it.
    pub directory_id: Option<Uuid>,
    /// Whether it is a pre-vote.
    pub pre_vote: bool,
}

impl PendingVote {
    /// Of the candidate.
    pub fn key(&self) -> ReplicaKey {
        ReplicaKey { id: self.candidate, directory_id: self.directory_id }
    }
}

/// What must be true, by the checks' own account.
#[derive(Clone, Debug)]
pub struct Models {
    /// Each server's disk and word.
    pub servers: Vec<ServerModel>,
    pub quorum: Quorum,
    /// Every batch of the metadata log that anybody wrote.
    pub ledger: Ledger,
    pub committed: Committed,
    /// Vote requests without an answer.
    pub pending_votes: Vec<PendingVote>,
    pub cluster: Option<Box<ClusterChecks>>,
}

impl Models {
    /// The committed log, or a directory id of a server, is another one: so may be the voters.
    pub fn refresh_quorum(&mut self) {
        if !self.ledger.is_dynamic() {
            return;
        }
        let committed = self.committed.batches.last().copied().unwrap_or(BatchId::START);
        let voters = self.ledger.voters(committed);
        self.quorum = self.quorum.of(voters);
        for server in &mut self.servers {
            server.voter = voters.is_voter(server.key());
        }
    }

    /// May its word count in the quorum? It is a voter of the committed set, of the one by which was promised last, or of one in
    /// some log that is not committed.
    pub fn may_count(&self, server: usize) -> bool {
        let key = self.servers[server].key();
        let committed = self.committed.batches.last().copied().unwrap_or(BatchId::START);
        let of_logs = self.servers.iter().map(|it| self.ledger.last_voters_batch(it.log.whole()));
        let mut uncommitted = of_logs.filter(|set| !self.ledger.holds(committed, *set));
        self.servers[server].voter
            || self.committed.promised_voters.is_voter(key)
            || uncommitted.any(|set| self.ledger.voters(set).is_voter(key))
    }

    pub fn server(&self, id: NodeId) -> Option<usize> {
        self.servers.iter().position(|model| model.id == id)
    }

    /// The leader whose follower a server says it is.
    pub fn leader_of(&self, server: usize) -> Option<usize> {
        self.servers[server].role.and_then(|(_, _, leader)| self.server(leader))
    }

    /// Notes what a server had forgotten and holds again.
    pub fn note_restored(&mut self, server: usize) {
        let log = &self.servers[server].log;
        while let Some(log) = self.committed.losses(&self.ledger).restored(server, || log.prefix(log.durable())) {
            self.committed.facts.push(QuorumFact::Restored { server, log });
        }
    }

    /// What may be missing from the metadata log.
    pub fn quorum_losses(&self) -> QuorumLosses<'_> {
        self.committed.losses(&self.ledger)
    }

    /// The request that is answered, and the answer, if it is one to a Vote request.
    #[inline]
    pub fn vote_answered<'a>(&self, crossing: &Crossing<'a>) -> Option<(PendingVote, &'a VoteResponse)> {
        let Event::ResponseSent { rpc, response: Response::Vote(answer), .. } = crossing.event else { return None };
        let requested =
            self.pending_votes.iter().find(|requested| requested.server == crossing.server && requested.rpc == rpc)?;
        Some((*requested, answer))
    }
}
