//! The job summary: Markdown that GitHub Actions shows on the page of a run.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use fuzz::aggregate::{Failure, SweepReport};
use fuzz::failover::FailoverTimes;
use fuzz::seeds::show_seed;

use super::columns::thousands;
use super::failover_name::failover_name;
use super::failure::kind_in_words;
use super::summary;
use crate::chart::quantile::Quantile;
use crate::engine::Problem;
use crate::exit;
use crate::expect;
use crate::json::show_digest;
use sim::duration::show_us;

/// Maximum number of failures in a summary, which keeps it far below the limit of GitHub (1 MiB per step).
const MOST: usize = 20;

/// The file for this step, named by GitHub Actions or a compatible system.
pub fn file() -> Option<PathBuf> {
    std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// Appends the summary of a sweep or a merge, after the summaries of other commands of the step.
pub fn append(path: &Path, report: &SweepReport) -> Result<(), Problem> {
    let write = || OpenOptions::new().append(true).create(true).open(path)?.write_all(text(report).as_bytes());
    write().map_err(|error: std::io::Error| Problem::new(format!("{}: {error}", path.display())))
}

pub fn text(report: &SweepReport) -> String {
    let code = exit::of_sweep(report);
    let mark = if code == exit::HOLDS { "✅" } else { "❌" };
    let subject = &report.subject;
    let names = subject.scenarios.iter().map(|name| code_span(name)).collect::<Vec<_>>().join(", ");
    let mut text = format!("### {mark} kraftsim: {} ({names})\n\n", inline(&summary::verdict(report)));
    let reasons = exit::why_vacuous(report);
    if !reasons.is_empty() && (code == exit::INCONCLUSIVE || !report.missing.is_empty()) {
        reasons.iter().for_each(|why| text += &format!("- {}\n", inline(why)));
        text += "\n";
    }
    text += &ran(report);
    if !report.violations.is_empty() {
        text += &failures(&report.violations);
    }
    text += &failover(report);
    text += &limits(report);
    let commit = crate::show_commit(subject.commit.as_deref());
    let (version, host) = (&subject.version, &subject.host);
    text + &format!("kraftsim {version}, commit {commit}, host {host}, digest `{}`\n\n", show_digest(report.digest))
}

fn ran(report: &SweepReport) -> String {
    let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { inline(&names.join(", ")) };
    let subject = &report.subject;
    let faults = report.faults.iter().filter(|(_, n)| **n > 0);
    let faults: Vec<String> = faults.map(|(kind, n)| format!("{kind} {}", thousands(*n))).collect();
    let mut rows = vec![
        ("runs", format!("{} from seed {}", thousands(report.runs), show_seed(report.seeds_first))),
        ("failed runs", thousands(report.failed)),
        ("inconclusive runs", thousands(report.inconclusive)),
        ("faults injected", list(&faults)),
        ("acknowledged operations", thousands(report.operations_acked())),
        ("simulated time", format!("{} s", thousands(report.sim_ns / 1_000_000_000))),
        ("real time", show_us(report.wall_ns / 1000)),
    ];
    let given = [("fixes", &subject.fixes), ("bugs", &subject.bugs), ("--set", &subject.set)];
    rows.extend(given.into_iter().filter(|(_, names)| !names.is_empty()).map(|(name, names)| (name, list(names))));
    rows.extend(subject.cluster.iter().map(|dir| ("--cluster", inline(dir))));
    let rows = rows.iter().map(|(name, value)| format!("| {name} | {value} |\n")).collect::<String>();
    format!("| | |\n|---|---|\n{rows}\n")
}

fn failures(all: &[Failure]) -> String {
    let one = |failure: &Failure| {
        let violation = &failure.violation;
        let (seed, at) = (show_seed(failure.seed), show_us(violation.at_ns / 1000));
        format!(
            "**{}** ({}) in {}, seed {seed}, at {at}: {}\n\n```sh\n{}\n```\n\n",
            inline(&violation.invariant),
            kind_in_words(violation.kind),
            code_span(&failure.scenario),
            inline(&violation.detail),
            failure.again.command.replace("```", "` ` `"),
        )
    };
    let more = match all.len().saturating_sub(MOST) {
        0 => String::new(),
        n => format!("{} more; they are in the JSON.\n\n", thousands(n as u64)),
    };
    format!("#### Failures\n\n{}{more}", all.iter().take(MOST).map(one).collect::<String>())
}

fn failover(report: &SweepReport) -> String {
    if report.failovers.is_empty() {
        return String::new();
    }
    let row = |name: &str, times: &FailoverTimes| {
        let all = &times.total.all;
        let max = all.max_us().map_or_else(|| "–".to_owned(), show_us);
        let worst = times.total.worst.as_ref().map_or_else(|| "–".to_owned(), |worst| show_seed(worst.seed));
        let (p50, p99) = (Quantile::P50.text(all), Quantile::P99.text(all));
        let unended = thousands(times.unended.all.count());
        format!("| {name} | {} | {p50} | {p99} | {max} | {worst} | {unended} |\n", thousands(all.count()))
    };
    let rows = report.failovers.iter().map(|(kind, times)| row(failover_name(*kind), times)).collect::<String>();
    format!(
        "#### Failover\n\n| | count | p50 | p99 | max | seed of max | not ended |\n|---|--:|--:|--:|--:|---|--:|\n{rows}\n"
    )
}

fn limits(report: &SweepReport) -> String {
    if report.limits.is_empty() {
        return String::new();
    }
    let row = |limit: &fuzz::aggregate::Limit| {
        let (value, held) = match expect::verdict(limit) {
            Some((value, _)) if !limit.judged => (value.to_string(), "not judged"),
            Some((value, held)) => (value.to_string(), if held { "yes" } else { "**no**" }),
            None => ("nothing to measure".to_owned(), "unknown"),
        };
        let (name, bound, scenario) = (inline(&limit.name), inline(&limit.limit), inline(&limit.scenario));
        format!("| {name} | {scenario} | {bound} | {value} | {held} |\n")
    };
    let rows = report.limits.iter().map(row).collect::<String>();
    format!("#### Limits\n\n| limit | scenario | | measured | holds |\n|---|---|---|--:|---|\n{rows}\n")
}

/// A name as code; Markdown has no escapes in code.
fn code_span(text: &str) -> String {
    format!("`{}`", text.replace(['`', '\n', '\r'], " "))
}

/// Text from runs and flags inside a line or a cell, without markup and line breaks.
fn inline(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => escaped.push(' '),
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '|' | '`' | '*' | '_' | '\\' => escaped.extend(['\\', c]),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use fuzz::aggregate::Subject;
    use scenarios::report::FailoverKind;

    use super::*;

    #[test]
    fn failovers_have_the_names_of_the_screen() {
        let mut report = SweepReport::new(Subject::default(), 0);
        report.failovers.insert(FailoverKind::ProduceGap, FailoverTimes::default());
        let text = text(&report);
        assert!(text.contains("\n| produce unavailable | 0 | "), "{text}");
        assert!(!text.contains("produce_gap") && !text.contains("\n\n\n"), "{text}");
    }
}
