//! Fetches that wait for new data.

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
    pub parked: Vec<ParkedFetch>,
}

impl FetchPurgatory {
    pub fn is_empty(&self) -> bool {
        self.parked.is_empty()
    }

    /// Purgatories run on the monotonic clock.
    pub fn next_deadline_mono_ns(&self) -> Option<u64> {
        self.parked.iter().map(|fetch| fetch.deadline_mono_ns).min()
    }

    pub fn take_all(&mut self) -> Vec<ParkedFetch> {
        std::mem::take(&mut self.parked)
    }

    /// Returns an emptied buffer for reuse, so that parking does not allocate.
    pub fn reuse(&mut self, mut buffer: Vec<ParkedFetch>) {
        buffer.clear();
        if self.parked.is_empty() {
            self.parked = buffer;
        }
    }
}
