//! The files of a cluster, one per node: each must be good, and all must agree.

use std::rc::Rc;

use super::error::ConfigError;
use super::properties::Properties;
use super::source::{NODE_ID, Source, VOTERS};
use super::{NodeConfig, Voter};
use crate::ids::NodeId;

/// The files of a cluster, read.
#[derive(Clone, Debug)]
pub struct ClusterFiles {
    /// Controllers and combined nodes ascending by `node.id`, then brokers.
    pub nodes: Vec<NodeFile>,
    /// No file names voters, and some have `controller.quorum.bootstrap.servers`: the voters are
    /// taken to be the controllers among the files.
    pub voters_are_derived: bool,
}

/// The file of a node, read.
#[derive(Clone, Debug)]
pub struct NodeFile {
    /// Its name in messages.
    pub file: String,
    /// All that stands in it.
    pub properties: Properties,
    /// What it means.
    pub config: NodeConfig,
}

/// The nodes of [`read_cluster`].
pub fn load_cluster(files: Vec<(String, String)>) -> Result<Vec<NodeConfig>, ConfigError> {
    Ok(read_cluster(files)?.nodes.into_iter().map(|node| node.config).collect())
}

/// Reads one `.properties` per node, as `(name, text)`.
///
/// A static quorum works only if every node has the same voters (controller-broker.md §7.2);
/// Kafka cannot see the other files, so there a difference shows as an election that never ends.
pub fn read_cluster(files: Vec<(String, String)>) -> Result<ClusterFiles, ConfigError> {
    let mut sources = Vec::with_capacity(files.len());
    for (file, text) in &files {
        sources.push(Source { file, properties: Properties::parse(file, text)?, assumed_voters: None });
    }
    let assumed = assumed_voters(&sources)?;
    let mut nodes: Vec<NodeFile> = Vec::with_capacity(sources.len());
    for mut source in sources {
        source.assumed_voters = assumed.clone().filter(|_| source.is_dynamic());
        let (config, id_key) = (source.read()?, source.id_key());
        let node = NodeFile { file: source.file.to_owned(), properties: source.properties, config };
        if let Some(other) = nodes.iter().find(|n| n.config.node_id() == node.config.node_id()) {
            let key = if other.properties.get(NODE_ID).is_some() { NODE_ID } else { id_key };
            return Err(node.refuse(id_key, format!("{} has the same id", other.place(key))));
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
    Ok(ClusterFiles { nodes, voters_are_derived: assumed.is_some() })
}

/// The voters of files that name bootstrap servers alone: the controllers among them. None if some
/// file names voters, or no file needs them.
fn assumed_voters(sources: &[Source<'_>]) -> Result<Option<Rc<[Voter]>>, ConfigError> {
    let Some(dynamic) = sources.iter().find(|source| source.is_dynamic()) else { return Ok(None) };
    if let Some(fixed) = sources.iter().find(|source| source.properties.get(VOTERS).is_some()) {
        let problem = format!(
            "it has controller.quorum.bootstrap.servers alone, and {} has controller.quorum.voters; all nodes need \
             the same voters",
            fixed.file
        );
        return Err(ConfigError::in_file(dynamic.file, problem));
    }
    let mut voters: Vec<Voter> = Vec::new();
    for source in sources {
        if source.roles()?.controller {
            let id: NodeId = source.node_id()?;
            voters.push(source.as_voter(id));
        }
    }
    if voters.is_empty() {
        let problem = "controller.quorum.bootstrap.servers names no voters, and no file beside it has the role \
                       controller; one file per controller is needed";
        return Err(ConfigError::in_file(dynamic.file, problem));
    }
    voters.sort_by_key(|voter| voter.id);
    voters.dedup_by_key(|voter| voter.id);
    Ok(Some(voters.into()))
}

impl NodeFile {
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
