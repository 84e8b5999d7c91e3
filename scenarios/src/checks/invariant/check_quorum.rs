//! `LeaderWithoutMajorityResigns`: check-quorum (KAFKA-15489), from the Fetch requests that reach a
//! leader, the UpdateRaftVoter that it accepts, and its clocks' true rate alone.
//!
//! Kafka collects the voters that have fetched and starts its timer of 1.5 fetch timeouts anew each
//! time they make a majority, so a voter may count though it fetched up to a whole timeout ago
//! (consensus.md §2.2, the edge-triggered set). Hence the bound: one timeout if a single follower
//! makes the majority, two if it takes more; and a parked fetch counts once more when it is answered.
//!
//! Who counts are the voters of the leader's log, committed or not; a leader that has removed itself does not count
//! (KAFKA-16531).

use crate::checks::prelude::*;
use raft::ids::{LeaderEpoch, ReplicaKey};
use raft::io::{Observation, Role, ThreadName};
use raft::message::{ErrorCode, Request, Response};

use super::timings::{Calm, QuorumTimings};
use crate::checks::by_replica::ByReplica;
use crate::checks::server_model::ledger::BatchId;

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
    /// True time of each replica's newest Fetch in this epoch.
    fetched_ns: ByReplica<u64>,
    /// UpdateRaftVoter that are not answered yet, and the voters that sent them.
    updates: Vec<(Rpc, ReplicaKey)>,
    /// Before this it need not have resigned, by the fetches known when it was computed.
    deadline_ns: u64,
    calm: Calm,
    overdue_inputs: u8,
    /// The batch that the voters of its log are from.
    voters: BatchId,
    /// When its epoch began, or its voters were others.
    since_ns: u64,
}

/// All servers.
#[derive(Clone, Debug)]
pub struct CheckQuorum {
    watched: Vec<Watched>,
}

impl CheckQuorum {
    /// A server leads from now on, or does not.
    pub fn role_changed(&mut self, at_ns: u64, server: usize, leads: Option<LeaderEpoch>) {
        let watched = &mut self.watched[server];
        watched.leads = leads;
        watched.overdue_inputs = 0;
        watched.fetched_ns.clear();
        watched.updates.clear();
        watched.since_ns = at_ns;
        watched.deadline_ns = if watched.leads.is_some() { at_ns + watched.bound_ns } else { u64::MAX };
    }

    /// The log of a leader has other voters than before: its time begins anew. (What it has collected stays collected, which
    /// is why the bound allows for two rounds.)
    #[inline]
    pub fn note_voters(&mut self, at_ns: u64, server: usize, models: &Models) {
        let watched = &mut self.watched[server];
        let voters = models.ledger.last_voters_batch(models.servers[server].log.whole());
        if watched.leads.is_some() && voters != std::mem::replace(&mut watched.voters, voters) {
            watched.fetched_ns.clear();
            watched.since_ns = at_ns;
        }
    }

    /// A Fetch or FetchSnapshot of `epoch` reaches a server.
    #[inline]
    pub fn fetched(&mut self, at_ns: u64, server: usize, from: ReplicaKey, epoch: LeaderEpoch) {
        let watched = &mut self.watched[server];
        if watched.leads == Some(epoch) {
            *watched.fetched_ns.newest(from) = at_ns;
        }
    }

    /// A server's raft thread takes an input.
    #[inline]
    pub fn takes_input(&mut self, at_ns: u64, server: usize, models: &Models, verdict: &mut Verdict) {
        if at_ns > self.watched[server].deadline_ns {
            self.is_overdue(at_ns, server, models, verdict);
        }
    }

    #[cold]
    fn is_overdue(&mut self, at_ns: u64, server: usize, models: &Models, verdict: &mut Verdict) {
        let Models { servers, ledger, .. } = models;
        let watched = &mut self.watched[server];
        let Some(epoch) = watched.leads else { return };
        let voters = servers[server].voters(ledger);
        // A single voter is asked by nobody, whether it is the leader or not (`timeUntilCheckQuorumExpires`).
        if voters.len() < 2 {
            watched.deadline_ns = at_ns + watched.bound_ns;
            return;
        }
        let own = servers[server].key();
        let needed = voters.majority() - usize::from(voters.is_voter(own));
        let Some(calm_ns) = watched.calm.since_ns() else {
            watched.overdue_inputs = 0;
            return;
        };
        let others = voters.nodes().iter().filter(|voter| !voter.is_voter(own));
        let newest_ns = |voter| watched.fetched_ns.of(voter).next().copied();
        let mut fetched_ns: Vec<u64> = others.map(|voter| newest_ns(voter).unwrap_or(watched.since_ns)).collect();
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
    const EVENTS: Kinds = Kinds::RAFT_INPUT
        .and(Kinds::REQUEST_RECEIVED)
        .and(Kinds::RESPONSE_SENT)
        .and(Kinds::RESPONSE_UNHEARD)
        .and(Kinds::OBSERVED)
        .and(Kinds::WROTE)
        .and(Kinds::DOWN)
        .and(Kinds::DISTURBED);

    fn new(config: &CheckConfig) -> CheckQuorum {
        let rate = u64::from(1_000_000_u32.saturating_sub(config.slowest_ppm).max(1));
        // Voters that change may be more than there are at first, or the leader none of them.
        let counts_two = config.voters.len() > 3 || config.is_dynamic;
        let rounds = if counts_two { 2 } else { 1 };
        let watched = |timings: &QuorumTimings| {
            let timeout_ns = timings.fetch_timeout_ms * 3 / 2 * 1_000_000;
            let bound_ns = rounds * timeout_ns + FETCH_MAX_WAIT_NS;
            Watched {
                bound_ns: bound_ns.saturating_mul(1_000_000) / rate + bound_ns / 100 + SLACK_NS,
                leads: None,
                fetched_ns: ByReplica::default(),
                updates: Vec::new(),
                deadline_ns: u64::MAX,
                calm: Calm::new(config.slowest_ppm),
                overdue_inputs: 0,
                voters: BatchId::START,
                since_ns: 0,
            }
        };
        CheckQuorum { watched: config.timings.iter().map(watched).collect() }
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let Crossing { at_ns, server, event } = *crossing;
        match event {
            Event::Input { thread: ThreadName::RaftIo } => self.takes_input(at_ns, server, models, verdict),
            Event::RequestReceived { request: Request::Fetch(fetch), .. } => {
                self.fetched(at_ns, server, fetch.replica_key(), fetch.current_leader_epoch);
            }
            Event::RequestReceived { request: Request::FetchSnapshot(fetch), .. } => {
                self.fetched(at_ns, server, fetch.replica_key(), fetch.current_leader_epoch);
            }
            Event::RequestReceived { rpc, request: Request::UpdateRaftVoter(update) } => {
                self.watched[server].updates.push((rpc, update.voter_key()));
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
                self.note_voters(at_ns, server, models);
            }
            Event::Wrote { .. } => self.note_voters(at_ns, server, models),
            Event::Down { .. } => self.role_changed(at_ns, server, None),
            Event::Disturbed { how } => self.watched[server].calm.disturbed(at_ns, how),
            _ => {}
        }
    }
}
