//! How long a connect may take, and the wait before the next one: Kafka's `ClusterConnectionStates`, for clients
//! (controller-broker.md §6.10) and for the quorum's connections (consensus.md §2.4).

use crate::backoff::ExponentialBackoff;
use crate::io::Entropy;

/// The limits of all connections of one client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionLimits {
    /// `reconnect.backoff.ms` and its maximum.
    pub reconnect_backoff: ExponentialBackoff,
    /// `socket.connection.setup.timeout.ms` and its maximum.
    pub setup_timeout: ExponentialBackoff,
}

/// The failures of the connections to one node.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ConnectionFailures {
    /// Disconnects since the connection was last ready.
    disconnects: u32,
    /// Failed connects in a row.
    connects: u32,
}

impl ConnectionFailures {
    /// How long a connect that begins now may take, ms.
    pub fn draw_setup_timeout_ms(&self, limits: ConnectionLimits, entropy: &mut dyn Entropy) -> i64 {
        limits.setup_timeout.draw_ms(self.connects, entropy)
    }

    /// The connect succeeded, and the node is asked for its versions (`checkingApiVersions`).
    pub fn on_checking(&mut self) {
        self.connects = 0;
    }

    /// The connection is ready.
    pub fn on_ready(&mut self) {
        *self = ConnectionFailures::default();
    }

    /// The connection, or the attempt to connect unless `was_connected`, has ended. Returns the wait before the next
    /// connect, ms.
    pub fn on_lost(&mut self, was_connected: bool, limits: ConnectionLimits, entropy: &mut dyn Entropy) -> i64 {
        let backoff_ms = limits.reconnect_backoff.draw_ms(self.disconnects, entropy);
        self.disconnects = self.disconnects.saturating_add(1);
        self.connects = if was_connected { 0 } else { self.connects.saturating_add(1) };
        backoff_ms
    }
}
