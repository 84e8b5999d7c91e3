//! Written results: the JSON and the JUnit XML of a sweep, repro files, merged shards, replays.

use std::fs;
use std::path::Path;

use crate::fake::{folder, kraftsim, kraftsim_at, timeless_xml};
use serde_json::Value;

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("the file")).expect("JSON")
}

/// Real time, paths of this machine, the host of this build and the last hunt are not part of the snapshot.
fn timeless(mut json: Value, folder: &Path) -> String {
    for field in ["wall_seconds", "core_seconds", "events_per_second_per_core", "sim_seconds_per_second_per_core"] {
        json[field] = 0.into();
    }
    for of in json["by_scenario"].as_array_mut().expect("a list") {
        of["core_seconds"] = 0.into();
    }
    json["host"] = "HOST".into();
    json["commit"] = "COMMIT".into();
    json["coverage_estimate"]["power"] = "POWER".into();
    serde_json::to_string_pretty(&json).expect("JSON").replace(folder.to_str().expect("text"), "DIR")
}

#[test]
fn the_json_of_a_sweep() {
    let here = folder("json-of-a-sweep");
    let json = here.join("out.json");
    let came = kraftsim(&[
        "sweep",
        "quorum",
        "--seeds",
        "7..31",
        "-j2",
        "--set",
        "fail=20",
        "--set",
        "expect=<= 1.5s",
        "--bug",
        "VoteNotDurable",
        "--progress",
        "none",
        "--json",
        json.to_str().expect("text"),
        "--out",
        here.to_str().expect("text"),
    ]);
    assert_eq!(came.code, 1, "{came:?}");
    let text = fs::read_to_string(&json).expect("the file");
    let order: Vec<&str> =
        text.lines().filter_map(|l| l.strip_prefix("  \"")?.split_once('"').map(|(k, _)| k)).collect();
    insta::assert_snapshot!("sweep_json_field_order", order.join(" "));
    insta::assert_snapshot!("sweep_json", timeless(read(&json), &here));
    let mut repro = read(&here.join("quorum-0x0000000000000014.json"));
    assert_eq!(repro["commit"], reports::COMMIT.map_or(Value::Null, Value::from));
    repro["commit"] = "COMMIT".into();
    insta::assert_snapshot!("repro_json", serde_json::to_string_pretty(&repro).expect("JSON"));
    let said = came.err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("FAILED LeaderCompleteness (safety) in quorum seed 0x0000000000000014 at 12.345 s"),
        "{said}"
    );
    let mut left: Vec<_> = fs::read_dir(&here).expect("reads").map(|e| e.expect("entry").file_name()).collect();
    left.sort();
    assert_eq!(left, ["out.json", "quorum-0x0000000000000014.json"], "no temporary file stays");
}

#[test]
fn a_failure_replays_from_its_command_and_from_its_file() {
    let here = folder("replays");
    let swept = kraftsim(&[
        "sweep",
        "quorum",
        "--seeds",
        "1..30",
        "--set",
        "fail=20",
        "--progress",
        "none",
        "--json",
        "-",
        "--out",
        here.to_str().expect("text"),
    ]);
    let json: Value = serde_json::from_str(&swept.out).expect("only JSON on stdout");
    let violation = &json["violations"][0];
    let text = |field: &str| violation[field].as_str().expect("text").to_owned();
    assert!(swept.err.contains(&text("command")), "{}", swept.err);

    let command = text("command");
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    let again = kraftsim(&words);
    assert_eq!(again.code, 1, "{again:?}");
    assert!(again.out.contains("offset 20 is on no majority"), "{}", again.out);

    let repro = text("repro");
    assert_eq!(kraftsim(&["replay", &repro]).code, 1);
    let run = kraftsim(&["replay", &repro, "--json", "-"]);
    let run: Value = serde_json::from_str(&run.out).expect("only JSON on stdout");
    assert_eq!(run["schema"], "kraftsim.run.v1");
    assert_eq!((&run["verdict"], &run["exit_code"]), (&"safety".into(), &1.into()), "as a sweep has them");
    assert_eq!(run["violations"][0]["detail"], violation["detail"]);
    assert_eq!(run["plan"], serde_json::json!([{ "at_ns": 20 }]));
    // Other flags make another run: its digest is not compared with the file's.
    let mended = kraftsim(&["replay", &repro, "--set", "fail=21"]);
    assert_eq!(mended.code, 0, "{mended:?}");
}

#[test]
fn a_run_that_ends_before_until_says_so() {
    let came = kraftsim(&["replay", "quorum", "--seed", "1", "--until", "500s"]);
    assert_eq!((came.code, came.err.as_str()), (0, "note: the run ended at 60.000 s, before --until 500.000 s\n"));
    // The run was not cut short, so its floor is evaluated; up to that time it would not be.
    let judged =
        |until: &str| kraftsim(&["replay", "quorum", "--seed", "1", "--set", "floor=1", "--until", until]).code;
    assert_eq!((judged("60s"), judged("61s")), (0, 4));
}

#[test]
fn out_makes_its_folder() {
    let here = folder("out-makes");
    let out = here.join("a/b");
    let came = kraftsim(&["replay", "quorum", "--seed", "9", "--out", out.to_str().expect("text")]);
    assert!(came.code == 0 && out.join("quorum-0x0000000000000009.json").is_file(), "{came:?}");
}

#[test]
fn another_digest_is_reported_with_its_rung() {
    let here = folder("mismatch");
    let out = here.to_str().expect("text");
    kraftsim(&["replay", "quorum", "--seed", "9", "--out", out]);
    let path = here.join("quorum-0x0000000000000009.json");
    let text = fs::read_to_string(&path).expect("a repro");
    let digest = read(&path)["expect_digest"].as_str().expect("text").to_owned();
    fs::write(&path, text.replace(&digest, &"0".repeat(32))).expect("writes");
    let came = kraftsim(&["replay", path.to_str().expect("text")]);
    assert_eq!(came.code, 5, "{came:?}");
    assert!(came.err.contains("DIGEST MISMATCH: "), "{}", came.err);
    assert!(came.err.contains("the first rung that differs is at entry 200; entry 100 agrees"), "{}", came.err);
    let came = kraftsim(&["replay", "quorum", "--seed", "9", "--expect-digest", &"0".repeat(32)]);
    assert_eq!(came.code, 5, "{came:?}");
}

#[test]
fn merged_shards_are_the_whole() {
    let here = folder("merge");
    let path = |name: &str| here.join(name).to_str().expect("text").to_owned();
    let sweep = |shard: &str, name: &str| {
        let json = path(name);
        kraftsim(&[
            "sweep",
            "quorum",
            "controller-failover",
            "--seeds",
            "3..91",
            "--shard",
            shard,
            "--set",
            "fail=13",
            "--set",
            "expect=<= 1.5s",
            "--progress",
            "none",
            "--max-fail",
            "1000",
            "--json",
            &json,
            "--out",
            &path("repros"),
        ])
    };
    sweep("1/1", "whole.json");
    for i in 1..=3 {
        sweep(&format!("{i}/3"), &format!("{i}.json"));
    }
    let merged = kraftsim(&[
        "merge",
        &path("3.json"),
        &path("1.json"),
        &path("2.json"),
        &path("1.json"),
        "-o",
        &path("all.json"),
    ]);
    assert_eq!(merged.code, 1, "{merged:?}");
    // Each shard decides which twenty failures have a repro file.
    let plain = |name: &str| {
        let mut json = read(&here.join(name));
        for violation in json["violations"].as_array_mut().expect("a list") {
            violation["repro"] = Value::Null;
        }
        let parts = json["parts"].take();
        assert_eq!(parts.as_array().map(Vec::len), Some(if name == "all.json" { 3 } else { 1 }));
        timeless(json, &here)
    };
    assert_eq!(plain("all.json"), plain("whole.json"));
    let overlap = kraftsim(&["merge", &path("all.json"), &path("2.json"), "-o", "-"]);
    assert_eq!(overlap.code, 2, "{overlap:?}");
    assert!(overlap.err.contains("both hold seed 0x0000000000000004"), "{}", overlap.err);
}

#[test]
fn a_shard_that_was_run_twice_counts_once_unless_it_differs() {
    let here = folder("twins");
    let path = |name: &str| here.join(name).to_str().expect("text").to_owned();
    for name in ["once.json", "again.json"] {
        let (json, out) = (path(name), path(&format!("repros-of-{name}")));
        let flags = ["--set", "fail=13", "--progress", "none", "--json", &json, "--out", &out];
        assert_eq!(kraftsim(&[&["sweep", "quorum", "--seeds", "40"][..], &flags].concat()).code, 1);
    }
    // The two sweeps took different times, and put their repro files in different places.
    let both = kraftsim(&["merge", &path("once.json"), &path("again.json"), "-o", &path("all.json")]);
    assert_eq!(both.code, 1, "{both:?}");
    assert_eq!(timeless(read(&here.join("all.json")), &here), timeless(read(&here.join("once.json")), &here));

    let mut other = read(&here.join("again.json"));
    other["events"] = (other["events"].as_u64().expect("a number") + 1).into();
    fs::write(path("other.json"), other.to_string()).expect("writes");
    let refused = kraftsim(&["merge", &path("once.json"), &path("other.json"), "-o", &path("none.json")]);
    assert_eq!(refused.code, 5, "{refused:?}");
    let said = "other.json are sweeps of the same seeds with different results (events ";
    assert!(refused.err.contains(said), "{}", refused.err);
    assert!(!here.join("none.json").exists(), "nothing half-written");
}

#[test]
fn at_most_twenty_repro_files_are_written() {
    let here = folder("twenty");
    let out = here.to_str().expect("text");
    let came = kraftsim(&[
        "sweep",
        "--seeds",
        "25",
        "--set",
        "fail=1",
        "--max-fail",
        "23",
        "--progress",
        "none",
        "--json",
        "-",
        "--out",
        out,
    ]);
    let json: Value = serde_json::from_str(&came.out).expect("JSON");
    let violations = json["violations"].as_array().expect("a list");
    assert_eq!((violations.len(), violations.iter().filter(|v| v["repro"].is_null()).count()), (23, 3));
    assert_eq!(fs::read_dir(&here).expect("reads").count(), 20);
    assert!(violations.iter().all(|v| v["command"].as_str().is_some_and(|c| c.contains("--expect-digest"))));
}

/// Without the lines that differ between builds.
fn of_this_sweep(text: &str) -> String {
    let differs =
        ["  ran  ", "seeds: ", " in 0.", "per core", "simulated second", "core)", "of the last hunt", "program "];
    let lines: Vec<&str> = text.lines().filter(|line| !differs.iter().any(|part| line.contains(part))).collect();
    lines.join("\n")
}

#[test]
fn the_summary() {
    let words = ["sweep", "quorum", "--seeds", "1..41", "--set", "expect=<= 4s", "--progress", "plain"];
    let came = kraftsim(&words);
    assert!(came.err.ends_with("eta 0s\n"), "{}", came.err);
    insta::assert_snapshot!("summary", of_this_sweep(&came.out));
    let verbose = kraftsim(&[&words[..], &["--verbose"]].concat());
    let (details, summary) = verbose.out.split_once("\n\n").expect("details, then the summary");
    assert_eq!(of_this_sweep(summary), of_this_sweep(&came.out).trim_end());
    insta::assert_snapshot!("details", of_this_sweep(details));
}

#[test]
fn a_failing_sweep_ends_with_its_reproduce_lines() {
    let out = folder("reproduce-lines");
    let out = out.to_str().expect("text");
    let words =
        ["sweep", "quorum", "--seeds", "0..140", "--set", "fail=20", "--set", "full=1", "--set", "expect=<= 1s"];
    let words = [&words[..], &["--progress", "none", "--out", out]].concat();
    for width in [30, 48, 60, 72, 80, 120, 250] {
        let came = kraftsim_at(width, &words);
        let (summary, end) = came.out.split_once("reproduce with\n").expect("reproduce lines");
        assert!(summary.lines().count() <= 14 || width < 80, "{}", came.out);
        assert!(came.out.lines().all(|line| line.chars().count() <= width.max(56)), "{width}: {}", came.out);
        let (commands, next) = end.split_once("  and 3 more in the JSON (--json PATH)\n").expect("what is left out");
        assert_eq!(commands.matches("  kraftsim replay ").count(), 5, "{end}");
        let next = next.replace(" \\\n   ", "");
        assert!(next.starts_with("look closer with\n  kraftsim replay quorum --seed 0x"), "{end}");
        assert!(next.contains(" --log --around violation\n  kraftsim shrink quorum --seed 0x"), "{end}");
        let first = end.replace(" \\\n   ", "");
        assert!(came.err.contains(first.lines().next().expect("a command").trim()), "{first}");
        if width == 80 {
            insta::assert_snapshot!("summary_of_failures", of_this_sweep(&came.out));
        }
    }
}

#[test]
fn the_junit_of_a_sweep() {
    let here = folder("junit");
    let path = here.join("out.xml");
    let came = kraftsim(&[
        "sweep",
        "quorum",
        "controller-failover",
        "--seeds",
        "1..41",
        "--set",
        "fail=20",
        "--set",
        "floor=15",
        "--set",
        "expect=<= 1.5s",
        "--set",
        "probe=never",
        "--set",
        "from=40",
        "--require-probe",
        "rare",
        "--require-probe",
        "a<b>&\"c\"",
        "--bug",
        "VoteNotDurable",
        "--progress",
        "none",
        "--junit",
        path.to_str().expect("text"),
        "--out",
        here.to_str().expect("text"),
    ]);
    assert_eq!(came.code, 1, "{came:?}");
    let xml = fs::read_to_string(&path).expect("reads").replace(here.to_str().expect("text"), "DIR");
    insta::assert_snapshot!("junit", timeless_xml(&xml));
    // Totals equal the counted elements, in each suite and in all.
    for (attribute, element) in
        [("tests", "<testcase "), ("failures", "<failure "), ("errors", "<error "), ("skipped", "<skipped ")]
    {
        let count = |head: &str| -> usize {
            let (_, rest) = head.split_once(&format!(" {attribute}=\"")).expect("the attribute");
            rest.split_once('"').and_then(|(n, _)| n.parse().ok()).expect("a number")
        };
        assert_eq!(count(&xml), xml.matches(element).count(), "{attribute}");
        for suite in xml.split("<testsuite ").skip(1) {
            assert_eq!(count(suite), suite.matches(element).count(), "{attribute}");
        }
    }
    let mut timed = xml.lines().filter(|line| line.contains("<testcase ") && !line.contains(" time=\"0.000\""));
    assert!(timed.all(|case| case.contains("name=\"sweep\"")), "{xml}");
    let names = xml.split("<testcase name=\"").skip(1).filter_map(|case| case.split_once('"'));
    assert!(names.clone().count() > 0 && names.clone().all(|(name, _)| !name.contains("0x")), "seeds are no names");
}
