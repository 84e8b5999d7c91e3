//! A reader of Perfetto's traces, as far as the tests need it: Protocol Buffers, tracks, events and interned names.

use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub struct Trace {
    /// Names by uuid.
    pub tracks: BTreeMap<u64, String>,
    pub events: Vec<Event>,
}

#[derive(Debug, Default)]
pub struct Event {
    pub at_ns: u64,
    pub track: u64,
    pub name: String,
    pub flow_from: Option<u64>,
    pub flow_to: Option<u64>,
    pub counter: Option<u64>,
    kind: u64,
}

impl Event {
    /// 1 where a slice begins, -1 where it ends.
    pub fn depth(&self) -> i64 {
        match self.kind {
            1 => 1,
            2 => -1,
            _ => 0,
        }
    }
}

enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Field<'a> {
    fn number(&self) -> u64 {
        match self {
            Field::Number(number) => *number,
            Field::Bytes(_) => panic!("no number"),
        }
    }

    fn bytes(&self) -> &'a [u8] {
        match self {
            Field::Number(_) => panic!("no bytes"),
            Field::Bytes(bytes) => bytes,
        }
    }

    fn text(&self) -> String {
        String::from_utf8(self.bytes().to_vec()).expect("UTF-8")
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for place in 0.. {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            break;
        }
    }
    value
}

fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let length = match key & 7 {
            0 => {
                found.push((key >> 3, Field::Number(varint(&mut bytes))));
                continue;
            }
            1 => 8,
            2 => varint(&mut bytes) as usize,
            other => panic!("wire type {other}"),
        };
        let (value, rest) = bytes.split_at(length);
        let fixed = || u64::from_le_bytes(value.try_into().expect("8 bytes"));
        found.push((key >> 3, if key & 7 == 1 { Field::Number(fixed()) } else { Field::Bytes(value) }));
        bytes = rest;
    }
    found
}

pub fn read(bytes: &[u8]) -> Trace {
    let mut trace = Trace::default();
    let mut names: BTreeMap<u64, String> = BTreeMap::new();
    for (number, packet) in fields(bytes) {
        assert_eq!(number, 1, "a packet");
        let (mut at_ns, mut event) = (0, None);
        for (number, field) in fields(packet.bytes()) {
            match number {
                8 => at_ns = field.number(),
                11 => event = Some(fields(field.bytes())),
                12 => {
                    for (_, entry) in fields(field.bytes()) {
                        let entry = fields(entry.bytes());
                        names.insert(entry[0].1.number(), entry[1].1.text());
                    }
                }
                60 => {
                    let descriptor = fields(field.bytes());
                    trace.tracks.insert(descriptor[0].1.number(), descriptor[1].1.text());
                }
                10 | 13 => {}
                other => panic!("field {other} of a packet"),
            }
        }
        let Some(fields) = event else { continue };
        let mut read = Event { at_ns, ..Event::default() };
        for (number, field) in fields {
            match number {
                9 => read.kind = field.number(),
                10 => read.name = names[&field.number()].clone(),
                11 => read.track = field.number(),
                30 => read.counter = Some(field.number()),
                47 => read.flow_from = Some(field.number()),
                48 => read.flow_to = Some(field.number()),
                _ => {}
            }
        }
        trace.events.push(read);
    }
    trace
}
