//! `kafka-storage format` (`Formatter`): what it writes on the disk of a controller. The directory id, but of initial voters,
//! is drawn by their node when it finds no `meta.properties` ([`crate::node`]).

use std::rc::Rc;

use crate::ids::NodeId;
use crate::log::{META_PROPERTIES, MetaProperties};
use crate::metadata::{MetadataRecord, MetadataVersion};
use crate::snapshot::{BOOTSTRAP_SNAPSHOT_ID, SnapshotWriter, snapshot_path};
use crate::voter_set::VoterSet;

/// The file of a controller that is none of the initial voters, or of a static quorum: the bootstrap snapshot with the first
/// records of the state machine, and the level of `kraft.version` if that is not 0 (`Formatter.writeBoostrapSnapshot`).
pub fn format_controller(kraft_version: i16, records: &[MetadataRecord], now_ms: i64) -> Option<(Rc<str>, Vec<u8>)> {
    bootstrap_snapshot((kraft_version, None), records, now_ms)
}

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
    let snapshot = bootstrap_snapshot((1, Some(voters.clone())), records, now_ms)?;
    let properties = MetaProperties { cluster_id: Rc::clone(cluster_id), node_id, directory_id };
    Some([snapshot, (META_PROPERTIES.into(), properties.to_text().into())].into())
}

fn bootstrap_snapshot(
    quorum: (i16, Option<VoterSet>),
    records: &[MetadataRecord],
    now_ms: i64,
) -> Option<(Rc<str>, Vec<u8>)> {
    let mut writer = SnapshotWriter::new(BOOTSTRAP_SNAPSHOT_ID, quorum, now_ms, now_ms);
    for record in records {
        writer.append(&record.frame(record.version_for(MetadataVersion::LATEST_PRODUCTION)).ok()?, now_ms);
    }
    let snapshot = writer.freeze(now_ms).iter().flat_map(|batch| batch.bytes.iter().copied()).collect();
    Some((snapshot_path(BOOTSTRAP_SNAPSHOT_ID), snapshot))
}
