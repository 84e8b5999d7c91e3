//! `chart`: runs configurations and draws their measurements.

use std::sync::atomic::AtomicBool;

use fuzz::aggregate::{Reproduction, Subject, SweepReport};
use fuzz::failover::FailoverTimes;
use fuzz::hosts::HOSTS;
use fuzz::seeds::{SeedRange, Seeds, Shard, show_seed};
use fuzz::sweep::{FailedRun, SweepEvent, SweepSettings, sweep};
use scenarios::report::RunReport;
use scenarios::run::Host;

use super::sweep::{jobs, sorted};
use crate::args::{ChartFailoverArgs, DEFAULT_SEEDS, Format};
use crate::chart::configurations::{Configuration, product};
use crate::chart::failover::{Drawing, name};
use crate::chart::quantile::Quantile;
use crate::chart::{Chart, Line, canvas, csv};
use crate::command;
use crate::engine::{Engine, Named, Overrides, Problem};
use crate::exit;
use crate::load;
use crate::output::{OutputTarget, Streams, write_whole};
use crate::show::annotation::Annotations;
use crate::show::columns::{plural, thousands};
use crate::show::failure;
use crate::show::progress::Reporter;
use sim::duration::show_us;

/// Checks the request, runs every configuration, draws, writes.
pub fn failover(
    args: &ChartFailoverArgs,
    engine: &dyn Engine,
    interrupted: &AtomicBool,
    streams: &mut Streams<'_>,
) -> Result<u8, Problem> {
    let format = format(args)?;
    let shared = load::overrides(&args.run)?;
    let configurations = product(&args.scenarios, &args.vary, &shared.set)?;
    let (overrides, prepared) = prepare(&configurations, engine, &shared)?;
    let csv = args.csv.as_deref().map(OutputTarget::checked).transpose()?;
    OutputTarget::checked(&args.output)?;
    if csv == Some(OutputTarget::File(args.output.clone())) {
        return Err(Problem::new(format!("{} is given to -o and to --csv", args.output.display())));
    }
    canvas::prepare()?;
    for remark in sorted(prepared.iter().flat_map(|s| s.prepared.remarks()).collect::<Vec<_>>()) {
        streams.note(&remark);
    }

    let reporter = Reporter::new(args.progress, streams.err);
    let mut watcher = Watcher {
        configurations: &configurations,
        overrides: &overrides,
        annotations: Annotations::here(),
        width: streams.width,
        reporter,
    };
    let settings = settings(args, &prepared);
    let cause = args.cause.as_deref();
    let run = |scenario: usize, seed, host| run_of_cause(&prepared[scenario], seed, host, cause);
    let report = sweep(&settings, &run, interrupted, &mut |event| watcher.on(event));
    watcher.reporter.finish();
    if report.failed >= settings.max_fail {
        streams.note(&format!("stopped after {}, the limit of --max-fail", plural(report.failed, "failing run")));
    }

    if report.interrupted {
        streams.note("interrupted: the chart shows only the seeds that ran");
    }
    let chart = chart(args, &configurations, &shared, &report);
    let code = code(&chart, &report, streams);
    if chart.lines.iter().all(|line| line.times.total.all.count() == 0) {
        return Ok(code);
    }
    let drawing = Drawing { chart: &chart, theme: args.theme };
    match format {
        Format::Svg => write_whole(&args.output, canvas::svg(&drawing)?)?,
        Format::Png => write_whole(&args.output, canvas::png(&drawing)?)?,
    }
    if let Some(target) = &csv {
        target.write(&csv::text(&chart), streams)?;
    }
    let text = text(&chart, args);
    match csv {
        Some(OutputTarget::Stdout) => streams.hint(text.trim_end()),
        _ => streams.result(&text)?,
    }
    Ok(code)
}

fn format(args: &ChartFailoverArgs) -> Result<Format, Problem> {
    let ending = args.output.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    let of_name = match ending.as_deref() {
        Some("svg") => Some(Format::Svg),
        Some("png") => Some(Format::Png),
        _ => None,
    };
    let name = args.output.display();
    match (args.format, of_name) {
        (Some(format), Some(other)) if format != other => {
            Err(Problem::new(format!("{name} is given with --format {}: give one of the two", format.ending())))
        }
        (format, of_name) => format.or(of_name).ok_or_else(|| {
            Problem::new(format!(
                "{name}: a chart is an SVG or a PNG; give a name that ends in .svg or .png, or --format svg or png"
            ))
        }),
    }
}

/// Prepares each configuration, with everything that alters its runs.
fn prepare(
    configurations: &[Configuration],
    engine: &dyn Engine,
    shared: &Overrides,
) -> Result<(Vec<Overrides>, Vec<Named>), Problem> {
    let mut all = (Vec::new(), Vec::new());
    for configuration in configurations {
        let own = Overrides { set: configuration.set.clone(), ..Overrides::default() };
        let overrides = shared.clone().and(own).without_secrets();
        let of_vary = |problem: Problem| {
            let is_varied = |key: &str| problem.message.starts_with(&format!("--set {key}"));
            match configuration.set.iter().any(|(key, _)| is_varied(key)) {
                true => Problem { message: problem.message.replacen("--set", "--vary", 1), ..problem },
                false => problem,
            }
        };
        let named = load::load(engine, std::slice::from_ref(&configuration.scenario), &overrides).map_err(of_vary)?;
        all.0.push(overrides);
        all.1.extend(named.into_iter().map(|named| Named { name: configuration.name(), ..named }));
    }
    match all.1.iter().enumerate().find(|(at, named)| all.1[..*at].iter().any(|other| other.name == named.name)) {
        Some((_, twice)) => Err(Problem::new(format!("scenario {} is named twice", twice.name))),
        None => Ok(all),
    }
}

fn settings(args: &ChartFailoverArgs, prepared: &[Named]) -> SweepSettings {
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
        seeds: Seeds::of(args.seeds.unwrap_or(SeedRange { start: 0, end: DEFAULT_SEEDS }), Shard::WHOLE),
        jobs: jobs(args.jobs),
        max_fail: args.max_fail,
        limit: None,
        check_determinism: false,
        hosts: HOSTS,
    }
}

fn chart(
    args: &ChartFailoverArgs,
    configurations: &[Configuration],
    shared: &Overrides,
    report: &SweepReport,
) -> Chart {
    let many = args.scenarios.len() > 1 || args.vary.is_empty();
    let line = |(configuration, measured): (&Configuration, &fuzz::aggregate::OfScenario)| Line {
        values: many
            .then(|| configuration.scenario.clone())
            .into_iter()
            .chain(configuration.set.iter().map(|(_, value)| value.clone()))
            .collect(),
        times: measured.failovers.get(&args.kind).cloned().unwrap_or_else(FailoverTimes::default),
    };
    let seeds = report.runs / configurations.len() as u64;
    let each = if configurations.len() > 1 { " each," } else { "" };
    let from = show_seed(report.seeds_first);
    let of = if args.scenarios.len() == 1 { "scenario" } else { "scenarios" };
    let mut remarks = vec![
        format!("{of} {}", args.scenarios.join(", ")),
        format!("{}{each} from {from}", plural(seeds, "seed")),
        format!("kraftsim {}", crate::VERSION),
    ];
    remarks.extend(report.subject.profiles.iter().map(|profile| format!("service times: {profile}")));
    remarks.extend(command::run_flags(shared).chunks(2).map(|flag| flag.join(" ")));
    let differ_in =
        many.then(|| "scenario".to_owned()).into_iter().chain(args.vary.iter().map(|vary| vary.key.clone()));
    Chart {
        kind: args.kind,
        cause: args.cause.clone(),
        remarks: remarks.join(" · "),
        differ_in: differ_in.collect(),
        lines: configurations.iter().zip(&report.by_scenario).map(line).collect(),
    }
}

/// The exit code of a sweep; inconclusive if a line has nothing to show.
fn code(chart: &Chart, report: &SweepReport, streams: &mut Streams<'_>) -> u8 {
    let empty: Vec<String> =
        chart.lines.iter().filter(|line| line.times.total.all.count() == 0).map(Line::label).collect();
    let what = chart.what();
    if empty.len() == chart.lines.len() {
        streams.hint(&format!(
            "error: no {what} was measured in {}: nothing to draw, nothing written",
            plural(report.runs, "run")
        ));
    } else if !empty.is_empty() {
        streams.note(&format!("no {what} was measured with {}", empty.join(", ")));
    }
    let code = exit::of_sweep(report);
    if code == exit::INCONCLUSIVE {
        streams.note(&exit::why_vacuous(report).join("; "));
    }
    if code == exit::HOLDS && !empty.is_empty() { exit::INCONCLUSIVE } else { code }
}

/// A run with only the failovers after one kind of fault, if given: phases and unended failovers are then also only of
/// that kind.
fn run_of_cause(named: &Named, seed: u64, host: Host, cause: Option<&str>) -> RunReport {
    let mut run = named.prepared.run(seed, host, None);
    if let Some(cause) = cause {
        run.failovers.retain(|failover| failover.cause == cause);
    }
    run
}

/// The table of the chart, for a terminal.
fn text(chart: &Chart, args: &ChartFailoverArgs) -> String {
    let wide = chart.lines.iter().map(|line| line.label().chars().count()).max().unwrap_or(0);
    let cause = chart.cause.as_ref().map(|cause| format!(" after {cause}")).unwrap_or_default();
    let mut text = format!("{}{cause}: {}\n", name(chart.kind), chart.remarks);
    for line in &chart.lines {
        let all = &line.times.total.all;
        let at = |us: Option<u64>| us.map_or_else(|| "–".to_owned(), show_us);
        let unended = match line.times.unended.all.count() {
            0 => String::new(),
            n => format!("  not ended {n}, the longest after {}", at(line.times.unended.all.max_us())),
        };
        text.push_str(&format!(
            "  {:<wide$}  n {:>6}  p50 {:>8}  p90 {:>8}  p99 {:>8}  max {:>8}{unended}\n",
            line.label(),
            thousands(all.count()),
            Quantile::P50.text(all),
            Quantile::P90.text(all),
            Quantile::P99.text(all),
            at(all.max_us()),
        ));
    }
    text.push_str(&format!("wrote {}", args.output.display()));
    if let Some(csv) = args.csv.as_ref().filter(|csv| csv.as_os_str() != "-") {
        text.push_str(&format!(", {}", csv.display()));
    }
    text.push('\n');
    text
}

/// Prints failures when they occur.
struct Watcher<'a> {
    configurations: &'a [Configuration],
    overrides: &'a [Overrides],
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
        let scenario = &self.configurations[at].scenario;
        let command = command::replay(scenario, run.seed, run.digest, &self.overrides[at]);
        failure.again = Reproduction { repro: None, command, known: None };
        self.reporter.failure(&failure::lines(failure, self.width));
        if let Some(line) = self.annotations.of(failure) {
            self.reporter.failure(&line);
        }
    }
}
