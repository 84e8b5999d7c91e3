//! The cumulative distribution of each line, with its confidence band and its p50 and p99.

use plotters::backend::DrawingBackend;

use super::axis::Axis;
use super::bootstrap::{self, MILLION};
use super::canvas::{Align, Canvas};
use super::field::{FOOT, Field};
use super::frame::{Place, TEXT};
use super::legend::{STROKE, is_shown, marker};
use super::quantile::Quantile;
use super::theme::{Theme, dashes};
use super::{Chart, Line};

/// Height of the plot.
const FIELD: f64 = 300.0;
/// Space above the plot, for the title of the vertical axis.
const AXIS_TITLE: f64 = 26.0;
/// Space on the left of the plot, for the labels of its shares.
const GUTTER: f64 = 46.0;
/// Space on the right of the plot, for p50 and p99.
const MARGIN: f64 = 34.0;
/// Opacity of a band.
const VEIL: f64 = 0.16;

/// Height of the plot with its axes.
pub fn height() -> f64 {
    AXIS_TITLE + FIELD + FOOT
}

/// Draws bands, then curves, then markers.
pub fn draw<B: DrawingBackend>(chart: &Chart, theme: Theme, place: Place, canvas: &mut Canvas<B>) {
    let bands: Vec<_> = chart.lines.iter().map(bootstrap::bands).collect();
    let banded =
        if bands.iter().any(Option::is_some) { "; bands: 95 % confidence, bootstrap of whole runs" } else { "" };
    let markers = match (is_shown(chart, Quantile::P50), is_shown(chart, Quantile::P99)) {
        (true, true) => "; filled marker: p50, hollow: p99",
        (true, false) => "; marker: p50",
        _ => "",
    };
    let above = format!("share of {} that were over, in percent{banded}{markers}", chart.subject());
    canvas.text(&above, (place.x, place.y + TEXT - 2.0), TEXT, theme.muted(), Align::Left);
    let place = Place { y: place.y + AXIS_TITLE, ..place };
    let field = Field::new(axis(chart), place, GUTTER, MARGIN, FIELD);
    for percent in [0, 25, 50, 75, 100] {
        field.level(f64::from(percent) / 100.0, &format!("{percent} %"), theme, canvas);
    }
    field.times(chart.time(), theme, canvas);
    field.ground(theme, canvas);
    // A guide is omitted if no line has its quantile.
    let guides = [(Quantile::P50, 0.50), (Quantile::P99, 0.99)];
    for (quantile, share) in guides.into_iter().filter(|(quantile, _)| is_shown(chart, *quantile)) {
        let right = (field.left + field.width + 8.0, field.y(share) + 4.5);
        canvas.text(quantile.name(), right, TEXT, theme.muted(), Align::Left);
    }
    for (line, bands) in chart.lines.iter().zip(&bands) {
        if let Some(bands) = bands {
            let edge = |of: fn(&(u64, u64)) -> u64| {
                let shares = bands.shares.iter().map(move |band| of(band) as f64 / MILLION as f64);
                steps(line, shares, &field)
            };
            let (low, high) = (edge(|band| band.0), edge(|band| band.1));
            let corners: Vec<_> = high.into_iter().chain(low.into_iter().rev()).collect();
            canvas.veil(&corners, theme.line(line.style.colour), VEIL);
        }
    }
    for line in &chart.lines {
        let all = &line.times.total.all;
        let shares = all.cumulative().into_iter().map(|(_, count)| count as f64 / all.count() as f64);
        let curve = steps(line, shares, &field);
        canvas.dashed(&curve, dashes(line.style.dash), STROKE, theme.line(line.style.colour));
    }
    // Above all curves, each on its own background so that it stays visible.
    for (line, (quantile, share)) in chart.lines.iter().flat_map(|line| guides.map(|guide| (line, guide))) {
        if let Some(us) = quantile.of(&line.times.total.all) {
            marker((field.x(us as f64), field.y(share)), line, quantile, theme, canvas);
        }
    }
}

/// Up to the longest time, from zero or, if even common times are far shorter than that, from the shortest that is not
/// rare.
pub fn axis(chart: &Chart) -> Axis {
    let measured = || chart.lines.iter().map(|line| &line.times.total.all);
    let shortest = |quantile| measured().filter_map(|all| all.quantile_us(quantile)).min().unwrap_or(1);
    let high = measured().filter_map(|all| all.max_us()).max().unwrap_or(1);
    Axis::fit(shortest(0.25), shortest(0.02), high)
}

/// The points of a step curve: a share for each duration of the line's distribution. Steps closer than half a point are
/// one.
fn steps(line: &Line, shares: impl Iterator<Item = f64>, field: &Field) -> Vec<(f64, f64)> {
    let mut corners: Vec<(f64, f64)> = Vec::new();
    let mut level = field.y(0.0);
    for ((us, _), share) in line.times.total.all.cumulative().into_iter().zip(shares) {
        let (at, next) = (field.x(us as f64), field.y(share));
        match corners.last_mut() {
            Some(last) if at - last.0 < 0.5 => last.1 = next,
            _ => corners.extend([(at, level), (at, next)]),
        }
        level = next;
    }
    corners
}
