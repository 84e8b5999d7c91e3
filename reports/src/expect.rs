//! `[expect]`: limits on the measurements of a sweep.

use fuzz::aggregate::{Failure, Limit, OfScenario, Reproduction, SweepReport};
use fuzz::durations::Durations;
use fuzz::failover::Times;
use scenarios::report::{Violation, ViolationKind};
use scenarios::scenario::metric::{Metric, Statistic};
use scenarios::scenario::values::{Limit as Bound, Relation};

use crate::command;
use crate::engine::{Expectation, Named, Overrides};
use sim::duration::show_us;

/// The measured value of a limit's metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    /// A duration, µs.
    Us(u64),
    /// A count.
    Count(u64),
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Measured::Us(us) => f.write_str(&show_us(*us)),
            Measured::Count(n) => write!(f, "{n}"),
        }
    }
}

/// `None` without measurements: their absence violates no limit.
fn measure(statistic: Statistic, times: &Durations) -> Option<Measured> {
    match statistic {
        _ if times.count() == 0 => None,
        Statistic::P50 => times.quantile_us(0.50).map(Measured::Us),
        Statistic::P90 => times.quantile_us(0.90).map(Measured::Us),
        Statistic::P99 => times.quantile_us(0.99).map(Measured::Us),
        Statistic::Max => times.max_us().map(Measured::Us),
        Statistic::Count => Some(Measured::Count(times.count())),
    }
}

/// The times that a metric measures in the runs of a scenario, if there are any.
fn times_of(metric: Metric, bound: Bound, measured: &OfScenario) -> Option<Times> {
    match metric {
        Metric::Recovery(_) => Some(measured.recovery.clone()),
        // An unended failover beyond the limit already violates it; one within the limit may still hold it.
        Metric::Failover { kind, phase: None, .. } => {
            let times = measured.failovers.get(&kind)?;
            let is_upper = bound.is_time && matches!(bound.relation, Relation::AtMost | Relation::Below);
            Some(if is_upper { times.with_unended_above(bound.bound / 1_000) } else { times.total.clone() })
        }
        Metric::Failover { kind, phase: Some(phase), .. } => {
            let phases = &measured.failovers.get(&kind)?.phases;
            phases.iter().find(|(name, _)| name == phase).map(|(_, times)| times.clone())
        }
    }
}

/// The measured value of a limit's metric, and whether the limit holds; `None` if nothing was measured.
pub fn verdict(limit: &Limit) -> Option<(Measured, bool)> {
    let bound: Bound = limit.limit.parse().ok()?;
    let metric: Metric = limit.name.parse().ok()?;
    let measured = measure(metric.statistic(), &limit.times)?;
    let held = match measured {
        Measured::Us(us) => bound.holds(us.saturating_mul(1000)),
        Measured::Count(n) => bound.holds(n),
    };
    Some((measured, held))
}

/// Attaches the limits of each scenario to the measurements of its runs; `all_judged` is `--expect`.
pub fn attach(report: &mut SweepReport, scenarios: &[Named], overrides: &Overrides, all_judged: bool) {
    for (scenario, measured) in scenarios.iter().zip(&report.by_scenario) {
        for Expectation { name, limit, judged } in scenario.prepared.expect() {
            let metric: Option<Metric> = name.parse().ok();
            let bound: Option<Bound> = limit.parse().ok();
            let times =
                metric.zip(bound).and_then(|(metric, bound)| times_of(metric, bound, measured)).unwrap_or_default();
            let worst = times.worst.map(|worst| {
                let command = command::replay(&worst.scenario, worst.seed, worst.digest, overrides);
                (worst, command)
            });
            let judged = judged || all_judged;
            report.limits.push(Limit { scenario: scenario.name.clone(), name, limit, judged, times: times.all, worst });
        }
    }
}

/// Adds a violation of kind `expect` for each evaluated limit that did not hold.
pub fn judge(report: &mut SweepReport) {
    for limit in report.limits.iter().filter(|limit| limit.judged) {
        let (Some((measured, false)), Some((worst, command))) = (verdict(limit), &limit.worst) else { continue };
        report.violations.push(Failure {
            scenario: limit.scenario.clone(),
            seed: worst.seed,
            digest: worst.digest,
            violation: Violation {
                kind: ViolationKind::Expect,
                invariant: limit.name.clone(),
                predicate: None,
                spec: format!("[expect] of {}", limit.scenario),
                detail: format!(
                    "{measured} over {} {}, and the limit is {}; the slowest took {}",
                    limit.times.count(),
                    if limit.name.starts_with("recovery.") { "recoveries" } else { "failovers" },
                    limit.limit,
                    show_us(worst.us)
                ),
                at_ns: worst.at_ns,
                event: 0,
            },
            again: Reproduction { repro: None, command: command.clone(), known: None },
        });
    }
}
