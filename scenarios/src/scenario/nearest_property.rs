//! Suggestions for misspelt Kafka properties.

use raft::config::definitions;

use super::nearest::nearest;

/// The most similar Kafka property, of the same listener if it is a setting of one.
pub(super) fn nearest_property(name: &str) -> Option<String> {
    let (of_listener, property) = definitions::split_listener(name);
    nearest(property, definitions::names()).map(|known| format!("{of_listener}{known}"))
}
