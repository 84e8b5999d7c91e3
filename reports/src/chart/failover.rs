//! The chart of failover times: head, legend, curves, phases, from top to bottom.

use plotters::backend::DrawingBackend;

use super::canvas::{Canvas, Picture};
use super::frame::{self, Head, SPACE};
use super::theme::Theme;
use super::{Chart, cdf, legend, phases};

/// A chart with its head and colours.
pub struct Drawing<'a> {
    pub chart: &'a Chart,
    pub head: &'a Head,
    pub description: String,
    pub theme: Theme,
}

impl Picture for Drawing<'_> {
    fn size(&self) -> (f64, f64) {
        let lower = phases::height(self.chart);
        let lower = if lower > 0.0 { SPACE + lower } else { 0.0 };
        let elements = legend::height(self.chart) + SPACE + cdf::height() + lower;
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
        cdf::draw(chart, theme, place, canvas);
        place.y += cdf::height() + SPACE;
        phases::draw(chart, theme, place, canvas);
    }
}
