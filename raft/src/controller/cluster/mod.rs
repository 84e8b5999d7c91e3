//! Kafka's `ClusterControlManager` and `BrokerHeartbeatManager` (controller-broker.md §3).
//!
//! * `heartbeats`: soft state of brokers
//! * `registration`: registration of brokers and controllers, and unregistration
//! * `heartbeat`: BrokerHeartbeat, and the periodic fencing of brokers

mod heartbeat;
mod heartbeats;
mod registration;

pub use heartbeat::{fence_stale_broker, process_heartbeat, touch_timed_out};
pub use heartbeats::BrokerHeartbeatManager;
pub use registration::{register_broker, register_controller, unregister_broker};
