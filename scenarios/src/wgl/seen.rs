//! The configurations a search has been in: which operations have taken effect, and the state after them.

use super::model::StateId;

/// A set of configurations, found by hash and compared to the last bit.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Open addressing; a power of two of slots, at most half of them taken.
    slots: Vec<Slot>,
    received: usize,
    words: usize,
    /// The sets of operations, `words` words each, in the order they came.
    sets: Vec<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    hash: u64,
    state: StateId,
    /// Which of the sets; `EMPTY` in a free slot.
    set: u32,
}

const EMPTY: u32 = u32::MAX;
const FREE: Slot = Slot { hash: 0, state: StateId(0), set: EMPTY };

impl Seen {
    /// None yet, of sets of so many words.
    pub fn new(words: usize) -> Seen {
        Seen { slots: vec![FREE; 64], received: 0, words, sets: Vec::new() }
    }

    /// Notes a configuration; false if it was known. `set_hash` is a hash of the set alone.
    pub fn insert(&mut self, set_hash: u64, set: &[u64], state: StateId) -> bool {
        if self.received * 2 >= self.slots.len() {
            self.grow();
        }
        let hash = mix(set_hash ^ u64::from(state.0).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot.set == EMPTY {
                self.slots[at] = Slot { hash, state, set: self.received as u32 };
                self.sets.extend_from_slice(set);
                self.received += 1;
                assert!(self.received < EMPTY as usize, "more configurations than numbers for them");
                return true;
            }
            if slot.hash == hash && slot.state == state && self.set(slot.set) == set {
                return false;
            }
            at = (at + 1) & mask;
        }
    }

    fn set(&self, number: u32) -> &[u64] {
        let begin = number as usize * self.words;
        &self.sets[begin..begin + self.words]
    }

    fn grow(&mut self) {
        let old = std::mem::take(&mut self.slots);
        self.slots = vec![FREE; old.len() * 4];
        let mask = self.slots.len() - 1;
        for slot in old.into_iter().filter(|slot| slot.set != EMPTY) {
            let mut at = slot.hash as usize & mask;
            while self.slots[at].set != EMPTY {
                at = (at + 1) & mask;
            }
            self.slots[at] = slot;
        }
    }
}

/// Spreads what differs in any bit over all bits (the finalizer of SplitMix64).
pub fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
