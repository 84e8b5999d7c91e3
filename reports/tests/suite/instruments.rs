//! `inspect quorum`, `shell` and `storage`. What Kafka's own shell prints of a real log is stored in `tests/data`:
//! `kafka-shell` 4.2.0 with the classes of 4.4.0.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::disks::kraftsim;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/kafka-4.4.0")
}

/// A log directory with the first segment of a real metadata log, and nothing else: the shell reads one file.
fn first_segment() -> String {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("instruments");
    let (log, name) = (copy.join("__cluster_metadata-0"), "00000000000000000000.log");
    fs::create_dir_all(&log).expect("it can be made");
    fs::copy(data().join("broker-101/__cluster_metadata-0").join(name), log.join(name)).expect("the fixture");
    copy.to_str().expect("text").to_owned()
}

#[test]
fn the_shell_prints_what_kafkas_prints() {
    let directory = first_segment();
    let of_kafka = |name: &str| fs::read_to_string(data().join("shell").join(name)).expect("the fixture");
    let shell = |command: &[&str]| {
        let came = kraftsim(&[&["inspect", "shell", &directory][..], command].concat());
        assert_eq!((came.code, came.err.contains("credentials, are left out: 1")), (0, true), "{}", came.err);
        came.out
    };
    // No image of ours has a place for the quota.
    let tree =
        of_kafka("tree-image.txt").replace("  clientId(somebody):\n    producer_byte_rate:\n      1000000.0\n", "");
    assert_eq!(shell(&["tree", "/image"]), tree);
    let paths = ["ls", "/image/topics/byName/{whole,pack}*", "/image/provenance", "/image/conf*", "/nothing"];
    assert_eq!(shell(&paths), of_kafka("ls.txt"));
    assert_eq!(shell(&["cat", "/image/cluster"]), "cat: /image/cluster: Is a directory\n");
    assert!(shell(&["find", "image/../image/features"]).ends_with("/features/metadataVersion\n"));
}

#[test]
fn a_run_is_shown_at_an_instant() {
    let calm = |verb: &str, more: &[&str]| kraftsim(&[&["inspect", verb, "calm", "--seed", "1"][..], more].concat());
    let quorum = calm("quorum", &["--at", "8s"]);
    assert_eq!((quorum.code, quorum.err.as_str()), (0, ""));
    insta::assert_snapshot!("inspect_quorum", quorum.out);
    let json: Value = serde_json::from_str(&calm("quorum", &["--at", "8s", "--json", "-"]).out).expect("JSON");
    let statuses: Vec<&str> =
        json["replicas"].as_array().expect("a list").iter().filter_map(|of| of["status"].as_str()).collect();
    assert_eq!(statuses, ["Leader", "Follower", "Follower", "Observer", "Observer", "Observer"]);
    let early = calm("quorum", &["--at", "1"]);
    assert!(early.code == 4 && early.out.is_empty() && early.err.contains("no leader of the quorum"), "{}", early.err);

    // What two instants of one run differ by is what both show.
    let ends = ["2s", "8s"].map(|at| calm("shell", &["--at", at, "--node", "101", "find", "/image/topics/byName"]).out);
    let difference = calm("shell", &["--node", "101", "--diff", "2s", "8s"]);
    let created = ends[1].lines().filter(|line| line.ends_with("/id") && !ends[0].contains(line)).count();
    let shown = difference.out.lines().filter(|line| line.contains("/byName/") && line.ends_with("/id")).count();
    assert!(created > 0 && shown == created, "{}\n{}", ends[1], difference.out);
    let late = calm("shell", &["--at", "1h"]);
    assert!(late.code == 0 && late.err.contains("the run ended before that, at "), "{}", late.err);
    let log = calm("log", &["--at", "8s", "--node", "101", "--json", "-"]);
    let log: Value = serde_json::from_str(&log.out).expect("JSON");
    assert_eq!((&log["directory"], &log["meta_properties"]["node.id"]), (&"broker-101".into(), &101.into()));
    assert_eq!(log["image"]["offset"], 60, "the end of its log");
    let storage = calm("storage", &["--node", "controller-2"]);
    assert!(storage.code == 0 && storage.out.contains("node.id=2, version=1}"), "{}", storage.out);
}

#[test]
fn a_server_is_shown_before_and_at_the_violation() {
    let failing = |more: &[&str]| {
        kraftsim(&[&["inspect", "state", "quorum", "--seed", "2", "--bug", "NoLogTest"][..], more].concat())
    };
    let before = failing(&["--at", "violation-1", "--node", "3", "--node", "controller-2", "--node", "3"]);
    let names: Vec<&str> = before.out.lines().filter(|line| line.starts_with("controller-")).collect();
    assert_eq!((before.code, names), (0, vec!["controller-2:", "controller-3:"]), "{before:?}");
    let differing = failing(&["--diff", "violation-1", "violation", "--node", "3"]);
    assert!(differing.code == 0 && differing.out.lines().count() < 40, "one step lies between them: {differing:?}");
    let early = failing(&["--at", "violation-99999999"]);
    assert!(early.code == 2 && early.err.contains("has fewer events before it"), "{early:?}");
    // A server that knows no high watermark cannot say what is not committed.
    let down = kraftsim(&["inspect", "state", "ci", "--seed", "35", "--at", "40s", "--node", "101"]);
    assert!(down.out.contains("process: down") && down.out.contains("uncommittedMetadata: none"), "{down:?}");
}

#[test]
fn the_state_of_a_server_is_shown_and_compared() {
    let calm = |more: &[&str]| kraftsim(&[&["inspect", "state", "calm", "--seed", "1"][..], more].concat());
    let json = |more: &[&str]| -> Value {
        let came = calm(&[more, &["--json", "-"]].concat());
        serde_json::from_str(&came.out).unwrap_or_else(|error| panic!("{error}: {came:?}"))
    };
    let all = json(&["--at", "8s"]);
    let servers = all["servers"].as_object().expect("an object");
    assert_eq!((all["schema"].as_str(), servers.len()), (Some("kraftsim.state.v1"), 6));
    let leaders: Vec<&String> =
        servers.iter().filter(|(_, of)| of["raft"]["role"] == "Leader").map(|(name, _)| name).collect();
    assert_eq!(leaders, ["controller-2"]);
    let end = |of: &Value| of["raft"]["logEndOffset"].as_i64();
    let leader = &servers["controller-2"];
    assert_eq!(leader["raft"]["state"]["voters"][1]["logEndOffset"].as_i64(), end(leader), "it has replicated all");
    assert_eq!(leader["controller"]["active"]["brokers"]["101"]["state"], "Unfenced");
    let partitions = servers["broker-101"]["broker"]["replicas"]["partitions"].as_object().expect("an object");
    assert!(
        partitions.values().any(|of| of["role"] == "Leader" && of["isr"]["committed"].is_array()),
        "{partitions:?}"
    );
    let files = servers["broker-101"]["files"].as_object().expect("an object");
    let is_ahead = |of: &&Value| of["bytes"].as_i64() > of["durable"].as_i64();
    assert!(files.values().any(|of| is_ahead(&of)) && files.values().any(|of| !is_ahead(&of)), "{files:?}");

    // The text has the same, and two instants differ by exactly what their states do.
    let text = calm(&["--at", "8s", "--node", "2"]).out;
    assert!(text.starts_with("controller-2:\n  process: up\n  raft:\n    role: Leader\n"), "{text}");
    let [before, after] = ["7s", "8s"].map(|at| json(&["--at", at, "--node", "101"])["servers"]["broker-101"].clone());
    let difference = calm(&["--node", "broker-101", "--diff", "7s", "8s"]).out;
    let [before, after] = [&before, &after].map(|of| end(of).expect("a number"));
    let shown = format!("broker-101.raft.logEndOffset\n  - {before}\n  + {after}\n");
    assert!(difference.contains(&shown) && !difference.contains("raft.role"), "{difference}");
    let none = calm(&["--node", "101", "--diff", "8s", "8s"]);
    assert_eq!((none.code, none.out.as_str()), (0, ""));
    // A process that is down has files only.
    let killed = kraftsim(&["inspect", "state", "controller-failover", "--seed", "1", "--at", "4.5s", "--json", "-"]);
    let killed: Value = serde_json::from_str(&killed.out).expect("JSON");
    let down: Vec<&Value> =
        killed["servers"].as_object().expect("an object").values().filter(|of| of["process"] == "down").collect();
    assert!(down.len() == 1 && down[0]["raft"].is_null() && down[0]["files"].is_object(), "{killed}");
}

#[test]
fn metrics_are_sampled_and_alerts_fire() {
    let came = kraftsim(&["inspect", "metrics", "calm", "--seed", "1", "--at", "8s", "--json", "-"]);
    let json: Value = serde_json::from_str(&came.out).unwrap_or_else(|error| panic!("{error}: {came:?}"));
    let series = json["series"].as_array().expect("a list");
    let of = |node: &str, metric: &str| -> Vec<(i64, i64)> {
        let is_it = |of: &&Value| of["node"] == node && of["metric"].as_str().expect("text").ends_with(metric);
        let values = series.iter().find(is_it).expect("it is there")["values"].as_array().expect("a list");
        values.iter().map(|pair| (pair[0].as_i64().expect("ns"), pair[1].as_i64().expect("a value"))).collect()
    };
    let active = of("controller-2", "name=ActiveControllerCount");
    let times: Vec<i64> = (0..=80).map(|n| n * 100_000_000).collect();
    assert_eq!(active.iter().map(|(at, _)| *at).collect::<Vec<i64>>(), times);
    assert_eq!((active[0].1, active[80].1, of("controller-1", "name=ActiveControllerCount")[80].1), (0, 1, 0));
    assert_eq!(of("broker-101", "name=BrokerState")[80].1, 3, "it is running");
    assert_eq!(of("controller-1", "high-watermark")[80].1, 61);
    let led: i64 =
        ["broker-101", "broker-102", "broker-103"].map(|of_broker| of(of_broker, "LeaderCount")[80].1).iter().sum();
    assert_eq!(led, of("controller-2", "name=GlobalPartitionCount")[80].1, "each partition has a leader");
    let alerts = json["alerts"].as_array().expect("a list");
    let first = &alerts[0];
    let [begun, ended] = ["from_ns", "to_ns"].map(|name| first[name].as_i64().expect("ns"));
    assert_eq!((first["condition"].as_str(), begun), (Some("no leader of the quorum known to a running node"), 0));
    let none = alerts.iter().find(|alert| alert["condition"] == "active controllers are not 1").expect("at the start");
    // It lasts until the first sample at which one is active.
    let activated = active.iter().find(|(_, value)| *value == 1).expect("it is active in the end").0;
    assert_eq!(none["to_ns"].as_i64(), Some(activated - 100_000_000));
    assert!(
        ended < activated && alerts.iter().all(|alert| alert["to_ns"].as_i64() < Some(5_000_000_000)),
        "{alerts:?}"
    );

    let text = kraftsim(&["inspect", "metrics", "calm", "--seed", "1", "--at", "8s", "--node", "101"]);
    assert!(text.out.contains("\nbroker-101\n") && !text.out.contains("broker-102\n"), "{}", text.out);
    let text = kraftsim(&["inspect", "metrics", "calm", "--seed", "1", "--at", "8s", "--metric", "EventQueue"]);
    assert!(text.out.contains("EventQueueSize: listed in Kafka's documentation, and not registered"), "{}", text.out);
    assert!(!text.out.contains("current-epoch"), "{}", text.out);
    let csv =
        kraftsim(&["inspect", "metrics", "calm", "--seed", "1", "--at", "1s", "--every", "500ms", "--csv", "-"]).out;
    assert!(csv.starts_with("at_ns,node,metric,value\n0,broker-101,"), "{csv}");
    for (words, message) in [
        (["--every", "0s"], "at most 100000 samples, so at least"),
        (["--every", "1us"], "at most 100000 samples, so at least"),
        (["--at", "violation"], "this run violates no claim"),
        (["--metric", "nosuch"], "no metric"),
    ] {
        let came = kraftsim(&[&["inspect", "metrics", "calm", "--seed", "1"][..], &words].concat());
        assert!(came.code == 2 && came.err.contains(message), "{came:?}");
    }
}

#[test]
fn the_latency_of_commits_is_kafkas_and_an_alert_names_the_faults_before() {
    // A cut-off leader commits nothing, and its successor measures its own commits.
    let slow = ["inspect", "metrics", "controller-failover", "--seed", "1", "--set", "disk.fsync=150ms"];
    let json: Value = serde_json::from_str(&kraftsim(&[&slow[..], &["--json", "-"]].concat()).out).expect("JSON");
    let late = |alert: &&Value| alert["condition"] == "the average commit latency exceeds 100 ms";
    let alert = json["alerts"].as_array().expect("a list").iter().find(late).expect("an fsync takes longer than that");
    assert!(alert["seen"].as_str().is_some_and(|seen| seen.contains(" ms per record at controller-")), "{alert}");
    let latency = |of: &&Value| of["metric"] == "kafka.server:type=raft-metrics,commit-latency-avg";
    let series = json["series"].as_array().expect("a list").iter().find(latency).expect("a leader has it");
    let values = series["values"].as_array().expect("a list");
    let with_decimals = |value: &Value| value[1].as_f64().is_some_and(|ms| ms > 100.0 && ms.fract() != 0.0);
    assert!(values.iter().any(with_decimals), "ms, with decimals: {series}");

    let text = kraftsim(&["inspect", "metrics", "controller-failover", "--seed", "4"]).out;
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| line.contains("controller-3 knows none")).expect("it was cut off");
    assert!(lines[at + 1].contains("are cut for"), "{text}");
}

#[test]
fn storage_prints_what_kafkas_tool_prints() {
    let storage = |more: &[&str]| kraftsim(&[&["inspect", "storage"][..], more].concat());
    // With --feature NAME=0 for each feature that the simulated cluster is formatted without.
    let of_kafka = fs::read_to_string(data().join("storage/format.txt")).expect("the fixture");
    let one = ["calm", "--seed", "1", "--node", "1"];
    assert_eq!(storage(&[&one[..], &["format"]].concat()).out, of_kafka);
    let again = storage(&[&one[..], &["--at", "1s", "format"]].concat());
    let refused = "Log directory controller-1 is already formatted. Use --ignore-formatted to ignore this directory and \
                   format the others.";
    assert_eq!((again.code, again.err.trim_end()), (1, refused));
    let uuid = storage(&["random-uuid"]).out;
    assert!(uuid.len() == 23 && !uuid.contains('-'), "{uuid}");
    assert_ne!(uuid, storage(&["random-uuid"]).out);
}

#[test]
fn the_log_is_shown_around_an_event() {
    let log = kraftsim(&["replay", "calm", "--seed", "1", "--until", "3s", "--log", "--node", "101"]).out;
    let append = |line: &&str| line.contains("writes __cluster_metadata-0/00000000000000000000.log at");
    let event = log.lines().filter(append).nth(7).and_then(|line| line.split_whitespace().nth(1)).expect("an append");
    let around = |event: &str| kraftsim(&["inspect", "log", "calm", "--seed", "1", "--node", "101", "--around", event]);
    let out = around(event).out;
    let (old, new): (Vec<&str>, Vec<&str>) = out.lines().skip(1).partition(|line| line.starts_with("  "));
    assert_eq!(old.len(), 11, "what is left out, and ten records: {out}");
    assert_eq!(new, ["+ epoch 1 27 NO_OP_RECORD v0 {}"], "{out}");
    assert_eq!(around("0").code, 2);
    // The violating event, by its number and by its name.
    let violating = |event: &str| {
        let run = ["quorum", "--seed", "2", "--bug", "NoLogTest", "--node", "1", "--around", event];
        kraftsim(&[&["inspect", "log"][..], &run].concat())
    };
    let by_name = violating("violation");
    let event = by_name.err.split("event ").nth(1).and_then(|rest| rest.split(',').next()).expect("its number");
    assert_eq!((by_name.code, &by_name.out), (0, &violating(event).out), "{by_name:?}");
    let too_early = violating("violation-18446744073709551615");
    assert!(too_early.code == 2 && too_early.err.contains("has fewer events before it"), "{too_early:?}");
}

#[test]
fn two_runs_are_compared_up_to_their_first_difference() {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("against");
    let _ = fs::remove_dir_all(&out);
    let out = out.to_str().expect("text");
    assert_eq!(kraftsim(&["replay", "calm", "--seed", "1", "--until", "6s", "--out", out]).code, 0);
    let repro = format!("{out}/calm-0x0000000000000001.json");
    let against = |more: &[&str]| {
        let came =
            kraftsim(&[&["replay", "calm", "--seed", "1", "--until", "6s", "--against", &repro][..], more].concat());
        assert_eq!(came.code, 0, "{came:?}");
        came.out
    };
    assert_eq!(against(&[]), "both runs have the same lines\n");
    let parted = against(&["--set", "broker.heartbeat.interval.ms=1500"]);
    assert!(parted.contains(" lines are the same; the last of them:\n  "), "{parted}");
    let [this, that] = ["\nthis run, calm seed 0x0000000000000001:\n+ ", "calm seed 0x0000000000000001:\n- "];
    assert!(parted.contains(this) && parted.contains(that) && parted.contains("  > "), "{parted}");
}

#[test]
fn what_cannot_be_inspected_is_named() {
    let directory = first_segment();
    let table: &[(&[&str], &str)] = &[
        (
            &["shell", "calm", "--seed", "1", "--node", "9"],
            "--node 9: there is no such node; the nodes are controller-1",
        ),
        (&["shell", "calm", "--seed", "1", "head"], "there is no command head; give one of ls, cat, find, tree"),
        (&["shell", "calm", "--seed", "1", "cat"], "cat needs a path"),
        (&["shell", "calm"], "needs a seed"),
        (&["shell", &directory, "--at", "3s"], "is a directory, which has no instants"),
        (&["shell", &directory, "--diff", "1s", "2s"], "--diff is for a run"),
        (&["shell", &directory, "--node", "1"], "--node is for a run"),
        (&["shell", env!("CARGO_TARGET_TMPDIR")], "this has no __cluster_metadata-0"),
        (&["shell", "quorum", "--seed", "1"], "holds records of a model"),
        (&["shell", "calm", "--seed", "1", "--diff", "8s", "2s"], "T1 must not be later than T2"),
        (&["state", "calm", "--seed", "1", "--diff", "9", "8"], "T1 must not be later than T2"),
        (
            &["state", "calm", "--seed", "1", "--diff", "9", "8s"],
            "give two times, two numbers of events, or two of violation-N",
        ),
        (&["state", "calm", "--seed", "1", "--at", "violation"], "this run violates no claim"),
        (&["state", "calm", "--seed", "1", "--at", "violation+1"], "violation-N for N events before it"),
        (&["quorum", "calm", "--seed", "1", "--at", "soon"], "or give a number of events"),
        (&["log", &directory, "--node", "1"], "--node is for a run"),
        (&["log", "calm"], "needs a seed"),
        (&["quorum", &directory], "is a directory; give a run"),
    ];
    for (words, message) in table {
        let came = kraftsim(&[&["inspect"][..], words].concat());
        assert_eq!((came.code, came.out.as_str()), (2, ""), "{words:?}: {came:?}");
        assert!(came.err.contains(message), "{words:?}: {came:?}");
    }
    let unformatted = kraftsim(&["inspect", "storage", &directory]);
    assert!(unformatted.code == 1 && unformatted.out.contains("is not formatted."), "{unformatted:?}");
}
