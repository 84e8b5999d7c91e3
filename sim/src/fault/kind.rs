//! The properties of a kind of fault: its target, its amounts with their bounds, its identity, its description.

use serde::{Deserialize, Serialize};

use super::words::FaultWords;
use crate::ids::{Link, Node};

/// The fate of unsynced bytes in a power loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tail {
    /// All lost.
    Lost,
    /// All kept: the kernel had just written them back.
    Kept,
    /// Each file keeps a drawn number of whole sectors (512 B) of its unsynced suffix, and
    /// the sector it breaks in may hold garbage.
    Torn,
}

/// Kinds of damage to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Damage {
    /// One bit is flipped.
    Flipped,
    /// The file ends early.
    Cut,
    /// Its last bytes are zeros: its length was durable, but they were not.
    Zeroed,
    /// Reading it fails with `EIO`.
    Unreadable,
}

/// A kind of fault: one type in a file of its own, and a line in the list of `fault.rs`. Its effect on the world is its
/// [`Inject`](crate::world::inject::Inject).
pub(crate) trait FaultKind {
    /// What the length of such a fault measures.
    const LENGTH: Length;

    fn target(&self) -> FaultTarget<'_>;

    /// Its target, mutable.
    fn target_mut(&mut self) -> FaultTargetMut<'_>;

    /// Writes what distinguishes it from another fault of its kind and target, in an order that never changes.
    fn identify(&self, words: &mut Words);

    /// Its amounts, mutable.
    fn amounts(&mut self) -> Vec<Amount<'_>> {
        Vec::new()
    }

    /// Does it begin between two effects of a process, and not at once?
    fn begins_between_effects(&self) -> bool {
        false
    }

    fn describe(&self, reported: &FaultWords<'_>) -> String;
}

/// What the length of a fault measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// How long it is in force.
    InForce,
    /// How long the node stays down, counted from its death: it boots by itself, and there is no end event.
    Down,
}

/// A fault that is due to begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    /// Its place in the plan.
    pub index: usize,
    /// How long it lasts, ns.
    pub lasts_ns: u64,
    /// Its identity, for draws.
    pub identity: u64,
}

/// The outcome of beginning a fault.
pub(crate) enum Came {
    Injected,
    /// It begins later, between two effects or at an fsync, or never.
    Armed,
    /// It has no target.
    Nothing,
}

/// What a fault affects.
#[derive(Clone, Copy, Debug)]
pub enum FaultTarget<'a> {
    /// One node.
    Node(Node),
    /// One-way links.
    Links(&'a [Link]),
}

/// A target, mutable.
#[derive(Debug)]
pub enum FaultTargetMut<'a> {
    /// One node.
    Node(&'a mut Node),
    /// One-way links.
    Links(&'a mut Vec<Link>),
}

/// An amount of a fault: by how much, how often, where.
#[derive(Debug)]
pub struct Amount<'a> {
    /// Its name in a plan.
    pub name: &'static str,
    number: Number<'a>,
    /// The least that a plan may hold.
    pub min: i64,
    /// The most.
    pub max: i64,
    /// A strength: a smaller value is a milder fault, so it may be rounded towards 0.
    pub is_strength: bool,
}

/// A mutable number of a fault.
#[derive(Debug)]
pub enum Number<'a> {
    U32(&'a mut u32),
    I32(&'a mut i32),
    U64(&'a mut u64),
    I64(&'a mut i64),
}

impl<'a> Amount<'a> {
    pub(crate) fn strength(name: &'static str, number: Number<'a>, (min, max): (i64, i64)) -> Amount<'a> {
        Amount { name, number, min, max, is_strength: true }
    }

    pub(crate) fn plain(name: &'static str, number: Number<'a>, (min, max): (i64, i64)) -> Amount<'a> {
        Amount { name, number, min, max, is_strength: false }
    }

    pub fn value(&self) -> i128 {
        match &self.number {
            Number::U32(n) => (**n).into(),
            Number::I32(n) => (**n).into(),
            Number::U64(n) => (**n).into(),
            Number::I64(n) => (**n).into(),
        }
    }

    /// Changes its magnitude to one that is not larger; the sign is kept.
    pub fn lessen(&mut self, change: impl Fn(u64) -> u64) {
        match &mut self.number {
            Number::U32(n) => **n = change((**n).into()) as u32,
            Number::I32(n) => **n = n.signum() * change(n.unsigned_abs().into()) as i32,
            Number::U64(n) => **n = change(**n),
            Number::I64(n) => **n = n.signum() * change(n.unsigned_abs()) as i64,
        }
    }
}

/// Collects fixed-width words for a fault's identity; lists carry their length.
#[derive(Default)]
pub(crate) struct Words(Vec<u8>);

impl Words {
    pub fn word(&mut self, n: u64) -> &mut Words {
        self.0.extend_from_slice(&n.to_le_bytes());
        self
    }

    pub fn text(&mut self, text: &str) -> &mut Words {
        self.word(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    pub fn after(&mut self, after_effects: Option<u8>) -> &mut Words {
        self.word(after_effects.map_or(0, |after| 1 + u64::from(after)))
    }

    pub fn target(&mut self, target: FaultTarget<'_>) -> &mut Words {
        match target {
            FaultTarget::Node(node) => self.word(u64::from(node.0)),
            FaultTarget::Links(links) => {
                self.word(links.len() as u64);
                for Link(from, to) in links {
                    self.word(u64::from(from.0)).word(u64::from(to.0));
                }
                self
            }
        }
    }

    pub fn hash(&self) -> u64 {
        xxhash_rust::xxh3::xxh3_64(&self.0)
    }
}

/// Implements the target of a kind that has a field `node`.
macro_rules! affects_its_node {
    () => {
        fn target(&self) -> FaultTarget<'_> {
            FaultTarget::Node(self.node)
        }

        fn target_mut(&mut self) -> FaultTargetMut<'_> {
            FaultTargetMut::Node(&mut self.node)
        }
    };
}

/// Implements the target of a kind that has a field `links`.
macro_rules! affects_its_links {
    () => {
        fn target(&self) -> FaultTarget<'_> {
            FaultTarget::Links(&self.links)
        }

        fn target_mut(&mut self) -> FaultTargetMut<'_> {
            FaultTargetMut::Links(&mut self.links)
        }
    };
}

pub(crate) use {affects_its_links, affects_its_node};
