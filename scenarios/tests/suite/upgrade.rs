//! Quorums that begin with `kraft.version` 0, and are upgraded by their operators.

use scenarios::catalog;
use scenarios::report::RunOutcome;
use scenarios::run::{Host, Request, run};
use scenarios::scenario::Scenario;
use scenarios::trace::dialogue::{Dialogue, json};
use serde_json::Value;

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

/// The leader is asked for it, and all nodes read it. Spare controllers do not know the voters before.
#[test]
fn dialogues_tell_an_upgrade() {
    let scenario = scenario();
    let dialogue = |place| {
        let request = Request { dialogue: Some(place), ..Request::new(&scenario, 0) };
        json::text(&Dialogue::of(&request).expect("it runs").1, serde_json::Map::default())
    };
    let lines = [0, 1, 2, 3].map(|place| dialogue(place).lines().map(parsed).collect::<Vec<_>>());
    for (lines, voters) in lines.iter().zip([3, 3, 3, 0]) {
        let header = &lines[0];
        assert_eq!((&header["kraft_version"], header["voters"].as_array().map(Vec::len)), (&0.into(), Some(voters)));
        assert!(header["endpoint"]["port"].is_u64());
        assert!(header["properties"]["controller.quorum.bootstrap.servers"].is_string());
        // That of a spare controller is 1 from the start, by its bootstrap snapshot (`--no-initial-controllers`).
        let of_level = |level: i32| lines.iter().filter(move |line| line["state"]["kraft_version"] == level);
        let sets = |level: i32| of_level(level).map(|line| line["state"]["voters"].as_array());
        assert_eq!(sets(0).next().map(|set| set.map(Vec::len)), (voters > 0).then_some(Some(voters)));
        let last = sets(1).next_back().expect("a step");
        assert!(last.is_some_and(|set| !set.is_empty()));
        assert!(last.is_some_and(|set| set.iter().all(|voter| voter["directory_id"].is_string())));
    }
    let entries = lines.iter().flatten().filter_map(|line| line["entries"].as_array()).flatten();
    let upgrades: Vec<&Value> =
        entries.map(|entry| &entry["upgrade_kraft_version"]).filter(|it| it.is_object()).collect();
    assert!(upgrades.iter().any(|upgrade| upgrade["level"] == 1 && upgrade["error_code"] == 0), "{upgrades:?}");
}

fn parsed(line: &str) -> Value {
    serde_json::from_str(line).expect("an object")
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
