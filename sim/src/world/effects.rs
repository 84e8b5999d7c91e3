//! Performs the effects of a step in order; a barrier holds the rest, a death drops it.

use std::rc::Rc;

use super::World;
use super::node::{Busy, Dying, Timer};
use crate::process::{DiskError, Effect, File, Input, Node, Process, Thread};
use crate::schedule::{Due, Owner};
use crate::trace::TraceKind;
use crate::watch::{Down, Synced, Watch, Write};

/// How an effect list continues after one effect.
enum Then {
    Next,
    /// The rest waits for this fsync.
    Barrier(Option<File>),
    /// The rest is gone.
    Dropped,
}

impl<P: Process> World<P> {
    /// Applies `self.out`, the fresh effects of one step.
    pub(crate) fn apply_step<W: Watch<P>>(&mut self, watch: &mut W, node: Node, thread: Thread) {
        if self.out.effects.is_empty() {
            return;
        }
        let state = &mut self.nodes[usize::from(node.0)];
        if let Some(crash) = &mut state.scheduled_crash
            && crash.within.is_none()
            && self.out.effects.len() > crash.after
        {
            crash.within = Some((thread, crash.after));
        }
        if state.service.has_work_in_effects() && self.holds_for_work(node, thread) {
            return;
        }
        let mut effects = std::mem::take(&mut self.out.effects);
        self.apply(watch, node, thread, &mut effects);
        self.out.effects = effects;
    }

    /// Applies what was held behind a barrier.
    pub(crate) fn apply_held<W: Watch<P>>(&mut self, watch: &mut W, node: Node, thread: Thread) {
        let slot = &mut self.nodes[usize::from(node.0)].threads[usize::from(thread.0)];
        let spare = std::mem::take(&mut self.spare);
        let mut effects = std::mem::replace(&mut slot.held, spare);
        self.apply(watch, node, thread, &mut effects);
        self.spare = effects;
    }

    /// Empties `effects`: performed, held behind a barrier, or dropped. The thread is free before, and after unless it
    /// now waits for a barrier or died.
    fn apply<W: Watch<P>>(&mut self, watch: &mut W, node: Node, thread: Thread, effects: &mut Vec<Effect<P>>) {
        let index = usize::from(node.0);
        let mut next = 0;
        while let Some(effect) = effects.get_mut(next) {
            next += 1;
            if self.nodes[index].scheduled_crash.is_some() && self.is_cut_here(watch, node, thread) {
                self.nodes[index].threads[usize::from(thread.0)].busy = Busy::Cut;
                break;
            }
            let then = self.apply_one(watch, node, thread, effect);
            if watch.has_occurrences() {
                self.take_occurrences(watch);
                if self.nodes[index].dying.is_some() {
                    self.nodes[index].threads[usize::from(thread.0)].busy = Busy::Cut;
                    break;
                }
            }
            match then {
                Then::Next => {}
                Then::Barrier(file) => {
                    watch.syncs(self.now, node, thread, file.map_or(Synced::Directory, Synced::File));
                    self.nodes[index].threads[usize::from(thread.0)].held.extend(effects.drain(next..));
                    // A disk without latency is done already: continue with the held effects.
                    if self.start_fsync(node, thread, file) || !self.sync_now(watch, node, thread, file) {
                        break;
                    }
                    effects.clear();
                    effects.append(&mut self.nodes[index].threads[usize::from(thread.0)].held);
                    next = 0;
                }
                Then::Dropped => break,
            }
        }
        effects.clear();
    }

    /// A node with a scheduled crash dies between two effects of the list chosen for it, whatever its other threads do
    /// while that list waits at a barrier; the rest of the list is dropped.
    #[cold]
    fn is_cut_here<W: Watch<P>>(&mut self, watch: &mut W, node: Node, thread: Thread) -> bool {
        let state = &mut self.nodes[usize::from(node.0)];
        let within = state.scheduled_crash.as_mut().and_then(|crash| crash.within.as_mut());
        let Some((_, left)) = within.filter(|(whose, _)| *whose == thread) else { return false };
        if *left > 0 {
            *left -= 1;
            return false;
        }
        let Some(crash) = state.scheduled_crash.take() else { return false };
        if self.is_forbidden(watch, crash.fault) {
            self.note(watch, crash.fault, crate::watch::Phase::Skipped);
            return false;
        }
        self.took_effect(watch, crash.fault);
        self.condemn(watch, node, crash.dying);
        true
    }

    /// Schedules the completion; false if the fsync takes no time.
    fn start_fsync(&mut self, node: Node, thread: Thread, file: Option<File>) -> bool {
        let state = &self.nodes[usize::from(node.0)];
        let of_directory = state.directory_fsync.as_ref().filter(|_| file.is_none());
        let work_ns = self.sample_fsync(of_directory.unwrap_or(&state.fsync), node, state.fsync_ordinal);
        let state = &mut self.nodes[usize::from(node.0)];
        state.fsync_ordinal += 1;
        if work_ns == 0 {
            return false;
        }
        let at = self.now.saturating_add(work_ns.saturating_mul(state.disk_slowness()));
        let slot = &mut state.threads[usize::from(thread.0)];
        let (owner, due) = (Owner::thread(node, thread), Due::Synced(node, thread));
        let ordinal = self.schedule.push(at, owner, &mut slot.next_ordinal, due);
        slot.busy = Busy::Syncing { ordinal, file, work_ns, since: self.now };
        true
    }

    /// A disk becomes slower or faster: the remaining work of the fsyncs under way is done at the new speed. (The work
    /// done until now is rounded down to a ns.)
    pub(crate) fn change_disk_speed(&mut self, node: Node, change: impl FnOnce(&mut Vec<u32>)) {
        let state = &mut self.nodes[usize::from(node.0)];
        let before = state.disk_slowness();
        change(&mut state.slow_factors);
        let after = state.disk_slowness();
        if before == after {
            return;
        }
        for (thread, slot) in state.threads.iter_mut().enumerate() {
            let Busy::Syncing { ordinal, work_ns, since, .. } = &mut slot.busy else { continue };
            *work_ns = work_ns.saturating_sub((self.now - *since) / before);
            *since = self.now;
            let thread = Thread(thread as u8);
            let at = self.now.saturating_add(work_ns.saturating_mul(after));
            let (owner, due) = (Owner::thread(node, thread), Due::Synced(node, thread));
            *ordinal = self.schedule.push(at, owner, &mut slot.next_ordinal, due);
        }
    }

    /// Effects are many and large: only a message is moved out of the list.
    #[inline]
    fn apply_one<W: Watch<P>>(&mut self, watch: &mut W, node: Node, thread: Thread, effect: &mut Effect<P>) -> Then {
        if let Effect::Request { .. } | Effect::Response { .. } = effect {
            match std::mem::replace(effect, Effect::Cancel) {
                Effect::Request { connection, message } => self.send_request(watch, node, connection, message),
                Effect::Response { connection, message } => self.send_response(watch, node, connection, message),
                _ => {}
            }
            return Then::Next;
        }
        let index = usize::from(node.0);
        let state = &mut self.nodes[index];
        match *effect {
            Effect::Request { .. } | Effect::Response { .. } => {}
            Effect::Connect { token, to, port } => self.connect(watch, (node, thread), token, (to, port)),
            Effect::Listen { port } => state.listen(port),
            Effect::NoResponse { connection } => self.take_next_request(watch, node, connection),
            Effect::HangUp { connection } => self.hang_up(watch, node, connection),
            Effect::Close { token } => self.close(watch, node, thread, token),
            Effect::Arm { at_mono_ns } => {
                let timer = &mut state.threads[usize::from(thread.0)].timer;
                // Most timers are already armed at this time.
                if timer.fired || timer.mono_ns != at_mono_ns || timer.due_at <= self.now {
                    timer.fired = false;
                    timer.mono_ns = at_mono_ns;
                    self.place_timer(node, thread);
                    let due_at = self.nodes[index].threads[usize::from(thread.0)].timer.due_at;
                    watch.armed(self.now, node, thread, due_at);
                }
            }
            Effect::Cancel => {
                let timer = &mut state.threads[usize::from(thread.0)].timer;
                if timer.mono_ns != u64::MAX {
                    watch.disarmed(self.now, node, thread);
                }
                *timer = Timer { mono_ns: u64::MAX, fired: false, ..*timer };
            }
            Effect::Open { file, ref path, truncate } => {
                state.disk.open(file, path, truncate);
                watch.wrote(self.now, node, Write::Open { file, path, truncate });
            }
            Effect::Append { file, ref bytes } => {
                if !state.short_writes.is_empty() && self.is_cut_short(watch, (node, thread), file, bytes) {
                    return Then::Dropped;
                }
                let state = &mut self.nodes[index];
                if let Err(error) = state.disk.append(file, bytes) {
                    self.disk_fails(watch, node, thread, error);
                    return Then::Dropped;
                }
                watch.wrote(self.now, node, Write::Append { file, bytes });
            }
            Effect::Truncate { file, len } => {
                state.disk.truncate(file, len);
                watch.wrote(self.now, node, Write::Truncate { file, len });
            }
            Effect::Rename { ref from, ref to } => {
                state.disk.rename(from, to);
                watch.wrote(self.now, node, Write::Rename { from, to });
            }
            Effect::Unlink { ref path } => {
                state.disk.unlink(path);
                watch.wrote(self.now, node, Write::Unlink { path });
            }
            Effect::Continue => {
                state.threads[usize::from(thread.0)].queue.push_front((Input::Continue, 0));
                self.ready.push_back((node, thread));
            }
            Effect::Fsync { file } => return Then::Barrier(Some(file)),
            Effect::FsyncDirectory => return Then::Barrier(None),
            Effect::Post { thread: to, ref event } => {
                let hash = P::post_hash(event);
                watch.posted(self.now, node, thread, to, event);
                self.offer(node, to, Input::Post(event.clone()), hash);
            }
            Effect::Observe(observation) => {
                let hash = P::observation_hash(&observation);
                self.trace.behaviour(self.now, node.0, thread.0, state.incarnation, TraceKind::Observation, hash);
                self.notice(node, &observation);
                watch.observed(self.now, node, &observation);
            }
            Effect::Halt { ref reason, fault } => {
                let fatal = fault.is_some();
                self.trace.behaviour(self.now, node.0, thread.0, state.incarnation, TraceKind::Halt, u64::from(fatal));
                watch.halted(self.now, node, reason, fault);
                let down_for_ns = state.terminated.take().map(|(_, ns)| ns).or(self.restart_after_halt_ns);
                let how = Down::Halted { fatal };
                self.nodes[index].threads[usize::from(thread.0)].busy = Busy::Cut;
                let replace_disk = fatal && self.nodes[index].disk_is_damaged;
                let dying = Dying { how, tail: None, replace_disk, damaged_by: None, down_for_ns, fault: 0 };
                self.condemn(watch, node, dying);
                return Then::Dropped;
            }
        }
        Then::Next
    }

    /// A write ends early: the disk has no space for the rest of it.
    #[cold]
    fn is_cut_short<W: Watch<P>>(
        &mut self,
        watch: &mut W,
        (node, thread): (Node, Thread),
        file: File,
        bytes: &Rc<[u8]>,
    ) -> bool {
        if self.state(node).full > 0 || bytes.len() < 2 {
            return false;
        }
        let Some(at_ppm) = self.short_write_is_due(watch, node) else { return false };
        let len = bytes.len() as u64 * u64::from(at_ppm) / 1_000_000;
        let written: Rc<[u8]> = bytes[..len.clamp(1, bytes.len() as u64 - 1) as usize].into();
        self.state(node).disk.append(file, &written).expect("it is not full yet");
        watch.wrote(self.now, node, Write::ShortAppend { file, bytes: &written });
        self.disk_fails(watch, node, thread, DiskError::NoSpace);
        true
    }

    /// A write or fsync failed: the effects behind it are dropped, and the thread is notified before any other input.
    pub(crate) fn disk_fails<W: Watch<P>>(&mut self, watch: &mut W, node: Node, thread: Thread, error: DiskError) {
        watch.disk_failed(self.now, node, error);
        let state = &mut self.nodes[usize::from(node.0)];
        let slot = &mut state.threads[usize::from(thread.0)];
        slot.held.clear();
        // It is the end of the same list, if that was so far.
        slot.queue.pop_front_if(|(input, _)| matches!(input, Input::Continue));
        slot.busy = Busy::Free;
        slot.queue.push_front((Input::DiskError(error), u64::from(error == DiskError::NoSpace)));
        if let Some(crash) = &mut state.scheduled_crash {
            // The list ended before the crash: another list will do.
            crash.within = crash.within.filter(|(whose, _)| *whose != thread);
        }
        self.ready.push_back((node, thread));
    }
}
