//! Slices that may overlap: each is on a track where no other is open. Perfetto shows tracks of one parent and one name
//! as one.

use super::packets::{Kind, Packets, Track};

/// The tracks of one parent and one name.
#[derive(Debug)]
pub struct Lanes {
    parent: Track,
    name: &'static str,
    rank: u64,
    /// Each with whether a slice is open on it.
    tracks: Vec<(Track, bool)>,
}

/// An open slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice(usize);

impl Lanes {
    pub fn new(parent: Track, name: &'static str, rank: u64) -> Lanes {
        Lanes { parent, name, rank, tracks: Vec::new() }
    }

    pub fn begin(&mut self, packets: &mut Packets, at_ns: u64, name: &str, details: &[(&str, &str)]) -> Slice {
        let free = self.tracks.iter().position(|(_, is_open)| !is_open);
        let place = free.unwrap_or_else(|| {
            self.tracks.push((packets.track(self.parent, self.name, self.rank), false));
            self.tracks.len() - 1
        });
        let (track, is_open) = &mut self.tracks[place];
        *is_open = true;
        packets.event(at_ns, *track, Kind::Begin, name, None, details);
        Slice(place)
    }

    pub fn end(&mut self, packets: &mut Packets, at_ns: u64, slice: Slice, details: &[(&str, &str)]) {
        if let Some((track, is_open)) = self.tracks.get_mut(slice.0).filter(|(_, is_open)| *is_open) {
            *is_open = false;
            packets.event(at_ns, *track, Kind::End, "", None, details);
        }
    }

    /// All slices that are open.
    pub fn end_all(&mut self, packets: &mut Packets, at_ns: u64) {
        for place in 0..self.tracks.len() {
            self.end(packets, at_ns, Slice(place), &[]);
        }
    }
}
