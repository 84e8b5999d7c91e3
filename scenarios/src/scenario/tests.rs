//! The exact messages for invalid scenarios; printing and reading back; the limits of `--set`.

use raft::fixes::Fix;

use super::*;
use crate::catalog;
use values::{IntRange, Limit, NanosRange};

const MINIMAL: &str = "name = \"minimal\"\nduration = \"20s\"\n";

fn with(lines: &str) -> String {
    format!("{MINIMAL}{lines}\n")
}

fn built_in(name: &str) -> Scenario {
    catalog::find(name).expect("built in").scenario().expect("good")
}

#[test]
fn each_refusal_says_where_what_and_what_would_do() {
    let table = [
        ("duration = 3", "s:3: duplicate key"),
        (
            "nemesys = 1",
            "s:3: nemesys: no such field; did you mean nemesis? allowed: name, about, duration, fixes, bugs, require_probe, require_probe_from_seeds, cluster, network, disk, clock, profile, threads, workload, clients, nemesis, knobs, floor, expect, finding",
        ),
        (
            "fixes = [\"X\"]",
            "s:3: fixes = [\"X\"]: no fix is named \"X\"; allowed: those that `kraftsim fixes list` lists, and \"all\"",
        ),
        (
            "fixes = [\"-FlushRecoveredLog\"]",
            "s:3: fixes = [\"-FlushRecoveredLog\"]: \"-FlushRecoveredLog\" takes a fix out of those before it; allowed: behind \"all\"",
        ),
        (
            "fixes = [\"all\", \"-X\"]",
            "s:3: fixes = [\"all\", \"-X\"]: no fix is named \"X\"; allowed: those that `kraftsim fixes list` lists",
        ),
        (
            "[finding]\nfix = \"X\"\nshows = []",
            "s:4: finding.fix = \"X\": no fix is named \"X\"; allowed: those that `kraftsim fixes list` lists",
        ),
        (
            "[finding]\nfix = \"FlushRecoveredLog\"\nshows = []",
            "s:5: finding.shows: the list is empty; allowed: names of checks",
        ),
        (
            "[finding]\nfix = \"FlushRecoveredLog\"\nshows = [\"NoFire\"]",
            "s:5: finding.shows: no check is named \"NoFire\"; allowed: ",
        ),
        (
            "[nemesis.aimed]\nevery = \"5s\"\nlasts = \"1s\"\nnth = \"0..2\"\nafter = \"0ms\"\nextra = \"1ms\"",
            "s:6: nemesis.aimed.nth: 0..2; allowed: within 1..1000000",
        ),
        (
            "[nemesis.aimed]\nevery = \"5s\"\nlasts = \"1s\"\nnth = \"1..2\"\nafter = \"0ms\"",
            "s:3: nemesis.aimed.extra: a delay of 0 has no effect; give a range such as 20ms..2s",
        ),
        (
            "[nemesis.aimed]\nevery = \"5s\"\nlasts = \"1s\"\ntriggers = [\"eclipse\"]\nnth = \"1..2\"\nafter = \"0ms\"",
            "s:6: nemesis.aimed.triggers: no trigger is named \"eclipse\"; allowed: ",
        ),
        (
            "[nemesis]\nturn = \"5s\"\n[nemesis.wrong-name]\nevery = \"9s\"\nlasts = \"1s\"\nat_boot_ppm = 1",
            "s:8: nemesis.wrong-name.at_boot_ppm: each turn has its own fault; allowed: 0, or no nemesis.turn",
        ),
        (
            "[nemesis]\nstart = \"5s\"\n[nemesis.unresolved-name]\nevery = \"9s\"\nlasts = \"1s\"\nat_boot_ppm = 1",
            "s:8: nemesis.unresolved-name.at_boot_ppm: no fault begins before nemesis.start; allowed: 0, or nemesis.start = \"0s\"",
        ),
        (
            "[nemesis.unresolved-name]\nevery = \"9s\"\nlasts = \"1s\"\nat_boot_ppm = 1000001",
            "s:6: nemesis.unresolved-name.at_boot_ppm: 1000001; allowed: within 0..1000000",
        ),
        (
            "[network]\ntransport = \"udp\"",
            "s:4: network.transport = \"udp\": \"udp\" is unknown; allowed: tcp, datagram",
        ),
        (
            "[network]\nlatency = \"5\"",
            "s:4: network.latency = \"5\": \"5\" has no unit; a duration is a number and one of ns, us, ms, s, m, h, as in 500us or 1.5m; allowed: a latency, median 1ns..3600s, such as \"500us\", \"1ms..5ms\" or \"lognormal(1ms, 0.5)\"",
        ),
        ("[network]\nloss_ppm = 2000000", "s:4: network.loss_ppm: 2000000; allowed: 0..1000000"),
        (
            "[network]\nreorder = \"1ms\"",
            "s:4: network.reorder: TCP never does that; allowed: 0, or transport = \"datagram\"",
        ),
        (
            "[network]\nlatency = \"empirical(x.csv)\"",
            "s:4: network.latency: x.csv is allowed only where files can be read",
        ),
        (
            "[network]\nloss_ppm = 1\nlatency = \"0ms\"",
            "s:5: network.latency: a median of 0ns would stop simulated time; allowed: 1ns..3600s",
        ),
        (
            "[network]\nlatency = [0, 0, 7]",
            "s:4: network.latency: a median of 0ns would stop simulated time; allowed: 1ns..3600s",
        ),
        (
            "[[network.link]]\nfrom = [1]\nto = [2]\nlatency = \"lognormal(0ns, 0.5)\"",
            "s:3: network.link: a median of 0ns would stop simulated time; allowed: 1ns..3600s",
        ),
        ("[cluster]\nvoters = 4", "s:4: cluster.voters: 4 voters; allowed: 1, 3, 5, 7"),
        (
            "[cluster.config]\n\"controller.quorum.fetch.timeout.ms\" = 0",
            "s:4: cluster.config.controller.quorum.fetch.timeout.ms = \"0\": Value must be at least 1; allowed: 1..2147483647 (ms)",
        ),
        (
            "[cluster.config]\ncontroller.quorum.fetch.timeout = 9",
            "s:4: cluster.config.controller.quorum.fetch.timeout: Kafka has no such property; did you mean controller.quorum.fetch.timeout.ms?",
        ),
        ("[cluster]\nbrokers = 33", "s:4: cluster.brokers: 33 brokers; allowed: 0..32"),
        (
            "[cluster]\nbrokers = 3\nobservers = 1",
            "s:5: cluster.observers: brokers observe the quorum themselves; allowed: 0 in a cluster with brokers",
        ),
        (
            "[cluster]\nbrokers = 2\n[clients]\ntopics = 1",
            "s:5: clients.replication_factor: 3, and the cluster has 2 brokers; allowed: 1..2, as in --set clients.replication_factor=2",
        ),
        (
            "[cluster]\nbrokers = 2\n[cluster.config]\n\"default.replication.factor\" = 3\n[clients]\nreplication_factor = 0",
            "s:8: clients.replication_factor: 3 (default.replication.factor), and the cluster has 2 brokers; allowed: 1..2, as in --set clients.replication_factor=2",
        ),
        ("[cluster]\nmetadata_version = 6", "s:4: cluster.metadata_version: 6; allowed: 7..33"),
        (
            "[cluster]\nmetadata_version = 22\nelr = true",
            "s:5: cluster.elr: eligible.leader.replicas.version could not be set to 1 because it depends on metadata.version level 23",
        ),
        (
            "[cluster.config]\nreplica.lag.time.max.ms = 400",
            "s:4: cluster.config.replica.lag.time.max.ms = \"400\": replica.fetch.wait.max.ms should always be less than or equal to replica.lag.time.max.ms to prevent frequent changes in ISR",
        ),
        (
            "[cluster.config]\nmin.insync.replicas = \"two\"",
            "s:4: cluster.config.min.insync.replicas = \"two\": Not a number of type INT; allowed: 1..2147483647",
        ),
        (
            "[cluster]\nvoters = 3\nproperties = [\"c1.properties\"]",
            "s:5: cluster.properties: c1.properties is allowed only where files can be read",
        ),
        (
            "[threads.io]\nrequest = \"1us\"",
            "s:3: threads.io: no such thread; allowed: raft-io, controller-event-queue, controller-request-handler, metadata-loader, broker-lifecycle, request-handler, kafka-scheduler, raft-scheduler, snapshot-generator",
        ),
        (
            "[threads.raft-io]\nfetch = \"1us\"",
            "s:4: threads.raft-io.fetch: no such kind of input; allowed: opened, closed, request, response, timer, disk-error, post, terminate, operation, continue",
        ),
        ("[workload]\nmax_in_flight = 6", "s:4: workload.max_in_flight: 6; allowed: 1..5"),
        (
            "[nemesis.kill]\nevery = \"5s\"",
            "s:3: nemesis.kill.lasts: the field is missing, and has no default; allowed: a duration or range, at most 3600s, such as \"1s..5s\"",
        ),
        (
            "[nemesis.kill]\nevery = \"5s\"\nlasts = \"3s..1s\"",
            "s:5: nemesis.kill.lasts = \"3s..1s\": the range \"3s..1s\" is empty; the smaller bound comes first; allowed: a duration or range, at most 3600s, such as \"1s..5s\"",
        ),
        ("[nemesis.kill]\nevery = \"5s\"\nlasts = \"30s\"", "s:5: nemesis.kill.lasts: 30s does not fit into 20s"),
        ("[nemesis.kil]\nevery = \"5s\"", "s:3: nemesis.kil: no such field; did you mean kill? allowed: "),
        (
            "[nemesis.drift]\nevery = \"5s\"\nlasts = \"1s\"\nppm = \"fast\"",
            "s:6: nemesis.drift.ppm = \"fast\": \"fast\" is not an integer; allowed is one, or a range such as -250..250",
        ),
        ("require_probe = [\"torn\"]", "s:3: require_probe: no probe is named \"torn\"; allowed: "),
        (
            "require_probe = [\"torn_tail\"]\n[cluster]\nvoters = 1\n[workload]\nreads_ppm = 0\n[knobs]\noff = true",
            "s:3: require_probe: \"torn_tail\" cannot happen in this scenario; allowed: unknown_append_committed",
        ),
        (
            "[knobs]\npinned = [\"voters\"]",
            "s:4: knobs.pinned: no knob is named \"voters\"; did you mean cluster.voters? allowed: ",
        ),
        (
            "[expect]\nfailover.controller.p99 = \"4s\"",
            "s:4: expect.failover.controller.p99 = \"4s\": \"4s\" is no limit; allowed is <=, <, >= or > and a duration or a count, as in \"<= 4s\"",
        ),
        (
            "[expect]\n\"failover.p99\" = \"<= 4s\"",
            "s:4: expect.failover.p99: no such metric; allowed: failover.(controller|partition|produce_gap|consume_gap|admin_gap|append_gap|voter_replacement).STAT, failover.controller.(detect|elect|activate|commit|brokers).STAT, failover.partition.(detect|elect|led).STAT, failover.voter_replacement.(away|remove|add).STAT, recovery.STAT; STAT is one of p50|p90|p99|max|count",
        ),
        (
            "[expect]\nfailover.controller.p99 = \"<= 4\"",
            "s:4: expect.failover.controller.p99: \"<= 4\" needs a unit, as in \"<= 4s\"",
        ),
    ];
    for (lines, message) in table {
        let error = Scenario::from_toml("s", &with(lines)).expect_err(message).to_string();
        if message.ends_with(": ") {
            assert!(error.starts_with(message), "{error}");
        } else {
            assert_eq!(error, message);
        }
    }
    let unknown = Scenario::from_toml("s", &with("x = 1")).expect_err("unknown").to_string();
    assert!(unknown.ends_with(&Scenario::FIELDS.join(", ")), "{unknown}");
    let error = Scenario::from_toml("s", "duration = \"20s\"").expect_err("no name").to_string();
    assert_eq!(error, "s:1: name: the field is missing, and has no default; allowed: a text");
}

#[test]
fn values_print_what_they_read() {
    for text in ["500ms", "1s..5s", "0ns", "1.5ms"] {
        assert_eq!(text.parse::<NanosRange>().map(|v| v.to_string()).as_deref(), Ok(text));
    }
    for text in ["-250..250", "7", "-5"] {
        assert_eq!(text.parse::<IntRange>().map(|v| v.to_string()).as_deref(), Ok(text));
    }
    for text in ["<= 4s", "> 10", ">= 0", "< 1.5s"] {
        assert_eq!(text.parse::<Limit>().map(|v| v.to_string()).as_deref(), Ok(text));
    }
    let limit: Limit = "<= 4s".parse().expect("good");
    assert!(limit.holds(4_000_000_000) && !limit.holds(4_000_000_001));
}

#[test]
fn a_scenario_with_everything_reads_back() {
    let text = with(
        "bugs = [\"NoLogTest\"]\nrequire_probe = [\"split_vote\"]\nrequire_probe_from_seeds = 7\n[cluster]\nobservers = 2\n[cluster.config]\n\
         controller.quorum.fetch.timeout.ms = 1500\n\"metadata.max.idle.interval.ms\" = \"0\"\n[network]\n\
         latency = [1, 2, 3]\n[[network.link]]\nfrom = [1]\nto = [2, 3]\nlatency = \"lognormal(5ms, 0.2)\"\n\
         [threads.raft-io]\nrequest = \"20us\"\n[expect]\nfailover.controller.p99 = \"<= 4s\"\n\
         [knobs]\npinned = [\"cluster.voters\"]\n[nemesis]\nturn = \"5s\"\n[nemesis.cut]\nevery = \"4s\"\n\
         lasts = \"1s\"\nshapes = [\"ring\", \"one-way\"]\n\
         [finding]\nfix = \"FlushRecoveredLog\"\nshows = [\"NoFatalFault\"]",
    );
    let scenario = Scenario::from_toml("s", &text).expect("good");
    let printed = scenario.to_toml();
    assert_eq!(Scenario::from_toml("printed", &printed).as_ref(), Ok(&scenario), "{printed}");
    let json = serde_json::to_string(&scenario).expect("plain data");
    assert_eq!(serde_json::from_str::<Scenario>(&json).expect("a repro reads back"), scenario);
    let configs = scenario.cluster.configs().expect("good");
    assert_eq!(configs.len(), 5);
    let mut segments = scenario.clone();
    segments.set("metadata.log.segment.bytes", "8388608").expect("legal");
    segments.set("internal.metadata.log.segment.bytes", "4096").expect("legal");
    assert_eq!(segments.cluster.configs().expect("good")[0].quorum.segment_bytes, 4096);
    assert!(configs.iter().all(|c| {
        let c = &c.quorum;
        c.fetch_timeout_ms == 1500 && c.max_idle_interval_ms == 0 && c.voters.len() == 3
    }));
}

#[test]
fn all_fixes_but_one() {
    let mut scenario = built_in("quorum");
    scenario.set("fixes", r#"["all", "-FlushRecoveredLog"]"#).unwrap_or_else(|error| panic!("{error}"));
    let lacking: Vec<&Fix> = Fix::ALL.iter().filter(|fix| !scenario.fixes.has(**fix)).collect();
    assert_eq!(lacking, [&Fix::FlushRecoveredLog]);
}

#[test]
fn settings_reach_fields_and_properties() {
    let mut scenario = built_in("quorum");
    for (key, value) in [
        ("network.latency", "2ms..3ms"),
        ("cluster.voters", "3"),
        ("controller.quorum.fetch.timeout.ms", "700"),
        ("fixes", "[\"FlushRecoveredLog\"]"),
        ("expect.failover.controller.p99", "<= 3s"),
        ("nemesis.kill.every", "1s"),
        ("duration", "10s"),
    ] {
        scenario.set(key, value).unwrap_or_else(|error| panic!("{error}"));
    }
    assert_eq!(scenario.knobs.pinned, ["cluster.voters", "controller.quorum.fetch.timeout.ms"]);
    let configs = scenario.cluster.configs().expect("good");
    assert_eq!((configs.len(), configs[0].quorum.fetch_timeout_ms), (4, 700));
    assert_eq!(scenario.network.longest_one_way_ns().div_ceil(1_000_000), 7, "3 ms and 4 ms of reordering");
    assert_eq!(scenario.expect.0.len(), 1);

    let before = scenario.clone();
    for (key, value, message) in [
        ("latency", "1ms", "latency: no such setting; allowed: a Kafka property, or a field of name, about, "),
        ("network.lag", "1ms", "network.lag: no such field; allowed: transport, "),
        (
            "network.latency",
            "empirical(x)",
            "network.latency = \"empirical(x)\": x is allowed only where files can be read",
        ),
        (
            "network.latency",
            "0ms",
            "network.latency = \"0ms\": a median of 0ns would stop simulated time; allowed: 1ns..3600s",
        ),
        (
            "ssl.protocol",
            "x",
            "ssl.protocol = \"x\": known to Kafka, without effect here; allowed: a property that takes effect",
        ),
        ("network.loss_ppm", "abc", "network.loss_ppm = \"abc\": \"abc\" is a text; allowed: an integer, 0..1000000"),
        ("cluster.ssl.key.password", "x", "cluster.ssl: no such field; allowed: voters, "),
        ("network.latancy", "1ms", "network.latancy: no such field; did you mean latency? "),
        ("duration", "5", "duration = \"5\": \"5\" has no unit; "),
        ("cluster.voters", "2", "cluster.voters = \"2\": 2 voters; allowed: 1, 3, 5, 7"),
        (
            "controller.quorum.fetch.timeout.ms",
            "x",
            "controller.quorum.fetch.timeout.ms = \"x\": Not a number of type INT; ",
        ),
        (
            "log.dirs",
            "/x",
            "log.dirs = \"/x\": known to Kafka, without effect here; allowed: a property that takes effect",
        ),
        ("name.x", "1", "name.x = \"1\": no such setting"),
        ("cluster.config.my.pwd", "hunter2", "cluster.config.my.pwd: Kafka has no such property"),
    ] {
        let error = scenario.set(key, value).expect_err(message).to_string();
        assert!(error.starts_with(message), "{error}");
    }
    assert_eq!(scenario, before);
    scenario.set("network.latency", "0ms..5ms").expect("a message in millions takes no time");
    scenario.set("disk.fsync", "0ms").expect("a disk may be that fast");
}

#[test]
fn properties_files_replace_the_cluster() {
    let read = |path: &str| {
        let id = path.strip_prefix('c').ok_or("no such file")?;
        Ok(format!(
            "process.roles=controller\nnode.id={id}\ncontroller.quorum.voters=4@a:1,5@b:1,6@c:1\n\
             listeners=CONTROLLER://:1\ncontroller.listener.names=CONTROLLER\ncontroller.quorum.fetch.timeout.ms=900\n"
        ))
    };
    let text = with(
        "[cluster]\nproperties = [\"c6\", \"c4\", \"c5\"]\n[cluster.config]\ncontroller.quorum.election.timeout.ms = 400",
    );
    let scenario = Scenario::from_toml_with("s", &text, read).expect("good");
    let configs = scenario.cluster.configs().expect("good");
    let seen: Vec<_> =
        configs.iter().map(|c| (c.node_id().0, c.quorum.fetch_timeout_ms, c.quorum.election_timeout_ms)).collect();
    assert_eq!(seen, [(4, 900, 400), (5, 900, 400), (6, 900, 400)]);
    assert_eq!(Scenario::from_toml("printed", &scenario.to_toml()).as_ref(), Ok(&scenario));

    let replaced = built_in("quorum").with_cluster(scenario.cluster.node.clone());
    assert_eq!(replaced.cluster.voter_count(), 3);
    assert_eq!(replaced.cluster.configs().expect("good")[2].quorum.fetch_timeout_ms, 900);
    assert_eq!(crate::knobs::names(&replaced), ["workload.max_in_flight"]);

    let missing = with("[cluster]\nproperties = [\"x\"]");
    let error = Scenario::from_toml_with("s", &missing, read).expect_err("no file").to_string();
    assert_eq!(error, "s:4: cluster.properties: no such file");
    let alone = with("[cluster]\nproperties = [\"c4\"]");
    let error = Scenario::from_toml_with("s", &alone, read).expect_err("incomplete").to_string();
    assert!(
        error.contains("voter 5 has no file with node.id=5\n") && error.ends_with("voter 6 has no file with node.id=6"),
        "{error}"
    );
}

#[test]
fn brokers_stand_behind_the_controllers_or_in_them() {
    let nodes = |cluster: &str| {
        let clients = if cluster.contains("observers") { "" } else { "[clients]\nreplication_factor = 0" };
        let text = with(&format!("[cluster]\n{cluster}\n{clients}"));
        let scenario = Scenario::from_toml("s", &text).expect("good");
        assert_eq!(Scenario::from_toml("printed", &scenario.to_toml()).as_ref(), Ok(&scenario));
        let configs = scenario.cluster.configs().expect("good");
        assert_eq!(scenario.cluster.has_brokers(), configs.iter().any(|config| config.roles.broker));
        configs
    };
    let places = |configs: &[raft::config::NodeConfig]| {
        let place = |c: &raft::config::NodeConfig| (c.node_id().0, c.roles.controller, c.roles.broker);
        configs.iter().map(place).collect::<Vec<_>>()
    };
    assert_eq!(
        places(&nodes("brokers = 2")),
        [(1, true, false), (2, true, false), (3, true, false), (101, false, true), (102, false, true)]
    );
    assert_eq!(places(&nodes("voters = 1\ncombined = true\nbrokers = 1")), [(1, true, true), (101, false, true)]);
    assert_eq!(places(&nodes("voters = 1\nobservers = 1")), [(1, true, false), (2, false, false)]);

    let set = "brokers = 1\n[cluster.config]\nauto.leader.rebalance.enable = false\nbroker.heartbeat.interval.ms = 500\n\
               internal.segment.bytes = 4096\nlog.segment.bytes = 1048576";
    for config in nodes(set) {
        assert!(!config.controller.auto_leader_rebalance_enable);
        assert_eq!((config.controller.broker_heartbeat_interval_ms, config.broker.heartbeat_interval_ms), (500, 500));
        assert_eq!(config.broker.log.segment_bytes, 4_096);
        assert_eq!([config.quorum.node_id, config.controller.node_id], [config.broker.node_id; 2]);
    }
    let features = |cluster: &str| {
        let settings = nodes(cluster).swap_remove(0).controller;
        (settings.bootstrap_level("metadata.version"), settings.bootstrap_level("eligible.leader.replicas.version"))
    };
    assert_eq!(features("brokers = 1"), (33, 1));
    assert_eq!(features("brokers = 1\nelr = false"), (33, 0));
    assert_eq!(features("brokers = 1\nmetadata_version = 25"), (25, 0));
    assert_eq!(features("brokers = 1\nmetadata_version = 25\nelr = true"), (25, 1));
}

/// Each message shows the line, the field, its value and what is allowed, in plain words.
#[test]
fn a_value_that_cannot_be_read_is_reported_with_what_is_allowed() {
    let table = [
        (
            "[cluster]\nvoters = \"three\"",
            "s:4: cluster.voters = \"three\": \"three\" is a text; allowed: an integer, 1..7",
        ),
        ("[cluster]\nvoters = 70000", "s:4: cluster.voters = 70000: 70000 is out of range; allowed: an integer, 1..7"),
        ("[cluster]\nbrokers = -1", "s:4: cluster.brokers = -1: -1 is out of range; allowed: an integer, 0..32"),
        ("[cluster]\ncombined = \"yes\"", "s:4: cluster.combined = \"yes\": \"yes\" is a text; allowed: true or false"),
        (
            "[cluster]\nconfig = 5",
            "s:4: cluster.config: the value is of another type; allowed: a table of Kafka properties",
        ),
        (
            "[cluster]\nproperties = \"c1\"",
            "s:4: cluster.properties = \"c1\": \"c1\" is a text; allowed: a list of paths",
        ),
        ("[cluster]\ndynamic = true\nmoving = [7]", "s:5: cluster.moving: 7 is no controller; allowed: 1, 2, 3"),
        (
            "[cluster]\nmoving = [1]",
            "s:4: cluster.moving: it needs cluster.dynamic; allowed: none with brokers, or nodes with .properties",
        ),
        ("[cluster]\ndynamic = true\nmoving = [1, 2]", "s:5: cluster.moving: 2 controllers; allowed: one"),
        (
            "[cluster]\ndynamic = true\nmoving = [1]\n[nemesis.replace-disk]\nevery = \"5s\"\nlasts = \"1s\"",
            "s:5: cluster.moving: with operators, or faults that destroy disks, nobody may be elected; allowed: none",
        ),
        (
            "[cluster]\nvotres = 3",
            "s:4: cluster.votres: no such field; did you mean voters? allowed: voters, observers, dynamic, kraft_version, spare_controllers, initial_controllers, other_cluster, moving, brokers, ",
        ),
        (
            "[netwrok]\nlatency = \"1ms\"",
            "s:3: netwrok: no such field; did you mean network? allowed: name, about, duration, ",
        ),
        (
            "[network]\nlatency = true",
            "s:4: network.latency = true: true is a boolean; allowed: a latency, median 1ns..3600s, such as \"500us\", ",
        ),
        (
            "[network]\ntransport = \"udp\"",
            "s:4: network.transport = \"udp\": \"udp\" is unknown; allowed: tcp, datagram",
        ),
        (
            "[[network.link]]\nfrom = [1]\nto = [\"two\"]\nlatency = \"1ms\"",
            "s:5: network.link.to = [\"two\"]: \"two\" is a text; allowed: a list of node.ids",
        ),
        (
            "[workload]\nrecords = 1.5",
            "s:4: workload.records = 1.5: 1.5 is a number with a fraction; allowed: an integer or range, 1..200",
        ),
        (
            "[nemesis.kill]\nlasts = \"1s\"",
            "s:3: nemesis.kill.every: the field is missing, and has no default; allowed: a duration, 10ms..3600s, ",
        ),
        ("[nemesis.kill]\nevery = \"1 hour\"\nlasts = \"1s\"", "s:4: nemesis.kill.every = \"1 hour\": "),
        (
            "[nemesis.cut]\nevery = \"1s\"\nlasts = \"5s..1s\"",
            "s:5: nemesis.cut.lasts = \"5s..1s\": the range \"5s..1s\" is empty; ",
        ),
        (
            "[cluster.config]\n\"ssl.key.password\" = [\"hunter2\"]",
            "s:4: cluster.config.ssl.key.password: the value is of another type",
        ),
        (
            "[[nemesis.kill]]\nevery = \"1s\"",
            "s:3: nemesis.kill: [[nemesis.kill]] makes a list of tables; allowed: a table, [nemesis.kill]",
        ),
        (
            "[nemesis.cut]\nevery = \"1s\"\nlasts = \"1s\"\nshapes = [\"foo\"]",
            "s:6: nemesis.cut.shapes = [\"foo\"]: \"foo\" is unknown; allowed: ",
        ),
        ("[expect]\nrecovery.max = 5", "s:4: expect.recovery.max = 5: "),
        ("[knobs]\noff = 1", "s:4: knobs.off = 1: 1 is an integer; allowed: true or false"),
    ];
    for (bad, message) in table {
        let error = Scenario::from_toml("s", &with(bad)).expect_err(bad).to_string();
        assert!(error.starts_with(message), "{error}");
        assert!(error.contains("allowed"), "{error}");
        let of_serde = ["expected ", "invalid ", " u16", "struct ", "`"];
        assert!(of_serde.iter().all(|word| !error.contains(word)), "{error}");
    }
    let error = Scenario::from_toml("s", "duration = \"5s\"\n").expect_err("no name").to_string();
    assert_eq!(error, "s:1: name: the field is missing, and has no default; allowed: a text");
}
