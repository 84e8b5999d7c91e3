//! What a violation says is one sentence in plain words: no Rust value in it, whatever broke.

use std::collections::BTreeMap;

use raft::bugs::Bug;
use scenarios::catalog;
use scenarios::report::RunOutcome;
use scenarios::run::{Request, run};

#[test]
fn details_are_plain_words() {
    let mut details: BTreeMap<String, String> = BTreeMap::new();
    let quorum = catalog::find("quorum").expect("built in").scenario().expect("good");
    for bug in Bug::ALL {
        let scenario = quorum.clone().with_bug(*bug);
        for seed in 0..5 {
            if let RunOutcome::Violated(violation) = run(&Request::new(&scenario, seed)).expect("it runs").outcome {
                details.insert(format!("{} by {} in seed {seed}", violation.invariant, bug.name()), violation.detail);
            }
        }
    }
    assert!(details.len() >= 50, "{details:#?}");
    for (what, detail) in details {
        for foreign in ["Some(", "None", "{", "[", "\n"] {
            assert!(!detail.contains(foreign), "{what}: {detail}");
        }
    }
}
