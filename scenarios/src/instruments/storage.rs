//! What `kafka-storage.sh info` prints of a log directory (`StorageTool.infoCommand`).

use raft::io::DurableFiles;
use raft::log::read_meta_properties;

/// The output of the tool, and whether it found a problem. `directory` is the directory's name.
pub fn info(files: &dyn DurableFiles, directory: &str) -> (String, bool) {
    let mut text = format!("Found log directory:\n  {directory}\n\n");
    let problem = match read_meta_properties(files) {
        Ok(Some(found)) => {
            let (cluster, directory_id, node) = (found.cluster_id, found.directory_id, found.node_id);
            text += &format!(
                "Found metadata: {{cluster.id={cluster}, directory.id={directory_id}, node.id={node}, version=1}}\n\n"
            );
            None
        }
        Ok(None) => Some(format!("{directory} is not formatted.")),
        Err(error) => Some(format!("Error loading {directory}/{error}")),
    };
    if let Some(problem) = &problem {
        text += &format!("Found problem:\n  {problem}\n\n");
    }
    (text, problem.is_some())
}
