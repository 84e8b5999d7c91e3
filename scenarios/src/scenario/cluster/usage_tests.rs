//! The files decide the topics; what is used, without effect, unknown.

use super::*;
use crate::catalog;
use crate::cluster::{Explicit, prepare};
use crate::scenario::cluster::NodeFile;
use sim::rng::Seed;

const COMBINED: &str = "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@a:9093\n\
                        listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ncontroller.listener.names=CONTROLLER\n";

fn built_in(name: &str) -> Scenario {
    catalog::find(name).expect("built in").scenario().expect("good")
}

fn on(scenario: &str, files: &[(&str, String)]) -> Scenario {
    let node = |(file, text): &(&str, String)| NodeFile::new(*file, text);
    built_in(scenario).with_cluster(files.iter().map(node).collect())
}

/// Three controllers and two brokers.
fn isolated(of_controllers: &str, of_brokers: &str) -> Vec<(&'static str, String)> {
    let voters = "controller.quorum.voters=1@a:9093,2@b:9093,3@c:9093\ncontroller.listener.names=CONTROLLER\n";
    let controller = |id| {
        let listener = "listeners=CONTROLLER://:9093\n";
        format!("process.roles=controller\nnode.id={id}\n{voters}{listener}{of_controllers}")
    };
    let broker = |id| format!("process.roles=broker\nnode.id={id}\n{voters}{of_brokers}");
    vec![
        ("c1", controller(1)),
        ("c2", controller(2)),
        ("c3", controller(3)),
        ("b101", broker(101)),
        ("b102", broker(102)),
    ]
}

fn report(scenario: &Scenario) -> ClusterReport {
    scenario.cluster_report().unwrap_or_else(|error| panic!("{error}")).expect("from files")
}

#[test]
fn the_files_decide_the_topics_unless_clients_are_set() {
    let files = isolated(
        "default.replication.factor=2\nnum.partitions=5\nmin.insync.replicas=2\n",
        "min.insync.replicas=2\nunclean.leader.election.enable=true\n",
    );
    let mut scenario = on("ci", &files);
    scenario.validate().unwrap_or_else(|error| panic!("{error}"));
    let topics = |scenario: &Scenario| {
        let prepared = prepare(scenario, Seed(1), &Explicit::default()).unwrap_or_else(|error| panic!("{error}"));
        let topics = prepared.scenario.clients.topics();
        (topics.partitions, topics.replication_factor, topics.min_insync_replicas)
    };
    // -1 and none: the controllers' own numbers apply.
    assert_eq!(topics(&scenario), (5, -1, None));
    let configs = scenario.cluster.configs().expect("good");
    assert_eq!(configs[0].controller.default_replication_factor, 2);
    let note = "topics of the workload: partitions 5, replication factor 2, min.insync.replicas 2";
    assert_eq!(report(&scenario).notes, [note]);
    // A replay uses what the scenario stores. Its probes are those of the catalog's cluster.
    scenario.require_probe.clear();
    let again = Scenario::from_toml("printed", &scenario.to_toml()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(again, scenario);

    scenario.set("num.partitions", "3").expect("legal");
    assert_eq!(topics(&scenario).0, 3);
    scenario.set("clients.partitions", "4").expect("legal");
    scenario.set("clients.replication_factor", "1").expect("legal");
    assert_eq!(topics(&scenario), (4, 1, None));
    let of = |name: &str| {
        let report = report(&scenario);
        let found = report.properties.iter().find(|property| property.name == name);
        found.map(|property| (property.status, property.why.clone())).unwrap_or_else(|| panic!("{name}"))
    };
    assert_eq!(of("num.partitions"), (Status::WithoutEffect, "num.partitions=3 is set for all nodes".to_owned()));
    let why = "topics of the workload have clients.replication_factor=1";
    assert_eq!(of("default.replication.factor"), (Status::WithoutEffect, why.to_owned()));
}

#[test]
fn kafkas_defaults_apply_where_the_files_are_silent() {
    let scenario = on("ci", &[("server", COMBINED.to_owned())]);
    scenario.validate().unwrap_or_else(|error| panic!("{error}"));
    let note = "topics of the workload: partitions 1, replication factor 1, min.insync.replicas 1";
    assert_eq!(report(&scenario).notes, [note]);
    let never = on("ci", &[("server", format!("{COMBINED}min.insync.replicas=2\n"))]);
    assert!(report(&never).notes[1].contains("no write with acks=all succeeds; set default.replication.factor in"));
    let many = on("ci", &[("server", format!("{COMBINED}num.partitions=65\n"))]);
    assert_eq!(
        many.validate().expect_err("too many").to_string(),
        "server:6: num.partitions = \"65\": a topic of the workload has at most 64 partitions; allowed: 1..64, as in \
         --set clients.partitions=64"
    );
    let wide = on("ci", &[("server", format!("{COMBINED}default.replication.factor=3\n"))]);
    assert_eq!(
        wide.validate().expect_err("one broker").to_string(),
        "server:6: default.replication.factor = \"3\": the cluster has 1 broker; allowed: 1..1, as in \
         --set clients.replication_factor=1"
    );
    let alone = Cluster::report_of_files(wide.cluster.node.clone()).map(|report| report.nodes.len());
    assert_eq!(alone, Err(wide.validate().expect_err("one broker")), "the report refuses what a run refuses");
    let mut set = on("ci", &[("server", COMBINED.to_owned())]);
    set.set("default.replication.factor", "2").expect("legal in itself");
    assert_eq!(
        set.validate().expect_err("one broker").to_string(),
        "clients.replication_factor: 2 (default.replication.factor), and the cluster has 1 broker; allowed: 1..1, as \
         in --set clients.replication_factor=1"
    );
}

/// The user set both.
#[test]
fn a_scenario_that_names_files_and_clients_means_its_clients() {
    let text = "name = \"own\"\nduration = \"20s\"\n[cluster]\nproperties = [\"server\"]\n[clients]\npartitions = 7\n";
    let files = |_: &str| Ok(format!("{COMBINED}num.partitions=3\n"));
    let scenario = Scenario::from_toml_with("own", text, files).unwrap_or_else(|error| panic!("{error}"));
    let clients = &scenario.clients;
    assert_eq!((clients.partitions, clients.replication_factor, clients.min_insync_replicas), (7, 0, 0));
    assert_eq!(Scenario::from_toml("printed", &scenario.to_toml()).as_ref(), Ok(&scenario));
}

#[test]
fn each_property_is_reported_once_for_all_nodes_that_agree() {
    let files = isolated(
        "log.dirs=/a\nssl.keystore.password=x\nreplica.lag.max.ms=1\ncontroller.quorum.fetch.timeout.ms=900\n",
        "log.dirs=/b\nnum.partitions=3\ncontroller.quorum.fetch.timeout.ms=900\nlog.dirs=/c\nno.such.thing.at.all=1\n",
    );
    let report = report(&on("failover", &files));
    let lines: Vec<String> = (report.properties.iter())
        .filter(|property| !["node.id", "process.roles", "listeners"].contains(&property.name.as_str()))
        .filter(|property| !property.name.starts_with("controller.listener"))
        .filter(|property| property.name != "controller.quorum.voters")
        .map(|property| {
            let values = property.values.iter().map(|value| format!("{} {:?}", value.value, value.nodes));
            let values = values.collect::<Vec<_>>().join(", ");
            let nearest = property.nearest.as_deref().unwrap_or("-");
            format!("{:?} {} = {values}: {} ({nearest})", property.status, property.name, property.why)
        })
        .collect();
    assert_eq!(
        lines,
        [
            "Used controller.quorum.fetch.timeout.ms = 900 [1, 2, 3, 101, 102]: a voter without a successful fetch for this time requests pre-votes; a leader without fetches from a majority for 1.5 times as long resigns (QuorumConfig) (-)",
            "WithoutEffect log.dirs = /a [1, 2, 3], /c [101, 102]: a node has one simulated disk, whatever its directories are (-)",
            "WithoutEffect num.partitions = 3 [101, 102]: only controllers read it (-)",
            "WithoutEffect ssl.keystore.password = [hidden] [1, 2, 3]: authentication, authorization and encryption are not simulated (-)",
            "Unknown no.such.thing.at.all = [hidden] [101, 102]: no property of Kafka; it is ignored (-)",
            "Unknown replica.lag.max.ms = [hidden] [1, 2, 3]: no property of Kafka; it is ignored (replica.lag.time.max.ms)",
        ]
    );
    assert_eq!(report.notes[0], "b101:8: log.dirs is already set in line 5; the last value counts, as in Kafka");
    let remarks = report.remarks(|_| false);
    assert!(
        remarks.contains(
            &"c1:8: unknown property ignored: replica.lag.max.ms; Kafka knows replica.lag.time.max.ms".to_owned()
        ),
        "{remarks:?}"
    );
    let idle = "properties without effect: controller.listener.names, listeners, log.dirs, num.partitions, ssl.keystore.password";
    assert_eq!(remarks.last().map(String::as_str), Some(idle));
    let replaced = report.remarks(|name| name == "num.partitions");
    assert!(!replaced.concat().contains("num.partitions,"), "its value is replaced on purpose: {replaced:?}");
}

#[test]
fn a_mistake_of_brokers_cannot_act_without_them() {
    let remarks = |name: &str| {
        let base = catalog::find(name).expect("in the catalog").scenario().expect("good");
        let bugs = raft::bugs::Bugs::NONE.with(raft::bugs::Bug::Kip101TruncateToHighWatermark);
        Scenario { bugs, ..base.clone() }.remarks_on_settings(&base)
    };
    assert!(remarks("brokers").is_empty());
    assert_eq!(
        remarks("quorum"),
        ["Kip101TruncateToHighWatermark is a mistake of brokers or their clients; this scenario has none"]
    );
}

#[test]
fn properties_of_images_and_snapshots_have_no_effect_without_brokers() {
    let remarks = |name: &str, key: &str, value: &str| {
        let base = catalog::find(name).expect("in the catalog").scenario().expect("good");
        let mut set = base.clone();
        set.set(key, value).expect("allowed");
        set.remarks_on_settings(&base)
    };
    let bytes = "metadata.log.max.record.bytes.between.snapshots";
    assert!(remarks("cluster-membership", bytes, "4000").is_empty());
    let why = "a quorum without brokers has raft clients alone, without metadata images and their snapshots";
    assert_eq!(remarks("membership", bytes, "4000"), [format!("{bytes}=4000 has no effect: {why}")]);
    assert_eq!(remarks("quorum", "num.partitions", "4"), [format!("num.partitions=4 has no effect: {why}")]);
    assert!(remarks("quorum", "metadata.max.idle.interval.ms", "100").is_empty(), "raft and the controller read it");
}

#[test]
fn what_kafka_complains_of_is_said_once() {
    let slow = "broker.heartbeat.interval.ms=5000\n";
    let report = report(&on("failover", &isolated("", slow)));
    let said = report.notes.iter().filter(|note| note.contains("broker.heartbeat.interval.ms (5000 ms)"));
    assert_eq!(said.map(|note| note.split(':').next().unwrap_or("")).collect::<Vec<_>>(), ["b101, b102"]);
}
