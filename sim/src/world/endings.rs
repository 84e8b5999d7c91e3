//! How requests and connections end: closed by their opener or by their server, or reset because a process died.

use super::World;
use crate::network::{BACK, Direction, FORTH, Load, Stage, Transport};
use crate::process::{Connection, Node, Process, Thread};
use crate::watch::Watch;

/// No process has this incarnation.
const NOBODY: u32 = u32::MAX;

impl<P: Process> World<P> {
    pub(crate) fn close<W: Watch<P>>(&mut self, watch: &mut W, node: Node, thread: Thread, token: u32) {
        let incarnation = self.nodes[usize::from(node.0)].incarnation;
        let found = self.network.slots.iter().position(|slot| {
            slot.in_use
                && slot.client == node
                && slot.client_thread == thread
                && slot.token == token
                && slot.client_incarnation == incarnation
                && slot.stage != Stage::Left
        });
        if let Some(slot) = found {
            self.leave(watch, slot as u32, false);
        }
    }

    /// The opener's end is gone. What it had sent still arrives, unless its host died too.
    pub(super) fn leave<W: Watch<P>>(&mut self, watch: &mut W, slot: u32, host_died: bool) {
        let state = &self.network.slots[slot as usize];
        let never_sent = host_died || state.stage == Stage::Connecting;
        if never_sent {
            self.show_dropped(watch, slot, FORTH, state.lanes[usize::from(FORTH)].blocked.iter());
        }
        let back = &state.lanes[usize::from(BACK)];
        self.show_dropped(watch, slot, BACK, back.blocked.iter().chain(&back.early));
        let state = &mut self.network.slots[slot as usize];
        if never_sent {
            state.lanes[usize::from(FORTH)].blocked.clear();
        }
        let back = &mut state.lanes[usize::from(BACK)];
        back.blocked.clear();
        back.early.clear();
        state.stage = Stage::Left;
        self.release(watch, slot);
    }

    /// The slot of a connection that was opened to this process.
    pub(super) fn resolve_as_server(&self, node: Node, connection: Connection) -> Option<u32> {
        let slot = self.network.resolve(connection)?;
        let state = &self.network.slots[slot as usize];
        let same_life = state.server_incarnation == self.nodes[usize::from(node.0)].incarnation;
        (state.server == node && same_life).then_some(slot)
    }

    pub(super) fn unmute(&mut self, slot: u32) {
        let state = &mut self.network.slots[slot as usize];
        state.muted = false;
        if let Some((message, hash)) = state.buffered.pop_front() {
            let request = self.take_request(slot, message, hash);
            self.offer(request.node, request.thread, request.input, request.hash);
        }
    }

    /// The request that arrived on this connection is finished, and gets no response.
    pub(crate) fn take_next_request<W: Watch<P>>(&mut self, watch: &mut W, node: Node, connection: Connection) {
        if let Some(slot) = self.resolve_as_server(node, connection) {
            self.unmute(slot);
            self.release(watch, slot);
        }
    }

    /// A server closes a connection. What it had sent still arrives; what arrives at the server from now on is answered
    /// with RST, as is the unread content of its socket.
    pub(crate) fn hang_up<W: Watch<P>>(&mut self, watch: &mut W, node: Node, connection: Connection) {
        watch.hung_up(self.now, node, connection);
        if let Some(slot) = self.resolve_as_server(node, connection) {
            self.show_unread(watch, slot);
            let state = &mut self.network.slots[slot as usize];
            (state.muted, state.server_incarnation) = (false, NOBODY);
            state.buffered.clear();
            state.lanes[usize::from(FORTH)].early.clear();
            if state.stage == Stage::Open && state.transport == Transport::Tcp {
                self.send_rst(watch, slot, false);
            }
            self.release(watch, slot);
        }
    }

    /// Shows messages that will never be received.
    pub(super) fn show_dropped<'a, W: Watch<P>>(
        &self,
        watch: &mut W,
        slot: u32,
        direction: Direction,
        loads: impl Iterator<Item = &'a (u32, Load<P>)>,
    ) {
        let way = self.way(slot, direction);
        for (_, load) in loads {
            if let Load::Message { message, .. } = load {
                watch.dropped(self.now, way, message);
            }
        }
    }

    /// Shows the bytes in a server's socket that are never read.
    fn show_unread<W: Watch<P>>(&self, watch: &mut W, slot: u32) {
        let state = &self.network.slots[slot as usize];
        let way = self.way(slot, FORTH);
        for (message, _) in &state.buffered {
            watch.dropped(self.now, way, message);
        }
        self.show_dropped(watch, slot, FORTH, state.lanes[usize::from(FORTH)].early.iter());
    }

    /// Frees the slot if it will not be used again.
    pub(super) fn release<W: Watch<P>>(&mut self, watch: &mut W, slot: u32) {
        if self.network.is_over(slot) {
            self.show_unread(watch, slot);
            self.network.release(slot);
        }
    }

    /// A process died: its kernel resets the connections that others had opened to it, and flushes what it had sent
    /// itself (a dead host can do neither).
    pub(crate) fn close_connections_of<W: Watch<P>>(
        &mut self,
        watch: &mut W,
        node: Node,
        incarnation: u32,
        host_died: bool,
    ) {
        for slot in 0..self.network.slots.len() as u32 {
            let state = &mut self.network.slots[slot as usize];
            if !state.in_use {
                continue;
            }
            if state.client == node && state.client_incarnation == incarnation && state.stage != Stage::Left {
                self.leave(watch, slot, host_died);
            } else if state.server == node && state.server_incarnation == incarnation {
                self.show_unread(watch, slot);
                if host_died {
                    let blocked = &self.network.slots[slot as usize].lanes[usize::from(BACK)].blocked;
                    self.show_dropped(watch, slot, BACK, blocked.iter());
                }
                let state = &mut self.network.slots[slot as usize];
                state.muted = false;
                state.buffered.clear();
                state.lanes[usize::from(FORTH)].early.clear();
                if host_died {
                    state.lanes[usize::from(BACK)].blocked.clear();
                } else if state.stage == Stage::Open && state.transport == Transport::Tcp {
                    self.send_rst(watch, slot, false);
                }
                self.release(watch, slot);
            }
        }
    }
}
