//! The histogram of each line, one above the other, on one axis of time.

use plotters::backend::DrawingBackend;

use super::canvas::{Align, Canvas, Picture, fitted};
use super::cdf::axis;
use super::field::{FOOT, Field};
use super::frame::{self, Head, LINE, Place, SPACE, TEXT};
use super::quantile::Quantile;
use super::theme::Theme;
use super::{Chart, Line, legend};

/// Bins of the whole width; on a logarithmic axis they have equal ratios.
pub const BINS: usize = 80;
/// Height of the bars of one line.
const BARS: f64 = 84.0;
/// Height of one line, with its label.
const ROW: f64 = LINE + BARS + 8.0;
const GUTTER: f64 = 46.0;
const MARGIN: f64 = 20.0;
const AXIS_TITLE: f64 = 24.0;

/// A chart with its head and colours.
pub struct Drawing<'a> {
    pub chart: &'a Chart,
    pub head: &'a Head,
    pub description: String,
    pub theme: Theme,
}

/// The failovers in each bin, by the position of the middle of their durations on the axis.
fn bins(line: &Line, field: &Field) -> Vec<u64> {
    let mut bins = vec![0; BINS];
    let mut before = 0;
    for (us, count) in line.times.total.all.cumulative() {
        let bin = (field.axis.position(us as f64) * BINS as f64) as usize;
        bins[bin.min(BINS - 1)] += count - before;
        before = count;
    }
    bins
}

impl Picture for Drawing<'_> {
    fn size(&self) -> (f64, f64) {
        let rows = ROW * self.chart.lines.len() as f64;
        let elements = legend::height(self.chart) + SPACE + AXIS_TITLE + rows + FOOT;
        (frame::WIDTH, frame::height(self.head, elements))
    }

    fn words(&self) -> (String, String) {
        (self.head.title.clone(), self.description.clone())
    }

    fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) {
        let Drawing { chart, theme, .. } = *self;
        let mut place = frame::draw(self.head, self.size().1, theme, canvas);
        legend::draw(chart, theme, place, canvas);
        place.y += legend::height(chart) + SPACE;
        let above = format!("share of the {} of a line in each of {BINS} bins, in percent; line: p50", chart.subject());
        canvas.text(&above, (place.x, place.y + TEXT), TEXT, theme.muted(), Align::Left);
        place.y += AXIS_TITLE;
        let whole = Field::new(axis(chart), place, GUTTER, MARGIN, ROW * chart.lines.len() as f64);
        whole.times(chart.time(), theme, canvas);
        let share = |line: &Line, count: u64| count as f64 / line.count().max(1) as f64;
        let highest = |line: &Line| bins(line, &whole).into_iter().map(|count| share(line, count)).fold(0.0, f64::max);
        let top = chart.lines.iter().map(highest).fold(0.01, f64::max);
        for (row, line) in chart.lines.iter().enumerate() {
            let place = Place { y: place.y + ROW * row as f64 + LINE + 8.0, ..place };
            let field = Field::new(axis(chart), place, GUTTER, MARGIN, BARS);
            let name = fitted(&line.label(), TEXT, field.width - 24.0);
            canvas.marker((field.left + 11.0, place.y - 9.5), 4.6, line.style.colour, theme.line(line.style.colour));
            canvas.text(&name, (field.left + 22.0, place.y - 5.0), TEXT, theme.text(), Align::Left);
            field.level(1.0, &format!("{:.0} %", top * 100.0), theme, canvas);
            let wide = field.width / BINS as f64;
            for (bin, count) in bins(line, &field).into_iter().enumerate().filter(|(_, count)| *count > 0) {
                let high = BARS * share(line, count) / top;
                let corner = (field.left + wide * bin as f64, field.y(0.0) - high);
                canvas.rectangle(corner, ((wide - 0.75).max(1.0), high), theme.line(line.style.colour));
            }
            field.ground(theme, canvas);
            canvas.text("0", (field.left - 8.0, field.y(0.0) + 4.5), TEXT, theme.muted(), Align::Right);
            if let Some(us) = Quantile::P50.of(&line.times.total.all) {
                let x = field.x(us as f64);
                canvas.dashed(&[(x, field.y(1.0)), (x, field.y(0.0))], &[4.0, 3.0], 1.5, theme.text());
            }
        }
    }
}
