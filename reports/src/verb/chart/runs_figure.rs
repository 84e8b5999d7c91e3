//! The figure that is made of the runs of a chart.

use std::collections::BTreeMap;

use fuzz::aggregate::SweepReport;
use fuzz::seeds::show_seed;
use scenarios::report::Failover;

use super::configured::Configured;
use super::request::{Request, Shape};
use crate::chart::configurations::Configuration;
use crate::chart::figure::Figure;
use crate::chart::heatmap::Cells;
use crate::chart::measured::{LineStyle, Run};
use crate::chart::scale::Series;
use crate::chart::timeline::{LANES, Row, Timeline};
use crate::chart::{Chart, Line};
use crate::command;
use crate::show::columns::plural;

/// Are failovers of this cause shown?
pub(super) fn shows(causes: &[String], cause: &str) -> bool {
    causes.is_empty() || causes.iter().any(|shown| shown == cause)
}

/// Scenarios, seeds, machine and the flags that all lines share.
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

/// The figure of these runs.
pub(super) fn figure(
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
