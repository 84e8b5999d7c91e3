//! Boots and deaths of nodes.

use super::node::{Busy, Dying, Thaw, Timer};
use super::{Visible, World};
use crate::fault::{Tail, What};
use crate::process::{Node, Port, Process, Thread};
use crate::rng::Purpose;
use crate::schedule::{Due, Owner};
use crate::trace::TraceKind;
use crate::watch::{Down, Watch};

/// How long a host is up before its process starts, at most: from the network's configuration to the first bound
/// socket of a process that is started with the system, in a JVM. At most half of the time that the node is down.
const HOST_UP_BEFORE_NS: u64 = 1_000_000_000;

impl<P: Process> World<P> {
    /// Announces a node's death to the host; everything not yet done is dropped.
    pub(crate) fn condemn<W: Watch<P>>(&mut self, watch: &mut W, node: Node, dying: Dying) {
        let state = &mut self.nodes[usize::from(node.0)];
        assert!(state.process.is_some() && state.dying.is_none(), "node {} dies twice", node.0);
        state.dying = Some(dying);
        self.show_host(Visible::Kill(node));
        self.disarm(watch, node);
    }

    /// Called by the host for [`Visible::Kill`]: volatile state is lost; the disk follows its own rules.
    pub fn crash<W: Watch<P>>(&mut self, watch: &mut W, node: Node) {
        let index = usize::from(node.0);
        let Some(dying) = self.nodes[index].dying.take() else {
            panic!("node {} was crashed, but nothing had condemned it", node.0)
        };
        let Some(process) = self.nodes[index].process.take() else { panic!("node {} was down already", node.0) };
        let settled = self.nodes[index].is_settled();
        watch.before_down(self.now, node, settled, &process, &self.nodes[index].disk, dying.how);
        drop(process);
        let incarnation = self.nodes[index].incarnation;
        self.trace.behaviour(self.now, node.0, 0, incarnation, TraceKind::Down, down_code(dying.how));
        for (number, thread) in self.nodes[index].threads.iter_mut().enumerate() {
            let received = match &thread.busy {
                Busy::Serving { input, .. } | Busy::Thawing(Thaw::Step { input, .. }) => Some(input),
                _ => None,
            };
            let of_pool = thread.pool.iter().flat_map(|pool| pool.inputs());
            for input in received.into_iter().chain(of_pool).chain(thread.queue.iter().map(|(input, _)| input)) {
                watch.discarded(self.now, node, Thread(number as u8), input);
            }
            if let Some(pool) = &mut thread.pool {
                pool.clear();
            }
            thread.busy = Busy::Free;
            thread.queue.clear();
            thread.held.clear();
            thread.timer = Timer { entry_at: u64::MAX, ..Timer::DISARMED };
        }
        self.service_ends(node);
        self.close_connections_of(watch, node, incarnation, dying.how == Down::PowerLost);
        let state = &mut self.nodes[index];
        state.disk.process_died();
        if dying.how == Down::PowerLost {
            state.host_up = false;
            self.lose_power(node, dying.tail.unwrap_or(Tail::Lost), dying.fault);
        }
        if let Some(fault) = dying.damaged_by {
            self.damage_file(watch, node, fault);
        }
        let state = &mut self.nodes[index];
        if dying.replace_disk {
            state.disk.replace();
            state.disk_is_damaged = false;
            state.disk.set_full(state.full > 0);
            watch.disk_damaged(self.now, node, &state.disk);
        }
        watch.down(self.now, node, &self.nodes[index].disk, dying.how);
        if let Some(after) = dying.down_for_ns {
            self.schedule_restart(node, after);
        }
    }

    pub(crate) fn lose_power(&mut self, node: Node, tail: Tail, fault: u64) {
        let mut entropy = self.seed.entropy(Purpose::DiskFault, fault);
        self.nodes[usize::from(node.0)].disk.power_lost(tail, &mut entropy);
    }

    fn damage_file<W: Watch<P>>(&mut self, watch: &mut W, node: Node, fault: usize) {
        let fault = &self.plan.0[fault];
        let What::FileDamage(damage) = &fault.what else { panic!("{} damages no file", fault.what.kind()) };
        let mut entropy = self.seed.entropy(Purpose::DiskFault, fault.content_hash());
        let state = &mut self.nodes[usize::from(node.0)];
        let (file, how) = ((damage.file.as_str(), damage.file_rank), (damage.damage, damage.at_ppm));
        if state.disk.damage(file, how, &mut entropy) {
            state.disk_is_damaged = true;
            watch.disk_damaged(self.now, node, &state.disk);
        }
    }

    pub(crate) fn schedule_restart(&mut self, node: Node, after_ns: u64) {
        if !self.nodes[usize::from(node.0)].host_up && after_ns > 0 {
            self.schedule_host_up(node, after_ns);
        }
        let at = self.now.saturating_add(after_ns).saturating_add(self.start_ns(node));
        let next_ordinal = &mut self.nodes[usize::from(node.0)].threads[0].next_ordinal;
        let ordinal = self.schedule.push(at, Owner::thread(node, Thread(0)), next_ordinal, Due::Restart(node));
        self.nodes[usize::from(node.0)].restart_ordinal = Some(ordinal);
    }

    /// A host that has lost power answers before its process starts: with RST, as nobody listens.
    fn schedule_host_up(&mut self, node: Node, restart_after_ns: u64) {
        let after_ns = restart_after_ns - HOST_UP_BEFORE_NS.min(restart_after_ns / 2);
        let at = self.now.saturating_add(after_ns);
        let next_ordinal = &mut self.nodes[usize::from(node.0)].threads[0].next_ordinal;
        let ordinal = self.schedule.push(at, Owner::thread(node, Thread(0)), next_ordinal, Due::HostUp(node));
        self.nodes[usize::from(node.0)].host_up_ordinal = Some(ordinal);
    }

    pub(crate) fn host_is_up(&mut self, node: Node, ordinal: u32) -> bool {
        let state = &mut self.nodes[usize::from(node.0)];
        let live = state.host_up_ordinal == Some(ordinal) && !state.host_up;
        if live {
            (state.host_up, state.host_up_ordinal) = (true, None);
        }
        live
    }

    pub(crate) fn restart_is_due(&mut self, node: Node, ordinal: u32) -> bool {
        let state = &mut self.nodes[usize::from(node.0)];
        let live = state.restart_ordinal == Some(ordinal) && state.process.is_none();
        if live {
            state.restart_ordinal = None;
            self.show_host(Visible::Boot(node));
        }
        live
    }

    /// Called by the host for [`Visible::Boot`].
    pub fn boot<W: Watch<P>>(&mut self, watch: &mut W, node: Node) {
        let index = usize::from(node.0);
        let state = &mut self.nodes[index];
        assert!(state.process.is_none(), "node {} is booted while it is up", node.0);
        state.incarnation += 1;
        state.ports = 0;
        if P::listens_at_boot(&state.spec) {
            state.listen(Port::FIRST);
        }
        (state.host_up, state.host_up_ordinal) = (true, None);
        state.restart_ordinal = None;
        // It was killed while it was shutting down.
        state.terminated = None;
        let incarnation = state.incarnation;
        state.entropy = self.seed.entropy(Purpose::Node, u64::from(node.0) << 32 | u64::from(incarnation));
        self.trace.behaviour(self.now, node.0, 0, incarnation, TraceKind::Boot, 0);
        watch.booted(self.now, node, incarnation, &state.disk);
        self.service_begins(node);
        let state = &mut self.nodes[index];
        let mut out = std::mem::take(&mut self.out);
        let now = state.clock.now(self.now);
        let process = P::boot(&state.spec, now, &mut state.entropy, &state.disk, &mut out);
        watch.up(self.now, node, &process);
        state.process = Some(process);
        self.out = out;
        self.apply_step(watch, node, Thread(0));
        self.run_ready(watch);
    }

    /// Moves the timer's deadline, changing the schedule only if the live entry would be too late.
    pub(crate) fn place_timer(&mut self, node: Node, thread: Thread) {
        let state = &mut self.nodes[usize::from(node.0)];
        let slot = &mut state.threads[usize::from(thread.0)];
        if slot.timer.mono_ns == u64::MAX {
            return;
        }
        slot.timer.due_at = state.clock.true_at_mono(self.now, slot.timer.mono_ns);
        if slot.timer.entry_at > slot.timer.due_at {
            slot.timer.entry_at = slot.timer.due_at;
            slot.timer.entry_ordinal = self.schedule.push(
                slot.timer.due_at,
                Owner::thread(node, thread),
                &mut slot.next_ordinal,
                Due::Timer(node, thread),
            );
        }
    }
}

fn down_code(how: Down) -> u64 {
    match how {
        Down::Killed => 1,
        Down::PowerLost => 2,
        Down::Halted { fatal: false } => 3,
        Down::Halted { fatal: true } => 4,
        Down::Panicked => 5,
    }
}
