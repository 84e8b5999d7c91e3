//! Inputs and effects of a client process.

use crate::ids::NodeId;
use crate::io::{CloseReason, ConnectToken, Connection};
use crate::message::{Request, Response};

use super::AttemptEvent;

/// An input of a client; one per step. `O` is the operation type of its application.
#[derive(Clone, Debug)]
pub enum ClientInput<O> {
    /// A `Connect` succeeded.
    Opened { token: ConnectToken, connection: Connection },
    /// A connection or an attempt was closed; nothing more arrives on it.
    Closed { token: ConnectToken, reason: CloseReason },
    /// The response to a request.
    Response { token: ConnectToken, correlation_id: i32, response: Response },
    /// The one timer fired.
    Timer,
    /// The application calls.
    Operation(O),
}

/// An effect that a client requests; executed in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientEffect {
    /// Open a connection to a broker's client listener.
    Connect { token: ConnectToken, to: NodeId },
    /// Send on an open connection. A Produce with acks 0 has no response.
    Request { connection: Connection, correlation_id: i32, request: Request },
    /// Close a connection, or abort an attempt.
    Close { token: ConnectToken },
    /// (Re)arm the one timer, at a monotonic instant.
    Arm { at_mono_ns: u64 },
    /// Disarm it.
    Cancel,
    /// One event of the history.
    Observe(AttemptEvent),
}

/// The effects of one step, in order; the buffer is reused.
#[derive(Clone, Debug, Default)]
pub struct ClientOut {
    pub effects: Vec<ClientEffect>,
}

impl ClientOut {
    pub fn push(&mut self, effect: ClientEffect) {
        self.effects.push(effect);
    }

    pub fn observe(&mut self, event: AttemptEvent) {
        self.effects.push(ClientEffect::Observe(event));
    }

    /// (Re)arms the timer at a monotonic ms, or disarms it.
    pub(super) fn arm_ms(&mut self, at_ms: Option<i64>) {
        self.effects.push(match at_ms.and_then(|at_ms| u64::try_from(at_ms.max(0)).ok()) {
            Some(at_ms) => ClientEffect::Arm { at_mono_ns: at_ms.saturating_mul(NS_PER_MS) },
            None => ClientEffect::Cancel,
        });
    }
}

const NS_PER_MS: u64 = 1_000_000;

/// Kafka's clients count whole ms; so do these, of the monotonic clock.
pub(super) fn ms(now: crate::io::Now) -> i64 {
    i64::try_from(now.mono_ns / NS_PER_MS).expect("u64 ns are fewer than i64 ms")
}
