//! The run page, without a browser: what `tests/page/look.mjs` opens in one.

use std::collections::BTreeSet;
use std::io::Read;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};

struct Page(String);

impl Page {
    fn of(words: &[&str]) -> Page {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("run.html");
        let came = Command::new(env!("CARGO_BIN_EXE_kraftsim"))
            .arg("replay")
            .args(words)
            .arg("--html")
            .arg(&file)
            .output()
            .expect("it starts");
        assert!([0, 1].contains(&came.status.code().expect("an exit code")), "{came:?}");
        Page(std::fs::read_to_string(file).expect("a page"))
    }

    /// Between the first tag that begins so and its end.
    fn element(&self, begin: &str, end: &str) -> &str {
        let (_, behind) = self.0.split_once(begin).unwrap_or_else(|| panic!("no {begin}"));
        behind.split_once(end).expect("it ends").0
    }

    fn head(&self) -> Value {
        serde_json::from_str(self.element("id=\"head\">", "</script>")).expect("JSON")
    }

    /// The texts of all lines of a run; the ids of its elements begin with `prefix`.
    fn texts_of(&self, prefix: &str) -> Vec<String> {
        let head: Value =
            serde_json::from_str(self.element(&format!("id=\"{prefix}head\">"), "</script>")).expect("JSON");
        let parts = 0..head["texts"].as_u64().expect("parts");
        let of =
            |part| serde_json::from_value::<Vec<String>>(self.packed(&format!("{prefix}text{part}"))).expect("texts");
        parts.flat_map(of).collect()
    }

    fn texts(&self) -> Vec<String> {
        self.texts_of("")
    }

    fn packed(&self, id: &str) -> Value {
        let zipped = STANDARD.decode(self.element(&format!("id=\"{id}\">"), "</script>")).expect("base64");
        let mut text = String::new();
        flate2::read::GzDecoder::new(&zipped[..]).read_to_string(&mut text).expect("gzip");
        serde_json::from_str(&text).expect("JSON")
    }
}

#[test]
fn a_page_needs_nothing_else_and_allows_nothing_else() {
    let page = Page::of(&["quorum", "--seed", "2", "--bug", "NoLogTest"]);
    let policy = page.element("http-equiv=\"Content-Security-Policy\" content=\"", "\"");
    for (kind, content) in
        [("style", page.element("<style>", "</style>")), ("script", page.element("<script>", "</script>"))]
    {
        let hash = STANDARD.encode(Sha256::digest(content.as_bytes()));
        assert!(policy.contains(&format!("{kind}-src 'sha256-{hash}'")), "{kind}: {policy}");
    }
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    for outside in ["http:", "https:", " src=", "<link", "@import", "innerHTML"] {
        assert!(!page.0.contains(outside), "{outside}");
    }
}

#[test]
fn a_page_has_the_lines_of_the_log_and_the_past_of_the_violation() {
    let words = ["quorum", "--seed", "2", "--bug", "NoLogTest"];
    let page = Page::of(&words);
    let log = Command::new(env!("CARGO_BIN_EXE_kraftsim")).arg("replay").args(words).arg("--log").output();
    let log = String::from_utf8(log.expect("it starts").stdout).expect("text");
    let (head, columns) = (page.head(), page.packed("columns"));
    let relations = columns["relation"].as_str().expect("digits");
    let marks: String = log.lines().map(|line| line.chars().next().expect("a mark")).collect();
    let same = relations.replace('0', " ").replace('1', "*").replace('2', ">").replace('3', "!");
    assert_eq!(same, marks);
    let texts = page.texts();
    for (line, text) in log.lines().zip(&texts) {
        let text = text.trim_end();
        assert!(!text.is_empty() && line.ends_with(text), "{line}: {text}");
    }
    assert_eq!(texts.len(), marks.len());
    assert_eq!(head["violation"]["invariant"], "LeaderCompleteness");
    let at_ns = |what: &str| head[what]["at_ns"].as_u64().expect("a time");
    assert!(at_ns("turning") <= at_ns("violation"));
}

#[test]
fn a_page_of_a_part_of_a_run_says_so() {
    let head = Page::of(&["calm", "--seed", "1", "--until", "6s"]).head();
    assert!(head["violation"].is_null() && head["turning"].is_null());
    assert_eq!(head["verdict"], "until 6 s: all claims hold");
    let command = "kraftsim replay calm --seed 0x0000000000000001 --until 6s";
    assert_eq!(head["commands"], serde_json::json!([["reproduce", command]]));
}

/// The lines say how each attempt ended, each death of a process ends with its next start, a fault of links names their
/// ends, and a topic that is created again has a state of its own.
#[test]
fn what_lasts_is_as_the_lines_say() {
    let page = Page::of(&["ci", "--seed", "3"]);
    let (head, texts) = (page.head(), page.texts());
    operations_end_as_the_lines_say(&page.packed("operations"), &texts);
    let faults = head["faults"].as_array().expect("faults");
    let kills = faults.iter().filter(|fault| fault["kind"] == "kill");
    let ns = |fault: &Value, what: &str| fault[what].as_u64().expect("a time");
    let outages_ms: Vec<u64> = kills.map(|kill| (ns(kill, "to_ns") - ns(kill, "from_ns")) / 1_000_000).collect();
    assert!(!outages_ms.is_empty() && outages_ms.iter().all(|ms| *ms < 10_000), "{outages_ms:?}");
    let mut pairs = 0;
    for fault in faults {
        let links = fault["links"].as_array().expect("links");
        assert_eq!(links.is_empty(), fault["class"] != "network", "{fault}");
        for pair in links {
            let name =
                |end: &str| head["nodes"][pair[end].as_u64().expect("a node") as usize].as_str().expect("a name");
            let (from, to) = (name("from"), name("to"));
            let what = fault["what"].as_str().expect("words");
            let is_named = [format!("{from}<->{to}"), format!("{to}<->{from}"), format!("{from}->{to}")];
            assert!(what.contains(" more") || is_named.iter().any(|pair| what.contains(pair)), "{from} {to}: {what}");
            pairs += 1;
        }
    }
    assert!(pairs > 0);
    each_topic_has_a_state_of_its_own(&page.packed("columns"));
}

fn operations_end_as_the_lines_say(operations: &Value, texts: &[String]) {
    let text = |line: &Value| &texts[line.as_u64().expect("a line") as usize];
    let (outcomes, ends) = (operations["outcome"].as_array().expect("outcomes"), operations["to"].as_array());
    let mut checked = 0;
    for (outcome, end) in outcomes.iter().zip(ends.expect("lines")).filter(|(_, end)| **end != -1) {
        let what = text(end).split(':').next().expect("a name");
        let expected = match what {
            "ProduceOk" | "ReadOk" | "InitProducerIdOk" => 1,
            "ProduceFailed" | "ReadFailed" | "ReadStale" | "InitProducerIdFailed" => 2,
            "ProduceUnknown" | "ReadUnknown" | "AdminUnknown" | "InitProducerIdUnknown" => 3,
            "AdminAnswered" => continue,
            other => panic!("{other}"),
        };
        assert_eq!(*outcome, expected, "{}", text(end));
        checked += 1;
    }
    assert!(checked > 1_000 && checked * 100 > outcomes.len() * 95, "{checked} of {}", outcomes.len());
}

fn each_topic_has_a_state_of_its_own(columns: &Value) {
    let states = &columns["states"];
    let of = |what: &str| -> BTreeSet<&str> {
        let all = states["what"].as_array().expect("names").iter().zip(states["fields"].as_array().expect("fields"));
        all.filter(|(name, _)| *name == what).filter_map(|(_, fields)| fields["partition"].as_str()).collect()
    };
    let (written, observed) = (of("Written"), of("BecameLeader"));
    assert!(written.iter().any(|partition| partition.contains(" (topic id ")), "{written:?}");
    assert!(written.is_subset(&observed), "{:?}", written.difference(&observed).collect::<Vec<_>>());
}

#[test]
fn strings_of_a_scenario_are_text_wherever_they_are_shown() {
    let dir = tempfile::tempdir().expect("a folder");
    // A path, which is the scenario's name: in the title, the heading and the commands.
    let folder = dir.path().join("a<");
    std::fs::create_dir(&folder).expect("a folder");
    let file = folder.join("script><script>alert('1')<").join("img src=x onerror=\"alert(2)\">.toml");
    std::fs::create_dir(file.parent().expect("a folder")).expect("a folder");
    let shown = Command::new(env!("CARGO_BIN_EXE_kraftsim")).args(["scenarios", "show", "calm"]).output();
    std::fs::write(&file, shown.expect("it starts").stdout).expect("a scenario");
    let name = file.to_str().expect("text");
    let page = Page::of(&[name, "--seed", "1", "--until", "1s"]);
    assert_eq!(page.head()["scenario"], name);
    assert!(page.element("<title>", "</title>").ends_with(" 0x0000000000000001 · kraftsim"));
    for element in ["script", "img"] {
        let begun = page.0.matches(&format!("<{element}")).count();
        let own = if element == "script" { 4 + page.head()["texts"].as_u64().expect("parts") as usize } else { 0 };
        assert_eq!(begun, own, "{element}");
        assert_eq!(page.0.matches(&format!("</{element}")).count(), own, "{element}");
    }
}

#[test]
fn the_operations_that_a_verdict_names_are_marked() {
    for (repro, named) in [("AckByOffset", "AdminInvoked"), ("Kip101TruncateToHighWatermark", "ProduceInvoked: ")] {
        let file = format!("{}/../fuzz/corpus/{repro}.json", env!("CARGO_MANIFEST_DIR"));
        let page = Page::of(&[&file]);
        let (operations, texts) = (page.packed("operations"), page.texts());
        let lines = operations["named"].as_array().expect("places").iter();
        let line =
            |place: &Value| operations["from"][place.as_u64().expect("a place") as usize].as_u64().expect("a line");
        let names: Vec<&str> = lines.map(|place| &texts[line(place) as usize][..]).collect();
        assert!(names.len() == 1 && names[0].starts_with(named), "{repro}: {names:?}");
    }
}

#[test]
fn a_page_of_two_runs_has_both_up_to_their_first_difference() {
    let dir = tempfile::tempdir().expect("a folder");
    let words = ["quorum", "--seed", "2", "--bug", "NoLogTest"];
    let kraftsim = || Command::new(env!("CARGO_BIN_EXE_kraftsim"));
    let out = dir.path().to_str().expect("text");
    let came = kraftsim().args(["replay", "quorum", "--seed", "2", "--out", out]).output().expect("it starts");
    assert_eq!(came.status.code(), Some(0), "{came:?}");
    let repro = format!("{out}/quorum-0x0000000000000002.json");
    let page = Page::of(&[&words[..], &["--against", &repro]].concat());
    let came = kraftsim().arg("replay").args(words).args(["--against", &repro]).output().expect("it starts");
    let printed = String::from_utf8(came.stdout).expect("text");
    let same = printed.split_once(" lines are the same").expect("a count").0.parse::<usize>().expect("a count");
    let other: Value = serde_json::from_str(page.element("id=\"other-head\">", "</script>")).expect("JSON");
    let head = page.head();
    assert_eq!((&head["parted"], &other["parted"]), (&same.into(), &same.into()));
    assert_eq!((head["violation"].is_null(), other["violation"].is_null()), (false, true));
    let (texts, other_texts) = (page.texts(), page.texts_of("other-"));
    assert_eq!(texts[..same], other_texts[..same]);
    for text in [&texts[same], &other_texts[same]] {
        assert!(printed.lines().any(|line| line.starts_with(['+', '-']) && line.ends_with(&text[..])), "{text}");
    }
}
