//! `chart failover`: the numbers under it, the pictures, and when there is nothing to draw.

mod fake;

use std::fs;
use std::path::Path;

use fake::{Came, folder, kraftsim};

/// Draws in a folder; `OUT` stands for it.
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
    for said in
        ["<svg width=\"960\"", "<title>Controller failover: quorum</title>", "40 seeds each, from 0x0000000000000000"]
    {
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

    // One line without anything is told; the rest is drawn.
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
