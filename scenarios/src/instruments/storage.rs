//! What `kafka-storage.sh` prints: `info` of a log directory, `format` of the disk of a simulated controller or broker
//! (`StorageTool`, `Formatter`).

use raft::controller::settings::{ControllerSettings, METADATA_VERSION};
use raft::io::{DurableFiles, Entropy};
use raft::log::read_meta_properties;
use raft::metadata::MetadataVersion;

use super::image_tree::metadata_version_name;
use super::moment::{Moment, ServerNow};

/// The output of `info`, and whether it found a problem. `directory` is the directory's name.
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

/// The output of `format` of a server's empty disk; `None` if its disk is formatted.
pub fn format(moment: &Moment<'_>, server: &ServerNow<'_>) -> Option<String> {
    let is_formatted = !matches!(read_meta_properties(&server.files()), Ok(None));
    let settings = moment.controller_settings(server.id).filter(|_| !is_formatted)?;
    Some(formatting(&settings, server.name))
}

/// The directory that has the metadata log of a static quorum.
fn formatting(settings: &ControllerSettings, directory: &str) -> String {
    let record = |name: &str, level: i16| {
        format!("ApiMessageAndVersion(FeatureLevelRecord(name='{name}', featureLevel={level}) at version 0)")
    };
    let records: Vec<String> = settings.bootstrap.iter().map(|feature| record(&feature.name, feature.level)).collect();
    let level = settings.bootstrap_level(METADATA_VERSION);
    format!(
        "Bootstrap metadata: BootstrapMetadata(records=[{}], metadataVersionLevel={level}, source=format command)\n\
         Formatting metadata directory {directory} with {METADATA_VERSION} {}.\n",
        records.join(", "),
        metadata_version_name(MetadataVersion(level))
    )
}

/// The output of `format` of a formatted disk.
pub fn already_formatted(directory: &str) -> String {
    format!(
        "Log directory {directory} is already formatted. Use --ignore-formatted to ignore this directory and format \
         the others."
    )
}

/// The output of `random-uuid`. `draw` gives evenly distributed numbers.
pub fn random_uuid(draw: &dyn Fn() -> u64) -> String {
    struct Drawn<'a>(&'a dyn Fn() -> u64);
    impl Entropy for Drawn<'_> {
        fn below(&mut self, bound: u32) -> u32 {
            u32::try_from((self.0)() % u64::from(bound)).unwrap_or(0)
        }
    }
    raft::io::random_uuid(&mut Drawn(draw)).to_string()
}
