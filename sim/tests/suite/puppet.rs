//! A puppet: a process whose steps each test writes.

use std::rc::Rc;

use sim::disk::Disk;
use sim::disk::FileSystem;
use sim::drive::{Ended, Run};
use sim::fault::{Fault, Kill, Plan, What};
use sim::latency::Latency;
use sim::network::NetworkConfig;
use sim::process::*;
use sim::rng::{Entropy, Seed};
use sim::service::{Calls, ServiceTimes, Work};
use sim::watch::{Phase, Watch};
use sim::world::{NodeConfig, World, WorldConfig};

#[derive(Clone, Debug)]
pub struct Number(pub u64);

impl Payload for Number {
    fn content_hash(&self) -> u64 {
        self.0
    }
}

/// Actions of one node at boot, and at each input.
#[derive(Clone, Debug)]
pub struct Strings {
    pub boot: fn(Now, &mut Out<Puppet>),
    pub step: fn(&mut Puppet, Thread, Now, Input<Puppet>, &mut Out<Puppet>),
}

#[derive(Clone, Debug)]
pub struct Puppet {
    pub strings: Strings,
    pub connection: Option<Connection>,
    pub sent: u64,
}

impl Process for Puppet {
    type Spec = Strings;
    type Message = Number;
    type Post = u64;
    type Operation = u64;
    type Observation = u64;
    type Fault = ();
    const THREADS: &'static [&'static str] = &["main", "side", "pool"];
    const POOLS: &'static [Thread] = &[Thread(2)];
    const WORKS: &'static [&'static str] = &["say seven"];

    fn boot(strings: &Strings, now: Now, _: &mut Entropy, _: &Disk, out: &mut Out<Puppet>) -> Puppet {
        (strings.boot)(now, out);
        Puppet { strings: strings.clone(), connection: None, sent: 0 }
    }
    fn step(&mut self, thread: Thread, now: Now, input: Input<Puppet>, _: &mut Entropy, out: &mut Out<Puppet>) {
        if let Input::Opened { connection, .. } = input {
            self.connection = Some(connection);
        }
        (self.strings.step)(self, thread, now, input, out);
    }
    /// From 100 on, the pool.
    fn thread_for(number: &Number) -> Thread {
        Thread(if number.0 < 100 { 0 } else { 2 })
    }
    fn work_before(&self, _: Thread, input: &Input<Puppet>, works: &mut Vec<u8>) {
        works.extend(matches!(input, Input::Post(8)).then_some(0));
    }
    fn work_in(&self, _: Thread, effect: &Effect<Puppet>) -> Option<u8> {
        matches!(effect, Effect::Observe(7)).then_some(0)
    }
    fn observation_hash(observation: &u64) -> u64 {
        *observation
    }
    fn post_hash(post: &u64) -> u64 {
        *post
    }
    fn operation_hash(operation: &u64) -> u64 {
        *operation
    }
}

/// Observations (time, node, value), faults (time, phase) and deaths by the node's own decision.
#[derive(Default)]
pub struct Seen {
    pub said: Vec<(u64, u16, u64)>,
    pub faults: Vec<(u64, Phase)>,
    pub halts: u32,
}

impl Watch<Puppet> for Seen {
    fn observed(&mut self, at: u64, node: Node, observation: &u64) {
        self.said.push((at, node.0, *observation));
    }
    fn fault(&mut self, at: u64, _: &Fault, phase: Phase) {
        self.faults.push((at, phase));
    }
    fn halted(&mut self, _: u64, _: Node, _: &str, _: Option<()>) {
        self.halts += 1;
    }
}

pub fn ms(n: u64) -> u64 {
    n * 1_000_000
}

pub fn kill(node: Node) -> What {
    What::Kill(Kill { node, after_effects: None })
}

pub fn fault(at_ms: u64, lasts_ms: u64, what: What) -> Fault {
    Fault::at(ms(at_ms), ms(lasts_ms), what)
}

/// Messages take 5 ms, fsyncs 10 ms.
pub fn config(puppets: &[Strings], faults: Vec<Fault>) -> WorldConfig<Puppet> {
    let node = |strings: &Strings| NodeConfig {
        name: "puppet".into(),
        spec: strings.clone(),
        mono_start_ns: 0,
        wall_start_ms: 0,
        drift_ppm: 0,
        fsync: Latency::Constant { ns: ms(10) },
        directory_fsync: None,
        file_system: FileSystem::default(),
        service: Rc::default(),
        files: Vec::new(),
    };
    WorldConfig {
        seed: Seed(1),
        nodes: puppets.iter().map(node).collect(),
        network: NetworkConfig { latency: Latency::Constant { ns: ms(5) }, ..NetworkConfig::default() },
        plan: Plan(faults),
        heal_at_ns: ms(50_000),
        restart_after_halt_ns: None,
        max_events: 1_000_000,
        max_events_at_one_time: 10_000,
        audit_every_events: 4096,
    }
}

/// Service times of these kinds of work.
pub fn service(works: &[(Work, Calls)]) -> Rc<ServiceTimes> {
    let mut service = ServiceTimes::default();
    for (work, calls) in works {
        service.set::<Puppet>(*work, calls.clone());
    }
    Rc::new(service)
}

pub fn drive(config: WorldConfig<Puppet>, until_ms: u64) -> (Ended, Run<Puppet, Seen>) {
    let mut run = Run { world: World::new(config), watch: Seen::default() };
    let ended = run.drive_bare(ms(until_ms));
    (ended, run)
}
