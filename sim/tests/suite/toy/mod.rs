//! A toy process for tests and benches of the world: timers, requests, a file it appends to, two threads. It makes an
//! observation of durability only after a barrier.
#![allow(dead_code, reason = "each test uses its part")]

use std::rc::Rc;

use sim::disk::Disk;
use sim::fault::Plan;
use sim::latency::Latency;
use sim::network::{NetworkConfig, Transport};
use sim::process::*;
use sim::rng::{Entropy, Seed};
use sim::world::{NodeConfig, WorldConfig};

#[derive(Clone, Debug)]
pub struct Spec {
    pub peers: u16,
    pub me: u16,
    /// Every n-th timer also writes and forces a byte; 0: never.
    pub write_every: u32,
    /// Makes no observations and sends nothing: only timers and posts.
    pub quiet: bool,
}

#[derive(Clone, Debug)]
pub struct Letter(pub u64);

impl Payload for Letter {
    fn content_hash(&self) -> u64 {
        self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// An observation made after a barrier: this number of bytes is durable.
    Durable(u64),
    Answered(u64),
    Closed(u32),
    Reported(u64),
}

#[derive(Clone, Debug)]
pub struct Toy {
    spec: Spec,
    connections: Vec<Option<Connection>>,
    waiting: Vec<bool>,
    timers: u32,
    written: u64,
    letters: u64,
}

impl Toy {
    fn arm(&self, now: Now, entropy: &mut Entropy, out: &mut Out<Toy>) {
        out.push(Effect::Arm { at_mono_ns: now.mono_ns + 10_000_000 + entropy.below(40_000_000) });
    }
}

impl Process for Toy {
    type Spec = Spec;
    type Message = Letter;
    type Post = u64;
    type Operation = u64;
    type Observation = Said;
    type Fault = ();
    const THREADS: &'static [&'static str] = &["main", "side"];

    fn boot(spec: &Spec, now: Now, entropy: &mut Entropy, disk: &Disk, out: &mut Out<Toy>) -> Toy {
        let written = disk.read("log").map_or(0, |bytes| bytes.len() as u64);
        out.push(Effect::Open { file: File(1), path: Rc::from("log"), truncate: false });
        out.push(Effect::FsyncDirectory);
        let toy = Toy {
            connections: vec![None; usize::from(spec.peers)],
            waiting: vec![false; usize::from(spec.peers)],
            spec: spec.clone(),
            timers: 0,
            written,
            letters: 0,
        };
        toy.arm(now, entropy, out);
        toy
    }

    fn step(&mut self, thread: Thread, now: Now, input: Input<Toy>, entropy: &mut Entropy, out: &mut Out<Toy>) {
        match input {
            Input::Timer => {
                self.timers += 1;
                let to = entropy.below(u64::from(self.spec.peers)) as u16;
                let peer = usize::from(to);
                if to != self.spec.me {
                    match self.connections[peer] {
                        None if !self.waiting[peer] => {
                            self.waiting[peer] = true;
                            out.push(Effect::Connect { token: u32::from(to), to: Node(to), port: Port::FIRST });
                        }
                        Some(connection) if !self.waiting[peer] => {
                            self.waiting[peer] = true;
                            self.letters += 1;
                            let letter = Letter(u64::from(self.spec.me) << 32 | self.letters);
                            out.push(Effect::Request { connection, message: letter });
                        }
                        _ => {}
                    }
                }
                if self.spec.write_every > 0 && self.timers.is_multiple_of(self.spec.write_every) {
                    out.push(Effect::Append { file: File(1), bytes: Rc::from([self.timers as u8].as_slice()) });
                    self.written += 1;
                    out.push(Effect::Fsync { file: File(1) });
                    out.push(Effect::Observe(Said::Durable(self.written)));
                }
                self.arm(now, entropy, out);
            }
            Input::Opened { token, connection } => {
                self.connections[token as usize] = Some(connection);
                self.waiting[token as usize] = false;
            }
            Input::Closed { token, .. } => {
                self.connections[token as usize] = None;
                self.waiting[token as usize] = false;
                out.push(Effect::Observe(Said::Closed(token)));
            }
            Input::Request { connection, message } => {
                out.push(Effect::Response { connection, message: Letter(message.0 + 1) });
            }
            Input::Response { token, message } => {
                self.waiting[token as usize] = false;
                if !self.spec.quiet {
                    out.push(Effect::Post { thread: Thread(1), event: message.0 });
                }
            }
            Input::Post(letter) => {
                assert_eq!(thread, Thread(1));
                out.push(Effect::Observe(Said::Answered(letter)));
            }
            Input::Operation(number) => out.push(Effect::Observe(Said::Reported(number))),
            Input::Terminate => out.push(Effect::Halt { reason: Rc::from("terminated"), fault: None }),
            Input::Exception | Input::Continue => {}
            Input::DiskError(_) => out.push(Effect::Halt { reason: Rc::from("disk error"), fault: Some(()) }),
        }
    }

    fn thread_for(_: &Letter) -> Thread {
        Thread(0)
    }
    fn observation_hash(observation: &Said) -> u64 {
        match observation {
            Said::Durable(n) => *n,
            Said::Answered(n) => n ^ 1 << 60,
            Said::Closed(n) => u64::from(*n) ^ 2 << 60,
            Said::Reported(n) => n ^ 3 << 60,
        }
    }
    fn post_hash(post: &u64) -> u64 {
        *post
    }
    fn operation_hash(operation: &u64) -> u64 {
        *operation
    }
}

pub fn ms(n: u64) -> u64 {
    n * 1_000_000
}

pub fn config(seed: u64, nodes: u16, transport: Transport, write_every: u32, plan: Plan) -> WorldConfig<Toy> {
    let node = |me| NodeConfig {
        mono_start_ns: 1_000_000_007 * u64::from(me),
        fsync: Latency::Uniform { min_ns: 200_000, max_ns: 3_000_000 },
        directory_fsync: None,
        ..NodeConfig::new(format!("toy-{me}"), Spec { peers: nodes, me, write_every, quiet: false })
    };
    WorldConfig {
        network: NetworkConfig {
            transport,
            latency: Latency::Uniform { min_ns: 500_000, max_ns: 5_000_000 },
            ..NetworkConfig::default()
        },
        plan,
        heal_at_ns: ms(50_000),
        restart_after_halt_ns: Some(ms(100)),
        ..WorldConfig::new(Seed(seed), (0..nodes).map(node).collect())
    }
}
