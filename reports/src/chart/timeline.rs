//! A timeline of runs: when there was no active controller, partitions had no leader, and produces no acknowledgement.

use plotters::backend::DrawingBackend;
use scenarios::report::{Failover, FailoverKind};

use super::axis::Axis;
use super::canvas::{Align, Canvas, Picture, fitted};
use super::field::{FOOT, Field};
use super::frame::{self, Head, LINE, TEXT};
use super::theme::Theme;

/// The most runs of a picture.
pub const MAX_RUNS: usize = 24;
/// The lanes of a run, from top to bottom, with their names and what an interval on them means.
pub const LANES: [(FailoverKind, &str, &str); 3] = [
    (FailoverKind::Controller, "controller", "no active controller"),
    (FailoverKind::Partition, "partitions", "some partitions without a leader"),
    (FailoverKind::ProduceGap, "produce", "no acknowledged produce to some partition"),
];
/// Height of a lane, of its bar, and the space between two runs.
const LANE: f64 = 15.0;
const BAR: f64 = 10.0;
const BETWEEN: f64 = 12.0;
const GUTTER: f64 = 206.0;
const MARGIN: f64 = 16.0;

/// Runs and their intervals.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    pub title: String,
    /// Scenarios, seeds, and the flags that all runs share.
    pub remarks: String,
    /// The keys in which the configurations differ.
    pub differ_in: Vec<String>,
    pub runs: Vec<Row>,
    /// The end of the longest run, µs.
    pub end_us: u64,
}

/// One run.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its values of the keys in which the configurations differ.
    pub values: Vec<String>,
    pub seed: u64,
    /// Failovers and gaps of the kinds of [`LANES`], in order of time.
    pub intervals: Vec<Failover>,
}

impl Timeline {
    /// The lanes with an interval in some run, by their place in [`LANES`]: a quorum alone has no partitions.
    pub fn lanes(&self) -> Vec<(usize, FailoverKind, &'static str, &'static str)> {
        let all = LANES.into_iter().enumerate().map(|(lane, (kind, name, meaning))| (lane, kind, name, meaning));
        all.filter(|(_, kind, ..)| self.count(*kind) > 0).collect()
    }

    /// The number of intervals on a lane.
    pub fn count(&self, kind: FailoverKind) -> usize {
        self.runs.iter().flat_map(|run| &run.intervals).filter(|interval| interval.kind == kind).count()
    }
}

/// A timeline with its head and colours.
pub struct Drawing<'a> {
    pub timeline: &'a Timeline,
    pub head: &'a Head,
    pub description: String,
    pub theme: Theme,
}

impl Drawing<'_> {
    fn key_height(&self) -> f64 {
        LINE * (self.timeline.lanes().len() + 1) as f64 + 10.0
    }

    fn row_height(&self) -> f64 {
        LANE * self.timeline.lanes().len().max(2) as f64 + BETWEEN
    }
}

impl Picture for Drawing<'_> {
    fn size(&self) -> (f64, f64) {
        let elements = self.key_height() + self.row_height() * self.timeline.runs.len() as f64 + FOOT;
        (frame::WIDTH, frame::height(self.head, elements))
    }

    fn words(&self) -> (String, String) {
        (self.head.title.clone(), self.description.clone())
    }

    fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) {
        let Drawing { timeline, theme, .. } = *self;
        let mut place = frame::draw(self.head, self.size().1, theme, canvas);
        let lanes = timeline.lanes();
        for (at, (lane, kind, name, meaning)) in lanes.iter().copied().enumerate() {
            let y = place.y + LINE * at as f64 + TEXT;
            canvas.rectangle((place.x, y - BAR), (26.0, BAR), theme.line(lane));
            let text = format!("{name}: {meaning} (n {})", timeline.count(kind));
            canvas.text(&text, (place.x + 36.0, y), TEXT, theme.text(), Align::Left);
        }
        let y = place.y + LINE * lanes.len() as f64 + TEXT;
        canvas.polygon(&tip(place.x + 13.0, y - 9.0), theme.text());
        let text = "a fault that began one of them; an open end: not ended when the run was";
        canvas.text(text, (place.x + 36.0, y), TEXT, theme.text(), Align::Left);
        place.y += self.key_height();
        let high = self.row_height() * timeline.runs.len() as f64;
        let field = Field::new(Axis::linear(timeline.end_us, 10), place, GUTTER, MARGIN, high);
        field.times("simulated time", theme, canvas);
        for (index, run) in timeline.runs.iter().enumerate() {
            let top = place.y + self.row_height() * index as f64 + BETWEEN / 2.0;
            let (seed, values) = (format!("seed {:#x}", run.seed), run.values.join(" · "));
            for (line, label) in [seed, values].into_iter().enumerate() {
                let label = fitted(&label, TEXT, GUTTER - 78.0);
                canvas.text(&label, (place.x, top + LANE * line as f64 + 12.0), TEXT, theme.text(), Align::Left);
            }
            for (at, (lane, kind, name, _)) in lanes.iter().copied().enumerate() {
                let y = top + LANE * at as f64;
                let middle = y + LANE / 2.0;
                canvas.text(name, (field.left - 8.0, middle + 4.0), 11.5, theme.muted(), Align::Right);
                canvas.steps(&[(field.left, middle), (field.left + field.width, middle)], 1.0, theme.grid());
                for interval in run.intervals.iter().filter(|interval| interval.kind == kind) {
                    let (from, to) = (interval.at_ns, interval.at_ns + interval.total_ns);
                    let (from, to) = (field.x(from as f64 / 1e3), field.x(to as f64 / 1e3));
                    let wide = (to - from).max(1.5);
                    canvas.rectangle((from, middle - BAR / 2.0), (wide, BAR), theme.line(lane));
                    if !interval.ended {
                        canvas.rectangle((to - 3.0, middle - BAR / 2.0 + 2.0), (3.0, BAR - 4.0), theme.ground());
                    }
                }
            }
            let is_failover = |failover: &&Failover| failover.kind != FailoverKind::ProduceGap;
            for fault in run.intervals.iter().filter(is_failover) {
                canvas.polygon(&tip(field.x(fault.at_ns as f64 / 1e3), top - 5.0), theme.text());
            }
        }
        field.ground(theme, canvas);
    }
}

/// A small triangle that points down, below a position.
fn tip(x: f64, y: f64) -> [(f64, f64); 3] {
    [(x - 3.5, y), (x + 3.5, y), (x, y + 6.0)]
}
