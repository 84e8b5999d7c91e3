//! Charts of the measurements of sweeps: data, then a layout, then a canvas.
//!
//! * [`configurations`]: the configurations that `--vary` makes of the scenarios; [`measured`]: what their runs measured,
//!   run by run; [`real`]: the same of a real cluster; [`bootstrap`]: confidence bands; [`quantile`]: the number of samples
//!   that a quantile needs
//! * [`figure`]: a chart of any kind with its picture, CSV and JSON, start here; the kinds are [`failover`] (curves from
//!   [`cdf`] and bars from [`phases`]), [`histogram`], [`heatmap`], [`scale`] and [`timeline`]
//! * [`frame`]: size, title and caption; [`legend`]: the table of the lines; [`axis`], [`field`]: scales, ticks and grid;
//!   [`theme`]: colours, dashes and markers; [`canvas`]: drawing, as SVG or PNG
//! * [`csv`], [`gallery`]: the numbers as a table, and the charts of `reports/gallery`

use scenarios::report::FailoverKind;

pub mod axis;
pub mod bootstrap;
pub mod canvas;
pub mod cdf;
pub mod configurations;
pub mod csv;
pub mod failover;
pub mod field;
pub mod figure;
pub mod frame;
pub mod gallery;
pub mod heatmap;
pub mod histogram;
pub mod legend;
pub mod measured;
pub mod phases;
pub mod quantile;
pub mod real;
pub mod scale;
pub mod theme;
pub mod timeline;

pub use measured::Line;

/// The contents of every chart but a timeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Instead of the title that follows from the kind.
    pub title: Option<String>,
    pub kind: FailoverKind,
    /// The kinds of fault that precede all failovers; none: any.
    pub causes: Vec<String>,
    /// Scenarios, seeds, and the flags that all lines share.
    pub remarks: String,
    /// The keys in which the configurations differ: `scenario`, the keys of `--vary`, `cause`.
    pub differ_in: Vec<String>,
    /// One for each configuration, in the order of the command line.
    pub lines: Vec<Line>,
}

impl Chart {
    /// Its title.
    pub fn title(&self) -> String {
        let of_kind = || format!("{}{}", name(self.kind), self.after());
        self.title.clone().unwrap_or_else(of_kind)
    }

    /// ` after CAUSE`, if it is about some kinds of fault.
    pub fn after(&self) -> String {
        if self.causes.is_empty() { String::new() } else { format!(" after {}", self.causes.join(", ")) }
    }

    /// The title of an axis of its times.
    pub fn time(&self) -> &'static str {
        if self.kind.phases().is_empty() { "length of the gap" } else { "time since the fault" }
    }

    /// What is counted.
    pub fn subject(&self) -> &'static str {
        if self.kind.phases().is_empty() { "gaps" } else { "failovers" }
    }

    /// The measured quantity, such as `controller failover after a fault of kind kill`.
    pub fn what(&self) -> String {
        let what = match self.kind.phases() {
            [] => self.kind.name().to_owned(),
            _ => format!("{} failover", self.kind.name()),
        };
        match self.causes.is_empty() {
            true => what,
            false => format!("{what} after a fault of kind {}", self.causes.join(" or ")),
        }
    }

    /// The start and the end of the time of its kind, as measured here: with brokers only if there are some.
    pub fn meaning(&self) -> &'static str {
        let has = |name| self.lines.iter().any(|line| line.times.phases.iter().any(|(phase, _)| phase == name));
        match self.kind {
            FailoverKind::Controller if has("brokers") => {
                "From the fault on the active controller until the brokers have caught up with its successor"
            }
            FailoverKind::Controller => {
                "From the fault on the active controller to the first commit in its successor's epoch"
            }
            FailoverKind::Partition => {
                "From the fault on a broker until all partitions that it led have a leader again"
            }
            FailoverKind::ProduceGap => {
                "Around a fault: the longest time in which no produce to a partition was acknowledged"
            }
            FailoverKind::ConsumeGap => {
                "Around a fault: the longest time in which a consumer fetched no record of a partition"
            }
            FailoverKind::AdminGap => "Around a fault: the longest time in which no admin request was completed",
            FailoverKind::VoterReplacement => {
                "From the loss of a voter's disk until the controller is a voter again, with its new disk"
            }
            FailoverKind::AppendGap => "While links were cut: all time in which no append was acknowledged",
        }
    }
}

/// Name of a kind in a title.
pub fn name(kind: FailoverKind) -> &'static str {
    match kind {
        FailoverKind::Controller => "Controller failover",
        FailoverKind::Partition => "Partition failover",
        FailoverKind::ProduceGap => "Produce unavailability",
        FailoverKind::ConsumeGap => "Consume unavailability",
        FailoverKind::AdminGap => "Admin unavailability",
        FailoverKind::AppendGap => "Append unavailability",
        FailoverKind::VoterReplacement => "Replacement of a voter",
    }
}
