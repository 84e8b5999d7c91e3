//! A run whose plan and operations are given as data is the run that they were taken from.

use raft::bugs::Bugs;
use scenarios::catalog;
use scenarios::cluster::Explicit;
use scenarios::report::{Recovered, RunOutcome};
use scenarios::run::{self, Finished, Host, Request, drive, operations};
use scenarios::scenario::Scenario;
use scenarios::workload::{ClientOperation, ScheduledOperation};
use sim::fault::Plan;

const SEEDS: u64 = 3;

fn scenario(name: &str) -> Scenario {
    let scenario = catalog::find(name).expect("built in").scenario().expect("good");
    Scenario { bugs: Bugs::NONE, ..scenario }
}

/// Up to the moment when the world heals: then clients of a quorum continue by themselves.
fn run(scenario: &Scenario, seed: u64, explicit: Explicit) -> Finished {
    let until_ns = Some(scenario.duration.0 - 1);
    let request = Request { host: Host::Bare, until_ns, explicit, ..Request::new(scenario, seed) };
    drive(&request).expect("it runs")
}

#[test]
fn a_run_follows_from_its_plan_and_operations() {
    for name in ["ci", "quorum", "brokers", "membership", "cluster-membership"] {
        let scenario = scenario(name);
        for seed in 0..SEEDS {
            let generated = run(&scenario, seed, Explicit { keeps_operations: true, ..Explicit::default() });
            let requested = operations(&generated);
            assert!(requested.len() > 100, "{name} {seed}: {} operations", requested.len());
            let has_operator = scenario.workload.membership_clients > 0;
            let has = |is_one: fn(&ClientOperation) -> bool| requested.iter().any(|requested| is_one(&requested.what));
            assert_eq!(has(|what| *what == ClientOperation::DescribeQuorum), has_operator, "{name} {seed}");
            assert_eq!(has(|what| matches!(what, ClientOperation::RemoveVoter { .. })), has_operator, "{name} {seed}");
            let given = Explicit { operations: Some(requested), ..Explicit::default() };
            let reported = run(&scenario, seed, given);
            assert_eq!(reported.run.world.digest(), generated.run.world.digest(), "{name} {seed}");
        }
    }
}

#[test]
fn nothing_is_requested_but_what_is_listed() {
    let scenario = scenario("calm");
    let ask = |client, at_ms: u64, what| ScheduledOperation { client, at_ns: at_ms * 1_000_000, what };
    let list = vec![
        ask(0, 100, ClientOperation::CreateTopics { topics: vec![0] }),
        ask(1, 3_000, ClientOperation::Send { topic: 0, partition: 1, count: 2 }),
        ask(3, 4_000, ClientOperation::AssignAll),
    ];
    let explicit = Explicit { plan: Some(Plan::default()), operations: Some(list.clone()), keeps_operations: true };
    let finished = run(&scenario, 1, explicit);
    let checks = finished.run.watch.checks.as_ref().expect("on");
    let counts = checks.cluster().expect("brokers").histories.counts.clone();
    assert_eq!((counts.of("create_topic").ok, counts.of("alter_configs").ok), (1, 0));
    assert_eq!(checks.acked_records().0, 2, "two records were sent, and no more");
    assert!(operations(&finished).is_empty(), "nobody asked for anything of their own accord");
    let json = serde_json::to_string(&list).expect("plain data");
    assert_eq!(serde_json::from_str::<Vec<ScheduledOperation>>(&json).expect("it reads what it writes"), list);
}

/// The topics that fresh clients write and read are there, whatever clients did before.
#[test]
fn a_run_without_faults_and_operations_recovers() {
    let scenario = scenario("calm");
    let ask = |topic| ScheduledOperation {
        client: 0,
        at_ns: 1_000_000_000,
        what: ClientOperation::CreateTopics { topics: topic },
    };
    for operations in [vec![], vec![ask(vec![1])]] {
        let explicit =
            Explicit { plan: Some(Plan::default()), operations: Some(operations.clone()), keeps_operations: false };
        let request = Request { host: Host::Bare, explicit, ..Request::new(&scenario, 1) };
        let report = run::run(&request).expect("it runs");
        assert!(!matches!(report.outcome, RunOutcome::Violated(_)), "{operations:?}: {:?}", report.outcome);
        assert!(matches!(report.recovery, Some(Recovered { .. })), "{operations:?}");
    }
}
