//! Properties that Kafka knows and that have no effect in the simulation, with the reason.

/// Groups, each a line `[REASON]` and the names below it.
const TEXT: &str = include_str!("without_effect.txt");

/// Before the name of a listener, and that of a SASL mechanism perhaps, and then a property.
const LISTENER: &str = "listener.name.";

const OF_LISTENER: &str = "settings of one listener: sockets, authentication and encryption are not simulated";

/// Prefixes of properties whose names are all Kafka's own, without those of plug-ins.
const KAFKAS: [&str; 2] = ["ssl.", "sasl."];

/// Prefixes of properties of plug-ins and vendors, which cannot be listed.
const FAMILIES: &[(&str, &str)] = &[
    ("config.providers.", "configuration providers are not run: values are taken as they are written"),
    ("rsm.config.", "tiered storage is not simulated"),
    ("rlmm.config.", "tiered storage is not simulated"),
    ("client.quota.callback.static.", "quotas and limits of connections are not simulated"),
    ("cruise.control.metrics.", "metrics and telemetry are not simulated"),
    ("confluent.", "read by plug-ins of Confluent, not by Apache Kafka"),
    ("kafka.rest.", "read by plug-ins of Confluent, not by Apache Kafka"),
    ("strimzi.", "read by plug-ins of Strimzi, not by Apache Kafka"),
    ("oauth.", "read by plug-ins of Strimzi, not by Apache Kafka"),
];

/// All names of the list.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    entries().map(|(name, _)| name)
}

/// Why a property that Kafka knows has no effect; none for any other.
pub fn why(name: &str) -> Option<&'static str> {
    let (of_listener, rest) = split_listener(name);
    if !of_listener.is_empty() {
        // A plug-in of the listener reads any other name.
        let is_misspelt = is_kafkas(rest) && names().all(|known| known != rest);
        return (!is_misspelt).then_some(OF_LISTENER);
    }
    let listed = entries().find(|(listed, _)| *listed == name);
    let family = FAMILIES.iter().find(|(prefix, _)| name.len() > prefix.len() && name.starts_with(prefix));
    listed.or(family.copied()).map(|(_, why)| why)
}

/// A setting of one listener: what names the listener, and the SASL mechanism, and the property itself, as
/// `DynamicBrokerConfig.brokerConfigSynonyms` reads it. The first is empty for any other property.
pub fn split_listener(name: &str) -> (&str, &str) {
    let Some(listener) = name.strip_prefix(LISTENER) else { return ("", name) };
    let starts = || listener.match_indices('.').map(|(dot, _)| LISTENER.len() + dot + 1).filter(|at| *at < name.len());
    let is_known = |at: &usize| names().any(|known| known == &name[*at..]);
    let start = starts().find(is_known).or_else(|| starts().find(|at| is_kafkas(&name[*at..])));
    start.or_else(|| starts().next()).map_or(("", name), |at| name.split_at(at))
}

fn is_kafkas(name: &str) -> bool {
    KAFKAS.iter().any(|prefix| name.starts_with(prefix))
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
            ("listener.name.client.scram-sha-512.sasl.jaas.config", "settings of one listener"),
            ("listener.name.client.oauthbearer.oauth.client.id", "settings of one listener"),
            ("confluent.balancer.enable", "read by plug-ins of Confluent"),
        ] {
            assert!(why(name).is_some_and(|why| why.starts_with(reason)), "{name}: {:?}", why(name));
        }
        for name in [
            "log.dirz",
            "group.size",
            "ssl.",
            "ssl.key.pasword",
            "listener.name.client.ssl.key.pasword",
            "listener.name.client.plain.sasl.jas.config",
            "listener.name.client",
            "listener.name.client.",
            "# Names",
        ] {
            assert_eq!(why(name), None, "{name}");
        }
        assert_eq!(
            split_listener("listener.name.client.plain.sasl.jas.config"),
            ("listener.name.client.plain.", "sasl.jas.config")
        );
        let mut all: Vec<&str> = names().collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "a name is listed twice");
    }
}
