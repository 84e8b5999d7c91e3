//! `[expect]`: limits on what a sweep measured.

use fuzz::aggregate::{Failure, Limit, Reproduction, SweepReport};
use fuzz::durations::Durations;
use fuzz::failover::FailoverTimes;
use scenarios::report::{Violation, ViolationKind};

use crate::command;
use crate::duration::{parse_ns, show_us};
use crate::engine::{Named, Overrides, Problem};

/// What is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Measure {
    /// A phase, or the whole.
    phase: Option<String>,
    /// Which of the lengths.
    quantile: Quantile,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantile {
    P50,
    P90,
    P99,
    Max,
}

impl Quantile {
    fn of_us(self, times: &Durations) -> Option<u64> {
        match self {
            Quantile::P50 => times.quantile_us(0.50),
            Quantile::P90 => times.quantile_us(0.90),
            Quantile::P99 => times.quantile_us(0.99),
            Quantile::Max => times.max_us(),
        }
    }
}

/// What is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bound {
    comparison: Comparison,
    ns: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    AtMost,
    Below,
    AtLeast,
    Above,
}

impl Bound {
    fn allows_us(self, us: u64) -> bool {
        let ns = us.saturating_mul(1000);
        match self.comparison {
            Comparison::AtMost => ns <= self.ns,
            Comparison::Below => ns < self.ns,
            Comparison::AtLeast => ns >= self.ns,
            Comparison::Above => ns > self.ns,
        }
    }
}

/// `failover.controller.p99`, `failover.controller.phases.elect.max`.
fn parse_measure(name: &str) -> Option<Measure> {
    let (what, quantile) = name.strip_prefix("failover.controller")?.rsplit_once('.')?;
    let quantile = match quantile {
        "p50" => Quantile::P50,
        "p90" => Quantile::P90,
        "p99" => Quantile::P99,
        "max" => Quantile::Max,
        _ => return None,
    };
    let phase = match what {
        "" => None,
        _ => Some(what.strip_prefix(".phases.")?.to_owned()),
    };
    Some(Measure { phase, quantile })
}

/// `<= 4s`.
fn parse_bound(limit: &str) -> Option<Bound> {
    let limit = limit.trim();
    let comparisons =
        [("<=", Comparison::AtMost), ("<", Comparison::Below), (">=", Comparison::AtLeast), (">", Comparison::Above)];
    let (sign, comparison) = comparisons.into_iter().find(|(sign, _)| limit.starts_with(sign))?;
    let ns = parse_ns(limit[sign.len()..].trim_start()).ok()?;
    Some(Bound { comparison, ns })
}

/// Finds what is wrong with the limits of scenarios, before anything is run.
pub fn check(scenarios: &[Named]) -> Result<(), Problem> {
    for scenario in scenarios {
        for (name, limit) in scenario.prepared.expect() {
            parse_measure(&name).zip(parse_bound(&limit)).ok_or_else(|| {
                Problem::new(format!(
                    "scenario {}: [expect] {name} = \"{limit}\" is not understood: it takes \
                     failover.controller.(p50|p90|p99|max) or failover.controller.phases.NAME.(p50|p90|p99|max), \
                     and a limit such as \"<= 4s\" (<=, <, >=, >)",
                    scenario.name
                ))
            })?;
        }
    }
    Ok(())
}

/// Puts each scenario's limits beside what its runs measured.
pub fn attach(report: &mut SweepReport, scenarios: &[Named], overrides: &Overrides) {
    for (scenario, times) in scenarios.iter().zip(&report.controller_by_scenario) {
        for (name, limit) in scenario.prepared.expect() {
            let Some(measure) = parse_measure(&name) else { continue };
            let worst = times.worst.clone().map(|worst| {
                let command = command::replay(&worst.scenario, worst.seed, worst.digest, overrides);
                (worst, command)
            });
            let times = measured(times, &measure);
            report.limits.push(Limit { scenario: scenario.name.clone(), name, limit, times, worst });
        }
    }
}

fn measured(times: &FailoverTimes, measure: &Measure) -> Durations {
    match &measure.phase {
        None => times.total.clone(),
        Some(phase) => times.phases.iter().find(|(name, _)| name == phase).map(|(_, d)| d.clone()).unwrap_or_default(),
    }
}

/// What a limit's measure came to, µs, and whether it held. Neither is known of nothing.
pub fn verdict(limit: &Limit) -> Option<(u64, bool)> {
    let (measure, bound) = parse_measure(&limit.name).zip(parse_bound(&limit.limit))?;
    let us = measure.quantile.of_us(&limit.times)?;
    Some((us, bound.allows_us(us)))
}

/// Adds a violation of kind `expect` for each limit that did not hold.
pub fn judge(report: &mut SweepReport) {
    for limit in &report.limits {
        let (Some((us, false)), Some((worst, command))) = (verdict(limit), &limit.worst) else { continue };
        report.violations.push(Failure {
            scenario: limit.scenario.clone(),
            seed: worst.seed,
            digest: worst.digest,
            violation: Violation {
                kind: ViolationKind::Expect,
                invariant: limit.name.clone(),
                spec: format!("[expect] of {}", limit.scenario),
                detail: format!(
                    "{} over {} failovers, and the limit is {}; the slowest took {}",
                    show_us(us),
                    limit.times.count(),
                    limit.limit,
                    show_us(worst.us)
                ),
                at_ns: worst.at_ns,
                event: 0,
            },
            again: Reproduction { repro: None, command: command.clone() },
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_or_refused() {
        assert_eq!(parse_measure("failover.controller.p99"), Some(Measure { phase: None, quantile: Quantile::P99 }));
        assert_eq!(
            parse_measure("failover.controller.phases.elect.max"),
            Some(Measure { phase: Some("elect".to_owned()), quantile: Quantile::Max })
        );
        for wrong in ["failover.controller", "failover.controller.p98", "failover.controllers.p99", "p99", ""] {
            assert_eq!(parse_measure(wrong), None, "{wrong}");
        }
        assert_eq!(parse_bound("<= 4s"), Some(Bound { comparison: Comparison::AtMost, ns: 4_000_000_000 }));
        assert_eq!(parse_bound(">500ms"), Some(Bound { comparison: Comparison::Above, ns: 500_000_000 }));
        for wrong in ["4s", "<= 4", "= 4s", "<= -1s", ""] {
            assert_eq!(parse_bound(wrong), None, "{wrong}");
        }
    }
}
