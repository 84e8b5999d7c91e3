//! What is refused, word for word; what is kept; and that printing and reading agree.

use super::*;
use proptest::prelude::*;

const GOOD: &str = "process.roles=controller\nnode.id=1\ncontroller.quorum.voters=1@a:9093,2@b:9093,3@c:9093\n\
                    listeners=CONTROLLER://:9093\ncontroller.listener.names=CONTROLLER\n";

/// The good file with a line appended; a later entry wins.
fn with(line: &str) -> String {
    format!("{GOOD}{line}\n")
}

fn without(key: &str) -> String {
    GOOD.lines().filter(|l| !l.starts_with(key)).map(|l| format!("{l}\n")).collect()
}

#[test]
fn each_refusal_says_where_what_and_what_would_do() {
    let table = [
        (
            with("controller.quorum.fetch.timeout.ms=abc"),
            "c:6: controller.quorum.fetch.timeout.ms = \"abc\": not an integer; allowed: 1..2147483647 (ms)",
        ),
        (
            with("controller.quorum.fetch.timeout.ms=0"),
            "c:6: controller.quorum.fetch.timeout.ms = \"0\": too small; allowed: 1..2147483647 (ms)",
        ),
        (
            with("controller.quorum.request.timeout.ms=2147483648"),
            "c:6: controller.quorum.request.timeout.ms = \"2147483648\": too large; allowed: 1..2147483647 (ms)",
        ),
        (
            with("metadata.log.segment.bytes=4096"),
            "c:6: metadata.log.segment.bytes = \"4096\": too small; allowed: 8388608..2147483647 (bytes)",
        ),
        (
            with("process.roles=broker"),
            "c:6: process.roles = \"broker\": brokers come with a later version; this one runs controllers that are nothing else; allowed: controller",
        ),
        (
            with("process.roles=broker,controller"),
            "c:6: process.roles = \"broker,controller\": brokers come with a later version; this one runs controllers that are nothing else; allowed: controller",
        ),
        (with("process.roles="), "c:6: process.roles = \"\": no role; allowed: controller"),
        (with("process.roles=voter"), "c:6: process.roles = \"voter\": \"voter\" is no role; allowed: controller"),
        (without("process.roles"), "c: process.roles: is missing; allowed: controller"),
        (without("node.id"), "c: node.id: is missing; allowed: 0..2147483647"),
        (with("node.id=-1"), "c:6: node.id = \"-1\": too small; allowed: 0..2147483647"),
        (
            with("node.id=4"),
            "c:3: controller.quorum.voters = \"1@a:9093,2@b:9093,3@c:9093\": node.id 4 has the role controller and is not among the voters; allowed: node.id of 1, 2, 3",
        ),
        (with("broker.id=7"), "c:6: broker.id = \"7\": contradicts node.id = 1; allowed: 1"),
        (
            without("controller.quorum.voters"),
            "c: controller.quorum.voters: is missing; allowed: the static voters, id@host:port of each",
        ),
        (
            with("controller.quorum.voters=1@a:9093,1@b:9093"),
            "c:6: controller.quorum.voters = \"1@a:9093,1@b:9093\": voter 1 stands in it twice",
        ),
        (
            with("controller.quorum.voters=a:9093"),
            "c:6: controller.quorum.voters = \"a:9093\": entry \"a:9093\" has no id; allowed: id@host:port, separated by commas",
        ),
        (
            with("controller.quorum.voters=x@a:9093"),
            "c:6: controller.quorum.voters = \"x@a:9093\": id of \"x@a:9093\" is not an integer of 0..2147483647; allowed: id@host:port, separated by commas",
        ),
        (
            with("controller.quorum.voters=1@a"),
            "c:6: controller.quorum.voters = \"1@a\": \"1@a\": no port; allowed: id@host:port, separated by commas",
        ),
        (
            with("controller.quorum.voters=1@a:99999"),
            "c:6: controller.quorum.voters = \"1@a:99999\": \"1@a:99999\": port \"99999\" is not of 1..65535; allowed: id@host:port, separated by commas",
        ),
        (
            with("controller.quorum.voters=1@0.0.0.0:9093"),
            "c:6: controller.quorum.voters = \"1@0.0.0.0:9093\": \"1@0.0.0.0:9093\": 0.0.0.0 is no address to connect to; allowed: id@host:port, separated by commas",
        ),
        (
            without("controller.quorum.voters") + "controller.quorum.bootstrap.servers=a:9093",
            "c:5: controller.quorum.bootstrap.servers = \"a:9093\": a dynamic quorum comes with a later version; this one needs controller.quorum.voters",
        ),
        (
            with("controller.quorum.bootstrap.servers=a"),
            "c:6: controller.quorum.bootstrap.servers = \"a\": \"a\": no port; allowed: host:port, separated by commas",
        ),
        (
            with("controller.quorum.auto.join.enable=yes"),
            "c:6: controller.quorum.auto.join.enable = \"yes\": not a boolean; allowed: true, false",
        ),
        (
            with("controller.listener.names=INTERNAL"),
            "c:6: controller.listener.names = \"INTERNAL\": listener INTERNAL does not stand in listeners; allowed: CONTROLLER",
        ),
        (
            with("listeners=CONTROLLER://:9093,PLAINTEXT://:9092"),
            "c:6: listeners = \"CONTROLLER://:9093,PLAINTEXT://:9092\": listener PLAINTEXT is not in controller.listener.names, and this node is only a controller; allowed: CONTROLLER",
        ),
        (
            with("listeners=CONTROLLER"),
            "c:6: listeners = \"CONTROLLER\": entry \"CONTROLLER\" has no name; allowed: NAME://host:port, separated by commas",
        ),
        (
            with("advertised.listeners=CONTROLLER://0.0.0.0:9093"),
            "c:6: advertised.listeners = \"CONTROLLER://0.0.0.0:9093\": 0.0.0.0 is no address to connect to",
        ),
        (
            with("listener.security.protocol.map=CONTROLLER:TLS"),
            "c:6: listener.security.protocol.map = \"CONTROLLER:TLS\": \"TLS\" is no security protocol; allowed: PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL",
        ),
        (
            with("listener.security.protocol.map=SSL:SSL"),
            "c:6: listener.security.protocol.map = \"SSL:SSL\": no security protocol for listener CONTROLLER",
        ),
        (with("log.dirs="), "c:6: log.dirs = \"\": an empty directory name; allowed: at least one directory"),
    ];
    for (text, message) in table {
        let error = ControllerConfig::parse("c", &text).expect_err(message);
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn a_minimal_file_has_kafkas_defaults() {
    let config = ControllerConfig::parse("c", GOOD).expect("good");
    let expected = ControllerConfig::new(NodeId(1), config.voters.clone());
    assert_eq!(ControllerConfig { kept: Rc::from([]), ..config }, expected);
    assert_eq!((expected.election_timeout_ms, expected.fetch_timeout_ms), (1000, 2000));
    assert_eq!((expected.segment_bytes, expected.segment_ms), (1 << 30, 604_800_000));
}

#[test]
fn what_changes_nothing_is_kept_and_reported() {
    let config = ControllerConfig::parse(
        "c",
        &with("controller.quorum.fetch.timeout=1\nlog.dirs=/data\ncontroller.quorum.bootstrap.servers=a:9093\nssl.x=1"),
    )
    .expect("good");
    assert_eq!(config.unrecognised(), [Unrecognised { key: "controller.quorum.fetch.timeout".into(), line: 6 }]);
    let unused = config.kept.iter().filter(|k| k.why == KeptWhy::NotSimulated).map(|k| (k.key.as_str(), k.line));
    assert_eq!(unused.collect::<Vec<_>>(), [("log.dirs", 7), ("controller.quorum.bootstrap.servers", 8), ("ssl.x", 9)]);
}

#[test]
fn the_internal_segment_size_wins() {
    let text = with("internal.metadata.log.segment.bytes=4096\nmetadata.log.segment.bytes=8388608");
    assert_eq!(ControllerConfig::parse("c", &text).expect("good").segment_bytes, 4096);
}

#[test]
fn single_settings_are_checked() {
    let mut config = ControllerConfig::parse("c", GOOD).expect("good");
    config.set("controller.quorum.fetch.timeout.ms", "500").expect("in range");
    assert_eq!(config.fetch_timeout_ms, 500);
    assert_eq!(
        config.set("controller.quorum.fetch.timeout.ms", "2 s").expect_err("not an integer"),
        "controller.quorum.fetch.timeout.ms = \"2 s\": not an integer; allowed: 1..2147483647 (ms)"
    );
    assert_eq!(config.set("no.such", "1").expect_err("unknown"), "no.such = \"1\": Kafka has no such property");
    assert!(config.set("node.id", "1").expect_err("own").starts_with("node.id = \"1\": each node's own, not"));
    assert!(config.set("log.dirs", "/x").expect_err("no effect").contains("without effect here; allowed: controller."));
}

const EXAMPLE: [(&str, &str); 3] = [
    ("controller-1.properties", include_str!("../../../scenarios/examples/three-controllers/controller-1.properties")),
    ("controller-2.properties", include_str!("../../../scenarios/examples/three-controllers/controller-2.properties")),
    ("controller-3.properties", include_str!("../../../scenarios/examples/three-controllers/controller-3.properties")),
];

/// The example set with something replaced in its second file.
fn example(from: &str, to: &str) -> Vec<(String, String)> {
    let change = |(i, (name, text)): (usize, &(&str, &str))| {
        ((*name).into(), if i == 1 { text.replace(from, to) } else { (*text).into() })
    };
    EXAMPLE.iter().enumerate().map(change).collect()
}

#[test]
fn the_example_set_loads() {
    let configs = load_cluster(example("", "")).expect("good");
    assert_eq!(configs.iter().map(|c| c.node_id.0).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(configs.iter().all(|c| c.unrecognised().is_empty()));
    let own = &configs[1].voters[1].endpoint;
    assert_eq!((&*own.name, &*own.host, own.port), ("CONTROLLER", "controller-2.kafka.internal", 9093));
}

#[test]
fn files_that_disagree_are_named() {
    let error = load_cluster(example("node.id=2", "node.id=1")).expect_err("same id").to_string();
    assert_eq!(error, "controller-2.properties:9: node.id = \"1\": controller-1.properties:9 has the same id");

    let error = load_cluster(example("controller-3.kafka.internal:9093", "controller-3:9093")).expect_err("differ");
    let voters = "1@controller-1.kafka.internal:9093,2@controller-2.kafka.internal:9093,3@controller-3";
    assert_eq!(
        error.to_string(),
        format!(
            "controller-2.properties:12: controller.quorum.voters = \"{voters}:9093\": controller-1.properties:12 \
             has \"{voters}.kafka.internal:9093\"; all nodes need the same voters"
        )
    );

    let error = load_cluster(example("", "")[..2].to_vec()).expect_err("one is missing").to_string();
    assert!(error.ends_with("voter 3 has no file with node.id=3"), "{error}");
    assert!(load_cluster(Vec::new()).is_err());
}

proptest! {
    #[test]
    fn a_printed_node_reads_back(election in 1..=i32::MAX, fetch in 1..=i32::MAX, segment in 1..=i32::MAX, age in 1..=i64::MAX) {
        let mut config = ControllerConfig::parse("c", &with("controller.listener.names=CONTROLLER")).expect("good");
        config.election_timeout_ms = election;
        config.fetch_timeout_ms = fetch;
        config.segment_bytes = segment;
        config.segment_ms = age;
        let mut read = ControllerConfig::parse("printed", &config.to_properties()).expect("what we print is good");
        // Lines move; nothing else does.
        prop_assert_eq!(read.kept.len(), config.kept.len());
        read.kept = config.kept.clone();
        prop_assert_eq!(read, config.clone());
        let generated = ControllerConfig { kept: Rc::from([]), ..config };
        let mut read = ControllerConfig::parse("printed", &generated.to_properties()).expect("what we print is good");
        read.kept = Rc::from([]);
        prop_assert_eq!(read, generated);
    }
}
