//! The lower half of a failover chart: the phases of each configuration, stacked, and their numbers.

use fuzz::durations::Durations;
use plotters::backend::DrawingBackend;

use super::axis::Axis;
use super::canvas::{Align, Canvas, fitted, width};
use super::frame::{LINE, Place, TEXT};
use super::quantile::{Quantile, TOO_FEW};
use super::theme::Theme;
use super::{Chart, Line};

/// Space to the left of a column of numbers.
const GAP: f64 = 16.0;
/// Of the coloured square before the name of a phase.
const SQUARE: f64 = 11.0;
const BAR: f64 = 14.0;
/// Space above and below the rows, for names and ticks.
const HEAD: f64 = LINE * 2.0 + 8.0;
const FOOT: f64 = 38.0;
/// Height of a row: a label, a bar, and space.
const ROW: f64 = 43.0;

/// The phases that any configuration has, in order, each with its index among those of the kind.
fn named(chart: &Chart) -> Vec<(usize, &'static str)> {
    let has = |line: &Line, name: &str| line.times.phases.iter().any(|(phase, _)| phase == name);
    let all = chart.kind.phases().iter().copied().enumerate();
    all.filter(|(_, name)| chart.lines.iter().any(|line| has(line, name))).collect()
}

/// Height of the element; 0 without phases.
pub fn height(chart: &Chart) -> f64 {
    if named(chart).is_empty() { 0.0 } else { HEAD + ROW * chart.lines.len() as f64 + FOOT }
}

fn quantile(line: &Line, phase: &str, quantile: Quantile) -> Option<u64> {
    quantile.of(times(line, phase)?)
}

fn times<'a>(line: &'a Line, phase: &str) -> Option<&'a Durations> {
    line.times.phases.iter().find(|(name, _)| name == phase).map(|(_, times)| &times.all)
}

/// Both quantiles of a phase; a text if it has too few samples even for the median.
fn both(line: &Line, phase: &str) -> String {
    let brief = |quantile: Quantile| Some(brief(quantile.of(times(line, phase)?)?));
    match (brief(Quantile::P50), brief(Quantile::P99)) {
        (Some(p50), Some(p99)) => format!("{p50} / {p99}"),
        (Some(p50), None) => format!("{p50} / –"),
        _ if times(line, phase).is_some() => TOO_FEW.to_owned(),
        _ => "–".to_owned(),
    }
}

/// The right edge of each column and the left edge of the first, when the last one ends at `end`.
fn columns(chart: &Chart, phases: &[(usize, &str)], end: f64) -> (Vec<f64>, f64) {
    let wide = |(_, name): &(usize, &str)| {
        let cells = chart.lines.iter().map(|line| width(&both(line, name), TEXT));
        cells.fold(SQUARE + 6.0 + width(name, TEXT), f64::max).max(width("p50 / p99", TEXT)) + GAP
    };
    let mut right = vec![end; phases.len()];
    let mut edge = end;
    for (place, phase) in right.iter_mut().zip(phases).rev() {
        *place = edge;
        edge -= wide(phase);
    }
    (right, edge)
}

/// The caption of the bars and numbers.
fn caption(lacks_p99: bool) -> &'static str {
    if lacks_p99 { "medians; –: too few for p99" } else { "median of each phase" }
}

pub fn draw<B: DrawingBackend>(chart: &Chart, theme: Theme, place: Place, canvas: &mut Canvas<B>) {
    let phases = named(chart);
    if phases.is_empty() {
        return;
    }
    let (right, first) = columns(chart, &phases, place.x + place.width);
    let bars = first - place.x;
    let median = |line: &Line, name: &str| quantile(line, name, Quantile::P50).unwrap_or(0);
    let whole = |line: &Line| phases.iter().map(|(_, name)| median(line, name)).sum::<u64>();
    let axis = Axis::linear(chart.lines.iter().map(whole).max().unwrap_or(1), if bars < 360.0 { 4 } else { 6 });

    let y = place.y + TEXT;
    canvas.text("Where the time goes", (place.x, y), 14.0, theme.text(), Align::Left);
    let lacks_p99 = |line: &Line| {
        phases.iter().any(|(_, name)| times(line, name).is_some() && quantile(line, name, Quantile::P99).is_none())
    };
    let below = caption(chart.lines.iter().any(lacks_p99));
    canvas.text(&fitted(below, TEXT, bars), (place.x, y + LINE), TEXT, theme.muted(), Align::Left);
    for ((index, name), &name_at) in phases.iter().zip(&right) {
        canvas.text(name, (name_at, y), TEXT, theme.text(), Align::Right);
        canvas.rectangle((name_at - width(name, TEXT) - SQUARE - 6.0, y - 9.5), (SQUARE, SQUARE), theme.phase(*index));
        canvas.text("p50 / p99", (name_at, y + LINE), TEXT, theme.muted(), Align::Right);
    }

    let top = place.y + HEAD;
    let bottom = top + ROW * chart.lines.len() as f64;
    // Without any median there are no bars, and no scale.
    if chart.lines.iter().any(|line| whole(line) > 0) {
        for tick in &axis.ticks {
            let x = place.x + bars * axis.position(tick.us);
            for row in 0..chart.lines.len() {
                let bar = top + ROW * row as f64 + LINE;
                canvas.steps(&[(x, bar - 3.0), (x, bar + BAR + 3.0)], 1.0, theme.grid());
            }
            // The first and the last label are aligned with the ends of the bars.
            let half = width(&tick.label, TEXT) / 2.0;
            let x = x.clamp(place.x + half, place.x + bars + GAP - half);
            canvas.text(&tick.label, (x, bottom + 16.0), TEXT, theme.muted(), Align::Middle);
        }
        canvas.text(chart.time(), (place.x + bars / 2.0, bottom + 34.0), TEXT, theme.muted(), Align::Middle);
    }
    for (index, line) in chart.lines.iter().enumerate() {
        let y = top + ROW * index as f64;
        canvas.marker((place.x + 6.0, y + 8.5), 4.6, line.style.colour, theme.line(line.style.colour));
        let label = fitted(&line.label(), TEXT, bars - 18.0);
        canvas.text(&label, (place.x + 17.0, y + TEXT), TEXT, theme.text(), Align::Left);
        let (mut so_far, bar) = (0, y + LINE);
        for ((index, name), &edge) in phases.iter().zip(&right) {
            let us = median(line, name);
            let (from, to) = (axis.position(so_far as f64) * bars, axis.position((so_far + us) as f64) * bars);
            canvas.rectangle((place.x + from, bar), (to - from, BAR), theme.phase(*index));
            so_far += us;
            canvas.text(&both(line, name), (edge, bar + 11.5), TEXT, theme.text(), Align::Right);
        }
    }
}

/// A duration with two to three digits and a unit.
fn brief(us: u64) -> String {
    let tenths = |n: u64, of: u64| {
        let tenths = (n * 10 + of / 2) / of;
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    let hundredths = (us + 5_000) / 10_000;
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..99_950 => format!("{} ms", tenths(us, 1_000)),
        99_950..999_500 => format!("{} ms", (us + 500) / 1_000),
        999_500..9_995_000 => format!("{}.{:02} s", hundredths / 100, hundredths % 100),
        _ => format!("{} s", tenths(us, 1_000_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brief_times_are_rounded_and_never_longer_than_seven_signs() {
        let table = [
            (0, "0 µs"),
            (999, "999 µs"),
            (1_000, "1.0 ms"),
            (99_949, "99.9 ms"),
            (99_950, "100 ms"),
            (999_499, "999 ms"),
            (999_500, "1.00 s"),
            (1_969_000, "1.97 s"),
            (9_995_000, "10.0 s"),
            (600_000_000, "600.0 s"),
        ];
        for (us, text) in table {
            assert_eq!(brief(us), text);
        }
    }
}
