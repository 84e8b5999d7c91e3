//! What all charts share: their width, the title with the caption below it, and the sizes of texts.

use plotters::backend::DrawingBackend;

use super::canvas::{Align, Canvas, fitted, wrapped};
use super::theme::Theme;

/// Width of a chart, points.
pub const WIDTH: f64 = 880.0;
/// Space around it.
pub const EDGE: f64 = 24.0;
/// Font size of texts and numbers.
pub const TEXT: f64 = 13.0;
/// Line height.
pub const LINE: f64 = 19.0;
/// Space between two elements.
pub const SPACE: f64 = 18.0;
const TITLE: f64 = 21.0;

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

/// Title and caption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub title: String,
    /// Paragraphs.
    pub caption: Vec<String>,
}

/// The lines of the captions, broken at the width of the chart.
fn lines(head: &Head) -> Vec<String> {
    head.caption.iter().flat_map(|paragraph| wrapped(paragraph, TEXT, WIDTH - 2.0 * EDGE)).collect()
}

/// The height of a whole chart with elements of this height below its head.
pub fn height(head: &Head, elements: f64) -> f64 {
    2.0 * EDGE + head_height(head) + elements
}

fn head_height(head: &Head) -> f64 {
    TITLE + LINE * lines(head).len() as f64 + SPACE
}

/// Draws the background and the head; returns the place below it.
pub fn draw<B: DrawingBackend>(head: &Head, height: f64, theme: Theme, canvas: &mut Canvas<B>) -> Place {
    canvas.rectangle((0.0, 0.0), (WIDTH, height), theme.ground());
    let place = Place { x: EDGE, y: EDGE, width: WIDTH - 2.0 * EDGE };
    let mut y = place.y + TITLE * 0.8;
    canvas.text(&fitted(&head.title, TITLE, place.width), (place.x, y), TITLE, theme.text(), Align::Left);
    y += 3.0;
    for line in lines(head) {
        y += LINE;
        canvas.text(&line, (place.x, y), TEXT, theme.muted(), Align::Left);
    }
    Place { y: place.y + head_height(head), ..place }
}
