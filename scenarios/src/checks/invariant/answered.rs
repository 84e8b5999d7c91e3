//! `RequestAnswered`: every request is answered, whatever happens to its server meanwhile. A broker's
//! channel takes no further request before it, so one that is forgotten stops all that its connection was for.
//!
//! Judged from requests that a process takes and the answers that it sends, while nothing disturbs it:
//! * one that the process answers by itself, when the wait that the request allows ends;
//! * one that a broker forwards to the active controller (`ForwardingManager`), when that answers, or at the end of
//!   `FORWARDED_MS`;
//! * one to change the voters, at the end of `controller.quorum.request.timeout.ms`;
//! * one for the active controller, when all that it has written is committed, or when it leads no longer
//!   (`DeferredEventQueue.completeUpTo`, `failAll`).

use crate::checks::prelude::*;
use raft::broker::forwarding::FORWARDING_TIMEOUT_MS;
use raft::io::Observation;
use raft::message::{AdminRequest, DataRequest, ErrorCode, Request, Response};

use super::timings::{Calm, longest_ns};

claim! {
    /// A process answers every request, or closes its connection, within the bound of its timers, whatever it goes
    /// through meanwhile.
    RequestAnswered by Answered, Liveness of Server, "Kafka protocol: one response to each request; SocketServer mutes a channel until then";
}

/// For what lies in queues, and the threads that it passes: a broker that becomes a replica of many partitions at
/// once forces several files of each.
const SLACK_NS: u64 = 3_000_000_000;

/// The longest time until a broker gives up a request that it forwards, ms. `NodeToControllerRequestThread.generateRequests`
/// looks at its age, `FORWARDING_TIMEOUT_MS`, when all before it in the queue are sent or too old. A lost connection reverses
/// what was to be sent on it (`InterBrokerSendThread.checkDisconnects`), so that newer ones are before it: that may be as late
/// as its own time and that of a request in flight (at most as long), and the newest of them has as much.
const FORWARDED_MS: i32 = 4 * FORWARDING_TIMEOUT_MS as i32;

/// What an answer may wait for, before the time that the request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Nothing,
    /// The commit of what the active controller writes.
    Commit,
    /// The end of the broker's start (`SocketServer.enableRequestProcessing`).
    Startup,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    rpc: Rpc,
    name: &'static str,
    wait: Wait,
    /// Since when it waits for no more than its time.
    at_ns: u64,
    /// The time that the request says.
    lasts_ns: u64,
    /// What it says, if it is forwarded.
    content: Option<u64>,
    /// A controller has answered it, or one that says the same.
    is_answered: bool,
}

#[derive(Clone, Copy, Debug)]
struct Envelope {
    correlation_id: i32,
    sent_ns: u64,
    /// The request inside.
    of: Rpc,
}

#[derive(Clone, Debug)]
struct Watched {
    open: Vec<Open>,
    /// The Envelope in flight: there is one at a time (`NodeToControllerRequestThread`).
    envelope: Option<Envelope>,
    /// None of them is due before.
    due_ns: u64,
    /// Its state machine claims that it leads.
    leads: bool,
    /// It is a broker that has started: it has answered a client or a follower.
    serves: bool,
    calm: Calm,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Answered {
    watched: Vec<Watched>,
    /// `controller.quorum.request.timeout.ms` of each server.
    quorum_request_timeout_ms: Vec<i32>,
    slowest_ppm: u32,
}

impl Check for Answered {
    const EVENTS: Kinds = Kinds::RAFT_INPUT
        .and(Kinds::OTHER_INPUT)
        .and(Kinds::DATA)
        .and(Kinds::REQUEST_RECEIVED)
        .and(Kinds::REQUEST_SENT)
        .and(Kinds::RESPONSE_RECEIVED)
        .and(Kinds::RESPONSE_SENT)
        .and(Kinds::RESPONSE_UNHEARD)
        .and(Kinds::HUNG_UP)
        .and(Kinds::OBSERVED)
        .and(Kinds::DOWN)
        .and(Kinds::DISTURBED);

    fn new(config: &CheckConfig) -> Answered {
        let calm = Calm::new(config.slowest_ppm);
        let watched = Watched { open: Vec::new(), envelope: None, due_ns: u64::MAX, leads: false, serves: false, calm };
        let timeouts = config.timings.iter().map(|timings| timings.request_timeout_ms as i32);
        Answered {
            watched: vec![watched; config.servers.len()],
            quorum_request_timeout_ms: timeouts.collect(),
            slowest_ppm: config.slowest_ppm,
        }
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let Crossing { at_ns, server, event } = *crossing;
        match event {
            Event::Input { .. } if self.watched[server].due_ns < at_ns => {
                self.judge(at_ns, server, models, verdict);
            }
            Event::RequestReceived { rpc, request } => self.received(at_ns, server, rpc, request),
            Event::RequestSent { rpc, request: Request::Envelope(request) } => {
                let content = Request::Admin(request.clone()).content_hash(0);
                let watched = &mut self.watched[server];
                let forwarded = watched.open.iter().find(|open| open.content == Some(content) && !open.is_answered);
                watched.envelope =
                    forwarded.map(|open| Envelope { correlation_id: rpc.correlation_id, sent_ns: at_ns, of: open.rpc });
            }
            // After NOT_CONTROLLER it is sent to the next one, and after a timeout: a process that was paused may take an
            // answer for which it has waited too long.
            Event::ResponseReceived { correlation_id, response: Response::Envelope(answer), .. }
                if answer.error != ErrorCode::NotController =>
            {
                let watched = &mut self.watched[server];
                let answered = watched.envelope.take_if(|envelope| envelope.correlation_id == correlation_id);
                let in_time = answered.filter(|envelope| watched.calm.lasts_since(envelope.sent_ns));
                let open = in_time.and_then(|in_time| watched.open.iter_mut().find(|open| open.rpc == in_time.of));
                if let Some(open) = open {
                    (open.at_ns, open.lasts_ns, open.is_answered) = (at_ns, 0, true);
                    watched.due_ns = watched.due_ns.min(at_ns + SLACK_NS);
                }
            }
            Event::ResponseSent { rpc, response, .. } => {
                if matches!(response, Response::Data(_)) && !self.watched[server].serves {
                    self.watched[server].serves = true;
                    self.watched[server].restart(at_ns, |open| open.wait == Wait::Startup);
                }
                self.watched[server].answers(rpc);
            }
            Event::ResponseUnheard { rpc, .. } => self.watched[server].answers(rpc),
            Event::HungUp { connection } => self.watched[server].open.retain(|open| open.rpc.connection != connection),
            Event::Observed { observation } => self.observed(at_ns, server, observation, models),
            Event::Down { .. } => {
                let watched = &mut self.watched[server];
                (watched.leads, watched.serves, watched.due_ns) = (false, false, u64::MAX);
                watched.envelope = None;
                watched.open.clear();
            }
            Event::Disturbed { how } => self.watched[server].calm.disturbed(at_ns, how),
            _ => {}
        }
    }
}

impl Answered {
    fn received(&mut self, at_ns: u64, server: usize, rpc: Rpc, request: &Request) {
        let (name, wait, ms) = match request {
            // No answer is sent.
            Request::Data(DataRequest::Produce(request)) if request.acks == 0 => return,
            Request::Admin(_) => (request.name(), Wait::Startup, FORWARDED_MS),
            Request::Data(DataRequest::Produce(request)) => ("Produce", Wait::Startup, request.timeout_ms),
            Request::Data(DataRequest::Fetch(request)) => ("Fetch", Wait::Startup, request.max_wait_ms),
            Request::Data(request) => (request.name(), Wait::Startup, 0),
            Request::Fetch(request) => ("Fetch", Wait::Nothing, request.max_wait_ms),
            // The sender's own answer to ApiVersions, and the commit.
            Request::UpdateRaftVoter(_)
            | Request::AddRaftVoter(_)
            | Request::RemoveRaftVoter(_)
            | Request::Envelope(AdminRequest::AddRaftVoter(_) | AdminRequest::RemoveRaftVoter(_)) => {
                (request.name(), Wait::Nothing, self.quorum_request_timeout_ms[server])
            }
            Request::Cluster(_) | Request::Envelope(_) | Request::AppendRecords(_) | Request::ReadRecords(_) => {
                (request.name(), Wait::Commit, 0)
            }
            request => (request.name(), Wait::Nothing, 0),
        };
        let lasts_ns = longest_ns(ms.max(0) as u64, self.slowest_ppm);
        let watched = &mut self.watched[server];
        let wait = if wait == Wait::Startup && watched.serves { Wait::Nothing } else { wait };
        let content = matches!(request, Request::Admin(_)).then(|| request.content_hash(0));
        let open = Open { rpc, name, wait, at_ns, lasts_ns, content, is_answered: false };
        if let Some(due_ns) = watched.due_ns_of(&open) {
            watched.due_ns = watched.due_ns.min(due_ns);
        }
        watched.open.push(open);
    }

    fn observed(&mut self, at_ns: u64, server: usize, observation: Observation, models: &Models) {
        let watched = &mut self.watched[server];
        match observation {
            Observation::LeadershipAnnounced { .. } => watched.leads = true,
            Observation::LeadershipRenounced { .. } => {
                watched.leads = false;
                watched.restart(at_ns, |open| open.wait == Wait::Commit);
            }
            // All that it has written is committed, and with it all that it appended a while ago.
            Observation::HighWatermark { offset, leading: true, .. }
                if watched.leads && offset >= models.servers[server].log.end(&models.ledger) =>
            {
                let calm = watched.calm;
                watched.restart(at_ns, |open| {
                    open.wait == Wait::Commit && open.at_ns + SLACK_NS < at_ns && calm.lasts_since(open.at_ns)
                });
            }
            _ => {}
        }
    }

    fn judge(&mut self, at_ns: u64, server: usize, models: &Models, verdict: &mut Verdict) {
        let watched = &mut self.watched[server];
        let Some(calm_ns) = watched.calm.since_ns() else { return };
        let id = models.servers[server].id;
        for open in &mut watched.open {
            // Whatever disturbs it, it takes no longer from then on.
            open.at_ns = open.at_ns.max(calm_ns);
        }
        let overdue = |open: &&Open| watched.due_ns_of(open).is_some_and(|due_ns| due_ns < at_ns);
        if let Some(open) = watched.open.iter().find(overdue) {
            verdict.fail(&RequestAnswered::CLAIM, || {
                let waited_ms = (at_ns - open.at_ns) / 1_000_000;
                format!("node {id} has not answered {} for {waited_ms} ms, and nothing keeps it from it", open.name)
            });
        }
        watched.due_ns = watched.open.iter().filter_map(|open| watched.due_ns_of(open)).min().unwrap_or(u64::MAX);
    }
}

impl Watched {
    fn due_ns_of(&self, open: &Open) -> Option<u64> {
        let waits = match open.wait {
            Wait::Nothing => false,
            Wait::Commit => self.leads,
            Wait::Startup => true,
        };
        (!waits).then_some(open.at_ns + open.lasts_ns + SLACK_NS)
    }

    /// The process answers a request. Of several that say the same it knows which one a controller has answered: requests
    /// are reversed when a connection is lost (`InterBrokerSendThread.checkDisconnects`).
    fn answers(&mut self, rpc: Rpc) {
        let Some(place) = self.open.iter().position(|open| open.rpc == rpc) else { return };
        let answered = self.open.remove(place);
        let says_the_same = |open: &&mut Open| open.content == answered.content && open.is_answered;
        if answered.content.is_some()
            && !answered.is_answered
            && let Some(other) = self.open.iter_mut().find(says_the_same)
        {
            *other = Open { rpc: other.rpc, ..answered };
        }
    }

    /// Some wait for no more than their time from now on.
    fn restart(&mut self, at_ns: u64, which: impl Fn(&Open) -> bool) {
        for open in self.open.iter_mut().filter(|open| which(open)) {
            (open.at_ns, open.wait) = (at_ns, Wait::Nothing);
            self.due_ns = self.due_ns.min(at_ns + open.lasts_ns + SLACK_NS);
        }
    }
}

#[cfg(test)]
mod tests;
