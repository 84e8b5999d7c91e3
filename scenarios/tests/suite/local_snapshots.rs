//! A broker's snapshots may be ahead of what survives on the only voter (`SingleVoterFlushFirst`), and it loads them.

use raft::ids::Offset;
use raft::io::DialogueEntry;
use scenarios::catalog;
use scenarios::run::{Host, Request};
use scenarios::scenario::Scenario;
use scenarios::trace::dialogue::{Dialogue, Entry};

/// What the section of that finding in `catalog/findings/README.md` has.
fn scenario(fixes: &str) -> Scenario {
    let mut scenario = catalog::find("lost/all-power").expect("built in").scenario().expect("good");
    for (key, value) in [
        ("cluster.voters", "1"),
        ("fixes", fixes),
        ("metadata.log.max.record.bytes.between.snapshots", "200"),
        ("disk.fsync", "lognormal(20ms, 0.5)"),
        ("nemesis.targets", "controllers"),
        ("nemesis.turn", "3s"),
        ("nemesis.power-loss.every", "3s"),
        ("clients.admin_interval", "50ms"),
    ] {
        scenario.set(key, value).unwrap_or_else(|problem| panic!("{key}: {problem}"));
    }
    scenario
}

/// The ends of the snapshot and of the log, when broker 101 has truncated its log below a snapshot that it loads later.
fn loaded_ahead(scenario: &Scenario, seed: u64) -> Option<(Offset, Offset)> {
    let request = Request { host: Host::Bare, dialogue: Some(1), keep_going: true, ..Request::new(scenario, seed) };
    let (_, dialogue) = Dialogue::of(&request).expect("it runs");
    let (truncated, snapshot, end) = dialogue.lines.iter().enumerate().find_map(|(number, line)| {
        let state = line.state.as_ref()?;
        let snapshot = state.latest_snapshot.filter(|snapshot| snapshot.offset > state.log_end)?;
        Some((number, snapshot, state.log_end))
    })?;
    let is_loaded = dialogue.lines[truncated..]
        .iter()
        .flat_map(|line| &line.entries)
        .any(|entry| matches!(entry, Entry::Raft(DialogueEntry::SnapshotLoaded { id, .. }) if *id == snapshot));
    is_loaded.then_some((snapshot.offset, end))
}

#[test]
fn a_broker_loads_a_snapshot_of_records_that_the_only_voter_has_lost() {
    let (lacking, whole) = (scenario(r#"["all", "-SingleVoterFlushFirst"]"#), scenario(r#"["all"]"#));
    for (seed, ahead) in [(2, (83, 79)), (25, (129, 125))] {
        assert_eq!(loaded_ahead(&lacking, seed), Some((Offset(ahead.0), Offset(ahead.1))), "seed {seed}");
        assert_eq!(loaded_ahead(&whole, seed), None, "seed {seed} with the fix");
    }
}

/// `cargo test --release -p scenarios --test suite local_snapshots::seeds -- --ignored --nocapture`
#[test]
#[ignore = "looks for new seeds"]
fn seeds() {
    let (lacking, whole) = (scenario(r#"["all", "-SingleVoterFlushFirst"]"#), scenario(r#"["all"]"#));
    for seed in 0..60 {
        if let Some((snapshot, end)) = loaded_ahead(&lacking, seed) {
            println!("({seed}, ({snapshot}, {end})), with the fix: {:?}", loaded_ahead(&whole, seed));
        }
    }
}
