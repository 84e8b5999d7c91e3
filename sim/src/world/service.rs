//! Service times of a node's process: what delays its start, its messages and its end, and its pauses.

use super::World;
use super::node::Collection;
use crate::network::{BACK, Direction, Load};
use crate::process::{Input, Node, Payload, Process, Thread};
use crate::schedule::{Due, Owner};
use crate::service::{Once, Work, owner};
use crate::watch::Watch;

impl<P: Process> World<P> {
    /// How long a node's next call of this work takes, ns.
    #[inline]
    pub(super) fn service_ns(&mut self, node: Node, work: Work) -> u64 {
        let state = &mut self.nodes[usize::from(node.0)];
        let who = owner(node, state.incarnation);
        state.service.next::<P>(&mut state.calls, (self.seed, who), work)
    }

    /// The time that a load takes in the threads between sockets and the threads that send and receive it, ns.
    #[inline]
    pub(super) fn late_ns(&mut self, slot: u32, direction: Direction, load: &Load<P>) -> u64 {
        let (from, to) = self.network.ends(slot, direction);
        if !self.nodes[usize::from(from.0)].service.is_late() && !self.nodes[usize::from(to.0)].service.is_late() {
            return 0;
        }
        match load {
            Load::Message { message, .. } => {
                let kind = message.kind();
                self.service_ns(from, Work::Send(kind)) + self.service_ns(to, Work::Receive(kind))
            }
            Load::SynAck if direction == BACK => {
                let thread = self.network.slots[slot as usize].client_thread;
                self.service_ns(to, Work::Connect(thread))
            }
            Load::Syn | Load::SynAck | Load::Rst { .. } => 0,
        }
    }

    /// How long a process takes from its start to its boot, ns.
    pub(super) fn start_ns(&self, node: Node) -> u64 {
        let state = &self.nodes[usize::from(node.0)];
        let who = owner(node, state.incarnation);
        state.service.start.as_ref().map_or(0, |time| Once::Start.sample(time, self.seed, who))
    }

    /// A process boots: it has done nothing yet.
    pub(super) fn service_begins(&mut self, node: Node) {
        let state = &mut self.nodes[usize::from(node.0)];
        state.calls.clear();
        state.calls.resize(state.service.kinds(), 0);
        state.signal_ordinal = None;
        self.schedule_collection(node);
    }

    /// A process is gone.
    pub(super) fn service_ends(&mut self, node: Node) {
        let state = &mut self.nodes[usize::from(node.0)];
        state.paused -= u32::from(state.collection.is_under_way);
        state.collection = Collection::default();
        state.signal_ordinal = None;
    }

    /// SIGTERM is sent to a process.
    pub(crate) fn signal(&mut self, node: Node) {
        let state = &mut self.nodes[usize::from(node.0)];
        let who = owner(node, state.incarnation);
        match state.service.stop.as_ref().map_or(0, |time| Once::Stop.sample(time, self.seed, who)) {
            0 => self.offer(node, Thread(0), Input::Terminate, 0),
            ns => {
                let next_ordinal = &mut state.threads[0].next_ordinal;
                let owner = Owner::thread(node, Thread(0));
                state.signal_ordinal = Some(self.schedule.push(self.now + ns, owner, next_ordinal, Due::Signal(node)));
            }
        }
    }

    pub(super) fn signal_arrives<W: Watch<P>>(&mut self, watch: &mut W, node: Node, entry: u32) -> bool {
        let state = &mut self.nodes[usize::from(node.0)];
        if state.signal_ordinal != Some(entry) {
            return false;
        }
        state.signal_ordinal = None;
        self.offer(node, Thread(0), Input::Terminate, 0);
        self.run_ready(watch);
        true
    }

    /// Schedules the next pause, or the end of the one that is under way.
    fn schedule_collection(&mut self, node: Node) {
        let state = &mut self.nodes[usize::from(node.0)];
        let Some(pauses) = &state.service.pauses else { return };
        let who = owner(node, state.incarnation);
        let number = state.collection.count;
        let after_ns = if state.collection.is_under_way {
            Once::PauseLasts(number).sample(&pauses.lasts, self.seed, who)
        } else {
            Once::PauseEvery(number).sample(&pauses.every, self.seed, who)
        };
        let next_ordinal = &mut state.threads[0].next_ordinal;
        // A pause takes time, even where its distribution says that it takes none.
        let at = self.now.saturating_add(after_ns.max(1));
        let entry = self.schedule.push(at, Owner::thread(node, Thread(0)), next_ordinal, Due::Collection(node));
        state.collection.ordinal = Some(entry);
    }

    pub(super) fn collection_is_due<W: Watch<P>>(&mut self, watch: &mut W, node: Node, entry: u32) -> bool {
        let state = &mut self.nodes[usize::from(node.0)];
        if state.collection.ordinal != Some(entry) {
            return false;
        }
        state.collection.is_under_way = !state.collection.is_under_way;
        if state.collection.is_under_way {
            state.paused += 1;
            self.schedule_collection(node);
        } else {
            state.paused -= 1;
            state.collection.count += 1;
            self.schedule_collection(node);
            self.thaw_if_free(watch, node);
        }
        true
    }
}
