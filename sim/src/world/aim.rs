//! Faults that wait for a trigger, and the guards that are evaluated before any fault starts.

use std::rc::Rc;

use super::World;
use super::waiting::Waiting;
use crate::fault::{Occurrence, Trigger};
use crate::process::Process;
use crate::schedule::Due;
use crate::watch::{Phase, Watch};

impl<P: Process> World<P> {
    /// Does the fault wait for a trigger? If so, it waits from now on.
    pub(super) fn begins_to_wait(&mut self, fault: usize) -> bool {
        if self.triggered[fault] {
            return false;
        }
        let Some(Trigger { nth, .. }) = &self.plan.0[fault].on else { return false };
        self.waiting.push(Waiting { fault, left: (*nth).max(1) });
        true
    }

    /// Passes the occurrences to the faults that wait, in the order in which they began to.
    #[cold]
    pub(crate) fn take_occurrences<W: Watch<P>>(&mut self, watch: &mut W) {
        for occurrence in watch.take_occurrences() {
            let mut at = 0;
            while let Some(one) = self.waiting.get_mut(at) {
                let trigger = self.plan.0[one.fault].on.as_ref();
                if trigger.is_some_and(|trigger| trigger.fits(&occurrence)) {
                    one.left -= 1;
                    if one.left == 0 {
                        let Waiting { fault, .. } = self.waiting.remove(at);
                        self.fire(watch, fault, &occurrence);
                        continue;
                    }
                }
                at += 1;
            }
        }
    }

    /// The trigger of a fault fires: its place in the plan now names its targets.
    fn fire<W: Watch<P>>(&mut self, watch: &mut W, fault: usize, occurrence: &Occurrence) {
        self.triggered[fault] = true;
        let plan = Rc::make_mut(&mut self.plan);
        let Some(trigger) = plan.0[fault].on.clone() else { return };
        plan.0[fault].what = trigger.resolve(&plan.0[fault].what, occurrence);
        if trigger.after_ns > 0 {
            let identity = plan.0[fault].content_hash();
            self.push_plan(self.now.saturating_add(trigger.after_ns), identity, Due::FaultStart(fault as u32));
        } else {
            self.strike_now(watch, fault);
        }
    }

    /// Does its guard forbid the fault?
    pub(super) fn is_forbidden<W: Watch<P>>(&self, watch: &W, fault: usize) -> bool {
        let fault = &self.plan.0[fault];
        fault.unless.is_some_and(|guard| watch.forbids(self.now, guard, fault))
    }

    /// All faults end: a fault whose trigger has not occurred never starts.
    pub(super) fn stop_waiting<W: Watch<P>>(&mut self, watch: &mut W) {
        for Waiting { fault, .. } in std::mem::take(&mut self.waiting) {
            self.note(watch, fault, Phase::Skipped);
        }
    }
}
