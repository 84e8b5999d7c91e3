//! The run page, without a browser: what `tests/page/look.mjs` opens in one.

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
    let texts: Vec<Value> = (0..head["texts"].as_u64().expect("parts"))
        .flat_map(|part| page.packed(&format!("text{part}")).as_array().expect("texts").clone())
        .collect();
    for (line, text) in log.lines().zip(&texts) {
        let text = text.as_str().expect("text").trim_end();
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
    let command = "kraftsim replay calm --seed 0x0000000000000001 --until 6000000000ns";
    assert_eq!(head["commands"], serde_json::json!([["reproduce", command]]));
}

/// The lines say how each attempt ended, and each death of a process ends with its next start.
#[test]
fn operations_and_outages_end_as_the_lines_say() {
    let page = Page::of(&["ci", "--seed", "3"]);
    let (head, operations) = (page.head(), page.packed("operations"));
    let texts: Vec<Value> = (0..head["texts"].as_u64().expect("parts"))
        .flat_map(|part| page.packed(&format!("text{part}")).as_array().expect("texts").clone())
        .collect();
    let text = |line: &Value| texts[line.as_u64().expect("a line") as usize].as_str().expect("text");
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
    let kills = head["faults"].as_array().expect("faults").iter().filter(|fault| fault["kind"] == "kill");
    let ns = |fault: &Value, what: &str| fault[what].as_u64().expect("a time");
    let outages_ms: Vec<u64> = kills.map(|kill| (ns(kill, "to_ns") - ns(kill, "from_ns")) / 1_000_000).collect();
    assert!(!outages_ms.is_empty() && outages_ms.iter().all(|ms| *ms < 10_000), "{outages_ms:?}");
}
