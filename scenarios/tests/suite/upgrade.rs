//! Quorums that begin with `kraft.version` 0, and are upgraded by their operators.

use scenarios::catalog;
use scenarios::report::RunOutcome;
use scenarios::run::{Host, Request, run};
use scenarios::scenario::Scenario;

/// Three voters, two spare controllers and three brokers, without drawn knobs.
fn scenario() -> Scenario {
    let mut scenario = catalog::find("cluster-membership").expect("built in").scenario().expect("good");
    scenario.cluster.kraft_version = Some(0);
    scenario.knobs.off = true;
    scenario
}

#[test]
fn voters_and_brokers_are_configured_with_static_voters_and_spare_controllers_are_not() {
    let configs = scenario().cluster.configs().expect("good");
    let is_static = |id: i32| {
        let config = configs.iter().find(|config| config.node_id().0 == id).expect("a server");
        assert!(!config.quorum.bootstrap_servers.is_empty() && config.controller.kraft_version == 0);
        !config.quorum.is_dynamic && config.quorum.static_voters().len() == 3
    };
    assert_eq!([1, 3, 4, 5, 101, 103].map(is_static), [true, true, false, false, true, true]);
}

#[test]
fn voters_change_after_an_upgrade() {
    let scenario = scenario();
    let mut upgraded = 0;
    for seed in 0..6 {
        let report = run(&Request { host: Host::Bare, ..Request::new(&scenario, seed) }).expect("it runs");
        assert_eq!(report.outcome, RunOutcome::Holds, "seed {seed}");
        let reached = |probe: &str| report.probes.get(probe) == Some(&true);
        upgraded += usize::from(reached("kraft_version_upgraded") && reached("voter_added"));
    }
    assert!(upgraded > 2, "{upgraded} of 6");
}
