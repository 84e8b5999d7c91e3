//! The causal chain from the required faults to the violation: observations in steps that are after the former and
//! before the latter.

use scenarios::causes::{Causes, Happened, StepId, words};
use scenarios::report::Violation;
use sim::fault::Fault;

use crate::case::Case;
use crate::case::story::Describer;

/// Maximum number of observations of a chain; the last ones are kept.
const SHOWN: usize = 5;

/// A step of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// True time, ns.
    pub at_ns: u64,
    /// A sentence that describes it.
    pub what: String,
}

/// The required faults, the last observations between them and the violation, and the violating step.
pub fn between(
    case: &Case,
    causes: &Causes,
    necessary: &[usize],
    broken: &Violation,
) -> Result<Vec<Happening>, String> {
    let describer = Describer::of(case)?;
    let mut struck: Vec<(StepId, Happening)> = Vec::new();
    let mut roots: Vec<StepId> = Vec::new();
    for mark in causes.marks() {
        let Happened::Struck(fault) = &mark.what else { continue };
        if !necessary.iter().any(|index| is_same(fault, &case.plan.0[*index])) {
            continue;
        }
        roots.push(mark.step);
        let what = describer.fault(&Fault { on: None, ..fault.clone() });
        let is_new = |(_, other): &(StepId, Happening)| other.at_ns != mark.at_ns || other.what != what;
        if struck.iter().all(is_new) {
            struck.push((mark.step, Happening { at_ns: mark.at_ns, what }));
        }
    }
    let before = causes.before(&causes.ends());
    let after = if roots.is_empty() { vec![true; causes.steps().len()] } else { causes.after(&roots) };
    let lies_between = |step: StepId| before[step as usize] && after[step as usize];
    let mut on_the_way: Vec<(StepId, Happening)> = Vec::new();
    for mark in causes.marks().iter().filter(|mark| lies_between(mark.step)) {
        let Some(words) = words::of_mark(causes, mark) else { continue };
        let what = format!("{} {words}", causes.name(mark.node));
        // Equal observations of many partitions are shown once, by the last one.
        if on_the_way.last().is_some_and(|(_, last)| begins_alike(&last.what, &what)) {
            on_the_way.pop();
        }
        on_the_way.push((mark.step, Happening { at_ns: mark.at_ns, what }));
    }
    let left_out = on_the_way.len().saturating_sub(SHOWN);
    struck.extend(on_the_way.drain(left_out..));
    struck.sort_by_key(|(step, happening)| (happening.at_ns, *step));
    let mut chain: Vec<Happening> = struck.into_iter().map(|(_, happening)| happening).collect();
    chain.push(violation(causes, broken));
    Ok(chain)
}

/// The last step: the node, its input, and the violated claim.
fn violation(causes: &Causes, broken: &Violation) -> Happening {
    let step = causes.broken_in().and_then(|step| causes.steps().get(step as usize));
    let step = step.map_or("the run ends".to_owned(), |step| words::of_step(causes, step));
    Happening { at_ns: broken.at_ns, what: format!("{step}: {} is violated", broken.invariant) }
}

/// Do the first three words (subject and verb) agree?
fn begins_alike(one: &str, other: &str) -> bool {
    one.split(' ').take(3).eq(other.split(' ').take(3))
}

/// An aimed fault with the node that it hit.
fn is_same(struck: &Fault, planned: &Fault) -> bool {
    let same_kind = struck.what.kind() == planned.what.kind();
    same_kind && struck.at_ns == planned.at_ns && struck.on == planned.on && struck.lasts_ns == planned.lasts_ns
}

/// The description of the requested event.
pub fn of_event(causes: &Causes) -> String {
    let steps: Vec<String> = causes
        .event()
        .filter_map(|id| causes.steps().get(id as usize))
        .map(|step| words::of_step(causes, step))
        .collect();
    match steps.first() {
        Some(first) => first.clone(),
        None => "an event of the network or of a fault, not of a node".to_owned(),
    }
}
