//! `sweep --guided` from end to end: a failure is reproduced by its file; invalid flag combinations are rejected.

use std::fs;
use std::sync::atomic::AtomicBool;

use crate::fake::{Came, folder};
use reports::catalog::Catalog;
use reports::output::Streams;
use reports::verb;
use serde_json::Value;

/// Runs `kraftsim` with these words, on the catalog.
fn kraftsim(words: &[&str]) -> Came {
    let words: Vec<String> = std::iter::once("kraftsim").chain(words.iter().copied()).map(str::to_owned).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let interrupted = AtomicBool::new(false);
    let code = verb::run(&words, &Catalog, &interrupted, &mut Streams::plain(&mut out, &mut err));
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Came { code, out: text(out), err: text(err) }
}

#[test]
fn a_failure_of_a_changed_plan_replays_from_its_file() {
    let here = folder("guided");
    let json = here.join("out.json");
    let (json, out) = (json.to_str().expect("text"), here.to_str().expect("text"));
    let sweep = ["sweep", "quorum", "--guided", "--seeds", "7..167", "--max-fail", "1000"];
    let altered = ["--set", "duration=8s", "--bug", "NoChecksumOnRecovery"];
    let kept = ["--verbose", "--progress", "none", "--json", json, "--out", out];
    let came = kraftsim(&[&sweep[..], &altered, &kept].concat());
    assert_eq!(came.code, 1, "{came:?}");
    assert!(came.out.contains(" of fresh seeds: ") && came.out.contains(" of changed plans: "), "{}", came.out);

    let swept: Value = serde_json::from_str(&fs::read_to_string(json).expect("the file")).expect("JSON");
    let runs = |name: &str| swept["guided"][name].as_u64().expect("a number");
    assert_eq!(runs("runs_fresh") + runs("runs_led"), 160);
    assert_eq!(swept["coverage_estimate"]["runs"], swept["guided"]["runs_fresh"]);
    let led = |violation: &&Value| violation["repro"].as_str().is_some_and(|path| path.contains("-guided-"));
    let led = swept["violations"].as_array().expect("a list").iter().find(led).expect("a changed plan fails, too");
    let command = led["command"].as_str().expect("text");
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    let again = kraftsim(&words);
    assert_eq!(again.code, 1, "the same digest, the same violation: {command} {}", again.err);
    let said = again.err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(led["detail"].as_str().expect("text")), "{said}");

    let merged = kraftsim(&["merge", json, json, "-o", "-"]);
    assert_eq!(merged.code, 2, "{}", merged.err);
    assert!(merged.err.contains("out.json is of a guided search: "), "{}", merged.err);
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (flags, named) in [(&["--shard", "1/2"][..], "--shard"), (&["--check-determinism"][..], "--check-determinism")]
    {
        let came = kraftsim(&[&["sweep", "quorum", "--guided"][..], flags].concat());
        assert_eq!(came.code, 2, "{came:?}");
        assert!(came.err.contains("--guided") && came.err.contains(named), "{}", came.err);
    }
    let came = crate::fake::kraftsim(&["sweep", "quorum", "--guided", "--seeds", "3"]);
    assert_eq!((came.code, came.err.as_str()), (2, "error: --guided: this engine has no plans that can be changed\n"));
}
