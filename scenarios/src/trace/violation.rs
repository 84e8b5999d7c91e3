//! Which line violates a claim that is judged later.

use super::text::contains_name;
use super::{LineId, Trace, What};

impl Trace {
    /// A violation that names a partition may be found in the next step of its node, when the step that violates the
    /// claim is over. If that next input is not about the partition, the cause is the last line of the node that is.
    pub(super) fn trace_violation_back(&mut self) {
        let Some(broken) = self.broken else { return };
        let line = &self.lines[broken as usize];
        let (What::Broken(violation), Some(node), Some(found_in)) = (&line.what, line.node, line.cause) else { return };
        let named = self.topics.partitions_in(&violation.detail);
        let is_about = |id: &LineId| {
            let line = &self.lines[*id as usize];
            let text = || self.text(line, &|_| String::new());
            line.node == Some(node) && named.iter().any(|partition| contains_name(&text(), partition))
        };
        let is_of_this_event = |id: &LineId| self.lines[*id as usize].event == line.event;
        if named.is_empty() || (0..=found_in).rev().take_while(is_of_this_event).any(|id| is_about(&id)) {
            return;
        }
        if let Some(source) = (0..found_in).rev().find(is_about) {
            self.lines[broken as usize].cause = Some(source);
        }
    }
}
