//! What a step asked for, done in order; a barrier holds the rest, a death drops it.

use super::World;
use super::node::{Busy, Dying, Timer};
use crate::process::{DiskError, Effect, File, Input, Node, Process, Thread};
use crate::schedule::{Due, Owner};
use crate::trace::Kind;
use crate::watch::{Down, Watch, Write};

/// How an effect list goes on after one effect.
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
        if let Some(doom) = &state.doomed
            && self.out.effects.len() > doom.after
        {
            state.cut_at = Some(doom.after);
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

    /// Empties `effects`: done, held behind a barrier, or dropped. The thread is free before, and
    /// after unless it now waits for a barrier or died.
    fn apply<W: Watch<P>>(&mut self, watch: &mut W, node: Node, thread: Thread, effects: &mut Vec<Effect<P>>) {
        let index = usize::from(node.0);
        let mut rest = effects.drain(..);
        while let Some(effect) = rest.next() {
            if self.nodes[index].cut_at.is_some() && self.is_cut_here(watch, node) {
                self.nodes[index].threads[usize::from(thread.0)].busy = Busy::Cut;
                return;
            }
            match self.apply_one(watch, node, thread, effect) {
                Then::Next => {}
                Then::Barrier(file) => {
                    self.nodes[index].threads[usize::from(thread.0)].held.extend(rest.by_ref());
                    if self.start_fsync(node, thread, file) {
                        return;
                    }
                    // A disk without latency: done already. Go on with what was just put aside.
                    if !self.sync_now(watch, node, thread, file) {
                        return;
                    }
                    drop(rest);
                    effects.append(&mut self.nodes[index].threads[usize::from(thread.0)].held);
                    rest = effects.drain(..);
                }
                Then::Dropped => return,
            }
        }
        self.nodes[index].cut_at = None;
    }

    /// A doomed node dies between two effects; the rest of the list is dropped.
    #[cold]
    fn is_cut_here<W: Watch<P>>(&mut self, watch: &mut W, node: Node) -> bool {
        let state = &mut self.nodes[usize::from(node.0)];
        let Some(left) = state.cut_at else { return false };
        if left > 0 {
            state.cut_at = Some(left - 1);
            return false;
        }
        let Some(doom) = state.doomed.take() else { return false };
        self.struck(watch, doom.fault);
        self.condemn(watch, node, doom.dying);
        true
    }

    /// Schedules the completion; false if the disk takes no time at all.
    fn start_fsync(&mut self, node: Node, thread: Thread, file: Option<File>) -> bool {
        let state = &self.nodes[usize::from(node.0)];
        let factor: u64 = state.slow_factors.iter().map(|factor| u64::from(*factor)).product();
        let takes = self.sample_fsync(&state.fsync, node, state.fsync_ordinal).saturating_mul(factor);
        let state = &mut self.nodes[usize::from(node.0)];
        state.fsync_ordinal += 1;
        if takes == 0 {
            return false;
        }
        let slot = &mut state.threads[usize::from(thread.0)];
        let (owner, due) = (Owner::thread(node, thread), Due::Synced(node, thread));
        let ordinal = self.schedule.push(self.now + takes, owner, &mut slot.next_ordinal, due);
        slot.busy = Busy::Syncing { ordinal, file };
        true
    }

    fn apply_one<W: Watch<P>>(&mut self, watch: &mut W, node: Node, thread: Thread, effect: Effect<P>) -> Then {
        let index = usize::from(node.0);
        let state = &mut self.nodes[index];
        match effect {
            Effect::Connect { token, to } => self.connect(node, thread, token, to),
            Effect::Request { connection, message } => self.send_request(watch, node, connection, message),
            Effect::Response { connection, message } => self.send_response(watch, node, connection, message),
            Effect::Close { token } => self.close(node, token),
            Effect::Arm { at_mono_ns } => {
                let timer = &mut state.threads[usize::from(thread.0)].timer;
                timer.fired = false;
                timer.mono_ns = at_mono_ns;
                self.place_timer(node, thread);
            }
            Effect::Cancel => {
                let timer = &mut state.threads[usize::from(thread.0)].timer;
                *timer = Timer { mono_ns: u64::MAX, fired: false, ..*timer };
            }
            Effect::Open { file, path, truncate } => {
                state.disk.open(file, &path, truncate);
                watch.wrote(self.now, node, Write::Open { file, path: &path, truncate });
            }
            Effect::Append { file, bytes } => {
                if let Err(error) = state.disk.append(file, &bytes) {
                    self.disk_fails(watch, node, thread, error);
                    return Then::Dropped;
                }
                watch.wrote(self.now, node, Write::Append { file, bytes: &bytes });
            }
            Effect::Truncate { file, len } => {
                state.disk.truncate(file, len);
                watch.wrote(self.now, node, Write::Truncate { file, len });
            }
            Effect::Rename { from, to } => {
                state.disk.rename(&from, &to);
                watch.wrote(self.now, node, Write::Rename { from: &from, to: &to });
            }
            Effect::Unlink { path } => {
                state.disk.unlink(&path);
                watch.wrote(self.now, node, Write::Unlink { path: &path });
            }
            Effect::Fsync { file } => return Then::Barrier(Some(file)),
            Effect::FsyncDirectory => return Then::Barrier(None),
            Effect::Post { thread: to, event } => {
                let hash = P::post_hash(&event);
                self.offer(node, to, Input::Post(event), hash);
            }
            Effect::Observe(observation) => {
                let hash = P::observation_hash(&observation);
                self.trace.behaviour(self.now, node.0, thread.0, state.incarnation, Kind::Observation, hash);
                self.notice(node, &observation);
                watch.observed(self.now, node, &observation);
            }
            Effect::Halt { reason, fatal } => {
                self.trace.behaviour(self.now, node.0, thread.0, state.incarnation, Kind::Halt, u64::from(fatal));
                watch.halted(self.now, node, &reason, fatal);
                let down_for_ns = state.down_after_terminate_ns.take().or(self.restart_after_halt_ns);
                let how = Down::Halted { fatal };
                self.nodes[index].threads[usize::from(thread.0)].busy = Busy::Cut;
                self.condemn(watch, node, Dying { how, tail: None, replace_disk: false, down_for_ns, fault: 0 });
                return Then::Dropped;
            }
        }
        Then::Next
    }

    /// A write or fsync failed: what stood behind it is gone, and the thread is told first of all.
    pub(crate) fn disk_fails<W: Watch<P>>(&mut self, watch: &mut W, node: Node, thread: Thread, error: DiskError) {
        watch.disk_failed(self.now, node, error);
        let state = &mut self.nodes[usize::from(node.0)];
        let slot = &mut state.threads[usize::from(thread.0)];
        slot.held.clear();
        slot.busy = Busy::Free;
        slot.queue.push_front((Input::DiskError(error), u64::from(error == DiskError::NoSpace)));
        state.cut_at = None;
        self.ready.push_back((node, thread));
    }
}
