//! JUnit XML of a sweep, as Jenkins, GitLab and GitHub's reporters read it: a suite for each
//! scenario; a case for each violated invariant, for the sweep as a whole, its floors, its histories, each
//! `[expect]` limit and each required probe. A case fails or is in error exactly when the sweep's
//! exit code is not 0. Seeds are in messages, not in names: a page that compares two sweeps compares cases by
//! name.

use std::collections::BTreeMap;

use fuzz::aggregate::{Failure, OfScenario, SweepReport};
use fuzz::seeds::show_seed;
use scenarios::report::ViolationKind;

use super::columns::{plural, thousands};
use super::failure;
use crate::exit;
use crate::expect;
use crate::json::show_digest;

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Came {
    Passed,
    /// A claim did not hold: its kind, in a sentence, in full.
    Failed(&'static str, String, String),
    /// Nobody knows: why, in a word and in a sentence.
    Error(&'static str, String),
    /// It was not asked for: why.
    Skipped(String),
}

struct Case {
    name: String,
    came: Came,
    /// Real time of its runs, on one core each; that of a suite is the sum of its cases'.
    core_ns: u64,
}

impl Case {
    fn new(name: impl Into<String>, came: Came) -> Case {
        Case { name: name.into(), came, core_ns: 0 }
    }
}

/// The file. Times of day are those of its writing less the time that the sweep took.
pub fn text(report: &SweepReport) -> String {
    let began = std::time::Duration::from_nanos(report.wall_ns);
    let place = format!("timestamp=\"{}\" hostname=\"{}\"", timestamp(began), escape(&hostname()));
    let scenarios = report.subject.scenarios.iter().zip(&report.by_scenario);
    let suites: Vec<_> = scenarios.map(|(name, of)| (name, of, cases(report, name, of))).collect();
    let all: Vec<&Case> = suites.iter().flat_map(|(_, _, cases)| cases).collect();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    xml += &format!("<testsuites name=\"kraftsim sweep\" {}>\n", totals(&all));
    for (name, of, cases) in &suites {
        let totals = totals(&cases.iter().collect::<Vec<_>>());
        xml += &format!("  <testsuite name=\"{}\" {place} {totals}>\n", escape(name));
        xml += &properties(report, of);
        cases.iter().for_each(|case| xml += &element(name, case));
        xml += "  </testsuite>\n";
    }
    xml + "</testsuites>\n"
}

/// Counts of cases and their time.
fn totals(cases: &[&Case]) -> String {
    let count = |of: fn(&Came) -> bool| cases.iter().filter(|case| of(&case.came)).count();
    format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{}\"",
        cases.len(),
        count(|came| matches!(came, Came::Failed(..))),
        count(|came| matches!(came, Came::Error(..))),
        count(|came| matches!(came, Came::Skipped(_))),
        seconds(cases.iter().map(|case| case.core_ns).sum()),
    )
}

/// UTC, to the second and without a zone, as the schema of Ant's JUnit task has it.
#[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "when it ran, not what ran")]
fn timestamp(ago: std::time::Duration) -> String {
    let now = std::time::SystemTime::now();
    let text = humantime::format_rfc3339_seconds(now.checked_sub(ago).unwrap_or(now)).to_string();
    text.trim_end_matches('Z').to_owned()
}

fn hostname() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

fn properties(report: &SweepReport, of: &OfScenario) -> String {
    let subject = &report.subject;
    let mut all = vec![
        ("version", subject.version.clone()),
        ("commit", subject.commit.clone().unwrap_or_else(|| "unknown".to_owned())),
        ("host", subject.host.clone()),
        ("seeds_first", show_seed(report.seeds_first)),
        ("runs", of.runs.to_string()),
        ("failed_runs", of.failed.to_string()),
        ("wall_seconds_of_sweep", seconds(report.wall_ns)),
        ("digest_of_sweep", show_digest(report.digest)),
    ];
    all.extend(subject.bugs.iter().map(|bug| ("bug", bug.clone())));
    all.extend(subject.fixes.iter().map(|fix| ("fix", fix.clone())));
    all.extend(subject.cluster.iter().map(|dir| ("cluster", dir.clone())));
    all.extend(subject.set.iter().map(|set| ("set", set.clone())));
    let line =
        |(name, value): &(&str, String)| format!("      <property name=\"{name}\" value=\"{}\"/>\n", escape(value));
    format!("    <properties>\n{}    </properties>\n", all.iter().map(line).collect::<String>())
}

fn cases(report: &SweepReport, scenario: &str, of: &OfScenario) -> Vec<Case> {
    let mut cases = vec![
        Case { core_ns: of.core_ns, ..Case::new("sweep", whole(report, scenario, of)) },
        Case::new("floors", floors(report, of)),
        Case::new("linearizability decided", decided(of)),
    ];
    for limit in report.limits.iter().filter(|limit| limit.scenario == scenario) {
        let came = match expect::verdict(limit) {
            _ if !limit.judged => {
                Came::Skipped("the cluster is not the catalog's; --expect judges the limit".to_owned())
            }
            Some((_, true)) => Came::Passed,
            // Its violation says more.
            Some((measured, false)) => report
                .violations
                .iter()
                .find(|f| {
                    f.violation.kind == ViolationKind::Expect
                        && (f.scenario.as_str(), &f.violation.invariant) == (scenario, &limit.name)
                })
                .map_or_else(|| Came::Error("expect", format!("{measured}, of no run")), |late| failed(&[late])),
            None => Came::Error("inconclusive", "there was nothing to measure".to_owned()),
        };
        cases.push(Case::new(format!("expect {}", limit.name), came));
    }
    let missed: Vec<_> = report.missed_probes().collect();
    let seeds = report.runs / (report.subject.scenarios.len() as u64).max(1);
    for probe in &report.subject.required_probes {
        let of_any = if probe.scenario.is_none() { " in any scenario" } else { "" };
        let came = match () {
            () if probe.scenario.as_deref().is_some_and(|name| name != scenario) => continue,
            () if missed.contains(&probe) => Came::Error("vacuous", "no run reached it".to_owned()),
            () if seeds < probe.from_seeds => {
                Came::Skipped(format!("only sweeps of {} and more must reach it", plural(probe.from_seeds, "seed")))
            }
            () => Came::Passed,
        };
        cases.push(Case::new(format!("probe {}{of_any}", probe.probe), came));
    }
    let mut invariants = BTreeMap::<&str, Vec<&Failure>>::new();
    let of_runs = report.violations.iter().filter(|f| f.violation.kind != ViolationKind::Expect);
    for failure in of_runs.filter(|f| f.scenario == scenario) {
        invariants.entry(&failure.violation.invariant).or_default().push(failure);
    }
    cases.extend(invariants.iter().map(|(name, failures)| Case::new(format!("invariant {name}"), failed(failures))));
    cases
}

/// By the first of them; all are in the body.
fn failed(failures: &[&Failure]) -> Came {
    let Some(first) = failures.first() else { return Came::Passed };
    let more = match failures.len() as u64 - 1 {
        0 => String::new(),
        n => format!(", and {} more", thousands(n)),
    };
    let violation = &first.violation;
    let message = format!("{}: {} (seed {}{more})", violation.invariant, violation.detail, show_seed(first.seed));
    let body = failures.iter().map(|failure| failure::lines(failure, usize::MAX)).collect::<Vec<_>>().join("\n\n");
    Came::Failed(failure::kind_name(violation.kind), message, body)
}

fn whole(report: &SweepReport, scenario: &str, of: &OfScenario) -> Came {
    let records = report.records.get(scenario).copied().unwrap_or_default();
    let runs = plural(of.runs, "run");
    match () {
        () if report.interrupted => Came::Error("interrupted", format!("interrupted after {runs}")),
        () if !report.missing.is_empty() => Came::Error("incomplete", report.missing.join("; ")),
        () if report.runs == 0 => Came::Error("vacuous", "no seed ran".to_owned()),
        () if of.runs == 0 => Came::Skipped("the sweep ended before its first run".to_owned()),
        () if report.operations_acked() == 0 => {
            Came::Error("vacuous", "no operation was acknowledged in any run".to_owned())
        }
        () if records.too_few_kept() => {
            let (acked, excused) = (thousands(records.acked), thousands(records.excused));
            Came::Error("vacuous", format!("{excused} of {acked} acknowledged records were lost and excused"))
        }
        () => Came::Passed,
    }
}

/// As the exit code has it, of all scenarios together: the share that is too much is the sweep's.
fn floors(report: &SweepReport, of: &OfScenario) -> Came {
    if of.inconclusive == 0 || !exit::too_many_inconclusive(report) {
        return Came::Passed;
    }
    let floors = of.missed_floors.iter().map(|(name, missed)| exit::floor(name, missed));
    let floors = floors.collect::<Vec<_>>().join(", ");
    Came::Error(
        "inconclusive",
        format!("{} of {} were below a floor: {floors}", of.inconclusive, plural(of.runs, "run")),
    )
}

fn decided(of: &OfScenario) -> Came {
    match of.undecided {
        0 => Came::Passed,
        n => Came::Error("unknown", format!("the linearizability of {} is undecided", plural(n, "run"))),
    }
}

fn element(scenario: &str, Case { name, came, core_ns }: &Case) -> String {
    let (name, scenario, time) = (escape(name), escape(scenario), seconds(*core_ns));
    let head = format!("    <testcase name=\"{name}\" classname=\"kraftsim.{scenario}\" time=\"{time}\"");
    let inner = match came {
        Came::Passed => return format!("{head}/>\n"),
        Came::Failed(kind, message, body) => {
            format!("<failure type=\"{kind}\" message=\"{}\">{}</failure>", escape(message), escape_text(body))
        }
        Came::Error(kind, message) => format!("<error type=\"{kind}\" message=\"{}\"/>", escape(message)),
        Came::Skipped(message) => format!("<skipped message=\"{}\"/>", escape(message)),
    };
    format!("{head}>\n      {inner}\n    </testcase>\n")
}

/// To the millisecond, as schemas want it.
fn seconds(ns: u64) -> String {
    let ms = ns / 1_000_000;
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// For an attribute: a line's end would be read as a space.
fn escape(text: &str) -> String {
    escape_text(text).replace('"', "&quot;").replace('\n', "&#10;").replace('\r', "&#13;").replace('\t', "&#9;")
}

/// For an element. What XML 1.0 cannot hold at all, a control character say, becomes U+FFFD.
fn escape_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => escaped.push(c),
            _ => escaped.push('\u{fffd}'),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_hold_is_replaced() {
        assert_eq!(
            escape("<a & \"b\">\u{0}\u{1b}[31m\u{ffff}\r\n"),
            "&lt;a &amp; &quot;b&quot;&gt;\u{fffd}\u{fffd}[31m\u{fffd}&#13;&#10;"
        );
        assert_eq!((seconds(1_999_999), seconds(61_002_000_000)), ("0.001".to_owned(), "61.002".to_owned()));
    }
}
