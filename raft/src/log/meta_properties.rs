//! `meta.properties`: the node to which a disk belongs (consensus.md §8.1).

use std::rc::Rc;

use super::files::{Force, LogError, META_PROPERTIES, META_PROPERTIES_HANDLE, read_file, replace_file};
use crate::bugs::Bugs;
use crate::ids::{NodeId, Uuid};
use crate::io::{DurableFiles, Out};

/// Content of `meta.properties`, version 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetaProperties {
    /// `cluster.id`
    pub cluster_id: Rc<str>,
    /// `node.id`
    pub node_id: NodeId,
    /// `directory.id`
    pub directory_id: Uuid,
}

/// Reads `meta.properties`; `Ok(None)` if absent.
pub fn read_meta_properties(files: &dyn DurableFiles) -> Result<Option<MetaProperties>, LogError> {
    let Some(bytes) = read_file(META_PROPERTIES, files)? else {
        return Ok(None);
    };
    parse_meta_properties(&bytes).map(Some).map_err(|what| LogError::in_file(META_PROPERTIES, what))
}

/// Writes `meta.properties`, as formatting a disk does: durable before the next effect.
pub fn write_meta_properties(properties: &MetaProperties, bugs: Bugs, out: &mut Out) {
    replace_file(META_PROPERTIES, META_PROPERTIES_HANDLE, properties.to_text().as_bytes(), Force::durable(bugs), out);
}

impl MetaProperties {
    /// The file's content.
    pub fn to_text(&self) -> String {
        let MetaProperties { cluster_id, node_id, directory_id } = self;
        format!("cluster.id={cluster_id}\ndirectory.id={directory_id}\nnode.id={node_id}\nversion=1\n")
    }
}

/// The content of a file.
pub fn parse_meta_properties(bytes: &[u8]) -> Result<MetaProperties, String> {
    parse(&String::from_utf8_lossy(bytes))
}

fn parse(text: &str) -> Result<MetaProperties, String> {
    let property = |name: &str| {
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', '!']));
        let mut values = lines.filter_map(|line| line.split_once('=')).filter(|(key, _)| key.trim() == name);
        values.next_back().map(|(_, value)| value.trim()).ok_or_else(|| format!("{name} is missing"))
    };
    let version = property("version")?;
    if version != "1" {
        return Err(format!("version {version:?} is not 1"));
    }
    let node_id = property("node.id")?;
    let directory_id = property("directory.id")?;
    Ok(MetaProperties {
        cluster_id: property("cluster.id")?.into(),
        node_id: node_id
            .parse()
            .ok()
            .and_then(|id| NodeId(id).known())
            .ok_or_else(|| format!("node.id {node_id:?} is no node id"))?,
        directory_id: Uuid::parse(directory_id).ok_or_else(|| format!("directory.id {directory_id:?} is no UUID"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let properties = MetaProperties {
            cluster_id: "MkU3OEVBNTcwNTJENDM2Qg".into(),
            node_id: NodeId(3),
            directory_id: Uuid::parse("J8aAPcfLQt2bqs1JT_rMgQ").expect("a UUID"),
        };
        let text = properties.to_text();
        assert!(text.contains("\nnode.id=3\n") && text.ends_with("version=1\n"), "{text}");
        assert_eq!(parse(&format!("#\n# a comment\n{text}")).as_ref(), Ok(&properties));
        for missing in ["version", "cluster.id", "node.id", "directory.id"] {
            let cut: String = text.lines().filter(|l| !l.starts_with(missing)).map(|l| format!("{l}\n")).collect();
            assert_eq!(parse(&cut), Err(format!("{missing} is missing")));
        }
    }
}
