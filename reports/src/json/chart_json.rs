//! `kraftsim.chart.v1`: the numbers of a chart. It names no version and no time, so that equal runs give equal bytes.

use std::collections::BTreeMap;

use fuzz::durations::Durations;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Digest, Ms, Seed};
use crate::chart::bootstrap::{self, Bands, QUANTILES, RESAMPLES};
use crate::chart::figure::Figure;
use crate::chart::quantile::Quantile;
use crate::chart::timeline::Timeline;
use crate::chart::{Chart, Line};

#[derive(Serialize)]
pub struct ChartJson {
    schema: &'static str,
    chart: &'static str,
    title: String,
    caption: Vec<String>,
    measured: Option<&'static str>,
    causes: Vec<String>,
    differ_in: Vec<String>,
    resamples: Option<usize>,
    configurations: Vec<ConfigurationJson>,
    runs: Vec<RunJson>,
}

#[derive(Serialize)]
struct ConfigurationJson {
    values: Vec<String>,
    runs: usize,
    first_run: Option<FirstRunJson>,
    unended: u64,
    #[serde(flatten)]
    whole: PartJson,
    /// Of p10, p50, p90 and p99, if they are shown.
    confidence_ms: BTreeMap<&'static str, (Ms, Ms)>,
    phases: Vec<PhaseJson>,
    distribution: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct FirstRunJson {
    seed: Seed,
    digest: Digest,
}

#[derive(Serialize)]
struct PhaseJson {
    name: String,
    #[serde(flatten)]
    times: PartJson,
}

#[derive(Serialize)]
struct PartJson {
    count: u64,
    p10_ms: Option<Ms>,
    p50_ms: Option<Ms>,
    p90_ms: Option<Ms>,
    p99_ms: Option<Ms>,
    max_ms: Option<Ms>,
}

#[derive(Serialize)]
struct RunJson {
    values: Vec<String>,
    seed: Seed,
    intervals: Vec<IntervalJson>,
}

#[derive(Serialize)]
struct IntervalJson {
    kind: &'static str,
    cause: String,
    from_ms: Ms,
    to_ms: Ms,
    ended: bool,
}

impl From<&Figure> for ChartJson {
    fn from(figure: &Figure) -> Self {
        let head = figure.head();
        let chart = figure.chart();
        let has_curves = matches!(figure, Figure::Failover(_) | Figure::Histogram(_));
        let of_lines = |chart: &Chart| chart.lines.iter().map(|line| configuration(line, has_curves)).collect();
        let (differ_in, runs) = match figure {
            Figure::Timeline(timeline) => (timeline.differ_in.clone(), runs(timeline)),
            _ => (chart.map(|chart| chart.differ_in.clone()).unwrap_or_default(), Vec::new()),
        };
        ChartJson {
            schema: "kraftsim.chart.v1",
            chart: figure.kind(),
            title: head.title,
            caption: head.caption,
            measured: chart.map(|chart| chart.kind.name()),
            causes: chart.map(|chart| chart.causes.clone()).unwrap_or_default(),
            differ_in,
            resamples: chart.map(|_| RESAMPLES),
            configurations: chart.map(of_lines).unwrap_or_default(),
            runs,
        }
    }
}

fn configuration(line: &Line, has_curve: bool) -> ConfigurationJson {
    let bands = bootstrap::bands(line);
    let whole = part(&line.times.total.all);
    let shown = [("p10", whole.p10_ms), ("p50", whole.p50_ms), ("p90", whole.p90_ms), ("p99", whole.p99_ms)];
    let interval = |(at, (name, shown)): (usize, (&'static str, Option<Ms>))| {
        let (low, high) = bands.as_ref().zip(shown)?.0.quantiles[at];
        Some((name, (Ms(low), Ms(high))))
    };
    debug_assert_eq!(shown.len(), QUANTILES.len());
    ConfigurationJson {
        values: line.values.clone(),
        runs: line.runs.len(),
        first_run: line.first_run.map(|(seed, digest)| FirstRunJson { seed: Seed(seed), digest: Digest(digest) }),
        unended: line.times.unended.all.count(),
        confidence_ms: shown.into_iter().enumerate().filter_map(interval).collect(),
        whole,
        phases: line
            .times
            .phases
            .iter()
            .map(|(name, times)| PhaseJson { name: name.clone(), times: part(&times.all) })
            .collect(),
        distribution: has_curve.then(|| distribution(&line.times.total.all, bands.as_ref())),
    }
}

fn part(all: &Durations) -> PartJson {
    let at = |quantile: Quantile| quantile.of(all).map(Ms);
    PartJson {
        count: all.count(),
        p10_ms: at(Quantile::P10),
        p50_ms: at(Quantile::P50),
        p90_ms: at(Quantile::P90),
        p99_ms: at(Quantile::P99),
        max_ms: all.max_us().map(Ms),
    }
}

/// Rows of a table, on one line of the file: it has as many rows as the picture has steps.
fn distribution(all: &Durations, bands: Option<&Bands>) -> Box<RawValue> {
    let row = |(at, (us, count)): (usize, (u64, u64))| {
        let band = bands.map(|bands| bands.shares[at]);
        (Ms(us), count, band.map(|band| band.0), band.map(|band| band.1))
    };
    let rows: Vec<_> = all.cumulative().into_iter().enumerate().map(row).collect();
    serde_json::value::to_raw_value(&rows).expect("plain numbers")
}

fn runs(timeline: &Timeline) -> Vec<RunJson> {
    let interval = |interval: &scenarios::report::Failover| IntervalJson {
        kind: interval.kind.name(),
        cause: interval.cause.clone(),
        from_ms: Ms(interval.at_ns / 1000),
        to_ms: Ms((interval.at_ns + interval.total_ns) / 1000),
        ended: interval.ended,
    };
    let run = |run: &crate::chart::timeline::Row| RunJson {
        values: run.values.clone(),
        seed: Seed(run.seed),
        intervals: run.intervals.iter().map(interval).collect(),
    };
    timeline.runs.iter().map(run).collect()
}
