//! The summary of a sweep: twelve lines (of 80 columns) that require no knowledge of this program, and the commands that
//! reproduce its failures. [`super::details`] has the rest.

use std::collections::BTreeMap;
use std::path::Path;

use fuzz::aggregate::{Failure, SweepReport};
use fuzz::merge::parts::Ended;
use fuzz::seeds::show_seed;
use scenarios::report::{FailoverKind, ViolationKind};

use super::columns::{command_lines, hanging, paragraph, plural, thousands};
use super::failover_name::failover_name;
use super::{details, known_finding};
use crate::chart::quantile::Quantile;
use crate::command;
use crate::exit;
use crate::expect;
use crate::json::show_digest;
use sim::duration::show_us;

/// Lines before the commands that reproduce failures, unless a verdict is longer.
const LINES: usize = 12;
/// Commands that reproduce failures.
const COMMANDS: usize = 5;

pub fn text(report: &SweepReport, width: usize, verbose: bool, json_flag: &str) -> String {
    let mut text = if verbose { details::text(report, width) + "\n" } else { String::new() };
    let mut before = ran(report, width);
    if !report.missing.is_empty() {
        before += &paragraph(width, "missing", &report.missing, 3);
    }
    before += &paragraph(width, "kafka", &kafka(report), 1);
    let of = |limits, failovers| after(report, width, limits, failovers);
    let fits = |after: &String| before.lines().count() + 1 + after.lines().count() <= LINES;
    let shorter = [(Limits::Listed, 3), (Limits::Counted, 3), (Limits::Counted, 2)].into_iter();
    let after = shorter.map(|(limits, failovers)| of(limits, failovers)).find(fits);
    let after = after.unwrap_or_else(|| of(Limits::Counted, 1));
    let spare = LINES.saturating_sub(before.lines().count() + after.lines().count());
    text += &(before + &faults(report, width, spare.clamp(1, 2)) + &after);
    text + &reproduce(report, width, json_flag)
}

/// How the limits of `[expect]` are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Limits {
    /// Each one, on lines of their own.
    Listed,
    /// Their number, beside the verdict.
    Counted,
}

/// All lines below the faults, with so many kinds of failovers.
fn after(report: &SweepReport, width: usize, shown: Limits, kinds: usize) -> String {
    let mut after = paragraph(width, "operations", &[operations(report)], 1);
    after += &failovers(report, width, kinds);
    if let Some(loss) = data_loss(report) {
        after += &paragraph(width, "data loss", &[loss], 1);
    }
    after += &paragraph(width, "linearizable", &[linearizable(report)], 1);
    if shown == Limits::Listed && !report.limits.is_empty() {
        after += &paragraph(width, "limits", &limits(report), 1);
    }
    after += &paragraph(width, "digest", &[format!("{} (same seeds, same digest)", show_digest(report.digest))], 1);
    let mut verdict = vec![verdict(report)];
    let counted = number_of_limits(report).filter(|_| shown == Limits::Counted);
    let is_short = report.violations.is_empty() && counted.is_none();
    verdict.extend(counted);
    verdict.extend(violated(report));
    if is_short {
        verdict.push("more: --verbose, kraftsim chart -h".to_owned());
    }
    after + &paragraph(width, "verdict", &verdict, if report.violations.is_empty() { 1 } else { 2 })
}

fn ran(report: &SweepReport, width: usize) -> String {
    let names = report.subject.scenarios.join(", ");
    let runs = plural(report.runs, if report.subject.scenarios.len() == 1 { "seed" } else { "run" });
    let first = match report.seeds_first {
        0 => String::new(),
        first => format!(" from {}", show_seed(first)),
    };
    let per_second = |n: u64| {
        let per_second = u128::from(n) * 1_000_000_000 / u128::from(report.core_ns.max(1));
        thousands(u64::try_from(per_second).unwrap_or(u64::MAX))
    };
    let what = |names: &str| {
        let what = format!("{runs} of {names}{first} in {}", show_us(report.wall_ns / 1000));
        paragraph(width, "ran", &[what], 1)
    };
    let of_names = what(&names);
    let is_long = of_names.lines().count() > 1 && report.subject.scenarios.len() > 1;
    let what = if is_long { what(&format!("{} scenarios", report.subject.scenarios.len())) } else { of_names };
    let much = format!(
        "{} s simulated, {} ({}/s per core)",
        thousands(report.sim_ns / 1_000_000_000),
        plural(report.events, "event"),
        per_second(report.events)
    );
    what + &paragraph(width, "", &[much], 1)
}

/// The differences of the simulated Kafka from the real one, and the user's own settings.
fn kafka(report: &SweepReport) -> Vec<String> {
    let subject = &report.subject;
    // Items named in the command are first: later ones may only be counted.
    let mut items: Vec<String> = subject.bugs.iter().map(|bug| format!("bug: {bug}")).collect();
    let folder =
        |dir: &String| Path::new(dir).file_name().map_or(dir.clone(), |name| name.to_string_lossy().into_owned());
    items.extend(subject.cluster.iter().map(|dir| format!("cluster: {}", folder(dir))));
    if !subject.profiles.is_empty() {
        items.push(format!("service times: {}", subject.profiles.join(", ")));
    }
    items.extend(subject.set.iter().map(|set| format!("set: {set}")));
    items.push(match (subject.fixes.len(), items.is_empty()) {
        (0, _) => "no fixes of known defects".to_owned(),
        (1, true) => "with the fix of 1 known defect".to_owned(),
        (n, true) => format!("with the fixes of {n} known defects"),
        // There is less room.
        (n, false) => format!("fixes: {n}"),
    });
    items
}

/// The most frequent kinds first; only their number if none fits.
fn faults(report: &SweepReport, width: usize, most: usize) -> String {
    let total: u64 = report.faults.values().sum();
    let mut kinds: Vec<(&String, u64)> = report.faults.iter().map(|(kind, n)| (kind, *n)).collect();
    kinds.retain(|(_, n)| *n > 0);
    kinds.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let number = plural(kinds.len() as u64, "kind");
    let mut items = vec![format!("{} injected:", thousands(total))];
    items.extend(kinds.into_iter().map(|(kind, n)| format!("{kind} {}", thousands(n))));
    let text = paragraph(width, "faults", if total == 0 { &[] } else { &items }, most);
    match text.contains(":  and ") {
        true => paragraph(width, "faults", &[format!("{} injected, of {number}", thousands(total))], most),
        false => text,
    }
}

fn operations(report: &SweepReport) -> String {
    let sum = |of: fn(&scenarios::report::OperationCounts) -> u64| thousands(report.operations.values().map(of).sum());
    format!(
        "{} succeeded, {} failed, {} with unknown outcome",
        sum(|counts| counts.ok),
        sum(|counts| counts.fail),
        sum(|counts| counts.unknown)
    )
}

/// The failovers that matter most to an operator, so many kinds of them; the rest is in the details.
fn failovers(report: &SweepReport, width: usize, kinds: usize) -> String {
    let shown = [FailoverKind::Controller, FailoverKind::Partition, FailoverKind::ProduceGap];
    let mut text = String::new();
    let mut label = "failover";
    for kind in shown.into_iter().take(kinds) {
        let name = failover_name(kind);
        let Some(times) = report.failovers.get(&kind) else { continue };
        let (all, unended) = (&times.total.all, times.unended.all.count());
        let at = |quantile: Quantile| quantile.of(all).map(show_us);
        let max = all.max_us().map(show_us);
        let quantiles = match (at(Quantile::P50), at(Quantile::P99), max) {
            (Some(p50), Some(p99), _) => format!("p50 {p50}, p99 {p99}"),
            (Some(p50), None, Some(max)) => format!("p50 {p50}, max {max}"),
            (None, _, Some(max)) => format!("max {max}"),
            _ => "none ended".to_owned(),
        };
        let open = if unended == 0 { String::new() } else { format!(", {} open", thousands(unended)) };
        let line = format!("{name} {quantiles} (n={}{open})", thousands(all.count()));
        text += &paragraph(width, std::mem::take(&mut label), &[line], 1);
    }
    if text.is_empty() { paragraph(width, label, &[], 1) } else { text }
}

/// Loss of acknowledged records (`acks=all`); `None` if no scenario produces any.
fn data_loss(report: &SweepReport) -> Option<String> {
    let acked: u64 = report.records.values().map(|records| records.acked).sum();
    let excused: u64 = report.records.values().map(|records| records.excused).sum();
    Some(match (acked, excused) {
        (0, _) => return None,
        (acked, 0) if report.failed > 0 => format!("none excused of {}", plural(acked, "acknowledged record")),
        (acked, 0) => format!("none of {}", plural(acked, "acknowledged record")),
        _ => format!("{} of {} acknowledged records, each excused by a cause", thousands(excused), thousands(acked)),
    })
}

fn linearizable(report: &SweepReport) -> String {
    let all = report.lin_holds + report.lin_violated + report.lin_unknown;
    match all {
        0 => "no client history was judged".to_owned(),
        1 if report.lin_holds == 1 => "the 1 client history".to_owned(),
        _ if report.lin_holds == all => format!("all {} client histories", thousands(all)),
        _ => format!(
            "{} of {} client histories, {} violated, {} undecided",
            thousands(report.lin_holds),
            thousands(all),
            thousands(report.lin_violated),
            thousands(report.lin_unknown)
        ),
    }
}

/// `[expect]`: violated limits first.
fn limits(report: &SweepReport) -> Vec<String> {
    let mut limits: Vec<(bool, String)> = report
        .limits
        .iter()
        .map(|limit| {
            let (held, came) = match expect::verdict(limit) {
                Some((measured, _)) if !limit.judged => (true, format!("is not judged ({measured})")),
                None if !limit.judged => (true, "is not judged (nothing to measure)".to_owned()),
                Some((measured, true)) => (true, format!("holds ({measured})")),
                Some((measured, false)) => (false, format!("DOES NOT HOLD ({measured})")),
                None => (false, "has nothing to measure".to_owned()),
            };
            (held, format!("{} {} {came}", limit.name, limit.limit))
        })
        .collect();
    limits.sort_by_key(|(held, _)| *held);
    limits.into_iter().map(|(_, text)| text).collect()
}

/// `3 limits met`, `1 of 3 limits NOT MET`, `3 limits not judged`
fn number_of_limits(report: &SweepReport) -> Option<String> {
    let number = |of: &dyn Fn(&fuzz::aggregate::Limit) -> bool| report.limits.iter().filter(|limit| of(limit)).count();
    let judged = number(&|limit| limit.judged && expect::verdict(limit).is_some());
    let broken = number(&|limit| limit.judged && expect::verdict(limit).is_some_and(|(_, holds)| !holds));
    let all = plural(report.limits.len() as u64, "limit");
    match (report.limits.len(), judged, broken) {
        (0, ..) => None,
        (_, 0, _) => Some(format!("{all} not judged (--verbose)")),
        (_, _, 0) if judged == report.limits.len() => Some(format!("{all} met (--verbose)")),
        (_, _, 0) => Some(format!("{judged} of {all} judged and met (--verbose)")),
        (_, _, broken) => Some(format!("{broken} of {all} NOT MET (--verbose)")),
    }
}

/// Counts by invariant. Violated `[expect]` limits are shown as such.
fn violated(report: &SweepReport) -> Vec<String> {
    let mut by_invariant: BTreeMap<&str, u64> = BTreeMap::new();
    for failure in report.violations.iter().filter(|failure| failure.violation.kind != ViolationKind::Expect) {
        *by_invariant.entry(&failure.violation.invariant).or_insert(0) += 1;
    }
    by_invariant.into_iter().map(|(name, n)| format!("{name} ({})", plural(n, "run"))).collect()
}

/// The verdict in words, and the exit code.
pub fn verdict(report: &SweepReport) -> String {
    let code = exit::of_sweep(report);
    let text = match code {
        exit::HOLDS => "all claims hold".to_owned(),
        exit::INTERRUPTED => format!("interrupted: results of the {} before", plural(report.runs, "run")),
        exit::NONDETERMINISM => "NONDETERMINISM: the same seed gave different runs".to_owned(),
        exit::SAFETY => format!("SAFETY VIOLATION in {}", plural(report.failed, "run")),
        exit::LIVENESS => "LIVENESS: a time bound or limit does not hold".to_owned(),
        _ => {
            let mut why = exit::why_vacuous(report);
            let rest = why.len().saturating_sub(1);
            why.truncate(1);
            let rest = if rest == 0 { String::new() } else { format!("; and {rest} more (--verbose)") };
            format!("INCONCLUSIVE: {}{rest}", why.concat())
        }
    };
    // A merged sweep has many parts, of which each has an end of its own.
    let stopped = match report.parts.as_slice() {
        [part] if part.ended == Ended::MaxFail => "; stopped by --max-fail",
        _ => "",
    };
    format!("{text} (exit {code}{stopped})")
}

/// The end of the output, which remains visible after long lists of failures: the commands that reproduce them, those
/// that show more of the first one, and the known findings among them.
fn reproduce(report: &SweepReport, width: usize, json_flag: &str) -> String {
    let mut commands: Vec<&str> = report.violations.iter().map(|failure| failure.again.command.as_str()).collect();
    commands.dedup();
    if commands.is_empty() {
        return String::new();
    }
    let left = commands.len().saturating_sub(COMMANDS);
    commands.truncate(COMMANDS);
    let mut text = format!("reproduce with\n{}", lines(&commands, width));
    if left > 0 {
        text += &format!("  and {left} more in the JSON ({json_flag} PATH)\n");
    }
    let is_of_a_run =
        |failure: &&Failure| !matches!(failure.violation.kind, ViolationKind::Expect | ViolationKind::Nondeterminism);
    let first = report.violations.iter().find(is_of_a_run);
    if let Some(next) = first.and_then(|failure| command::next(&failure.again.command)) {
        text += &format!("look closer with\n{}", lines(&next, width));
    }
    let mut known: Vec<String> =
        report.violations.iter().filter_map(|failure| failure.again.known.as_ref()).map(known_finding::text).collect();
    known.sort_unstable();
    known.dedup();
    text + &known.iter().map(|known| hanging(width, "", 2, known)).collect::<String>()
}

fn lines(commands: &[impl AsRef<str>], width: usize) -> String {
    commands.iter().map(|command| command_lines(width, command.as_ref())).collect()
}
