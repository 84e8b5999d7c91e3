//! The command itself: help, version, and a reader that goes away.

use std::process::{Command, Stdio};

fn kraftsim(words: &[&str]) -> (i32, String, String) {
    let came = Command::new(env!("CARGO_BIN_EXE_kraftsim")).args(words).output().expect("it starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (came.status.code().expect("an exit code"), text(came.stdout), text(came.stderr))
}

#[test]
fn help_explains_itself() {
    let verbs: &[(&str, &[&str])] = &[
        ("help", &[]),
        ("help_sweep", &["sweep"]),
        ("help_replay", &["replay"]),
        ("help_scenarios", &["scenarios"]),
        ("help_merge", &["merge"]),
    ];
    for (name, words) in verbs {
        let (code, out, err) = kraftsim(&[*words, &["--help"]].concat());
        assert_eq!((code, err.as_str()), (0, ""), "{name}");
        insta::assert_snapshot!(*name, out);
    }
}

#[test]
fn no_verb_prints_help() {
    let (code, out, _) = kraftsim(&[]);
    assert_eq!(code, 0);
    assert!(out.contains("Usage: kraftsim") && out.contains("Examples:"), "{out}");
}

#[test]
fn version_says_the_host() {
    let (code, out, _) = kraftsim(&["--version"]);
    assert_eq!(code, 0);
    assert_eq!(out, format!("kraftsim {} (host: {})\n", reports::VERSION, reports::host()));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kraftsim"))
        .arg("--help")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    let came = child.wait_with_output().expect("it ends");
    assert_eq!((came.status.code(), came.stderr.as_slice()), (Some(0), &b""[..]));
}
