//! Why a run fails: the point of no return, the required faults, and the causal chain from these to the
//! violation.
//!
//! * [`turning`]: the point of no return; [`counterfactual`]: the run without a fault, or with the fault at
//!   another time; [`chain`]: the causal chain
//!
//! The result is a function of the case and does not depend on the number of threads.

pub mod chain;
pub mod counterfactual;
mod futures;
pub mod turning;

use std::sync::atomic::{AtomicBool, Ordering};

use scenarios::report::{Violation, ViolationKind};
use scenarios::trace::{Repetition, Trace};

use crate::case::Case;
use chain::Happening;
use counterfactual::{CasePart, PartRole};
pub use futures::FUTURES;
use turning::Turning;

/// The part of the analysis that is running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyProgress {
    /// The point of no return.
    Turning,
    /// Fault `0` of `1`, from 1.
    Fault(usize, usize),
    /// Operation `0` of `1`, from 1.
    Operation(usize, usize),
    /// The causal chain.
    Chain,
}

/// The result of the analysis.
#[derive(Clone, Debug)]
pub struct Why {
    /// The violation.
    pub broken: Violation,
    /// `None`: the claim is violated in every continuation, even from the start and without any fault.
    pub turning: Option<Turning>,
    /// The result without each fault, in the order of the plan.
    pub faults: Vec<PartRole>,
    /// The result without each operation; only if no fault is required and the run has few operations.
    pub operations: Vec<PartRole>,
    /// From the required faults to the violation.
    pub chain: Vec<Happening>,
    /// For a violation of liveness: what the run repeated since its faults ended.
    pub repetitions: Vec<Repetition>,
}

/// With more operations than this, they are not removed one by one.
const FEW_OPERATIONS: usize = 16;

/// Analyzes a case whose run violates `broken`; `None` if it is interrupted. An error is a case that cannot be run.
pub fn why(
    case: &Case,
    broken: &Violation,
    jobs: usize,
    interrupted: &AtomicBool,
    watch: &mut dyn FnMut(WhyProgress),
) -> Result<Option<Why>, String> {
    let goes_on = || !interrupted.load(Ordering::Relaxed);
    // Worlds stay on their thread: one thread searches the point of no return, the others the required faults.
    let (turning, faults) = std::thread::scope(|scope| {
        watch(WhyProgress::Turning);
        let turning = scope.spawn(|| turning::find(case, broken, interrupted));
        let others = (jobs - 1).max(1);
        let count = case.plan.0.len();
        let faults: Vec<PartRole> = (0..count)
            .take_while(|_| goes_on())
            .map(|index| {
                watch(WhyProgress::Fault(index + 1, count));
                counterfactual::verdict(case, broken, CasePart::Fault(index), others)
            })
            .collect();
        (turning.join(), faults)
    });
    let turning = turning.map_err(|_| "a panic while looking for the point of no return".to_owned())??;
    let none_needed = !faults.iter().any(PartRole::is_necessary);
    let count = case.operations.len();
    let requested = if none_needed && count <= FEW_OPERATIONS { count } else { 0 };
    let operations = (0..requested)
        .take_while(|_| goes_on())
        .map(|index| {
            watch(WhyProgress::Operation(index + 1, count));
            counterfactual::verdict(case, broken, CasePart::Operation(index), jobs)
        })
        .collect();
    if !goes_on() {
        return Ok(None);
    }
    watch(WhyProgress::Chain);
    let scenario = case.effective()?;
    let (_, trace) = Trace::of(&case.request(&scenario, None))?;
    let necessary: Vec<usize> = (0..faults.len()).filter(|index| faults[*index].is_necessary()).collect();
    let after = turning.as_ref().map(|turning| turning.event + 1);
    let chain = chain::of(case, &trace, &necessary, after, broken)?;
    let by = after.map(|event| chain::of_event(case, &trace, event)).transpose()?.unwrap_or_default();
    let turning = turning.map(|turning| Turning { by, ..turning });
    let repetitions = repetitions(&trace, broken);
    Ok(Some(Why { broken: broken.clone(), turning, faults, operations, chain, repetitions }))
}

/// What a run that did not recover repeated since its faults ended; nothing for another violation.
pub fn repetitions(trace: &Trace, broken: &Violation) -> Vec<Repetition> {
    if broken.kind == ViolationKind::Liveness { trace.repetitions() } else { Vec::new() }
}
