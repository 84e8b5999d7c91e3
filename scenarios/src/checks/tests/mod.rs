//! For each check a good history that passes and a small bad one that fires exactly it.

mod amnesia;
mod availability;
mod brokers;
mod clients;
mod directory_ids;
mod duties;
mod excuses;
mod failed_writes;
mod fresh;
mod histories;
mod metadata;
mod names;
mod persist_before_promise;
mod quorum;
mod replicas;
mod replication;
mod safety;
mod second_reader;
pub mod sites;
mod snapshots;
pub mod test_disk;
mod voter_sets;
mod walk;

use raft::fixes::Fixes;
use raft::ids::NodeId;
use raft::voter_set::VoterSet;

use super::config::CheckConfig;
use super::invariant::timings::QuorumTimings;

/// So many voters, with node ids from 1 on and Kafka's settings.
pub fn voters(count: i32) -> CheckConfig {
    let ids: Vec<NodeId> = (1..=count).map(NodeId).collect();
    CheckConfig {
        wrong_names: false,
        timings: vec![QuorumTimings::DEFAULT; ids.len()],
        servers: ids.clone(),
        voter_set: VoterSet::of_ids(&ids),
        is_dynamic: false,
        controllers: usize::MAX,
        least_voters: None,
        other_cluster: Vec::new(),
        small_segments: Vec::new(),
        voters: ids,
        slowest_ppm: 0,
        fastest_ppm: 0,
        appends: true,
        reads: true,
        availability: None,
        brokers: None,
        fixes: Fixes::default(),
        beyond_tolerance: false,
        keep_going: false,
    }
}
