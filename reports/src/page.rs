//! The run page of `replay --html`: one file that needs no network, for browsers of 2023 and later
//! (`DecompressionStream`, `Array.prototype.toSorted`).
//!
//! `heading`: what is said of the run; `columns`: the lines of a trace, as columns; `faults` and `operations`: what lasts;
//! `named` and `witness`: which operations the verdict names. The page itself is in `page/`: `page.html`, `page.css`, and
//! the scripts, which read those columns.
//!
//! The Content Security Policy allows exactly this style and this script, by their hashes. Data are JSON in which `<` is
//! escaped, or base64 of gzip; scripts show every string by `textContent` or on a canvas.

mod columns;
mod faults;
mod heading;
mod named;
mod operations;
pub mod witness;

use std::collections::BTreeSet;
use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use scenarios::trace::Trace;
use serde::Serialize;
use sha2::{Digest, Sha256};
use sim::fault::Fault;
use sim::process::Node;

use crate::trace::against;
use columns::Columns;
use faults::Faults;
pub use heading::Heading;
use operations::Operations;
use witness::Called;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
/// In the order in which they depend on each other.
const SCRIPTS: [&str; 12] = [
    include_str!("page/model.js"),
    include_str!("page/state.js"),
    include_str!("page/filter.js"),
    include_str!("page/timeline.js"),
    include_str!("page/map.js"),
    include_str!("page/list.js"),
    include_str!("page/panels.js"),
    include_str!("page/table.js"),
    include_str!("page/pointers.js"),
    include_str!("page/address.js"),
    include_str!("page/controls.js"),
    include_str!("page/main.js"),
];

/// A run for the page.
pub struct Side<'a> {
    /// Which run it is, beside another one.
    pub title: String,
    pub heading: Heading,
    /// The operations of the black-box judge's witness.
    pub witness: BTreeSet<Called>,
    pub trace: &'a Trace,
    /// Describes a fault in words.
    pub fault: &'a dyn Fn(&Fault) -> String,
}

/// The other run of a page of two, and how many lines of both are the same before the first difference.
struct Beside<'a> {
    other: &'a Side<'a>,
    same: Option<usize>,
}

#[derive(Serialize)]
struct Head<'a> {
    #[serde(flatten)]
    heading: &'a Heading,
    title: &'a str,
    nodes: &'a [String],
    clients: Vec<bool>,
    faults: Faults,
    /// Number of gzipped parts with the texts of lines, and lines in each.
    texts: usize,
    lines_in_text: usize,
    /// Is it one of two runs, and which line is the first that the other one does not have?
    is_of_two: bool,
    parted: Option<usize>,
}

/// Lines whose texts are packed together.
const LINES_IN_TEXT: usize = 8192;

/// The page of a run.
pub fn text(run: &Side<'_>) -> String {
    page(run, None)
}

/// The page of two runs up to their first difference.
pub fn text_of_two(run: &Side<'_>, other: &Side<'_>) -> String {
    let [one, two] = [run, other].map(|of| against::Side { name: of.title.clone(), trace: of.trace, fault: of.fault });
    let same = against::same_lines(&one, &two);
    page(run, Some(&Beside { other, same }))
}

fn page(run: &Side<'_>, beside: Option<&Beside<'_>>) -> String {
    let script = SCRIPTS.concat();
    let mut all = data(run, "", beside);
    if let Some(beside) = beside {
        let other = data(beside.other, "other-", Some(beside));
        all.first += &other.first;
        all.texts += &other.texts;
    }
    let title = format!("{} {} · kraftsim", run.heading.scenario, run.heading.seed);
    filled(
        PAGE,
        &[
            ("TITLE", &escaped(&title)),
            ("STYLE-HASH", &hash(STYLE)),
            ("SCRIPT-HASH", &hash(&script)),
            ("STYLE", STYLE),
            ("DATA", &all.first),
            ("SCRIPT", &script),
            ("TEXTS", &all.texts),
        ],
    )
}

/// Elements of the page.
struct Elements {
    /// What is needed to draw it.
    first: String,
    /// The texts of the lines, behind the script: the page is drawn before they are read.
    texts: String,
}

/// The elements with the data of a run; their ids begin with `prefix`.
fn data(run: &Side<'_>, prefix: &str, beside: Option<&Beside<'_>>) -> Elements {
    let Side { heading, trace, .. } = run;
    let columns = Columns::of(trace, run.fault);
    let verdict = heading.violation.as_ref().map(|broken| &broken.detail[..]);
    let operations = Operations::of(trace, &columns.place, verdict, &run.witness);
    let packed_texts: Vec<String> = columns.texts.chunks(LINES_IN_TEXT).map(packed).collect();
    let head = Head {
        heading,
        title: &run.title,
        nodes: trace.names(),
        clients: (0..trace.names().len()).map(|node| trace.is_client(Node(node as u16))).collect(),
        faults: Faults::of(trace, run.fault),
        texts: packed_texts.len(),
        lines_in_text: LINES_IN_TEXT,
        is_of_two: beside.is_some(),
        parted: beside.and_then(|beside| beside.same),
    };
    let mut first = format!("<script type=\"application/json\" id=\"{prefix}head\">{}</script>\n", safe_json(&head));
    let part =
        |id: &str, packed: &str| format!("<script type=\"application/gzip\" id=\"{prefix}{id}\">{packed}</script>\n");
    first += &part("columns", &packed(&columns));
    first += &part("operations", &packed(&operations));
    let texts = packed_texts.iter().enumerate().map(|(number, text)| part(&format!("text{number}"), text)).collect();
    Elements { first, texts }
}

/// A template with `{{NAME}}` replaced. What is put in is not searched again.
fn filled(template: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once("{{") {
        let Some((name, after)) = behind.split_once("}}") else { break };
        text.push_str(before);
        text.push_str(values.iter().find(|(other, _)| *other == name).map_or("", |(_, value)| value));
        rest = after;
    }
    text + rest
}

/// Text of an HTML element or attribute.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// JSON that ends no script element, whatever its strings say.
fn safe_json(value: &impl Serialize) -> String {
    // All keys are strings, and the writer cannot fail.
    serde_json::to_string(value).unwrap_or_default().replace('<', "\\u003c")
}

/// JSON, gzipped, as base64.
fn packed<T: Serialize + ?Sized>(value: &T) -> String {
    let mut zip = GzEncoder::new(Vec::new(), Compression::default());
    let written = zip.write_all(&serde_json::to_vec(value).unwrap_or_default());
    // A vector takes all bytes.
    STANDARD.encode(written.and_then(|()| zip.finish()).unwrap_or_default())
}

/// A source of a Content Security Policy.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_string_ends_its_element() {
        let hostile = "</script><img src=x onerror=alert(1)>\"&{{SCRIPT}}";
        let json = safe_json(&[hostile]);
        assert!(!json.contains('<'), "{json}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).expect("JSON"), [hostile]);
        assert_eq!(escaped(hostile), "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&quot;&amp;{{SCRIPT}}");
        assert_eq!(filled("a {{X}} {{Y}}", &[("X", "{{Y}}"), ("Y", "z")]), "a {{Y}} z");
    }
}
