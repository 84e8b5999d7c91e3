//! Connections of a run as TCP over IPv4 (RFC 9293, RFC 791).
//!
//! Both directions are without loss: what the run loses is said by the comments. An acknowledgement covers what the other
//! end's process has received.

use std::collections::BTreeMap;

use scenarios::trace::LineId;
use scenarios::wire::Listener;
use sim::process::Node;
use sim::watch::Way;

/// Kafka's ports of the listeners of brokers and of controllers.
const BROKER_PORT: u16 = 9092;
const CONTROLLER_PORT: u16 = 9093;
/// Ports of clients: each connection of an opener has the next one.
const FIRST_CLIENT_PORT: u16 = 10_000;
/// An IPv4 packet has at most 65,535 bytes.
const SEGMENT_BYTES: usize = 60_000;
const HEADER_BYTES: usize = 40;
const WINDOW: u16 = u16::MAX;
/// Maximum segment size, no operation, and a window scale of 2^14: no window is ever full.
const SYN_OPTIONS: [u8; 8] = [2, 4, 0xff, 0xd7, 1, 3, 3, 14];

const NO_FLAG: u8 = 0;
const SYN: u8 = 0x02;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

/// An IPv4 packet.
#[derive(Debug)]
pub struct Packet {
    pub bytes: Vec<u8>,
    pub has_payload: bool,
}

/// Of a node.
pub fn address(node: Node) -> [u8; 4] {
    let [high, low] = (node.0 + 1).to_be_bytes();
    [10, 0, high, low]
}

/// One end of a connection.
#[derive(Clone, Copy, Debug)]
struct End {
    node: Node,
    port: u16,
    /// The sequence number of the next byte that it sends.
    next: u32,
    /// That of the next byte that the other end's process has not received.
    received: u32,
}

/// A connection with the end that opened it, and the other one.
#[derive(Debug)]
struct Tcp {
    ends: [End; 2],
}

/// All connections of a run.
#[derive(Debug, Default)]
pub struct Connections {
    open: BTreeMap<u64, Tcp>,
    ports: BTreeMap<Node, u16>,
    /// Of each message that is sent: the connection, the end that sent it, and the sequence number behind it.
    behind: BTreeMap<LineId, (u64, usize, u32)>,
    identification: u16,
}

impl Connections {
    /// The packets of a message, of a new connection also those that open it.
    pub fn sent(&mut self, line: LineId, way: Way, listener: Listener, payload: &[u8]) -> Vec<Packet> {
        let mut packets = Vec::new();
        if !self.open.contains_key(&way.connection.0) {
            packets.extend(self.opened(way, listener));
        }
        let Some(tcp) = self.open.get_mut(&way.connection.0) else { return packets };
        // A node also has connections to itself.
        let sender = usize::from(!way.is_request);
        let segments = payload.chunks(SEGMENT_BYTES);
        let count = segments.len();
        for (place, segment) in segments.enumerate() {
            let push = if place + 1 == count { PSH } else { NO_FLAG };
            self.identification = self.identification.wrapping_add(1);
            packets.push(tcp.packet(sender, ACK | push, self.identification, &[], segment));
            tcp.ends[sender].next = tcp.ends[sender].next.wrapping_add(segment.len() as u32);
        }
        self.behind.insert(line, (way.connection.0, sender, tcp.ends[sender].next));
        packets
    }

    /// A process has received the message that this line sends.
    pub fn received(&mut self, sent: Option<LineId>) {
        let Some((connection, sender, behind)) = sent.and_then(|sent| self.behind.get(&sent)) else { return };
        if let Some(tcp) = self.open.get_mut(connection) {
            let received = &mut tcp.ends[*sender].received;
            *received = (*received).max(*behind);
        }
    }

    fn opened(&mut self, way: Way, listener: Listener) -> Vec<Packet> {
        let (opener, server) = if way.is_request { (way.from, way.to) } else { (way.to, way.from) };
        let port = self.ports.entry(opener).or_insert(FIRST_CLIENT_PORT);
        let end = |node, port| End { node, port, next: 0, received: 0 };
        let server_port = match listener {
            Listener::Brokers => BROKER_PORT,
            Listener::Controllers => CONTROLLER_PORT,
        };
        let mut tcp = Tcp { ends: [end(opener, *port), end(server, server_port)] };
        *port = port.checked_add(1).unwrap_or(FIRST_CLIENT_PORT);
        let mut packets = Vec::new();
        for (sender, flags, options) in [(0, SYN, &SYN_OPTIONS[..]), (1, SYN | ACK, &SYN_OPTIONS), (0, ACK, &[])] {
            self.identification = self.identification.wrapping_add(1);
            packets.push(tcp.packet(sender, flags, self.identification, options, &[]));
            if flags & SYN != 0 {
                (tcp.ends[sender].next, tcp.ends[sender].received) = (1, 1);
            }
        }
        self.open.insert(way.connection.0, tcp);
        packets
    }
}

impl Tcp {
    fn packet(&self, sender: usize, flags: u8, identification: u16, options: &[u8], payload: &[u8]) -> Packet {
        let (from, to) = (self.ends[sender], self.ends[1 - sender]);
        let acknowledged = if flags & ACK == 0 { 0 } else { to.received };
        let length = (HEADER_BYTES + options.len() + payload.len()) as u16;
        let mut bytes = Vec::with_capacity(usize::from(length));
        // Version 4 with five words, no service class, do not fragment, 64 hops, TCP.
        bytes.extend([0x45, 0]);
        bytes.extend(length.to_be_bytes());
        bytes.extend(identification.to_be_bytes());
        bytes.extend([0x40, 0, 64, 6, 0, 0]);
        bytes.extend(address(from.node));
        bytes.extend(address(to.node));
        let checksum = checksum(0, &bytes);
        bytes[10..12].copy_from_slice(&checksum.to_be_bytes());
        let tcp_at = bytes.len();
        bytes.extend(from.port.to_be_bytes());
        bytes.extend(to.port.to_be_bytes());
        bytes.extend(from.next.to_be_bytes());
        bytes.extend(acknowledged.to_be_bytes());
        bytes.extend([((5 + options.len() / 4) << 4) as u8, flags]);
        bytes.extend(WINDOW.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(options);
        bytes.extend(payload);
        // The pseudo header: addresses, protocol and length.
        let tcp_length = u32::from(length) - tcp_at as u32;
        let pseudo = sum(&bytes[12..20]) + 6 + tcp_length;
        let checksum = self::checksum(pseudo, &bytes[tcp_at..]);
        bytes[tcp_at + 16..tcp_at + 18].copy_from_slice(&checksum.to_be_bytes());
        Packet { bytes, has_payload: !payload.is_empty() }
    }
}

/// The sum of 16-bit words; of at most 65,535 bytes, so it does not overflow.
fn sum(bytes: &[u8]) -> u32 {
    bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | pair.get(1).copied().map_or(0, u32::from)).sum()
}

/// RFC 1071.
fn checksum(start: u32, bytes: &[u8]) -> u16 {
    let mut total = start + sum(bytes);
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    !(total as u16)
}
