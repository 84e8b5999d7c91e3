//! Log directories, both ways: `replay --out` writes them, and `inspect log` reads them and those of real Kafka.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

#[derive(Debug)]
pub struct Came {
    pub code: i32,
    pub out: String,
    pub err: String,
}

pub fn kraftsim(words: &[&str]) -> Came {
    let came = Command::new(env!("CARGO_BIN_EXE_kraftsim")).args(words).output().expect("it starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Came { code: came.status.code().unwrap_or(-1), out: text(came.stdout), err: text(came.stderr) }
}

/// An empty directory.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("disks").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("it can be made");
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

fn inspect(directory: &Path) -> Value {
    let came = kraftsim(&["inspect", "log", text(directory), "--json", "-"]);
    assert_eq!((came.code, came.err.as_str()), (0, ""), "{}", directory.display());
    serde_json::from_str(&came.out).expect("only JSON on stdout")
}

fn metadata(json: &Value) -> &Value {
    let partitions = json["partitions"].as_array().expect("a list");
    partitions.iter().find(|it| it["directory"] == "__cluster_metadata-0").expect("the metadata partition")
}

fn batches(partition: &Value) -> Vec<&Value> {
    let segments = partition["segments"].as_array().expect("a list").iter();
    segments.flat_map(|segment| segment["batches"].as_array().expect("a list")).collect()
}

/// Of real Kafka 4.4.0: a snapshot, two segments, compressed and transactional batches (`tests/data/README.md`).
fn real() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/kafka-4.4.0/broker-101")
}

#[test]
fn a_directory_of_real_kafka_is_read() {
    let json = inspect(&real());
    assert_eq!((&json["schema"], &json["meta_properties"]["node.id"]), (&"kraftsim.log.v1".into(), &101.into()));
    let state = &json["quorum_state"];
    assert_eq!((&state["leaderEpoch"], &state["leaderId"], &state["votedId"]), (&2.into(), &2.into(), &(-1).into()));
    assert_eq!(json["clean_shutdown"]["brokerEpoch"], 10);
    assert_eq!(json["checkpoints"]["recovery-point-offset-checkpoint"].as_array().map(Vec::len), Some(7));
    assert_eq!(json["damage"], Value::Array(Vec::new()));

    let image = &json["image"];
    assert_eq!((&image["digest"], &image["offset"]), (&"5d31afa9c82a5bc4".into(), &130.into()));
    assert_eq!((&image["features"]["metadata.version"], &image["records_without_place"]), (&33.into(), &1.into()));
    assert_eq!(json["snapshots"][0]["file"], "__cluster_metadata-0/00000000000000000081-0000000002.checkpoint");
    let log = batches(metadata(&json));
    assert_eq!(
        (log.len(), &log[77]["last_offset"], &log[0]["records"][0]["type"]),
        (78, &130.into(), &"LEADER_CHANGE".into())
    );

    let partition = |name: &str| {
        let partitions = json["partitions"].as_array().expect("a list");
        batches(partitions.iter().find(|it| it["directory"] == *name).expect("it is there"))
    };
    let types: Vec<&Value> = partition("whole-0").iter().map(|batch| &batch["records"][0]["type"]).collect();
    assert_eq!(types, [&Value::Null, &"COMMIT".into(), &Value::Null, &"ABORT".into()]);
    let packed = partition("packed-0");
    assert_eq!((&packed[0]["compression"], &packed[0]["count"]), (&"gzip".into(), &400.into()));
    assert_eq!(json["next_boot"]["not_simulated"], serde_json::json!(["packed-0", "whole-0"]));
    assert_eq!(json["next_boot"]["metadata"]["end_offset"], 131);

    let words = kraftsim(&["inspect", "log", text(&real()), "--records"]);
    for part in
        ["image at offset 130 of epoch 2, digest 5d31afa9c82a5bc4", "gzip, not decoded", "REGISTER_BROKER_RECORD v4 {"]
    {
        assert!(words.code == 0 && words.out.contains(part), "{part}: {}", words.out);
    }
}

#[test]
fn a_damaged_file_is_named_with_its_place() {
    let (copy, real) = (folder("damaged"), real());
    let directory = real.join("__cluster_metadata-0");
    fs::create_dir(copy.join("__cluster_metadata-0")).expect("it can be made");
    let log = "__cluster_metadata-0/00000000000000000000.log";
    let mut bytes = fs::read(directory.join("00000000000000000000.log")).expect("the fixture");
    bytes[200] ^= 1;
    fs::write(copy.join(log), &bytes).expect("it can be written");
    fs::write(copy.join("meta.properties"), "version=1\nnode.id=x\n").expect("it can be written");
    let json = copy.join("found.json");
    let came = kraftsim(&["inspect", "log", text(&copy), "--json", text(&json)]);
    assert_eq!(came.code, 2, "{}", came.err);
    let position = format!("error: {}/{log}: at byte 106: crc is ", copy.display());
    let cited = format!("error: {}/meta.properties: ", copy.display());
    assert!(came.err.contains(&position) && came.err.contains(&cited), "{}", came.err);
    // All that can be read is there.
    let json: Value = serde_json::from_str(&fs::read_to_string(json).expect("it is there")).expect("JSON");
    assert!(batches(metadata(&json)).len() > 40 && came.out.contains("with a wrong CRC"), "{}", came.out);

    // The log without its second batch.
    let (cut, whole) = (folder("gap"), fs::read(directory.join("00000000000000000000.log")).expect("the fixture"));
    let second = &batches(metadata(&json))[1];
    let number = |name: &str| second[name].as_u64().expect("a number") as usize;
    let (at, behind) = (number("position"), number("position") + number("size_bytes"));
    fs::create_dir(cut.join("__cluster_metadata-0")).expect("it can be made");
    fs::write(cut.join(log), [&whole[..at], &whole[behind..]].concat()).expect("it can be written");
    let came = kraftsim(&["inspect", "log", text(&cut)]);
    let gap = format!("error: {}/{log}: at byte {at}: offset ", cut.display());
    assert!(came.code == 2 && came.err.contains(&gap), "{}", came.err);

    let empty = folder("empty");
    let rows = [
        (text(&empty), "it has neither meta.properties nor a partition"),
        (text(&directory), "this is the directory of a partition; give the one above"),
        (text(real.parent().expect("a folder")), "it holds several; give one: broker-101"),
        ("/nowhere/at/all", "there is no such directory"),
    ];
    for (given, problem) in rows {
        let came = kraftsim(&["inspect", "log", given]);
        assert!(came.code == 2 && came.err.contains(problem) && came.out.is_empty(), "{given}: {}", came.err);
    }
}

#[test]
fn the_files_of_simulated_nodes_are_written_and_read() {
    let out = folder("calm");
    let replay = |more: &[&str]| {
        kraftsim(&[&["replay", "calm", "--seed", "1", "--until", "8s", "--out", text(&out)][..], more].concat())
    };
    assert_eq!(replay(&[]).code, 0);
    let manifest: Value =
        serde_json::from_str(&fs::read_to_string(out.join("kraftsim-disks.json")).expect("the manifest"))
            .expect("JSON");
    assert_eq!((&manifest["schema"], &manifest["at_ns"]), (&"kraftsim.disks.v1".into(), &8_000_000_000_u64.into()));
    let nodes = manifest["nodes"].as_array().expect("a list");
    assert_eq!(nodes.len(), 6);
    for node in nodes {
        assert_eq!((&node["up"], &node["unreadable"]), (&true.into(), &Value::Array(Vec::new())));
        let json = inspect(&out.join(node["directory"].as_str().expect("text")));
        assert_eq!(json["meta_properties"]["node.id"], node["id"]);
        let end = batches(metadata(&json)).last().expect("a batch")["last_offset"].as_i64().expect("a number") + 1;
        assert_eq!(json["next_boot"]["metadata"]["end_offset"], end);
        // Without a fault, every node has everything.
        assert_eq!(json["image"]["topics"].as_array().map(|topics| topics.len() >= 2), Some(true));
        let properties = fs::read_to_string(out.join(node["properties"].as_str().expect("text"))).expect("a file");
        let directory = fs::canonicalize(out.join(node["directory"].as_str().expect("text"))).expect("a directory");
        assert!(properties.contains(&format!("log.dirs={}\n", directory.display())), "{properties}");
    }
    // They make a cluster, for Kafka and for the simulator.
    let cluster = kraftsim(&["cluster", text(&out)]);
    assert!(cluster.code == 0 && cluster.out.starts_with("6 nodes\n"), "{}{}", cluster.out, cluster.err);

    // Its own directory is written again, another's is not touched, whatever the manifest says.
    let victim = folder("victim");
    let mut led_astray = manifest.clone();
    led_astray["nodes"][0]["directory"] = text(&victim).into();
    led_astray["nodes"][1]["directory"] = "../victim".into();
    fs::write(out.join("kraftsim-disks.json"), led_astray.to_string()).expect("it can be written");
    let refused = replay(&[]);
    assert!(refused.code == 2 && refused.err.contains("is not of this command"), "{}", refused.err);
    fs::write(out.join("kraftsim-disks.json"), manifest.to_string()).expect("it can be written");
    assert_eq!(replay(&[]).code, 0);
    assert!(victim.is_dir());
    fs::write(out.join("mine.txt"), "x").expect("it can be written");
    let refused = replay(&[]);
    assert!(
        refused.code == 2 && refused.err.contains("the directory is not empty, and mine.txt is not"),
        "{}",
        refused.err
    );
    assert!(out.join("controller-1/meta.properties").is_file());
}

/// After a power loss there is what it left, and recovery cuts a torn tail.
#[test]
fn a_power_loss_leaves_what_the_next_boot_finds() {
    let out = folder("loss");
    let trace = out.join("trace.ndjson");
    let run = ["replay", "cluster-power-loss", "--seed", "9"];
    kraftsim(&[&run[..], &["--trace", text(&trace)]].concat());
    let text_of_trace = fs::read_to_string(&trace).expect("the trace");
    let lines = text_of_trace.lines().filter(|line| line.contains("\"power lost\""));
    let losses: Vec<Value> = lines.map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let down = losses.first().expect("a seed with a power loss");
    let disks = out.join("disks");
    let until = format!("{}ns", down["time_ns"]);
    kraftsim(&[&run[..], &["--until", &until, "--out", text(&disks)]].concat());
    let manifest: Value =
        serde_json::from_str(&fs::read_to_string(disks.join("kraftsim-disks.json")).expect("the manifest"))
            .expect("JSON");
    let nodes = manifest["nodes"].as_array().expect("a list");
    let lost = nodes.iter().find(|node| node["name"] == down["node"]).expect("the node");
    assert_eq!(lost["up"], false);
    let json = out.join("lost.json");
    let directory = disks.join(down["node"].as_str().expect("text"));
    let came = kraftsim(&["inspect", "log", text(&directory), "--json", text(&json)]);
    assert!(came.code == 0 || came.err.contains(": at byte "), "{}", came.err);
    let json: Value = serde_json::from_str(&fs::read_to_string(json).expect("it is there")).expect("JSON");
    let valid = batches(metadata(&json)).iter().filter(|batch| batch["valid"] == true).count();
    assert!(valid > 0 && json["next_boot"]["metadata"]["end_offset"].as_i64() > Some(0), "{valid}");
}
