//! The command itself: help, version, the catalog, and a reader that closes the pipe.

use std::process::{Command, Stdio};

use scenarios::bugs::Bug;
use scenarios::scenario::finding::Fix;

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
        ("help_chart", &["chart"]),
        ("help_chart_failover", &["chart", "failover"]),
        ("help_chart_heatmap", &["chart", "heatmap"]),
        ("help_chart_gallery", &["chart", "gallery"]),
        ("help_scenarios", &["scenarios"]),
        ("help_merge", &["merge"]),
        ("help_check", &["check"]),
        ("help_cluster", &["cluster"]),
        ("help_shrink", &["shrink"]),
        ("help_why", &["why"]),
        ("help_bugs", &["bugs"]),
        ("help_bugs_hunt", &["bugs", "hunt"]),
        ("help_fixes", &["fixes"]),
        ("help_checks", &["checks"]),
        ("help_completions", &["completions"]),
        ("help_man", &["man"]),
    ];
    for (name, words) in verbs {
        let (code, out, err) = kraftsim(&[*words, &["--help"]].concat());
        assert_eq!((code, err.as_str()), (0, ""), "{name}");
        assert_eq!(kraftsim(&[&["help"], *words].concat()), (0, out.clone(), err), "kraftsim help {name}");
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
fn version_says_the_commit_and_the_host() {
    let (code, out, _) = kraftsim(&["--version"]);
    assert_eq!(code, 0);
    let commit = reports::show_commit(reports::COMMIT);
    assert_eq!(out, format!("kraftsim {} (commit: {commit}, host: {})\n", reports::VERSION, reports::host()));
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

#[test]
fn the_catalog_is_listed_and_shown() {
    let (code, list, _) = kraftsim(&["scenarios", "list"]);
    assert_eq!(code, 0);
    assert!(list.lines().any(|line| line.starts_with("controller-failover  ")), "{list}");
    let (code, toml, _) = kraftsim(&["scenarios", "show", "quorum"]);
    assert_eq!(code, 0);
    assert!(toml.contains("name = \"quorum\"") && toml.contains('#'), "with its comments: {toml}");
}

#[test]
fn what_is_wrong_with_a_run_is_found_before_it_runs() {
    let table: &[(&[&str], &str)] = &[
        (&["--bug", "Nonsense"], "--bug: no bug is named \"Nonsense\"; allowed: those that `kraftsim bugs list` lists"),
        (
            &["--fix", "Nonsense"],
            "--fix: no fix is named \"Nonsense\"; allowed: those that `kraftsim fixes list` lists",
        ),
        (&["--bug", "NoLogTset"], "--bug: no bug is named \"NoLogTset\"; did you mean NoLogTest? allowed: those that "),
        (&["--bug", "G32"], "--bug: row G32 of the bug catalog has several bugs; allowed: FetchTimerNeedsRecords, "),
        (&["--fix", "flushrecoveredlog"], "; did you mean FlushRecoveredLog? allowed: those that "),
        (
            &["--set", "controller.quorum.fetch.timeout=1"],
            "; did you mean controller.quorum.fetch.timeout.ms? allowed: ",
        ),
        (&["--set", "network.latancy=1ms"], "network.latancy: no such field; did you mean latency? allowed: "),
        (&["--set", "network=1ms"], "--set network = "),
        (&["--require-probe", "torn_tale"], "; did you mean torn_tail? allowed: "),
        (&["--set", "workload.clients=0"], "--set workload.clients"),
        (&["--set", "nonsense=1"], "--set nonsense"),
        (&["--set", "duration=1d"], "\"1d\": \"d\" is no unit; "),
        (&["--set", "replica.lag.time.max.ms=5"], "cluster.config.replica.lag.time.max.ms = \"5\": replica.fetch."),
        (&["--set", "controller.quorum.fetch.timeout.ms=soon"], "--set controller.quorum.fetch.timeout.ms"),
    ];
    for (flags, message) in table {
        let (code, out, err) = kraftsim(&[&["sweep", "quorum"], *flags].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{flags:?}: {err}");
        assert!(err.starts_with("error: ") && err.contains(message) && err.lines().count() == 1, "{flags:?}: {err}");
    }
}

#[test]
fn lists_fit_80_columns() {
    let set = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/examples/strimzi-5x3");
    let lists =
        [&["bugs", "list"][..], &["fixes", "list"], &["checks", "list"], &["scenarios", "list"], &["cluster", set]];
    for words in lists {
        let (code, out, err) = kraftsim(words);
        assert_eq!(code, 0, "{words:?}: {err}");
        let wide = out.lines().find(|line| line.chars().count() > 80 && line.contains(' '));
        assert_eq!(wide.map(str::trim).filter(|line| line.contains(' ')), None, "{words:?}");
    }
}

#[test]
fn names_that_are_nearly_known_are_recognised() {
    for (words, message) in [
        (&["sweep", "quroum"][..], "error: no scenario quroum; did you mean quorum? give the path of"),
        (&["scenarios", "show", "cluster-loss"], "no scenario cluster-loss"),
        (
            &["bugs", "hunt", "NoLogTset"],
            "no bug of the catalog is named \"NoLogTset\"; did you mean NoLogTest? allowed: those that `kraftsim bugs",
        ),
    ] {
        let (code, out, err) = kraftsim(words);
        assert_eq!((code, out.as_str()), (2, ""), "{words:?}: {err}");
        assert!(err.contains(message), "{words:?}: {err}");
    }
}

#[test]
fn a_bug_is_named_by_the_id_of_its_row_too() {
    let replayed = |bug: &str| kraftsim(&["replay", "quorum", "--seed", "2", "--bug", bug]);
    let (code, out, err) = replayed("G04");
    assert_eq!(code, 1, "{err}");
    assert!(err.contains(" --bug NoLogTest "), "the command has the name: {err}");
    assert_eq!(replayed("NoLogTest"), (code, out, err));
    assert_eq!(replayed("g04"), replayed("G04"));
}

#[test]
fn a_step_of_github_actions_gets_annotations() {
    let words = ["replay", "quorum", "--seed", "2", "--bug", "NoLogTest"];
    let said = |actions: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kraftsim"));
        let came = command.args(words).env("GITHUB_ACTIONS", actions).output().expect("it starts");
        String::from_utf8(came.stderr).expect("text")
    };
    let annotation =
        |said: &str| said.lines().any(|line| line.starts_with("::error title=LeaderCompleteness (safety)%3A quorum"));
    assert!(annotation(&said("true")) && !annotation(&said("false")), "{}", said("true"));
}

#[test]
fn findings_are_marked_and_never_run_unasked() {
    let (_, stdout, _) = kraftsim(&["scenarios", "list"]);
    // A scenario begins at the margin; its purpose wraps below it.
    let mut entries: Vec<String> = Vec::new();
    for line in stdout.lines() {
        match entries.last_mut() {
            Some(entry) if line.starts_with(' ') => *entry += &format!(" {}", line.trim()),
            _ => entries.push(line.to_owned()),
        }
    }
    let marked = |entry: &&String| entry.contains("[finding: fails unless --fix ");
    assert!(entries.iter().any(|entry| marked(&entry)));
    assert!(entries.iter().all(|entry| entry.starts_with("findings/") == marked(&entry)), "{stdout}");
    assert!(!reports::args::DEFAULT_SCENARIO.starts_with("findings/"));
}

#[test]
fn every_bug_is_listed_once_and_every_fix_with_its_scenario() {
    let (_, bugs, _) = kraftsim(&["bugs", "list"]);
    let column = |line: &str| line.split_whitespace().nth(2).map(str::to_owned);
    let mut listed: Vec<String> = bugs.lines().filter(|line| !line.starts_with(' ')).filter_map(column).collect();
    let mut all: Vec<String> = Bug::ALL.iter().map(|bug| bug.name().to_owned()).collect();
    listed.sort();
    all.sort();
    assert_eq!(listed, all);
    let (_, first) = bugs.split_once("Kafka10533AckBeforeFlush\n").expect("it");
    assert!(first.trim_start().starts_with("no flush after an append; "), "what it does comes first");
    let (_, synthetic) = bugs.split_once("  NoPartitionDivergenceCheck\n").expect("it");
    let about: Vec<&str> = synthetic.split_whitespace().take(40).collect();
    let about = about.join(" ");
    assert!(
        about.contains("a leader ignores the follower's last fetched epoch and serves from the offset."),
        "{about}"
    );
    let (code, fixes, _) = kraftsim(&["fixes", "list"]);
    assert_eq!(code, 0);
    insta::assert_snapshot!("fixes_list", fixes);
    let (code, shown, _) = kraftsim(&["checks", "show", "validvotes"]);
    assert_eq!(code, 0);
    insta::assert_snapshot!("checks_show", shown);
    let (code, _, err) = kraftsim(&["checks", "show", "ValidVote"]);
    assert!(code == 2 && err.contains("did you mean ValidVotes?"), "{err}");
    let lacks = |label: &str| fixes.matches(&format!("\n  {label} ")).count() != Fix::ALL.len();
    assert!(!["Kafka", "fix", "finding", "scenario"].iter().any(|label| lacks(label)));
}

#[test]
fn completions_and_manual_pages_are_of_every_verb() {
    for (shell, part) in
        [("bash", "complete -F _kraftsim"), ("zsh", "#compdef kraftsim"), ("fish", "complete -c kraftsim")]
    {
        let (code, script, _) = kraftsim(&["completions", shell]);
        assert!(code == 0 && script.contains(part) && script.contains("max-fail"), "{shell}: {script}");
    }
    let (code, _, err) = kraftsim(&["completions", "dos"]);
    assert!(code == 2 && err.contains("[possible values: bash"), "{err}");
    let (code, page, _) = kraftsim(&["man"]);
    assert!(code == 0 && page.contains(".SH SYNOPSIS") && page.contains("kraftsim\\-sweep"), "{page}");
    let (_, page, _) = kraftsim(&["man", "chart", "failover"]);
    insta::assert_snapshot!("man_head", page.lines().take(8).collect::<Vec<_>>().join("\n"));
    let (code, _, err) = kraftsim(&["man", "sweeps"]);
    assert!(code == 2 && err.starts_with("error: man: kraftsim has no verb sweeps; allowed: sweep, replay"), "{err}");
}
