//! Blocks of a pcapng file (draft-ietf-opsawg-pcapng).

/// Packets begin with the IP header (LINKTYPE_RAW).
const LINKTYPE_RAW: u16 = 101;
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
const INTERFACE: u32 = 1;
const NAME_RESOLUTION: u32 = 4;
const ENHANCED_PACKET: u32 = 6;
/// Options: of any block, of a section, of an interface.
const COMMENT: u16 = 1;
const SECTION_APPLICATION: u16 = 4;
const INTERFACE_NAME: u16 = 2;
const INTERFACE_RESOLUTION: u16 = 9;
/// Timestamps are in units of 10^-9 s.
const NANOSECONDS: u8 = 9;
const IPV4_NAME: u16 = 1;

/// The interfaces of a capture, by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    Delivered,
    Lost,
}

impl Interface {
    const NAMES: [&str; 2] = ["delivered", "not-delivered"];
}

/// A file that is written.
#[derive(Debug)]
pub struct PcapNg(Vec<u8>);

impl PcapNg {
    /// With its section and its interfaces.
    pub fn begin(application: &str, about: &str) -> PcapNg {
        let mut file = PcapNg(Vec::new());
        let mut body = BYTE_ORDER.to_le_bytes().to_vec();
        // Version 1.0, and a section of unknown length.
        body.extend([1, 0, 0, 0]);
        body.extend((-1_i64).to_le_bytes());
        option(&mut body, COMMENT, about.as_bytes());
        option(&mut body, SECTION_APPLICATION, application.as_bytes());
        end_of_options(&mut body);
        file.block(SECTION_HEADER, &body);
        for name in Interface::NAMES {
            let mut body = LINKTYPE_RAW.to_le_bytes().to_vec();
            body.extend([0; 2 + 4]);
            option(&mut body, INTERFACE_NAME, name.as_bytes());
            option(&mut body, INTERFACE_RESOLUTION, &[NANOSECONDS]);
            end_of_options(&mut body);
            file.block(INTERFACE, &body);
        }
        file
    }

    /// Names of addresses.
    pub fn names<'a>(&mut self, names: impl Iterator<Item = ([u8; 4], &'a str)>) {
        let mut body = Vec::new();
        for (address, name) in names {
            option(&mut body, IPV4_NAME, &[&address[..], name.as_bytes(), &[0]].concat());
        }
        end_of_options(&mut body);
        self.block(NAME_RESOLUTION, &body);
    }

    /// A packet, at this time in ns since 1970.
    pub fn packet(&mut self, interface: Interface, at_ns: u64, packet: &[u8], comment: Option<&str>) {
        let mut body = (interface as u32).to_le_bytes().to_vec();
        body.extend(((at_ns >> 32) as u32).to_le_bytes());
        body.extend((at_ns as u32).to_le_bytes());
        let length = (packet.len() as u32).to_le_bytes();
        body.extend(length);
        body.extend(length);
        body.extend(packet);
        pad(&mut body);
        if let Some(comment) = comment {
            option(&mut body, COMMENT, comment.as_bytes());
            end_of_options(&mut body);
        }
        self.block(ENHANCED_PACKET, &body);
    }

    pub fn end(self) -> Vec<u8> {
        self.0
    }

    fn block(&mut self, kind: u32, body: &[u8]) {
        let length = (body.len() as u32 + 12).to_le_bytes();
        self.0.extend(kind.to_le_bytes());
        self.0.extend(length);
        self.0.extend(body);
        self.0.extend(length);
    }
}

/// An option or a record; a longer value is cut.
fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = &value[..floor(value, usize::from(u16::MAX))];
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    pad(body);
}

/// The largest length up to a limit that cuts no character of UTF-8.
fn floor(value: &[u8], limit: usize) -> usize {
    if value.len() <= limit {
        return value.len();
    }
    (0..=limit).rev().find(|at| value[*at] & 0xc0 != 0x80).unwrap_or(0)
}

fn end_of_options(body: &mut Vec<u8>) {
    body.extend([0; 4]);
}

/// To whole words of 32 bits.
fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}
