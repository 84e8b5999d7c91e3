//! Fewer servers and clients. Nodes are numbered: controllers, observers, brokers, then clients; the last node of a
//! kind is removed, and references of the plan to the nodes behind it are renumbered.

use sim::fault::{Fault, FaultTargetMut, Link, What};
use sim::process::Node;

use super::search::Search;
use crate::case::Case;

/// Tries to remove nodes, one after the other.
pub fn fewer(search: &mut Search<'_>) {
    let smaller: [fn(&Case) -> Option<Case>; 6] =
        [without_consumer, without_producer, without_admin, without_client, without_observer, without_broker];
    for make in smaller {
        while let Some(candidate) = make(&search.best) {
            if !search.keep_if_failing(candidate) {
                break;
            }
        }
    }
    while let Some(candidate) = without_two_voters(&search.best) {
        if !search.keep_if_failing(candidate) {
            break;
        }
    }
}

/// Number of servers of a case; `None` if its cluster cannot be read.
fn servers(case: &Case) -> Option<usize> {
    Some(case.effective().ok()?.cluster.configs().ok()?.len())
}

fn without_consumer(case: &Case) -> Option<Case> {
    let clients = &case.scenario.clients;
    let last = clients.admins + clients.producers + clients.consumers;
    less(case, clients.consumers > 1, last - 1, |case| case.scenario.clients.consumers -= 1)
}

fn without_producer(case: &Case) -> Option<Case> {
    let clients = &case.scenario.clients;
    let last = clients.admins + clients.producers;
    less(case, clients.producers > 1, last - 1, |case| case.scenario.clients.producers -= 1)
}

fn without_admin(case: &Case) -> Option<Case> {
    let admins = case.scenario.clients.admins;
    less(case, admins > 1, admins - 1, |case| case.scenario.clients.admins -= 1)
}

/// Removes a Kafka client.
fn less(case: &Case, may: bool, client: u16, change: fn(&mut Case)) -> Option<Case> {
    if !may || !case.scenario.cluster.has_brokers() {
        return None;
    }
    without_client_at(case, client, change)
}

/// Removes a client of the model.
fn without_client(case: &Case) -> Option<Case> {
    let clients = case.scenario.workload.clients;
    if clients < 2 || case.scenario.cluster.has_brokers() {
        return None;
    }
    without_client_at(case, clients - 1, |case| case.scenario.workload.clients -= 1)
}

fn without_client_at(case: &Case, client: u16, change: fn(&mut Case)) -> Option<Case> {
    let mut smaller = case.clone();
    change(&mut smaller);
    smaller.operations.retain(|requested| requested.client != client);
    for requested in &mut smaller.operations {
        requested.client -= u16::from(requested.client > client);
    }
    renumber(&mut smaller, servers(case)? + usize::from(client), 1);
    Some(smaller)
}

fn without_observer(case: &Case) -> Option<Case> {
    let cluster = &case.scenario.cluster;
    if cluster.observers == 0 {
        return None;
    }
    let voters = case.effective().ok()?.cluster.voter_count();
    let mut smaller = case.clone();
    smaller.scenario.cluster.observers -= 1;
    renumber(&mut smaller, voters + usize::from(cluster.observers) - 1, 1);
    Some(smaller)
}

fn without_broker(case: &Case) -> Option<Case> {
    let cluster = &case.scenario.cluster;
    if cluster.brokers < 2 || cluster.combined || !cluster.node.is_empty() {
        return None;
    }
    let mut smaller = case.clone();
    smaller.scenario.cluster.brokers -= 1;
    let left = smaller.scenario.cluster.brokers;
    let replicas = &mut smaller.scenario.clients.replication_factor;
    *replicas = (*replicas).min(left);
    renumber(&mut smaller, servers(case)? - 1, 1);
    Some(smaller)
}

fn without_two_voters(case: &Case) -> Option<Case> {
    if !case.scenario.cluster.node.is_empty() || case.scenario.cluster.combined {
        return None;
    }
    let voters = case.effective().ok()?.cluster.voter_count();
    let left = u16::try_from(voters.checked_sub(2)?).ok().filter(|left| *left > 0)?;
    let mut smaller = case.clone();
    smaller.knobs.retain(|(name, _)| name != "cluster.voters");
    smaller.scenario.cluster.voters = Some(left);
    smaller.scenario.cluster.moving.retain(|id| usize::try_from(*id).is_ok_and(|id| id <= usize::from(left)));
    renumber(&mut smaller, usize::from(left), 2);
    Some(smaller)
}

/// Removes `count` nodes from `first` on: their faults are removed, and the nodes behind are renumbered.
fn renumber(case: &mut Case, first: usize, count: u16) {
    let first = first as u16;
    let moved = |node: Node| match node.0 {
        at if at < first => Some(node),
        at if at < first + count => None,
        at => Some(Node(at - count)),
    };
    let keep = |fault: Fault| {
        let what = renumbered(fault.what, &moved)?;
        let on = match fault.on {
            Some(mut trigger) => {
                for place in [&mut trigger.seen_as, &mut trigger.peer_as] {
                    *place = match *place {
                        Some(node) => Some(moved(node)?),
                        None => None,
                    };
                }
                Some(trigger)
            }
            None => None,
        };
        Some(Fault { what, on, ..fault })
    };
    let faults = std::mem::take(&mut case.plan.0);
    case.plan.0 = faults.into_iter().filter_map(keep).collect();
}

fn renumbered(mut what: What, moved: &impl Fn(Node) -> Option<Node>) -> Option<What> {
    match what.target_mut() {
        FaultTargetMut::Links(links) => {
            let kept = links.iter().filter_map(|Link(from, to)| Some(Link(moved(*from)?, moved(*to)?)));
            *links = kept.collect();
            (!links.is_empty()).then_some(what)
        }
        FaultTargetMut::Node(node) => {
            *node = moved(*node)?;
            Some(what)
        }
    }
}
