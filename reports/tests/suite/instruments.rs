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
    let storage = calm("storage", &["--node", "controller-2"]);
    assert!(storage.code == 0 && storage.out.contains("node.id=2, version=1}"), "{}", storage.out);
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
        (&["quorum", "calm", "--seed", "1", "--at", "soon"], "or give a number of events"),
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
