//! The summary of one run.

use fuzz::durations::round_to_us;
use fuzz::seeds::show_seed;
use scenarios::report::{Failover, Linearizability, RunOutcome, RunReport};

use super::columns::{paragraph, plural, thousands};
use super::failover_name::failover_name;
use crate::engine::Overrides;
use crate::json::show_digest;
use sim::duration::show_us;

/// Maximum number of failovers that are listed one by one.
const FAILOVERS: usize = 12;

/// The text; `overrides` altered the run.
pub fn text(run: &RunReport, scenario: &str, overrides: &Overrides, width: usize) -> String {
    let mut text = format!("{scenario} seed {}: {}\n", show_seed(run.seed), outcome(run));
    let mut add = |label: &str, items: Vec<String>, lines| text.push_str(&paragraph(width, label, &items, lines));
    if let RunOutcome::Violated(violation) = &run.outcome {
        add("claim", vec![violation.spec.clone()], 1);
        add("observed", vec![violation.detail.clone()], 1);
        add("at", vec![format!("{} of simulated time, event {}", show_us(violation.at_ns / 1000), violation.event)], 1);
    }
    add("fixes", run.fixes.clone(), 2);
    add("bugs", run.bugs.clone(), 2);
    if let Some(cluster) = &overrides.cluster {
        add("cluster", vec![cluster.dir.clone()], 1);
    }
    if !overrides.set.is_empty() {
        add("set", overrides.set.iter().map(|(key, value)| format!("{key}={value}")).collect(), 4);
    }
    let length = format!("{} simulated", show_us(run.sim_ns / 1000));
    add("ran", vec![length, plural(run.events, "event"), plural(run.messages, "message")], 1);
    let operation = |(kind, n): (&String, &scenarios::report::OperationCounts)| {
        format!("{kind} {} ok, {} failed, {} unknown", thousands(n.ok), thousands(n.fail), thousands(n.unknown))
    };
    add("operations", run.operations.iter().map(operation).collect(), 2);
    let injected = run.faults.iter().filter(|(_, n)| **n > 0);
    add("faults", injected.map(|(kind, n)| format!("{kind} {n}")).collect(), 3);
    let aimed = run.aimed.iter().filter(|(_, n)| **n > 0);
    add("triggered by", headed("events of the run:", aimed.map(|(trigger, n)| format!("{trigger} {n}"))), 3);
    let reached = run.probes.iter().filter(|(_, reached)| **reached);
    add("probes", headed("rare situations reached:", reached.map(|(name, _)| name.clone())), 4);
    add("drawn values", run.knobs.iter().map(|(property, value)| format!("{property}={value}")).collect(), 12);
    let excused = run.excused.iter().map(|(cause, n)| format!("{cause} {n}"));
    add("excused", headed("claims not judged because of a limit of Kafka or of the run:", excused), 3);
    let black_box = run.black_box.as_ref().map(|judged| match judged.left_out.as_slice() {
        [] => format!("black box: {}", verdict_name(judged.verdict)),
        left_out => format!("black box: {} (excused: {})", verdict_name(judged.verdict), left_out.join(", ")),
    });
    add("linearizable", std::iter::once(verdict_name(run.linearizability).to_owned()).chain(black_box).collect(), 1);
    for failover in run.failovers.iter().take(FAILOVERS) {
        add("failover", describe(failover), 1);
    }
    if run.failovers.len() > FAILOVERS {
        add("", vec![format!("and {} more", run.failovers.len() - FAILOVERS)], 1);
    }
    add("digest", vec![show_digest(run.digest)], 1);
    text
}

/// Items behind a head that says what they are; none without items.
fn headed(head: &str, items: impl Iterator<Item = String>) -> Vec<String> {
    let mut all: Vec<String> = std::iter::once(head.to_owned()).chain(items).collect();
    if all.len() == 1 {
        all.clear();
    }
    all
}

fn verdict_name(verdict: Linearizability) -> &'static str {
    match verdict {
        Linearizability::Holds => "holds",
        Linearizability::Violated => "VIOLATED",
        Linearizability::Unknown => "undecided",
        Linearizability::NotJudged => "not judged",
    }
}

/// The verdict in a few words.
pub fn outcome(run: &RunReport) -> String {
    match &run.outcome {
        RunOutcome::Holds => "all claims hold".to_owned(),
        RunOutcome::Violated(violation) => format!("{} DOES NOT HOLD", violation.invariant),
        // An excuse that ends a run has no required value: it is a reason, not a floor.
        RunOutcome::Inconclusive { floor, wanted: 0, .. } => format!("INCONCLUSIVE: {floor}"),
        RunOutcome::Inconclusive { floor, wanted, got } => format!("INCONCLUSIVE: floor {floor}, {got} of {wanted}"),
    }
}

fn describe(failover: &Failover) -> Vec<String> {
    let us = |ns| show_us(round_to_us(ns));
    let (kind, at, cause) = (failover_name(failover.kind), us(failover.at_ns), &failover.cause);
    let took = if failover.ended { "" } else { "not ended after " };
    let mut items = vec![format!("{kind} at {at} after {cause}: {took}{}", us(failover.total_ns))];
    items.extend(failover.phases.iter().map(|(name, ns)| format!("{name} {}", us(*ns))));
    items
}
