//! The properties that a user has set, which no seed draws.

use crate::scenario::Scenario;

/// The prefix of clients' properties.
pub const CLIENT: &str = "client.";

pub(super) fn is_pinned(scenario: &Scenario, name: &str) -> bool {
    let of_nodes = !name.starts_with(CLIENT) && name != "workload.max_in_flight";
    let from_files = of_nodes && !scenario.cluster.node.is_empty();
    let set = &scenario.cluster.config.0;
    // These would override what the user has set.
    let weaker = match name {
        "internal.metadata.log.segment.bytes" => set.contains_key("metadata.log.segment.bytes"),
        "internal.segment.bytes" => set.contains_key("log.segment.bytes"),
        "log.roll.ms" => set.contains_key("log.roll.hours"),
        "cluster.dynamic" => scenario.cluster.dynamic,
        "cluster.elr" => scenario.cluster.elr.is_some() || scenario.cluster.metadata_version.is_some(),
        _ => false,
    };
    let of_client = name.strip_prefix(CLIENT).is_some_and(|name| scenario.clients.config.0.contains_key(name));
    from_files
        || weaker
        || of_client
        || set.contains_key(name)
        || scenario.knobs.pinned.iter().any(|pinned| pinned == name)
}
