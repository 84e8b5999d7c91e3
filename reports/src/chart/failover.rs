//! The chart of failover times: title, table, curves, phases, from top to bottom.

use plotters::backend::DrawingBackend;
use scenarios::report::FailoverKind;

use super::canvas::{Align, Canvas, Picture, fitted};
use super::cdf::{self, LINE, Place, TEXT};
use super::quantile::Quantile;
use super::theme::Theme;
use super::{Chart, phases};

/// Points.
const WIDTH: f64 = 960.0;
const EDGE: f64 = 28.0;
const TITLE: f64 = 20.0;
const HEAD: f64 = TITLE + LINE * 2.0 + 18.0;
const SPACE: f64 = 18.0;

/// A chart with its colours.
pub struct Drawing<'a> {
    pub chart: &'a Chart,
    pub theme: Theme,
}

/// Name of a kind in a title.
pub fn name(kind: FailoverKind) -> &'static str {
    match kind {
        FailoverKind::Controller => "Controller failover",
        FailoverKind::Partition => "Partition failover",
        FailoverKind::ProduceGap => "Produce unavailability",
        FailoverKind::ConsumeGap => "Consume unavailability",
        FailoverKind::AdminGap => "Admin unavailability",
    }
}

/// The start and the end of the time of a kind, as measured here: with brokers only if there are some.
pub fn meaning(chart: &Chart) -> &'static str {
    let has = |name| chart.lines.iter().any(|line| line.times.phases.iter().any(|(phase, _)| phase == name));
    match chart.kind {
        FailoverKind::Controller if has("brokers") => {
            "From the fault on the active controller until the brokers have caught up with its successor"
        }
        FailoverKind::Controller => {
            "From the fault on the active controller to the first commit in its successor's epoch"
        }
        FailoverKind::Partition => "From the fault on a broker until all partitions that it led have a leader again",
        FailoverKind::ProduceGap => {
            "Around a fault: the longest time in which no produce to a partition was acknowledged"
        }
        FailoverKind::ConsumeGap => {
            "Around a fault: the longest time in which a consumer fetched no record of a partition"
        }
        FailoverKind::AdminGap => "Around a fault: the longest time in which no admin request was completed",
    }
}

fn title(chart: &Chart) -> String {
    let cause = chart.cause.as_ref().map(|cause| format!(" after {cause}")).unwrap_or_default();
    format!("{}{cause}", name(chart.kind))
}

impl Picture for Drawing<'_> {
    fn size(&self) -> (f64, f64) {
        let chart = self.chart;
        let lower = phases::height(chart);
        let lower = if lower > 0.0 { SPACE + lower } else { 0.0 };
        (WIDTH, EDGE * 2.0 + HEAD + cdf::table_height(chart) + SPACE + cdf::field_height() + lower)
    }

    fn words(&self) -> (String, String) {
        let chart = self.chart;
        let of_line = |line: &super::Line| {
            let all = &line.times.total.all;
            let unended = match line.times.unended.all.count() {
                0 => String::new(),
                n => format!(", not ended {n}"),
            };
            format!(
                "{}: n {}, p50 {}, p99 {}{unended}",
                line.label(),
                all.count(),
                Quantile::P50.text(all),
                Quantile::P99.text(all)
            )
        };
        let lines: Vec<String> = chart.lines.iter().map(of_line).collect();
        (title(chart), format!("{}. {}. {}", meaning(chart), chart.remarks, lines.join("; ")))
    }

    fn draw<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) {
        let Drawing { chart, theme } = *self;
        let (width, height) = self.size();
        canvas.rectangle((0.0, 0.0), (width, height), theme.ground());
        let mut place = Place { x: EDGE, y: EDGE, width: width - EDGE * 2.0 };
        let mut y = place.y + TITLE * 0.8;
        canvas.text(&fitted(&title(chart), TITLE, place.width), (place.x, y), TITLE, theme.text(), Align::Left);
        for line in [meaning(chart), &chart.remarks] {
            y += LINE + 2.0;
            canvas.text(&fitted(line, TEXT, place.width), (place.x, y), TEXT, theme.muted(), Align::Left);
        }
        place.y += HEAD;
        cdf::table(chart, theme, place, canvas);
        place.y += cdf::table_height(chart) + SPACE;
        cdf::field(chart, theme, place, canvas);
        place.y += cdf::field_height() + SPACE;
        phases::draw(chart, theme, place, canvas);
    }
}
