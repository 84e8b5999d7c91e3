//! A channel to the active controller: Kafka's NodeToControllerChannelManager (controller-broker.md §5.7). One request
//! is outstanding; after a lost connection or NOT_CONTROLLER it returns to the front of the queue and the controller is
//! looked up again. Times are wall-clock ms (§11.1).

use std::collections::VecDeque;

use super::link::{BrokerLink, LinkLimits, LinkStatus, wall_deadline_ns};
use crate::ids::NodeId;
use crate::io::{Listener, ConnectToken, Connection};
use crate::message::{ClusterResponse, ErrorCode, Request, Response};
use crate::step::Step;

/// `reconnect.backoff.ms` of the channel's client; constant.
const RECONNECT_BACKOFF_MS: i64 = 50;
/// Interval at which an unknown controller is looked up again.
const REDISCOVERY_MS: i64 = 100;
/// `socket.connection.setup.timeout.ms`
const CONNECTION_SETUP_TIMEOUT_MS: i64 = 10_000;

/// Identifies the request that an outcome belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// The result of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelOutcome {
    /// As returned by [`ControllerChannel::send`].
    pub ticket: Ticket,
    /// The controller's response; `None` if the retry timeout passed before the request could be sent.
    pub response: Option<Response>,
}

/// Requests for the active controller.
#[derive(Clone, Debug)]
pub struct ControllerChannel {
    link: BrokerLink,
    retry_timeout_ms: i64,
    queue: VecDeque<Queued>,
    outstanding: Option<Queued>,
    target: Option<NodeId>,
    tickets: u64,
    /// When to look up the controller again: none is known, or a reconnect backs off.
    look_again_ms: Option<i64>,
}

#[derive(Clone, Debug)]
struct Queued {
    ticket: Ticket,
    request: Request,
    created_ms: i64,
}

impl ControllerChannel {
    /// `slot` identifies its link within its thread (below [`super::fetcher::FIRST_FETCHER_SLOT`]). A request times out
    /// `retry_timeout_ms` after it was queued (`i64::MAX`: never), unless it is in flight then; a network timeout
    /// counts as a disconnect.
    pub fn new(slot: u32, controller_socket_timeout_ms: i64, retry_timeout_ms: i64) -> ControllerChannel {
        let limits = LinkLimits {
            request_timeout_ms: controller_socket_timeout_ms.min(retry_timeout_ms),
            connection_setup_timeout_ms: CONNECTION_SETUP_TIMEOUT_MS,
            reconnect_backoff_ms: RECONNECT_BACKOFF_MS,
        };
        ControllerChannel {
            link: BrokerLink::new(slot, Listener::Controllers, limits),
            retry_timeout_ms,
            queue: VecDeque::new(),
            outstanding: None,
            target: None,
            tickets: 0,
            look_again_ms: None,
        }
    }

    /// Queues a request; [`ControllerChannel::poll`] sends it.
    pub fn send(&mut self, request: Request, step: &Step<'_>) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.queue.push_back(Queued { ticket, request, created_ms: step.now.wall_ms });
        ticket
    }

    /// Sends the next request if possible and times out old ones. `leader` is the controller that the local raft client
    /// knows now. Must be called after every input and at the deadline.
    pub fn poll(&mut self, leader: Option<NodeId>, step: &mut Step<'_>) -> Vec<ChannelOutcome> {
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
                outcomes.push(ChannelOutcome { ticket: queued.ticket, response: None });
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
            // The controller may have moved to another node in the meantime.
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

    /// The connection is closed; the request in flight returns to the front of the queue.
    pub fn on_closed(&mut self, token: ConnectToken, step: &Step<'_>) {
        if self.link.on_closed(token, step) {
            self.forget_target();
        }
    }

    /// Returns the response, unless it carries NOT_CONTROLLER: then the whole request is sent again to the next
    /// controller, even if only one of its entries was refused (§5.7).
    pub fn on_response(
        &mut self,
        token: ConnectToken,
        correlation_id: i32,
        response: Response,
        step: &mut Step<'_>,
    ) -> Option<ChannelOutcome> {
        if !self.link.on_response(token, correlation_id) {
            return None;
        }
        if mentions_not_controller(&response) {
            self.link.disconnect(step);
            self.forget_target();
            return None;
        }
        let Queued { ticket, .. } = self.outstanding.take()?;
        Some(ChannelOutcome { ticket, response: Some(response) })
    }

    /// Closes the connection and drops every request.
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

/// Whether any error in the response is NOT_CONTROLLER.
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
