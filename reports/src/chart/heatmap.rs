//! A heat map: one quantile over two varied settings.

use plotters::backend::DrawingBackend;
use sim::duration::show_us;

use super::Chart;
use super::canvas::{Align, Canvas, Picture, fitted};
use super::frame::{self, Head, LINE, TEXT};
use super::quantile::{Quantile, TOO_FEW};
use super::theme::{Theme, heat};
use crate::show::columns::thousands;

/// The most cells in a row or a column.
pub const MAX_VALUES: usize = 10;
/// Height of a cell.
const CELL: f64 = 54.0;
/// Width of the labels of rows.
const LABELS: f64 = 92.0;
/// Space between two cells.
const GAP: f64 = 2.0;
/// Space above the cells, for the name of the setting of the rows, and below, for labels and the name of that of columns.
const ABOVE: f64 = LINE + 8.0;
const BELOW: f64 = 2.0 * LINE + 14.0;
/// The scale of colours.
const BAR: f64 = 12.0;
const STEPS: usize = 64;
const SCALE: f64 = LINE + BAR + LINE;

/// The shape of the map.
#[derive(Clone, Debug, PartialEq)]
pub struct Cells {
    /// Keys of columns and rows.
    pub keys: [String; 2],
    /// Values of the columns, from left to right.
    pub columns: Vec<String>,
    /// Values of the rows, from bottom to top.
    pub rows: Vec<String>,
    pub quantile: Quantile,
}

/// A chart with its head and colours; its lines are the cells, those of a column together.
pub struct Drawing<'a> {
    pub chart: &'a Chart,
    pub cells: &'a Cells,
    pub head: &'a Head,
    pub description: String,
    pub theme: Theme,
}

impl Drawing<'_> {
    fn values(&self) -> impl Iterator<Item = Option<u64>> {
        self.chart.lines.iter().map(|line| self.cells.quantile.of(&line.times.total.all))
    }

    fn scale<B: DrawingBackend>(&self, (x, y): (f64, f64), width: f64, canvas: &mut Canvas<B>) {
        let (Some(low), Some(high)) = (self.values().flatten().min(), self.values().flatten().max()) else { return };
        let name = format!("{} of the {}", self.cells.quantile.name(), self.chart.time());
        canvas.text(&name, (x, y + TEXT), TEXT, self.theme.muted(), Align::Left);
        let step = width / STEPS as f64;
        for at in 0..STEPS {
            let (colour, _) = heat(at as f64 / (STEPS - 1) as f64);
            canvas.rectangle((x + step * at as f64, y + LINE), (step + 0.25, BAR), colour);
        }
        let below = y + LINE + BAR + 15.0;
        let middle = show_us((low + high) / 2);
        for (text, x, align) in [
            (show_us(low), x, Align::Left),
            (middle, x + width / 2.0, Align::Middle),
            (show_us(high), x + width, Align::Right),
        ] {
            canvas.text(&text, (x, below), TEXT, self.theme.muted(), align);
        }
    }
}

impl Picture for Drawing<'_> {
    fn size(&self) -> (f64, f64) {
        let map = ABOVE + CELL * self.cells.rows.len() as f64 + BELOW;
        (frame::WIDTH, frame::height(self.head, map + SCALE))
    }

    fn words(&self) -> (String, String) {
        (self.head.title.clone(), self.description.clone())
    }

    fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) {
        let Drawing { chart, cells, theme, .. } = *self;
        let place = frame::draw(self.head, self.size().1, theme, canvas);
        canvas.text(&cells.keys[1], (place.x, place.y + TEXT - 2.0), TEXT, theme.muted(), Align::Left);
        let (top, left) = (place.y + ABOVE, place.x + LABELS);
        let wide = (place.width - LABELS) / cells.columns.len() as f64;
        let (low, high) = (self.values().flatten().min().unwrap_or(0), self.values().flatten().max().unwrap_or(0));
        let bottom = top + CELL * cells.rows.len() as f64;
        for (row, value) in cells.rows.iter().enumerate() {
            let y = bottom - CELL * (row as f64 + 0.5) + 4.5;
            canvas.text(&fitted(value, TEXT, LABELS - 10.0), (left - 8.0, y), TEXT, theme.text(), Align::Right);
        }
        for (column, value) in cells.columns.iter().enumerate() {
            let x = left + wide * (column as f64 + 0.5);
            canvas.text(&fitted(value, TEXT, wide - 6.0), (x, bottom + 18.0), TEXT, theme.text(), Align::Middle);
        }
        let middle = left + (place.width - LABELS) / 2.0;
        canvas.text(&cells.keys[0], (middle, bottom + 18.0 + LINE), TEXT, theme.muted(), Align::Middle);
        for (index, line) in chart.lines.iter().enumerate() {
            let (column, row) = (index / cells.rows.len(), index % cells.rows.len());
            let (x, y) = (left + wide * column as f64, bottom - CELL * (row + 1) as f64);
            let all = &line.times.total.all;
            let unended = match line.times.unended.all.count() {
                0 => String::new(),
                open => format!(", {} open", thousands(open)),
            };
            let (colour, text, said) = match cells.quantile.of(all) {
                Some(us) => {
                    let (colour, text) = heat((us - low) as f64 / (high - low).max(1) as f64);
                    (colour, text, show_us(us))
                }
                None => (theme.grid(), theme.text(), if all.count() == 0 { "–" } else { TOO_FEW }.to_owned()),
            };
            canvas.rectangle((x, y), (wide - GAP, CELL - GAP), colour);
            let center = x + (wide - GAP) / 2.0;
            canvas.text(&said, (center, y + 23.0), 15.0, text, Align::Middle);
            let n = fitted(&format!("n {}{unended}", thousands(all.count())), TEXT, wide - 8.0);
            canvas.text(&n, (center, y + 42.0), TEXT, text, Align::Middle);
        }
        self.scale((left, bottom + BELOW), place.width - LABELS - GAP, canvas);
    }
}
