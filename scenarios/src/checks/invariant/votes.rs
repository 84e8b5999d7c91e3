//! `ValidVotes`: one vote per voter and epoch, across crashes, from what is written to
//! `quorum-state` and from what is granted.

use crate::checks::prelude::*;
use raft::ids::{LeaderEpoch, NodeId};

claim! {
    /// A voter votes at most once per epoch, even across crashes.
    VotesOnce as "ValidVotes" by ValidVotes, Safety of Server, "Raft §5.2; KRaft TLA+ (Vanlightly): ValidVotesRecv";
}

/// Every vote of every server.
#[derive(Clone, Debug)]
pub struct ValidVotes {
    /// Per server, ascending by epoch.
    votes: Vec<Vec<(LeaderEpoch, NodeId)>>,
    /// Per server, the vote that is durable.
    durable: Vec<Option<(LeaderEpoch, NodeId)>>,
}

impl ValidVotes {
    /// A server gave its vote.
    #[track_caller]
    pub fn voted(
        &mut self,
        server: usize,
        models: &Models,
        epoch: LeaderEpoch,
        candidate: NodeId,
        verdict: &mut Verdict,
    ) {
        let votes = &mut self.votes[server];
        let place = votes.partition_point(|(other, _)| *other < epoch);
        match votes.get(place) {
            Some((same, before)) if *same == epoch => {
                if *before == candidate {
                    return;
                }
                if let Some(excuse) = models.quorum_losses().may_vote_again(server, epoch) {
                    return verdict.end_excused(excuse);
                }
                let id = models.servers[server].id;
                verdict.fail(&ValidVotes::CLAIM, || {
                    format!("node {id} voted for node {before} and for node {candidate} in epoch {epoch}")
                });
            }
            _ => match models.quorum_losses().may_vote_late(server, epoch) {
                Some(excuse) => verdict.end_excused(excuse),
                None => votes.insert(place, (epoch, candidate)),
            },
        }
    }
}

impl Check for ValidVotes {
    const EVENTS: Kinds = Kinds::BOOTED.and(Kinds::SYNCED).and(Kinds::RESPONSE_SENT);

    fn new(config: &CheckConfig) -> ValidVotes {
        let servers = config.servers.len();
        ValidVotes { votes: vec![Vec::new(); servers], durable: vec![None; servers] }
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let model = &models.servers[crossing.server];
        // A vote that is only written binds nobody yet: a power loss may take it back before anything was promised.
        let durable = model.durable_election.and_then(|it| Some((it.epoch, it.voted?)));
        if durable != std::mem::replace(&mut self.durable[crossing.server], durable)
            && let Some((epoch, candidate)) = durable
        {
            self.voted(crossing.server, models, epoch, candidate, verdict);
        }
        if let Some((requested, answer)) = models.vote_answered(crossing)
            && answer.vote_granted
            && !requested.pre_vote
        {
            self.voted(crossing.server, models, requested.epoch, requested.candidate, verdict);
        }
    }
}
