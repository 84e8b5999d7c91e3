//! A quorum whose voters change (KIP-853): one change at a time, and only voters begin elections.

pub mod new_voters;

use crate::checks::prelude::*;
use raft::fixes::Fix;
use raft::ids::{LeaderEpoch, Offset};
use raft::io::{Observation, Role};
use raft::message::{ErrorCode, Request, Response, VoteRequest, VoteResponse};
use raft::voter_set::VoterSet;

use crate::checks::committed::Committed;
use crate::checks::server_model::ServerModel;
use crate::checks::server_model::ledger::{BatchId, Ledger};

claim! {
    /// A replica requests votes, also pre-votes, only while it is in the last voter set of its own log. (With
    /// `CampaignAfterRefusingVote` also if it has refused its vote since it last became
    /// Follower or resigned.)
    OnlyVotersCampaign by Campaigners, Safety of Server, "KAFKA-17067; KIP-853: QuorumState.transitionToProspective; Ongaro 2014, section 4.2.2";
    /// A leader appends another voter set only when the last one, and a record of its own epoch, are committed, and the two
    /// differ by one voter.
    OneVoterChangeAtATime, Safety of Quorum, "Ongaro 2015; KIP-853: AddVoterHandler, RemoveVoterHandler";
    /// A leader that is not in the committed voter set resigns: it commits nothing more.
    RemovedLeaderResigns by RemovedLeaders, Safety of Server, "KIP-853: RemoveVoterHandler.highWatermarkUpdated";
}

/// The epoch in which each server has committed a voter set without itself as leader.
#[derive(Clone, Debug)]
pub struct RemovedLeaders {
    removed_in: Vec<Option<LeaderEpoch>>,
}

impl Check for RemovedLeaders {
    const EVENTS: Kinds = Kinds::OBSERVED.and(Kinds::DOWN);

    fn new(config: &CheckConfig) -> RemovedLeaders {
        RemovedLeaders { removed_in: vec![None; config.servers.len()] }
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let Crossing { server, event, .. } = *crossing;
        match event {
            Event::Observed { observation: Observation::HighWatermark { offset, epoch, leading: true } } => {
                self.commits(server, (epoch, offset), &models.servers[server], &models.ledger, verdict);
            }
            Event::Down { .. } => self.removed_in[server] = None,
            _ => {}
        }
    }
}

impl RemovedLeaders {
    /// A leader moves its high watermark.
    fn commits(
        &mut self,
        server: usize,
        (epoch, end): (LeaderEpoch, Offset),
        leader: &ServerModel,
        ledger: &Ledger,
        verdict: &mut Verdict,
    ) {
        if self.removed_in[server] == Some(epoch) {
            verdict.fail(&RemovedLeaderResigns::CLAIM, || {
                format!(
                    "node {} commits up to {end} in epoch {epoch}, in which it has committed its own removal",
                    leader.id
                )
            });
        }
        // Only a change of the set may have removed it.
        if ledger.last_voters_batch(leader.log.whole()) == BatchId::START {
            return;
        }
        let committed = leader.log.prefix(leader.log.count_below(end, ledger));
        if !ledger.voters(committed).is_voter(leader.key()) {
            self.removed_in[server] = Some(epoch);
        }
    }
}

/// Which replicas request votes.
#[derive(Clone, Debug)]
pub struct Campaigners {
    /// The fix `CampaignAfterRefusingVote` is in force.
    refused_may: bool,
    /// The servers whose process has refused its vote, as Unattached or Follower, since it last became Follower or Resigned.
    refused: Vec<bool>,
}

impl Check for Campaigners {
    const EVENTS: Kinds = Kinds::REQUEST_SENT
        .and(Kinds::RESPONSE_SENT)
        .and(Kinds::RESPONSE_UNHEARD)
        .and(Kinds::OBSERVED)
        .and(Kinds::DOWN);

    fn new(config: &CheckConfig) -> Campaigners {
        let refused_may = config.fixes.has(Fix::CampaignAfterRefusingVote);
        Campaigners { refused_may, refused: vec![false; config.servers.len()] }
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let Crossing { server, event, .. } = *crossing;
        match event {
            Event::RequestSent { request: Request::Vote(vote), .. } if !self.refused[server] => {
                requests_votes(&models.servers[server], &models.ledger, vote, verdict);
            }
            Event::ResponseSent { response: Response::Vote(answer), .. }
            | Event::ResponseUnheard { response: Response::Vote(answer), .. }
                if is_refused(answer) && is_without_election(&models.servers[server]) =>
            {
                self.refused[server] = self.refused_may;
            }
            Event::Observed { observation: Observation::RoleChanged { role: Role::Follower | Role::Resigned, .. } }
            | Event::Down { .. } => self.refused[server] = false,
            _ => {}
        }
    }
}

/// The vote is refused for what the replica has, not for what the request says.
fn is_refused(answer: &VoteResponse) -> bool {
    !answer.vote_granted && answer.error == ErrorCode::None && answer.top_error == ErrorCode::None
}

fn is_without_election(server: &ServerModel) -> bool {
    server.role.is_some_and(|(role, ..)| matches!(role, Role::Unattached | Role::Follower))
}

/// A server that has refused no vote requests votes.
fn requests_votes(server: &ServerModel, ledger: &Ledger, vote: &VoteRequest, verdict: &mut Verdict) {
    // A request may wait for its connection longer than the election lasts.
    let is_asking = server.role.is_some_and(|(role, epoch, _)| {
        matches!(role, Role::Prospective | Role::Candidate) && epoch == vote.replica_epoch
    });
    let voters = server.voters(ledger);
    if is_asking && !voters.is_voter(server.key()) {
        verdict.fail(&OnlyVotersCampaign::CLAIM, || {
            format!(
                "node {} requests votes in epoch {}; the voters of its log are {}",
                server.id,
                vote.replica_epoch,
                ids(voters)
            )
        });
    }
}

/// A leader has appended the batch `id`.
#[track_caller]
pub fn one_change_at_a_time(
    leader: &ServerModel,
    id: BatchId,
    (committed, ledger): (&Committed, &Ledger),
    verdict: &mut Verdict,
) {
    let (before, batch) = (ledger.before(id), ledger.get(id));
    let (old, new) = (ledger.voters(before), ledger.voters(id));
    let keys = |set: &VoterSet| set.nodes().iter().map(|voter| voter.key()).collect::<Vec<_>>();
    let (old_keys, new_keys) = (keys(old), keys(new));
    // The first leader writes the voters that it was formatted with, and any leader its own entry. An upgrade from
    // `kraft.version` 0 adds the directory ids of all voters, whatever is committed
    // (`LeaderState.maybeAppendUpgradedKRaftVersion`).
    let is_upgrade = old_keys.iter().all(|key| key.directory_id.is_none())
        && new_keys.iter().all(|key| key.directory_id.is_some())
        && old.ids() == new.ids();
    if old_keys == new_keys || is_upgrade {
        return;
    }
    let added = new_keys.iter().filter(|key| !old_keys.contains(key)).count();
    let removed = old_keys.iter().filter(|key| !new_keys.contains(key)).count();
    let own_epoch = leader.high_watermark.is_some_and(|shown| shown.epoch == batch.epoch);
    let last_change = ledger.last_voters_batch(before);
    let is_committed = committed.batches.get(ledger.count(last_change).wrapping_sub(1)) == Some(&last_change);
    let problem = if added + removed != 1 {
        format!("{added} are added and {removed} removed")
    } else if !own_epoch {
        "it has committed no record of its epoch".to_owned()
    } else if last_change != BatchId::START && !is_committed {
        format!("the set before, of {}, is not committed", ledger.get(last_change))
    } else {
        return;
    };
    verdict.fail(&OneVoterChangeAtATime::CLAIM, || {
        format!(
            "node {} changes the voters from {} to {} in epoch {}; {problem}",
            leader.id,
            ids(old),
            ids(new),
            batch.epoch
        )
    });
}

fn ids(set: &VoterSet) -> String {
    set.ids().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
