//! The ports on which the simulated processes listen.

use raft::io::Listener;
use sim::process::Port;

/// Of a controller's listener, which is open from the start of its process on.
pub const CONTROLLERS: Port = Port::FIRST;
/// Of a broker's listener.
pub const BROKERS: Port = Port(1);

/// Of the raft listener of a controller whose port may change: the one that the others know from the beginning, and the
/// other one. Clients and operators find it at [`CONTROLLERS`].
const MOVING: [Port; 2] = [Port(2), Port(3)];

/// Where a controller listens for raft whose port may change.
pub fn moving(has_moved: bool) -> Port {
    MOVING[usize::from(has_moved)]
}

pub fn port_of(listener: Listener) -> Port {
    match listener {
        Listener::Controllers => CONTROLLERS,
        Listener::Brokers => BROKERS,
    }
}
