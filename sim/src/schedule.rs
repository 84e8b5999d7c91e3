//! The event queue. Entries are ordered by (time, mix(seed, owner, ordinal), owner, ordinal): an owner is a node's
//! thread, a one-way link or the plan, and ordinals count within it. Ties are therefore broken by draws that no other
//! owner can shift, and there is no global sequence: deleting one fault does not move any other entry.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::process::{Node, Thread};
use crate::rng::{Purpose, Seed};

/// The owner of entries; ordinals count per owner.
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

/// Kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// A packet arrives; index into the packet slab.
    Packet(u32),
    /// A thread's timer, perhaps stale or moved.
    Timer(Node, Thread),
    /// A thread is no longer busy with an input, or with what a step did.
    Served(Node, Thread),
    /// A thread's fsync completes.
    Synced(Node, Thread),
    /// A TCP retransmission; connection slot and direction.
    Retransmit(u32, u8),
    /// A fault of the plan starts.
    FaultStart(u32),
    /// It ends.
    FaultEnd(u32),
    /// A node that ended by itself is started again by its supervisor.
    Restart(Node),
    /// A host that lost power is up again; its process starts later.
    HostUp(Node),
    /// A SIGTERM reaches a process.
    Signal(Node),
    /// A pause by a node's service times begins or ends.
    Collection(Node),
    /// All faults end.
    Heal,
    /// A story's wait is over; index into the ticket table.
    Ticket(u32),
}

/// One entry, 32 bytes.
#[derive(Clone, Copy, Debug)]
pub struct Scheduled {
    /// True time, ns.
    pub at: u64,
    mix: u32,
    pub owner: Owner,
    /// Ordinal of this entry within its owner.
    pub ordinal: u32,
    pub due: Due,
}

impl Scheduled {
    fn key(&self) -> (u64, u32, u32, u32) {
        (self.at, self.mix, self.owner.0, self.ordinal)
    }
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Scheduled) -> bool {
        self.key() == other.key()
    }
}
impl Eq for Scheduled {}
impl PartialOrd for Scheduled {
    #[inline]
    fn partial_cmp(&self, other: &Scheduled) -> Option<Ordering> {
        Some(self.cmp(other))
    }
    /// The most frequent comparison; times alone nearly always decide.
    #[inline]
    fn le(&self, other: &Scheduled) -> bool {
        self.at > other.at || (self.at == other.at && self.key() >= other.key())
    }
    #[inline]
    fn lt(&self, other: &Scheduled) -> bool {
        self.at > other.at || (self.at == other.at && self.key() > other.key())
    }
    #[inline]
    fn ge(&self, other: &Scheduled) -> bool {
        other.le(self)
    }
    #[inline]
    fn gt(&self, other: &Scheduled) -> bool {
        other.lt(self)
    }
}
impl Ord for Scheduled {
    /// Reversed: `BinaryHeap` is a max-heap and the earliest entry comes first.
    #[inline]
    fn cmp(&self, other: &Scheduled) -> Ordering {
        match other.at.cmp(&self.at) {
            Ordering::Equal => other.key().cmp(&self.key()),
            order => order,
        }
    }
}

/// All pending entries. The nearest are kept sorted, because most entries are due soon after they are pushed: removing
/// the earliest is then a `Vec::pop` (a heap's pop alone was a sixth of an event). The others are in a heap, because
/// they may be many.
#[derive(Clone, Debug)]
pub struct Schedule {
    seed: Seed,
    /// Latest first, so that the earliest is removed from the end. Empty only if `far` is.
    near: Vec<Scheduled>,
    /// None is earlier than any of `near`.
    far: BinaryHeap<Scheduled>,
}

/// Maximum length of `near`: an insertion moves only the entries that are due before it.
const NEAR: usize = 64;

impl Schedule {
    pub fn new(seed: Seed) -> Schedule {
        Schedule { seed, near: Vec::with_capacity(NEAR), far: BinaryHeap::with_capacity(256) }
    }

    /// Ties among entries added from now on are broken by another seed.
    pub fn redraw(&mut self, seed: Seed) {
        self.seed = seed;
    }

    /// Adds an entry under the owner's next ordinal, which is returned.
    #[inline]
    pub fn push(&mut self, at: u64, owner: Owner, next_ordinal: &mut u32, due: Due) -> u32 {
        let ordinal = *next_ordinal;
        *next_ordinal += 1;
        let mix = (self.seed.mix(Purpose::Order, u64::from(owner.0), u64::from(ordinal)) >> 32) as u32;
        self.insert(Scheduled { at, mix, owner, ordinal, due });
        ordinal
    }

    /// Adds an entry of the plan: its order among entries of the same time depends on its `identity`, so that deleting
    /// a fault does not move another one.
    pub fn push_plan(&mut self, at: u64, identity: u64, next_ordinal: &mut u32, due: Due) {
        let ordinal = *next_ordinal;
        *next_ordinal += 1;
        let mix = (self.seed.mix(Purpose::Order, u64::from(Owner::PLAN.0), identity) >> 32) as u32;
        self.insert(Scheduled { at, mix, owner: Owner::PLAN, ordinal, due });
    }

    #[inline]
    fn insert(&mut self, entry: Scheduled) {
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

    /// Removes the earliest entry, if it is due by `end`.
    #[inline]
    pub fn pop_due(&mut self, end: u64) -> Option<Scheduled> {
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

    pub fn is_empty(&self) -> bool {
        self.near.is_empty()
    }
}

const _: () = assert!(std::mem::size_of::<Scheduled>() <= 32);
