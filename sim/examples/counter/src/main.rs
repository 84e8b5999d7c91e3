//! A custom process in the world of `sim`, and an invariant: a server counts requests in a file, its host loses power,
//! and no count that the client has seen may be returned again.

use std::rc::Rc;

use sim::disk::Disk;
use sim::drive::{Ended, Run};
use sim::fault::{Fault, Plan};
use sim::process::{Connection, Effect, File, Input, Node, Now, Out, Port, Process, Thread};
use sim::rng::{Entropy, Seed};
use sim::watch::Watch;
use sim::world::{NodeConfig, World, WorldConfig};

/// Node 0 is the server (`Some(force)`: does it fsync before it responds?), node 1 sends a request every 10 ms.
#[derive(Clone, Debug)]
struct Counter(Option<bool>, u64, Option<Connection>);

impl Process for Counter {
    type Spec = Option<bool>;
    type Message = u64;
    type Post = ();
    type Operation = ();
    type Observation = ();
    type Fault = ();

    fn boot(serves: &Option<bool>, now: Now, _: &mut Entropy, disk: &Disk, out: &mut Out<Counter>) -> Counter {
        out.push(Effect::Open { file: File(0), path: Rc::from("counted"), truncate: false });
        out.push(Effect::FsyncDirectory);
        out.push(Effect::Arm { at_mono_ns: now.mono_ns + 10_000_000 });
        Counter(*serves, disk.read("counted").map_or(0, |bytes| bytes.len() as u64), None)
    }

    fn step(&mut self, _: Thread, now: Now, input: Input<Counter>, _: &mut Entropy, out: &mut Out<Counter>) {
        match (input, self.2) {
            (Input::Request { connection, .. }, _) => {
                self.1 += 1;
                out.push(Effect::Append { file: File(0), bytes: Rc::from([1].as_slice()) });
                if self.0 == Some(true) {
                    out.push(Effect::Fsync { file: File(0) }); // what follows waits for the disk
                }
                out.push(Effect::Response { connection, message: self.1 });
            }
            (Input::Timer, connection) if self.0.is_none() => {
                let request = |connection| Effect::Request { connection, message: 0 };
                out.push(connection.map_or(Effect::Connect { token: 0, to: Node(0), port: Port::FIRST }, request));
                out.push(Effect::Arm { at_mono_ns: now.mono_ns + 10_000_000 });
            }
            (Input::Opened { connection, .. }, _) => self.2 = Some(connection),
            (Input::Closed { .. }, _) => self.2 = None,
            _ => {}
        }
    }
}

/// The invariant: counts increase. A violation stops the run.
#[derive(Default)]
struct CountsRise(u64, bool);

impl Watch<Counter> for CountsRise {
    fn input(&mut self, _at_ns: u64, _: Node, _: Thread, input: &Input<Counter>) {
        if let Input::Response { message: count, .. } = input {
            self.1 |= *count <= self.0;
            self.0 = *count;
        }
    }
    fn stop(&self) -> bool {
        self.1
    }
}

fn main() {
    let plan = Plan((1..20).map(|n| Fault::power_loss(Node(0), n * 330_000_000, 30_000_000)).collect());
    let is_broken = |seed: u64, force: bool| {
        let nodes = vec![NodeConfig::new("server", Some(force)), NodeConfig::new("client", None)];
        let config = WorldConfig { plan: plan.clone(), ..WorldConfig::new(Seed(seed), nodes) };
        Run { world: World::new(config), watch: CountsRise::default() }.drive_bare(5_000_000_000) == Ended::Stopped
    };
    let [forced, not_forced] = [true, false].map(|force| (0..100).filter(|seed| is_broken(*seed, force)).count());
    println!("counts are given out twice: with fsync in {forced} of 100 runs, without in {not_forced}");
    assert!(forced == 0 && not_forced > 0);
}
