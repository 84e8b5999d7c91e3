//! The operations of a repro file, one by one: what is wrong with which.

use std::slice::from_ref;

use scenarios::cluster::Prepared;
use scenarios::workload::{Asked, ClientOperation};
use serde::Deserialize;
use serde_json::Value;

use crate::engine::Problem;

/// Nothing of a run is later: one hour.
const MAX_NS: u64 = 3_600_000_000_000;
/// Partitions of one topic, as scenarios that run for minutes can carry them.
const MAX_PARTITIONS: i32 = 1_000;

/// Reads what clients of this cluster are asked for.
pub fn read(list: &Value, cluster: &Prepared) -> Result<Vec<Asked>, Problem> {
    let list = list.as_array().ok_or_else(|| Problem::at("/operations", "its operations are no list"))?;
    let clients = cluster.world.nodes.len() - cluster.servers.len();
    let wrong = |index, problem| {
        Problem::at(format!("/operations/{index}"), format!("operation {index} of its list: {problem}"))
    };
    let mut operations = Vec::with_capacity(list.len());
    for (index, asked) in list.iter().enumerate() {
        let asked = Asked::deserialize(asked).map_err(|error| wrong(index, error.to_string()))?;
        if usize::from(asked.client) >= clients {
            let problem = format!("there is no client {}; allowed: 0..{}", asked.client, clients - 1);
            return Err(wrong(index, problem));
        }
        if asked.at_ns > MAX_NS {
            return Err(wrong(index, format!("at_ns is {}; allowed: 0..{MAX_NS}", asked.at_ns)));
        }
        what_exists(&asked.what, cluster).map_err(|problem| wrong(index, problem))?;
        operations.push(asked);
    }
    Ok(operations)
}

/// Does what is asked for name topics, partitions and servers that there may be?
fn what_exists(what: &ClientOperation, cluster: &Prepared) -> Result<(), String> {
    let topics = cluster.scenario.clients.topics().names.len();
    let (named, count) = match what {
        ClientOperation::CreateTopics { topics } => (topics.as_slice(), None),
        ClientOperation::CreatePartitions { topic, count } => (from_ref(topic), Some(*count)),
        ClientOperation::DeleteTopic { topic }
        | ClientOperation::AlterConfig { topic, .. }
        | ClientOperation::DescribeConfigs { topic } => (from_ref(topic), None),
        ClientOperation::ElectLeaders { of: Some((topic, partition)), .. }
        | ClientOperation::Send { topic, partition, .. }
        | ClientOperation::Assign { topic, partition } => (from_ref(topic), Some(*partition)),
        ClientOperation::ReadFrom { server } if usize::from(*server) >= cluster.servers.len() => {
            return Err(format!("there is no server {server}; allowed: 0..{}", cluster.servers.len() - 1));
        }
        _ => return Ok(()),
    };
    if let Some(topic) = named.iter().find(|topic| usize::from(**topic) >= topics) {
        return Err(format!("there is no topic {topic}; allowed: 0..{}", topics - 1));
    }
    match count.filter(|count| !(0..=MAX_PARTITIONS).contains(count)) {
        Some(count) => Err(format!("there is no partition {count}, nor so many; allowed: 0..{MAX_PARTITIONS}")),
        None => Ok(()),
    }
}
