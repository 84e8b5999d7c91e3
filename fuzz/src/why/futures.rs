//! Continuations of a failing run.

use scenarios::report::{RunReport, Violation};

use crate::case::violation;

/// Continuations with different random draws that are tried.
pub const FUTURES: u64 = 16;

/// Does a run violate the same claim?
pub(super) fn breaks_as(report: &RunReport, broken: &Violation) -> bool {
    violation(report).is_some_and(|it| it.is_same_claim(broken))
}
