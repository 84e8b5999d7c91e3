//! State files that come back damaged: Kafka refuses to start from them, and its operator replaces the disk.

use scenarios::catalog;
use scenarios::cluster::Explicit;
use scenarios::report::{RunOutcome, RunReport};
use scenarios::run::{Host, Request};
use scenarios::trace::{Trace, What};
use sim::fault::{Damage, Fault, FileDamage, Plan};
use sim::process::Node;

const SECOND_NS: u64 = 1_000_000_000;
const CONTROLLER: Node = Node(0);
const BROKER: Node = Node(3);

/// `calm` with one damaged file: how it ended, and how often the server ended itself.
fn damaged(node: Node, file: &str, damage: Damage, at_ppm: u32) -> (RunReport, usize) {
    let mut scenario = catalog::find("calm").expect("built in").scenario().expect("good");
    for (property, value) in [
        ("log.flush.offset.checkpoint.interval.ms", "1000"),
        // The first snapshot is written long before the damage.
        ("metadata.log.max.record.bytes.between.snapshots", "2000"),
    ] {
        scenario.cluster.config.0.insert(property.to_owned(), value.to_owned());
    }
    let fault = FileDamage { node, file: file.to_owned(), file_rank: 0, damage, at_ppm };
    let plan = Plan(vec![Fault::at(30 * SECOND_NS, 4 * SECOND_NS, fault)]);
    let request = Request { host: Host::Bare, explicit: Explicit::plan(plan), ..Request::new(&scenario, 1) };
    let (report, trace) = Trace::of(&request).expect("it runs");
    let halts = trace
        .lines
        .iter()
        .filter(|line| line.node == Some(node) && matches!(line.what, What::Halted { fatal: true, .. }));
    (report, halts.count())
}

/// How often a server ends itself by each kind of damage to a file; the run ends well.
fn refusals(node: Node, file: &str) -> [usize; 3] {
    [Damage::Unreadable, Damage::Zeroed, Damage::Cut].map(|damage| {
        let (report, halts) = damaged(node, file, damage, 600_000);
        assert!(!matches!(report.outcome, RunOutcome::Violated(_)), "{file} {damage:?}: {:?}", report.outcome);
        halts
    })
}

#[test]
fn a_damaged_state_file_is_refused_and_its_disk_replaced() {
    for file in ["quorum-state", "meta.properties", "partition.metadata", "leader-epoch-checkpoint"] {
        assert_eq!(refusals(CONTROLLER, file), [1, 1, 1], "{file}");
    }
    // Its broker and its metadata log have one each.
    assert_eq!(refusals(BROKER, "replication-offset-checkpoint"), [1, 1, 1]);
    assert_eq!(refusals(BROKER, "recovery-point-offset-checkpoint"), [1, 1, 1]);
    // A recovery point that is no number counts as 0: here that of the last line.
    let (report, halts) = damaged(BROKER, "recovery-point-offset-checkpoint", Damage::Zeroed, 990_000);
    assert!(!matches!(report.outcome, RunOutcome::Violated(_)) && halts == 0, "{:?}", report.outcome);
}

#[test]
fn a_damaged_snapshot_is_refused_and_its_disk_replaced() {
    for node in [CONTROLLER, BROKER] {
        for damage in [Damage::Unreadable, Damage::Zeroed, Damage::Flipped] {
            let (report, halts) = damaged(node, ".checkpoint", damage, 600_000);
            assert!(!matches!(report.outcome, RunOutcome::Violated(_)), "{damage:?}: {:?}", report.outcome);
            assert_eq!(halts, 1, "{damage:?} of a snapshot of {node:?}");
        }
    }
}
