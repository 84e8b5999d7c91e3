//! `[expect]`: limits on what a sweep measured.

use fuzz::aggregate::{Failure, Limit, Reproduction, SweepReport};
use fuzz::durations::Durations;
use scenarios::report::{Violation, ViolationKind};
use scenarios::scenario::values::Limit as Bound;

use crate::command;
use crate::duration::show_us;
use crate::engine::{Named, Overrides};

/// What a limit's metric came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    /// A length of time, µs.
    Us(u64),
    /// A number of things.
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

/// What recovery metrics begin with.
const RECOVERY: &str = "recovery.";

/// The metrics of `scenarios::scenario::claims::METRICS`. None of an unknown one, and of a
/// time of nothing.
fn measure(name: &str, times: &Durations) -> Option<Measured> {
    match name.strip_prefix("failover.controller.").or_else(|| name.strip_prefix(RECOVERY))? {
        "p50" => times.quantile_us(0.50).map(Measured::Us),
        "p90" => times.quantile_us(0.90).map(Measured::Us),
        "p99" => times.quantile_us(0.99).map(Measured::Us),
        "max" => times.max_us().map(Measured::Us),
        "count" => Some(Measured::Count(times.count())),
        _ => None,
    }
}

/// What a limit's metric came to, and whether the limit held; none if there was nothing to
/// measure.
pub fn verdict(limit: &Limit) -> Option<(Measured, bool)> {
    let bound: Bound = limit.limit.parse().ok()?;
    let measured = measure(&limit.name, &limit.times)?;
    let held = match measured {
        Measured::Us(us) => bound.holds(us.saturating_mul(1000)),
        Measured::Count(n) => bound.holds(n),
    };
    Some((measured, held))
}

/// Puts each scenario's limits beside what its runs measured.
pub fn attach(report: &mut SweepReport, scenarios: &[Named], overrides: &Overrides) {
    let measured = report.controller_by_scenario.iter().zip(&report.recovery_by_scenario);
    for (scenario, (controller, recovery)) in scenarios.iter().zip(measured) {
        for (name, limit) in scenario.prepared.expect() {
            let times = if name.starts_with(RECOVERY) { recovery } else { controller };
            let worst = times.worst.clone().map(|worst| {
                let command = command::replay(&worst.scenario, worst.seed, worst.digest, overrides);
                (worst, command)
            });
            let times = times.total.clone();
            report.limits.push(Limit { scenario: scenario.name.clone(), name, limit, times, worst });
        }
    }
}

/// Adds a violation of kind `expect` for each limit that did not hold.
pub fn judge(report: &mut SweepReport) {
    for limit in &report.limits {
        let (Some((measured, false)), Some((worst, command))) = (verdict(limit), &limit.worst) else { continue };
        report.violations.push(Failure {
            scenario: limit.scenario.clone(),
            seed: worst.seed,
            digest: worst.digest,
            violation: Violation {
                kind: ViolationKind::Expect,
                invariant: limit.name.clone(),
                spec: format!("[expect] of {}", limit.scenario),
                detail: format!(
                    "{measured} over {} {}, and the limit is {}; the slowest took {}",
                    limit.times.count(),
                    if limit.name.starts_with(RECOVERY) { "recoveries" } else { "failovers" },
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
