//! The world's promises in rare places, on a puppet: a process whose steps each test writes.

use std::rc::Rc;

use sim::disk::Disk;
use sim::drive::{Ended, Run};
use sim::fault::{Fault, Link, Plan, What};
use sim::latency::Latency;
use sim::network::NetworkConfig;
use sim::process::*;
use sim::rng::{Entropy, Seed};
use sim::watch::{Phase, Watch};
use sim::world::{NodeConfig, World, WorldConfig};

#[derive(Clone, Debug)]
struct Number(u64);

impl Payload for Number {
    fn content_hash(&self) -> u64 {
        self.0
    }
    fn kind(&self) -> u8 {
        0
    }
    const KINDS: &'static [&'static str] = &["number"];
}

/// What one node does at boot, and at each input.
#[derive(Clone, Debug)]
struct Strings {
    boot: fn(Now, &mut Out<Puppet>),
    step: fn(&mut Puppet, Thread, Now, Input<Puppet>, &mut Out<Puppet>),
}

#[derive(Clone, Debug)]
struct Puppet {
    strings: Strings,
    connection: Option<Connection>,
    sent: u64,
}

impl Process for Puppet {
    type Spec = Strings;
    type Message = Number;
    type Post = u64;
    type Operation = u64;
    type Observation = u64;
    const THREADS: &'static [&'static str] = &["main", "side"];

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
    fn thread_for(_: &Number) -> Thread {
        Thread(0)
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

/// Observations (time, node, what was said), faults (time, phase) and deaths by its own will.
#[derive(Default)]
struct Seen {
    said: Vec<(u64, u16, u64)>,
    faults: Vec<(u64, Phase)>,
    halts: u32,
}

impl Watch<Puppet> for Seen {
    fn observed(&mut self, at: u64, node: Node, observation: &u64) {
        self.said.push((at, node.0, *observation));
    }
    fn fault(&mut self, at: u64, _: &Fault, phase: Phase) {
        self.faults.push((at, phase));
    }
    fn halted(&mut self, _: u64, _: Node, _: &str, _: bool) {
        self.halts += 1;
    }
}

fn ms(n: u64) -> u64 {
    n * 1_000_000
}

fn fault(at_ms: u64, lasts_ms: u64, what: What) -> Fault {
    Fault { at_ns: ms(at_ms), lasts_ns: ms(lasts_ms), what }
}

/// Messages take 5 ms, fsyncs 10 ms.
fn config(puppets: &[Strings], faults: Vec<Fault>) -> WorldConfig<Puppet> {
    let node = |strings: &Strings| NodeConfig {
        name: "puppet".into(),
        spec: strings.clone(),
        mono_start_ns: 0,
        wall_start_ms: 0,
        drift_ppm: 0,
        fsync: Latency::Constant { ns: ms(10) },
        costs: Rc::from(Vec::new()),
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

fn drive(config: WorldConfig<Puppet>, until_ms: u64) -> (Ended, Run<Puppet, Seen>) {
    let mut run = Run { world: World::new(config), watch: Seen::default() };
    let ended = run.drive_bare(ms(until_ms));
    (ended, run)
}

/// Connects to node 1 and sends a number each ms from 50 ms on.
const COUNTS: Strings = Strings {
    boot: |now, out| {
        out.push(Effect::Connect { token: 1, to: Node(1) });
        out.push(Effect::Arm { at_mono_ns: now.mono_ns + ms(50) });
    },
    step: |puppet, _, now, input, out| {
        if let (Input::Timer, Some(connection)) = (input, puppet.connection) {
            puppet.sent += 1;
            out.push(Effect::Request { connection, message: Number(puppet.sent) });
            out.push(Effect::Arm { at_mono_ns: now.mono_ns + ms(1) });
        }
    },
};

/// Connects to node 1 and sends one number, at 50 ms.
const COUNTS_TO_ONE: Strings = Strings {
    step: |puppet, _, _, input, out| {
        if let (Input::Timer, Some(connection)) = (input, puppet.connection) {
            out.push(Effect::Request { connection, message: Number(1) });
        }
    },
    ..COUNTS
};

/// Says each number it gets, and answers it.
const SAYS: Strings = Strings {
    boot: |_, _| {},
    step: |_, _, _, input, out| {
        if let Input::Request { connection, message } = input {
            out.push(Effect::Observe(message.0));
            out.push(Effect::Response { connection, message });
        }
    },
};

#[test]
fn a_connection_is_in_order_even_if_its_host_stalls_while_packets_are_under_way() {
    let stall = |at, lasts, node| fault(at, lasts, What::Stall { node: Node(node) });
    let slow = What::Delay { links: vec![Link(Node(0), Node(1))], extra_ns: ms(700) };
    let slow_back = What::Delay { links: vec![Link(Node(1), Node(0))], extra_ns: ms(300) };
    for faults in [
        vec![stall(100, 3, 1)],
        vec![stall(100, 3, 0)],
        // Under way for longer than the timer of those that met the silence.
        vec![fault(10, 500, slow), stall(800, 3, 1), stall(900, 7, 1)],
        vec![fault(10, 500, slow_back), stall(400, 30, 0), stall(500, 3, 1)],
    ] {
        let (ended, run) = drive(config(&[COUNTS, SAYS], faults), 5000);
        let got: Vec<u64> = run.watch.said.iter().map(|(_, _, number)| *number).collect();
        assert_eq!(ended, Ended::End);
        assert!(got.len() > 300, "{}", got.len());
        assert_eq!(got, (1..=got.len() as u64).collect::<Vec<u64>>());
    }
}

#[test]
fn the_retransmission_timeout_doubles_whatever_keeps_the_segment_from_being_acknowledged() {
    let links = || vec![Link(Node(0), Node(1))];
    let back = || vec![Link(Node(1), Node(0))];
    let kill = || fault(32, 60_000, What::Kill { node: Node(1), after_effects: None });
    let for_40_s = |what| fault(30, 40_000, what);
    let tried = |faults| {
        let (ended, run) = drive(config(&[COUNTS_TO_ONE, SAYS], faults), 39_000);
        assert_eq!(ended, Ended::End);
        run.world.counts().events
    };
    let calm = tried(vec![]);
    for faults in [
        vec![for_40_s(What::Cut { links: links() })],
        vec![for_40_s(What::Loss { links: links(), ppm: 1_000_000 })],
        vec![for_40_s(What::Stall { node: Node(1) })],
        // Each try is answered with an RST that does not get back.
        vec![for_40_s(What::Cut { links: back() }), kill()],
        vec![for_40_s(What::Loss { links: back(), ppm: 1_000_000 }), kill()],
    ] {
        let what = format!("{faults:?}");
        // 0.2, 0.6, 1.4, 3.0, 6.2, 12.6 and 25.4 s: seven tries, each with its arrival.
        let more = tried(faults) - calm;
        assert!((5..=7 * 2 + 4).contains(&more), "{more} events: {what}");
    }
}

#[test]
fn the_retransmission_timeout_begins_anew_once_something_gets_through() {
    let links = vec![Link(Node(0), Node(1))];
    let cuts = [30, 20_000].map(|at| fault(at, 1_500, What::Cut { links: links.clone() }));
    let (ended, run) = drive(config(&[COUNTS, SAYS], cuts.to_vec()), 30_000);
    assert_eq!(ended, Ended::End);
    // First tries at 56 and 20,001 ms; each cut ends before the fourth, 3 s after the first.
    for end in [1_530, 21_500] {
        let next = run.watch.said.iter().find(|(at, ..)| *at > ms(end)).expect("it goes on");
        assert!((end..end + 1_600).contains(&(next.0 / 1_000_000)), "{next:?} after {end}");
    }
    let got = run.watch.said.len() as u64;
    assert_eq!(run.watch.said[got as usize - 1].2, got);
}

/// The main thread's timer ends the process, while its other thread has something to say.
const HALTS: Strings = Strings {
    boot: |now, out| {
        out.push(Effect::Arm { at_mono_ns: now.mono_ns + ms(1) });
        out.push(Effect::Post { thread: Thread(1), event: 7 });
    },
    step: |_, _, _, input, out| match input {
        Input::Timer => out.push(Effect::Halt { reason: Rc::from("enough"), fatal: false }),
        Input::Post(event) => out.push(Effect::Observe(event)),
        _ => {}
    },
};

#[test]
fn a_process_that_ends_as_it_thaws_does_nothing_more() {
    let mut config = config(&[HALTS], vec![fault(5, 20, What::Pause { node: Node(0) })]);
    // A timer and word from another thread are both served while it is paused.
    config.nodes[0].costs = Rc::from(vec![vec![0, 0, ms(10)], vec![0, 0, 0, ms(10)]]);
    let (ended, run) = drive(config, 1000);
    assert_eq!((ended, run.watch.halts), (Ended::End, 1));
    assert!(run.watch.said.is_empty(), "a dead process said {:?}", run.watch.said);
}

/// Tells itself something for ever, at no cost.
const TALKS_TO_ITSELF: Strings = Strings {
    boot: |_, out| out.push(Effect::Post { thread: Thread(1), event: 1 }),
    step: |_, thread, _, input, out| {
        if let Input::Post(event) = input {
            out.push(Effect::Post { thread, event: event + 1 });
        }
    },
};

/// Its threads tell each other something for ever, at no cost.
const TALKS_AMONG_ITSELF: Strings = Strings {
    step: |_, thread, _, input, out| {
        if let Input::Post(event) = input {
            out.push(Effect::Post { thread: Thread(1 - thread.0), event: event + 1 });
        }
    },
    ..TALKS_TO_ITSELF
};

#[test]
fn word_between_threads_without_end_is_a_runaway() {
    for puppet in [TALKS_TO_ITSELF, TALKS_AMONG_ITSELF] {
        let (ended, _) = drive(config(std::slice::from_ref(&puppet), vec![]), 1000);
        assert_eq!(ended, Ended::Runaway(true));
        let mut costly = config(&[puppet], vec![]);
        costly.nodes[0].costs = Rc::from(vec![vec![0, 0, 0, ms(1)], vec![0, 0, 0, ms(1)]]);
        assert_eq!(drive(costly, 1000).0, Ended::End);
    }
}
