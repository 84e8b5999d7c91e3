//! `LeaderNotLeftEarly`: the other side of `SilentLeaderLeft`: a leader that answers keeps its followers.
//!
//! Judged from the answers that reach a voter and the roles that it says it enters. Its timer runs on its wall clock, so
//! it is judged only while nothing disturbs that.

use crate::checks::prelude::*;
use raft::ids::LeaderEpoch;
use raft::io::{Observation, Role, ThreadName};
use raft::message::{ErrorCode, Request, Response};

use super::timings::{Calm, QuorumTimings};

claim! {
    /// A follower requests pre-votes only when its leader has not answered it for its fetch timeout, or resigns.
    LeaderNotLeftEarly, Safety of Server, "KIP-595: controller.quorum.fetch.timeout.ms; KIP-996: Prospective";
    /// A follower that its leader has answered in this epoch grants no pre-vote.
    PreVoteRefusedInTouch, Safety of Server, "KIP-996: a follower that has fetched successfully rejects pre-votes";
}

/// What a voter's timer went by last.
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
    /// A request that it has made before may still wait to be sent for so long (`InterBrokerSendThread`), and one that
    /// is not answered for half as long may be given up.
    request_ns: u64,
    /// When it sent its newest Fetch.
    sent_ns: u64,
    /// Since when it has sent nothing but Fetch requests, each as the one before was answered: what waited to be sent
    /// is sent or has expired a request timeout later.
    steady_ns: u64,
    /// In this step it has received the answer to a Fetch.
    has_answer: bool,
    /// When its raft thread began with what it handles now: its timers count from here.
    step_ns: u64,
    follows: Option<Follows>,
    /// The newest epoch whose leader has told it that it resigns.
    resigned: Option<LeaderEpoch>,
    calm: Calm,
}

/// All servers.
#[derive(Clone, Debug)]
pub struct Early {
    watched: Vec<Watched>,
}

impl Claimed for Early {
    const CLAIM: Claim = LeaderNotLeftEarly::CLAIM;
}

impl Check for Early {
    const EVENTS: Kinds = Kinds::INPUT
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
            // Not even a fast clock's timer ends before.
            fetch_ns: timings.fetch_timeout_ms.saturating_mul(900_000),
            request_ns: timings.request_timeout_ms.saturating_mul(1_100_000),
            sent_ns: 0,
            steady_ns: 0,
            has_answer: false,
            step_ns: 0,
            follows: None,
            resigned: None,
            calm: Calm::new(config.slowest_ppm),
        };
        Early { watched: config.timings.iter().map(watched).collect() }
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let Crossing { at_ns, server, event } = *crossing;
        let watched = &mut self.watched[server];
        match event {
            Event::Input { thread: ThreadName::RaftIo } | Event::Booted { .. } => watched.begins_step(at_ns),
            Event::RequestSent { request, .. } => watched.sends(at_ns, request),
            Event::ResponseReceived { response: Response::Fetch(answer), .. } => {
                watched.has_answer = true;
                if let Some(follows) = &mut watched.follows
                    && (answer.top_error, answer.error) == (ErrorCode::None, ErrorCode::None)
                    && answer.current_leader.leader_epoch == follows.epoch
                    && watched.sent_ns >= follows.began_ns.max(watched.steady_ns) + watched.request_ns
                    && at_ns - watched.sent_ns < watched.request_ns / 2
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
                let before = watched.follows.take();
                match (role, before) {
                    // Its timer goes on.
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
                let answered = watched.follows.is_some_and(|follows| follows.answered);
                if let Some((requested, answer)) = models.vote_answered(crossing)
                    && (requested.pre_vote && answer.vote_granted && answered)
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
            Event::Down { .. } => (watched.follows, watched.resigned) = (None, None),
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

    fn sends(&mut self, at_ns: u64, request: &Request) {
        let is_fetch = matches!(request, Request::Fetch(_));
        let is_other = matches!(request, Request::Vote(_) | Request::BeginQuorumEpoch(_) | Request::EndQuorumEpoch(_));
        if is_other || is_fetch && !self.has_answer {
            self.steady_ns = at_ns;
        }
        if is_fetch {
            self.sent_ns = at_ns;
        }
    }

    fn judge(&self, at_ns: u64, before: Follows, id: impl Fn() -> i32, verdict: &mut Verdict) {
        let waited_ns = at_ns - before.since_ns;
        if waited_ns < self.fetch_ns && self.calm.lasts_since(before.since_ns) {
            verdict.fail(&LeaderNotLeftEarly::CLAIM, || {
                format!(
                    "node {} requests pre-votes {} ms after its leader of epoch {} answered it; its fetch timeout is {} ms",
                    id(),
                    waited_ns / 1_000_000,
                    before.epoch,
                    self.fetch_ns / 900_000
                )
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use raft::ids::{NodeId, Offset, Uuid};
    use raft::message::{CurrentLeader, EndQuorumEpochRequest, FetchRequest, FetchResponse, VoteResponse};

    use super::*;
    use crate::checks::Checks;
    use crate::checks::event::Rpc;
    use crate::checks::invariant::timings::Disturbance;
    use crate::checks::models::PendingVote;
    use crate::checks::tests::voters;

    const MS: u64 = 1_000_000;

    fn role(role: Role, epoch: i32) -> Event<'static> {
        let (epoch, leader) = (LeaderEpoch(epoch), NodeId(2));
        Event::Observed { observation: Observation::RoleChanged { role, epoch, leader } }
    }

    /// A follower since 0 ms, whose fetch timeout is 2 s, requests pre-votes at `at_ms`. Does it break the claim?
    fn breaks(at_ms: u64, meanwhile: &[(u64, Event<'_>)]) -> bool {
        let models = Checks::new(voters(3)).models;
        let (mut early, mut verdict) = (Early::new(&voters(3)), Verdict::default());
        let events = [(0, role(Role::Follower, 1))].into_iter().chain(meanwhile.iter().copied());
        for (ms, event) in events.chain([(at_ms, role(Role::Prospective, 1))]) {
            let input = Event::Input { thread: ThreadName::RaftIo };
            for event in [input, event] {
                early.on(&Crossing { at_ns: ms * MS, server: 0, event }, &models, &mut verdict);
            }
        }
        verdict.violation().is_some_and(|violation| violation.invariant == "LeaderNotLeftEarly")
    }

    #[test]
    fn a_leader_that_answers_is_kept_for_a_fetch_timeout() {
        assert!(breaks(1_700, &[]) && !breaks(1_900, &[]));
        assert!(breaks(1_900, &[(500, role(Role::Follower, 2)), (600, role(Role::Follower, 1))]), "it follows anew");
        assert!(!breaks(1_900, &[(500, role(Role::Follower, 1))]), "its timer goes on");
    }

    /// A follower since 0 ms fetches, is answered or refused, and then grants a pre-vote.
    fn grants_in_touch(error: ErrorCode) -> bool {
        let mut models = Checks::new(voters(3)).models;
        let (mut early, mut verdict) = (Early::new(&voters(3)), Verdict::default());
        let (epoch, candidate) = (LeaderEpoch(1), NodeId(3));
        let rpc = Rpc { connection: 1, correlation_id: 1 };
        models.pending_votes.push(PendingVote { server: 0, rpc, epoch, candidate, pre_vote: true });
        let fetch = Request::Fetch(FetchRequest {
            cluster_id: None,
            replica_id: NodeId(1),
            replica_directory_id: None,
            topic_id: Uuid::METADATA_TOPIC_ID,
            max_wait_ms: 500,
            max_bytes: 1 << 20,
            current_leader_epoch: epoch,
            fetch_offset: Offset(0),
            last_fetched_epoch: LeaderEpoch(0),
            high_watermark: None,
        });
        let current_leader = CurrentLeader { leader_id: Some(NodeId(2)), leader_epoch: epoch, endpoints: None };
        let answer = Response::Fetch(FetchResponse { error, current_leader, ..FetchResponse::default() });
        let granted = Response::Vote(VoteResponse { vote_granted: true, ..VoteResponse::default() });
        let events = [
            (0, role(Role::Follower, 1)),
            (10, Event::RequestSent { rpc, request: &fetch }),
            (2_300, Event::ResponseReceived { token: 1, response: &answer }),
            (2_300, Event::RequestSent { rpc, request: &fetch }),
            (2_400, Event::ResponseReceived { token: 1, response: &answer }),
            (2_500, Event::ResponseSent { rpc, to: 2, response: &granted }),
        ];
        for (ms, event) in events {
            let input = Event::Input { thread: ThreadName::RaftIo };
            let goes_on = matches!(event, Event::RequestSent { .. });
            for event in [input, event].into_iter().skip(usize::from(goes_on)) {
                early.on(&Crossing { at_ns: ms * MS, server: 0, event }, &models, &mut verdict);
            }
        }
        verdict.violation().is_some_and(|violation| violation.invariant == "PreVoteRefusedInTouch")
    }

    #[test]
    fn who_has_heard_from_its_leader_grants_no_pre_vote() {
        assert!(grants_in_touch(ErrorCode::None) && !grants_in_touch(ErrorCode::NotLeaderOrFollower));
    }

    #[test]
    fn who_is_disturbed_or_whose_leader_resigns_may_leave() {
        let (cluster_id, preferred_candidates) = (None, [].into());
        let (leader_id, leader_epoch) = (NodeId(2), LeaderEpoch(1));
        let end = EndQuorumEpochRequest { cluster_id, leader_id, leader_epoch, preferred_candidates };
        let request = Request::EndQuorumEpoch(end);
        let rpc = crate::checks::event::Rpc { connection: 1, correlation_id: 1 };
        assert!(!breaks(700, &[(500, Event::RequestReceived { rpc, request: &request })]));
        let begins = Disturbance { begins: true, ..Disturbance::default() };
        let disturbed =
            [(500, Event::Disturbed { how: begins }), (600, Event::Disturbed { how: Disturbance::default() })];
        assert!(!breaks(700, &disturbed));
    }
}
