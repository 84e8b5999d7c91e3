//! `chart failover`: its numbers and pictures, and the cases in which there is nothing to draw.

use std::fs;
use std::path::Path;

use crate::fake::{Came, folder, kraftsim};

/// Draws in a folder; `OUT` is replaced by its path.
fn chart(here: &Path, words: &[&str]) -> Came {
    let out = here.to_str().expect("text");
    let words: Vec<String> = words.iter().map(|word| word.replace("OUT", out)).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    kraftsim(&[&["chart", "failover", "--progress", "none"], &words[..]].concat())
}

fn listed(here: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("entry").file_name().to_string_lossy().into_owned();
    let mut names: Vec<String> = fs::read_dir(here).expect("reads").map(name).collect();
    names.sort();
    names
}

#[test]
fn the_numbers_under_a_chart() {
    let here = folder("chart-numbers");
    let words = ["quorum", "controller-failover", "--vary", "delay=500,2000", "--set", "full=1", "--seeds", "3"];
    let came = chart(&here, &[&words[..], &["-o", "OUT/a.svg", "--csv", "OUT/a.csv"]].concat());
    assert_eq!((came.code, came.err.as_str()), (0, ""), "{came:?}");
    insta::assert_snapshot!("chart_text", came.out.replace(here.to_str().expect("text"), "DIR"));
    insta::assert_snapshot!("chart_csv", fs::read_to_string(here.join("a.csv")).expect("reads"));
    assert_eq!(listed(&here), ["a.csv", "a.svg"], "no temporary file stays");
    let piped = chart(&here, &[&words[..], &["-o", "OUT/a.svg", "--csv", "-"]].concat());
    assert_eq!(piped.out, fs::read_to_string(here.join("a.csv")).expect("reads"), "only CSV on stdout");
}

#[test]
fn the_same_seeds_are_the_same_picture() {
    let here = folder("chart-pictures");
    let words = ["quorum", "--vary", "delay=500,2000", "--seeds", "40"];
    for (jobs, name) in [("-j1", "OUT/1.svg"), ("-j2", "OUT/2.svg"), ("-j2", "OUT/2.PNG")] {
        assert_eq!(chart(&here, &[&words[..], &[jobs, "-o", name]].concat()).code, 0, "{name}");
    }
    let bytes = |name: &str| fs::read(here.join(name)).expect("reads");
    assert_eq!(bytes("1.svg"), bytes("2.svg"));
    let svg = String::from_utf8(bytes("1.svg")).expect("text");
    for said in ["<svg width=\"960\"", "<title>Controller failover</title>", "40 seeds each, from 0x0000000000000000"] {
        assert!(svg.contains(said), "{said}");
    }
    for phase in ["detect", "elect"] {
        assert!(svg.contains(&format!("{phase}\n</text>")), "{phase} is legible");
    }
    assert!(bytes("2.PNG").starts_with(b"\x89PNG\r\n\x1a\n"));
    chart(&here, &[&words[..], &["--theme", "dark", "-o", "OUT/3.svg"]].concat());
    assert_ne!(bytes("1.svg"), bytes("3.svg"));
}

#[test]
fn nothing_to_draw_is_said_and_nothing_is_written() {
    let here = folder("chart-nothing");
    let came =
        chart(&here, &["quorum", "--seeds", "4", "--kind", "partition", "-o", "OUT/a.svg", "--csv", "OUT/a.csv"]);
    assert_eq!((came.code, came.out.as_str()), (4, ""), "{came:?}");
    assert_eq!(came.err, "error: no partition failover was measured in 4 runs: nothing to draw, nothing written\n");
    assert_eq!(listed(&here), [""; 0]);

    // A line without measurements is reported; the others are drawn.
    let words = ["quorum", "--seeds", "4", "--kind", "partition", "--vary", "full=0,1", "-o", "OUT/a.svg"];
    let came = chart(&here, &words);
    assert_eq!((came.code, came.err.as_str()), (4, "note: no partition failover was measured with 0\n"), "{came:?}");
    assert_eq!(listed(&here), ["a.svg"]);
}

#[test]
fn a_failure_says_its_own_configuration() {
    let here = folder("chart-failure");
    let words = ["quorum", "--seeds", "1..9", "--vary", "fail=5,100", "--set", "full=1", "-o", "OUT/a.svg"];
    let came = chart(&here, &words);
    assert_eq!((came.code, listed(&here)), (1, vec!["a.svg".to_owned()]), "{came:?}");
    let command = "kraftsim replay quorum --seed 0x0000000000000005 --set full=1 --set fail=5 --expect-digest ";
    assert!(came.err.contains(command) && came.err.matches("FAILED").count() == 1, "{}", came.err);
}

#[test]
fn a_chart_of_one_cause_and_its_quantiles() {
    let here = folder("chart-cause");
    let words = ["quorum", "--set", "full=1", "--kind", "produce_gap", "-o", "OUT/a.svg", "--csv", "OUT/a.csv"];
    let all = chart(&here, &[&words[..], &["--seeds", "120"]].concat());
    let ended = chart(&here, &[&words[..], &["--seeds", "120", "--cause", "terminate"]].concat());
    assert_eq!((all.code, ended.code), (0, 0), "{ended:?}");
    assert!(all.out.contains("n    202  ") && all.out.contains("not ended 13"), "{}", all.out);
    assert!(ended.out.contains("n     82  "), "{}", ended.out);
    assert!(
        ended.out.starts_with("Produce unavailability after terminate: scenario quorum · 120 seeds"),
        "{}",
        ended.out
    );
    assert!(ended.out.contains("p99 n too small") && !ended.out.contains("not ended"), "{}", ended.out);
    let svg = fs::read_to_string(here.join("a.svg")).expect("reads");
    for said in ["length of the gap", "share of gaps that were over, in percent", "n too small", "after terminate"] {
        assert!(svg.contains(said), "{said}");
    }
    // The table has a column of p99; beside the curves no label points to a missing value.
    let labels = |name: &str| svg.matches(&format!("\n{name}\n</text>")).count();
    assert_eq!((labels("p50"), labels("p99")), (2, 1));
    let csv = fs::read_to_string(here.join("a.csv")).expect("reads");
    assert!(csv.lines().skip(1).filter(|row| row.contains(",total,")).all(|row| row.ends_with(",82")), "{csv}");

    let none = chart(&here, &["quorum", "--seeds", "4", "--cause", "cut", "-o", "OUT/b.svg"]);
    let said = "error: no controller failover after a fault of kind cut was measured in 4 runs: nothing to draw, \
                nothing written\n";
    assert_eq!((none.code, none.err.as_str()), (4, said));
    let wrong = chart(&here, &["quorum", "--cause", "Kill", "-o", "OUT/b.svg"]);
    assert!(wrong.code == 2 && wrong.err.contains("allowed: cut, loss, delay"), "{wrong:?}");
}

#[test]
fn the_format_is_that_of_the_flag_or_of_the_name() {
    let here = folder("chart-format");
    let draw =
        |output: &str, format: &[&str]| chart(&here, &[&["quorum", "--seeds", "6", "-o", output], format].concat());
    assert_eq!(draw("OUT/plain", &["--format", "png"]).code, 0);
    assert!(fs::read(here.join("plain")).expect("reads").starts_with(b"\x89PNG"));
    let both = draw("OUT/a.svg", &["--format", "png"]);
    assert!(both.code == 2 && both.err.contains("a.svg is given with --format png: give one of the two"), "{both:?}");
    let neither = draw("OUT/a.pdf", &[]);
    assert!(neither.code == 2 && neither.err.contains("or --format svg or png"), "{neither:?}");
}
