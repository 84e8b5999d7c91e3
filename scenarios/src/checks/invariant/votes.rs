//! `ValidVotes`: one vote per voter and epoch, across crashes, from what is written to
//! `quorum-state` and from what is granted. Voters and candidates are identified by their directory ids, where those are known
//! (KIP-853).

use crate::checks::prelude::*;
use std::collections::BTreeMap;

use raft::ids::{LeaderEpoch, ReplicaKey, Uuid};

claim! {
    /// A voter votes at most once per epoch, even across crashes.
    VotesOnce as "ValidVotes" by ValidVotes, Safety of Server, "Raft §5.2; KRaft TLA+ (Vanlightly): ValidVotesRecv";
}

/// Every vote of every voter.
#[derive(Clone, Debug)]
pub struct ValidVotes {
    /// By server, its directory id if all voters have one, and epoch.
    votes: BTreeMap<(usize, Option<Uuid>, LeaderEpoch), ReplicaKey>,
    /// Per server, the vote that is durable.
    durable: Vec<Option<(LeaderEpoch, ReplicaKey)>>,
}

/// Is it the same candidate, as far as both votes name its directory id?
fn is_same(first: ReplicaKey, second: ReplicaKey) -> bool {
    let directories = first.directory_id.zip(second.directory_id);
    first.id == second.id && directories.is_none_or(|(first, second)| first == second)
}

impl ValidVotes {
    /// A server gave its vote.
    #[track_caller]
    pub fn voted(
        &mut self,
        server: usize,
        models: &Models,
        epoch: LeaderEpoch,
        candidate: ReplicaKey,
        verdict: &mut Verdict,
    ) {
        let model = &models.servers[server];
        let voter = (server, model.directory_id.filter(|_| models.ledger.has_directory_ids()), epoch);
        let Some(before) = self.votes.get(&voter).copied() else {
            match models.quorum_losses().may_vote_late(server, epoch) {
                Some(excuse) => verdict.end_excused(excuse),
                None => drop(self.votes.insert(voter, candidate)),
            }
            return;
        };
        if is_same(before, candidate) {
            return;
        }
        if let Some(excuse) = models.quorum_losses().may_vote_again(server, epoch) {
            return verdict.end_excused(excuse);
        }
        verdict.fail(&ValidVotes::CLAIM, || {
            let words = |key: ReplicaKey| match key.directory_id.filter(|_| before.id == candidate.id) {
                Some(directory) => format!("node {} with directory id {directory}", key.id),
                None => format!("node {}", key.id),
            };
            format!("node {} voted for {} and for {} in epoch {epoch}", model.id, words(before), words(candidate))
        });
    }
}

impl Check for ValidVotes {
    const EVENTS: Kinds = Kinds::BOOTED.and(Kinds::SYNCED).and(Kinds::RESPONSE_SENT);

    fn new(config: &CheckConfig) -> ValidVotes {
        let servers = config.servers.len();
        ValidVotes { votes: BTreeMap::new(), durable: vec![None; servers] }
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let model = &models.servers[crossing.server];
        // A vote that is only written binds nobody yet: a power loss may take it back before anything was promised.
        let durable = model.durable_election.and_then(|it| Some((it.epoch, it.voted_key()?)));
        if durable != std::mem::replace(&mut self.durable[crossing.server], durable)
            && let Some((epoch, candidate)) = durable
        {
            self.voted(crossing.server, models, epoch, candidate, verdict);
        }
        if let Some((requested, answer)) = models.vote_answered(crossing)
            && answer.vote_granted
            && !requested.pre_vote
        {
            self.voted(crossing.server, models, requested.epoch, requested.key(), verdict);
        }
    }
}
