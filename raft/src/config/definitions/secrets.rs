//! Which values are secret: those that Kafka itself never prints.

use super::{names, split_listener};

/// What stands for a secret value, as in Kafka's `Password.toString`.
pub const HIDDEN: &str = "[hidden]";

/// The properties of type PASSWORD in Kafka's `BrokerSecurityConfigs`, `DelegationTokenManagerConfigs`, and,
/// up to 3.9, in `PasswordEncoderConfigs` and `ZkConfigs`.
const PASSWORDS: [&str; 15] = [
    "delegation.token.master.key",
    "delegation.token.secret.key",
    "password.encoder.old.secret",
    "password.encoder.secret",
    "sasl.jaas.config",
    "sasl.oauthbearer.assertion.private.key.passphrase",
    "sasl.oauthbearer.client.credentials.client.secret",
    "ssl.key.password",
    "ssl.keystore.certificate.chain",
    "ssl.keystore.key",
    "ssl.keystore.password",
    "ssl.truststore.certificates",
    "ssl.truststore.password",
    "zookeeper.ssl.keystore.password",
    "zookeeper.ssl.truststore.password",
];

/// Parts of the names that plug-ins and vendors give to their secrets.
const WORDS: [&str; 9] =
    ["password", "passwd", "secret", "passphrase", "credential", "token", "jaas", "license", "user.info"];

/// Families in which a name that Kafka does not know, a misspelt one say, may well be that of a secret.
const SECURITY: [&str; 3] = ["listener.name.", "ssl.", "sasl."];

/// Is the value of this property secret? Kafka does not know the type of a plug-in's property, nor that of
/// a misspelt one; there the name decides, and a value too many is hidden rather than one too few.
pub fn is_secret(name: &str) -> bool {
    // The settings of one listener have its name, and the mechanism's, before Kafka's name.
    for known in suffixes(name) {
        if PASSWORDS.contains(&known) {
            return true;
        }
        if names().any(|other| other == known) {
            return false;
        }
    }
    let lower = name.to_ascii_lowercase();
    WORDS.iter().any(|word| lower.contains(word))
        || lower.ends_with("key")
        || SECURITY.iter().any(|family| lower.starts_with(family))
}

/// Is the value of this property of a file left out of what is written? Kafka takes each property whose type it
/// does not know for a sensitive one (`KafkaConfig.maybeSensitive`).
pub fn is_hidden(name: &str) -> bool {
    let (_, property) = split_listener(name);
    is_secret(name) || names().all(|known| known != property)
}

/// The name, and what remains of it without its first words.
fn suffixes(name: &str) -> impl Iterator<Item = &str> {
    std::iter::once(name).chain(name.match_indices('.').map(|(dot, _)| &name[dot + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kafkas_passwords_and_those_of_plug_ins_are_secret() {
        for name in PASSWORDS {
            assert!(names().any(|known| known == name), "{name} is not in the list of properties");
        }
        for name in [
            "ssl.keystore.password",
            "ssl.keystore.pasword",
            "ssl.truststore.certificates",
            "listener.name.client-9094.scram-sha-512.sasl.jaas.config",
            "listener.name.replication-9091.ssl.keystore.key",
            "listener.name.tls.oauthbearer.oauth.client.secret",
            "config.providers.vault.param.token",
            "confluent.license",
            "confluent.metadata.basic.auth.user.info",
            "my.plugin.api.key",
            "db.Password",
        ] {
            assert!(is_secret(name) && is_hidden(name), "{name}");
        }
        // Names that say nothing; Kafka knows none of them.
        for name in
            ["my.pwd", "connection.string", "aws.access.key.id", "my.log.dirs", "controller.quorum.fetch.timeout"]
        {
            assert!(!is_secret(name) && is_hidden(name), "{name}");
        }
        for name in [
            "ssl.keystore.location",
            "ssl.keystore.type",
            "sasl.oauthbearer.token.endpoint.url",
            "listener.name.client-9094.scram-sha-512.sasl.login.callback.handler.class",
            "password.encoder.iterations",
            "delegation.token.expiry.time.ms",
            "node.id",
            "advertised.listeners",
        ] {
            assert!(!is_hidden(name), "{name}");
        }
    }
}
