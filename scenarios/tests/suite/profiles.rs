//! What the service times of a machine profile do in a whole run.

use scenarios::report::RunReport;
use scenarios::run::{Request, run};
use scenarios::scenario::Scenario;

/// A run of 20 s, and until all is well again, in which one work takes so long.
fn with_work(cluster: &str, work: &str, us: u64) -> RunReport {
    let text = format!(
        "name = \"t\"\nduration = \"20s\"\n{cluster}\n[profile]\nabout = \"slow\"\n\
        link = {{ latency = {{ n = 1, us = [100] }} }}\ndisk = {{ fsync = {{ n = 1, us = [100] }} }}\n\
        [[profile.work]]\n{work}\ncalls = [{{ first = 1, n = 1, us = [{us}] }}]\n"
    );
    let scenario = Scenario::from_toml("t", &text).expect("good");
    run(&Request::new(&scenario, 1)).expect("a cluster")
}

#[test]
fn only_a_leaders_append_takes_the_time_of_one() {
    let acknowledged = |work: &str| {
        let work = format!("thread = \"raft-io\"\nname = {work}");
        with_work("cluster = { voters = 3 }", &work, 200_000).operations["append"].ok
    };
    let (none, leaders) = (acknowledged("\"renounce\""), acknowledged("\"append\""));
    assert!(leaders * 2 < none, "{leaders} of {none}");
    assert_eq!(acknowledged("\"append\"\nrole = \"broker\""), none, "no server has the role");
}

#[test]
fn a_broker_leads_when_that_work_of_a_publication_is_over() {
    let cluster =
        "cluster = { voters = 1, brokers = 1 }\nclients = { replication_factor = 1, min_insync_replicas = 1 }";
    let ended_s = |us| {
        let work = "thread = \"request-handler\"\nname = \"lead partitions\"";
        with_work(cluster, work, us).sim_ns / 1_000_000_000
    };
    assert_eq!(ended_s(0), 20);
    assert!(ended_s(25_000_000) > 45, "nothing is produced for 25 s, and topics that come and go wait for each other");
}
