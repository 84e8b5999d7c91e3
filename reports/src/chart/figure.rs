//! A chart of any kind: its picture, its table, and its words.

use super::canvas::{self, Picture};
use super::frame::Head;
use super::heatmap::Cells;
use super::quantile::Quantile;
use super::scale::Series;
use super::theme::Theme;
use super::timeline::{LANES, Timeline};
use super::{Chart, Line, csv, failover, heatmap, histogram, scale, timeline};
use crate::engine::Problem;
use crate::show::columns::{plural, thousands};

/// What is drawn.
#[derive(Clone, Debug, PartialEq)]
pub enum Figure {
    /// Curves and phases.
    Failover(Chart),
    Histogram(Chart),
    /// The lines are the cells, by column, then by row.
    Heatmap(Chart, Cells),
    /// The lines are the points, by line of the picture, then by column.
    Scale(Chart, Series),
    Timeline(Timeline),
}

impl Figure {
    /// Its kind, as on the command line.
    pub fn kind(&self) -> &'static str {
        match self {
            Figure::Failover(_) => "failover",
            Figure::Histogram(_) => "histogram",
            Figure::Heatmap(..) => "heatmap",
            Figure::Scale(..) => "scale",
            Figure::Timeline(_) => "timeline",
        }
    }

    /// The measurements; `None` of a timeline.
    pub fn chart(&self) -> Option<&Chart> {
        match self {
            Figure::Failover(chart) | Figure::Histogram(chart) => Some(chart),
            Figure::Heatmap(chart, _) | Figure::Scale(chart, _) => Some(chart),
            Figure::Timeline(_) => None,
        }
    }

    /// Title and caption.
    pub fn head(&self) -> Head {
        let (title, meaning, remarks) = match self {
            Figure::Timeline(timeline) => {
                (timeline.title.clone(), "Intervals of each run in which something waited", &timeline.remarks)
            }
            _ => {
                let chart = self.chart().expect("all but a timeline have one");
                (chart.title(), chart.meaning(), &chart.remarks)
            }
        };
        let about = match self {
            Figure::Heatmap(_, cells) => {
                format!("{meaning}: {} of each cell, with the number of measured times", cells.quantile.name())
            }
            _ => meaning.to_owned(),
        };
        Head { title, caption: vec![format!("{about}."), format!("{remarks}.")] }
    }

    /// Everything that the picture shows, for those who do not see it.
    pub fn description(&self) -> String {
        let head = self.head().caption.join(" ");
        let numbers: Vec<String> = match self {
            Figure::Timeline(timeline) => {
                let lane = |(kind, name, meaning): &(_, &str, &str)| {
                    format!("{name}: {meaning}, {}", plural(timeline.count(*kind) as u64, "interval"))
                };
                LANES.iter().map(lane).collect()
            }
            _ => self.chart().map(|chart| chart.lines.iter().map(line_in_words).collect()).unwrap_or_default(),
        };
        format!("{head} {}.", numbers.join("; "))
    }

    /// Is there nothing to draw?
    pub fn is_empty(&self) -> bool {
        match self {
            Figure::Timeline(timeline) => timeline.runs.iter().all(|run| run.intervals.is_empty()),
            // A cell with too few measurements has no value.
            Figure::Heatmap(chart, cells) => {
                chart.lines.iter().all(|line| cells.quantile.of(&line.times.total.all).is_none())
            }
            _ => self.chart().is_none_or(|chart| chart.lines.iter().all(|line| line.count() == 0)),
        }
    }

    /// As SVG.
    pub fn svg(&self, theme: Theme) -> Result<String, Problem> {
        self.drawn(theme, &Svg)
    }

    /// As the bytes of a PNG.
    pub fn png(&self, theme: Theme) -> Result<Vec<u8>, Problem> {
        self.drawn(theme, &Png)
    }

    /// Its numbers as a table.
    pub fn csv(&self) -> String {
        match self {
            Figure::Failover(chart) | Figure::Histogram(chart) => csv::distributions(chart),
            Figure::Heatmap(chart, _) | Figure::Scale(chart, _) => csv::quantiles(chart),
            Figure::Timeline(timeline) => csv::intervals(timeline),
        }
    }

    fn drawn<W: Writer>(&self, theme: Theme, writer: &W) -> Result<W::Written, Problem> {
        let (head, description) = (&self.head(), self.description());
        match self {
            Figure::Failover(chart) => writer.write(&failover::Drawing { chart, head, description, theme }),
            Figure::Histogram(chart) => writer.write(&histogram::Drawing { chart, head, description, theme }),
            Figure::Heatmap(chart, cells) => writer.write(&heatmap::Drawing { chart, cells, head, description, theme }),
            Figure::Scale(chart, series) => writer.write(&scale::Drawing { chart, series, head, description, theme }),
            Figure::Timeline(timeline) => writer.write(&timeline::Drawing { timeline, head, description, theme }),
        }
    }
}

fn line_in_words(line: &Line) -> String {
    let all = &line.times.total.all;
    let unended = match line.times.unended.all.count() {
        0 => String::new(),
        n => format!(", not ended {}", thousands(n)),
    };
    let quantile = |quantile: Quantile| format!(", {} {}", quantile.name(), quantile.text(all));
    let quantiles: String = [Quantile::P50, Quantile::P90, Quantile::P99].map(quantile).concat();
    format!("{}: n {}{quantiles}{unended}", line.label(), thousands(all.count()))
}

/// A format of pictures.
trait Writer {
    type Written;
    fn write(&self, picture: &impl Picture) -> Result<Self::Written, Problem>;
}

struct Svg;
struct Png;

impl Writer for Svg {
    type Written = String;
    fn write(&self, picture: &impl Picture) -> Result<String, Problem> {
        canvas::svg(picture)
    }
}

impl Writer for Png {
    type Written = Vec<u8>;
    fn write(&self, picture: &impl Picture) -> Result<Vec<u8>, Problem> {
        canvas::png(picture)
    }
}
