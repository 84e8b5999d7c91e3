//! Traces of runs: the trace file and its schema, and the log.

use std::process::Command;

use serde_json::Value;

pub fn kraftsim(words: &[&str]) -> (i32, String, String) {
    let came = Command::new(env!("CARGO_BIN_EXE_kraftsim")).args(words).output().expect("it starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (came.status.code().expect("an exit code"), text(came.stdout), text(came.stderr))
}

/// A validator of the part of JSON Schema that ours uses; anything else in a schema is rejected. (A crate for all of it
/// would add forty crates to every build of the tests.)
pub fn validate(schema: &Value, value: &Value, place: &str) -> Result<(), String> {
    let wrong = |what: String| Err(format!("{place}: {what}: {value}"));
    for (keyword, rule) in schema.as_object().expect("a schema is an object") {
        match keyword.as_str() {
            "$schema" | "$id" | "title" | "description" => {}
            "const" if rule == value => {}
            "enum" if rule.as_array().expect("a list").contains(value) => {}
            "const" | "enum" => return wrong(format!("not {rule}")),
            "type" => {
                let is = |name: &Value| match name.as_str().expect("a name") {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "integer" => value.is_i64() || value.is_u64(),
                    "number" => value.is_number(),
                    "null" => value.is_null(),
                    other => panic!("the type {other}"),
                };
                let names = rule.as_array().cloned().unwrap_or_else(|| vec![rule.clone()]);
                if !names.iter().any(is) {
                    return wrong(format!("no {rule}"));
                }
            }
            // What is null is of another type.
            "minimum" | "pattern" | "required" if value.is_null() => {}
            "minimum" if value.as_i64() >= rule.as_i64() => {}
            "minimum" => return wrong(format!("below {rule}")),
            "pattern" => {
                // Either `0x` and digits, or digits alone.
                let text = value.as_str().unwrap_or_default();
                let digits = text.strip_prefix("0x").unwrap_or(text);
                let length = if rule.as_str().expect("a pattern").contains("0x") { 16 } else { 32 };
                if digits.len() != length || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return wrong(format!("does not match {rule}"));
                }
            }
            "required" => {
                for name in rule.as_array().expect("names") {
                    if value.get(name.as_str().expect("a name")).is_none() {
                        return wrong(format!("lacks {name}"));
                    }
                }
            }
            "properties" => {
                for (name, rule) in rule.as_object().expect("rules") {
                    if let Some(value) = value.get(name) {
                        validate(rule, value, &format!("{place}/{name}"))?;
                    }
                }
            }
            "additionalProperties" => {
                let nothing = serde_json::Map::new();
                let known = schema.get("properties").and_then(Value::as_object).unwrap_or(&nothing);
                if rule.is_object() {
                    for (name, value) in value.as_object().into_iter().flatten() {
                        if !known.contains_key(name) {
                            validate(rule, value, &format!("{place}/{name}"))?;
                        }
                    }
                    continue;
                }
                assert_eq!(rule, &Value::Bool(false));
                let mut names = value.as_object().into_iter().flat_map(|object| object.keys());
                if let Some(name) = names.find(|name| !known.contains_key(*name)) {
                    return wrong(format!("has {name}"));
                }
            }
            "items" => {
                for value in value.as_array().into_iter().flatten() {
                    validate(rule, value, place)?;
                }
            }
            "oneOf" => {
                let fit = rule.as_array().expect("rules").iter().filter(|rule| validate(rule, value, place).is_ok());
                let count = fit.count();
                if count != 1 {
                    return wrong(format!("fits {count} of oneOf"));
                }
            }
            other => panic!("the keyword {other}"),
        }
    }
    Ok(())
}

fn objects(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect()
}

#[test]
fn a_trace_fits_its_published_schema_and_leaves_the_run_as_it_was() {
    let (code, schema, _) = kraftsim(&["schema", "trace"]);
    assert_eq!(code, 0);
    let schema: Value = serde_json::from_str(&schema).expect("a schema");
    assert!(validate(&schema, &serde_json::json!({ "kind": "boot" }), "").is_err(), "the validator refuses something");
    // Brokers and all kinds of faults, and a quorum whose run fails.
    let failing: &[&str] = &["quorum", "--seed", "2", "--bug", "NoLogTest"];
    let runs: [&[&str]; 2] = [&["ci", "--seed", "3", "--until", "12s"], failing];
    let (mut kinds, mut causes) = (std::collections::BTreeSet::new(), 0);
    for run in runs {
        let (code, text, err) = kraftsim(&[&["replay"], run, &["--trace", "-"]].concat());
        assert!(matches!(code, 0 | 1), "{err}");
        let lines = objects(&text);
        for (number, line) in lines.iter().enumerate() {
            validate(&schema, line, &format!("line {number}")).unwrap_or_else(|problem| panic!("{problem}"));
            kinds.insert(line["kind"].as_str().expect("text").to_owned());
            causes += usize::from(line["violation_past"] == "cause");
        }
        let (_, _, plain) = kraftsim(&[&["replay"], run, &["--json", "-"]].concat());
        let digest = lines[0]["digest"].as_str().expect("text");
        assert!(plain.contains(digest), "{digest} is the digest without a trace, too: {plain}");
    }
    for kind in ["message_sent", "message_delivered", "timer_fired", "disk_synced", "state", "client", "fault_begin"] {
        assert!(kinds.contains(kind), "{kind} is among {kinds:?}");
    }
    assert!(causes > 0, "no step leads to the violation");
}

#[test]
fn a_dialogue_fits_its_published_schema_and_leaves_the_run_as_it_was() {
    let runs: [&[&str]; 4] = [
        &["quorum", "--seed", "1"],
        &["brokers", "--seed", "3", "--until", "15s"],
        &["snapshots", "--seed", "2", "--until", "40s"],
        &["membership", "--seed", "1", "--until", "20s"],
    ];
    let found = kinds_in_dialogues("dialogue", &runs);
    for wanted in "boot step aside down request response failure send answer append schedule read commit leader_change \
                   appended flushed quorum_state high_watermark wait create_snapshot freeze_snapshot"
        .split_whitespace()
    {
        assert!(found.contains(wanted), "{wanted} is among {found:?}");
    }
}

#[test]
fn a_dialogue_of_a_controller_fits_its_published_schema_and_leaves_the_run_as_it_was() {
    let runs: [&[&str]; 2] = [&["brokers", "--seed", "1", "--until", "15s"], &["ci", "--seed", "3", "--until", "40s"]];
    let found = kinds_in_dialogues("controller-dialogue", &runs);
    for wanted in "boot step request answer append schedule commit leader_change".split_whitespace() {
        assert!(found.contains(wanted), "{wanted} is among {found:?}");
    }
}

#[test]
fn a_dialogue_of_a_client_fits_its_published_schema_and_leaves_the_run_as_it_was() {
    let run: &[&str] = &["ci", "--seed", "3", "--until", "20s"];
    let mut found = kinds_in_dialogues_of("client-dialogue", "producer-1", &[run]);
    found.extend(kinds_in_dialogues_of("client-dialogue", "consumer-3", &[run]));
    let kinds = "boot step opened response send assign subscribe connect request batch record acked";
    for wanted in kinds.split_whitespace() {
        assert!(found.contains(wanted), "{wanted} is among {found:?}");
    }
}

#[test]
fn a_dialogue_of_a_replica_fits_its_published_schema_and_leaves_the_run_as_it_was() {
    let run: &[&str] = &["brokers", "--seed", "0", "--until", "40s"];
    let found = kinds_in_dialogues_of("partition-dialogue", "102:passing-0-0", &[run]);
    for wanted in "boot step down brokers call result submit".split_whitespace() {
        assert!(found.contains(wanted), "{wanted} is among {found:?}");
    }
    let (code, _, err) = kraftsim(&["replay", "brokers", "--seed", "0", "--partition-dialogue", "topic-0", "-o", "-"]);
    assert!(code == 2 && err.contains("not BROKER:TOPIC-N, such as 101:topic-0-0"), "{err}");
}

/// Of lines and entries, in the dialogues of node 1.
fn kinds_in_dialogues(name: &str, runs: &[&[&str]]) -> std::collections::BTreeSet<String> {
    kinds_in_dialogues_of(name, "1", runs)
}

/// Of lines and entries, in the dialogues of a node.
fn kinds_in_dialogues_of(name: &str, node: &str, runs: &[&[&str]]) -> std::collections::BTreeSet<String> {
    let (code, schema, _) = kraftsim(&["schema", name]);
    assert_eq!(code, 0);
    let schema: Value = serde_json::from_str(&schema).expect("a schema");
    let mut found = std::collections::BTreeSet::new();
    let flag = format!("--{name}");
    for run in runs {
        let (code, text, err) = kraftsim(&[&["replay"], *run, &[flag.as_str(), node, "-o", "-"]].concat());
        assert_eq!(code, 0, "{err}");
        let lines = objects(&text);
        for (number, line) in lines.iter().enumerate() {
            validate(&schema, line, &format!("line {number}")).unwrap_or_else(|problem| panic!("{problem}"));
            found.insert(line["kind"].as_str().expect("text").to_owned());
            let entries = line["entries"].as_array().into_iter().flatten();
            found.extend(entries.flat_map(|entry| entry.as_object().expect("an object").keys().cloned()));
        }
        let (_, _, plain) = kraftsim(&[&["replay"], *run, &["--json", "-"]].concat());
        let digest = lines[0]["digest"].as_str().expect("text");
        assert!(plain.contains(digest), "{digest} is the digest without a dialogue, too: {plain}");
    }
    found
}

#[test]
fn a_log_shows_what_is_requested() {
    let run = ["replay", "quorum", "--seed", "7", "--log"];
    let failing = ["replay", "quorum", "--seed", "2", "--bug", "NoLogTest", "--log"];
    let (code, out, _) =
        kraftsim(&[&failing[..], &["--grep", "vote", "--from", "29.716s", "--to", "29.737s"]].concat());
    assert_eq!(code, 1);
    insta::assert_snapshot!("log_of_votes", out);
    let (_, all, _) = kraftsim(&[&run[..], &["--from", "1s", "--to", "2s"]].concat());
    let (_, one, _) = kraftsim(&[&run[..], &["--from", "1s", "--to", "2s", "--node", "1"]].concat());
    let is_of_one = |line: &str| line[20..].starts_with("controller-1 ") || line.contains("FAULT");
    let other = one.lines().find(|line| !is_of_one(line) && !line.contains("-x controller-1 "));
    assert_eq!(other, None, "only what happens at the node, to its links and to what is sent to it");
    let missing = all.lines().find(|line| line[20..].starts_with("controller-1 ") && !one.contains(line));
    assert_eq!(missing, None, "all that happens at the node");
    assert!(!all.contains('\u{1b}'), "no colours where there is no terminal");
    let (_, ci, _) = kraftsim(&["replay", "ci", "--seed", "1", "--until", "6s", "--log", "--about", "timer"]);
    for fired_by in ["controller-event-queue fires: writeNoOpRecord", "raft-io fires: beginQuorumEpoch"] {
        assert!(ci.contains(fired_by), "{fired_by}");
    }
    let (_, about, _) = kraftsim(&["replay", "ci", "--seed", "1", "--until", "6s", "--log", "--about", "topic-0-0"]);
    let other = about.lines().find(|line| !line.contains("topic-0-0"));
    assert!(about.lines().count() > 10 && other.is_none(), "{other:?}");
}

#[test]
fn a_run_that_does_not_recover_says_what_it_repeats() {
    let repro = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/AdminCallForgottenInFlight.json");
    let (_, out, _) = kraftsim(&["replay", repro]);
    let json: Value = serde_json::from_str(&kraftsim(&["replay", repro, "--json", "-"]).1).expect("JSON");
    let most = json["repetitions"][0]["count"].as_u64();
    assert!(most.is_some_and(|count| out.contains(&format!("{count} times since all faults ended"))), "{most:?} {out}");
    let words = out.split_whitespace().collect::<Vec<_>>().join(" ");
    let repeated =
        "broker-101 receives DUPLICATE_BROKER_REGISTRATION in a response to BrokerRegistration from controller-1";
    assert!(words.contains(repeated), "{out}");
}

/// The chain of a violation that is judged when the step is over begins with that step, not with the next input; it names
/// the partition's records and the ends of processes, and marks the point of no return.
#[test]
fn why_tells_what_led_to_a_violation() {
    let chain = |bug: &str| {
        let repro = format!("{}/../fuzz/corpus/{bug}.json", env!("CARGO_MANIFEST_DIR"));
        let json: Value = serde_json::from_str(&kraftsim(&["why", &repro, "--json", "-"]).1).expect("JSON");
        let chain = json["chain"].as_array().expect("a list").clone();
        let texts: Vec<String> = chain.iter().map(|step| step["what"].as_str().expect("a text").to_owned()).collect();
        (chain, texts)
    };
    let (steps, texts) = chain("Kip497CommittedIsrOnly");
    let has = |text: &str| texts.iter().any(|step| step.contains(text));
    assert!(has("controller-1 halts") && has("controller-1 starts"), "{texts:#?}");
    assert!(has("broker-102 moves the high watermark of partition topic-0-1 to 1"), "{texts:#?}");
    assert!(!has("topic-1-") && !has("ApiVersions"), "{texts:#?}");
    let turning = steps.iter().filter(|step| step["is_point_of_no_return"] == true);
    let turning: Vec<&str> = turning.filter_map(|step| step["what"].as_str()).collect();
    assert!(turning.len() == 1 && turning[0].starts_with("broker-102 <- producer-2 Produce"), "{turning:?}");
    let last = texts.last().expect("the violation");
    assert!(last.contains("Produce response #6") && last.contains("(at 15.721 s, event 1326)"), "{last}");
    // This one is found in the step that violates the claim.
    let (_, texts) = chain("Kafka14296DemotionIgnored");
    assert!(texts.last().is_some_and(|last| !last.contains("(at ")), "{texts:#?}");
}

#[test]
fn a_log_without_lines_says_so() {
    let (code, out, err) =
        kraftsim(&["replay", "quorum", "--seed", "7", "--until", "1s", "--log", "--about", "nothing"]);
    assert_eq!((code, out.as_str()), (0, ""));
    assert!(err.contains("note: --log: the filters select no line of this run"), "{err}");
}

#[test]
fn what_a_log_cannot_show_is_said_before_anything_runs() {
    let run = ["replay", "quorum", "--seed", "7"];
    for (words, problem) in [
        (&["--log", "--grep", "Fetsch"][..], "error: --grep Fetsch: there is no such RPC; allowed: AddRaftVoter,"),
        (&["--log", "--node", "9"], "error: --node 9: this run has no such node; it has controller-1,"),
        (&["--log", "--around", "there"], "neither \"violation\" nor the number of an event"),
        (&["--grep", "Fetch"], "--log"),
        (&["--dialogue", "producer-0", "-o", "-"], "error: --dialogue producer-0: this run has no such node"),
        (
            &["--log", "--trace", "-"],
            "error: only one of --json -, --trace -, --html -, --pcap -, --perfetto -, --dialogue",
        ),
        (&["--log", "--from", "2s", "--to", "1s"], "error: --to is earlier than --from"),
    ] {
        let (code, out, err) = kraftsim(&[&run[..], words].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{words:?}");
        assert!(err.contains(problem), "{words:?}: {err}");
    }
}

#[test]
fn around_the_violation_are_its_causes() {
    let (code, out, err) =
        kraftsim(&["replay", "quorum", "--seed", "2", "--bug", "NoLogTest", "--log", "--around", "violation"]);
    assert_eq!(code, 1, "{err}");
    let lines: Vec<&str> = out.lines().collect();
    let place = lines.iter().position(|line| line.starts_with("! ")).expect("the violation");
    assert_eq!(place, 200);
    assert!(lines[place].contains(" VIOLATION of "), "{out}");
    insta::assert_snapshot!("log_around_violation", lines[place - 10..].join("\n"));
    let before = &lines[..place];
    assert!(before.iter().all(|line| line.starts_with("> ") || line.starts_with("* ")), "{out}");
    assert!(before.iter().any(|line| line.starts_with("> ")), "{out}");
}
