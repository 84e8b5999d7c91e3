//! Guarantees lost on purpose: each scenario under `lost/` drops one precondition, and then the loss
//! is named and counted and no claim is broken; with the precondition kept the same seeds lose nothing.

use scenarios::catalog;
use scenarios::report::RunOutcome;
use scenarios::run::{Host, Request, run};
use scenarios::scenario::Scenario;
use scenarios::scenario::cluster::NodeFile;

const SEEDS: u64 = 12;

/// A scenario, what its loss is called, and the settings that keep the guarantee.
pub type Lost = (&'static str, &'static [&'static str], &'static [(&'static str, &'static str)]);

pub const LOST: [Lost; 5] = [
    // Kafka has no idempotence without acks=all.
    ("lost/acks-1", &["acked_by_leader_only_lost"], &[("clients.acks", "all"), ("clients.idempotence", "true")]),
    ("lost/min-isr-1", &["acked_lost_with_min_isr_one"], &[("clients.min_insync_replicas", "2")]),
    ("lost/unclean-election", &["acked_lost_by_unclean_election"], &[("unclean.leader.election.enable", "false")]),
    ("lost/all-power", &["acked_lost_with_last_guard"], &[("nemesis.any-broker-loses-data", "false")]),
    (
        "lost/no-idempotence",
        &["duplicate_without_idempotence", "reordered_without_idempotence"],
        &[("clients.idempotence", "true")],
    ),
];

/// How often each of these was counted; no run breaks a claim.
fn counted(scenario: &Scenario, names: &[&str]) -> Vec<u64> {
    let mut counts = vec![0; names.len()];
    for seed in 0..SEEDS {
        let request = Request { host: Host::Bare, ..Request::new(scenario, seed) };
        let report = run(&request).unwrap_or_else(|problem| panic!("{problem}"));
        assert!(
            !matches!(report.outcome, RunOutcome::Violated(_)),
            "{} seed {seed}: {:?}",
            scenario.name,
            report.outcome
        );
        for (count, name) in counts.iter_mut().zip(names) {
            *count += report.excused.get(*name).copied().unwrap_or(0);
        }
    }
    counts
}

#[test]
fn a_guarantee_without_its_precondition_is_lost_by_name_and_with_it_is_kept() {
    for (name, losses, settings) in LOST {
        let mut scenario = catalog::find(name).expect("built in").scenario().expect("good");
        let lost = counted(&scenario, losses);
        assert!(lost.iter().all(|count| *count > 0), "{name}: {losses:?} {lost:?}");
        for (key, value) in settings {
            scenario.set(key, value).unwrap_or_else(|problem| panic!("{problem}"));
        }
        let all: Vec<&str> = LOST.iter().flat_map(|(_, names, _)| names.iter().copied()).collect();
        let kept = counted(&scenario, &all);
        assert!(kept.iter().all(|count| *count == 0), "{name} with {settings:?}: {all:?} {kept:?}");
    }
}

#[test]
fn every_scenario_of_a_lost_guarantee_is_here() {
    let named = catalog::list().iter().filter(|entry| entry.name.starts_with("lost/"));
    assert!(named.map(|entry| entry.name).eq(LOST.iter().map(|(name, ..)| *name)));
}

/// The same settings in the files of a cluster: they decide what the workload's topics allow.
#[test]
fn unclean_election_of_the_files_reaches_the_topics() {
    const VOTERS: &str = "controller.quorum.voters=1@a:9093,2@b:9093,3@c:9093\ncontroller.listener.names=CONTROLLER\n";
    let settings = |allowed: bool| {
        format!(
            "{VOTERS}num.partitions=2\ndefault.replication.factor=3\nmin.insync.replicas=2\n\
             replica.lag.time.max.ms=2000\nunclean.leader.election.enable={allowed}\n"
        )
    };
    let files = |allowed: bool| {
        let file = |id: i32| {
            let role = if id < 100 { "controller\nlisteners=CONTROLLER://:9093" } else { "broker" };
            NodeFile::new(format!("{id}"), &format!("node.id={id}\nprocess.roles={role}\n{}", settings(allowed)))
        };
        [1, 2, 3, 101, 102, 103].map(file).to_vec()
    };
    for allowed in [true, false] {
        let scenario = catalog::find("lost/unclean-election").expect("built in").scenario().expect("good");
        let lost = counted(&scenario.with_cluster(files(allowed)), &["acked_lost_by_unclean_election"]);
        assert_eq!(lost[0] > 0, allowed, "unclean.leader.election.enable={allowed}: {lost:?}");
    }
}
