//! `LeaderWithoutMajorityResigns`: check-quorum (KAFKA-15489), from the Fetch requests that reach a
//! leader, the UpdateRaftVoter that it accepts, and its clocks' true rate alone.
//!
//! Kafka collects the voters that have fetched and starts its timer of 1.5 fetch timeouts anew each
//! time they make a majority, so a voter may count though it fetched up to a whole timeout ago
//! (consensus.md §2.2, the edge-triggered set). Hence the bound: one timeout if a single follower
//! makes the majority, two if it takes more; and a parked fetch counts once more when it is answered.

use crate::checks::prelude::*;
use raft::ids::LeaderEpoch;
use raft::io::{Observation, Role, ThreadName};
use raft::message::{ErrorCode, Request, Response};

use super::timings::{Calm, QuorumTimings};
use crate::checks::server_model::ServerModel;

claim! {
    /// A leader from which no majority fetches resigns within the bound of its timers.
    LeaderWithoutMajorityResigns by CheckQuorum, Liveness of Server, "KAFKA-15489: check quorum";
}

/// A parked Fetch is answered after at most so long (consensus.md §2.2).
const FETCH_MAX_WAIT_NS: u64 = 500_000_000;
/// For timers that are read only when the thread is polled.
const SLACK_NS: u64 = 100_000_000;
/// One message that lay in the queue may be handled before the timer is read (consensus.md §10);
/// a leader that takes yet another one has read its timer and gone on.
const OVERDUE_INPUTS: u8 = 3;

/// One server, while it leads.
#[derive(Clone, Debug)]
struct Watched {
    bound_ns: u64,
    leads: Option<LeaderEpoch>,
    /// True time of each server's newest Fetch in this epoch.
    fetched_ns: Vec<u64>,
    /// UpdateRaftVoter that are not answered yet, and the servers that sent them.
    updates: Vec<(Rpc, usize)>,
    /// Before this it need not have resigned, by the fetches known when it was computed.
    deadline_ns: u64,
    calm: Calm,
    overdue_inputs: u8,
}

/// All servers.
#[derive(Clone, Debug)]
pub struct CheckQuorum {
    watched: Vec<Watched>,
    /// Followers that make a majority with the leader.
    needed: usize,
}

impl CheckQuorum {
    /// A server leads from now on, or does not.
    pub fn role_changed(&mut self, at_ns: u64, server: usize, leads: Option<LeaderEpoch>) {
        let watched = &mut self.watched[server];
        watched.leads = leads.filter(|_| self.needed > 0);
        watched.overdue_inputs = 0;
        watched.fetched_ns.fill(at_ns);
        watched.updates.clear();
        watched.deadline_ns = if watched.leads.is_some() { at_ns + watched.bound_ns } else { u64::MAX };
    }

    /// A Fetch or FetchSnapshot of `epoch` reaches a server.
    #[inline]
    pub fn fetched(&mut self, at_ns: u64, server: usize, from: usize, epoch: LeaderEpoch) {
        let watched = &mut self.watched[server];
        if watched.leads == Some(epoch) {
            watched.fetched_ns[from] = at_ns;
        }
    }

    /// A server's raft thread takes an input.
    #[inline]
    pub fn takes_input(&mut self, at_ns: u64, server: usize, servers: &[ServerModel], verdict: &mut Verdict) {
        if at_ns > self.watched[server].deadline_ns {
            self.is_overdue(at_ns, server, servers, verdict);
        }
    }

    #[cold]
    fn is_overdue(&mut self, at_ns: u64, server: usize, servers: &[ServerModel], verdict: &mut Verdict) {
        let needed = self.needed;
        let watched = &mut self.watched[server];
        let Some(epoch) = watched.leads else { return };
        let Some(calm_ns) = watched.calm.since_ns() else {
            watched.overdue_inputs = 0;
            return;
        };
        let voters = servers.iter().zip(&watched.fetched_ns).enumerate();
        let mut fetched_ns: Vec<u64> =
            voters.filter(|(index, (model, _))| *index != server && model.voter).map(|(_, (_, ns))| *ns).collect();
        fetched_ns.sort_unstable_by(|a, b| b.cmp(a));
        let majority_ns = fetched_ns[needed - 1];
        watched.deadline_ns = majority_ns.max(calm_ns) + watched.bound_ns;
        if at_ns <= watched.deadline_ns {
            watched.overdue_inputs = 0;
            return;
        }
        watched.overdue_inputs += 1;
        if watched.overdue_inputs >= OVERDUE_INPUTS {
            watched.overdue_inputs = 0;
            verdict.fail(&CheckQuorum::CLAIM, || {
                format!(
                    "node {} still leads epoch {epoch}; the last fetches of a majority are {} ms old, and its clocks are correct",
                    servers[server].id,
                    (at_ns - majority_ns) / 1_000_000
                )
            });
        }
    }
}

impl Check for CheckQuorum {
    const EVENTS: Kinds = Kinds::INPUT
        .and(Kinds::REQUEST_RECEIVED)
        .and(Kinds::RESPONSE_SENT)
        .and(Kinds::RESPONSE_UNHEARD)
        .and(Kinds::OBSERVED)
        .and(Kinds::DOWN)
        .and(Kinds::DISTURBED);

    fn new(config: &CheckConfig) -> CheckQuorum {
        let rate = u64::from(1_000_000_u32.saturating_sub(config.slowest_ppm).max(1));
        let needed = config.voters.len() / 2;
        let rounds = if needed > 1 { 2 } else { 1 };
        // Of a dynamic quorum not judged: how many must fetch depends on the voters of the leader's log.
        let is_dynamic = config.is_dynamic();
        let watched = |timings: &QuorumTimings| {
            let timeout_ns = timings.fetch_timeout_ms * 3 / 2 * 1_000_000;
            let bound_ns = if is_dynamic { u64::MAX / 2 } else { rounds * timeout_ns + FETCH_MAX_WAIT_NS };
            Watched {
                bound_ns: bound_ns.saturating_mul(1_000_000) / rate + bound_ns / 100 + SLACK_NS,
                leads: None,
                fetched_ns: vec![0; config.timings.len()],
                updates: Vec::new(),
                deadline_ns: u64::MAX,
                calm: Calm::new(config.slowest_ppm),
                overdue_inputs: 0,
            }
        };
        CheckQuorum { watched: config.timings.iter().map(watched).collect(), needed }
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let Crossing { at_ns, server, event } = *crossing;
        match event {
            Event::Input { thread: ThreadName::RaftIo } => self.takes_input(at_ns, server, &models.servers, verdict),
            Event::RequestReceived { request: Request::Fetch(fetch), .. } => {
                if let Some(from) = models.server(fetch.replica_id) {
                    self.fetched(at_ns, server, from, fetch.current_leader_epoch);
                }
            }
            Event::RequestReceived { request: Request::FetchSnapshot(fetch), .. } => {
                if let Some(from) = models.server(fetch.replica_id) {
                    self.fetched(at_ns, server, from, fetch.current_leader_epoch);
                }
            }
            Event::RequestReceived { rpc, request: Request::UpdateRaftVoter(update) } => {
                self.watched[server].updates.extend(models.server(update.voter_id).map(|from| (rpc, from)));
            }
            // `updateCheckQuorumForFollowingVoter`, when the voter has answered ApiVersions.
            Event::ResponseSent { rpc, response: Response::UpdateRaftVoter(answer), .. }
            | Event::ResponseUnheard { rpc, response: Response::UpdateRaftVoter(answer) } => {
                let updates = &mut self.watched[server].updates;
                let Some(index) = updates.iter().position(|(open, _)| *open == rpc) else { return };
                let (_, from) = updates.remove(index);
                if answer.error == ErrorCode::None {
                    self.fetched(at_ns, server, from, answer.current_leader.leader_epoch);
                }
            }
            Event::Observed { observation: Observation::RoleChanged { role, epoch, .. } } => {
                self.role_changed(at_ns, server, (role == Role::Leader).then_some(epoch));
            }
            Event::Down { .. } => self.role_changed(at_ns, server, None),
            Event::Disturbed { how } => self.watched[server].calm.disturbed(at_ns, how),
            _ => {}
        }
    }
}
