//! One failure on stderr: what, when, and how to see it again.

use fuzz::aggregate::Failure;
use fuzz::seeds::show_seed;
use scenarios::report::ViolationKind;

use crate::duration::show_us;

/// GitHub shows no more of a step.
pub const ANNOTATIONS: usize = 10;

/// The kind as in the JSON.
pub fn kind_name(kind: ViolationKind) -> &'static str {
    match kind {
        ViolationKind::Safety => "safety",
        ViolationKind::Liveness => "liveness",
        ViolationKind::Expect => "expect",
        ViolationKind::Panic => "panic",
        ViolationKind::Runaway => "runaway",
        ViolationKind::Nondeterminism => "nondeterminism",
        ViolationKind::GhostMismatch => "ghost_mismatch",
    }
}

/// Lines for people.
pub fn lines(failure: &Failure) -> String {
    let violation = &failure.violation;
    let mut text = format!(
        "FAILED {} ({}) in {} seed {} at {}: {}",
        violation.invariant,
        kind_name(violation.kind),
        failure.scenario,
        show_seed(failure.seed),
        show_us(violation.at_ns / 1000),
        violation.detail,
    );
    if !violation.spec.is_empty() {
        text.push_str(&format!("\n  claim      {}", violation.spec));
    }
    text.push_str(&format!("\n  reproduce  {}", failure.again.command));
    if let Some(repro) = &failure.again.repro {
        text.push_str(&format!("\n  repro      {repro}"));
    }
    text
}

/// A workflow command of GitHub Actions.
pub fn annotation(failure: &Failure) -> String {
    let title = format!("{} {} seed {}", failure.violation.invariant, failure.scenario, show_seed(failure.seed));
    let body = format!(
        "{} (at {})\n{}",
        failure.violation.detail,
        show_us(failure.violation.at_ns / 1000),
        failure.again.command
    );
    let escape = |s: &str| s.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let title = escape(&title).replace(':', "%3A").replace(',', "%2C");
    format!("::error title={title}::{}", escape(&body))
}

/// Is this a step of GitHub Actions?
#[expect(clippy::disallowed_methods, reason = "where to print, not what to run")]
pub fn in_github_actions() -> bool {
    std::env::var("GITHUB_ACTIONS").is_ok_and(|value| value == "true")
}
