//! Traces: they change no run, and every line that they mark as the past of a violation leads to it.

use std::collections::BTreeSet;

use scenarios::catalog;
use scenarios::causes::{Causes, words};
use scenarios::run::{Request, run};
use scenarios::scenario::{Scenario, switches};
use scenarios::trace::controller::{self, ControllerDialogue};
use scenarios::trace::{Relation, Trace, What, api_names};

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
fn steps_are_named_by_their_rpcs_and_threads_and_partitions_by_their_topics() {
    let ci = catalog::find("ci").expect("built in").scenario().expect("good");
    let request = Request { until_ns: Some(15_000_000_000), ..Request::new(&ci, 5) };
    let causes = Causes::of(&request, 0).expect("it runs");
    let steps: BTreeSet<String> = causes.steps().iter().map(|step| words::of_step(&causes, step)).collect();
    let rpcs: BTreeSet<&str> = steps
        .iter()
        .filter(|step| !step.starts_with("thread "))
        .filter_map(|step| step.split_once(" processes the ").map(|(_, rest)| rest))
        .filter_map(|rest| rest.split(' ').next())
        .flat_map(|names| names.split('/'))
        .collect();
    let unknown: Vec<&&str> = rpcs.iter().filter(|rpc| !api_names().contains(rpc)).collect();
    assert!(unknown.is_empty(), "no RPC of Kafka: {unknown:?}");
    let has = |text: &str| assert!(steps.iter().any(|step| step.contains(text)), "{text} is in {steps:#?}");
    has(" processes the Produce request from producer-");
    has(" processes the Fetch response from broker-");
    has("the timer of thread raft-io of controller-");
    let of_queue = |step: &&String| {
        step.starts_with("thread controller-event-queue of controller-")
            && step.contains(" processes the next event of its queue, because of the ")
    };
    assert!(steps.iter().any(|step| of_queue(&step)), "a controller processes its queue in {steps:#?}");
    has("thread request-handler of broker-101 applies the metadata that metadata-loader has published, because of ");
    let marks: Vec<String> = causes.marks().iter().filter_map(|mark| words::of_mark(&causes, mark)).collect();
    let led: Vec<&String> = marks.iter().filter(|mark| mark.starts_with("becomes leader of partition ")).collect();
    // A topic id is cut to ten characters.
    let by_id = led.iter().find(|mark| mark.contains("…-"));
    assert!(!led.is_empty() && by_id.is_none(), "{by_id:?}");
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
