//! A channel to the active controller: Kafka's NodeToControllerRequestThread, an InterBrokerSendThread
//! (controller-broker.md §5.7). One request is in flight. After a lost connection or NOT_CONTROLLER each request returns
//! to the front of the queue, and the controller is looked up again. Times are wall-clock ms (§11.1).
//!
//! The thread is blocked in `NetworkClient.poll` until one of its own connections or a new request wakes it, or its wait
//! ends: [`ControllerChannel::poll`] first does what follows that call in `pollOnce`, then what precedes the next one.
//!
//! There is one connection: that to an earlier controller ends when the next one is connected to.

use std::collections::VecDeque;

use super::link::{BrokerLink, LinkLimits};
use crate::ids::NodeId;
use crate::io::{ConnectToken, Connection, Listener};
use crate::message::{ClusterResponse, ErrorCode, Request, Response};
use crate::step::Step;

const NS_PER_MS: u64 = 1_000_000;
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
    request_timeout_ms: i64,
    retry_timeout_ms: i64,
    /// Kafka's `requestQueue`.
    queue: VecDeque<Queued>,
    /// Kafka's `unsentRequests`: taken from the queue for the target, with the time of that.
    unsent: VecDeque<(Queued, i64)>,
    outstanding: Option<Queued>,
    /// Kafka's `activeController`. It is not forgotten when a connection ends on which nothing is requested.
    target: Option<NodeId>,
    tickets: u64,
    is_woken: bool,
    blocked_until_ns: u64,
}

#[derive(Clone, Debug)]
struct Queued {
    ticket: Ticket,
    request: Request,
    created_ms: i64,
}

impl ControllerChannel {
    /// `slot` identifies its link within its thread (below [`super::fetcher::FIRST_FETCHER_SLOT`]). A request times out
    /// `retry_timeout_ms` after it was queued (`i64::MAX`: never), unless it was taken from the queue before; a network
    /// timeout counts as a disconnect.
    pub fn new(slot: u32, controller_socket_timeout_ms: i64, retry_timeout_ms: i64) -> ControllerChannel {
        let request_timeout_ms = controller_socket_timeout_ms.min(retry_timeout_ms);
        let limits = LinkLimits {
            request_timeout_ms,
            connection_setup_timeout_ms: CONNECTION_SETUP_TIMEOUT_MS,
            reconnect_backoff_ms: RECONNECT_BACKOFF_MS,
        };
        ControllerChannel {
            link: BrokerLink::new(slot, Listener::Controllers, limits, true),
            request_timeout_ms,
            retry_timeout_ms,
            queue: VecDeque::new(),
            unsent: VecDeque::new(),
            outstanding: None,
            target: None,
            tickets: 0,
            is_woken: false,
            blocked_until_ns: 0,
        }
    }

    /// Queues a request; [`ControllerChannel::poll`] sends it. While no controller is known, the thread is not woken.
    pub fn send(&mut self, request: Request, step: &Step<'_>) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.queue.push_back(Queued { ticket, request, created_ms: step.now.wall_ms });
        self.is_woken |= self.target.is_some();
        ticket
    }

    /// Runs the thread if it is not blocked. `leader` is the controller that the local raft client knows now. Must be
    /// called after every input and at the deadline.
    pub fn poll(&mut self, leader: Option<NodeId>, step: &mut Step<'_>) -> Vec<ChannelOutcome> {
        let is_due = step.now.mono_ns >= self.blocked_until_ns;
        if !std::mem::take(&mut self.is_woken) && !is_due {
            return Vec::new();
        }
        if self.link.poll(step) {
            self.take_back_outstanding();
        }
        self.check_disconnects();
        self.fail_expired_request(step.now.wall_ms);
        self.target = self.target.or(leader);
        let outcomes = self.generate_request(step.now.wall_ms);
        let wait_ms = match self.target {
            Some(target) => self.send_requests(target, step),
            None => REDISCOVERY_MS,
        };
        // `NetworkClient.poll` waits for its default request timeout at most. The limits that are checked afterwards are
        // exclusive, and a wait takes a little longer than requested.
        let wait_ms = wait_ms.min(self.request_timeout_ms.saturating_add(1));
        let wait_ns = u64::try_from(wait_ms).unwrap_or(0).saturating_mul(NS_PER_MS);
        self.blocked_until_ns = step.now.mono_ns.saturating_add(wait_ns);
        outcomes
    }

    /// `InterBrokerSendThread.checkDisconnects`: in the order of the requests, so that they are reversed in the queue.
    fn check_disconnects(&mut self) {
        if self.link.has_failed() {
            for (queued, _) in std::mem::take(&mut self.unsent) {
                self.take_back(queued);
            }
        }
    }

    /// `InterBrokerSendThread.failExpiredRequests`: a request that could not be sent ends like one that was lost with its
    /// connection. At most one of a node each time (`UnsentRequests.removeAllTimedOut`).
    fn fail_expired_request(&mut self, now_ms: i64) {
        let timeout_ms = self.request_timeout_ms;
        let expired = self.unsent.iter().position(|(_, taken_ms)| now_ms.saturating_sub(*taken_ms) > timeout_ms);
        if let Some((queued, _)) = expired.and_then(|index| self.unsent.remove(index)) {
            self.take_back(queued);
        }
    }

    /// `NodeToControllerRequestThread.generateRequests`: times out old requests up to the first that can be taken.
    fn generate_request(&mut self, now_ms: i64) -> Vec<ChannelOutcome> {
        let mut outcomes = Vec::new();
        let mut index = 0;
        while let Some(queued) = self.queue.get(index) {
            if now_ms.saturating_sub(queued.created_ms) >= self.retry_timeout_ms {
                outcomes.push(ChannelOutcome { ticket: queued.ticket, response: None });
                self.queue.remove(index);
            } else if self.target.is_some() {
                self.unsent.extend(self.queue.remove(index).map(|queued| (queued, now_ms)));
                break;
            } else {
                index += 1;
            }
        }
        outcomes
    }

    /// `InterBrokerSendThread.sendRequests`. Returns how long to wait if no event occurs, ms.
    fn send_requests(&mut self, target: NodeId, step: &mut Step<'_>) -> i64 {
        while let Some((queued, _)) = self.unsent.front() {
            if !self.link.reach(target, step) || self.link.send(queued.request.clone(), step).is_err() {
                return self.link.connection_delay_ms(step);
            }
            self.outstanding = self.unsent.pop_front().map(|(queued, _)| queued);
        }
        i64::MAX
    }

    /// When [`ControllerChannel::poll`] must run next, by the monotonic clock; `None` while it could do nothing.
    pub fn next_deadline_ns(&self, step: &Step<'_>) -> Option<u64> {
        let is_idle = self.unsent.is_empty() && self.link.deadline_ms().is_none();
        match self.target {
            _ if self.is_woken => Some(step.now.mono_ns),
            Some(_) if is_idle => None,
            Some(_) | None => Some(self.blocked_until_ns),
        }
    }

    /// A connect succeeded; `poll` sends when the controller has answered ApiVersions.
    pub fn on_opened(&mut self, token: ConnectToken, connection: Connection, step: &mut Step<'_>) {
        self.is_woken |= self.link.on_opened(token, connection, step);
    }

    /// The connection is closed; the request in flight returns to the front of the queue.
    pub fn on_closed(&mut self, token: ConnectToken, step: &Step<'_>) {
        if self.link.on_closed(token, step) {
            self.is_woken = true;
            self.take_back_outstanding();
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
        if response == Response::DiscoverVersions {
            self.is_woken |= self.link.on_versions(token, correlation_id);
            return None;
        }
        if !self.link.on_response(token, correlation_id) {
            return None;
        }
        self.is_woken = true;
        if mentions_not_controller(&response) {
            self.link.disconnect(step);
            self.take_back_outstanding();
            return None;
        }
        let Queued { ticket, .. } = self.outstanding.take()?;
        Some(ChannelOutcome { ticket, response: Some(response) })
    }

    /// Closes the connection and drops every request.
    pub fn shut_down(&mut self, step: &mut Step<'_>) {
        self.link.close(step);
        self.queue.clear();
        self.unsent.clear();
        self.outstanding = None;
        self.is_woken = false;
    }

    fn take_back_outstanding(&mut self) {
        if let Some(queued) = self.outstanding.take() {
            self.take_back(queued);
        }
    }

    /// `NodeToControllerRequestThread.handleResponse` of a response that tells of a disconnect.
    fn take_back(&mut self, queued: Queued) {
        self.target = None;
        self.queue.push_front(queued);
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
