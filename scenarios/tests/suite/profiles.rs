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

/// What is done once in a publication, and what is done for each partition in it.
#[test]
fn a_broker_leads_when_the_works_of_a_publication_are_over() {
    let cluster =
        "cluster = { voters = 1, brokers = 1 }\nclients = { replication_factor = 1, min_insync_replicas = 1 }";
    let ended_s = |work, us| {
        let work = format!("thread = \"request-handler\"\nname = \"{work}\"");
        with_work(cluster, &work, us).sim_ns / 1_000_000_000
    };
    for work in ["lead partitions", "lead partition", "create log"] {
        assert_eq!(ended_s(work, 0), 20, "{work}");
        let ended_s = ended_s(work, 25_000_000);
        assert!(ended_s > 45, "{work}: nothing is produced for 25 s, and topics wait for each other; {ended_s} s");
    }
    for work in ["follow partitions", "follow partition"] {
        assert_eq!(ended_s(work, 25_000_000), 20, "{work}: nobody follows");
    }
}
