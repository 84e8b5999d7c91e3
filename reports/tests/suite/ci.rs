//! A sweep in a CI: ended by a signal, killed, started again, on a full disk, merged from a part of its shards, and
//! shown on a page.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::fake::{Came, folder, kraftsim, kraftsim_interrupted, timeless_xml};

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A file without real time.
fn timeless(path: &Path) -> String {
    let text = timeless_xml(&read(path));
    let timed = ["\"wall_seconds", "\"core_seconds", "\"events_per_second", "\"sim_seconds_per_second"];
    let lines = text.lines().map(|line| if timed.iter().any(|part| line.contains(part)) { "TIME" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

/// The summary without its first lines, which contain real time.
fn rateless(summary: &str) -> &str {
    summary.split_once("\n  kafka").expect("a summary").1
}

/// Text without its line breaks.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Command line of a sweep whose results are in a folder.
fn sweep_into(here: &Path, name: &str, flags: &[&str]) -> Vec<String> {
    let path = |name: String| here.join(name).to_str().expect("text").to_owned();
    let mut words: Vec<String> = ["sweep", "quorum", "--progress", "none"].map(str::to_owned).into();
    words.extend(["--json".to_owned(), path(format!("{name}.json"))]);
    words.extend(["--junit".to_owned(), path(format!("{name}.xml"))]);
    words.extend(["--out".to_owned(), path("repros".to_owned())]);
    words.extend(flags.iter().map(|flag| (*flag).to_owned()));
    words
}

fn borrowed(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

#[test]
fn a_sweep_that_goes_on_comes_to_what_one_start_would() {
    let here = folder("checkpoint");
    let file = here.join("checkpoint.json").to_str().expect("text").to_owned();
    let rich = ["--set", "fail=29", "--set", "floor=31", "--set", "expect=<= 1.5s", "--set", "full=1", "-j2"];
    let cases: [(&str, &[&str], u8); 5] = [
        ("plain", &["--seeds", "3..200"], 1),
        ("two scenarios", &["controller-failover", "--seeds", "3..200"], 1),
        ("shard", &["--seeds", "3..400", "--shard", "2/2"], 1),
        ("max fail", &["--seeds", "3..400", "--max-fail", "5"], 1),
        ("determinism", &["--seeds", "3..600", "--check-determinism"], 1),
    ];
    for (name, flags, code) in cases {
        let flags = [flags, &rich].concat();
        let whole = kraftsim(&borrowed(&sweep_into(&here, "whole", &flags)));
        assert_eq!(whole.code, code, "{name}: {whole:?}");

        let words = sweep_into(&here, "on", &[&flags[..], &["--checkpoint", &file]].concat());
        let first = kraftsim_interrupted(60, &borrowed(&words));
        assert_eq!(first.code, 130, "{name}: {first:?}");
        let partial = read(&here.join("on.json"));
        assert!(partial.contains("\"interrupted\": true") && partial.contains("\"exit_code\": 130"), "{name}");
        let second = kraftsim(&borrowed(&words));
        let third = kraftsim(&borrowed(&words));
        assert!(crate::unwrapped(&second.err).contains("; the sweep continues"), "{name}: {second:?}");
        assert!(crate::unwrapped(&third.err).contains("; the sweep is complete"), "{name}: {third:?}");
        for again in [&second, &third] {
            assert_eq!((again.code, rateless(&again.out)), (code, rateless(&whole.out)), "{name}");
            assert_eq!(again.err.matches("FAILED ").count(), whole.err.matches("FAILED ").count(), "{name}");
        }
        for form in ["json", "xml"] {
            let of = |name: &str| timeless(&here.join(format!("{name}.{form}")));
            assert_eq!(of("on"), of("whole"), "{name}");
        }
        fs::remove_file(&file).expect("a checkpoint");
    }
}

#[test]
fn a_checkpoint_of_another_sweep_is_refused() {
    let here = folder("checkpoint-of-another");
    let file = here.join("checkpoint.json").to_str().expect("text").to_owned();
    let sweep = |flags: &[&str]| {
        let words = sweep_into(&here, "out", &[&["--checkpoint", &file], flags].concat());
        kraftsim(&borrowed(&words))
    };
    assert_eq!(sweep(&["--seeds", "40"]).code, 0);
    let before = read(Path::new(&file));
    let table: &[(&[&str], &str)] = &[
        (&["--seeds", "41"], "--seeds was 0..40 and is 0..41"),
        (&["--seeds", "40", "--shard", "1/2"], "--shard was 1/1 and is 1/2"),
        (&["--seeds", "40", "--max-fail", "1"], "--max-fail was 20 and is 1"),
        (&["--seeds", "40", "--for", "1m"], "--for was absent and is 60.000 s"),
        (&["--seeds", "40", "--check-determinism"], "--check-determinism was absent and is given"),
        (&["--seeds", "40", "--black-box", "3"], "--black-box was 16 and is 3"),
        (&["--seeds", "40", "--set", "fail=7"], "--set was none and is fail=7"),
        (&["--seeds", "40", "--bug", "VoteNotDurable"], "bugs was none and is VoteNotDurable"),
        (&["--seeds", "40", "--guided"], "'--checkpoint <FILE>' cannot be used with '--guided'"),
    ];
    for (flags, message) in table {
        let came = sweep(flags);
        assert!(came.code == 2 && came.err.contains(message), "{flags:?}: {came:?}");
        assert_eq!((came.err.matches("error: ").count(), came.out.as_str()), (1, ""), "{flags:?}: {came:?}");
    }
    let broken = [
        (before.replace("\"sim_ns\": \"", "\"sim_ns\": \"x"), "checkpoint.json:"),
        (before.replace("checkpoint.v1", "sweep.v1"), "kraftsim.checkpoint.v1 is wanted"),
        (before.replace("\"scenario\": \"quorum\"", "\"scenario\": \"other\""), "it does not have the scenarios"),
        (before.replace("\"ended\": \"complete\"", "\"ended\": \"late\""), "allowed: complete, max_fail, time_limit"),
        (before.replace(reports::COMMIT.unwrap_or("null"), "f00"), "commit was f00 and is "),
    ];
    for (text, message) in broken {
        if text == before {
            continue; // a build whose commit is not known
        }
        fs::write(&file, text).expect("writes");
        let came = sweep(&["--seeds", "40"]);
        assert!(came.code == 2 && came.err.contains(message), "{message}: {came:?}");
        assert!(came.err.lines().count() == 1, "{came:?}");
    }
}

/// The binary, which runs the catalog.
fn binary(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kraftsim"));
    command.args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill");
    assert!(sent.success(), "{signal}");
}

/// Waits until a condition holds; a machine may be slow.
#[expect(clippy::disallowed_methods, reason = "waits for another process")]
fn wait_for(what: &str, mut came: impl FnMut() -> bool) {
    for _ in 0..1200 {
        if came() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{what} never came");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A signal that is ignored here is ignored by each process started from here: a shell without job control starts its
/// background jobs with SIGINT ignored.
fn is_ignored(signal: u32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// A long sweep, sent this signal once it is under way.
fn signalled(here: &Path, signal: &str, mut command: Command) -> Output {
    let checkpoint = here.join("checkpoint.json");
    let child = command.spawn().expect("it starts");
    wait_for("a checkpoint", || checkpoint.exists());
    send(signal, &child);
    child.wait_with_output().expect("it ends")
}

#[test]
fn signals_end_a_sweep_with_partial_results() {
    let signals = [("-TERM", 15), ("-HUP", 1), ("-INT", 2)];
    for (signal, _) in signals.into_iter().filter(|(_, number)| !is_ignored(*number)) {
        let here = folder(&format!("signal{signal}"));
        let file = here.join("checkpoint.json").to_str().expect("text").to_owned();
        let words = sweep_into(&here, "out", &["--seeds", "1000000", "-j1", "--checkpoint", &file]);
        let came = signalled(&here, signal, binary(&borrowed(&words)));
        assert_eq!(came.status.code(), Some(130), "{signal}: {}", text(&came.stderr));
        assert!(text(&came.stdout).contains("(exit 130)"), "{signal}: {}", text(&came.stdout));
        let json: Value = serde_json::from_str(&read(&here.join("out.json"))).expect("JSON");
        let runs = json["seeds_run"].as_u64().expect("a number");
        assert!((1..1_000_000).contains(&runs), "{signal}: {runs} runs");
        assert_eq!((&json["interrupted"], &json["verdict"]), (&true.into(), &"interrupted".into()), "{signal}");
        assert_eq!(json["parts"][0]["ended"], "interrupted");
        assert!(read(&here.join("out.xml")).contains("type=\"interrupted\""), "{signal}");
        let checkpoint: Value = serde_json::from_str(&read(Path::new(&file))).expect("JSON");
        assert_eq!(checkpoint["sweep"]["seeds_run"], runs, "{signal}: the checkpoint has all of it");
    }
}

#[test]
fn a_hangup_that_nohup_ignores_stays_ignored() {
    let here = folder("nohup");
    let file = here.join("checkpoint.json").to_str().expect("text").to_owned();
    let words = sweep_into(&here, "out", &["--for", "3s", "-j1", "--checkpoint", &file]);
    let mut command = Command::new("nohup");
    command.arg(env!("CARGO_BIN_EXE_kraftsim")).args(&words).stdout(Stdio::piped()).stderr(Stdio::piped());
    let came = signalled(&here, "-HUP", command);
    assert_ne!(came.status.code(), Some(130), "{}", text(&came.stderr));
    assert!(read(&here.join("out.json")).contains("\"interrupted\": false"));
}

#[test]
fn a_killed_sweep_goes_on_from_its_checkpoint() {
    let here = folder("killed");
    let file = here.join("checkpoint.json");
    let seeds = ["--seeds", "300"];
    let words = sweep_into(&here, "on", &[&seeds[..], &["--checkpoint", file.to_str().expect("text")]].concat());
    let slow: Vec<&str> = borrowed(&words).into_iter().chain(["-j1"]).collect();
    let killed = signalled(&here, "-KILL", binary(&slow));
    assert_eq!(killed.status.code(), None, "a signal ended it: {}", text(&killed.stderr));
    assert!(!here.join("on.json").exists());
    let stored: Value = serde_json::from_str(&read(&file)).expect("whole, whenever it is killed");
    let runs = stored["sweep"]["seeds_run"].as_u64().expect("a number");
    assert!((1..300).contains(&runs), "{runs} of 300 runs");

    let on = binary(&borrowed(&words)).output().expect("it ends");
    assert!(text(&on.stderr).contains(&format!("holds {runs} run")), "{}", text(&on.stderr));
    let whole = binary(&borrowed(&sweep_into(&here, "whole", &seeds))).output().expect("it ends");
    assert_eq!(on.status.code(), whole.status.code(), "{}", text(&on.stderr));
    assert_eq!(timeless(&here.join("on.json")), timeless(&here.join("whole.json")));
    assert_eq!(timeless(&here.join("on.xml")), timeless(&here.join("whole.xml")));
    assert_eq!(fs::read_dir(&here).expect("reads").count(), 5, "no temporary file stays");
}

#[test]
fn a_full_disk_takes_neither_the_summary_nor_the_verdict() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let sweep =
        |flags: &[&str]| kraftsim(&[&["sweep", "quorum", "--seeds", "1..40", "--progress", "none"], flags].concat());
    let full = |came: &Came, file: &str| came.err.contains(&format!("error: {file}: No space left on device"));
    let held = sweep(&["--json", "/dev/full"]);
    assert!(held.code == 2 && held.out.contains("(exit 0)") && full(&held, "/dev/full"), "{held:?}");
    let here = folder("full-disk");
    let (out, xml) = (here.to_str().expect("text").to_owned(), here.join("out.xml"));
    let failing = ["--set", "fail=20", "--out", &out, "--json", "/dev/full", "--junit", xml.to_str().expect("text")];
    let failed = sweep(&failing);
    assert!(failed.code == 1 && failed.out.contains("(exit 1)") && full(&failed, "/dev/full"), "{failed:?}");
    assert!(xml.exists(), "one file that cannot be written does not take the others");
    let odd = sweep(&["--checkpoint", "/dev/full"]);
    assert!(odd.code == 2 && odd.err.contains("/dev/full is no file"), "{odd:?}");
    // Standard output itself.
    let words = ["sweep", "quorum", "--seeds", "2", "--progress", "none"];
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("opens");
    let came = binary(&words).stdout(full).output().expect("it ends");
    assert!(text(&came.stderr).contains("error: standard output: "), "{}", text(&came.stderr));
    assert!(fs::metadata("/dev/full").is_ok_and(|full| !full.is_file()), "a device is not replaced");
}

/// With a file that cannot be written, and then with a standard output that cannot, each verb still reports the verdict
/// of its run.
#[test]
fn a_full_disk_takes_the_verdict_of_no_verb() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let case = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/AckAtAppend.json");
    let here = folder("full-disk-verbs");
    let shrunk = here.join("shrunk.json");
    let shrunk = shrunk.to_str().expect("text");
    let rows: [(&[&str], &[&str], &str, i32); 5] = [
        (&["replay", case], &["--json", "/dev/full"], "DOES NOT HOLD", 1),
        (&["replay", case], &["--trace", "/dev/full"], "DOES NOT HOLD", 1),
        (&["why", case, "--progress", "none"], &["--json", "/dev/full"], "causal chain", 1),
        (&["shrink", case, "--progress", "none", "-o", shrunk], &["-o", "/dev/full"], "tried", 1),
        (&["bugs", "hunt", "VoteNotDurable", "--for", "60s"], &["--json", "/dev/full"], "1 of 1 caught", 2),
    ];
    for (words, file, summary, code) in rows {
        let kept = words.iter().take(words.len() - if file[0] == "-o" { 2 } else { 0 });
        let came = binary(&kept.chain(file).copied().collect::<Vec<_>>()).output().expect("it ends");
        let (out, err) = (text(&came.stdout), text(&came.stderr));
        assert!(out.contains(summary) && came.status.code() == Some(code), "{words:?} {file:?}: {out}{err}");
        assert!(err.contains("error: /dev/full: No space left on device"), "{words:?} {file:?}: {err}");

        let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("opens");
        let came = binary(words).stdout(full).output().expect("it ends");
        let err = text(&came.stderr);
        assert!(err.contains("error: standard output: ") && came.status.code() == Some(code), "{words:?}: {err}");
    }
    // Without a repro file the command is longer, but the verdict is the same.
    let limited = "ulimit -f 0; trap '' XFSZ; exec \"$0\" \"$@\"";
    let mut command = Command::new("bash");
    command
        .args(["-c", limited, env!("CARGO_BIN_EXE_kraftsim"), "replay", case, "--out"])
        .arg(folder("full-disk-files"));
    let came = command.output().expect("bash");
    let (out, err) = (text(&came.stdout), text(&came.stderr));
    assert!(out.contains("DOES NOT HOLD") && err.contains("error: ") && came.status.code() == Some(1), "{out}{err}");
}

#[test]
fn a_disk_that_is_full_from_the_start_costs_only_the_files() {
    // No file may grow; output goes to pipes.
    let limited = "ulimit -f 0; trap '' XFSZ; exec \"$0\" \"$@\"";
    let here = folder("no-room");
    let sweep = |flags: &[&str]| {
        let file = here.join("checkpoint.json");
        let checkpoint = ["--seeds", "4", "--checkpoint", file.to_str().expect("text")];
        let words = sweep_into(&here, "out", &[&checkpoint, flags].concat());
        let mut command = Command::new("bash");
        let came = command.args(["-c", limited, env!("CARGO_BIN_EXE_kraftsim")]).args(&words).output().expect("bash");
        (came.status.code(), text(&came.stdout), text(&came.stderr))
    };
    let (code, out, err) = sweep(&[]);
    let verdict = if out.contains("(exit 0)") { 2 } else { 4 };
    assert!(out.contains("  verdict ") && code == Some(verdict), "{out}{err}");
    assert_eq!(err.matches("error: ").count(), 3, "JSON, JUnit and checkpoint: {err}");
    let (code, out, err) = sweep(&["--bug", "NoLogTest"]);
    assert!(code == Some(1) && out.contains("(exit 1)") && err.contains("no repro file: "), "{out}{err}");
    assert_eq!(fs::read_dir(&here).expect("reads").count(), 1, "only the empty folder of repro files");
}

/// Shards of a sweep of these flags, written to files.
fn shards(here: &Path, of: u32, interrupted: Option<(u32, u64)>, flags: &[&str]) -> Vec<PathBuf> {
    let shard = |index: u32| {
        let name = format!("{index}");
        let shard = format!("{index}/{of}");
        let flags = [&["--seeds", "3..91", "--shard", &shard], flags].concat();
        let words = sweep_into(here, &name, &flags);
        match interrupted {
            Some((which, seed)) if which == index => {
                assert_eq!(kraftsim_interrupted(seed, &borrowed(&words)).code, 130)
            }
            _ => assert_ne!(kraftsim(&borrowed(&words)).code, 2),
        }
        here.join(format!("{name}.json"))
    };
    (1..=of).map(shard).collect()
}

#[test]
fn a_merge_knows_what_is_missing() {
    let here = folder("merge-gaps");
    let (all, xml) = (here.join("all.json"), here.join("all.xml"));
    let merge = |files: &[&PathBuf], flags: &[&str]| {
        let _ = (fs::remove_file(&all), fs::remove_file(&xml));
        let mut words = vec!["merge"];
        words.extend(files.iter().map(|file| file.to_str().expect("text")));
        words.extend(["-o", all.to_str().expect("text"), "--junit", xml.to_str().expect("text")]);
        words.extend(flags);
        kraftsim(&words)
    };
    let shards_of = |interrupted, flags: &[&str]| shards(&here, 4, interrupted, flags);
    let json = || -> Value { serde_json::from_str(&read(&all)).expect("JSON") };

    // Nothing failed, one shard is absent and one was interrupted (its seeds are 5, 9, 13, ...).
    let files = shards_of(Some((3, 29)), &["-j1"]);
    let some = [&files[0], &files[2], &files[3]];
    let refused = merge(&some, &[]);
    let missing = "shard 2/4 of seeds 3..91 is missing; shard 3/4 of seeds 3..91 was interrupted after 7 runs";
    assert!(refused.code == 2 && refused.err.contains(missing), "{refused:?}");
    assert!(!all.exists() && !xml.exists(), "nothing half-written");
    let partial = merge(&some, &["--partial"]);
    assert!(
        partial.code == 4
            && unwrapped(&partial.out).contains("shard 2/4 of seeds 3..91 is missing")
            && partial.out.contains("(exit 4)"),
        "{partial:?}"
    );
    assert_eq!((&json()["verdict"], &json()["exit_code"]), (&"inconclusive".into(), &4.into()));
    assert_eq!(json()["missing"].as_array().map(Vec::len), Some(2));
    assert!(read(&xml).contains("type=\"incomplete\""), "{}", read(&xml));
    // The missing part of a partial merge is still missing when it is merged again, until it is added.
    let again = here.join("again.json");
    fs::copy(&all, &again).expect("copies");
    let refused = merge(&[&again, &files[1]], &[]);
    assert!(refused.code == 2 && refused.err.contains("shard 3/4"), "{refused:?}");
    assert!(!refused.err.contains("shard 2/4"), "{refused:?}");

    // Complete shards that fail give their exit code, even if other shards are missing.
    for (kind, code) in [("safety", 1), ("liveness", 3), ("nondeterminism", 5)] {
        let kind = format!("kind={kind}");
        let files = shards_of(Some((3, 29)), &["-j1", "--set", "fail=22", "--set", &kind, "--max-fail", "1000"]);
        let partial = merge(&[&files[0], &files[2], &files[3]], &["--partial"]);
        assert_eq!(partial.code, code, "{partial:?}");
        assert!(unwrapped(&partial.out).contains("missing shard 2/4 of seeds"), "{}", partial.out);
    }

    // A shard that --max-fail ended is complete; all shards are the whole, JUnit included.
    let files =
        shards_of(None, &["--max-fail", "1000", "--set", "fail=11", "--set", "floor=31", "--set", "expect=<= 1.5s"]);
    let merged = merge(&files.iter().collect::<Vec<_>>(), &[]);
    assert_eq!(merged.code, 1, "{merged:?}");
    let flags = ["--seeds", "3..91", "--max-fail", "1000", "--set", "fail=11", "--set", "floor=31"];
    let whole = kraftsim(&borrowed(&sweep_into(&here, "whole", &[&flags[..], &["--set", "expect=<= 1.5s"]].concat())));
    // The merge names its own flag.
    let of_merge = rateless(&whole.out).replace("(--json PATH)", "(-o PATH)");
    assert_eq!((whole.code, of_merge.as_str()), (1, rateless(&merged.out)));
    assert!(merged.out.contains(" more in the JSON (-o PATH)"), "{}", merged.out);
    assert_eq!(timeless(&xml), timeless(&here.join("whole.xml")));
    let first = kraftsim(&["sweep", "quorum", "--seeds", "9", "--set", "fail=1", "--fail-fast", "--json", "-"]);
    assert!(first.err.contains("note: stopped after 1 failing run, the limit of --fail-fast\n"), "{first:?}");
    let ended = shards(&here, 2, None, &["--set", "fail=1", "--fail-fast"]);
    let ended = merge(&ended.iter().collect::<Vec<_>>(), &[]);
    assert_eq!(ended.code, 1, "{ended:?}");
}

#[test]
fn builds_of_other_commits_are_not_merged() {
    let here = folder("merge-commits");
    let files = shards(&here, 2, None, &[]);
    let other = read(&files[1]).replace("\"commit\": ", "\"commit\": \"f00\", \"_\": ");
    let other = other.replacen(", \"_\": null", "", 1).replacen(
        &format!(", \"_\": \"{}\"", reports::COMMIT.unwrap_or("")),
        "",
        1,
    );
    fs::write(&files[1], other).expect("writes");
    let words = ["merge", files[0].to_str().expect("text"), files[1].to_str().expect("text"), "-o", "-"];
    let came = kraftsim(&words);
    assert!(
        came.code == 2 && came.err.contains("2.json differ in commit (") && came.err.contains(" and f00)"),
        "{came:?}"
    );
}

#[test]
fn a_job_summary_is_appended() {
    let here = folder("step-summary");
    let file = here.join("summary.md");
    fs::write(&file, "of another step\n\n").expect("writes");
    let words = sweep_into(&here, "out", &["--seeds", "4", "--bug", "NoLogTest", "--max-fail", "2"]);
    let came = binary(&borrowed(&words)).env("GITHUB_STEP_SUMMARY", &file).output().expect("it ends");
    let json = read(&here.join("out.json"));
    let merge = ["merge", here.join("out.json").to_str().expect("text"), "-o", "-"].map(str::to_owned);
    let merged = binary(&borrowed(&merge))
        .env("GITHUB_STEP_SUMMARY", &file)
        .env("GITHUB_ACTIONS", "true")
        .output()
        .expect("it ends");
    let annotations = text(&merged.stderr).lines().filter(|line| line.starts_with("::error title=")).count();
    assert!(annotations > 0, "a merge has the annotations of a sweep: {}", text(&merged.stderr));
    assert_eq!((came.status.code(), merged.status.code()), (Some(1), Some(1)), "{}", text(&merged.stderr));
    let summary = read(&file);
    assert!(summary.starts_with("of another step\n\n### ❌ kraftsim: "), "{summary}");
    assert_eq!(summary.matches("### ❌ kraftsim: ").count(), 2, "{summary}");
    assert!(!summary.contains("\n\n\n"), "one blank line at a time: {summary:?}");
    let json: Value = serde_json::from_str(&json).expect("JSON");
    let command = json["violations"][0]["command"].as_str().expect("text");
    assert!(summary.contains(&format!("```sh\n{command}\n```")), "{summary}");
    let nowhere = binary(&borrowed(&words)).env("GITHUB_STEP_SUMMARY", &here).output().expect("it ends");
    assert!(text(&nowhere.stderr).contains("note: no job summary: "), "{}", text(&nowhere.stderr));
}

/// The shell steps of the workflow file, by name.
fn steps(workflow: &str) -> Vec<(String, String)> {
    let mut steps = Vec::<(String, String)>::new();
    let mut in_script = false;
    for line in workflow.lines() {
        let inner = line.strip_prefix("          ").filter(|_| in_script);
        match (inner, line.trim().strip_prefix("- name: ")) {
            (Some(inner), _) => steps.last_mut().expect("a step").1 += &format!("{inner}\n"),
            (None, Some(name)) => steps.push((name.to_owned(), String::new())),
            (None, None) => {}
        }
        in_script = line.trim() == "run: |" || inner.is_some();
    }
    steps
}

#[test]
fn the_shell_steps_of_the_workflow_file_run() {
    let here = folder("workflow");
    let workflow = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/grid/github-workflow.yml"));
    let steps = steps(&workflow);
    let names: Vec<&str> = steps.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["build", "sweep", "shard", "merge"]);
    fs::copy(env!("CARGO_BIN_EXE_kraftsim"), here.join("kraftsim")).expect("copies");
    let run = |step: &str, shard: &str| {
        let script = &steps.iter().find(|(name, _)| name == step).expect("a step").1;
        let mut command = Command::new("bash");
        command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]).current_dir(&here);
        let given = [("SWEEP", "quorum"), ("PULL_REQUEST_SEEDS", "6"), ("NIGHTLY_SEEDS", "12"), ("SHARD", shard)];
        command.envs(given).env("GITHUB_RUN_NUMBER", "3").env("GITHUB_ACTIONS", "true");
        command.env("GITHUB_STEP_SUMMARY", here.join("summary.md")).output().expect("bash")
    };
    // A small number of seeds is inconclusive if one of them is; that is a valid result, too.
    let result = |came: &Output| matches!(came.status.code(), Some(0 | 4));
    let swept = run("sweep", "");
    assert!(result(&swept) && here.join("out/junit.xml").exists(), "{}", text(&swept.stderr));
    for shard in ["1/2", "2/2"] {
        let came = run("shard", shard);
        assert_eq!(came.status.code(), Some(0), "{}", text(&came.stderr));
    }
    let merged = run("merge", "");
    assert!(result(&merged), "{}", text(&merged.stderr));
    let all: Value = serde_json::from_str(&read(&here.join("out/all.json"))).expect("JSON");
    assert_eq!((&all["seeds_run"], &all["seeds_first"]), (&12.into(), &"0x0000000000000024".into()));
    assert_eq!(read(&here.join("summary.md")).matches("kraftsim: ").count(), 4);
    fs::remove_file(here.join("out/shard-2.json")).expect("a shard");
    assert_eq!(run("merge", "").status.code(), Some(4), "one shard is missing");
}
