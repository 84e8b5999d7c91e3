//! The report on the properties in the nodes' files: used, without effect and why, or unknown.

use std::collections::BTreeMap;
use std::rc::Rc;

use raft::bugs::{Bug, Layer};
use raft::config::definitions::{self, Definition};
use raft::config::{ClusterFiles, NodeConfig, NodeFile, Roles};
use serde::{Deserialize, Serialize};

use super::{Cluster, NodeFile as NodeText};
use crate::scenario::error::ScenarioError;
use crate::scenario::nearest_property::nearest_property;
use crate::scenario::{Clients, Scenario};

/// The report on the `.properties` of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterReport {
    /// The nodes: those with the controller's role ascending by id, then brokers.
    pub nodes: Vec<NodeReport>,
    /// Notes for the user, one sentence each.
    pub notes: Vec<String>,
    /// By status, then by name.
    pub properties: Vec<PropertyReport>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeReport {
    /// `node.id`
    pub id: i32,
    /// `process.roles`
    pub roles: String,
    pub file: String,
}

/// The effect of a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It takes effect.
    Used,
    /// Kafka knows it, but it has no effect in the simulation.
    WithoutEffect,
    /// It is not a property of Kafka.
    Unknown,
}

/// A property, on all nodes on which it has the same status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PropertyReport {
    pub name: String,
    pub status: Status,
    /// Its purpose, if it is used; else why it has no effect.
    pub why: String,
    /// The most similar known name, if it is unknown.
    pub nearest: Option<String>,
    /// Each value, with the nodes that have it. Passwords and keys are hidden.
    pub values: Vec<ValueReport>,
}

/// A value of a property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueReport {
    /// The text in the file.
    pub value: String,
    /// `node.id` of the nodes whose files contain it.
    pub nodes: Vec<i32>,
    /// Its place in the first of these files, as `FILE:LINE`.
    pub first_at: String,
}

impl ClusterReport {
    /// Remarks for the user before a run: the notes, and the properties without effect, except those whose values in the
    /// files are replaced on purpose.
    pub fn remarks(&self, is_replaced: impl Fn(&str) -> bool) -> Vec<String> {
        let mut remarks = self.notes.clone();
        remarks.extend(self.of(Status::Unknown).map(|property| {
            let at = property.values.first().map_or("", |value| value.first_at.as_str());
            let nearest = property.nearest.as_ref().map(|name| format!("; Kafka knows {name}")).unwrap_or_default();
            format!("{at}: unknown property ignored: {}{nearest}", property.name)
        }));
        // A property that only some nodes read counts as used.
        let is_used = |name: &str| self.of(Status::Used).any(|property| property.name == name);
        let idle = self
            .of(Status::WithoutEffect)
            .map(|property| property.name.as_str())
            .filter(|name| !is_used(name) && !is_replaced(name));
        let mut names: Vec<&str> = idle.collect();
        names.dedup();
        if !names.is_empty() {
            let most = names.len().min(6);
            let more = if names.len() > most { format!(", and {} more", names.len() - most) } else { String::new() };
            remarks.push(format!("properties without effect: {}{more}", names[..most].join(", ")));
        }
        remarks
    }

    /// Properties of a status.
    pub fn of(&self, status: Status) -> impl Iterator<Item = &PropertyReport> {
        self.properties.iter().filter(move |property| property.status == status)
    }
}

/// Properties that are no numbers and take effect.
const USED_AS_TEXT: [&str; 4] =
    ["process.roles", "node.id", "controller.quorum.voters", "controller.quorum.bootstrap.servers"];

/// Properties of the quorum that act on snapshots of metadata images.
const OF_SNAPSHOTS: [&str; 5] = [
    "metadata.log.max.record.bytes.between.snapshots",
    "metadata.log.max.snapshot.interval.ms",
    "metadata.max.retention.bytes",
    "metadata.max.retention.ms",
    "controller.quorum.fetch.snapshot.max.bytes",
];

/// Why the properties of brokers, of the metadata's controller and of snapshots may have no effect.
const WITHOUT_BROKERS: &str =
    "a quorum without brokers has raft clients alone, without metadata images and their snapshots";

/// Of two properties that set one field the second takes precedence, as in Kafka.
const WINS_OVER: [(&str, &str); 3] = [
    ("log.roll.hours", "log.roll.ms"),
    ("log.segment.bytes", "internal.segment.bytes"),
    ("metadata.log.segment.bytes", "internal.metadata.log.segment.bytes"),
];

impl Scenario {
    /// The report on the nodes' files; none if the cluster is not from files.
    pub fn cluster_report(&self) -> Result<Option<ClusterReport>, ScenarioError> {
        if self.cluster.node.is_empty() { Ok(None) } else { self.cluster.report(&self.clients).map(Some) }
    }

    /// Remarks on bugs and properties that cannot act without brokers, and on properties that were set for all nodes,
    /// compared with `base`, and do not affect the workload's topics.
    pub fn remarks_on_settings(&self, base: &Scenario) -> Vec<String> {
        let value = |scenario: &Scenario, property: &str| scenario.cluster.config.0.get(property).cloned();
        // Layers of the data plane: without brokers nothing of it runs.
        let of_brokers = |bug: &Bug| {
            let layer = bug.row().map(|row| row.layer);
            matches!(layer, Some(Layer::Lifecycle | Layer::Repl | Layer::Producer))
        };
        let idle = self.bugs.iter().filter(|bug| !self.cluster.has_brokers() && of_brokers(bug));
        let idle =
            idle.map(|bug| format!("{} is a mistake of brokers or their clients; this scenario has none", bug.name()));
        let decided = of_topics(&self.clients).filter(|(_, _, number)| *number > 0 && self.cluster.has_brokers());
        let remark = |(property, field, number): (&str, &str, u64)| {
            let set = value(self, property).filter(|set| value(base, property).as_ref() != Some(set))?;
            Some(format!(
                "{property}={set} does not reach the topics of the workload, which have clients.{field}={number}; \
                 --set clients.{field}=0 leaves that to the property"
            ))
        };
        let unread = self.cluster.config.0.iter().filter(|(key, _)| self.cluster.is_unread(key));
        let unread = unread.map(|(key, value)| format!("{key}={value} has no effect: {WITHOUT_BROKERS}"));
        idle.chain(unread).chain(decided.filter_map(remark)).collect()
    }
}

impl Cluster {
    /// Whether nothing reads this property, because the quorum is without brokers.
    fn is_unread(&self, key: &str) -> bool {
        let is_read =
            |paths: &[&str]| paths.iter().any(|path| path.starts_with("quorum.")) && !OF_SNAPSHOTS.contains(&key);
        !self.has_brokers() && definitions::find(key).is_some_and(|it| it.field.is_some() && !is_read(it.paths))
    }

    /// The report on these files without a scenario. It refuses files whose topics a run would refuse.
    pub fn report_of_files(node: Vec<NodeText>) -> Result<ClusterReport, ScenarioError> {
        let mut clients = Clients::default();
        clients.leave_topics_to_nodes(|_| true);
        let cluster = Cluster { node, ..Cluster::default() };
        clients.check_topics(&cluster)?.map_err(|refusal| ScenarioError(refusal.message()))?;
        cluster.report(&clients)
    }

    fn report(&self, clients: &Clients) -> Result<ClusterReport, ScenarioError> {
        let files = self.files()?;
        let mut notes = Vec::new();
        notes.extend(self.notes_on_quorum(&files));
        for node in &files.nodes {
            notes.extend(node.properties.repeated().iter().map(|repeated| {
                format!(
                    "{}:{}: {} is already set in line {}; the last value counts, as in Kafka",
                    node.file, repeated.line, repeated.key, repeated.earlier_line
                )
            }));
        }
        notes.extend(warnings(&files.nodes));
        notes.extend(notes_on_topics(clients, &self.configs()?));
        let report = |node: &NodeFile| NodeReport {
            id: node.config.node_id().0,
            roles: roles(node.config.roles).to_owned(),
            file: node.file.clone(),
        };
        let nodes = files.nodes.iter().map(report).collect();
        Ok(ClusterReport { nodes, notes, properties: properties(&files.nodes, self, clients) })
    }
}

impl Cluster {
    /// How the quorum that the files describe is formatted and found.
    fn notes_on_quorum(&self, files: &ClusterFiles) -> Vec<String> {
        let mut notes = Vec::new();
        let voters = self.configs().unwrap_or_default().first().map(|first| Rc::clone(&first.quorum.voters));
        if let Some(voters) = voters.filter(|_| files.is_dynamic) {
            let voters = voters.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            notes.push(format!(
                "the quorum is dynamic: the files have controller.quorum.bootstrap.servers alone. Its disks are \
                 formatted with --initial-controllers {voters}; with cluster.initial_controllers, of a scenario or by --set, \
                 with fewer of the controllers"
            ));
        }
        let names = &files.names_of_all_controllers;
        let servers = files.nodes.iter().flat_map(|node| node.config.quorum.bootstrap_servers.iter());
        let others_match =
            servers.map(|it| format!("{}:{}", it.host, it.port)).any(|address| !names.contains(&address));
        let doubt = if others_match { "Is a file missing, or is it misspelled? It" } else { "It" };
        notes.extend(names.iter().map(|name| {
            format!(
                "controller.quorum.bootstrap.servers: no file has the host of {name}. {doubt} is taken to be a name of \
                 all controllers"
            )
        }));
        if !files.is_dynamic && files.nodes.iter().any(|node| node.config.quorum.auto_join) {
            notes.push("controller.quorum.auto.join.enable has no effect: the voters are static".into());
        }
        notes
    }
}

/// The settings of the workload's topics that come from the files.
fn notes_on_topics(clients: &Clients, configs: &[NodeConfig]) -> Vec<String> {
    if !configs.iter().any(|config| config.roles.broker) {
        return Vec::new();
    }
    let controllers = || configs.iter().filter(|config| config.roles.controller).map(|config| &config.controller);
    let brokers = || configs.iter().filter(|config| config.roles.broker).map(|config| &config.broker);
    let partitions = clients.partitions_on(configs);
    let replicas = match clients.replication_factor {
        0 => controllers().map(|c| i64::from(c.default_replication_factor)).max().unwrap_or(1),
        factor => factor.into(),
    };
    let min_isr = match clients.min_insync_replicas {
        0 => brokers().map(|broker| i64::from(broker.min_insync_replicas)).max().unwrap_or(1),
        min => min.into(),
    };
    let mut notes = vec![format!(
        "topics of the workload: partitions {partitions}, replication factor {replicas}, min.insync.replicas {min_isr}"
    )];
    if min_isr > replicas {
        notes.push(format!(
                "min.insync.replicas is {min_isr} and topics have {replicas} of them: no write with acks=all succeeds; \
                 set default.replication.factor in the controllers' files, or --set clients.replication_factor={min_isr}"
            ));
    }
    let mut counts: Vec<_> = controllers().map(|c| c.num_partitions).collect();
    counts.sort_unstable();
    counts.dedup();
    if clients.partitions == 0 && counts.len() > 1 {
        notes.push(format!("num.partitions differs between controllers; {partitions} is used"));
    }
    notes
}

/// The warnings of Kafka about the files, each once with all files that it concerns.
fn warnings(nodes: &[NodeFile]) -> Vec<String> {
    let mut by_text: Vec<(String, Vec<&str>)> = Vec::new();
    for node in nodes {
        for warning in node.config.warnings() {
            match by_text.iter_mut().find(|(text, _)| *text == warning) {
                Some((_, files)) => files.push(&node.file),
                None => by_text.push((warning, vec![&node.file])),
            }
        }
    }
    by_text.into_iter().map(|(text, files)| format!("{}: {text}", files.join(", "))).collect()
}

fn roles(roles: Roles) -> &'static str {
    match roles {
        Roles { controller: true, broker: true } => "broker,controller",
        Roles { controller: true, .. } => "controller",
        _ => "broker",
    }
}

fn properties(nodes: &[NodeFile], cluster: &Cluster, clients: &Clients) -> Vec<PropertyReport> {
    let mut found: BTreeMap<(Status, String, String), Vec<ValueReport>> = BTreeMap::new();
    for node in nodes {
        for entry in node.properties.iter() {
            let (status, why) = usage(&entry.key, node, cluster, clients);
            let values = found.entry((status, entry.key.clone(), why)).or_default();
            let value = if definitions::is_hidden(&entry.key) { definitions::HIDDEN } else { entry.value.as_str() };
            let id = node.config.node_id().0;
            match values.iter_mut().find(|of_value| of_value.value == value) {
                Some(of_value) => of_value.nodes.push(id),
                None => values.push(ValueReport {
                    value: value.to_owned(),
                    nodes: vec![id],
                    first_at: format!("{}:{}", node.file, entry.line),
                }),
            }
        }
    }
    let report = |((status, name, why), values): ((Status, String, String), Vec<ValueReport>)| PropertyReport {
        nearest: (status == Status::Unknown).then(|| nearest_property(&name)).flatten(),
        name,
        status,
        why,
        values,
    };
    found.into_iter().map(report).collect()
}

fn usage(key: &str, node: &NodeFile, cluster: &Cluster, clients: &Clients) -> (Status, String) {
    let without_effect = |why: &str| (Status::WithoutEffect, why.to_owned());
    if USED_AS_TEXT.contains(&key) {
        return (Status::Used, definitions::find(key).map_or("", |definition| definition.doc).to_owned());
    }
    if key == "broker.id" {
        return match node.properties.get("node.id") {
            None => (Status::Used, "older name of node.id".to_owned()),
            Some(_) => without_effect("node.id is set to the same value"),
        };
    }
    let Some(definition @ Definition { field: Some(_), .. }) = definitions::find(key) else {
        return match definitions::why_without_effect(key) {
            Some(why) => without_effect(why),
            None => (Status::Unknown, "no property of Kafka; it is ignored".to_owned()),
        };
    };
    if let Some(value) = cluster.config.0.get(key) {
        return (Status::WithoutEffect, format!("{key}={value} is set for all nodes"));
    }
    if cluster.is_unread(key) {
        return without_effect(WITHOUT_BROKERS);
    }
    if !definition.is_read_by(node.config.roles) {
        let reader = if node.config.roles.broker { "controllers" } else { "brokers" };
        return (Status::WithoutEffect, format!("only {reader} read it"));
    }
    let is_given = |name: &str| node.properties.get(name).is_some() || cluster.config.0.contains_key(name);
    if let Some((_, winner)) = WINS_OVER.iter().find(|(loser, winner)| *loser == key && is_given(winner)) {
        return (Status::WithoutEffect, format!("{winner} takes precedence"));
    }
    match of_topics(clients).find(|(property, _, number)| *property == key && *number > 0) {
        Some((_, field, number)) => without_effect(&format!("topics of the workload have clients.{field}={number}")),
        None => (Status::Used, definition.doc.to_owned()),
    }
}

/// Properties that determine the workload's topics, and the scenario's fields that take precedence unless they are 0.
fn of_topics(clients: &Clients) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
    let properties = ["default.replication.factor", "min.insync.replicas", "num.partitions"];
    let numbers = [clients.replication_factor.into(), clients.min_insync_replicas.into(), clients.partitions.into()];
    let fields = properties.into_iter().zip(Clients::DECIDED_BY_NODES);
    fields.zip(numbers).map(|((property, field), number)| (property, field, number))
}

#[cfg(test)]
#[path = "usage_tests.rs"]
mod tests;
