//! `ValidVotes`: one vote per voter and epoch, across crashes, from what is written to
//! `quorum-state` and from what is granted.

use crate::checks::CheckConfig;
use crate::checks::check::Check;
use crate::checks::claim::{Claim, Kind, Scope};
use raft::ids::{LeaderEpoch, NodeId};

use crate::checks::ghost::ServerGhost;
use crate::checks::loss::excuses::Excuse;
use crate::checks::verdict::Verdict;

/// Every vote of every server.
#[derive(Clone, Debug)]
pub struct ValidVotes {
    /// Per server, ascending by epoch.
    votes: Vec<Vec<(LeaderEpoch, NodeId)>>,
}

impl ValidVotes {
    /// A server gave its vote.
    pub fn voted(
        &mut self,
        server: usize,
        ghost: &ServerGhost,
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
                if ghost.forgotten_epoch >= Some(epoch) {
                    return verdict.end_excused(Excuse::ForgottenVote);
                }
                verdict.fail(&ValidVotes::CLAIM, || {
                    format!("node {} voted for node {before} and for node {candidate} in epoch {epoch}", ghost.id)
                });
            }
            // Its life before the disk was destroyed had left this epoch behind, and would refuse.
            _ if ghost.forgotten_epoch > Some(epoch) => verdict.end_excused(Excuse::ForgottenVote),
            _ => votes.insert(place, (epoch, candidate)),
        }
    }
}

impl Check for ValidVotes {
    const CLAIM: Claim = Claim {
        name: "ValidVotes",
        text: "A voter votes at most once per epoch, even across crashes.",
        source: "Raft §5.2; KRaft TLA+ (Vanlightly): ValidVotesRecv",
        kind: Kind::Safety,
        scope: Scope::Server,
    };

    fn new(config: &CheckConfig) -> ValidVotes {
        ValidVotes { votes: vec![Vec::new(); config.servers.len()] }
    }
}
