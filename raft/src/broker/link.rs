//! One outgoing connection with at most one request in flight: the NetworkClient of a fetcher thread or a controller
//! channel. Timeouts use the wall clock, as in Kafka (controller-broker.md §11.1), and are detected when the owner
//! polls.
//!
//! Not modelled: the growth of the connection setup timeout with failures.

use crate::ids::NodeId;
use crate::io::{ConnectToken, Connection, Effect, Listener};
use crate::message::{DiscoverVersions, MeantFor, Request};
use crate::step::Step;

/// Low bits of a [`ConnectToken`] that identify the link within its thread.
const SLOT_BITS: u32 = 12;

/// Time limits of a link, in ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkLimits {
    /// A request that is unanswered for longer counts as a disconnect.
    pub request_timeout_ms: i64,
    /// `socket.connection.setup.timeout.ms`
    pub connection_setup_timeout_ms: i64,
    /// Wait after a disconnect before connecting to the same node again.
    pub reconnect_backoff_ms: i64,
}

/// A connection, or an attempt at one.
#[derive(Clone, Debug)]
pub struct BrokerLink {
    slot: u32,
    listener: Listener,
    limits: LinkLimits,
    discovers_versions: bool,
    state: State,
    /// Makes each token and each correlation id unique.
    attempts: u32,
    correlations: i32,
    /// The node of the last lost connection, and when it may be tried again.
    lost: Option<(NodeId, i64)>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Idle,
    Connecting {
        to: NodeId,
        token: ConnectToken,
        give_up_after_ms: i64,
    },
    /// ApiVersions is in flight; it times out like any request.
    CheckingApiVersions {
        to: NodeId,
        token: ConnectToken,
        connection: Connection,
        correlation_id: i32,
        sent_ms: i64,
    },
    Ready {
        to: NodeId,
        token: ConnectToken,
        connection: Connection,
        in_flight: Option<(i32, i64)>,
    },
}

impl BrokerLink {
    /// Not connected; `slot` is unique within its thread. With `discovers_versions` a new connection is ready when the
    /// node has answered ApiVersions (`NetworkClient.handleConnections`).
    pub fn new(slot: u32, listener: Listener, limits: LinkLimits, discovers_versions: bool) -> BrokerLink {
        assert!(slot < 1 << SLOT_BITS, "a connect token has no room for link number {slot}");
        BrokerLink {
            slot,
            listener,
            limits,
            discovers_versions,
            state: State::Idle,
            attempts: 0,
            correlations: 0,
            lost: None,
        }
    }

    /// The link of its thread that a token belongs to.
    pub fn slot_of(token: ConnectToken) -> u32 {
        token.0 & ((1 << SLOT_BITS) - 1)
    }

    /// Whether a request may be sent to `to`. Connects to it unless an attempt is under way or must wait; closes a
    /// connection to another node.
    pub fn reach(&mut self, to: NodeId, step: &mut Step<'_>) -> bool {
        match self.state {
            State::Ready { to: now, in_flight, .. } if now == to => in_flight.is_none(),
            State::Connecting { to: now, .. } | State::CheckingApiVersions { to: now, .. } if now == to => false,
            State::Idle | State::Connecting { .. } | State::CheckingApiVersions { .. } | State::Ready { .. } => {
                self.close(step);
                let now_ms = step.now.wall_ms;
                if let Some((lost, until_ms)) = self.lost
                    && lost == to
                    && now_ms < until_ms
                {
                    return false;
                }
                self.attempts = self.attempts.wrapping_add(1);
                let token = ConnectToken(self.attempts << SLOT_BITS | self.slot);
                let give_up_after_ms = now_ms.saturating_add(self.limits.connection_setup_timeout_ms);
                self.state = State::Connecting { to, token, give_up_after_ms };
                step.out.push(Effect::Connect { token, to, listener: self.listener, port: None });
                false
            }
        }
    }

    /// Sends on a link that [`BrokerLink::reach`] found ready; otherwise returns the request.
    pub fn send(&mut self, request: Request, step: &mut Step<'_>) -> Result<(), Request> {
        let State::Ready { connection, in_flight: in_flight @ None, .. } = &mut self.state else {
            return Err(request);
        };
        self.correlations = self.correlations.wrapping_add(1);
        let correlation_id = self.correlations;
        *in_flight = Some((correlation_id, step.now.wall_ms));
        step.out.push(Effect::SendRequest { connection: *connection, correlation_id, request });
        Ok(())
    }

    /// The connect succeeded. Returns `false` for a stale token, as do the methods below.
    pub fn on_opened(&mut self, token: ConnectToken, connection: Connection, step: &mut Step<'_>) -> bool {
        let State::Connecting { to, token: current, .. } = self.state else { return false };
        if current != token {
            return false;
        }
        if self.discovers_versions {
            self.correlations = self.correlations.wrapping_add(1);
            let (correlation_id, sent_ms) = (self.correlations, step.now.wall_ms);
            self.state = State::CheckingApiVersions { to, token, connection, correlation_id, sent_ms };
            let meant_for = MeantFor::node(to);
            let request = Request::DiscoverVersions(DiscoverVersions { listener: self.listener, meant_for });
            step.out.push(Effect::SendRequest { connection, correlation_id, request });
        } else {
            self.ready(to, token, connection);
        }
        true
    }

    fn ready(&mut self, to: NodeId, token: ConnectToken, connection: Connection) {
        self.state = State::Ready { to, token, connection, in_flight: None };
        self.lost = None;
    }

    /// The answer to ApiVersions arrives: the link is ready.
    pub fn on_versions(&mut self, answered: ConnectToken, answered_id: i32) -> bool {
        let State::CheckingApiVersions { to, token, connection, correlation_id, .. } = self.state else {
            return false;
        };
        let expected = (token, correlation_id) == (answered, answered_id);
        if expected {
            self.ready(to, token, connection);
        }
        expected
    }

    /// The connection or the attempt was closed, with any request in flight.
    pub fn on_closed(&mut self, token: ConnectToken, step: &Step<'_>) -> bool {
        let current = self.token() == Some(token);
        if current {
            self.disconnected(step);
        }
        current
    }

    /// Whether this is the response to the request in flight.
    pub fn on_response(&mut self, token: ConnectToken, correlation_id: i32) -> bool {
        let State::Ready { token: current, in_flight, .. } = &mut self.state else { return false };
        let expected = *current == token && in_flight.is_some_and(|(id, _)| id == correlation_id);
        if expected {
            *in_flight = None;
        }
        expected
    }

    /// Closes a connection or attempt that has timed out; returns `true` if it did.
    pub fn poll(&mut self, step: &mut Step<'_>) -> bool {
        let expired = self.deadline_ms().is_some_and(|deadline_ms| step.now.wall_ms >= deadline_ms);
        if expired {
            self.disconnect(step);
        }
        expired
    }

    /// The next deadline of [`BrokerLink::poll`], by the wall clock.
    pub fn deadline_ms(&self) -> Option<i64> {
        let limit_ms = match self.state {
            State::Connecting { give_up_after_ms, .. } => give_up_after_ms,
            State::CheckingApiVersions { sent_ms, .. } | State::Ready { in_flight: Some((_, sent_ms)), .. } => {
                sent_ms.saturating_add(self.limits.request_timeout_ms)
            }
            State::Idle | State::Ready { in_flight: None, .. } => return None,
        };
        // The limits are exclusive: more than the timeout must have passed.
        Some(limit_ms.saturating_add(1))
    }

    /// Whether the last connection, or attempt at one, was lost, and none was begun since (`connectionFailed`).
    pub fn has_failed(&self) -> bool {
        matches!(self.state, State::Idle) && self.lost.is_some()
    }

    /// How long to wait for a connection that is not ready, ms (`ClusterConnectionStates.connectionDelay`).
    pub fn connection_delay_ms(&self, step: &Step<'_>) -> i64 {
        match (self.state, self.lost) {
            (State::Connecting { .. }, _) => self.limits.connection_setup_timeout_ms.saturating_add(1),
            (State::Idle, Some((_, until_ms))) => until_ms.saturating_sub(step.now.wall_ms).max(0),
            (State::Idle, None) | (State::CheckingApiVersions { .. } | State::Ready { .. }, _) => i64::MAX,
        }
    }

    /// Closes the connection and drops a request in flight. No backoff follows.
    pub fn close(&mut self, step: &mut Step<'_>) {
        if let Some(token) = self.token() {
            step.out.push(Effect::Close { token });
        }
        self.state = State::Idle;
    }

    /// Closes the connection; connecting to the same node again backs off.
    pub fn disconnect(&mut self, step: &mut Step<'_>) {
        if let Some(token) = self.token() {
            step.out.push(Effect::Close { token });
        }
        self.disconnected(step);
    }

    fn token(&self) -> Option<ConnectToken> {
        match self.state {
            State::Idle => None,
            State::Connecting { token, .. } | State::CheckingApiVersions { token, .. } | State::Ready { token, .. } => {
                Some(token)
            }
        }
    }

    fn disconnected(&mut self, step: &Step<'_>) {
        if let State::Connecting { to, .. } | State::CheckingApiVersions { to, .. } | State::Ready { to, .. } =
            self.state
        {
            self.lost = Some((to, step.now.wall_ms.saturating_add(self.limits.reconnect_backoff_ms)));
        }
        self.state = State::Idle;
    }
}

/// The monotonic instant at which the wall clock should show `at_ms`, if it is not stepped.
pub(super) fn wall_deadline_ns(at_ms: i64, step: &Step<'_>) -> u64 {
    let wait_ms = u64::try_from(at_ms.saturating_sub(step.now.wall_ms)).unwrap_or(0);
    step.now.mono_ns.saturating_add(wait_ms.saturating_mul(1_000_000))
}
