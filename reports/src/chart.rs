//! Pictures of what sweeps measured.
//!
//! * [`configurations`]: what `--vary` makes of the scenarios, one line of the chart each
//! * [`failover`]: the chart of failover times, start here; its parts are [`cdf`] and [`phases`]
//! * [`axis`]: scales and ticks of time; [`theme`]: colours; [`canvas`]: paper, SVG or PNG
//! * [`csv`]: the numbers under the chart; [`quantile`]: how many samples a quantile needs

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

/// What a chart of failovers shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// What failed over.
    pub kind: FailoverKind,
    /// The kind of fault that all of it came after; any, if none.
    pub cause: Option<String>,
    /// Scenarios, seeds, version, and the flags that all lines share.
    pub remarks: String,
    /// What the configurations differ in: `scenario`, or the keys of `--vary`.
    pub differ_in: Vec<String>,
    /// One for each configuration.
    pub lines: Vec<Line>,
}

/// One configuration and what was measured of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its values of what the configurations differ in.
    pub values: Vec<String>,
    /// What was measured; perhaps nothing.
    pub times: FailoverTimes,
}

impl Chart {
    /// What time runs along the horizontal axis.
    pub fn time(&self) -> &'static str {
        if self.kind.phases().is_empty() { "length of the gap" } else { "time since the fault" }
    }

    /// What it measures, such as `controller failover after a fault of kind kill`.
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
    /// What it is called in the chart.
    pub fn label(&self) -> String {
        self.values.join(" · ")
    }
}
