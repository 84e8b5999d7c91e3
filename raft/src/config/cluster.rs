//! The files of a cluster, one per node: each must be good, and all must agree.

use super::error::ConfigError;
use super::properties::Properties;
use super::source::{NODE_ID, VOTERS};
use super::{NodeConfig, Voter};

/// Reads one `.properties` per node, as `(name, text)`: controllers and combined nodes ascending
/// by `node.id`, then brokers.
///
/// A static quorum works only if every node has the same voters (controller-broker.md §7.2);
/// Kafka cannot see the other files, so there a difference shows as an election that never ends.
pub fn load_cluster(files: Vec<(String, String)>) -> Result<Vec<NodeConfig>, ConfigError> {
    let mut nodes: Vec<Node> = Vec::with_capacity(files.len());
    for (file, text) in files {
        let config = NodeConfig::parse(&file, &text)?;
        let node = Node { properties: Properties::parse(&file, &text)?, file, config };
        if let Some(other) = nodes.iter().find(|n| n.config.node_id() == node.config.node_id()) {
            return Err(node.refuse(NODE_ID, format!("{} has the same id", other.place(NODE_ID))));
        }
        nodes.push(node);
    }
    let Some(first) = nodes.first() else {
        return Err(ConfigError::in_file("cluster", "no .properties file; one per node is needed"));
    };
    for node in &nodes {
        if node.addresses() != first.addresses() {
            let problem =
                format!("{} has {:?}; all nodes need the same voters", first.place(VOTERS), first.addresses());
            return Err(node.refuse(VOTERS, problem));
        }
    }
    for voter in first.config.quorum.voters.iter() {
        if !nodes.iter().any(|n| n.config.node_id() == voter.id) {
            return Err(first.refuse(VOTERS, format!("voter {} has no file with node.id={}", voter.id, voter.id)));
        }
    }
    nodes.sort_by_key(|node| (!node.config.roles.controller, node.config.node_id()));
    Ok(nodes.into_iter().map(|node| node.config).collect())
}

struct Node {
    file: String,
    properties: Properties,
    config: NodeConfig,
}

impl Node {
    /// The voters in order of id; listener names are each node's own affair.
    fn addresses(&self) -> String {
        self.config.quorum.voters.iter().map(Voter::to_string).collect::<Vec<_>>().join(",")
    }

    fn place(&self, key: &str) -> String {
        match self.properties.get(key) {
            Some(entry) => format!("{}:{}", self.file, entry.line),
            None => self.file.clone(),
        }
    }

    fn refuse(&self, key: &str, problem: String) -> ConfigError {
        let entry = self.properties.get(key);
        ConfigError {
            line: entry.map(|e| e.line),
            key: Some(key.into()),
            value: entry.map(|e| e.value.as_str().into()),
            ..ConfigError::in_file(&self.file, problem)
        }
    }
}
