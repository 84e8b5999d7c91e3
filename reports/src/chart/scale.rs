//! Times against one varied setting: the median, and a band from p10 to p90.

use plotters::backend::DrawingBackend;

use super::axis::Axis;
use super::canvas::{Align, Canvas, Picture, fitted};
use super::field::{FOOT, Field};
use super::frame::{self, Head, LINE, Place, SPACE, TEXT};
use super::legend::{STROKE, sample};
use super::quantile::Quantile;
use super::theme::{Theme, dashes};
use super::{Chart, Line};
use crate::show::columns::thousands;

const FIELD: f64 = 320.0;
const GUTTER: f64 = 58.0;
const MARGIN: f64 = 14.0;
const AXIS_TITLE: f64 = 26.0;
const VEIL: f64 = 0.16;

/// The lines of the chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The key of the horizontal axis.
    pub key: String,
    /// Its values, from left to right.
    pub columns: Vec<String>,
    /// A label for each line of the picture.
    pub labels: Vec<String>,
}

/// A chart with its head and colours; its lines are the points, those of a line of the picture together.
pub struct Drawing<'a> {
    pub chart: &'a Chart,
    pub series: &'a Series,
    pub head: &'a Head,
    pub description: String,
    pub theme: Theme,
}

impl Drawing<'_> {
    /// The points of each line of the picture.
    fn points(&self) -> impl Iterator<Item = (usize, &[Line])> {
        self.chart.lines.chunks(self.series.columns.len()).enumerate()
    }

    /// Height of the rows with n below the plot.
    fn counts(&self) -> f64 {
        LINE * self.series.labels.len() as f64
    }

    fn axis(&self) -> Axis {
        let highest = |line: &Line| {
            let all = &line.times.total.all;
            Quantile::P90.of(all).or_else(|| Quantile::P50.of(all))
        };
        Axis::linear(self.chart.lines.iter().filter_map(highest).max().unwrap_or(1), 7)
    }

    fn curve<B: DrawingBackend>(&self, index: usize, line: &[Line], field: &Field, canvas: &mut Canvas<B>) {
        let at = |quantile: Quantile| {
            let point = move |(column, line): (usize, &Line)| {
                let us = quantile.of(&line.times.total.all)?;
                Some((self.column(column, field), field.y(self.axis().position(us as f64))))
            };
            line.iter().enumerate().filter_map(point).collect::<Vec<_>>()
        };
        let colour = self.theme.line(index);
        let band: Vec<_> = at(Quantile::P90).into_iter().chain(at(Quantile::P10).into_iter().rev()).collect();
        if band.len() > 2 {
            canvas.veil(&band, colour, VEIL);
        }
        let medians = at(Quantile::P50);
        canvas.dashed(&medians, dashes(index), STROKE, colour);
        for point in medians {
            canvas.marker(point, 6.5, index, self.theme.ground());
            canvas.marker(point, 5.2, index, colour);
        }
    }

    /// The middle of a column.
    fn column(&self, column: usize, field: &Field) -> f64 {
        field.left + field.width * (column as f64 + 0.5) / self.series.columns.len() as f64
    }
}

impl Picture for Drawing<'_> {
    fn size(&self) -> (f64, f64) {
        let elements = self.counts() + SPACE + AXIS_TITLE + FIELD + FOOT + self.counts();
        (frame::WIDTH, frame::height(self.head, elements))
    }

    fn words(&self) -> (String, String) {
        (self.head.title.clone(), self.description.clone())
    }

    fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) {
        let Drawing { chart, series, theme, .. } = *self;
        let mut place = frame::draw(self.head, self.size().1, theme, canvas);
        for (index, points) in self.points() {
            let y = place.y + LINE * index as f64 + TEXT;
            sample((place.x, y - 4.5), &points[0], theme, canvas);
            let label = fitted(&series.labels[index], TEXT, place.width - 57.0);
            canvas.text(&label, (place.x + 57.0, y), TEXT, theme.text(), Align::Left);
        }
        place.y += self.counts() + SPACE;
        let above = format!("{}: median, band from p10 to p90", chart.time());
        canvas.text(&above, (place.x, place.y + TEXT - 2.0), TEXT, theme.muted(), Align::Left);
        let place = Place { y: place.y + AXIS_TITLE, ..place };
        let (field, axis) = (Field::new(self.axis(), place, GUTTER, MARGIN, FIELD), self.axis());
        for tick in &axis.ticks {
            field.level(axis.position(tick.us), &tick.label, theme, canvas);
        }
        field.ground(theme, canvas);
        let wide = field.width / series.columns.len() as f64;
        for (column, value) in series.columns.iter().enumerate() {
            let x = self.column(column, &field);
            let label = fitted(value, TEXT, wide - 6.0);
            canvas.text(&label, (x, field.y(0.0) + 18.0), TEXT, theme.text(), Align::Middle);
        }
        for (index, points) in self.points() {
            self.curve(index, points, &field, canvas);
            let y = field.y(0.0) + 18.0 + LINE * (index + 1) as f64;
            canvas.marker((place.x + 6.0, y - 4.5), 4.6, index, theme.line(index));
            canvas.text("n", (field.left - 8.0, y), TEXT, theme.muted(), Align::Right);
            for (column, line) in points.iter().enumerate() {
                let unended = match line.times.unended.all.count() {
                    0 => String::new(),
                    open => format!(" (+{} open)", thousands(open)),
                };
                let n = fitted(&format!("{}{unended}", thousands(line.count())), TEXT, wide - 6.0);
                canvas.text(&n, (self.column(column, &field), y), TEXT, theme.muted(), Align::Middle);
            }
        }
        let below = (field.left + field.width / 2.0, field.y(0.0) + 22.0 + LINE + self.counts());
        canvas.text(&series.key, below, TEXT, theme.muted(), Align::Middle);
    }
}
