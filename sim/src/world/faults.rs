//! Faults as they start and end, and the time when all of them do.

use super::World;
use super::inject::Inject;
use super::node::{Dying, ScheduledCrash, ShortWrites};
use crate::clock::SLOWEST_PPM;
use crate::fault::{Begun, Came, Fault, Link, What};
use crate::process::{Node, Process, Thread};
use crate::schedule::Due;
use crate::watch::{Down, Phase, Watch};

const FASTEST_PPM: i64 = i32::MAX as i64;

macro_rules! inject {
    ($($file:ident: $Kind:ident = $name:literal,)+) => {
        impl Inject for What {
            fn begin<P: Process, W: Watch<P>>(&self, world: &mut World<P>, watch: &mut W, begun: Begun) -> Came {
                match self {
                    $(What::$Kind(fault) => fault.begin(world, watch, begun),)+
                }
            }

            fn end<P: Process, W: Watch<P>>(&self, world: &mut World<P>, watch: &mut W, begun: Begun) {
                match self {
                    $(What::$Kind(fault) => fault.end(world, watch, begun),)+
                }
            }
        }
    };
}

crate::fault_kinds!(inject);

impl<P: Process> World<P> {
    pub(crate) fn schedule_plan(&mut self, heal_at_ns: u64) {
        let plan = self.plan.clone();
        for (index, fault) in plan.0.iter().enumerate() {
            // When a node boots it looks up names and sends messages; a fault of links at time 0 affects those.
            if fault.at_ns == 0 && fault.on.is_none() && fault.what.node().is_none() {
                self.before_boots.push(index as u32);
                self.schedule_end(index as u32, fault, 0);
            } else {
                self.schedule_fault(index as u32, fault);
            }
        }
        self.push_plan(heal_at_ns, 0, Due::Heal);
    }

    pub(crate) fn schedule_fault(&mut self, index: u32, fault: &Fault) {
        self.push_plan(fault.at_ns, fault.content_hash(), Due::FaultStart(index));
        // The duration of an aimed fault counts from its beginning.
        if fault.on.is_none() {
            self.schedule_end(index, fault, fault.at_ns);
        }
    }

    fn schedule_end(&mut self, index: u32, fault: &Fault, struck_at: u64) {
        if fault.lasts_ns > 0 && !fault.what.boots_by_itself() {
            self.push_plan(struck_at.saturating_add(fault.lasts_ns), fault.content_hash(), Due::FaultEnd(index));
        }
    }

    pub(crate) fn fault_starts<W: Watch<P>>(&mut self, watch: &mut W, index: usize) -> bool {
        if self.faults_are_over {
            return false;
        }
        if !self.begins_to_wait(index) {
            self.strike_now(watch, index);
            self.run_ready(watch);
        }
        true
    }

    /// Starts a fault that is due, by the clock or by its trigger.
    pub(super) fn strike_now<W: Watch<P>>(&mut self, watch: &mut W, index: usize) {
        let plan = self.plan.clone();
        let fault = &plan.0[index];
        // The guard of a fault that waits for its place between two effects is evaluated there.
        if !self.finds_its_place_later(&fault.what) && self.is_forbidden(watch, index) {
            self.note(watch, index, Phase::Skipped);
            return;
        }
        if fault.on.is_some() {
            self.schedule_end(index as u32, fault, self.now);
        }
        let lasts = fault.lasts_ns > 0 && !fault.what.boots_by_itself();
        match fault.what.begin(self, watch, self.begun(index)) {
            Came::Injected => {
                self.in_force[index] = lasts;
                self.took_effect(watch, index);
            }
            Came::Armed => self.in_force[index] = lasts,
            Came::Nothing => self.note(watch, index, Phase::Skipped),
        }
    }

    fn finds_its_place_later(&mut self, what: &What) -> bool {
        what.begins_between_effects() && what.node().is_some_and(|node| self.is_up(node))
    }

    /// Counts and shows a fault when it takes effect.
    pub(crate) fn took_effect<W: Watch<P>>(&mut self, watch: &mut W, index: usize) {
        self.counts.faults += 1;
        self.note(watch, index, Phase::Start);
    }

    /// Drops a kill that waited for its place between two effects.
    pub(crate) fn disarm<W: Watch<P>>(&mut self, watch: &mut W, node: Node) {
        if let Some(crash) = self.state(node).scheduled_crash.take() {
            self.note(watch, crash.fault, Phase::Skipped);
        }
    }

    /// Whether the fsync that ends now fails. It counts for the earliest fault, whose guard is evaluated again at its
    /// first failure: other faults may have begun since it was armed.
    pub(crate) fn fsync_is_to_fail<W: Watch<P>>(&mut self, watch: &mut W, node: Node) -> bool {
        self.state(node).failing_fsyncs.retain(|one| one.left > 0);
        while let Some(first) = self.state(node).failing_fsyncs.first_mut() {
            let fault = first.fault;
            if first.has_taken_effect {
                first.left -= 1;
                return true;
            }
            if !self.is_forbidden(watch, fault) {
                let first = &mut self.state(node).failing_fsyncs[0];
                (first.left, first.has_taken_effect) = (first.left - 1, true);
                self.took_effect(watch, fault);
                return true;
            }
            self.calls_off(node, fault);
            self.in_force[fault] = false;
            self.note(watch, fault, Phase::Skipped);
        }
        false
    }

    /// Where the write that is due is to be cut, in parts per million, by the earliest fault whose guard permits it now.
    pub(crate) fn short_write_is_due<W: Watch<P>>(&mut self, watch: &mut W, node: Node) -> Option<u32> {
        while let Some(ShortWrites { fault, at_ppm }) = self.state(node).short_writes.first().copied() {
            self.state(node).short_writes.remove(0);
            if !self.is_forbidden(watch, fault) {
                self.took_effect(watch, fault);
                return Some(at_ppm);
            }
            self.in_force[fault] = false;
            self.note(watch, fault, Phase::Skipped);
        }
        None
    }

    /// No more fsyncs fail for a fault, and no write is cut short; true if nothing has come of it.
    fn calls_off(&mut self, node: Node, fault: usize) -> bool {
        let short = &mut self.state(node).short_writes;
        if let Some(place) = short.iter().position(|one| one.fault == fault) {
            short.remove(place);
            return true;
        }
        let failing = &mut self.state(node).failing_fsyncs;
        let place = failing.iter().position(|one| one.fault == fault);
        place.is_some_and(|place| !failing.remove(place).has_taken_effect)
    }

    pub(crate) fn fault_ends<W: Watch<P>>(&mut self, watch: &mut W, index: usize) -> bool {
        if !self.in_force[index] {
            return false;
        }
        self.in_force[index] = false;
        let plan = self.plan.clone();
        let never_struck = plan.0[index].what.node().is_some_and(|node| self.calls_off(node, index));
        self.note(watch, index, if never_struck { Phase::Skipped } else { Phase::End });
        plan.0[index].what.end(self, watch, self.begun(index));
        true
    }

    /// Ends a fault that was submitted; a node that it keeps down is powered on, and one that is still shutting down
    /// boots as soon as it has ended.
    pub(crate) fn end_fault<W: Watch<P>>(&mut self, watch: &mut W, index: usize) {
        let what = &self.plan.0[index].what;
        match what.node().filter(|_| what.boots_by_itself()) {
            None => {
                self.fault_ends(watch, index);
            }
            Some(node) => {
                let state = self.state(node);
                if state.scheduled_crash.as_ref().is_some_and(|crash| crash.fault == index) {
                    self.disarm(watch, node);
                } else if state.process.is_some() {
                    // It may still be shutting down. Of two SIGTERMs the last one counts.
                    state.terminated = state.terminated.map(|(by, ns)| (by, if by == index { 0 } else { ns }));
                } else if state.process.is_none() && state.dying.is_none() {
                    self.schedule_restart(node, 0);
                }
            }
        }
    }

    pub(super) fn note<W: Watch<P>>(&mut self, watch: &mut W, index: usize, phase: Phase) {
        let plan = self.plan.clone();
        let fault = &plan.0[index];
        let code = match phase {
            Phase::Start => 1,
            Phase::End => 2,
            Phase::Skipped => 3,
        };
        self.trace.plan(self.now, index as u32, code, fault.content_hash());
        watch.fault(self.now, fault, phase);
    }

    fn begun(&self, index: usize) -> Begun {
        let fault = &self.plan.0[index];
        Begun { index, lasts_ns: fault.lasts_ns, identity: fault.content_hash() }
    }

    /// All faults end: links are restored, clocks run true, every node that is down boots.
    pub(crate) fn heal<W: Watch<P>>(&mut self, watch: &mut W) -> bool {
        self.lift_all(watch);
        self.healed = true;
        self.trace.plan(self.now, u32::MAX, 4, 0);
        self.bring_all_back(watch);
        watch.healed(self.now);
        self.run_ready(watch);
        true
    }

    /// Faults in force end, and those that wait for a trigger never start.
    pub(super) fn lift_all<W: Watch<P>>(&mut self, watch: &mut W) {
        for index in 0..self.in_force.len() {
            self.fault_ends(watch, index);
        }
        self.stop_waiting(watch);
        self.faults_are_over = true;
    }

    /// Faults that have not found their place yet are dropped, and every node that is down boots.
    pub(super) fn bring_all_back<W: Watch<P>>(&mut self, watch: &mut W) {
        for node in 0..self.nodes.len() {
            self.disarm(watch, Node(node as u16));
            for failing in std::mem::take(&mut self.nodes[node].failing_fsyncs) {
                if !failing.has_taken_effect {
                    self.note(watch, failing.fault, Phase::Skipped);
                }
            }
            for short in std::mem::take(&mut self.nodes[node].short_writes) {
                self.note(watch, short.fault, Phase::Skipped);
            }
            let boot = super::Visible::Boot(Node(node as u16));
            let state = &mut self.nodes[node];
            if state.process.is_none() && state.dying.is_none() && !self.visible.contains(&boot) {
                state.restart_ordinal = None;
                self.show_host(boot);
            }
        }
    }

    pub(crate) fn on_links(&mut self, links: &[Link], change: impl Fn(&mut crate::network::LinkState)) {
        for Link(from, to) in links {
            let index = self.network.link_index(*from, *to);
            change(&mut self.network.links[index]);
        }
    }

    pub(crate) fn state(&mut self, node: Node) -> &mut super::node::NodeState<P> {
        &mut self.nodes[usize::from(node.0)]
    }

    pub(crate) fn is_up(&mut self, node: Node) -> bool {
        let state = self.state(node);
        state.process.is_some() && state.dying.is_none()
    }

    pub(crate) fn stop_process<W: Watch<P>>(
        &mut self,
        watch: &mut W,
        fault: usize,
        node: Node,
        after_effects: Option<u8>,
        dying: Dying,
    ) -> Came {
        if !self.is_up(node) {
            return Came::Nothing;
        }
        let Some(after) = after_effects else {
            self.condemn(watch, node, dying);
            return Came::Injected;
        };
        // One at a time: the newer replaces the older one.
        self.disarm(watch, node);
        self.state(node).scheduled_crash =
            Some(ScheduledCrash { after: usize::from(after), within: None, fault, dying });
        Came::Armed
    }

    /// The process was down already; now its page cache is lost too.
    pub(crate) fn lose_power_while_down<W: Watch<P>>(&mut self, watch: &mut W, node: Node, dying: &Dying, lasts: u64) {
        self.state(node).host_up = false;
        self.lose_power(node, dying.tail.unwrap_or(crate::fault::Tail::Lost), dying.fault);
        watch.down(self.now, node, &self.nodes[usize::from(node.0)].disk, Down::PowerLost);
        self.schedule_restart(node, lasts);
    }

    pub(crate) fn add_drift(&mut self, node: Node, ppm: i64) {
        let at = self.now;
        let state = self.state(node);
        state.extra_drift_ppm += ppm;
        let drift = i64::from(state.base_drift_ppm) + state.extra_drift_ppm;
        state.clock.set_drift(at, drift.clamp(-i64::from(SLOWEST_PPM), FASTEST_PPM) as i32);
        for thread in 0..P::THREADS.len() {
            self.place_timer(node, Thread(thread as u8));
        }
    }

    pub(crate) fn step_wall(&mut self, node: Node, by_ms: i64) {
        let at = self.now;
        self.state(node).clock.step_wall(at, by_ms);
    }

    pub(crate) fn thaw_if_free<W: Watch<P>>(&mut self, watch: &mut W, node: Node) {
        if !self.state(node).is_frozen() && self.is_up(node) {
            self.thaw(watch, node);
        }
    }
}
