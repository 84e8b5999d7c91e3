//! Fetches that wait for new data.

use std::collections::VecDeque;

use crate::io::Connection;
use crate::message::{FetchRequest, FetchResponse};

/// A fetch that waits for new data, and its answer if there is none until the deadline.
#[derive(Clone, Debug)]
pub(super) struct ParkedFetch {
    pub connection: Connection,
    pub correlation_id: i32,
    pub deadline_mono_ns: u64,
    pub request: FetchRequest,
    pub response: FetchResponse,
}

/// Kafka's fetch purgatory. Every fetch in it is at or below the log end, so any append completes all of them.
#[derive(Clone, Debug, Default)]
pub(super) struct FetchPurgatory {
    /// Ascending by fetch offset, then by their time.
    pub parked: VecDeque<ParkedFetch>,
}

impl FetchPurgatory {
    pub fn len(&self) -> usize {
        self.parked.len()
    }

    pub fn is_empty(&self) -> bool {
        self.parked.is_empty()
    }

    pub fn park(&mut self, fetch: ParkedFetch) {
        let offset = fetch.request.fetch_offset;
        let index = self.parked.partition_point(|other| other.request.fetch_offset <= offset);
        self.parked.insert(index, fetch);
    }

    /// Purgatories run on the monotonic clock.
    pub fn next_deadline_mono_ns(&self) -> Option<u64> {
        self.parked.iter().map(|fetch| fetch.deadline_mono_ns).min()
    }

    pub fn take_first(&mut self) -> Option<ParkedFetch> {
        self.parked.pop_front()
    }

    /// The first one whose time is over.
    pub fn take_expired(&mut self, now_mono_ns: u64) -> Option<ParkedFetch> {
        let index = self.parked.iter().position(|fetch| fetch.deadline_mono_ns <= now_mono_ns)?;
        self.parked.remove(index)
    }
}
