//! Invalid files: a message for each mistake with file, line and allowed values; nothing is run or written.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A repro file of two faults. Each test breaks one of its lines.
const REPRO: &str = r#"{
  "schema": "kraftsim.repro.v1",
  "version": "0.1.0",
  "scenario": { "name": "mine",
    "toml": "name = \"mine\"\nduration = \"2s\"\n[knobs]\noff = true\n" },
  "seed": "0x000000000000002a",
  "overrides": { "cluster": null, "bugs": [], "fixes": [],
    "set": [["controller.quorum.fetch.timeout.ms", "900"],
            ["workload.clients", "2"]] },
  "plan": [
    { "at_ns": 500000000, "lasts_ns": 100000000, "what": { "kill": { "node": 0 } } },
    { "at_ns": 700000000, "lasts_ns": 100000000,
      "what": { "cut": { "links": [[0, 1]] } } }
  ],
  "expect_digest": "00000000000000000000000000000000",
  "ladder": [[1, "00000000000000000000000000000000"],
             [2, "00000000000000000000000000000000"]]
}
"#;

fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder for the test");
    folder
}

/// The output on stderr of a command line in this folder; it must reject its input and write nothing.
fn refusal(here: &Path, words: &[&str]) -> String {
    let listed = |folder: &Path| fs::read_dir(folder).expect("reads").count();
    let before = listed(here);
    let came = Command::new(env!("CARGO_BIN_EXE_kraftsim")).args(words).current_dir(here).output().expect("it starts");
    let said = String::from_utf8(came.stderr).expect("text");
    assert_eq!((came.status.code(), came.stdout.as_slice()), (Some(2), &b""[..]), "{words:?}: {said}");
    assert!(!said.is_empty() && said.lines().all(|line| line.starts_with("error: ")), "{words:?}: {said}");
    assert_eq!(listed(here), before, "{words:?} wrote something");
    said
}

/// Every rejection under its name, for one snapshot. A list of all bugs is cut short.
fn refusals(here: &Path, verb: &[&str], files: &[(&str, Vec<u8>)]) -> String {
    let mut all = String::new();
    for (name, bytes) in files {
        fs::write(here.join(name), bytes).expect("writes");
        let words = [verb, &[*name], &["--json", "out.json"][..if verb[0] == "merge" { 0 } else { 2 }]].concat();
        all += &refusal(here, &words);
    }
    all.lines().map(|line| format!("{}\n", line.chars().take(240).collect::<String>())).collect()
}

fn with(from: &str, to: &str) -> Vec<u8> {
    assert_eq!(REPRO.matches(from).count(), 1, "{from}");
    REPRO.replace(from, to).into()
}

#[test]
fn a_good_repro_is_read() {
    let here = folder("good-repro");
    fs::write(here.join("good.json"), REPRO).expect("writes");
    let came = Command::new(env!("CARGO_BIN_EXE_kraftsim")).args(["replay", "good.json"]).current_dir(&here).output();
    let came = came.expect("it starts");
    assert_eq!(came.status.code(), Some(5), "its digest is made up: {came:?}");
}

#[test]
fn bad_repro_files() {
    let here = folder("bad-repros");
    let kill = r#""kill": { "node": 0 }"#;
    let asks = |client: u16, what: &str| with(PLAN, &requested(client, what));
    let files = [
        ("empty.json", Vec::new()),
        ("list.json", b"[]".to_vec()),
        ("truncated.json", REPRO.as_bytes()[..500].to_vec()),
        ("not-utf-8.json", with("mine\",\n", "\u{0}").iter().map(|b| if *b == 0 { 0xe9 } else { *b }).collect()),
        ("schema.json", with("repro.v1", "repro.v2")),
        ("unknown-field.json", with("\"seed\"", "\"sed\"")),
        ("wrong-type.json", with("\"0x000000000000002a\"", "42")),
        ("seed.json", with("0x000000000000002a", "many")),
        ("digest.json", with("\"expect_digest\": \"00", "\"expect_digest\": \"0x")),
        ("ladder.json", with("[2, \"0", "[2, \"z")),
        ("scenario.json", with("[knobs]", "[nobs]")),
        ("property.json", with("workload.clients", "workload.client")),
        ("value.json", with("\"900\"", "\"soon\"")),
        ("bug.json", with("\"bugs\": []", "\"bugs\": [\"Nonsense\"]")),
        ("fix.json", with("\"fixes\": []", "\"fixes\": [\"Nonsense\"]")),
        ("cluster.json", with("null", "{ \"dir\": \"d\", \"files\": { \"c1.properties\": \"node.id=x\" } }")),
        ("plan.json", with("\"plan\": [", "\"plan\": 7, \"x\": [")),
        ("no-list.json", {
            let (start, end) =
                (REPRO.find("[\n    { \"at").expect("there"), REPRO.find("],\n  \"expect").expect("there"));
            format!("{}7{}", &REPRO[..start], &REPRO[end + 1..]).into()
        }),
        ("negative.json", with("500000000", "-5")),
        ("kind.json", with(kill, r#""kil": { "node": 0 }"#)),
        ("fault-field.json", with(kill, r#""kill": { "nod": 0 }"#)),
        ("node.json", with(kill, r#""kill": { "node": 3 }"#)),
        ("link.json", with("[[0, 1]]", "[[0, 5]]")),
        ("no-links.json", with("[[0, 1]]", "[]")),
        ("guard.json", with("\"at_ns\": 5", "\"unless\": \"last-coppy\", \"at_ns\": 5")),
        ("late.json", with("700000000", "18446744073709551615")),
        ("client.json", asks(2, r#""append": { "count": 1 }"#)),
        ("server.json", asks(0, r#""read-from": { "server": 3 }"#)),
        ("kind-of-client.json", asks(0, r#""create-topics": { "topics": [0] }"#)),
        ("drift.json", with(kill, r#""drift": { "node": 0, "ppm": -500001 }"#)),
    ];
    let mut all = refusals(&here, &["replay"], &files);
    all += &refusals(&here, &["replay"], &bad_operations_of_kafka_clients());
    fs::create_dir(here.join("folder.json")).expect("makes");
    for words in [&["replay", "folder.json"], &["replay", "none.json"]] {
        all += &refusal(&here, words);
    }
    // An error in a flag is not the file's error.
    fs::write(here.join("good.json"), REPRO).expect("writes");
    all += &refusal(&here, &["replay", "good.json", "--set", "workload.clients=0"]);
    all += &refusal(&here, &["replay", "good.json", "--seed", "1"]);
    insta::assert_snapshot!("bad_repro_files", all);
}

/// Start of the plan.
const PLAN: &str = r#""plan": ["#;

/// The same after a list of one operation.
fn requested(client: u16, what: &str) -> String {
    format!(r#""operations": [{{ "at_ns": 5, "client": {client}, "what": {{ {what} }} }}], {PLAN}"#)
}

/// Admin 0, producer 1, consumer 2.
fn bad_operations_of_kafka_clients() -> Vec<(&'static str, Vec<u8>)> {
    let toml = r#"[cluster]\nbrokers = 3\n[clients]\nadmins = 1\nproducers = 1\nconsumers = 1\n[knobs]"#;
    let cluster = REPRO.replace("[knobs]", toml).replace(
        r#",
            ["workload.clients", "2"]"#,
        "",
    );
    let asks = |client: u16, what: &str| cluster.replace(PLAN, &requested(client, what)).into_bytes();
    vec![
        ("append-to-admin.json", asks(0, r#""append": { "count": 1 }"#)),
        ("topic.json", asks(0, r#""create-topics": { "topics": [0, 600] }"#)),
        ("count.json", asks(0, r#""create-partitions": { "topic": 0, "count": 1001 }"#)),
        ("partition.json", asks(1, r#""send": { "topic": 0, "partition": -1, "count": 1 }"#)),
        ("send-to-consumer.json", asks(2, r#""send": { "topic": 0, "partition": 0, "count": 1 }"#)),
    ]
}

#[test]
fn bad_scenario_files() {
    let here = folder("bad-scenarios");
    fs::write(here.join("late.csv"), b"1\n2\n\xff\n").expect("writes");
    let scenario = "name = \"mine\"\nduration = \"2s\"\n";
    let files = [
        ("empty.toml", Vec::new()),
        ("not-utf-8.toml", [scenario.as_bytes(), b"# caf\xe9\n"].concat()),
        ("unknown-field.toml", format!("{scenario}sed = 1\n").into()),
        ("probe.toml", format!("{scenario}require_probe = [\"torn_tale\"]\n").into()),
        ("latency.toml", format!("{scenario}[network]\nlatency = \"empirical(late.csv)\"\n").into()),
        ("properties.toml", format!("{scenario}[cluster]\nproperties = [\"none.properties\"]\n").into()),
    ];
    let mut all = refusals(&here, &["sweep"], &files);
    fs::create_dir(here.join("folder.toml")).expect("makes");
    all += &refusal(&here, &["sweep", "folder.toml"]);
    fs::create_dir(here.join("cluster")).expect("makes");
    fs::write(here.join("cluster/c1.properties"), b"process.roles=controller\n\n# caf\xe9\n").expect("writes");
    all += &refusal(&here, &["sweep", "--cluster", "cluster"]);
    insta::assert_snapshot!("bad_scenario_files", all);
}

/// The example set of three controllers and three brokers, with one mistake each time.
#[test]
fn a_bad_cluster_is_refused_in_kafkas_words() {
    let here = folder("bad-clusters");
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/examples/isolated-3x3");
    let reported = |mistake: &str, file: &str, from: &str, to: &str, more: &[&str]| {
        let cluster = here.join(mistake);
        fs::create_dir(&cluster).expect("makes");
        for example in fs::read_dir(&examples).expect("reads") {
            let example = example.expect("reads");
            let mut text = fs::read_to_string(example.path()).expect("text");
            if example.file_name() == file {
                assert!(text.contains(from), "{from}");
                text = text.replace(from, to);
            }
            if !text.is_empty() {
                fs::write(cluster.join(example.file_name()), text).expect("writes");
            }
        }
        refusal(&here, &[&["sweep", "--seeds", "1", "--cluster", mistake], more].concat())
    };
    let missing = {
        let all = reported("voter", "broker-101.properties", "node.id=101", "node.id=2", &[]);
        fs::remove_file(here.join("voter/controller-3.properties")).expect("was there");
        fs::copy(examples.join("broker-101.properties"), here.join("voter/broker-101.properties")).expect("copies");
        all + &refusal(&here, &["sweep", "--cluster", "voter"])
    };
    let all = [
        reported("roles", "broker-102.properties", "process.roles=broker", "process.roles=broker,controller", &[]),
        missing,
        reported("ids", "broker-103.properties", "node.id=103", "node.id=102", &[]),
        reported("letters", "controller-1.properties", "session.timeout.ms=9000", "session.timeout.ms=9s", &[]),
        reported("wait", "broker-101.properties", "fetch.wait.max.ms=500", "fetch.wait.max.ms=30001", &[]),
        reported("listener", "broker-101.properties", "//:9092", "//:9092,CONTROLLER://:9093", &[]),
        reported("set", "broker-101.properties", "", "", &["--set", "replica.lag.time.max.ms=100"]),
    ];
    insta::assert_snapshot!("bad_clusters", all.concat());
}

#[test]
fn bad_sweeps_to_merge() {
    let here = folder("bad-merges");
    let words = ["sweep", "controller-failover", "--seeds", "2", "--set", "duration=5s", "--set", "floor.append_ok=1"];
    let came =
        Command::new(env!("CARGO_BIN_EXE_kraftsim")).args(words).args(["--json", "-"]).current_dir(&here).output();
    let sweep = String::from_utf8(came.expect("it starts").stdout).expect("text");
    let with = |from: &str, to: &str| -> Vec<u8> {
        assert!(sweep.contains(from), "{from} in {sweep}");
        sweep.replacen(from, to, 1).into()
    };
    let files = [
        ("empty.json", Vec::new()),
        ("truncated.json", sweep.split_inclusive('\n').take(10).collect::<String>().into_bytes()),
        ("not-utf-8.json", [&b"{\n \"schema\": \"kraft\xff"[..], sweep.as_bytes()].concat()),
        ("schema.json", with("kraftsim.sweep.v1", "kraftsim.repro.v1")),
        ("unknown-field.json", with("\"scenarios\"", "\"scenario\"")),
        ("seed.json", with("\"seeds_first\": \"0x", "\"seeds_first\": \"x")),
        ("count.json", with("\"seeds_run\": ", "\"seeds_run\": -")),
        ("huge.json", with("\"seeds_run\": 2", "\"seeds_run\": 9007199254740993")),
        ("time.json", with("\"sim_seconds\": ", "\"sim_seconds\": -1, \"sim\": ")),
    ];
    insta::assert_snapshot!("bad_sweeps_to_merge", refusals(&here, &["merge", "-o", "all.json"], &files));
    let histogram = with("\"histogram\": \"", "\"histogram\": \"!");
    fs::write(here.join("histogram.json"), histogram).expect("writes");
    let said = refusal(&here, &["merge", "-o", "all.json", "histogram.json"]);
    assert!(said.starts_with("error: histogram.json:") && said.contains("not a base64 HdrHistogram"), "{said}");
}
