//! The files of a cluster, one per node: each must be good, and all must agree.

use std::rc::Rc;

use super::error::{ConfigError, ConfigErrors};
use super::node_file::NodeFile;
use super::properties::Properties;
use super::source::{Source, VOTERS};
use super::{NodeConfig, Roles, Voter, bootstrap};

/// The files of a cluster, read.
#[derive(Clone, Debug)]
pub struct ClusterFiles {
    /// Controllers and combined nodes ascending by `node.id`, then brokers.
    pub nodes: Vec<NodeFile>,
    /// No file names voters, and some have `controller.quorum.bootstrap.servers`: the controllers among the files are the
    /// voters that the disks are formatted with.
    pub is_dynamic: bool,
    /// Bootstrap servers with the host of no file, `host:port`: each is taken to be a name of all controllers.
    pub names_of_all_controllers: Vec<String>,
}

/// The nodes of [`read_cluster`].
pub fn load_cluster(files: Vec<(String, String)>) -> Result<Vec<NodeConfig>, ConfigErrors> {
    Ok(read_cluster(files)?.nodes.into_iter().map(|node| node.config).collect())
}

/// Reads one `.properties` per node, as `(name, text)`. Mistakes of all files are reported; whether the
/// files agree is checked once each of them is good.
pub fn read_cluster(files: Vec<(String, String)>) -> Result<ClusterFiles, ConfigErrors> {
    let read = |(file, text)| {
        Properties::parse(file, text).map(|properties| Source { file, properties, assumed_voters: None })
    };
    let parsed: Vec<Result<Source<'_>, ConfigError>> = files.iter().map(|(file, text)| read((file, text))).collect();
    let assumed = assumed_voters(&parsed.iter().flatten().collect::<Vec<_>>());
    let mut wrong: Vec<ConfigError> = Vec::new();
    let mut nodes: Vec<NodeFile> = Vec::with_capacity(parsed.len());
    for source in parsed {
        let node = source.map_err(ConfigErrors::from).and_then(|mut source| {
            // Where no voters can be assumed that is one mistake of all files, not one of each.
            let voters = assumed.clone().unwrap_or_else(|_| Some(Rc::from([])));
            source.assumed_voters = voters.filter(|_| source.is_dynamic());
            let config = source.read()?;
            Ok(NodeFile { file: source.file.to_owned(), properties: source.properties, config })
        });
        match node {
            Ok(node) => nodes.push(node),
            Err(ConfigErrors(errors)) => wrong.extend(errors),
        }
    }
    if wrong.is_empty() {
        let is_dynamic = assumed?.is_some();
        wrong = contradictions(&nodes);
        if wrong.is_empty() {
            nodes.sort_by_key(|node| (!node.config.roles.controller, node.config.node_id()));
            match bootstrap::resolve(&mut nodes) {
                Ok(names_of_all_controllers) => {
                    return Ok(ClusterFiles { nodes, is_dynamic, names_of_all_controllers });
                }
                Err(errors) => wrong = errors,
            }
        }
    }
    Err(ConfigErrors(wrong))
}

/// Where files contradict each other.
///
/// A static quorum works only if every node has the same voters (controller-broker.md §7.2);
/// Kafka cannot see the other files, so there a difference shows as an election that never ends.
fn contradictions(nodes: &[NodeFile]) -> Vec<ConfigError> {
    // Of files with different voters those are wrong that fewer agree with, or that come later.
    let agreeing = |node: &NodeFile| nodes.iter().filter(|other| other.addresses() == node.addresses()).count();
    let Some(right) = nodes.iter().rev().max_by_key(|node| agreeing(node)) else {
        return vec![ConfigError::in_file("cluster", "no .properties file; one per node is needed")];
    };
    let mut wrong = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        if let Some(other) = nodes[..index].iter().find(|other| other.config.node_id() == node.config.node_id()) {
            wrong.push(node.refuse(node.id_key(), format!("{} has the same id", other.place(other.id_key()))));
        }
        if node.addresses() != right.addresses() {
            let problem =
                format!("{} has {:?}; all nodes need the same voters", right.place(VOTERS), right.addresses());
            wrong.push(node.refuse(VOTERS, problem));
        }
    }
    // An id that is used twice, or other voters, often explain why a voter has no file.
    let unexplained = if wrong.is_empty() { &*right.config.quorum.voters } else { &[] };
    for voter in unexplained {
        if !nodes.iter().any(|n| n.config.node_id() == voter.id) {
            wrong.push(right.refuse(VOTERS, format!("voter {} has no file with node.id={}", voter.id, voter.id)));
        }
    }
    wrong
}

/// The voters of files that name bootstrap servers alone: the controllers among them. None if some
/// file names voters, or no file needs them. What is wrong with roles and ids is found when the files are read.
fn assumed_voters(sources: &[&Source<'_>]) -> Result<Option<Rc<[Voter]>>, ConfigError> {
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
        if let (Ok(Roles { controller: true, .. }), Ok(id)) = (source.roles(), source.node_id()) {
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
