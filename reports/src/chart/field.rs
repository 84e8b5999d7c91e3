//! The grid of a plot with its axes, and the positions of values in it.

use plotters::backend::DrawingBackend;

use super::axis::Axis;
use super::canvas::{Align, Canvas, width};
use super::frame::{Place, TEXT};
use super::theme::Theme;

/// Space below a plot, for the labels of the horizontal axis and its title.
pub const FOOT: f64 = 46.0;

/// A plot: its axes and its edges, points.
pub struct Field {
    pub axis: Axis,
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

impl Field {
    /// A plot in a place, with a gutter on its left.
    pub fn new(axis: Axis, place: Place, gutter: f64, margin: f64, height: f64) -> Field {
        Field { axis, left: place.x + gutter, top: place.y, width: place.width - gutter - margin, height }
    }

    /// Position of a time.
    pub fn x(&self, us: f64) -> f64 {
        self.left + self.width * self.axis.position(us)
    }

    /// Position of a share of the height, 0 at the bottom.
    pub fn y(&self, share: f64) -> f64 {
        self.top + self.height * (1.0 - share)
    }

    /// The vertical grid with its labels, and the title of the axis below it.
    pub fn times<B: DrawingBackend>(&self, title: &str, theme: Theme, canvas: &mut Canvas<B>) {
        let mut free = f64::MIN;
        for tick in &self.axis.ticks {
            let at = self.x(tick.us);
            canvas.steps(&[(at, self.y(1.0)), (at, self.y(0.0))], 1.0, theme.grid());
            let half = width(&tick.label, TEXT) / 2.0;
            if !tick.label.is_empty() && at - half > free {
                canvas.text(&tick.label, (at, self.y(0.0) + 18.0), TEXT, theme.muted(), Align::Middle);
                free = at + half + 6.0;
            }
        }
        let scale = if self.axis.is_log() { ", logarithmic scale" } else { "" };
        let below = (self.left + self.width / 2.0, self.y(0.0) + 38.0);
        canvas.text(&format!("{title}{scale}"), below, TEXT, theme.muted(), Align::Middle);
    }

    /// A horizontal line of the grid with its label on the left.
    pub fn level<B: DrawingBackend>(&self, share: f64, label: &str, theme: Theme, canvas: &mut Canvas<B>) {
        let at = self.y(share);
        canvas.steps(&[(self.left, at), (self.left + self.width, at)], 1.0, theme.grid());
        canvas.text(label, (self.left - 8.0, at + 4.5), TEXT, theme.muted(), Align::Right);
    }

    /// The line at the bottom.
    pub fn ground<B: DrawingBackend>(&self, theme: Theme, canvas: &mut Canvas<B>) {
        canvas.steps(&[(self.left, self.y(0.0)), (self.left + self.width, self.y(0.0))], 1.0, theme.muted());
    }
}
