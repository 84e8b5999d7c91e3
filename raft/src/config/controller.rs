//! One controller's properties: from text to [`ControllerConfig`], single settings, and back.
//!
//! Refusals follow Kafka's `KafkaConfig.validateValues` for a controller-only node, in the
//! order a reader can act on: role, id, voters, listeners, then the numbers.

use std::rc::Rc;

use super::definitions::{self, Definition, Kind};
use super::error::{ConfigError, Refused};
use super::properties::{self, Entry, Properties};
use super::{ControllerConfig, Kept, KeptWhy, Voter, listeners};
use crate::ids::NodeId;

const ROLES: &str = "process.roles";
const NODE_ID: &str = "node.id";
const BROKER_ID: &str = "broker.id";
const VOTERS: &str = "controller.quorum.voters";
const BOOTSTRAP: &str = "controller.quorum.bootstrap.servers";
const AUTO_JOIN: &str = "controller.quorum.auto.join.enable";
const LISTENER_NAMES: &str = "controller.listener.names";
const LISTENERS: &str = "listeners";
const ADVERTISED: &str = "advertised.listeners";
const PROTOCOLS: &str = "listener.security.protocol.map";
const INTER_BROKER: &str = "inter.broker.listener.name";
const SEGMENT_BYTES: &str = "metadata.log.segment.bytes";
const INTERNAL_SEGMENT_BYTES: &str = "internal.metadata.log.segment.bytes";

impl ControllerConfig {
    /// Reads one node's `.properties`; `file` is its name in messages.
    pub fn parse(file: &str, text: &str) -> Result<ControllerConfig, ConfigError> {
        let source = Source { file, properties: Properties::parse(file, text)? };
        source.shapes()?;
        source.roles()?;
        let node_id = source.node_id()?;
        let names = source.listener_names()?;
        source.quorum_kind()?;
        let voters = source.required(VOTERS, "the static voters, id@host:port of each", |list| {
            listeners::voters(list, &Rc::from(names[0].as_str()))
        })?;
        if !voters.iter().any(|v| v.id == node_id) {
            let ids: Vec<String> = voters.iter().map(|v| v.id.to_string()).collect();
            let problem = format!("node.id {node_id} has the role controller and is not among the voters");
            return Err(source.at(VOTERS, Refused::allowed(problem, format!("node.id of {}", ids.join(", ")))));
        }
        source.listeners(&names)?;
        source.directories()?;

        let mut config = ControllerConfig::new(node_id, voters.into());
        for definition in definitions::DEFINITIONS {
            source.number(definition, &mut config)?;
        }
        config.kept = source.kept();
        Ok(config)
    }

    /// Sets one property of a node that runs, by its Kafka name: `--set`, `[cluster.config]`, a knob.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        if !definitions::is_known(key) {
            return Err(format!("{key} = {value:?}: Kafka has no such property"));
        }
        let taken = definitions::find(key).and_then(|d| Some((d.kind, d.field?)));
        let Some((kind, field)) = taken else {
            let why = if matches!(key, NODE_ID | VOTERS | ROLES | LISTENERS | LISTENER_NAMES) {
                "each node's own, not to be set for all"
            } else {
                "known to Kafka, without effect here"
            };
            return Err(format!("{key} = {value:?}: {why}; allowed: {}", settable().join(", ")));
        };
        let number = kind.integer(value).map_err(|refused| {
            let allowed = refused.allowed.map(|a| format!("; allowed: {a}")).unwrap_or_default();
            format!("{key} = {value:?}: {}{allowed}", refused.problem)
        })?;
        (field.set)(self, number);
        Ok(())
    }

    /// The value of a property that takes effect, as it would be printed.
    pub fn get(&self, key: &str) -> Option<String> {
        definitions::find(key)?.field.map(|field| (field.get)(self).to_string())
    }

    /// This node as a `.properties` file: reading it gives an equal configuration. A node that
    /// is no voter (an observer) is printed with the role it would have in Kafka, broker.
    pub fn to_properties(&self) -> String {
        let kept = |key: &str| self.kept.iter().any(|k| k.key == key);
        let own = self.voters.iter().find(|v| v.id == self.node_id);
        let voters: Vec<String> = self.voters.iter().map(Voter::to_string).collect();

        let mut lines = vec![
            properties::print(ROLES, if own.is_some() { "controller" } else { "broker" }),
            properties::print(NODE_ID, &self.node_id.to_string()),
            properties::print(VOTERS, &voters.join(",")),
        ];
        if let (Some(own), false) = (own, kept(LISTENER_NAMES)) {
            lines.push(properties::print(LISTENER_NAMES, &own.endpoint.name));
            lines.push(properties::print(LISTENERS, &format!("{}://:{}", own.endpoint.name, own.endpoint.port)));
        }
        lines.extend(self.kept.iter().map(|k| properties::print(&k.key, &k.value)));
        let segments = if self.segment_bytes_are_internal() { SEGMENT_BYTES } else { INTERNAL_SEGMENT_BYTES };
        for definition in definitions::DEFINITIONS {
            if let (Some(field), true) = (definition.field, definition.name != segments) {
                lines.push(properties::print(definition.name, &(field.get)(self).to_string()));
            }
        }
        lines.join("\n") + "\n"
    }

    fn segment_bytes_are_internal(&self) -> bool {
        let public = definitions::find(SEGMENT_BYTES).map(|d| d.kind);
        public.is_some_and(|kind| kind.integer(&self.segment_bytes.to_string()).is_err())
    }
}

/// The properties that [`ControllerConfig::set`] takes.
fn settable() -> Vec<&'static str> {
    definitions::DEFINITIONS.iter().filter(|d| d.field.is_some()).map(|d| d.name).collect()
}

/// A file being read.
struct Source<'a> {
    file: &'a str,
    properties: Properties,
}

impl Source<'_> {
    /// Every known property has the shape its definition asks for.
    fn shapes(&self) -> Result<(), ConfigError> {
        for entry in self.properties.iter() {
            if let Some(definition) = definitions::find(&entry.key) {
                definition.kind.check(&entry.value).map_err(|refused| self.of(entry, refused))?;
            }
        }
        Ok(())
    }

    fn roles(&self) -> Result<(), ConfigError> {
        self.required(ROLES, "controller", |list| {
            let roles = listeners::items(list);
            for (index, role) in roles.iter().enumerate() {
                if !matches!(*role, "controller" | "broker") {
                    return Err(Refused::allowed(format!("{role:?} is no role"), "controller"));
                }
                if roles[..index].contains(role) {
                    return Err(Refused::allowed(format!("{role} stands in it twice"), "controller"));
                }
            }
            match roles.as_slice() {
                [] => Err(Refused::allowed("no role", "controller")),
                ["controller"] => Ok(()),
                _ => Err(Refused::allowed(
                    "brokers come with a later version; this one runs controllers that are nothing else",
                    "controller",
                )),
            }
        })
    }

    fn node_id(&self) -> Result<NodeId, ConfigError> {
        let integer = Kind::Integer { min: 0, max: i64::from(i32::MAX), unit: "" };
        let id = self.required(NODE_ID, "0..2147483647", |text| integer.integer(text))?;
        if let Some(old) = self.properties.get(BROKER_ID)
            && old.value.trim() != id.to_string()
        {
            return Err(self.of(old, Refused::allowed(format!("contradicts node.id = {id}"), id.to_string())));
        }
        Ok(NodeId(i32::try_from(id).expect("in range")))
    }

    /// `controller.listener.names`, normalised; at least one.
    fn listener_names(&self) -> Result<Vec<String>, ConfigError> {
        self.required(LISTENER_NAMES, "a name that stands in listeners, CONTROLLER usually", |list| {
            let names: Vec<String> = listeners::items(list).iter().map(|n| n.to_ascii_uppercase()).collect();
            if names.is_empty() || names.iter().any(String::is_empty) {
                return Err(Refused::new("an empty name"));
            }
            match (1..names.len()).find(|&i| names[..i].contains(&names[i])) {
                Some(index) => Err(Refused::new(format!("{} stands in it twice", names[index]))),
                None => Ok(names),
            }
        })
    }

    /// A quorum is found by static voters here; what a dynamic one needs is refused where it
    /// would be the only way, and kept where it would be ignored.
    fn quorum_kind(&self) -> Result<(), ConfigError> {
        let bootstrap = self.properties.get(BOOTSTRAP);
        if let Some(entry) = bootstrap {
            for server in listeners::items(&entry.value) {
                listeners::host_and_port(server).map_err(|why| {
                    self.of(entry, Refused::allowed(format!("{server:?}: {why}"), "host:port, separated by commas"))
                })?;
            }
        }
        let no_voters = self.properties.get(VOTERS).is_none_or(|e| e.value.trim().is_empty());
        match bootstrap {
            Some(entry) if no_voters && !entry.value.trim().is_empty() => {
                let problem = "a dynamic quorum comes with a later version; this one needs controller.quorum.voters";
                Err(self.of(entry, Refused::new(problem)))
            }
            _ => match self.properties.get(AUTO_JOIN) {
                Some(entry) if entry.value.trim().eq_ignore_ascii_case("true") => {
                    let problem = "joining a quorum comes with a later version";
                    Err(self.of(entry, Refused::allowed(problem, "false")))
                }
                _ => Ok(()),
            },
        }
    }

    /// The listeners of a controller-only node are its controller listeners, all of them.
    fn listeners(&self, names: &[String]) -> Result<(), ConfigError> {
        let list = "NAME://host:port for each name in controller.listener.names";
        let own = self.required(LISTENERS, list, listeners::listeners)?;
        for name in names {
            if !own.iter().any(|l| l.name == *name) {
                let problem = format!("listener {name} does not stand in listeners");
                let present: Vec<&str> = own.iter().map(|l| l.name.as_str()).collect();
                return Err(self.at(LISTENER_NAMES, Refused::allowed(problem, present.join(", "))));
            }
        }
        if let Some(other) = own.iter().find(|l| !names.contains(&l.name)) {
            let problem = format!(
                "listener {} is not in controller.listener.names, and this node is only a controller",
                other.name
            );
            return Err(self.at(LISTENERS, Refused::allowed(problem, names.join(", "))));
        }

        if let Some(entry) = self.properties.get(ADVERTISED) {
            let advertised = listeners::listeners(&entry.value).map_err(|refused| self.of(entry, refused))?;
            for listener in &advertised {
                if listener.host == "0.0.0.0" {
                    return Err(self.of(entry, Refused::new("0.0.0.0 is no address to connect to")));
                }
                if !own.iter().any(|l| l.name == listener.name) {
                    let problem = format!("listener {} does not stand in listeners", listener.name);
                    return Err(self.of(entry, Refused::allowed(problem, names.join(", "))));
                }
            }
        }

        if let Some(entry) = self.properties.get(INTER_BROKER)
            && names.contains(&entry.value.trim().to_ascii_uppercase())
        {
            return Err(
                self.of(entry, Refused::new("is a controller listener, which brokers do not use among themselves"))
            );
        }

        let known = match self.properties.get(PROTOCOLS) {
            Some(entry) => listeners::security_protocols(&entry.value).map_err(|refused| self.of(entry, refused))?,
            None => listeners::default_names(&names.iter().map(String::as_str).collect::<Vec<_>>()),
        };
        match names.iter().find(|name| !known.contains(name)) {
            Some(name) if self.properties.get(PROTOCOLS).is_some() => {
                Err(self.at(PROTOCOLS, Refused::new(format!("no security protocol for listener {name}"))))
            }
            Some(name) => Err(self.at(
                LISTENER_NAMES,
                Refused::new(format!("listener {name} needs an entry in listener.security.protocol.map")),
            )),
            None => Ok(()),
        }
    }

    /// Directories are kept, not used: a node has one simulated disk. Empty lists are refused.
    fn directories(&self) -> Result<(), ConfigError> {
        for key in ["log.dirs", "log.dir", "metadata.log.dir"] {
            if let Some(entry) = self.properties.get(key)
                && (entry.value.trim().is_empty() || listeners::items(&entry.value).contains(&""))
            {
                return Err(self.of(entry, Refused::allowed("an empty directory name", "at least one directory")));
            }
        }
        Ok(())
    }

    /// Applies one number of the file. The table lists the internal segment size behind the
    /// public one, so it wins, as in Kafka.
    fn number(&self, definition: &Definition, config: &mut ControllerConfig) -> Result<(), ConfigError> {
        let (Some(field), Some(entry)) = (definition.field, self.properties.get(definition.name)) else {
            return Ok(());
        };
        let number = definition.kind.integer(&entry.value).map_err(|refused| self.of(entry, refused))?;
        (field.set)(config, number);
        Ok(())
    }

    /// What changes nothing, with the reason.
    fn kept(&self) -> Rc<[Kept]> {
        let regenerated = |e: &&Entry| {
            !matches!(e.key.as_str(), ROLES | NODE_ID | VOTERS)
                && definitions::find(&e.key).is_none_or(|d| d.field.is_none())
        };
        let keep = |e: &Entry| {
            let why = match e.key.as_str() {
                LISTENER_NAMES | LISTENERS | ADVERTISED | PROTOCOLS | INTER_BROKER | BROKER_ID => KeptWhy::Checked,
                key if definitions::is_known(key) => KeptWhy::NotSimulated,
                _ => KeptWhy::Unrecognised,
            };
            Kept { key: e.key.clone(), value: e.value.clone(), line: e.line, why }
        };
        self.properties.iter().filter(regenerated).map(keep).collect()
    }

    /// Reads a property that must stand in the file.
    fn required<T>(
        &self,
        key: &str,
        allowed: &str,
        read: impl FnOnce(&str) -> Result<T, Refused>,
    ) -> Result<T, ConfigError> {
        let entry = self.properties.get(key).filter(|e| key == ROLES || !e.value.trim().is_empty());
        match entry {
            Some(entry) => read(&entry.value).map_err(|refused| self.of(entry, refused)),
            None => Err(self.at(key, Refused::allowed("is missing", allowed))),
        }
    }

    /// A refusal of a property, wherever it stands.
    fn at(&self, key: &str, refused: Refused) -> ConfigError {
        match self.properties.get(key) {
            Some(entry) => self.of(entry, refused),
            None => ConfigError {
                key: Some(key.into()),
                allowed: refused.allowed.map(Into::into),
                ..ConfigError::in_file(self.file, refused.problem)
            },
        }
    }

    fn of(&self, entry: &Entry, refused: Refused) -> ConfigError {
        ConfigError {
            line: Some(entry.line),
            key: Some(entry.key.as_str().into()),
            value: Some(entry.value.as_str().into()),
            allowed: refused.allowed.map(Into::into),
            ..ConfigError::in_file(self.file, refused.problem)
        }
    }
}
