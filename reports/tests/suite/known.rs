//! Known findings: a failure of a scenario that lacks a fix of Kafka names the fix that removes it.

use std::fs;
use std::process::Command;

use crate::fake::{folder, kraftsim};
use serde_json::{Value, json};

const KNOWN: &str = "known finding: FlushRecoveredLog (scenarios/catalog/findings/README.md), --fix FlushRecoveredLog \
                     removes it";

/// Wrapped text as one line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A repeated run takes as long as the first, so only a few are repeated.
#[test]
fn the_first_failing_seeds_of_a_claim_say_it_in_every_output() {
    let here = folder("known-findings");
    let path = |name: &str| here.join(name).to_str().expect("text").to_owned();
    let sweep = |jobs: &str| {
        let (json, junit, out) = (path("out.json"), path("out.xml"), path(""));
        let flags = ["--json", &json, "--junit", &junit, "--out", &out, "--progress", "none"];
        let set = ["--set", "fail=10", "--set", "known=1"];
        let came = kraftsim(&[&["sweep", "quorum", "--seeds", "1..61", "-j", jobs], &set[..], &flags[..]].concat());
        assert_eq!(came.code, 1, "{came:?}");
        let junit = fs::read_to_string(&junit).expect("the file");
        assert_eq!(came.out.matches("known finding: FlushRecoveredLog").count(), 1, "{}", came.out);
        (came.err, serde_json::from_str::<Value>(&fs::read_to_string(&json).expect("the file")).expect("JSON"), junit)
    };
    let (err, json, junit) = sweep("1");
    assert_eq!(one_line(&err).matches(KNOWN).count(), 3, "{err}");
    assert_eq!(junit.matches(KNOWN).count(), 3, "{junit}");
    let found = |json: &Value| -> Vec<Value> {
        json["violations"].as_array().expect("a list").iter().map(|it| it["known_finding"].clone()).collect()
    };
    let one = json!({ "fixes": ["FlushRecoveredLog"], "each_alone": true, "is_shown": true });
    assert_eq!(found(&json), [one.clone(), one.clone(), one.clone(), Value::Null, Value::Null, Value::Null]);
    let (again, json_of_four, _) = sweep("4");
    assert_eq!(
        (one_line(&again).matches(KNOWN).count(), found(&json_of_four)),
        (3, found(&json)),
        "the same for any number of threads"
    );
    let chart = ["chart", "failover", "quorum", "--seeds", "1..61", "-o", &path("a.svg"), "--progress", "none"];
    let drawn = kraftsim(&[&chart[..], &["--set", "fail=10", "--set", "known=1"]].concat());
    assert_eq!((drawn.code, one_line(&drawn.err).matches(KNOWN).count()), (1, 3), "{drawn:?}");
    let merged = kraftsim(&["merge", &path("out.json"), "-o", "-"]);
    assert_eq!(found(&serde_json::from_str(&merged.out).expect("JSON")), found(&json), "merge keeps it");
}

/// On the real engine, in a scenario that lacks all fixes, of which several change the run.
#[test]
fn a_failing_run_names_the_fix_that_removes_it() {
    let here = folder("known-finding");
    let run = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kraftsim"));
        let came = command.args(words).current_dir(&here).env("GITHUB_ACTIONS", "true").output().expect("it starts");
        String::from_utf8(came.stderr).expect("text")
    };
    let shown = Command::new(env!("CARGO_BIN_EXE_kraftsim"))
        .args(["scenarios", "show", "findings/single-voter-flush-first"])
        .output()
        .expect("it starts");
    let toml = String::from_utf8(shown.stdout).expect("text");
    let lines = toml.lines().take_while(|line| !line.starts_with("[finding]"));
    let own: String = lines.filter(|line| !line.starts_with("fixes")).map(|line| format!("{line}\n")).collect();
    fs::write(here.join("own.toml"), own).expect("writes");

    let known = KNOWN.replace("FlushRecoveredLog", "SingleVoterFlushFirst");
    let said = run(&["replay", "findings/single-voter-flush-first", "--seed", "0"]);
    assert!(one_line(&said).contains(&known), "{said}");
    let said = run(&["sweep", "own.toml", "--seeds", "1", "--progress", "none"]);
    let (_, named) = said.split_once("  known finding: ").expect("it is known");
    assert!(named.contains("--fix SingleVoterFlushFirst"), "{said}");
    let annotation = said.lines().find(|line| line.starts_with("::error ")).expect("one");
    assert!(annotation.contains("%0Aknown finding: "), "{annotation}");

    let broken = run(&["replay", "findings/single-voter-flush-first", "--seed", "0", "--bug", "AckAtAppend"]);
    assert!(broken.contains("FAILED") && !broken.contains("known finding"), "a bug is to blame: {broken}");
}
