//! A channel to the active controller: Kafka's NodeToControllerChannelManager (controller-broker.md
//! §5.7). One request outstanding; a lost connection or NOT_CONTROLLER puts it back at the front
//! and looks for the controller again. Its times are wall-clock ms (§11.1).

use std::collections::VecDeque;

use super::link::{Link, LinkLimits, LinkStatus, wall_deadline_ns};
use crate::ids::NodeId;
use crate::io::{ConnectToken, Connection};
use crate::message::{ClusterResponse, ErrorCode, Request, Response};
use crate::step::Step;

/// `reconnect.backoff.ms` of the channel's client; it does not grow.
const RECONNECT_BACKOFF_MS: i64 = 50;
/// How often an unknown controller is looked for again.
const REDISCOVERY_MS: i64 = 100;
/// `socket.connection.setup.timeout.ms`
const CONNECTION_SETUP_TIMEOUT_MS: i64 = 10_000;

/// Says which request an outcome belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// As given when it was handed over.
    pub ticket: Ticket,
    /// The controller's answer; `None` if the retry timeout passed before it could be sent.
    pub response: Option<Response>,
}

/// Requests for the active controller, whoever that is.
#[derive(Clone, Debug)]
pub struct ControllerChannel {
    link: Link,
    retry_timeout_ms: i64,
    queue: VecDeque<Queued>,
    outstanding: Option<Queued>,
    target: Option<NodeId>,
    tickets: u64,
    /// When to look again: no controller is known, or a reconnect backs off.
    look_again_ms: Option<i64>,
}

#[derive(Clone, Debug)]
struct Queued {
    ticket: Ticket,
    request: Request,
    created_ms: i64,
}

impl ControllerChannel {
    /// `slot` names its link within its thread (below [`super::fetcher::FIRST_FETCHER_SLOT`]). A
    /// request is given up `retry_timeout_ms` after it was handed over (`i64::MAX`: never), unless
    /// it is in flight then; a network timeout counts as a disconnect.
    pub fn new(slot: u32, controller_socket_timeout_ms: i64, retry_timeout_ms: i64) -> ControllerChannel {
        let limits = LinkLimits {
            request_timeout_ms: controller_socket_timeout_ms.min(retry_timeout_ms),
            connection_setup_timeout_ms: CONNECTION_SETUP_TIMEOUT_MS,
            reconnect_backoff_ms: RECONNECT_BACKOFF_MS,
        };
        ControllerChannel {
            link: Link::new(slot, limits),
            retry_timeout_ms,
            queue: VecDeque::new(),
            outstanding: None,
            target: None,
            tickets: 0,
            look_again_ms: None,
        }
    }

    /// Takes a request over; [`ControllerChannel::poll`] sends it.
    pub fn send(&mut self, request: Request, step: &Step<'_>) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.queue.push_back(Queued { ticket, request, created_ms: step.now.wall_ms });
        ticket
    }

    /// Sends what can be sent and gives up what is too old. `leader` is the controller as the local
    /// raft client knows it now. To be called after every input and at the deadline.
    pub fn poll(&mut self, leader: Option<NodeId>, step: &mut Step<'_>) -> Vec<Outcome> {
        if self.link.poll(step) {
            self.forget_target();
        }
        let mut outcomes = Vec::new();
        if self.outstanding.is_some() {
            return outcomes;
        }
        let (now_ms, retry_timeout_ms) = (step.now.wall_ms, self.retry_timeout_ms);
        self.queue.retain(|queued| {
            let in_time = now_ms.saturating_sub(queued.created_ms) < retry_timeout_ms;
            if !in_time {
                outcomes.push(Outcome { ticket: queued.ticket, response: None });
            }
            in_time
        });
        self.look_again_ms = None;
        if self.queue.is_empty() {
            return outcomes;
        }
        self.target = self.target.or(leader);
        let Some(target) = self.target else {
            self.look_again_ms = Some(now_ms.saturating_add(REDISCOVERY_MS));
            return outcomes;
        };
        match self.link.reach(target, step) {
            LinkStatus::Busy => {}
            // Meanwhile the controller may be found elsewhere.
            LinkStatus::BackingOff { until_ms } => {
                self.target = None;
                self.look_again_ms = Some(until_ms);
            }
            LinkStatus::Ready => {
                if let Some(queued) = self.queue.pop_front()
                    && self.link.send(queued.request.clone(), step).is_ok()
                {
                    self.outstanding = Some(queued);
                }
            }
        }
        outcomes
    }

    /// When [`ControllerChannel::poll`] must run next, by the monotonic clock.
    pub fn next_deadline_ns(&self, step: &Step<'_>) -> Option<u64> {
        let waiting = self.queue.iter().filter(|_| self.outstanding.is_none());
        let oldest_ms = waiting.map(|queued| queued.created_ms.saturating_add(self.retry_timeout_ms)).min();
        let deadlines = [self.link.deadline_ms(), self.look_again_ms, oldest_ms];
        deadlines.into_iter().flatten().min().map(|at_ms| wall_deadline_ns(at_ms, step))
    }

    /// A connect succeeded; `poll` sends.
    pub fn on_opened(&mut self, token: ConnectToken, connection: Connection) {
        self.link.on_opened(token, connection);
    }

    /// The connection is gone; the request in flight goes back to the front.
    pub fn on_closed(&mut self, token: ConnectToken, step: &Step<'_>) {
        if self.link.on_closed(token, step) {
            self.forget_target();
        }
    }

    /// The answer, unless its sender is no controller any more: then the whole request is sent again
    /// to the next one, even if only one entry of it was refused (§5.7).
    pub fn on_response(
        &mut self,
        token: ConnectToken,
        correlation_id: i32,
        response: Response,
        step: &mut Step<'_>,
    ) -> Option<Outcome> {
        if !self.link.on_response(token, correlation_id) {
            return None;
        }
        if mentions_not_controller(&response) {
            self.link.disconnect(step);
            self.forget_target();
            return None;
        }
        let Queued { ticket, .. } = self.outstanding.take()?;
        Some(Outcome { ticket, response: Some(response) })
    }

    /// Closes the connection and forgets every request.
    pub fn shut_down(&mut self, step: &mut Step<'_>) {
        self.link.close(step);
        self.queue.clear();
        self.outstanding = None;
        self.look_again_ms = None;
    }

    fn forget_target(&mut self) {
        self.target = None;
        if let Some(queued) = self.outstanding.take() {
            self.queue.push_front(queued);
        }
    }
}

/// NOT_CONTROLLER anywhere in the answer's error counts.
fn mentions_not_controller(response: &Response) -> bool {
    let codes: &[ErrorCode] = match response {
        Response::Envelope(envelope) => &[envelope.error],
        Response::Cluster(ClusterResponse::AlterPartition(response)) => {
            let of_partitions = response.partitions.iter().any(|it| it.error == ErrorCode::NotController);
            return of_partitions || response.error == ErrorCode::NotController;
        }
        Response::Cluster(ClusterResponse::BrokerRegistration(response)) => &[response.error],
        Response::Cluster(ClusterResponse::BrokerHeartbeat(response)) => &[response.error],
        Response::Cluster(ClusterResponse::AllocateProducerIds(response)) => &[response.error],
        Response::Cluster(ClusterResponse::ControllerRegistration(response)) => &[response.error],
        _ => &[],
    };
    codes.contains(&ErrorCode::NotController)
}
