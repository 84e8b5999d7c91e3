//! Configuration files of operators: those that Kafka ships, those that Strimzi writes, older ones.

use super::*;

const KAFKA_4: [(&str, &str); 2] = files!("kafka-4": "broker", "controller");
const KAFKA_4_COMBINED: [(&str, &str); 1] = files!("kafka-4-combined": "server");
pub(super) const DYNAMIC: [(&str, &str); 6] =
    files!("dynamic-3x3": "controller-1", "controller-2", "controller-3", "broker-101", "broker-102", "broker-103");
const STRIMZI: [(&str, &str); 8] = files!(
    "strimzi-5x3": "demo-broker-0", "demo-broker-1", "demo-broker-2", "demo-broker-3", "demo-broker-4",
    "demo-controller-5", "demo-controller-6", "demo-controller-7"
);

fn voters(config: &NodeConfig) -> Vec<String> {
    config.quorum.voters.iter().map(Voter::to_string).collect()
}

#[test]
fn the_files_that_kafka_ships_load_with_voters_of_the_directory() {
    for (files, ids) in [(&KAFKA_4[..], &[1, 2][..]), (&KAFKA_4_COMBINED, &[1])] {
        let cluster = read_cluster(owned(files)).unwrap_or_else(|error| panic!("{error}"));
        assert!(cluster.is_dynamic);
        assert_eq!(cluster.nodes.iter().map(|node| node.config.node_id().0).collect::<Vec<_>>(), ids);
        for node in &cluster.nodes {
            assert_eq!(voters(&node.config), ["1@localhost:9093"]);
            assert_eq!(node.config.unrecognised(), []);
            let quorum = &node.config.quorum;
            assert_eq!((quorum.is_dynamic, quorum.static_voters().len()), (true, 0));
            assert_eq!(quorum.bootstrap_servers.iter().map(|server| server.node).collect::<Vec<_>>(), [NodeId(1)]);
        }
    }
    let no_controller = load_cluster(owned(&KAFKA_4[..1])).expect_err("nobody votes").to_string();
    assert!(no_controller.starts_with("broker: controller.quorum.bootstrap.servers names no voters, and no file"));
    // A controller with auto-join is one of the voters from the start.
    let joining = KAFKA_4_COMBINED[0].1.to_owned() + "controller.quorum.auto.join.enable=true\n";
    assert!(load_cluster(vec![("server".into(), joining)]).is_ok());
}

/// Each file is read even if the one before it is refused; within a file every value that is wrong is named.
#[test]
fn the_mistakes_of_all_files_are_reported() {
    let mut files = owned(&STRIMZI);
    let mistakes = [
        (0, "node.id=0", "node.id=x"),
        (2, "num.partitions=", "num.partitions=-"),
        (2, "min.insync.replicas=", "min.insync.replicas=o"),
        (3, "process.roles=broker", "process.roles=\\u00"),
        (6, "process.roles=controller", "process.roles=voter"),
    ];
    for (file, from, to) in mistakes {
        let text = &mut files[file].1;
        assert!(text.contains(from), "{from} in {text}");
        *text = text.replace(from, to);
    }
    let line =
        |file: usize, key: &str| 1 + files[file].1.lines().position(|line| line.starts_with(key)).expect("there");
    let expected = [
        format!(
            "demo-broker-0:{}: node.id = \"x\": Not a number of type INT; allowed: 0..2147483647",
            line(0, "node.id")
        ),
        format!("demo-broker-2:{}: min.insync.replicas = \"o", line(2, "min.insync")),
        format!("demo-broker-2:{}: num.partitions = \"-", line(2, "num.partitions")),
        format!("demo-broker-3:{}: process.roles: \\u without four hex digits", line(3, "process.roles")),
        format!("demo-controller-6:{}: process.roles = \"voter\": String must be one of", line(6, "process.roles")),
    ];
    let error = load_cluster(files).expect_err("bad").to_string();
    assert_eq!(error.lines().count(), expected.len(), "{error}");
    for expected in expected {
        assert!(error.lines().any(|line| line.starts_with(&expected)), "{expected} in {error}");
    }
    // Where a file is bad, nothing is said of those that miss its voter.
    let alone = changed(&KAFKA_4, 1, "process.roles=controller", "process.roles=none");
    let error = load_cluster(alone).expect_err("bad").to_string();
    assert!(error.starts_with("controller:") && error.lines().count() == 1, "{error}");
}

#[test]
fn static_and_derived_voters_do_not_mix() {
    let mixed = changed(
        &KAFKA_4,
        0,
        "controller.quorum.bootstrap.servers=localhost:9093",
        "controller.quorum.voters=1@localhost:9093",
    );
    assert_eq!(
        load_cluster(mixed).expect_err("they disagree").to_string(),
        "controller: it has controller.quorum.bootstrap.servers alone, and broker has controller.quorum.voters; all \
         nodes need the same voters"
    );
}

fn bootstrap_servers(config: &NodeConfig) -> Vec<i32> {
    config.quorum.bootstrap_servers.iter().map(|server| server.node.0).collect()
}

#[test]
fn bootstrap_servers_are_the_controllers_behind_their_addresses() {
    let nodes = load_cluster(owned(&DYNAMIC)).unwrap_or_else(|error| panic!("{error}"));
    for node in &nodes {
        assert_eq!(bootstrap_servers(node), [1, 2, 3]);
        let listener = node.quorum.listener.as_ref().map(|at| format!("{}:{}", at.host, at.port));
        let id = node.node_id().0;
        let expected = (id < 100).then(|| format!("controller-{id}.kafka.internal:9093"));
        assert_eq!((listener, node.quorum.auto_join), (expected, id < 100));
    }
    // Printed, they are read as equal: the voters are found again in the files of all.
    let printed: Vec<_> = nodes.iter().map(|node| (node.node_id().to_string(), node.to_properties())).collect();
    let read = load_cluster(printed).unwrap_or_else(|error| panic!("{error}"));
    let without_lines = |node: &NodeConfig| NodeConfig { kept: Rc::from([]), ..node.clone() };
    assert_eq!(read.iter().map(without_lines).collect::<Vec<_>>(), nodes.iter().map(without_lines).collect::<Vec<_>>());
}

/// A name that no file has leads to all controllers, as that of a headless service; a port on which nobody listens is a
/// mistake.
#[test]
fn bootstrap_servers_behind_other_names() {
    let first = "controller.quorum.bootstrap.servers=controller-1.kafka.internal:9093,\\";
    let service = changed(&DYNAMIC, 3, first, "controller.quorum.bootstrap.servers=controllers:9093,\\");
    let cluster = read_cluster(service).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(cluster.names_of_all_controllers, ["controllers:9093"]);
    assert_eq!(bootstrap_servers(&cluster.nodes[3].config), [1, 2, 3, 2, 3]);
    let broker = &cluster.nodes[3].config.to_properties();
    assert!(
        broker.contains("servers=controllers\\:9093,controller-2")
            || broker.contains("servers=controllers:9093,controller-2"),
        "{broker}"
    );

    let port = changed(&DYNAMIC, 3, first, "controller.quorum.bootstrap.servers=controller-1.kafka.internal:9092,\\");
    let error = load_cluster(port).expect_err("nobody listens").to_string();
    assert!(
        error.contains("no controller of the files listens on controller-1.kafka.internal:9092; allowed: controller-1"),
        "{error}"
    );
}

/// Beside static voters they are where nodes ask for the leader (`KafkaRaftClient`, since KIP-853).
#[test]
fn bootstrap_servers_beside_static_voters() {
    let files = changed(
        &ISOLATED,
        3,
        "process.roles=broker",
        "process.roles=broker\ncontroller.quorum.bootstrap.servers=controller-2.kafka.internal:9093",
    );
    let nodes = load_cluster(files).unwrap_or_else(|error| panic!("{error}"));
    let servers: Vec<Vec<i32>> = nodes.iter().map(bootstrap_servers).collect();
    assert_eq!(servers, [vec![], vec![], vec![], vec![2], vec![], vec![]]);
    assert!(nodes.iter().all(|node| !node.quorum.is_dynamic && node.quorum.voters.len() == 3));
}

#[test]
fn the_files_that_strimzi_writes_load_and_nothing_in_them_is_unknown() {
    let cluster = read_cluster(owned(&STRIMZI)).unwrap_or_else(|error| panic!("{error}"));
    assert!(!cluster.is_dynamic);
    assert_eq!(cluster.nodes.iter().map(|n| n.config.node_id().0).collect::<Vec<_>>(), [5, 6, 7, 0, 1, 2, 3, 4]);
    for node in &cluster.nodes {
        assert_eq!((node.config.unrecognised(), node.config.warnings()), (vec![], vec![]), "{}", node.file);
        assert_eq!(node.config.controller.default_replication_factor, 3);
    }
    let from_provider = changed(&STRIMZI, 0, "node.id=0", "node.id=${strimzienv:NODE_ID}");
    assert_eq!(
        load_cluster(from_provider).expect_err("nobody can tell").to_string(),
        "demo-broker-0:2: node.id = \"${strimzienv:NODE_ID}\": configuration providers are not run; write the value \
         itself"
    );
}

#[test]
fn broker_id_alone_is_the_nodes_id() {
    let alone = changed(&ISOLATED, 3, "node.id=101", "broker.id=101");
    let configs = load_cluster(alone).unwrap_or_else(|error| panic!("{error}"));
    assert!(configs.iter().any(|config| config.node_id() == NodeId(101)));
    let twice = changed(&ISOLATED, 4, "node.id=102", "broker.id=101");
    let error = load_cluster(twice).expect_err("two of one id").to_string();
    assert!(error.ends_with("broker.id = \"101\": broker-101:9 has the same id"), "{error}");
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_key() {
    let files: Vec<(String, String)> =
        owned(&CONTROLLERS).into_iter().map(|(file, text)| (file, format!("\u{feff}{text}"))).collect();
    assert_eq!(load_cluster(files), load_cluster(owned(&CONTROLLERS)));
}

#[test]
fn who_reads_a_property() {
    let read_by = |name| {
        let definition = definitions::find(name).unwrap_or_else(|| panic!("{name}"));
        [Roles::CONTROLLER, Roles::BROKER, Roles::COMBINED].map(|roles| definition.is_read_by(roles))
    };
    assert_eq!(read_by("default.replication.factor"), [true, false, true]);
    assert_eq!(read_by("replica.lag.time.max.ms"), [false, true, true]);
    assert_eq!(read_by("log.roll.hours"), [false, true, true]);
    assert_eq!(read_by("min.insync.replicas"), [true, true, true]);
    assert_eq!(read_by("controller.quorum.fetch.timeout.ms"), [true, true, true]);
}
