//! The packets of a trace file: tracks, and events on them. Numbers of fields are those of `perfetto_trace.proto`.

use std::collections::BTreeMap;

use super::message::Message;

mod trace {
    pub const PACKET: u64 = 1;
}

mod packet {
    pub const TIMESTAMP: u64 = 8;
    pub const SEQUENCE: u64 = 10;
    pub const TRACK_EVENT: u64 = 11;
    pub const INTERNED_DATA: u64 = 12;
    pub const SEQUENCE_FLAGS: u64 = 13;
    pub const TRACK_DESCRIPTOR: u64 = 60;
}

mod descriptor {
    pub const UUID: u64 = 1;
    pub const NAME: u64 = 2;
    pub const PARENT_UUID: u64 = 5;
    pub const COUNTER: u64 = 8;
    pub const CHILD_ORDERING: u64 = 11;
    pub const SIBLING_ORDER_RANK: u64 = 12;
}

mod event {
    pub const ANNOTATIONS: u64 = 4;
    pub const TYPE: u64 = 9;
    pub const NAME_IID: u64 = 10;
    pub const TRACK_UUID: u64 = 11;
    pub const COUNTER_VALUE: u64 = 30;
    pub const FLOW_IDS: u64 = 47;
    pub const TERMINATING_FLOW_IDS: u64 = 48;
}

mod annotation {
    pub const STRING_VALUE: u64 = 6;
    pub const NAME: u64 = 10;
}

mod interned {
    pub const EVENT_NAMES: u64 = 2;
    pub const IID: u64 = 1;
    pub const NAME: u64 = 2;
}

const EXPLICIT: u64 = 3;
/// `SEQ_INCREMENTAL_STATE_CLEARED`, `SEQ_NEEDS_INCREMENTAL_STATE`.
const CLEARED: u64 = 1;
const NEEDS: u64 = 2;
/// All packets are of one sequence.
const SEQUENCE: u64 = 1;

/// A track, by its uuid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Track(u64);

impl Track {
    /// The parent of the tracks that have no other.
    pub const ROOT: Track = Track(0);
}

/// What an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Begin = 1,
    End = 2,
    Instant = 3,
}

/// An arrow between two events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    From(u64),
    To(u64),
}

/// A file that is written.
#[derive(Debug, Default)]
pub struct Packets {
    bytes: Vec<u8>,
    tracks: u64,
    names: BTreeMap<String, u64>,
}

impl Packets {
    /// A track below another one, at this place among those.
    pub fn track(&mut self, parent: Track, name: &str, rank: u64) -> Track {
        self.described(parent, name, rank, false)
    }

    pub fn counter(&mut self, parent: Track, name: &str, rank: u64) -> Track {
        self.described(parent, name, rank, true)
    }

    /// An event, with what is shown of it when it is selected.
    pub fn event(
        &mut self,
        at_ns: u64,
        track: Track,
        kind: Kind,
        name: &str,
        flow: Option<Flow>,
        details: &[(&str, &str)],
    ) {
        let mut event = Message::default().number(event::TYPE, kind as u64).number(event::TRACK_UUID, track.0);
        let mut new_name = None;
        if kind != Kind::End {
            let next = self.names.len() as u64 + 1;
            let iid = *self.names.entry(name.to_owned()).or_insert(next);
            new_name = (iid == next).then_some(iid);
            event = event.number(event::NAME_IID, iid);
        }
        event = match flow {
            Some(Flow::From(id)) => event.fixed(event::FLOW_IDS, id),
            Some(Flow::To(id)) => event.fixed(event::TERMINATING_FLOW_IDS, id),
            None => event,
        };
        for (name, value) in details {
            let of = Message::default().text(annotation::NAME, name).text(annotation::STRING_VALUE, value);
            event = event.message(event::ANNOTATIONS, &of);
        }
        let mut packet = Message::default().number(packet::TIMESTAMP, at_ns).message(packet::TRACK_EVENT, &event);
        if let Some(iid) = new_name {
            let entry = Message::default().number(interned::IID, iid).text(interned::NAME, name);
            packet = packet.message(packet::INTERNED_DATA, &Message::default().message(interned::EVENT_NAMES, &entry));
        }
        self.packet(packet);
    }

    /// A value of a counter from this time on.
    pub fn value(&mut self, at_ns: u64, counter: Track, value: u64) {
        const COUNTER: u64 = 4;
        let event = Message::default()
            .number(event::TYPE, COUNTER)
            .number(event::TRACK_UUID, counter.0)
            .number(event::COUNTER_VALUE, value);
        self.packet(Message::default().number(packet::TIMESTAMP, at_ns).message(packet::TRACK_EVENT, &event));
    }

    pub fn end(self) -> Vec<u8> {
        self.bytes
    }

    fn described(&mut self, parent: Track, name: &str, rank: u64, is_counter: bool) -> Track {
        self.tracks += 1;
        let mut descriptor = Message::default()
            .number(descriptor::UUID, self.tracks)
            .text(descriptor::NAME, name)
            .number(descriptor::CHILD_ORDERING, EXPLICIT)
            .number(descriptor::SIBLING_ORDER_RANK, rank);
        if parent != Track::ROOT {
            descriptor = descriptor.number(descriptor::PARENT_UUID, parent.0);
        }
        if is_counter {
            descriptor = descriptor.message(descriptor::COUNTER, &Message::default());
        }
        self.packet(Message::default().message(packet::TRACK_DESCRIPTOR, &descriptor));
        Track(self.tracks)
    }

    fn packet(&mut self, packet: Message) {
        let flags = if self.bytes.is_empty() { CLEARED } else { NEEDS };
        let packet = packet.number(packet::SEQUENCE, SEQUENCE).number(packet::SEQUENCE_FLAGS, flags);
        self.bytes.extend(Message::default().message(trace::PACKET, &packet).into_bytes());
    }
}
