//! `[cluster]`: how many nodes, or whose `.properties`, and what all of them set.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use raft::config::definitions::DEFINITIONS;
use raft::config::{ControllerConfig, KeptWhy, Voter, load_cluster};
use raft::ids::NodeId;
use raft::message::Endpoint;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize as DeriveDeserialize, Serialize};

use super::error::{Refusal, ScenarioError};
use super::values::Nanos;

/// The voter counts a quorum may have: odd, for an even one tolerates no more faults.
pub const VOTER_COUNTS: [u16; 4] = [1, 3, 5, 7];

const CONTROLLER_PORT: u16 = 9093;

/// `[cluster]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, DeriveDeserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cluster {
    /// Voters 1, 2, …; 3 unless said otherwise. Excludes `properties` and `node`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voters: Option<u16>,
    /// Nodes behind the voters that only fetch.
    pub observers: u16,
    /// A process that ends by itself (a failed disk, say) is started again after so long.
    pub restart_after: Nanos,
    /// Paths of Kafka `.properties`, one per node, relative to the scenario's file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<String>,
    /// Kafka properties for all nodes; they win over those of the nodes' files.
    #[serde(skip_serializing_if = "Properties::is_empty")]
    pub config: Properties,
    /// The nodes' `.properties` themselves, once read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub node: Vec<NodeFile>,
}

/// One `.properties` file of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, DeriveDeserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeFile {
    /// Its name in messages.
    pub file: String,
    /// Its text.
    pub text: String,
}

impl Default for Cluster {
    fn default() -> Cluster {
        Cluster {
            voters: None,
            observers: 0,
            restart_after: Nanos::from_ms(2_000),
            properties: Vec::new(),
            config: Properties::default(),
            node: Vec::new(),
        }
    }
}

impl Cluster {
    /// Voters of the quorum.
    pub fn voter_count(&self) -> usize {
        match (self.node.len(), self.voters) {
            (0, voters) => usize::from(voters.unwrap_or(3)),
            (files, _) => files,
        }
    }

    /// All servers: voters ascending by id, then observers.
    pub fn configs(&self) -> Result<Vec<ControllerConfig>, ScenarioError> {
        let mut configs = if self.node.is_empty() {
            self.generated()
        } else {
            load_cluster(self.node.iter().map(|n| (n.file.clone(), n.text.clone())).collect())?
        };
        // In the table's order, so that the internal segment size wins, as in a file.
        for definition in DEFINITIONS {
            let Some(value) = self.config.0.get(definition.name) else { continue };
            for config in &mut configs {
                config.set(definition.name, value).map_err(ScenarioError)?;
            }
        }
        Ok(configs)
    }

    /// What the nodes' files say in vain, one line each: properties nobody knows (a typing
    /// mistake, or a newer Kafka's), and those that govern what is not simulated.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        for NodeFile { file, text } in &self.node {
            let Ok(config) = ControllerConfig::parse(file, text) else { continue };
            let of = |why| config.kept.iter().filter(move |kept| kept.why == why);
            for kept in of(KeptWhy::Unrecognised) {
                remarks.push(format!(
                    "{file}:{}: {} is no property that is known here; it has no effect",
                    kept.line, kept.key
                ));
            }
            let idle: Vec<&str> = of(KeptWhy::NotSimulated).map(|kept| kept.key.as_str()).collect();
            if !idle.is_empty() {
                remarks.push(format!("{file}: without effect here: {}", idle.join(", ")));
            }
        }
        remarks
    }

    fn generated(&self) -> Vec<ControllerConfig> {
        let voters = i32::try_from(self.voter_count()).expect("at most 7 voters");
        let endpoint = |id: i32| Endpoint {
            name: "CONTROLLER".into(),
            host: format!("controller-{id}").into(),
            port: CONTROLLER_PORT,
        };
        let list: Rc<[Voter]> = (1..=voters).map(|id| Voter { id: NodeId(id), endpoint: endpoint(id) }).collect();
        let nodes = 1..=voters + i32::from(self.observers);
        nodes.map(|id| ControllerConfig::new(NodeId(id), list.clone())).collect()
    }

    pub(super) fn check(&self) -> Result<(), Refusal> {
        let from_files = !self.properties.is_empty() || !self.node.is_empty();
        if let Some(voters) = self.voters {
            if from_files {
                return Err(Refusal::new("cluster.voters", "the nodes' .properties name the voters; leave one out"));
            }
            if !VOTER_COUNTS.contains(&voters) {
                return Err(Refusal::new("cluster.voters", format!("{voters} voters; allowed: 1, 3, 5, 7")));
            }
        }
        if self.observers > 8 {
            return Err(Refusal::new("cluster.observers", format!("{} observers; allowed: 0..8", self.observers)));
        }
        if from_files && self.observers > 0 {
            return Err(Refusal::new("cluster.observers", "the nodes' .properties are voters; allowed: 0"));
        }
        let mut probe = ControllerConfig::new(NodeId(1), Rc::from([]));
        for (key, value) in &self.config.0 {
            probe.set(key, value).map_err(|problem| {
                let problem = problem.strip_prefix(key.as_str()).unwrap_or(&problem);
                Refusal::new(format!("cluster.config.{key}"), problem)
            })?;
        }
        Ok(())
    }
}

/// Kafka properties by name. In TOML their dots may be quoted or not, and numbers need no quotes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Properties(pub BTreeMap<String, String>);

impl Properties {
    /// None set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> Deserialize<'de> for Properties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Properties, D::Error> {
        flat(deserializer, |value| Ok(value.into())).map(Properties)
    }
}

/// Reads nested tables as one, under dotted names.
pub(super) fn flat<'de, D: Deserializer<'de>, T>(
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
        f.write_str(if self.prefix.is_empty() { "a table of names and values" } else { "a string or a number" })
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        if self.prefix.is_empty() {
            return Err(E::invalid_type(serde::de::Unexpected::Str(value), &self));
        }
        self.values.insert(self.prefix, (self.read)(value).map_err(E::custom)?);
        Ok(())
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
