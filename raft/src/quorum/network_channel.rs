//! Kafka's network layer below raft: `KafkaNetworkChannel`, `InterBrokerSendThread` and `NetworkClient` as one sans-IO
//! state machine (consensus.md §2.4).
//!
//! Each destination has one connection with one request in flight; the first on it is ApiVersions, which raft does not see
//! (`KafkaRaftManager.buildNetworkClient`: `discoverBrokerVersions`). Requests that are sent while it connects or is busy
//! wait in a queue: raft may have dropped the request in flight, the connection has not. A request for a node in reconnect
//! backoff fails, but not before the thread is awake again: by an event, or at the end of the backoff. Every request is
//! completed exactly once as an [`Inbound`]: answered, disconnected or timed out. Ages are wall-clock ms, as Kafka's
//! `Time.milliseconds()`, and the limits below raft are exclusive: a request fails when *more* than the timeout has
//! passed.
//!
//! The thread looks at them only when it is awake: after a request was handed to it, after an event of a connection, and
//! when it has waited as long as its timeout for requests (`NetworkClient.poll`). Raft, whose limit is inclusive and whose
//! clock started with the same request, hands it the next request at a time when the last one is not yet too old: if that
//! is for the same silent node, both end a whole timeout later.

use std::collections::VecDeque;
use std::rc::Rc;

use super::request_manager::bootstrap_server_id;
use crate::backoff::ExponentialBackoff;
use crate::config::{BootstrapServer, ControllerConfig};
use crate::connection_failures::{ConnectionFailures, ConnectionLimits};
use crate::ids::NodeId;
use crate::io::{CloseReason, ConnectToken, Connection, Effect, Entropy, Listener, Now, Out};
use crate::message::{DiscoverVersions, Endpoint, MeantFor, Request, Response};

/// Not configurable for raft; Kafka sets both in `KafkaRaftManager`.
const RECONNECT_BACKOFF: ExponentialBackoff = ExponentialBackoff { initial_ms: 50, max_ms: 500 };

/// Correlation id of the ApiVersions of each connection; raft's own begin at 0.
const VERSIONS_ID: i32 = -1;

const NS_PER_MS: u64 = 1_000_000;

/// Low bits of a [`ConnectToken`] that hold the destination's index.
const INDEX_BITS: u32 = 8;

/// Why a request got no response; raft treats both as the error BROKER_NOT_AVAILABLE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportError {
    /// The connection was lost, could not be made, or was in reconnect backoff.
    Disconnected,
    /// There was no response, or the request was not sent, within `controller.quorum.request.timeout.ms`.
    TimedOut,
}

/// The API of a lost request, as far as the answer that Kafka gives itself to it is not the same for all
/// (`RaftUtil.errorResponse`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LostApi {
    UpdateRaftVoter,
    ApiVersions,
    /// The error is at the top level.
    Other,
}

impl LostApi {
    fn of(request: &Request) -> LostApi {
        match request {
            Request::UpdateRaftVoter(_) => LostApi::UpdateRaftVoter,
            Request::ApiVersions(_) => LostApi::ApiVersions,
            _ => LostApi::Other,
        }
    }
}

/// Whom a request is for, and by which port the sender knows it (Kafka's `Node`). A connection that is open serves also
/// requests for another port of the same node: `NetworkClient` goes by the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    pub id: NodeId,
    pub port: Option<u16>,
}

impl Destination {
    pub fn at(id: NodeId, endpoint: Option<&Endpoint>) -> Destination {
        Destination { id, port: endpoint.map(|endpoint| endpoint.port) }
    }
}

/// A request without a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    pub api: LostApi,
    pub error: TransportError,
}

/// A completed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbound {
    /// The destination of the request.
    pub from: NodeId,
    pub correlation_id: i32,
    /// The response, or why there is none.
    pub result: Result<Response, Lost>,
}

/// All outgoing connections of one replica.
#[derive(Clone, Debug)]
pub struct NetworkChannel {
    request_timeout_ms: i64,
    limits: ConnectionLimits,
    /// The nodes behind [`bootstrap_server_id`](super::request_manager::bootstrap_server_id)s.
    bootstrap_servers: Rc<[BootstrapServer]>,
    destinations: Vec<Peer>,
    /// Requests that the thread has not taken over yet, with the index of their destination; oldest first.
    queue: Vec<(usize, Unsent)>,
    /// Something occurred since the thread began to wait.
    is_woken: bool,
    /// The end of its wait, by the monotonic clock, if nothing occurs.
    blocked_until_ns: u64,
    /// Number of connect attempts; makes each token unique.
    attempts: u32,
    inbound: VecDeque<Inbound>,
}

#[derive(Clone, Debug)]
struct Peer {
    to: NodeId,
    link: PeerConnection,
    /// Queued requests; oldest first.
    unsent: VecDeque<Unsent>,
    failures: ConnectionFailures,
}

#[derive(Clone, Debug)]
struct Unsent {
    port: Option<u16>,
    correlation_id: i32,
    request: Request,
    created_ms: i64,
}

#[derive(Clone, Copy, Debug)]
enum PeerConnection {
    Disconnected { retry_at_ms: i64 },
    Connecting { token: ConnectToken, since_ms: i64, timeout_ms: i64 },
    CheckingApiVersions { token: ConnectToken, connection: Connection, sent_ms: i64 },
    Ready { token: ConnectToken, connection: Connection, in_flight: Option<InFlight> },
}

#[derive(Clone, Copy, Debug)]
struct InFlight {
    correlation_id: i32,
    api: LostApi,
    sent_ms: i64,
}

impl NetworkChannel {
    /// A channel without connections.
    pub fn new(config: &ControllerConfig) -> NetworkChannel {
        NetworkChannel {
            request_timeout_ms: i64::from(config.request_timeout_ms),
            limits: ConnectionLimits {
                reconnect_backoff: RECONNECT_BACKOFF,
                setup_timeout: ExponentialBackoff {
                    initial_ms: config.connection_setup_timeout_ms,
                    max_ms: config.connection_setup_timeout_max_ms,
                },
            },
            bootstrap_servers: Rc::clone(&config.bootstrap_servers),
            destinations: Vec::new(),
            queue: Vec::new(),
            is_woken: false,
            blocked_until_ns: 0,
            attempts: 0,
            inbound: VecDeque::new(),
        }
    }

    /// Hands a request to the thread, which the next [`poll`](Self::poll) runs.
    pub fn send(&mut self, now_ms: i64, to: Destination, correlation_id: i32, request: Request) {
        let index = self.index_of(to.id);
        self.is_woken = true;
        self.queue.push((index, Unsent { port: to.port, correlation_id, request, created_ms: now_ms }));
    }

    /// The connect behind `token` succeeded. Stale tokens are ignored, here and below: the event may have been in
    /// flight when the attempt was given up.
    pub fn on_opened(&mut self, now_ms: i64, token: ConnectToken, connection: Connection, out: &mut Out) {
        let Some(index) = self.index_of_token(token) else { return };
        self.is_woken = true;
        let destination = &mut self.destinations[index];
        if matches!(destination.link, PeerConnection::Connecting { .. }) {
            destination.link = PeerConnection::CheckingApiVersions { token, connection, sent_ms: now_ms };
            destination.failures.on_checking();
            let meant_for = MeantFor::node(destination.to);
            let request = Request::DiscoverVersions(DiscoverVersions { listener: Listener::Controllers, meant_for });
            out.push(Effect::SendRequest { connection, correlation_id: VERSIONS_ID, request });
        }
    }

    /// The connection, or the attempt, has ended, and so have all requests to that destination. Kafka's backoff does
    /// not depend on the reason.
    pub fn on_closed(&mut self, now: Now, token: ConnectToken, reason: CloseReason, entropy: &mut dyn Entropy) {
        let Some(index) = self.index_of_token(token) else { return };
        let backoff_ms = self.disconnect(index, now.wall_ms, TransportError::Disconnected, entropy);
        if reason == CloseReason::Unresolved {
            // Nothing was sent, and no event follows: the thread waits for the backoff (`connectionDelay`).
            self.blocked_until_ns = self.blocked_until_ns.min(after_ms(now, backoff_ms));
        } else {
            self.is_woken = true;
        }
    }

    /// A response. The next queued request is sent by the next [`poll`](Self::poll), as in the next iteration of Kafka's
    /// send thread; responses to no request in flight (a datagram delivered twice) are ignored.
    pub fn on_response(&mut self, token: ConnectToken, correlation_id: i32, response: Response) {
        let Some(index) = self.index_of_token(token) else { return };
        self.is_woken = true;
        let destination = &mut self.destinations[index];
        if let PeerConnection::CheckingApiVersions { token, connection, .. } = destination.link
            && correlation_id == VERSIONS_ID
        {
            destination.link = PeerConnection::Ready { token, connection, in_flight: None };
            return destination.failures.on_ready();
        }
        let PeerConnection::Ready { in_flight, .. } = &mut destination.link else { return };
        if in_flight.is_some_and(|request| request.correlation_id == correlation_id) {
            *in_flight = None;
            let from = destination.to;
            self.inbound.push_back(Inbound { from, correlation_id, result: Ok(response) });
        }
    }

    /// Runs the thread if it is awake (`InterBrokerSendThread.pollOnce`, from where its wait ends): once, and once more
    /// for each time that it has sent something, since a completed write ends the next wait. Kafka's thread takes an answer
    /// when it arrives; here answers may have to wait for another input, or for the disk. So it looks at ages only if
    /// nothing may be waiting, and otherwise when the timer fires, which is behind all that waits.
    pub fn poll(&mut self, now: Now, may_wait: bool, entropy: &mut dyn Entropy, out: &mut Out) {
        if !std::mem::take(&mut self.is_woken) && now.mono_ns < self.blocked_until_ns {
            return;
        }
        let mut has_expired = self.has_expired(now.wall_ms);
        let defers = may_wait && has_expired;
        let wait_ms = loop {
            if has_expired && !defers {
                self.end_timed_out_connections(now.wall_ms, entropy, out);
            }
            self.check_disconnects();
            if has_expired && !defers {
                self.fail_expired_requests(now.wall_ms);
            }
            for (index, unsent) in self.queue.drain(..) {
                has_expired |= now.wall_ms > unsent.created_ms.saturating_add(self.request_timeout_ms);
                self.destinations[index].unsent.push_back(unsent);
            }
            let (has_sent, wait_ms) = self.send_requests(now.wall_ms, entropy, out);
            if !has_sent {
                break wait_ms;
            }
        };
        if defers {
            self.blocked_until_ns = now.mono_ns;
            return;
        }
        // A wait takes a little longer than requested, and the limits of ages are exclusive.
        self.blocked_until_ns = after_ms(now, wait_ms.min(self.request_timeout_ms.saturating_add(1)));
    }

    /// Whether a connection or a request is older than it may be.
    fn has_expired(&self, now_ms: i64) -> bool {
        self.destinations.iter().any(|destination| {
            let is_old = |unsent: &Unsent| self.is_too_old(unsent.created_ms, now_ms);
            self.timed_out(&destination.link, now_ms).is_some() || destination.unsent.iter().any(is_old)
        })
    }

    fn is_too_old(&self, since_ms: i64, now_ms: i64) -> bool {
        now_ms > since_ms.saturating_add(self.request_timeout_ms)
    }

    /// The error of a connection that has timed out.
    fn timed_out(&self, link: &PeerConnection, now_ms: i64) -> Option<(ConnectToken, TransportError)> {
        match *link {
            PeerConnection::CheckingApiVersions { token, sent_ms, .. }
            | PeerConnection::Ready { token, in_flight: Some(InFlight { sent_ms, .. }), .. } => {
                self.is_too_old(sent_ms, now_ms).then_some((token, TransportError::TimedOut))
            }
            PeerConnection::Connecting { token, since_ms, timeout_ms } => {
                let is_over = now_ms > since_ms.saturating_add(timeout_ms);
                is_over.then_some((token, TransportError::Disconnected))
            }
            PeerConnection::Disconnected { .. } | PeerConnection::Ready { in_flight: None, .. } => None,
        }
    }

    /// `NetworkClient.handleTimedOutConnections`, `handleTimedOutRequests`
    fn end_timed_out_connections(&mut self, now_ms: i64, entropy: &mut dyn Entropy, out: &mut Out) {
        for index in 0..self.destinations.len() {
            if let Some((token, error)) = self.timed_out(&self.destinations[index].link, now_ms) {
                out.push(Effect::Close { token });
                self.disconnect(index, now_ms, error, entropy);
            }
        }
    }

    /// `InterBrokerSendThread.checkDisconnects`
    fn check_disconnects(&mut self) {
        for Peer { to, link, unsent, .. } in &mut self.destinations {
            if matches!(link, PeerConnection::Disconnected { .. }) {
                self.inbound.extend(unsent.drain(..).map(|unsent| unsent.lost(*to, TransportError::Disconnected)));
            }
        }
    }

    /// `InterBrokerSendThread.failExpiredRequests`: at most one of a destination each time
    /// (`UnsentRequests.removeAllTimedOut`). The age counts from the call of `send`.
    fn fail_expired_requests(&mut self, now_ms: i64) {
        for Peer { to, unsent, .. } in &mut self.destinations {
            let timeout_ms = self.request_timeout_ms;
            let expired = unsent.iter().position(|it| now_ms > it.created_ms.saturating_add(timeout_ms));
            if let Some(request) = expired.and_then(|index| unsent.remove(index)) {
                self.inbound.push_back(request.lost(*to, TransportError::TimedOut));
            }
        }
    }

    /// `InterBrokerSendThread.sendRequests`. Returns whether it has sent something, and how long to wait if no event
    /// occurs, ms.
    fn send_requests(&mut self, now_ms: i64, entropy: &mut dyn Entropy, out: &mut Out) -> (bool, i64) {
        let (mut has_sent, mut wait_ms) = (false, i64::MAX);
        for index in 0..self.destinations.len() {
            if self.destinations[index].unsent.is_empty() {
                continue;
            }
            match self.destinations[index].link {
                PeerConnection::Disconnected { retry_at_ms } if now_ms < retry_at_ms => {
                    wait_ms = wait_ms.min(retry_at_ms.saturating_sub(now_ms));
                }
                PeerConnection::Disconnected { .. } => {
                    wait_ms = wait_ms.min(self.connect(index, now_ms, entropy, out));
                }
                // `ClusterConnectionStates.connectionDelay`: the whole timeout, whenever it began.
                PeerConnection::Connecting { timeout_ms, .. } => wait_ms = wait_ms.min(timeout_ms),
                PeerConnection::CheckingApiVersions { .. } => {}
                PeerConnection::Ready { .. } => has_sent |= self.send_next(index, now_ms, out),
            }
        }
        (has_sent, wait_ms)
    }

    /// The next completed request, oldest first.
    pub fn take_inbound(&mut self) -> Option<Inbound> {
        self.inbound.pop_front()
    }

    /// When [`poll`](Self::poll) must run next, by the monotonic clock; `None` while it could do nothing.
    pub fn next_deadline_ns(&self, now: Now) -> Option<u64> {
        match self.is_woken {
            true => Some(now.mono_ns),
            false if self.queue.is_empty() && self.destinations.iter().all(Peer::is_idle) => None,
            false => Some(self.blocked_until_ns),
        }
    }

    fn index_of(&mut self, to: NodeId) -> usize {
        if let Some(index) = self.destinations.iter().position(|destination| destination.to == to) {
            return index;
        }
        let index = self.destinations.len();
        assert!(index < 1 << INDEX_BITS, "{index} destinations before {to}: a connect token has no room for more");
        self.destinations.push(Peer {
            to,
            link: PeerConnection::Disconnected { retry_at_ms: i64::MIN },
            unsent: VecDeque::new(),
            failures: ConnectionFailures::default(),
        });
        index
    }

    /// The destination whose current attempt or connection has this token.
    fn index_of_token(&self, token: ConnectToken) -> Option<usize> {
        let index = (token.0 & ((1 << INDEX_BITS) - 1)) as usize;
        match self.destinations.get(index)?.link {
            PeerConnection::Connecting { token: current, .. }
            | PeerConnection::CheckingApiVersions { token: current, .. }
            | PeerConnection::Ready { token: current, .. } => (current == token).then_some(index),
            PeerConnection::Disconnected { .. } => None,
        }
    }

    /// Returns how long the connect may take, ms.
    fn connect(&mut self, index: usize, now_ms: i64, entropy: &mut dyn Entropy, out: &mut Out) -> i64 {
        // May wrap: a token need only differ from those that are still in use.
        self.attempts = self.attempts.wrapping_add(1);
        let token = ConnectToken(self.attempts << INDEX_BITS | index as u32);
        let destination = &mut self.destinations[index];
        let timeout_ms = destination.failures.draw_setup_timeout_ms(self.limits, entropy);
        destination.link = PeerConnection::Connecting { token, since_ms: now_ms, timeout_ms };
        let server =
            (0..).zip(self.bootstrap_servers.iter()).find(|(place, _)| bootstrap_server_id(*place) == destination.to);
        let to = server.map_or(destination.to, |(_, server)| server.node);
        let port = destination.unsent.front().and_then(|unsent| unsent.port);
        out.push(Effect::Connect { token, to, listener: Listener::Controllers, port });
        timeout_ms
    }

    /// Sends the oldest queued request if the connection is up and idle; whether it did.
    fn send_next(&mut self, index: usize, now_ms: i64, out: &mut Out) -> bool {
        let destination = &mut self.destinations[index];
        let PeerConnection::Ready { connection, in_flight: in_flight @ None, .. } = &mut destination.link else {
            return false;
        };
        let Some(Unsent { correlation_id, request, .. }) = destination.unsent.pop_front() else { return false };
        *in_flight = Some(InFlight { correlation_id, api: LostApi::of(&request), sent_ms: now_ms });
        out.push(Effect::SendRequest { connection: *connection, correlation_id, request });
        true
    }

    /// Starts the reconnect backoff, and fails the request in flight with `error`. Returns the backoff, ms.
    fn disconnect(&mut self, index: usize, now_ms: i64, error: TransportError, entropy: &mut dyn Entropy) -> i64 {
        let destination = &mut self.destinations[index];
        let was_connected = match destination.link {
            PeerConnection::Connecting { .. } => false,
            PeerConnection::CheckingApiVersions { .. } => true,
            PeerConnection::Ready { in_flight, .. } => {
                if let Some(InFlight { correlation_id, api, .. }) = in_flight {
                    let result = Err(Lost { api, error });
                    self.inbound.push_back(Inbound { from: destination.to, correlation_id, result });
                }
                true
            }
            PeerConnection::Disconnected { .. } => return 0,
        };
        let backoff_ms = destination.failures.on_lost(was_connected, self.limits, entropy);
        destination.link = PeerConnection::Disconnected { retry_at_ms: now_ms.saturating_add(backoff_ms) };
        backoff_ms
    }
}

fn after_ms(now: Now, ms: i64) -> u64 {
    now.mono_ns.saturating_add(u64::try_from(ms).unwrap_or(0).saturating_mul(NS_PER_MS))
}

impl Unsent {
    fn lost(&self, to: NodeId, error: TransportError) -> Inbound {
        let result = Err(Lost { api: LostApi::of(&self.request), error });
        Inbound { from: to, correlation_id: self.correlation_id, result }
    }
}

impl Peer {
    fn is_idle(&self) -> bool {
        let is_quiet =
            matches!(self.link, PeerConnection::Disconnected { .. } | PeerConnection::Ready { in_flight: None, .. });
        is_quiet && self.unsent.is_empty()
    }
}

#[cfg(test)]
mod tests;
