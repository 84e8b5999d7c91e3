//! `kafka-storage format --initial-controllers` (`Formatter`): what it writes on the disk of a voter of a dynamic quorum. All
//! other disks are formatted by their node when it finds them empty ([`crate::node`]).

use std::rc::Rc;

use crate::ids::NodeId;
use crate::log::{META_PROPERTIES, MetaProperties};
use crate::metadata::{MetadataRecord, MetadataVersion};
use crate::snapshot::{BOOTSTRAP_SNAPSHOT_ID, SnapshotWriter, snapshot_path};
use crate::voter_set::VoterSet;

/// The files of one of the `voters`, as (path, bytes): the bootstrap snapshot with kraft.version 1, the voters and the first
/// records of the state machine, and `meta.properties`. `None` if the node is none of the voters or has no directory id.
pub fn format_voter(
    cluster_id: &Rc<str>,
    node_id: NodeId,
    voters: &VoterSet,
    records: &[MetadataRecord],
    now_ms: i64,
) -> Option<Vec<(Rc<str>, Vec<u8>)>> {
    let directory_id = voters.key_of(node_id)?.directory_id?;
    let quorum = (1, Some(voters.clone()));
    let mut writer = SnapshotWriter::new(BOOTSTRAP_SNAPSHOT_ID, quorum, now_ms, now_ms);
    for record in records {
        writer.append(&record.frame(record.version_for(MetadataVersion::LATEST_PRODUCTION)).ok()?, now_ms);
    }
    let snapshot = writer.freeze(now_ms).iter().flat_map(|batch| batch.bytes.iter().copied()).collect();
    let properties = MetaProperties { cluster_id: Rc::clone(cluster_id), node_id, directory_id };
    let files =
        [(snapshot_path(BOOTSTRAP_SNAPSHOT_ID), snapshot), (META_PROPERTIES.into(), properties.to_text().into())];
    Some(files.into())
}
