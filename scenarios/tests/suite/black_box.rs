//! The black-box judge on runs: it never contradicts the white-box one, it changes nothing, and it sees
//! what clients can see of bugs.

use raft::bugs::Bug;
use scenarios::catalog;
use scenarios::history::History;
use scenarios::report::{Linearizability, RunReport};
use scenarios::run::{Host, Request, run, run_recorded};
use scenarios::scenario::Scenario;

fn scenario(name: &str, bug: Option<Bug>) -> Scenario {
    let entry = catalog::find(name).unwrap_or_else(|| panic!("no scenario {name}"));
    let mut scenario = entry.scenario().unwrap_or_else(|error| panic!("{error}"));
    scenario.bugs = bug.into_iter().collect();
    scenario
}

fn recorded(scenario: &Scenario, seed: u64, keep_going: bool) -> (RunReport, History) {
    let request = Request { host: Host::Bare, record_history: true, keep_going, ..Request::new(scenario, seed) };
    let (report, history) = run_recorded(&request).unwrap_or_else(|error| panic!("{error}"));
    (report, history.expect("it was to be written down"))
}

fn verdict(report: &RunReport) -> Option<Linearizability> {
    report.black_box.as_ref().map(|said| said.verdict)
}

#[test]
fn both_judges_agree_and_writing_down_changes_nothing() {
    for name in ["ci", "quorum", "combined", "cluster-power-loss", "lost/acks-1", "lost/unclean-election"] {
        let scenario = scenario(name, None);
        for seed in 0..3 {
            let plain = run(&Request { host: Host::Bare, ..Request::new(&scenario, seed) }).expect("it runs");
            let (report, history) = recorded(&scenario, seed, false);
            assert_eq!((plain.digest, &plain.outcome), (report.digest, &report.outcome), "{name} {seed}");
            assert_eq!((&plain.black_box, verdict(&report)), (&None, Some(Linearizability::Holds)), "{name} {seed}");
            let answered = history.operations.iter().filter(|operation| operation.returned.is_some()).count();
            assert!(answered > 300, "{name} {seed}: {answered} answers judge little");
        }
    }
}

/// Bugs whose doings clients can see, though they see no server. A run continues after the white box has
/// seen the first thing wrong, as it would without it.
const SEEN: [(Bug, &str); 10] = [
    (Bug::AckAtAppend, "quorum"),
    (Bug::AckWrongOffset, "quorum"),
    (Bug::AppendSubmittedTwice, "quorum"),
    (Bug::PendingAppendRefused, "quorum"),
    (Bug::NoLogTest, "quorum"),
    (Bug::PollShowsBatchTwice, "ci"),
    (Bug::PollLeavesBatchOut, "ci"),
    (Bug::AckWrongOffset, "ci"),
    (Bug::AckAtAppend, "ci"),
    (Bug::ProducerIdBlocksOverlap, "ci"),
];

#[test]
fn clients_see_what_bugs_do() {
    for (bug, name) in SEEN {
        let scenario = scenario(name, Some(bug));
        let seen = (0..20).find(|seed| verdict(&recorded(&scenario, *seed, true).0) == Some(Linearizability::Violated));
        assert!(seen.is_some(), "{} goes unseen in 20 seeds of {name}", bug.name());
    }
}
