//! `check`: verdicts, witnesses, and unreadable files.

use std::fmt::Write;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder for the test");
    folder
}

fn kraftsim(here: &Path, words: &[&str]) -> (i32, String, String) {
    let came = Command::new(env!("CARGO_BIN_EXE_kraftsim")).args(words).current_dir(here).output().expect("it starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (came.status.code().expect("an exit code"), text(came.stdout), text(came.stderr))
}

fn check(here: &Path, file: &str, text: &str, more: &[&str]) -> (i32, String, String) {
    fs::write(here.join(file), text).expect("writes");
    kraftsim(here, &[&["check", file], more].concat())
}

/// Two clients of a register that is written once, and old and new values read, in the format of jepsen.util.
fn logged(blank: &str) -> String {
    let said = [
        ":invoke :write 3",
        ":ok :write 3",
        ":invoke :cas [3 4]",
        ":info :cas :timed-out",
        ":invoke :read nil",
        ":ok :read 4",
        ":invoke :cas [4 5]",
        ":fail :cas [4 5]",
    ];
    let mut text = String::new();
    for (place, said) in said.iter().enumerate() {
        let process = if place < 4 { 0 } else { 1 };
        let said = said.replacen(' ', blank, 2);
        writeln!(text, "INFO  jepsen.util - {process}{blank}{said}").expect("a text");
    }
    text
}

const KV: &str = r#"{:process 0, :type :invoke, :f :put, :key "a", :value "x"}
{:process 1, :type :invoke, :f :get, :key "b", :value nil}
{:process 0, :type :ok, :f :put, :key "a", :value "x"}
{:process 0, :type :invoke, :f :append, :key "a", :value "y"}
{:process 1, :type :ok, :f :get, :key "b", :value ""}
{:process 0, :type :ok, :f :append, :key "a", :value "y"}
{:process 1, :type :invoke, :f :get, :key "a", :value nil}
{:process 1, :type :ok, :f :get, :key "a", :value "xy"}
"#;

const KAFKA: &str = r"
[{:index 0, :time 1, :type :invoke, :process 0, :f :send, :value [[:send 5 1] [:send 5 2]]}
 {:index 1, :time 2, :type :ok, :process 0, :f :send, :value [[:send 5 [0 1]] [:send 5 [1 2]]]}
 {:index 2, :time 3, :type :invoke, :process 0, :f :crash, :value nil}
 {:index 3, :time 4, :type :info, :process :nemesis, :f :kill, :value #{1 2}}
 {:index 4, :time 5, :type :invoke, :process 1, :f :poll, :value [[:poll]]}
 {:index 5, :time 6, :type :ok, :process 1, :f :poll, :value [[:poll {5 [[0 1] [1 2]]}]]}]
";

#[test]
fn a_cas_that_failed_is_an_observation_in_one_form_and_none_in_the_other() {
    let here = folder("check-cas");
    for blank in ["\t", "    "] {
        let (code, out, _) = check(&here, "etcd.log", &logged(blank), &[]);
        assert_eq!(code, 1, "4 was there: {out}");
        let (code, ..) = check(&here, "etcd.log", &logged(blank).replace(":fail", ":info"), &[]);
        assert_eq!(code, 0);
    }
    let cas =
        "{:process 0, :type :invoke, :f :cas, :value [nil 5]}\n{:process 0, :type :fail, :f :cas, :value [nil 5]}";
    assert_eq!(check(&here, "cas.edn", cas, &[]).0, 2, "nothing is left to judge");
}

#[test]
fn good_histories_are_accepted() {
    let here = folder("check-good");
    let (code, out, err) = check(&here, "kv.txt", KV, &[]);
    assert_eq!((code, out.as_str(), err.as_str()), (0, "kv.txt: 4 operations on 2 objects: linearizable\n", ""));
    let (code, out, _) = check(&here, "kafka.edn", KAFKA, &["--model", "log"]);
    assert_eq!((code, out.as_str()), (0, "kafka.edn: 2 operations on 1 object: linearizable\n"));
    let independent = "{:process 0, :type :invoke, :f :read, :value [\"k\" nil]} {:process 0, :type :ok, :f :read, :value [\"k\" nil]}
        {:process 0, :type :invoke, :f :cas, :value [\"j\" [1 2]]} {:process 0, :type :info, :f :cas, :value [\"j\" [1 2]]}";
    let (code, out, _) = check(&here, "independent.edn", independent, &[]);
    assert_eq!((code, out.as_str()), (0, "independent.edn: 2 operations on 2 objects: linearizable\n"));
    let keyed = independent
        .replace(":value [\"k\" nil]", ":key \"k\", :value nil")
        .replace("[\"j\" [1 2]]", "[1 2], :key \"j\"");
    let (code, out, _) = check(&here, "keyed.edn", &keyed, &[]);
    assert_eq!((code, out.as_str()), (0, "keyed.edn: 2 operations on 2 objects: linearizable\n"));
}

#[test]
fn violations_are_printed() {
    let here = folder("check-violated");
    let mut all = String::new();
    let stale = KV.replace(r#":value "xy""#, r#":value "x""#);
    let lost = KAFKA.replace("[0 1] [1 2]]}", "[0 1] [1 7]]}");
    for (file, text) in [("etcd.log", logged("\t")), ("kv.txt", stale.clone()), ("kafka.edn", lost)] {
        let (code, out, err) = check(&here, file, &text, &[]);
        assert_eq!((code, err.as_str()), (1, ""), "{out}");
        all.push_str(&out);
    }
    insta::assert_snapshot!("check_violated", all);
    let (code, json, _) = check(&here, "kv.txt", &stale, &["--json", "-"]);
    assert_eq!(code, 1);
    let wall = json.lines().find(|line| line.contains("wall_seconds")).expect("it says how long it took");
    insta::assert_snapshot!("check_json", json.replace(wall, "  \"wall_seconds\": …,"));
}

#[test]
fn bad_histories() {
    let here = folder("check-bad");
    let v1 =
        |operations: &str| format!("{{ \"schema\": \"kraftsim.history.v1\",\n \"operations\": [\n{operations}] }}");
    let put = r#""on": { "key": { "name": "a", "op": { "put": "x" } } }"#;
    let files = [
        ("empty.edn", String::new()),
        ("words.edn", "INFO something else entirely".to_owned()),
        ("open.edn", format!("{KV}{{:process 0, :type [:invoke")),
        ("text.edn", format!("{KV}\"no end")),
        ("closes.edn", "[]]".to_owned()),
        ("odd.edn", KV.replacen(":value \"x\"", ":value", 1)),
        ("type.edn", KV.replacen(":ok", ":okay", 1)),
        ("process.edn", KV.replacen(":process 1,", "", 1)),
        ("keyless.edn", KV.replacen(":key \"a\",", "", 1)),
        ("twice.edn", KV.replacen(":ok", ":invoke", 1)),
        ("unasked.edn", KV.replacen(":process 1", ":process 2", 1)),
        ("cas.log", logged("\t").replace("[3 4]", "3")),
        ("line.log", "INFO  jepsen.util - 4 :invoke\n".to_owned()),
        ("offset.edn", KAFKA.replace("[0 1]]", "[zero 1]]")),
        ("nothing.edn", KAFKA.replace(":send,", ":assign,").replace(":poll,", ":assign,")),
        ("set.edn", KAFKA.replace(":send,", ":add,")),
        ("last.edn", KAFKA.replace("[0 1]]", "[9223372036854775807 1]]")),
        ("none.json", v1("")),
        (
            "room.json",
            v1(
                r#"{ "process": 0, "called": 2, "on": { "log": { "name": "a", "op": { "append": { "values": [1, 2], "offset": 9223372036854775807 } } } } }"#,
            ),
        ),
        ("last.json", v1(&format!("{{ \"process\": 0, \"called\": 18446744073709551615, {put} }}"))),
        ("sweep.json", v1("").replace("history", "sweep")),
        ("order.json", v1(&format!("{{ \"process\": 0, \"called\": 2,\n \"returned\": 1, {put} }}"))),
        (
            "same.json",
            v1(&format!("{{ \"process\": 0, \"called\": 2, {put} }},\n{{ \"process\": 0, \"called\": 2, {put} }}")),
        ),
        ("unknown.json", v1("{ \"process\": 0, \"called\": 2, \"on\": { \"shelf\": 1 } }")),
    ];
    let mut all = String::new();
    for (file, text) in files {
        let (code, out, err) = check(&here, file, &text, &["--json", "out.json"]);
        assert_eq!((code, out.as_str()), (2, ""), "{file}: {err}");
        assert!(!here.join("out.json").exists(), "{file}: something was written");
        all.push_str(&err);
    }
    let (code, out, err) = check(&here, "other.txt", KV, &["--model", "log"]);
    assert_eq!((code, out.as_str()), (2, ""));
    insta::assert_snapshot!("bad_histories", all + &err);
}

/// A history written by `replay` has the verdict of the run, in both formats.
#[test]
fn a_run_judged_again_from_its_file() {
    let here = folder("check-replay");
    for (scenario, more) in [("ci", &[][..]), ("quorum", &["--bug", "AckAtAppend"][..])] {
        let replay =
            |file: &str| kraftsim(&here, &[&["replay", scenario, "--seed", "1", "--history", file], more].concat());
        let (code, out, _) = replay("run.edn");
        assert_eq!(code, i32::from(!more.is_empty()), "{out}");
        assert!(out.contains("black box: holds"), "{out}");
        assert_eq!(replay("run.json").0, code);
        let judged = |file: &str| kraftsim(&here, &["check", file]);
        let (edn, json) = (judged("run.edn"), judged("run.json"));
        assert_eq!((edn.0, json.0), (0, 0), "{edn:?} {json:?}");
        assert_eq!(edn.1.replace(".edn", ""), json.1.replace(".json", ""));
    }
    let (code, _, err) = kraftsim(&here, &["replay", "ci", "--seed", "1", "--history", "run.txt"]);
    assert_eq!(code, 2);
    assert!(err.contains("allowed: .edn, .json"), "{err}");
}

#[test]
fn a_history_may_come_from_stdin_and_begin_with_a_byte_order_mark() {
    let here = folder("check-stdin");
    let mut child = Command::new(env!("CARGO_BIN_EXE_kraftsim"))
        .args(["check", "-"])
        .current_dir(&here)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    child.stdin.take().expect("a pipe").write_all(KV.as_bytes()).expect("it reads");
    let came = child.wait_with_output().expect("it ends");
    let said = String::from_utf8(came.stdout).expect("text");
    assert_eq!(
        (came.status.code(), said.as_str()),
        (Some(0), "standard input: 4 operations on 2 objects: linearizable\n")
    );

    let (code, said, _) = check(&here, "bom.edn", &format!("\u{feff}{KV}"), &[]);
    assert_eq!((code, said.as_str()), (0, "bom.edn: 4 operations on 2 objects: linearizable\n"));
    let (code, _, err) = check(&here, "bom.json", "\u{feff}{\"schema\": \"other\"}", &[]);
    let problem = "error: bom.json:1: its schema is \"other\"; kraftsim.history.v1 is wanted\n";
    assert_eq!((code, err.as_str()), (2, problem));
    fs::create_dir(here.join("-")).expect("made");
    assert_eq!(kraftsim(&here, &["check", "./-"]).0, 2, "a file of that name is ./-");
}
