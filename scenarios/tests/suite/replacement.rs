//! The measured replacement of a controller whose disk is lost.

use scenarios::catalog;
use scenarios::report::FailoverKind;
use scenarios::run::{Host, Request, run};

/// The process is away, removes its old self, and adds itself; it asks for either after two fetch timeouts of 2 s.
#[test]
fn a_controller_that_is_lost_with_its_disk_is_removed_and_added() {
    let scenario = catalog::find("controller-replacement").expect("built in").scenario().expect("good");
    let report = run(&Request { host: Host::Bare, ..Request::new(&scenario, 0) }).expect("it runs");
    let replacements: Vec<_> = report.failovers.iter().filter(|it| it.kind == FailoverKind::VoterReplacement).collect();
    assert_eq!(replacements.len(), 2);
    for replacement in replacements {
        let &[("away", away), ("remove", remove), ("add", add)] = replacement.phases.as_slice() else {
            panic!("{replacement:?}")
        };
        assert!(away >= 10_000_000_000 && remove >= 4_000_000_000 && add >= 4_000_000_000, "{replacement:?}");
    }
}
