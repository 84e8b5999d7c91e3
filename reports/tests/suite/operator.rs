//! A cluster from an operator's own files: the report on them, and runs with them.

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

/// Runs the real command, in the folder of the example sets.
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
    assert!(
        none.code == 2
            && none.err.contains("/scenarios/examples/no-such-folder: there is no such directory; expected "),
        "{}",
        none.err
    );
}

#[test]
fn the_files_that_kafka_ships_run() {
    for set in ["kafka-4", "kafka-4-combined"] {
        let came = kraftsim(&["replay", "calm", "--seed", "1", "--cluster", set, "--until", "6s"]);
        assert_eq!(came.code, 0, "{set}: {}{}", came.out, came.err);
        let derived = "Its disks are formatted with --initial-controllers 1@localhost:9093;";
        let notes = crate::unwrapped(&came.err);
        assert!(notes.contains(derived), "{notes}");
        assert!(notes.contains("topics of the workload: partitions 1, replication factor 1"), "{notes}");
    }
}

/// The limits of `failover` apply to its own cluster.
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
    assert!(came.err.contains("  kafka         cluster: strimzi-5x3  "), "{}", came.err);
    assert_eq!(json["profiles"], serde_json::json!(["two-cores"]));
    let notes = came.err.lines().take_while(|line| !line.starts_with("  ran "));
    assert!(notes.clone().count() > 2 && notes.clone().all(|line| line.chars().count() <= 80), "{}", came.err);
    let summary = came.err.lines().skip_while(|line| !line.starts_with("  ran "));
    assert!(summary.clone().count() <= 12 && summary.clone().any(|line| line.contains(" limits ")), "{}", came.err);
}

#[test]
fn a_property_that_does_not_reach_the_topics_is_named() {
    let replay = |set: &[&str]| kraftsim(&[&["replay", "calm", "--seed", "1", "--until", "2s"], set].concat());
    let notes = crate::unwrapped(&replay(&["--set", "num.partitions=9"]).err);
    let expected = "note: num.partitions=9 does not reach the topics of the workload, which have clients.partitions=";
    assert!(notes.contains(expected), "{notes}");
    let came = replay(&["--set", "num.partitions=9", "--set", "clients.partitions=0"]);
    assert_eq!(came.err, "");
    assert!(came.out.contains("  set           num.partitions=9  clients.partitions=0\n"), "{}", came.out);
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

/// Files with passwords, keys and tokens: a failing sweep stores and prints none of them, and its repro file
/// still replays.
#[test]
fn no_secret_of_the_files_is_in_any_output() {
    let folder = crate::fake::folder("secrets");
    let files = folder.join("files");
    std::fs::create_dir(&files).expect("makes");
    for example in std::fs::read_dir(examples().join("three-controllers")).expect("reads") {
        let example = example.expect("reads");
        let secrets = "# was: ssl.key.password=hunter2\nssl.keystore.password=hunter2\nssl.keystore.key=-----BEGIN \\\n  hunter2\n\
                       listener.name.controller.plain.sasl.jaas.config=Login required password\\=\"hunter2\";\n\
                       ssl.truststore.pasword=hunter2\nmy.plugin.token=hunter2\nmy.pwd=hunter2\n";
        let text = std::fs::read_to_string(example.path()).expect("text") + secrets;
        std::fs::write(files.join(example.file_name()), text).expect("writes");
    }
    let (out, files) = (folder.join("out"), files.to_str().expect("text").to_owned());
    let path = |name: &str| out.join(name).to_str().expect("text").to_owned();
    let [json, junit] = [path("sweep.json"), path("junit.xml")];
    std::fs::create_dir(&out).expect("makes");
    let words = ["sweep", "quorum", "--cluster", &files, "--bug", "VoteNotDurable", "--seeds", "60", "--max-fail", "1"];
    let swept = kraftsim(&[&words[..], &["--json", &json, "--junit", &junit, "--out", &path("repros")]].concat());
    assert_eq!(swept.code, 1, "{}{}", swept.out, swept.err);
    let repro =
        std::fs::read_dir(out.join("repros")).expect("reads").next().expect("a repro file").expect("reads").path();
    let repro = repro.to_str().expect("text");
    let (trace, run) = (path("trace.ndjson"), path("run.json"));
    let replayed = kraftsim(&["replay", repro, "--trace", &trace, "--json", &run]);
    assert_eq!(replayed.code, 1, "{}{}", replayed.out, replayed.err);
    let report = kraftsim(&["cluster", &files, "--json", &path("cluster.json")]);
    assert_eq!(report.code, 0, "{}", report.err);
    assert!(report.out.contains("ssl.keystore.password = [hidden]") && report.out.contains("my.pwd = [hidden]"));
    assert!(report.out.contains("as in Kafka, their values are not shown"), "{}", report.out);
    assert!(report.out.lines().all(|line| line.chars().count() <= 80), "{}", report.out);
    let refused = kraftsim(&["replay", "quorum", "--seed", "1", "--set", "ssl.key.password=hunter2"]);
    assert!(refused.code == 2 && refused.err.contains("[hidden]"), "{}", refused.err);

    let mut texts: Vec<(String, String)> = Vec::new();
    let chart = ["chart", "failover", "calm", "--seeds", "1", "-o", &path("chart.svg"), "--vary"];
    let bad = [
        &["sweep", "quorum", "--seeds", "1", "--set", "my.pwd=hunter2"][..],
        &["sweep", "calm", "--seeds", "1", "--set", "clients.config.my.pwd=hunter2"],
        &["sweep", "quorum", "--seeds", "1", "--set", "cluster.config={\"ssl.key.password\"=\"hunter2\"}"],
        &["sweep", "quorum", "--seeds", "1", "--set", "cluster={config={\"ssl.key.password\"=\"hunter2\"}}"],
        &[&chart[..], &["ssl.key.password=hunter2,hunter3"]].concat(),
    ];
    for words in bad {
        let came = kraftsim(words);
        assert_eq!((came.code, came.out.as_str()), (2, ""), "{words:?}");
        texts.push((words.join(" "), came.err));
    }
    let first = texts.len();
    for (name, came) in [("sweep", swept), ("replay", replayed), ("cluster", report), ("--set", refused)] {
        texts.push((name.to_owned(), came.out + &came.err));
    }
    for file in [&json, &junit, repro, &trace, &run, &path("cluster.json")] {
        texts.push((file.to_owned(), std::fs::read_to_string(file).expect("text")));
    }
    assert!(texts[first + 6].1.contains("ssl.keystore.password=[hidden]"), "{}", texts[first + 6].0);
    for (name, text) in texts {
        assert!(!text.contains("hunter2"), "{name} has a secret");
    }
}

/// Files that a sweep rejects are rejected by the report with the same message.
#[test]
fn the_report_refuses_what_a_sweep_refuses() {
    let folder = crate::fake::folder("refused-alike");
    let text = std::fs::read_to_string(examples().join("kafka-4-combined/server.properties")).expect("text");
    let file = folder.join("server.properties");
    std::fs::write(&file, text + "default.replication.factor=3\n").expect("writes");
    let dir = folder.to_str().expect("text");
    let (report, sweep) = (kraftsim(&["cluster", dir]), kraftsim(&["sweep", "ci", "--cluster", dir]));
    assert_eq!((report.code, sweep.code, report.out.as_str()), (2, 2, ""));
    assert_eq!(report.err, sweep.err);
    let reported = "default.replication.factor = \"3\": the cluster has 1 broker; allowed: 1..1, as in --set ";
    assert!(
        report.err.starts_with(&format!("error: {}:", file.display())) && report.err.contains(reported),
        "{}",
        report.err
    );

    let bad = "process.roles=nothing\nnum.partitions=many\n";
    std::fs::write(&file, bad).expect("writes");
    std::fs::write(folder.join("other.properties"), "node.id=-1\n").expect("writes");
    let all = kraftsim(&["cluster", dir]);
    let starts = all.err.lines().map(|line| line.split(": ").take(3).last().unwrap_or("").to_owned());
    assert_eq!(all.code, 2);
    assert_eq!(
        starts.collect::<Vec<_>>(),
        ["node.id = \"-1\"", "process.roles", "num.partitions = \"many\"", "process.roles = \"nothing\""],
        "{}",
        all.err
    );

    for requested in [&["cluster", "nodir"][..], &["sweep", "--cluster", "nodir"]] {
        let none = kraftsim(requested);
        let path = examples().canonicalize().expect("there").join("nodir");
        let expected = "there is no such directory; expected a directory of .properties files, one per node, such as c1.properties";
        assert_eq!(none.code, 2);
        assert!(none.err.ends_with(&format!("nodir: {expected}\n")), "{} {}", none.err, path.display());
        assert!(none.err.contains(path.to_str().expect("text")), "{} {}", none.err, path.display());
    }
}
