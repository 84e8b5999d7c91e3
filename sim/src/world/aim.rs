//! Faults that wait for something to be sighted, and the guards that are asked before any strikes.

use std::rc::Rc;

use super::World;
use crate::fault::{Sighting, Trigger};
use crate::process::Process;
use crate::schedule::Due;
use crate::watch::{Phase, Watch};

/// An aimed fault whose time has come, and which has not sighted enough yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    /// Index in the plan.
    fault: usize,
    /// The how manieth sighting from now on it is.
    left: u32,
}

impl<P: Process> World<P> {
    /// Does a fault wait for a sighting? It does from now on.
    pub(super) fn begins_to_wait(&mut self, fault: usize) -> bool {
        if self.sighted[fault] {
            return false;
        }
        let Some(Trigger { nth, .. }) = &self.plan.0[fault].on else { return false };
        self.waiting.push(Waiting { fault, left: (*nth).max(1) });
        true
    }

    /// Shows what the onlooker has seen to those that wait, in the order in which they began to.
    #[cold]
    pub(crate) fn take_sightings<W: Watch<P>>(&mut self, watch: &mut W) {
        for sighting in watch.take_sightings() {
            let mut at = 0;
            while let Some(one) = self.waiting.get_mut(at) {
                let trigger = self.plan.0[one.fault].on.as_ref();
                if trigger.is_some_and(|trigger| trigger.fits(&sighting)) {
                    one.left -= 1;
                    if one.left == 0 {
                        let Waiting { fault, .. } = self.waiting.remove(at);
                        self.sights(watch, fault, &sighting);
                        continue;
                    }
                }
                at += 1;
            }
        }
    }

    /// The one it waited for: its place in the plan now says whom it strikes.
    fn sights<W: Watch<P>>(&mut self, watch: &mut W, fault: usize, sighting: &Sighting) {
        self.sighted[fault] = true;
        let plan = Rc::make_mut(&mut self.plan);
        let Some(trigger) = plan.0[fault].on.clone() else { return };
        plan.0[fault].what = trigger.resolve(&plan.0[fault].what, sighting);
        if trigger.after_ns > 0 {
            let identity = plan.0[fault].content_hash();
            self.push_plan(self.now.saturating_add(trigger.after_ns), identity, Due::FaultStart(fault as u32));
        } else {
            self.strike_now(watch, fault);
        }
    }

    /// Is it too much, by its guard?
    pub(super) fn is_forbidden<W: Watch<P>>(&self, watch: &W, fault: usize) -> bool {
        let fault = &self.plan.0[fault];
        fault.unless.as_ref().is_some_and(|guard| watch.forbids(guard, fault))
    }

    /// The world heals: what was not sighted never strikes.
    pub(super) fn stop_waiting<W: Watch<P>>(&mut self, watch: &mut W) {
        for Waiting { fault, .. } in std::mem::take(&mut self.waiting) {
            self.note(watch, fault, Phase::Skipped);
        }
    }
}
