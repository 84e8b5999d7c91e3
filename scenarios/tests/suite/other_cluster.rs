//! Servers whose disks are formatted with another cluster id: the others refuse them, and go on.

use scenarios::catalog;
use scenarios::report::RunOutcome;
use scenarios::run::{Host, Request, run};

/// Three controllers with the ids 1 to 3, brokers with the ids 101 to 103.
fn outcome(dynamic: bool, replicas: u16, other_cluster: &[i32]) -> RunOutcome {
    let mut scenario = catalog::find("calm").expect("built in").scenario().expect("good");
    scenario.cluster.dynamic = dynamic;
    scenario.cluster.other_cluster = other_cluster.to_vec();
    scenario.clients.replication_factor = replicas;
    run(&Request { host: Host::Bare, ..Request::new(&scenario, 1) }).expect("it runs").outcome
}

#[test]
fn a_controller_or_a_broker_of_another_cluster_disturbs_nobody() {
    for dynamic in [false, true] {
        for other_cluster in [[3], [103]] {
            assert_eq!(outcome(dynamic, 2, &other_cluster), RunOutcome::Holds, "{other_cluster:?}");
        }
    }
}

#[test]
fn a_broker_of_another_cluster_has_no_replicas() {
    assert_eq!(outcome(false, 3, &[]), RunOutcome::Holds);
    assert_ne!(outcome(false, 3, &[103]), RunOutcome::Holds, "no topic with three replicas can be created");
}

/// Two of three controllers elect one of them, which refuses the third.
#[test]
fn a_controller_is_refused_by_a_quorum_of_another_cluster() {
    for dynamic in [false, true] {
        let RunOutcome::Violated(violation) = outcome(dynamic, 2, &[2, 3]) else { panic!("dynamic: {dynamic}") };
        assert_eq!(violation.predicate.as_deref(), Some("all live voters follow the leader"), "{violation:?}");
    }
}
