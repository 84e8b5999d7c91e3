//! `PreVoteBeforeVote` (KIP-996): who requests votes in a new epoch has first received, in the epoch
//! before, that a majority would give them.
//!
//! Judged from the answers that voters send, whether they arrive or not. A replica that starts with an
//! epoch and its own vote in it continues as Candidate of that epoch (consensus.md §1.6) and requests no pre-votes.

use crate::checks::prelude::*;
use raft::ids::LeaderEpoch;
use raft::io::Observation;
use raft::message::Request;

use crate::checks::event::Rpc;
use crate::checks::server_model::ServerModel;

claim! {
    /// A replica requests votes in a new epoch only after a majority has granted a pre-vote.
    PreVoteBeforeVote by PreVotes, Safety of Quorum, "KIP-996: Prospective before Candidate";
}

/// What the process of one replica may request.
#[derive(Clone, Debug, Default)]
struct Asker {
    /// This process has said in which epoch it is.
    has_started: bool,
    /// Epoch in which it started.
    started_in: LeaderEpoch,
    /// Pre-votes that it has requested. Those of a former process count for nobody.
    requested: Vec<Rpc>,
    /// Epoch of the newest pre-vote granted to it, and by whom.
    granted_in: LeaderEpoch,
    granted_by: Vec<usize>,
    /// The newest epoch for which there was a majority.
    may_begin: LeaderEpoch,
}

/// All servers.
#[derive(Clone, Debug)]
pub struct PreVotes {
    askers: Vec<Asker>,
}

impl PreVotes {
    /// A process is in an epoch: the first one is that in which it starts.
    pub fn started(&mut self, server: usize, epoch: LeaderEpoch) {
        let asker = &mut self.askers[server];
        if !std::mem::replace(&mut asker.has_started, true) {
            asker.started_in = epoch;
        }
    }

    /// A voter grants a pre-vote, in its epoch, which is the asker's.
    pub fn granted(&mut self, voter: usize, asker: usize, epoch: LeaderEpoch, majority: usize) {
        let asker = &mut self.askers[asker];
        if epoch > asker.granted_in {
            asker.granted_by.clear();
            asker.granted_in = epoch;
        }
        if epoch == asker.granted_in && !asker.granted_by.contains(&voter) {
            asker.granted_by.push(voter);
        }
        // Its own counts.
        if asker.granted_by.len() + 1 >= majority {
            asker.may_begin = LeaderEpoch(asker.granted_in.0 + 1);
        }
    }

    /// A replica requests real votes.
    pub fn asks_for_votes(&self, server: usize, model: &ServerModel, epoch: LeaderEpoch, verdict: &mut Verdict) {
        let asker = &self.askers[server];
        if epoch > asker.started_in && epoch > asker.may_begin {
            verdict.fail(&PreVotes::CLAIM, || {
                format!(
                    "node {} requests votes in epoch {epoch}; a majority has granted it pre-votes only for epochs up to {}",
                    model.id, asker.may_begin
                )
            });
        }
    }
}

impl Check for PreVotes {
    const EVENTS: Kinds = Kinds::BOOTED.and(Kinds::OBSERVED).and(Kinds::REQUEST_SENT).and(Kinds::RESPONSE_SENT);

    fn new(config: &CheckConfig) -> PreVotes {
        PreVotes { askers: vec![Asker::default(); config.servers.len()] }
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let server = crossing.server;
        match crossing.event {
            Event::Booted { .. } => self.askers[server] = Asker::default(),
            Event::RequestSent { rpc, request: Request::Vote(vote) } if vote.pre_vote => {
                self.askers[server].requested.push(rpc);
            }
            Event::Observed { observation: Observation::RoleChanged { epoch, .. } } => self.started(server, epoch),
            Event::RequestSent { request: Request::Vote(vote), .. } if !vote.pre_vote => {
                self.asks_for_votes(server, &models.servers[server], vote.replica_epoch, verdict);
            }
            Event::ResponseSent { rpc, to, .. } if to < self.askers.len() => {
                if let Some((requested, answer)) = models.vote_answered(crossing)
                    && requested.pre_vote
                    && answer.vote_granted
                    && self.askers[to].requested.contains(&rpc)
                {
                    let majority = models.servers[to].voters(&models.ledger).majority();
                    self.granted(server, to, answer.current_leader.leader_epoch, majority);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
