//! `[cluster]`: the number of nodes, or their `.properties`, and the properties that all of them have; `usage`: which
//! of these take effect.

mod named_nodes;
pub mod usage;

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use raft::config::definitions;
pub use raft::config::definitions::{HIDDEN, is_secret};
pub use raft::config::properties::without_secrets;
use raft::config::{BootstrapServer, ClusterFiles, ConfigErrors, NodeConfig, Roles, Voter, read_cluster};
use raft::controller::settings::{ELR_VERSION, Feature, METADATA_VERSION, level};
use raft::ids::NodeId;
use raft::message::Endpoint;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize as DeriveDeserialize, Serialize};

use crate::scenario::error::{Refusal, ScenarioError};
use crate::scenario::nearest_property::nearest_property;
use crate::scenario::values::Nanos;

/// The allowed voter counts of a quorum: odd, for an even one tolerates no more faults.
pub const VOTER_COUNTS: [u16; 4] = [1, 3, 5, 7];

/// `node.id` of the first isolated broker; the other ids are consecutive.
pub const FIRST_BROKER: i32 = 101;

/// Of a controller that no file configures.
pub const CONTROLLER_PORT: u16 = 9093;
const MAX_BROKERS: u16 = 32;
/// 4.1-IV0: from this level on a new cluster has ELR unless it is disabled (Kafka's `EligibleLeaderReplicasVersion`).
const ELR_BY_DEFAULT: i16 = 26;

/// `[cluster]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, DeriveDeserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cluster {
    /// Voters 1, 2, …; 3 by default. Excludes `properties` and `node`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voters: Option<u16>,
    /// Observers in addition to the voters, in a cluster without brokers.
    pub observers: u16,
    /// The voters are in the metadata log (`kafka-storage format --initial-controllers`), and are found by
    /// `controller.quorum.bootstrap.servers`.
    #[serde(skip_serializing_if = "is_false")]
    pub dynamic: bool,
    /// `kraft.version` at format, of a dynamic quorum; 1 by default. With 0 the voters are static at first, and the operators
    /// upgrade the quorum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kraft_version: Option<i16>,
    /// Controllers of a dynamic quorum that are no voters at first, with the ids behind those of the voters.
    #[serde(skip_serializing_if = "is_zero")]
    pub spare_controllers: u16,
    /// Of a dynamic quorum from files, the controllers whose disks are formatted as voters (`kafka-storage format
    /// --initial-controllers`); none: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub initial_controllers: Vec<i32>,
    /// Servers whose disks are formatted with another cluster id than those of the others (`kafka-storage format
    /// --cluster-id`), by `node.id`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_cluster: Vec<i32>,
    /// The controller of a dynamic quorum without brokers whose port may be another one after each start of its process
    /// (`advertised.listeners`), by `node.id`; at most one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub moving: Vec<i32>,
    /// Isolated brokers 101, 102, …
    #[serde(skip_serializing_if = "is_zero")]
    pub brokers: u16,
    /// The voters are brokers too (`process.roles=broker,controller`).
    #[serde(skip_serializing_if = "is_false")]
    pub combined: bool,
    /// `kafka-storage format --feature metadata.version=LEVEL`; by default the latest for production.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata_version: Option<i16>,
    /// `kafka-storage format --feature eligible.leader.replicas.version=1` (or 0); by default Kafka's default for this
    /// `metadata.version`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elr: Option<bool>,
    /// The time after which a process that ended by itself (after a failed disk, for example) is started again.
    pub restart_after: Nanos,
    /// Paths of Kafka `.properties`, one per node, relative to the scenario's file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<String>,
    /// Kafka properties for all nodes; they override those of the nodes' files.
    #[serde(skip_serializing_if = "Properties::is_empty")]
    pub config: Properties,
    /// The content of the nodes' `.properties`, once read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub node: Vec<NodeFile>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, DeriveDeserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeFile {
    pub file: String,
    /// Its text, without secrets.
    pub text: String,
}

impl NodeFile {
    /// This file with its secrets hidden: no part of a run depends on them, and the text is stored and printed with a
    /// run.
    pub fn new(file: impl Into<String>, text: &str) -> NodeFile {
        NodeFile { file: file.into(), text: without_secrets(text) }
    }
}

impl Default for Cluster {
    fn default() -> Cluster {
        Cluster {
            voters: None,
            observers: 0,
            dynamic: false,
            kraft_version: None,
            spare_controllers: 0,
            initial_controllers: Vec::new(),
            other_cluster: Vec::new(),
            moving: Vec::new(),
            brokers: 0,
            combined: false,
            metadata_version: None,
            elr: None,
            restart_after: Nanos::from_ms(2_000),
            properties: Vec::new(),
            config: Properties::default(),
            node: Vec::new(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(value: &u16) -> bool {
    *value == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(value: &bool) -> bool {
    !*value
}

impl Cluster {
    pub fn voter_count(&self) -> usize {
        match self.node.first() {
            None => usize::from(self.voters.unwrap_or(3)),
            // All files have the same voters.
            Some(_) => self.configs().map_or(0, |nodes| nodes.first().map_or(0, |node| node.quorum.voters.len())),
        }
    }

    /// The controllers, which are the first servers.
    pub fn controller_count(&self) -> usize {
        match self.node.is_empty() {
            true => self.voter_count() + usize::from(self.spare_controllers),
            false => {
                let is_controller = |config: &&NodeConfig| config.roles.controller;
                self.configs().map_or(0, |configs| configs.iter().filter(is_controller).count())
            }
        }
    }

    /// Whether the voters are in the metadata log (KIP-853).
    pub fn is_dynamic(&self) -> bool {
        self.dynamic
            || self.begins_static()
            || (!self.node.is_empty() && self.files().is_ok_and(|files| files.is_dynamic))
    }

    /// Whether the voters are in the metadata log only after an upgrade of `kraft.version`.
    pub fn begins_static(&self) -> bool {
        self.kraft_version == Some(0)
    }

    /// Whether some node is a broker. Without one the quorum runs a model of a state machine.
    pub fn has_brokers(&self) -> bool {
        let is_broker = |files: ClusterFiles| files.nodes.iter().any(|node| node.config.roles.broker);
        self.brokers > 0 || self.combined || (!self.node.is_empty() && self.files().is_ok_and(is_broker))
    }

    /// Hides the secrets in properties that came from a scenario's file.
    pub(in crate::scenario) fn hide_secrets(&mut self) {
        for node in &mut self.node {
            node.text = without_secrets(&node.text);
        }
        for (name, value) in &mut self.config.0 {
            if is_secret(name) {
                HIDDEN.clone_into(value);
            }
        }
    }

    /// Where a file sets this property to this number, as `FILE:LINE`; none if `config` sets it, or no file does.
    pub(in crate::scenario) fn place(&self, property: &str, number: i64) -> Option<String> {
        if self.config.0.contains_key(property) {
            return None;
        }
        let files = self.files().ok()?;
        files.nodes.iter().filter(|node| node.config.roles.controller).find_map(|node| {
            let entry = node.properties.get(property)?;
            (entry.value.trim().parse() == Ok(number)).then(|| format!("{}:{}", node.file, entry.line))
        })
    }

    /// The nodes' `.properties`, read.
    fn files(&self) -> Result<ClusterFiles, ConfigErrors> {
        read_cluster(self.node.iter().map(|n| (n.file.clone(), n.text.clone())).collect())
    }

    /// Whether formatting finalizes KIP-966's feature.
    pub fn has_elr(&self) -> bool {
        self.elr.unwrap_or(self.metadata_level() >= ELR_BY_DEFAULT)
    }

    fn metadata_level(&self) -> i16 {
        self.metadata_version.unwrap_or(level::LATEST)
    }

    /// All servers: those with the controller's role ascending by id, then observers, then brokers.
    pub fn configs(&self) -> Result<Vec<NodeConfig>, ScenarioError> {
        let features = self.features();
        let set_up = |config: &mut NodeConfig| {
            config.controller.bootstrap = features.clone();
            let settings = self.config.0.iter().map(|(key, value)| (key.as_str(), value.as_str()));
            config.set_all(settings).map_err(ScenarioError)
        };
        if self.node.is_empty() {
            // Created once: the start of a run must be cheap.
            let mut first = NodeConfig::new(NodeId(1), Roles::CONTROLLER, self.generated_voters());
            set_up(&mut first)?;
            if self.dynamic {
                let controllers = self.generated_nodes().filter(|(_, roles)| roles.controller);
                first.make_dynamic(controllers.map(|(id, _)| bootstrap_server(id)).collect());
            }
            if self.begins_static() {
                first.controller.kraft_version = 0;
            }
            let node = |(id, roles): (NodeId, Roles)| {
                let mut node = first.for_node(id, roles);
                node.quorum.listener = (self.dynamic && roles.controller).then(|| controller_endpoint(id));
                // KafkaConfig refuses `controller.quorum.voters` without the node itself on a controller. A broker needs
                // it: it finds the active controller in the voter set only (`KafkaRaftClient.voterNode`).
                let is_spare = roles.controller && node.quorum.voters.iter().all(|voter| voter.id != id);
                if self.begins_static() && !is_spare {
                    node.quorum.is_dynamic = false;
                    node.controller.voters = node.quorum.voters.iter().map(|voter| voter.id).collect();
                }
                node
            };
            return Ok(self.generated_nodes().map(node).collect());
        }
        let mut configs: Vec<NodeConfig> = self.files()?.nodes.into_iter().map(|node| node.config).collect();
        configs.iter_mut().try_for_each(set_up)?;
        if self.begins_static() {
            // A voter states its listener to the leader that is to upgrade the quorum.
            let controllers = configs.iter_mut().filter(|config| config.roles.controller);
            controllers.for_each(|config| config.quorum.listener = config.quorum.endpoint().cloned());
        }
        if !self.initial_controllers.is_empty() {
            let is_initial = |voter: &&Voter| self.initial_controllers.contains(&voter.id.0);
            let all = configs.first().map_or_else(Rc::default, |first| Rc::clone(&first.quorum.voters));
            let initial: Rc<[Voter]> = all.iter().filter(is_initial).cloned().collect();
            configs.iter_mut().for_each(|config| config.quorum.voters = Rc::clone(&initial));
        }
        Ok(configs)
    }

    fn generated_voters(&self) -> Rc<[Voter]> {
        let voter = |id| Voter { id: NodeId(id), endpoint: controller_endpoint(NodeId(id)) };
        (1..=i32::from(self.voters.unwrap_or(3))).map(voter).collect()
    }

    fn generated_nodes(&self) -> impl Iterator<Item = (NodeId, Roles)> {
        let voters = i32::from(self.voters.unwrap_or(3));
        let of_voters = if self.combined { Roles::COMBINED } else { Roles::CONTROLLER };
        let spares = (voters + 1..=voters + i32::from(self.spare_controllers)).map(move |id| (id, of_voters));
        let observers = voters + 1..=voters + i32::from(self.observers);
        let brokers = FIRST_BROKER..FIRST_BROKER + i32::from(self.brokers);
        let nodes = (1..=voters).map(move |id| (id, of_voters)).chain(spares);
        let nodes = nodes.chain(observers.map(|id| (id, Roles::OBSERVER)));
        nodes.chain(brokers.map(|id| (id, Roles::BROKER))).map(|(id, roles)| (NodeId(id), roles))
    }

    /// The features that `kafka-storage format` writes into the bootstrap checkpoint (controller-broker.md §7.3).
    fn features(&self) -> Rc<[Feature]> {
        let metadata = Feature { name: METADATA_VERSION.into(), level: self.metadata_level() };
        let elr = Feature { name: ELR_VERSION.into(), level: 1 };
        if self.has_elr() { Rc::from([metadata, elr]) } else { Rc::from([metadata]) }
    }

    /// Nodes with `controller.quorum.voters` have level 0, which operators may raise; others have level 1 (KIP-853).
    fn check_kraft_version(&self, from_files: bool) -> Result<(), Refusal> {
        let Some(level) = self.kraft_version else { return Ok(()) };
        // Files that cannot be read have their own error.
        if !self.node.is_empty() && self.files().is_err() {
            return Ok(());
        }
        let (allowed, words): (&[i16], _) = match from_files {
            true if self.files().is_ok_and(|files| files.is_dynamic) => {
                (&[1], "1, of nodes without controller.quorum.voters")
            }
            true => (&[0], "0, of nodes with controller.quorum.voters"),
            false if self.dynamic => (&[0, 1], "0, 1"),
            false => (&[], "none without cluster.dynamic"),
        };
        match allowed.contains(&level) {
            true => Ok(()),
            false => Err(Refusal::new("cluster.kraft_version", format!("{level}; allowed: {words}"))),
        }
    }

    pub(in crate::scenario) fn check(&self) -> Result<(), Refusal> {
        let from_files = !self.properties.is_empty() || !self.node.is_empty();
        if let Some(voters) = self.voters {
            if from_files {
                return Err(Refusal::new("cluster.voters", "the nodes' .properties name the voters; leave one out"));
            }
            if !VOTER_COUNTS.contains(&voters) {
                return Err(Refusal::new("cluster.voters", format!("{voters} voters; allowed: 1, 3, 5, 7")));
            }
        }
        if self.dynamic && from_files {
            return Err(Refusal::new("cluster.dynamic", "the nodes' .properties say so; leave one out"));
        }
        self.check_kraft_version(from_files)?;
        if self.begins_static() && !self.has_brokers() && (self.node.is_empty() || self.files().is_ok()) {
            let problem = "0; a quorum without brokers has no controller that upgrades it; allowed: 1";
            return Err(Refusal::new("cluster.kraft_version", problem));
        }
        self.check_initial_controllers()?;
        self.check_other_cluster()?;
        self.check_moving()?;
        if self.spare_controllers > 0 && (!self.dynamic || self.observers > 0) {
            let problem = "these need cluster.dynamic, and no cluster.observers; allowed: 0";
            return Err(Refusal::new("cluster.spare_controllers", problem));
        }
        if self.spare_controllers > 8 {
            let problem = format!("{} spare controllers; allowed: 0..8", self.spare_controllers);
            return Err(Refusal::new("cluster.spare_controllers", problem));
        }
        if self.observers > 8 {
            return Err(Refusal::new("cluster.observers", format!("{} observers; allowed: 0..8", self.observers)));
        }
        if from_files && self.observers > 0 {
            return Err(Refusal::new("cluster.observers", "the nodes' .properties name all nodes; allowed: 0"));
        }
        if from_files && (self.brokers > 0 || self.combined) {
            let name = if self.brokers > 0 { "brokers" } else { "combined" };
            let problem = "the nodes' .properties have their process.roles; leave one out";
            return Err(Refusal::new(format!("cluster.{name}"), problem));
        }
        if self.brokers > MAX_BROKERS {
            let problem = format!("{} brokers; allowed: 0..{MAX_BROKERS}", self.brokers);
            return Err(Refusal::new("cluster.brokers", problem));
        }
        if self.observers > 0 && (self.brokers > 0 || self.combined) {
            let problem = "brokers observe the quorum themselves; allowed: 0 in a cluster with brokers";
            return Err(Refusal::new("cluster.observers", problem));
        }
        self.check_features()?;
        let mut probe = NodeConfig::new(NodeId(1), Roles::COMBINED, Rc::from([]));
        for (key, value) in &self.config.0 {
            probe.set(key, value).map_err(|problem| {
                let problem = problem.strip_prefix(key.as_str()).unwrap_or(&problem).trim_start_matches(": ");
                let nearest = nearest_property(key).filter(|_| !definitions::is_known(key));
                let meant = nearest.map(|known| format!("; did you mean {known}?")).unwrap_or_default();
                Refusal::new(format!("cluster.config.{key}"), format!("{problem}{meant}"))
            })?;
        }
        // These contradict the values of the files, if there are files.
        match probe.contradiction().filter(|_| self.node.is_empty()) {
            Some(contradiction) => {
                let key = contradiction.key_among(|key| self.config.0.contains_key(key));
                let value = probe.get(key).unwrap_or_default();
                let problem = format!(" = {value:?}: {}", contradiction.problem);
                Err(Refusal::new(format!("cluster.config.{key}"), problem))
            }
            None => Ok(()),
        }
    }
}

impl Cluster {
    /// Checks the features as `kafka-storage format` does.
    fn check_features(&self) -> Result<(), Refusal> {
        let metadata = self.metadata_level();
        if !(level::MINIMUM..=level::LATEST).contains(&metadata) {
            let problem = format!("{metadata}; allowed: {}..{}", level::MINIMUM, level::LATEST);
            return Err(Refusal::new("cluster.metadata_version", problem));
        }
        if self.elr == Some(true) && metadata < level::ELR {
            let problem = format!(
                "{ELR_VERSION} could not be set to 1 because it depends on {METADATA_VERSION} level {}",
                level::ELR
            );
            return Err(Refusal::new("cluster.elr", problem));
        }
        Ok(())
    }
}

/// Kafka properties by name. In TOML their dots may be quoted or not, and numbers need no quotes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Properties(pub BTreeMap<String, String>);

impl Properties {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> Deserialize<'de> for Properties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Properties, D::Error> {
        flat(deserializer, |value| Ok(value.into())).map(Properties)
    }
}

/// Reads nested tables as one table with dotted names.
pub(in crate::scenario) fn flat<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    read: fn(&str) -> Result<T, String>,
) -> Result<BTreeMap<String, T>, D::Error> {
    let mut values = BTreeMap::new();
    Flat { prefix: String::new(), values: &mut values, read }.deserialize(deserializer)?;
    Ok(values)
}

struct Flat<'a, T> {
    prefix: String,
    values: &'a mut BTreeMap<String, T>,
    read: fn(&str) -> Result<T, String>,
}

impl<'de, T> DeserializeSeed<'de> for Flat<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T> Visitor<'de> for Flat<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.prefix.is_empty() {
            "a table of names and values"
        } else {
            "a string, a number or a boolean"
        })
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        if self.prefix.is_empty() {
            return Err(E::custom("this is no table"));
        }
        self.values.insert(self.prefix, (self.read)(value).map_err(E::custom)?);
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.visit_str(&value.to_string())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.visit_str(&value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.visit_str(&value.to_string())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            let prefix = if self.prefix.is_empty() { key } else { format!("{}.{key}", self.prefix) };
            map.next_value_seed(Flat { prefix, values: &mut *self.values, read: self.read })?;
        }
        Ok(())
    }
}

fn bootstrap_server(id: NodeId) -> BootstrapServer {
    let Endpoint { host, port, .. } = controller_endpoint(id);
    BootstrapServer { host, port, node: id }
}

fn controller_endpoint(id: NodeId) -> Endpoint {
    Endpoint { name: "CONTROLLER".into(), host: format!("controller-{id}").into(), port: CONTROLLER_PORT }
}
