//! Which line of a step violates a claim that is judged when the step is over.

use super::{LineId, Stage, Trace, What};

impl Trace {
    /// The cause is a line of the step before the event in which the violation was found, about a partition that it names:
    /// the acknowledgement if there is one, else the last.
    pub(super) fn find_cause_in_step_before(&mut self) {
        let Some(broken) = self.broken else { return };
        let line = &self.lines[broken as usize];
        let (What::Broken(violation), Some(last)) = (&line.what, line.cause) else { return };
        let step = self.lines[last as usize].event;
        let named = self.partitions_in(&violation.detail);
        let is_about = |id: &LineId| {
            let other = &self.lines[*id as usize];
            let names = || self.partitions_in(&self.text(other, &|_| String::new()));
            other.node == line.node && names().iter().any(|partition| named.contains(partition))
        };
        let of_step = (0..=last).rev().take_while(|id| self.lines[*id as usize].event == step);
        let about: Vec<LineId> = if step < line.event { of_step.filter(is_about).collect() } else { Vec::new() };
        let acknowledges = |id: &&LineId| {
            let line = &self.lines[**id as usize];
            matches!(line.what, What::Message(Stage::Sent, ..)) && self.apis(line) == ["Produce"]
        };
        if let Some(cause) = about.iter().find(acknowledges).or(about.first()) {
            self.lines[broken as usize].cause = Some(*cause);
        }
    }
}
