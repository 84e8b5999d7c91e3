//! Every rule that the code cites is in `raft/spec`: documents, paragraphs, durability points, and rows of bugs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::source::root;

const RULES: &[&str] = &["consensus.md", "controller-broker.md"];

/// The project's sources, settings and documents, with their paths from the root.
fn texts() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder can be read").flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() {
                if !name.starts_with('.') && !["target", "kraftsim-out"].contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if [".rs", ".toml", ".md"].iter().any(|end| name.ends_with(end)) && name != "citations.rs" {
                let from_root = path.strip_prefix(root()).expect("below the root").display().to_string();
                found.push((from_root, fs::read_to_string(path).expect("a source is text")));
            }
        }
    }
    found.sort();
    found
}

fn spec(document: &str) -> String {
    fs::read_to_string(root().join("raft/spec").join(document)).expect("the document is there")
}

/// The numbers of a document's headings.
fn paragraphs(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter_map(|line| line.strip_prefix('#'));
    let numbers = headings.filter_map(|heading| heading.trim_start_matches('#').split_whitespace().next());
    numbers.filter(|number| number.starts_with(|c: char| c.is_ascii_digit())).map(str::to_owned).collect()
}

/// The paragraph number that a text begins with.
fn number(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text[..end].trim_end_matches('.')
}

/// A text without the separators of words: space, comment marks, quotes of code.
fn trimmed(text: &str) -> &str {
    text.trim_end_matches(|c: char| c.is_whitespace() || "/!#`,*|".contains(c))
}

/// The wrong citations of one file.
fn mistakes(name: &str, text: &str, known: &BTreeMap<&str, BTreeSet<String>>) -> Vec<String> {
    let own = RULES.iter().copied().find(|document| name == format!("raft/spec/{document}"));
    let text = text.replace("\\u{a7}", "§");
    let mut wrong = Vec::new();
    for (at, _) in text.match_indices('§') {
        let before = &text[..at];
        let line = before.lines().count().max(1);
        if trimmed(before).ends_with("Raft") {
            continue;
        }
        let last = RULES.iter().copied().filter_map(|rule| before.rfind(rule).map(|at| (at, rule))).max();
        let near = RULES.iter().copied().find(|document| trimmed(before).ends_with(document));
        let Some(document) = near.or(own).or(last.map(|(_, rule)| rule)) else {
            wrong.push(format!("{name}:{line}: the paragraph is of no document; name one, as in `consensus.md §4.2`"));
            continue;
        };
        let cited = &text[at + '§'.len_utf8()..];
        let first = number(cited);
        let range_end = cited[first.len()..].strip_prefix('–').map(number);
        for paragraph in [Some(first), range_end].into_iter().flatten() {
            // Empty: the `§N.M` with which a document explains how it is cited.
            if !paragraph.is_empty() && !known[document].contains(paragraph) {
                wrong.push(format!("{name}:{line}: {document} has no §{paragraph}"));
            }
        }
    }
    wrong
}

#[test]
fn every_cited_paragraph_exists() {
    let known: BTreeMap<&str, BTreeSet<String>> =
        RULES.iter().map(|document| (*document, paragraphs(&spec(document)))).collect();
    let texts = texts();
    let wrong: Vec<String> = texts.iter().flat_map(|(name, text)| mistakes(name, text, &known)).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    let citing = texts.iter().filter(|(name, text)| name.ends_with(".rs") && text.contains('§')).count();
    assert!(citing > 100, "only {citing} files cite a rule: the search is broken");
}

#[test]
fn a_citation_of_nothing_is_found() {
    let known: BTreeMap<&str, BTreeSet<String>> =
        RULES.iter().map(|document| (*document, paragraphs(&spec(document)))).collect();
    let found = |text: &str| mistakes("x.rs", text, &known);
    assert_eq!(found("// consensus.md\n// §4.2, §4.3 and Raft §9.9, controller-broker.md §4.10"), [""; 0]);
    assert_eq!(found("// consensus.md §4.10"), ["x.rs:1: consensus.md has no §4.10"]);
    assert_eq!(found("\n// consensus.md §3.2–3.99"), ["x.rs:2: consensus.md has no §3.99"]);
    assert_eq!(found("// (§4.2)").len(), 1, "no document was named");
}

/// The rows of `bugs.md`: id, and the switch of those that have one.
fn rows() -> Vec<(String, Option<String>)> {
    let text = spec("bugs.md");
    let (with_switch, without) = text.split_once("## Rows without a switch").expect("two tables");
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect::<Vec<_>>();
    let table = |text: &str| text.lines().filter(|l| l.starts_with("| ")).map(cells).collect::<Vec<_>>();
    let is_row = |id: &str| id.len() == 3 && id[1..].bytes().all(|c| c.is_ascii_digit());
    let first = table(with_switch).into_iter().map(|row| (row[1].clone(), Some(row[2].clone())));
    let second = table(without).into_iter().map(|row| (row[1].clone(), None));
    first.chain(second).filter(|(id, _)| is_row(id)).collect()
}

/// The words of a text that consist of a letter of `letters` and digits.
fn labels<'a>(text: &'a str, letters: &str, digits: std::ops::RangeInclusive<usize>) -> BTreeSet<&'a str> {
    let words = text.split(|c: char| !c.is_alphanumeric());
    let fits = |word: &&str| {
        word.starts_with(|c| letters.contains(c))
            && digits.contains(&(word.len() - 1))
            && word[1..].bytes().all(|c| c.is_ascii_digit())
    };
    words.filter(fits).collect()
}

/// In both directions: each switch that names a row is in the table, and each row of the table is a switch.
#[test]
fn rows_of_bugs_are_those_of_the_switches() {
    let texts = texts();
    let bugs = || texts.iter().filter(|(name, _)| name.starts_with("raft/src/bugs/"));
    let declared: BTreeSet<(String, Option<String>)> = bugs()
        .flat_map(|(_, text)| text.lines())
        .filter_map(|line| {
            let mut words = line.strip_prefix("    ")?.split(' ');
            let (id, switch, layer, source) = (words.next()?, words.next()?, words.next()?, words.next()?);
            let is_row = labels(id, "RMLPCZGN", 2..=2).len() == 1 && source.starts_with('"');
            (is_row && !layer.is_empty()).then(|| (id.to_owned(), Some(switch.to_owned())))
        })
        .collect();
    let rows = rows();
    let listed: BTreeSet<(String, Option<String>)> =
        rows.iter().filter(|(_, switch)| switch.is_some()).cloned().collect();
    assert!(declared.len() > 60, "the declarations were not found");
    assert_eq!(declared, listed, "left: `raft/src/bugs`; right: `raft/spec/bugs.md`");

    let ids: BTreeSet<&str> = rows.iter().map(|(id, _)| id.as_str()).collect();
    for (name, text) in bugs() {
        let unknown: Vec<&str> = labels(text, "RMLPCZGN", 2..=2).difference(&ids).copied().collect();
        assert!(unknown.is_empty(), "{name} names rows that raft/spec/bugs.md has not: {unknown:?}");
    }
}

#[test]
fn durability_points_exist() {
    let consensus = spec("consensus.md");
    let rows = consensus.lines().filter_map(|line| line.strip_prefix("| D")?.split(' ').next());
    let points: BTreeSet<&str> = rows.filter(|number| number.bytes().all(|c| c.is_ascii_digit())).collect();
    assert_eq!(points.len(), 12);
    for (name, text) in texts().iter().filter(|(name, _)| name.ends_with(".rs")) {
        for label in labels(text, "D", 1..=2) {
            assert!(points.contains(&label[1..]), "{name} names {label}, which consensus.md §4.9 has not");
        }
    }
}

/// A rule names the fix of a Kafka defect that is modelled.
#[test]
fn switches_that_rules_name_are_fixes() {
    let fixes = fs::read_to_string(root().join("raft/src/fixes.rs")).expect("fixes.rs");
    let mut named = 0;
    for document in RULES {
        let text = spec(document);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for after in text.split("see the switch `").skip(1) {
            let switch = after.split('`').next().unwrap_or("");
            assert!(fixes.contains(&format!(" {switch},")), "{document}: no fix is called {switch:?}");
            named += 1;
        }
    }
    assert!(named >= 10, "only {named} switches were found");
}
