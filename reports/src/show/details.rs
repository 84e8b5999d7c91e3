//! `--verbose`: all counts of a sweep, as text.

use std::collections::BTreeMap;

use fuzz::aggregate::{BlackBox, SweepReport};
use fuzz::durations::Durations;
use fuzz::failover::{FailoverTimes, Times};
use fuzz::guided::Guided;
use fuzz::seeds::show_seed;
use scenarios::report::FailoverKind;

use super::columns::{paragraph, plural, thousands};
use super::failover_name::failover_name;
use super::silence;
use crate::chart::quantile::Quantile;
use crate::exit;
use crate::expect;
use sim::duration::show_us;

pub fn text(report: &SweepReport, width: usize) -> String {
    let mut text = String::new();
    let mut add = |label: &str, items: Vec<String>| text.push_str(&paragraph(width, label, &items, usize::MAX));
    add("program", program(report));
    add("settings", settings(report));
    add("ran", ran(report));
    add("operations", operations(report));
    add("faults (runs)", faults(report));
    let fired = |(trigger, n): (&String, &u64)| (*n > 0).then(|| format!("{trigger} {}", thousands(*n)));
    let aimed: Vec<String> = report.aimed.iter().filter_map(fired).collect();
    if !aimed.is_empty() {
        add("  triggers", aimed);
    }
    let reached = |(name, runs): (&String, &u64)| (*runs > 0).then(|| format!("{name} {}", thousands(*runs)));
    add("probes (runs)", report.probes.iter().filter_map(reached).collect());
    let missed: Vec<String> = report.probes.iter().filter(|(_, n)| **n == 0).map(|(name, _)| name.clone()).collect();
    if !missed.is_empty() {
        add("  not reached", missed);
    }
    add("properties", knobs(report));
    add("below a floor", floors(report));
    add("excused", report.excused.iter().map(|(cause, n)| format!("{cause} {}", thousands(*n))).collect());
    let linearizable = [("hold", report.lin_holds), ("violated", report.lin_violated), ("unknown", report.lin_unknown)];
    add("linearizable", linearizable.iter().map(|(what, n)| format!("{} {what}", thousands(*n))).collect());
    add("  black box", black_box(report.black_box));
    add("recovery", recovery(report));
    let mut label = "failover";
    for (kind, times) in &report.failovers {
        add(std::mem::take(&mut label), failover(*kind, times));
        if !times.phases.is_empty() {
            add("  p50 / p99", times.phases.iter().map(|(name, times)| both(name, times)).collect());
        }
        if times.causes.len() > 1 {
            add("  by cause", times.causes.iter().map(|(name, times)| both(name, times)).collect());
        }
    }
    if report.failovers.is_empty() {
        add(label, Vec::new());
    }
    for limit in &report.limits {
        let came = match expect::verdict(limit) {
            Some((measured, _)) if !limit.judged => {
                format!("{measured}; not judged, the cluster is not the catalog's (--expect judges it)")
            }
            Some((measured, true)) => format!("holds: {measured}"),
            Some((measured, false)) => format!("DOES NOT HOLD: {measured}"),
            None => "nothing to measure".to_owned(),
        };
        add("limit", vec![format!("{} {}", limit.name, limit.limit), came, format!("({})", limit.scenario)]);
    }
    if !report.violations.is_empty() {
        add("violated", violated(report));
    }
    if let Some(guided) = &report.guided {
        add("guided", by_origin(guided));
    }
    let estimate = silence::lines(report);
    if !estimate.is_empty() {
        add("coverage", Vec::from(&estimate[..1]));
        estimate[1..].iter().for_each(|line| add("", vec![line.clone()]));
    }
    let why = exit::why_vacuous(report);
    if !why.is_empty() {
        add("inconclusive", why);
    }
    text
}

/// The runs of a guided sweep by origin, and the new abstract states of each.
fn by_origin(guided: &Guided) -> Vec<String> {
    let of = |runs, what: &str, new| format!("{} of {what}: {} new states", plural(runs, "run"), thousands(new));
    vec![of(guided.fresh, "fresh seeds", guided.found_by_fresh), of(guided.led, "changed plans", guided.found_by_led)]
}

fn program(report: &SweepReport) -> Vec<String> {
    let subject = &report.subject;
    let commit = crate::show_commit(subject.commit.as_deref());
    vec![format!("kraftsim {} on {}", subject.version, subject.host), format!("commit {commit}")]
}

fn settings(report: &SweepReport) -> Vec<String> {
    let subject = &report.subject;
    let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let mut items = vec![format!("fixes: {}", list(&subject.fixes)), format!("bugs: {}", list(&subject.bugs))];
    items.extend(subject.cluster.iter().map(|dir| format!("cluster: {dir}")));
    items.extend(subject.set.iter().map(|set| format!("set: {set}")));
    items.extend(subject.profiles.iter().map(|profile| format!("service times: {profile}")));
    items
}

fn ran(report: &SweepReport) -> Vec<String> {
    let ns = report.core_ns.max(1);
    let per_second = |n: u64| u64::try_from(u128::from(n) * 1_000_000_000 / u128::from(ns)).unwrap_or(u64::MAX);
    vec![
        plural(report.events, "event"),
        plural(report.messages, "message"),
        format!("{} in {}", plural(report.sim_ns / 1_000_000_000, "simulated second"), show_us(report.wall_ns / 1000)),
        format!(
            "({} events/s and {}x real time per core)",
            thousands(per_second(report.events)),
            thousands(per_second(report.sim_ns) / 1_000_000_000)
        ),
    ]
}

fn operations(report: &SweepReport) -> Vec<String> {
    let item = |(kind, n): (&String, &scenarios::report::OperationCounts)| {
        format!("{kind} {} ok, {} failed, {} unknown", thousands(n.ok), thousands(n.fail), thousands(n.unknown))
    };
    report.operations.iter().map(item).collect()
}

fn faults(report: &SweepReport) -> Vec<String> {
    let item = |(kind, n): (&String, &u64)| {
        let runs = report.fault_runs.get(kind).copied().unwrap_or(0);
        format!("{kind} {} ({})", thousands(*n), thousands(runs))
    };
    report.faults.iter().map(item).collect()
}

fn knobs(report: &SweepReport) -> Vec<String> {
    let item = |(property, values): (&String, &BTreeMap<String, u64>)| {
        let mut shown: Vec<&str> = values.keys().map(String::as_str).take(6).collect();
        if values.len() > shown.len() {
            shown.push("…");
        }
        format!("{property}={}", shown.join("|"))
    };
    report.knobs.iter().map(item).collect()
}

fn floors(report: &SweepReport) -> Vec<String> {
    let item = |(name, missed): (&String, &fuzz::aggregate::MissedFloor)| {
        format!("{} in {}", exit::floor(name, missed), plural(missed.runs, "run"))
    };
    report.missed_floors().iter().map(item).collect()
}

fn failover(kind: FailoverKind, times: &FailoverTimes) -> Vec<String> {
    let mut items = vec![format!("{} {}", failover_name(kind), thousands(times.total.all.count()))];
    items.extend(quantiles(&times.total.all));
    items.extend(times.total.worst.as_ref().map(|worst| format!("({})", show_seed(worst.seed))));
    items.extend(times.unended.worst.as_ref().map(|worst| {
        let n = thousands(times.unended.all.count());
        format!("not ended {n}, the longest after {} ({})", show_us(worst.us), show_seed(worst.seed))
    }));
    items
}

/// The median and the 99th percentile, in brief; a dash if there are too few samples.
fn both(name: &str, times: &Times) -> String {
    let at = |quantile: Quantile| quantile.of(&times.all).map_or_else(|| "–".to_owned(), show_us);
    format!("{name} {} / {}", at(Quantile::P50), at(Quantile::P99))
}

fn recovery(report: &SweepReport) -> Vec<String> {
    let mut items = quantiles(&report.recovery.times);
    items.extend(report.recovery.nearest.map(|nearest| {
        let (percent, tenths) = (nearest.permille / 10, nearest.permille % 10);
        format!("at most {percent}.{tenths} % of its bound (seed {})", show_seed(nearest.seed))
    }));
    items
}

fn quantiles(times: &Durations) -> Vec<String> {
    let at = |name: &str, us: Option<u64>| us.map(|us| format!("{name} {}", show_us(us)));
    [
        at("p50", Quantile::P50.of(times)),
        at("p90", Quantile::P90.of(times)),
        at("p99", Quantile::P99.of(times)),
        at("max", times.max_us()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The number of violations and the first seed of each invariant.
fn violated(report: &SweepReport) -> Vec<String> {
    let mut by_invariant: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for failure in &report.violations {
        by_invariant.entry(&failure.violation.invariant).or_insert((0, failure.seed)).0 += 1;
    }
    let item = |(name, (n, seed)): (&str, (u64, u64))| format!("{name} {n} (seed {})", show_seed(seed));
    by_invariant.into_iter().map(item).collect()
}

/// The verdicts of the black-box checks; empty if there were none.
fn black_box(of: BlackBox) -> Vec<String> {
    let said = [("hold", of.holds), ("violated", of.violated), ("unknown", of.unknown)];
    if of.checked() == 0 {
        Vec::new()
    } else {
        said.iter().map(|(what, n)| format!("{} {what}", thousands(*n))).collect()
    }
}
