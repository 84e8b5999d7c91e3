//! The digest of a run: two lanes, and a ladder of intermediate digests.
//!
//! The *behaviour* lane contains what nodes see, the *plan* lane faults and skips; so a fault without an effect does
//! not change the behaviour lane. Each lane is a streaming xxh3-128 over entries of three little-endian 64-bit words:
//!
//! | word | behaviour | plan |
//! |---|---|---|
//! | 0 | true time, ns | true time, ns |
//! | 1 | node (bits 0..16), thread (16..24), kind (24..32), incarnation (32..64) | index (0..32), phase (32..40) |
//! | 2 | content | content |
//!
//! The ladder allows bisecting two runs that should be equal: the first differing rung of the same height bounds the
//! first differing entry.

use std::fmt;
use std::str::FromStr;

use xxhash_rust::xxh3::{Xxh3Default, xxh3_128};

/// 128 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest(pub u128);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Digest, String> {
        // `from_str_radix` alone would accept a sign.
        let is_hex = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        match u128::from_str_radix(text, 16) {
            Ok(value) if is_hex => Ok(Digest(value)),
            _ => Err(format!("not a digest: {text:?}; a digest is 32 hexadecimal digits")),
        }
    }
}

/// Kinds of entries in the behaviour lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TraceKind {
    Boot = 1,
    Down = 2,
    Request = 3,
    Response = 4,
    Opened = 5,
    Closed = 6,
    Timer = 7,
    DiskError = 8,
    Post = 9,
    Terminate = 10,
    Operation = 11,
    Synced = 12,
    Dropped = 13,
    Observation = 14,
    Halt = 15,
    Wrote = 16,
    Exception = 17,
    Continue = 18,
}

/// One rung of the ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Entries of both lanes so far.
    pub entries: u64,
    /// Digest of both lanes up to here.
    pub digest: Digest,
}

/// Two lanes and a ladder.
#[derive(Clone, Debug)]
pub struct Trace {
    behaviour: Lane,
    plan: Lane,
    ladder: Vec<Rung>,
    /// Entries between two rungs.
    stride: u64,
    /// Entries at which the next rung is due.
    next_rung_at: u64,
}

/// A full ladder loses every second rung, so it has at most this many.
const MAX_RUNGS: usize = 64;
/// A rung costs a digest of both lanes; at this distance the cost is negligible.
const FIRST_STRIDE: u64 = 64;

impl Default for Trace {
    fn default() -> Self {
        Trace {
            behaviour: Lane::default(),
            plan: Lane::default(),
            ladder: Vec::with_capacity(MAX_RUNGS),
            stride: FIRST_STRIDE,
            next_rung_at: FIRST_STRIDE,
        }
    }
}

impl Trace {
    /// Behaviour lane: one event that a node saw.
    #[inline]
    pub fn behaviour(&mut self, at: u64, node: u16, thread: u8, incarnation: u32, kind: TraceKind, content: u64) {
        let who = u64::from(node) | u64::from(thread) << 16 | (kind as u64) << 24 | u64::from(incarnation) << 32;
        self.behaviour.push([at, who, content]);
        self.climb();
    }

    /// Plan lane: a fault or a skip.
    pub fn plan(&mut self, at: u64, index: u32, phase: u8, content: u64) {
        self.plan.push([at, u64::from(index) | u64::from(phase) << 32, content]);
        self.climb();
    }

    /// Digest of the whole run so far: both lanes' digests and their numbers of entries.
    pub fn digest(&self) -> Digest {
        let mut bytes = [0; 48];
        bytes[..16].copy_from_slice(&self.behaviour.digest().0.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.plan.digest().0.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.behaviour.entries.to_le_bytes());
        bytes[40..].copy_from_slice(&self.plan.entries.to_le_bytes());
        Digest(xxh3_128(&bytes))
    }

    /// Digest of what nodes saw.
    pub fn behaviour_digest(&self) -> Digest {
        self.behaviour.digest()
    }

    /// Digest of faults and skips.
    pub fn plan_digest(&self) -> Digest {
        self.plan.digest()
    }

    /// At most 64 rungs, evenly spaced (the stride doubles as the run grows).
    pub fn ladder(&self) -> &[Rung] {
        &self.ladder
    }

    /// Entries so far, of both lanes.
    #[inline]
    pub fn entries(&self) -> u64 {
        self.behaviour.entries + self.plan.entries
    }

    #[inline]
    fn climb(&mut self) {
        if self.entries() == self.next_rung_at {
            self.add_rung();
        }
    }

    #[cold]
    fn add_rung(&mut self) {
        let entries = self.entries();
        self.ladder.push(Rung { entries, digest: self.digest() });
        if self.ladder.len() == MAX_RUNGS {
            self.stride *= 2;
            let stride = self.stride;
            self.ladder.retain(|rung| rung.entries % stride == 0);
        }
        self.next_rung_at = entries + self.stride;
    }
}

const ENTRY_BYTES: usize = 24;
/// Three of xxh3's own 256-byte blocks.
const BUFFER_BYTES: usize = 32 * ENTRY_BYTES;

/// A stream of entries; they are hashed one buffer at a time, which makes one cost a few ns.
#[derive(Clone)]
struct Lane {
    hash: Xxh3Default,
    buffer: [u8; BUFFER_BYTES],
    filled: usize,
    entries: u64,
}

impl Default for Lane {
    fn default() -> Self {
        Lane { hash: Xxh3Default::new(), buffer: [0; BUFFER_BYTES], filled: 0, entries: 0 }
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").field("entries", &self.entries).field("digest", &self.digest()).finish()
    }
}

impl Lane {
    #[inline]
    fn push(&mut self, words: [u64; 3]) {
        if self.filled == BUFFER_BYTES {
            self.flush();
        }
        let entry = &mut self.buffer[self.filled..self.filled + ENTRY_BYTES];
        entry[..8].copy_from_slice(&words[0].to_le_bytes());
        entry[8..16].copy_from_slice(&words[1].to_le_bytes());
        entry[16..].copy_from_slice(&words[2].to_le_bytes());
        self.filled += ENTRY_BYTES;
        self.entries += 1;
    }

    #[inline(never)]
    fn flush(&mut self) {
        self.hash.update(&self.buffer);
        self.filled = 0;
    }

    fn digest(&self) -> Digest {
        let mut hash = self.hash.clone();
        hash.update(&self.buffer[..self.filled]);
        Digest(hash.digest128())
    }
}
