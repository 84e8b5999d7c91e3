//! The point of no return: the last event after which, if all faults ended, at least one of [`FUTURES`] futures would
//! still hold.
//!
//! Found by bisection over checkpoints, which assumes that a run that cannot hold any more stays so. This may be wrong;
//! so the events between the result and the end are sampled, and the search continues from a sample that can still
//! hold.

use std::sync::atomic::{AtomicBool, Ordering};

use scenarios::report::Violation;
use scenarios::run::Request;
use scenarios::run::fork::Fork;

use super::futures::{FUTURES, breaks_as};
use crate::case::Case;

/// Number of checkpoints kept along the run.
const CHECKPOINTS: u64 = 32;
/// Number of events that are sampled behind the result.
const SAMPLES: u64 = 8;
/// Number of times that the search may continue from a sample.
const ROUNDS: usize = 3;

/// See the module's documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turning {
    /// Number of events after which the claim could still hold.
    pub event: u64,
    /// Number of futures in which it held.
    pub held: u64,
    /// The next event, after which it could not hold.
    pub by: String,
    /// True time of that event, ns.
    pub at_ns: u64,
}

/// Searches it; `None` if no future holds even from the start.
pub fn find(case: &Case, broken: &Violation, interrupted: &AtomicBool) -> Result<Option<Turning>, String> {
    let scenario = case.effective()?;
    let timeline = Timeline::of(&case.request(&scenario, None), broken, interrupted)?;
    if !timeline.can_be_saved(0) {
        return Ok(None);
    }
    // Can still hold after `saved` events, cannot after `lost`.
    let (mut saved, mut lost) = (0, broken.event);
    for _ in 0..ROUNDS {
        while lost - saved > 1 {
            let middle = saved + (lost - saved) / 2;
            if timeline.can_be_saved(middle) {
                saved = middle;
            } else {
                lost = middle;
            }
        }
        let behind = |sample: u64| lost + (broken.event - lost) * sample / (SAMPLES + 1);
        let Some(later) = (1..=SAMPLES).rev().map(behind).find(|at| *at > lost && timeline.can_be_saved(*at)) else {
            break;
        };
        (saved, lost) = (later, broken.event);
    }
    let (held, at_ns) = (timeline.held(saved), timeline.at(saved + 1).now_ns());
    Ok(Some(Turning { event: saved, at_ns, held, by: String::new() }))
}

/// A run with checkpoints.
struct Timeline<'a> {
    broken: &'a Violation,
    interrupted: &'a AtomicBool,
    checkpoints: Vec<Fork<'a>>,
}

impl<'a> Timeline<'a> {
    fn of(request: &Request<'a>, broken: &'a Violation, interrupted: &'a AtomicBool) -> Result<Timeline<'a>, String> {
        let events = broken.event;
        let mut fork = Fork::begin(request)?;
        let mut checkpoints = vec![fork.clone()];
        for at in 1..CHECKPOINTS {
            if !fork.to_event(events * at / CHECKPOINTS) {
                break;
            }
            checkpoints.push(fork.clone());
        }
        Ok(Timeline { broken, interrupted, checkpoints })
    }

    /// The run after `event` events.
    fn at(&self, event: u64) -> Fork<'a> {
        let after = self.checkpoints.partition_point(|checkpoint| checkpoint.events() <= event);
        let mut fork = self.checkpoints[after.saturating_sub(1)].clone();
        fork.to_event(event);
        fork
    }

    fn can_be_saved(&self, event: u64) -> bool {
        let here = self.at(event);
        (1..=FUTURES).any(|future| !self.is_interrupted() && self.holds(&here, future))
    }

    fn held(&self, event: u64) -> u64 {
        let here = self.at(event);
        (1..=FUTURES).filter(|future| self.holds(&here, *future)).count() as u64
    }

    /// Does the claim hold if all faults end here, with the draws of this future?
    fn holds(&self, here: &Fork<'_>, future: u64) -> bool {
        let mut fork = here.clone();
        fork.end_faults();
        fork.redraw(future);
        !breaks_as(&fork.finish(), self.broken)
    }

    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}
