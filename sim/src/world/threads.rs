//! Threads as queues with service time, and pools of them.

use super::World;
use super::node::{Busy, Thaw};
use super::pool::{Entry, Lane};
use crate::process::{DiskError, File, Input, Node, Process, Thread};
use crate::schedule::{Due, Owner};
use crate::service::{Work, input_kind};
use crate::trace::TraceKind;
use crate::watch::Watch;

impl<P: Process> World<P> {
    /// An input reaches a thread. It is accepted before this event ends if the thread is free.
    #[inline]
    pub(crate) fn offer(&mut self, node: Node, thread: Thread, input: Input<P>, hash: u64) {
        let state = &mut self.nodes[usize::from(node.0)];
        state.threads[usize::from(thread.0)].queue.push_back((input, hash));
        self.ready.push_back((node, thread));
    }

    /// As [`World::offer`], when nothing else is under way in this event: a free thread without a queue accepts it at
    /// once.
    pub(crate) fn deliver<W: Watch<P>>(
        &mut self,
        watch: &mut W,
        node: Node,
        thread: Thread,
        input: Input<P>,
        hash: u64,
    ) {
        let state = &mut self.nodes[usize::from(node.0)];
        let runs = state.runs();
        let slot = &mut state.threads[usize::from(thread.0)];
        if runs && matches!(slot.busy, Busy::Free) && slot.queue.is_empty() && slot.pool.is_none() {
            self.serve(watch, node, thread, input, hash);
        } else {
            slot.queue.push_back((input, hash));
        }
        self.pump(watch, node, thread);
        self.run_ready(watch);
    }

    /// Lets every thread with pending input accept it, until none can.
    #[inline]
    pub(crate) fn run_ready<W: Watch<P>>(&mut self, watch: &mut W) {
        while let Some((node, thread)) = self.ready.pop_front() {
            self.pump(watch, node, thread);
        }
    }

    /// Feeds one thread while it is free.
    fn pump<W: Watch<P>>(&mut self, watch: &mut W, node: Node, thread: Thread) {
        if self.nodes[usize::from(node.0)].threads[usize::from(thread.0)].pool.is_some() {
            return self.pump_pool(watch, node, thread);
        }
        loop {
            let state = &mut self.nodes[usize::from(node.0)];
            if !state.runs() {
                return;
            }
            let slot = &mut state.threads[usize::from(thread.0)];
            if !matches!(slot.busy, Busy::Free) {
                return;
            }
            if self.taken_at_one_time >= self.limits.max_events_at_one_time {
                self.look_up_at = 0;
                return;
            }
            // Kafka's poll loop waits for a message first; its timers are read after it.
            let (input, hash) = match slot.queue.pop_front() {
                Some(next) => next,
                None if slot.timer.fired => {
                    slot.timer.fired = false;
                    slot.timer.mono_ns = u64::MAX;
                    (Input::Timer, 0)
                }
                None => return,
            };
            self.taken_at_one_time += 1;
            self.serve(watch, node, thread, input, hash);
        }
    }

    /// Serves what is in the thread's queue, and steps it with what was served while it is free.
    fn pump_pool<W: Watch<P>>(&mut self, watch: &mut W, node: Node, thread: Thread) {
        while self.nodes[usize::from(node.0)].runs() {
            self.admit(node, thread);
            let slot = &mut self.nodes[usize::from(node.0)].threads[usize::from(thread.0)];
            let (Busy::Free, Some(pool)) = (&slot.busy, &mut slot.pool) else { return };
            if self.taken_at_one_time >= self.limits.max_events_at_one_time {
                self.look_up_at = 0;
                return;
            }
            if let Some(Entry { lane, input, hash }) = pool.served.pop_front() {
                self.taken_at_one_time += 1;
                self.step(watch, node, thread, input, hash);
                self.serve_next(node, thread, lane);
            } else if slot.timer.fired {
                slot.timer.fired = false;
                slot.timer.mono_ns = u64::MAX;
                slot.queue.push_back((Input::Timer, 0));
            } else {
                return;
            }
        }
    }

    fn admit(&mut self, node: Node, thread: Thread) {
        loop {
            let slot = &mut self.nodes[usize::from(node.0)].threads[usize::from(thread.0)];
            let (Some(pool), Some((input, hash))) = (&mut slot.pool, slot.queue.pop_front()) else { return };
            let entry = Entry { lane: Lane::of(&input), input, hash };
            if entry.input.precedes_queue() {
                pool.served.push_front(entry);
            } else if pool.is_taken(entry.lane) {
                pool.waiting.push_back(entry);
            } else {
                self.serve_beside(node, thread, entry);
            }
        }
    }

    /// An input of a lane has been stepped: the next one of the lane is served.
    fn serve_next(&mut self, node: Node, thread: Thread, lane: Lane) {
        let Some(pool) = &mut self.nodes[usize::from(node.0)].threads[usize::from(thread.0)].pool else { return };
        if let Some(entry) = pool.take_waiting(lane) {
            self.serve_beside(node, thread, entry);
        }
    }

    fn serve_beside(&mut self, node: Node, thread: Thread, entry: Entry<P>) {
        let state = &mut self.nodes[usize::from(node.0)];
        let Some(pool) = &mut state.threads[usize::from(thread.0)].pool else { return };
        let mut works = std::mem::take(&mut pool.works);
        if let Some(process) = &state.process {
            process.work_before(thread, &entry.input, &mut works);
        }
        let mut busy_ns = self.service_ns(node, Work::Input(thread, input_kind(&entry.input)));
        for work in works.drain(..) {
            busy_ns += self.service_ns(node, Work::Done(work));
        }
        let slot = &mut self.nodes[usize::from(node.0)].threads[usize::from(thread.0)];
        let Some(pool) = &mut slot.pool else { return };
        pool.works = works;
        if busy_ns == 0 {
            pool.served.push_back(entry);
        } else {
            let (owner, due) = (Owner::thread(node, thread), Due::Served(node, thread));
            let ordinal = self.schedule.push(self.now + busy_ns, owner, &mut slot.next_ordinal, due);
            pool.serving.push((ordinal, entry));
        }
    }

    /// An input of a pool has been served; false if this schedule entry is of none.
    fn served_beside(&mut self, node: Node, thread: Thread, ordinal: u32) -> bool {
        let Some(pool) = &mut self.nodes[usize::from(node.0)].threads[usize::from(thread.0)].pool else { return false };
        let Some(place) = pool.serving.iter().position(|(of, _)| *of == ordinal) else { return false };
        let (_, entry) = pool.serving.remove(place);
        pool.served.push_back(entry);
        true
    }

    /// A free thread accepts an input: it is busy for the input's service time, then steps.
    #[inline]
    fn serve<W: Watch<P>>(&mut self, watch: &mut W, node: Node, thread: Thread, input: Input<P>, hash: u64) {
        let busy_ns = self.service_ns(node, Work::Input(thread, input_kind(&input)));
        if busy_ns == 0 {
            self.step(watch, node, thread, input, hash);
        } else {
            let ordinal = self.schedule_served(node, thread, busy_ns);
            self.nodes[usize::from(node.0)].threads[usize::from(thread.0)].busy =
                Busy::Serving { ordinal, input, hash };
        }
    }

    fn schedule_served(&mut self, node: Node, thread: Thread, busy_ns: u64) -> u32 {
        let next_ordinal = &mut self.nodes[usize::from(node.0)].threads[usize::from(thread.0)].next_ordinal;
        let (owner, due) = (Owner::thread(node, thread), Due::Served(node, thread));
        self.schedule.push(self.now + busy_ns, owner, next_ordinal, due)
    }

    /// Holds the fresh effects of a step while its thread is busy with what they show; false if that takes no time.
    #[cold]
    pub(crate) fn holds_for_work(&mut self, node: Node, thread: Thread) -> bool {
        let Some(process) = &self.nodes[usize::from(node.0)].process else { return false };
        let mut works: Vec<u8> = self.out.effects.iter().filter_map(|effect| process.work_in(thread, effect)).collect();
        works.dedup();
        let busy_ns = works.into_iter().map(|work| self.service_ns(node, Work::Done(work))).sum();
        if busy_ns == 0 {
            return false;
        }
        let ordinal = self.schedule_served(node, thread, busy_ns);
        let slot = &mut self.nodes[usize::from(node.0)].threads[usize::from(thread.0)];
        slot.busy = Busy::Working { ordinal };
        slot.held.append(&mut self.out.effects);
        true
    }

    #[inline(always)]
    fn step<W: Watch<P>>(&mut self, watch: &mut W, node: Node, thread: Thread, input: Input<P>, hash: u64) {
        let state = &mut self.nodes[usize::from(node.0)];
        let now = state.clock.now(self.now);
        if let Some(process) = &state.process {
            watch.before_step(node, thread, now, &input, process);
        }
        watch.input(self.now, node, thread, &input);
        self.trace.behaviour(self.now, node.0, thread.0, state.incarnation, kind_of(&input), hash);
        let Some(process) = state.process.as_mut() else { panic!("node {} is stepped while down", node.0) };
        process.step(thread, now, input, &mut state.entropy, &mut self.out);
        watch.stepped(self.now, node, thread, process);
        self.apply_step(watch, node, thread);
    }

    pub(crate) fn served<W: Watch<P>>(&mut self, watch: &mut W, node: Node, thread: Thread, entry: u32) -> bool {
        if self.served_beside(node, thread, entry) {
            self.ready.push_back((node, thread));
            self.run_ready(watch);
            return true;
        }
        let state = &mut self.nodes[usize::from(node.0)];
        let frozen = state.is_frozen();
        let slot = &mut state.threads[usize::from(thread.0)];
        match slot.busy {
            Busy::Serving { ordinal, .. } | Busy::Working { ordinal } if ordinal == entry => {}
            _ => return false,
        }
        let thaw = match std::mem::replace(&mut slot.busy, Busy::Free) {
            Busy::Serving { input, hash, .. } => Thaw::Step { input, hash },
            _ => Thaw::Held,
        };
        if frozen {
            slot.busy = Busy::Thawing(thaw);
            return false;
        }
        match thaw {
            Thaw::Step { input, hash } => self.step(watch, node, thread, input, hash),
            _ => {
                watch.resumes(self.now, node, thread);
                self.apply_held(watch, node, thread);
            }
        }
        self.ready.push_back((node, thread));
        self.run_ready(watch);
        true
    }

    pub(crate) fn fsync_completes<W: Watch<P>>(
        &mut self,
        watch: &mut W,
        node: Node,
        thread: Thread,
        entry: u32,
    ) -> bool {
        let state = &mut self.nodes[usize::from(node.0)];
        let (stalled, frozen) = (state.stalled > 0, state.is_frozen());
        let slot = &mut state.threads[usize::from(thread.0)];
        let Busy::Syncing { ordinal, file, .. } = slot.busy else { return false };
        if ordinal != entry {
            return false;
        }
        slot.busy = Busy::Free;
        if stalled {
            slot.busy = Busy::Thawing(Thaw::Sync { file });
            return false;
        }
        watch.resumes(self.now, node, thread);
        if !self.sync_now(watch, node, thread, file) {
            self.run_ready(watch);
            return true;
        }
        if frozen {
            self.nodes[usize::from(node.0)].threads[usize::from(thread.0)].busy = Busy::Thawing(Thaw::Held);
            return true;
        }
        self.go_on(watch, node, thread);
        true
    }

    /// Completes an fsync; false if it failed and the effects behind it are dropped.
    pub(crate) fn sync_now<W: Watch<P>>(
        &mut self,
        watch: &mut W,
        node: Node,
        thread: Thread,
        file: Option<File>,
    ) -> bool {
        if let Some(error) = self.fsync_error(watch, node, file) {
            self.disk_fails(watch, node, thread, error);
            if let Some(file) = file {
                self.nodes[usize::from(node.0)].disk.fail_fsync(file);
                watch.fsync_failed(self.now, node, file, &self.nodes[usize::from(node.0)].disk);
            }
            return false;
        }
        let state = &mut self.nodes[usize::from(node.0)];
        let failed_before = file.filter(|file| state.disk.has_failed_fsync(*file));
        let synced = match file {
            Some(file) => {
                state.disk.fsync(file);
                crate::watch::Synced::File(file)
            }
            None => {
                state.disk.fsync_directory();
                crate::watch::Synced::Directory
            }
        };
        let content = file.map_or(u64::MAX, |file| u64::from(file.0));
        self.trace.behaviour(self.now, node.0, thread.0, state.incarnation, TraceKind::Synced, content);
        watch.synced(self.now, node, synced);
        if let Some(file) = failed_before {
            watch.synced_after_failure(self.now, node, file, &self.nodes[usize::from(node.0)].disk);
        }
        true
    }

    /// Why the fsync that ends now fails, if it does.
    fn fsync_error<W: Watch<P>>(&mut self, watch: &mut W, node: Node, file: Option<File>) -> Option<DiskError> {
        let state = &self.nodes[usize::from(node.0)];
        if state.full_at_fsync > 0 && file.is_some_and(|file| state.disk.is_dirty(file)) {
            return Some(DiskError::NoSpace);
        }
        let is_sound = state.failing_fsyncs.is_empty();
        // The model of a failed fsync is one of pages that were to be written.
        let writes = file.is_none_or(|file| self.state(node).disk.is_dirty(file));
        (!is_sound && writes && self.fsync_is_to_fail(watch, node)).then_some(DiskError::Io)
    }

    /// Applies what was held behind a barrier, then accepts more input.
    fn go_on<W: Watch<P>>(&mut self, watch: &mut W, node: Node, thread: Thread) {
        self.apply_held(watch, node, thread);
        self.ready.push_back((node, thread));
        self.run_ready(watch);
    }

    /// A frozen node runs again.
    pub(crate) fn thaw<W: Watch<P>>(&mut self, watch: &mut W, node: Node) {
        for thread in 0..self.nodes[usize::from(node.0)].threads.len() {
            // The effects of one thread may kill the node.
            if self.nodes[usize::from(node.0)].dying.is_some() {
                break;
            }
            let id = Thread(thread as u8);
            let slot = &mut self.nodes[usize::from(node.0)].threads[thread];
            if matches!(slot.busy, Busy::Thawing(_)) {
                match std::mem::replace(&mut slot.busy, Busy::Free) {
                    Busy::Thawing(Thaw::Step { input, hash }) => self.step(watch, node, id, input, hash),
                    Busy::Thawing(Thaw::Held) => {
                        watch.resumes(self.now, node, id);
                        self.apply_held(watch, node, id);
                    }
                    Busy::Thawing(Thaw::Sync { file }) => {
                        watch.resumes(self.now, node, id);
                        if self.sync_now(watch, node, id, file) {
                            self.apply_held(watch, node, id);
                        }
                    }
                    _ => {}
                }
            }
            self.ready.push_back((node, id));
        }
        self.run_ready(watch);
    }

    pub(crate) fn timer_fires<W: Watch<P>>(&mut self, watch: &mut W, node: Node, thread: Thread, entry: u32) -> bool {
        let slot = &mut self.nodes[usize::from(node.0)].threads[usize::from(thread.0)];
        if slot.timer.entry_at == u64::MAX || slot.timer.entry_ordinal != entry {
            return false;
        }
        slot.timer.entry_at = u64::MAX;
        if slot.timer.mono_ns == u64::MAX || slot.timer.fired {
            return false;
        }
        if slot.timer.due_at > self.now {
            self.place_timer(node, thread);
            return false;
        }
        slot.timer.fired = true;
        self.pump(watch, node, thread);
        self.run_ready(watch);
        true
    }
}

fn kind_of<P: Process>(input: &Input<P>) -> TraceKind {
    match input {
        Input::Opened { .. } => TraceKind::Opened,
        Input::Closed { .. } => TraceKind::Closed,
        Input::Request { .. } => TraceKind::Request,
        Input::Response { .. } => TraceKind::Response,
        Input::Timer => TraceKind::Timer,
        Input::DiskError(_) => TraceKind::DiskError,
        Input::Post(_) => TraceKind::Post,
        Input::Terminate => TraceKind::Terminate,
        Input::Exception => TraceKind::Exception,
        Input::Continue => TraceKind::Continue,
        Input::Operation(_) => TraceKind::Operation,
    }
}
