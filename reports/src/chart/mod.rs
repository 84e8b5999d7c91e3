//! Pictures of what sweeps measured.
//!
//! * [`configurations`]: what `--vary` makes of the scenarios, one line of the chart each
//! * [`failover`]: the chart of failover times, start here; its parts are [`cdf`] and [`phases`]
//! * [`axis`]: scales and ticks of time; [`theme`]: colours; [`canvas`]: paper, SVG or PNG
//! * [`csv`]: the numbers under the chart

use fuzz::failover::FailoverTimes;
use scenarios::report::FailoverKind;

pub mod axis;
pub mod canvas;
pub mod cdf;
pub mod configurations;
pub mod csv;
pub mod failover;
pub mod phases;
pub mod theme;

/// What a chart of failovers shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// What failed over.
    pub kind: FailoverKind,
    /// Scenarios, as named.
    pub scenarios: Vec<String>,
    /// Seeds, version, and the flags that all lines share.
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

impl Line {
    /// What it is called in the chart.
    pub fn label(&self) -> String {
        self.values.join(" · ")
    }
}
