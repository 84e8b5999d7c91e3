//! Kafka's `ClusterControlManager` and `BrokerHeartbeatManager` (controller-broker.md §3).
//!
//! * `heartbeats`: what only the active controller knows of brokers
//! * `registration`: brokers and controllers register and leave
//! * `heartbeat`: one heartbeat, and the sweep that fences the silent

mod heartbeat;
mod heartbeats;
mod registration;

pub use heartbeat::{fence_stale_broker, process_heartbeat, touch_timed_out};
pub use heartbeats::BrokerHeartbeatManager;
pub use registration::{register_broker, register_controller, unregister_broker};
