//! Kafka's `KafkaEventQueue` without its thread: a FIFO, and a map ordered by time that takes precedence over it
//! (controller-broker.md §2.1).
//!
//! The map contains deferred events, each under a tag, and the deadlines of events in the FIFO: an event whose deadline
//! has passed is failed without being run.

use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Timed<E, T> {
    Deferred {
        tag: T,
        event: E,
    },
    /// Position in the FIFO.
    Deadline(i64),
}

#[derive(Clone, Debug)]
struct Queued<E> {
    event: E,
    /// Its key in the map.
    deadline_ns: Option<u64>,
}

/// The action for an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dequeued<E> {
    Run(E),
    /// Its deadline passed before it was run.
    TimedOut(E),
}

/// Events of type `E`; deferred ones under tags of type `T`.
#[derive(Clone, Debug)]
pub struct EventQueue<E, T> {
    /// By position; prepended events have lower positions.
    fifo: BTreeMap<i64, Queued<E>>,
    next_place: i64,
    /// By monotonic ns.
    timed: BTreeMap<u64, Timed<E, T>>,
    tags: BTreeMap<T, u64>,
}

impl<E, T> Default for EventQueue<E, T> {
    fn default() -> EventQueue<E, T> {
        EventQueue { fifo: BTreeMap::new(), next_place: 0, timed: BTreeMap::new(), tags: BTreeMap::new() }
    }
}

impl<E, T: Copy + Ord> EventQueue<E, T> {
    /// The events of the FIFO, in order.
    pub fn queued(&self) -> impl ExactSizeIterator<Item = &E> {
        self.fifo.values().map(|queued| &queued.event)
    }

    /// When deferred events are due, in monotonic ns, by their tags.
    pub fn deferred(&self) -> impl Iterator<Item = (T, u64)> {
        self.tags.iter().map(|(tag, at_ns)| (*tag, *at_ns))
    }

    /// Appends to the FIFO.
    pub fn append(&mut self, event: E, deadline_ns: Option<u64>) {
        let place = self.next_place;
        self.next_place += 1;
        let deadline_ns = deadline_ns.map(|at_ns| self.insert(at_ns, Timed::Deadline(place)));
        self.fifo.insert(place, Queued { event, deadline_ns });
    }

    /// Prepends to the FIFO.
    pub fn prepend(&mut self, event: E) {
        let first = self.fifo.first_key_value().map_or(self.next_place, |(place, _)| *place);
        self.fifo.insert(first - 1, Queued { event, deadline_ns: None });
    }

    /// Schedules an event for `at_ns`, in place of an earlier one with this tag.
    pub fn schedule_deferred(&mut self, tag: T, at_ns: u64, event: E) {
        self.cancel_deferred(tag);
        let at_ns = self.insert(at_ns, Timed::Deferred { tag, event });
        self.tags.insert(tag, at_ns);
    }

    /// Cancels the event with this tag.
    pub fn cancel_deferred(&mut self, tag: T) {
        if let Some(at_ns) = self.tags.remove(&tag) {
            self.timed.remove(&at_ns);
        }
    }

    /// The next event: a due one, otherwise the head of the FIFO.
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

    /// Monotonic ns at which the next event is due.
    pub fn next_deadline_ns(&self) -> Option<u64> {
        self.timed.first_key_value().map(|(at_ns, _)| *at_ns)
    }

    /// Events in the FIFO.
    pub fn len(&self) -> usize {
        self.fifo.len()
    }

    pub fn is_empty(&self) -> bool {
        self.fifo.is_empty()
    }

    /// Entries of the same instant keep their order: the later one gets the next free ns.
    fn insert(&mut self, mut at_ns: u64, timed: Timed<E, T>) -> u64 {
        while self.timed.contains_key(&at_ns) {
            at_ns += 1;
        }
        self.timed.insert(at_ns, timed);
        at_ns
    }
}
