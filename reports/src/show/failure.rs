//! One failure on stderr: what, when, and how to see it again.

use fuzz::aggregate::Failure;
use fuzz::seeds::show_seed;
use scenarios::report::ViolationKind;

use super::known_finding;
use crate::duration::show_us;

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
    if let Some(known) = &failure.again.known {
        text.push_str(&format!("\n  {}", known_finding::text(known)));
    }
    text.push_str(&format!("\n  reproduce  {}", failure.again.command));
    if let Some(repro) = &failure.again.repro {
        text.push_str(&format!("\n  repro      {repro}"));
    }
    text
}
