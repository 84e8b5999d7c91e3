//! Exit codes: the first that applies, for each way a sweep can end.

use crate::fake::{folder, kraftsim};

#[test]
fn each_ending_has_its_exit_code() {
    let out = folder("exit-codes");
    let out = out.to_str().expect("text");
    let junit = format!("{out}/junit.xml");
    let table: &[(u8, &[&str])] = &[
        (0, &[]),
        (0, &["--set", "floor=150"]),
        (0, &["--require-probe", "rare"]),
        (0, &["--set", "expect=<= 2s"]),
        (1, &["--set", "fail=50"]),
        (1, &["--set", "fail=50", "--set", "kind=ghost_mismatch"]),
        (1, &["--set", "panic=7"]),
        (1, &["--set", "fail=50", "--set", "floor=3"]),
        (3, &["--set", "fail=50", "--set", "kind=liveness"]),
        (3, &["--set", "fail=50", "--set", "kind=runaway"]),
        (3, &["--set", "expect=<= 1s"]),
        (0, &["--set", "expect=<= 1s", "--set", "metric=failover.controller.detect.max"]),
        (3, &["--set", "expect=<= 900ms", "--set", "metric=failover.controller.detect.max"]),
        (0, &["--set", "full=1", "--set", "expect=<= 2s", "--set", "metric=failover.partition.p99"]),
        (3, &["--set", "full=1", "--set", "expect=<= 1s", "--set", "metric=failover.produce_gap.max"]),
        // Only failovers that had not ended are longer than that.
        (3, &["--set", "full=1", "--set", "expect=<= 2s", "--set", "metric=failover.produce_gap.max"]),
        (0, &["--set", "full=1", "--set", "expect=<= 2s", "--set", "metric=failover.produce_gap.p50"]),
        (3, &["--set", "full=1", "--set", "expect=<= 2s", "--set", "metric=failover.produce_gap.p99"]),
        (0, &["--set", "full=1", "--set", "expect=<= 2s", "--set", "metric=failover.consume_gap.max"]),
        // A limit for another cluster is shown; `--expect` evaluates it.
        (0, &["--set", "expect=<= 1s", "--set", "another-cluster=1"]),
        (3, &["--set", "expect=<= 1s", "--set", "another-cluster=1", "--expect"]),
        (0, &["--set", "expect=<= 9s", "--set", "metric=failover.partition.p99", "--set", "another-cluster=1"]),
        // Nothing of that kind was measured: no limit holds without measurements, not even that of a count.
        (4, &["--set", "expect=<= 9s", "--set", "metric=failover.partition.p99"]),
        (4, &["--set", "expect=<= 9", "--set", "metric=failover.partition.count"]),
        (4, &["--set", "expect=<= 9s", "--set", "metric=failover.controller.brokers.p99"]),
        (4, &["--set", "floor=3"]),
        (4, &["--set", "unknown=1"]),
        // One run below its floor is tolerated, including its history; the history of another run is not.
        (0, &["--set", "floor=150", "--set", "unknown=150"]),
        (4, &["--set", "floor=150", "--set", "unknown=151"]),
        (4, &["--set", "idle=1"]),
        (0, &["--set", "excused=1"]),
        (4, &["--set", "excused=2"]),
        (4, &["--set", "probe=never"]),
        (4, &["--set", "probe=never", "--set", "from=159"]),
        (0, &["--set", "probe=never", "--set", "from=160"]),
        (4, &["--set", "probe=never", "--set", "from=160", "--require-probe", "never"]),
        (4, &["--require-probe", "never"]),
        (4, &["--require-probe", "misspelt"]),
        (4, &["--seeds", "5..5"]),
        (4, &["--seeds", "2", "--shard", "3/3"]),
        (5, &["--set", "fail=50", "--set", "kind=nondeterminism"]),
        (130, &["--set", "fail=50", "--set", "ctrl-c=60"]),
        (2, &["--bug", "Nonsense"]),
    ];
    for (code, flags) in table {
        let mut words = vec!["sweep", "quorum", "--progress", "none", "--out", out, "--junit", &junit];
        if !flags.contains(&"--seeds") {
            words.extend(["--seeds", "1..160"]);
        }
        words.extend_from_slice(flags);
        let came = kraftsim(&words);
        assert_eq!(came.code, *code, "{flags:?}: {came:?}");
        let summary = came.out.split("reproduce with").next().expect("the first part");
        assert!(summary.lines().count() <= 14, "{}", came.out);
        let Ok(xml) = std::fs::read_to_string(&junit) else {
            assert_eq!(came.code, 2, "{flags:?}: no JUnit file");
            continue;
        };
        std::fs::remove_file(&junit).expect("removes");
        assert_eq!(xml.contains("<failure") || xml.contains("<error"), *code != 0, "{flags:?}: {xml}");
    }
}

#[test]
fn bad_input_gets_one_message_and_runs_nothing() {
    let here = folder("bad-input");
    let path = |name: &str| here.join(name).to_str().expect("text").to_owned();
    std::fs::write(here.join("file"), "{}").expect("writes");
    std::fs::write(here.join("other.json"), "{\"schema\": \"kraftsim.run.v1\"}").expect("writes");
    let table: &[(&[&str], &str)] = &[
        (
            &["sweep", "nonsense"],
            "no scenario nonsense: give the path of a TOML file, or one of: ci, controller-failover, quorum",
        ),
        (&["sweep", "nonsense.toml"], "nonsense.toml: "),
        (&["sweep", "quorum", "quorum"], "scenario quorum is named twice"),
        (&["sweep", "--seeds", "9..3"], "ends before it starts"),
        (&["sweep", "--seeds", "many"], "is not a seed"),
        (&["sweep", "--shard", "4/3"], "is not a shard"),
        (&["sweep", "--for", "10"], "\"10\" has no unit; a duration is a number and one of ns, us, ms, s, m, h"),
        (&["sweep", "-j0"], "'0' for '--jobs <N>': give a number of threads from 1 to 1024"),
        (&["sweep", "--seeds", "-1"], "`-1` is not a seed: give a decimal number"),
        (&["sweep", "--for", "-1s"], "\"-1s\" is not a duration in whole ns; a duration is a number and one of"),
        (&["sweep", "--for", "0s"], "\"0s\" leaves no time to run a seed; give more than 0s"),
        (&["bugs", "hunt", "--for", "0m"], "\"0m\" leaves no time to run a seed; give more than 0s"),
        (&["sweep", "--shard", "0/3"], "`0/3` is not a shard: give i/n"),
        (&["replay", "quorum", "--seed", "-1"], "`-1` is not a seed: give a decimal number"),
        (&["sweep", "--set", "=x"], "give KEY=VALUE"),
        (&["sweep", "--json", &path("no/folder/x.json")], "there is no folder "),
        (&["merge", &path("other.json"), "-o", &path("none/all.json")], "there is no folder "),
        (&["sweep", "--max-fail", "0"], "0 is not in 1.."),
        (&["sweep", "--set", "nonsense"], "give KEY=VALUE"),
        (&["sweep", "--guided", "--shard", "1/2"], "'--guided' cannot be used with '--shard"),
        (&["sweep", "--cluster", &path("none")], "--cluster "),
        (&["sweep", "--cluster", &path("")], "no .properties file is in it"),
        (&["sweep", "--json", &path("")], "is a folder"),
        (&["sweep", "--json", &path("file/x.json")], "is not a folder"),
        (&["sweep", "--out", &path("file")], "is not a folder"),
        (&["sweep", "--junit", &path("no/folder/x.xml")], "there is no folder "),
        (&["sweep", "--junit", &path("x"), "--json", &path("x")], "--json and --junit name the same target"),
        (&["sweep", "--junit", "-", "--json", "-"], "--json and --junit name the same target"),
        (
            &["replay", "quorum", "--seed", "1", "--pcap", &path("x"), "--perfetto", &path("x")],
            "--pcap and --perfetto name the same target",
        ),
        (&["inspect", "log", "calm", "--seed", "1", "--around", "violations"], "give the number of an event"),
        (&["chart", "failover", "-o", &path("f.svg")], "<SCENARIO>"),
        (&["chart", "failover", "quorum"], "--output"),
        (&["chart", "failover", "quorum", "-o", &path("f.gif")], "give a name that ends in .svg or .png"),
        (&["chart", "failover", "quorum", "-o", "-"], "-: a chart is an SVG or a PNG"),
        (&["chart", "failover", "quorum", "-o", &path("no/f.svg")], "there is no folder "),
        (&["chart", "failover", "quorum", "-o", &path("f.svg"), "--csv", &path("no/f.csv")], "there is no folder "),
        (
            &["chart", "failover", "quorum", "-o", &path("f.svg"), "--csv", &path("f.svg")],
            "-o and --csv name the same target",
        ),
        (&["chart", "failover", "quorum", "quorum", "-o", &path("f.svg")], "scenario quorum is named twice"),
        (
            &["chart", "failover", "quorum", "-o", &path("f.svg"), "--kind", "broker"],
            "is not a kind of failover; allowed: controller",
        ),
        (&["chart", "failover", "quorum", "-o", &path("f.svg"), "--vary", "delay"], "give KEY=V1,V2"),
        (
            &["chart", "failover", "quorum", "-o", &path("f.svg"), "--vary", "a=1,2,3", "--vary", "b=1,2,3"],
            "9 configurations are too many: a chart has at most 8 lines",
        ),
        (&["chart", "heatmap", "quorum", "-o", &path("f.svg")], "give --vary KEY=V1,V2 twice"),
        (
            &["chart", "heatmap", "quorum", "ci", "-o", &path("f.svg"), "--vary", "a=1,2", "--vary", "b=1"],
            "a heat map is of one scenario",
        ),
        (
            &[
                "chart",
                "heatmap",
                "quorum",
                "-o",
                &path("f.svg"),
                "--vary",
                "a=1,2,3,4,5,6,7,8,9,10,11",
                "--vary",
                "b=1",
            ],
            "11 values are too many for an axis; give at most 10",
        ),
        (&["chart", "scale", "quorum", "-o", &path("f.svg")], "the horizontal axis is a varied setting"),
        (&["chart", "timeline", "quorum", "-o", &path("f.svg"), "--seeds", "25"], "a timeline shows at most 24"),
        (&["chart", "gallery", "-o", &path("g"), "--only", "zone"], "no chart of the gallery is named so; allowed: "),
        (&["replay", "quorum"], "needs a seed"),
        (&["replay", &path("none.json")], "none.json: "),
        (
            &["replay", &path("other.json")],
            "other.json:1: its schema is \"kraftsim.run.v1\"; kraftsim.repro.v1 is wanted",
        ),
        (&["replay", "quorum", "--seed", "1", "--expect-digest", "12"], "a digest has 32 hex digits"),
        (
            &["merge", &path("other.json"), "-o", &path("all.json")],
            "other.json:1: its schema is \"kraftsim.run.v1\"; kraftsim.sweep.v1 is wanted",
        ),
        (&["merge", "-o", &path("all.json")], "<SWEEP.json>"),
        (&["scenarios", "show", "nonsense"], "no scenario nonsense"),
        (&["inspect", "nonsense"], "unrecognized subcommand 'nonsense'"),
    ];
    for (words, message) in table {
        let came = kraftsim(words);
        assert_eq!((came.code, came.out.as_str()), (2, ""), "{words:?}: {came:?}");
        assert!(came.err.contains(message) && came.err.matches("error: ").count() == 1, "{words:?}: {came:?}");
    }
    let mut left: Vec<_> = std::fs::read_dir(&here).expect("reads").map(|e| e.expect("entry").file_name()).collect();
    left.sort();
    assert_eq!(left, ["file", "other.json"], "nothing was written");
}
