//! Rare situations are met only where they are declared possible: in every scenario of the
//! catalog, with each kind of fault alone, and with a single voter.

use std::collections::BTreeSet;

use scenarios::catalog;
use scenarios::coverage;
use scenarios::reach::Reach;
use scenarios::run::{Host, Request, run};
use scenarios::scenario::Scenario;

/// Runs seeds and refuses what is met without being possible; gives what was met.
fn met(scenario: &Scenario, seeds: std::ops::Range<u64>) -> BTreeSet<String> {
    let possible: Vec<_> = coverage::possible(Reach::of(scenario)).collect();
    let mut all = BTreeSet::new();
    for seed in seeds {
        let request = Request { host: Host::Bare, ..Request::new(scenario, seed) };
        let report = run(&request).unwrap_or_else(|problem| panic!("{problem}"));
        assert!(possible.iter().all(|name| report.probes.contains_key(*name)), "seed {seed} does not list all");
        for (name, _) in report.probes.into_iter().filter(|(_, met)| *met) {
            let said = || format!("{} seed {seed} met {name}: its needs are declared wrong\n", scenario.name);
            assert!(possible.contains(&name.as_str()), "{}{}", said(), scenario.to_toml());
            all.insert(name);
        }
    }
    all
}

fn built_in(name: &str) -> Scenario {
    catalog::find(name).expect("built in").scenario().expect("good")
}

/// The scenario with no kind of fault but this.
fn alone(scenario: &Scenario, kind: &str) -> Scenario {
    let mut table: toml::Table = scenario.to_toml().parse().expect("printed");
    let nemesis = table.get_mut("nemesis").and_then(toml::Value::as_table_mut).expect("printed");
    nemesis.retain(|name, value| !value.is_table() || name == kind);
    table.remove("require_probe");
    Scenario::from_toml(kind, &toml::to_string(&table).expect("a table")).expect("good")
}

#[test]
fn the_catalog_meets_only_what_is_possible() {
    for entry in catalog::list() {
        met(&entry.scenario().expect("good"), 0..4);
    }
}

#[test]
fn each_kind_of_fault_alone_meets_only_what_is_possible() {
    for name in ["quorum", "power-loss"] {
        let mut scenario = built_in(name);
        scenario.duration = "10s".parse().expect("a duration");
        scenario.nemesis.swarm = false;
        for (kind, _) in scenario.nemesis.rhythms() {
            met(&alone(&scenario, kind.name()), 0..10);
        }
    }
}

#[test]
fn a_single_voter_meets_only_what_is_possible() {
    let mut scenario = built_in("quorum");
    scenario.duration = "10s".parse().expect("a duration");
    scenario.require_probe.clear();
    for observers in ["0", "2"] {
        for (key, value) in [("cluster.voters", "1"), ("cluster.observers", observers)] {
            scenario.set(key, value).expect("legal");
        }
        met(&scenario, 0..40);
        let fixes = std::mem::take(&mut scenario.fixes);
        met(&scenario, 0..40);
        scenario.fixes = fixes;
    }
}

#[test]
fn what_a_scenario_lacks_is_not_possible() {
    let lacks = |name: &str, probes: &[&str]| {
        let possible: Vec<_> = coverage::possible(Reach::of(&built_in(name))).collect();
        for probe in probes {
            assert!(coverage::names().any(|known| known == *probe), "{probe}");
            assert!(!possible.contains(probe), "{name}: {probe}");
        }
    };
    lacks("quorum", &["batch_dropped"]);
    lacks("controller-failover", &["amnesiac_voter", "disk_failed", "segment_rolled"]);
    lacks("partitions", &["torn_tail", "recovered_torn_tail", "power_loss_with_unsynced_tail", "amnesiac_voter"]);
    lacks("clock-skew", &["election_during_partition", "torn_tail", "disk_failed"]);
    lacks("power-loss", &["election_during_partition"]);
}
