//! Chance, split by purpose and owner: a stream is a key, never a shared generator.

/// The master seed of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

/// What a stream is for. Numbers are part of every digest: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A node's own draws; owner = node and incarnation.
    Node = 1,
    /// Fsync durations; owner = node.
    Fsync = 2,
    /// Torn tails and rot; owner = node and position in the plan.
    DiskFault = 3,
    /// Latency, loss, duplication of messages; owner = link.
    Link = 4,
    /// Clock offsets and drifts at start; owner = node.
    Clock = 5,
    /// Fault plans; owner = generator.
    Plan = 6,
    /// Knob values; owner = knob.
    Knob = 7,
    /// Workloads; owner = client.
    Workload = 8,
    /// Ties in the schedule; owner = who schedules.
    Order = 9,
}

/// One ChaCha8 stream.
#[derive(Clone, Debug)]
pub struct Entropy {
    _todo: (),
}

#[expect(unused_variables, reason = "contract skeleton")]
impl Seed {
    pub fn entropy(self, purpose: Purpose, owner: u64) -> Entropy {
        todo!()
    }
    /// Keyed counter mix for high-rate owners: the value at (purpose, owner, ordinal).
    pub fn mix(self, purpose: Purpose, owner: u64, ordinal: u64) -> u64 {
        todo!()
    }
}

#[expect(unused_variables, reason = "contract skeleton")]
impl Entropy {
    pub fn next_u64(&mut self) -> u64 {
        todo!()
    }
    /// Lemire's bounded draw (with rejection); `bound` > 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        todo!()
    }
    /// True with this chance, in parts per million.
    pub fn chance_ppm(&mut self, ppm: u32) -> bool {
        todo!()
    }
}

/// Maps one 64-bit draw to `0..bound` by the high half of the product (bias < bound / 2^64).
#[expect(unused_variables, reason = "contract skeleton")]
pub fn scale(draw: u64, bound: u64) -> u64 {
    todo!()
}
