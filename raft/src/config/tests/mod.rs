//! What is kept; that printing and reading agree; what the files of a cluster must agree on.

mod refusals;

use std::rc::Rc;

use proptest::prelude::*;

use super::*;
use crate::ids::NodeId;

const GOOD: &str = "process.roles=controller\nnode.id=1\ncontroller.quorum.voters=1@a:9093,2@b:9093,3@c:9093\n\
                    listeners=CONTROLLER://:9093\ncontroller.listener.names=CONTROLLER\n";

/// Listens where Kafka's default says.
const BROKER: &str = "process.roles=broker\nnode.id=101\ncontroller.quorum.voters=1@a:9093,2@b:9093,3@c:9093\n\
                      controller.listener.names=CONTROLLER\n";

const COMBINED: &str = "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@a:9093,2@b:9093,3@c:9093\n\
                        listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ncontroller.listener.names=CONTROLLER\n";

/// A good file with a line appended; a later entry wins.
fn with(line: &str) -> String {
    format!("{GOOD}{line}\n")
}

#[test]
fn a_minimal_file_has_kafkas_defaults() {
    for (text, id, roles) in
        [(GOOD, 1, Roles::CONTROLLER), (BROKER, 101, Roles::BROKER), (COMBINED, 1, Roles::COMBINED)]
    {
        let config = NodeConfig::parse("c", text).unwrap_or_else(|error| panic!("{error}"));
        let expected = NodeConfig::new(NodeId(id), roles, config.quorum.voters.clone());
        assert_eq!(NodeConfig { kept: Rc::from([]), ..config }, expected);
    }
    let NodeConfig { quorum, controller, broker, .. } = NodeConfig::parse("c", COMBINED).expect("good");
    assert_eq!((quorum.election_timeout_ms, quorum.fetch_timeout_ms), (1_000, 2_000));
    assert_eq!((quorum.segment_bytes, quorum.segment_ms), (1 << 30, 604_800_000));
    assert_eq!((controller.broker_session_timeout_ms, controller.cluster_id.len()), (9_000, 22));
    assert_eq!((broker.replica_lag_time_max_ms, broker.log.max_message_bytes), (30_000, 1_048_588));
}

#[test]
fn one_property_reaches_all_that_read_it() {
    let text = format!(
        "{BROKER}broker.heartbeat.interval.ms=700\nmetadata.max.idle.interval.ms=0\nmin.insync.replicas=2\n\
         controlled.shutdown.enable=False\nlog.roll.hours=2\n"
    );
    let NodeConfig { quorum, controller, broker, .. } = NodeConfig::parse("b", &text).expect("good");
    assert_eq!([quorum.node_id, controller.node_id, broker.node_id], [NodeId(101); 3]);
    assert_eq!((controller.broker_heartbeat_interval_ms, broker.heartbeat_interval_ms), (700, 700));
    assert_eq!((quorum.max_idle_interval_ms, controller.max_idle_interval_ms), (0, 0));
    assert_eq!((controller.min_insync_replicas, broker.min_insync_replicas), (2, 2));
    assert_eq!((broker.controlled_shutdown_enable, broker.log.segment_ms), (false, 7_200_000));
    assert_eq!(*controller.voters, [1, 2, 3].map(NodeId));
}

/// Kafka starts with these and says so in its log.
#[test]
fn what_kafka_only_complains_of_is_a_warning() {
    let warnings = |text: String| NodeConfig::parse("c", &text).unwrap_or_else(|error| panic!("{error}")).warnings();
    assert_eq!(warnings(GOOD.into()), [""; 0]);
    assert_eq!(warnings(with("broker.session.timeout.ms=4000")), [""; 0]);
    let slow = warnings(with("broker.session.timeout.ms=3999"));
    let expected = "broker.heartbeat.interval.ms (2000 ms) must be less than or equal to half of the \
                    broker.session.timeout.ms (3999 ms). ";
    assert!(slow.len() == 1 && slow[0].starts_with(expected), "{slow:?}");
    let several = warnings(format!("{BROKER}controller.listener.names=CONTROLLER,OTHER\n"));
    assert_eq!(
        several,
        ["controller.listener.names has multiple entries; only the first will be used since process.roles=broker: \
          [CONTROLLER,OTHER]"]
    );
}

#[test]
fn what_changes_nothing_is_kept_and_reported() {
    let config = NodeConfig::parse("c", &with("controller.quorum.fetch.timeout=1\nlog.dirs=/data\nssl.provider=1"))
        .expect("good");
    assert_eq!(config.unrecognised(), [Unrecognised { key: "controller.quorum.fetch.timeout".into(), line: 6 }]);
    let unused = config.kept.iter().filter(|k| k.why == KeptWhy::NotSimulated).map(|k| (k.key.as_str(), k.line));
    assert_eq!(unused.collect::<Vec<_>>(), [("log.dirs", 7), ("ssl.provider", 8)]);
}

#[test]
fn the_internal_property_wins() {
    let text = with("internal.metadata.log.segment.bytes=4096\nmetadata.log.segment.bytes=8388608");
    assert_eq!(NodeConfig::parse("c", &text).expect("good").quorum.segment_bytes, 4096);
    let text = format!("{BROKER}internal.segment.bytes=1\nlog.segment.bytes=1048576\nlog.roll.ms=5\nlog.roll.hours=1");
    let log = NodeConfig::parse("c", &text).expect("good").broker.log;
    assert_eq!((log.segment_bytes, log.segment_ms), (1, 5));
}

#[test]
fn single_settings_are_checked() {
    let mut config = NodeConfig::parse("c", GOOD).expect("good");
    config.set("controller.quorum.fetch.timeout.ms", "500").expect("in range");
    assert_eq!(config.quorum.fetch_timeout_ms, 500);
    assert_eq!(
        config.set("controller.quorum.fetch.timeout.ms", "2 s").expect_err("not an integer"),
        "controller.quorum.fetch.timeout.ms = \"2 s\": Not a number of type INT; allowed: 1..2147483647 (ms)"
    );
    assert_eq!(config.set("no.such", "1").expect_err("unknown"), "no.such: Kafka has no such property");
    assert!(config.set("node.id", "1").expect_err("own").starts_with("node.id = \"1\": each node's own, not"));
    assert_eq!(
        config.set("delete.topic.enable", "no").expect_err("not a boolean"),
        "delete.topic.enable = \"no\": Expected value to be either true or false; allowed: true, false"
    );
    let before = config.get("log.roll.ms");
    let settings =
        [("internal.segment.bytes", "9"), ("replica.lag.time.max.ms", "499"), ("log.segment.bytes", "1048576")];
    assert_eq!(
        config.set_all(settings.into_iter()).expect_err("together"),
        "replica.lag.time.max.ms = \"499\": replica.fetch.wait.max.ms should always be less than or equal to \
         replica.lag.time.max.ms to prevent frequent changes in ISR"
    );
    assert_eq!((config.broker.log.segment_bytes, config.get("log.roll.ms")), (9, before));
    assert!(config.set("log.dirs", "/x").expect_err("no effect").contains("without effect here; allowed: "));
}

macro_rules! files {
    ($set:literal: $($name:literal),+) => {
        [$(($name, include_str!(concat!("../../../../scenarios/examples/", $set, "/", $name, ".properties")))),+]
    };
}

mod operators;

const CONTROLLERS: [(&str, &str); 3] = files!("three-controllers": "controller-1", "controller-2", "controller-3");
const ISOLATED: [(&str, &str); 6] =
    files!("isolated-3x3": "controller-1", "controller-2", "controller-3", "broker-101", "broker-102", "broker-103");
const COMBINED_3: [(&str, &str); 3] = files!("combined-3": "server-1", "server-2", "server-3");
const DYNAMIC_COMBINED: [(&str, &str); 3] = files!("dynamic-combined-3": "server-1", "server-2", "server-3");
const CONFLUENT: [(&str, &str); 6] =
    files!("confluent-3x3": "controller-1", "controller-2", "controller-3", "broker-101", "broker-102", "broker-103");
const STRIMZI_DYNAMIC: [(&str, &str); 6] = files!(
    "strimzi-dynamic-3x3": "my-cluster-controller-3", "my-cluster-controller-4", "my-cluster-controller-5",
    "my-cluster-broker-0", "my-cluster-broker-1", "my-cluster-broker-2"
);

fn owned(files: &[(&str, &str)]) -> Vec<(String, String)> {
    files.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect()
}

/// A set with something replaced in one of its files.
fn changed(files: &[(&str, &str)], index: usize, from: &str, to: &str) -> Vec<(String, String)> {
    let mut files = owned(files);
    assert!(files[index].1.contains(from), "{from}");
    files[index].1 = files[index].1.replace(from, to);
    files
}

#[test]
fn the_example_sets_load() {
    for (files, ids, roles) in [
        (&CONTROLLERS[..], &[1, 2, 3][..], [Roles::CONTROLLER; 2]),
        (&ISOLATED, &[1, 2, 3, 101, 102, 103], [Roles::CONTROLLER, Roles::BROKER]),
        (&COMBINED_3, &[1, 2, 3], [Roles::COMBINED; 2]),
        (&operators::DYNAMIC, &[1, 2, 3, 101, 102, 103], [Roles::CONTROLLER, Roles::BROKER]),
        (&DYNAMIC_COMBINED, &[1, 2, 3], [Roles::COMBINED; 2]),
        (&CONFLUENT, &[1, 2, 3, 101, 102, 103], [Roles::CONTROLLER, Roles::BROKER]),
        (&STRIMZI_DYNAMIC, &[3, 4, 5, 0, 1, 2], [Roles::CONTROLLER, Roles::BROKER]),
    ] {
        let mut given = owned(files);
        given.reverse();
        let configs = load_cluster(given).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(configs.iter().map(|c| c.node_id().0).collect::<Vec<_>>(), ids);
        assert_eq!([configs[0].roles, configs[configs.len() - 1].roles], roles);
        for config in &configs {
            assert_eq!((config.unrecognised(), config.warnings()), (vec![], vec![]), "{}", config.node_id());
        }
        let own = &configs[1].quorum.voters[1].endpoint;
        let is_of_strimzi = files[0].0.starts_with("my-cluster");
        let expected = if is_of_strimzi { ("CONTROLPLANE-9090", 9090) } else { ("CONTROLLER", 9093) };
        assert_eq!((&*own.name, own.port), expected);
    }
}

#[test]
fn the_voters_stay_in_the_order_of_each_file() {
    let file = |id: i32, voters: &str| {
        let text = format!("{GOOD}node.id={id}\ncontroller.quorum.voters={voters}\n");
        (format!("c{id}"), text)
    };
    let files = vec![file(5, "5@e:1,1@a:1,3@c:1"), file(1, "1@a:1,3@c:1,5@e:1"), file(3, "5@e:1,1@a:1,3@c:1")];
    let configs = load_cluster(files).unwrap_or_else(|error| panic!("{error}"));
    let orders = configs.iter().map(|config| config.quorum.voters.iter().map(|voter| voter.id.0).collect::<Vec<_>>());
    assert_eq!(orders.collect::<Vec<_>>(), [[1, 3, 5], [5, 1, 3], [5, 1, 3]]);
}

#[test]
fn files_that_disagree_are_named() {
    let refusal = |files| load_cluster(files).expect_err("they disagree").to_string();
    assert_eq!(
        refusal(changed(&CONTROLLERS, 1, "node.id=2", "node.id=1")),
        "controller-2:9: node.id = \"1\": controller-1:9 has the same id"
    );
    let same = refusal(changed(&ISOLATED, 4, "node.id=102", "node.id=101"));
    assert!(same.ends_with("node.id = \"101\": broker-101:9 has the same id"), "{same}");

    let error = refusal(changed(&CONTROLLERS, 1, "controller-3.kafka.internal:9093", "controller-3:9093"));
    let voters = "1@controller-1.kafka.internal:9093,2@controller-2.kafka.internal:9093,3@controller-3";
    assert_eq!(
        error,
        format!(
            "controller-2:12: controller.quorum.voters = \"{voters}:9093\": controller-1:12 has \
             \"{voters}.kafka.internal:9093\"; all nodes need the same voters"
        )
    );
    let first = load_cluster(changed(&CONTROLLERS, 0, "controller-3.kafka.internal:9093", "controller-3:9093"));
    let errors = first.expect_err("the others agree").0;
    assert!(errors.len() == 1 && errors[0].to_string().starts_with("controller-1:12: "), "{errors:?}");
    // A broker that was left behind when a controller moved looks for it for ever.
    let error = refusal(changed(&ISOLATED, 5, "3@controller-3", "4@controller-3"));
    assert!(error.starts_with("broker-103:") && error.ends_with("all nodes need the same voters"), "{error}");

    for files in [&CONTROLLERS[..2], &ISOLATED[..2], &COMBINED_3[..2], &ISOLATED[3..]] {
        let error = refusal(owned(files));
        assert!(error.contains("controller.quorum.voters = "), "{error}");
        assert!(error.contains(": voter ") && error.contains(" has no file with node.id="), "{error}");
    }
    assert_eq!(refusal(Vec::new()), "cluster: no .properties file; one per node is needed");
}

proptest! {
    #[test]
    fn a_printed_node_reads_back(
        which in 0..3_usize,
        settings in proptest::collection::vec((0..definitions::DEFINITIONS.len(), any::<bool>(), any::<u64>()), 0..12),
    ) {
        let text = [GOOD, BROKER, COMBINED][which];
        let mut config = NodeConfig::parse("c", text).expect("good");
        for (index, extreme, number) in settings {
            let definition = &definitions::DEFINITIONS[index];
            let (definitions::PropertyKind::Integer { min, max, .. }, Some(field)) = (definition.kind, definition.field) else {
                continue;
            };
            let number = if extreme { number % 2 * u64::MAX } else { number };
            let range = max.abs_diff(min);
            let offset = range.checked_add(1).map_or(number, |values| number % values).min(range);
            (field.set)(&mut config, min.checked_add_unsigned(offset).expect("within"));
        }
        prop_assume!(config.contradiction().is_none());
        let mut read = NodeConfig::parse("printed", &config.to_properties()).expect("what we print is good");
        // Lines move; nothing else does.
        prop_assert_eq!(read.kept.len(), config.kept.len());
        read.kept = config.kept.clone();
        prop_assert_eq!(&read, &config);
        let generated = NodeConfig { kept: Rc::from([]), ..config };
        let mut read = NodeConfig::parse("printed", &generated.to_properties()).expect("what we print is good");
        read.kept = Rc::from([]);
        prop_assert_eq!(read, generated);
    }
}
