//! Clones of a world that continue differently: with other draws, and without faults.

use crate::toy::{Toy, config, ms};
use sim::drive::{Ended, Run};
use sim::fault::{Cut, Fault, Kill, Link, Plan, What};
use sim::network::Transport;
use sim::process::Node;
use sim::trace::Digest;
use sim::watch::NoWatch;
use sim::world::World;

/// One node down for a long time, another cut off; halfway through.
fn halfway() -> Run<Toy, NoWatch> {
    let cut = What::Cut(Cut { links: vec![Link(Node(1), Node(2)), Link(Node(2), Node(1))] });
    let plan = vec![
        Fault::at(ms(200), ms(5_000), What::Kill(Kill { node: Node(0), after_effects: None })),
        Fault::at(ms(300), ms(5_000), cut),
        Fault::at(ms(900), ms(5_000), What::Kill(Kill { node: Node(1), after_effects: None })),
    ];
    let mut run = Run { world: World::new(config(7, 3, Transport::Tcp, 2, Plan(plan))), watch: NoWatch };
    assert_eq!(run.drive_bare(ms(600)), Ended::End);
    run
}

fn end_of(mut run: Run<Toy, NoWatch>) -> Digest {
    assert_eq!(run.drive_bare(ms(1_500)), Ended::End);
    run.world.digest()
}

#[test]
fn a_future_is_its_number() {
    let run = halfway();
    let future = |number| {
        let mut run = run.clone();
        run.world.redraw(number);
        end_of(run)
    };
    assert_eq!(future(1), future(1));
    assert_ne!(future(1), future(2));
    assert_ne!(future(1), end_of(run.clone()));
}

#[test]
fn after_the_end_of_faults_everybody_is_up_and_stays_so() {
    let mut run = halfway();
    assert!(run.world.process(Node(0)).is_none());
    run.world.end_faults(&mut run.watch);
    assert!(!run.world.is_healed(), "that comes when it was to come");
    assert_eq!(run.drive_bare(ms(1_500)), Ended::End);
    assert!((0..3).all(|node| run.world.process(Node(node)).is_some()));

    // Before anything has booted, nothing boots twice.
    let mut run = Run { world: World::new(config(7, 3, Transport::Tcp, 2, Plan::default())), watch: NoWatch };
    run.world.end_faults(&mut run.watch);
    assert_eq!(run.drive_bare(ms(100)), Ended::End);
}
