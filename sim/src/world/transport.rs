//! The fate of a packet: TCP as connections (in order, retransmitted with a doubling timeout, reset when a process
//! died), or unreliable datagrams. Draws are keyed by (link, connection ordinal, packet ordinal), so no other message
//! can shift them.
//!
//! Each load sent in one direction of a connection has a *place*; the other end accepts loads by ascending place,
//! whatever the network does, and its kernel holds those that arrive too early.

use super::World;
use crate::network::{Address, BACK, Direction, FORTH, Load, Packet, Stage, Transport, insert_by_place};
use crate::process::{CloseReason, Connection, Input, Node, Payload, Port, Process, Thread};
use crate::rng::{Purpose, scale};
use crate::schedule::{Due, Owner};
use crate::trace::TraceKind;
use crate::watch::{Watch, Way};

const PPM: u64 = 1_000_000;

/// The outcome of a packet at the host it was sent to.
enum Landed<P: Process> {
    /// No process accepts it.
    Ignored,
    /// The kernel handled it.
    Handled,
    /// A thread is to be notified.
    Deliver(Delivery<P>),
}

/// An input for a thread, and its hash.
pub(super) struct Delivery<P: Process> {
    pub node: Node,
    pub thread: Thread,
    pub input: Input<P>,
    pub hash: u64,
}

impl<P: Process> World<P> {
    pub(crate) fn connect<W: Watch<P>>(
        &mut self,
        watch: &mut W,
        (node, thread): (Node, Thread),
        token: u32,
        (to, port): (Node, Port),
    ) {
        watch.connects(self.now, node, thread, token, to);
        let state = &self.nodes[usize::from(node.0)];
        let incarnation = state.incarnation;
        let mono_ns = state.clock.now(self.now).mono_ns;
        let link = self.network.link_index(node, to);
        let address = self.network.names[link].resolve(incarnation, mono_ns);
        let to = match address {
            Address::Unknown => {
                let closed = Input::Closed { token, reason: CloseReason::Unresolved };
                return self.offer(node, thread, closed, u64::from(token) << 1 | 1 << 62);
            }
            Address::Of(other) => other,
            Address::Own | Address::OfNobody => to,
        };
        let slot = self.network.open((node, thread, incarnation), token, (to, port));
        self.network.slots[slot as usize].is_to_nobody = address == Address::OfNobody;
        match self.network.slots[slot as usize].transport {
            Transport::Tcp => self.transmit(watch, slot, FORTH, Load::Syn),
            // A datagram socket is open as soon as it is bound.
            Transport::Datagram => {
                let opened = self.opened(slot);
                self.offer(opened.node, opened.thread, opened.input, opened.hash);
            }
        }
    }

    fn opened(&mut self, slot: u32) -> Delivery<P> {
        let connection = self.network.connection(slot);
        let state = &mut self.network.slots[slot as usize];
        state.stage = Stage::Open;
        let (node, thread, token) = (state.client, state.client_thread, state.token);
        Delivery { node, thread, input: Input::Opened { token, connection }, hash: u64::from(token) }
    }

    pub(crate) fn send_request<W: Watch<P>>(
        &mut self,
        watch: &mut W,
        node: Node,
        connection: Connection,
        message: P::Message,
    ) {
        let Some(slot) = self.network.resolve(connection) else { return };
        let state = &self.network.slots[slot as usize];
        if state.stage != Stage::Open {
            return;
        }
        assert_eq!(state.client, node, "node {} sends a request on a connection it did not open", node.0);
        let server = state.server;
        watch.sent(self.now, node, server, connection, true, &message);
        self.counts.messages += 1;
        let hash = message.content_hash();
        self.transmit(watch, slot, FORTH, Load::Message { message, hash });
    }

    pub(crate) fn send_response<W: Watch<P>>(
        &mut self,
        watch: &mut W,
        node: Node,
        connection: Connection,
        message: P::Message,
    ) {
        let Some(slot) = self.resolve_as_server(node, connection) else {
            watch.unheard(self.now, node, connection, &message);
            return;
        };
        let client = self.network.slots[slot as usize].client;
        watch.sent(self.now, node, client, connection, false, &message);
        self.counts.messages += 1;
        self.unmute(slot);
        if self.network.slots[slot as usize].stage == Stage::Open {
            let hash = message.content_hash();
            self.transmit(watch, slot, BACK, Load::Message { message, hash });
        } else {
            watch.dropped(self.now, self.way(slot, BACK), &message);
            self.release(watch, slot);
        }
    }

    /// Sender and receiver of a packet in this direction of a connection.
    pub(super) fn way(&self, slot: u32, direction: Direction) -> Way {
        let (from, to) = self.network.ends(slot, direction);
        Way { from, to, connection: self.network.connection(slot), is_request: direction == FORTH }
    }

    /// Puts a load on the wire, or in the queue behind those not yet delivered.
    fn transmit<W: Watch<P>>(&mut self, watch: &mut W, slot: u32, direction: Direction, load: Load<P>) {
        let state = &mut self.network.slots[slot as usize];
        let lane = &mut state.lanes[usize::from(direction)];
        let place = lane.sent;
        lane.sent += 1;
        if state.transport == Transport::Datagram {
            self.send_datagram(watch, slot, direction, place, load);
        } else if !lane.blocked.is_empty() {
            lane.blocked.push_back((place, load));
        } else {
            self.try_wire(watch, slot, direction, place, load);
        }
    }

    /// One attempt over the link; a load that is not delivered waits for the retransmission timer.
    #[inline(always)]
    fn try_wire<W: Watch<P>>(
        &mut self,
        watch: &mut W,
        slot: u32,
        direction: Direction,
        place: u32,
        load: Load<P>,
    ) -> bool {
        let link = self.network.link_of(slot, direction);
        let key = self.next_draw_key(slot, direction);
        if self.is_lost(slot, direction, key) {
            self.block(watch, slot, direction, place, load);
            return false;
        }
        self.put_in_order(slot, direction, link, key, place, load);
        true
    }

    fn is_lost(&self, slot: u32, direction: Direction, key: u64) -> bool {
        let link = self.network.link_of(slot, direction);
        let base = if self.faults_are_over { 0 } else { self.network.config.loss_ppm };
        let loss = self.network.links[link].loss_ppm + u64::from(base);
        self.network.is_closed(slot, direction) || (loss > 0 && scale(self.draw(link, key, 1), PPM) < loss)
    }

    /// No packet overtakes another of its connection.
    #[inline(always)]
    fn put_in_order(&mut self, slot: u32, direction: Direction, link: usize, key: u64, place: u32, load: Load<P>) {
        let state = &self.network.links[link];
        let latency = &self.network.latencies[usize::from(state.latency)];
        let takes = latency.sample(self.draw(link, key, 0)) + state.extra_ns + self.late_ns(slot, direction, &load);
        let lane = &mut self.network.slots[slot as usize].lanes[usize::from(direction)];
        let at = (self.now + takes).max(lane.last_at + 1);
        lane.last_at = at;
        self.put_on_wire(slot, direction, link, at, place, load);
    }

    #[inline(always)]
    fn put_on_wire(&mut self, slot: u32, direction: Direction, link: usize, at: u64, place: u32, load: Load<P>) {
        let state = &mut self.network.slots[slot as usize];
        state.under_way += 1;
        let packet = Packet { slot, generation: state.generation, direction, place, load };
        let packet = self.network.store(packet);
        let next_ordinal = &mut self.network.links[link].next_ordinal;
        self.schedule.push(at, Owner::link(link), next_ordinal, Due::Packet(packet));
    }

    /// Each attempt is another packet, with draws of its own.
    fn next_draw_key(&mut self, slot: u32, direction: Direction) -> u64 {
        let state = &mut self.network.slots[slot as usize];
        let packets = &mut state.lanes[usize::from(direction)].packets;
        let ordinal = *packets;
        *packets += 1;
        u64::from(state.ordinal) << 34 | u64::from(direction) << 33 | u64::from(ordinal)
    }

    /// Draw number `which` (0 latency, 1 loss, 2 duplication, 3 and 4 lateness) of one packet.
    #[inline]
    fn draw(&self, link: usize, key: u64, which: u64) -> u64 {
        self.seed.mix(Purpose::Link, (link as u64) << 8 | which, key)
    }

    fn send_datagram<W: Watch<P>>(
        &mut self,
        watch: &mut W,
        slot: u32,
        direction: Direction,
        place: u32,
        load: Load<P>,
    ) {
        let link = self.network.link_of(slot, direction);
        let key = self.next_draw_key(slot, direction);
        let state = &self.network.links[link];
        let config = &self.network.config;
        let (base_duplicate, reorder) =
            if self.faults_are_over { (0, 0) } else { (config.duplicate_ppm, config.reorder_ns) };
        if self.is_lost(slot, direction, key) {
            self.drop_load(watch, slot, direction, &load);
            self.release(watch, slot);
            return;
        }
        let duplicate = state.duplicate_ppm + u64::from(base_duplicate);
        let twice = duplicate > 0 && scale(self.draw(link, key, 2), PPM) < duplicate;
        let base = self.now + state.extra_ns;
        let latency = &self.network.latencies[usize::from(state.latency)];
        let late = |which| if reorder == 0 { 0 } else { scale(self.draw(link, key, which), reorder) };
        let first = base + latency.sample(self.draw(link, key, 0)) + late(3);
        let second = base + latency.sample(self.draw(link, key, 5)) + late(4);
        if twice {
            self.put_on_wire(slot, direction, link, second, place, load.clone());
        }
        self.put_on_wire(slot, direction, link, first, place, load);
    }

    fn drop_load<W: Watch<P>>(&mut self, watch: &mut W, slot: u32, direction: Direction, load: &Load<P>) {
        let way = self.way(slot, direction);
        let hash = match load {
            Load::Message { message, hash } => {
                watch.dropped(self.now, way, message);
                *hash
            }
            _ => 0,
        };
        let from = way.from;
        let incarnation = self.nodes[usize::from(from.0)].incarnation;
        self.trace.behaviour(self.now, from.0, 0, incarnation, TraceKind::Dropped, hash);
    }

    /// Inserts a load, in order, into those not delivered, and arms the timer.
    fn block<W: Watch<P>>(&mut self, watch: &mut W, slot: u32, direction: Direction, place: u32, load: Load<P>) {
        if let Load::Message { message, .. } = &load {
            watch.blocked(self.now, self.way(slot, direction), message);
        }
        let lane = &mut self.network.slots[slot as usize].lanes[usize::from(direction)];
        insert_by_place(&mut lane.blocked, place, load);
        if lane.blocked.len() == 1 {
            self.wind_retransmission(slot, direction);
        }
    }

    /// The timeout doubles with each attempt, until the other end acknowledges something.
    fn wind_retransmission(&mut self, slot: u32, direction: Direction) {
        let link = self.network.link_of(slot, direction);
        let config = &self.network.config;
        let lane = &mut self.network.slots[slot as usize].lanes[usize::from(direction)];
        lane.rto_ns = match (lane.rto_ns, lane.blocked.front()) {
            (0, Some((_, Load::Syn))) => config.syn_rto_ns,
            (0, _) => config.rto_min_ns,
            (before, _) => before.saturating_mul(2).min(config.rto_max_ns),
        };
        let at = self.now + lane.rto_ns;
        let next_ordinal = &mut self.network.links[link].next_ordinal;
        lane.retry_ordinal =
            Some(self.schedule.push(at, Owner::link(link), next_ordinal, Due::Retransmit(slot, direction)));
    }

    /// The retransmission timer fired.
    pub(crate) fn retransmit<W: Watch<P>>(
        &mut self,
        watch: &mut W,
        slot: u32,
        direction: Direction,
        entry: u32,
    ) -> bool {
        let (_, to) = self.network.ends(slot, direction);
        let is_silent = self.nodes[usize::from(to.0)].is_silent();
        let is_in_vain = self.network.is_closed(slot, direction) || is_silent;
        let has_no_neighbour = is_silent && self.has_no_neighbour(slot, direction);
        let lane = &mut self.network.slots[slot as usize].lanes[usize::from(direction)];
        if lane.retry_ordinal != Some(entry) || lane.blocked.is_empty() {
            return false;
        }
        lane.retry_ordinal = None;
        if has_no_neighbour {
            self.fail_as_unreachable(watch, slot);
            return true;
        }
        if is_in_vain {
            self.wind_retransmission(slot, direction);
            return true;
        }
        let mut waiting = std::mem::take(&mut lane.blocked);
        while let Some((place, load)) = waiting.pop_front() {
            if !self.try_wire(watch, slot, direction, place, load) {
                let lane = &mut self.network.slots[slot as usize].lanes[usize::from(direction)];
                lane.blocked.append(&mut waiting);
            }
        }
        true
    }

    /// Three ARP requests, one a second, had no answer (`mcast_solicit`, `retrans_time`): the SYN waits since its second
    /// retransmission would be due. Of an established connection that is a soft error, and TCP goes on.
    #[cold]
    fn has_no_neighbour(&self, slot: u32, direction: Direction) -> bool {
        let lane = &self.network.slots[slot as usize].lanes[usize::from(direction)];
        let is_connect = matches!(lane.blocked.front(), Some((_, Load::Syn)));
        let config = &self.network.config;
        config.one_subnet && is_connect && lane.rto_ns >= config.syn_rto_ns.saturating_mul(2)
    }

    /// A connect fails with EHOSTUNREACH.
    #[cold]
    fn fail_as_unreachable<W: Watch<P>>(&mut self, watch: &mut W, slot: u32) {
        let state = &self.network.slots[slot as usize];
        let (node, thread, token, incarnation) =
            (state.client, state.client_thread, state.token, state.client_incarnation);
        self.leave(watch, slot, false);
        let client = &self.nodes[usize::from(node.0)];
        if client.process.is_some() && client.incarnation == incarnation {
            let closed = Input::Closed { token, reason: CloseReason::Unreachable };
            self.deliver(watch, node, thread, closed, u64::from(token) << 1 | 1 << 63);
        }
    }

    /// A packet reaches the other host.
    pub(crate) fn packet_arrives<W: Watch<P>>(&mut self, watch: &mut W, packet: u32) -> bool {
        let Packet { slot, generation, direction, place, load } = self.network.take(packet);
        let state = &mut self.network.slots[slot as usize];
        assert_eq!(state.generation, generation, "connection slot {slot} was reused under a packet");
        state.under_way -= 1;
        let lane = &state.lanes[usize::from(direction)];
        let (is_early, some_wait) = (place > lane.received, !lane.early.is_empty());
        let (from, to) = self.network.ends(slot, direction);
        let landed = if self.nodes[usize::from(to.0)].is_silent() {
            self.not_acknowledged(watch, slot, direction, place, load);
            Landed::Handled
        } else if is_early && self.waits_its_turn(slot, &load) {
            insert_by_place(&mut self.network.slots[slot as usize].lanes[usize::from(direction)].early, place, load);
            Landed::Handled
        } else {
            self.network.slots[slot as usize].lanes[usize::from(direction)].received = place + 1;
            if direction == FORTH {
                self.reaches_server(watch, slot, place, load)
            } else {
                self.reaches_client(watch, slot, load)
            }
        };
        if some_wait {
            self.early_one_follows(slot, direction);
        }
        self.release(watch, slot);
        match landed {
            Landed::Deliver(reported) => {
                self.deliver(watch, reported.node, reported.thread, reported.input, reported.hash)
            }
            Landed::Handled => {}
            Landed::Ignored => {
                self.trace.behaviour(self.now, from.0, 0, 0, TraceKind::Dropped, u64::from(direction));
                return false;
            }
        }
        true
    }

    /// TCP holds a load that arrived too early until the loads before it have arrived.
    #[cold]
    fn waits_its_turn(&self, slot: u32, load: &Load<P>) -> bool {
        self.network.slots[slot as usize].transport == Transport::Tcp && !matches!(load, Load::Rst { .. })
    }

    /// A held load follows the load it waited for: it arrives once more, now.
    #[cold]
    fn early_one_follows(&mut self, slot: u32, direction: Direction) {
        let lane = &mut self.network.slots[slot as usize].lanes[usize::from(direction)];
        if let Some((place, load)) = lane.take_early() {
            let link = self.network.link_of(slot, direction);
            self.put_on_wire(slot, direction, link, self.now, place, load);
        }
    }

    /// There is no host to acknowledge: TCP retransmits, a datagram is lost.
    fn not_acknowledged<W: Watch<P>>(
        &mut self,
        watch: &mut W,
        slot: u32,
        direction: Direction,
        place: u32,
        load: Load<P>,
    ) {
        let (from, _) = self.network.ends(slot, direction);
        let state = &self.network.slots[slot as usize];
        let (left, transport) = (state.stage == Stage::Left, state.transport);
        let sender_gone = !self.nodes[usize::from(from.0)].host_up;
        let pointless = matches!(load, Load::Rst { .. }) || sender_gone || (left && direction == BACK);
        if pointless || transport == Transport::Datagram {
            self.drop_load(watch, slot, direction, &load);
        } else {
            self.block(watch, slot, direction, place, load);
        }
    }

    fn reaches_server<W: Watch<P>>(&mut self, watch: &mut W, slot: u32, place: u32, load: Load<P>) -> Landed<P> {
        let state = &mut self.network.slots[slot as usize];
        let server = &self.nodes[usize::from(state.server.0)];
        let is_up = server.process.is_some();
        let same_life = is_up && state.server_incarnation == server.incarnation;
        match load {
            Load::Syn if is_up && server.listens(state.port) => {
                state.lanes[usize::from(FORTH)].rto_ns = 0;
                state.server_incarnation = server.incarnation;
                self.transmit(watch, slot, BACK, Load::SynAck);
            }
            Load::Syn => self.answer_rst(watch, slot, place, Load::Syn, true),
            Load::Message { message, hash } if state.transport == Transport::Datagram => {
                if !is_up {
                    watch.dropped(self.now, self.way(slot, FORTH), &message);
                    return Landed::Ignored;
                }
                state.server_incarnation = server.incarnation;
                return Landed::Deliver(self.take_request(slot, message, hash));
            }
            Load::Message { message, hash } if same_life => {
                state.lanes[usize::from(FORTH)].rto_ns = 0;
                if !state.muted {
                    return Landed::Deliver(self.take_request(slot, message, hash));
                }
                state.buffered.push_back((message, hash));
            }
            load @ Load::Message { .. } => self.answer_rst(watch, slot, place, load, false),
            Load::SynAck | Load::Rst { .. } => return Landed::Ignored,
        }
        Landed::Handled
    }

    pub(super) fn take_request(&mut self, slot: u32, message: P::Message, hash: u64) -> Delivery<P> {
        let connection = self.network.connection(slot);
        let state = &mut self.network.slots[slot as usize];
        state.muted = state.transport == Transport::Tcp;
        let (node, thread) = (state.server, P::thread_for(&message));
        Delivery { node, thread, input: Input::Request { connection, message }, hash }
    }

    /// The server's kernel knows no such connection. If its RST is lost, the client's kernel receives nothing and
    /// retransmits the segment.
    fn answer_rst<W: Watch<P>>(&mut self, watch: &mut W, slot: u32, place: u32, load: Load<P>, refused: bool) {
        let is_left = self.network.slots[slot as usize].stage == Stage::Left;
        if is_left || self.send_rst(watch, slot, refused) {
            if let Load::Message { message, .. } = &load {
                watch.dropped(self.now, self.way(slot, FORTH), message);
            }
        } else {
            self.block(watch, slot, FORTH, place, load);
        }
    }

    /// An RST may be lost like any packet (false), but is not retransmitted: the client is then notified of the end
    /// when it next sends something, or by its own timeout.
    pub(super) fn send_rst<W: Watch<P>>(&mut self, watch: &mut W, slot: u32, refused: bool) -> bool {
        let blocked = &self.network.slots[slot as usize].lanes[usize::from(BACK)].blocked;
        self.show_dropped(watch, slot, BACK, blocked.iter());
        let back = self.network.link_of(slot, BACK);
        let lane = &mut self.network.slots[slot as usize].lanes[usize::from(BACK)];
        lane.blocked.clear();
        let place = lane.sent;
        let key = self.next_draw_key(slot, BACK);
        let load = Load::Rst { refused };
        if self.is_lost(slot, BACK, key) {
            self.drop_load(watch, slot, BACK, &load);
            return false;
        }
        self.put_in_order(slot, BACK, back, key, place, load);
        true
    }

    fn reaches_client<W: Watch<P>>(&mut self, watch: &mut W, slot: u32, load: Load<P>) -> Landed<P> {
        let state = &mut self.network.slots[slot as usize];
        let client = &self.nodes[usize::from(state.client.0)];
        if state.stage == Stage::Left || client.process.is_none() || client.incarnation != state.client_incarnation {
            if let Load::Message { message, .. } = &load {
                watch.dropped(self.now, self.way(slot, BACK), message);
            }
            return Landed::Ignored;
        }
        state.lanes[usize::from(BACK)].rto_ns = 0;
        let (node, thread, token) = (state.client, state.client_thread, state.token);
        Landed::Deliver(match load {
            Load::SynAck if state.stage == Stage::Connecting => self.opened(slot),
            Load::Message { message, hash } => {
                Delivery { node, thread, input: Input::Response { token, message }, hash }
            }
            Load::Rst { refused } => {
                let reason = if refused { CloseReason::Refused } else { CloseReason::Reset };
                self.leave(watch, slot, false);
                let hash = u64::from(token) << 1 | u64::from(refused);
                Delivery { node, thread, input: Input::Closed { token, reason }, hash }
            }
            Load::SynAck | Load::Syn => return Landed::Ignored,
        })
    }
}
