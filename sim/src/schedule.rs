//! What happens next. Entries are ordered by (time, mix(seed, owner, ordinal), owner, ordinal):
//! an owner is a node's thread, a one-way link or the plan, and ordinals count within it. So
//! ties are broken by chance that no other owner can shift, and no global sequence decides
//! anything: deleting one fault moves nobody else's place.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::process::{Node, Thread};
use crate::rng::{Purpose, Seed};

/// Who schedules: the name under which ordinals count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner(pub u32);

impl Owner {
    /// The fault plan.
    pub const PLAN: Owner = Owner(u32::MAX);
    /// Waiting stories; never part of a run's digest.
    pub const TICKETS: Owner = Owner(u32::MAX - 1);

    /// A thread of a node (at most 8 threads a node).
    pub fn thread(node: Node, thread: Thread) -> Owner {
        Owner(u32::from(node.0) << 3 | u32::from(thread.0))
    }

    /// A one-way link, by its index in the network's table.
    pub fn link(index: usize) -> Owner {
        Owner(1 << 24 | index as u32)
    }
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// A packet arrives; index into the packet slab.
    Packet(u32),
    /// A thread's timer, perhaps stale or moved.
    Timer(Node, Thread),
    /// A thread has served its input's cost.
    Served(Node, Thread),
    /// A thread's fsync completes.
    Synced(Node, Thread),
    /// TCP tries again; connection slot and direction.
    Retransmit(u32, u8),
    /// A fault of the plan starts.
    FaultStart(u32),
    /// It ends.
    FaultEnd(u32),
    /// A node that ended by itself is started again by its supervisor.
    Restart(Node),
    /// All faults end.
    Heal,
    /// A story's wait is over; index into the ticket table.
    Ticket(u32),
}

/// One entry, 32 bytes.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// True time, ns.
    pub at: u64,
    mix: u32,
    /// Who scheduled it.
    pub owner: Owner,
    /// Which of the owner's entries this is.
    pub ordinal: u32,
    /// What is due.
    pub due: Due,
}

impl Entry {
    fn key(&self) -> (u64, u32, u32, u32) {
        (self.at, self.mix, self.owner.0, self.ordinal)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.key() == other.key()
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    #[inline]
    fn partial_cmp(&self, other: &Entry) -> Option<Ordering> {
        Some(self.cmp(other))
    }
    /// The most frequent query; times alone decide nearly always.
    #[inline]
    fn le(&self, other: &Entry) -> bool {
        self.at > other.at || (self.at == other.at && self.key() >= other.key())
    }
    #[inline]
    fn lt(&self, other: &Entry) -> bool {
        self.at > other.at || (self.at == other.at && self.key() > other.key())
    }
    #[inline]
    fn ge(&self, other: &Entry) -> bool {
        other.le(self)
    }
    #[inline]
    fn gt(&self, other: &Entry) -> bool {
        other.lt(self)
    }
}
impl Ord for Entry {
    /// Reversed: `BinaryHeap` is a max-heap and the earliest entry comes first.
    #[inline]
    fn cmp(&self, other: &Entry) -> Ordering {
        match other.at.cmp(&self.at) {
            Ordering::Equal => other.key().cmp(&self.key()),
            order => order,
        }
    }
}

/// All that is pending. The nearest entries are kept sorted, because most of what is pushed is
/// due soon: taking the earliest is then a `Vec::pop` (a heap's pop alone was a sixth of an
/// event). The others stand in a heap, for they may be many.
#[derive(Clone, Debug)]
pub struct Schedule {
    seed: Seed,
    /// Latest first, so that the earliest is taken from the end. Empty only if `far` is.
    near: Vec<Entry>,
    /// None is earlier than any of `near`.
    far: BinaryHeap<Entry>,
}

/// `near` has at most so many: an insertion moves only those that are due before it.
const NEAR: usize = 64;

impl Schedule {
    /// An empty schedule of a run.
    pub fn new(seed: Seed) -> Schedule {
        Schedule { seed, near: Vec::with_capacity(NEAR), far: BinaryHeap::with_capacity(256) }
    }

    /// Ties of what is added from now on are broken by another seed.
    pub fn redraw(&mut self, seed: Seed) {
        self.seed = seed;
    }

    /// Adds an entry under the owner's next ordinal, which is returned.
    #[inline]
    pub fn push(&mut self, at: u64, owner: Owner, next_ordinal: &mut u32, due: Due) -> u32 {
        let ordinal = *next_ordinal;
        *next_ordinal += 1;
        let mix = (self.seed.mix(Purpose::Order, u64::from(owner.0), u64::from(ordinal)) >> 32) as u32;
        self.insert(Entry { at, mix, owner, ordinal, due });
        ordinal
    }

    /// Adds an entry of the plan: its place among entries of the same instant comes from what it
    /// is (`identity`), so that a deleted fault moves no other one's.
    pub fn push_plan(&mut self, at: u64, identity: u64, next_ordinal: &mut u32, due: Due) {
        let ordinal = *next_ordinal;
        *next_ordinal += 1;
        let mix = (self.seed.mix(Purpose::Order, u64::from(Owner::PLAN.0), identity) >> 32) as u32;
        self.insert(Entry { at, mix, owner: Owner::PLAN, ordinal, due });
    }

    #[inline]
    fn insert(&mut self, entry: Entry) {
        if self.near.len() == NEAR {
            self.spill();
        }
        let place = self.near.partition_point(|other| *other < entry);
        if place == 0 && !self.far.is_empty() {
            self.far.push(entry);
        } else {
            self.near.insert(place, entry);
        }
    }

    #[cold]
    fn spill(&mut self) {
        self.far.extend(self.near.drain(..NEAR / 2));
    }

    #[cold]
    fn refill(&mut self) {
        while let Some(entry) = self.far.pop() {
            self.near.push(entry);
            if self.near.len() == NEAR / 2 {
                break;
            }
        }
        self.near.reverse();
    }

    /// Takes the earliest, if it is due by `end`.
    #[inline]
    pub fn pop_due(&mut self, end: u64) -> Option<Entry> {
        let earliest = self.near.pop_if(|entry| entry.at <= end)?;
        if self.near.is_empty() && !self.far.is_empty() {
            self.refill();
        }
        Some(earliest)
    }

    /// Entries pending, stale ones included.
    pub fn len(&self) -> usize {
        self.near.len() + self.far.len()
    }

    /// Nothing pending.
    pub fn is_empty(&self) -> bool {
        self.near.is_empty()
    }
}

const _: () = assert!(std::mem::size_of::<Entry>() <= 32);
