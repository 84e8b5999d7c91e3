//! Links and connections: plain tables. `world/transport.rs` decides the fate of a packet; this file never reads a
//! clock.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::ids::Link;
use crate::latency::Latency;
use crate::process::{Connection, Node, Port, Process, Thread};

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Connections: in order, retransmitted, reset when a process dies.
    Tcp,
    /// Unreliable: each message may be lost, duplicated, delayed or reordered.
    Datagram,
}

/// The network of a world.
#[derive(Clone, Debug)]
pub struct NetworkConfig {
    /// How messages travel.
    pub transport: Transport,
    /// One-way latency of every link without an entry in `links`.
    pub latency: Latency,
    /// Links with a latency of their own.
    pub links: Vec<(Link, Latency)>,
    /// Base chance that a packet is lost, in parts per million; 0 after all faults have ended.
    pub loss_ppm: u32,
    /// Base chance that a datagram arrives twice; 0 after all faults have ended.
    pub duplicate_ppm: u32,
    /// Longest extra delay of a datagram (uniform from 0), ns; 0 after all faults have ended.
    pub reorder_ns: u64,
    /// First retransmission timeout, ns (Linux: 200 ms).
    pub rto_min_ns: u64,
    /// `tcp.rto.max`: the upper limit of the doubling, ns (Linux: 120 s).
    pub rto_max_ns: u64,
    /// First retransmission timeout of a SYN, ns (Linux: 1 s).
    pub syn_rto_ns: u64,
    /// All hosts share a subnet: the address of a silent host cannot be resolved (ARP), so that a connect fails after
    /// three seconds. Otherwise its opener only knows that there is no answer.
    pub one_subnet: bool,
    /// Nodes whose connections are TCP even where `transport` is datagram.
    pub tcp_openers: Vec<Node>,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        NetworkConfig {
            transport: Transport::Tcp,
            latency: Latency::Constant { ns: 500_000 },
            links: Vec::new(),
            loss_ppm: 0,
            duplicate_ppm: 0,
            reorder_ns: 0,
            rto_min_ns: 200_000_000,
            rto_max_ns: 120_000_000_000,
            syn_rto_ns: 1_000_000_000,
            one_subnet: false,
            tcp_openers: Vec::new(),
        }
    }
}

/// How long a process remembers an address, and that there was none: `networkaddress.cache.ttl` and
/// `networkaddress.cache.negative.ttl` of Java.
pub const ADDRESS_TTL_NS: u64 = 30_000_000_000;
pub const NO_ADDRESS_TTL_NS: u64 = 10_000_000_000;

/// The result of a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// There is none.
    Unknown,
    /// That of the host.
    Own,
    /// That of another host.
    Of(Node),
    /// One that no host has.
    OfNobody,
}

/// The name of one host, as another host resolves it.
#[derive(Clone, Debug, Default)]
pub(crate) struct NameState {
    /// Number of faults in force by which it is not resolved.
    pub unresolved: u32,
    /// Other addresses by the faults in force, with the indexes of these in the plan; the last one counts.
    pub wrong: Vec<(usize, Address)>,
    last: Option<Lookup>,
}

/// What a process remembers of its last lookup.
#[derive(Clone, Copy, Debug)]
struct Lookup {
    incarnation: u32,
    /// By its monotonic clock.
    until_ns: u64,
    address: Address,
}

impl NameState {
    /// The address that a process has for the name at this time of its monotonic clock.
    pub fn resolve(&mut self, incarnation: u32, mono_ns: u64) -> Address {
        if let Some(last) = self.last
            && last.incarnation == incarnation
            && mono_ns < last.until_ns
        {
            return last.address;
        }
        let address = match self.wrong.last() {
            _ if self.unresolved > 0 => Address::Unknown,
            Some((_, address)) => *address,
            None => Address::Own,
        };
        let ttl_ns = if address == Address::Unknown { NO_ADDRESS_TTL_NS } else { ADDRESS_TTL_NS };
        self.last = Some(Lookup { incarnation, until_ns: mono_ns.saturating_add(ttl_ns), address });
        address
    }
}

/// State of a one-way link: the faults in force are sums and counts, so that they may overlap.
#[derive(Clone, Debug, Default)]
pub(crate) struct LinkState {
    pub cuts: u32,
    /// A value above a million has the effect of a million.
    pub loss_ppm: u64,
    pub duplicate_ppm: u64,
    pub extra_ns: u64,
    /// Index into `Network::latencies`.
    pub latency: u16,
    /// Connections opened along this link so far.
    pub connections: u32,
    /// Ordinal of the next schedule entry of this link.
    pub next_ordinal: u32,
}

/// Direction of a packet: 0 from the opener, 1 back to it.
pub(crate) type Direction = u8;
pub(crate) const FORTH: Direction = 0;
pub(crate) const BACK: Direction = 1;

/// The content of a packet.
#[derive(Clone, Debug)]
pub(crate) enum Load<P: Process> {
    Syn,
    SynAck,
    Message {
        message: P::Message,
        hash: u64,
    },
    /// Not retransmitted.
    Rst {
        refused: bool,
    },
}

/// A packet on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Packet<P: Process> {
    pub slot: u32,
    pub generation: u32,
    pub direction: Direction,
    /// Place in its lane: the value that [`Lane::received`] must have before the other end accepts it.
    pub place: u32,
    pub load: Load<P>,
}

/// One direction of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Lane<P: Process> {
    /// Latest scheduled arrival: FIFO by strictly increasing times.
    pub last_at: u64,
    /// Packets put on the wire so far, including retries: the counter of the keyed draws.
    pub packets: u32,
    /// Loads handed over so far, which is the place of the next one.
    pub sent: u32,
    /// Loads the other end has accepted, which is the place it expects next.
    pub received: u32,
    /// Sent, but not delivered: waits for the retransmission timer, by place.
    pub blocked: VecDeque<(u32, Load<P>)>,
    /// Delivered before their predecessors (whose packets reached a host that was silent for a moment): the other end's
    /// kernel holds them, by place.
    pub early: VecDeque<(u32, Load<P>)>,
    /// The last retransmission timeout, ns; 0 once something was acknowledged after it.
    pub rto_ns: u64,
    /// The live retransmission entry.
    pub retry_ordinal: Option<u32>,
}

impl<P: Process> Lane<P> {
    fn new() -> Lane<P> {
        Lane {
            last_at: 0,
            packets: 0,
            sent: 0,
            received: 0,
            blocked: VecDeque::new(),
            early: VecDeque::new(),
            rto_ns: 0,
            retry_ordinal: None,
        }
    }

    /// Resets it to the state of a new connection.
    fn reset(&mut self) {
        (self.last_at, self.packets, self.sent, self.received) = (0, 0, 0, 0);
        (self.rto_ns, self.retry_ordinal) = (0, None);
        self.blocked.clear();
        self.early.clear();
    }

    /// The next load that arrived early, if it is the expected one now.
    pub fn take_early(&mut self) -> Option<(u32, Load<P>)> {
        let (place, _) = self.early.front()?;
        if *place > self.received { None } else { self.early.pop_front() }
    }
}

/// Inserts a load into its lane, by place.
pub(crate) fn insert_by_place<P: Process>(loads: &mut VecDeque<(u32, Load<P>)>, place: u32, load: Load<P>) {
    let index = loads.partition_point(|(other, _)| *other < place);
    loads.insert(index, (place, load));
}

/// State of a connection, as seen by its opener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Connecting,
    Open,
    /// The opener closed it, died or was notified of its end; packets under way still arrive.
    Left,
}

/// A connection's slot.
#[derive(Clone, Debug)]
pub(crate) struct Slot<P: Process> {
    pub generation: u32,
    pub in_use: bool,
    pub client: Node,
    pub client_thread: Thread,
    pub client_incarnation: u32,
    pub token: u32,
    pub server: Node,
    pub port: Port,
    /// 0 until the server's kernel accepted it.
    pub server_incarnation: u32,
    pub stage: Stage,
    pub transport: Transport,
    pub ordinal: u32,
    pub lanes: [Lane<P>; 2],
    /// The server owes a response: it accepts no further request (Kafka mutes the channel).
    pub muted: bool,
    /// Requests in the server's socket buffer behind the one that muted the channel.
    pub buffered: VecDeque<(P::Message, u64)>,
    /// Packets under way; the slot is kept until they have landed.
    pub under_way: u32,
    /// Faults that drop everything it carries, by their indexes in the plan.
    pub black_holes: Vec<usize>,
    /// It is to an address that no host has.
    pub is_to_nobody: bool,
}

/// All links and connections.
#[derive(Clone, Debug)]
pub(crate) struct Network<P: Process> {
    pub config: NetworkConfig,
    pub nodes: usize,
    pub links: Vec<LinkState>,
    /// By link: how its first node resolves the name of the second one.
    pub names: Vec<NameState>,
    pub latencies: Vec<Latency>,
    pub slots: Vec<Slot<P>>,
    pub free: Vec<u32>,
    pub packets: Vec<Option<Packet<P>>>,
    pub free_packets: Vec<u32>,
}

impl<P: Process> Network<P> {
    pub fn new(config: NetworkConfig, nodes: usize) -> Network<P> {
        let mut links = vec![LinkState::default(); nodes * nodes];
        let mut latencies = vec![config.latency.clone()];
        for (Link(from, to), latency) in &config.links {
            links[usize::from(from.0) * nodes + usize::from(to.0)].latency = latencies.len() as u16;
            latencies.push(latency.clone());
        }
        Network {
            config,
            nodes,
            names: vec![NameState::default(); links.len()],
            links,
            latencies,
            slots: Vec::with_capacity(32),
            free: Vec::new(),
            packets: Vec::with_capacity(64),
            free_packets: Vec::new(),
        }
    }

    #[inline]
    pub fn link_index(&self, from: Node, to: Node) -> usize {
        usize::from(from.0) * self.nodes + usize::from(to.0)
    }

    pub fn on_names(&mut self, links: &[Link], change: impl Fn(&mut NameState)) {
        for Link(from, to) in links {
            let index = self.link_index(*from, *to);
            change(&mut self.names[index]);
        }
    }

    /// Sender and receiver of this direction of a connection.
    #[inline]
    pub fn ends(&self, slot: u32, direction: Direction) -> (Node, Node) {
        let state = &self.slots[slot as usize];
        if direction == FORTH { (state.client, state.server) } else { (state.server, state.client) }
    }

    /// The link that this direction of a connection uses.
    #[inline]
    pub fn link_of(&self, slot: u32, direction: Direction) -> usize {
        let (from, to) = self.ends(slot, direction);
        self.link_index(from, to)
    }

    /// Do faults drop everything sent in this direction of a connection?
    #[inline]
    pub fn is_closed(&self, slot: u32, direction: Direction) -> bool {
        let state = &self.slots[slot as usize];
        self.links[self.link_of(slot, direction)].cuts > 0 || !state.black_holes.is_empty() || state.is_to_nobody
    }

    pub fn open(
        &mut self,
        (client, thread, incarnation): (Node, Thread, u32),
        token: u32,
        (server, port): (Node, Port),
    ) -> u32 {
        let link = self.link_index(client, server);
        self.links[link].connections += 1;
        let ordinal = self.links[link].connections;
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                generation: 0,
                in_use: false,
                client,
                client_thread: thread,
                client_incarnation: 0,
                token,
                server,
                port,
                server_incarnation: 0,
                stage: Stage::Connecting,
                transport: Transport::Tcp,
                ordinal,
                lanes: [Lane::new(), Lane::new()],
                muted: false,
                buffered: VecDeque::new(),
                under_way: 0,
                black_holes: Vec::new(),
                is_to_nobody: false,
            });
            self.slots.len() as u32 - 1
        });
        let tcp = self.config.tcp_openers.contains(&client);
        let transport = if tcp { Transport::Tcp } else { self.config.transport };
        let slot = &mut self.slots[index as usize];
        slot.transport = transport;
        assert!(!slot.in_use && slot.under_way == 0, "connection slot {index} reused while in use");
        slot.generation += 1;
        slot.in_use = true;
        slot.client = client;
        slot.client_thread = thread;
        slot.client_incarnation = incarnation;
        slot.token = token;
        slot.server = server;
        slot.port = port;
        slot.server_incarnation = 0;
        slot.stage = Stage::Connecting;
        slot.ordinal = ordinal;
        slot.muted = false;
        slot.black_holes.clear();
        slot.is_to_nobody = false;
        for lane in &mut slot.lanes {
            lane.reset();
        }
        index
    }

    /// Is the slot unused for good?
    #[inline]
    pub fn is_over(&self, index: u32) -> bool {
        let slot = &self.slots[index as usize];
        let is_left = slot.stage == Stage::Left && slot.in_use && slot.under_way == 0;
        is_left && slot.lanes.iter().all(|lane| lane.blocked.is_empty())
    }

    /// Frees a slot that will not be used again.
    pub fn release(&mut self, index: u32) {
        let slot = &mut self.slots[index as usize];
        slot.in_use = false;
        slot.buffered.clear();
        self.free.push(index);
    }

    #[inline]
    pub fn connection(&self, index: u32) -> Connection {
        Connection(u64::from(index) | u64::from(self.slots[index as usize].generation) << 32)
    }

    /// The slot that a node's [`Connection`] names, if it still has that use.
    #[inline]
    pub fn resolve(&self, connection: Connection) -> Option<u32> {
        let index = connection.0 as u32;
        let slot = self.slots.get(index as usize)?;
        (slot.in_use && slot.generation == (connection.0 >> 32) as u32).then_some(index)
    }

    #[inline(always)]
    pub fn store(&mut self, packet: Packet<P>) -> u32 {
        match self.free_packets.pop() {
            Some(index) => {
                self.packets[index as usize].get_or_insert(packet);
                index
            }
            None => {
                self.packets.push(Some(packet));
                self.packets.len() as u32 - 1
            }
        }
    }

    #[inline(always)]
    pub fn take(&mut self, index: u32) -> Packet<P> {
        self.free_packets.push(index);
        self.packets[index as usize].take().unwrap_or_else(|| panic!("packet {index} arrived twice"))
    }
}
