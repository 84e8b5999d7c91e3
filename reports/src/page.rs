//! The run page of `replay --html`: one file that needs no network, for browsers of 2023 and later
//! (`DecompressionStream`, `Array.prototype.toSorted`).
//!
//! `columns`: the lines of a trace, as columns; `intervals`: faults and operations of clients, from begin to end. The
//! page itself is in `page/`: `page.html`, `page.css`, and the scripts, which read those columns.
//!
//! The Content Security Policy allows exactly this style and this script, by their hashes. Data are JSON in which `<` is
//! escaped, or base64 of gzip; scripts show every string by `textContent` or on a canvas.

mod columns;
mod intervals;

use std::io::Write;
use std::sync::atomic::AtomicBool;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use fuzz::case::{Case, violation};
use fuzz::seeds::show_seed;
use fuzz::why::WhyProgress;
use fuzz::why::turning;
use scenarios::report::{RunOutcome, RunReport};
use scenarios::trace::Trace;
use serde::Serialize;
use sha2::{Digest, Sha256};
use sim::duration::in_words;
use sim::fault::Fault;

use crate::args::ProgressMode;
use crate::command;
use crate::engine::Problem;
use crate::json::show_digest;
use crate::output::Streams;
use crate::show::looking::Looking;
use crate::show::run_summary;
use crate::verb::job::Job;
use columns::Columns;
use intervals::{Faults, Operations};

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
/// In the order in which they depend on each other.
const SCRIPTS: [&str; 5] = [
    include_str!("page/model.js"),
    include_str!("page/filter.js"),
    include_str!("page/timeline.js"),
    include_str!("page/panels.js"),
    include_str!("page/main.js"),
];

/// What the page says of the run as a whole.
#[derive(Debug, Serialize)]
pub struct Heading {
    pub version: &'static str,
    pub commit: String,
    pub scenario: String,
    pub seed: String,
    pub digest: String,
    /// A few words.
    pub verdict: String,
    pub is_inconclusive: bool,
    pub violation: Option<Broken>,
    /// What to run next: a label, and the command.
    pub commands: Vec<(&'static str, String)>,
    pub turning: Option<Turning>,
}

/// The violated claim.
#[derive(Debug, Serialize)]
pub struct Broken {
    pub invariant: String,
    pub spec: String,
    pub detail: String,
    pub at_ns: u64,
}

/// The point of no return, as `why` finds it.
#[derive(Debug, Serialize)]
pub struct Turning {
    /// Number of events after which the claim could still hold.
    pub event: u64,
    /// When the next one was.
    pub at_ns: u64,
}

#[derive(Serialize)]
struct Head<'a> {
    #[serde(flatten)]
    heading: &'a Heading,
    nodes: &'a [String],
    clients: Vec<bool>,
    faults: Faults,
    /// Number of gzipped parts with the texts of lines, and lines in each.
    texts: usize,
    lines_in_text: usize,
}

/// Lines whose texts are packed together.
const LINES_IN_TEXT: usize = 8192;

/// What is said of a replayed run. The point of no return takes some hundred runs from checkpoints of this one, and is
/// left out of a run that `--until` ended.
pub fn heading(
    job: &Job,
    run: &RunReport,
    case: &Case,
    until_ns: Option<u64>,
    streams: &mut Streams<'_>,
) -> Result<Heading, Problem> {
    let violation = violation(run);
    let turning = match violation.filter(|_| until_ns.is_none()) {
        Some(broken) => {
            let mut shown = Looking::new(ProgressMode::Auto, streams.err);
            shown.progress(WhyProgress::Turning);
            let found = turning::find(case, broken, &AtomicBool::new(false)).map_err(Problem::new);
            shown.finish();
            found?
        }
        None => None,
    };
    let again = job.command(run.digest);
    let next = violation.and_then(|_| command::next(&again));
    let again = match (until_ns, again.rsplit_once(" --expect-digest ")) {
        // A part of a run has another digest than the run.
        (Some(until_ns), Some((run, _))) => format!("{run} --until {until_ns}ns"),
        _ => again,
    };
    let mut commands = vec![("reproduce", again)];
    commands.extend(next.into_iter().flat_map(|[log, shrink]| [("log", log), ("shrink", shrink)]));
    let (verdict, is_inconclusive) = match &run.outcome {
        RunOutcome::Holds if run.is_undecided() => {
            ("no claim is violated, but whether the histories are linearizable is not decided".to_owned(), true)
        }
        outcome => (run_summary::outcome(run), matches!(outcome, RunOutcome::Inconclusive { .. })),
    };
    let verdict = match until_ns {
        Some(until_ns) => format!("until {}: {verdict}", in_words(until_ns)),
        None => verdict,
    };
    Ok(Heading {
        version: crate::VERSION,
        commit: crate::show_commit(crate::COMMIT),
        scenario: job.scenario.name.clone(),
        seed: show_seed(job.seed),
        digest: show_digest(run.digest),
        verdict,
        is_inconclusive,
        violation: violation.map(|broken| Broken {
            invariant: broken.invariant.clone(),
            spec: broken.spec.clone(),
            detail: broken.detail.clone(),
            at_ns: broken.at_ns,
        }),
        commands,
        turning: turning.map(|found| Turning { event: found.event, at_ns: found.at_ns }),
    })
}

/// The whole page. `fault` describes a fault in words.
pub fn text(trace: &Trace, heading: &Heading, fault: &dyn Fn(&Fault) -> String) -> String {
    let columns = Columns::of(trace, fault);
    let operations = Operations::of(trace, &columns.place);
    let faults = Faults::of(trace, fault);
    let texts: Vec<String> = columns.texts.chunks(LINES_IN_TEXT).map(packed).collect();
    let clients = (0..trace.names().len()).map(|node| trace.is_client(sim::process::Node(node as u16))).collect();
    let head =
        Head { heading, nodes: trace.names(), clients, faults, texts: texts.len(), lines_in_text: LINES_IN_TEXT };
    let script = SCRIPTS.concat();
    let title = format!("{} {} · kraftsim", heading.scenario, heading.seed);
    let mut data = format!("<script type=\"application/json\" id=\"head\">{}</script>\n", safe_json(&head));
    let mut part = |id: &str, packed: &str| {
        data.push_str(&format!("<script type=\"application/gzip\" id=\"{id}\">{packed}</script>\n"));
    };
    part("columns", &packed(&columns));
    part("operations", &packed(&operations));
    texts.iter().enumerate().for_each(|(number, text)| part(&format!("text{number}"), text));
    filled(
        PAGE,
        &[
            ("TITLE", &escaped(&title)),
            ("STYLE-HASH", &hash(STYLE)),
            ("SCRIPT-HASH", &hash(&script)),
            ("STYLE", STYLE),
            ("DATA", &data),
            ("SCRIPT", &script),
        ],
    )
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
