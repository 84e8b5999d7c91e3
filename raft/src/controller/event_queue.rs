//! Kafka's `KafkaEventQueue` without its thread: a FIFO, and a map ordered by time that outranks
//! it (controller-broker.md §2.1).
//!
//! In the map stand deferred events, each under a tag, and the deadlines of events in the FIFO:
//! one whose deadline has passed is never run, but failed.

use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Timed<E, T> {
    Deferred {
        tag: T,
        event: E,
    },
    /// Place in the FIFO.
    Deadline(i64),
}

#[derive(Clone, Debug)]
struct Queued<E> {
    event: E,
    /// Its key in the map.
    deadline_ns: Option<u64>,
}

/// What is to be done with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dequeued<E> {
    /// Run it.
    Run(E),
    /// Its deadline passed before it was begun.
    TimedOut(E),
}

/// Events of type `E`; deferred ones under tags of type `T`.
#[derive(Clone, Debug)]
pub struct EventQueue<E, T> {
    /// By place; prepended ones have lower places.
    fifo: BTreeMap<i64, Queued<E>>,
    next_place: i64,
    /// By monotonic ns.
    timed: BTreeMap<u64, Timed<E, T>>,
    tags: BTreeMap<T, u64>,
    shutting_down: bool,
}

impl<E, T> Default for EventQueue<E, T> {
    fn default() -> EventQueue<E, T> {
        EventQueue {
            fifo: BTreeMap::new(),
            next_place: 0,
            timed: BTreeMap::new(),
            tags: BTreeMap::new(),
            shutting_down: false,
        }
    }
}

impl<E, T: Copy + Ord> EventQueue<E, T> {
    /// Last in the FIFO; given back if the queue is shutting down.
    pub fn append(&mut self, event: E, deadline_ns: Option<u64>) -> Result<(), E> {
        if self.shutting_down {
            return Err(event);
        }
        let place = self.next_place;
        self.next_place += 1;
        let deadline_ns = deadline_ns.map(|at_ns| self.insert(at_ns, Timed::Deadline(place)));
        self.fifo.insert(place, Queued { event, deadline_ns });
        Ok(())
    }

    /// Last in the FIFO, whether the queue is shutting down or not: raft's own events.
    pub fn append_always(&mut self, event: E) {
        self.fifo.insert(self.next_place, Queued { event, deadline_ns: None });
        self.next_place += 1;
    }

    /// First in the FIFO.
    pub fn prepend(&mut self, event: E) {
        let first = self.fifo.first_key_value().map_or(self.next_place, |(place, _)| *place);
        self.fifo.insert(first - 1, Queued { event, deadline_ns: None });
    }

    /// To be run at `at_ns`, in place of what stood under this tag.
    pub fn schedule_deferred(&mut self, tag: T, at_ns: u64, event: E) {
        self.cancel_deferred(tag);
        if !self.shutting_down {
            let at_ns = self.insert(at_ns, Timed::Deferred { tag, event });
            self.tags.insert(tag, at_ns);
        }
    }

    /// Nothing stands under this tag any more.
    pub fn cancel_deferred(&mut self, tag: T) {
        if let Some(at_ns) = self.tags.remove(&tag) {
            self.timed.remove(&at_ns);
        }
    }

    /// The next event: what is due, otherwise the head of the FIFO.
    pub fn take(&mut self, now_ns: u64) -> Option<Dequeued<E>> {
        if self.next_deadline_ns().is_some_and(|at_ns| at_ns <= now_ns)
            && let Some((_, timed)) = self.timed.pop_first()
        {
            return match timed {
                Timed::Deferred { tag, event } => {
                    self.tags.remove(&tag);
                    Some(Dequeued::Run(event))
                }
                Timed::Deadline(place) => self.fifo.remove(&place).map(|queued| Dequeued::TimedOut(queued.event)),
            };
        }
        let (_, queued) = self.fifo.pop_first()?;
        if let Some(at_ns) = queued.deadline_ns {
            self.timed.remove(&at_ns);
        }
        Some(Dequeued::Run(queued.event))
    }

    /// Takes no more events. Deferred ones are dropped, and those with deadlines, which are to be
    /// failed, are given back; plain ones run still.
    pub fn begin_shutdown(&mut self) -> Vec<E> {
        self.shutting_down = true;
        self.tags.clear();
        let timed = std::mem::take(&mut self.timed);
        let places = timed.into_values().filter_map(|timed| match timed {
            Timed::Deferred { .. } => None,
            Timed::Deadline(place) => Some(place),
        });
        let removed: Vec<_> = places.filter_map(|place| self.fifo.remove(&place)).collect();
        removed.into_iter().map(|queued| queued.event).collect()
    }

    /// Monotonic ns at which something is due.
    pub fn next_deadline_ns(&self) -> Option<u64> {
        self.timed.first_key_value().map(|(at_ns, _)| *at_ns)
    }

    /// Events in the FIFO.
    pub fn len(&self) -> usize {
        self.fifo.len()
    }

    /// The FIFO is empty.
    pub fn is_empty(&self) -> bool {
        self.fifo.is_empty()
    }

    /// Entries of one instant keep their order: the later one moves to the next free ns.
    fn insert(&mut self, mut at_ns: u64, timed: Timed<E, T>) -> u64 {
        while self.timed.contains_key(&at_ns) {
            at_ns += 1;
        }
        self.timed.insert(at_ns, timed);
        at_ns
    }
}
