//! Inputs of a thread that stands for several of its process ([`Process::POOLS`]): served side by side, stepped one at
//! a time.

use std::collections::VecDeque;

use super::World;
use super::node::Busy;
use crate::process::{Connection, Input, Node, Process, Thread};
use crate::schedule::{Due, Owner};
use crate::service::{Work, input_kind};
use crate::watch::Watch;

/// Inputs of one lane keep their order: one is served when the one before it has been stepped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    /// Requests on a connection of another node.
    Requests(Connection),
    /// What belongs to a connection of this node, by its token.
    Opened(u32),
    Posts,
    /// All others.
    Rest,
}

impl Lane {
    fn of<P: Process>(input: &Input<P>) -> Lane {
        match input {
            Input::Request { connection, .. } => Lane::Requests(*connection),
            Input::Opened { token, .. } | Input::Closed { token, .. } | Input::Response { token, .. } => {
                Lane::Opened(*token)
            }
            Input::Post(_) => Lane::Posts,
            Input::Timer | Input::DiskError(_) | Input::Terminate | Input::Exception | Input::Operation(_) => {
                Lane::Rest
            }
        }
    }
}

#[derive(Clone, Debug)]
struct Entry<P: Process> {
    lane: Lane,
    input: Input<P>,
    hash: u64,
}

/// The inputs of one thread that have left its queue.
#[derive(Clone, Debug)]
pub(crate) struct Pool<P: Process> {
    /// They wait for one of their lane.
    waiting: VecDeque<Entry<P>>,
    /// With the ordinals of their schedule entries.
    serving: Vec<(u32, Entry<P>)>,
    /// They wait for the thread.
    served: VecDeque<Entry<P>>,
    works: Vec<u8>,
}

impl<P: Process> Pool<P> {
    pub fn new() -> Pool<P> {
        Pool { waiting: VecDeque::new(), serving: Vec::new(), served: VecDeque::new(), works: Vec::new() }
    }

    /// All inputs.
    pub fn inputs(&self) -> impl Iterator<Item = &Input<P>> {
        let serving = self.serving.iter().map(|(_, entry)| entry);
        serving.chain(&self.served).chain(&self.waiting).map(|entry| &entry.input)
    }

    pub fn clear(&mut self) {
        *self = Pool::new();
    }

    /// The next step's input.
    pub fn next(&self) -> Option<&Input<P>> {
        self.served.front().map(|entry| &entry.input)
    }

    fn is_taken(&self, lane: Lane) -> bool {
        self.serving.iter().map(|(_, entry)| entry).chain(&self.served).any(|entry| entry.lane == lane)
    }
}

impl<P: Process> World<P> {
    /// Serves what is in the thread's queue, and steps it with what was served while it is free.
    pub(super) fn pump_pool<W: Watch<P>>(&mut self, watch: &mut W, node: Node, thread: Thread) {
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
            if matches!(entry.input, Input::DiskError(_)) {
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
        let waiting = pool.waiting.iter().position(|entry| entry.lane == lane);
        if let Some(entry) = waiting.and_then(|place| pool.waiting.remove(place)) {
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
    pub(super) fn served_beside(&mut self, node: Node, thread: Thread, ordinal: u32) -> bool {
        let Some(pool) = &mut self.nodes[usize::from(node.0)].threads[usize::from(thread.0)].pool else { return false };
        let Some(place) = pool.serving.iter().position(|(of, _)| *of == ordinal) else { return false };
        let (_, entry) = pool.serving.remove(place);
        pool.served.push_back(entry);
        true
    }
}
