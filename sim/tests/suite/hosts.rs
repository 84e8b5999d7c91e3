//! A run hosted by madsim equals the bare run. Stories are recorded as data.
#![cfg(madsim)]

use std::future::pending;

use crate::toy::{Said, Toy, config, ms};
use sim::drive::{Ended, Run};
use sim::fault::{Cut, Fault, Kill, Link, Plan, What};
use sim::host::{drive_hosted, wait_for, wait_until, with_run};
use sim::network::Transport;
use sim::process::{Node, Thread};
use sim::watch::NoWatch;
use sim::world::{Condition, Submitted, World};

fn kills(every_ms: u64) -> Plan {
    let kill = |n: u64| {
        let what = What::Kill(Kill { node: Node((n % 5) as u16), after_effects: n.is_multiple_of(4).then_some(1) });
        Fault::at(ms(every_ms * (n + 1)), ms(every_ms / 3 + 1), what)
    };
    Plan((0..1800 / every_ms).map(kill).collect())
}

fn fresh(seed: u64, plan: &Plan) -> Run<Toy, NoWatch> {
    Run { world: World::new(config(seed, 5, Transport::Tcp, 3, plan.clone())), watch: NoWatch }
}

#[test]
fn hosted_and_bare_give_the_same_digest() {
    for seed in 0..20 {
        for plan in [Plan::default(), kills(150), kills(10)] {
            let mut bare = fresh(seed, &plan);
            assert_eq!(bare.drive_bare(ms(2000)), Ended::End);
            for madsim_seed in [1, 2] {
                let (hosted, ended, _) = drive_hosted(fresh(seed, &plan), ms(2000), madsim_seed, Vec::new());
                assert_eq!(ended, Ended::End);
                assert_eq!(hosted.world.digest(), bare.world.digest(), "seed {seed}");
                assert_eq!(hosted.world.counts(), bare.world.counts());
            }
        }
    }
}

/// Submits a number to node 1 every 100 ms.
async fn teller() {
    for n in 1..10u64 {
        wait_until::<Toy, NoWatch>(ms(100 * n)).await;
        with_run::<Toy, NoWatch, _>(|run| {
            let reported = Submitted::Operation { node: Node(1), thread: Thread(1), operation: n };
            run.world.submit(&mut run.watch, reported);
        });
    }
}

/// Waits until node 1 has received 5, then kills it.
async fn killer() {
    fn reported(node: Node, said: &Said, number: u64) -> bool {
        node == Node(1) && *said == Said::Reported(number)
    }
    let seen = wait_for::<Toy, NoWatch>(Condition { matches: reported, argument: 5 }, u64::MAX).await;
    assert_eq!(seen, Some((Node(1), Said::Reported(5))));
    with_run::<Toy, NoWatch, _>(|run| {
        let what = What::Kill(Kill { node: Node(1), after_effects: None });
        run.world.submit(&mut run.watch, Submitted::Fault(Fault::at(0, ms(50), what)));
    });
}

#[test]
fn two_stories_are_the_same_under_any_madsim_seed_and_replay_on_the_bare_loop() {
    for seed in 0..20 {
        let plan = kills(400);
        let tell = |madsim_seed| {
            let stories = vec![Box::pin(teller()) as _, Box::pin(killer()) as _, Box::pin(pending()) as _];
            drive_hosted(fresh(seed, &plan), ms(2000), madsim_seed, stories)
        };
        let (first, ended, _) = tell(11);
        assert_eq!(ended, Ended::End);
        let (second, _, _) = tell(12);
        assert_eq!(first.world.digest(), second.world.digest());
        let recording = first.world.recorded().to_vec();
        assert!(recording.len() >= 9, "the stories did {} things", recording.len());
        let mut bare = fresh(seed, &plan);
        assert_eq!(bare.drive_recorded(ms(2000), &recording), Ended::End);
        assert_eq!(bare.world.digest(), first.world.digest(), "seed {seed}");
    }
}

/// Cuts node 2 off and keeps node 3 down until it ends these faults; between them it waits for an event that cannot
/// occur.
async fn breaker() {
    fn never(_: Node, _: &Said, _: u64) -> bool {
        false
    }
    let submit = |what| with_run::<Toy, NoWatch, _>(|run| run.world.submit(&mut run.watch, what));
    let is_up = || with_run::<Toy, NoWatch, _>(|run| run.world.process(Node(3)).is_some());
    for round in 0..4 {
        let links = (0..5).filter(|n| *n != 2).flat_map(|n| [Link(Node(2), Node(n)), Link(Node(n), Node(2))]).collect();
        let for_ever = |what| Submitted::Fault(Fault::at(0, u64::MAX, what));
        let cut = submit(for_ever(What::Cut(Cut { links }))).expect("a number");
        let kill = submit(for_ever(What::Kill(Kill { node: Node(3), after_effects: None }))).expect("a number");
        let until = ms(300 * round + 150);
        assert_eq!(wait_for::<Toy, NoWatch>(Condition { matches: never, argument: 0 }, until).await, None);
        assert!(!is_up(), "a kill lasts until it is ended");
        submit(Submitted::EndFault(cut));
        submit(Submitted::EndFault(kill));
        wait_until::<Toy, NoWatch>(ms(300 * (round + 1))).await;
        assert!(is_up(), "ended kills power on");
    }
}

#[test]
fn faults_last_until_their_story_ends_them_and_replay_on_the_bare_loop() {
    for seed in 0..20 {
        let tell = |madsim_seed| {
            let stories = vec![Box::pin(breaker()) as _, Box::pin(teller()) as _];
            drive_hosted(fresh(seed, &Plan::default()), ms(2000), madsim_seed, stories)
        };
        let (first, ended, _) = tell(21);
        assert_eq!(ended, Ended::End);
        assert_eq!(first.world.counts().faults, 8);
        let (second, _, _) = tell(22);
        assert_eq!(first.world.digest(), second.world.digest());
        let mut bare = fresh(seed, &Plan::default());
        assert_eq!(bare.drive_recorded(ms(2000), first.world.recorded()), Ended::End);
        assert_eq!(bare.world.digest(), first.world.digest(), "seed {seed}");
    }
}

/// Acts on every observation, within its event: at a boot, or at the last observation of a dying node.
async fn at_once() {
    fn any(_: Node, _: &Said, _: u64) -> bool {
        true
    }
    for n in 0..200 {
        let seen = wait_for::<Toy, NoWatch>(Condition { matches: any, argument: 0 }, u64::MAX).await;
        with_run::<Toy, NoWatch, _>(|run| {
            let Some((node, _)) = seen else { return };
            let reported = Submitted::Operation { node: Node((node.0 + 1) % 5), thread: Thread(0), operation: n };
            run.world.submit(&mut run.watch, reported);
        });
    }
}

#[test]
fn what_a_story_does_within_an_event_stands_behind_the_deaths_of_that_event() {
    for seed in 0..20 {
        let plan = kills(10);
        let (reported, ended, _) = drive_hosted(fresh(seed, &plan), ms(2000), 31, vec![Box::pin(at_once()) as _]);
        assert_eq!(ended, Ended::End);
        assert!(reported.world.recorded().len() >= 50);
        let mut bare = fresh(seed, &plan);
        assert_eq!(bare.drive_recorded(ms(2000), reported.world.recorded()), Ended::End);
        assert_eq!(bare.world.digest(), reported.world.digest(), "seed {seed}");
    }
}

#[test]
fn sentinels_agree_between_two_hosted_runs_and_a_panic_is_one_runs_outcome() {
    let (_, _, first) = drive_hosted(fresh(3, &kills(150)), ms(1000), 5, Vec::new());
    let panics = async {
        wait_until::<Toy, NoWatch>(ms(500)).await;
        panic!("a story fails");
    };
    let (_, ended, _) = drive_hosted(fresh(3, &kills(150)), ms(1000), 5, vec![Box::pin(panics)]);
    let Ended::Panicked(panic) = ended else { panic!("{ended:?}") };
    assert_eq!(panic.message, "a story fails");
    assert!(panic.is_in(&[file!()]), "{panic}");
    let (_, _, second) = drive_hosted(fresh(3, &kills(150)), ms(1000), 5, Vec::new());
    assert_eq!(first, second, "the run after a panic is unharmed");
}
