//! The table of a chart's lines: colour, dashes and marker of each, its name, n and quantiles.

use plotters::backend::DrawingBackend;
use sim::duration::show_us;

use super::canvas::{Align, Canvas, fitted, width};
use super::frame::{LINE, Place, TEXT};
use super::quantile::Quantile;
use super::theme::{Theme, dashes};
use super::{Chart, Line};
use crate::show::columns::thousands;

/// Width of a column of numbers.
const COLUMN: f64 = 79.0;
/// Width of a sample of a line, and the space behind it.
const SAMPLE: f64 = 48.0;
const AFTER_SAMPLE: f64 = 9.0;
/// Width of a curve's line.
pub const STROKE: f64 = 2.0;

/// Height of the table.
pub fn height(chart: &Chart) -> f64 {
    LINE * (chart.differ_in.len() + chart.lines.len()) as f64
}

/// Does a line have enough samples for this quantile?
pub fn is_shown(chart: &Chart, quantile: Quantile) -> bool {
    chart.lines.iter().any(|line| quantile.of(&line.times.total.all).is_some())
}

/// The same marker for p50, filled, and for p99, hollow.
pub fn marker<B: DrawingBackend>(
    at: (f64, f64),
    line: &Line,
    quantile: Quantile,
    theme: Theme,
    canvas: &mut Canvas<B>,
) {
    let (shape, colour) = (line.style.colour, theme.line(line.style.colour));
    canvas.marker(at, 6.5, shape, theme.ground());
    canvas.marker(at, 5.2, shape, colour);
    if quantile == Quantile::P99 {
        canvas.marker(at, 2.8, shape, theme.ground());
    }
}

/// A piece of a line as it is drawn.
pub fn sample<B: DrawingBackend>((x, y): (f64, f64), line: &Line, theme: Theme, canvas: &mut Canvas<B>) {
    let colour = theme.line(line.style.colour);
    canvas.dashed(&[(x, y), (x + SAMPLE, y)], dashes(line.style.dash), STROKE, colour);
    canvas.marker((x + SAMPLE / 2.0, y), 6.0, line.style.colour, theme.ground());
    canvas.marker((x + SAMPLE / 2.0, y), 4.6, line.style.colour, colour);
}

/// A row for each line.
pub fn draw<B: DrawingBackend>(chart: &Chart, theme: Theme, place: Place, canvas: &mut Canvas<B>) {
    let some_unended = chart.lines.iter().any(|line| line.times.unended.all.count() > 0);
    let mut numbers = vec!["n", "p50", "p90", "p99", "max"];
    numbers.extend(some_unended.then_some("not ended"));
    let first = place.x + place.width - COLUMN * numbers.len() as f64;
    let right = |column: usize| first + COLUMN * (column + 1) as f64;
    let indent = SAMPLE + AFTER_SAMPLE;
    let room = first + COLUMN - width("9,999", TEXT) - place.x - indent;
    for (row, name) in chart.differ_in.iter().enumerate() {
        let y = place.y + LINE * row as f64 + TEXT;
        let name = if row == 0 { name.clone() } else { format!("· {name}") };
        canvas.text(&fitted(&name, TEXT, room), (place.x + indent, y), TEXT, theme.muted(), Align::Left);
    }
    let y = place.y + LINE * (chart.differ_in.len() as f64 - 1.0) + TEXT;
    for (column, name) in numbers.iter().enumerate() {
        canvas.text(name, (right(column), y), TEXT, theme.muted(), Align::Right);
    }
    for (index, line) in chart.lines.iter().enumerate() {
        let y = place.y + LINE * (chart.differ_in.len() + index) as f64 + TEXT;
        sample((place.x, y - 4.5), line, theme, canvas);
        canvas.text(&fitted(&line.label(), TEXT, room), (place.x + indent, y), TEXT, theme.text(), Align::Left);
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
