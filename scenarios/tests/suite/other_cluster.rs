//! Servers whose disks are formatted with another cluster id: the others refuse them, and go on.

use scenarios::catalog;
use scenarios::report::{RunOutcome, RunReport};
use scenarios::run::{Host, Request, run};

/// Three controllers with the ids 1 to 3, brokers with the ids 101 to 103.
fn runs(dynamic: bool, other_cluster: &[i32]) -> RunReport {
    let mut scenario = catalog::find("calm").expect("built in").scenario().expect("good");
    scenario.cluster.dynamic = dynamic;
    // As many as there are brokers without one.
    scenario.clients.replication_factor = 2;
    scenario.cluster.other_cluster = other_cluster.to_vec();
    run(&Request { host: Host::Bare, ..Request::new(&scenario, 1) }).expect("it runs")
}

#[test]
fn a_controller_and_a_broker_of_another_cluster_are_refused_and_disturb_nobody() {
    for dynamic in [false, true] {
        for other_cluster in [[3], [103]] {
            let report = runs(dynamic, &other_cluster);
            assert_eq!(report.outcome, RunOutcome::Holds, "{other_cluster:?}");
        }
    }
}

#[test]
fn two_of_three_controllers_are_a_quorum_of_the_other_cluster() {
    let report = runs(false, &[2, 3]);
    let RunOutcome::Violated(violation) = report.outcome else { panic!("{:?}", report.outcome) };
    assert_eq!(violation.predicate.as_deref(), Some("all live brokers unfenced"), "{violation:?}");
}
