//! The measurements of one configuration, run by run: runs are independent of each other, the failovers of a run are not.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use fuzz::durations::round_to_us;
use fuzz::failover::{FailoverTimes, Place};
use scenarios::report::{Failover, FailoverKind, RunReport};

/// One configuration and its measurements.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its values of the keys in which the configurations differ.
    pub values: Vec<String>,
    /// The measured times; possibly empty.
    pub times: FailoverTimes,
    /// The ended failovers of each run, µs, also of runs without any.
    pub runs: Vec<Vec<u64>>,
    /// Seed and digest of its first run, by which an old chart is recognised; none of a real cluster.
    pub first_run: Option<(u64, u128)>,
    /// How it is drawn.
    pub style: LineStyle,
}

/// Indexes of a line's style: lines that belong together share a colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineStyle {
    /// Of colour and marker.
    pub colour: usize,
    /// Of the dash pattern.
    pub dash: usize,
}

impl Line {
    /// The failovers of a kind (and of a cause, if given) among those of all runs.
    pub fn of<'a>(
        values: Vec<String>,
        runs: impl Iterator<Item = &'a [Failover]>,
        kind: FailoverKind,
        causes: &[String],
    ) -> Line {
        let (times, style) = (FailoverTimes::default(), LineStyle::default());
        let mut line = Line { values, times, runs: Vec::new(), first_run: None, style };
        for failovers in runs {
            let is_meant =
                |failover: &&Failover| failover.kind == kind && (causes.is_empty() || causes.contains(&failover.cause));
            let mut ended = Vec::new();
            for failover in failovers.iter().filter(is_meant) {
                // A chart names no worst run.
                line.times.record(failover, Place { seed: 0, scenario: "", digest: 0, at_ns: 0 });
                ended.extend(failover.ended.then(|| round_to_us(failover.total_ns).max(1)));
            }
            line.runs.push(ended);
        }
        line
    }

    /// Its label in the chart.
    pub fn label(&self) -> String {
        self.values.join(" · ")
    }

    /// The number of measured times.
    pub fn count(&self) -> u64 {
        self.times.total.all.count()
    }
}

/// What is kept of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    pub failovers: Vec<Failover>,
    /// Its simulated time.
    pub sim_ns: u64,
    pub digest: u128,
}

/// Every run of a sweep, by configuration and seed; runs end on several threads.
#[derive(Debug, Default)]
pub struct Runs(Mutex<BTreeMap<(usize, u64), Run>>);

impl Runs {
    /// Keeps a run.
    pub fn keep(&self, configuration: usize, report: &RunReport) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let RunReport { seed, sim_ns, digest, failovers, .. } = report;
        let run = Run { failovers: failovers.clone(), sim_ns: *sim_ns, digest: *digest };
        all.insert((configuration, *seed), run);
    }

    /// Those in which `is_reported`, by configuration and seed. The map orders them, so that nothing depends on the threads.
    pub fn those(self, is_reported: impl Fn(usize, u64) -> bool) -> BTreeMap<(usize, u64), Run> {
        let all = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        all.into_iter().filter(|((configuration, seed), _)| is_reported(*configuration, *seed)).collect()
    }
}
