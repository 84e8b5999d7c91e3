//! The runs of a chart, and the figure that is made of them.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use fuzz::aggregate::{Reproduction, Subject, SweepReport};
use fuzz::hosts::HOSTS;
use fuzz::seeds::{SeedRange, Seeds, Shard, show_seed};
use fuzz::sweep::{FailedRun, SweepEvent, SweepSettings, sweep};
use scenarios::report::{Failover, FailoverKind};

use super::super::sweep::{jobs, sorted};
use crate::args::{ChartArgs, ChartVerb, DEFAULT_SEEDS, MeasureArgs};
use crate::chart::configurations::{Configuration, Vary, product, unlimited};
use crate::chart::figure::Figure;
use crate::chart::heatmap::{self, Cells};
use crate::chart::measured::{LineStyle, Run, Runs};
use crate::chart::quantile::Quantile;
use crate::chart::scale::Series;
use crate::chart::timeline::{LANES, MAX_RUNS, Row, Timeline};
use crate::chart::{Chart, Line, real};
use crate::command;
use crate::engine::{Engine, Named, Overrides, Problem};
use crate::exit;
use crate::load;
use crate::output::Streams;
use crate::show::annotation::Annotations;
use crate::show::columns::plural;
use crate::show::failure;
use crate::show::progress::Reporter;

/// Seeds of a timeline, unless given.
const TIMELINE_SEEDS: u64 = 8;

/// What is to be drawn.
pub struct Request<'a> {
    pub args: &'a ChartArgs,
    kind: FailoverKind,
    causes: &'a [String],
    /// The real cluster's name, and its failovers by cluster.
    real: Option<(&'a str, Vec<Vec<Failover>>)>,
    shape: Shape,
}

/// The kind of chart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Failover,
    Histogram,
    Heatmap(Quantile),
    Scale,
    Timeline,
}

impl<'a> Request<'a> {
    /// Reads the real measurements, if any are given.
    pub fn of(what: &'a ChartVerb) -> Result<Request<'a>, Problem> {
        let simulated = |args: &'a ChartArgs, measure: &'a MeasureArgs, shape| Request {
            args,
            kind: measure.kind,
            causes: &measure.cause,
            real: None,
            shape,
        };
        Ok(match what {
            ChartVerb::Failover(args) => {
                let read = |name: &'a String| Ok((name.as_str(), real::read(name)?));
                let real = args.real.as_ref().map(read).transpose()?;
                Request { real, ..simulated(&args.chart, &args.measure, Shape::Failover) }
            }
            ChartVerb::Histogram(args) => simulated(&args.chart, &args.measure, Shape::Histogram),
            ChartVerb::Heatmap(args) => simulated(&args.chart, &args.measure, Shape::Heatmap(args.quantile)),
            ChartVerb::Scale(args) => simulated(&args.chart, &args.measure, Shape::Scale),
            ChartVerb::Timeline(args) => {
                let kind = FailoverKind::Controller;
                Request { args: &args.chart, kind, causes: &[], real: None, shape: Shape::Timeline }
            }
            ChartVerb::Gallery(_) => return Err(Problem::new("a gallery is no chart of its own")),
        })
    }

    fn seeds(&self) -> SeedRange {
        let many = if self.shape == Shape::Timeline { TIMELINE_SEEDS } else { DEFAULT_SEEDS };
        self.args.seeds.unwrap_or(SeedRange { start: 0, end: many })
    }

    /// The settings in the order in which configurations are made of them: that of a horizontal axis changes fastest.
    fn vary(&self) -> Vec<Vary> {
        let mut vary = self.args.vary.clone();
        if self.shape == Shape::Scale && !vary.is_empty() {
            vary.rotate_left(1);
        }
        vary
    }

    /// All configurations, as many as the chart can show.
    fn configurations(&self, set: &[(String, String)]) -> Result<Vec<Configuration>, Problem> {
        let (scenarios, vary) = (&self.args.scenarios, self.vary());
        let at_most = |vary: &Vary| match vary.values.len() {
            0..=heatmap::MAX_VALUES => Ok(()),
            count => Err(Problem::new(format!(
                "--vary {}: {count} values are too many for an axis; give at most {}",
                vary.key,
                heatmap::MAX_VALUES
            ))),
        };
        let causes = self.causes.len().max(1);
        match self.shape {
            Shape::Failover | Shape::Histogram => {
                // The real cluster has a line for each cause, too.
                let real = usize::from(self.real.is_some());
                product(scenarios, &vary, set, |count| (count + real) * causes)
            }
            Shape::Heatmap(_) => {
                let [columns, rows] = &vary[..] else {
                    let said = "a heat map is over two settings: give --vary KEY=V1,V2 twice";
                    return Err(Problem::new(format!("{said}, first the columns, then the rows")));
                };
                if scenarios.len() > 1 || self.causes.len() > 1 {
                    return Err(Problem::new(
                        "a heat map is of one scenario and one --cause, or of all causes together",
                    ));
                }
                at_most(columns)?;
                at_most(rows)?;
                unlimited(scenarios, &vary, set)
            }
            Shape::Scale => {
                let Some((axis, lines)) = vary.split_last() else {
                    let said = "the horizontal axis is a varied setting: give --vary KEY=V1,V2";
                    return Err(Problem::new(said));
                };
                at_most(axis)?;
                product(scenarios, lines, set, |count| count * causes)?;
                unlimited(scenarios, &vary, set)
            }
            Shape::Timeline => {
                let all = unlimited(scenarios, &vary, set)?;
                let SeedRange { start, end } = self.seeds();
                match (end - start).saturating_mul(all.len() as u64) {
                    runs if runs > MAX_RUNS as u64 => Err(Problem::new(format!(
                        "{runs} runs are too many: a timeline shows at most {MAX_RUNS}; give fewer --seeds"
                    ))),
                    _ => Ok(all),
                }
            }
        }
    }
}

/// The prepared configurations of a request.
pub struct Configured {
    shared: Overrides,
    configurations: Vec<Configuration>,
    overrides: Vec<Overrides>,
    prepared: Vec<Named>,
}

/// Prepares each configuration, with everything that alters its runs.
pub fn prepare(request: &Request<'_>, engine: &dyn Engine) -> Result<Configured, Problem> {
    let shared = load::overrides(&request.args.run)?;
    let configurations = request.configurations(&shared.set)?;
    let mut all = (Vec::new(), Vec::new());
    for configuration in &configurations {
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
    let (overrides, prepared) = all;
    match prepared.iter().enumerate().find(|(at, named)| prepared[..*at].iter().any(|other| other.name == named.name)) {
        Some((_, twice)) => Err(Problem::new(format!("scenario {} is named twice", twice.name))),
        None => Ok(Configured { shared, configurations, overrides, prepared }),
    }
}

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
    let mut watcher = Watcher { configured, annotations: Annotations::here(), width: streams.width, reporter };
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

/// Scenarios, seeds, machine and the flags that all lines share.
/// Are failovers of this cause shown?
fn shows(causes: &[String], cause: &str) -> bool {
    causes.is_empty() || causes.iter().any(|shown| shown == cause)
}

fn remarks(request: &Request<'_>, configured: &Configured, report: &SweepReport) -> String {
    let seeds = report.runs / configured.configurations.len() as u64;
    let each = if configured.configurations.len() > 1 { " each," } else { "" };
    let of = if request.args.scenarios.len() == 1 { "scenario" } else { "scenarios" };
    let mut remarks = vec![
        format!("{of} {}", request.args.scenarios.join(", ")),
        format!("{}{each} from {}", plural(seeds, "seed"), show_seed(report.seeds_first)),
    ];
    remarks.extend(report.subject.profiles.iter().map(|profile| format!("service times: {profile}")));
    if let Some((name, clusters)) = &request.real {
        let is_shown = |it: &&Failover| it.kind == request.kind && shows(request.causes, &it.cause);
        let trials = clusters.iter().flatten().filter(is_shown).count();
        remarks.push(format!("real: {} of {name} (fuzz/conformance/cluster)", plural(trials as u64, "trial")));
    }
    remarks.extend(command::run_flags(&configured.shared).chunks(2).map(|flag| flag.join(" ")));
    remarks.join(" · ")
}

fn figure(
    request: &Request<'_>,
    configured: &Configured,
    report: &SweepReport,
    runs: &BTreeMap<(usize, u64), Run>,
) -> Figure {
    let vary = request.vary();
    let keys = |names_scenario: bool| {
        let scenario = names_scenario.then(|| "scenario".to_owned());
        scenario.into_iter().chain(vary.iter().map(|vary| vary.key.clone())).collect::<Vec<_>>()
    };
    let values = |index: usize, names_scenario: bool| {
        let configuration: &Configuration = &configured.configurations[index];
        let scenario = names_scenario.then(|| configuration.scenario.clone());
        scenario.into_iter().chain(configuration.set.iter().map(|(_, value)| value.clone())).collect::<Vec<_>>()
    };
    let remarks = remarks(request, configured, report);
    let several = request.args.scenarios.len() > 1;
    if request.shape == Shape::Timeline {
        let is_shown = |failover: &&Failover| LANES.iter().any(|(kind, ..)| *kind == failover.kind);
        let row = |((index, seed), run): (&(usize, u64), &Run)| {
            let mut intervals: Vec<Failover> = run.failovers.iter().filter(is_shown).cloned().collect();
            intervals.sort_by_key(|interval| (interval.at_ns, interval.kind));
            Row { values: values(*index, several), seed: *seed, intervals }
        };
        return Figure::Timeline(Timeline {
            title: request.args.title.clone().unwrap_or_else(|| "Unavailability in time".to_owned()),
            remarks,
            differ_in: keys(several),
            end_us: runs.values().map(|run| run.sim_ns / 1000).max().unwrap_or(0),
            runs: runs.iter().map(row).collect(),
        });
    }

    let (causes, count) = (request.causes, configured.configurations.len());
    let names_scenario = several || request.real.is_some() || vary.is_empty() && causes.len() < 2;
    let mut differ_in = keys(names_scenario);
    differ_in.extend((causes.len() > 1).then(|| "cause".to_owned()));
    let of = |mut values: Vec<String>, group: usize, failovers: &mut dyn Iterator<Item = &Vec<Failover>>| {
        values.extend((causes.len() > 1).then(|| causes[group].clone()));
        let causes = if causes.len() > 1 { &causes[group..=group] } else { causes };
        Line::of(values, failovers.map(Vec::as_slice), request.kind, causes)
    };
    let simulated = |index: usize, group: usize| {
        let of_index = || runs.range((index, 0)..=(index, u64::MAX));
        let line = of(values(index, names_scenario), group, &mut of_index().map(|(_, run)| &run.failovers));
        Line { first_run: of_index().next().map(|((_, seed), run)| (*seed, run.digest)), ..line }
    };
    let groups = 0..causes.len().max(1);
    let mut lines: Vec<Line> = match (&request.real, request.shape) {
        (Some((name, clusters)), _) => {
            let mut lines = Vec::new();
            for group in groups {
                let own = [format!("real: {name}")].into_iter().chain(vary.iter().map(|_| "–".to_owned())).collect();
                let real = of(own, group, &mut clusters.iter());
                for (dash, line) in [real].into_iter().chain((0..count).map(|i| simulated(i, group))).enumerate() {
                    // Lines of one cause share a colour; of a single cause, each line has its own.
                    let colour = if causes.len() > 1 { group } else { dash };
                    lines.push(Line { style: LineStyle { colour, dash }, ..line });
                }
            }
            lines
        }
        (None, Shape::Scale) => {
            groups.flat_map(|group| (0..count).map(move |index| (index, group))).map(|(i, g)| simulated(i, g)).collect()
        }
        (None, _) => {
            (0..count).flat_map(|i| groups.clone().map(move |g| (i, g))).map(|(i, g)| simulated(i, g)).collect()
        }
    };
    let columns = vary.last().filter(|_| request.shape == Shape::Scale).map_or(1, |vary| vary.values.len());
    if request.real.is_none() {
        for (index, line) in lines.iter_mut().enumerate() {
            line.style = LineStyle { colour: index / columns, dash: index / columns };
        }
    }
    let title = request.args.title.clone();
    let chart = Chart { title, kind: request.kind, causes: causes.to_vec(), remarks, differ_in, lines };
    match request.shape {
        Shape::Failover | Shape::Timeline => Figure::Failover(chart),
        Shape::Histogram => Figure::Histogram(chart),
        Shape::Heatmap(quantile) => {
            let [columns, rows] = [0, 1].map(|at: usize| vary[at].values.clone());
            let keys = [0, 1].map(|at: usize| vary[at].key.clone());
            Figure::Heatmap(chart, Cells { keys, columns, rows, quantile })
        }
        Shape::Scale => {
            let axis = vary.last().expect("a scale has one");
            let column = chart.differ_in.iter().position(|key| *key == axis.key).unwrap_or(0);
            let label = |points: &[Line]| {
                let others = points[0].values.iter().enumerate().filter(|(at, _)| *at != column);
                let own: Vec<&str> = others.map(|(_, value)| value.as_str()).collect();
                if own.is_empty() { request.args.scenarios.join(", ") } else { own.join(" · ") }
            };
            let labels = chart.lines.chunks(axis.values.len()).map(label).collect();
            let series = Series { key: axis.key.clone(), columns: axis.values.clone(), labels };
            Figure::Scale(chart, series)
        }
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
        failure.again = Reproduction { repro: None, command, known: None };
        self.reporter.failure(&failure::lines(failure, self.width));
        if let Some(line) = self.annotations.of(failure) {
            self.reporter.failure(&line);
        }
    }
}
