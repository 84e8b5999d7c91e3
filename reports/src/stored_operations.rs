//! The operations of a repro file, with an error for each invalid one.

use std::slice::from_ref;

use scenarios::cluster::Prepared;
use scenarios::scenario::Scenario;
use scenarios::workload::{ClientOperation, ScheduledOperation};
use serde_json::Value;

use crate::engine::Problem;
use crate::json::reading::said;

/// Latest time in a run: one hour.
const MAX_NS: u64 = 3_600_000_000_000;
/// More partitions of one topic than runs of minutes can support.
const MAX_PARTITIONS: i32 = 1_000;

/// Reads the operations of the clients of this cluster.
pub fn read(list: &Value, cluster: &Prepared) -> Result<Vec<ScheduledOperation>, Problem> {
    let list = list.as_array().ok_or_else(|| Problem::at("/operations", "its operations are no list"))?;
    let clients = cluster.world.nodes.len() - cluster.servers.len();
    let wrong = |index, problem| {
        Problem::at(format!("/operations/{index}"), format!("operation {index} of its list: {problem}"))
    };
    let mut operations = Vec::with_capacity(list.len());
    for (index, requested) in list.iter().enumerate() {
        let text = requested.to_string();
        let requested: ScheduledOperation =
            serde_json::from_str(&text).map_err(|error| wrong(index, said(&text, &error)))?;
        if usize::from(requested.client) >= clients {
            let problem = format!("there is no client {}; allowed: 0..{}", requested.client, clients - 1);
            return Err(wrong(index, problem));
        }
        if requested.at_ns > MAX_NS {
            return Err(wrong(index, format!("at_ns is {}; allowed: 0..{MAX_NS}", requested.at_ns)));
        }
        may_be_requested(&requested, cluster).map_err(|problem| wrong(index, problem))?;
        operations.push(requested);
    }
    Ok(operations)
}

/// Does the operation suit the kind of its client, and do the topics, partitions and servers that it names exist?
fn may_be_requested(requested: &ScheduledOperation, cluster: &Prepared) -> Result<(), String> {
    use ClientOperation as Operation;
    let kind = kind_of(requested.client, &cluster.scenario);
    let for_whom = match &requested.what {
        Operation::Rest | Operation::Resume => kind,
        Operation::Append { .. } | Operation::AppendRecords { .. } | Operation::ReadFrom { .. } => "model",
        Operation::CreateTopics { .. }
        | Operation::DeleteTopic { .. }
        | Operation::CreatePartitions { .. }
        | Operation::AlterConfig { .. }
        | Operation::AlterBrokerConfig { .. }
        | Operation::DescribeConfigs { .. }
        | Operation::ElectLeaders { .. } => "admin",
        Operation::AddVoter { .. }
        | Operation::RemoveVoter { .. }
        | Operation::DescribeQuorum
        | Operation::UpgradeKraftVersion => "operator",
        Operation::Send { .. } => "producer",
        Operation::Assign { .. } | Operation::AssignAll | Operation::Subscribe => "consumer",
    };
    if kind != for_whom {
        return Err(format!("client {} is of the kind {kind}; it is for the kind {for_whom}", requested.client));
    }
    let topics = cluster.scenario.clients.topics().names.len();
    let named = match &requested.what {
        Operation::CreateTopics { topics } => topics.as_slice(),
        Operation::CreatePartitions { topic, .. }
        | Operation::DeleteTopic { topic }
        | Operation::AlterConfig { topic, .. }
        | Operation::DescribeConfigs { topic }
        | Operation::ElectLeaders { of: Some((topic, _)), .. }
        | Operation::Send { topic, .. }
        | Operation::Assign { topic, .. } => from_ref(topic),
        _ => &[],
    };
    if let Some(topic) = named.iter().find(|topic| usize::from(**topic) >= topics) {
        return Err(format!("there is no topic {topic}; allowed: 0..{}", topics - 1));
    }
    let within = |name: &str, number: i32, max: i32| {
        let may_be = (0..=max).contains(&number);
        may_be.then_some(()).ok_or_else(|| format!("{name} is {number}; allowed: 0..{max}"))
    };
    match &requested.what {
        Operation::ElectLeaders { of: Some((_, partition)), .. }
        | Operation::Send { partition, .. }
        | Operation::Assign { partition, .. } => within("partition", *partition, MAX_PARTITIONS - 1),
        Operation::CreatePartitions { count, .. } => within("count", *count, MAX_PARTITIONS),
        Operation::ReadFrom { server } => within("server", i32::from(*server), cluster.servers.len() as i32 - 1),
        _ => Ok(()),
    }
}

/// The kind of a client, by its index: admins are first, then producers, then consumers.
fn kind_of(client: u16, scenario: &Scenario) -> &'static str {
    let clients = &scenario.clients;
    match client {
        at if !scenario.cluster.has_brokers() => match at < scenario.workload.clients {
            true => "model",
            false => "operator",
        },
        at if at < clients.admins => "admin",
        at if at < clients.admins + clients.producers => "producer",
        _ => "consumer",
    }
}
