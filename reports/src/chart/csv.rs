//! The numbers of a chart as CSV.

use fuzz::durations::Durations;
use fuzz::seeds::show_seed;

use super::bootstrap::{self, Bands};
use super::quantile::Quantile;
use super::timeline::Timeline;
use super::{Chart, Line};
use crate::json::Ms;

/// Distributions: one row for each duration that occurred, with the number of failovers at most as long and the total; of
/// complete failovers also the confidence band of that share, ppm. Parts are the complete failover, those that had not
/// ended, and each phase.
pub fn distributions(chart: &Chart) -> String {
    let fixed = ["kind", "part", "ms", "count_at_most", "count", "low_ppm", "high_ppm"];
    let mut text = header(&chart.differ_in, &fixed);
    for line in &chart.lines {
        let bands = bootstrap::bands(line);
        let mut part = |part: &str, all: &Durations, bands: Option<&Bands>| {
            for (at, (us, count)) in all.cumulative().into_iter().enumerate() {
                let (low, high) = bands
                    .map(|bands| bands.shares[at])
                    .map_or_else(Default::default, |(low, high)| (low.to_string(), high.to_string()));
                let numbers = [ms(us), count.to_string(), all.count().to_string(), low, high];
                let names = [chart.kind.name().to_owned(), part.to_owned()];
                text.push_str(&row(&[&line.values[..], &names, &numbers].concat()));
            }
        };
        part("total", &line.times.total.all, bands.as_ref());
        part("unended", &line.times.unended.all, None);
        line.times.phases.iter().for_each(|(name, times)| part(name, &times.all, None));
    }
    text
}

/// One row for each configuration. A quantile is empty with too few samples.
pub fn quantiles(chart: &Chart) -> String {
    let fixed = ["kind", "count", "unended", "p10_ms", "p50_ms", "p90_ms", "p99_ms", "max_ms"];
    let mut text = header(&chart.differ_in, &fixed);
    for Line { values, times, .. } in &chart.lines {
        let all = &times.total.all;
        let counts = [chart.kind.name().to_owned(), all.count().to_string(), times.unended.all.count().to_string()];
        let at = |us: Option<u64>| us.map(ms).unwrap_or_default();
        let quantiles =
            [Quantile::P10, Quantile::P50, Quantile::P90, Quantile::P99].map(|quantile| at(quantile.of(all)));
        text.push_str(&row(&[&values[..], &counts, &quantiles, &[at(all.max_us())]].concat()));
    }
    text
}

/// One row for each interval.
pub fn intervals(timeline: &Timeline) -> String {
    let mut text = header(&timeline.differ_in, &["seed", "kind", "cause", "from_ms", "to_ms", "ended"]);
    for run in &timeline.runs {
        for interval in &run.intervals {
            let (from, to) = (interval.at_ns / 1000, (interval.at_ns + interval.total_ns) / 1000);
            let fields = [
                show_seed(run.seed),
                interval.kind.name().to_owned(),
                interval.cause.clone(),
                ms(from),
                ms(to),
                interval.ended.to_string(),
            ];
            text.push_str(&row(&[&run.values[..], &fields].concat()));
        }
    }
    text
}

fn ms(us: u64) -> String {
    f64::from(Ms(us)).to_string()
}

fn header(differ_in: &[String], fixed: &[&str]) -> String {
    let fixed: Vec<String> = fixed.iter().map(|name| (*name).to_owned()).collect();
    row(&[differ_in, &fixed].concat())
}

/// Fields are quoted where RFC 4180 requires it.
fn row(fields: &[String]) -> String {
    let quoted = |field: &String| {
        if field.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", field.replace('"', "\"\""))
        } else {
            field.clone()
        }
    };
    format!("{}\n", fields.iter().map(quoted).collect::<Vec<_>>().join(","))
}
