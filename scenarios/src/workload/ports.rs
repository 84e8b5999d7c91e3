//! The ports on which the simulated processes listen.

use raft::io::Listener;
use sim::process::Port;

/// Of a controller's listener, which is open from the start of its process on.
pub const CONTROLLERS: Port = Port::FIRST;
/// Of a broker's listener.
pub const BROKERS: Port = Port(1);

pub fn port_of(listener: Listener) -> Port {
    match listener {
        Listener::Controllers => CONTROLLERS,
        Listener::Brokers => BROKERS,
    }
}
