//! The tracks of a node.

use std::collections::BTreeMap;

use super::lanes::Lanes;
use super::packets::{Kind, Packets, Track};

/// Order of the tracks below that of the node.
const REQUESTS: u64 = 0;
const HIGH_WATERMARK: u64 = 1;
const THREADS: u64 = 2;

/// See the module's documentation.
#[derive(Debug)]
pub struct NodeTracks {
    /// Its role and epoch.
    track: Track,
    state: Option<String>,
    threads: BTreeMap<String, Track>,
    high_watermark: Option<Track>,
    /// Of a client.
    pub requests: Lanes,
}

impl NodeTracks {
    pub fn new(packets: &mut Packets, name: &str, is_client: bool, rank: u64) -> NodeTracks {
        let track = packets.track(Track::ROOT, name, rank);
        let requests = Lanes::new(track, if is_client { "requests" } else { "" }, REQUESTS);
        NodeTracks { track, state: None, threads: BTreeMap::new(), high_watermark: None, requests }
    }

    /// It has this state from now on: "Leader 3", "down".
    pub fn stands(&mut self, packets: &mut Packets, at_ns: u64, state: Option<String>) {
        // A node that is down stays so until it has booted and says what it is.
        if state == self.state || (state.is_none() && self.state.as_deref() == Some(DOWN)) {
            return;
        }
        if self.state.is_some() {
            packets.event(at_ns, self.track, Kind::End, "", None, &[]);
        }
        if let Some(state) = &state {
            packets.event(at_ns, self.track, Kind::Begin, state, None, &[]);
        }
        self.state = state;
    }

    pub fn thread(&mut self, packets: &mut Packets, name: &str) -> Track {
        let rank = THREADS + self.threads.len() as u64;
        let parent = self.track;
        *self.threads.entry(name.to_owned()).or_insert_with(|| packets.track(parent, name, rank))
    }

    /// The counter of that of the metadata log.
    pub fn high_watermark(&mut self, packets: &mut Packets) -> Track {
        let parent = self.track;
        *self.high_watermark.get_or_insert_with(|| packets.counter(parent, "high watermark", HIGH_WATERMARK))
    }

    pub fn end(&mut self, packets: &mut Packets, at_ns: u64) {
        self.requests.end_all(packets, at_ns);
        self.stands(packets, at_ns, None);
        if self.state.take().is_some() {
            packets.event(at_ns, self.track, Kind::End, "", None, &[]);
        }
    }
}

/// The state of a node without a process.
pub const DOWN: &str = "down";
