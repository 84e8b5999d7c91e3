//! What crossings of the border mean to the checks of votes: answers to Vote requests, and what roles
//! say of epochs.

use raft::ids::{LeaderEpoch, NodeId};
use raft::io::Role;
use raft::message::{ErrorCode, VoteResponse};

use super::coverage::Situation;
use super::event::Rpc;
use super::invariant::{durability, leaders, promise};
use super::{Checks, PendingVote};

impl Checks {
    /// A voter answers what it was asked.
    pub(super) fn vote_answered(&mut self, (server, to): (usize, usize), rpc: Rpc, answer: &VoteResponse) {
        let answers = |pending: &PendingVote| pending.server == server && pending.rpc == rpc;
        let Some(place) = self.pending_votes.iter().position(answers) else {
            // A pre-vote was answered.
            if to >= self.models.servers.len() {
                return;
            }
            if answer.vote_granted {
                self.judges.PreVotes.granted(server, to, answer.current_leader.leader_epoch);
            } else {
                self.judges.Campaigns.refused(server, to);
            }
            return;
        };
        let PendingVote { epoch, candidate, .. } = self.pending_votes.swap_remove(place);
        let ghost = &self.models.servers[server];
        if answer.top_error == ErrorCode::None && answer.error == ErrorCode::None {
            let now = answer.current_leader.leader_epoch;
            leaders::obeys_higher_epoch(ghost, epoch, now, &mut self.verdict);
        }
        if answer.vote_granted {
            promise::grants_vote(ghost, epoch, candidate, &mut self.verdict);
            self.judges.ValidVotes.voted(server, ghost, epoch, candidate, &mut self.verdict);
        }
    }

    /// A replica says that its state has changed.
    pub(super) fn role_changed(&mut self, server: usize, role: Role, epoch: LeaderEpoch, leader: NodeId) {
        let ghost = &self.models.servers[server];
        let before = ghost.role.map_or(LeaderEpoch(0), |(_, epoch, _)| epoch).max(ghost.durable_epoch());
        leaders::monotonic_epoch(ghost, before, epoch, &mut self.verdict);
        if ghost.role.is_none() {
            self.judges.PreVotes.started(server, epoch);
        }
        if matches!(role, Role::Leader | Role::Resigned) {
            // Leaders begin without a high watermark, and resigned ones drop theirs.
            self.models.servers[server].high_watermark = None;
        }
        self.models.servers[server].role = Some((role, epoch, leader));
        match role {
            Role::Prospective => self.failovers.prospective(self.verdict.now_ns, server),
            Role::Leader => {
                self.leaders.acts(&self.models.servers, server, epoch, &mut self.verdict);
                let (servers, committed) = (&mut self.models.servers, &mut self.models.committed);
                let gone = durability::became_leader(
                    servers,
                    server,
                    epoch,
                    committed,
                    &self.models.ledger,
                    &mut self.verdict,
                );
                self.records_destroyed(&gone);
                self.metadata_committed();
                self.failovers.elected(self.verdict.now_ns, server, epoch);
                if self.cut_links > 0 {
                    self.coverage.met(Situation::ElectionDuringPartition);
                }
                if self.models.servers.iter().filter(|server| server.leads().is_some()).count() > 1 {
                    self.coverage.met(Situation::TwoLeadersAtOnce);
                }
            }
            _ => {}
        }
    }
}
