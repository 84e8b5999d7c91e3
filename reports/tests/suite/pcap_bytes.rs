//! A reader of pcapng files with IPv4 and TCP, as far as the tests need it. It checks lengths, checksums and sequence
//! numbers.

use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub struct File {
    pub interfaces: Vec<String>,
    pub names: BTreeMap<[u8; 4], String>,
    pub packets: Vec<Packet>,
}

#[derive(Debug)]
pub struct Packet {
    pub interface: u32,
    pub comment: Option<String>,
    /// Address and port of both ends.
    pub from: ([u8; 4], u16),
    pub to: ([u8; 4], u16),
    pub payload: Vec<u8>,
}

impl Packet {
    pub fn says(&self, words: &str) -> bool {
        self.comment.as_ref().is_some_and(|comment| comment.contains(words))
    }
}

fn u16_le(bytes: &[u8]) -> u16 {
    u16::from_le_bytes([bytes[0], bytes[1]])
}

fn u32_le(bytes: &[u8]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

fn u16_be(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}

/// (code, value) up to the end of options.
fn options(mut bytes: &[u8]) -> Vec<(u16, &[u8])> {
    let mut found = Vec::new();
    while bytes.len() >= 4 && u16_le(bytes) != 0 {
        let length = usize::from(u16_le(&bytes[2..]));
        found.push((u16_le(bytes), &bytes[4..4 + length]));
        bytes = &bytes[4 + length.next_multiple_of(4)..];
    }
    found
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

pub fn read(mut bytes: &[u8]) -> File {
    let mut file = File::default();
    let mut sequences: BTreeMap<_, u32> = BTreeMap::new();
    while !bytes.is_empty() {
        let (kind, length) = (u32_le(bytes), u32_le(&bytes[4..]) as usize);
        assert_eq!(length as u32, u32_le(&bytes[length - 4..]), "both lengths of a block are the same");
        let body = &bytes[8..length - 4];
        match kind {
            0x0a0d_0d0a => assert_eq!(u32_le(body), 0x1a2b_3c4d, "little-endian"),
            1 => file.interfaces.extend(options(&body[8..]).iter().filter(|it| it.0 == 2).map(|it| text(it.1))),
            4 => {
                for (_, record) in options(body) {
                    let address = [record[0], record[1], record[2], record[3]];
                    file.names.insert(address, text(&record[4..record.len() - 1]));
                }
            }
            6 => {
                let captured = u32_le(&body[12..]) as usize;
                let comment = options(&body[20 + captured.next_multiple_of(4)..]);
                let comment = comment.iter().find(|it| it.0 == 1).map(|it| text(it.1));
                file.packets.push(packet(u32_le(body), comment, &body[20..20 + captured], &mut sequences));
            }
            other => panic!("block {other}"),
        }
        bytes = &bytes[length..];
    }
    file
}

type Ends = (([u8; 4], u16), ([u8; 4], u16));

fn packet(interface: u32, comment: Option<String>, ip: &[u8], sequences: &mut BTreeMap<Ends, u32>) -> Packet {
    assert_eq!((ip[0], ip[9], usize::from(u16_be(&ip[2..]))), (0x45, 6, ip.len()));
    assert_eq!(folded(&ip[..20], 0), 0xffff, "the checksum of IPv4");
    let tcp = &ip[20..];
    let pseudo = words(&ip[12..20]) + 6 + tcp.len() as u32;
    assert_eq!(folded(tcp, pseudo), 0xffff, "the checksum of TCP");
    let address = |at: usize| [ip[at], ip[at + 1], ip[at + 2], ip[at + 3]];
    let (from, to) = ((address(12), u16_be(tcp)), (address(16), u16_be(&tcp[2..])));
    let payload = tcp[usize::from(tcp[12] >> 4) * 4..].to_vec();
    let sequence = u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]]);
    let is_syn = tcp[13] & 2 != 0;
    let expected = sequences.entry((from, to)).or_insert(sequence);
    assert_eq!(sequence, *expected, "nothing is missing in a direction");
    *expected += payload.len() as u32 + u32::from(is_syn);
    Packet { interface, comment, from, to, payload }
}

fn words(bytes: &[u8]) -> u32 {
    bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low))).sum()
}

fn folded(bytes: &[u8], start: u32) -> u32 {
    let mut sum = start + words(bytes);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum
}
