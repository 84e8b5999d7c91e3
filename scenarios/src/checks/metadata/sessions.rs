//! `SilentBrokerFenced`: a broker of which the active controller receives no heartbeat is fenced when its session
//! is over.
//!
//! Judged from Heartbeat requests as the active controller takes them, and from committed records.
//! A controller that takes over gives every unfenced broker a session of its own
//! (`ClusterControlManager.activate`, KAFKA-18138), so a session begins with the claim or with the
//! last heartbeat since. Whoever is late because it does not run, or because it cannot commit, is
//! excused: what counts are batches that the active controller began after the session was over and
//! brought to be committed. Its timers outrank its queue, so it must have looked at sessions between
//! any two of them.

use crate::checks::prelude::*;
use raft::ids::{LeaderEpoch, NodeId, Offset};
use raft::io::{Observation, Role};
use raft::message::{ClusterRequest, Request, Response};

use crate::checks::invariant::timings::{Calm, Disturbance};

claim! {
    /// A broker from which the active controller receives no heartbeat is fenced when its session ends.
    SilentBrokerFenced by Sessions, Safety of Metadata, "KIP-631: broker.session.timeout.ms, fencing; KAFKA-18138";
}

/// The sweep takes one broker, and looks again after 10 ms.
const SLACK_NS: u64 = 200_000_000;
/// Each batch begins when the one before is committed.
const LATER_BATCHES: u8 = 3;

/// What the active controller has learned of a broker.
#[derive(Clone, Copy, Debug)]
struct Session {
    broker: NodeId,
    /// True time, ns.
    heard_ns: u64,
    /// Its session is over: where the active controller's log ended when the last batch was committed,
    /// and how many have begun and were committed since.
    over: Option<(Offset, u8)>,
}

#[derive(Clone, Debug)]
struct Active {
    server: usize,
    epoch: LeaderEpoch,
    sessions: Vec<Session>,
    /// No session is over before.
    due_ns: u64,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Sessions {
    brokers: Vec<NodeId>,
    bound_ns: u64,
    calm: Vec<Calm>,
    active: Option<Active>,
}

impl Check for Sessions {
    const EVENTS: Kinds =
        Kinds::DOWN.and(Kinds::REQUEST_RECEIVED).and(Kinds::RESPONSE_SENT).and(Kinds::OBSERVED).and(Kinds::DISTURBED);

    fn new(config: &CheckConfig) -> Sessions {
        let (ids, timeout_ms) =
            config.brokers.as_ref().map_or((Vec::new(), 0), |it| (it.ids.clone(), it.session_timeout_ms));
        Sessions::of(config.servers.len(), ids, timeout_ms.into(), config.slowest_ppm)
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let Crossing { at_ns, server, event } = *crossing;
        match event {
            Event::Down { .. } | Event::Observed { observation: Observation::LeadershipRenounced { .. } } => {
                self.left(server);
            }
            Event::Disturbed { how } => self.disturbed(at_ns, server, how),
            Event::RequestReceived { request: Request::Cluster(ClusterRequest::BrokerHeartbeat(request)), .. } => {
                self.heard(at_ns, server, request.broker_id);
            }
            Event::Observed { observation: Observation::LeadershipAnnounced { epoch } } => {
                self.claimed(at_ns, server, epoch);
            }
            // Something may have been committed.
            Event::Observed {
                observation:
                    Observation::HighWatermark { leading: true, .. } | Observation::RoleChanged { role: Role::Leader, .. },
            }
            | Event::ResponseSent { response: Response::Fetch(_), .. } => {
                if let (Some(active), Some(cluster)) = (self.due(verdict.now_ns), &models.cluster) {
                    let log_end = models.servers[active].log.end(&models.ledger);
                    let brokers = &cluster.metadata().image().brokers;
                    let is_unfenced = |id| brokers.get(&id).is_some_and(|broker| !broker.fenced);
                    self.judge((models.committed.end, log_end), is_unfenced, verdict);
                }
            }
            _ => {}
        }
    }
}

impl Sessions {
    /// `timeout_ms` is the longest `broker.session.timeout.ms` of any controller; sessions are looked
    /// at eight times in it. The slowest clock loses `slowest_ppm`.
    fn of(servers: usize, brokers: Vec<NodeId>, timeout_ms: u64, slowest_ppm: u32) -> Sessions {
        let rate = u64::from(1_000_000_u32.saturating_sub(slowest_ppm).max(1));
        let timeout_ns = timeout_ms.saturating_mul(1_000_000);
        let local_ns = timeout_ns.saturating_add(timeout_ns / 8);
        let bound_ns = (local_ns / rate).saturating_mul(1_000_000).saturating_add(1_000_000 + SLACK_NS);
        Sessions { brokers, bound_ns, calm: vec![Calm::new(slowest_ppm); servers], active: None }
    }

    /// A controller claims.
    pub fn claimed(&mut self, at_ns: u64, server: usize, epoch: LeaderEpoch) {
        if self.brokers.is_empty() || self.active.as_ref().is_some_and(|active| active.epoch >= epoch) {
            return;
        }
        let session = |broker: &NodeId| Session { broker: *broker, heard_ns: at_ns, over: None };
        let sessions = self.brokers.iter().map(session).collect();
        self.active = Some(Active { server, epoch, sessions, due_ns: at_ns + self.bound_ns });
    }

    /// A controller renounces, or is gone.
    pub fn left(&mut self, server: usize) {
        self.active.take_if(|active| active.server == server);
    }

    /// A controller takes a broker's heartbeat.
    pub fn heard(&mut self, at_ns: u64, server: usize, broker: NodeId) {
        let Some(active) = self.active.as_mut().filter(|active| active.server == server) else { return };
        if let Some(session) = active.sessions.iter_mut().find(|session| session.broker == broker) {
            *session = Session { heard_ns: at_ns, over: None, ..*session };
        }
    }

    /// A fault disturbs a server (or does so no more). Its sessions may all begin anew then.
    pub fn disturbed(&mut self, at_ns: u64, server: usize, how: Disturbance) {
        // It goes by the monotonic clock.
        self.calm[server].disturbed(at_ns, Disturbance { back_ms: 0, ..how });
    }

    /// The active controller's server, if a session may be over.
    #[inline]
    pub fn due(&self, now_ns: u64) -> Option<usize> {
        self.active.as_ref().filter(|active| now_ns > active.due_ns).map(|active| active.server)
    }

    /// Something was committed, up to `committed_end`; the active controller's log goes to `log_end`.
    pub fn judge(
        &mut self,
        (committed_end, log_end): (Offset, Offset),
        is_unfenced: impl Fn(NodeId) -> bool,
        verdict: &mut Verdict,
    ) {
        let (now_ns, bound_ns) = (verdict.now_ns, self.bound_ns);
        let Some(active) = &mut self.active else { return };
        // While something disturbs it, no session is over.
        let calm_ns = self.calm[active.server].since_ns().unwrap_or(now_ns);
        // What is committed by then may be another leader's, if its claim is yet to come.
        let begun_by_now = log_end.max(committed_end);
        let ends_ns = |session: &Session| session.heard_ns.max(calm_ns) + bound_ns;
        for session in &mut active.sessions {
            if now_ns <= ends_ns(session) || !is_unfenced(session.broker) {
                session.over = None;
                continue;
            }
            session.over = Some(match session.over {
                None => (begun_by_now, 0),
                Some((begun, count)) if committed_end > begun => (begun_by_now, count.saturating_add(1)),
                Some(waiting) => waiting,
            });
            let batches = session.over.map_or(0, |(_, count)| count);
            if batches == LATER_BATCHES {
                let (broker, heard_ns) = (session.broker, session.heard_ns);
                verdict.fail(&SilentBrokerFenced::CLAIM, || {
                    format!(
                        "the active controller has received no heartbeat of broker {broker} since {} and has committed records since the session ended, but the broker is not fenced",
                        seconds(heard_ns)
                    )
                });
            }
        }
        active.due_ns = active.sessions.iter().map(ends_ns).min().unwrap_or(u64::MAX);
    }
}

#[cfg(test)]
mod tests;
