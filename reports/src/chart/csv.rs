//! The numbers of a chart: for each configuration, the distribution of the complete failover and of each phase, and the
//! durations of those that had not ended.

use fuzz::durations::Durations;

use super::Chart;
use crate::json::Ms;

/// One row for each duration that occurred: the number of failovers at most as long, and the total.
pub fn text(chart: &Chart) -> String {
    let fixed = ["kind", "part", "ms", "count_at_most", "count"].map(str::to_owned);
    let mut text = row(&[&chart.differ_in[..], &fixed].concat());
    for line in &chart.lines {
        let phases = line.times.phases.iter().map(|(name, times)| (name.as_str(), times));
        let whole = [("total", &line.times.total), ("unended", &line.times.unended)];
        for (part, times) in whole.into_iter().chain(phases) {
            let all: &Durations = &times.all;
            for (us, count) in all.cumulative() {
                let ms = f64::from(Ms(us)).to_string();
                let numbers = [ms, count.to_string(), all.count().to_string()];
                let names = [chart.kind.name().to_owned(), part.to_owned()];
                text.push_str(&row(&[&line.values[..], &names, &numbers].concat()));
            }
        }
    }
    text
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
