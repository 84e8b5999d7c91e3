//! One node's properties: from text to [`NodeConfig`], single settings, and back.

use super::definitions::{self, DEFINITIONS};
use super::error::ConfigErrors;
use super::properties::{self, Properties};
use super::source::{BOOTSTRAP, LISTENER_NAMES, LISTENERS, NODE_ID, ROLES, Source, VOTERS};
use super::{NodeConfig, Roles, Voter};

impl NodeConfig {
    /// Reads one node's `.properties`; `file` is its name in messages.
    pub fn parse(file: &str, text: &str) -> Result<NodeConfig, ConfigErrors> {
        Source { file, properties: Properties::parse(file, text)?, assumed_voters: None }.read()
    }

    /// Sets one property of a node that runs, by its Kafka name: `--set`, `[cluster.config]`, a
    /// knob. Several of them may contradict each other only together: [`NodeConfig::contradiction`].
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        if !definitions::is_known(key) {
            // Its value may be a secret.
            return Err(format!("{key}: Kafka has no such property"));
        }
        let received = definitions::find(key).and_then(|definition| Some((definition.kind, definition.field?)));
        let Some((kind, field)) = received else {
            let why = if matches!(key, NODE_ID | VOTERS | BOOTSTRAP | ROLES | LISTENERS | LISTENER_NAMES) {
                "each node's own, not to be set for all"
            } else {
                "known to Kafka, without effect here"
            };
            return Err(format!(
                "{key} = {value:?}: {why}; allowed: a property that takes effect (scenarios/README.md lists them)"
            ));
        };
        let number = kind.number(value).map_err(|refused| {
            let allowed = refused.allowed.map(|a| format!("; allowed: {a}")).unwrap_or_default();
            format!("{key} = {value:?}: {}{allowed}", refused.problem)
        })?;
        (field.set)(self, number);
        Ok(())
    }

    /// Sets several at once, in the table's order, so that of two that set one field the same wins
    /// as in a file; and refuses what only together makes no sense.
    pub fn set_all<'a>(&mut self, settings: impl Iterator<Item = (&'a str, &'a str)>) -> Result<(), String> {
        let mut settings: Vec<(Option<usize>, &str, &str)> =
            settings.map(|(key, value)| (definitions::place(key), key, value)).collect();
        settings.sort_unstable();
        for (_, key, value) in &settings {
            self.set(key, value)?;
        }
        match self.contradiction() {
            Some(contradiction) => {
                let key = contradiction.key_among(|key| settings.iter().any(|(_, set, _)| *set == key));
                Err(format!("{key} = {:?}: {}", self.get(key).unwrap_or_default(), contradiction.problem))
            }
            None => Ok(()),
        }
    }

    /// The value of a property that takes effect, as it would be printed.
    pub fn get(&self, key: &str) -> Option<String> {
        definitions::find(key)?.value(self)
    }

    /// This node as a `.properties` file: reading it gives an equal configuration, apart from the
    /// lines of what is kept. What `kafka-storage format` wrote is in no such file. An observer
    /// that is nothing else is printed with the role it would have in Kafka, broker.
    pub fn to_properties(&self) -> String {
        let kept = |key: &str| self.kept.iter().any(|k| k.key == key);
        let own = self.quorum.voters.iter().find(|v| v.id == self.quorum.node_id);
        let voters: Vec<String> = self.quorum.voters.iter().map(Voter::to_string).collect();
        let roles = match self.roles {
            Roles { controller: true, broker: true } => "broker,controller",
            Roles { controller: true, broker: false } => "controller",
            Roles { controller: false, .. } => "broker",
        };

        let mut lines =
            vec![properties::print(ROLES, roles), properties::print(NODE_ID, &self.quorum.node_id.to_string())];
        if !self.quorum.is_dynamic {
            lines.push(properties::print(VOTERS, &voters.join(",")));
        }
        let mut servers: Vec<String> = self.quorum.bootstrap_servers.iter().map(ToString::to_string).collect();
        // A name with several addresses stands in the file once.
        servers.dedup();
        if !servers.is_empty() {
            lines.push(properties::print(BOOTSTRAP, &servers.join(",")));
        }
        if !kept(LISTENER_NAMES) {
            let of_controllers = own.or(self.quorum.voters.first()).map_or("CONTROLLER", |v| &*v.endpoint.name);
            lines.push(properties::print(LISTENER_NAMES, of_controllers));
            let broker = if roles.contains("broker") { "PLAINTEXT://:9092" } else { "" };
            let of_node = own.map(|v| &v.endpoint).or(self.quorum.listener.as_ref());
            let controller = of_node.map(|at| format!("{}://:{}", at.name, at.port)).unwrap_or_default();
            let comma = if broker.is_empty() || controller.is_empty() { "" } else { "," };
            lines.push(properties::print(LISTENERS, &format!("{broker}{comma}{controller}")));
        }
        lines.extend(self.kept.iter().map(|k| properties::print(&k.key, &k.value)));
        for (index, definition) in DEFINITIONS.iter().enumerate() {
            let Some(value) = definition.value(self) else { continue };
            // Of two that set one field, the first that can say what it is.
            let internal = definition.default.is_none();
            let needed = if internal { !DEFINITIONS[index - 1].can_say(self) } else { definition.can_say(self) };
            if needed {
                lines.push(properties::print(definition.name, &value));
            }
        }
        lines.join("\n") + "\n"
    }
}
