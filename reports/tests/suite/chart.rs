//! `chart`: the numbers and pictures of each kind, the gallery, and the cases in which there is nothing to draw.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use reports::catalog::Catalog;
use reports::chart::gallery::{GALLERY, Picture};
use reports::verb;

use crate::fake::{Came, folder, kraftsim};

/// Draws failovers in a folder; `OUT` is replaced by its path.
fn chart(here: &Path, words: &[&str]) -> Came {
    of_kind(here, "failover", words)
}

/// The same with a chart of this kind.
fn of_kind(here: &Path, kind: &str, words: &[&str]) -> Came {
    let out = here.to_str().expect("text");
    let words: Vec<String> = words.iter().map(|word| word.replace("OUT", out)).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    kraftsim(&[&["chart", kind, "--progress", "none"], &words[..]].concat())
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
    for said in ["<svg width=\"880\"", "<title>Controller failover</title>", "40 seeds each, from 0x0000000000000000"] {
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
    let said = "error: no partition failover was measured in 4 runs: nothing to draw, nothing written; give more --seeds, \
                another --kind or --cause, or a scenario with such faults\n";
    assert_eq!(came.err, said);
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
    assert!(
        csv.lines().skip(1).filter(|row| row.contains(",total,")).all(|row| row.split(',').nth(5) == Some("82")),
        "{csv}"
    );

    let none = chart(&here, &["quorum", "--seeds", "4", "--cause", "cut", "-o", "OUT/b.svg"]);
    let said = "error: no controller failover after a fault of kind cut was measured in 4 runs: nothing to draw, \
                nothing written; give more --seeds, another --kind or --cause, or a scenario with such faults\n";
    assert_eq!((none.code, none.err.as_str()), (4, said));
    // A heat map whose cells have too few failovers for the quantile.
    let sparse = ["quorum", "--seeds", "4", "--vary", "delay=500,1000", "--vary", "other=1,2", "--quantile", "p99"];
    let sparse = of_kind(&here, "heatmap", &[&sparse[..], &["-o", "OUT/h.svg"]].concat());
    let said = "error: no cell has enough controller failovers for its quantile in 16 runs: nothing to draw, nothing \
                written; give more --seeds\n";
    assert_eq!((sparse.code, sparse.err.as_str(), here.join("h.svg").exists()), (4, said, false));
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

/// The numbers of each kind as JSON and CSV.
#[test]
fn the_numbers_of_each_kind() {
    let here = folder("chart-kinds");
    let full =
        ["quorum", "--set", "full=1", "-o", "OUT/a.svg", "--json", "OUT/a.json", "--csv", "OUT/a.csv", "--seeds"];
    let numbers = |kind: &str, words: &[&str]| {
        let seeds = if kind == "timeline" { "3" } else { "40" };
        let came = of_kind(&here, kind, &[&full[..], &[seeds], words].concat());
        assert_eq!((came.code, came.err.as_str()), (0, ""), "{came:?}");
        let text = |name: &str| fs::read_to_string(here.join(name)).expect("reads");
        let json: serde_json::Value = serde_json::from_str(&text("a.json")).expect("JSON");
        assert_eq!((json["schema"].as_str(), json["chart"].as_str()), (Some("kraftsim.chart.v1"), Some(kind)));
        (text("a.json"), text("a.csv"))
    };
    let fetch = ["--vary", "delay=500,1000,2000"];
    let (json, _) = numbers("histogram", &["--kind", "produce_gap", "--cause", "kill,terminate"]);
    insta::assert_snapshot!("chart_histogram_json", json);
    let (_, csv) = numbers("heatmap", &[&fetch[..], &["--vary", "other=1,2", "--quantile", "p90"]].concat());
    insta::assert_snapshot!("chart_heatmap_csv", csv);
    let (json, csv) = numbers("scale", &[&fetch[..], &["--vary", "other=1,2", "--kind", "partition"]].concat());
    insta::assert_snapshot!("chart_scale_csv", csv);
    insta::assert_snapshot!("chart_scale_json", json);
    // The configurations of a scale are those of its lines, one after the other.
    assert!(csv.lines().nth(2).is_some_and(|row| row.starts_with("1,1000,")), "{csv}");
    let (json, csv) = numbers("timeline", &[]);
    insta::assert_snapshot!("chart_timeline_json", json);
    insta::assert_snapshot!("chart_timeline_csv", csv);
}

/// A band is where the whole distribution is, and real failovers are lines of their own.
#[test]
fn real_failovers_beside_simulated_ones() {
    let here = folder("chart-real");
    let words = ["quorum", "--set", "full=1", "--seeds", "40", "--cause", "kill,pause", "--real", "two-cores"];
    let came = chart(&here, &[&words[..], &["-o", "OUT/a.svg", "--csv", "OUT/a.csv"]].concat());
    // The fake engine pauses nothing.
    assert_eq!(came.code, 4, "{came:?}");
    let counts = |label: &str| {
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        came.out.lines().any(|line| words(line).starts_with(label))
    };
    for label in ["real: two-cores · kill n 120", "quorum · kill n 40", "real: two-cores · pause n 100"] {
        assert!(counts(label), "{label}: {}", came.out);
    }
    let csv = fs::read_to_string(here.join("a.csv")).expect("reads");
    let real = csv.lines().find(|row| row.starts_with("real: two-cores,kill,controller,total,")).expect("a row");
    assert!(real.split(',').count() == 9 && real.split(',').all(|field| !field.is_empty()), "{real}");
    let missing = chart(&here, &["quorum", "--real", "OUT/none.ndjson", "-o", "OUT/b.svg"]);
    assert!(missing.code == 2 && missing.err.contains("there is no such file; give one of"), "{missing:?}");
}

#[test]
fn every_picture_is_an_image_with_words() {
    let here = folder("chart-images");
    let two = ["--vary", "delay=500,1000", "--vary", "other=1,2"];
    for (kind, more) in
        [("failover", &two[..]), ("histogram", &[]), ("heatmap", &two), ("scale", &two), ("timeline", &[])]
    {
        let seeds = if kind == "timeline" { "2" } else { "20" };
        for theme in ["light", "dark"] {
            let words = ["quorum", "--set", "full=1", "--seeds", seeds, "--theme", theme, "-o", "OUT/a.svg"];
            let came = of_kind(&here, kind, &[&words[..], more].concat());
            assert_eq!(came.code, 0, "{kind}: {came:?}");
            let svg = fs::read_to_string(here.join("a.svg")).expect("reads");
            let words = ["<svg width=\"880\"", "role=\"img\"", "<title>", "<desc>", "seeds", "0x0000000000000000"];
            assert!(words.iter().all(|part| svg.contains(part)) && svg.len() < 150_000, "{kind}: {} bytes", svg.len());
        }
    }
}

/// As few seeds as give something to draw.
fn seeds_of(picture: &Picture) -> &'static str {
    match picture.words[0] {
        "heatmap" => "24",
        _ if picture.words.contains(&"controller-failover") => "8",
        // The lost controller is the active one in one run of five.
        _ if picture.words.contains(&"admin_gap") => "5",
        _ => "2",
    }
}

/// The charts are of today's runs: the first run of each configuration has its digest.
#[test]
fn the_gallery_is_of_the_runs_of_today() {
    let gallery = Path::new(env!("CARGO_MANIFEST_DIR")).join("gallery");
    for picture in GALLERY {
        let name = picture.name;
        let here = folder(&format!("chart-gallery-{name}"));
        let seeds = picture.words.iter().position(|word| *word == "--seeds").expect("each has seeds") + 1;
        let words = picture.words.iter().enumerate().map(|(at, word)| match *word {
            _ if at == seeds => seeds_of(picture),
            // So few seeds have no other quantile.
            "p90" => "p50",
            word => word,
        });
        let file = |name: &str| here.join(name).to_str().expect("text").to_owned();
        let files = [
            "-o".to_owned(),
            file("a.svg"),
            "--json".to_owned(),
            file("a.json"),
            "--progress".to_owned(),
            "none".to_owned(),
        ];
        let words = ["kraftsim", "chart"].into_iter().chain(words).map(str::to_owned).chain(files);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut streams = reports::output::Streams::plain(&mut out, &mut err);
        verb::run(&words.collect::<Vec<_>>(), &Catalog, &AtomicBool::new(false), &mut streams);
        let digests = |path: &Path| {
            let text = fs::read_to_string(path).unwrap_or_else(|_| String::from("{}"));
            let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            // Measurements of real clusters have no run.
            let first = |it: &serde_json::Value| it["first_run"]["digest"].as_str().map(str::to_owned);
            json["configurations"].as_array().map(|all| all.iter().map(first).collect::<Vec<_>>())
        };
        let (now, then) = (digests(&here.join("a.json")), digests(&gallery.join(format!("{name}.json"))));
        let is_any = now.as_ref().is_some_and(|all| all.iter().any(Option::is_some));
        assert!(is_any, "{}", String::from_utf8_lossy(&err));
        assert_eq!(then, now, "{name} is of older runs: run `kraftsim chart gallery -o reports/gallery`");
    }
}

/// Every chart of the gallery is there, small, shown in the document, and of the command that is in the list.
#[test]
fn the_gallery_is_whole_and_shown() {
    let gallery = Path::new(env!("CARGO_MANIFEST_DIR")).join("gallery");
    let document = fs::read_to_string(gallery.join("../README.md")).expect("reads");
    let mut names = Vec::new();
    for picture in GALLERY {
        for ending in [".svg", "-dark.svg", ".csv", ".json"] {
            let name = format!("{}{ending}", picture.name);
            let text = fs::read_to_string(gallery.join(&name)).unwrap_or_default();
            assert!(!text.is_empty() && text.len() < 150_000, "{name}: {} bytes", text.len());
            names.push(name);
        }
        let json = fs::read_to_string(gallery.join(format!("{}.json", picture.name))).expect("reads");
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        let caption = json["caption"][1].as_str().expect("text").to_owned();
        let seeds = picture.words.iter().skip_while(|word| **word != "--seeds").nth(1).expect("each has seeds");
        assert!(caption.contains(&format!("{seeds} seeds")), "{}: stale: {caption}", picture.name);
        for shown in [format!("gallery/{}.svg", picture.name), format!("gallery/{}-dark.svg", picture.name)] {
            assert!(document.contains(&shown), "reports/README.md does not show {shown}");
        }
    }
    names.sort();
    assert_eq!(listed(&gallery), names, "nothing else is in the folder");
}
