//! A cluster from an operator's own files: the report on them, and runs on them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

struct Came {
    code: i32,
    out: String,
    err: String,
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/examples")
}

/// The real command, in the folder of the example sets.
fn kraftsim(words: &[&str]) -> Came {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kraftsim"));
    let came = command.args(words).current_dir(examples()).output().expect("it starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Came { code: came.status.code().unwrap_or(-1), out: text(came.stdout), err: text(came.stderr) }
}

#[test]
fn the_report_on_the_files_of_a_cluster() {
    for (set, name) in [("kafka-4", "cluster_kafka_4"), ("strimzi-5x3", "cluster_strimzi")] {
        let came = kraftsim(&["cluster", set]);
        assert_eq!((came.code, came.err.as_str()), (0, ""), "{set}");
        insta::assert_snapshot!(name, came.out);
    }
    let json: Value = serde_json::from_str(&kraftsim(&["cluster", "strimzi-5x3", "--json", "-"]).out).expect("JSON");
    assert_eq!(json["schema"], "kraftsim.cluster.v1");
    let statuses = json["properties"].as_array().expect("a list").iter().map(|property| &property["status"]);
    assert!(statuses.clone().all(|status| status != "unknown") && statuses.clone().any(|status| status == "used"));
    let none = kraftsim(&["cluster", "no-such-folder"]);
    assert!(none.code == 2 && none.err.starts_with("error: cluster no-such-folder: "), "{}", none.err);
}

#[test]
fn the_files_that_kafka_ships_run() {
    for set in ["kafka-4", "kafka-4-combined"] {
        let came = kraftsim(&["replay", "calm", "--seed", "1", "--cluster", set, "--until", "6s"]);
        assert_eq!(came.code, 0, "{set}: {}{}", came.out, came.err);
        let derived = "the static voters are taken to be the controllers among them, 1@localhost:9093";
        assert!(came.err.contains(derived), "{}", came.err);
        assert!(came.err.contains("topics of the workload: partitions 1, replication factor 1"), "{}", came.err);
    }
}

/// The limits of `failover` are about its own cluster.
#[test]
fn a_sweep_on_files_reports_their_properties_and_shows_limits() {
    let words = ["sweep", "failover", "--cluster", "strimzi-5x3", "--seeds", "1", "--progress", "none", "--json", "-"];
    let came = kraftsim(&[&words[..], &["--set", "duration=15s", "--set", "expect.recovery.max=<= 600s"]].concat());
    let json: Value = serde_json::from_str(&came.out).unwrap_or_else(|error| panic!("{error}: {}", came.err));
    assert_eq!(json["cluster_report"]["nodes"].as_array().map(Vec::len), Some(8));
    let judged = |name: &str| {
        let limits = json["expect"].as_array().expect("a list");
        limits.iter().find(|limit| limit["name"] == name).expect(name)["judged"].as_bool()
    };
    assert_eq!(judged("failover.controller.p50"), Some(false));
    assert_eq!(judged("recovery.max"), Some(true), "the user's own");
}

#[test]
fn a_refusal_names_the_whole_path() {
    let came = kraftsim(&["sweep", "failover", "--cluster", "three-controllers"]);
    assert_eq!(came.code, 2, "{}", came.err);
    let folder = crate::fake::folder("whole-path");
    std::fs::write(folder.join("c1.properties"), "process.roles=nothing\n").expect("writes");
    let came = kraftsim(&["cluster", folder.to_str().expect("text")]);
    let path = folder.join("c1.properties");
    assert!(
        came.code == 2 && came.err.starts_with(&format!("error: {}:1: process.roles", path.display())),
        "{}",
        came.err
    );
}
