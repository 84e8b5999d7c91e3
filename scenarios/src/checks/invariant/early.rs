//! `LeaderNotLeftEarly`: the other side of `SilentLeaderLeft`: a leader that answers keeps its followers.
//!
//! Judged from the answers that reach a voter and the roles that it says it enters. Its timer runs on its wall clock, so
//! it is judged only while nothing disturbs that.
//!
//! The same holds of an election timer (`ElectionNotEarly`): it runs for at least an election timeout from when a server
//! starts, becomes Prospective, Candidate or Resigned, grants a vote, or leaves its leader for a higher epoch, and it
//! goes on when a Candidate, a Resigned, an Unattached or a Prospective becomes Unattached
//! (`QuorumState.transitionToUnattached`). A lost Prospective draws anew then, which is later still. How long a
//! Prospective waits that returns to its leader is not judged: a majority may refuse it at any time.

use crate::checks::prelude::*;
use raft::fixes::{Fix, Fixes};
use raft::ids::LeaderEpoch;
use raft::io::{Observation, Role, ThreadName};
use raft::message::{ErrorCode, Request, Response};

use super::timings::{Calm, QuorumTimings, shortest_ns};
use crate::checks::server_model::ServerModel;
use crate::checks::server_model::ledger::Ledger;

claim! {
    /// A follower requests pre-votes only when its leader has not answered it for its fetch timeout, or resigns.
    LeaderNotLeftEarly by Early, Safety of Server, "KIP-595: controller.quorum.fetch.timeout.ms; KIP-996: Prospective";
    /// A voter without a leader requests pre-votes only when its election timeout is over.
    ElectionNotEarly, Safety of Server, "KIP-595: controller.quorum.election.timeout.ms; QuorumState.randomElectionTimeoutMs";
    /// A follower that its leader has answered in this epoch grants no pre-vote; with `GrantPreVoteAfterFetchTimeout` until its fetch
    /// timeout is over.
    PreVoteRefusedInTouch, Safety of Server, "KIP-996: a follower that has fetched successfully rejects pre-votes";
}

/// What a voter's timer was started by last.
#[derive(Clone, Copy, Debug)]
struct Follows {
    epoch: LeaderEpoch,
    /// Answers to older requests are not expected any more (`RequestManager.resetAll`).
    began_ns: u64,
    since_ns: u64,
    /// An answer that it has taken in: before it handles that, it looks at its timers.
    received_ns: Option<u64>,
    /// It has handled one.
    answered: bool,
    /// Its leader resigns.
    is_over: bool,
}

#[derive(Clone, Debug)]
struct Watched {
    fetch_ns: u64,
    election_ns: u64,
    /// Its role, and since when its election timer runs at least.
    elects: Option<(Role, LeaderEpoch, u64)>,
    /// A request that it has made before may still wait to be sent for so long (`InterBrokerSendThread`), and one that
    /// is not answered for half as long may be given up.
    request_ns: u64,
    /// The correlation id of its newest Fetch, and when it sent that.
    sent: Option<(i32, u64)>,
    /// Since when it has sent nothing but Fetch requests, each as the one before was answered, and soon: what waited to be
    /// sent is sent or has expired a request timeout later.
    steady_ns: u64,
    /// In this step it has received the answer to a Fetch.
    has_answer: bool,
    /// When its raft thread began with what it handles now: its timers count from here.
    step_ns: u64,
    follows: Option<Follows>,
    /// The newest epoch of whose leader it has received EndQuorumEpoch.
    resigned: Option<LeaderEpoch>,
    calm: Calm,
}

/// All servers.
#[derive(Clone, Debug)]
pub struct Early {
    watched: Vec<Watched>,
    fixes: Fixes,
}

impl Check for Early {
    const EVENTS: Kinds = Kinds::RAFT_INPUT
        .and(Kinds::BOOTED)
        .and(Kinds::REQUEST_SENT)
        .and(Kinds::REQUEST_RECEIVED)
        .and(Kinds::RESPONSE_RECEIVED)
        .and(Kinds::RESPONSE_SENT)
        .and(Kinds::OBSERVED)
        .and(Kinds::DOWN)
        .and(Kinds::DISTURBED);

    fn new(config: &CheckConfig) -> Early {
        let watched = |timings: &QuorumTimings| Watched {
            fetch_ns: shortest_ns(timings.fetch_timeout_ms, config.fastest_ppm),
            election_ns: shortest_ns(timings.election_timeout_ms, config.fastest_ppm),
            elects: None,
            request_ns: timings.request_timeout_ms.saturating_mul(1_100_000),
            sent: None,
            steady_ns: 0,
            has_answer: false,
            step_ns: 0,
            follows: None,
            resigned: None,
            calm: Calm::new(config.slowest_ppm),
        };
        Early { watched: config.timings.iter().map(watched).collect(), fixes: config.fixes }
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let Crossing { at_ns, server, event } = *crossing;
        let watched = &mut self.watched[server];
        match event {
            Event::Input { thread: ThreadName::RaftIo } | Event::Booted { .. } => watched.begins_step(at_ns),
            Event::RequestSent { rpc, request } => watched.sends(at_ns, rpc, request),
            Event::ResponseReceived { correlation_id, response: Response::Fetch(answer), .. } => {
                watched.has_answer = true;
                if let Some(follows) = &mut watched.follows
                    && (answer.top_error, answer.error) == (ErrorCode::None, ErrorCode::None)
                    && answer.current_leader.leader_epoch == follows.epoch
                    && let Some((newest, sent_ns)) = watched.sent
                    // `RequestManager.isResponseExpected`
                    && newest == correlation_id
                    && sent_ns >= follows.began_ns.max(watched.steady_ns) + watched.request_ns
                    && at_ns - sent_ns < watched.request_ns / 2
                {
                    follows.received_ns = Some(at_ns);
                }
            }
            Event::RequestReceived { request: Request::EndQuorumEpoch(end), .. } => {
                watched.resigned = watched.resigned.max(Some(end.leader_epoch));
                if let Some(follows) = &mut watched.follows {
                    follows.is_over = true;
                }
            }
            Event::Observed { observation: Observation::RoleChanged { role, epoch, .. } } => {
                watched.elects(at_ns, role, epoch, (&models.servers[server], &models.ledger), verdict);
                let before = watched.follows.take();
                match (role, before) {
                    // Its timer continues.
                    (Role::Follower, Some(before)) if before.epoch == epoch => watched.follows = Some(before),
                    (Role::Follower, _) => {
                        let is_over = watched.resigned == Some(epoch);
                        let (began_ns, since_ns) = (watched.step_ns, watched.step_ns);
                        let (received_ns, answered) = (None, false);
                        watched.follows = Some(Follows { epoch, began_ns, since_ns, received_ns, answered, is_over });
                    }
                    (Role::Prospective, Some(before)) if before.epoch == epoch && !before.is_over => {
                        watched.judge(at_ns, before, || models.servers[server].id.0, verdict);
                    }
                    _ => {}
                }
            }
            Event::ResponseSent { .. } => {
                let may_expire = self.fixes.has(Fix::GrantPreVoteAfterFetchTimeout);
                let in_touch = |follows: Follows| {
                    follows.answered && (!may_expire || !follows.is_over && watched.is_early(at_ns, follows))
                };
                if let Some((requested, answer)) = models.vote_answered(crossing)
                    && (requested.pre_vote && answer.vote_granted && watched.follows.is_some_and(in_touch))
                {
                    let id = models.servers[server].id;
                    let epoch = requested.epoch;
                    verdict.fail(&PreVoteRefusedInTouch::CLAIM, || {
                        format!(
                            "node {id} grants node {} a pre-vote in epoch {epoch}, and its leader answers it",
                            requested.candidate
                        )
                    });
                }
            }
            Event::Down { .. } => (watched.follows, watched.resigned, watched.elects) = (None, None, None),
            Event::Disturbed { how } => watched.calm.disturbed(at_ns, how),
            _ => {}
        }
    }
}

impl Watched {
    fn begins_step(&mut self, at_ns: u64) {
        (self.step_ns, self.has_answer) = (at_ns, false);
        if let Some(follows) = &mut self.follows
            && let Some(received_ns) = follows.received_ns.take()
        {
            (follows.since_ns, follows.answered) = (received_ns, true);
        }
    }

    fn sends(&mut self, at_ns: u64, rpc: Rpc, request: &Request) {
        let is_fetch = matches!(request, Request::Fetch(_));
        let is_other = matches!(request, Request::Vote(_) | Request::BeginQuorumEpoch(_) | Request::EndQuorumEpoch(_));
        // Its own limit for the one before may have passed earlier, and this one have waited behind that since.
        let is_late = self.sent.is_some_and(|(_, sent_ns)| at_ns - sent_ns >= self.request_ns / 2);
        if is_other || is_fetch && (is_late || !self.has_answer) {
            self.steady_ns = at_ns;
        }
        if is_fetch {
            self.sent = Some((rpc.correlation_id, at_ns));
        }
    }

    fn elects(
        &mut self,
        at_ns: u64,
        role: Role,
        epoch: LeaderEpoch,
        (model, ledger): (&ServerModel, &Ledger),
        verdict: &mut Verdict,
    ) {
        use Role::{Candidate, Follower, Leader, Prospective, Resigned, Unattached};
        let since_ns = match (self.elects, role) {
            (_, Follower | Leader) => u64::MAX,
            // It grants a vote if the epoch stays the same.
            (Some((Unattached, before, since_ns)), Unattached) if before != epoch => since_ns,
            (Some((Candidate | Resigned | Prospective, _, since_ns)), Unattached) => since_ns,
            _ => self.step_ns,
        };
        if let (Some((before @ (Unattached | Candidate), _, since_ns)), Prospective) = (self.elects, role)
            && at_ns - since_ns < self.election_ns
            && self.calm.lasts_since(since_ns)
            // A single voter waits for nobody (`KafkaRaftClient.initialize`).
            && !model.voters(ledger).is_only_voter(model.key())
        {
            verdict.fail(&ElectionNotEarly::CLAIM, || {
                format!(
                    "node {}, which is {before:?}, requests pre-votes {} ms after its election timer began; that ends {} ms after its beginning at the earliest",
                    model.id,
                    (at_ns - since_ns) / 1_000_000,
                    self.election_ns / 1_000_000
                )
            });
        }
        self.elects = Some((role, epoch, since_ns));
    }

    /// Can the fetch timeout not be over yet?
    fn is_early(&self, at_ns: u64, follows: Follows) -> bool {
        at_ns - follows.since_ns < self.fetch_ns && self.calm.lasts_since(follows.since_ns)
    }

    fn judge(&self, at_ns: u64, before: Follows, id: impl Fn() -> i32, verdict: &mut Verdict) {
        let waited_ns = at_ns - before.since_ns;
        if self.is_early(at_ns, before) {
            verdict.fail(&LeaderNotLeftEarly::CLAIM, || {
                format!(
                    "node {} requests pre-votes {} ms after its leader of epoch {} answered it; its fetch timeout ends after {} ms at the earliest",
                    id(),
                    waited_ns / 1_000_000,
                    before.epoch,
                    self.fetch_ns / 1_000_000
                )
            });
        }
    }
}

#[cfg(test)]
mod tests;
