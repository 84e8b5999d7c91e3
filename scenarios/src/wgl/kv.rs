//! A string under one key: get, put, append. Empty until it is first written.
//!
//! States grow by appends, so one is kept as what it was and what came behind, with a hash of the whole:
//! a step costs the piece, not the string.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use super::model::{Model, StateId};
use super::objects::Objects;
use super::operation::Operation;

/// What is requested of a key, and what it answered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KvOp {
    /// Got this.
    Get(String),
    /// Replaced all by this.
    Put(String),
    /// Put this behind.
    Append(String),
}

/// Keys by their names.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keys<'h> {
    history: PhantomData<&'h ()>,
}

impl<'h> Objects for Keys<'h> {
    type Op = (&'h str, &'h KvOp);
    type Name<'a>
        = &'a str
    where
        Self: 'a;
    type Model = Kv;

    fn object_of<'a>(&'a self, op: &'a Self::Op) -> &'a str {
        op.0
    }

    fn model_of(&self, _: &&str, operations: &[&Operation<Self::Op>]) -> Kv {
        Kv::new(operations.iter().map(|operation| operation.op.1))
    }
}

/// A key and what is done to it.
#[derive(Clone, Debug)]
pub struct Kv {
    operations: Vec<Prepared>,
    classes: Vec<u64>,
    strings: Vec<Grown>,
    /// Open addressing by hash: places among the strings.
    slots: Vec<u32>,
}

#[derive(Clone, Debug)]
enum Prepared {
    Get {
        value: Vec<u8>,
        /// Hashes of its prefixes, by length.
        prefixes: Vec<u64>,
        /// A state that equals it, once one has been found.
        equal: u32,
    },
    Put(Piece),
    Append(Piece),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Piece {
    /// Before the bytes, so that two are seldom compared by them.
    hash: u64,
    bytes: Vec<u8>,
    /// `BASE` to the power of its length.
    shift: u64,
}

/// A string that is another and a piece of an operation behind it.
#[derive(Clone, Copy, Debug)]
struct Grown {
    from: u32,
    operation: u32,
    len: usize,
    hash: u64,
}

const NONE: u32 = u32::MAX;
const EMPTY: u32 = 0;
/// Odd, so that it has no power that is 0 in 64 bits.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

impl Kv {
    /// A key with these operations, in the order of their calls.
    pub fn new<'a>(operations: impl IntoIterator<Item = &'a KvOp>) -> Kv {
        let prepared = operations.into_iter().map(|operation| match operation {
            KvOp::Get(value) => {
                let prefixes = prefix_hashes(value.as_bytes());
                Prepared::Get { value: value.clone().into_bytes(), prefixes, equal: NONE }
            }
            KvOp::Put(value) => Prepared::Put(Piece::of(value)),
            KvOp::Append(value) => Prepared::Append(Piece::of(value)),
        });
        let operations: Vec<Prepared> = prepared.collect();
        let classes = classes(&operations);
        let strings = vec![Grown { from: NONE, operation: NONE, len: 0, hash: 0 }];
        Kv { operations, classes, strings, slots: vec![NONE; 64] }
    }

    /// The number of `from` with an operation's piece behind it.
    fn grow(&mut self, from: u32, operation: usize) -> StateId {
        let (Prepared::Put(piece) | Prepared::Append(piece)) = &self.operations[operation] else {
            return StateId(from);
        };
        if piece.bytes.is_empty() {
            return StateId(from);
        }
        let before = self.strings[from as usize];
        let grown = Grown {
            from,
            operation: operation as u32,
            len: before.len + piece.bytes.len(),
            hash: before.hash.wrapping_mul(piece.shift).wrapping_add(piece.hash),
        };
        if self.strings.len() * 2 >= self.slots.len() {
            self.spread();
        }
        let mask = self.slots.len() - 1;
        let mut at = place(grown.hash) & mask;
        while self.slots[at] != NONE {
            if self.equals(self.slots[at], &grown) {
                return StateId(self.slots[at]);
            }
            at = (at + 1) & mask;
        }
        let number = self.strings.len() as u32;
        assert!(number < NONE, "more strings than numbers for them");
        self.slots[at] = number;
        self.strings.push(grown);
        StateId(number)
    }

    fn spread(&mut self) {
        let len = self.slots.len() * 4;
        self.slots = vec![NONE; len];
        for (number, string) in self.strings.iter().enumerate().skip(1) {
            let mut at = place(string.hash) & (len - 1);
            while self.slots[at] != NONE {
                at = (at + 1) & (len - 1);
            }
            self.slots[at] = number as u32;
        }
    }

    fn equals(&self, known: u32, grown: &Grown) -> bool {
        let string = &self.strings[known as usize];
        if (string.hash, string.len) != (grown.hash, grown.len) {
            return false;
        }
        (string.from, string.operation) == (grown.from, grown.operation)
            || self.bytes(string).rev().eq(self.bytes(grown).rev())
    }

    /// The bytes of a string.
    fn bytes(&self, string: &Grown) -> std::vec::IntoIter<u8> {
        let mut bytes = vec![0; string.len];
        let mut at = *string;
        while at.len > 0 {
            let (Prepared::Put(piece) | Prepared::Append(piece)) = &self.operations[at.operation as usize] else {
                unreachable!("a string grows by pieces")
            };
            bytes[at.len - piece.bytes.len()..at.len].copy_from_slice(&piece.bytes);
            at = self.strings[at.from as usize];
        }
        bytes.into_iter()
    }

    /// Is this state what a get found?
    fn is_got(&mut self, state: u32, operation: usize) -> bool {
        let string = self.strings[state as usize];
        let Prepared::Get { value, prefixes, equal } = &self.operations[operation] else { return false };
        if *equal == state {
            return true;
        }
        let same = string.len == value.len()
            && string.hash == prefixes[value.len()]
            && self.bytes(&string).eq(value.iter().copied());
        if let Prepared::Get { equal, .. } = &mut self.operations[operation]
            && same
        {
            *equal = state;
        }
        same
    }
}

impl Model for Kv {
    fn initial(&mut self) -> StateId {
        StateId(EMPTY)
    }

    fn step(&mut self, state: StateId, operation: usize) -> Option<StateId> {
        match &self.operations[operation] {
            Prepared::Get { .. } => self.is_got(state.0, operation).then_some(state),
            Prepared::Put(_) => Some(self.grow(EMPTY, operation)),
            Prepared::Append(_) => Some(self.grow(state.0, operation)),
        }
    }

    fn class(&self, operation: usize) -> u64 {
        self.classes[operation]
    }

    fn only_reads(&self, operation: usize) -> bool {
        matches!(self.operations[operation], Prepared::Get { .. })
    }

    /// What a get found begins with the state, unless a put comes between.
    fn is_out_of_reach(
        &self,
        state: StateId,
        target: usize,
        mut candidates: impl Iterator<Item = usize> + Clone,
    ) -> bool {
        let Prepared::Get { value, prefixes, .. } = &self.operations[target] else { return false };
        let string = &self.strings[state.0 as usize];
        let begins_with = |len: usize, hash: u64| len <= value.len() && prefixes[len] == hash;
        if begins_with(string.len, string.hash) {
            return false;
        }
        !candidates.any(|candidate| match &self.operations[candidate] {
            Prepared::Put(piece) => begins_with(piece.bytes.len(), piece.hash),
            Prepared::Get { .. } | Prepared::Append(_) => false,
        })
    }
}

impl Piece {
    fn of(text: &str) -> Piece {
        let bytes = text.as_bytes().to_vec();
        let hash = bytes.iter().fold(0, longer);
        let shift = bytes.iter().fold(1_u64, |shift, _| shift.wrapping_mul(BASE));
        Piece { hash, bytes, shift }
    }
}

/// Numbers operations by what they do; gets do nothing.
fn classes(operations: &[Prepared]) -> Vec<u64> {
    let effect = |operation: &usize| match &operations[*operation] {
        Prepared::Get { .. } => None,
        Prepared::Put(piece) => Some((true, piece)),
        Prepared::Append(piece) => Some((false, piece)),
    };
    let mut by_effect: Vec<usize> = (0..operations.len()).filter(|operation| effect(operation).is_some()).collect();
    by_effect.sort_by_key(effect);
    let mut classes = vec![0; operations.len()];
    for (number, class) in (1..).zip(by_effect.chunk_by(|one, other| effect(one) == effect(other))) {
        class.iter().for_each(|operation| classes[*operation] = number);
    }
    classes
}

/// Hashes of all prefixes, from the empty one on.
fn prefix_hashes(bytes: &[u8]) -> Vec<u64> {
    let mut hashes = Vec::with_capacity(bytes.len() + 1);
    hashes.push(0);
    hashes.extend(bytes.iter().scan(0, |hash, byte| {
        *hash = longer(*hash, byte);
        Some(*hash)
    }));
    hashes
}

/// The hash of a string with a byte behind it.
fn longer(hash: u64, byte: &u8) -> u64 {
    hash.wrapping_mul(BASE).wrapping_add(u64::from(*byte) + 1)
}

fn place(hash: u64) -> usize {
    super::seen::mix(hash) as usize
}
