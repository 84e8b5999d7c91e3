//! The world's guarantees, on a toy process.

use crate::toy::{Said, Toy, config, ms};
use proptest::prelude::*;
use sim::disk::Disk;
use sim::drive::{Ended, Run};
use sim::fault::{
    Cut, Delay, Drift, Fault, FsyncFails, FullAtFsync, FullDisk, Kill, Link, Loss, Pause, Plan, PowerLoss, ReplaceDisk,
    ShortWrite, SlowDisk, Stall, Tail, Terminate, WallStep, What,
};
use sim::latency::Latency;
use sim::network::Transport;
use sim::process::*;
use sim::trace::Digest;
use sim::watch::{Down, NoWatch, Phase, Watch};
use sim::world::World;

fn run(seed: u64, transport: Transport, write_every: u32, plan: &Plan, until_ms: u64) -> World<Toy> {
    let world = World::new(config(seed, 5, transport, write_every, plan.clone()));
    let mut run = Run { world, watch: NoWatch };
    assert_eq!(run.drive_bare(ms(until_ms)), Ended::End);
    run.world
}

fn fault(at_ms: u64, lasts_ms: u64, what: What) -> Fault {
    Fault::at(ms(at_ms), ms(lasts_ms), what)
}

/// Any fault, over the first two seconds.
fn any_fault() -> impl Strategy<Value = Fault> {
    let node = (0..5u16).prop_map(Node);
    let links = prop::collection::vec((0..5u16, 0..5u16), 1..6)
        .prop_map(|pairs| pairs.into_iter().map(|(a, b)| Link(Node(a), Node(b))).collect::<Vec<_>>());
    let after = prop::option::of(0..4u8);
    let what = prop_oneof![
        links.clone().prop_map(|links| What::Cut(Cut { links })),
        (links.clone(), 1..500_000u32).prop_map(|(links, ppm)| What::Loss(Loss { links, ppm })),
        (links, 1..50_000_000u64).prop_map(|(links, extra_ns)| What::Delay(Delay { links, extra_ns })),
        (node.clone(), after.clone()).prop_map(|(node, after_effects)| What::Kill(Kill { node, after_effects })),
        (node.clone(), after).prop_map(|(node, after_effects)| What::PowerLoss(PowerLoss {
            node,
            tail: Tail::Torn,
            after_effects
        })),
        node.clone().prop_map(|node| What::Pause(Pause { node })),
        node.clone().prop_map(|node| What::Stall(Stall { node })),
        (node.clone(), -100_000..100_000i32).prop_map(|(node, ppm)| What::Drift(Drift { node, ppm })),
        (node.clone(), -5_000..5_000i64).prop_map(|(node, by_ms)| What::WallStep(WallStep { node, by_ms })),
        (node.clone(), 1..3u32).prop_map(|(node, count)| What::FsyncFails(FsyncFails { node, count })),
        (node.clone(), 2..20u32).prop_map(|(node, factor)| What::SlowDisk(SlowDisk { node, factor })),
        node.clone().prop_map(|node| What::FullDisk(FullDisk { node })),
        node.clone().prop_map(|node| What::FullAtFsync(FullAtFsync { node })),
        (node.clone(), 0..1_000_001u32).prop_map(|(node, at_ppm)| What::ShortWrite(ShortWrite { node, at_ppm })),
        node.clone().prop_map(|node| What::Terminate(Terminate { node })),
        node.prop_map(|node| What::ReplaceDisk(ReplaceDisk { node })),
    ];
    (1..2000u64, 1..800u64, what).prop_map(|(at, lasts, what)| fault(at, lasts, what))
}

/// Counts the bytes observed as durable and compares them with the disk at a power loss.
#[derive(Default)]
struct Ledger {
    promised: [u64; 5],
    kept: u32,
}

impl Watch<Toy> for Ledger {
    fn observed(&mut self, _at: u64, node: Node, observation: &Said) {
        if let Said::Durable(bytes) = observation {
            self.promised[usize::from(node.0)] = *bytes;
        }
    }
    fn down(&mut self, _at: u64, node: Node, disk: &Disk, how: Down) {
        if how == Down::PowerLost {
            let left = disk.read("log").map_or(0, |bytes| bytes.len() as u64);
            assert!(left >= self.promised[usize::from(node.0)], "node {} broke a promise", node.0);
            self.kept += 1;
        }
    }
    fn disk_damaged(&mut self, _at: u64, node: Node, _disk: &Disk) {
        self.promised[usize::from(node.0)] = 0;
    }
}

#[test]
fn what_was_promised_behind_a_barrier_survives_power_loss() {
    let mut kept = 0;
    for seed in 0..60 {
        let losses = (0..20u64).map(|n| {
            let node = Node((n % 5) as u16);
            let after_effects = (n % 3 == 0).then_some((n % 4) as u8);
            let tail = [Tail::Lost, Tail::Kept, Tail::Torn][(n % 3) as usize];
            fault(100 * n + seed, 30, What::PowerLoss(PowerLoss { node, tail, after_effects }))
        });
        let world = World::new(config(seed, 5, Transport::Tcp, 1, Plan(losses.collect())));
        let mut run = Run { world, watch: Ledger::default() };
        assert_eq!(run.drive_bare(ms(3000)), Ended::End);
        kept += run.watch.kept;
    }
    assert!(kept > 600, "only {kept} power losses happened");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_same_seed_and_plan_is_the_same_run(seed: u64, faults in prop::collection::vec(any_fault(), 0..12)) {
        let plan = Plan(faults);
        let once = run(seed, Transport::Tcp, 3, &plan, 4000);
        let again = run(seed, Transport::Tcp, 3, &plan, 4000);
        prop_assert_eq!(once.digest(), again.digest());
        prop_assert_eq!(once.counts(), again.counts());
    }

    #[test]
    fn a_deleted_fault_moves_nothing_before_its_instant(
        seed: u64, faults in prop::collection::vec(any_fault(), 1..10), pick: prop::sample::Index,
    ) {
        let mut with = faults;
        let at = pick.get(&with).at_ns;
        let mut without = with.clone();
        without.remove(pick.index(with.len()));
        with.retain(|fault| fault.at_ns <= at);
        without.retain(|fault| fault.at_ns <= at);
        for transport in [Transport::Tcp, Transport::Datagram] {
            let until = (at - 1) / 1_000_000;
            let with = run(seed, transport, 3, &Plan(with.clone()), until);
            let without = run(seed, transport, 3, &Plan(without.clone()), until);
            prop_assert_eq!(with.trace().behaviour_digest(), without.trace().behaviour_digest());
        }
    }

    #[test]
    fn a_fault_without_effect_leaves_the_behaviour_lane_equal(
        seed: u64, faults in prop::collection::vec(any_fault(), 0..8), at in 1..2000u64,
    ) {
        let mut with = faults.clone();
        // Cutting a link of a node to itself has no visible effect.
        with.insert(0, fault(at, 300, What::Cut(Cut { links: vec![Link(Node(2), Node(2))] })));
        with.push(fault(at, 300, What::WallStep(WallStep { node: Node(1), by_ms: 0 })));
        with.push(fault(at, 300, What::SlowDisk(SlowDisk { node: Node(1), factor: 1 })));
        for transport in [Transport::Tcp, Transport::Datagram] {
            let with = run(seed, transport, 3, &Plan(with.clone()), 3000);
            let without = run(seed, transport, 3, &Plan(faults.clone()), 3000);
            prop_assert_eq!(with.trace().behaviour_digest(), without.trace().behaviour_digest());
            prop_assert_ne!(with.trace().plan_digest(), without.trace().plan_digest());
        }
    }

    #[test]
    fn a_checkpoint_goes_on_as_the_run_it_was_taken_from(
        seed: u64, faults in prop::collection::vec(any_fault(), 0..8), at in 1..2000u64,
    ) {
        let plan = Plan(faults);
        let whole = run(seed, Transport::Tcp, 3, &plan, 3000);
        let mut first = Run { world: World::new(config(seed, 5, Transport::Tcp, 3, plan)), watch: NoWatch };
        first.drive_bare(ms(at));
        let mut fork = first.clone();
        first.drive_bare(ms(3000));
        fork.drive_bare(ms(3000));
        prop_assert_eq!(fork.world.digest(), whole.digest());
        prop_assert_eq!(first.world.digest(), whole.digest());
    }
}

/// Notices that peers receive when a node goes down: (closed notices, by time in ms).
#[derive(Default)]
struct Closings(Vec<(u64, u16)>);

impl Watch<Toy> for Closings {
    fn observed(&mut self, at: u64, node: Node, observation: &Said) {
        if let Said::Closed(_) = observation {
            self.0.push((at / 1_000_000, node.0));
        }
    }
}

#[test]
fn a_killed_process_is_heard_of_within_a_latency_and_a_dead_host_is_not() {
    let kill = Plan(vec![fault(2000, 10_000, What::Kill(Kill { node: Node(0), after_effects: None }))]);
    let power = Plan(vec![fault(
        2000,
        10_000,
        What::PowerLoss(PowerLoss { node: Node(0), tail: Tail::Lost, after_effects: None }),
    )]);
    let mut heard = Vec::new();
    for plan in [kill, power] {
        let world = World::new(config(7, 5, Transport::Tcp, 0, plan));
        let mut run = Run { world, watch: Closings::default() };
        run.drive_bare(ms(2006));
        heard.push(run.watch.0.len());
    }
    assert_eq!(heard, [4, 0], "RST to every peer of a killed process; silence from a dead host");
}

#[test]
fn a_lost_rst_is_made_up_for_when_the_peer_sends_again() {
    let heard = |seed, ppm, until_ms| {
        let links = (1..5).map(|n| Link(Node(0), Node(n))).collect();
        let plan = Plan(vec![
            fault(1999, 1000, What::Loss(Loss { links, ppm })),
            fault(2000, 10_000, What::Kill(Kill { node: Node(0), after_effects: None })),
        ]);
        let mut run = Run { world: World::new(config(seed, 5, Transport::Tcp, 0, plan)), watch: Closings::default() };
        run.drive_bare(ms(until_ms));
        let heard = run.watch.0.iter().filter(|(at, _)| *at >= 2000).map(|(_, peer)| *peer);
        heard.collect::<std::collections::BTreeSet<u16>>().len()
    };
    let total = |ppm, until_ms| (0..20).map(|seed| heard(seed, ppm, until_ms)).sum::<usize>();
    let all = total(0, 2006);
    assert!(all > 60, "nothing is lost: each of 80 that was connected hears within a latency, not {all}");
    let half = total(500_000, 2006);
    assert!((all / 3..all * 2 / 3).contains(&half), "one in two RSTs is lost: {half} of {all} heard");
    assert_eq!(total(1_000_000, 2999), 0, "nor does an RST get through that answers a retransmission");
    // A message sent meanwhile was tried again after 200 and 400 ms, and then after at most 800 ms. A peer that waits
    // for a response sends nothing: it has its own timeout, which the toy lacks.
    let late = total(1_000_000, 2999 + 800 + 10);
    assert!((20..=80).contains(&late), "heard once RSTs get through: {late}");
}

#[test]
fn tcp_loses_packets_on_links_that_are_always_lossy() {
    let digest = |loss_ppm| {
        let mut config = config(3, 5, Transport::Tcp, 0, Plan::default());
        config.network.loss_ppm = loss_ppm;
        let mut run = Run { world: World::new(config), watch: NoWatch };
        run.drive_bare(ms(500));
        run.world.digest()
    };
    assert_ne!(digest(0), digest(200_000));
}

/// Times at which faults start or are skipped, and at which nodes die.
#[derive(Default)]
struct Strikes {
    faults: Vec<(u64, Phase)>,
    deaths: Vec<u64>,
}

impl Watch<Toy> for Strikes {
    fn fault(&mut self, at: u64, _fault: &Fault, phase: Phase) {
        self.faults.push((at, phase));
    }
    fn before_down(&mut self, at: u64, _: Node, _: bool, _: &Toy, _: &Disk, _: Down) {
        self.deaths.push(at);
    }
}

#[test]
fn a_kill_between_two_effects_is_reported_when_it_strikes_and_is_a_skip_if_it_never_does() {
    let strikes = |after: &[u8]| {
        let kill = |after: &u8| fault(300, 50, What::Kill(Kill { node: Node(2), after_effects: Some(*after) }));
        let mut config = config(5, 5, Transport::Tcp, 2, Plan(after.iter().map(kill).collect()));
        config.heal_at_ns = ms(2000);
        let mut run = Run { world: World::new(config), watch: Strikes::default() };
        assert_eq!(run.drive_bare(ms(3000)), Ended::End);
        (run.world.counts().faults, run.watch)
    };
    // The toy's longest list has five effects, so there is no place after the fifth.
    let (count, seen) = strikes(&[1]);
    let at = seen.deaths[0];
    assert!(at > ms(300), "no list of two effects was due at that very ns");
    assert_eq!((count, seen.faults, seen.deaths), (1, vec![(at, Phase::Start)], vec![at]));
    let (count, seen) = strikes(&[5]);
    assert_eq!((count, seen.faults, seen.deaths), (0, vec![(ms(2000), Phase::Skipped)], vec![]));
    // The second replaces the first.
    let (count, seen) = strikes(&[5, 1]);
    let skips = seen.faults.iter().filter(|(_, phase)| *phase == Phase::Skipped).count();
    assert_eq!((skips as u64 + count, seen.faults.len()), (2, 2));
    assert_eq!(seen.faults[0], (ms(300), Phase::Skipped));
}

#[test]
fn stepping_without_time_is_a_runaway_and_so_is_too_long_a_run() {
    let mut config = config(1, 5, Transport::Tcp, 0, Plan::default());
    config.max_events = 1000;
    let mut run = Run { world: World::new(config), watch: NoWatch };
    assert_eq!(run.drive_bare(ms(60_000)), Ended::Runaway(false));
    assert_eq!(run.world.counts().events, 1000);
    // A timer, its request and the response: three events at one time, if messages have no latency.
    for (limit, ended) in [(3, Ended::Runaway(true)), (4, Ended::End)] {
        let mut config = crate::toy::config(1, 5, Transport::Datagram, 0, Plan::default());
        config.network.latency = Latency::Constant { ns: 0 };
        config.max_events_at_one_time = limit;
        let mut run = Run { world: World::new(config), watch: NoWatch };
        assert_eq!(run.drive_bare(ms(2000)), ended);
    }
}

#[test]
fn digests_of_three_seeds_are_golden() {
    let plan = Plan(vec![
        fault(300, 500, What::Cut(Cut { links: vec![Link(Node(0), Node(1)), Link(Node(1), Node(0))] })),
        fault(500, 200, What::Kill(Kill { node: Node(2), after_effects: Some(1) })),
        fault(900, 200, What::PowerLoss(PowerLoss { node: Node(3), tail: Tail::Torn, after_effects: None })),
        fault(1100, 400, What::Drift(Drift { node: Node(4), ppm: 70_000 })),
        fault(1200, 300, What::Stall(Stall { node: Node(1) })),
    ]);
    let digests: Vec<Digest> = [(1, Transport::Tcp), (2, Transport::Datagram), (3, Transport::Tcp)]
        .map(|(seed, transport)| run(seed, transport, 2, &plan, 3000).digest())
        .to_vec();
    let golden = include_str!("../golden_digests.txt");
    let found = digests.iter().map(|digest| format!("{digest}\n")).collect::<String>();
    assert_eq!(found, golden, "the same seed and plan must be the same run for ever; see sim/tests/golden_digests.txt");
}
