//! Properties that Kafka knows and that have no effect in the simulation, with the reason.

/// Groups, each a line `[REASON]` and the names below it.
const TEXT: &str = include_str!("without_effect.txt");

/// Prefixes of properties of listeners, plug-ins and vendors, which cannot be listed.
const FAMILIES: &[(&str, &str)] = &[
    ("listener.name.", "settings of one listener: sockets, authentication and encryption are not simulated"),
    ("ssl.", "authentication, authorization and encryption are not simulated"),
    ("sasl.", "authentication, authorization and encryption are not simulated"),
    ("config.providers.", "configuration providers are not run: values are taken as they are written"),
    ("rsm.config.", "tiered storage is not simulated"),
    ("rlmm.config.", "tiered storage is not simulated"),
    ("client.quota.callback.static.", "quotas and limits of connections are not simulated"),
    ("cruise.control.metrics.", "metrics and telemetry are not simulated"),
    ("confluent.", "read by plug-ins of Confluent, not by Apache Kafka"),
    ("strimzi.", "read by plug-ins of Strimzi, not by Apache Kafka"),
    ("oauth.", "read by plug-ins of Strimzi, not by Apache Kafka"),
];

/// All names of the list.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    entries().map(|(name, _)| name)
}

/// Why a property that Kafka knows has no effect; none for any other.
pub fn why(name: &str) -> Option<&'static str> {
    let listed = entries().find(|(listed, _)| *listed == name);
    let family = FAMILIES.iter().find(|(prefix, _)| name.len() > prefix.len() && name.starts_with(prefix));
    listed.or(family.copied()).map(|(_, why)| why)
}

fn entries() -> impl Iterator<Item = (&'static str, &'static str)> {
    let mut reason = "";
    TEXT.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).filter_map(move |line| {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(why) => {
                reason = why;
                None
            }
            None => Some((line, reason)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_kafka_are_known_with_a_reason() {
        for (name, reason) in [
            ("log.dirs", "a node has one simulated disk"),
            ("group.initial.rebalance.delay.ms", "groups and their coordinators"),
            ("zookeeper.connect", "no longer a property of Kafka"),
            ("listener.name.replication-9091.ssl.keystore.location", "settings of one listener"),
            ("confluent.balancer.enable", "read by plug-ins of Confluent"),
        ] {
            assert!(why(name).is_some_and(|why| why.starts_with(reason)), "{name}: {:?}", why(name));
        }
        assert_eq!([why("log.dirz"), why("group.size"), why("ssl."), why("# Names")], [None; 4]);
        let mut all: Vec<&str> = names().collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "a name is listed twice");
    }
}
