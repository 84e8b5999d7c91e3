//! A file being read: its roles, its ids, how it finds the quorum, and what it says in vain.
//!
//! Refusals are in the words of Kafka's `KafkaConfig.validateValues`, `KRaftConfigs` and
//! `QuorumConfig`, in the order a reader can act on: roles, id, voters, listeners, then numbers.

use std::rc::Rc;

use super::definitions::{self, DEFINITIONS, Definition, PropertyKind};
use super::error::{ConfigError, ConfigErrors, Refused};
use super::properties::{Properties, Property};
use super::{Kept, KeptWhy, NodeConfig, Roles, Voter, listeners};
use crate::ids::NodeId;
use crate::message::Endpoint;

pub(super) const ROLES: &str = "process.roles";
pub(super) const NODE_ID: &str = "node.id";
pub(super) const VOTERS: &str = "controller.quorum.voters";
pub(super) const LISTENER_NAMES: &str = "controller.listener.names";
pub(super) const LISTENERS: &str = "listeners";
pub(super) const ADVERTISED: &str = "advertised.listeners";
pub(super) const PROTOCOLS: &str = "listener.security.protocol.map";
pub(super) const INTER_BROKER: &str = "inter.broker.listener.name";
pub(super) const INTER_BROKER_PROTOCOL: &str = "security.inter.broker.protocol";
pub(super) const BROKER_ID: &str = "broker.id";
pub(super) const BOOTSTRAP: &str = "controller.quorum.bootstrap.servers";
const AUTO_JOIN: &str = "controller.quorum.auto.join.enable";

/// A file being read.
pub(super) struct Source<'a> {
    /// Its name in messages.
    pub file: &'a str,
    pub properties: Properties,
    /// The voters of a file that names bootstrap servers alone.
    pub assumed_voters: Option<Rc<[Voter]>>,
}

impl Source<'_> {
    /// All of it. Every value that is wrong by itself is reported, and the first contradiction.
    pub fn read(&self) -> Result<NodeConfig, ConfigErrors> {
        let mut wrong = self.shapes();
        match self.node() {
            Ok(config) if wrong.is_empty() => return Ok(config),
            Err(error) if wrong.iter().all(|other| other.key != error.key) => wrong.push(error),
            _ => {}
        }
        Err(ConfigErrors(wrong))
    }

    fn node(&self) -> Result<NodeConfig, ConfigError> {
        let roles = self.roles()?;
        let node_id = self.node_id()?;
        let names = self.listener_names(roles)?;
        self.quorum_kind(roles)?;
        let voters = self.voters(roles, node_id, &names[0])?;
        self.endpoints(roles, &names)?;
        self.directories()?;

        let mut config = NodeConfig::new(node_id, roles, voters);
        if self.is_dynamic() {
            config.make_dynamic(Rc::from([]));
            config.quorum.listener = roles.controller.then(|| self.as_voter(node_id).endpoint);
        }
        for definition in DEFINITIONS {
            self.number(definition, &mut config)?;
        }
        config.kept = self.kept();
        match config.contradiction() {
            Some(contradiction) => {
                Err(self.at(contradiction.key_among(|key| self.properties.get(key).is_some()), contradiction.into()))
            }
            None => Ok(config),
        }
    }

    /// The properties that do not have the shape that their definition requires.
    fn shapes(&self) -> Vec<ConfigError> {
        let shape = |entry: &Property| {
            let definition = definitions::find(&entry.key)?;
            if definition.kind != PropertyKind::Text && entry.value.contains("${") {
                let problem = "configuration providers are not run; write the value itself";
                return Some(self.of(entry, Refused::new(problem)));
            }
            definition.kind.check(&entry.value).err().map(|refused| self.of(entry, refused))
        };
        self.properties.iter().filter_map(shape).collect()
    }

    pub fn roles(&self) -> Result<Roles, ConfigError> {
        const ALLOWED: &str = "controller, broker, or both as broker,controller";
        self.required(ROLES, ALLOWED, |list| {
            let roles = listeners::items(list);
            for (index, role) in roles.iter().enumerate() {
                if !matches!(*role, "controller" | "broker") {
                    return Err(Refused::allowed("String must be one of: broker, controller", ALLOWED));
                }
                if roles[..index].contains(role) {
                    let problem = format!("Duplicate role names found in `process.roles`: {role}");
                    return Err(Refused::allowed(problem, ALLOWED));
                }
            }
            Ok(Roles { controller: roles.contains(&"controller"), broker: roles.contains(&"broker") })
        })
    }

    /// `node.id`, or `broker.id` where it stands alone (`AbstractKafkaConfig.populateSynonyms`).
    pub fn node_id(&self) -> Result<NodeId, ConfigError> {
        let integer = PropertyKind::Integer { min: 0, max: i64::from(i32::MAX), unit: "" };
        let id = self.required(self.id_key(), "0..2147483647", |text| integer.number(text))?;
        if let Some(old) = self.properties.get(BROKER_ID)
            && old.value.trim() != id.to_string()
        {
            let problem = "You must set `node.id` to the same value as `broker.id`.";
            return Err(self.of(old, Refused::allowed(problem, id.to_string())));
        }
        Ok(NodeId(i32::try_from(id).expect("in range")))
    }

    /// The property that says which node this is.
    pub fn id_key(&self) -> &'static str {
        let is_old = self.properties.get(NODE_ID).is_none() && self.properties.get(BROKER_ID).is_some();
        if is_old { BROKER_ID } else { NODE_ID }
    }

    /// Is the quorum to be found by `controller.quorum.bootstrap.servers` alone?
    pub fn is_dynamic(&self) -> bool {
        let has = |key| self.properties.get(key).is_some_and(|entry: &Property| !entry.value.trim().is_empty());
        has(BOOTSTRAP) && !has(VOTERS)
    }

    /// This controller as a voter: its controller listener as it is advertised, or as it is listened
    /// on. What is wrong with these is found when the file is read.
    pub fn as_voter(&self, node_id: NodeId) -> Voter {
        let text = |key| self.properties.get(key).map_or("", |entry: &Property| entry.value.as_str());
        let name =
            listeners::items(text(LISTENER_NAMES)).first().map_or("CONTROLLER".into(), |n| n.to_ascii_uppercase());
        let of_name = |key, distinct| {
            let all = listeners::listeners(text(key), distinct).unwrap_or_default();
            all.into_iter().find(|listener| listener.name == name)
        };
        let (advertised, own) = (of_name(ADVERTISED, false), of_name(LISTENERS, true));
        let hosts = [&advertised, &own].into_iter().flatten().map(|listener| listener.host.clone());
        let host = hosts.into_iter().find(|host| !host.is_empty()).unwrap_or_else(|| format!("controller-{node_id}"));
        let port = advertised.or(own).map_or(0, |listener| listener.port);
        Voter { id: node_id, endpoint: Endpoint { name: name.into(), host: host.into(), port } }
    }

    /// The static voters, ascending; controllers are among them, brokers are not.
    fn voters(&self, roles: Roles, node_id: NodeId, listener: &str) -> Result<Rc<[Voter]>, ConfigError> {
        if let Some(voters) = &self.assumed_voters {
            return Ok(voters.clone());
        }
        let Some(entry) = self.properties.get(VOTERS).filter(|entry| !entry.value.trim().is_empty()) else {
            let problem = "If using process.roles, either controller.quorum.bootstrap.servers must contain the set \
                           of bootstrap controllers or controller.quorum.voters must contain a parseable set of \
                           controllers.";
            let allowed = "host:port of each controller in controller.quorum.bootstrap.servers, or the static voters, \
                           id@host:port of each, in controller.quorum.voters";
            let key = if self.properties.get(BOOTSTRAP).is_some() { BOOTSTRAP } else { VOTERS };
            return Err(self.at(key, Refused::allowed(problem, allowed)));
        };
        let voters = listeners::voters(&entry.value, &listener.into()).map_err(|refused| self.of(entry, refused))?;
        let ids = || voters.iter().map(|voter| voter.id.to_string()).collect::<Vec<_>>().join(", ");
        let is_voter = voters.iter().any(|voter| voter.id == node_id);
        if roles.controller && !is_voter {
            let problem = format!(
                "If process.roles contains the 'controller' role, the node id {node_id} must be included in the set \
                 of voters controller.quorum.voters=Set({})",
                ids()
            );
            return Err(self.of(entry, Refused::new(problem)));
        }
        if !roles.controller && is_voter {
            let problem = format!(
                "If process.roles contains just the 'broker' role, the node id {node_id} must not be included in the \
                 set of voters controller.quorum.voters=Set({})",
                ids()
            );
            return Err(self.of(entry, Refused::new(problem)));
        }
        Ok(voters.into())
    }

    /// `controller.listener.names`, normalised; at least one.
    fn listener_names(&self, roles: Roles) -> Result<Vec<String>, ConfigError> {
        let Some(entry) = self.properties.get(LISTENER_NAMES).filter(|entry| !entry.value.trim().is_empty()) else {
            let problem = if roles.controller {
                "controller.listener.names must contain at least one value appearing in the 'listeners' configuration \
                 when running the KRaft controller role"
            } else {
                "controller.listener.names must contain at least one value when running KRaft with just the broker role"
            };
            let allowed = "the name of the controllers' listener, CONTROLLER usually";
            return Err(self.at(LISTENER_NAMES, Refused::allowed(problem, allowed)));
        };
        let names: Vec<String> = listeners::items(&entry.value).iter().map(|n| n.to_ascii_uppercase()).collect();
        if names.iter().any(String::is_empty) {
            return Err(self.of(entry, Refused::new("an empty name")));
        }
        match (1..names.len()).find(|&i| names[..i].contains(&names[i])) {
            Some(index) => Err(self.of(entry, Refused::new(format!("{} is listed twice", names[index])))),
            None => Ok(names),
        }
    }

    /// How the quorum is found. The voters of a dynamic one are in no file: those that its disks are formatted with are
    /// assumed, from the files of all nodes.
    fn quorum_kind(&self, roles: Roles) -> Result<(), ConfigError> {
        let bootstrap = self.properties.get(BOOTSTRAP);
        if let Some(entry) = bootstrap {
            for server in listeners::items(&entry.value) {
                listeners::host_and_port(server).map_err(|why| {
                    self.of(entry, Refused::allowed(format!("{server:?}: {why}"), "host:port, separated by commas"))
                })?;
            }
        }
        match bootstrap {
            Some(entry) if self.is_dynamic() && self.assumed_voters.is_none() => {
                let problem = "these name no voters; the voters are taken from the files of all nodes, or from controller.quorum.voters";
                Err(self.of(entry, Refused::new(problem)))
            }
            _ => match self.properties.get(AUTO_JOIN) {
                Some(entry) if entry.value.trim().eq_ignore_ascii_case("true") && !roles.controller => {
                    let problem = "controller.quorum.auto.join.enable is only supported when process.roles contains \
                                   the 'controller' role.";
                    Err(self.of(entry, Refused::allowed(problem, "false")))
                }
                _ => Ok(()),
            },
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

    /// Applies one number of the file. The table lists what wins behind what it wins over.
    fn number(&self, definition: &Definition, config: &mut NodeConfig) -> Result<(), ConfigError> {
        let (Some(field), Some(entry)) = (definition.field, self.properties.get(definition.name)) else {
            return Ok(());
        };
        let number = definition.kind.number(&entry.value).map_err(|refused| self.of(entry, refused))?;
        (field.set)(config, number);
        Ok(())
    }

    /// What changes nothing, with the reason.
    fn kept(&self) -> Rc<[Kept]> {
        let regenerated = |e: &&Property| {
            !matches!(e.key.as_str(), ROLES | NODE_ID | VOTERS | BOOTSTRAP)
                && definitions::find(&e.key).is_none_or(|d| d.field.is_none())
        };
        let keep = |e: &Property| {
            let why = match e.key.as_str() {
                LISTENER_NAMES
                | LISTENERS
                | ADVERTISED
                | PROTOCOLS
                | INTER_BROKER
                | INTER_BROKER_PROTOCOL
                | BROKER_ID => KeptWhy::Checked,
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
        match self.properties.get(key).filter(|entry| !entry.value.trim().is_empty()) {
            Some(entry) => read(&entry.value).map_err(|refused| self.of(entry, refused)),
            None => {
                let problem = format!("Missing required configuration \"{key}\" which has no default value.");
                Err(self.at(key, Refused::allowed(problem, allowed)))
            }
        }
    }

    /// A refusal of a property, wherever it stands.
    pub fn at(&self, key: &str, refused: Refused) -> ConfigError {
        match self.properties.get(key) {
            Some(entry) => self.of(entry, refused),
            None => ConfigError {
                key: Some(key.into()),
                allowed: refused.allowed.map(Into::into),
                ..ConfigError::in_file(self.file, refused.problem)
            },
        }
    }

    pub fn of(&self, entry: &Property, refused: Refused) -> ConfigError {
        ConfigError {
            line: Some(entry.line),
            key: Some(entry.key.as_str().into()),
            value: Some(entry.value.as_str().into()),
            allowed: refused.allowed.map(Into::into),
            ..ConfigError::in_file(self.file, refused.problem)
        }
    }
}
