//! `LeaderWithMajorityStays`, the other side of `LeaderWithoutMajorityResigns`: no leader from which a majority fetches resigns
//! by check quorum, and none that is the only voter (KAFKA-16144).
//!
//! A leader says by the probe `check_quorum_resigned` why it resigns. Its timer of 1.5 fetch timeouts begins anew each time
//! that the voters which have fetched since make a majority (`LeaderState.updateCheckQuorumForFollowingVoter`). If so many
//! voters fetched within the last 1.5 fetch timeouts, it has begun within them, and cannot be over. A Fetch counts here once
//! it is answered without an error, a diverging epoch or a snapshot id; judged only while nothing disturbs the leader's clocks,
//! and its voters stay the same.

use crate::checks::prelude::*;
use raft::ids::{LeaderEpoch, ReplicaKey};
use raft::io::{Observation, Probe, Role};
use raft::message::{ErrorCode, FetchResponse, Request, Response};

use super::timings::{Calm, QuorumTimings, shortest_ns};
use crate::checks::by_replica::ByReplica;
use crate::checks::server_model::ledger::BatchId;

claim! {
    /// A leader from which a majority has fetched within the time of check quorum does not resign for want of one.
    LeaderWithMajorityStays by QuorumKept, Safety of Server, "KAFKA-15489: check quorum; KAFKA-16144: with a single voter";
}

/// One server, while it leads.
#[derive(Clone, Debug)]
struct Watched {
    /// Not even a fast clock's timer of check quorum ends before.
    timeout_ns: u64,
    leads: Option<LeaderEpoch>,
    /// Requests of this epoch that are not answered yet: by whom, and when they came.
    open: Vec<(Rpc, ReplicaKey, u64)>,
    /// When each replica's newest request came that was answered well.
    fetched_ns: ByReplica<u64>,
    /// The batch that the voters of its log are from, and since when.
    voters: (BatchId, u64),
    calm: Calm,
}

/// All servers.
#[derive(Clone, Debug)]
pub struct QuorumKept {
    watched: Vec<Watched>,
}

impl Check for QuorumKept {
    const EVENTS: Kinds = Kinds::REQUEST_RECEIVED
        .and(Kinds::RESPONSE_SENT)
        .and(Kinds::RESPONSE_UNHEARD)
        .and(Kinds::OBSERVED)
        .and(Kinds::WROTE)
        .and(Kinds::DOWN)
        .and(Kinds::DISTURBED);

    fn new(config: &CheckConfig) -> QuorumKept {
        let watched = |timings: &QuorumTimings| Watched {
            timeout_ns: shortest_ns(timings.fetch_timeout_ms.saturating_mul(3) / 2, config.fastest_ppm),
            leads: None,
            open: Vec::new(),
            fetched_ns: ByReplica::default(),
            voters: (BatchId::START, 0),
            calm: Calm::new(config.slowest_ppm),
        };
        QuorumKept { watched: config.timings.iter().map(watched).collect() }
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let Crossing { at_ns, server, event } = *crossing;
        let watched = &mut self.watched[server];
        match event {
            Event::RequestReceived { rpc, request } if watched.leads.is_some() => {
                let (from, epoch) = match request {
                    Request::Fetch(fetch) => (fetch.replica_key(), fetch.current_leader_epoch),
                    Request::FetchSnapshot(fetch) => (fetch.replica_key(), fetch.current_leader_epoch),
                    _ => return,
                };
                if watched.leads == Some(epoch) {
                    watched.open.push((rpc, from, at_ns));
                }
            }
            Event::ResponseSent { rpc, response, .. } | Event::ResponseUnheard { rpc, response }
                if !watched.open.is_empty() =>
            {
                watched.answers(rpc, response);
            }
            Event::Observed { observation: Observation::Probe(Probe::CheckQuorumResigned) } => {
                watched.resigns(at_ns, server, models, verdict);
            }
            Event::Observed { observation: Observation::RoleChanged { role, epoch, .. } } => {
                watched.forget();
                watched.leads = (role == Role::Leader).then_some(epoch);
                watched.voters = (models.ledger.last_voters_batch(models.servers[server].log.whole()), at_ns);
            }
            Event::Wrote { .. } if watched.leads.is_some() => {
                let voters = models.ledger.last_voters_batch(models.servers[server].log.whole());
                if voters != watched.voters.0 {
                    watched.voters = (voters, at_ns);
                }
            }
            Event::Down { .. } => watched.forget(),
            Event::Disturbed { how } => watched.calm.disturbed(at_ns, how),
            _ => {}
        }
    }
}

impl Watched {
    fn forget(&mut self) {
        self.leads = None;
        self.open.clear();
        self.fetched_ns.clear();
    }

    fn answers(&mut self, rpc: Rpc, response: &Response) {
        let Some(place) = self.open.iter().position(|(open, ..)| *open == rpc) else { return };
        let (_, from, at_ns) = self.open.swap_remove(place);
        let counts = match response {
            Response::Fetch(answer) => is_valid(answer),
            Response::FetchSnapshot(answer) => (answer.top_error, answer.error) == (ErrorCode::None, ErrorCode::None),
            _ => false,
        };
        if counts {
            let newest_ns = self.fetched_ns.newest(from);
            *newest_ns = at_ns.max(*newest_ns);
        }
    }

    #[cold]
    fn resigns(&self, at_ns: u64, server: usize, models: &Models, verdict: &mut Verdict) {
        let model = &models.servers[server];
        let voters = model.voters(&models.ledger);
        let Some(from_ns) = at_ns.checked_sub(self.timeout_ns) else { return };
        // The timer was started before, and so long ago at most.
        let is_calm = self.calm.lasts_since(from_ns.saturating_sub(self.timeout_ns));
        if self.leads.is_none() || self.voters.1 > from_ns || !is_calm {
            return;
        }
        let needed = voters.majority() - usize::from(voters.is_voter(model.key()));
        let others = voters.nodes().iter().filter(|voter| !voter.is_voter(model.key()));
        let fetched = others.filter(|voter| self.fetched_ns.of(voter).any(|ns| *ns >= from_ns)).count();
        if fetched >= needed {
            verdict.fail(&LeaderWithMajorityStays::CLAIM, || {
                format!(
                    "node {} resigns, because no majority has fetched; besides itself that takes {needed} of {} voters, and {fetched} have fetched in the last {} ms",
                    model.id,
                    voters.len(),
                    self.timeout_ns / 1_000_000
                )
            });
        }
    }
}

fn is_valid(answer: &FetchResponse) -> bool {
    (answer.top_error, answer.error) == (ErrorCode::None, ErrorCode::None)
        && answer.diverging_epoch.is_none()
        && answer.snapshot_id.is_none()
}
