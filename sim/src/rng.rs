//! Random numbers, split by purpose and owner: a stream is a key, never a shared generator.
//!
//! There are two ways to draw. Owners that draw seldom hold an [`Entropy`]: a ChaCha8 stream keyed by (seed, purpose,
//! owner). Owners that draw for each message call [`Seed::mix`] for the value at (purpose, owner, ordinal), which needs
//! no state. In both cases no draw of one owner can shift the draws of another, so a fault can be deleted from a plan
//! without changing any other number of the run.
//!
//! Every value made here is pinned by the vectors of `tests/parts/rng.rs`: changing one changes every digest and every
//! recorded repro.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// 2^64 / golden ratio, odd: the increment of SplitMix64 (Steele, Lea, Flood 2014).
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
/// Odd, with about half of its bits set; the last pair of splitmix's finalizer variant 13.
const MULTIPLY_1: u64 = 0xbf58_476d_1ce4_e5b9;
const MULTIPLY_2: u64 = 0x94d0_49bb_1331_11eb;
/// Digits of pi, so that small seeds and owners do not enter the multiplication as small numbers.
const SEED_SALT: u64 = 0x243f_6a88_85a3_08d3;
const OWNER_SALT: u64 = 0x1319_8a2e_0370_7344;
/// Murmur3's first finalizer constant; odd, so that multiplying an owner by it is a bijection.
const OWNER_STEP: u64 = 0xff51_afd7_ed55_8ccd;

/// The master seed of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

/// The purpose of a stream. Numbers are part of every digest: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A node's own draws; owner = node and incarnation.
    Node = 1,
    /// Fsync durations; owner = node.
    Fsync = 2,
    /// Torn tails and rot; owner = the identity of the fault.
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
    /// Ties in the schedule; owner = the scheduling owner.
    Order = 9,
    /// The next candidate of a search over runs; owner = its iteration. Not part of any run.
    Search = 10,
    /// The seeds of other futures of a world; owner = 0, ordinal = number of the future.
    Future = 11,
    /// Whether all hosts of a run share a subnet; owner = 0.
    Subnet = 12,
    /// Service times; owner = node and incarnation.
    Service = 13,
}

impl Seed {
    /// The stream of one owner, from its start.
    ///
    /// The key is four words, each the finalizer of the sum of the previous word and the next input; the first three
    /// are a bijection of (seed, purpose, owner), so no two streams share a key.
    pub fn entropy(self, purpose: Purpose, owner: u64) -> Entropy {
        let mut key = [0; 32];
        let mut word = GOLDEN;
        for (bytes, input) in key.chunks_exact_mut(8).zip([self.0, purpose as u64, owner, self.0]) {
            word = finalize(word.wrapping_add(input));
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Entropy { stream: ChaCha8Rng::from_seed(key) }
    }

    /// Keyed counter mix for high-rate owners: the value at (purpose, owner, ordinal).
    ///
    /// One 128-bit product mixes (seed, purpose) with owner; its low half starts a SplitMix64 sequence indexed by the
    /// ordinal, and its high half enters between the two multiplications, so that no two owners follow the same
    /// sequence.
    #[inline]
    pub fn mix(self, purpose: Purpose, owner: u64, ordinal: u64) -> u64 {
        let key = self.0.wrapping_add((purpose as u64).wrapping_mul(GOLDEN)) ^ SEED_SALT;
        let product = u128::from(key) * u128::from(owner ^ OWNER_SALT);
        let start = (product as u64).wrapping_add(owner.wrapping_mul(OWNER_STEP));
        let mut z = start.wrapping_add(ordinal.wrapping_mul(GOLDEN));
        z = (z ^ (z >> 30)).wrapping_mul(MULTIPLY_1) ^ (product >> 64) as u64;
        z = (z ^ (z >> 27)).wrapping_mul(MULTIPLY_2);
        z ^ (z >> 31)
    }
}

/// SplitMix64's finalizer: a bijection in which each input bit flips each output bit half the time.
#[inline]
fn finalize(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(MULTIPLY_1);
    z = (z ^ (z >> 27)).wrapping_mul(MULTIPLY_2);
    z ^ (z >> 31)
}

/// One ChaCha8 stream.
#[derive(Clone, Debug)]
pub struct Entropy {
    stream: ChaCha8Rng,
}

impl Entropy {
    /// The next 64 bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.stream.next_u64()
    }

    /// Lemire's bounded draw (with rejection); `bound` > 0.
    ///
    /// ("Fast Random Integer Generation in an Interval", 2019.) Exactly uniform; uses more than one draw with a chance
    /// of less than `bound` / 2^64.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "a draw below 0 was asked for");
        let mut product = u128::from(self.next_u64()) * u128::from(bound);
        if (product as u64) < bound {
            // 2^64 mod bound: this many low halves would be counted once too often.
            let surplus = bound.wrapping_neg() % bound;
            while (product as u64) < surplus {
                product = u128::from(self.next_u64()) * u128::from(bound);
            }
        }
        (product >> 64) as u64
    }

    /// True with this chance, in parts per million. Always uses exactly one draw.
    pub fn chance_ppm(&mut self, ppm: u32) -> bool {
        scale(self.next_u64(), 1_000_000) < u64::from(ppm)
    }
}

/// Maps one 64-bit draw to `0..bound` by the high half of the product (bias < bound / 2^64); never decreases as the
/// draw increases. 0 if `bound` is 0.
#[inline]
pub fn scale(draw: u64, bound: u64) -> u64 {
    ((u128::from(draw) * u128::from(bound)) >> 64) as u64
}
