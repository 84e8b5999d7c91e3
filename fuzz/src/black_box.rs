//! Chooses the histories that are checked as a black box: those of some runs, and of every run that fails.

use std::num::NonZeroU64;

use scenarios::report::{RunOutcome, RunReport};

/// Runs `run`, where `number` is the number of the run; one of `every` runs is checked, `None`: none. `run` checks its
/// history if its argument is `true`.
pub fn judged(every: Option<NonZeroU64>, number: u64, run: &dyn Fn(bool) -> RunReport) -> RunReport {
    let Some(every) = every else { return run(false) };
    if number.is_multiple_of(every.get()) {
        return run(true);
    }
    let first = run(false);
    if !matches!(first.outcome, RunOutcome::Violated(_)) {
        return first;
    }
    // A run is a function of its seed; otherwise the first run is reported.
    let again = run(true);
    if again.digest == first.digest { again } else { first }
}
