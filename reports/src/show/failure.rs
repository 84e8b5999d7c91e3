//! One failure on stderr: the claim, the time, and how it is reproduced.

use fuzz::aggregate::Failure;
use fuzz::seeds::show_seed;
use scenarios::report::ViolationKind;

use super::columns::{beside, hanging};
use super::known_finding;
use sim::duration::show_us;

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

/// The kind as text.
pub fn kind_in_words(kind: ViolationKind) -> &'static str {
    if kind == ViolationKind::GhostMismatch { "model mismatch" } else { kind_name(kind) }
}

/// Column in which the values of a failure begin.
const LABEL: usize = 13;

/// The lines of a failure. A command or a path is on one line, so that it can be copied.
pub fn lines(failure: &Failure, width: usize) -> String {
    let violation = &failure.violation;
    let head = format!(
        "{} ({}) in {} seed {} at {}: {}",
        violation.invariant,
        kind_in_words(violation.kind),
        failure.scenario,
        show_seed(failure.seed),
        show_us(violation.at_ns / 1000),
        violation.detail,
    );
    let mut text = hanging(width, "FAILED", 2, &head);
    if !violation.spec.is_empty() {
        text += &beside(width, "  claim", LABEL, &violation.spec);
    }
    if let Some(known) = &failure.again.known {
        text += &hanging(width, "  ", 4, &known_finding::text(known));
    }
    text += &format!("  reproduce  {}", failure.again.command);
    if let Some(repro) = &failure.again.repro {
        text += &format!("\n  repro      {repro}");
    }
    text
}

#[cfg(test)]
mod tests {
    use fuzz::aggregate::Reproduction;
    use scenarios::report::Violation;

    use super::*;

    #[test]
    fn no_line_but_a_command_or_a_path_is_wider_than_the_terminal() {
        let failure = Failure {
            scenario: "cluster-partitions".to_owned(),
            seed: 42,
            digest: 7,
            violation: Violation {
                kind: ViolationKind::GhostMismatch,
                invariant: "AckedValueNotLost".to_owned(),
                predicate: None,
                spec: "a claim whose source has more words than there is room for in one line of 80".to_owned(),
                detail: "partition topic-1-0: broker 101, in its ISR or ELR, cuts its log to 60 of the committed log, \
                         which ends at 61 and is acknowledged up to 61"
                    .to_owned(),
                at_ns: 1_500_000_000,
                event: 9,
            },
            again: Reproduction { repro: None, command: "kraftsim replay ".repeat(9), known: None },
        };
        for width in [50, 80, 120] {
            let text = lines(&failure, width);
            let wide = text.lines().find(|line| line.chars().count() > width && !line.starts_with("  reproduce "));
            assert_eq!(wide, None);
        }
        assert!(
            lines(&failure, 80)
                .starts_with("FAILED AckedValueNotLost (model mismatch) in cluster-partitions seed\n  0x")
        );
    }
}
