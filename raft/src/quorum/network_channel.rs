//! Kafka's network layer below raft: `KafkaNetworkChannel`, `InterBrokerSendThread` and `NetworkClient` as one sans-IO
//! state machine (consensus.md §2.4).
//!
//! Each destination has one connection with one request in flight; the first on it is ApiVersions, which raft does not see
//! (`KafkaRaftManager.buildNetworkClient`: `discoverBrokerVersions`). Requests that are sent while it connects or is busy
//! wait in a queue: raft may have dropped the request in flight, the connection has not. Every request is completed
//! exactly once as an [`Inbound`]: answered, disconnected or timed out. Ages are wall-clock ms, as Kafka's
//! `Time.milliseconds()`, and the limits below raft are exclusive: a request fails when *more* than the timeout has
//! passed.
//!
//! The thread looks at them only when it is awake: after a request was handed to it, after an event of a connection, and
//! when it has waited as long as its timeout for requests (`NetworkClient.poll`). Raft, whose limit is inclusive and whose
//! clock started with the same request, hands it the next request at a time when the last one is not yet too old: if that
//! is for the same silent node, both end a whole timeout later.

use std::collections::VecDeque;

use crate::backoff::ExponentialBackoff;
use crate::config::ControllerConfig;
use crate::connection_failures::{ConnectionFailures, ConnectionLimits};
use crate::ids::NodeId;
use crate::io::{CloseReason, ConnectToken, Connection, Effect, Entropy, Listener, Now, Out};
use crate::message::{Request, Response};

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
    /// The connection was lost, could not be made, or is in reconnect backoff.
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
    destinations: Vec<Destination>,
    /// Something occurred since the thread began to wait.
    is_woken: bool,
    /// The end of its wait, by the monotonic clock, if nothing occurs.
    blocked_until_ns: u64,
    /// Number of connect attempts; makes each token unique.
    attempts: u32,
    inbound: VecDeque<Inbound>,
}

#[derive(Clone, Debug)]
struct Destination {
    to: NodeId,
    link: PeerConnection,
    /// Queued requests; oldest first.
    unsent: VecDeque<Unsent>,
    failures: ConnectionFailures,
}

#[derive(Clone, Debug)]
struct Unsent {
    correlation_id: i32,
    request: Request,
    created_ms: i64,
}

#[derive(Clone, Copy, Debug)]
enum PeerConnection {
    Disconnected { retry_at_ms: i64 },
    Connecting { token: ConnectToken, give_up_after_ms: i64 },
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
            destinations: Vec::new(),
            is_woken: false,
            blocked_until_ns: 0,
            attempts: 0,
            inbound: VecDeque::new(),
        }
    }

    /// Sends a request, queues it, or (within the reconnect backoff) fails it.
    pub fn send(
        &mut self,
        now_ms: i64,
        to: NodeId,
        correlation_id: i32,
        request: Request,
        entropy: &mut dyn Entropy,
        out: &mut Out,
    ) {
        let index = self.index_of(to);
        self.is_woken = true;
        self.destinations[index].unsent.push_back(Unsent { correlation_id, request, created_ms: now_ms });
        match self.destinations[index].link {
            PeerConnection::Disconnected { retry_at_ms } if now_ms < retry_at_ms => self.fail_unsent(index),
            PeerConnection::Disconnected { .. } => self.connect(index, now_ms, entropy, out),
            PeerConnection::Connecting { .. } | PeerConnection::CheckingApiVersions { .. } => {}
            PeerConnection::Ready { .. } => self.send_next(index, now_ms, out),
        }
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
            let (correlation_id, request) = (VERSIONS_ID, Request::DiscoverVersions(Listener::Controllers));
            out.push(Effect::SendRequest { connection, correlation_id, request });
            self.expire_unsent(index, now_ms);
        }
    }

    /// The connection, or the attempt, has ended, and so have all requests to that destination. Kafka's backoff does
    /// not depend on the reason.
    pub fn on_closed(&mut self, now_ms: i64, token: ConnectToken, _reason: CloseReason, entropy: &mut dyn Entropy) {
        if let Some(index) = self.index_of_token(token) {
            self.is_woken = true;
            self.disconnect(index, now_ms, TransportError::Disconnected, entropy);
        }
    }

    /// A response. The next queued request is sent by the next [`poll`](Self::poll) or [`send`](Self::send), as in the
    /// next iteration of Kafka's send thread; responses to no request in flight (a datagram delivered twice) are
    /// ignored.
    pub fn on_response(&mut self, now_ms: i64, token: ConnectToken, correlation_id: i32, response: Response) {
        let Some(index) = self.index_of_token(token) else { return };
        self.is_woken = true;
        let destination = &mut self.destinations[index];
        if let PeerConnection::CheckingApiVersions { token, connection, .. } = destination.link
            && correlation_id == VERSIONS_ID
        {
            destination.link = PeerConnection::Ready { token, connection, in_flight: None };
            destination.failures.on_ready();
            return self.expire_unsent(index, now_ms);
        }
        let PeerConnection::Ready { in_flight, .. } = &mut destination.link else { return };
        if in_flight.is_some_and(|request| request.correlation_id == correlation_id) {
            *in_flight = None;
            let from = destination.to;
            self.inbound.push_back(Inbound { from, correlation_id, result: Ok(response) });
            self.expire_unsent(index, now_ms);
        }
    }

    /// Runs the thread if it is awake: expires requests, and sends those that are next in their queues.
    pub fn poll(&mut self, now: Now, entropy: &mut dyn Entropy, out: &mut Out) {
        if !std::mem::take(&mut self.is_woken) && now.mono_ns < self.blocked_until_ns {
            return;
        }
        let now_ms = now.wall_ms;
        for index in 0..self.destinations.len() {
            let destination = &self.destinations[index];
            let has_unsent = !destination.unsent.is_empty();
            match destination.link {
                PeerConnection::CheckingApiVersions { token, sent_ms, .. }
                | PeerConnection::Ready { token, in_flight: Some(InFlight { sent_ms, .. }), .. }
                    if now_ms > sent_ms.saturating_add(self.request_timeout_ms) =>
                {
                    out.push(Effect::Close { token });
                    self.disconnect(index, now_ms, TransportError::TimedOut, entropy);
                }
                PeerConnection::Connecting { token, give_up_after_ms } if now_ms > give_up_after_ms => {
                    out.push(Effect::Close { token });
                    self.disconnect(index, now_ms, TransportError::Disconnected, entropy);
                }
                PeerConnection::Disconnected { .. }
                | PeerConnection::Connecting { .. }
                | PeerConnection::CheckingApiVersions { .. }
                | PeerConnection::Ready { .. } => {}
            }
            if has_unsent {
                self.expire_unsent(index, now_ms);
                self.send_next(index, now_ms, out);
            }
        }
        // A wait takes a little longer than requested, and the limits are exclusive. The limit of a connect that requests
        // wait for bounds it, too (`ClusterConnectionStates.connectionDelay`), but is longer, or seen no earlier.
        let wait_ms = u64::try_from(self.request_timeout_ms.saturating_add(1)).unwrap_or(0);
        self.blocked_until_ns = now.mono_ns.saturating_add(wait_ms.saturating_mul(NS_PER_MS));
    }

    /// The next completed request, oldest first.
    pub fn take_inbound(&mut self) -> Option<Inbound> {
        self.inbound.pop_front()
    }

    /// The number of completed requests that were not taken yet.
    pub fn inbound_count(&self) -> usize {
        self.inbound.len()
    }

    /// When [`poll`](Self::poll) must run next, by the monotonic clock; `None` while it could do nothing.
    pub fn next_deadline_ns(&self, now: Now) -> Option<u64> {
        match self.is_woken {
            true => Some(now.mono_ns),
            false if self.destinations.iter().all(Destination::is_idle) => None,
            false => Some(self.blocked_until_ns),
        }
    }

    fn index_of(&mut self, to: NodeId) -> usize {
        if let Some(index) = self.destinations.iter().position(|destination| destination.to == to) {
            return index;
        }
        let index = self.destinations.len();
        assert!(index < 1 << INDEX_BITS, "{index} destinations before {to}: a connect token has no room for more");
        self.destinations.push(Destination {
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

    fn connect(&mut self, index: usize, now_ms: i64, entropy: &mut dyn Entropy, out: &mut Out) {
        // May wrap: a token need only differ from those that are still in use.
        self.attempts = self.attempts.wrapping_add(1);
        let token = ConnectToken(self.attempts << INDEX_BITS | index as u32);
        let destination = &mut self.destinations[index];
        let timeout_ms = destination.failures.draw_setup_timeout_ms(self.limits, entropy);
        destination.link = PeerConnection::Connecting { token, give_up_after_ms: now_ms.saturating_add(timeout_ms) };
        out.push(Effect::Connect { token, to: destination.to, listener: Listener::Controllers });
    }

    /// Sends the oldest queued request if the connection is up and idle.
    fn send_next(&mut self, index: usize, now_ms: i64, out: &mut Out) {
        let destination = &mut self.destinations[index];
        let PeerConnection::Ready { connection, in_flight: in_flight @ None, .. } = &mut destination.link else {
            return;
        };
        if let Some(Unsent { correlation_id, request, .. }) = destination.unsent.pop_front() {
            *in_flight = Some(InFlight { correlation_id, api: LostApi::of(&request), sent_ms: now_ms });
            out.push(Effect::SendRequest { connection: *connection, correlation_id, request });
        }
    }

    /// Starts the reconnect backoff and fails all requests: the one in flight with `error`, the queued ones as
    /// disconnected.
    fn disconnect(&mut self, index: usize, now_ms: i64, error: TransportError, entropy: &mut dyn Entropy) {
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
            PeerConnection::Disconnected { .. } => return,
        };
        let backoff_ms = destination.failures.on_lost(was_connected, self.limits, entropy);
        destination.link = PeerConnection::Disconnected { retry_at_ms: now_ms.saturating_add(backoff_ms) };
        self.fail_unsent(index);
    }

    fn fail_unsent(&mut self, index: usize) {
        let Destination { to, unsent, .. } = &mut self.destinations[index];
        self.inbound.extend(unsent.drain(..).map(|unsent| unsent.lost(*to, TransportError::Disconnected)));
    }

    /// Fails requests that have been queued for longer than the request timeout. The age counts from the call of
    /// `send`, and the clock may have stepped, so the oldest need not be the first.
    fn expire_unsent(&mut self, index: usize, now_ms: i64) {
        let Destination { to, unsent, .. } = &mut self.destinations[index];
        if unsent.is_empty() {
            return;
        }
        let (inbound, timeout_ms) = (&mut self.inbound, self.request_timeout_ms);
        unsent.retain(|request| {
            let in_time = now_ms <= request.created_ms.saturating_add(timeout_ms);
            if !in_time {
                inbound.push_back(request.lost(*to, TransportError::TimedOut));
            }
            in_time
        });
    }
}

impl Unsent {
    fn lost(&self, to: NodeId, error: TransportError) -> Inbound {
        let result = Err(Lost { api: LostApi::of(&self.request), error });
        Inbound { from: to, correlation_id: self.correlation_id, result }
    }
}

impl Destination {
    fn is_idle(&self) -> bool {
        let is_quiet =
            matches!(self.link, PeerConnection::Disconnected { .. } | PeerConnection::Ready { in_flight: None, .. });
        is_quiet && self.unsent.is_empty()
    }
}

#[cfg(test)]
mod tests;
