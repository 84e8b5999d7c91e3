//! Cost of the world per event, as a ratio within one run: empty nodes in the full world over a bare `BinaryHeap` +
//! ChaCha loop of the same structure, and hosted over bare.
//! `cargo bench -p sim`.

#[path = "../tests/suite/toy/mod.rs"]
mod toy;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;
#[expect(clippy::disallowed_types, reason = "a bench measures")]
use std::time::Instant;

use sim::drive::Run;
use sim::fault::{Fault, Kill, Plan, What};
use sim::network::Transport;
use sim::process::Node;
use sim::rng::{Entropy, Purpose, Seed};
use sim::watch::NoWatch;
use sim::world::World;
use toy::{config, ms};
use xxhash_rust::xxh3::Xxh3;

const NODES: u64 = 6;
const SECONDS: u64 = 60;
const PAIRS: usize = 9;

/// The baseline: six nodes, a timer and one outstanding request each, latencies, a digest.
fn bare_heap(seed: u64) -> (u64, u128) {
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    enum What {
        Timer(u64),
        Request { from: u64, to: u64 },
        Response { to: u64 },
    }
    let mut heap = BinaryHeap::new();
    let mut draws: Vec<Entropy> = (0..NODES).map(|n| Seed(seed).entropy(Purpose::Node, n)).collect();
    let mut waiting = [false; NODES as usize];
    let (mut digest, mut events, mut seq) = (Xxh3::new(), 0u64, 0u64);
    let mut push = |heap: &mut BinaryHeap<_>, at: u64, what| {
        seq += 1;
        heap.push(Reverse((at, seq, what)));
    };
    for n in 0..NODES {
        push(&mut heap, ms(10), What::Timer(n));
    }
    while let Some(Reverse((at, _, what))) = heap.pop() {
        if at > ms(1000 * SECONDS) {
            break;
        }
        events += 1;
        let kind = match what {
            What::Timer(n) => {
                let to = draws[n as usize].below(NODES);
                if to != n && !waiting[n as usize] {
                    waiting[n as usize] = true;
                    let takes = 500_000 + draws[n as usize].below(4_500_000);
                    push(&mut heap, at + takes, What::Request { from: n, to });
                }
                let next = at + ms(10) + draws[n as usize].below(ms(40));
                push(&mut heap, next, What::Timer(n));
                n
            }
            What::Request { from, to } => {
                let takes = 500_000 + draws[to as usize].below(4_500_000);
                push(&mut heap, at + takes, What::Response { to: from });
                to << 8 | 1
            }
            What::Response { to } => {
                waiting[to as usize] = false;
                to << 8 | 2
            }
        };
        let mut entry = [0u8; 40];
        entry[..8].copy_from_slice(&at.to_le_bytes());
        entry[8..16].copy_from_slice(&kind.to_le_bytes());
        digest.update(&entry);
    }
    (events, digest.digest128())
}

fn world(seed: u64, plan: &Plan) -> Run<toy::Toy, NoWatch> {
    let mut config = config(seed, NODES as u16, Transport::Tcp, 0, plan.clone());
    config.heal_at_ns = u64::MAX;
    for node in &mut config.nodes {
        node.spec.quiet = true;
    }
    Run { world: World::new(config), watch: NoWatch }
}

fn in_world(seed: u64, plan: &Plan) -> u64 {
    let mut run = world(seed, plan);
    run.drive_bare(ms(1000 * SECONDS));
    black_box(run.world.digest());
    run.world.counts().events
}

#[cfg(madsim)]
fn hosted(seed: u64, plan: &Plan) -> u64 {
    let (run, ..) = sim::host::drive_hosted(world(seed, plan), ms(1000 * SECONDS), 1, Vec::new());
    black_box(run.world.digest());
    run.world.counts().events
}

/// ns per event.
#[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a bench measures")]
fn time(work: impl FnOnce() -> u64) -> f64 {
    let start = Instant::now();
    let events = work();
    start.elapsed().as_nanos() as f64 / events as f64
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn compare(name: &str, budget: &str, mut a: impl FnMut() -> f64, mut b: impl FnMut() -> f64) {
    let pairs: Vec<(f64, f64)> = (0..PAIRS)
        .map(|round| {
            if round % 2 == 0 {
                (a(), b())
            } else {
                let second = b();
                (a(), second)
            }
        })
        .collect();
    let (left, right) = (median(pairs.iter().map(|p| p.0).collect()), median(pairs.iter().map(|p| p.1).collect()));
    let ratio = median(pairs.iter().map(|p| p.0 / p.1).collect());
    println!("{name:<44} {left:7.1} / {right:7.1} ns per event = {ratio:.2}x  (budget {budget})");
}

fn main() {
    let calm = Plan::default();
    let kill = |n: u64| {
        let what = What::Kill(Kill { node: Node((n % NODES) as u16), after_effects: None });
        Fault::at(ms(150 * (n + 1)), ms(50), what)
    };
    let kills = Plan((0..399).map(kill).collect());
    compare(
        "empty nodes, full world over bare heap",
        "<= 2.0x",
        || time(|| in_world(7, &calm)),
        || {
            time(|| {
                let (events, digest) = bare_heap(7);
                black_box(digest);
                events
            })
        },
    );
    #[cfg(madsim)]
    compare("hosted over bare, no kills", "<= 1.05x", || time(|| hosted(7, &calm)), || time(|| in_world(7, &calm)));
    #[cfg(madsim)]
    compare(
        "hosted over bare, a kill every 150 ms",
        "",
        || time(|| hosted(7, &kills)),
        || time(|| in_world(7, &kills)),
    );
    let _ = &kills;
}
