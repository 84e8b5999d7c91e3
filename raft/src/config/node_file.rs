//! The file of one node, read, and where its properties stand.

use super::error::ConfigError;
use super::properties::Properties;
use super::source::{BROKER_ID, NODE_ID};
use super::{NodeConfig, Voter};

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

impl NodeFile {
    /// The voters in order of id; listener names are each node's own affair.
    pub(super) fn addresses(&self) -> String {
        let mut voters: Vec<&Voter> = self.config.quorum.voters.iter().collect();
        voters.sort_by_key(|voter| voter.id);
        voters.into_iter().map(Voter::to_string).collect::<Vec<_>>().join(",")
    }

    /// The property that says which node this is.
    pub(super) fn id_key(&self) -> &'static str {
        if self.properties.get(NODE_ID).is_some() { NODE_ID } else { BROKER_ID }
    }

    pub(super) fn place(&self, key: &str) -> String {
        match self.properties.get(key) {
            Some(entry) => format!("{}:{}", self.file, entry.line),
            None => self.file.clone(),
        }
    }

    /// A refusal of a property, where it stands.
    pub(super) fn refuse(&self, key: &str, problem: String) -> ConfigError {
        let entry = self.properties.get(key);
        ConfigError {
            line: entry.map(|e| e.line),
            key: Some(key.into()),
            value: entry.map(|e| e.value.as_str().into()),
            ..ConfigError::in_file(&self.file, problem)
        }
    }
}
