//! What Kafka requires of several properties together (`KafkaConfig.validateValues`): what it
//! refuses, and what it only complains of in its log.

use super::error::Refused;
use super::{Kept, NodeConfig};

/// `replica.socket.timeout.ms`: Kafka's default; the property is kept, not simulated.
const SOCKET_TIMEOUT_MS: i64 = 30_000;

/// Properties that contradict each other, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// They; the one to look at first stands first.
    pub keys: [&'static str; 2],
    /// Kafka's words.
    pub problem: &'static str,
}

impl Contradiction {
    /// The first of them that the user has set; the first if none is.
    pub fn key_among(&self, is_set: impl Fn(&str) -> bool) -> &'static str {
        self.keys.into_iter().find(|key| is_set(key)).unwrap_or(self.keys[0])
    }
}

impl NodeConfig {
    /// What Kafka would not start with, wherever it is set: a file, `--set`, a knob. Cheap.
    pub fn contradiction(&self) -> Option<Contradiction> {
        let broker = &self.broker;
        let wait_ms = i64::from(broker.replica_fetch_wait_max_ms);
        let socket_timeout_ms = self.kept_number("replica.socket.timeout.ms").unwrap_or(SOCKET_TIMEOUT_MS);
        if wait_ms > socket_timeout_ms {
            return Some(Contradiction {
                keys: ["replica.fetch.wait.max.ms", "replica.socket.timeout.ms"],
                problem: "replica.socket.timeout.ms should always be at least replica.fetch.wait.max.ms to prevent \
                          unnecessary socket timeouts",
            });
        }
        if wait_ms > broker.replica_lag_time_max_ms {
            return Some(Contradiction {
                keys: ["replica.fetch.wait.max.ms", "replica.lag.time.max.ms"],
                problem: "replica.fetch.wait.max.ms should always be less than or equal to \
                          replica.lag.time.max.ms to prevent frequent changes in ISR",
            });
        }
        None
    }

    /// What Kafka starts with and complains of, one line each.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let heartbeat_ms = self.broker.heartbeat_interval_ms;
        let session_ms = self.controller.broker_session_timeout_ms;
        if heartbeat_ms.saturating_mul(2) > i64::from(session_ms) {
            warnings.push(format!(
                "broker.heartbeat.interval.ms ({heartbeat_ms} ms) must be less than or equal to half of the \
                 broker.session.timeout.ms ({session_ms} ms). The broker.session.timeout.ms is configured on \
                 controller. The broker.heartbeat.interval.ms is configured on broker. If a broker doesn't send \
                 heartbeat request within broker.session.timeout.ms, it loses broker lease. Please increase \
                 broker.session.timeout.ms or decrease broker.heartbeat.interval.ms."
            ));
        }
        let names = self.kept_text("controller.listener.names").unwrap_or_default();
        if !self.roles.controller && names.contains(',') {
            warnings.push(format!(
                "controller.listener.names has multiple entries; only the first will be used since \
                 process.roles=broker: [{names}]"
            ));
        }
        for name in ["create.topic.policy.class.name", "alter.config.policy.class.name"] {
            if !self.roles.controller && self.kept_text(name).is_some() {
                warnings.push(format!("{name} is defined in broker. It should be defined in the controller role."));
            }
        }
        warnings
    }

    fn kept_text(&self, key: &str) -> Option<&str> {
        self.kept.iter().find(|kept| kept.key == key).map(|kept: &Kept| kept.value.as_str())
    }

    /// A number that is kept has passed its range.
    fn kept_number(&self, key: &str) -> Option<i64> {
        self.kept_text(key).and_then(|value| value.trim().parse().ok())
    }
}

impl From<Contradiction> for Refused {
    fn from(contradiction: Contradiction) -> Refused {
        Refused::new(contradiction.problem)
    }
}
