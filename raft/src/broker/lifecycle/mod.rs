//! The broker lifecycle: registration, heartbeats, fencing, start-up and shutdown (controller-broker.md §5.1 to §5.3).
//!
//! * [`BrokerLifecycleManager`]: the exchange between the broker and the active controller
//! * [`BrokerServer`]: the start-up and shutdown sequences as states

mod manager;
mod server;
#[cfg(test)]
mod tests;

pub use manager::{BrokerIdentity, BrokerLifecycleManager, BrokerState, LifecycleEvent, PublishedMetadata};
pub use server::{BrokerServer, ServerAction};
