//! The digest of a run: two lanes, and a ladder of intermediate digests.

/// 128 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest(pub u128);

/// Kinds of things that enter the behaviour lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]

pub enum Kind {
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
#[derive(Clone, Debug, Default)]
pub struct Trace {
    _todo: (),
}

#[expect(unused_variables, reason = "contract skeleton")]
impl Trace {
    /// Behaviour lane: one thing a node saw.
    #[inline]
    pub fn behaviour(&mut self, at: u64, node: u16, thread: u8, incarnation: u32, kind: Kind, content: u64) {
        todo!()
    }
    /// Plan lane: a fault or a skip.
    pub fn plan(&mut self, at: u64, index: u32, phase: u8, content: u64) {
        todo!()
    }
    pub fn digest(&self) -> Digest {
        todo!()
    }
    pub fn behaviour_digest(&self) -> Digest {
        todo!()
    }
    pub fn plan_digest(&self) -> Digest {
        todo!()
    }
    /// At most 64 rungs, evenly spaced (the stride doubles as the run grows).
    pub fn ladder(&self) -> &[Rung] {
        todo!()
    }
    /// Entries so far, of both lanes.
    pub fn entries(&self) -> u64 {
        todo!()
    }
}
