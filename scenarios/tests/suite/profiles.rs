//! What the service times of a machine profile do in a whole run.

use scenarios::run::{Request, run};
use scenarios::scenario::Scenario;

/// Appends that are acknowledged within 20 s, where this work takes 200 ms.
fn acknowledged(work: &str) -> u64 {
    let text = format!(
        "name = \"t\"\nduration = \"20s\"\ncluster = {{ voters = 3 }}\n[profile]\nabout = \"slow\"\n\
        link = {{ latency = {{ n = 1, us = [100] }} }}\ndisk = {{ fsync = {{ n = 1, us = [100] }} }}\n\
        [[profile.work]]\nthread = \"raft-io\"\n{work}\ncalls = [{{ first = 1, n = 1, us = [200000] }}]\n"
    );
    let scenario = Scenario::from_toml("t", &text).expect("good");
    let report = run(&Request::new(&scenario, 1)).expect("a cluster of three");
    report.operations["append"].ok
}

#[test]
fn only_a_leaders_append_takes_the_time_of_one() {
    let (none, leaders) = (acknowledged("name = \"renounce\""), acknowledged("name = \"append\""));
    assert!(leaders * 2 < none, "{leaders} of {none}");
    assert_eq!(acknowledged("name = \"append\"\nrole = \"broker\""), none, "no server has the role");
}
