//! Builds a snapshot from the records of an image (`RecordsSnapshotWriter`).

use std::rc::Rc;

use crate::ids::{Offset, OffsetAndEpoch};
use crate::log::{Batch, BatchBuilder, ControlRecord, MAX_BATCH_BYTES};
use crate::voter_set::VoterSet;

/// Batches of a snapshot as they fill: a control batch with its header, data batches of at most 8 MiB, and a control batch
/// with its footer. Offsets count from 0, the epoch of all batches is that of the id.
#[derive(Clone, Debug)]
pub struct SnapshotWriter {
    id: OffsetAndEpoch,
    /// Complete, and not taken yet.
    batches: Vec<Rc<Batch>>,
    /// The data batch that is being filled.
    current: Option<BatchBuilder>,
    next_offset: Offset,
    max_batch_bytes: usize,
}

impl SnapshotWriter {
    /// Of the log up to `id`, whose last batch has this timestamp. With `kraft.version` 0 the header stands alone; above it
    /// is followed by its level and the voters.
    pub fn new(
        id: OffsetAndEpoch,
        quorum: (i16, Option<VoterSet>),
        last_contained_log_timestamp_ms: i64,
        now_ms: i64,
    ) -> Self {
        SnapshotWriter::with_batches_of(MAX_BATCH_BYTES, id, quorum, last_contained_log_timestamp_ms, now_ms)
    }

    pub(super) fn with_batches_of(
        max_batch_bytes: usize,
        id: OffsetAndEpoch,
        (kraft_version, voters): (i16, Option<VoterSet>),
        last_contained_log_timestamp_ms: i64,
        now_ms: i64,
    ) -> Self {
        let mut header = BatchBuilder::new(Offset(0), id.epoch, now_ms);
        header.control(ControlRecord::SnapshotHeader { last_contained_log_timestamp_ms });
        if kraft_version > 0 {
            header.control(ControlRecord::KRaftVersion(kraft_version));
            if let Some(voters) = voters {
                header.control(ControlRecord::KRaftVoters(voters));
            }
        }
        let next_offset = header.next_offset();
        SnapshotWriter { id, batches: vec![header.build()], current: None, next_offset, max_batch_bytes }
    }

    /// The id of the snapshot.
    pub fn id(&self) -> OffsetAndEpoch {
        self.id
    }

    /// Adds a metadata record by its frame ([`MetadataRecord::frame`](crate::metadata::MetadataRecord::frame)). A batch that
    /// has no room for it is complete.
    pub fn append(&mut self, frame: &[u8], now_ms: i64) {
        // The length of a record is at most that of its frame, and of its other fields: six varints of five bytes.
        const FIELDS: usize = 30;
        let is_full = |batch: &BatchBuilder| batch.size() as usize + frame.len() + FIELDS > self.max_batch_bytes;
        if self.current.as_ref().is_some_and(is_full) {
            self.complete();
        }
        let (next, epoch) = (self.next_offset, self.id.epoch);
        let batch = self.current.get_or_insert_with(|| BatchBuilder::new(next, epoch, now_ms));
        batch.record(frame);
        self.next_offset = batch.next_offset();
    }

    /// The complete batches since the last call, to be written.
    pub fn drain(&mut self) -> Vec<Rc<Batch>> {
        std::mem::take(&mut self.batches)
    }

    /// The rest, with the footer.
    pub fn freeze(mut self, now_ms: i64) -> Vec<Rc<Batch>> {
        self.complete();
        let mut footer = BatchBuilder::new(self.next_offset, self.id.epoch, now_ms);
        footer.control(ControlRecord::SnapshotFooter);
        self.batches.push(footer.build());
        self.batches
    }

    fn complete(&mut self) {
        self.batches.extend(self.current.take().map(|batch| batch.build()));
    }
}
