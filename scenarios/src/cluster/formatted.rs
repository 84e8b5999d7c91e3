//! How `kafka-storage format` leaves the disks of a cluster: the voters of a dynamic quorum, and the files of each.

use std::rc::Rc;

use raft::config::{CLUSTER_ID, NodeConfig as KafkaNode, Voter};
use raft::controller::settings::Feature;
use raft::ids::{NodeId, Uuid};
use raft::metadata::MetadataRecord;
use raft::storage_tool::{format_controller, format_voter};
use raft::voter_set::{KRaftVersionFeature, VoterNode, VoterSet};

use crate::scenario::Scenario;

/// That of another cluster.
const OTHER_CLUSTER_ID: &str = "anotherkafkaanotherkaf";

/// The cluster id that the disk of a server is formatted with.
pub fn cluster_id(scenario: &Scenario, id: NodeId) -> &'static str {
    if scenario.cluster.other_cluster.contains(&id.0) { OTHER_CLUSTER_ID } else { CLUSTER_ID }
}

/// The voters at the start of a run.
pub fn voter_set(configs: &[KafkaNode]) -> VoterSet {
    let Some(first) = configs.first() else { return VoterSet::default() };
    if !first.quorum.is_dynamic {
        return first.quorum.static_voters();
    }
    let voter = |voter: &Voter| VoterNode {
        id: voter.id,
        directory_id: Some(directory_id(voter.id)),
        endpoints: [voter.endpoint.clone()].into(),
        supported: KRaftVersionFeature::SUPPORTED,
    };
    VoterSet::of(first.quorum.voters.iter().map(voter).collect())
}

/// The directory id that a voter's disk is formatted with: the same in every run, of UUID version 4.
fn directory_id(id: NodeId) -> Uuid {
    let mut bytes = *b"kraftsim\x80voter\0\0";
    bytes[6] = 0x40 | bytes[6] & 0x0f;
    bytes[12..].copy_from_slice(&id.0.to_be_bytes());
    Uuid(bytes)
}

/// By path.
type Files = Vec<(Rc<str>, Rc<[u8]>)>;

/// The files of a node at its first boot: of a controller the bootstrap snapshot of the format tool, and of a voter of a dynamic
/// quorum `meta.properties`, too. Others write that when they start.
pub fn formatted(config: &KafkaNode, cluster_id: &str, voters: &VoterSet, now_ms: i64) -> Result<Files, String> {
    let is_voter = voters.key_of(config.node_id()).is_some();
    if !config.roles.controller {
        return Ok(Vec::new());
    }
    let records: Vec<MetadataRecord> = config.controller.bootstrap.iter().map(Feature::record).collect();
    let files = if config.quorum.is_dynamic && is_voter {
        format_voter(&cluster_id.into(), config.node_id(), voters, &records, now_ms)
    } else {
        let kraft_version = i16::from(config.quorum.is_dynamic);
        format_controller(kraft_version, &records, now_ms).map(|file| vec![file])
    };
    let files = files.ok_or_else(|| format!("node {} cannot be formatted", config.node_id()))?;
    Ok(files.into_iter().map(|(path, bytes)| (path, bytes.into())).collect())
}
