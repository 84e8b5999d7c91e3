//! The metrics that `[expect]` may limit, by name: `failover.controller.p99`, `failover.controller.detect.p99`,
//! `recovery.max`.

use std::str::FromStr;

use crate::report::FailoverKind;

/// A metric of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// `failover.KIND.STATISTIC`, `failover.KIND.PHASE.STATISTIC`.
    Failover {
        /// What failed over.
        kind: FailoverKind,
        /// One of [`FailoverKind::phases`], or `None` for the total.
        phase: Option<&'static str>,
        /// Over all runs of a scenario.
        statistic: Statistic,
    },
    /// `recovery.STATISTIC`.
    Recovery(Statistic),
}

/// A statistic of many values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    P50,
    /// The 90th percentile.
    P90,
    /// The 99th percentile.
    P99,
    /// The maximum.
    Max,
    /// The number of values.
    Count,
}

const STATISTICS: [(&str, Statistic); 5] = [
    ("p50", Statistic::P50),
    ("p90", Statistic::P90),
    ("p99", Statistic::P99),
    ("max", Statistic::Max),
    ("count", Statistic::Count),
];

impl Metric {
    pub fn statistic(self) -> Statistic {
        match self {
            Metric::Failover { statistic, .. } | Metric::Recovery(statistic) => statistic,
        }
    }

    /// Whether it is a duration, and not a count.
    pub fn is_time(self) -> bool {
        self.statistic() != Statistic::Count
    }
}

impl FromStr for Metric {
    type Err = String;

    fn from_str(text: &str) -> Result<Metric, String> {
        let statistic =
            |name: &str| STATISTICS.iter().find(|(known, _)| *known == name).map(|(_, statistic)| *statistic);
        let phase = |kind: FailoverKind, name: &str| kind.phases().iter().find(|known| **known == name).copied();
        let parts: Vec<&str> = text.split('.').collect();
        let metric = match *parts.as_slice() {
            ["recovery", of] => statistic(of).map(Metric::Recovery),
            ["failover", kind, of] => {
                let kind = kind.parse().ok();
                kind.zip(statistic(of)).map(|(kind, statistic)| Metric::Failover { kind, phase: None, statistic })
            }
            ["failover", kind, of_phase, of] => kind.parse().ok().and_then(|kind| {
                let phase = Some(phase(kind, of_phase)?);
                Some(Metric::Failover { kind, phase, statistic: statistic(of)? })
            }),
            _ => None,
        };
        metric.ok_or_else(|| format!("no such metric; allowed: {}", allowed()))
    }
}

/// The patterns of all names.
fn allowed() -> String {
    let statistics = STATISTICS.map(|(name, _)| name).join("|");
    let kinds = FailoverKind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join("|");
    let phases = FailoverKind::ALL.iter().filter(|kind| !kind.phases().is_empty());
    let phases = phases.map(|kind| format!("failover.{}.({}).STAT", kind.name(), kind.phases().join("|")));
    let phases = phases.collect::<Vec<_>>().join(", ");
    format!("failover.({kinds}).STAT, {phases}, recovery.STAT; STAT is one of {statistics}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_read_or_refused() {
        let failover = |kind, phase, statistic| Ok(Metric::Failover { kind, phase, statistic });
        let table = [
            ("failover.controller.p99", failover(FailoverKind::Controller, None, Statistic::P99)),
            ("failover.produce_gap.max", failover(FailoverKind::ProduceGap, None, Statistic::Max)),
            ("failover.controller.detect.p50", failover(FailoverKind::Controller, Some("detect"), Statistic::P50)),
            ("failover.partition.led.count", failover(FailoverKind::Partition, Some("led"), Statistic::Count)),
            ("recovery.p90", Ok(Metric::Recovery(Statistic::P90))),
        ];
        for (good, metric) in table {
            assert_eq!(good.parse::<Metric>(), metric);
        }
        // A partition is not activated, a gap has no phases, and `p98` is not a supported statistic.
        for bad in [
            "failover.p99",
            "failover.partition.activate.p99",
            "failover.produce_gap.detect.p99",
            "failover.controller.p98",
            "failover.controller.detect",
            "recovery.detect.p99",
            "recovery",
            "",
        ] {
            assert!(bad.parse::<Metric>().is_err_and(|said| said.contains("allowed: failover.(controller|")), "{bad}");
        }
    }
}
