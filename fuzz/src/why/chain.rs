//! The causal chain of a violation: the required faults, the changes of state that concern it, and the inputs that led to
//! the violating step.

use scenarios::report::Violation;
use scenarios::trace::text::contains_name;
use scenarios::trace::{DiskAccess, Line, LineId, Relation, Stage, Trace, What};
use sim::fault::Fault;
use sim::watch::Phase;

use crate::case::Case;
use crate::case::story::Describer;

/// Maximum number of changes of state, and of inputs; the last ones are kept.
const CHANGES: usize = 8;
const INPUTS: usize = 5;
/// A line is cut after this number of characters.
const LENGTH: usize = 200;

/// A step of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// True time, ns.
    pub at_ns: u64,
    /// Number of the event, from 1.
    pub event: u64,
    /// A sentence that describes it.
    pub what: String,
}

/// The chain, in the order of the run; the last element is the violation.
pub fn of(case: &Case, trace: &Trace, necessary: &[usize], broken: &Violation) -> Result<Vec<Happening>, String> {
    let describer = Describer::of(case)?;
    let mut lines: Vec<(LineId, String)> = required(case, &describer, trace, necessary);
    if let Some(violation) = trace.violation() {
        let relations = trace.related_to(violation);
        let from_ns = lines.first().map_or(0, |(line, _)| trace.lines[*line as usize].at_ns);
        lines.extend(changes(trace, broken, from_ns, &relations));
        lines.extend(inputs(trace, violation, from_ns, &relations));
        lines.sort_by_key(|(line, _)| *line);
        lines.dedup_by_key(|(line, _)| *line);
    }
    let happening = |(line, what): (LineId, String)| {
        let line = &trace.lines[line as usize];
        Happening { at_ns: line.at_ns, event: line.event, what }
    };
    let mut chain: Vec<Happening> = lines.into_iter().map(happening).collect();
    chain.push(last(trace, broken));
    Ok(chain)
}

/// The required faults, where they took effect; one that consists of several of the same description, once.
fn required(case: &Case, describer: &Describer<'_>, trace: &Trace, necessary: &[usize]) -> Vec<(LineId, String)> {
    let mut struck: Vec<(LineId, String)> = Vec::new();
    for (number, line) in trace.lines.iter().enumerate() {
        let What::Fault(fault, Phase::Start) = &line.what else { continue };
        if !necessary.iter().any(|index| is_same(fault, &case.plan.0[*index])) {
            continue;
        }
        let what = describer.fault(&Fault { on: None, unless: None, ..(**fault).clone() });
        let is_new =
            |(other, said): &(LineId, String)| trace.lines[*other as usize].at_ns != line.at_ns || *said != what;
        if struck.iter().all(is_new) {
            struck.push((number as LineId, what));
        }
    }
    struck
}

/// The last changes of state since the first required fault that may have led to the violation. If it names partitions,
/// those of others are left out; an answer to a client is shown if it is a cause, not if it only came before.
fn changes(trace: &Trace, broken: &Violation, from_ns: u64, relations: &[Relation]) -> Vec<(LineId, String)> {
    let is_named = |partition: &String| contains_name(&broken.detail, partition);
    let lies_between = |line: &LineId| {
        let related = matches!(relations[*line as usize], Relation::Past | Relation::Chain);
        related && trace.lines[*line as usize].at_ns >= from_ns
    };
    let changes: Vec<(LineId, _)> = (0..trace.lines.len() as LineId)
        .filter(lies_between)
        .filter_map(|number| trace.state_change(&trace.lines[number as usize]).map(|change| (number, change)))
        .filter(|(number, change)| !change.is_answer || relations[*number as usize] == Relation::Chain)
        .collect();
    let names_one = changes.iter().filter_map(|(_, change)| change.partition.as_ref()).any(is_named);
    let mut shown: Vec<(LineId, String)> = Vec::new();
    for (number, change) in changes {
        if names_one && change.partition.is_some_and(|partition| !is_named(&partition)) {
            continue;
        }
        let what =
            format!("{} {}", trace.lines[number as usize].node.map_or("", |node| trace.name(node)), change.words);
        // Equal changes of many partitions are shown once, by the last one.
        if shown.last().is_some_and(|(_, last)| begins_alike(last, &what)) {
            shown.pop();
        }
        shown.push((number, what));
    }
    shown.split_off(shown.len().saturating_sub(CHANGES))
}

/// The last inputs and writes since the first required fault in the chain of causes of the violation, but for the one
/// that it is found in.
fn inputs(trace: &Trace, violation: LineId, from_ns: u64, relations: &[Relation]) -> Vec<(LineId, String)> {
    let found_in = trace.lines[violation as usize].cause;
    let is_shown = |line: &Line| match &line.what {
        What::Message(Stage::Received, ..) | What::Requested(_) | What::Terminated | What::Thrown => true,
        What::Disk(DiskAccess::Write { path, .. } | DiskAccess::Truncate { path, .. }) => path.ends_with(".log"),
        _ => false,
    };
    let of_chain = (0..trace.lines.len() as LineId)
        .filter(|number| relations[*number as usize] == Relation::Chain && Some(*number) != found_in)
        .filter(|number| trace.lines[*number as usize].at_ns >= from_ns && is_shown(&trace.lines[*number as usize]));
    let mut shown: Vec<(LineId, String)> =
        of_chain.map(|number| (number, sentence(trace, &trace.lines[number as usize]))).collect();
    shown.split_off(shown.len().saturating_sub(INPUTS))
}

/// The violating step: the node, its input, and the violated claim.
fn last(trace: &Trace, broken: &Violation) -> Happening {
    let line = trace.violation().map(|line| &trace.lines[line as usize]);
    let cause = line.and_then(|line| line.cause).map(|cause| &trace.lines[cause as usize]);
    let step = match (cause, line.and_then(|line| line.node)) {
        (Some(cause), _) => sentence(trace, cause),
        (None, Some(node)) => format!("a step of {}", trace.name(node)),
        (None, None) => "the run ends".to_owned(),
    };
    let event = line.map_or(broken.event, |line| line.event);
    Happening { at_ns: broken.at_ns, event, what: format!("{step}: {} is violated", broken.invariant) }
}

/// The first line of an event.
pub fn of_event(trace: &Trace, event: u64) -> String {
    let mut of_event = trace.lines.iter().filter(|line| line.event == event);
    let first = of_event.clone().find(|line| !trace.is_internal(line)).or_else(|| of_event.next());
    first.map_or("an event of the network, not of a node".to_owned(), |line| sentence(trace, line))
}

fn sentence(trace: &Trace, line: &Line) -> String {
    let text = trace.text(line, &|_| "a fault".to_owned());
    let text = match (&line.what, line.node) {
        (What::TimerFired, Some(node)) => format!("{}: {text}", trace.name(node)),
        (_, Some(node)) => format!("{} {text}", trace.name(node)),
        (_, None) => text,
    };
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
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
