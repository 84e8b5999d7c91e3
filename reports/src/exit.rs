//! The verdict of a sweep or a run, and its exit code.

use fuzz::aggregate::{MissedFloor, RequiredProbe, SweepReport};
use scenarios::report::ViolationKind;

use crate::expect;
use crate::show::columns::{plural, thousands};

/// All claims hold.
pub const HOLDS: u8 = 0;
/// A violation of kind safety, a panic, or a model mismatch.
pub const SAFETY: u8 = 1;
/// Bad usage or input: nothing was run.
pub const USAGE: u8 = 2;
/// A violation of kind liveness, runaway or expect.
pub const LIVENESS: u8 = 3;
/// Inconclusive, vacuous, nothing ran, or a checker does not know.
pub const INCONCLUSIVE: u8 = 4;
/// Nondeterminism, or a digest that is not the expected one.
pub const NONDETERMINISM: u8 = 5;
/// Ended by SIGINT, SIGTERM or SIGHUP; partial results were written.
pub const INTERRUPTED: u8 = 130;

/// A sweep is inconclusive if more than this percentage of its runs are below a floor.
const INCONCLUSIVE_PERCENT: u64 = 1;

/// The exit code of a violation.
pub fn of_kind(kind: ViolationKind) -> u8 {
    match kind {
        ViolationKind::Nondeterminism => NONDETERMINISM,
        ViolationKind::Safety | ViolationKind::Panic | ViolationKind::GhostMismatch => SAFETY,
        ViolationKind::Liveness | ViolationKind::Runaway | ViolationKind::Expect => LIVENESS,
    }
}

/// The name of an exit code, as in the JSON.
pub fn verdict(code: u8) -> &'static str {
    match code {
        HOLDS => "holds",
        SAFETY => "safety",
        USAGE => "usage",
        LIVENESS => "liveness",
        INCONCLUSIVE => "inconclusive",
        NONDETERMINISM => "nondeterminism",
        _ => "interrupted",
    }
}

/// The exit code of a sweep: the first that applies.
pub fn of_sweep(report: &SweepReport) -> u8 {
    if report.interrupted {
        return INTERRUPTED;
    }
    let found = |code| report.violations.iter().any(|f| of_kind(f.violation.kind) == code);
    if let Some(code) = [NONDETERMINISM, SAFETY, LIVENESS].into_iter().find(|code| found(*code)) {
        return code;
    }
    if why_vacuous(report).is_empty() { HOLDS } else { INCONCLUSIVE }
}

/// Why a sweep without violations is inconclusive. Empty if it is not.
pub fn why_vacuous(report: &SweepReport) -> Vec<String> {
    if report.runs == 0 {
        return vec!["no seed ran: --seeds, --shard or --for leaves none".to_owned()];
    }
    let mut why = report.missing.clone();
    if too_many_inconclusive(report) {
        let floors = report.missed_floors();
        let most = floors.iter().max_by_key(|(_, missed)| missed.runs);
        let most = most.map(|(name, missed)| format!("; most often floor {}", floor(name, missed))).unwrap_or_default();
        why.push(format!(
            "{} of {} runs did too little to judge, more than {INCONCLUSIVE_PERCENT} %{most}",
            report.inconclusive, report.silence.runs
        ));
    }
    if report.operations_acked() == 0 {
        why.push("no operation was acknowledged in any run".to_owned());
    }
    for (scenario, records) in report.records.iter().filter(|(_, records)| records.too_few_kept()) {
        let most = 100 - records.must_keep_percent;
        why.push(format!(
            "{} of {} acknowledged records of {scenario} were lost and excused, more than {most} %",
            thousands(records.excused),
            thousands(records.acked)
        ));
    }
    for RequiredProbe { scenario, probe, .. } in report.missed_probes() {
        let of = scenario.as_ref().map(|scenario| format!(" of {scenario}")).unwrap_or_default();
        let unknown = if report.probes.contains_key(probe) { "" } else { " (no scenario of this sweep can reach it)" };
        why.push(format!("no run{of} reached the required probe {probe}{unknown}"));
    }
    for limit in report.limits.iter().filter(|limit| limit.judged && expect::verdict(limit).is_none()) {
        why.push(format!("{}: nothing was measured for the limit {} {}", limit.scenario, limit.name, limit.limit));
    }
    if report.undecided > 0 {
        why.push(format!("the linearizability of {} is undecided", plural(report.undecided, "run")));
    }
    why
}

/// Are more runs below a floor than a sweep may have?
pub fn too_many_inconclusive(report: &SweepReport) -> bool {
    // One such run of a small sweep is tolerated, unless it is the only one. Runs with changed plans do as much work as
    // their plan allows.
    let runs = report.silence.runs;
    let some = report.inconclusive > 1 || runs == 1;
    some && report.inconclusive * 100 > runs * INCONCLUSIVE_PERCENT
}

/// A floor, and the first run below it. A run that ended by an excuse has no numbers.
pub fn floor(name: &str, missed: &MissedFloor) -> String {
    let seed = fuzz::seeds::show_seed(missed.seed);
    match missed.wanted {
        0 => format!("{name} (seed {seed})"),
        wanted => format!("{name} (seed {seed}: {} of {wanted})", missed.got),
    }
}
