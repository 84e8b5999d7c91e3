//! The plan of a repro file, with an error for each invalid fault.

use scenarios::aim::trigger_event::TriggerEvent;
use scenarios::cluster::Prepared;
use serde_json::Value;
use sim::fault::{Fault, Plan};
use sim::process::Node;

use crate::engine::Problem;
use crate::json::reading::said;

/// Latest time and longest duration in a run: one hour.
const MAX_NS: i128 = 3_600_000_000_000;

/// Reads a plan for this cluster.
pub fn read(plan: &Value, cluster: &Prepared) -> Result<Plan, Problem> {
    let list = plan.as_array().ok_or_else(|| Problem::at("/plan", "its plan is not a list of faults"))?;
    let wrong = |index, problem| Problem::at(format!("/plan/{index}"), format!("fault {index} of its plan: {problem}"));
    let mut faults = Vec::with_capacity(list.len());
    for (index, fault) in list.iter().enumerate() {
        let text = fault.to_string();
        let fault: Fault = serde_json::from_str(&text).map_err(|error| wrong(index, said(&text, &error)))?;
        check(&fault, cluster).map_err(|problem| wrong(index, problem))?;
        faults.push(fault);
    }
    Ok(Plan(faults))
}

fn check(fault: &Fault, cluster: &Prepared) -> Result<(), String> {
    let kind = fault.what.kind();
    let exists = |Node(node): Node, count: usize, who: &str| {
        let wrong = || format!("a {kind} targets node {node}, which is no {who}; allowed: 0..{}", count - 1);
        (usize::from(node) < count).then_some(()).ok_or_else(wrong)
    };
    match fault.what.node() {
        Some(node) => exists(node, cluster.servers.len(), "server")?,
        None if fault.what.links().is_empty() => return Err(format!("a {kind} without links has no target")),
        None => {}
    }
    let ends = fault.what.links().iter().flat_map(|link| [link.0, link.1]);
    ends.into_iter().try_for_each(|node| exists(node, cluster.world.nodes.len(), "server or client"))?;

    let within = |name: &str, value: i128, min: i128, max: i128| {
        let wrong = || format!("{name} of a {kind} is {value}; allowed: {min}..{max}");
        (min..=max).contains(&value).then_some(()).ok_or_else(wrong)
    };
    within("at_ns", fault.at_ns.into(), 0, MAX_NS)?;
    within("lasts_ns", fault.lasts_ns.into(), 0, MAX_NS)?;
    if let Some(trigger) = &fault.on {
        let has_brokers = cluster.brokers.is_some();
        if !TriggerEvent::possible(has_brokers).any(|event| event.name() == trigger.name) {
            let known: Vec<_> = TriggerEvent::possible(has_brokers).map(TriggerEvent::name).collect();
            return Err(format!("the trigger of a {kind} is {:?}; allowed: {}", trigger.name, known.join(", ")));
        }
        within("on.nth", trigger.nth.into(), 1, 1_000_000)?;
        within("on.after_ns", trigger.after_ns.into(), 0, MAX_NS)?;
        let places = [trigger.seen_as, trigger.peer_as];
        places.into_iter().flatten().try_for_each(|node| exists(node, cluster.servers.len(), "server"))?;
    }
    // As for a scenario's `[nemesis]`.
    let mut what = fault.what.clone();
    what.amounts().iter().try_for_each(|it| within(it.name, it.value(), it.min.into(), it.max.into()))
}

#[cfg(test)]
mod tests {
    use scenarios::catalog;
    use scenarios::cluster::{Explicit, prepare};
    use sim::rng::Seed;

    use super::*;

    #[test]
    fn what_a_nemesis_plans_is_read_back() {
        for entry in catalog::list() {
            let scenario = entry.scenario().expect("good");
            for seed in 0..100 {
                let cluster = prepare(&scenario, Seed(seed), &Explicit::default()).expect("good");
                let stored = serde_json::to_value(&cluster.world.plan).expect("plain data");
                assert_eq!(read(&stored, &cluster).as_ref(), Ok(&cluster.world.plan), "{} {seed}", entry.name);
            }
        }
    }
}
