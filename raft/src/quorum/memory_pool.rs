//! Kafka's `BatchMemoryPool`, as far as it can be seen from outside: which batches were built in the same buffer.
//!
//! `KafkaRaftClient.appendBatch` gives a batch's buffer back as soon as the batch is in the log, and reads the batch's
//! header from it once more when the batch is committed (`CompletedBatch.appendTimestamp`). By then another batch may
//! have been built there. If that is larger, no header is found in the old batch's slice, and the exception that
//! follows is lost in the future: the batch is delivered from disk, and not from memory. That other batch may be one of a
//! snapshot, which another thread builds in buffers of the same pool (`KafkaRaftClient.createSnapshot`).

use std::collections::VecDeque;

/// `new BatchMemoryPool(5, MAX_BATCH_SIZE_BYTES)` in `KafkaRaftClient`.
const MAX_RETAINED: usize = 5;

/// A buffer of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferId(usize);

/// The buffers of one replica.
#[derive(Clone, Debug, Default)]
pub struct BatchMemoryPool {
    /// In the order of their release.
    free: VecDeque<BufferId>,
    /// By buffer: the size in the header of the batch that was built there last.
    header_bytes: Vec<usize>,
}

impl BatchMemoryPool {
    pub fn allocate(&mut self) -> BufferId {
        self.free.pop_front().unwrap_or_else(|| {
            self.header_bytes.push(0);
            BufferId(self.header_bytes.len() - 1)
        })
    }

    /// A buffer too many is left to the garbage collector.
    pub fn release(&mut self, buffer: BufferId) {
        if self.free.len() < MAX_RETAINED {
            self.free.push_back(buffer);
        }
    }

    /// Builds the batches of a snapshot, of which there are at least two (`RecordsSnapshotWriter`). The buffer of the header
    /// is given back when the first records were added, that of the last batch of records when the footer is complete.
    pub fn build_snapshot(&mut self, bytes: &[usize]) {
        let mut before = None;
        for (number, size) in bytes.iter().enumerate() {
            let buffer = self.allocate();
            let is_footer = number + 1 == bytes.len();
            if let Some((before, size)) = before.replace((buffer, *size)) {
                self.built(before, size);
                if !is_footer {
                    self.release(before);
                } else {
                    self.built(buffer, bytes[number]);
                    self.release(before);
                    self.release(buffer);
                }
            }
        }
    }

    /// The header of a batch is written last.
    pub fn built(&mut self, buffer: BufferId, bytes: usize) {
        self.header_bytes[buffer.0] = bytes;
    }

    /// Whether a header is found in the slice of a batch that was built in this buffer.
    pub fn has_header(&self, buffer: BufferId, bytes: usize) -> bool {
        self.header_bytes[buffer.0] <= bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_batch_hides_the_header_of_a_smaller_one_in_the_same_buffer() {
        let mut pool = BatchMemoryPool::default();
        let first = pool.allocate();
        pool.built(first, 72);
        pool.release(first);
        let second = pool.allocate();
        assert_eq!(second, first);
        assert!(pool.has_header(first, 72), "the header is written when the batch is complete");
        pool.built(second, 441);
        assert!(!pool.has_header(first, 72));
        assert!(pool.has_header(first, 441));
        let third = pool.allocate();
        assert_ne!(third, first, "the second batch is not in the log yet");
    }

    #[test]
    fn a_snapshot_hides_headers_of_batches_that_wait_for_their_commit() {
        let mut pool = BatchMemoryPool::default();
        let buffers: Vec<BufferId> = (0..3).map(|_| pool.allocate()).collect();
        for buffer in &buffers {
            pool.built(*buffer, 100);
            pool.release(*buffer);
        }
        // A header, one batch of records, and a footer: each in the buffer that waits longest.
        pool.build_snapshot(&[80, 5_000, 101]);
        assert_eq!(
            buffers.iter().map(|buffer| pool.has_header(*buffer, 100)).collect::<Vec<_>>(),
            [true, false, false]
        );
        assert_eq!((0..3).map(|_| pool.allocate()).collect::<Vec<_>>(), buffers);
        // The buffer of the header is free again when that of the footer is asked for.
        let mut empty = BatchMemoryPool::default();
        empty.build_snapshot(&[80, 5_000, 101]);
        assert_eq!([empty.allocate(), empty.allocate(), empty.allocate()].map(|buffer| buffer.0), [1, 0, 2]);
    }

    #[test]
    fn no_more_than_five_buffers_wait() {
        let mut pool = BatchMemoryPool::default();
        let buffers: Vec<BufferId> = (0..6).map(|_| pool.allocate()).collect();
        buffers.iter().for_each(|buffer| pool.release(*buffer));
        let again: Vec<BufferId> = (0..6).map(|_| pool.allocate()).collect();
        assert_eq!(again[..5], buffers[..5]);
        assert_ne!(again[5], buffers[5]);
    }
}
