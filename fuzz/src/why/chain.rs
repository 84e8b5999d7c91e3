//! The causal chain of a violation: the required faults, the changes of state that concern it, and the inputs that led to
//! the violating step.

use std::collections::BTreeSet;

use scenarios::report::Violation;
use scenarios::trace::text::contains_name;
use scenarios::trace::{DiskAccess, Line, LineId, Relation, Stage, StateChange, Trace, What};
use sim::duration::in_words;
use sim::fault::{Fault, Kind};
use sim::watch::Phase;

use crate::case::Case;
use crate::case::story::Describer;

/// Maximum number of changes of state, of steps by which a partition moves on, and of inputs; the last ones are kept.
const CHANGES: usize = 8;
const PROGRESS: usize = 4;
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
    /// It is the point of no return.
    pub is_turning: bool,
}

/// The chain, in the order of the run; the last element is the violation. `turning` is the event of the point of no return.
pub fn of(
    case: &Case,
    trace: &Trace,
    necessary: &[usize],
    turning: Option<u64>,
    broken: &Violation,
) -> Result<Vec<Happening>, String> {
    let describer = Describer::of(case)?;
    let struck = required(case, &describer, trace, necessary);
    let mut lines: Vec<(LineId, String)> = Vec::new();
    if let Some(number) = turning.and_then(|event| first_of_event(trace, event)) {
        lines.push((number, described(&describer, trace, number)));
    }
    let from_ns = struck.first().map_or(0, |(line, _)| trace.lines[*line as usize].at_ns);
    let turning = lines.first().map(|(number, _)| *number);
    lines.extend(struck.iter().flat_map(|(fault, _)| consequences(trace, *fault)));
    lines.extend(struck);
    if let Some(violation) = trace.violation() {
        let named = trace.partitions_in(&broken.detail);
        let past = Past { trace, violation, from_ns, relations: trace.related_to(violation), named };
        lines.extend(past.changes());
        lines.extend(past.progress());
        lines.extend(past.inputs());
        lines.retain(|(line, _)| *line < violation);
    }
    lines.sort_by_key(|(line, _)| *line);
    lines.dedup_by_key(|(line, _)| *line);
    let happening = |(number, what): (LineId, String)| {
        let line = &trace.lines[number as usize];
        Happening { at_ns: line.at_ns, event: line.event, what, is_turning: turning == Some(number) }
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
        let what = of_fault(describer, fault);
        let is_new =
            |(other, said): &(LineId, String)| trace.lines[*other as usize].at_ns != line.at_ns || *said != what;
        if struck.iter().all(is_new) {
            struck.push((number as LineId, what));
        }
    }
    struck
}

/// The end of the process that a fault of a node leads to, and its next start.
fn consequences(trace: &Trace, fault: LineId) -> Vec<(LineId, String)> {
    let What::Fault(what, _) = &trace.lines[fault as usize].what else { return Vec::new() };
    let Some(node) = what.what.node().filter(|_| ends_process(what.what.kind())) else { return Vec::new() };
    let line = |number: LineId| &trace.lines[number as usize];
    // The next fault of the node has consequences of its own.
    let is_next = |number: &LineId| matches!(&line(*number).what, What::Fault(next, Phase::Start) if next.what.node() == Some(node));
    let end = (fault + 1..trace.lines.len() as LineId).find(is_next).unwrap_or(trace.lines.len() as LineId);
    let mut of_node = (fault..end).filter(|number| line(*number).node == Some(node));
    let down = of_node.find(|number| matches!(trace.lines[*number as usize].what, What::Down(_)));
    let up = of_node.find(|number| matches!(trace.lines[*number as usize].what, What::Booted));
    let described = |number: LineId| {
        let words = trace.state_change(&trace.lines[number as usize])?.words;
        Some((number, format!("{} {words}", trace.name(node))))
    };
    down.into_iter().chain(up).filter_map(described).collect()
}

/// What may have led to the violation, since the first required fault.
struct Past<'a> {
    trace: &'a Trace,
    violation: LineId,
    from_ns: u64,
    relations: Vec<Relation>,
    /// The partitions that the violation names: what is only about others is left out.
    named: Vec<String>,
}

impl Past<'_> {
    /// The last changes of state; an answer to a client is shown if it is a cause, not if it only came before.
    fn changes(&self) -> Vec<(LineId, String)> {
        let related = self.related(|relation| matches!(relation, Relation::Past | Relation::Chain));
        self.last_changes(CHANGES, related, |line| self.trace.state_change(line))
    }

    /// How the partitions that are named moved on, also where nobody else knew it yet: a claim about a partition
    /// compares its replicas.
    fn progress(&self) -> Vec<(LineId, String)> {
        if self.named.is_empty() {
            return Vec::new();
        }
        self.last_changes(PROGRESS, self.related(|_| true), |line| self.trace.progress(line))
    }

    fn last_changes(
        &self,
        most: usize,
        related: impl Iterator<Item = LineId>,
        of: impl Fn(&Line) -> Option<StateChange>,
    ) -> Vec<(LineId, String)> {
        let found_in = self.trace.lines[self.violation as usize].cause;
        let mut shown: Vec<(LineId, String)> = Vec::new();
        for number in related.filter(|number| Some(*number) != found_in) {
            let line = &self.trace.lines[number as usize];
            let Some(change) = of(line) else { continue };
            let is_cause = self.relations[number as usize] == Relation::Chain;
            let is_of_other =
                change.partition.as_ref().is_some_and(|it| !is_shown(&self.named, std::slice::from_ref(it)));
            if change.is_answer && !is_cause || is_of_other {
                continue;
            }
            let what = format!("{} {}", line.node.map_or("", |node| self.trace.name(node)), change.words);
            // Equal changes of many partitions are shown once, by the last one.
            if shown.last().is_some_and(|(_, last)| begins_alike(last, &what)) {
                shown.pop();
            }
            shown.push((number, what));
        }
        shown.split_off(shown.len().saturating_sub(most))
    }

    /// The last inputs and writes in the chain of causes, but for the one that the violation is found in; of equal ones
    /// the last.
    fn inputs(&self) -> Vec<(LineId, String)> {
        let found_in = self.trace.lines[self.violation as usize].cause;
        let is_input = |line: &Line| match &line.what {
            What::Message(Stage::Received, ..) if self.trace.apis(line) == ["ApiVersions"] => false,
            What::Message(Stage::Received, ..) | What::Requested(_) | What::Terminated | What::Thrown => true,
            What::Disk(DiskAccess::Write { path, .. } | DiskAccess::Truncate { path, .. }) => path.ends_with(".log"),
            _ => false,
        };
        let mut shown: Vec<(LineId, String)> = Vec::new();
        let mut seen = BTreeSet::new();
        for number in self.related(|relation| relation == Relation::Chain).rev() {
            let line = &self.trace.lines[number as usize];
            if Some(number) == found_in || !is_input(line) {
                continue;
            }
            let text = full_sentence(self.trace, line);
            if is_shown(&self.named, &self.trace.partitions_in(&text)) {
                let text = only_named(self.trace, &text, &self.named);
                if seen.insert(without_correlation_id(&text)) {
                    shown.push((number, cut(text)));
                }
            }
            if shown.len() == INPUTS {
                break;
            }
        }
        shown
    }

    fn related(&self, is_shown: impl Fn(Relation) -> bool) -> impl DoubleEndedIterator<Item = LineId> {
        let after = |number: &LineId| self.trace.lines[*number as usize].at_ns >= self.from_ns;
        (0..self.violation).filter(move |number| is_shown(self.relations[*number as usize]) && after(number))
    }
}

/// Is something about these partitions to be shown?
fn is_shown(named: &[String], partitions: &[String]) -> bool {
    let is_named = |partition: &String| named.iter().any(|named| contains_name(partition, named));
    named.is_empty() || partitions.is_empty() || partitions.iter().any(is_named)
}

/// A message about many partitions, with only those that are named.
fn only_named(trace: &Trace, text: &str, named: &[String]) -> String {
    let mut shortened = text.to_owned();
    for list in ["partitions=[", "records=["] {
        let Some(start) = shortened.find(list).map(|at| at + list.len()) else { continue };
        let Some((items, end)) = items(&shortened, start) else { continue };
        let is_named = |item: &&str| trace.partitions_in(item).iter().any(|partition| named.contains(partition));
        let kept: Vec<&str> = items.iter().copied().filter(is_named).map(str::trim_start).collect();
        if !kept.is_empty() && kept.len() < items.len() {
            shortened = format!("{}{}, …{}", &shortened[..start], kept.join(", "), &shortened[end..]);
        }
    }
    shortened
}

/// The items of a list that begins at `start`, and where its bracket closes; `None` if it does not.
fn items(text: &str, start: usize) -> Option<(Vec<&str>, usize)> {
    let (mut depth, mut begin, mut items) = (0_u32, start, Vec::new());
    for (at, c) in text[start..].char_indices().map(|(at, c)| (start + at, c)) {
        match c {
            ']' if depth == 0 => {
                items.push(&text[begin..at]);
                return Some((items, at));
            }
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.checked_sub(1)?,
            ',' if depth == 0 => {
                items.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    None
}

/// `Fetch #31 …` as `Fetch …`
fn without_correlation_id(text: &str) -> String {
    let is_id = |word: &&str| word.strip_prefix('#').is_some_and(|id| id.bytes().all(|byte| byte.is_ascii_digit()));
    text.split(' ').filter(|word| !is_id(word)).collect::<Vec<_>>().join(" ")
}

/// The violating step: the node, what it did, and the violated claim.
fn last(trace: &Trace, broken: &Violation) -> Happening {
    let line = trace.violation().map(|line| &trace.lines[line as usize]);
    let cause = line.and_then(|line| line.cause).map(|cause| &trace.lines[cause as usize]);
    let step = match (cause, line.and_then(|line| line.node)) {
        (Some(cause), _) => in_words_of_change(trace, cause).unwrap_or_else(|| {
            cut(only_named(trace, &full_sentence(trace, cause), &trace.partitions_in(&broken.detail)))
        }),
        (None, Some(node)) => format!("a step of {}", trace.name(node)),
        (None, None) => "the run ends".to_owned(),
    };
    let event = line.map_or(broken.event, |line| line.event);
    // The claim may be judged when the step is over, which is when the node's next one begins.
    let step = match cause.filter(|cause| cause.event != event) {
        Some(cause) => format!("{step} (at {}, event {})", in_words(cause.at_ns), cause.event),
        None => step,
    };
    let what = format!("{step}: {} is violated", broken.invariant);
    Happening { at_ns: broken.at_ns, event, what, is_turning: false }
}

fn in_words_of_change(trace: &Trace, line: &Line) -> Option<String> {
    let change = trace.state_change(line).or_else(|| trace.progress(line))?;
    Some(format!("{} {}", line.node.map_or("", |node| trace.name(node)), change.words))
}

/// Faults that may end the process of their node.
fn ends_process(kind: Kind) -> bool {
    match kind {
        Kind::Kill | Kind::PowerLoss | Kind::Terminate | Kind::Exception => true,
        Kind::FsyncFails | Kind::FullDisk | Kind::FullAtFsync | Kind::ShortWrite => true,
        Kind::BitRot | Kind::FileDamage | Kind::ReplaceDisk => true,
        Kind::Pause | Kind::Stall | Kind::SlowDisk | Kind::Drift | Kind::WallStep | Kind::WallSmear => false,
        Kind::Cut | Kind::Loss | Kind::Delay | Kind::Duplicate | Kind::BlackHole => false,
        Kind::UnresolvedName | Kind::WrongName => false,
    }
}

/// What happens first in an event.
pub fn of_event(case: &Case, trace: &Trace, event: u64) -> Result<String, String> {
    let describer = Describer::of(case)?;
    if let Some(number) = first_of_event(trace, event) {
        return Ok(described(&describer, trace, number));
    }
    let next = trace.lines.iter().position(|line| line.event > event && !trace.is_internal(line));
    let next = next.map(|number| format!(", before {}", described(&describer, trace, number as LineId)));
    Ok(format!("an event of the network{}", next.unwrap_or_default()))
}

fn first_of_event(trace: &Trace, event: u64) -> Option<LineId> {
    let begin = trace.lines.partition_point(|line| line.event < event);
    let end = trace.lines.partition_point(|line| line.event <= event);
    let first = (begin..end).find(|number| !trace.is_internal(&trace.lines[*number]));
    first.or((begin < end).then_some(begin)).map(|number| number as LineId)
}

fn described(describer: &Describer<'_>, trace: &Trace, number: LineId) -> String {
    let line = &trace.lines[number as usize];
    match &line.what {
        What::Fault(fault, Phase::Start) => of_fault(describer, fault),
        _ => in_words_of_change(trace, line).unwrap_or_else(|| cut(full_sentence(trace, line))),
    }
}

/// A fault that has struck.
fn of_fault(describer: &Describer<'_>, fault: &Fault) -> String {
    describer.fault(&Fault { on: None, unless: None, ..fault.clone() })
}

fn full_sentence(trace: &Trace, line: &Line) -> String {
    let text = trace.text(line, &|_| "a fault".to_owned());
    match (&line.what, line.node) {
        (What::TimerFired, Some(node)) => format!("{}: {text}", trace.name(node)),
        (_, Some(node)) => format!("{} {text}", trace.name(node)),
        (_, None) => text,
    }
}

fn cut(text: String) -> String {
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
