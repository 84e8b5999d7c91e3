//! A voter of a dynamic quorum that has another port after a start of its process.

use scenarios::catalog;
use scenarios::report::RunOutcome;
use scenarios::run::{Host, Request};
use scenarios::trace::{Trace, What};
use sim::process::{CloseReason, Node};

const MOVING: Node = Node(0);

/// How often connections of other voters to it are refused, though its process runs.
fn refused(trace: &Trace) -> usize {
    let (mut is_up, mut refused) = (false, 0);
    for line in &trace.lines {
        match line.what {
            What::Booted if line.node == Some(MOVING) => is_up = true,
            What::Down(_) if line.node == Some(MOVING) => is_up = false,
            What::Disconnected(Some(MOVING), CloseReason::Refused) if is_up && line.node != Some(MOVING) => {
                refused += 1
            }
            _ => {}
        }
    }
    refused
}

#[test]
fn the_others_do_not_reach_it_until_its_new_port_is_in_the_voter_set() {
    let mut scenario = catalog::find("endpoint-change").expect("built in").scenario().expect("good");
    scenario.knobs.off = true;
    // A connection that was refused before a start may be reported after it.
    let (mut updated, mut refusals) = (0, [0, 0]);
    for (moves, refusals) in [true, false].into_iter().zip(&mut refusals) {
        scenario.cluster.moving.retain(|_| moves);
        for seed in 0..6 {
            let request = Request { host: Host::Bare, ..Request::new(&scenario, seed) };
            let (report, trace) = Trace::of(&request).expect("it runs");
            assert_eq!(report.outcome, RunOutcome::Holds, "seed {seed}");
            let is_updated = report.probes.get("voter_updated") == Some(&true);
            assert!(moves || !is_updated, "seed {seed}: nothing has moved");
            updated += usize::from(is_updated);
            *refusals += refused(&trace);
        }
    }
    assert!(updated > 1 && refusals[0] > 5 * (1 + refusals[1]), "{updated} of 6 updated; {refusals:?} refused");
}
