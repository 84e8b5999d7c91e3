//! Aimed faults: their triggers, targets and guards.

use crate::toy::{Said, Toy, config, ms};
use sim::disk::Disk;
use sim::drive::{Ended, Run};
use sim::fault::{Cut, Fault, Guard, Kill, Link, Occurrence, Pause, Plan, PowerLoss, Tail, Trigger, What};
use sim::network::Transport;
use sim::process::Node;
use sim::watch::{Down, Phase, Watch, Write};
use sim::world::World;

/// Reports every append, and every response (its peer: the sender of the response); allows a number of faults.
#[derive(Clone, Debug, Default)]
struct TriggerWatch {
    occurrences: Vec<Occurrence>,
    wrote: [u64; 3],
    allowed: u64,
    struck: u64,
    faults: Vec<(u64, What, Phase)>,
    /// Bytes written and bytes durable of each host that lost power.
    lost: Vec<(u64, u64)>,
}

impl Watch<Toy> for TriggerWatch {
    fn wrote(&mut self, _at: u64, node: Node, write: Write<'_>) {
        if matches!(write, Write::Append { .. }) {
            self.wrote[usize::from(node.0)] += 1;
            self.occurrences.push(Occurrence { trigger: "wrote", seen: node, peer: None });
        }
    }
    fn observed(&mut self, _at: u64, node: Node, said: &Said) {
        if let Said::Answered(letter) = said {
            let peer = Some(Node((letter >> 32) as u16));
            self.occurrences.push(Occurrence { trigger: "answered", seen: node, peer });
        }
    }
    fn fault(&mut self, at: u64, fault: &Fault, phase: Phase) {
        self.struck += u64::from(phase == Phase::Start);
        self.faults.push((at, fault.what.clone(), phase));
    }
    fn down(&mut self, _at: u64, node: Node, disk: &Disk, _how: Down) {
        let durable = disk.read("log").map_or(0, |bytes| bytes.len() as u64);
        self.lost.push((self.wrote[usize::from(node.0)], durable));
    }
    fn has_occurrences(&self) -> bool {
        !self.occurrences.is_empty()
    }
    fn take_occurrences(&mut self) -> Vec<Occurrence> {
        std::mem::take(&mut self.occurrences)
    }
    fn forbids(&self, _: u64, guard: Guard, _fault: &Fault) -> bool {
        guard == Guard::Tolerance && self.struck >= self.allowed
    }
}

fn on(name: &'static str, nth: u32) -> Trigger {
    Trigger { name: name.into(), nth, after_ns: 0, seen_as: None, peer_as: None }
}

fn power_loss(node: u16, after_effects: Option<u8>) -> What {
    What::PowerLoss(PowerLoss { node: Node(node), tail: Tail::Lost, after_effects })
}

fn run(plan: Vec<Fault>, allowed: u64) -> Run<Toy, TriggerWatch> {
    let mut config = config(3, 3, Transport::Tcp, 2, Plan(plan));
    config.heal_at_ns = ms(2000);
    Run { world: World::new(config), watch: TriggerWatch { allowed, ..TriggerWatch::default() } }
}

#[test]
fn a_power_loss_falls_between_a_write_and_its_fsync() {
    let trigger = Trigger { seen_as: Some(Node(0)), ..on("wrote", 4) };
    let mut run = run(vec![Fault::at(ms(300), ms(50), power_loss(0, None)).aimed(trigger)], 0);
    assert_eq!(run.drive_bare(ms(1900)), Ended::End);
    // The node that wrote has written one byte more than it has forced, and its power was lost.
    let [(written, durable)] = run.watch.lost[..] else { panic!("{:?}", run.watch.lost) };
    assert_eq!(written, durable + 1);
    let (at, what, phase) = &run.watch.faults[0];
    assert!(*at > ms(300) && *phase == Phase::Start);
    assert_eq!(run.world.plan().0[0].what, *what, "the plan names whom it struck");
}

#[test]
fn power_that_goes_as_a_process_dies_takes_its_page_cache_along() {
    let on_write = |what| Fault::at(ms(300), ms(50), what).aimed(Trigger { seen_as: Some(Node(0)), ..on("wrote", 4) });
    let kill = What::Kill(Kill { node: Node(0), after_effects: None });
    let mut run = run(vec![on_write(kill), on_write(power_loss(0, None))], 0);
    assert_eq!(run.drive_bare(ms(1900)), Ended::End);
    let [(written, durable)] = run.watch.lost[..] else { panic!("{:?}", run.watch.lost) };
    assert_eq!(written, durable + 1);
    assert_eq!(run.world.counts().faults, 2);
}

#[test]
fn occurrences_count_from_the_instant_of_the_plan_and_fire_after_the_delay() {
    let first_strike = |at_ms, nth, after_ns| {
        let aimed = Fault::at(ms(at_ms), ms(50), What::Pause(Pause { node: Node(1) }));
        let mut run = run(vec![aimed.aimed(Trigger { after_ns, ..on("wrote", nth) })], 0);
        assert_eq!(run.drive_bare(ms(1900)), Ended::End);
        let started = |(at, _, phase): &(u64, What, Phase)| (*phase == Phase::Start).then_some(*at);
        let ended = |(at, _, phase): &(u64, What, Phase)| (*phase == Phase::End).then_some(*at);
        let (start, end) = (run.watch.faults.iter().find_map(started), run.watch.faults.iter().find_map(ended));
        assert_eq!(end, start.map(|start| start + ms(50)));
        start.expect("it writes all the time")
    };
    let first = first_strike(300, 1, 0);
    assert!(first > ms(300));
    assert_eq!(first_strike(300, 1, ms(7)), first + ms(7));
    assert!(first_strike(300, 2, 0) > first && first_strike(600, 1, 0) > ms(600));
}

#[test]
fn the_node_of_an_occurrence_takes_the_place_of_the_planned_one() {
    let cut = What::Cut(Cut { links: vec![Link(Node(0), Node(1)), Link(Node(0), Node(2)), Link(Node(1), Node(0))] });
    let seen = |seen, peer| Occurrence { trigger: "answered", seen: Node(seen), peer };
    let links = |trigger: &Trigger, occurrence| match trigger.resolve(&cut, &occurrence) {
        What::Cut(Cut { links }) => links.iter().map(|link| (link.0.0, link.1.0)).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let by_seen = Trigger { seen_as: Some(Node(0)), ..on("answered", 1) };
    assert_eq!(links(&by_seen, seen(2, None)), [(2, 1), (2, 0), (1, 2)]);
    let by_both = Trigger { peer_as: Some(Node(1)), ..by_seen };
    // The second planned node is at the position to which the first swap moved it.
    for (a, b, c) in [(0, 1, 2), (1, 0, 2), (2, 0, 1), (2, 1, 0), (0, 2, 1), (1, 2, 0)] {
        assert_eq!(links(&by_both, seen(a, Some(Node(b)))), [(a, b), (a, c), (b, a)]);
    }
    assert!(!by_both.fits(&seen(2, None)) && by_both.fits(&seen(2, Some(Node(0)))));
}

#[test]
fn a_fault_without_occurrence_or_forbidden_is_skipped() {
    let never = Fault::at(ms(300), ms(50), power_loss(0, None)).aimed(on("eclipse", 1));
    let guarded =
        |at_ms, after| Fault { unless: Some(Guard::Tolerance), ..Fault::at(ms(at_ms), ms(50), power_loss(1, after)) };
    // The second fault waits for its place between two effects, and its guard is evaluated there.
    let mut run = run(vec![never, guarded(400, None), guarded(600, Some(1)), guarded(800, None)], 1);
    assert_eq!(run.drive_bare(ms(3000)), Ended::End);
    let phases: Vec<(bool, Phase)> = run
        .watch
        .faults
        .iter()
        .map(|(at, what, phase)| (*at == ms(2000) && what.node() == Some(Node(0)), *phase))
        .collect();
    assert_eq!(
        phases,
        [(false, Phase::Start), (false, Phase::Skipped), (false, Phase::Skipped), (true, Phase::Skipped)]
    );
    assert!(run.watch.faults[1].0 > ms(600));
    assert_eq!((run.world.counts().faults, run.watch.lost.len()), (1, 1));
}

#[test]
fn a_checkpoint_takes_what_waits_along() {
    let trigger = Trigger { seen_as: Some(Node(0)), after_ns: ms(3), ..on("answered", 40) };
    let plan = vec![Fault::at(ms(100), ms(50), power_loss(0, Some(0))).aimed(trigger)];
    let mut whole = run(plan.clone(), 0);
    assert_eq!(whole.drive_bare(ms(3000)), Ended::End);
    assert_eq!(whole.world.counts().faults, 1);
    let mut first = run(plan, 0);
    first.world.stop_after_event(100);
    assert_eq!(first.drive_bare(ms(3000)), Ended::AfterEvent);
    let mut again = first.clone();
    again.world.stop_after_event(u64::MAX);
    assert_eq!(again.drive_bare(ms(3000)), Ended::End);
    assert_eq!(again.world.digest(), whole.world.digest());
}
