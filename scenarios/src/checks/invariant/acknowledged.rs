//! `HighWatermarkAcknowledged` (KIP-595): a leader's high watermark counts what voters have acknowledged by
//! their newest Fetch requests of its own epoch, and nothing else. A replica in another epoch may hold other records
//! at the same offsets.

use crate::checks::prelude::*;
use raft::ids::{LeaderEpoch, Offset, OffsetAndEpoch, ReplicaKey};
use raft::io::{Observation, Role};
use raft::message::{ErrorCode, FetchResponse, Request, Response};
use raft::voter_set::{VoterNode, VoterSet};
use smallvec::SmallVec;

use crate::checks::by_replica::ByReplica;
use crate::checks::server_model::ServerModel;

claim! {
    /// A leader's high watermark counts only offsets that a majority acknowledged in Fetch requests of its epoch.
    HighWatermarkAcknowledged by Acknowledged, Safety of Quorum, "KIP-595: a fetch of another epoch is fenced";
}

/// What a replica has fetched from a leader in its epoch.
#[derive(Clone, Debug)]
struct Fetched {
    /// Where it has been found to be. A voter may go back, if it has lost records (`LeaderState.updateReplicaState`).
    offset: Offset,
    /// Requests without an answer, which may be refused yet. When one that waits for records gets its answer it counts
    /// once more (`KafkaRaftClient.handleFetchRequest`), whatever older ones have arrived since.
    open: SmallVec<[(Rpc, Offset); 2]>,
}

/// What one server has received while it leads.
#[derive(Clone, Debug, Default)]
struct Received {
    leads: Option<LeaderEpoch>,
    fetched: ByReplica<Fetched>,
}

impl Default for Fetched {
    fn default() -> Fetched {
        Fetched { offset: Offset(-1), open: SmallVec::new() }
    }
}

/// All servers.
#[derive(Clone, Debug)]
pub struct Acknowledged {
    received: Vec<Received>,
}

impl Acknowledged {
    /// A server leads from now on, or does not.
    pub fn role_changed(&mut self, server: usize, leads: Option<LeaderEpoch>) {
        let received = &mut self.received[server];
        received.leads = leads;
        received.fetched.clear();
    }

    /// A Fetch of `epoch` reaches a server. What came before was accepted if it was not answered with a refusal.
    #[inline]
    pub fn fetched(&mut self, server: usize, from: ReplicaKey, epoch: LeaderEpoch, (rpc, offset): (Rpc, Offset)) {
        let received = &mut self.received[server];
        if received.leads == Some(epoch) {
            let open = &mut received.fetched.entry(from).open;
            let accepted = open.last().map(|(_, offset)| *offset);
            open.push((rpc, offset));
            if let Some(offset) = accepted {
                received.fetched.newest(from).offset = offset;
            }
        }
    }

    /// A Fetch is answered, whether or not its connection still exists.
    #[inline]
    pub fn answered(&mut self, server: usize, rpc: Rpc, answer: &FetchResponse) {
        let fetched = &mut self.received[server].fetched;
        let answered = fetched.iter_mut().find_map(|(from, fetched)| {
            let place = fetched.open.iter().position(|(open, _)| *open == rpc)?;
            Some((from, fetched.open.remove(place).1))
        });
        let has_error = answer.top_error != ErrorCode::None || answer.error != ErrorCode::None;
        let is_valid = !has_error && answer.diverging_epoch.is_none() && answer.snapshot_id.is_none();
        if let Some((from, offset)) = answered.filter(|_| is_valid) {
            fetched.newest(from).offset = offset;
        }
    }

    /// A leader moves its high watermark.
    #[inline]
    pub fn moved(
        &self,
        server: usize,
        shown: OffsetAndEpoch,
        (leader, voters): (&ServerModel, &VoterSet),
        verdict: &mut Verdict,
    ) {
        let received = &self.received[server];
        let holds = |voter: &&VoterNode| {
            let newest = received.fetched.of(voter).next().map(|fetched| fetched.offset);
            let open = received.fetched.of(voter).flat_map(|fetched| &fetched.open).map(|(_, offset)| *offset);
            voter.is_voter(leader.key()) || newest.into_iter().chain(open).any(|end| end >= shown.offset)
        };
        if received.leads == Some(shown.epoch) && voters.nodes().iter().filter(holds).count() < voters.majority() {
            verdict.fail(&Acknowledged::CLAIM, || {
                format!(
                    "node {} leads epoch {} and moves its high watermark to {}; no majority has fetched from it so far in this epoch",
                    leader.id, shown.epoch, shown.offset
                )
            });
        }
    }
}

impl Check for Acknowledged {
    const EVENTS: Kinds = Kinds::REQUEST_RECEIVED
        .and(Kinds::RESPONSE_SENT)
        .and(Kinds::RESPONSE_UNHEARD)
        .and(Kinds::OBSERVED)
        .and(Kinds::DOWN);

    fn new(config: &CheckConfig) -> Acknowledged {
        Acknowledged { received: vec![Received::default(); config.servers.len()] }
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let Crossing { server, event, .. } = *crossing;
        match event {
            Event::RequestReceived { rpc, request: Request::Fetch(fetch) } => {
                self.fetched(server, fetch.replica_key(), fetch.current_leader_epoch, (rpc, fetch.fetch_offset));
            }
            Event::ResponseSent { rpc, response: Response::Fetch(answer), .. }
            | Event::ResponseUnheard { rpc, response: Response::Fetch(answer) } => self.answered(server, rpc, answer),
            Event::Observed { observation: Observation::RoleChanged { role, epoch, .. } } => {
                self.role_changed(server, (role == Role::Leader).then_some(epoch));
            }
            Event::Observed { observation: Observation::HighWatermark { offset, epoch, leading: true } } => {
                let leader = &models.servers[server];
                self.moved(server, OffsetAndEpoch { epoch, offset }, (leader, leader.voters(&models.ledger)), verdict);
            }
            Event::Down { .. } => self.role_changed(server, None),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
