//! The operations of a repro file, one by one: what is wrong with which.

use scenarios::cluster::Prepared;
use scenarios::workload::Asked;
use serde::Deserialize;
use serde_json::Value;

use crate::engine::Problem;

/// Nothing of a run is later: one hour.
const MAX_NS: u64 = 3_600_000_000_000;

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
        operations.push(asked);
    }
    Ok(operations)
}
