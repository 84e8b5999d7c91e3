//! Traces: they change no run, and every line that they mark as the past of a violation leads to it.

use scenarios::catalog;
use scenarios::run::{Request, run};
use scenarios::scenario::{Scenario, switches};
use scenarios::trace::controller::{self, ControllerDialogue};
use scenarios::trace::{Relation, StateChange, Trace, What};

fn broken() -> Scenario {
    let scenario = catalog::find("quorum").expect("built in").scenario().expect("good");
    scenario.with_bug(switches::bugs::parse("NoLogTest").expect("a bug"))
}

#[test]
fn a_run_with_a_trace_is_the_same_run() {
    let ci = catalog::find("ci").expect("built in").scenario().expect("good");
    for (scenario, seed) in [(&ci, 5), (&broken(), 1)] {
        let request = Request { until_ns: Some(15_000_000_000), ..Request::new(scenario, seed) };
        let plain = run(&request).expect("it runs");
        let (traced, trace) = Trace::of(&request).expect("it runs");
        assert_eq!((plain.digest, &plain.outcome), (traced.digest, &traced.outcome));
        assert!(trace.lines.iter().is_sorted_by_key(|line| line.at_ns));
    }
}

#[test]
fn what_is_marked_leads_to_the_violation() {
    let scenario = broken();
    let trace = |seed| Trace::of(&Request::new(&scenario, seed)).expect("it runs").1;
    let trace = (0..50).map(trace).find(|trace| trace.violation().is_some()).expect("it is caught");
    let violation = trace.violation().expect("it fails");
    let related = trace.related_to(violation);
    let marked = |line: u32| related[line as usize] != Relation::None;
    // Who has a marked successor, by an edge of the graph.
    let mut leads_on = vec![false; trace.lines.len()];
    for (number, line) in trace.lines.iter().enumerate().filter(|(number, _)| marked(*number as u32)) {
        for before in [line.cause, line.previous].into_iter().flatten() {
            assert!((before as usize) < number && marked(before), "{number} is marked, and {before} led to it");
            leads_on[before as usize] = true;
        }
    }
    for (number, line) in trace.lines.iter().enumerate() {
        match related[number] {
            Relation::None => {}
            Relation::Itself => assert_eq!(number as u32, violation),
            _ if matches!(line.what, What::Fault(..)) => assert!((number as u32) < violation),
            _ => assert!(leads_on[number], "{number} is marked and leads to nothing: {line:?}"),
        }
    }
    let count = |relation| related.iter().filter(|it| **it == relation).count();
    assert!(count(Relation::Chain) > 10 && count(Relation::None) > 10, "the marks tell lines apart");
    assert!(trace.lines[violation as usize].node.is_some(), "it was found in a step of a node");
}

#[test]
fn changes_of_state_name_topics() {
    let ci = catalog::find("ci").expect("built in").scenario().expect("good");
    let request = Request { until_ns: Some(15_000_000_000), ..Request::new(&ci, 5) };
    let (_, trace) = Trace::of(&request).expect("it runs");
    let changes: Vec<StateChange> = trace.lines.iter().filter_map(|line| trace.state_change(line)).collect();
    let led: Vec<&StateChange> =
        changes.iter().filter(|change| change.words.starts_with("becomes leader of partition ")).collect();
    // A topic id is cut to ten characters.
    let by_id = led.iter().find(|change| change.words.contains("…-"));
    assert!(!led.is_empty() && by_id.is_none(), "{by_id:?}");
    assert!(led.iter().all(|change| change.partition.as_ref().is_some_and(|it| change.words.contains(it))));
}

/// Raft is shut down before the controller, whose threads may be given an input until the process stops.
#[test]
fn the_dialogue_of_a_controller_has_no_step_after_raft_has_ended_the_process() {
    let scenario = catalog::find("ci").expect("built in").scenario().expect("good");
    let request = Request { dialogue: Some(2), ..Request::new(&scenario, 23) };
    let (_, dialogue) = ControllerDialogue::of(&request).expect("a controller");
    let last = |at: usize| dialogue.lines[..at].last().is_some_and(|line| line.state.is_some());
    let ends: Vec<usize> = (0..dialogue.lines.len())
        .filter(|at| matches!(dialogue.lines[*at].what, controller::What::Down { .. }))
        .collect();
    assert!(ends.len() > 1 && ends.into_iter().all(last), "the controller has a state in its last step");
}
