//! The upper half of a chart: a table of the configurations, and the cumulative distribution of each.

use plotters::backend::DrawingBackend;

use super::axis::Axis;
use super::canvas::{Align, Canvas, fitted, width};
use super::quantile::Quantile;
use super::theme::{Theme, is_dashed};
use super::{Chart, Line};
use crate::show::columns::thousands;
use sim::duration::show_us;

/// Font size in tables and at axes, points.
pub const TEXT: f64 = 12.0;
/// Line height.
pub const LINE: f64 = 18.0;
/// Height of the plot.
const FIELD: f64 = 300.0;
/// Space above the plot, for the title of the vertical axis.
const AXIS_TITLE: f64 = 24.0;
/// Space on the left of the plot, for the labels of its shares.
const GUTTER: f64 = 44.0;
/// Space on the right of the plot, for p50 and p99.
const MARGIN: f64 = 34.0;
/// Width of a column of numbers.
const COLUMN: f64 = 82.0;

/// Width of a curve's line, and of the gap between dashes.
const STROKE: f64 = 2.0;
const DASH: (f64, f64) = (7.0, 4.0);

/// Position and width of an element.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Points from the left.
    pub x: f64,
    /// Points from the top.
    pub y: f64,
    /// Points.
    pub width: f64,
}

/// Height of the table.
pub fn table_height(chart: &Chart) -> f64 {
    LINE * (header(chart).len() + chart.lines.len()) as f64
}

/// The names of the keys in which the configurations differ, one above the other.
fn header(chart: &Chart) -> &[String] {
    &chart.differ_in
}

/// A row for each configuration: its line style, its name, n and quantiles.
pub fn table<B: DrawingBackend>(chart: &Chart, theme: Theme, place: Place, canvas: &mut Canvas<B>) {
    let some_unended = chart.lines.iter().any(|line| line.times.unended.all.count() > 0);
    let mut numbers = vec!["n", "p50", "p90", "p99", "max"];
    numbers.extend(some_unended.then_some("not ended"));
    let first = place.x + place.width - COLUMN * numbers.len() as f64;
    let right = |column: usize| first + COLUMN * (column + 1) as f64;
    let room = first - place.x - 34.0;
    for (row, name) in header(chart).iter().enumerate() {
        let y = place.y + LINE * row as f64 + TEXT;
        let name = if row == 0 { name.clone() } else { format!("· {name}") };
        canvas.text(&fitted(&name, TEXT, room), (place.x + 34.0, y), TEXT, theme.muted(), Align::Left);
    }
    let y = place.y + LINE * (header(chart).len() as f64 - 1.0) + TEXT;
    for (column, name) in numbers.iter().enumerate() {
        canvas.text(name, (right(column), y), TEXT, theme.muted(), Align::Right);
        let mark = (right(column) - width(name, TEXT) - 9.0, y - 4.0);
        match *name {
            "p50" if is_shown(chart, Quantile::P50) => canvas.dot(mark, 3.5, theme.muted()),
            "p99" if is_shown(chart, Quantile::P99) => canvas.diamond(mark, 4.5, theme.muted()),
            _ => {}
        }
    }
    for (index, line) in chart.lines.iter().enumerate() {
        let y = place.y + LINE * (header(chart).len() + index) as f64 + TEXT;
        let swatch = [(place.x, y - 4.0), (place.x + 25.0, y - 4.0)];
        dashed(&swatch, index, theme, canvas);
        canvas.text(&fitted(&line.label(), TEXT, room), (place.x + 34.0, y), TEXT, theme.text(), Align::Left);
        let all = &line.times.total.all;
        let unended = some_unended.then(|| thousands(line.times.unended.all.count()));
        let cells = [
            thousands(all.count()),
            Quantile::P50.text(all),
            Quantile::P90.text(all),
            Quantile::P99.text(all),
            all.max_us().map_or_else(|| "–".to_owned(), show_us),
        ];
        for (column, cell) in cells.iter().chain(&unended).enumerate() {
            canvas.text(cell, (right(column), y), TEXT, theme.text(), Align::Right);
        }
    }
}

/// Height of the plot with its axes.
pub fn field_height() -> f64 {
    AXIS_TITLE + FIELD + 44.0
}

/// The curves.
pub fn field<B: DrawingBackend>(chart: &Chart, theme: Theme, place: Place, canvas: &mut Canvas<B>) {
    let axis = axis(chart);
    let above = format!("share of {} that were over, in percent", subject(chart));
    canvas.text(&above, (place.x, place.y + TEXT - 2.0), TEXT, theme.muted(), Align::Left);
    let place = Place { y: place.y + AXIS_TITLE, ..place };
    let (left, wide) = (place.x + GUTTER, place.width - GUTTER - MARGIN);
    let x = |us: f64| left + wide * axis.position(us);
    let y = |share: f64| place.y + FIELD * (1.0 - share);
    for percent in [0, 25, 50, 75, 100] {
        let at = y(f64::from(percent) / 100.0);
        canvas.steps(&[(left, at), (left + wide, at)], 1.0, theme.grid());
        canvas.text(&format!("{percent} %"), (left - 8.0, at + 4.0), TEXT, theme.muted(), Align::Right);
    }
    let mut free = f64::MIN;
    for tick in &axis.ticks {
        let at = x(tick.us);
        canvas.steps(&[(at, y(1.0)), (at, y(0.0))], 1.0, theme.grid());
        let half = width(&tick.label, TEXT) / 2.0;
        if !tick.label.is_empty() && at - half > free {
            canvas.text(&tick.label, (at, y(0.0) + 17.0), TEXT, theme.muted(), Align::Middle);
            free = at + half + 6.0;
        }
    }
    canvas.steps(&[(left, y(0.0)), (left + wide, y(0.0))], 1.0, theme.muted());
    // A guide is omitted if no line has its quantile.
    let guides = [("p50", 0.50, Quantile::P50), ("p99", 0.99, Quantile::P99)];
    for (name, share, _) in guides.into_iter().filter(|(_, _, quantile)| is_shown(chart, *quantile)) {
        canvas.text(name, (left + wide + 8.0, y(share) + 4.0), TEXT, theme.muted(), Align::Left);
    }
    let scale = if axis.is_log() { ", logarithmic scale" } else { "" };
    let below = format!("{}{scale}", chart.time());
    canvas.text(&below, (left + wide / 2.0, y(0.0) + 36.0), TEXT, theme.muted(), Align::Middle);

    for (index, line) in chart.lines.iter().enumerate() {
        dashed(&curve(line, &x, &y), index, theme, canvas);
    }
    // Drawn above all curves, each on its own background so that it stays visible.
    for (index, line) in chart.lines.iter().enumerate() {
        let all = &line.times.total.all;
        if let Some(median) = Quantile::P50.of(all) {
            let median = (x(median as f64), y(0.50));
            canvas.dot(median, 5.5, theme.ground());
            canvas.dot(median, 4.5, theme.line(index));
        }
        if let Some(late) = Quantile::P99.of(all) {
            let late = (x(late as f64), y(0.99));
            canvas.diamond(late, 7.0, theme.ground());
            canvas.diamond(late, 5.5, theme.line(index));
        }
    }
}

/// Does a line have enough samples for this quantile?
fn is_shown(chart: &Chart, quantile: Quantile) -> bool {
    chart.lines.iter().any(|line| quantile.of(&line.times.total.all).is_some())
}

fn subject(chart: &Chart) -> &'static str {
    if chart.kind.phases().is_empty() { "gaps" } else { "failovers" }
}

/// Up to the longest time, from zero or, if even common times are far shorter than that, from the shortest that is not
/// rare.
fn axis(chart: &Chart) -> Axis {
    let measured = || chart.lines.iter().map(|line| &line.times.total.all);
    let shortest = |quantile| measured().filter_map(|all| all.quantile_us(quantile)).min().unwrap_or(1);
    let high = measured().filter_map(|all| all.max_us()).max().unwrap_or(1);
    Axis::fit(shortest(0.25), shortest(0.02), high)
}

/// The points of a curve, with a distance of at least a quarter of a point.
fn curve(line: &Line, x: &impl Fn(f64) -> f64, y: &impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
    let all = &line.times.total.all;
    let mut corners: Vec<(f64, f64)> = Vec::new();
    let mut level = y(0.0);
    for (us, count) in all.cumulative() {
        let (at, next) = (x(us as f64), y(count as f64 / all.count() as f64));
        match corners.last_mut() {
            Some(last) if at - last.0 < 0.25 => last.1 = next,
            _ => corners.extend([(at, level), (at, next)]),
        }
        level = next;
    }
    corners
}

/// A line of the chart, dashed if its colour is too similar to its neighbours.
fn dashed<B: DrawingBackend>(points: &[(f64, f64)], index: usize, theme: Theme, canvas: &mut Canvas<B>) {
    if !is_dashed(index) {
        return canvas.steps(points, STROKE, theme.line(index));
    }
    let (mut drawn, mut left) = (true, DASH.0);
    for pair in points.windows(2) {
        let ((mut x, mut y), (to_x, to_y)) = (pair[0], pair[1]);
        loop {
            let length = (to_x - x).abs() + (to_y - y).abs();
            let part = left.min(length);
            let share = if length > 0.0 { part / length } else { 1.0 };
            let next = (x + (to_x - x) * share, y + (to_y - y) * share);
            if drawn {
                canvas.steps(&[(x, y), next], STROKE, theme.line(index));
            }
            (x, y) = next;
            left -= part;
            if left > 1e-9 {
                break;
            }
            drawn = !drawn;
            left = if drawn { DASH.0 } else { DASH.1 };
            if length - part <= 1e-9 {
                break;
            }
        }
    }
}
