//! Mutations of plans: several changes, each small or large; faults that exceed the limits are dropped.

use scenarios::nemesis::limits::{Limits, reads};
use sim::fault::{Fault, Plan};
use sim::process::Node;
use sim::rng::Entropy;

/// Percentage of changed plans that are run with another seed.
pub const OTHER_SEED_PERCENT: u64 = 60;
/// Maximum number of changes of one plan.
const CHANGES: u64 = 4;
/// Longest small shift, ns.
const NEAR_NS: u64 = 200_000_000;
/// Maximum number of units in a plan: each fault costs time.
const LONGEST: usize = 120;

/// Inputs of a mutation.
pub struct Materials<'a> {
    /// Limits of the plan.
    pub limits: &'a Limits,
    /// Another plan of the corpus.
    pub other: &'a Plan,
    /// The plan of a fresh seed.
    pub fresh: &'a dyn Fn() -> Plan,
}

/// A fault, or rot and the power loss after which it is read.
type Unit = Vec<Fault>;

/// Returns the changed plan; it is legal.
pub fn mutate(plan: &Plan, with: &Materials<'_>, entropy: &mut Entropy) -> Plan {
    let mut units = units(plan);
    // At least one change is made, also if the plan runs with another seed.
    for _ in 0..1 + entropy.below(CHANGES) {
        change(&mut units, with, entropy);
    }
    units.truncate(LONGEST);
    with.limits.keep(Plan(units.into_iter().flatten().collect()))
}

fn units(plan: &Plan) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    for fault in &plan.0 {
        match units.iter_mut().find(|unit| unit.len() == 1 && reads(fault, &unit[0])) {
            Some(unit) => unit.push(fault.clone()),
            None => units.push(vec![fault.clone()]),
        }
    }
    units
}

fn change(units: &mut Vec<Unit>, with: &Materials<'_>, entropy: &mut Entropy) {
    let kind = entropy.below(8);
    if units.is_empty() && kind < 5 {
        return change_by_others(5, units, with, entropy);
    }
    let at = if units.is_empty() { 0 } else { entropy.below(units.len() as u64) as usize };
    match kind {
        0 => drop(units.remove(at)),
        1 => shift(&mut units[at], with.limits, entropy),
        2 => stretch(&mut units[at], with.limits, entropy),
        3 => retarget(&mut units[at], with.limits, entropy),
        4 => {
            let mut copy = units[at].clone();
            shift(&mut copy, with.limits, entropy);
            if entropy.below(2) == 0 {
                retarget(&mut copy, with.limits, entropy);
            }
            units.push(copy);
        }
        _ => change_by_others(kind, units, with, entropy),
    }
}

/// Splices two plans, or adds faults of a fresh one.
fn change_by_others(kind: u64, mine: &mut Vec<Unit>, with: &Materials<'_>, entropy: &mut Entropy) {
    let (start, end) = with.limits.span_ns();
    if kind == 7 {
        let cut = start + entropy.below(end - start);
        mine.retain(|unit| unit[0].at_ns < cut);
        mine.extend(units(with.other).into_iter().filter(|unit| unit[0].at_ns >= cut));
        return;
    }
    let mut fresh = units(&(with.fresh)());
    for _ in 0..1 + entropy.below(3) {
        if !fresh.is_empty() {
            mine.push(fresh.swap_remove(entropy.below(fresh.len() as u64) as usize));
        }
    }
}

/// Moves it to a near time, or to any.
fn shift(unit: &mut Unit, limits: &Limits, entropy: &mut Entropy) {
    let (start, end) = limits.span_ns();
    let at_ns = unit[0].at_ns;
    let to_ns = match entropy.below(3) {
        0 => start + entropy.below(end - start),
        1 => (at_ns + entropy.below(2 * NEAR_NS)).saturating_sub(NEAR_NS),
        _ => (at_ns + entropy.below(20 * NEAR_NS)).saturating_sub(10 * NEAR_NS),
    };
    let to_ns = to_ns.clamp(start, end - 1);
    for fault in unit {
        fault.at_ns = to_ns + (fault.at_ns - at_ns);
    }
}

/// Makes it longer or shorter.
fn stretch(unit: &mut Unit, limits: &Limits, entropy: &mut Entropy) {
    let Some(fault) = unit.last_mut() else { return };
    let Some((min, max)) = limits.lasts_ns(fault) else { return };
    let lasts_ns = match entropy.below(3) {
        0 => fault.lasts_ns / 2,
        1 => fault.lasts_ns.saturating_mul(2),
        _ => min + entropy.below(max - min + 1),
    };
    let room = limits.span_ns().1.saturating_sub(fault.at_ns);
    fault.lasts_ns = lasts_ns.clamp(min, max.min(room).max(min));
}

/// Swaps two servers in it.
fn retarget(unit: &mut Unit, limits: &Limits, entropy: &mut Entropy) {
    let targets = limits.targets();
    let mut pick = || targets[entropy.below(targets.len() as u64) as usize];
    let (a, b) = (unit[0].what.node().unwrap_or_else(&mut pick), pick());
    let swap = |node: &mut Node| {
        *node = match *node {
            it if it == a => b,
            it if it == b => a,
            it => it,
        }
    };
    for fault in unit {
        fault.what.each_node(swap);
        if let Some(trigger) = &mut fault.on {
            trigger.seen_as.iter_mut().chain(&mut trigger.peer_as).for_each(swap);
        }
    }
}
