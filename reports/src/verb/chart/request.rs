//! What a chart is asked for: its shape, what is measured, and the configurations that are compared.

use fuzz::seeds::SeedRange;
use scenarios::report::{Failover, FailoverKind};

use crate::args::{ChartArgs, ChartVerb, DEFAULT_SEEDS, MeasureArgs};
use crate::chart::configurations::{Configuration, Vary, product, unlimited};
use crate::chart::heatmap::{self};
use crate::chart::quantile::Quantile;
use crate::chart::real;
use crate::chart::timeline::MAX_RUNS;
use crate::engine::Problem;

/// Seeds of a timeline, unless given.
const TIMELINE_SEEDS: u64 = 8;

/// What is to be drawn.
pub struct Request<'a> {
    pub args: &'a ChartArgs,
    pub(super) kind: FailoverKind,
    pub(super) causes: &'a [String],
    /// The real cluster's name, and its failovers by cluster.
    pub(super) real: Option<(&'a str, Vec<Vec<Failover>>)>,
    pub(super) shape: Shape,
}

/// The kind of chart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Failover,
    Histogram,
    Heatmap(Quantile),
    Scale,
    Timeline,
}

impl<'a> Request<'a> {
    /// Reads the real measurements, if any are given.
    pub fn of(what: &'a ChartVerb) -> Result<Request<'a>, Problem> {
        let simulated = |args: &'a ChartArgs, measure: &'a MeasureArgs, shape| Request {
            args,
            kind: measure.kind,
            causes: &measure.cause,
            real: None,
            shape,
        };
        Ok(match what {
            ChartVerb::Failover(args) => {
                let read = |name: &'a String| Ok((name.as_str(), real::read(name)?));
                let real = args.real.as_ref().map(read).transpose()?;
                Request { real, ..simulated(&args.chart, &args.measure, Shape::Failover) }
            }
            ChartVerb::Histogram(args) => simulated(&args.chart, &args.measure, Shape::Histogram),
            ChartVerb::Heatmap(args) => simulated(&args.chart, &args.measure, Shape::Heatmap(args.quantile)),
            ChartVerb::Scale(args) => simulated(&args.chart, &args.measure, Shape::Scale),
            ChartVerb::Timeline(args) => {
                let kind = FailoverKind::Controller;
                Request { args: &args.chart, kind, causes: &[], real: None, shape: Shape::Timeline }
            }
            ChartVerb::Gallery(_) => return Err(Problem::new("a gallery is no chart of its own")),
        })
    }

    pub(super) fn seeds(&self) -> SeedRange {
        let many = if self.shape == Shape::Timeline { TIMELINE_SEEDS } else { DEFAULT_SEEDS };
        self.args.seeds.unwrap_or(SeedRange { start: 0, end: many })
    }

    /// The settings in the order in which configurations are made of them: that of a horizontal axis changes fastest.
    pub(super) fn vary(&self) -> Vec<Vary> {
        let mut vary = self.args.vary.clone();
        if self.shape == Shape::Scale && !vary.is_empty() {
            vary.rotate_left(1);
        }
        vary
    }

    /// All configurations, as many as the chart can show.
    pub(super) fn configurations(&self, set: &[(String, String)]) -> Result<Vec<Configuration>, Problem> {
        let (scenarios, vary) = (&self.args.scenarios, self.vary());
        let at_most = |vary: &Vary| match vary.values.len() {
            0..=heatmap::MAX_VALUES => Ok(()),
            count => Err(Problem::new(format!(
                "--vary {}: {count} values are too many for an axis; give at most {}",
                vary.key,
                heatmap::MAX_VALUES
            ))),
        };
        let causes = self.causes.len().max(1);
        match self.shape {
            Shape::Failover | Shape::Histogram => {
                // The real cluster has a line for each cause, too.
                let real = usize::from(self.real.is_some());
                product(scenarios, &vary, set, |count| (count + real) * causes)
            }
            Shape::Heatmap(_) => {
                let [columns, rows] = &vary[..] else {
                    let said = "a heat map is over two settings: give --vary KEY=V1,V2 twice";
                    return Err(Problem::new(format!("{said}, first the columns, then the rows")));
                };
                if scenarios.len() > 1 || self.causes.len() > 1 {
                    return Err(Problem::new(
                        "a heat map is of one scenario and one --cause, or of all causes together",
                    ));
                }
                at_most(columns)?;
                at_most(rows)?;
                unlimited(scenarios, &vary, set)
            }
            Shape::Scale => {
                let Some((axis, lines)) = vary.split_last() else {
                    let said = "the horizontal axis is a varied setting: give --vary KEY=V1,V2";
                    return Err(Problem::new(said));
                };
                at_most(axis)?;
                product(scenarios, lines, set, |count| count * causes)?;
                unlimited(scenarios, &vary, set)
            }
            Shape::Timeline => {
                let all = unlimited(scenarios, &vary, set)?;
                let SeedRange { start, end } = self.seeds();
                match (end - start).saturating_mul(all.len() as u64) {
                    runs if runs > MAX_RUNS as u64 => Err(Problem::new(format!(
                        "{runs} runs are too many: a timeline shows at most {MAX_RUNS}; give fewer --seeds"
                    ))),
                    _ => Ok(all),
                }
            }
        }
    }
}
