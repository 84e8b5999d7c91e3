//! A broker's life: registration, heartbeats, fencing, and the sequences around them
//! (controller-broker.md §5.1 to §5.3).
//!
//! * [`BrokerLifecycleManager`]: what the broker and the active controller tell each other
//! * [`BrokerServer`]: the start-up and shutdown sequences as states

mod manager;
mod server;
#[cfg(test)]
mod tests;

pub use manager::{BrokerIdentity, BrokerLifecycleManager, BrokerState, LifecycleEvent};
pub use server::{BrokerServer, ServerAction};
