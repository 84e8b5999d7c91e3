//! JUnit XML of a sweep, for Jenkins, GitLab and GitHub's reporters: a suite for each scenario; a case for each
//! violated invariant, for the sweep as a whole, its floors, its histories, each `[expect]` limit and each required
//! probe. A case fails or is in error exactly when the sweep's exit code is not 0. Seeds are in messages, not in names:
//! a page that compares two sweeps compares cases by name.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use fuzz::aggregate::{Failure, OfScenario, SweepReport};
use fuzz::seeds::show_seed;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite, XmlString};
use scenarios::report::ViolationKind;
use sim::duration;

use super::columns::{plural, thousands};
use super::failure;
use crate::exit;
use crate::expect;
use crate::json::show_digest;

/// The file. Its timestamps are the time of writing minus the duration of the sweep.
pub fn text(report: &SweepReport) -> String {
    let mut file = Report::new("kraftsim sweep");
    let (began, host) = (began(report.wall_ns), gethostname::gethostname().to_string_lossy().into_owned());
    for (name, of) in report.subject.scenarios.iter().zip(&report.by_scenario) {
        let mut suite = TestSuite::new(name.as_str());
        suite
            .set_timestamp(began)
            .add_properties(properties(report, of).iter().map(|(name, value)| (*name, value.as_str())));
        suite.extra.insert("hostname".into(), host.as_str().into());
        for case in cases(report, name, of) {
            let mut case = case;
            case.set_classname(format!("kraftsim.{name}"));
            suite.add_test_case(case);
        }
        suite.set_time(suite.test_cases.iter().filter_map(|case| case.time).sum());
        file.add_test_suite(suite);
    }
    file.set_time(file.test_suites.iter().filter_map(|suite| suite.time).sum());
    file.to_string().expect("a text in memory is written")
}

/// Current time, UTC.
#[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "when it ran, not what ran")]
fn began(ago_ns: u64) -> DateTime<Utc> {
    let now = std::time::SystemTime::now();
    now.checked_sub(Duration::from_nanos(ago_ns)).unwrap_or(now).into()
}

/// A case without a duration: the duration of the runs is that of the case `sweep`.
fn case(name: impl Into<XmlString>, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_time(Duration::ZERO);
    case
}

/// It is unknown whether it holds: the reason as a word and as a sentence.
fn error(kind: &str, message: impl Into<XmlString>) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type(kind).set_message(message);
    status
}

/// It was not requested: the reason.
fn skipped(message: impl Into<XmlString>) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(message);
    status
}

fn properties<'a>(report: &'a SweepReport, of: &OfScenario) -> Vec<(&'a str, String)> {
    let subject = &report.subject;
    let mut all = vec![
        ("version", subject.version.clone()),
        ("commit", subject.commit.clone().unwrap_or_else(|| "unknown".to_owned())),
        ("host", subject.host.clone()),
        ("seeds_first", show_seed(report.seeds_first)),
        ("runs", of.runs.to_string()),
        ("failed_runs", of.failed.to_string()),
        ("wall_seconds_of_sweep", duration::seconds(report.wall_ns)),
        ("digest_of_sweep", show_digest(report.digest)),
    ];
    all.extend(subject.bugs.iter().map(|bug| ("bug", bug.clone())));
    all.extend(subject.fixes.iter().map(|fix| ("fix", fix.clone())));
    all.extend(subject.cluster.iter().map(|dir| ("cluster", dir.clone())));
    all.extend(subject.set.iter().map(|set| ("set", set.clone())));
    all
}

fn cases(report: &SweepReport, scenario: &str, of: &OfScenario) -> Vec<TestCase> {
    let mut cases = vec![
        case("sweep", whole(report, scenario, of)),
        case("floors", floors(report, of)),
        case("linearizability decided", decided(of)),
    ];
    cases[0].set_time(Duration::from_nanos(of.core_ns));
    for limit in report.limits.iter().filter(|limit| limit.scenario == scenario) {
        let came = match expect::verdict(limit) {
            _ if !limit.judged => skipped("the cluster is not the catalog's; --expect judges the limit"),
            Some((_, true)) => TestCaseStatus::success(),
            // The violation has more detail.
            Some((measured, false)) => report
                .violations
                .iter()
                .find(|f| {
                    f.violation.kind == ViolationKind::Expect
                        && (f.scenario.as_str(), &f.violation.invariant) == (scenario, &limit.name)
                })
                .map_or_else(|| error("expect", format!("{measured}, of no run")), |late| failed(&[late])),
            None => error("inconclusive", "there was nothing to measure"),
        };
        cases.push(case(format!("expect {}", limit.name), came));
    }
    let missed: Vec<_> = report.missed_probes().collect();
    let seeds = report.runs / (report.subject.scenarios.len() as u64).max(1);
    for probe in &report.subject.required_probes {
        let of_any = if probe.scenario.is_none() { " in any scenario" } else { "" };
        let came = match () {
            () if probe.scenario.as_deref().is_some_and(|name| name != scenario) => continue,
            () if missed.contains(&probe) => error("vacuous", "no run reached it"),
            () if seeds < probe.from_seeds => {
                skipped(format!("only sweeps of {} and more must reach it", plural(probe.from_seeds, "seed")))
            }
            () => TestCaseStatus::success(),
        };
        cases.push(case(format!("probe {}{of_any}", probe.probe), came));
    }
    let mut invariants = BTreeMap::<&str, Vec<&Failure>>::new();
    let of_runs = report.violations.iter().filter(|f| f.violation.kind != ViolationKind::Expect);
    for failure in of_runs.filter(|f| f.scenario == scenario) {
        invariants.entry(&failure.violation.invariant).or_default().push(failure);
    }
    cases.extend(invariants.iter().map(|(name, failures)| case(format!("invariant {name}"), failed(failures))));
    cases
}

/// Named after the first failure; all are in the body.
fn failed(failures: &[&Failure]) -> TestCaseStatus {
    let Some(first) = failures.first() else { return TestCaseStatus::success() };
    let more = match failures.len() as u64 - 1 {
        0 => String::new(),
        n => format!(", and {} more", thousands(n)),
    };
    let violation = &first.violation;
    let message = format!("{}: {} (seed {}{more})", violation.invariant, violation.detail, show_seed(first.seed));
    let body = failures.iter().map(|failure| failure::lines(failure, usize::MAX)).collect::<Vec<_>>().join("\n\n");
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type(failure::kind_name(violation.kind)).set_message(message).set_description(body);
    status
}

fn whole(report: &SweepReport, scenario: &str, of: &OfScenario) -> TestCaseStatus {
    let records = report.records.get(scenario).copied().unwrap_or_default();
    let runs = plural(of.runs, "run");
    match () {
        () if report.interrupted => error("interrupted", format!("interrupted after {runs}")),
        () if !report.missing.is_empty() => error("incomplete", report.missing.join("; ")),
        () if report.runs == 0 => error("vacuous", "no seed ran"),
        () if of.runs == 0 => skipped("the sweep ended before its first run"),
        () if report.operations_acked() == 0 => error("vacuous", "no operation was acknowledged in any run"),
        () if records.too_few_kept() => {
            let (acked, excused) = (thousands(records.acked), thousands(records.excused));
            error("vacuous", format!("{excused} of {acked} acknowledged records were lost and excused"))
        }
        () => TestCaseStatus::success(),
    }
}

/// Like the exit code, for all scenarios together: the maximum share applies to the sweep.
fn floors(report: &SweepReport, of: &OfScenario) -> TestCaseStatus {
    if of.inconclusive == 0 || !exit::too_many_inconclusive(report) {
        return TestCaseStatus::success();
    }
    let floors = of.missed_floors.iter().map(|(name, missed)| exit::floor(name, missed));
    let floors = floors.collect::<Vec<_>>().join(", ");
    error("inconclusive", format!("{} of {} were below a floor: {floors}", of.inconclusive, plural(of.runs, "run")))
}

fn decided(of: &OfScenario) -> TestCaseStatus {
    match of.undecided {
        0 => TestCaseStatus::success(),
        n => error("unknown", format!("the linearizability of {} is undecided", plural(n, "run"))),
    }
}
