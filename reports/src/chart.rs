//! Charts of the measurements of sweeps.
//!
//! * [`configurations`]: the configurations that `--vary` makes of the scenarios, one line of the chart each
//! * [`failover`]: the chart of failover times, start here; its parts are [`cdf`] and [`phases`]
//! * [`axis`]: scales and ticks of time; [`theme`]: colours; [`canvas`]: drawing, as SVG or PNG
//! * [`csv`]: the numbers of the chart; [`quantile`]: the number of samples that a quantile needs

use fuzz::failover::FailoverTimes;
use scenarios::report::FailoverKind;

pub mod axis;
pub mod canvas;
pub mod cdf;
pub mod configurations;
pub mod csv;
pub mod failover;
pub mod phases;
pub mod quantile;
pub mod theme;

/// The contents of a failover chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    pub kind: FailoverKind,
    /// The kind of fault that precedes all failovers; `None`: any.
    pub cause: Option<String>,
    /// Scenarios, seeds, version, and the flags that all lines share.
    pub remarks: String,
    /// The keys in which the configurations differ: `scenario`, or the keys of `--vary`.
    pub differ_in: Vec<String>,
    /// One for each configuration.
    pub lines: Vec<Line>,
}

/// One configuration and its measurements.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its values of the keys in which the configurations differ.
    pub values: Vec<String>,
    /// The measured times; possibly empty.
    pub times: FailoverTimes,
}

impl Chart {
    /// The title of the horizontal axis.
    pub fn time(&self) -> &'static str {
        if self.kind.phases().is_empty() { "length of the gap" } else { "time since the fault" }
    }

    /// The measured quantity, such as `controller failover after a fault of kind kill`.
    pub fn what(&self) -> String {
        let what = match self.kind.phases() {
            [] => self.kind.name().to_owned(),
            _ => format!("{} failover", self.kind.name()),
        };
        match &self.cause {
            Some(cause) => format!("{what} after a fault of kind {cause}"),
            None => what,
        }
    }
}

impl Line {
    /// Its label in the chart.
    pub fn label(&self) -> String {
        self.values.join(" · ")
    }
}
