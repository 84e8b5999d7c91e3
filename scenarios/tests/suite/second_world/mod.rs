//! A second world: the same Kafka nodes as plain madsim tasks over madsim's own network, clock
//! and scheduler, with safety checks of their own. Where our world is too kind, this one shows it.
#![cfg(madsim)]

mod checks;
mod disk;
mod node;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use madsim::net::NetSim;
use madsim::rand::{Rng, thread_rng};
use madsim::runtime::{Handle, Runtime};
use madsim::task::NodeId;
use madsim::time::{TimeHandle, sleep};
use raft::bugs::{Bug, Bugs};
use raft::node::NodeSpec;
use sim::drive::panics::catch;

use checks::Checks;
use disk::Disk;
use node::Letter;

const FAULTS_END: Duration = Duration::from_secs(40);
const CALM_SECONDS: u64 = 15;
const CLIENTS: usize = 2;

/// What outlives a node's tasks, and what watches them.
struct Second {
    specs: Vec<NodeSpec>,
    disks: Vec<Disk>,
    incarnations: Vec<u32>,
    /// Messages in flight: madsim carries their numbers.
    letters: BTreeMap<u64, Letter>,
    next_letter: u64,
    checks: Checks,
}

thread_local! {
    static SECOND: RefCell<Option<Second>> = const { RefCell::new(None) };
}

fn with<T>(f: impl FnOnce(&mut Second) -> T) -> T {
    SECOND.with_borrow_mut(|second| f(second.as_mut().expect("a world on this thread")))
}

fn now() -> Duration {
    TimeHandle::current().elapsed()
}

fn below(bound: u64) -> u64 {
    thread_rng().gen_range(0..bound)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Kills that lose what was not forced, and clogged links, until the faults end.
async fn break_things(servers: &[NodeId]) {
    let (handle, net) = (Handle::current(), NetSim::current());
    while now() < FAULTS_END {
        sleep(ms(100 + below(1_000))).await;
        let one = servers[below(servers.len() as u64) as usize];
        let other = servers[below(servers.len() as u64) as usize];
        let lasts = ms(50 + below(4_000));
        match below(6) {
            0 => {
                handle.kill(one);
                sleep(lasts).await;
                handle.restart(one);
            }
            1 => {
                // The whole cluster at once, or nearly.
                let struck: Vec<NodeId> = servers.iter().copied().filter(|_| below(4) > 0).collect();
                struck.iter().for_each(|id| handle.kill(*id));
                sleep(ms(1 + below(500))).await;
                struck.iter().for_each(|id| handle.restart(*id));
            }
            2 => {
                net.clog_node(one);
                sleep(lasts).await;
                net.unclog_node(one);
            }
            3 => {
                net.clog_node_in(one);
                sleep(lasts).await;
                net.unclog_node_in(one);
            }
            _ if one != other => {
                net.clog_link(one, other);
                handle.kill(other);
                sleep(ms(below(200))).await;
                handle.restart(other);
                sleep(lasts).await;
                net.unclog_link(one, other);
            }
            _ => {}
        }
    }
}

/// One run; `Err` is what was violated.
fn run(seed: u64, bug: Option<Bug>) -> Result<Checks, String> {
    let mut scenario = scenarios::catalog::find("quorum").expect("built in").scenario().expect("good");
    scenario.cluster.voters = Some(if seed.is_multiple_of(3) { 5 } else { 3 });
    scenario.cluster.observers = 0;
    let bugs = bug.map_or(Bugs::NONE, |bug| Bugs::NONE.with(bug));
    let spec = |config: raft::config::NodeConfig| NodeSpec {
        roles: raft::node::Roles::RecordLog,
        config: Rc::new(config.quorum),
        cluster_id: Rc::from("kraftsimkraftsimkraftg"),
        bugs,
        fixes: scenario.fixes,
    };
    let specs: Vec<NodeSpec> = scenario.cluster.configs().expect("good").into_iter().map(spec).collect();
    let count = specs.len();
    let second = Second {
        disks: specs.iter().map(|_| Disk::default()).collect(),
        incarnations: vec![0; count + CLIENTS],
        letters: BTreeMap::new(),
        next_letter: 0,
        checks: Checks::new(count),
        specs,
    };
    SECOND.with_borrow_mut(|world| *world = Some(second));
    let mut config = madsim::Config::default();
    config.net.packet_loss_rate = if seed.is_multiple_of(2) { 0.0 } else { 0.01 };
    config.net.send_latency = ms(1)..ms(if seed.is_multiple_of(5) { 60 } else { 8 });
    let runtime = Runtime::with_seed_and_config(seed, config);
    let ended = catch(|| {
        runtime.block_on(async {
            let handle = Handle::current();
            let build = |place: usize| {
                let node = handle.create_node().ip(node::address(place).ip());
                if place < count {
                    node.init(move || node::server(place)).build().id()
                } else {
                    node.init(move || node::client(place, count)).build().id()
                }
            };
            let nodes: Vec<NodeId> = (0..count + CLIENTS).map(build).collect();
            break_things(&nodes[..count]).await;
            let reached = with(|second| second.checks.reached());
            sleep(Duration::from_secs(CALM_SECONDS)).await;
            with(|second| second.checks.at_the_end(reached));
            nodes.iter().for_each(|id| handle.kill(*id));
        });
    });
    drop(runtime);
    let second = SECOND.take().expect("a world on this thread");
    ended.map(|()| second.checks).map_err(|panic| panic.message)
}

fn sweep(seeds: impl Iterator<Item = u64>) {
    let (mut elections, mut acknowledged, mut runs) = (0, 0, 0);
    for seed in seeds {
        let checks = run(seed, None).unwrap_or_else(|violation| panic!("seed {seed}: {violation}"));
        elections += checks.elections();
        acknowledged += checks.acknowledged();
        runs += 1;
    }
    println!("{runs} runs, {elections} elections, {acknowledged} acknowledged appends");
    assert!(elections > 4 * runs && acknowledged > 50 * runs, "not vacuous: {elections} and {acknowledged}");
}

#[test]
fn kafkas_nodes_keep_their_promises_in_another_world_even_seeds() {
    sweep((0..200).step_by(2));
}

#[test]
fn kafkas_nodes_keep_their_promises_in_another_world_odd_seeds() {
    sweep((1..200).step_by(2));
}

#[test]
fn the_second_worlds_checks_see_a_bug() {
    let caught = |bug| (0..40).find_map(|seed| Some((seed, run(seed, Some(bug)).err()?)));
    for bug in [Bug::Kafka10533AckBeforeFlush, Bug::NoLogTest, Bug::AckAtAppend] {
        let (seed, violation) = caught(bug).unwrap_or_else(|| panic!("{bug:?} went unseen"));
        println!("{bug:?}: seed {seed}: {violation}");
    }
}
