//! Exports of a run, read back: the capture by `kafka-protocol`, with the values of the trace; the trace for Perfetto field by
//! field; and every JSON that the command writes held against its published schema.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::kafka_bytes;
use crate::kafka_values;
use crate::pcap_bytes::{self, Packet};
use crate::perfetto_bytes::{self, Event};
use crate::trace::{kraftsim, validate};

/// A number of messages by what the trace says of them.
fn messages(trace: &str, kind: &str) -> usize {
    trace.lines().filter(|line| line.contains(&format!("\"kind\":\"{kind}\""))).count()
}

fn digest(run: &[&str]) -> String {
    let (_, json, _) = kraftsim(&[&["replay"], run, &["--json", "-"]].concat());
    let json: Value = serde_json::from_str(&json).expect("JSON");
    json["digest"].as_str().expect("a digest").to_owned()
}

/// A capture of a run with its trace.
struct Captured {
    file: pcap_bytes::File,
    trace: String,
}

impl Captured {
    fn of(run: &[&str], versions: &str) -> Captured {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name).display().to_string();
        let (pcap, trace, json) = (path("run.pcapng"), path("run.ndjson"), path("run.json"));
        let words = ["--pcap", &pcap, "--pcap-versions", versions, "--trace", &trace, "--json", &json];
        let (code, _, err) = kraftsim(&[&["replay"], run, &words].concat());
        assert_eq!(code, 0, "{err}");
        let written: Value = serde_json::from_str(&fs::read_to_string(json).expect("a file")).expect("JSON");
        assert_eq!(written["digest"], digest(run), "a capture does not change the run");
        let trace = fs::read_to_string(trace).expect("a file");
        Captured { file: pcap_bytes::read(&fs::read(pcap).expect("a file")), trace }
    }

    /// The messages that are sent, as the trace has them.
    fn sent(&self) -> impl Iterator<Item = Value> {
        let lines = self.trace.lines().filter(|line| line.contains("\"kind\":\"message_sent\""));
        lines.map(|line| serde_json::from_str(line).expect("JSON"))
    }
}

#[test]
fn every_message_of_a_capture_is_whole_and_has_a_comment() {
    for versions in ["kafka", "wireshark"] {
        let Captured { file, trace } = Captured::of(&["brokers", "--seed", "3", "--until", "12s"], versions);
        assert_eq!(file.interfaces, ["delivered", "not-delivered"]);
        assert!(file.names.values().any(|name| name == "controller-1"), "{:?}", file.names);
        let sent = messages(&trace, "message_sent");
        let commented: Vec<&Packet> = file.packets.iter().filter(|packet| packet.comment.is_some()).collect();
        assert_eq!(commented.len(), sent, "each message has a comment");
        let read = kafka_bytes::read(&file.packets);
        assert_eq!(read.len(), sent, "each message is whole");
        for api in ["Fetch", "Vote", "Produce", "BrokerHeartbeat", "Envelope/CreateTopics", "ListOffsets"] {
            let said = format!(": {api} v");
            assert!(commented.iter().any(|packet| packet.says(&said)), "{api} is in a comment");
        }
        let apis: BTreeSet<i16> = read.iter().map(|message| message.api as i16).collect();
        assert!(apis.len() >= 15, "{apis:?}");
        let lost = commented.iter().filter(|packet| packet.interface == 1);
        let is_said = lost.clone().all(|packet| packet.says("\nnot delivered"));
        assert!(is_said && lost.count() > 0, "a message that is not delivered says so");
    }
}

/// Epochs, offsets, ids, errors and all else that the trace has of a message, by Kafka's names.
#[test]
fn the_values_of_a_message_in_a_capture_are_those_of_the_run() {
    let captured = Captured::of(&["ci", "--seed", "3", "--until", "30s"], "kafka");
    let (mut kinds, mut compared) = (BTreeSet::new(), 0);
    let messages = kafka_bytes::read(&captured.file.packets);
    assert_eq!(captured.sent().count(), messages.len());
    for (line, read) in captured.sent().zip(messages) {
        let kind = |api: &str| format!("{api} {}", if read.is_request { "request" } else { "response" });
        let (api, fields) = (line["api"].as_str().expect("a name"), &line["fields"]);
        assert_eq!((api, line["request"].as_bool()), (format!("{:?}", read.api).as_str(), Some(read.is_request)));
        let mut compare = |name: String, fields: &Value, values: &kafka_values::Values| {
            for (field, mut expected) in kafka_values::of_trace(&name, fields) {
                if expected.is_empty() {
                    continue; // such as a field that is null, which older versions do not have
                }
                if field == "topicId" && !values.contains_key(&field) {
                    continue; // an API by topic name
                }
                let mut found = values.get(&field).unwrap_or_else(|| panic!("{name} has no {field}: {line}")).clone();
                // Structs with a field of the same name are in another order in JSON.
                found.sort();
                expected.sort();
                assert_eq!(found, expected, "{field} of {name}: {line}");
                compared += expected.len();
            }
            kinds.insert(name);
        };
        compare(kind(api), fields, &read.values);
        let inside = &fields[if read.is_request { "requestData" } else { "responseData" }];
        if let Some(values) = &read.inside {
            compare(kind(inside["type"].as_str().expect("a name")), inside, values);
        }
    }
    assert!(kinds.len() >= 36 && compared > 50_000, "{compared} values of {} kinds: {kinds:?}", kinds.len());
}

/// The listeners of a combined node, and the correlation ids of a `NetworkClient`, which begin with 0 for each process.
#[test]
fn a_connection_has_its_listener_and_ids_that_increase() {
    let captured = Captured::of(&["combined", "--seed", "1", "--until", "12s"], "kafka");
    let (mut ports, mut last) = (BTreeMap::<String, BTreeSet<u16>>::new(), BTreeMap::new());
    let messages = kafka_bytes::read(&captured.file.packets);
    assert_eq!(captured.sent().count(), messages.len());
    for (line, read) in captured.sent().zip(messages) {
        let (api, thread) = (line["api"].as_str().expect("a name"), &line["thread"]);
        // Replicas of the metadata log name its topic; followers and consumers do not.
        let is_raft = api == "Fetch" && line["fields"].get("partitions").is_none();
        ports.entry(if is_raft { "raft's Fetch".to_owned() } else { api.to_owned() }).or_default().insert(read.port);
        if read.is_request && (thread == "raft-io" || thread == "client") {
            let id = last.entry((line["node"].to_string(), line["incarnation"].to_string())).or_insert(-1);
            assert_eq!(read.correlation_id, *id + 1, "{line}");
            *id = read.correlation_id;
        }
        assert!(read.correlation_id >= 0, "{line}");
    }
    let broker = ["Produce", "Fetch", "ListOffsets", "Metadata", "InitProducerId", "CreateTopics"];
    let controller = ["raft's Fetch", "Vote", "BeginQuorumEpoch", "BrokerRegistration", "BrokerHeartbeat", "Envelope"];
    for (apis, port) in [(broker, 9092), (controller, 9093)] {
        for api in apis {
            assert_eq!(ports[api], BTreeSet::from([port]), "{api}");
        }
    }
    assert_eq!(ports["ApiVersions"], BTreeSet::from([9092, 9093]));
}

#[test]
fn a_model_message_is_left_out_of_a_capture_with_a_note() {
    let folder = tempfile::tempdir().expect("a folder");
    let pcap = folder.path().join("run.pcapng").display().to_string();
    let (code, _, err) = kraftsim(&["replay", "quorum", "--seed", "1", "--until", "2s", "--pcap", &pcap]);
    assert!(code == 0 && err.contains("messages are left out, because Kafka has no AppendRecords"), "{err}");
}

#[test]
fn a_trace_for_perfetto_has_all_messages_and_their_arrows() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let run = ["ci", "--seed", "3", "--until", "20s"];
    let (file, trace, json) = (path("run.pftrace"), path("run.ndjson"), path("run.json"));
    let words = ["--perfetto", &file, "--trace", &trace, "--json", &json];
    let (code, _, err) = kraftsim(&[&["replay"], &run[..], &words].concat());
    assert_eq!(code, 0, "{err}");
    let written: Value = serde_json::from_str(&fs::read_to_string(json).expect("a file")).expect("JSON");
    assert_eq!(written["digest"], digest(&run), "an export does not change the run");

    let trace = fs::read_to_string(trace).expect("a file");
    let read = perfetto_bytes::read(&fs::read(file).expect("a file"));
    for track in ["controller-1", "broker-101", "producer-1", "faults", "raft-io", "high watermark", "requests"] {
        assert!(read.tracks.values().any(|name| name == track), "{track} is a track");
    }
    let of = |is: fn(&Event) -> Option<u64>| read.events.iter().filter_map(is).collect::<Vec<u64>>();
    let (from, to) = (of(|event| event.flow_from), of(|event| event.flow_to));
    assert_eq!(from.len(), messages(&trace, "message_sent"));
    assert_eq!(to.len(), messages(&trace, "message_delivered"));
    let sent: BTreeSet<u64> = from.into_iter().collect();
    assert!(to.iter().all(|id| sent.contains(id)), "an arrow begins where its message is sent");
    let mut depths: BTreeMap<u64, i64> = BTreeMap::new();
    let mut at_ns = 0;
    for event in &read.events {
        assert!(event.at_ns >= at_ns && read.tracks.contains_key(&event.track), "{event:?}");
        at_ns = event.at_ns;
        let depth = depths.entry(event.track).or_default();
        *depth += event.depth();
        assert!((0..=1).contains(depth), "slices of a track do not overlap: {event:?}");
    }
    assert!(depths.values().all(|depth| *depth == 0), "each slice ends");
    assert!(read.events.iter().any(|event| event.name.starts_with("Leader ")), "roles");
    assert!(read.events.iter().any(|event| event.counter > Some(0)), "counters");
}

/// A schema with its references replaced.
fn published(name: &str) -> Value {
    let (code, text, _) = kraftsim(&["schema", name]);
    assert_eq!(code, 0);
    let mut schema: Value = serde_json::from_str(&text).expect("a schema");
    let defined = schema.as_object_mut().expect("an object").remove("$defs").unwrap_or_default();
    fn replace(value: &mut Value, defined: &Value) {
        if let Some(name) = value.get("$ref").and_then(|name| name.as_str()?.strip_prefix("#/$defs/")) {
            *value = defined[name].clone();
        }
        match value {
            Value::Object(fields) => fields.values_mut().for_each(|value| replace(value, defined)),
            Value::Array(list) => list.iter_mut().for_each(|value| replace(value, defined)),
            _ => {}
        }
    }
    replace(&mut schema, &defined);
    schema
}

#[test]
fn every_json_that_is_written_fits_its_published_schema() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let failing = ["quorum", "--seed", "2", "--bug", "NoLogTest"];
    let check = |name: &str, file: &str| {
        let value: Value = serde_json::from_str(&fs::read_to_string(file).expect("a file")).expect("JSON");
        validate(&published(name), &value, name).unwrap_or_else(|problem| panic!("{problem}"));
    };
    let runs: &[(&[&str], &[&str], &str)] = &[
        (&["sweep", "ci", "quorum", "--seeds", "2", "--set", "expect.recovery.max=<= 1ms"], &["--json"], "sweep"),
        (&["sweep", "quorum", "--seeds", "3", "--bug", "NoLogTest"], &["--checkpoint"], "checkpoint"),
        (&["replay", "ci", "--seed", "3", "--until", "20s"], &["--history"], "history"),
        (&["inspect", "state", "calm", "--seed", "1", "--at", "5s"], &["--json"], "state"),
        (&["inspect", "metrics", "calm", "--seed", "1"], &["--json"], "metrics"),
        (&["bugs", "hunt", "NoLogTest", "--for", "20s"], &["--json"], "bugs"),
    ];
    for (words, flag, name) in runs {
        let file = path(&format!("{name}.json"));
        let out: &[&str] = if words[0] == "sweep" { &["--progress", "none"] } else { &[] };
        let (code, _, err) = kraftsim(&[*words, *flag, &[file.as_str()], out].concat());
        assert_ne!(code, 2, "{err}");
        check(name, &file);
    }
    let (json, why) = (path("run.json"), path("why.json"));
    let (code, _, err) = kraftsim(&[&["replay"], &failing[..], &["--json", &json, "--out", &path("disks")]].concat());
    assert_eq!(code, 1, "{err}");
    check("run", &json);
    check("disks", &path("disks/kraftsim-disks.json"));
    let repro = path("disks/quorum-0x0000000000000002.json");
    check("repro", &repro);
    kraftsim(&["why", &repro, "--json", &why]);
    check("why", &why);
    let (log, verdict, cluster) = (path("log.json"), path("check.json"), path("cluster.json"));
    kraftsim(&["inspect", "log", &path("disks/controller-1"), "--records", "--json", &log]);
    check("log", &log);
    kraftsim(&["check", &path("history.json"), "--json", &verdict]);
    check("check", &verdict);
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/examples/isolated-3x3");
    kraftsim(&["cluster", &files.display().to_string(), "--json", &cluster]);
    check("cluster", &cluster);
}

#[test]
fn every_schema_id_of_the_code_is_published() {
    let (_, help, _) = kraftsim(&["schema", "--help"]);
    let mut found = BTreeSet::new();
    for folder in ["src", "../scenarios/src"] {
        ids(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    }
    assert!(found.len() >= 18, "{found:?}");
    // The file of measurements is an input.
    for id in found.into_iter().filter(|id| *id != "kraftsim.real-failover.v1") {
        let name = id.split('.').nth(1).expect("a name").replace('_', "-");
        assert!(help.contains(&name), "kraftsim schema {name} prints the schema of {id}");
        assert_eq!(published(&name)["$id"], *id);
    }
}

/// Strings such as `"kraftsim.run.v1"` in the sources below a folder.
fn ids(folder: &Path, into: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            ids(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            let quoted = text.split('"').filter(|part| part.starts_with("kraftsim.") && part.ends_with(".v1"));
            into.extend(quoted.map(str::to_owned));
        }
    }
}
