//! `replay --against`: where two runs part, and what led there in each.

use scenarios::trace::{Line, LineId, Trace};
use sim::fault::Fault;

use super::log::cut;

/// Lines before the first difference, and from it on.
const COMMON: usize = 6;
const DIFFERENT: usize = 12;
/// Causes of the first line that differs.
const CAUSES: usize = 12;

/// A run, and how its faults are described.
pub struct Side<'a> {
    /// Such as `ci seed 0x2a`.
    pub name: String,
    pub trace: &'a Trace,
    pub fault: &'a dyn Fn(&Fault) -> String,
}

impl Side<'_> {
    /// The lines that `--log` shows.
    fn shown(&self) -> Vec<LineId> {
        let lines = self.trace.lines.iter().enumerate();
        lines.filter(|(_, line)| !self.trace.is_internal(line)).map(|(id, _)| id as LineId).collect()
    }

    fn line(&self, id: LineId) -> &Line {
        &self.trace.lines[id as usize]
    }

    fn text(&self, id: LineId) -> String {
        let line = self.line(id);
        let who = line.node.map_or("", |node| self.trace.name(node));
        let seconds = format!("{}.{:06}", line.at_ns / 1_000_000_000, line.at_ns / 1_000 % 1_000_000);
        format!("{seconds:>10} {:>6} {who:<14} {}", line.event, self.trace.text(line, self.fault))
    }

    /// Without the number of the event, which a fault that does nothing may change.
    fn key(&self, id: LineId) -> (u64, &str, String) {
        let line = self.line(id);
        let who = line.node.map_or("", |node| self.trace.name(node));
        (line.at_ns, who, self.trace.text(line, self.fault))
    }

    /// What caused a line, and what caused that: the nearest cause first.
    fn causes(&self, id: LineId) -> impl Iterator<Item = LineId> {
        std::iter::successors(self.line(id).cause, |cause| self.line(*cause).cause).take(CAUSES)
    }
}

/// Of two runs, how many of the lines that `--log` shows are the same before the first difference; `None` if all are.
pub fn same_lines(one: &Side<'_>, other: &Side<'_>) -> Option<usize> {
    let [ones, others] = [one, other].map(Side::shown);
    let same = ones.iter().zip(&others).take_while(|(a, b)| one.key(**a) == other.key(**b)).count();
    (same < ones.len() || same < others.len()).then_some(same)
}

/// The first difference of two runs; `None` if they have the same lines. Lines are cut to the width.
pub fn text(one: &Side<'_>, other: &Side<'_>, width: Option<usize>) -> Option<String> {
    let same = same_lines(one, other)?;
    let [ones, others] = [one, other].map(Side::shown);
    let mut text = format!("{same} lines are the same; the last of them:\n");
    let mut push = |line: &str| {
        text.push_str(&cut(line, width));
        text.push('\n');
    };
    ones[same.saturating_sub(COMMON)..same].iter().for_each(|id| push(&format!("  {}", one.text(*id))));
    for (side, shown, mark) in [(one, &ones, '+'), (other, &others, '-')] {
        push("");
        push(&format!("{}:", side.name));
        let rest = &shown[same..];
        rest.iter().take(DIFFERENT).for_each(|id| push(&format!("{mark} {}", side.text(*id))));
        match rest.first() {
            None => push("  it ends here"),
            Some(first) => {
                let causes: Vec<LineId> = side.causes(*first).collect();
                if !causes.is_empty() {
                    push("  causes of its first line, the nearest first:");
                    causes.iter().for_each(|id| push(&format!("  > {}", side.text(*id))));
                }
            }
        }
    }
    Some(text)
}
