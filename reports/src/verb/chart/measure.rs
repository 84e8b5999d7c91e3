//! The runs of a chart: its configurations are prepared and swept.

use std::sync::atomic::AtomicBool;

use fuzz::aggregate::{Reproduction, Subject, SweepReport};
use fuzz::hosts::HOSTS;
use fuzz::seeds::{Seeds, Shard};
use fuzz::sweep::{FailedRun, SweepEvent, SweepSettings, sweep};

use super::super::sweep::{jobs, sorted};
use super::configured::Configured;
use super::request::Request;
use super::runs_figure::figure;
use crate::chart::Line;
use crate::chart::figure::Figure;
use crate::chart::measured::Runs;
use crate::command;
use crate::engine::{Named, Problem};
use crate::exit;
use crate::output::Streams;
use crate::show::annotation::Annotations;
use crate::show::columns::plural;
use crate::show::failure;
use crate::show::progress::Reporter;
use crate::verb::finding_search::FindingSearch;

/// A figure, and the exit code of its runs.
pub struct Made {
    pub figure: Figure,
    pub code: u8,
}

/// Runs every configuration.
pub fn make(
    request: &Request<'_>,
    configured: &Configured,
    interrupted: &AtomicBool,
    streams: &mut Streams<'_>,
) -> Result<Made, Problem> {
    let prepared = &configured.prepared;
    for remark in sorted(prepared.iter().flat_map(|s| s.prepared.remarks()).collect::<Vec<_>>()) {
        streams.note(&remark);
    }
    let reporter = Reporter::new(request.args.progress, streams.err);
    let mut watcher = Watcher {
        configured,
        findings: FindingSearch::default(),
        annotations: Annotations::here(),
        width: streams.width,
        reporter,
    };
    let settings = settings(request, prepared);
    let runs = Runs::default();
    let run = |scenario: usize, seed, host| {
        let report = prepared[scenario].prepared.run(seed, host, None);
        runs.keep(scenario, &report);
        report
    };
    let report = sweep(&settings, &run, interrupted, &mut |event| watcher.on(event));
    watcher.reporter.finish();
    if report.failed >= settings.max_fail {
        streams.note(&format!("stopped after {}, the limit of --max-fail", plural(report.failed, "failing run")));
    }
    if report.interrupted {
        streams.note("interrupted: the chart shows only the seeds that ran");
    }
    // Other threads may have run seeds behind the prefix that the report covers.
    let many = prepared.len() as u64;
    let is_reported = |scenario: usize, seed: u64| (seed - report.seeds_first) * many + (scenario as u64) < report.runs;
    let runs = runs.those(is_reported);
    let figure = figure(request, configured, &report, &runs);
    let code = code(&figure, &report, streams);
    Ok(Made { figure, code })
}

fn settings(request: &Request<'_>, prepared: &[Named]) -> SweepSettings {
    let union = |of: fn(&Named) -> Vec<String>| sorted(prepared.iter().flat_map(of).collect());
    let subject = Subject {
        version: crate::VERSION.to_owned(),
        commit: crate::COMMIT.map(str::to_owned),
        host: crate::host().to_owned(),
        scenarios: prepared.iter().map(|named| named.name.clone()).collect(),
        fixes: union(|named| named.prepared.fixes()),
        bugs: union(|named| named.prepared.bugs()),
        profiles: union(|named| named.prepared.profile().into_iter().collect()),
        ..Subject::default()
    };
    SweepSettings {
        subject,
        seeds: Seeds::of(request.seeds(), Shard::WHOLE),
        jobs: jobs(request.args.jobs),
        max_fail: request.args.max_fail,
        limit: None,
        check_determinism: false,
        hosts: HOSTS,
    }
}

/// The exit code of a sweep; inconclusive if a line has nothing to show.
fn code(figure: &Figure, report: &SweepReport, streams: &mut Streams<'_>) -> u8 {
    let nothing = "nothing to draw, nothing written";
    let runs = plural(report.runs, "run");
    let is_partly_empty = match figure.chart() {
        None => {
            if figure.is_empty() {
                let hint = "give more --seeds, or a scenario with faults";
                streams.hint(&format!("error: nothing waited in {runs}: {nothing}; {hint}"));
            }
            figure.is_empty()
        }
        Some(chart) => {
            let empty: Vec<String> = chart.lines.iter().filter(|line| line.count() == 0).map(Line::label).collect();
            let what = chart.what();
            if figure.is_empty() && empty.len() < chart.lines.len() {
                streams.hint(&format!(
                    "error: no cell has enough {what}s for its quantile in {runs}: {nothing}; give more --seeds"
                ));
                return exit::INCONCLUSIVE;
            }
            if empty.len() == chart.lines.len() {
                let hint = "give more --seeds, another --kind or --cause, or a scenario with such faults";
                streams.hint(&format!("error: no {what} was measured in {runs}: {nothing}; {hint}"));
            } else if !empty.is_empty() {
                streams.note(&format!("no {what} was measured with {}", empty.join(", ")));
            }
            !empty.is_empty()
        }
    };
    let code = exit::of_sweep(report);
    if code == exit::INCONCLUSIVE {
        streams.note(&exit::why_vacuous(report).join("; "));
    }
    if code == exit::HOLDS && is_partly_empty { exit::INCONCLUSIVE } else { code }
}

/// Prints failures when they occur.
struct Watcher<'a> {
    configured: &'a Configured,
    findings: FindingSearch,
    annotations: Annotations,
    /// Width of lines.
    width: usize,
    reporter: Reporter<'a>,
}

impl Watcher<'_> {
    fn on(&mut self, event: SweepEvent<'_>) {
        match event {
            SweepEvent::Failed(failed) => self.failed(failed),
            SweepEvent::Progress(progress) => self.reporter.progress(&progress),
            SweepEvent::Sums(_) => {}
        }
    }

    fn failed(&mut self, FailedRun { scenario: at, run, failure, .. }: FailedRun<'_>) {
        let scenario = &self.configured.configurations[at].scenario;
        let command = command::replay(scenario, run.seed, run.digest, &self.configured.overrides[at]);
        let known = self.findings.search(at, &self.configured.prepared[at], run.seed, None, &failure.violation);
        failure.again = Reproduction { repro: None, command, known };
        self.reporter.failure(&failure::lines(failure, self.width));
        if let Some(line) = self.annotations.of(failure) {
            self.reporter.failure(&line);
        }
    }
}
