//! Failovers of a real cluster, from the files of `fuzz/conformance/cluster` (one trial a line).

use std::collections::BTreeMap;
use std::path::Path;

use scenarios::report::{Failover, FailoverKind};
use serde::Deserialize;

use crate::engine::Problem;
use crate::input;

/// The schema of a line.
const SCHEMA: &str = "kraftsim.real-failover.v1";

/// The measurements that are part of the command: 600 trials on released Kafka 4.4.0 in two campaigns.
pub const TWO_CORES: &str = "two-cores";
const TRIALS: [&str; 2] = [
    include_str!("../../../fuzz/conformance/cluster/measured/two-cores-2026-11-26.ndjson"),
    include_str!("../../../fuzz/conformance/cluster/measured/two-cores.ndjson"),
];

/// One trial; what a chart does not need is not read.
#[derive(Deserialize)]
struct Trial {
    schema: String,
    kind: String,
    cluster: u64,
    controller: Option<Times>,
    partition: Option<Times>,
    #[serde(default)]
    gaps: BTreeMap<String, u64>,
    /// Whether the clients were watched long enough for gaps: absent in the trials of the first campaign.
    clients_ms: Option<u64>,
}

/// A failover in µs, by phase.
#[derive(Deserialize)]
struct Times {
    ended: bool,
    total_us: Option<u64>,
    #[serde(flatten)]
    phases: BTreeMap<String, serde_json::Value>,
}

/// The failovers of each real cluster: trials on one cluster are not independent, as those of one run are not.
pub fn read(name: &str) -> Result<Vec<Vec<Failover>>, Problem> {
    if name == TWO_CORES {
        let mut all = Vec::new();
        for text in TRIALS {
            all.extend(of_text(text).map_err(|problem| problem.about(name))?);
        }
        return Ok(all);
    }
    let path = Path::new(name);
    if !path.exists() {
        return Err(Problem::new(format!(
            "--real {name}: there is no such file; give one of fuzz/conformance/cluster/run, or {TWO_CORES}"
        )));
    }
    of_text(&input::read_text(path)?).map_err(|problem| problem.about(&format!("--real {name}")))
}

fn of_text(text: &str) -> Result<Vec<Vec<Failover>>, Problem> {
    let mut clusters: BTreeMap<u64, Vec<Failover>> = BTreeMap::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |what: String| Problem::new(format!("line {}: {what}", number + 1));
        let trial: Trial = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
        if trial.schema != SCHEMA {
            return Err(wrong(format!("the schema is {}, not {SCHEMA}", trial.schema)));
        }
        clusters.entry(trial.cluster).or_default().extend(trial.failovers());
    }
    match clusters.is_empty() {
        true => Err(Problem::new("the file has no trial")),
        false => Ok(clusters.into_values().collect()),
    }
}

impl Trial {
    fn failovers(&self) -> Vec<Failover> {
        let servers = [(FailoverKind::Controller, &self.controller), (FailoverKind::Partition, &self.partition)];
        let of_server =
            |(kind, times): (FailoverKind, &Option<Times>)| Some(times.as_ref()?.failover(kind, &self.kind));
        let gaps = [
            (FailoverKind::ProduceGap, "produce_us"),
            (FailoverKind::ConsumeGap, "consume_us"),
            (FailoverKind::AdminGap, "admin_us"),
        ];
        let gap = |(kind, name): (FailoverKind, &str)| {
            let total_ns = self.clients_ms.and(self.gaps.get(name))? * 1000;
            Some(Failover { kind, cause: self.kind.clone(), total_ns, ended: true, ..Failover::default() })
        };
        servers.into_iter().filter_map(of_server).chain(gaps.into_iter().filter_map(gap)).collect()
    }
}

impl Times {
    fn failover(&self, kind: FailoverKind, cause: &str) -> Failover {
        let phase = |name: &&'static str| Some((*name, self.phases.get(&format!("{name}_us"))?.as_u64()? * 1000));
        let phases = if self.ended { kind.phases().iter().filter_map(phase).collect() } else { Vec::new() };
        let total_ns = self.total_us.unwrap_or(0) * 1000;
        Failover { kind, cause: cause.to_owned(), total_ns, ended: self.ended, phases, at_ns: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trials_of_both_campaigns() {
        let clusters = read(TWO_CORES).expect("they are in the repository");
        let all = || clusters.iter().flatten();
        let count = |kind, cause: &str| all().filter(|it| it.kind == kind && it.cause == cause && it.ended).count();
        assert_eq!(clusters.len(), 35 + 25);
        assert_eq!(count(FailoverKind::Controller, "kill"), 120);
        assert_eq!((count(FailoverKind::Partition, "kill"), all().filter(|it| !it.ended).count()), (119, 1));
        // Only of the second campaign.
        assert_eq!(count(FailoverKind::ProduceGap, "pause"), 100);
        // Each phase is cut to whole µs.
        let sums = |it: &Failover| {
            let sum: u64 = it.phases.iter().map(|(_, ns)| ns).sum();
            it.total_ns >= sum && it.total_ns - sum < 1_000 * it.phases.len() as u64
        };
        assert!(all().filter(|it| !it.phases.is_empty()).all(sums), "phases add up");
    }

    #[test]
    fn a_line_that_is_no_trial_is_named() {
        let said = |text: &str| of_text(text).expect_err("wrong").message;
        assert!(said("{}").starts_with("line 1: missing field `schema`"), "{}", said("{}"));
        assert!(said("\n").contains("no trial"));
        let other = r#"{"schema":"x","kind":"kill","cluster":1}"#;
        assert_eq!(said(other), "line 1: the schema is x, not kraftsim.real-failover.v1");
    }
}
